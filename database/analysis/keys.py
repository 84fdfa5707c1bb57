"""The regions that a unit counts for, by the code of its own."""

from __future__ import annotations

from functools import lru_cache

from database.reports.coverage import Level, region_at


@lru_cache(maxsize=20_000)
def province_of(code: str | None) -> str | None:
    """Return the code of the province in which a region lies."""
    return region_at(code, Level.PROVINCE)


@lru_cache(maxsize=20_000)
def city_of(code: str | None) -> str | None:
    """Return the code of the city in which a region lies; its own where it lies above."""
    return region_at(code, Level.CITY)


@lru_cache(maxsize=20_000)
def county_of(code: str | None) -> str | None:
    """Return the code of the county in which a region lies; its own where it lies above."""
    return region_at(code, Level.COUNTY)
