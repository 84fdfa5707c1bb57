"""What an Excel workbook calls its sheets and columns: in Chinese by ``headings.yaml``, in English the keys of other formats."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

import msgspec

from codebook.book import Label, load_book
from codebook.records import Record
from database.export_columns import TABLES, WIDE_AFTER, WIDE_BEFORE, ExportColumn
from database.views import Wide, column_name, wide_tables

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
_ENGLISH_WIDTH = 14  # characters
_FIXED = {"agency": 1, "sha256": 2}  # columns that stay in sight, by the first column


class ColumnWords(Record, frozen=True):
    """The heading of a column, its width in characters, and what stands in the column."""

    heading: str
    width: float
    meaning: str


class SheetColumn(NamedTuple):
    """A column of a sheet. ``words`` are what the sheet shows in the place of a name of the domain."""

    key: str
    heading: str
    width: float
    unit: str
    meaning: str
    words: Mapping[str, str] = {}


class SheetLayout(NamedTuple):
    """A sheet: its name (30 characters at most), its columns, and how many of the first stay in sight."""

    name: str
    columns: tuple[SheetColumn, ...]
    fixed: int


class AboutWords(Record, frozen=True):
    """The texts of the sheet that says what is in the workbook."""

    title: str
    made: str
    contents: str
    in_force: str
    all: str
    batch: str
    year: str
    warning: str
    counts: str
    rows: str
    continued: str
    left_out: str
    shortened: str
    columns: str
    column_heads: tuple[str, ...]


class _Headings(Record, frozen=True):
    sheets: dict[str, str]
    wide_sheet: str
    columns: dict[str, ColumnWords]
    tables: dict[str, dict[str, ColumnWords]]
    indicator_width: float
    indicator_heading: str
    indicator_name: str
    words: dict[str, dict[str, str]]
    about: AboutWords


@cache
def _headings() -> _Headings:
    return msgspec.yaml.decode(files(__package__).joinpath("headings.yaml").read_bytes(), type=_Headings)


_ABOUT_ENGLISH = AboutWords(
    title="Annual reports on government information disclosure",
    made="made at",
    contents="contents",
    in_force="reports in force: one for each agency and year; other documents are in the sheet of documents alone",
    all="all documents, marked by in_force",
    batch="batch",
    year="year",
    warning="The report of a government covers the departments and towns of its area: choose by agency_kind and agency_level "
    "before you add, and never add a government to its units.",
    counts="sheet",
    rows="rows",
    continued="a sheet takes 1,048,576 rows; the rest goes on in {name} and so on",
    left_out="left out, as was asked",
    shortened="texts of more than 32,767 characters are cut",
    columns="columns",
    column_heads=("sheet", "heading", "key", "unit", "meaning"),
)


def about_words(language: Language) -> AboutWords:
    """Return the texts of the first sheet."""
    return _headings().about if language == "zh" else _ABOUT_ENGLISH


@cache
def about_sheet(language: Language) -> str:
    """Return the name of the first sheet."""
    return _headings().sheets["about"] if language == "zh" else "about"


@cache
def layouts(language: Language) -> Mapping[str, SheetLayout]:
    """Return the sheets of a workbook by table. Raises KeyError for a column that the data file does not name."""
    wide = {f"wide_{table.name}": _wide_layout(table, language) for table in wide_tables()}
    plain = {name: _layout(name, columns, language) for name, columns in TABLES.items()}
    return {"values": plain.pop("values"), **wide, **plain}


def _layout(table: str, columns: tuple[ExportColumn, ...], language: Language) -> SheetLayout:
    name = _headings().sheets[table] if language == "zh" else table
    return SheetLayout(name, tuple(_column(table, column, language) for column in columns), _fixed(columns))


def _fixed(columns: tuple[ExportColumn, ...]) -> int:
    return _FIXED.get(columns[0].name, 0)


def _column(table: str, column: ExportColumn, language: Language) -> SheetColumn:
    known = _headings()
    heading = known.tables.get(table, {}).get(column.name) or known.columns[column.name]
    if language == "en":
        width = max(heading.width, min(len(column.name) + 2, _ENGLISH_WIDTH))
        return SheetColumn(column.name, column.name, width, column.unit, column.meaning)
    words = known.words.get(column.name, {})
    if column.name == "indicator" and table != "labels":
        words = {i: indicator_name(i) for i in load_book().indicators}
    return SheetColumn(column.name, heading.heading, heading.width, "", heading.meaning, words)


def _wide_layout(table: Wide, language: Language) -> SheetLayout:
    key = f"wide_{table.name}"
    before, after = _layout_columns(key, WIDE_BEFORE, language), _layout_columns(key, WIDE_AFTER, language)
    block = load_book().blocks[table.block]
    if language == "en":
        cells = [SheetColumn(column_name(i.id), column_name(i.id), _ENGLISH_WIDTH, i.unit or "", i.id) for i in table.indicators]
        return SheetLayout(key, (*before, *cells, *after), 1)
    width = _headings().indicator_width
    cells = [
        SheetColumn(column_name(i.id), _with_unit(printed_name(i.id), i.unit), width, i.unit or "", i.id)
        for i in table.indicators
    ]
    name = block.title if table.form is None else _headings().wide_sheet.format(title=block.title, form=table.form)
    return SheetLayout(name, (*before, *cells, *after), 1)


def _layout_columns(table: str, columns: tuple[ExportColumn, ...], language: Language) -> tuple[SheetColumn, ...]:
    return tuple(_column(table, column, language) for column in columns)


def _with_unit(name: str, unit: str | None) -> str:
    return _headings().indicator_heading.format(name=name, unit=unit) if unit else name


@cache
def printed_name(indicator: str) -> str:
    """Return what the form prints for an indicator: the groups and the row, and the column.

    >>> printed_name("disclosure.licensing.decisions")
    '行政许可 / 本年处理决定数量'
    """
    book = load_book()
    found = book.indicators[indicator]
    block = book.blocks[found.block]
    parts = [*_printed(block.rows[found.row]), *(_printed(block.columns[found.column]) if found.column else ())]
    return " / ".join(parts)


def _printed(label: Label) -> tuple[str, ...]:
    return (*label.under, label.label)


@cache
def indicator_name(indicator: str) -> str:
    """Return the name of an indicator with the title of its table: names of rows are not distinct between tables."""
    book = load_book()
    title = book.blocks[book.indicators[indicator].block].title
    return _headings().indicator_name.format(block=title, name=printed_name(indicator))
