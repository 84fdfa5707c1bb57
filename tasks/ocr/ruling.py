"""The ruled tables of a level page: lines, the grid that they make, and its cells with spans."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.ocr.picture import Grey, marks_of

Mask = NDArray[np.uint8]

_WHOLE = 0.9  # share of an edge that long thin runs cover when it is surely a rule


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
    """What may be a rule on a level page, also where it is faint or broken. Strokes of tight text may be among it."""
    height, width = grey.shape
    marks = marks_of(grey, 1 / 60, 9)
    thickness = max(5, round(min(height, width) / 250))
    across = _thin_runs(marks, thickness, max(40, width // 20))
    down = _thin_runs(np.ascontiguousarray(marks.T), thickness, max(30, height // 60))
    return Rules(across, np.ascontiguousarray(down.T), marks, thickness)


def anchored(rules: Rules) -> Rules:
    """The rules of a page without the strokes of characters: a short run is a rule only when it ends at others."""
    height, width = rules.horizontal.shape
    across, upright = rules.horizontal, np.ascontiguousarray(rules.vertical.T)
    across = _anchored(across, rules.vertical, rules.thickness, max(80, width // 8))
    upright = _anchored(upright, np.ascontiguousarray(across.T), rules.thickness, max(60, height // 20))
    down = np.ascontiguousarray(upright.T)
    return rules._replace(horizontal=_anchored(across, down, rules.thickness, max(80, width // 8)), vertical=down)


def _anchored(mask: Mask, other: Mask, thickness: int, free: int) -> Mask:
    """Horizontal runs that are longer than ``free``, or end at an upright one (``other``) on both sides, as strokes of text do
    not.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    height, width = mask.shape
    kept = mask.copy()
    for index in np.flatnonzero(stats[:, cv2.CC_STAT_WIDTH] < free):
        x, y, w, h = (int(v) for v in stats[index, :4])
        rows = slice(max(0, y - thickness), min(height, y + h + thickness))
        left, right = slice(max(0, x - thickness), x + thickness + 1), slice(x + w - 1 - thickness, min(width, x + w + thickness))
        if not (other[rows, left].any() and other[rows, right].any()):
            piece = (slice(y, y + h), slice(x, x + w))
            kept[piece][labels[piece] == index] = 0
    return kept


def _slopes(mask: Mask, least: int) -> NDArray[np.float64]:
    """Long horizontal rules as rows (middle x, middle y, slope, length), each fitted to the pixels of one piece of rule."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found = []
    for index in range(1, count):
        x, y, w, h, _ = (int(v) for v in stats[index])
        if w < least:
            continue
        rows, columns = np.nonzero(labels[y : y + h, x : x + w] == index)
        middles = np.bincount(columns, rows) / np.maximum(np.bincount(columns), 1)
        slope, offset = np.polyfit(np.arange(w), middles, 1)
        found.append((x + w / 2, y + offset + slope * w / 2, slope, float(w)))
    return np.array(found, np.float64).reshape(-1, 4)


def _trend(slopes: NDArray[np.float64], along: int) -> NDArray[np.float64] | None:
    """How the slope of rules changes over the page: (at 0, per pixel), or None when there are too few rules to tell."""
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


def _positions(mask: Mask, axis: int, least: float, apart: int) -> list[int]:
    """Where rules lie along one axis: at least ``apart`` pixels from each other, each the middle of the longest one there.

    ``least`` is how many pixels of rule make a line of the grid.
    """
    reach = (mask > 0).sum(axis=axis)
    hits = np.flatnonzero(reach >= least)
    if not hits.size:
        return []
    groups = np.split(hits, np.flatnonzero(np.diff(hits) > apart) + 1)
    return [round(float(np.mean(group[reach[group] >= 0.7 * reach[group].max()]))) for group in groups]


def _evidence(  # noqa: PLR0917 - a rule is told by where it runs
    ways: tuple[Mask, Mask, Mask], start: int, end: int, at: int, reach: int, thickness: int
) -> tuple[float, float, float]:
    """What speaks for a horizontal rule from ``start`` to ``end`` within ``reach`` pixels of row ``at``, and what against it.

    ``ways`` are the ink, its thin parts, and the long thin runs. For: the share of the way that thin ink covers along one row,
    and
    the share that lies in long runs, whose gaps are closed. Against: the share with ink both above and below that row, as the
    middle of a row of characters has.
    """
    marks, thin, runs = ways
    # only the crossing rule itself is left out: a rule runs up to it, the stroke of a digit does not
    inset = min(thickness // 2 + 1, max(0, (end - start) // 4))
    margin = reach + 4 * thickness
    top = max(0, at - margin)
    across = (slice(top, at + margin + 1), slice(start + inset, end - inset))
    strip = marks[across] > 0
    if strip.shape[1] == 0:
        return 0.0, 0.0, 0.0
    line = thin[across] > 0
    band = line.copy()
    band[1:] |= line[:-1]
    band[:-1] |= line[1:]
    first = max(0, at - top - reach)
    cover = band[first : at - top + reach + 1].mean(axis=1)
    row = first + int(cover.argmax())
    long = np.asarray(runs[top + first : at + reach + 1, across[1]] > 0)
    above = strip[max(0, row - 4 * thickness) : max(0, row - thickness // 2 - 1)].any(axis=0)
    below = strip[row + thickness // 2 + 2 : row + 4 * thickness + 1].any(axis=0)
    crossed = float((above & below).mean())
    # where characters touch a rule on one side, it is not thin, but still ink all the way with paper on the other side
    inked = np.atleast_1d(strip[max(0, row - 1) : row + 2].any(axis=0))
    # a rule is joined to the rules that it ends at; the strokes of tight text stop a little before them
    end_zone = max(2, min(4, inked.size // 8))
    joined = min(inked[:end_zone].mean(), inked[-end_zone:].mean()) >= 0.5
    touched = float(inked.mean()) if crossed < 0.15 and joined and inked.mean() > 0.95 else 0.0
    return max(float(cover.max()), touched), crossed, float(long.any(axis=0).mean()) if joined else 0.0


def _drawn(evidence: NDArray[np.float64], places: list[int], least: float) -> NDArray[np.bool_]:
    """Which edges are rules, of evidence (lines, edges along a line, 3).

    An edge that lies in a long run all the way is a rule. Else rules of one table are alike: an edge must be covered nearly as
    well
    as its fellows are, and a straight run of such edges is judged as a whole too: tight rows of characters above and below one
    edge
    of a long rule do not break it, while the strokes of a column of characters that lie in one line make no rule. ``places`` are
    where the edges begin and end, and ``least`` the pixels below which a run is no rule but a stroke.
    """
    cover, crossed, long = evidence[..., 0], evidence[..., 1], evidence[..., 2]
    likely = cover[(cover > 0.6) & (crossed < 0.4)]
    quality = max(0.8, float(np.median(likely))) if likely.size else 1.0
    whole = long >= _WHOLE
    drawn = whole | (cover >= 0.87 * quality) & ((crossed < 0.35) | (cover >= 0.97 * quality))
    for line in range(drawn.shape[0]):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], drawn[line], [False]]).astype(np.int8)))
        for start, end in edges.reshape(-1, 2):
            if (crossed[line, start:end].mean() > 0.4 or places[end] - places[start] < least) and not whole[
                line, start:end
            ].all():
                drawn[line, start:end] &= whole[line, start:end]
    return drawn


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
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:].tolist() if w >= width // 8]
    grids = []
    for x0, y0, x1, y1 in _stacked(boxes, rules):
        if y1 - y0 >= height // 60 and (grid := _grid(rules, x0, y0, x1, y1)):
            grids.append(grid)
    return sorted(grids, key=lambda grid: (grid.box[1], grid.box[0]))


def _stacked(boxes: list[tuple[int, int, int, int]], rules: Rules) -> list[tuple[int, int, int, int]]:
    """Pieces of rules put together to tables: where the sides of a table are open, its rows hang together by nothing but their
    ends.

    Pieces without sides of their own that lie closer than two rows, and begin and end alike, are one table.
    """
    height, width = rules.marks.shape
    found: list[tuple[int, int, int, int]] = []
    for box in sorted(boxes, key=lambda b: b[1]):
        for index, other in enumerate(found):
            alike = abs(box[0] - other[0]) < width / 60 and abs(box[2] - other[2]) < width / 60
            if alike and box[1] - other[3] < height / 28 and not _sided(box, rules) and not _sided(other, rules):
                found[index] = (min(box[0], other[0]), other[1], max(box[2], other[2]), max(box[3], other[3]))
                break
        else:
            found.append(box)
    return found


def _sided(box: tuple[int, int, int, int], rules: Rules) -> bool:
    """Whether an upright rule runs down both sides of a box."""
    x0, y0, x1, y1 = box
    near = rules.marks.shape[1] // 40  # a run may overshoot its corner a little
    sides = (rules.vertical[y0:y1, x0 : x0 + near], rules.vertical[y0:y1, max(x0, x1 - near) : x1])
    return y1 - y0 > 2 * near and all(side.any(axis=1).mean() > 0.5 for side in sides)


def _closed(  # noqa: PLR0917 - the same for both directions of a grid
    runs: Mask, places: list[int], origin: int, crossings: list[int], origin_of_crossings: int, least: float
) -> tuple[list[int], list[int]]:
    """``places`` of the lines across ``runs`` with the outer ones that a table open at its sides does not draw, and which
    those are.

    A side is open where at least two of the horizontal runs at the rows ``crossings`` go on for more than ``least`` pixels beyond
    the outermost line.
    """
    ends = []
    for at in crossings:
        row = np.flatnonzero(runs[max(0, at - origin_of_crossings - 2) : at - origin_of_crossings + 3].any(axis=0))
        if row.size:
            ends.append((origin + int(row[0]), origin + int(row[-1])))
    if len(ends) < 2:
        return places, []
    # about where the second outermost ends: one alone may have run into something
    first, last = sorted(a for a, _ in ends)[1], sorted(b for _, b in ends)[-2]
    first = int(np.median([a for a, _ in ends if abs(a - first) <= least]))
    last = int(np.median([b for _, b in ends if abs(b - last) <= least]))
    found = ([first] if first < places[0] - least else []) + places + ([last] if last > places[-1] + least else [])
    return found, [at for at in (found[0], found[-1]) if at not in places]


def _grid(rules: Rules, left: int, top: int, right: int, bottom: int) -> Grid | None:
    page_height, page_width = rules.marks.shape
    tolerance = max(4, page_height // 300)
    window = (slice(top, bottom), slice(left, right))
    rows = [top + y for y in _positions(rules.horizontal[window], 1, min(page_width / 25, (right - left) * 0.8), 2 * tolerance)]
    columns = [left + x for x in _positions(rules.vertical[window], 0, page_height / 70, 2 * tolerance)]
    if not rows or not columns:
        return None
    rows, open_rows = _closed(rules.vertical[window].T, rows, top, columns, left, page_height / 40)
    columns, open_columns = _closed(rules.horizontal[window], columns, left, rows, top, page_width / 30)
    if len(rows) < 2 or len(columns) < 2:
        return None
    turned_marks = np.ascontiguousarray(rules.marks.T)
    upright = (rules.marks, _thin(rules.marks, rules.thickness), rules.horizontal)
    turned = (turned_marks, _thin(turned_marks, rules.thickness), np.ascontiguousarray(rules.vertical.T))
    reach = (tolerance, rules.thickness)
    for _ in range(3):
        ruled = [[_evidence(upright, a, b, at, *reach) for a, b in pairwise(columns)] for at in rows]
        across = _drawn(np.array(ruled), columns, page_width / 18)
        ruled = [[_evidence(turned, a, b, at, *reach) for a, b in pairwise(rows)] for at in columns]
        down = _drawn(np.array(ruled), rows, 0).T
        across[[rows.index(at) for at in open_rows]] = True
        down[:, [columns.index(at) for at in open_columns]] = True
        shape = len(rows), len(columns)
        rows, across, down = _without_idle(rows, across, down)
        columns, down_turned, across_turned = _without_idle(columns, down.T, across.T)
        across, down = across_turned.T, down_turned.T
        # without the lines that were none, edges are longer, and what is taken for them by chance is less
        if (len(rows), len(columns)) == shape or min(len(rows), len(columns)) < 2:
            break
    if len(rows) < 2 or len(columns) < 2:
        return None
    cells = tuple(
        RuledCell(r, c, high, wide, (columns[c], rows[r], columns[c + wide], rows[r + high]))
        for r, c, high, wide in _merged(across, down)
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
