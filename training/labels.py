"""What the recogniser of labels learns to read: its alphabet, and texts of labels with what is to be read in them.

The labels are those of ``labels.txt``, as the codebook had them for this edition. They are drawn whole, in pieces as cells wrap
them, with characters of other words put in, and taken apart: the network is to see characters, not to guess labels.
"""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

from training.recipe import OTHER, Sample, TextRun, number_sample, phrases, recipe

EDITION = "a"  # part of the seed of every shard: another letter, other crops

_HERE = Path(__file__).parent
_MARKS = "0123456789.,-/%():"
_FULL_WIDTH = range(0xFF01, 0xFF5F)
_LONGEST = 14  # characters of a drawn line


@cache
def labels() -> tuple[str, ...]:
    """The labels and other printed texts of the forms, as they were in the codebook for this edition."""
    return tuple((_HERE / "labels.txt").read_text(encoding="utf-8").split())


@cache
def alphabet() -> str:
    """The characters that the network says, in the order of its classes (from 1; class 0 is the blank)."""
    characters = {c for label in labels() for c in map(_half, label)}
    return "".join(sorted(characters - set(_MARKS) - {OTHER})) + _MARKS + OTHER


def _half(character: str) -> str:
    half = chr(ord(character) - 0xFEE0) if ord(character) in _FULL_WIDTH else character
    return str(recipe()["folded_in_labels"].get(half, half))


def folded(text: str) -> str:
    """A printed text as the network says it: half width, without spaces, what is not in the alphabet as one ``OTHER``."""
    said = "".join(c if c in alphabet() else OTHER for c in map(_half, "".join(text.split())))
    return re.sub(f"{OTHER}+", OTHER, said)


def _piece(rng: random.Random) -> str:
    """A label, or a piece of it as a narrow cell wraps it."""
    label = rng.choice(labels())
    if len(label) <= _LONGEST and rng.random() < 0.5:
        return label
    start = 0 if rng.random() < 0.4 else rng.randrange(len(label))
    return label[start : start + rng.randint(1, _LONGEST)]


@cache
def common_characters() -> tuple[str, ...]:
    """The 3,755 commonest characters: the first plane of GB 2312."""
    places = [(high, low) for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF)]
    return tuple(bytes(place).decode("gb2312", "ignore") for place in places)


def mutated(rng: random.Random, text: str) -> str:
    """A text in which characters are replaced by others, left out or said twice."""
    piece = list(text)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(piece))
        kind = rng.random()
        if kind < 0.5:
            piece[at] = rng.choice(common_characters())
        elif kind < 0.75:
            piece[at] = rng.choice(alphabet()[:-1])
        elif kind < 0.9:
            piece[at] = piece[at] * 2
        elif len(piece) > 1:
            del piece[at]
    return "".join(piece)


def _mixed(rng: random.Random) -> str:
    """Characters of the alphabet in no order, each as likely as another."""
    count = rng.randint(2, 9)
    return "".join(rng.choice(common_characters()) if rng.random() < 0.08 else rng.choice(alphabet()[:-1]) for _ in range(count))


def _words(rng: random.Random) -> str:
    phrase = rng.choice(phrases())
    start = rng.randrange(len(phrase))
    return phrase[start : start + rng.randint(1, 8)]


def sample(rng: random.Random) -> Sample:
    """A line as it stands in a table, mostly of labels."""

    def changed(rng: random.Random) -> str:
        return mutated(rng, _piece(rng))

    kind = rng.choices((_piece, changed, _mixed, _words, None), (40, 16, 28, 8, 8))[0]
    if kind is not None:
        text = kind(rng)
        return Sample((TextRun(text),), folded(text))
    number = number_sample(rng)
    return Sample(number.runs, folded("".join(run.text for run in number.runs)))
