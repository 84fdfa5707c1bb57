"""Where what governments state cannot be the sum of the reports under them: all areas of a region at once.

It says the same as :attr:`codebook.analysis.rollup.CellRollup.contradicts` of each area, which is tested. Those of :data:`STATED`
are found when the panel is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from codebook.analysis.rollup import AreaPart
from codebook.book import load_book
from codebook.records import Number, Record
from codebook.text.numbers import exact
from database.analysis.columns import DIGITS, KNOWN, OFFLINE, quoted
from database.analysis.panel import Panel
from database.analysis.queries import GOVERNMENT, VERTICAL, UnitSelection, bounds_of

STATED = (
    "requests.new_received.total", "requests.carried_over.total", "requests.total_handled.total", "requests.granted.total",
    "requests.carried_forward.total", "review.reconsideration.total", "review.litigation_direct.total",
)  # fmt: skip
"""The cells of which the panel has the contradictions."""
_DIFFERENCE = f"round(stated - computed, {DIGITS})"
_ORDER = f"abs({_DIFFERENCE}) desc, area, cell"


class Contradiction(Record, frozen=True):
    """A cell of a government's report that cannot be right: it is less than the sum of some of those under it, or another number
    than that of all whom the list names.
    """

    area: str
    agency_id: int
    agency: str
    filing_id: int
    document_id: int
    cell: str
    stated: Number
    computed: Number

    @property
    def difference(self) -> Number:
        """The stated number less the computed one."""
        return exact(self.stated - self.computed)


def contradictions(
    panel: Panel, year: int, cells: Sequence[str], selection: UnitSelection, limit: int | None = None
) -> list[Contradiction]:
    """Return the contradictions of the areas in the region of ``selection`` (None: all), the greatest differences first.

    Areas of which the bounds of ``selection`` hide an agency are left out.
    """
    if year not in panel.manifest.years:
        return []
    bounds, values = bounds_of(selection)
    values |= {"region": selection.region or "", "cells": list(cells)}
    if selection.documents is None and set(cells) <= set(STATED):
        found = f"(select * from {panel.view('contradictions', (year,))} where starts_with(area, $region))"
    else:
        found = f"({_query(panel.view('panel', (year,)), cells, bounds, 'starts_with(region_code, $region)')})"
    part = "" if limit is None else f" limit {int(limit)}"
    rows = panel.ask(f"select * from {found} where list_contains($cells, cell) order by {_ORDER}{part}", values)
    return [Contradiction(*(*row[:6], exact(row[6]), exact(row[7]))) for row in rows]


def write_contradictions(cells: Path, target: Path) -> None:
    """Write the contradictions of a year from the file that has the cells of its units."""
    made = target.with_name(f".{target.name}")
    source, place = (str(path).replace("'", "''") for path in (cells, made))
    query = _query(f"read_parquet('{source}')", STATED, "true", "region_code is not null")
    with duckdb.connect(config=dict(OFFLINE)) as database:
        database.execute(f"copy (select * from ({query}) order by {_ORDER}) to '{place}' (format parquet, compression zstd)")
    made.replace(target)


def _query(source: str, cells: Sequence[str], bounds: str, inside: str) -> str:
    columns = ", ".join(f"{quoted(cell)} as v{place}, {quoted(f'{cell}?')} as c{place}" for place, cell in enumerate(cells))
    shown = ", ".join(f"v{place}, c{place}" for place in range(len(cells)))
    sums = ", ".join(
        f"round(sum(v{place}) filter (where c{place} = {KNOWN}), {DIGITS}) as s{place}, bool_and(c{place} is not distinct from"
        f" {KNOWN}) as a{place}"
        for place in range(len(cells))
    )
    judged = ", ".join(
        f"{{'cell': '{cell}', 'stated': v{place}, 'computed': case when c{place} = {KNOWN} then s{place} end,"
        f" 'complete': covered and a{place}, 'signed': {load_book().indicators[cell].signed}}}"
        for place, cell in enumerate(cells)
    )
    return f"""
with unit as (
    select substr(region_code, 1, 6) as area, parent_code, coalesce(kind, 'department') as part, agency_id, agency, filing_id,
        document_id, ({bounds}) as seen, "unit.expected?" = {KNOWN} as listed, {columns}
    from {source} where {inside}),
seat as (
    select *, count(*) over (partition by area) as seats from unit where part = '{GOVERNMENT}'
    qualify row_number() over (partition by area order by filing_id is null, agency_id) = 1),
member as (
    select area, part, listed, 1 as seats, {shown} from unit where part not in ('{GOVERNMENT}', '{VERTICAL}')
    union all select parent_code, '{AreaPart.LOWER.value}', listed, seats, {shown} from seat where parent_code is not null),
whole as (
    select area, bool_and(listed) and max(seats) = 1 as all_listed,
        bool_or(part = 'government_office') and bool_or(part not in ('government_office', 'town', '{AreaPart.LOWER.value}'))
        and bool_or(part in ('town', '{AreaPart.LOWER.value}')) as all_parts, {sums}
    from member group by area),
hiding as (
    select area from unit where not seen
    union select parent_code from unit where not seen and part = '{GOVERNMENT}' and parent_code is not null),
stated as (
    select *, all_listed and all_parts and seats = 1 as covered from seat join whole using (area)
    where filing_id is not null and area not in (select area from hiding)),
judged as (select area, agency_id, agency, filing_id, document_id, unnest([{judged}], recursive := true) from stated)
select area, agency_id, agency, filing_id, document_id, cell, stated, computed from judged
where case when complete then {_DIFFERENCE} <> 0 else {_DIFFERENCE} < 0 and not signed end"""
