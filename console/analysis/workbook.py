"""A roll-up as a workbook: the tables of the form filled with sums, each of which opens into its agencies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import xlsxwriter

from codebook.analysis.figures import Omission
from codebook.analysis.rollup import WHOLE_AREA, AreaPart, AreaRollup, CellRollup, PartSum
from codebook.book import load_book
from codebook.divisions import names_of
from codebook.records import Number
from console.analysis.layout import tables_of
from console.analysis.words import word
from console.export.writers import inert
from tasks.validation.wording import cell_label, table_of

_COLUMNS = (
    "cell",
    "unit",
    "stated",
    "own_level",
    "lower",
    "town",
    "computed",
    "difference",
    "vertical",
    "counted",
    "left_out",
    "exceeds",
)
_WIDTHS = (52, 8, 12, 12, 12, 12, 14, 12, 12, 10, 50, 40)
_UNITS = ("cell", "part", "agency_id", "agency", "value", "why", "report")
_UNIT_WIDTHS = (52, 18, 10, 40, 14, 18, 12)
_MEMBERS = ("agency_id", "agency", "part", "report")


class UnitRow(NamedTuple):
    """An agency in the sum of a cell: its number, or why it is not in it."""

    cell: str
    part: AreaPart
    agency_id: int
    agency: str
    value: Number | None
    why: Omission | None
    filing_id: int | None


def region_title(code: str) -> str:
    """Return the names of a region, one after the other."""
    return "".join(names_of(code)) or code


def agency_names(rollup: AreaRollup) -> dict[int, str]:
    """Return the names of the agencies of an area by their number."""
    return {member.unit.agency_id: member.unit.agency for member in rollup.members}


def unit_rows_of(rollup: AreaRollup) -> Iterator[UnitRow]:
    """Yield what each agency of an area adds to each cell, cell by cell."""
    order = list(AreaPart)
    members = sorted(
        rollup.members, key=lambda member: (order.index(member.part), member.unit.region_code or "", member.unit.agency)
    )
    for each in rollup.cells:
        for member in members:
            found = member.unit.of_term(each.cell)
            value, why = (None, found) if isinstance(found, Omission) else (found, None)
            yield UnitRow(each.cell, member.part, member.unit.agency_id, member.unit.agency, value, why, member.unit.filing_id)


def gaps_of(total: PartSum, names: dict[int, str], language: str) -> str:
    """Return who is not in a sum, and why, in one line."""
    gaps = (f"{names.get(gap.agency_id, gap.agency_id)}（{word('omissions', gap.why, language)}）" for gap in total.left_out)
    return word("sheets", "separator", language).join(gaps)


def write_workbook(rollup: AreaRollup, form: str, path: Path, language: str) -> None:
    """Write a roll-up: a sheet of all cells, a sheet for each table of the form as it is printed, a sheet of agencies for each
    cell, and the list of agencies. Raises OSError when the file cannot be written.
    """
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    _Sheets(book, rollup, form, language).write()
    book.close()


class _Sheets:
    def __init__(self, book: Any, rollup: AreaRollup, form: str, language: str) -> None:
        self.book, self.rollup, self.form, self.language = book, rollup, form, language
        self.names = agency_names(rollup)
        self.head = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True, "valign": "vcenter"})
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.wrong = book.add_format({"bg_color": "#F8D7DA", "border": 1})
        self.plain = book.add_format({"border": 1, "text_wrap": True, "valign": "top"})
        self.link = book.add_format({"border": 1, "font_color": "#0B4F9E", "underline": 1, "valign": "top"})
        self.units = list(unit_rows_of(rollup))
        self.first: dict[str, int] = {}
        for number, row in enumerate(self.units, start=1):
            self.first.setdefault(row.cell, number)

    def word(self, name: str) -> str:
        return word("sheets", name, self.language)

    def write(self) -> None:
        main = self.book.add_worksheet(self.word("rollup"))
        forms: dict[str, Any] = {}
        for table in tables_of(self.form):
            if table.block not in forms:
                forms[table.block] = (self.book.add_worksheet(self._table_name(table.block)), 0)
        units = self.book.add_worksheet(self.word("units"))
        members = self.book.add_worksheet(self.word("members"))
        self._main(main)
        self._forms(forms)
        self._units(units)
        self._members(members)

    def _table_name(self, block: str) -> str:
        return table_of(next(i.id for i in load_book().of_form(self.form, block)))

    def _text(self, sheet: Any, row: int, column: int, text: str, style: Any = None) -> None:
        sheet.write_string(row, column, inert(text), style or self.plain)

    def _number(self, sheet: Any, at: tuple[int, int], number: Number | None, style: Any = None) -> None:
        if number is None:
            sheet.write_blank(*at, None, style or self.plain)
        else:
            sheet.write_number(*at, number, style or self.plain)

    def _opens(self, sheet: Any, at: tuple[int, int], cell: str, total: PartSum) -> None:
        """A sum that is a link to its agencies."""
        row = self.first.get(cell)
        if row is None:
            self._number(sheet, at, total.value)
            return
        shown = "—" if total.value is None else str(total.value)
        sheet.write_url(*at, f"internal:'{self.word('units')}'!A{row + 1}", self.link, shown)
        if total.value is not None:
            sheet.write_number(*at, total.value, self.link)

    def _main(self, sheet: Any) -> None:
        title = self.word("title").format(region=region_title(self.rollup.region_code), year=self.rollup.year)
        sheet.write_string(0, 0, title, self.title)
        sheet.write_string(1, 0, self.word("opens"))
        if self.rollup.hidden:
            sheet.write_string(0, 3, self.word("hidden"))
        for number, (name, width) in enumerate(zip(_COLUMNS, _WIDTHS, strict=True)):
            heading = word("parts", name, self.language) if name in list(AreaPart) else self.word(name)
            sheet.write_string(2, number, heading, self.head)
            sheet.set_column(number, number, width)
        sheet.freeze_panes(3, 1)
        for at, each in enumerate(self.rollup.cells, start=3):
            self._main_row(sheet, at, each)

    def _main_row(self, sheet: Any, at: int, each: CellRollup) -> None:
        indicator = load_book().indicators[each.cell]
        self._text(sheet, at, 0, f"{table_of(each.cell)}{cell_label(each.cell)}")
        self._text(sheet, at, 1, indicator.unit or "")
        if isinstance(each.stated, Omission):
            self._text(sheet, at, 2, word("omissions", each.stated, self.language))
        elif each.stated is None:
            self._text(sheet, at, 2, self.word("unseen"))
        else:
            self._number(sheet, (at, 2), each.stated)
        self._opens(sheet, (at, 3), each.cell, each.own_level)
        self._opens(sheet, (at, 4), each.cell, each.parts[AreaPart.LOWER])
        self._opens(sheet, (at, 5), each.cell, each.parts[AreaPart.TOWN])
        self._opens(sheet, (at, 6), each.cell, each.computed)
        if each.hidden:
            self._text(sheet, at, 7, self.word("unjudged"))
        else:
            self._number(sheet, (at, 7), each.difference, self.wrong if each.contradicts else None)
        self._opens(sheet, (at, 8), each.cell, each.parts[AreaPart.VERTICAL])
        self._number(sheet, (at, 9), each.computed.units)
        self._text(sheet, at, 10, gaps_of(each.computed, self.names, self.language))
        over = (self.names.get(number, str(number)) for number in each.exceeds)
        self._text(sheet, at, 11, word("sheets", "separator", self.language).join(over))

    def _forms(self, forms: dict[str, Any]) -> None:
        cells = {each.cell: each for each in self.rollup.cells}
        for table in tables_of(self.form):
            sheet, at = forms[table.block]
            sheet.write_string(at, 0, table.title, self.title)
            depth = max(len(row.labels) for row in table.rows)
            sheet.set_column(0, depth - 1, 26)
            for number in range(depth):
                sheet.write_string(at + 1, number, self.word("row") if number == 0 else "", self.head)
            for number, column in enumerate(table.columns or (self.word("value"),)):
                sheet.write_string(at + 1, depth + number, column, self.head)
            for line, row in enumerate(table.rows, start=at + 2):
                for number in range(depth):
                    self._text(sheet, line, number, row.labels[number] if number < len(row.labels) else "")
                for number, cell in enumerate(row.cells):
                    if cell is not None and cell in cells:
                        self._opens(sheet, (line, depth + number), cell, cells[cell].computed)
            forms[table.block] = (sheet, at + len(table.rows) + 3)

    def _units(self, sheet: Any) -> None:
        for number, (name, width) in enumerate(zip(_UNITS, _UNIT_WIDTHS, strict=True)):
            sheet.write_string(0, number, self.word(name), self.head)
            sheet.set_column(number, number, width)
        sheet.freeze_panes(1, 0)
        labels = {each.cell: f"{table_of(each.cell)}{cell_label(each.cell)}" for each in self.rollup.cells}
        for at, row in enumerate(self.units, start=1):
            self._text(sheet, at, 0, labels[row.cell])
            self._text(sheet, at, 1, word("parts", row.part, self.language))
            self._number(sheet, (at, 2), row.agency_id)
            self._text(sheet, at, 3, row.agency)
            self._number(sheet, (at, 4), row.value)
            self._text(sheet, at, 5, word("omissions", row.why, self.language))
            self._number(sheet, (at, 6), row.filing_id)
        sheet.autofilter(0, 0, max(1, len(self.units)), len(_UNITS) - 1)

    def _members(self, sheet: Any) -> None:
        for number, name in enumerate(_MEMBERS):
            sheet.write_string(0, number, self.word(name), self.head)
        sheet.set_column(1, 1, 44)
        sheet.set_column(2, 2, 22)
        for at, member in enumerate(self.rollup.members, start=1):
            self._number(sheet, (at, 0), member.unit.agency_id)
            self._text(sheet, at, 1, member.unit.agency)
            self._text(sheet, at, 2, word("parts", member.part, self.language))
            self._text(sheet, at, 3, self.word("lacks" if member.unit.filing_id is None else "has"))
        at = len(self.rollup.members) + 2
        for unit in self.rollup.doubles:
            self._text(sheet, at, 1, f"{unit.agency}：{self.word('doubles')}")
            at += 1


def in_whole_area(row: UnitRow) -> bool:
    """Return whether an agency is one of those that the sum of the whole area is of."""
    return row.part in WHOLE_AREA
