"""Watermarks that stand level: text in another colour or size than the rest that is printed across lines and over other text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.extraction.grid import NUMERIC, Box
from tasks.extraction.pdf.layout import Char
from tasks.extraction.pdf.page import TextInk

_USUAL = 0.1  # of the characters of a page: the darkest look that this share has is that of its text
_LIGHTER = 40  # of 255 by which a watermark is lighter than the text
_LARGER = 1.5  # times as high as the text
_CROSSING = 0.2  # share of its characters that lie across lines or over other text
_REPEATED = 0.02  # the same where its text is repeated all over the page
_OFTEN = 3  # times
_JUDGED = 200  # characters of a group that are looked at
_INNER = 0.2  # of a character's box at each side: a line there touches it only
_OVER = 0.15  # share of the smaller box


class TextLook(NamedTuple):
    """What a group of texts has in common: how it is printed, and its size in points."""

    style: TextInk
    size: int


class TextLooks(NamedTuple):
    """The characters of a page by their look, as indices."""

    groups: dict[TextLook, list[int]]
    usual: TextLook | None


def looks(chars: Sequence[Char], styles: Mapping[int, TextInk]) -> TextLooks:
    """The characters of a page by how they look."""
    groups: dict[TextLook, list[int]] = defaultdict(list)
    known: dict[int, TextLook | None] = {}
    for index, char in enumerate(chars):
        if char.text.isspace():
            continue
        if char.run not in known:
            high = char.bottom - char.top if char.turn % 2 == 0 else char.x1 - char.x0
            style = styles.get(char.run)
            known[char.run] = None if style is None else TextLook(style, round(high))
        if (look := known[char.run]) is not None:
            groups[look].append(index)
    least = _USUAL * sum(map(len, groups.values()))
    common = [look for look, indices in groups.items() if len(indices) >= least]
    usual = min(common, key=lambda look: (_light(look.style), -len(groups[look])), default=None)
    return TextLooks(groups, usual)


def watermarks(chars: Sequence[Char], boxes: NDArray[np.float64], found: TextLooks, rulings: Sequence[Box]) -> set[TextLook]:
    """The looks on a page that only a watermark has: lighter or larger than the text, and printed across it.

    Numbers are never taken for a watermark.
    """
    if found.usual is None or len(found.groups) == 1:
        return set()
    suspects = [look for look in found.groups if look != found.usual and _stands_out(look, found.usual)]
    if not suspects:
        return set()
    lines = np.array(rulings, np.float64).reshape(-1, 4)
    marks = set()
    for look in suspects:
        indices = found.groups[look]
        share = _REPEATED if _is_repeated(chars, indices) else _CROSSING
        if not _is_number(chars, indices) and _lies_across(indices, boxes, lines, share):
            marks.add(look)
    return marks


def _stands_out(look: TextLook, usual: TextLook) -> bool:
    return _light(look.style) - _light(usual.style) > _LIGHTER or look.size >= _LARGER * usual.size


def _light(style: TextInk) -> float:
    """How light a text is on paper, 0 (black) to 255."""
    return 255 - style.alpha / 255 * (255 - (style.red + style.green + style.blue) / 3)


def _is_number(chars: Sequence[Char], indices: Sequence[int]) -> bool:
    return sum(NUMERIC.fullmatch(chars[index].text) is not None for index in indices) * 2 > len(indices)


def _is_repeated(chars: Sequence[Char], indices: Sequence[int]) -> bool:
    """Return whether the texts of these characters are the same again and again."""
    texts: dict[int, str] = defaultdict(str)
    for index in indices:
        texts[chars[index].run] += chars[index].text
    return len(texts) >= _OFTEN * len(set(texts.values()))


def _lies_across(indices: list[int], boxes: NDArray[np.float64], lines: NDArray[np.float64], share: float) -> bool:
    """Return whether this share of the characters lies on lines or over characters of other looks."""
    judged = indices[:: max(1, len(indices) // _JUDGED)]
    others = np.delete(boxes, indices, axis=0)
    crossing = 0
    for index in judged:
        x0, top, x1, bottom = boxes[index]
        if x1 <= x0 or bottom <= top:
            continue
        dx, dy = _INNER * (x1 - x0), _INNER * (bottom - top)
        on = (lines[:, 0] < x1 - dx) & (lines[:, 2] > x0 + dx) & (lines[:, 1] < bottom - dy) & (lines[:, 3] > top + dy)
        wide = np.minimum(others[:, 2], x1) - np.maximum(others[:, 0], x0)
        high = np.minimum(others[:, 3], bottom) - np.maximum(others[:, 1], top)
        least = np.minimum((others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1]), (x1 - x0) * (bottom - top))
        over = (wide > 0) & (high > 0) & (wide * high > _OVER * least)
        crossing += bool(on.any() or over.any())
    return crossing >= max(1 if share == _CROSSING else 2, share * len(judged))
