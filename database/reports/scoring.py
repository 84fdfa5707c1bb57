"""The reports in force on a year, one after the other, with what was read of them and what was found in them: for rules that are
tried, and for scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, or_, select

from codebook.records import Severity, Snapshot
from database.access import region_prefix
from database.filings.in_force import DOCUMENT, FILING, FINDING, MEMBER, holds, speaks
from database.models import AgencyRow, Between, FindingCase, FindingState
from database.reports.neighbours import REPORT, in_force
from database.reports.snapshots import snapshots


class FiledLine(NamedTuple):
    """A report in force. ``agency`` is the register's name, ``body`` the verdict as it is stored (tasks.loading.rows)."""

    filing_id: int
    agency_id: int
    report_id: int
    document_id: int
    agency: str
    region: tuple[str, ...]
    region_code: str | None
    year: int
    body: bytes


class FiledScope(NamedTuple):
    """Which reports: those on a year, of a region with all in it (None: of all), up to the filing ``last`` (None: to the end)."""

    year: int
    region_code: str | None = None
    last: int | None = None


class FoundLine(NamedTuple):
    """A finding in force of a report."""

    report_id: int
    rule: str
    severity: Severity
    pack: str | None


def filed_lines(connection: Connection, scope: FiledScope, after: int, limit: int) -> list[FiledLine]:
    """The next ``limit`` reports in force of ``scope`` behind the filing ``after``."""
    query = (
        select(
            FILING.c.id,
            FILING.c.agency_id,
            REPORT.c.id.label("report_id"),
            REPORT.c.document_id,
            AgencyRow.name,
            REPORT.c.region,
            REPORT.c.region_code,
            FILING.c.year,
            REPORT.c.body,
        )
        .select_from(
            REPORT.join(DOCUMENT, in_force())
            .join(MEMBER, and_(MEMBER.c.document_id == DOCUMENT.c.id, speaks()))
            .join(FILING, FILING.c.id == MEMBER.c.filing_id)
        )
        .join(AgencyRow, AgencyRow.id == FILING.c.agency_id)
        .where(FILING.c.year == scope.year, FILING.c.id > after)
        .order_by(FILING.c.id)
        .limit(limit)
    )
    if scope.last is not None:
        query = query.where(FILING.c.id <= scope.last)
    if scope.region_code is not None:
        query = query.where(REPORT.c.region_code.startswith(region_prefix(scope.region_code), autoescape=True))
    rows = connection.execute(query).all()
    return [FiledLine(*row)._replace(region=tuple(row.region)) for row in rows]


def pairs_of(connection: Connection, lines: Sequence[FiledLine]) -> dict[int, tuple[Snapshot, Snapshot]]:
    """Return report -> the report in force of its agency on the year before, and itself, of those ``lines`` that have one."""
    earlier = _year_before(connection, lines)
    known = snapshots(connection, [number for pair in earlier.items() for number in pair])
    return {now: (known[before], known[now]) for now, before in earlier.items() if before in known and now in known}


def _year_before(connection: Connection, lines: Sequence[FiledLine]) -> dict[int, int]:
    """Report -> the one in force of its agency on the year before."""
    now, before = FILING.alias("now"), FILING.alias("before")
    query = (
        select(now.c.id, REPORT.c.id)
        .select_from(
            now.join(before, and_(before.c.agency_id == now.c.agency_id, before.c.year == now.c.year - 1))
            .join(MEMBER, and_(MEMBER.c.filing_id == before.c.id, speaks()))
            .join(DOCUMENT, DOCUMENT.c.id == MEMBER.c.document_id)
            .join(REPORT, in_force())
        )
        .where(now.c.id.in_([line.filing_id for line in lines]))
    )
    found: dict[int, int] = dict(tuple(row) for row in connection.execute(query)) if lines else {}
    return {line.report_id: found[line.filing_id] for line in lines if line.filing_id in found}


class YearsLine(NamedTuple):
    """A finding between a report and the one of its agency on the year before."""

    report_id: int
    rule: str
    severity: Severity
    message: str
    cells: tuple[str, ...]
    pack: str | None


def years_lines(connection: Connection, report_ids: Sequence[int]) -> list[YearsLine]:
    """The findings that stand between these reports, which are in force, and those of the year before."""
    query = (
        select(*(FINDING.c[name] for name in YearsLine._fields))
        .where(FINDING.c.report_id.in_(list(report_ids)), FINDING.c.between == Between.YEARS.value, holds())
        .order_by(FINDING.c.id)
    )
    rows = connection.execute(query)
    return [YearsLine(*row)._replace(severity=Severity(row.severity), cells=tuple(row.cells)) for row in rows]


class YearOfFilings(NamedTuple):
    """A year with its filings: how many they are, and the least and the greatest of their numbers."""

    year: int
    filings: int
    first: int
    last: int


def filed_years(connection: Connection) -> list[YearOfFilings]:
    """The years on which there are filings."""
    query = select(FILING.c.year, func.count(), func.min(FILING.c.id), func.max(FILING.c.id))
    return [YearOfFilings(*row) for row in connection.execute(query.group_by(FILING.c.year).order_by(FILING.c.year))]


def found_lines(connection: Connection, report_ids: Sequence[int]) -> list[FoundLine]:
    """The findings of these reports, which are in force, without those about reports that are no longer in force, and without
    those that a person dismissed or settled.
    """
    counts = or_(FindingCase.id.is_(None), FindingCase.state.not_in((FindingState.DISMISSED.value, FindingState.SETTLED.value)))
    query = (
        select(FINDING.c.report_id, FINDING.c.rule, FINDING.c.severity, FINDING.c.pack)
        .outerjoin(FindingCase, FindingCase.id == FINDING.c.case_id)
        .where(FINDING.c.report_id.in_(list(report_ids)), holds(), counts)
        .order_by(FINDING.c.id)
    )
    return [FoundLine(row.report_id, row.rule, Severity(row.severity), row.pack) for row in connection.execute(query)]
