"""Rules between rows that a copy lost, drawn again by what the cells say.

Where a level rule is not in a copy at all, two rows are one: its cells hold a number below another one, and two labels. They are
parted where labels and numbers both show where: each part of the label is one of the forms, or begins as these do, and its
number is level with its first line, or with its middle, as those of the other parts are. So is a row of numbers from the heads of
its columns. What fits in no way, or in several, is left as it is: a doubt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tasks.ocr.engines.printed import begins_label, half_width, known_label
from tasks.ocr.grids.table_grid import Grid, RuledCell
from tasks.ocr.layout import Box

_SAME = 0.5  # of the height of a character: lines beside each other are no further apart
_MOST = 12  # rows that were one
_HEADS = 3  # columns with a head and a number, at least
_NUMBER = re.compile(r"[-\d.,|/\u2014\u2013\u2015\u4e00_%]+")  # digits, and what stands for no number


class CellLine(NamedTuple):
    """A line of a cell: its box, and what it says."""

    box: Box
    text: str


class Part(NamedTuple):
    """A cell of the grid: which of the first grid's it was, and which of that one's lines are in it."""

    cell: RuledCell
    of: int
    lines: tuple[int, ...]


class _PartedRow(NamedTuple):
    """Between which heights (pixels) a row is parted, and the lines of its cells, by their place among the parts, in each row."""

    at: list[int]
    lines: dict[int, list[list[int]]]


def with_lost_rules(grid: Grid, said: Sequence[Sequence[CellLine]], size: int) -> tuple[Grid, list[Part]]:
    """Return the grid with the rules that its copy lost, as far as the lines of its cells show where they ran.

    ``said`` are the lines of each cell from top to bottom, ``size`` the height of a character in pixels.
    """
    parts = [Part(cell, i, tuple(range(len(said[i])))) for i, cell in enumerate(grid.cells)]
    rows = grid.rows
    for row in reversed(range(grid.rows)):
        division = _rows_of(row, parts, said, size) or _heads_of(row, parts, said, size)
        if division is not None:
            parts = _divided(row, parts, division)
            rows += len(division.at)
    if rows == grid.rows:
        return grid, parts
    parts.sort(key=lambda part: (part.cell.row, part.cell.column))
    return grid._replace(cells=tuple(part.cell for part in parts), rows=rows), parts


def _middle(line: CellLine) -> float:
    return (line.box[1] + line.box[3]) / 2


def _is_number(line: CellLine) -> bool:
    return _NUMBER.fullmatch(half_width(line.text)) is not None


def _rows_of(row: int, parts: Sequence[Part], said: Sequence[Sequence[CellLine]], size: int) -> _PartedRow | None:
    """How a row is parted that holds several rows, each with a label; None where it is one, or does not show it."""
    alone = {i: part for i, part in enumerate(parts) if part.cell.row == row and part.cell.row_span == 1}
    lines = {i: [said[part.of][line] for line in part.lines] for i, part in alone.items()}
    numbers = [own for own in lines.values() if own and all(map(_is_number, own))]
    bands = _bands([line for own in numbers for line in own], size)
    if not 2 <= len(bands) <= _MOST or not any(len(own) == len(bands) for own in numbers):
        return None
    found: dict[int, list[list[int]]] = {}
    at: list[int] = []
    # from right to left: numbers and units, the label beside them, then labels of groups of rows
    for i in sorted(alone, key=lambda i: -alone[i].cell.column):
        own = lines[i]
        if not at and (groups := _beside(own, bands, size)) and not any(begins_label(line.text) for line in own):
            found[i] = groups
        elif not at:
            if (groups := _labels(own, bands, size)) is None:
                return None
            at = _between(own, groups)
            found[i] = groups
        elif (groups := _labels(own, bands, size)) and _are_within(own, groups, at):
            found[i] = groups
    if not at or not all(_are_within(lines[i], groups, at) for i, groups in found.items()):
        return None
    return _PartedRow(at, {i: [[alone[i].lines[line] for line in group] for group in groups] for i, groups in found.items()})


def _between(lines: Sequence[CellLine], groups: Sequence[Sequence[int]]) -> list[int]:
    """The heights in the middle between the lines of neighbouring groups."""
    return [(lines[above[-1]].box[3] + lines[below[0]].box[1]) // 2 for above, below in pairwise(groups)]


def _are_within(lines: Sequence[CellLine], groups: Sequence[Sequence[int]], at: Sequence[int]) -> bool:
    """Return whether the middle of each line lies in the row of its group; ``at`` is where rows are parted."""
    spans = pairwise((-np.inf, *at, np.inf))
    return all(top < _middle(lines[i]) < bottom for group, (top, bottom) in zip(groups, spans, strict=True) for i in group)


def _bands(lines: Sequence[CellLine], size: int) -> list[float]:
    """The heights at which numbers are level with each other, from top to bottom."""
    rows: list[list[float]] = []
    for middle in sorted(map(_middle, lines)):
        if rows and middle - rows[-1][-1] < _SAME * size:
            rows[-1].append(middle)
        else:
            rows.append([middle])
    return [float(np.median(row)) for row in rows]


def _beside(lines: Sequence[CellLine], bands: Sequence[float], size: int) -> list[list[int]] | None:
    """The lines that stand at each of the heights, at most one; None where one stands at none of them."""
    groups: list[list[int]] = [[] for _ in bands]
    for i, line in enumerate(lines):
        nearest = int(np.abs(np.array(bands) - _middle(line)).argmin())
        if abs(bands[nearest] - _middle(line)) > _SAME * size or groups[nearest]:
            return None
        groups[nearest].append(i)
    return groups


def _first(lines: Sequence[CellLine]) -> float:
    return _middle(lines[0])


def _centre(lines: Sequence[CellLine]) -> float:
    return (lines[0].box[1] + lines[-1].box[3]) / 2


def _labels(lines: Sequence[CellLine], bands: Sequence[float], size: int) -> list[list[int]] | None:
    """The lines of a cell as labels of which each is level with its number; None where there is no way, or several."""
    ways = {way for where in (_first, _centre) for way in _ways(lines, bands, where, size)}
    return [list(range(*span)) for span in pairwise(ways.pop())] if len(ways) == 1 else None


def _ways(
    lines: Sequence[CellLine], bands: Sequence[float], where: Callable[[Sequence[CellLine]], float], size: int
) -> list[tuple[int, ...]]:
    """All ways to part lines into labels for the ``bands``: where each begins, and the end."""
    ways: list[tuple[int, ...]] = [(0,)]
    for left, band in zip(reversed(range(len(bands))), bands, strict=True):
        more = []
        for way in ways:
            for end in range(way[-1] + 1, len(lines) - left + 1) if left else (len(lines),):
                label = lines[way[-1] : end]
                if label and abs(where(label) - band) <= _SAME * size and _is_label(label):
                    more.append((*way, end))
        ways = more
    return ways


def _is_label(lines: Sequence[CellLine]) -> bool:
    first, *others = (line.text for line in lines)
    return known_label(first + "".join(others)) is not None or (begins_label(first) and not any(map(begins_label, others)))


def _heads_of(row: int, parts: Sequence[Part], said: Sequence[Sequence[CellLine]], size: int) -> _PartedRow | None:
    """How a row is parted that holds the heads of its columns and the numbers below these; None where it does not."""
    ending = {i: part for i, part in enumerate(parts) if part.cell.row + part.cell.row_span - 1 == row}
    lines = {i: [said[part.of][line] for line in part.lines] for i, part in ending.items()}
    if len(ending) < _HEADS or any(len(own) < 2 or not _is_number(own[-1]) for own in lines.values()):
        return None
    if len(_bands([own[-1] for own in lines.values()], size)) != 1:
        return None
    if any(known_label("".join(line.text for line in own[:-1])) is None for own in lines.values()):
        return None
    above, below = max(own[-2].box[3] for own in lines.values()), min(own[-1].box[1] for own in lines.values())
    if above > below:
        return None
    return _PartedRow([(above + below) // 2], {i: [list(part.lines[:-1]), [part.lines[-1]]] for i, part in ending.items()})


def _divided(row: int, parts: Sequence[Part], division: _PartedRow) -> list[Part]:
    """The cells with ``row`` parted; what is not divided reaches over the new rows."""
    more = len(division.at)
    found: list[Part] = []
    for i, part in enumerate(parts):
        cell = part.cell
        x0, y0, x1, y1 = cell.box
        if i in division.lines:
            heights = [y0, *division.at, y1]
            for at, lines in enumerate(division.lines[i]):
                box = (x0, heights[at], x1, heights[at + 1])
                first, span = (cell.row, cell.row_span) if at == 0 else (row + at, 1)
                found.append(Part(RuledCell(first, cell.column, span, cell.column_span, box), part.of, tuple(lines)))
        elif cell.row > row:
            found.append(part._replace(cell=cell._replace(row=cell.row + more)))
        elif cell.row + cell.row_span > row:
            found.append(part._replace(cell=cell._replace(row_span=cell.row_span + more)))
        else:
            found.append(part)
    return found
