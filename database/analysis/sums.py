"""The sums of derived indicators by region, made when the panel is: what pages and programs ask for most is a few rows of them.

A file has a row for each region of a grain (province, city, county), kind and level of agencies, indicator, and reason for which
units are left out; those that are in have none. Rows of finer grains name the regions above them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from database.analysis.columns import OFFLINE, quoted
from database.analysis.expressions import stored_columns, stored_indicators

GRAINS = ("province", "city", "county")
"""The regions of which there are sums, from the largest to the smallest."""
SUM_COLUMNS: Mapping[str, Any] = {
    "grain": pl.String,
    "province_code": pl.String,
    "city_code": pl.String,
    "county_code": pl.String,
    "kind": pl.String,
    "level": pl.String,
    "year": pl.Int16,
    "indicator": pl.String,
    "reason": pl.UInt8,
    "units": pl.Int64,
    "numerator": pl.Float64,
    "denominator": pl.Float64,
}
_ROW_GROUP = 8_192  # rows that are read together: those of a province or of some cities


def write_sums(figures: Path, sums: Path) -> None:
    """Write the sums of a year from the file that has the figures of its units."""
    made = sums.with_name(f".{sums.name}")
    each = ", ".join(
        f"{{'indicator': '{name}', 'n': {quoted(n)}, 'd': {quoted(d)}, 'w': {quoted(w)}}}"
        for name in stored_indicators()
        for n, d, w in (stored_columns(name),)
    )
    who = "kind, level, year, f.indicator, f.w"
    source, target = (str(path).replace("'", "''") for path in (figures, made))
    with duckdb.connect(config=dict(OFFLINE)) as database:
        database.execute(
            f"copy (with found as (select province_code, city_code, county_code, kind, level, year, unnest([{each}]) as f"
            f" from read_parquet('{source}'))"
            f" select ['county', 'city', '', 'province'][grouping(city_code, county_code) + 1] as grain, province_code,"
            f" city_code, county_code, kind, level, year, f.indicator as indicator, f.w as reason, count(*) as units,"
            f" sum(f.n) filter (where f.w is null) as numerator, sum(f.d) filter (where f.w is null) as denominator"
            f" from found group by grouping sets ((province_code, city_code, county_code, {who}),"
            f" (province_code, city_code, {who}), (province_code, {who}))"
            f" order by grain, province_code, city_code, county_code, indicator, reason, kind, level)"
            f" to '{target}' (format parquet, compression zstd, row_group_size {_ROW_GROUP})"
        )
    made.replace(sums)


def grain_of(prefix: str | None, by: str) -> str | None:
    """Return the largest grain that has the sums of a region (the beginning of its code) grouped by ``by``; None where there is
    none: towns, and beginnings that are no region.

    >>> grain_of("32", "city"), grain_of("3208", "all"), grain_of("320", "all"), grain_of(None, "all")
    ('city', 'county', None, 'province')
    """
    # Counties of the large cities lie in no city: 110101 is in 1101, and its city is 110000.
    least = {0: 0, 2: 0, 4: 2, 6: 2}.get(len(prefix or ""))
    return None if least is None else GRAINS[max(least, GRAINS.index(by) if by in GRAINS else 0)]


def inside(prefix: str | None) -> tuple[str, dict[str, str]]:
    """Return the condition of the sums of a region, with its parameters; for grains of :func:`grain_of`."""
    if not prefix:
        return "true", {}
    column = "province_code" if len(prefix) == len("32") else "county_code"
    # As bounds, which let DuckDB pass over the parts of a file that have other regions. A colon comes after all digits.
    return f"{column} >= $region and {column} < $beyond", {"region": prefix, "beyond": f"{prefix}:"}
