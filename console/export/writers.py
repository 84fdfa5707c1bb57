"""Writers of tables: a folder of CSV files, a folder of Parquet files (workbooks: :mod:`console.export.workbook`). All take rows
as they come, in bounded memory.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

import polars as pl

from codebook.text.numbers import whole
from console.export.cells import Table

# What a spreadsheet would take for the beginning of a formula (OWASP, CSV injection). Such texts get an apostrophe
# before them. The last four are full-width =+-@, which spreadsheets of East Asian systems take for the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_CELLS_HELD = 1_500_000  # of all tables of Parquet that are not written yet; a cell has some 40 bytes
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


class ParquetWriter:
    """One typed file for each table (zstd). Rows go to parts, which are joined as a stream at the end.

    Where the tables hold more than ``cells`` together, the largest becomes a part: a bound of rows for each of some forty tables,
    of which some have two hundred columns, bounds little.
    """

    def __init__(self, paths: Mapping[str, Path], tables: Mapping[str, Table], cells: int = _CELLS_HELD) -> None:
        self._most, self._cells = cells, 0
        self._paths = paths
        self._schemas = {name: {c: _TYPES[kind] for c, kind in columns.items()} for name, columns in tables.items()}
        self._rows: dict[str, list[Row]] = {name: [] for name in tables}
        self._parts: dict[str, list[Path]] = {name: [] for name in tables}

    def write(self, table: str, row: Row) -> None:
        self._rows[table].append(row)
        self._cells += len(row)
        if self._cells > self._most:
            largest = max(self._rows, key=self._cells_of)
            path = self._paths[largest]
            part = path.with_name(f"{path.name}.part{len(self._parts[largest])}")
            self._frame(largest).write_parquet(part, compression="zstd")
            self._parts[largest].append(part)
            self._cells -= self._cells_of(largest)
            self._rows[largest].clear()

    @property
    def cells_held(self) -> int:
        """The cells of all tables that are not in a part yet."""
        return self._cells

    def _cells_of(self, table: str) -> int:
        return len(self._rows[table]) * len(self._schemas[table])

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
