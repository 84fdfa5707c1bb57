"""Numbers whose ink tells that their digits may be others, though both readers agree.

Readers look for the digits that are there, and pass over a smudge or take it for a part of one: 0 becomes 9, and of 6011 the last
digit is lost. But the digits of a table are of one size, and their strokes of one thickness. Where a copy lost thin strokes, the
digits are in pieces, and what is left of a 4 is a 1 to both readers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from tasks.ocr.confidence import SURE
from tasks.ocr.layout import Box
from tasks.ocr.prepare_image import Grey

_NUMBER = re.compile(r"-?\d[\d.,]*%?")
_ENOUGH, _FEW = 5, 3  # numbers that show how high and thick digits are, and numbers of several digits that show how wide
_HIGHER, _LOWER = 1.4, 0.6  # of the usual height of the digits
_THICKER = 1.8  # of the usual thickness of the strokes
_WIDER, _NARROWER = 0.6, 0.85  # of the way from one digit to the next: ink of another digit, and a digit without ink
_GAP = 0.12  # the same, between two digits
_MARK = 0.5  # the same, of a point or comma
_BROKEN = 0.15  # share of the numbers that are in more pieces than they have digits, where a copy lost thin strokes
_DUST = 3  # pixels: smaller pieces are not counted
_UPRIGHT = "1"  # what is left of other digits whose thin strokes are lost


class Number(NamedTuple):
    """A number that was read: the box of its line, its text, whether it was read surely, and how surely by the first reader."""

    box: Box
    text: str
    is_sure: bool
    first: float


class _Shape(NamedTuple):
    """The ink of a number: height, width and greatest thickness of strokes in pixels, and its pieces.

    ``digits`` is how many its text has, a mark counting in part. ``most`` is the same where marks count as one, as in a font with
    characters of one width, if each digit and each mark is a piece of its own.
    """

    height: float
    width: float
    thickness: float
    pieces: int
    digits: float
    most: float


def odd_numbers(marks: Grey, numbers: Sequence[Number], size: int, *, is_dirty: bool = False) -> set[Box]:
    """Return which numbers of a table may have other digits, by their boxes: those whose ink has another shape than that of the
    numbers that were read surely; on a copy that is dirty or lost thin strokes those of which the first reader alone is not sure;
    and those with a 1 where strokes are lost.

    Nothing is said of shapes where too few numbers were read surely. ``marks`` is the ink of the page without its rules, ``size``
    the height of a character in pixels.
    """
    numbers = [one for one in numbers if _NUMBER.fullmatch(one.text)]
    shapes = {one.box: _shape(marks, one, size) for one in numbers}
    is_broken = not is_dirty and _is_broken([shapes[one.box] for one in numbers if one.text.isdecimal()])
    odd = _other_shapes(shapes, [one for one in numbers if one.is_sure and one.text.isdecimal()])
    unsure = {one.box for one in numbers if (is_dirty or is_broken) and one.first < SURE}
    return odd | unsure | {one.box for one in numbers if is_broken and _UPRIGHT in one.text}


def _is_broken(shapes: Sequence[_Shape]) -> bool:
    return len(shapes) >= _ENOUGH and sum(shape.pieces > shape.digits for shape in shapes) >= _BROKEN * len(shapes)


def _other_shapes(shapes: dict[Box, _Shape], sure: Sequence[Number]) -> set[Box]:
    usual = [shapes[one.box] for one in sure]
    if len(usual) < _ENOUGH:
        return set()
    height, thickness = (float(np.median([getattr(shape, of) for shape in usual])) for of in ("height", "thickness"))
    several = [shape.width / (shape.digits - _GAP) for shape in usual if shape.digits > 1]
    step = float(np.median(several)) if len(several) >= _FEW else None
    return {
        box
        for box, shape in shapes.items()
        if not _LOWER <= shape.height / height <= _HIGHER
        or shape.thickness > _THICKER * thickness
        or (step is not None and not shape.digits - _NARROWER <= shape.width / step <= shape.most + _WIDER)
    }


def _shape(marks: Grey, number: Number, size: int) -> _Shape:
    x0, y0, x1, y1 = number.box
    window = np.ascontiguousarray(marks[y0:y1, x0:x1])
    # boxes of lines are a little larger than their ink: see tasks.ocr.layout.ink_lines
    width, height = x1 - x0 - 2 * max(2, size // 12), y1 - y0 - 2
    digits = sum(1.0 if character not in ".," else _MARK for character in number.text)
    _, _, stats, _ = cv2.connectedComponentsWithStats(window, connectivity=8)
    heights = stats[1:, cv2.CC_STAT_HEIGHT][stats[1:, cv2.CC_STAT_AREA] >= _DUST]
    pieces, tall = len(heights), int((heights >= _LOWER * heights.max(initial=0)).sum())
    is_apart = pieces == len(number.text) and tall == sum(map(str.isdigit, number.text))
    most = float(len(number.text)) if is_apart else digits
    return _Shape(height, width, float(cv2.distanceTransform(window, cv2.DIST_L2, 3).max(initial=0.0)), pieces, digits, most)
