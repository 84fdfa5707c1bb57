"""The cells of reports as columns, read from the row store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, bindparam, text

from codebook.analysis.figures import Omission
from codebook.analysis.indicators import BEFORE, cells_before
from codebook.records import Number
from codebook.text.numbers import exact
from database.analysis.columns import CODES, KNOWN, SURE, UNSURE, cell_columns, cell_ids, reason_of

_CELLS = text("select report_id, indicator, value, state from gk_value where report_id in :ids").bindparams(
    bindparam("ids", expanding=True)
)


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
    rows = connection.execute(_CELLS, {"ids": reports}).all()
    if not rows:
        return empty_cells()
    report, cell, value, state = zip(*rows, strict=True)
    long = pl.DataFrame(
        {"report_id": report, "cell": cell, "value": value, "state": state},
        schema={"report_id": pl.Int64, "cell": pl.String, "value": pl.Float64, "state": pl.String},
    ).filter(pl.col("cell").is_in(cell_ids()))
    sure = pl.col("state").is_in(SURE) & pl.col("value").is_not_null()
    unsure = pl.col("state").replace_strict(
        {each: CODES[reason] for each, reason in UNSURE.items()}, default=CODES[Omission.DOUBT], return_dtype=pl.UInt8
    )
    coding = pl.when(sure).then(pl.lit(KNOWN, dtype=pl.UInt8)).otherwise(unsure)
    coded = long.select("report_id", "cell", pl.when(coding == KNOWN).then("value").alias("value"), coding.alias("code"))
    numbers = coded.pivot("cell", index="report_id", values="value")
    codes = coded.pivot("cell", index="report_id", values="code").rename(lambda name: name if name == "report_id" else f"{name}?")
    wide = numbers.join(codes, on="report_id")
    lacking = [pl.lit(None, dtype=kind).alias(name) for name, kind in cell_columns().items() if name not in wide.columns]
    return wide.with_columns(lacking).select("report_id", *cell_columns())


def cells_of_reports(connection: Connection, reports: Sequence[int]) -> dict[int, tuple[dict[str, Number], dict[str, Omission]]]:
    """Return the cells of a few reports by report: the numbers that are sure, and why others are not. The row store has them at
    hand; the panel would read a column for each.
    """
    found: dict[int, tuple[dict[str, Number], dict[str, Omission]]] = defaultdict(lambda: ({}, {}))
    known = set(cell_ids())
    for report, cell, value, state in connection.execute(_CELLS, {"ids": list(reports)}):
        if cell in known:
            reason = reason_of(state, value)
            if reason is None:
                found[report][0][cell] = exact(value)
            else:
                found[report][1][cell] = reason
    return found
