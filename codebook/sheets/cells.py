"""The cells of a workbook, sheet by sheet, whatever its format."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import python_calamine as calamine

from codebook.errors import GongkaiError
from codebook.sheets import xlsb

XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
FORMATS = frozenset(
    (
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.oasis.opendocument.spreadsheet",
        XLSB,
    )
)
_Value = int | float | str | bool | time | date | datetime | timedelta
_Spans = dict[tuple[int, int], tuple[int, int]]


class SheetCell(NamedTuple):
    """A cell that is not blank: its place in the sheet from 0, its span, its text."""

    row: int
    column: int
    row_span: int
    column_span: int
    text: str


class BookSheet(NamedTuple):
    """A sheet that is shown: its number in the workbook from 1, and its cells from top to bottom and from left to right."""

    number: int
    name: str
    cells: list[SheetCell]


class Workbook:
    """A workbook. ``hidden`` are the names of the sheets that are not shown.

    Raises GongkaiError: ``file.encrypted``, ``file.corrupt``.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        except calamine.PasswordError as error:
            raise GongkaiError("file.encrypted", "a workbook with a password", "the file without its password") from error
        except (calamine.CalamineError, OSError) as error:
            raise _corrupt(error) from error
        self._merged = xlsb.merged_cells(data)
        self.hidden = [each.name for each in self._book.sheets_metadata if each.visible != calamine.SheetVisibleEnum.Visible]

    def sheets(self, max_cells: int, max_columns: int) -> Iterator[BookSheet]:
        """The sheets that are shown, blank ones too. Raises GongkaiError: ``file.corrupt``, ``file.too_large``."""
        cells = 0
        for number, about in enumerate(self._book.sheets_metadata, 1):
            is_shown = about.visible == calamine.SheetVisibleEnum.Visible
            if not is_shown or about.typ != calamine.SheetTypeEnum.WorkSheet:
                continue
            try:
                sheet = self._book.get_sheet_by_index(number - 1)
            except (calamine.CalamineError, OSError) as error:
                raise _corrupt(error) from error
            cells += sheet.height * sheet.width
            if cells > max_cells or sheet.width > max_columns:
                found = f"sheets of {cells:,} cells" if cells > max_cells else f"a sheet of {sheet.width:,} columns"
                raise GongkaiError("file.too_large", found, f"at most {max_cells:,} cells, {max_columns:,} columns")
            yield BookSheet(number, about.name, list(_filled(sheet, self._merged.get(about.name, ()))))


def _corrupt(error: Exception) -> GongkaiError:
    return GongkaiError("file.corrupt", f"a workbook that cannot be read: {error}", "a whole workbook")


def _filled(sheet: calamine.CalamineSheet, merged: xlsb.Ranges) -> Iterator[SheetCell]:
    """The cells of a sheet that are not blank, or span several places, from top to bottom and from left to right. A span ends
    where the sheet ends: one may name a million rows.
    """
    lines = sheet.to_python(skip_empty_area=False)
    bottom, right = len(lines), max(map(len, lines), default=0)
    ranges = sheet.merged_cell_ranges or merged
    spans: _Spans = {
        start: (max(min(end[0] + 1, bottom) - start[0], 1), max(min(end[1] + 1, right) - start[1], 1)) for start, end in ranges
    }
    for row, values in enumerate(lines):
        for column, value in enumerate(values):
            text = _shown(value)
            span = spans.get((row, column), (1, 1))
            if text or span != (1, 1):
                yield SheetCell(row, column, *span, text)


def _shown(value: _Value) -> str:
    """The text of a cell. A whole number has no point; of others, the 15 digits that such programs keep."""
    if isinstance(value, float):
        value = float(f"{value:.15g}")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return f"{value:%Y-%m-%d}"
    return str(value).strip() if not isinstance(value, bool) else ""
