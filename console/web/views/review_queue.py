"""The queue of a review: which open cell comes next, and which cells of its row are answered by the same look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection

from codebook.book import load_book
from codebook.confidence import surety
from codebook.text.numbers import whole
from console.web.views import case as cases
from console.web.views.case import File
from database.monitoring.read_models import ValueItem
from database.reports import corrections
from database.reports.reviewing import ReviewScope, doubtful_cells, open_cells, waiting
from tasks.validation.wording import column_label, row_label
from tasks.validation.wording import show as show_number

# Doubts that a look at the row answers: which numbers belong to it, in which of its columns, and how they read.
_OF_ROWS = ("label", "alignment", "blank", "count", "column", "joined", "ocr", "dirt", "shown", "text")


UNKNOWN = "?"
"""What stands in the field of a row whose value is not known well enough to be offered. It is no number, so that it is replaced
before the row is confirmed; an empty field would mean a blank cell."""


class InRow(NamedTuple):
    """A doubtful cell of the row. ``shown`` is its likely value, UNKNOWN where there is none; ``sure``: no other is possible."""

    cell: str
    column: str
    shown: str
    mark: str
    sure: bool


class TableRow(NamedTuple):
    """A row of a table with its ``label`` and those of its doubtful cells that can be only what was read, by their columns."""

    label: str
    cells: tuple[InRow, ...]


class OpenCell(NamedTuple):
    """A doubtful cell (or fact) of a document."""

    document: int
    cell: str


def open_of(connection: Connection, document: int) -> list[str]:
    """Return what is open of a document, in the order in which it is asked."""
    return cases.in_order([cell for cell in open_cells(connection, document) if cases.is_cell(cell)])


def next_case(connection: Connection, scope: ReviewScope, last: OpenCell | None) -> OpenCell | None:
    """The next open cell behind ``last``; the first one without it."""
    if last is None:
        return first_case(connection, scope, 0)
    place = cases.place_of(last.cell) if last.cell else (-1, 0)
    rest = [cell for cell in open_of(connection, last.document) if cases.place_of(cell) > place]
    return OpenCell(last.document, rest[0]) if rest else first_case(connection, scope, last.document + 1)


def first_case(connection: Connection, scope: ReviewScope, first: int) -> OpenCell | None:
    """The first open cell of the documents from number ``first`` on."""
    while items := waiting(connection, scope, first=first, limit=1):
        first = items[0].document_id + 1
        if cells := open_of(connection, items[0].document_id):
            return OpenCell(items[0].document_id, cells[0])
    return None


def row_of(file: File, cell: str, cells: Sequence[str]) -> list[InRow]:
    """The open cells of the same row, which a glance at the row may answer together."""
    indicators = load_book().indicators
    if cell not in indicators or file.report is None:
        return []
    mine = indicators[cell]
    values = [v for v in file.values if v.indicator in cells and _is_in(v.indicator, mine.block, mine.row)]
    raws = {reading.indicator: reading.raw for reading in file.report.readings}
    if any(not _is_of_row(v, raws) or indicators[v.indicator].column is None for v in values):
        return []
    found = sorted((_in_row(v, raws) for v in values), key=lambda one: cases.place_of(one.cell))
    return found if len(found) > 1 else []


def table_of(file: File, cell: str, cells: Sequence[str]) -> list[TableRow]:
    """The rows of the same table with open cells that can be only what was read; empty where these are of one row."""
    indicators = load_book().indicators
    if cell not in indicators or file.report is None:
        return []
    block = indicators[cell].block
    raws = {reading.indicator: reading.raw for reading in file.report.readings}
    values = [v for v in file.values if v.indicator in cells and indicators[v.indicator].block == block and _is_of_row(v, raws)]
    sure = sorted((one for v in values if (one := _in_row(v, raws)).sure), key=lambda one: cases.place_of(one.cell))
    rows = {row: tuple(its) for row, its in groupby(sure, key=lambda one: indicators[one.cell].row)}
    return [TableRow(row_label(block, row), its) for row, its in rows.items()] if len(rows) > 1 else []


def _is_in(cell: str, block: str, row: str) -> bool:
    own = load_book().indicators[cell]
    return (own.block, own.row) == (block, row)


def _is_of_row(value: ValueItem, raws: Mapping[str, str]) -> bool:
    return value.doubt in _OF_ROWS and value.indicator in raws


def _in_row(value: ValueItem, raws: Mapping[str, str]) -> InRow:
    own = load_book().indicators[value.indicator]
    possible = {whole(v) for v in (*(value.candidates or ()), value.value) if v is not None}
    likely = whole(value.value) if value.score >= surety().proposed else None
    shown = UNKNOWN if likely is None else show_number(likely)
    column = column_label(own.block, own.column) if own.column is not None else ""
    mark = corrections.mark_of(raws[value.indicator])
    return InRow(value.indicator, column, shown, mark, likely is not None and len(possible) == 1)


def picture_ahead(connection: Connection, at: OpenCell | None) -> OpenCell | None:
    """The cell of which the picture is fetched beforehand."""
    if at is None:
        return None
    boxed = any(v.indicator == at.cell and v.box is not None for v in doubtful_cells(connection, at.document))
    return at if boxed else None
