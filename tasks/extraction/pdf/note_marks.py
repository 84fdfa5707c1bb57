"""Marks of notes behind the numbers of a PDF page: smaller glyphs that stand higher than the digit before them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from codebook.text.numbers import number_words
from tasks.extraction.characters import raised
from tasks.extraction.pdf.layout import Char

_DIGITS = frozenset("0123456789")
_SMALLER = 0.85  # of the height of the digit before: no mark is higher
_RISE = (0.2, 0.75)  # of that height: how far a mark's lower side is above the digit's
_GAP = (-0.1, 0.35)  # of that height: how far a mark is from the digit
_BUCKET = 8.0  # points


def with_raised_marks(chars: Sequence[Char]) -> list[Char]:
    """The characters; those that are marks of a number are in their raised form and level with it (7 and a small 1: 7¹).

    A digit that is smaller than the one before it and stands higher is no digit of that number, whatever it means.
    """
    highest = max((char.bottom - char.top for char in chars if char.text in _DIGITS), default=0.0)
    marks = frozenset(number_words().mark_characters)
    small = [i for i, char in enumerate(chars) if char.text in marks and char.bottom - char.top <= _SMALLER * highest]
    if not small:
        return list(chars)
    by_side: dict[int, list[int]] = defaultdict(list)
    for index, char in enumerate(chars):
        if char.text in marks:
            by_side[int(char.x1 // _BUCKET)].append(index)
    bases: dict[int, Char] = {}  # of the marks that were found: the digit before
    for index in sorted(small, key=lambda index: chars[index].x0):
        char = chars[index]
        bucket = int(char.x0 // _BUCKET)
        for other in (i for near in (bucket - 1, bucket, bucket + 1) for i in by_side.get(near, ())):
            if other == index:
                continue
            if other in bases:
                found = _goes_on(chars[other], char)
                base = bases[other]
            else:
                found = chars[other].text in _DIGITS and _is_raised(chars[other], char)
                base = chars[other]
            if found:
                bases[index] = base
                break
    return [
        char._replace(text=raised(char.text), top=bases[index].top, bottom=bases[index].bottom) if index in bases else char
        for index, char in enumerate(chars)
    ]


def _is_raised(digit: Char, char: Char) -> bool:
    height = digit.bottom - digit.top
    rise = (digit.bottom - char.bottom) / height if height > 0 else 0.0
    near = _GAP[0] <= (char.x0 - digit.x1) / height <= _GAP[1] if height > 0 else False
    return near and char.bottom - char.top <= _SMALLER * height and _RISE[0] <= rise <= _RISE[1]


def _goes_on(mark: Char, char: Char) -> bool:
    """Return whether a character goes on the mark before it: as high, and on its level."""
    height = mark.bottom - mark.top
    gap = (char.x0 - mark.x1) / height
    return _GAP[0] <= gap <= _GAP[1] and abs(char.bottom - mark.bottom) <= 0.2 * height and char.bottom - char.top <= 1.2 * height
