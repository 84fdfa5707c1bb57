"""The queue of a review: which open cell comes next, and which cells of its row are answered by the same look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from codebook.book import load_book
from codebook.text.numbers import whole
from console.web.views import case as cases
from console.web.views.case import File
from database.reports import corrections
from database.reports.reviewing import ReviewScope, doubtful_cells, open_cells, waiting
from tasks.validation.wording import column_label
from tasks.validation.wording import show as show_number

# Doubts that a look at the row answers: which numbers belong to it, in which of its columns, and how they read.
_OF_ROWS = ("label", "alignment", "blank", "count", "column", "joined", "ocr")


class InRow(NamedTuple):
    """A doubtful cell of the row. ``shown`` is its likely value, "" where there is none; ``sure``: no other is possible."""

    cell: str
    column: str
    shown: str
    mark: str
    sure: bool


class OpenCell(NamedTuple):
    """A doubtful cell (or fact) of a document."""

    document: int
    cell: str


def open_of(connection: Connection, document: int) -> list[str]:
    """Return what is open of a document, in the order in which it is asked."""
    return cases.in_order([cell for cell in open_cells(connection, document) if cases.is_cell(cell)])


def next_case(connection: Connection, scope: ReviewScope, last: OpenCell | None) -> OpenCell | None:
    """The next open cell behind ``last``; the first one without it."""
    first = 0
    if last is not None:
        place = cases.place_of(last.cell) if last.cell else (-1, 0)
        rest = [cell for cell in open_of(connection, last.document) if cases.place_of(cell) > place]
        if rest:
            return OpenCell(last.document, rest[0])
        first = last.document + 1
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
    raws = {reading.indicator: reading.raw for reading in file.report.readings}
    found: list[InRow] = []
    for value in (v for v in file.values if v.indicator in cells):
        own = indicators[value.indicator]
        if (own.block, own.row) != (mine.block, mine.row):
            continue
        if value.doubt not in _OF_ROWS or value.indicator not in raws or own.column is None:
            return []
        possible = {whole(v) for v in (*(value.candidates or ()), value.value) if v is not None}
        likely = whole(value.value)
        shown = "" if likely is None else show_number(likely)
        mark = corrections.mark_of(raws[value.indicator])
        sure = likely is not None and len(possible) == 1
        found.append(InRow(value.indicator, column_label(own.block, own.column), shown, mark, sure))
    found.sort(key=lambda one: cases.place_of(one.cell))
    return found if len(found) > 1 else []


def picture_ahead(connection: Connection, at: OpenCell | None) -> OpenCell | None:
    """The cell of which the picture is fetched beforehand."""
    if at is None:
        return None
    boxed = any(v.indicator == at.cell and v.box is not None for v in doubtful_cells(connection, at.document))
    return at if boxed else None
