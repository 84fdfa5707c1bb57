"""The rules of a page: horizontal and upright lines, also faint and broken ones, and how to make them straight."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.ocr.prepare_image import Grey, marks_of, pieces

Mask = NDArray[np.uint8]

_LEAST = 6  # grey levels by which a rule is darker than its paper on a page without noise


class Rules(NamedTuple):
    """Where rules may run on a page (masks, 255 = rule), the ink they were found in, and how thick a rule is at most.

    ``across`` and ``down`` are level and upright lines, however faint: thin, and darker than the paper on both sides. ``grey`` is
    the page itself.
    """

    horizontal: Mask
    vertical: Mask
    marks: Mask
    thickness: int
    across: Mask
    down: Mask
    grey: Grey

    @property
    def both(self) -> Mask:
        """All rules."""
        return cv2.bitwise_or(self.horizontal, self.vertical).astype(np.uint8)


def _lines(grey: Grey, marks: Mask, thickness: int) -> Mask:
    """What is darker than the paper above and below it and no thicker than ``thickness``: level rules and strokes, also faint.

    A pixel must stand out from its paper only by twice the noise: the length of a line sets it apart from noise, not its pixels.
    """
    smooth = cv2.GaussianBlur(grey, (3, 3), 0)
    contrast = cv2.morphologyEx(smooth, cv2.MORPH_BLACKHAT, np.ones((thickness + 1, 1), np.uint8))
    noise = float(np.median(contrast[::3, ::3]))
    least = float(np.clip(1.7 * noise + 3, _LEAST, 40))
    # what is black counts no more than what is just dark enough: else a stroke lends its darkness to the paper beside it
    along = cv2.blur(np.minimum(contrast, np.uint8(2 * least)), (2 * thickness + 1, 1))
    lines = np.where((along > least) & (contrast > least / 2), np.uint8(255), np.uint8(0))
    # upright strokes that cross are left out: a row of characters has many of them, a rule hardly any
    bodies = cv2.morphologyEx(marks, cv2.MORPH_OPEN, np.ones((thickness + 1, 1), np.uint8))
    return cv2.subtract(lines, bodies).astype(np.uint8)


def _thin_runs(lines: Mask, thickness: int, length: int) -> Mask:
    """Horizontal rules: thin ink that covers three quarters of a stretch longer than a character.

    What is thicker than ``thickness`` across is no rule: strokes of characters go, and what is left of a row of characters covers
    less than half of any stretch. Faint and broken rules still cover most of theirs; a slope of a pixel or two is allowed.
    """
    thin = cv2.dilate(lines, np.ones((3, 1), np.uint8))
    cover = cv2.boxFilter((thin > 0).astype(np.float32), -1, (length, 1), borderType=cv2.BORDER_CONSTANT)
    core = np.where(cover >= 0.72, np.uint8(255), np.uint8(0))
    reached = cv2.dilate(core, np.ones((1, length), np.uint8))
    # a rule that crosses is thick along this one: the gap that it leaves is closed, as are the gaps of broken rules
    whole = cv2.morphologyEx(thin, cv2.MORPH_CLOSE, np.ones((1, max(3 * thickness, length // 4)), np.uint8))
    return cv2.morphologyEx(cv2.bitwise_and(reached, whole), cv2.MORPH_OPEN, np.ones((1, length // 2), np.uint8)).astype(np.uint8)


def find_rules(grey: Grey) -> Rules:
    """Return what may be a rule on a level page, also where it is faint or broken. Strokes of tight text may be among it."""
    height, width = grey.shape
    marks = marks_of(grey, 1 / 60, 9)
    thickness = max(5, round(min(height, width) / 250))
    across = _lines(grey, marks, thickness)
    down = _lines(np.ascontiguousarray(grey.T), np.ascontiguousarray(marks.T), thickness)
    horizontal = _thin_runs(across, thickness, max(40, width // 20))
    vertical = np.ascontiguousarray(_thin_runs(down, thickness, max(30, height // 60)).T)
    return Rules(horizontal, vertical, marks, thickness, across, np.ascontiguousarray(down.T), grey)


def anchored(rules: Rules) -> Rules:
    """The rules of a page without the strokes of characters: a short run is a rule only when it ends at others."""
    height, width = rules.horizontal.shape
    across, upright = rules.horizontal, np.ascontiguousarray(rules.vertical.T)
    across = _anchored(across, rules.vertical, rules.thickness, max(80, width // 8))
    upright = _anchored(upright, np.ascontiguousarray(across.T), rules.thickness, max(60, height // 20))
    down = np.ascontiguousarray(upright.T)
    return rules._replace(horizontal=_anchored(across, down, rules.thickness, max(80, width // 8)), vertical=down)


def _anchored(mask: Mask, other: Mask, thickness: int, free: int) -> Mask:
    """Horizontal runs that are longer than ``free``, or end at upright ones (``other``), or meet two of them.

    Strokes of text do neither. A rule may be lost where characters stand close to it, and so end between the others.
    """
    labels, stats = pieces(mask)
    height, width = mask.shape
    kept = mask.copy()
    for index in np.flatnonzero(stats[:, cv2.CC_STAT_WIDTH] < free):
        x, y, w, h = (int(v) for v in stats[index, :4])
        rows = slice(max(0, y - thickness), min(height, y + h + thickness))
        left, right = slice(max(0, x - thickness), x + thickness + 1), slice(x + w - 1 - thickness, min(width, x + w + thickness))
        met = np.flatnonzero(other[rows, max(0, x - thickness) : x + w + thickness].any(axis=0))
        meets_two = met.size > 0 and met[-1] - met[0] > 4 * thickness
        if not meets_two and not (other[rows, left].any() and other[rows, right].any()):
            piece = (slice(y, y + h), slice(x, x + w))
            kept[piece][labels[piece] == index] = 0
    return kept


def _slopes(mask: Mask, least: int) -> NDArray[np.float64]:
    """Long horizontal rules as rows (middle x, middle y, slope, length), each fitted to the pixels of one piece of rule."""
    labels, stats = pieces(mask)
    found = []
    for index in range(1, len(stats)):
        x, y, w, h, _ = (int(v) for v in stats[index])
        if w < least:
            continue
        rows, columns = np.nonzero(labels[y : y + h, x : x + w] == index)
        middles = np.bincount(columns, rows) / np.maximum(np.bincount(columns), 1)
        slope, offset = np.polyfit(np.arange(w), middles, 1)
        found.append((x + w / 2, y + offset + slope * w / 2, slope, float(w)))
    return np.array(found, np.float64).reshape(-1, 4)


def _trend(slopes: NDArray[np.float64], along: int) -> NDArray[np.float64] | None:
    """Return how the slope of rules changes over the page: (at 0, per pixel), or None when there are too few rules to tell."""
    if len(slopes) < 3:
        return None
    kept = slopes
    for _ in range(3):
        design = np.column_stack([np.ones(len(kept)), kept[:, along]])
        weights = np.sqrt(kept[:, 3])
        fitted, *_ = np.linalg.lstsq(design * weights[:, None], kept[:, 2] * weights, rcond=None)
        off = np.abs(slopes[:, 2] - np.column_stack([np.ones(len(slopes)), slopes[:, along]]) @ fitted)
        near = slopes[off <= max(0.002, 2 * float(np.median(off)))]
        if len(near) < 3:
            break
        kept = near
    return np.asarray(fitted, np.float64)


def straightening(rules: Rules) -> NDArray[np.float64] | None:
    """The 3 x 3 transform that makes the rules of a page upright and parallel, or None when they are, or are too few to tell.

    A page that was photographed or lay skewed in the feeder has rules whose slopes change steadily from top to bottom and from
    left to right; the four lines with those slopes through the page's edges are what becomes a rectangle.
    """
    height, width = rules.horizontal.shape
    across = _trend(_slopes(rules.horizontal, width // 6), 1)
    down = _trend(_slopes(np.ascontiguousarray(rules.vertical.T), height // 25)[:, [1, 0, 2, 3]], 0)
    if across is None or down is None:
        return None

    def corner(x: float, y: float) -> tuple[float, float]:
        # the crossing of: y' = y + b (x' - width/2), and x' = x + d (y' - height/2)
        b, d = across[0] + across[1] * y, down[0] + down[1] * x
        crossing = (x + d * (y - b * width / 2 - height / 2)) / (1 - b * d)
        return crossing, y + b * (crossing - width / 2)

    square = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    actual = np.array([corner(float(x), float(y)) for x, y in square], np.float32)
    if np.abs(actual - square).max() < 1.5:
        return None
    return np.asarray(cv2.getPerspectiveTransform(actual, square), np.float64)
