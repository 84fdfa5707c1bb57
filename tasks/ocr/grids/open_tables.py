"""Tables without any rule: rows and columns by where numbers stand, and the labels beside them.

Numbers that stand below each other are columns. Each line of them is a row, and the lines of text to the left are divided among
the rows so that each label is next to its numbers, in the middle of its row or at its top. Where no such division fits all
rows closely, the table is left as lines of text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tasks.ocr.grids.table_grid import Grid, RuledCell
from tasks.ocr.layout import Box

_LEAST_ROWS, _LEAST_COLUMNS, _LEAST_CELLS = 2, 2, 8
_WIDEST = 4.5  # times the height of a character: a number is no wider
_USUAL = 2.2  # the same, of the usual width of a column's numbers; a column of words is wider
_APART = 14.0  # the same: the rows of one table are nearer to each other
_ABOVE, _BELOW = 11.0, 8.0  # the same: no header is higher, and no label reaches further below its number
_MOST_LINES = 12  # of one label
_CLOSE = 0.4  # the same: lines of one label are nearer to each other
_MEAN_OFF = 0.1  # the mean of the squares of what labels are off, in heights of a character
_OFF = 0.5  # the same: by how much the middle of a label may be off that of its numbers
_REACH_OVER = 0.4  # share of labels that may reach over what parts groups of rows from the rows in them
_PARTED = 0.1  # the same for each line that seems to be of two labels
_HEADER_LINES = 4  # of columns that are named in narrow pieces
_LEFT_OVER = 0.1  # how much worse a division is for each line before the first or after the last row
_LOOSE = 0.75  # of the height of a character: lines of one label are no further apart
_WIDE = 0.2  # how much worse a division is for each height of a character between lines of one label
_LEFT_OUT = 0.01  # how much worse a division is for each line that is no label of a row
_SHARE = 0.5  # of the rows that have a number in a column


class OpenTable(NamedTuple):
    """A table without rules, as if they were drawn, with the boxes of the lines in each of its cells."""

    grid: Grid
    cell_lines: list[list[Box]]


def find_open_tables(pieces: Sequence[Box], size: int) -> list[OpenTable]:
    """Return the tables among the ``pieces`` of the lines of a page; ``size`` is the height of a character in pixels."""
    found: list[OpenTable] = []
    ordered = [sorted(line) for line in _rows(pieces, size)]
    for zone in _zones(ordered, size):
        if (table := _first_table(ordered, zone, size)) is not None:
            found.append(table)
    return found


def _first_table(lines: list[list[Box]], zone: list[list[Box]], size: int) -> OpenTable | None:
    """The table that begins first in a zone, or None. What is before it are lines of its header, or of other columns."""
    for skip in range(len(zone) - _LEAST_ROWS + 1):
        columns = _columns(zone[skip:], size)
        before = zone[: max(0, skip - _HEADER_LINES)]
        if any(2 * sum(_column(box, columns) is not None for box in line) > len(columns) for line in before):
            continue  # a row of its own would be lost
        if (table := _table(lines, zone[skip:], columns, size)) is not None:
            return table
    return None


def _middle(box: Box) -> float:
    return (box[1] + box[3]) / 2


def _is_narrow(box: Box, size: int) -> bool:
    return box[2] - box[0] <= _WIDEST * size and box[3] - box[1] <= 1.6 * size


def _zones(lines: list[list[Box]], size: int) -> list[list[list[Box]]]:
    """Lines with several narrow pieces that follow each other closely, with nothing between them that reaches over them."""
    zones: list[list[list[Box]]] = []
    last: list[Box] = []
    for line in lines:
        narrow = [box for box in line if _is_narrow(box, size)]
        if len(narrow) >= _LEAST_COLUMNS:
            if last and _middle(line[0]) - _middle(last[0]) <= _APART * size:
                zones[-1].append(line)
            else:
                zones.append([line])
            last = line
        elif last and _reaches_over(line, _first_number(last, size), size):
            last = []  # a heading or a sentence
    return [zone for zone in zones if len(zone) >= _LEAST_ROWS]


def _first_number(line: list[Box], size: int) -> Box:
    """The first of the narrow pieces at the end of a line that stand apart."""
    at = len(line) - 1
    while at and _is_narrow(line[at - 1], size) and line[at][0] - line[at - 1][2] > size:
        at -= 1
    return line[at]


def _reaches_over(line: list[Box], number: Box, size: int) -> bool:
    """Return whether one of a line's pieces, with those that follow it closely, reaches from the left over a number's place."""
    left = right = line[0][0]
    for box in line:
        left, right = (left if box[0] - right < 1.2 * size else box[0]), box[2]
        if left < number[0] - size and right > number[2]:
            return True
    return False


def _columns(zone: list[list[Box]], size: int) -> list[tuple[int, int]]:
    """Where the columns of numbers stand: ranges of x in which most rows have a short piece, from left to right."""
    labels = max((box[0] for line in zone for box in line if not _is_narrow(box, size)), default=0)
    pieces = sorted((box, row) for row, line in enumerate(zone) for box in line if _is_narrow(box, size) and box[0] > labels)
    groups: list[list[tuple[Box, int]]] = []
    right = -1
    for box, row in pieces:
        if groups and box[0] <= right:
            groups[-1].append((box, row))
        else:
            groups.append([(box, row)])
        right = max(right, box[2]) if groups[-1][0][0] != box else box[2]
    return [
        (min(box[0] for box, _ in group), max(box[2] for box, _ in group))
        for group in groups
        if len({row for _, row in group}) >= _SHARE * len(zone)
        and float(np.median([box[2] - box[0] for box, _ in group])) <= _USUAL * size
    ]


def _table(lines: list[list[Box]], zone: list[list[Box]], columns: list[tuple[int, int]], size: int) -> OpenTable | None:
    if len(columns) < _LEAST_COLUMNS:
        return None
    first, last = columns[0][0], columns[-1][1]
    top, bottom = min(_middle(line[0]) for line in zone), max(_middle(line[0]) for line in zone)
    near = [box for line in lines for box in line if top - _ABOVE * size < _middle(box) < bottom + _BELOW * size]
    numbers = [box for box in near if box[0] >= first - size // 4 and top - size / 2 < _middle(box) < bottom + size / 2]
    if any(_column(box, columns) is None for box in numbers):
        return None
    rows = _rows(numbers, size)
    at = [float(np.median([_middle(box) for box in row])) for row in rows]
    labels = [box for box in near if box[2] <= first - size // 4]
    if len(rows) < _LEAST_ROWS or len(numbers) < _LEAST_CELLS or not labels:
        return None
    edge = max(box[2] for box in labels)
    gutters = _gutters(labels, size)
    ways = [
        (
            way.cost + _LEFT_OUT * sum(map(len, parents)) + _PARTED * _parted(way.labels, size),
            way,
            parents,
        )
        for gutter in (0, *gutters)
        for below in (False, True)
        for leaves, parents in [_leaves(labels, gutter, at, size, below=below)]
        if (way := _divided(leaves, at, size)) is not None
    ]
    if not ways:
        return None
    _, divided, parents = min(ways, key=lambda way: way[0])
    header = _header(near, columns, edge, top, size)
    starts = sorted({min(box[0] for box in labels) - 1, *gutters, (edge + first) // 2})
    borders = [*starts, *((a[1] + b[0]) // 2 for a, b in pairwise(columns)), last + size]
    highest = min((box[1] for _, _, lines in header for box in lines), default=round(top)) - size / 2
    higher = [block for block in parents if _middle(block[-1]) < top - size]
    above = [box for box in (*divided.above, *(box for block in higher for box in block)) if box[1] > highest]
    parents = [block for block in parents if block not in higher]
    return _drawn(_Parts(rows, at, divided.labels, parents, header, above), columns, borders, len(starts) - 1, size)


class _Parts(NamedTuple):
    """What a table is made of: rows of numbers and where they stand, the label of each, what stands above and beside them."""

    rows: list[list[Box]]
    at: list[float]
    labels: list[list[Box]]
    parents: list[list[Box]]
    header: list[tuple[int, int, list[Box]]]
    skipped: list[Box]


def _column(box: Box, columns: list[tuple[int, int]]) -> int | None:
    """The column in which a piece stands, or None when it reaches over several or stands between them."""
    over = [i for i, (left, right) in enumerate(columns) if box[0] <= right and left <= box[2]]
    return over[0] if len(over) == 1 else None


def _rows(numbers: Sequence[Box], size: int) -> list[list[Box]]:
    rows: list[list[Box]] = []
    for box in sorted(numbers, key=_middle):
        if rows and _middle(box) - _middle(rows[-1][-1]) < 0.45 * size:
            rows[-1].append(box)
        else:
            rows.append([box])
    return rows


def _gutters(labels: list[Box], size: int) -> list[int]:
    """Where labels that stand beside each other are parted: groups of rows, and the rows in them, from left to right.

    A gap behind a mark within one label is none: most other labels reach over it.
    """
    over = np.zeros(max(box[2] for box in labels) + 1, np.int64)
    for box in labels:
        over[box[0] : box[2]] += 1
    found: dict[int, int] = {}
    for box in labels:
        right = [other[0] for other in labels if other[0] > box[2] and abs(_middle(other) - _middle(box)) < size / 2]
        if not right:
            continue
        gap = over[box[2] : min(right)]
        lowest = np.flatnonzero(gap == gap.min())
        at = box[2] + int(lowest[lowest.size // 2])
        if over[at] <= _REACH_OVER * len(labels) <= sum(other[0] >= at for other in labels):
            found[at] = int(over[at])
    kept: list[int] = []
    for at in sorted(found, key=lambda x: (found[x], x)):
        if all(abs(at - other) > 1.5 * size for other in kept):
            kept.append(at)
    return sorted(kept)


def _leaves(labels: list[Box], gutter: int, at: list[float], size: int, *, below: bool) -> tuple[list[Box], list[list[Box]]]:
    """The lines of the labels of rows, which reach beyond ``gutter``, and those of groups of rows, together where they follow
    each other.

    With ``below`` the last, short line of a label that reaches over the gutter belongs to it.
    """
    leaves = [box for box in labels if box[2] > gutter]
    blocks: list[list[Box]] = []
    for box in sorted((box for box in labels if box[2] <= gutter), key=_middle):
        if below and any(leaf[0] < gutter and _follows(leaf, box, size) for leaf in leaves):
            leaves.append(box)
            continue
        for block in blocks:
            if _follows(_around(block), box, size):
                block.append(box)
                break
        else:
            blocks.append([box])
    # a row whose label is short, and stands where groups have theirs
    for block in list(blocks):
        row = min(at, key=lambda y: abs(y - _middle(block[0])))
        if (
            len(block) == 1
            and abs(row - _middle(block[0])) < 0.35 * size
            and not any(abs(_middle(b) - row) < size for b in leaves)
        ):
            blocks.remove(block)
            leaves.append(block[0])
    return sorted(leaves, key=_middle), blocks


def _parted(labels: list[list[Box]], size: int) -> int:
    """How many lines of labels are in pieces so far apart that one of them belongs to another label."""
    lines = [sorted(line) for label in labels for line in _rows(label, size)]
    return sum(any(b[0] - a[2] > size for a, b in pairwise(line)) for line in lines)


def _follows(above: Box, box: Box, size: int) -> bool:
    """Return whether a line stands close below another one."""
    return -size / 3 < box[1] - above[3] < 0.6 * size and box[0] <= above[2] and above[0] <= box[2]


class _Division(NamedTuple):
    """The lines of the label of each row, those above the first, and how well they fit (less is better)."""

    labels: list[list[Box]]
    above: list[Box]
    cost: float


def _divided(leaves: list[Box], at: list[float], size: int) -> _Division | None:
    """The lines of labels divided among the rows at heights ``at``; None where they do not fit.

    Labels stand in the middle of their rows, or all at the top of them.
    """
    lines = _rows(leaves, size)
    ways = [way for where in (_centre, _first) if (way := _fitted(lines, at, where, size))]
    if not ways:
        return None
    cost, begins = min(ways, key=lambda way: way[0])
    spans = list(zip(pairwise(begins), at, strict=True))
    off = min(sum((where(lines[a:b]) - y) ** 2 for (a, b), y in spans) for where in (_centre, _first))
    # a line that is left over stands apart, or it belongs to the label beside it
    torn = [at for at in (begins[0], begins[-1]) if 0 < at < len(lines) and _gap(lines[at - 1], lines[at]) < _CLOSE * size]
    if torn or off > _MEAN_OFF * len(at) * size * size:
        return None
    groups = [[box for line in lines[a:b] for box in line] for a, b in pairwise(begins)]
    if any(len(line) > 3 for group in groups for line in _rows(group, size)):
        return None  # numbers
    return _Division(groups, [box for line in lines[: begins[0]] for box in line], cost)


def _gap(above: list[Box], below: list[Box]) -> int:
    return min(box[1] for box in below) - max(box[3] for box in above)


def _centre(lines: list[list[Box]]) -> float:
    return (min(box[1] for box in lines[0]) + max(box[3] for box in lines[-1])) / 2


def _first(lines: list[list[Box]]) -> float:
    return float(np.median([_middle(box) for box in lines[0]]))


def _fitted(
    lines: list[list[Box]], at: list[float], where: Callable[[list[list[Box]]], float], size: int
) -> tuple[float, list[int]] | None:
    """How well lines fit rows, less is better, and where each row's lines begin; None where one does not.

    Each row has at least one line. Lines before the first and after the last row may be left over, but rather not.
    """
    best: dict[int, tuple[float, list[int]]] = {start: (_LEFT_OVER * start, [start]) for start in range(len(lines))}
    for y in at:
        after: dict[int, tuple[float, list[int]]] = {}
        for start, (cost, begins) in best.items():
            wide = 0.0
            for end in range(start + 1, min(len(lines), start + _MOST_LINES) + 1):
                if end > start + 1:
                    gap = max(0, _gap(lines[end - 2], lines[end - 1])) / size
                    wide += _WIDE * gap
                    if gap > _LOOSE:
                        break
                off = abs(where(lines[start:end]) - y) / size
                worse = cost + off * off + wide
                if off <= _OFF and (end not in after or worse < after[end][0]):
                    after[end] = (worse, [*begins, end])
        best = after
    ways = [(cost + _LEFT_OVER * (len(lines) - begins[-1]), begins) for cost, begins in best.values()]
    return min(ways, key=lambda way: way[0], default=None)


def _header(
    near: list[Box], columns: list[tuple[int, int]], edge: int, top: float, size: int
) -> list[tuple[int, int, list[Box]]]:
    """What stands above the columns: (column, number of columns, lines), from the lowest up, as far as nothing reaches over both
    labels and columns.
    """
    above = sorted((box for box in near if _middle(box) < top - size / 2), key=_middle, reverse=True)
    cells: list[tuple[int, int, list[Box]]] = []
    last = top
    for box in above:
        if last - _middle(box) > 3 * size or box[0] <= edge < columns[0][0] < box[2] or box[3] - box[1] > 1.6 * size:
            break
        if box[2] <= edge:
            continue
        last = min(last, _middle(box))
        over = [i for i, (left, right) in enumerate(columns) if box[0] <= right and left <= box[2]]
        if not over:
            return []
        at, wide = over[0], over[-1] - over[0] + 1
        below = next((cell for cell in cells if cell[0] == at and cell[1] == wide and cell[2][0][1] - box[3] < 0.5 * size), None)
        if below:
            below[2].insert(0, box)
        else:
            cells.append((at, wide, [box]))
    return cells


def _drawn(parts: _Parts, columns: list[tuple[int, int]], borders: list[int], labels: int, size: int) -> OpenTable:
    """The table with its cells: ``labels`` columns of labels, then those of numbers, between ``borders``."""
    levels = sorted({round(np.mean([_middle(box) for box in lines]) / size * 2) for _, _, lines in parts.header})
    cells: list[tuple[RuledCell, list[Box]]] = []
    for at, wide, lines in parts.header:
        row = levels.index(round(np.mean([_middle(box) for box in lines]) / size * 2))
        cells.append((RuledCell(row, labels + at, 1, wide, _around(lines)), lines))
    heights = [round(parts.at[0] - size), *(round((a + b) / 2) for a, b in pairwise(parts.at)), round(parts.at[-1] + size)]
    for at, (numbers, label) in enumerate(zip(parts.rows, parts.labels, strict=True)):
        row = len(levels) + at
        left = max((i for i in range(labels) if borders[i] <= min(box[0] for box in label)), default=0)
        cells.append((RuledCell(row, left, 1, labels - left, _around(label)), [_around(line) for line in _rows(label, size)]))
        for i in range(len(columns)):
            lines = [box for box in numbers if _column(box, columns) == i]
            box = (borders[labels + i], heights[at], borders[labels + i + 1], heights[at + 1])
            cells.append((RuledCell(row, labels + i, 1, 1, box), lines))
    for block in parts.parents:
        row = len(levels) + int(np.abs(np.array(parts.at) - _middle(block[0])).argmin())
        column = max((i for i in range(labels) if borders[i] <= block[0][0]), default=0)
        if not any(cell.row == row and cell.column <= column < cell.column + cell.column_span for cell, _ in cells):
            cells.append((RuledCell(row, column, 1, 1, _around(block)), block))
    if parts.skipped and levels:
        cells.append((RuledCell(0, 0, 1, labels, _around(parts.skipped)), [_around(line) for line in _rows(parts.skipped, size)]))
    cells.sort(key=lambda pair: (pair[0].row, pair[0].column))
    outline = _around([box for _, lines in cells for box in lines])
    grid = Grid(tuple(cell for cell, _ in cells), len(levels) + len(parts.rows), labels + len(columns), outline, 0)
    return OpenTable(grid, [[_wider(box, size) for box in lines] for _, lines in cells])


def _wider(box: Box, size: int) -> Box:
    """A little more than the ink: the threshold may have missed the faint side of a character."""
    more = max(2, size // 12)
    return (max(0, box[0] - more), max(0, box[1] - 1), box[2] + more, box[3] + 1)


def _around(boxes: Sequence[Box]) -> Box:
    return (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
