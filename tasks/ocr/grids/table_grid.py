"""The ruled tables of a level page: the grid that its rules make, and the cells of that with their spans."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.ocr.grids.edges import UNBROKEN, Way, judged
from tasks.ocr.grids.ruling import Mask, Rules
from tasks.ocr.prepare_image import pieces

_AS_LONG = 0.9  # share of the longest rule near it that the other one of a double rule is long
_OTHER = 0.3  # share of the longest rule near it that another rule is long at least
_WHOLE = 0.9  # share of an edge that long thin runs cover when it is surely a rule
_GOES_ON = 0.9  # of what the rules of a table cover of an edge: where a rule goes on at both ends
_PART = 0.35  # share of an edge that is seen where a rule goes on that is seen on one side of it
_TRACE = 0.1  # the same, where it is seen on both sides
_LIKELY = 2.5  # times the noise of such means by which it is so
_BESIDE = 0.2  # share of a stroke of a character with ink close to it on each side
_AMID = 0.75  # share with ink somewhat further away on both sides, as between the characters of a label
_STROKE = 0.15  # share of a table's length; lines that are longer are rules, whatever stands around them
_SHORT = 0.5  # share of a table's length; a line that is drawn along less may be strokes of characters
_SIDED = 0.5  # of the sides of a table of one column that is seen at least
_STRONG = 0.7  # share of the edges of its long rules that a table draws whole, and joined to other rules, when they are not faint
_SCATTERED = 0.25  # share of a table's length below which a line is very short
_LESS, _LESS_DARK = 0.4, 0.5  # of how whole and how dark long rules are: a very short line that is less in both is none
_HARDLY = 0.05  # share of its edges that are whole, and no more, in a longer line that is none
_JOINED, _SEVERAL = 0.6, 4  # share of edges of a line of characters that seem to be joined to rules; edges that tell
_NEVER_ALONE = 0.2  # of what rules of a table are seen of, on the whole, where no ink is near them
_ALONE = 0.5  # share of an edge that is seen where no ink is near it: a stroke of a character is not
_WIDER = 10  # times the thickness of rules: an edge that is longer is wider than a character


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


def _positions(mask: Mask, axis: int, least: float, apart: int) -> list[int]:
    """Return where rules lie along one axis: at least ``apart`` pixels from each other, each the middle of the longest one
    there.

    ``least`` is how many pixels of rule make a line of the grid.
    """
    reach = (mask > 0).sum(axis=axis)
    hits = np.flatnonzero(reach >= least)
    if not hits.size:
        return []
    found = []
    for group in np.split(hits, np.flatnonzero(np.diff(hits) > apart) + 1):
        # strokes of tight text may fill the way from one rule to the next: each rule is longest at its own place
        left = group
        while left.size and reach[left].max() >= _OTHER * reach[group].max():
            top = int(left[reach[left].argmax()])
            near = left[np.abs(left - top) <= apart]
            near = near[reach[near] >= 0.7 * reach[top]]
            # its own rows, and those as long of a double rule; the strokes of a heading close to it are shorter
            parts = np.split(near, np.flatnonzero(np.diff(near) > 1) + 1)
            as_long = [part for part in parts if top in part or reach[part].max() >= _AS_LONG * reach[top]]
            at = round(float(np.concatenate(as_long).mean()))
            found.append(at)
            left = left[np.abs(left - at) > apart]
    return sorted(found)


def _drawn(evidence: NDArray[np.float64], places: list[int], least: float) -> NDArray[np.bool_]:
    """Return which edges are rules, of evidence (lines, edges along a line, 9).

    An edge that lies in a long run all the way is a rule. Else rules of one table are alike: an edge must be covered nearly as
    well as its fellows are, and a straight run of such edges is judged as a whole too: tight rows of characters above and below
    one edge of a long rule do not break it, while the strokes of a column of characters that lie in one line make no rule.
    ``places`` are where the edges begin and end, and ``least`` the pixels below which a run is no rule but a stroke.
    """
    cover, crossed, long = evidence[..., 0], evidence[..., 1], evidence[..., 2]
    likely = cover[(cover > 0.6) & (crossed < 0.4)]
    quality = max(0.8, float(np.median(likely))) if likely.size else 1.0
    whole = long >= _WHOLE
    drawn = whole | (cover >= 0.87 * quality) & ((crossed < 0.35) | (cover >= 0.97 * quality))
    # a speck at a rule that goes on at both ends does not break it
    drawn[:, 1:-1] |= drawn[:, :-2] & drawn[:, 2:] & (cover[:, 1:-1] >= _GOES_ON * quality)
    for line in range(drawn.shape[0]):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], drawn[line], [False]]).astype(np.int8)))
        for start, end in edges.reshape(-1, 2):
            if (crossed[line, start:end].mean() > 0.4 or places[end] - places[start] < least) and not whole[
                line, start:end
            ].all():
                drawn[line, start:end] &= whole[line, start:end]
    return _continued(drawn & ~_strokes(drawn, evidence, places)[:, None], evidence[..., 3], evidence[..., 7])


def _in_characters(
    way: Way, drawn: NDArray[np.bool_], evidence: NDArray[np.float64], lines: list[int], places: list[int]
) -> NDArray[np.bool_]:
    """Return which of the ``drawn`` edges are strokes of characters, which are one piece with the rest of these.

    Between the rules that it ends at, a rule is ink as thin as it is. Text that touches a rule does so beside few of its edges: a
    short line is none if most of its edges are such strokes or stand between others. A long one only ends at characters that
    stand on both sides of it. Where long rules are lines without gaps, and much darker than their paper, a very short line that
    is neither is noise, or the rest of a seal, and so is a longer one that is seen in characters alone.
    """
    stroke = np.zeros_like(drawn)
    lengths = np.diff(places)
    shares = (drawn * lengths).sum(axis=1)
    alone = (drawn * lengths * evidence[..., 3]).sum(axis=1) / np.maximum(shares, 1)
    whole, joined, dark = ((drawn * evidence[..., of]).sum(axis=1) / np.maximum(drawn.sum(axis=1), 1) for of in (2, 4, 7))
    is_long = shares >= _SHORT * lengths.sum()
    usual, usually_whole, usually_joined, usually_dark = (
        float(np.median(of[is_long])) if is_long.any() else 0.0 for of in (alone, whole, joined, dark)
    )
    is_noise = (whole < _LESS * usually_whole) & (dark < _LESS_DARK * usually_dark) & (usually_whole >= _STRONG)
    is_noise &= (shares < _SCATTERED * lengths.sum()) | (whole < _HARDLY) & (alone < _ALONE * usual)
    # upright rules without gaps part rows as low as characters, whose strokes reach from one level rule to the next
    inked = evidence[is_long][drawn[is_long]][:, 8]
    has_gaps = np.isinf(way.unbroken) or not inked.size or float(np.median(inked)) < UNBROKEN
    for line, is_short in enumerate(~is_long):
        edges = np.flatnonzero(drawn[line])
        beside = evidence[line, edges]
        amid = (beside[:, 5] >= _BESIDE) | (beside[:, 6] >= 0.5) & (beside[:, 1] >= _AMID)
        held = np.zeros(len(edges), bool)
        for index in np.flatnonzero(beside[:, 3] < _ALONE).tolist():
            held[index] = _is_held(way, places, int(edges[index]), lines[line])
        is_column = whole[line] < _NEVER_ALONE and (
            (not is_short and alone[line] < _NEVER_ALONE * usual)
            or (min(usually_whole, usually_joined) >= _STRONG and joined[line] < _JOINED and len(edges) >= _SEVERAL)
        )
        if is_column or is_noise[line]:
            stroke[line] = True  # seen nowhere but in characters that stand below each other
        elif is_short:
            stroke[line] = 3 * (amid | held).sum() >= 2 * len(edges)
        else:
            # no character reaches without a gap from one rule to the next, unless they are as near as its own sides
            is_inked = np.maximum(beside[:, 0], beside[:, 8]) >= UNBROKEN
            long = is_inked & (beside[:, 2] >= _WHOLE) & (lengths[edges] >= _WIDER * way.thickness)
            stroke[line, edges] = held & (beside[:, 5] >= _BESIDE) & ~long
        if has_gaps:
            continue
        stroke[line, edges[amid & (beside[:, 8] < UNBROKEN) & (beside[:, 3] == 0)]] = True
        stroke[line] |= _brackets(drawn[line] & ~stroke[line], evidence[line], places, way.unbroken)
    return stroke


def _brackets(drawn: NDArray[np.bool_], evidence: NDArray[np.float64], places: list[int], unbroken: float) -> NDArray[np.bool_]:
    """Return which edges of an upright line are brackets, which fill a row as low as themselves from rule to rule.

    A rule goes on in the rows beside such a row, or has no character on either side; a line that is drawn nowhere else, none on
    both.
    """
    found = np.zeros_like(drawn)
    bounds = np.flatnonzero(np.diff(np.concatenate([[False], drawn, [False]]).astype(np.int8))).reshape(-1, 2)
    low = [(start, end) for start, end in bounds.tolist() if places[end] - places[start] < unbroken]
    beside = evidence[:, 1] >= _BESIDE
    if len(low) == len(bounds):
        beside |= evidence[:, 6] > 0
    for start, end in low:
        found[start:end] = beside[start:end].all()
    return found


def _is_held(way: Way, places: list[int], edge: int, at: int) -> bool:
    """Return whether the ink of an edge, within the rules at its ends, is one piece with ink beside it as wide as a character."""
    start, end = places[edge : edge + 2]
    inset = min(way.thickness // 2 + 2, max(0, (end - start) // 4))
    margin = 6 * way.thickness
    top = max(0, at - margin)
    window = np.ascontiguousarray(way.marks[top : at + margin + 1, start + inset : end - inset])
    if window.shape[1] < 3:
        return False
    _, labels, stats, _ = cv2.connectedComponentsWithStats(window, connectivity=8)
    near = labels[max(0, at - top - way.reach) : at - top + way.reach + 1]
    covers = [(float((near == i).any(axis=0).mean()), i) for i in np.unique(near) if i]
    cover, piece = max(covers, default=(0.0, 0))
    return cover >= 0.4 and int(stats[piece, cv2.CC_STAT_HEIGHT]) >= 2 * way.thickness


def _strokes(drawn: NDArray[np.bool_], evidence: NDArray[np.float64], places: list[int]) -> NDArray[np.bool_]:
    """Return which lines are nothing but strokes of characters: short, with ink close to them wherever they are drawn."""
    lengths = np.diff(places)
    share = (drawn * lengths).sum(axis=1) / lengths.sum()
    crossed, joined, less, more = (evidence[..., i] for i in (1, 4, 5, 6))

    def always(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.asarray((seen | ~drawn).all(axis=1))

    stroke = always(less >= _BESIDE) | always(joined == 0) | always((more >= 0.5) & (crossed >= _AMID))
    return np.asarray(stroke & (share < 0.5) | always((less >= _BESIDE / 2) | (crossed >= _AMID)) & (share < _STROKE))


def _continued(drawn: NDArray[np.bool_], seen: NDArray[np.float64], trace: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the rules with what is faint of them.

    A rule that is seen beside an edge goes on where a part of it is seen, or where the paper is darker there on the whole.
    """
    while True:
        padded = np.pad(drawn, ((0, 0), (1, 1)))
        before, after = padded[:, :-2], padded[:, 2:]
        part, little = (seen >= _PART) | (seen >= _TRACE) & (trace >= _LIKELY), (seen >= _TRACE) | (trace >= _LIKELY)
        more = (before | after) & part | before & after & little
        if not (more & ~drawn).any():
            return drawn
        drawn = drawn | more


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
    _, stats = pieces(joined.astype(np.uint8))
    boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:].tolist() if w >= width // 8]
    grids = []
    for x0, y0, x1, y1 in _stacked(boxes, rules):
        grid = _grid(rules, x0, y0, x1, y1) if y1 - y0 >= height // 60 else None
        if grid and not _is_text(grid, rules.marks):
            grids.append(grid)
    return sorted(grids, key=lambda grid: (grid.box[1], grid.box[0]))


def _is_text(grid: Grid, marks: Mask) -> bool:
    """Return whether a table of one row is made of the strokes of large characters, such as 园区: then others stand beside it."""
    x0, y0, x1, y1 = grid.box
    if grid.rows > 1:
        return False
    high = y1 - y0
    top, bottom = max(0, y0 - high // 3), y1 + high // 3
    for left, right in ((max(0, x0 - high), x0 - grid.thickness), (x1 + grid.thickness, x1 + high)):
        beside = np.ascontiguousarray(marks[top:bottom, max(0, left) : max(0, right)])
        if beside.size == 0:
            continue
        _, _, stats, _ = cv2.connectedComponentsWithStats(beside, connectivity=8)
        heights = stats[1:, cv2.CC_STAT_HEIGHT]
        if ((heights >= 0.5 * high) & (heights < 0.98 * (bottom - top))).any():
            return True
    return False


def _stacked(boxes: list[tuple[int, int, int, int]], rules: Rules) -> list[tuple[int, int, int, int]]:
    """Pieces of rules put together to tables.

    Where the sides of a table are open, its rows may hang together by nothing but their ends: pieces
    without sides of their own that lie closer than two rows, and begin and end alike, are one table.
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
    """Return whether an upright rule runs down both sides of a box."""
    x0, y0, x1, y1 = box
    near = rules.marks.shape[1] // 40  # a run may overshoot its corner a little
    sides = (rules.vertical[y0:y1, x0 : x0 + near], rules.vertical[y0:y1, max(x0, x1 - near) : x1])
    return y1 - y0 > 2 * near and all(side.any(axis=1).mean() > 0.5 for side in sides)


def _closed(runs: Mask, places: list[int], crossings: list[int], least: float) -> tuple[list[int], list[int]]:
    """``places`` of the lines across ``runs`` with those outer ones that a table open at its sides does not draw, and the latter.

    A side is open where at least two of the horizontal runs at the rows ``crossings`` go on for more than ``least`` pixels beyond
    the outermost line. All are counted from the corner of ``runs``.
    """
    ends = []
    for at in crossings:
        row = np.flatnonzero(runs[max(0, at - 2) : at + 3].any(axis=0))
        if row.size:
            ends.append((int(row[0]), int(row[-1])))
    if len(ends) < 2:
        return places, []
    # about where the second outermost ends: one alone may have run into something
    first, last = sorted(a for a, _ in ends)[1], sorted(b for _, b in ends)[-2]
    first = int(np.median([a for a, _ in ends if abs(a - first) <= least]))
    last = int(np.median([b for _, b in ends if abs(b - last) <= least]))
    found = ([first] if first < places[0] - least else []) + places + ([last] if last > places[-1] + least else [])
    return found, [at for at in (found[0], found[-1]) if at not in places]


def _grid(rules: Rules, left: int, top: int, right: int, bottom: int) -> Grid | None:
    """The table in a part of the page, or None where there is none. Rows and columns are counted in pixels from its corner."""
    page_height, page_width = rules.marks.shape
    tolerance = max(4, page_height // 300)
    window = (slice(top, bottom), slice(left, right))
    marks, horizontal, vertical = rules.marks[window], rules.horizontal[window], rules.vertical[window]
    rows = _positions(horizontal, 1, min(page_width / 25, (right - left) * 0.8), 2 * tolerance)
    columns = _positions(vertical, 0, page_height / 70, 2 * tolerance)
    if not rows or not columns:
        return None
    rows, open_rows = _closed(vertical.T, rows, columns, page_width / 45)
    columns, open_columns = _closed(horizontal, columns, rows, page_width / 30)
    turned = np.ascontiguousarray(marks.T)
    ways = (
        Way(rules.grey[window], marks, rules.across[window], horizontal, tolerance, rules.thickness, np.inf),
        Way(
            np.ascontiguousarray(rules.grey[window].T),
            turned,
            np.ascontiguousarray(rules.down[window].T),
            np.ascontiguousarray(vertical.T),
            tolerance,
            rules.thickness,
            5 * rules.thickness,
        ),
    )
    for left_to_go in reversed(range(4)):
        if min(len(rows), len(columns)) < 2:
            return None
        seen_across, seen_down = judged(ways[0], rows, columns), judged(ways[1], columns, rows)
        across = _drawn(seen_across, columns, page_width / 18)
        down = _drawn(seen_down, rows, 0).T
        across &= ~_in_characters(ways[0], across, seen_across, rows, columns)
        down &= ~_in_characters(ways[1], down.T, seen_down, columns, rows).T
        across[[rows.index(at) for at in open_rows if at in rows]] = True
        down[:, [columns.index(at) for at in open_columns if at in columns]] = True
        _without_loose(across, down, np.diff(rows), np.diff(columns))
        _without_islands(across, down, rows, columns, page_width / 8)
        across &= ~_too_close(rows, across @ np.diff(columns), page_height / 110)[:, None]
        down &= ~_too_close(columns, np.diff(rows) @ down, page_width / 75)[None]
        shape = len(rows), len(columns)
        rows, across, down = _without_idle(rows, across, down)
        columns, down_turned, across_turned = _without_idle(columns, down.T, across.T)
        across, down = across_turned.T, down_turned.T
        if min(len(rows), len(columns)) > 1 and left_to_go:
            # strokes of characters beyond the outermost rule are no outer rule
            rows, more_rows = _closed(vertical.T, rows, columns, page_width / 45)
            columns, more_columns = _closed(horizontal, columns, rows, page_width / 30)
            open_rows, open_columns = open_rows + more_rows, open_columns + more_columns
        # without the lines that were none, edges are longer, and what is taken for them by chance is less
        if (len(rows), len(columns)) == shape:
            break
    if min(len(rows), len(columns)) < 2:
        return None
    # level strokes of lines of text that follow each other, with nothing at their ends
    if len(columns) == 2 and judged(ways[1], columns, rows)[..., 0].mean() < _SIDED:
        return None
    rows, columns = [top + y for y in rows], [left + x for x in columns]
    cells = tuple(
        RuledCell(r, c, high, wide, (columns[c], rows[r], columns[c + wide], rows[r + high]))
        for r, c, high, wide in _merged(across, down)
    )
    # a lone row that is short is words of a line of text whose strokes passed for rules
    if len(cells) < 2 or (len(rows) == 2 and columns[-1] - columns[0] < page_width / 3):
        return None
    return Grid(cells, len(rows) - 1, len(columns) - 1, (columns[0], rows[0], columns[-1], rows[-1]), rules.thickness)


def _without_loose(across: NDArray[np.bool_], down: NDArray[np.bool_], high: NDArray[np.int64], wide: NDArray[np.int64]) -> None:
    """Take from the edges those of very short lines that end at no other edge, again and again: a rule ends at others."""
    for _ in range(3):
        before = across.sum() + down.sum()
        for along, other, lengths in ((across, down.T, wide), (down.T, across, high)):
            # other[k, i] is the edge across this line's end k that lies after line i
            meets = np.zeros((along.shape[0], other.shape[0]), bool)
            meets[1:] |= other.T
            meets[:-1] |= other.T
            for line in np.flatnonzero((along * lengths).sum(axis=1) < _STROKE * lengths.sum()):
                edges = np.flatnonzero(np.diff(np.concatenate([[False], along[line], [False]]).astype(np.int8)))
                for start, end in edges.reshape(-1, 2):
                    along[line, start:end] &= bool(meets[line, start] and meets[line, end])
        if across.sum() + down.sum() == before:
            return


def _without_islands(
    across: NDArray[np.bool_], down: NDArray[np.bool_], rows: list[int], columns: list[int], least: float
) -> None:
    """Take from the edges those that hang together with few others, within ``least`` pixels: brackets and what is in them."""
    # each crossing and each edge is a point of a small picture, where edges touch the crossings that they end at
    drawn = np.zeros((2 * len(rows) - 1, 2 * len(columns) - 1), np.uint8)
    drawn[::2, 1::2], drawn[1::2, ::2] = across, down
    drawn[::2, ::2][:, :-1] |= drawn[::2, 1::2]
    drawn[::2, ::2][:, 1:] |= drawn[::2, 1::2]
    drawn[::2, ::2][:-1] |= drawn[1::2, ::2]
    drawn[::2, ::2][1:] |= drawn[1::2, ::2]
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(drawn, connectivity=4)
    for piece, (x, y, wide, high, _) in enumerate(stats[1:].tolist(), 1):
        extent = columns[(x + wide - 1) // 2] - columns[x // 2], rows[(y + high - 1) // 2] - rows[y // 2]
        if max(extent) < least:
            across &= pieces[::2, 1::2] != piece
            down &= pieces[1::2, ::2] != piece


def _too_close(places: list[int], lengths: NDArray[np.int64], least: float) -> NDArray[np.bool_]:
    """Return which lines leave no room for a row of characters to a longer one: strokes of characters next to a rule."""
    close = np.zeros(len(places), bool)
    for at in np.argsort(lengths, kind="stable"):
        beside = np.abs(np.array(places) - places[at]) < least
        beside[at] = False
        close[at] = bool((beside & ~close).any())
    return close


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
