"""Writers of tables: a folder of CSV files, one XLSX workbook, a folder of Parquet files. All take rows as they come,
in bounded memory.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

import polars as pl
import xlsxwriter

from codebook.text.numbers import whole
from console.export.cells import Table

# What a spreadsheet would take for the beginning of a formula (OWASP, CSV injection). Such texts get an apostrophe
# before them. The last four are full-width =+-@, which spreadsheets of East Asian systems take for the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_XLSX_ROWS = 1_048_576
_XLSX_TEXT = 32_767
_PARQUET_ROWS = 50_000
_TYPES: Mapping[type, Any] = {str: pl.String, int: pl.Int32, float: pl.Float64, bool: pl.Boolean}

Row = Sequence[Any]


class Writer(Protocol):
    """Takes rows of several tables in any order."""

    def write(self, table: str, row: Row) -> None:
        """Add a row, with a field (or None) for each column of the table."""

    def close(self) -> None:
        """Complete the files. After an error the files are thrown away without being closed."""


def inert(text: str) -> str:
    """``text`` with an apostrophe before what a spreadsheet might calculate.

    >>> inert("=1+1"), inert("3")
    ("'=1+1", '3')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def _shown(field: Any) -> Any:
    if isinstance(field, str):
        return inert(field)
    if isinstance(field, bool):
        return str(field).lower()
    return whole(field) if isinstance(field, float) else field


class CsvWriter:
    """One file for each table: UTF-8 with a byte order mark, so that spreadsheets read it as such, and lines that end
    in CR LF.
    """

    def __init__(self, paths: Mapping[str, Path], tables: Mapping[str, Table]) -> None:
        self._files: list[TextIO] = []
        self._writers = {}
        for name, columns in tables.items():
            file = paths[name].open("w", encoding="utf-8-sig", newline="")
            self._files.append(file)
            self._writers[name] = csv.writer(file)
            self._writers[name].writerow(columns)

    def write(self, table: str, row: Row) -> None:
        self._writers[table].writerow([_shown(field) for field in row])

    def close(self) -> None:
        for file in self._files:
            file.close()


class XlsxWriter:
    """One workbook with a sheet for each table; a table of more rows than a sheet takes goes on in ``name_2`` and so
    on.

    Text is written as text, whatever it looks like, and cut at the 32,767 characters that a cell takes.
    """

    def __init__(self, path: Path, tables: Mapping[str, Table]) -> None:
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "nan_inf_to_errors": True,
            "tmpdir": str(path.parent),
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._tables = tables
        self._sheets: dict[str, Any] = {}
        self._next: dict[str, int] = {}
        self._count = dict.fromkeys(tables, 0)
        for name in tables:
            self._add_sheet(name)

    def _add_sheet(self, table: str) -> None:
        self._count[table] += 1
        number = self._count[table]
        sheet = self._book.add_worksheet(table if number == 1 else f"{table}_{number}")
        sheet.write_row(0, 0, list(self._tables[table]))
        self._sheets[table], self._next[table] = sheet, 1

    def write(self, table: str, row: Row) -> None:
        if self._next[table] >= _XLSX_ROWS:
            self._add_sheet(table)
        sheet, number = self._sheets[table], self._next[table]
        for column, field in enumerate(row):
            if isinstance(field, str):
                sheet.write_string(number, column, inert(field)[:_XLSX_TEXT])
            elif isinstance(field, bool):
                sheet.write_boolean(number, column, field)
            elif field is not None:
                sheet.write_number(number, column, field)
        self._next[table] = number + 1

    def close(self) -> None:
        self._book.close()


class ParquetWriter:
    """One typed file for each table (zstd). Rows go to parts of 50,000, which are joined as a stream at the end."""

    def __init__(self, paths: Mapping[str, Path], tables: Mapping[str, Table]) -> None:
        self._paths = paths
        self._schemas = {name: {c: _TYPES[kind] for c, kind in columns.items()} for name, columns in tables.items()}
        self._rows: dict[str, list[Row]] = {name: [] for name in tables}
        self._parts: dict[str, list[Path]] = {name: [] for name in tables}

    def write(self, table: str, row: Row) -> None:
        rows = self._rows[table]
        rows.append(row)
        if len(rows) >= _PARQUET_ROWS:
            path = self._paths[table]
            part = path.with_name(f"{path.name}.part{len(self._parts[table])}")
            self._frame(table).write_parquet(part, compression="zstd")
            self._parts[table].append(part)
            rows.clear()

    def _frame(self, table: str) -> pl.DataFrame:
        return pl.DataFrame(self._rows[table], schema=self._schemas[table], orient="row")

    def close(self) -> None:
        for table, path in self._paths.items():
            parts = self._parts[table]
            if not parts:
                self._frame(table).write_parquet(path, compression="zstd")
                continue
            last = path.with_name(f"{path.name}.part{len(parts)}")
            self._frame(table).write_parquet(last, compression="zstd")
            pl.scan_parquet([*parts, last]).sink_parquet(path, compression="zstd")
            for part in (*parts, last):
                part.unlink()
