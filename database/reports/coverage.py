"""Which agencies must report, which have, which are late, and which nobody expected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, false, func, or_, select, update
from sqlalchemy.orm import aliased

from codebook.agency_kinds import stored_key
from codebook.records import Record
from codebook.text.fold import fold_label
from database.clock import now
from database.filings.in_force import SHOWN
from database.models import Document, ExpectedRow, ReportRow
from database.reports.results import in_force
from database.sql import chunks, insert_into
from database.users.audit import note


class Listed(Record, frozen=True):
    """An agency that must report on a year. ``agency_key`` as in gk_report; ``due_on`` an ISO date."""

    year: int
    agency: str
    agency_key: str
    region_code: str | None
    due_on: str | None


class Standing(StrEnum):
    """How an agency of the list stands."""

    ABSENT = "absent"  # no report, and the date has passed (or there is none)
    LATE = "late"  # published after its date
    UNDATED = "undated"  # a report that does not tell when it was published
    NOT_DUE = "not_due"  # no report yet, the date lies ahead
    IN_TIME = "in_time"


class CoverageLine(Record, frozen=True):
    """An agency of the list with its report, if there is one. ``id`` is the number of its line."""

    id: int
    agency: str
    region_code: str | None
    due_on: str | None
    standing: Standing
    published_on: str | None
    document_id: int | None
    status: str | None


class Unlisted(Record, frozen=True):
    """A report by an agency that no list names."""

    document_id: int
    agency: str
    region_code: str | None
    published_on: str | None
    status: str


class ExpectedYear(Record, frozen=True):
    """A year for which a list is there."""

    year: int
    agencies: int
    listed_at: datetime


def expect(
    connection: Connection,
    listed: Sequence[Listed],
    *,
    who: str,
    reason: str = "",
    replace: bool = False,
    within: Sequence[str] | None = None,
    source: str = "",
) -> int:
    """Keep a list; agencies that were listed before are brought up to date. With ``replace``, others of the same years go: of
    the regions whose codes begin as one of ``within`` alone, where it is given. ``source`` is the name of the file.

    Return how many went.
    """
    gone = 0
    years = sorted({item.year for item in listed})
    if replace:
        regions = [] if within is None else [or_(false(), *(ExpectedRow.region_code.startswith(code) for code in within))]
        gone = connection.execute(delete(ExpectedRow).where(ExpectedRow.year.in_(years), *regions)).rowcount
    rows = [{name: getattr(item, name) for name in Listed.__struct_fields__} for item in listed]
    statement = insert_into(connection, ExpectedRow).values(listed_at=now())
    renewed = {name: statement.excluded[name] for name in ("agency", "region_code", "due_on", "listed_at")}
    for part in chunks(rows):
        connection.execute(statement.on_conflict_do_update(index_elements=["year", "agency_key"], set_=renewed), list(part))
    note(connection, "expect", who, reason=reason, subject=source, years=years, agencies=len(listed), replaced=replace, gone=gone)
    return gone


def renew_keys(connection: Connection) -> None:
    """Give the agencies of the lists the keys that they have by today's rules; of two that are one now, the later line stays."""
    query = select(ExpectedRow.id, ExpectedRow.year, ExpectedRow.agency, ExpectedRow.region_code, ExpectedRow.agency_key)
    lines: dict[tuple[int, str], Any] = {}
    for row in connection.execute(query.order_by(ExpectedRow.id)).all():
        at = (row.year, stored_key(row.agency, row.region_code))
        if at in lines:
            connection.execute(delete(ExpectedRow).where(ExpectedRow.id == lines[at].id))
        lines[at] = row
    renewed = [(row.id, key) for (_, key), row in lines.items() if row.agency_key != key]
    # First a key that no line has: the new key of one may be the old one of another.
    for keys in ([(number, f"renewed#{number}") for number, _ in renewed], renewed):
        for number, key in keys:
            connection.execute(update(ExpectedRow).where(ExpectedRow.id == number).values(agency_key=key))


class ExpectedLine(Record, frozen=True):
    """A line of a list as it is kept."""

    id: int
    listed: Listed


def expected_line(connection: Connection, number: int) -> ExpectedLine | None:
    """A line by its number; None when there is none."""
    return next(iter(_expected_lines(connection, ExpectedRow.id == number)), None)


def lines_named(connection: Connection, agency: str, year: int, *, region: str | None = None) -> list[ExpectedLine]:
    """The lines of a year with this name, however it is written; ``region`` is the beginning of a region's code."""
    lines = _expected_lines(connection, ExpectedRow.year == year, *_of_region(ExpectedRow.region_code, region))
    return [line for line in lines if fold_label(line.listed.agency) == fold_label(agency)]


def _expected_lines(connection: Connection, *conditions: ColumnElement[bool]) -> list[ExpectedLine]:
    columns = [getattr(ExpectedRow, name) for name in Listed.__struct_fields__]
    query = select(ExpectedRow.id, *columns).where(*conditions).order_by(ExpectedRow.id)
    return [ExpectedLine(number, Listed(*row)) for number, *row in connection.execute(query)]


def remove_line(connection: Connection, number: int, *, who: str, reason: str) -> Listed | None:
    """Take one line off the list; the audit trail keeps all that it said. Return it, None when it is gone already."""
    line = expected_line(connection, number)
    if line is None:
        return None
    connection.execute(delete(ExpectedRow).where(ExpectedRow.id == number))
    listed = line.listed
    told: dict[str, Any] = {"year": listed.year, "region_code": listed.region_code, "due_on": listed.due_on}
    note(connection, "expect.remove", who, reason=reason, subject=listed.agency, **told)
    return listed


def expected(connection: Connection) -> list[Listed]:
    """Return all agencies of the lists, of all years, by year and key (as the database collates keys)."""
    columns = [getattr(ExpectedRow, name) for name in Listed.__struct_fields__]
    query = select(*columns).order_by(ExpectedRow.year, ExpectedRow.agency_key)
    return [Listed(*row) for row in connection.execute(query)]


def expected_years(connection: Connection) -> list[ExpectedYear]:
    """The years for which lists are there, the latest first."""
    query = (
        select(ExpectedRow.year, func.count(), func.max(ExpectedRow.listed_at))
        .group_by(ExpectedRow.year)
        .order_by(ExpectedRow.year.desc())
    )
    return [ExpectedYear(*row) for row in connection.execute(query)]


def _of_region(column: Any, region: str | None) -> list[ColumnElement[bool]]:
    return [] if region is None else [column.startswith(region, autoescape=True)]


def coverage(connection: Connection, year: int, today: str, *, region: str | None = None) -> list[CoverageLine]:
    """The agencies of the list of ``year`` by region and name, each with its report (of several documents the oldest).

    ``today`` is an ISO date; ``region`` the beginning of a region's code.
    """
    report, document = aliased(ReportRow), aliased(Document)
    first = (
        select(func.min(document.id))
        .select_from(document)
        .join(report, and_(report.document_id == document.id, report.id == document.report_id))
        .where(report.agency_key == ExpectedRow.agency_key, report.year == ExpectedRow.year, document.status.in_(SHOWN))
        .correlate(ExpectedRow)
        .scalar_subquery()
    )
    query = (
        select(
            ExpectedRow.id,
            ExpectedRow.agency,
            ExpectedRow.region_code,
            ExpectedRow.due_on,
            ReportRow.published_on,
            Document.id,
            Document.status,
        )
        .select_from(ExpectedRow)
        .outerjoin(Document, Document.id == first)
        .outerjoin(ReportRow, ReportRow.id == Document.report_id)
        .where(ExpectedRow.year == year, *_of_region(ExpectedRow.region_code, region))
        .order_by(ExpectedRow.region_code, ExpectedRow.agency)
    )
    return [
        CoverageLine(
            number,
            agency,
            code,
            due_on,
            standing_of(document_id is not None, published_on, due_on, today),
            published_on,
            document_id,
            status,
        )
        for number, agency, code, due_on, published_on, document_id, status in connection.execute(query)
    ]


def standing_of(has_report: bool, published_on: str | None, due_on: str | None, today: str) -> Standing:
    """Return how an agency stands; ISO dates compare as texts.

    >>> standing_of(True, "2025-02-03", "2025-01-31", "2025-03-01")
    <Standing.LATE: 'late'>
    """
    if not has_report:
        return Standing.NOT_DUE if due_on is not None and today <= due_on else Standing.ABSENT
    if published_on is None:
        return Standing.UNDATED
    return Standing.LATE if due_on is not None and published_on > due_on else Standing.IN_TIME


def unlisted(connection: Connection, year: int, *, region: str | None = None, limit: int = 1000) -> list[Unlisted]:
    """Reports on ``year`` by agencies that the list does not name."""
    listed = exists(select(ExpectedRow.id).where(and_(ExpectedRow.year == year, ExpectedRow.agency_key == ReportRow.agency_key)))
    query: Any = (
        select(Document.id, ReportRow.agency, ReportRow.region_code, ReportRow.published_on, Document.status)
        .select_from(ReportRow)
        .join(Document, in_force())
        .where(ReportRow.year == year, ReportRow.agency_key.is_not(None), ~listed, *_of_region(ReportRow.region_code, region))
        .order_by(ReportRow.region_code, ReportRow.agency, Document.id)
        .limit(limit)
    )
    return [Unlisted(*row) for row in connection.execute(query)]
