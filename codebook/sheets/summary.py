"""Finding a summary (汇总表) in a sheet: its heads, and the rows that are agencies.

What is no agency is passed over: sums, the numbers of the columns, headings of groups, notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from codebook.sheets.cells import BookSheet, SheetCell
from codebook.sheets.columns import Head, SummaryColumn, SummaryField, columns_of
from codebook.sheets.words import column_words, summary_words
from codebook.text.fold import fold_label

_HEADS_BEGIN = 40  # rows of a sheet among which the first head is looked for
_HEAD_ROWS = 8
_FEWEST = 2  # columns that are indicators
_LONG = 60  # characters of a first cell that is a note
_TITLES = 10
_LONGEST_TITLE = 200
_ACROSS = 3  # columns that a heading of a group takes at least
_HAN = re.compile(r"[\u3400-\u9fff]")
_NUMBER = re.compile(r"[-+−]?[\d,.，]+%?")
_SERIAL = re.compile(r"\d{1,4}[.、．]?")


class ColumnValue(NamedTuple):
    """A cell of an agency's row: its column from 0 and its text. ``is_shared``: a number that other rows or columns share, of
    which nobody knows how much belongs to each.
    """

    column: int
    text: str
    is_shared: bool = False


class ListedAgency(NamedTuple):
    """An agency's row: its number in the sheet from 1, its cells that are not blank, without its serial number."""

    row: int
    values: tuple[ColumnValue, ...]


class SummaryTable(NamedTuple):
    """A table of agencies: the heads by column from 0, its rows, and those that state sums."""

    heads: dict[int, Head]
    rows: tuple[ListedAgency, ...]
    totals: tuple[ListedAgency, ...] = ()


class Summary(NamedTuple):
    """What a sheet that lists agencies holds. ``titles`` are the lines above its first head."""

    sheet: str
    titles: tuple[str, ...]
    tables: tuple[SummaryTable, ...]


def find_summary(sheet: BookSheet) -> Summary | None:
    """Return the agencies of a sheet that has one a row; None where it is no summary."""
    names = {word for word, field in column_words().items() if field in ("agency", "region")}
    if not any(fold_label(cell.text) in names for cell in sheet.cells if cell.row < _HEADS_BEGIN and len(cell.text) < _LONG):
        return None
    grid = _Grid(sheet.cells)
    tables: list[SummaryTable] = []
    titles: tuple[str, ...] = ()
    at = 0
    while (head := _next_head(grid, names, at)) is not None:
        table, end = _table(grid, head, names)
        if table is not None:
            titles = titles if tables else tuple(grid.lines(head.top))
            tables.append(table)
        at = end
    return Summary(sheet.name, titles, tuple(tables)) if tables else None


class _Grid:
    """The cells of a sheet by place; a merged cell is at each of its places."""

    def __init__(self, cells: Sequence[SheetCell]) -> None:
        self.rows: dict[int, list[SheetCell]] = {}
        self._merged: dict[tuple[int, int], SheetCell] = {}
        self._own = {(cell.row, cell.column): cell for cell in cells}
        self.width = max((cell.column + cell.column_span for cell in cells), default=0)
        self.height = max((cell.row + 1 for cell in cells), default=0)
        for cell in cells:
            self.rows.setdefault(cell.row, []).append(cell)
            if cell.row_span * cell.column_span > 1:
                for row in range(cell.row, min(cell.row + cell.row_span, self.height)):
                    for column in range(cell.column, min(cell.column + cell.column_span, self.width)):
                        self._merged.setdefault((row, column), cell)

    def cell(self, row: int, column: int) -> SheetCell | None:
        return self._own.get((row, column)) or self._merged.get((row, column))

    def text(self, row: int, column: int) -> str:
        cell = self.cell(row, column)
        return cell.text if cell is not None else ""

    def filled(self, row: int) -> list[SheetCell]:
        """The cells of a row that begin in it and hold text."""
        return [cell for cell in self.rows.get(row, ()) if cell.text]

    def is_merged(self, row: int) -> bool:
        """Return whether a cell of a row spans columns."""
        return any(cell.column_span > 1 for cell in self.rows.get(row, ()))

    def lines(self, end: int) -> Iterator[str]:
        """The texts above a row."""
        found = (cell.text for row in range(end) for cell in self.filled(row))
        for _, text in zip(range(_TITLES), found, strict=False):
            yield text[:_LONGEST_TITLE]


class _HeadPlace(NamedTuple):
    """Where a head stands: its first and last row, and the column of the agencies (or of their regions)."""

    top: int
    bottom: int
    column: int


def _next_head(grid: _Grid, names: set[str], start: int) -> _HeadPlace | None:
    """The next head from a row on; the first one stands among the first rows."""
    for row in sorted(row for row in grid.rows if row >= start and (start or row < _HEADS_BEGIN)):
        found = [cell for cell in grid.filled(row) if len(cell.text) < _LONG and fold_label(cell.text) in names]
        if not found:
            continue
        agency = next((cell for cell in found if column_words()[fold_label(cell.text)] == SummaryField.AGENCY), found[0])
        top = agency.row
        while top > start and agency.row - top < _HEAD_ROWS and _is_head_above(grid, top - 1):
            top -= 1
        bottom = agency.row + agency.row_span - 1
        while bottom - top < _HEAD_ROWS and _goes_on(grid, bottom + 1, agency.column):
            bottom += 1
        return _HeadPlace(top, bottom, agency.column)
    return None


def _is_head_above(grid: _Grid, row: int) -> bool:
    """Return whether a row above the head of the agencies belongs to it: words of groups, and no title or note."""
    filled = grid.filled(row)
    note, unit = summary_words().note, summary_words().unit
    return len(filled) > 1 and not any(
        note.fullmatch(cell.text) or unit.fullmatch(cell.text) or _NUMBER.fullmatch(cell.text) or re.search(r"[:：]", cell.text)
        for cell in filled
    )


def _goes_on(grid: _Grid, row: int, column: int) -> bool:
    """Return whether a row below the head of the agencies belongs to it: words, and neither an agency nor a number."""
    filled = grid.filled(row)
    return (
        bool(filled)
        and all(cell.column > column and not _NUMBER.fullmatch(cell.text) for cell in filled)
        and row < grid.height - 1
    )


def _table(grid: _Grid, head: _HeadPlace, names: set[str]) -> tuple[SummaryTable | None, int]:
    """The table below a head, None where its columns are no indicators, and the row from which the next may begin."""
    heads = {column: path for column in range(grid.width) if (path := _path(grid, head, column))}
    columns = dict(zip(heads, columns_of(list(heads.values())), strict=True))
    if sum(column.field is SummaryField.CELLS for column in columns.values()) < _FEWEST:
        return None, head.bottom + 1
    kept = [at for at in range(grid.width) if at not in columns or columns[at].field is not SummaryField.SERIAL]
    numbers = {at for at, each in columns.items() if each.field in (SummaryField.CELLS, SummaryField.SUBTOTAL)}
    rows: list[ListedAgency] = []
    totals: list[ListedAgency] = []
    at = head.bottom + 1
    while at < grid.height:
        texts = [fold_label(cell.text) for cell in grid.filled(at) if len(cell.text) < _LONG]
        if any(text in names for text in texts) and not any(_NUMBER.fullmatch(cell.text) for cell in grid.filled(at)):
            break
        listed = rows if grid.filled(at) and _is_agency(grid, at, head.column, columns) else totals
        if listed is rows or _is_total(grid, at, columns):
            values = tuple(
                ColumnValue(column, text, column in numbers and _is_shared(grid, at, column, heads))
                for column in kept
                if (text := grid.text(at, column))
            )
            listed.append(ListedAgency(at + 1, values))
        at += 1
    return (SummaryTable(heads, tuple(rows), tuple(totals)) if rows else None), at


def _is_shared(grid: _Grid, row: int, column: int, heads: dict[int, Head]) -> bool:
    """Return whether a merged cell holds a number of several rows, or of columns whose heads differ."""
    cell = grid.cell(row, column)
    if cell is None or cell.row_span * cell.column_span == 1:
        return False
    across = range(cell.column, min(cell.column + cell.column_span, grid.width))
    return cell.row_span > 1 or len({heads.get(at) for at in across}) > 1


def _path(grid: _Grid, head: _HeadPlace, column: int) -> Head:
    """The texts of a column's head from the top down. Where nothing is merged, a blank place belongs to the text on its left."""
    path: list[str] = []
    for row in range(head.top, head.bottom + 1):
        text = grid.text(row, column)
        if not text and not grid.is_merged(row) and any(grid.text(below, column) for below in range(row + 1, head.bottom + 1)):
            left = (grid.text(row, before) for before in range(column - 1, head.column, -1))
            text = next((found for found in left if found), "")
        if text and (not path or path[-1] != text):
            path.append(text)
    return tuple(path)


def _is_total(grid: _Grid, row: int, columns: dict[int, SummaryColumn]) -> bool:
    """Return whether a row below the heads states sums."""
    first = min(at for at, each in columns.items() if each.field in (SummaryField.CELLS, SummaryField.SUBTOTAL))
    total = summary_words().total
    return any(total.fullmatch("".join(grid.text(row, at).split())) for at in range(first))


def _is_agency(grid: _Grid, row: int, column: int, columns: dict[int, SummaryColumn]) -> bool:
    """Return whether a row below the heads is an agency's."""
    cells = {at for at, each in columns.items() if each.field in (SummaryField.CELLS, SummaryField.SUBTOTAL)}
    filled = grid.filled(row)
    values = [cell for cell in filled if cell.column in cells]
    leading = [text for at in range(min(cells)) if (text := grid.text(row, at)) and not _SERIAL.fullmatch(text)]
    if _is_sum_or_note(grid.text(row, column), leading) or _is_numbers_of_columns(filled, values, leading):
        return False
    return bool(values) or _is_without_values(grid, row, column, columns)


def _is_sum_or_note(name: str, leading: Sequence[str]) -> bool:
    """Return whether the first texts of a row, or what stands in place of its name, name a sum, a group or a note."""
    words = summary_words()
    is_sum = any(words.total.fullmatch("".join(text.split())) for text in leading)
    is_note = any(words.note.fullmatch(text) or len(text) > _LONG for text in leading[:1])
    return is_sum or is_note or words.group.fullmatch(name) is not None


def _is_numbers_of_columns(filled: Sequence[SheetCell], values: Sequence[SheetCell], leading: Sequence[str]) -> bool:
    """Return whether a row numbers the columns: one, two, three and on, without a name."""
    number = summary_words().number
    if not all(number.fullmatch(cell.text) for cell in filled):
        return False
    found = [int(digits) for cell in values if (digits := re.sub(r"\D", "", cell.text))]
    counts_on = len(found) > 1 and all(later == earlier + 1 for earlier, later in pairwise(found))
    return bool(leading) or counts_on


def _is_without_values(grid: _Grid, row: int, column: int, columns: dict[int, SummaryColumn]) -> bool:
    """Return whether a row without numbers is an agency that reported none, and no heading of a group of agencies: those have no
    serial number, or take several columns.
    """
    cell = grid.cell(row, column)
    if cell is None or not _HAN.search(cell.text) or cell.column_span >= _ACROSS:
        return False
    serial = next((at for at, each in columns.items() if each.field is SummaryField.SERIAL), None)
    return serial is None or bool(grid.text(row, serial))
