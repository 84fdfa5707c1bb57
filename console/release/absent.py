"""Agencies of the lists that have no filing, in a release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, text

from console.release.checks import open_tables
from database.analysis.keys import city_of, province_of
from database.session import reading

_LISTED = text(
    """
    select distinct e.year, k.agency_id, a.name, a.kind, coalesce(a.region_code, e.region_code) as region_code
    from gk_expected e join gk_agency_key k on k.key = e.agency_key join gk_agency a on a.id = k.agency_id
    order by e.year, k.agency_id, region_code
    """
)
_FILED = "select year, agency_id::bigint from filings order by all"
Row = tuple[object, ...]


def absent_rows(engine: Engine, data: Path) -> Iterator[Row]:
    """Yield the agencies of the lists that have no filing in the tables that were written to ``data``, by year and agency.

    A filing that came in since is in neither.
    """
    last = None
    database = open_tables(data)
    try:
        filings = database.execute(_FILED)
        filed = filings.fetchone()
        with reading(engine) as connection:
            for year, agency, name, kind, region in connection.execute(_LISTED):
                while filed is not None and filed < (year, agency):
                    filed = filings.fetchone()
                if (year, agency) not in (last, filed):
                    yield (year, str(agency), name, kind, region, province_of(region), city_of(region))
                last = (year, agency)
    finally:
        database.close()
