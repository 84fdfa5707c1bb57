"""Coverage: which agencies of the list have reported on a year, which are late, which are absent."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date

from starlette.responses import Response

from console.export.coverage import coverage_rows
from console.web.request import PageRequest
from console.web.routing import get
from console.web.views.regions import region_name, region_names
from database.models import Role
from database.reports import coverage as covering
from database.reports.coverage import CoverageLine, Standing
from database.users import audit

_ROWS = 500  # lines that a page shows; the file has all


def _asked(request: PageRequest) -> tuple[int | None, str, str]:
    """Year, region (the beginning of a code) and standing."""
    region = request.query.text("region", 12)
    standing = request.query.text("standing", 12)
    year = request.query.number("year")
    return (
        year if year is not None and year < 10_000 else None,
        region if region.isascii() and region.isdecimal() else "",
        standing if standing in list(Standing) else "",
    )


def shown(request: PageRequest) -> Response:
    """The agencies of a year, those that are absent or late first."""
    year, region, standing = _asked(request)
    with request.reading() as connection:
        years = covering.expected_years(connection)
        year = year or (years[0].year if years else None)
        lines, others = [], []
        if year is not None:
            lines = covering.coverage(connection, year, date.today().isoformat())
            others = covering.unlisted(connection, year, region=region or None, limit=_ROWS)
    regions = _regions(lines)
    lines = [line for line in lines if (line.region_code or "").startswith(region)]
    counts = Counter(line.standing.value for line in lines)
    order = list(Standing)
    chosen = [line for line in lines if not standing or line.standing == standing]
    chosen.sort(key=lambda line: order.index(line.standing))
    return request.render(
        "coverage.html",
        years=[item.year for item in years],
        given={"year": year, "region": region, "standing": standing},
        regions=regions,
        standings=[name.value for name in order],
        counts=counts,
        total=len(lines),
        lines=chosen[:_ROWS],
        more=max(0, len(chosen) - _ROWS),
        others=others,
        region_of=region_name,
    )


def file(request: PageRequest) -> Response:
    """The lines as CSV, as a spreadsheet opens it."""
    year, region, standing = _asked(request)
    lines: list[CoverageLine] = []
    if year is not None:
        with request.reading() as connection:
            lines = covering.coverage(connection, year, date.today().isoformat(), region=region or None)
        request.write(lambda c: audit.note(c, "download", request.user_name, subject="coverage", year=year, region=region))
    target = io.StringIO()
    csv.writer(target).writerows(coverage_rows([line for line in lines if not standing or line.standing == standing]))
    name = f"coverage-{year or ''}{'-' + region if region else ''}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(target.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


def _regions(lines: list[CoverageLine]) -> list[tuple[str, str]]:
    """The regions of the list with their names: provinces, cities and counties, each by the beginning of its code."""
    codes = {line.region_code for line in lines if line.region_code}
    found = {code[:length] for code in codes for length in (2, 4, 6) if code[:length].ljust(6, "0") in region_names()}
    shortest = {code[:-2] if code.endswith("00") else code for code in found}
    return [(code, region_name(code)) for code in sorted(shortest)]


ROUTES = (get("/coverage", shown, Role.VIEW), get("/coverage/file", file, Role.VIEW))
