"""Text of a PDF page that is struck through: a line goes through the middle of its characters and ends with them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tasks.extraction.grid import Box
from tasks.extraction.pdf.layout import Char

_MIDDLE = (0.35, 0.66)  # of a character's height from its top: where a line strikes it through
_COVERED = 0.6  # of a character's width
_LONGER = 0.6  # of a character's height: how far such a line goes beyond its characters
_FULL = 0.7  # of the line: what stands on it
_SHORTEST = 2.0  # points


class Struck(NamedTuple):
    """The indices of the characters that are struck through, and of the lines that do it."""

    chars: frozenset[int]
    lines: frozenset[int]


def struck_through(chars: Sequence[Char], lines: Sequence[Box]) -> Struck:
    """Return which of ``chars`` the ``lines`` (boxes without width or height) of a page strike through.

    A rule of a table goes on beyond the text that it happens to cross.
    """
    found: set[int] = set()
    strikes: set[int] = set()
    for upright in (False, True):
        standing = [index for index, char in enumerate(chars) if bool(char.turn % 2) is upright and not char.text.isspace()]
        own = [(index, line) for index, line in enumerate(lines) if (line[2] - line[0] < line[3] - line[1]) is upright]
        if not standing or not own:
            continue
        spans = sorted((*_across(chars[index], upright), index) for index in standing)
        middles = [span[0] for span in spans]
        highest = max(span[1] for span in spans)
        for number, line in own:
            at, start, end = (line[0], line[1], line[3]) if upright else (line[1], line[0], line[2])
            if end - start < _SHORTEST:
                continue
            near = spans[bisect_left(middles, at - highest / 4) : bisect_left(middles, at + highest / 4)]
            if near and (crossed := list(_crossed(chars, near, at, (start, end), upright))):
                found.update(crossed)
                strikes.add(number)
    return Struck(frozenset(found), frozenset(strikes))


def _across(char: Char, upright: bool) -> tuple[float, float]:
    """The middle of a character across its line, and how high it is."""
    low, high = (char.x0, char.x1) if upright else (char.top, char.bottom)
    return (low + high) / 2, high - low


def _crossed(
    chars: Sequence[Char], near: Sequence[tuple[float, float, int]], at: float, ends: tuple[float, float], upright: bool
) -> Iterator[int]:
    """The characters that a line from one of ``ends`` to the other crosses, if it is theirs."""
    start, end = ends
    own: list[tuple[float, float, float, int]] = []
    for middle, height, index in near:
        char = chars[index]
        first, last = (char.top, char.bottom) if upright else (char.x0, char.x1)
        depth = (at - middle) / height + 0.5 if height > 0 else 0.0
        if char.turn in (1, 2):
            depth = 1 - depth  # its top is on the other side
        inside = min(end, last) - max(start, first)
        if _MIDDLE[0] <= depth <= _MIDDLE[1] and inside >= _COVERED * (last - first) > 0:
            own.append((first, last, height, index))
    if not own:
        return
    first, last = min(one[0] for one in own), max(one[1] for one in own)
    beyond = _LONGER * max(one[2] for one in own)
    covered = sum(min(end, one[1]) - max(start, one[0]) for one in own)
    if start >= first - beyond and end <= last + beyond and covered >= _FULL * (min(end, last) - max(start, first)):
        yield from (one[3] for one in own)
