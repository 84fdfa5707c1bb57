"""Grids of cells with spans: the one table model for all sources.

:func:`lay_out` places cells that only name their spans (HTML), :func:`from_boxes` derives spans from drawn boxes (PDF), and
:func:`compact` takes off rows and columns that no cell begins, which sources leave behind (a colspan past the end, an empty tr).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Generic, TypeVar

from codebook.book import load_book
from codebook.errors import GongkaiError
from codebook.records import Cell, LightRecord, Place, Table
from codebook.text.chinese_numbers import ordinal_class
from codebook.text.fold import fold_label
from tasks.extraction.words import patterns

T = TypeVar("T")
U = TypeVar("U")
Box = tuple[float, float, float, float]
_SENTENCE = re.compile("[。；！]")
_BEYOND = 8  # characters by which a text that is no label is longer than the longest label of the forms
# a cell that can only be a value: digits in either width, or the strokes that stand for none
NUMERIC = re.compile(r"\s*+(?:[-+−－]?[\d０-９][\d０-９,，.．\s%％]*+|[/／—–-]++\s*+)")


class Slot(LightRecord, Generic[T], frozen=True):
    """Where a cell lies in its grid, from 0, how far it reaches, and what it holds."""

    row: int
    column: int
    row_span: int
    column_span: int
    content: T


def lay_out(rows: Sequence[Sequence[tuple[int, int, T]]], max_columns: int) -> list[Slot[T]]:
    """Place the cells (row_span, column_span, content) of each row as browsers do, without overlaps.

    A row span of 0, or one past the end, reaches the last row. A column span that would run into a cell from above ends there.
    Raises ``file.too_large`` when the grid is wider than ``max_columns``.
    """
    slots: list[Slot[T]] = []
    taken: list[int] = []  # for each column, the first row in which it is free again
    for row, cells in enumerate(rows):
        column = 0
        for wish, width, content in cells:
            while column < len(taken) and taken[column] > row:
                column += 1
            height = len(rows) - row if wish == 0 else min(wish, len(rows) - row)
            end = column + 1
            while end < column + width and (end >= len(taken) or taken[end] <= row):
                end += 1
            if end > max_columns:
                raise GongkaiError("file.too_large", f"a table of {end} columns", f"at most {max_columns}")
            taken.extend([0] * (end - len(taken)))
            taken[column:end] = [row + height] * (end - column)
            slots.append(Slot(row, column, height, end - column, content))
            column = end
    return slots


def refill(slot: Slot[T], content: U) -> Slot[U]:
    """The same place in the grid with another content."""
    return Slot(slot.row, slot.column, slot.row_span, slot.column_span, content)


def cluster(values: Iterable[float], tolerance: float) -> list[float]:
    """The distinct positions among ``values``, ascending: those nearer than ``tolerance`` to the one before are the same."""
    result: list[float] = []
    last = float("-inf")
    for value in sorted(values):
        if value - last > tolerance:
            result.append(value)
        last = value
    return result


def nearest(positions: Sequence[float], value: float) -> int:
    """The index of the position nearest to ``value``; ``positions`` ascend and are not empty."""
    at = bisect_left(positions, value)
    if at == 0:
        return 0
    if at == len(positions):
        return at - 1
    return at if positions[at] - value < value - positions[at - 1] else at - 1


def from_boxes(boxes: Sequence[Box], tolerance: float = 2.0) -> list[Slot[int]]:
    """The grid of drawn boxes (x0, top, x1, bottom), spans derived from the lines that they cross.

    The content of a slot is the index of its box; boxes that lie over others are left out.
    """
    xs = cluster((x for box in boxes for x in (box[0], box[2])), tolerance)
    ys = cluster((y for box in boxes for y in (box[1], box[3])), tolerance)
    slots = []
    taken: set[tuple[int, int]] = set()
    for index, (x0, top, x1, bottom) in enumerate(boxes):
        row, column = nearest(ys, top), nearest(xs, x0)
        height, width = nearest(ys, bottom) - row, nearest(xs, x1) - column
        area = {(r, c) for r in range(row, row + height) for c in range(column, column + width)}
        if not area or area & taken:
            continue  # thinner than the tolerance, or a frame drawn over cells: its text belongs to the cells
        taken |= area
        slots.append(Slot(row, column, height, width, index))
    return sorted(slots, key=lambda slot: (slot.row, slot.column))


def covered_share(box: Box, by: Box) -> float:
    """The share of ``box`` that lies in ``by``."""
    wide, high = min(box[2], by[2]) - max(box[0], by[0]), min(box[3], by[3]) - max(box[1], by[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max(0.0, wide) * max(0.0, high) / area if area else 0.0


def compact(slots: Sequence[Slot[T]]) -> list[Slot[T]]:
    """The same grid without rows and columns in which no cell begins."""
    rows = _ranks({slot.row for slot in slots}, max((s.row + s.row_span for s in slots), default=0))
    columns = _ranks({slot.column for slot in slots}, max((s.column + s.column_span for s in slots), default=0))
    return [
        Slot(
            rows[slot.row],
            columns[slot.column],
            rows[slot.row + slot.row_span] - rows[slot.row],
            columns[slot.column + slot.column_span] - columns[slot.column],
            slot.content,
        )
        for slot in slots
    ]


def _ranks(begun: set[int], size: int) -> list[int]:
    """For each index 0..size, how many begun rows (or columns) lie before it."""
    ranks = [0]
    for index in range(size):
        ranks.append(ranks[-1] + (index in begun))
    return ranks


def make_table(cells: Iterable[Cell], place: Place) -> Table:
    """The table of these cells, in reading order. Rows and columns are as many as the cells reach."""
    ordered = tuple(sorted(cells, key=lambda cell: (cell.row, cell.column)))
    return Table(
        ordered,
        max((cell.row + cell.row_span for cell in ordered), default=0),
        max((cell.column + cell.column_span for cell in ordered), default=0),
        place,
    )


def prose_rows(slots: Sequence[Slot[str]]) -> set[int]:
    """The rows that are not part of a table although they lie in its grid: a chapter heading or a paragraph in one cell across.

    All rows of a grid with one column are prose: it is a frame, not a table.
    """
    width = max((slot.column + slot.column_span for slot in slots), default=0)
    if width <= 1:
        return {slot.row for slot in slots}
    return {slot.row for slot in slots if slot.column_span == width and slot.row_span == 1 and is_prose(slot.content)}


def is_prose(text: str) -> bool:
    """Return whether a text that stands alone in its row is a paragraph or the title of a chapter, and no row of the table."""
    text = text.strip()
    if len(text) >= _longest_label() + _BEYOND:
        return bool(_SENTENCE.search(text))
    return bool(patterns().heading.match(text)) and fold_label(_numbering().sub("", text)) in _chapters()


@cache
def _numbering() -> re.Pattern[str]:
    """The number before a chapter's title: 一、"""
    return re.compile(rf"^\s*[{ordinal_class()}]{{1,2}}\s*[、．.]")


@cache
def _longest_label() -> int:
    """The length of the longest row label of all forms, in characters."""
    return max(len(label.label) for block in load_book().blocks.values() for label in block.rows.values())


@cache
def _chapters() -> frozenset[str]:
    """The chapter titles of all forms, folded. Other numbered rows across a table (item groups of form 2014) belong to it."""
    chapters = [chapter for form in load_book().forms.values() for chapter in form.sections]
    return frozenset(fold_label(title) for chapter in chapters for title in (chapter.title, *chapter.variants))


def pieces(slots: Sequence[Slot[T]], prose: set[int]) -> list[tuple[list[Slot[T]], bool]]:
    """The grid cut at its prose rows, in order, each piece compacted, with whether it is prose (such a row, or one column)."""
    last = max((slot.row for slot in slots), default=-1)
    groups: list[list[Slot[T]]] = [[]]
    group_of: dict[int, int] = {}
    for row in range(last + 1):
        if row in prose or (row - 1) in prose:
            groups.append([])
        group_of[row] = len(groups) - 1
    for slot in slots:
        groups[group_of[slot.row]].append(slot)
    result = []
    for group in groups:
        if piece := compact(group):
            narrow = all(slot.column == 0 and slot.column_span == 1 for slot in piece)
            result.append((piece, narrow or group[0].row in prose))
    return result
