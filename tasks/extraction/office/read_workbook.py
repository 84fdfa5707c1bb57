"""Workbooks (.xls, .et, .xlsx, .xlsb, .ods) that hold a report: each sheet that is shown is a page, cells keep their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from itertools import groupby

from codebook.errors import GongkaiError
from codebook.records import Block, Cell, Extraction, Line, Page, PageKind, Place, Reader
from codebook.sheets.cells import SheetCell, Workbook
from codebook.sheets.extent import check_extent
from codebook.sheets.summary import find_summary
from codebook.sheets.unread import unread_cells
from tasks.extraction.grid import Slot, compact, is_prose, make_table
from tasks.extraction.limits import ExtractionLimits

_UNSURE = 0.5  # the score of a cell that is not read as it is shown


def read_workbook(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """The extraction of a workbook: a page for each sheet that is shown and holds something.

    The place of a cell is the page of its sheet (from 1), and ``line`` and ``column`` are its row and column there, from 1. A
    sheet that lists agencies, one a row, is left out: each of its rows came in as a document of its own.
    Raises GongkaiError: ``file.encrypted``, ``file.corrupt``, ``file.empty``, ``file.too_large``, ``file.bomb``,
    ``report.several`` (nothing but such lists).
    """
    check_extent(data, limits.max_cells, limits.max_docx_part_bytes)
    unread = unread_cells(data)
    book = Workbook(data)
    pages: list[Page] = []
    summaries: list[str] = []
    for sheet in book.sheets(limits.max_cells, limits.max_columns):
        if find_summary(sheet) is not None:
            summaries.append(sheet.name)
        elif blocks := tuple(_blocks(sheet.cells, sheet.number, unread)):
            reason = f"sheet {sheet.name}, {len(blocks)} blocks"
            pages.append(Page(sheet.number, PageKind.TEXT, reason, Reader.WORKBOOK, blocks))
    if not pages and summaries:
        found = f"a summary of agencies, one a row ({', '.join(summaries)})"
        raise GongkaiError("report.several", found, "the workbook itself as a new file: each row becomes a document")
    if not pages:
        raise GongkaiError("file.empty", "a workbook without a filled cell", "a workbook with a report")
    notes = [f"sheets that are hidden were not read: {', '.join(book.hidden)}"] if book.hidden else []
    notes += [f"sheets that list agencies were not read as this report: {', '.join(summaries)}"] if summaries else []
    return Extraction(media_type, tuple(pages), notes=tuple(notes))


def _blocks(cells: Sequence[SheetCell], page: int, unread: Set[tuple[int, int]]) -> Iterator[Block]:
    """Lines and tables of a sheet. A row with one cell is a line where a table begins or ends beside it, or where it is prose."""
    rows = [(row, list(group)) for row, group in groupby(cells, key=lambda cell: cell.row)]
    tall = {at for cell in cells for at in range(cell.row + 1, cell.row + cell.row_span)}
    single = [len(group) == 1 and group[0].row_span == 1 and row not in tall for row, group in rows]
    first = next((i for i, alone in enumerate(single) if not alone), len(rows))
    last = max((i for i, alone in enumerate(single) if not alone), default=-1)
    table: list[SheetCell] = []
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


def _table(cells: Sequence[SheetCell], page: int, unread: Set[tuple[int, int]]) -> Iterator[Block]:
    """The table of these cells, with its blank ones, as wide as what is filled in."""
    if not cells:
        return
    top, left = cells[0].row, min(cell.column for cell in cells)
    height = max(cell.row + cell.row_span for cell in cells) - top
    width = max(cell.column + cell.column_span for cell in cells if cell.text) - left if any(c.text for c in cells) else 0
    taken: dict[tuple[int, int], SheetCell] = {}
    for cell in cells:
        for row in range(cell.row, cell.row + cell.row_span):
            for column in range(cell.column, cell.column + cell.column_span):
                taken.setdefault((row, column), cell)
    slots = []
    for row in range(top, top + height):
        for column in range(left, left + width):
            cell = taken.get((row, column), SheetCell(row, column, 1, 1, ""))
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
