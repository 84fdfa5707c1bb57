"""What analysis costs on a country: ``python -m tests.benchmarks.analysis [FILINGS]`` (default 1,000,000).

A panel of invented filings is made with DuckDB (3,200 regions, five years), and asked. The table shows the size of the files, and
for each question the median of five answers, on one panel and in one process.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import msgspec
import polars as pl

from codebook.analysis.indicators import derived_indicators
from codebook.book import load_book
from codebook.divisions import all_divisions, parent_code
from database.analysis.columns import FACTS, cell_ids
from database.analysis.keys import city_of, county_of, province_of
from database.analysis.manifest import LAYOUT, PanelManifest, PanelYear
from database.analysis.panel import Panel
from database.analysis.queries import Basis, GroupBy, UnitSelection, area_rollup, area_sums, group_lines, unit_lines
from database.analysis.refresh import write_figures
from tests.servers import short_folder

YEARS = range(2019, 2024)
CELLS = [i.id for i in load_book().of_form("2021") if i.id.startswith("requests.") and i.id.endswith(".total")][:25]


def make_panel(folder: Path, filings: int) -> PanelManifest:
    """Write a panel of ``filings`` filings, as many each year."""
    regions = [region for region in all_divisions() if region.code[:2] < "70"]
    rows = [(r.code, province_of(r.code), city_of(r.code), county_of(r.code), parent_code(r.code)) for r in regions]
    names = ["region_code", "province_code", "city_code", "county_code", "parent_code"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / "regions.parquet")
    each = filings // len(YEARS)
    db = duckdb.connect()
    years = {}
    for year in YEARS:
        form = "2019" if year < 2021 else "2021"
        there = {indicator.id for indicator in load_book().of_form(form)}
        file = f"year-{year}-benchmark.parquet"
        db.execute(f"select setseed({(year % 7) / 10})")
        db.execute(_YEAR.format(year=year, form=form, each=each, first=(year - YEARS[0]) * each, regions=folder /
        "regions.parquet",
            facts=", ".join(_fact(name) for name in FACTS), codes=", ".join(_code(cell, cell in there) for cell in cell_ids()),
            cells=", ".join(_number(cell) for cell in cell_ids()),
            file=folder / file))  # fmt: skip
        years[year] = PanelYear.named(year, each, "benchmark")
        write_figures(folder, years[year], year)
    made = PanelManifest(LAYOUT, "benchmark", "2026-01-01T00:00:00", years)
    (folder / "panel.json").write_bytes(msgspec.json.encode(made))
    return made


def _fact(name: str) -> str:
    value = {"unit.late_days": "case when random() < 0.9 then 0 else floor(60 * random()) end"}.get(name, "1")
    return f'cast({value} as double) as "{name}", 0::utinyint as "{name}?"'


def _code(cell: str, there: bool) -> str:
    """Most cells are known; some in a hundred are blank, doubtful or not seen; null where the form of the year has it not."""
    code = "case when random() < 0.97 then 0 when random() < 0.5 then 11 when random() < 0.7 then 10 else 9 end"
    return f'({code})::utinyint as "{cell}?"' if there else f'null::utinyint as "{cell}?"'


def _number(cell: str) -> str:
    """Most numbers are 0."""
    zeros = 0.3 if cell.endswith(".total") else 0.93
    number = f"case when random() < {zeros} then 0 else floor(-20 * ln(1 - random())) end"
    return f'case when "{cell}?" = 0 then {number} end as "{cell}"'


_YEAR = """
copy (
with r as (select *, row_number() over () - 1 as place from read_parquet('{regions}')),
u as (select range as n from range({each})),
units as (select n + 1 as agency_id, '示例单位' || n as agency, {year}::smallint as year,
    case n // (select count(*) from r) when 0 then 'government' when 1 then 'government_office' when 2 then 'vertical_body'
        when 3 then 'town' else 'department' end as kind,
    case when region_code like '%0000' then 'province' when region_code like '%00' then 'city' else 'county' end as level,
    region_code, province_code, city_code, county_code, parent_code, {first} + n + 1 as filing_id, {first} + n + 1 as document_id,
    {first} + n + 1 as report_id, '{form}' as form, null::varchar as due_on, null::varchar as published_on,
    null::varchar as first_seen_on, []::varchar[] as rules
    from u join r on r.place = n % (select count(*) from r)),
coded as (select units.*, {facts}, {codes} from units)
select *, {cells} from coded order by province_code, city_code, county_code, agency_id
) to '{file}' (format parquet, compression zstd, row_group_size 50000)
"""


def timed(ask: Callable[[], object]) -> tuple[float, float]:
    """The median and the slowest of five answers, in seconds."""
    took = []
    for _ in range(5):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return statistics.median(took), max(took)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def measure(folder: Path, filings: int) -> None:
    began = time.perf_counter()
    panel = Panel(folder, make_panel(folder, filings))
    size = sum(path.stat().st_size for path in folder.glob("*-benchmark.parquet"))
    say(f"{panel.manifest.units:,} filings made in {time.perf_counter() - began:.0f} s; {size / 1e6:.0f} MB")
    rate, years = derived_indicators()["grant_rate"], tuple(YEARS)
    questions: dict[str, Callable[[], object]] = {
        f"roll-up of {len(CELLS)} cells over all regions, 5 years": lambda: area_sums(panel, years, CELLS),
        f"roll-up of {len(CELLS)} cells over all regions, 1 year": lambda: area_sums(panel, [2023], CELLS),
        "grant rate by city, 1 year": lambda: group_lines(panel, rate, UnitSelection((2023,)), GroupBy.CITY),
        "grant rate by county, 5 years": lambda: group_lines(panel, rate, UnitSelection(years), GroupBy.COUNTY),
        "grant rate of each agency of a city": lambda: unit_lines(
            panel, rate, UnitSelection((2023,), region="3208", basis=Basis.ALL)
        ),
        "all cells of one area": lambda: area_rollup(panel, "320800", 2023, cell_ids()),
    }
    say(f"{'question':<56} {'median ms':>10} {'slowest':>10}")
    for name, ask in questions.items():
        median, slowest = timed(ask)
        say(f"{name:<56} {1000 * median:>10.0f} {1000 * slowest:>10.0f}")


if __name__ == "__main__":
    with short_folder("gk-panel-") as made_in:
        measure(made_in, int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
