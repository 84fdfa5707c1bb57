"""The export as one Excel workbook, for people: frozen headings, filters and widths, and a first sheet that says what is in it.

Rows go to files of the sheets as they come (``constant_memory`` of xlsxwriter), so that memory does not grow with them.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import xlsxwriter

from codebook.records import Record
from console.export.headings import Language, about_sheet, about_words, layouts
from console.export.writers import Row, inert

SHEET_ROWS = 1_048_576  # of Excel, with the heading
_CELL_TEXT = 32_767  # characters of a cell in Excel
_ROW_HEIGHT, _WIDE_ROW_HEIGHT = 32, 78  # points, of the headings
_ABOUT_WIDTHS = (30, 44, 44, 10, 80)


class WorkbookContents(Record, frozen=True):
    """What is chosen for a workbook, as its first sheet says it; ``made_at`` in the time of the machine."""

    made_at: datetime
    in_force: bool
    batch: str | None = None
    year: int | None = None
    left_out: tuple[str, ...] = ()


class _SheetPart(NamedTuple):
    """A sheet of a table: a table of more rows than a sheet takes has several."""

    name: str
    sheet: Any


class XlsxWriter:
    """One workbook with a sheet for each table; a table of more rows than a sheet takes goes on in ``NAME_2`` and so on.

    Text is written as text, whatever it looks like, and cut at the 32,767 characters that a cell takes. Names of the domain stand
    in the language of the workbook. ``sheet_rows`` is for tests.
    """

    def __init__(self, path: Path, language: Language, contents: WorkbookContents, sheet_rows: int = SHEET_ROWS) -> None:
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "nan_inf_to_errors": True,
            "tmpdir": str(path.parent),
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._language, self._contents, self._sheet_rows = language, contents, sheet_rows
        style = {"bold": True, "text_wrap": True, "valign": "vcenter", "align": "center", "bg_color": "#DDEBF7", "border": 1}
        self._heading = self._book.add_format(style)
        self._about = self._book.add_worksheet(about_sheet(language))
        self._layouts = {name: each for name, each in layouts(language).items() if name not in contents.left_out}
        self._words = {name: [column.words for column in each.columns] for name, each in self._layouts.items()}
        self._parts: dict[str, list[_SheetPart]] = {name: [] for name in self._layouts}
        self._next: dict[str, int] = {}
        self._rows = dict.fromkeys(self._layouts, 0)
        self._shortened = False
        for name in self._layouts:
            self._add_sheet(name)

    def _add_sheet(self, table: str) -> None:
        layout, parts = self._layouts[table], self._parts[table]
        name = layout.name if not parts else f"{layout.name}_{len(parts) + 1}"
        sheet = self._book.add_worksheet(name)
        parts.append(_SheetPart(name, sheet))
        sheet.freeze_panes(1, layout.fixed)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.repeat_rows(0)
        for number, column in enumerate(layout.columns):
            sheet.set_column(number, number, column.width)
        sheet.set_row(0, _WIDE_ROW_HEIGHT if table.startswith("wide_") else _ROW_HEIGHT)
        for number, column in enumerate(layout.columns):
            sheet.write_string(0, number, column.heading, self._heading)
        self._next[table] = 1

    def write(self, table: str, row: Row) -> None:
        if self._next[table] >= self._sheet_rows:
            self._end_sheet(table)
            self._add_sheet(table)
        sheet, number = self._parts[table][-1].sheet, self._next[table]
        for column, (field, words) in enumerate(zip(row, self._words[table], strict=True)):
            if field is None:
                continue
            if isinstance(field, str):
                sheet.write_string(number, column, self._text(words.get(field, field) if words else field))
            elif isinstance(field, bool):
                self._write_flag(sheet, number, column, words.get(str(field).lower()), field)
            else:
                sheet.write_number(number, column, field)
        self._next[table] = number + 1
        self._rows[table] += 1

    def _text(self, text: str) -> str:
        self._shortened |= len(text) > _CELL_TEXT
        return inert(text)[:_CELL_TEXT]

    @staticmethod
    def _write_flag(sheet: Any, row: int, column: int, word: str | None, flag: bool) -> None:
        if word is None:
            sheet.write_boolean(row, column, flag)
        else:
            sheet.write_string(row, column, word)

    def _end_sheet(self, table: str) -> None:
        last = max(1, self._next[table] - 1)
        self._parts[table][-1].sheet.autofilter(0, 0, last, len(self._layouts[table].columns) - 1)

    def close(self) -> None:
        for table in self._layouts:
            self._end_sheet(table)
        self._write_about()
        self._book.close()

    def _write_about(self) -> None:
        words, sheet = about_words(self._language), self._about
        for number, width in enumerate(_ABOUT_WIDTHS):
            sheet.set_column(number, number, width)
        strong, plain = self._book.add_format({"bold": True}), self._book.add_format({"text_wrap": True, "valign": "top"})
        title = self._book.add_format({"bold": True, "font_size": 16})
        for at, line in enumerate(self._about_lines()):
            for column, field in enumerate(line):
                style = title if at == 0 else self._heading if line == words.column_heads else strong if column == 0 else plain
                if isinstance(field, int):
                    sheet.write_number(at, column, field)
                elif field:
                    sheet.write_string(at, column, inert(field), style)

    def _about_lines(self) -> list[tuple[str | int, ...]]:
        words, contents = about_words(self._language), self._contents
        lines: list[tuple[str | int, ...]] = [
            (words.title,),
            (words.made, contents.made_at.isoformat(" ", "minutes")),
            (words.contents, words.in_force if contents.in_force else words.all),
        ]
        if contents.batch is not None:
            lines.append((words.batch, contents.batch))
        if contents.year is not None:
            lines.append((words.year, contents.year))
        lines += [(words.warning,), (), (words.counts, words.rows)]
        for table, layout in layouts(self._language).items():
            if table not in self._layouts:
                lines.append((layout.name, words.left_out))
                continue
            parts = [part.name for part in self._parts[table]]
            more = words.continued.format(name=parts[1]) if len(parts) > 1 else ""
            lines.append((layout.name, self._rows[table], more))
        if self._shortened:
            lines.append((words.shortened,))
        lines += [(), (words.columns,), words.column_heads]
        for layout in self._layouts.values():
            lines += [(layout.name, c.heading, c.key, c.unit, c.meaning) for c in layout.columns]
        return lines
