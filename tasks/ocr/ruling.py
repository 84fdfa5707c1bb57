"""The ruled tables of a level page: lines, the grid that they make, and its cells with spans."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.ocr.picture import Grey

Mask = NDArray[np.uint8]


class RuledCell(NamedTuple):
    """A cell of a grid, upper left corner first; ``box`` is (x0, y0, x1, y1) in pixels, its rules' centre lines."""

    row: int
    column: int
    row_span: int
    column_span: int
    box: tuple[int, int, int, int]


class Grid(NamedTuple):
    """A ruled table: its cells, the numbers of rows and columns, its outline, and how thick its rules are (pixels)."""

    cells: tuple[RuledCell, ...]
    rows: int
    columns: int
    box: tuple[int, int, int, int]
    thickness: int


class Rules(NamedTuple):
    """Where rules may run on a page (masks, 255 = rule), the ink they were found in, and how thick a rule is at most."""

    horizontal: Mask
    vertical: Mask
    marks: Mask
    thickness: int

    @property
    def both(self) -> Mask:
        """All rules."""
        return cv2.bitwise_or(self.horizontal, self.vertical).astype(np.uint8)


def _thin(marks: Mask, thickness: int) -> Mask:
    """The ink that is no thicker than ``thickness`` from top to bottom: horizontal rules and strokes."""
    bodies = cv2.morphologyEx(marks, cv2.MORPH_OPEN, np.ones((thickness + 1, 1), np.uint8))
    return cv2.subtract(marks, bodies).astype(np.uint8)


def _thin_runs(marks: Mask, thickness: int, length: int) -> Mask:
    """Horizontal rules: thin ink that covers three quarters of a stretch longer than a character.

    What is thicker than ``thickness`` across is no rule: strokes of characters go, and what is left of a row of characters covers
    less than half of any stretch. Faint and broken rules still cover most of theirs; a slope of a pixel or two is allowed.
    """
    thin = cv2.dilate(_thin(marks, thickness), np.ones((3, 1), np.uint8))
    cover = cv2.boxFilter((thin > 0).astype(np.float32), -1, (length, 1), borderType=cv2.BORDER_CONSTANT)
    core = (cover >= 0.72).astype(np.uint8) * 255
    reached = cv2.dilate(core, np.ones((1, length), np.uint8))
    # a rule that crosses is thick along this one: the gap that it leaves is closed, as are the gaps of broken rules
    whole = cv2.morphologyEx(thin, cv2.MORPH_CLOSE, np.ones((1, max(3 * thickness, length // 4)), np.uint8))
    return cv2.morphologyEx(cv2.bitwise_and(reached, whole), cv2.MORPH_OPEN, np.ones((1, length // 2), np.uint8)).astype(np.uint8)


def find_rules(grey: Grey) -> Rules:
    """The rules of a level page, also faint and broken ones; characters and their rows are not among them."""
    height, width = grey.shape
    block = max(15, round(width / 60) | 1)
    marks = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, block, 9).astype(np.uint8)
    thickness = max(5, round(min(height, width) / 250))
    across = _thin_runs(marks, thickness, max(40, width // 20))
    down = _thin_runs(np.ascontiguousarray(marks.T), thickness, max(30, height // 60))
    return Rules(across, np.ascontiguousarray(down.T), marks, thickness)


def _positions(mask: Mask, axis: int, least: float, tolerance: int) -> list[int]:
    """Where rules lie along one axis: centres of the runs whose longest rule covers at least ``least`` pixels."""
    reach = (mask > 0).sum(axis=axis)
    hits = np.flatnonzero(reach >= least)
    if not hits.size:
        return []
    groups = np.split(hits, np.flatnonzero(np.diff(hits) > tolerance) + 1)
    return [int(round(np.average(group, weights=reach[group]))) for group in groups]


def _evidence(marks: Mask, thin: Mask, start: int, end: int, at: int, reach: int, thickness: int) -> tuple[float, float]:
    """What speaks for a horizontal rule from ``start`` to ``end`` within ``reach`` pixels of row ``at``, and what against it.

    For: the share of the way that ink covers along one row. Against: the share with ink both above and below that row, as the
    middle of a row of characters has.
    """
    inset = min(2 * thickness, max(0, (end - start) // 4))
    margin = reach + 4 * thickness
    top = max(0, at - margin)
    strip = marks[top : at + margin + 1, start + inset : end - inset] > 0
    if strip.shape[1] == 0:
        return 0.0, 0.0
    line = thin[top : at + margin + 1, start + inset : end - inset] > 0
    band = line.copy()
    band[1:] |= line[:-1]
    band[:-1] |= line[1:]
    first = max(0, at - top - reach)
    cover = band[first : at - top + reach + 1].mean(axis=1)
    row = first + int(cover.argmax())
    above = strip[max(0, row - 4 * thickness) : max(0, row - thickness // 2 - 1)].any(axis=0)
    below = strip[row + thickness // 2 + 2 : row + 4 * thickness + 1].any(axis=0)
    return float(cover.max()), float((above & below).mean())


def _drawn(evidence: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which edges are rules. Rules of one table are alike: an edge must be covered nearly as well as its fellows are."""
    cover, crossed = evidence[..., 0], evidence[..., 1]
    likely = cover[(cover > 0.6) & (crossed < 0.4)]
    quality = float(np.median(likely)) if likely.size else 1.0
    return (cover >= 0.87 * quality) & (cover - crossed > 0.3)


def _merged(horizontal: NDArray[np.bool_], vertical: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Rectangles (row, column, row_span, column_span) of elementary cells that no rule separates.

    ``horizontal[r, c]`` is the rule above elementary cell (r, c), ``vertical[r, c]`` the one left of it. A group that is no
    rectangle is cut into its rows, then into single cells: a rule must have been missed, and cells that are too small are seen by
    the reader as blank, where cells that are too large would mix two numbers.
    """
    rows, columns = horizontal.shape[0] - 1, vertical.shape[1] - 1
    taken = np.zeros((rows, columns), bool)
    found = []
    for row in range(rows):
        for column in range(columns):
            if taken[row, column]:
                continue
            wide = 1
            while column + wide < columns and not taken[row, column + wide] and not vertical[row, column + wide]:
                wide += 1
            high = 1
            while row + high < rows:
                below = slice(column, column + wide)
                inner = vertical[row + high, column + 1 : column + wide]
                if horizontal[row + high, below].any() or inner.any() or taken[row + high, below].any():
                    break
                high += 1
            taken[row : row + high, column : column + wide] = True
            found.append((row, column, high, wide))
    return found


def find_grids(rules: Rules) -> list[Grid]:
    """The ruled tables, from top to bottom. A table has at least two cells."""
    height, width = rules.horizontal.shape
    joined = cv2.dilate(rules.both, np.ones((rules.thickness, rules.thickness), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    grids = []
    for index in range(1, count):
        x, y, w, h, _ = (int(v) for v in stats[index])
        if w >= width // 8 and h >= height // 60 and (grid := _grid(rules, x, y, x + w, y + h)):
            grids.append(grid)
    return sorted(grids, key=lambda grid: (grid.box[1], grid.box[0]))


def _grid(rules: Rules, left: int, top: int, right: int, bottom: int) -> Grid | None:
    page_height, page_width = rules.marks.shape
    tolerance = max(4, page_height // 300)
    window = (slice(top, bottom), slice(left, right))
    rows = [top + y for y in _positions(rules.horizontal[window], 1, min(page_width / 25, (right - left) * 0.8), tolerance)]
    columns = [left + x for x in _positions(rules.vertical[window], 0, page_height / 70, tolerance)]
    if len(rows) < 2 or len(columns) < 2:
        return None
    turned_marks = np.ascontiguousarray(rules.marks.T)
    upright = (rules.marks, _thin(rules.marks, rules.thickness))
    turned = (turned_marks, _thin(turned_marks, rules.thickness))
    reach = (tolerance, rules.thickness)
    across = _drawn(np.array([[_evidence(*upright, a, b, at, *reach) for a, b in pairwise(columns)] for at in rows]))
    down = _drawn(np.array([[_evidence(*turned, a, b, at, *reach) for at in columns] for a, b in pairwise(rows)]))
    rows, across, down = _without_idle(rows, across, down)
    columns, down_turned, across_turned = _without_idle(columns, down.T, across.T)
    across, down = across_turned.T, down_turned.T
    if len(rows) < 2 or len(columns) < 2:
        return None
    cells = tuple(
        RuledCell(r, c, high, wide, (columns[c], rows[r], columns[c + wide], rows[r + high])) for r, c, high, wide in _merged(across, down)
    )
    if len(cells) < 2:
        return None
    return Grid(cells, len(rows) - 1, len(columns) - 1, (columns[0], rows[0], columns[-1], rows[-1]), rules.thickness)


def _without_idle(
    places: list[int], along: NDArray[np.bool_], between: NDArray[np.bool_]
) -> tuple[list[int], NDArray[np.bool_], NDArray[np.bool_]]:
    """Grid lines along which no rule runs at all are none; the cells on both sides of one become one row of cells."""
    keep = along.any(axis=1)
    kept = np.flatnonzero(keep)
    if kept.size < 2:
        return [], along[:0], between[:0]
    merged = np.array([between[a:b].all(axis=0) if b - a == 1 else between[a:b].mean(axis=0) >= 0.5 for a, b in pairwise(kept)])
    return [places[i] for i in kept], along[keep], merged
