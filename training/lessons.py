"""The two networks that are made here, and what is apart in making them: alphabet, texts, width, and size."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from tasks.ocr.engines.framing import WIDEST, WIDEST_LABEL
from training import labels, recipe


class Lesson(NamedTuple):
    """One network: ``name`` is that of its file, ``edition`` is part of the seed of each shard.

    ``sample`` makes texts with what is to be read in them, in ``alphabet``. Lines are at most ``widest`` pixels wide.
    ``channels`` are those of the layers; ``is_half``: weights are stored with 16 bits, and are 32 bits when it runs.
    """

    name: str
    edition: str
    alphabet: str
    sample: Callable[[random.Random], recipe.Sample]
    channels: tuple[int, ...]
    widest: int
    is_half: bool


def lesson(name: str) -> Lesson:
    """The lesson ``numbers`` or ``labels``. Raises KeyError for another name."""
    return {
        "numbers": Lesson(
            "numbers",
            recipe.recipe()["edition"],
            recipe.alphabet(),
            recipe.number_sample,
            (16, 32, 48, 64, 96, 128, 128),
            WIDEST,
            is_half=False,
        ),
        "labels": Lesson(
            "labels",
            f"labels-{labels.EDITION}",
            labels.alphabet(),
            labels.sample,
            (24, 48, 64, 96, 160, 224, 224),
            WIDEST_LABEL,
            is_half=True,
        ),
    }[name]
