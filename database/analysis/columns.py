"""The columns of the panel: a unit (an agency on a year), its facts, and for each cell of the forms its number and whether it is
known.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import polars as pl

from codebook.analysis.figures import REASONS, Omission
from codebook.book import load_book
from codebook.records import State

DIGITS = 6
"""Digits of sums after the point: amounts have at most that many."""
OFFLINE: Mapping[str, bool] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
"""Settings of DuckDB with which it fetches nothing from elsewhere."""
KNOWN = 0
CODES: Mapping[Omission, int] = {reason: number for number, reason in enumerate(REASONS, start=1)}
"""What stands in the place of a number that is not known: KNOWN for one that is, else one more than the place of the reason."""
FACTS = ("unit.expected", "unit.filed", "unit.reported", "unit.passed", "unit.dated", "unit.late_days", "unit.late_workdays")
UNSURE: Mapping[str, Omission] = {State.MISSING.value: Omission.BLANK, State.NOT_SEEN.value: Omission.NOT_SEEN}
"""The states of a value that are not known, with the reason; of others only :data:`SURE` are."""
SURE = tuple(each.value for each in State if not each.unsettled and each is not State.MISSING)

UNIT_COLUMNS: Mapping[str, Any] = {
    "agency_id": pl.Int64,
    "agency": pl.String,
    "year": pl.Int16,
    "kind": pl.String,
    "level": pl.String,
    "region_code": pl.String,
    "province_code": pl.String,
    "city_code": pl.String,
    "county_code": pl.String,
    "parent_code": pl.String,
    "filing_id": pl.Int64,
    "document_id": pl.Int64,
    "report_id": pl.Int64,
    "form": pl.String,
    "due_on": pl.String,
    "published_on": pl.String,
    "first_seen_on": pl.String,
    "rules": pl.List(pl.String),
    **dict.fromkeys(FACTS, pl.Float64),
    **{f"{name}?": pl.UInt8 for name in FACTS},
}


SQL_TYPES: Mapping[Any, str] = {
    pl.Int64: "bigint",
    pl.Int16: "smallint",
    pl.UInt8: "utinyint",
    pl.Float64: "double",
    pl.String: "varchar",
    pl.List(pl.String): "varchar[]",
}


@cache
def cell_ids() -> tuple[str, ...]:
    """The cells of all forms, in printing order."""
    return tuple(load_book().indicators)


def cell_columns() -> dict[str, Any]:
    """The columns of the cells with their types: ``ID`` and ``ID?``."""
    return {name: kind for cell in cell_ids() for name, kind in ((cell, pl.Float64), (f"{cell}?", pl.UInt8))}


def quoted(name: str) -> str:
    """Return a name of SQL in quotes: ``values`` and ``column`` are words of the language."""
    return '"' + name.replace('"', '""') + '"'


def reason_of(state: str, value: float | None) -> Omission | None:
    """Return why a value of a report is not known; None where it is.

    >>> reason_of("missing", None), reason_of("doubtful", 3.0), reason_of("proven", 3.0)
    (<Omission.BLANK: 'blank'>, <Omission.DOUBT: 'doubt'>, None)
    """
    return None if state in SURE and value is not None else UNSURE.get(state, Omission.DOUBT)
