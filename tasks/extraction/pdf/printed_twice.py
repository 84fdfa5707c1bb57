"""Characters that are printed on one another: the same one to look bold, or another digit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.extraction.pdf.layout import Char

_ROW = 6.0  # points: characters of one line
_OVER = 0.4  # of a digit's width and height, within which another one is printed on it
_BOLD = 2.0  # points by which a character that is printed again to look bold is moved at most
_SHIFT = 0.45  # the same in its own widths


def distinct(chars: list[Char]) -> list[Char]:
    """Characters without those printed a second time (nearly) in the same place to look bold."""
    if not chars:
        return chars
    codes = np.array([hash(char.text) for char in chars])
    tops, lefts = np.array([char.top for char in chars]), np.array([char.x0 for char in chars])
    again: set[int] = set()
    for shift in (0.0, 0.5):
        order = np.lexsort((lefts, np.floor(tops / _ROW + shift), codes))
        one, other = order[:-1], order[1:]
        near = (codes[one] == codes[other]) & (lefts[other] - lefts[one] <= _BOLD) & (np.abs(tops[one] - tops[other]) <= _BOLD)
        for first, second in zip(one[near].tolist(), other[near].tolist(), strict=True):
            if _printed_again(chars[first], chars[second]):
                again.add(max(first, second))
    return [char for index, char in enumerate(chars) if index not in again] if again else chars


def overprinted(chars: Sequence[Char]) -> list[Char]:
    """The digits on which another digit is printed: nobody can tell which of the two is meant."""
    digits = [char for char in chars if char.text.isdigit()]
    tops, lefts = np.array([char.top for char in digits]), np.array([char.x0 for char in digits])
    found: list[Char] = []
    for shift in (0.0, 0.5):
        order = np.lexsort((lefts, np.floor(tops / _ROW + shift)))
        near = lefts[order[1:]] - lefts[order[:-1]] <= _ROW
        for one, other in zip(order[:-1][near].tolist(), order[1:][near].tolist(), strict=True):
            first, second = digits[one], digits[other]
            wide, high = first.x1 - first.x0, first.bottom - first.top
            is_near = abs(second.x0 - first.x0) <= _OVER * wide and abs(second.top - first.top) <= _OVER * high
            if first.text != second.text and is_near:
                found.append(first)
    return found


def _printed_again(first: Char, char: Char) -> bool:
    """Return whether a character is nearer to the same one than the next in a line could be: 11 is two of them."""
    if char.text != first.text or char.text.isspace():
        return False
    wide, high = char.x1 - char.x0, char.bottom - char.top
    return abs(char.x0 - first.x0) <= min(_BOLD, _SHIFT * wide) and abs(char.top - first.top) <= min(_BOLD, _SHIFT * high)
