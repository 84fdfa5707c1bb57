"""What a reader of labels takes for a label: ``python -m training.measure_labels --fonts FOLDER --model FILE``.

Whole labels, and texts that differ from one in a character or two (another one, one that looks like it, one too many or too few),
are drawn in fonts that were not trained on, and worn. Printed is, by score, how many labels are taken, and how many of the other
texts are taken for a label.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tasks.ocr.engines.labels import MODEL, LabelReader, as_label
from tasks.ocr.engines.printed import half_width, known_label, printed_texts
from tasks.ocr.prepare_image import Grey
from training.crops import Fonts, make_crop
from training.labels import common_characters, mutated
from training.recipe import Sample, TextRun, fonts

_SCORES = (0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
_SIDE = 24


@cache
def _shapes(face: Path) -> tuple[str, NDArray[np.float32]]:
    """Common characters, and a small picture of each as a vector of length one."""
    font = ImageFont.truetype(str(face), _SIDE)
    characters, rows = [], []
    for character in common_characters():
        image = Image.new("L", (_SIDE, _SIDE), 0)
        ImageDraw.Draw(image).text((0, _SIDE - 3), character, font=font, fill=255, anchor="ls")
        row = np.asarray(image.resize((12, 12)), np.float32).ravel()
        if row.any():
            characters.append(character)
            rows.append(row / np.linalg.norm(row))
    return "".join(characters), np.array(rows)


def lookalike(text: str, face: Path, rng: random.Random) -> str:
    """``text`` with one character replaced by one of the three that look most like it."""
    characters, shapes = _shapes(face)
    places = [i for i, c in enumerate(text) if c in characters]
    if not places:
        return text
    at = rng.choice(places)
    likeness = shapes @ shapes[characters.index(text[at])]
    nearest = [characters[i] for i in np.argsort(-likeness)[1:4]]
    return text[:at] + rng.choice(nearest) + text[at + 1 :]


def drawn(text: str, known: Fonts, rng: random.Random, level: float) -> Grey | None:
    """A worn crop of ``text``; None where no font has all of it."""
    return make_crop(Sample((TextRun(text),), text), known, rng, level)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.measure_labels", description=__doc__)
    parser.add_argument("--fonts", type=Path, nargs="+", default=[Path("/usr/share/fonts")])
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--count", type=int, default=3000, help="texts of each kind")
    parser.add_argument("--level", type=float, default=0.5, help="of wear: 1 is that of training")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    groups = fonts("held_out", given.fonts)
    known = Fonts(groups[:2], groups)
    rng = random.Random(f"measure/{given.seed}")
    labels = [text for text in printed_texts().values() if not text.isascii()]
    kinds = {
        "labels": lambda: rng.choice(labels),
        "one like it": lambda: lookalike(rng.choice(labels), groups[1].files[0], rng),
        "changed": lambda: mutated(rng, rng.choice(labels)),
    }
    reader = LabelReader(1, given.model)
    taken: dict[str, list[float]] = defaultdict(list)
    for kind, make in kinds.items():
        texts, crops = [], []
        while len(texts) < given.count:
            text = make()
            if kind != "labels" and known_label(text) is not None:
                continue
            if (crop := drawn(text, known, rng, given.level)) is not None:
                texts.append(text)
                crops.append(crop)
        wrong = []
        for text, reading in zip(texts, reader.read(crops), strict=True):
            label = as_label([reading])
            is_same = label is not None and half_width(label[0].text) == half_width(text)
            if label is not None:
                taken[kind if is_same or kind != "labels" else "labels taken for others"].append(reading.score)
            if label is not None and not is_same:
                wrong.append((reading.score, text, reading.text))
        for score, text, said in sorted(wrong, reverse=True)[:12]:
            print(f"  {kind}: {text} read as {said} {score:.4f}")  # noqa: T201
    print("taken with at least", *_SCORES, sep="\t")  # noqa: T201
    for kind, scores in taken.items():
        print(kind, *(f"{sum(score >= least for score in scores)}/{given.count}" for least in _SCORES), sep="\t")  # noqa: T201


if __name__ == "__main__":
    main()
