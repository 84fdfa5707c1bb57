"""The cells of reports as columns, read from the row store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from sqlalchemy import Connection

from codebook.analysis.figures import Omission
from codebook.analysis.indicators import BEFORE, cells_before
from codebook.records import Number
from codebook.text.numbers import exact
from database.analysis.columns import CODES, KNOWN, SURE, UNSURE, cell_columns, cell_ids, reason_of
from database.values import Numbers, numbers_of
from database.values.packing import STATES, Layout

_CODES = {STATES[state]: CODES[reason] for state, reason in UNSURE.items()}
_SURE = frozenset(STATES[state] for state in SURE)


def empty_cells() -> pl.DataFrame:
    """The cells of no report."""
    return pl.DataFrame(schema={"report_id": pl.Int64, **cell_columns()})


def kept_cells(path: Path, units: pl.DataFrame) -> pl.DataFrame | None:
    """The cells of the file of before whose reports are still in force and were not arranged again."""
    old = pl.scan_parquet(path)
    if set(cell_columns()) - set(old.collect_schema().names()):
        return None  # another codebook
    good = units.select("report_id", "cells").filter(pl.col("report_id").is_not_null())
    columns = ("report_id", *cell_columns())
    return old.join(good.lazy(), on=["report_id", "cells"], how="semi").select(*columns).collect()


def with_cells_before(units: pl.DataFrame, last: Path | None) -> pl.DataFrame:
    """Return the units of a year with cells of their reports on the year before, from the file of that year (None: there is
    none). Of a report without one before, those cells are not known.
    """
    names = [name for cell in cells_before() for name in (cell, f"{cell}?")]
    schema = {"agency_id": pl.Int64, "before": pl.Int64, **{f"{BEFORE}{name}": cell_columns()[name] for name in names}}
    earlier = (
        pl.scan_parquet(last)
        .filter(pl.col("filing_id").is_not_null())
        .select("agency_id", pl.col("filing_id").alias("before"), *(pl.col(name).alias(f"{BEFORE}{name}") for name in names))
        .unique("agency_id", keep="first", maintain_order=True)
        .collect()
        if last is not None
        else pl.DataFrame(schema=schema)
    )
    found = units.join(earlier, on="agency_id", how="left", maintain_order="left")
    none = pl.lit(CODES[Omission.NO_YEAR_BEFORE], dtype=pl.UInt8)
    lacks = pl.col("filing_id").is_not_null() & pl.col("before").is_null()
    codes = [f"{BEFORE}{cell}?" for cell in cells_before()]
    return found.with_columns(pl.when(lacks).then(none).otherwise(pl.col(name)).alias(name) for name in codes).drop("before")


def read_cells(connection: Connection, reports: list[int]) -> pl.DataFrame:
    """The cells of some reports, a row for each report that has any."""
    by_layout: dict[Layout, list[Numbers]] = defaultdict(list)
    for each in numbers_of(connection, reports):
        by_layout[each.indicators].append(each)
    known = frozenset(cell_ids())
    frames = [_coded(layout, found) for layout, found in by_layout.items() if not known.isdisjoint(layout)]
    return pl.concat(frames).sort("report_id") if frames else empty_cells()


def _coded(layout: Layout, reports: Sequence[Numbers]) -> pl.DataFrame:
    """The columns of reports that have the same cells."""
    values_of = dict(zip(layout, zip(*(each.values for each in reports), strict=True), strict=True))
    letters_of = dict(zip(layout, zip(*(each.letters for each in reports), strict=True), strict=True))
    columns: dict[str, Sequence[float | None]] = {}
    nothing: list[None] = [None] * len(reports)
    for cell in cell_ids():
        if cell not in values_of:
            columns[cell] = columns[f"{cell}?"] = nothing
            continue
        values = values_of[cell]
        codes = [
            KNOWN if letter in _SURE and value is not None else _CODES.get(letter, CODES[Omission.DOUBT])
            for value, letter in zip(values, letters_of[cell], strict=True)
        ]
        columns[cell] = [float(value) if code == KNOWN else None for value, code in zip(values, codes, strict=True)]
        columns[f"{cell}?"] = codes
    schema = {"report_id": pl.Int64, **cell_columns()}
    return pl.DataFrame({"report_id": [each.report_id for each in reports], **columns}, schema=schema)


def cells_of_reports(connection: Connection, reports: Sequence[int]) -> dict[int, tuple[dict[str, Number], dict[str, Omission]]]:
    """Return the cells of a few reports by report: the numbers that are sure, and why others are not. The row store has them at
    hand; the panel would read a column for each.
    """
    found: dict[int, tuple[dict[str, Number], dict[str, Omission]]] = defaultdict(lambda: ({}, {}))
    known = set(cell_ids())
    for each in numbers_of(connection, reports):
        for cell, value, state in each.cells():
            if cell not in known:
                continue
            reason = reason_of(state, value)
            if value is not None and reason is None:
                found[each.report_id][0][cell] = exact(value)
            elif reason is not None:
                found[each.report_id][1][cell] = reason
    return found
