"""Coverage: which agencies of the list have reported on a year, which are late, which are absent."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from codebook.regions import region_chains
from console.export.coverage import coverage_rows, region_rows
from console.web.request import PageRequest
from console.web.routing import get
from console.web.views.regions import region_name
from database.access import region_prefix, visible_documents
from database.models import Role
from database.reports import coverage as covering
from database.reports.coverage import FILED, CoverageLine, Level, RegionCounts, Standing
from database.session import reading
from database.users import audit

_ROWS = 500  # lines that a page shows; the file has all
_BY = (Level.CITY, Level.COUNTY)  # levels by which the page counts


class _Asked(NamedTuple):
    """What is to be shown: a year, a region (the beginning of a code), a standing, and the level of the regions to count."""

    year: int | None
    region: str
    standing: str
    by: str

    @classmethod
    def of(cls, request: PageRequest) -> _Asked:
        region, standing, by = (request.query.text(name, 14) for name in ("region", "standing", "by"))
        year = request.query.number("year")
        return cls(
            year if year is not None and year < 10_000 else None,
            region if region.isascii() and region.isdecimal() else "",
            standing if standing in list(Standing) else "",
            by if by in _BY else "",
        )

    def chosen(self, lines: Sequence[CoverageLine]) -> list[CoverageLine]:
        """The lines of the region and the standing."""
        inside = (line for line in lines if (line.region_code or "").startswith(self.region))
        return [line for line in inside if not self.standing or line.standing == self.standing]


def visible_lines(request: PageRequest, year: int) -> list[CoverageLine]:
    """The lines of a year that the person can see; they are worked out when something has changed since.

    A document that was not read is of no region. For a user who is bound to regions it counts for an agency of theirs, and its
    number is not shown.
    """
    today, access = date.today().isoformat(), request.user.access if request.is_bound and request.user is not None else None
    with reading(request.app.engine) as everything:
        mark = covering.changes_mark(everything)

    def lines() -> list[CoverageLine]:
        with request.reading() as connection:  # begun after the mark was read: what it sees is not older
            return _lines(request, connection, year, today)

    return request.app.kept_while(f"coverage {year} {access}", (mark, today), lines)


def _lines(request: PageRequest, connection: Connection, year: int, today: str) -> list[CoverageLine]:
    if not request.is_bound:
        return covering.coverage(connection, year, today)
    with reading(request.app.engine) as everything:
        lines = covering.coverage(connection, year, today, everything=everything)
    open_ones = [line.document_id for line in lines if line.document_id is not None and line.filing_id is None]
    seen = visible_documents(connection, open_ones)
    hidden = {"document_id": None, "status": None}
    return [
        msgspec.structs.replace(line, **hidden) if line.filing_id is None and line.document_id not in seen else line
        for line in lines
    ]


def shown(request: PageRequest) -> Response:
    """The agencies of a year, those that are absent or late first, and how many of each region stand how."""
    asked = _Asked.of(request)
    with request.reading() as connection:
        years = covering.expected_years(connection)
    asked = asked._replace(year=asked.year or (years[0].year if years else None))
    lines, others = [], []
    if asked.year is not None:
        lines = visible_lines(request, asked.year)
        with request.reading() as connection:
            others = covering.unlisted(connection, asked.year, region=asked.region or None, limit=_ROWS)
    regions = _regions(lines)
    lines = asked._replace(standing="").chosen(lines)
    order = list(Standing)
    chosen = sorted(asked.chosen(lines), key=lambda line: order.index(line.standing))
    counted = covering.by_region(lines, Level(asked.by)) if asked.by else []
    return request.render(
        "coverage.html",
        years=[item.year for item in years],
        given=asked._asdict(),
        regions=regions,
        levels=[level.value for level in _BY],
        by_region=[(each, _prefix(each, counted)) for each in counted],
        standings=[name.value for name in order],
        counts=Counter(line.standing.value for line in lines),
        filed=sum(line.standing in FILED for line in lines),
        total=len(lines),
        lines=chosen[:_ROWS],
        more=max(0, len(chosen) - _ROWS),
        others=others,
        region_of=region_name,
    )


def file(request: PageRequest) -> Response:
    """The lines, or the counts of regions, as CSV, as a spreadsheet opens it."""
    asked = _Asked.of(request)
    lines: list[CoverageLine] = []
    if asked.year is not None:
        lines = asked.chosen(visible_lines(request, asked.year))
        told: dict[str, Any] = {"year": asked.year, "region": asked.region, "by": asked.by}
        request.write(lambda c: audit.note(c, "download", request.user_name, subject="coverage", **told))
    target = io.StringIO()
    rows = region_rows(covering.by_region(lines, Level(asked.by))) if asked.by else coverage_rows(lines)
    csv.writer(target).writerows(rows)
    name = "-".join(filter(None, ("coverage", str(asked.year or ""), asked.region, asked.by and f"by-{asked.by}")))
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(target.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


def _prefix(counts: RegionCounts, all_counts: Sequence[RegionCounts]) -> str:
    """The beginning of the codes that a row of counts is about; empty where other rows have it too (a city and its counties)."""
    prefix = region_prefix(counts.region_code or "")
    return prefix if sum((each.region_code or "").startswith(prefix) for each in all_counts) == 1 else ""


def _regions(lines: list[CoverageLine]) -> list[tuple[str, str]]:
    """The regions of the list with their names: provinces, cities and counties, each by the beginning of its code."""
    codes = {line.region_code for line in lines if line.region_code}
    found = {code[:length] for code in codes for length in (2, 4, 6) if code[:length].ljust(6, "0") in region_chains()}
    shortest = {code[:-2] if code.endswith("00") else code for code in found}
    return [(code, region_name(code)) for code in sorted(shortest)]


ROUTES = (get("/coverage", shown, Role.VIEW), get("/coverage/file", file, Role.VIEW))
