"""The workbook of a region: who has which problems, who was late, and every point with its picture and room for the answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import xlsxwriter
from PIL import Image

from console.export.writers import inert
from console.notices.records import AgencyNotice, Point, RegionSheets
from console.notices.words import LedgerWords, notice_words

_CELL_TEXT = 32_767  # characters of a cell in Excel
# By the columns of words.yaml; "picture" takes the width of a page at a readable size.
_WIDTHS = (6, 24, 18, 7, 12, 24, 36, 20, 26, 60, 16, 30, 12, 24, 12, 9, 44, 9)
_UNIT_WIDTHS = (6, 34, 26, 12, 8, 7, 8, 8, 8, 8)
_LATE_WIDTHS = (6, 34, 26, 7, 22, 12, 12, 12, 40, 12, 24, 12)
_PICTURE_COLUMN, _LINK_COLUMN, _ANSWER_COLUMN, _RESULT_COLUMN = 9, 10, 13, 14
_PICTURE = (415, 150)  # pixels of a picture in its cell, at most
_PIXELS_A_POINT = 4 / 3
_ROW = 64  # points, of a point without a picture
_TITLE_ROWS = 2


class _Styles(NamedTuple):
    title: Any
    soft: Any
    heading: Any
    cell: Any
    centred: Any
    fill: Any
    link: Any


def write_ledger(sheets: RegionSheets, target: Path, files: Mapping[int, str]) -> None:
    """Write the workbook to ``target``. ``files`` are the paths of the notices beside it, by their numbers."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(target), options) as book:
        _Ledger(book, sheets, files).write()


class _Ledger:
    """Writes the sheets one by one."""

    def __init__(self, book: Any, sheets: RegionSheets, files: Mapping[int, str]) -> None:
        self._book, self._sheets, self._files = book, sheets, files
        self._words: LedgerWords = notice_words().ledger
        wrap = {"text_wrap": True, "valign": "vcenter", "border": 1, "font_size": 10}
        self._styles = _Styles(
            book.add_format({"bold": True, "font_size": 16, "align": "center", "valign": "vcenter"}),
            book.add_format({"font_size": 10, "align": "right"}),
            book.add_format(wrap | {"bold": True, "align": "center", "bg_color": "#DDEBF7"}),
            book.add_format(wrap),
            book.add_format(wrap | {"align": "center"}),
            book.add_format(wrap | {"bg_color": "#FFF9E5"}),
            book.add_format(wrap | {"font_color": "#0563C1", "underline": 1}),
        )

    def write(self) -> None:
        words = self._words
        everything = [(notice, point) for notice in self._sheets.notices for point in notice.points]
        self._write_summary()
        self._write_units()
        self._write_late()
        self._write_points(words.copied, [each for each in everything if each[1].sheet == "copied"])
        self._write_points(words.years, [each for each in everything if each[1].sheet == "years"])
        self._write_points(words.points, everything)
        self._write_about()

    def _sheet(self, name: str, columns: Sequence[str], widths: Sequence[float], fixed: int) -> Any:
        """A sheet with the title of the workbook, a line below it, and the headings."""
        styles, words, sheets = self._styles, self._words, self._sheets
        sheet = self._book.add_worksheet(name)
        for number, width in enumerate(widths):
            sheet.set_column(number, number, width)
        last = len(columns) - 1
        sheet.merge_range(0, 0, 0, last, words.title.format(region=sheets.region, year=sheets.year), styles.title)
        made = words.made.format(issuer=sheets.issuer, made_on=sheets.made_on)
        sheet.merge_range(1, 0, 1, last, made, styles.soft)
        sheet.set_row(0, 30)
        sheet.set_row(_TITLE_ROWS, 32)
        for number, column in enumerate(columns):
            sheet.write_string(_TITLE_ROWS, number, column, styles.heading)
        sheet.freeze_panes(_TITLE_ROWS + 1, fixed)
        sheet.set_landscape()
        sheet.set_paper(8 if last > 12 else 9)  # A3, A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(_TITLE_ROWS)
        sheet.set_footer("&C&P / &N")
        return sheet

    def _write_row(self, sheet: Any, row: int, fields: Sequence[str | int | None], centred: Sequence[int] = (0,)) -> None:
        for column, field in enumerate(fields):
            style = self._styles.centred if column in centred or isinstance(field, int) else self._styles.cell
            if isinstance(field, int):
                sheet.write_number(row, column, field, style)
            elif field:
                sheet.write_string(row, column, inert(field)[:_CELL_TEXT], style)
            else:
                sheet.write_blank(row, column, None, style)

    def _end(self, sheet: Any, columns: Sequence[str], rows: int) -> None:
        if rows:
            sheet.autofilter(_TITLE_ROWS, 0, _TITLE_ROWS + rows, len(columns) - 1)

    # ---- the sheets ----------------------------------------------------------------------------------------------------------

    def _write_summary(self) -> None:
        words, sheets = self._words, self._sheets
        sheet = self._sheet(words.summary, words.summary_columns, (30, 12, 12, 10, 10, 10), 1)
        units: dict[str, set[tuple[str, int]]] = defaultdict(set)
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for notice in sheets.notices:
            for point in notice.points:
                units[point.category].add(notice.unit.key)
                counts[point.category][point.severity] += 1
        order = [each.name for each in notice_words().categories if each.name in counts]
        row = _TITLE_ROWS + 1
        for name in order:
            self._write_row(sheet, row, (name, len(units[name]), counts[name].total(), *_severities(counts[name])))
            row += 1
        total = sum(counts.values(), Counter[str]())
        with_points = {notice.unit.key for notice in sheets.notices}
        self._write_row(sheet, row, (words.total, len(with_points), total.total(), *_severities(total)))
        row += 2
        standings = notice_words().standing
        lines = [(words.listed, sheets.counts.listed)] if sheets.counts.listed else []
        lines += [(name, sheets.counts.standings[key]) for key, name in standings.items() if sheets.counts.standings.get(key)]
        lines.append((words.with_points, len(with_points)))
        for name, count in lines:
            self._write_row(sheet, row, (name, count))
            row += 1

    def _write_units(self) -> None:
        words, sheets = self._words, self._sheets
        categories = [each.name for each in notice_words().categories]
        used = {point.category for notice in sheets.notices for point in notice.points}
        shown = [name for name in categories if name in used]
        columns = (*words.unit_columns, *shown, words.notice_column)
        sheet = self._sheet(words.units, columns, (*_UNIT_WIDTHS, *(11 for _ in shown), 12), 2)
        row = _TITLE_ROWS
        for row, notice in enumerate(sheets.notices, _TITLE_ROWS + 1):
            unit, by_category = notice.unit, Counter(point.category for point in notice.points)
            severities = _severities(Counter(point.severity for point in notice.points))
            known = (notice.number, unit.name, unit.region, unit.kind, unit.level, notice.year, len(notice.points))
            self._write_row(sheet, row, (*known, *severities, *(by_category[name] for name in shown), None), (0, 3, 4))
            if notice.number in self._files:
                sheet.write_url(row, len(columns) - 1, f"external:{self._files[notice.number]}", self._styles.link, words.open)
        self._end(sheet, columns, row - _TITLE_ROWS)

    def _write_late(self) -> None:
        words, sheets = self._words, self._sheets
        sheet = self._sheet(words.late, words.late_columns, _LATE_WIDTHS, 2)
        for number, unit in enumerate(sheets.late, 1):
            row = _TITLE_ROWS + number
            dates = (unit.due_on, unit.published_on, unit.first_seen_on)
            known = (number, unit.name, unit.region, sheets.year, unit.standing)
            self._write_row(sheet, row, (*known, *dates, unit.requirement, sheets.due_on))
            self._room(sheet, row, 10)
        self._end(sheet, words.late_columns, len(sheets.late))

    def _room(self, sheet: Any, row: int, column: int) -> None:
        """Room for the answer and for its result."""
        sheet.write_blank(row, column, None, self._styles.fill)
        sheet.write_blank(row, column + 1, None, self._styles.fill)

    def _write_points(self, name: str, points: Sequence[tuple[AgencyNotice, Point]]) -> None:
        words, columns = self._words, self._words.columns
        sheet = self._sheet(name, columns, _WIDTHS, 2)
        for number, (notice, point) in enumerate(points, 1):
            self._write_point(sheet, _TITLE_ROWS + number, number, notice, point)
        if points:
            first, last = _TITLE_ROWS + 1, _TITLE_ROWS + len(points)
            choice = {"validate": "list", "source": list(words.results), "input_message": words.result_hint}
            sheet.data_validation(first, _RESULT_COLUMN, last, _RESULT_COLUMN, choice)
            sheet.data_validation(
                first, _ANSWER_COLUMN, last, _ANSWER_COLUMN, {"validate": "any", "input_message": words.answer_hint}
            )
        self._end(sheet, columns, len(points))

    def _write_point(self, sheet: Any, row: int, number: int, notice: AgencyNotice, point: Point) -> None:
        unit = notice.unit
        fields: tuple[str | int | None, ...] = (
            *(number, unit.name, unit.region, notice.year, point.category, point.place, point.original, point.expected),
            *(point.basis, None, None, point.requirement, notice.due_on, None, None, point.state, point.message, point.case),
        )
        self._write_row(sheet, row, fields, (0, 4, 12, 15))
        self._room(sheet, row, _ANSWER_COLUMN)
        if point.link.startswith(("http://", "https://")):
            sheet.write_url(row, _LINK_COLUMN, point.link, self._styles.link, self._words.open)
        elif point.link:
            sheet.write_string(row, _LINK_COLUMN, inert(point.link), self._styles.cell)
        sheet.set_row(row, _ROW if point.picture is None else max(_ROW, self._insert(sheet, row, point.picture)))

    def _insert(self, sheet: Any, row: int, picture: Path) -> float:
        """Put a picture into its cell. Return the height in points that it needs."""
        with Image.open(picture) as image:
            wide, high = image.size
        widest, highest = _PICTURE
        scale = min(widest / wide, highest / high)
        place = {"x_scale": scale, "y_scale": scale, "x_offset": 3, "y_offset": 3, "object_position": 1}
        sheet.insert_image(row, _PICTURE_COLUMN, str(picture), place)
        return (high * scale + 8) / _PIXELS_A_POINT

    def _write_about(self) -> None:
        sheet = self._book.add_worksheet(self._words.about)
        sheet.set_column(0, 0, 16)
        sheet.set_column(1, 1, 100)
        for row, (name, text) in enumerate(self._words.explained):
            sheet.write_string(row, 0, name, self._styles.heading)
            sheet.write_string(row, 1, text, self._styles.cell)


def _severities(counts: Mapping[str, int]) -> Iterator[int]:
    return (counts.get(name, 0) for name in notice_words().severity)
