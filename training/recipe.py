"""The recipe as records: alphabet, fonts, and texts of cells with what is to be read in them."""

from __future__ import annotations

import fnmatch
import hashlib
import random
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_HERE = Path(__file__).parent
_FULL_WIDTH = range(0xFF01, 0xFF5F)
OTHER = "\u25a1"  # any character outside of the alphabet


class TextRun(NamedTuple):
    """A piece of a text, drawn in one size; ``is_raised``: small and high, as a note mark."""

    text: str
    is_raised: bool = False


class Sample(NamedTuple):
    """What is drawn, and ``target``, what a reader of numbers is to say of it."""

    runs: tuple[TextRun, ...]
    target: str


class FontGroup(NamedTuple):
    """Files of one design, of which one is taken with ``weight``."""

    files: tuple[Path, ...]
    weight: int


@cache
def recipe() -> dict[str, Any]:
    """The file as it is."""
    loaded: dict[str, Any] = yaml.safe_load((_HERE / "recipe.yaml").read_text(encoding="utf-8"))
    return loaded


@cache
def alphabet() -> str:
    """The characters that the network says, in the order of its classes (from 1; class 0 is the blank)."""
    return str(recipe()["alphabet"])


def fonts(kind: str, folders: Sequence[Path]) -> list[FontGroup]:
    """The groups ``chinese``, ``latin`` or ``held_out`` of the recipe, as far as they are in ``folders``."""
    files = sorted({path for folder in folders for path in folder.rglob("*.[tToO][tT][fFcC]")}, key=lambda p: p.name)
    found = []
    for group in recipe()["fonts"][kind]:
        names: dict[str, Path] = {}
        for path in files:
            if any(fnmatch.fnmatchcase(path.name, pattern) for pattern in group["files"]):
                names.setdefault(path.name, path)
        if names:
            found.append(FontGroup(tuple(names.values()), group["weight"]))
    return found


def fonts_digest(groups: Sequence[FontGroup]) -> str:
    """Of the contents of all files: another set of fonts makes another model."""
    digest = hashlib.sha256()
    for path in sorted((path for group in groups for path in group.files), key=lambda p: p.name):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def folded(text: str) -> str:
    """A printed text as the network says it: full width as half width, one dash, what is not in the alphabet as one ``OTHER``."""
    marks = recipe()["folded"]
    said = "".join(
        mark if mark in alphabet() else OTHER
        for mark in (marks.get(c, chr(ord(c) - 0xFEE0) if ord(c) in _FULL_WIDTH else c) for c in text)
    )
    return re.sub(f"{OTHER}+", OTHER, re.sub("-{2,}", "-", said))


@cache
def phrases() -> tuple[str, ...]:
    """Runs of Chinese characters that are labels of the forms, names and words: as they were in the codebook for this edition."""
    return tuple((_HERE / "phrases.txt").read_text(encoding="utf-8").split())


def _digits(rng: random.Random) -> str:
    length = rng.choices((1, 2, 3, 4, 5, 6, 7, 8), (30, 22, 16, 12, 8, 5, 4, 3))[0]
    first = rng.choice("123456789") if length > 1 and rng.random() < 0.95 else rng.choice("0123456789")
    pool = "0123456789" if rng.random() < 0.85 else rng.choice(("01", "17", "38", "69", "56", "1", "0", "08", "147", "11234"))
    return first + "".join(rng.choice(pool) for _ in range(length - 1))


def _number(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.66:
        return _digits(rng)
    if kind < 0.78:
        return f"{_digits(rng)[:5]}.{''.join(rng.choice('0123456789') for _ in range(rng.choice((1, 2, 2, 2, 3, 4))))}"
    if kind < 0.88:
        groups = [str(rng.randint(1, 999))] + [f"{rng.randint(0, 999):03}" for _ in range(rng.choice((1, 1, 1, 2)))]
        whole = rng.choice((",", ",", ",", "，")).join(groups)
        return whole + (f".{rng.randint(0, 99):02}" if rng.random() < 0.25 else "")
    if kind < 0.92:
        return "-" + _digits(rng)
    if kind < 0.95:
        return f"{rng.randint(0, 100)}{rng.choice(('', '.5', '.25'))}%"
    date = f"{rng.randint(2008, 2026)}.{rng.randint(1, 12)}.{rng.randint(1, 31)}"
    left, right = _digits(rng)[:3], _digits(rng)[:3]
    whole = _digits(rng)
    framed = (f"({whole})", f"（{whole}）", f"【{whole}】")
    return rng.choice((*framed, date, f"{left}/{right}", f"{left}-{right}", f"+{left}", f"{left[:2]}:{right}"))


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isdigit() else c for c in text)


def _mark(rng: random.Random) -> Sample:
    return _plain(rng.choice(("-", "-", "—", "——", "—", "/", "/", "-", "–", "－", "*", "--")))


def _with_unit(rng: random.Random) -> Sample:
    return _plain(_number(rng) + rng.choice(recipe()["units"]))


def _with_note(rng: random.Random) -> Sample:
    number = _number(rng)
    if rng.random() < 0.5:
        raised = TextRun(rng.choice(recipe()["raised"]), is_raised=True)
        return Sample((TextRun(number), raised), folded(number) + OTHER)
    return _plain(number + rng.choice(recipe()["notes"]))


def _two_numbers(rng: random.Random) -> Sample:
    first, second = _digits(rng)[:4], _digits(rng)[:4]
    gap = "\u3000" if rng.random() < 0.5 else "    "
    return Sample((TextRun(f"{first}{gap}{second}"),), f"{first} {second}")


def _words(rng: random.Random) -> Sample:
    if rng.random() < 0.2:
        return _plain(rng.choice(recipe()["words"]))
    phrase = rng.choice(phrases())
    start = rng.randrange(len(phrase))
    text = phrase[start : start + rng.choice((1, 1, 2, 2, 3, 4, 5))]
    if rng.random() < 0.25:
        number = rng.randint(1, 9)
        text = rng.choice((f"{number}.", f"({number})", f"（{number}）", f"{number}、")) + text
    elif rng.random() < 0.2:
        text += _digits(rng)[:4]
    return _plain(text)


def number_sample(rng: random.Random) -> Sample:
    """A text of a cell: mostly numbers, marks of blank, numbers with units and notes, and what is no number at all."""
    kinds = (_plain_number, _mark, _with_unit, _with_note, _two_numbers, lambda _: Sample((), ""), _words)
    return rng.choices(kinds, (66, 6, 8, 5, 3, 2, 10))[0](rng)


def _plain_number(rng: random.Random) -> Sample:
    text = _number(rng)
    return _plain(_wide(text) if rng.random() < 0.04 else text)


def _plain(text: str) -> Sample:
    return Sample((TextRun(text),), folded(text))
