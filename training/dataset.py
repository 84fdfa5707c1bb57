"""Shards of crops on disk: seeded by their number, so that any of them can be made again, or in another process."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.ocr.engines.framing import HEIGHT, framed
from training.crops import Fonts, make_crop
from training.lessons import Lesson

SHARD = 10_000  # crops


class Shard(NamedTuple):
    """Framed lines beside each other in one array (HEIGHT, sum of widths), where each begins, and what each says."""

    pixels: NDArray[np.uint8]
    starts: NDArray[np.int64]
    targets: list[str]

    def line(self, index: int) -> NDArray[np.uint8]:
        """One framed line."""
        return self.pixels[:, self.starts[index] : self.starts[index + 1]]

    def widths(self) -> NDArray[np.int64]:
        """The width of each line in pixels."""
        return np.diff(self.starts)


def classes_of(target: str, alphabet: str) -> list[int]:
    """The classes of a text: the place in the alphabet plus one, since 0 is the blank."""
    return [alphabet.index(character) + 1 for character in target]


def draw_shard(lesson: Lesson, seed: str, number: int, fonts: Fonts, *, count: int = SHARD, level: float = 1.0) -> Shard:
    """Shard ``number`` of ``count`` lines for a lesson."""
    cv2.setNumThreads(1)
    rng = random.Random(f"{seed}/{number}")
    lines, targets = [], []
    while len(lines) < count:
        made = lesson.sample(rng)
        if (crop := make_crop(made, fonts, rng, level)) is None:
            continue
        line = framed(crop, lesson.widest)
        # a frame is four pixels; a text needs one for each character, and one between equal neighbours
        needed = len(made.target) + sum(a == b for a, b in zip(made.target, made.target[1:], strict=False))
        if line is not None and needed * 4 <= line.shape[1]:
            lines.append(line)
            targets.append(made.target)
    starts = np.concatenate([[0], np.cumsum([line.shape[1] for line in lines])]).astype(np.int64)
    return Shard(np.concatenate(lines, axis=1), starts, targets)


def save(path: Path, shard: Shard) -> None:
    """Write a shard; another process never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, pixels=shard.pixels, starts=shard.starts, targets=np.array(shard.targets))
    part.replace(path)


def load(path: Path) -> Shard:
    """Read a shard."""
    with np.load(path) as stored:
        shard = Shard(stored["pixels"], stored["starts"], [str(t) for t in stored["targets"]])
    assert shard.pixels.shape[0] == HEIGHT
    return shard


def _draw(job: tuple[Path, Lesson, str, int, Fonts, int, float]) -> None:
    path, lesson, seed, number, fonts, count, level = job
    if not path.is_file():
        save(path, draw_shard(lesson, seed, number, fonts, count=count, level=level))


def draw_shards(
    folder: Path,
    lesson: Lesson,
    kind: str,
    numbers: Sequence[int],
    fonts: Fonts,
    *,
    count: int = SHARD,
    level: float = 1.0,
    workers: int = 1,
) -> list[Path]:
    """The files of the shards ``numbers`` of a ``kind`` (train, watch, held) for a lesson, drawn where they are not there."""
    seed = f"{kind}{lesson.edition}"
    jobs = [(folder / f"{seed}-{number:04}.npz", lesson, seed, number, fonts, count, level) for number in numbers]
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            list(pool.map(_draw, jobs))
    else:
        for job in jobs:
            _draw(job)
    return [job[0] for job in jobs]
