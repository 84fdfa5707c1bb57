"""Workbooks (.xls, .et, .xlsx, .ods) that hold a report: each sheet that is shown is a page, cells keep their places."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence, Set
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import NamedTuple

import python_calamine as calamine

from codebook.errors import GongkaiError
from codebook.records import Block, Cell, Extraction, Line, Page, PageKind, Place, Reader
from tasks.extraction.grid import Slot, compact, is_prose, make_table
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.office.unread_cells import unread_cells
from tasks.extraction.office.workbook_extent import check_extent

FORMATS = frozenset(
    (
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.oasis.opendocument.spreadsheet",
    )
)
_UNSURE = 0.5  # the score of a cell that is not read as it is shown
_Value = int | float | str | bool | time | date | datetime | timedelta


class _Range(NamedTuple):
    """A cell that is not blank: its place in the sheet from 0, its span, its text."""

    row: int
    column: int
    row_span: int
    column_span: int
    text: str


def read_workbook(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """The extraction of a workbook: a page for each sheet that is shown and holds something.

    The place of a cell is the page of its sheet (from 1), and ``line`` and ``column`` are its row and column there, from 1.
    Raises GongkaiError: ``file.encrypted``, ``file.corrupt``, ``file.empty``, ``file.too_large``, ``file.bomb``.
    """
    check_extent(data, limits)
    unread = unread_cells(data)
    try:
        with calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            pages = list(_pages(book, limits, unread))
            hidden = [sheet.name for sheet in book.sheets_metadata if sheet.visible != calamine.SheetVisibleEnum.Visible]
    except calamine.PasswordError as error:
        raise GongkaiError("file.encrypted", "a workbook with a password", "the file without its password") from error
    except (calamine.CalamineError, OSError) as error:
        raise GongkaiError("file.corrupt", f"a workbook that cannot be read: {error}", "a whole workbook") from error
    if not pages:
        raise GongkaiError("file.empty", "a workbook without a filled cell", "a workbook with a report")
    notes = (f"sheets that are hidden were not read: {', '.join(hidden)}",) if hidden else ()
    return Extraction(media_type, tuple(pages), notes=notes)


def _pages(book: calamine.CalamineWorkbook, limits: ExtractionLimits, unread: Set[tuple[int, int]]) -> Iterator[Page]:
    cells = 0
    for number, about in enumerate(book.sheets_metadata, 1):
        is_shown = about.visible == calamine.SheetVisibleEnum.Visible
        if not is_shown or about.typ != calamine.SheetTypeEnum.WorkSheet:
            continue
        sheet = book.get_sheet_by_index(number - 1)
        cells += sheet.height * sheet.width
        if cells > limits.max_cells or sheet.width > limits.max_columns:
            found = f"sheets of {cells:,} cells" if cells > limits.max_cells else f"a sheet of {sheet.width:,} columns"
            raise GongkaiError("file.too_large", found, f"at most {limits.max_cells:,} cells, {limits.max_columns:,} columns")
        blocks = tuple(_blocks(list(_filled(sheet)), number, unread))
        if blocks:
            yield Page(number, PageKind.TEXT, f"sheet {about.name}, {len(blocks)} blocks", Reader.WORKBOOK, blocks)


def _filled(sheet: calamine.CalamineSheet) -> Iterator[_Range]:
    """The cells of a sheet that are not blank, or span several places, from top to bottom and from left to right."""
    spans = {start: (end[0] - start[0] + 1, end[1] - start[1] + 1) for start, end in sheet.merged_cell_ranges or ()}
    for row, values in enumerate(sheet.to_python(skip_empty_area=False)):
        for column, value in enumerate(values):
            text = _shown(value)
            span = spans.get((row, column), (1, 1))
            if text or span != (1, 1):
                yield _Range(row, column, *span, text)


def _shown(value: _Value) -> str:
    """The text of a cell. A whole number has no point; of others, the 15 digits that such programs keep."""
    if isinstance(value, float):
        value = float(f"{value:.15g}")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return f"{value:%Y-%m-%d}"
    return str(value).strip() if not isinstance(value, bool) else ""


def _blocks(cells: Sequence[_Range], page: int, unread: Set[tuple[int, int]]) -> Iterator[Block]:
    """Lines and tables of a sheet. A row with one cell is a line where a table begins or ends beside it, or where it is prose."""
    rows = [(row, list(group)) for row, group in groupby(cells, key=lambda cell: cell.row)]
    tall = {at for cell in cells for at in range(cell.row + 1, cell.row + cell.row_span)}
    single = [len(group) == 1 and group[0].row_span == 1 and row not in tall for row, group in rows]
    first = next((i for i, alone in enumerate(single) if not alone), len(rows))
    last = max((i for i, alone in enumerate(single) if not alone), default=-1)
    table: list[_Range] = []
    for index, (row, group) in enumerate(rows):
        if single[index] and (not first <= index <= last or is_prose(group[0].text)):
            yield from _table(table, page, unread)
            table = []
            for text in group[0].text.splitlines():
                if text.strip():
                    yield Line(text, Place(page=page, line=row + 1, column=group[0].column + 1))
        else:
            table += group
    yield from _table(table, page, unread)


def _table(cells: Sequence[_Range], page: int, unread: Set[tuple[int, int]]) -> Iterator[Block]:
    """The table of these cells, with its blank ones, as wide as what is filled in."""
    if not cells:
        return
    top, left = cells[0].row, min(cell.column for cell in cells)
    height = max(cell.row + cell.row_span for cell in cells) - top
    width = max(cell.column + cell.column_span for cell in cells if cell.text) - left if any(c.text for c in cells) else 0
    taken: dict[tuple[int, int], _Range] = {}
    for cell in cells:
        for row in range(cell.row, cell.row + cell.row_span):
            for column in range(cell.column, cell.column + cell.column_span):
                taken.setdefault((row, column), cell)
    slots = []
    for row in range(top, top + height):
        for column in range(left, left + width):
            cell = taken.get((row, column), _Range(row, column, 1, 1, ""))
            if (cell.row, cell.column) == (row, column):
                column_span = min(cell.column_span, left + width - column)
                slots.append(Slot(row - top, column - left, cell.row_span, column_span, cell))
    found = [
        Cell(
            slot.row,
            slot.column,
            slot.content.text,
            Place(page=page, line=slot.content.row + 1, column=slot.content.column + 1),
            slot.row_span,
            slot.column_span,
            _UNSURE if (slot.content.row, slot.content.column) in unread else 1.0,
        )
        for slot in compact(slots)
    ]
    if found:
        yield make_table(found, Place(page=page, line=top + 1, column=left + 1))
