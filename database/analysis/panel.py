"""The panel at hand: its files as views, and questions to them.

The views ``panel`` (units with their cells), ``figures`` (units with their derived indicators) and ``sums`` (those of regions)
have all years, those with a year behind the name (``panel_2023``) one of them. ``contradictions`` are of a year.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from database.analysis.columns import OFFLINE, SQL_TYPES, UNIT_COLUMNS, cell_columns, quoted
from database.analysis.expressions import figure_columns
from database.analysis.manifest import PanelManifest, manifest_of
from database.analysis.sums import SUM_COLUMNS

_ANSWERS_KEPT, _CELLS_OF_ONE, _CELLS_OF_ALL = 300, 250_000, 1_000_000  # of answers that are given again; a cell has some 60 bytes


def question_key(query: str, parameters: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Return what a question is kept by: as short for a hundred thousand numbers as for one.

    >>> len(question_key("select 1", {"numbers": list(range(100_000))}))
    32
    """
    return hashlib.sha256(f"{query}\0{parameters!r}".encode()).digest()


def _views(folder: Path, manifest: PanelManifest) -> Iterator[str]:
    """The statements that make the views."""
    if not manifest.years:
        figures = {name: pl.UInt8 if name.endswith("#w") else pl.Float64 for name in figure_columns(0)}
        tables = {"panel": {**UNIT_COLUMNS, **cell_columns()}, "figures": {**UNIT_COLUMNS, **figures}, "sums": SUM_COLUMNS}
        for name, columns in tables.items():
            made = ", ".join(f"{quoted(column)} {SQL_TYPES[kind]}" for column, kind in columns.items())
            yield f"create table {name} ({made})"
        return
    for place, name in enumerate(("panel", "figures", "sums", "contradictions")):
        files = {year: each.files[place] for year, each in manifest.years.items()}
        for view, some in {name: list(files.values()), **{f"{name}_{year}": [file] for year, file in files.items()}}.items():
            named = ", ".join("'" + str(folder / file).replace("'", "''") + "'" for file in some)
            yield f"create view {view} as select * from read_parquet([{named}])"


def _opened(folder: Path, manifest: PanelManifest) -> duckdb.DuckDBPyConnection:
    """A connection with the files of a manifest as views. Raises duckdb.IOException where one is not there."""
    connection = duckdb.connect(config=dict(OFFLINE))
    connection.execute("set parquet_metadata_cache = true")
    for statement in _views(folder, manifest):
        connection.execute(statement)
    return connection


def _asked(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any] | Sequence[Any]
) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    try:
        return cursor.execute(query, parameters).fetchall()
    finally:
        cursor.close()


class Panel:
    """A panel to be asked with DuckDB: the files that a manifest names. Threads share it; each asks with a cursor of its own.

    Where another process has deleted files since, it opens those that the manifest of the folder names by then.
    """

    def __init__(self, folder: Path, manifest: PanelManifest) -> None:
        self.manifest, self._folder = manifest, folder
        self._answers: OrderedDict[bytes, list[tuple[Any, ...]]] = OrderedDict()
        self._cells = 0
        self._lock = threading.Lock()
        self._connection = _opened(folder, manifest)

    def ask(self, query: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query. The same question has the same answer: small ones are kept."""
        key = question_key(query, parameters)
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
            connection = self._connection
        try:
            rows = _asked(connection, query, parameters)
        except duckdb.IOException:
            connection = self._opened_again(connection)
            rows = _asked(connection, query, parameters)
        if _cells_in(rows) <= _CELLS_OF_ONE:
            with self._lock:
                if connection is self._connection:
                    self._cells += _cells_in(rows) - _cells_in(self._answers.pop(key, []))
                    self._answers[key] = rows
                while len(self._answers) > _ANSWERS_KEPT or self._cells > _CELLS_OF_ALL:
                    self._cells -= _cells_in(self._answers.popitem(last=False)[1])
        return rows

    def view(self, name: str, years: Sequence[int]) -> str:
        """Return the view to ask about ``years``: the one of a year where it is one, since all years are many more files and
        columns to look at.
        """
        return f"{name}_{years[0]}" if len(years) == 1 and years[0] in self.manifest.years else name

    @property
    def cells_kept(self) -> int:
        """The cells of all answers that are kept."""
        return self._cells

    def _opened_again(self, failed: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """A connection to the files of the folder's manifest, in place of one whose files are gone. Raises duckdb.IOException
        where these are gone too.
        """
        with self._lock:
            if self._connection is failed and (manifest := manifest_of(self._folder)) is not None:
                # The connection before is not closed: another thread may ask it now. It goes when nobody holds it.
                self._connection = _opened(self._folder, manifest)
                self.manifest = manifest
                self._answers.clear()
                self._cells = 0
            return self._connection

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _cells_in(rows: Sequence[tuple[Any, ...]]) -> int:
    return len(rows) * len(rows[0]) if rows else 0
