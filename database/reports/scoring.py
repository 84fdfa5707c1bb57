"""The reports in force on a year, one after the other, with what was read of them and what was found in them: for rules that are
tried, and for scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, or_, select

from codebook.records import Severity
from database.access import region_prefix
from database.filings.in_force import DOCUMENT, FILING, FINDING, MEMBER, holds, speaks
from database.models import AgencyRow, FindingCase, FindingState
from database.reports.results import REPORT, in_force


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


class FoundLine(NamedTuple):
    """A finding in force of a report."""

    report_id: int
    rule: str
    severity: Severity
    pack: str | None


def filed_lines(connection: Connection, year: int, region_code: str | None, after: int, limit: int) -> list[FiledLine]:
    """The next ``limit`` reports in force on ``year`` behind the filing ``after``, of a region with all in it (None: all)."""
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
        .where(FILING.c.year == year, FILING.c.id > after)
        .order_by(FILING.c.id)
        .limit(limit)
    )
    if region_code is not None:
        query = query.where(REPORT.c.region_code.startswith(region_prefix(region_code), autoescape=True))
    rows = connection.execute(query).all()
    return [FiledLine(*row)._replace(region=tuple(row.region)) for row in rows]


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
