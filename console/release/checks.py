"""The report of checks: every key and every code of a release, looked at in the files that were written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from codebook.records import Record
from console.release.rows import NUMBER
from console.release.schema import ReleaseTable, release_tables
from database.analysis.columns import quoted

_CSV = "all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"', max_line_size = 16777216"
# By itself the reader takes 16 lines of the greatest size at once, 256 MB for each file.
_CSV += ", buffer_size = 33554432"
MEMORY = "384MB"  # of a check; what does not fit goes to the disk


class ReleaseCheck(Record, frozen=True):
    """A check, the rows that it looked at and those that are wrong."""

    name: str
    table: str
    rows: int
    wrong: int


class ReleaseError(Exception):
    """A release that does not hold what it promises. It is not written."""


def open_tables(folder: Path) -> duckdb.DuckDBPyConnection:
    """Return a database in memory, of one thread, that shows the Parquet files of ``folder`` as its tables."""
    database = duckdb.connect(config={"threads": 1, "memory_limit": MEMORY, "temp_directory": str(folder / ".duckdb")})
    database.execute("set enable_progress_bar = false")
    for name in release_tables():
        if (folder / "parquet" / f"{name}.parquet").exists():
            database.execute(f"create view {quoted(name)} as select * from read_parquet({path_of(folder, name)})")
    return database


def path_of(folder: Path, table: str, kind: str = "parquet") -> str:
    """Return the file of a table as a text of SQL."""
    return "'" + str(folder / kind / f"{table}.{kind}").replace("'", "''") + "'"


def check_files(folder: Path, filings: int) -> list[ReleaseCheck]:
    """Return the checks of the tables in ``folder``, all of them passed. ``filings``: how many were written.

    Raises ReleaseError that names the checks that failed.
    """
    database = open_tables(folder)
    try:
        checks = [check for name, table in release_tables().items() for check in _of_table(database, folder, name, table)]
        checks.append(_check(database, "a number where the code says so, and nowhere else", "values", _NUMBERS))
        count = _number(database, "select count(*) from filings")
        checks.append(ReleaseCheck("all filings in force are in it", "filings", count, abs(filings - count)))
    finally:
        database.close()
    wrong = [f"{check.table}: {check.name}: {check.wrong:,} of {check.rows:,} rows" for check in checks if check.wrong]
    if wrong:
        raise ReleaseError("; ".join(wrong))
    return checks


_NUMBERS = f"select count(*) from \"values\" where (code = '{NUMBER}') <> (value is not null)"


def _of_table(database: duckdb.DuckDBPyConnection, folder: Path, name: str, table: ReleaseTable) -> list[ReleaseCheck]:
    source, key = quoted(name), ", ".join(map(quoted, table.key))
    twice = f"select count(*) from (select 1 from {source} group by {key} having count(*) > 1)"
    required = " or ".join(f"{quoted(column)} is null" for column in table.columns if table.is_required(column))
    checks = [
        _check(database, f"primary key {' + '.join(table.key)} is unique", name, twice),
        _check(database, "required columns are filled", name, f"select count(*) from {source} where {required}"),
    ]
    for reference in table.references:
        columns = [quoted(column) for column in reference.columns]
        same = " and ".join(f"one.{column} = other.{column}" for column in columns)
        there = " and ".join(f"one.{column} is not null" for column in columns)
        lost = f"select count(*) from {source} one anti join {quoted(reference.table)} other on {same} where {there}"
        checks.append(_check(database, f"foreign key {' + '.join(reference.columns)} is in {reference.table}", name, lost))
    rows = _number(database, f"select count(*) from {source}")
    read = f"read_csv({path_of(folder, name, 'csv')}, {_CSV})"
    in_csv = _number(database, f"select count(*) from {read}") if (folder / "csv" / f"{name}.csv").exists() else rows
    checks.append(ReleaseCheck("CSV has the rows of Parquet", name, rows, abs(rows - in_csv)))
    return checks


def _check(database: duckdb.DuckDBPyConnection, name: str, table: str, query: str) -> ReleaseCheck:
    rows = _number(database, f"select count(*) from {quoted(table)}")
    return ReleaseCheck(name, table, rows, _number(database, query))


def _number(database: duckdb.DuckDBPyConnection, query: str) -> int:
    row = database.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def contents(folder: Path) -> Mapping[str, list[dict[str, Any]]]:
    """Return what is in a release, for its report: filings by year and form, cells by code, findings by rule and state."""
    database = open_tables(folder)
    try:
        found = {}
        for name, query in _CONTENTS.items():
            cursor = database.execute(query)
            names = [column[0] for column in cursor.description or ()]
            found[name] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return found
    finally:
        database.close()


_CONTENTS = {
    "filings": "select year, form, count(*) as filings, sum(cells)::bigint as cells, sum(doubts)::bigint as doubts "
    "from filings group by all order by all",
    "cells": 'select code, count(*) as cells from "values" group by code order by code',
    "findings": "select rule, severity, state, count(*) as findings from findings group by all order by all",
}
