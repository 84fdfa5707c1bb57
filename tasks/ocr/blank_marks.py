"""Marks that stand for "no number" in a cell, told by their shape: a dash and a slash are too little for a reader of lines."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.ocr.layout import Box
from tasks.ocr.prepare_image import Grey

DASH, SLASH = "—", "/"
_REACH = 0.07  # of a digit's height: commas reach further below the digits, by 0.09 to 0.2 on labelled scans, points less


def mark_in(marks: Grey, box: Box, size: int) -> str | None:
    """The dash or slash that is all the ink in ``box`` of the mask ``marks``, or None.

    ``size`` is the height of a character in pixels.
    """
    x0, y0, x1, y1 = box
    if x1 - x0 > 3 * size or y1 - y0 > 2 * size:
        return None
    window = marks[y0:y1, x0:x1]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(window, connectivity=8)
    solid = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= max(4, size * size // 80)]
    if len(solid) != 1:
        return None
    _, _, width, height, area = (int(v) for v in stats[solid[0]])
    if height <= 0.3 * size and 0.28 * size <= width and width >= 1.55 * height:
        # a short one, such as a hyphen, is a filled bar; a comma or a point with its shadow is neither that wide nor that full
        return DASH if area >= (0.6 if width >= 2.2 * height else 0.7) * width * height else None
    if 0.5 * size <= height and 0.18 * height <= width <= 0.95 * height:
        rows, columns = np.nonzero(labels == solid[0])
        return SLASH if _is_slanted(rows, columns, width, height) else None
    return None


def _is_slanted(rows: NDArray[np.intp], columns: NDArray[np.intp], width: int, height: int) -> bool:
    """Return whether pixels are one straight stroke from upper right to lower left: all near their own line, and that line
    leans.
    """
    down, along = rows - rows.mean(), columns - columns.mean()
    slope = float(down @ along / (down @ down))  # of the line of least squares
    off = along - slope * down
    # a stroke's pixels lie evenly within its thickness; the flag of a 1 or the bar of a 7 sticks out of it
    thickness = rows.size / np.hypot(height, slope * height)
    across = thickness * np.hypot(1, slope)
    is_straight = float(np.abs(off).max()) <= 0.75 * across + 1.5 and float(off.std()) <= 0.4 * across + 0.5
    return bool(is_straight and -0.9 < slope < -0.18 and width > 1.6 * across)


def separator_in(marks: Grey, box: Box) -> str | None:
    """Return whether the low marks between the digits in ``box`` are commas or points, by how far they reach below the digits.

    None where that cannot be told: where they are joined to digits, or some reach below and some do not.
    """
    x0, y0, x1, y1 = box
    count, _, stats, _ = cv2.connectedComponentsWithStats(marks[y0:y1, x0:x1], connectivity=8)
    tops, heights, areas = stats[1:, cv2.CC_STAT_TOP], stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_AREA]
    if count < 3:
        return None
    tall = heights >= 0.7 * heights.max()
    digit = float(np.median(heights[tall]))
    base = float(np.median((tops + heights)[tall]))
    low = ~tall & (tops >= base - 0.4 * digit) & (areas >= max(3, digit * digit / 150))
    if not low.any():
        return None
    below = ((tops + heights)[low] - base) / digit
    if (below >= _REACH).all():
        return ","
    return "." if (below < _REACH).all() else None
