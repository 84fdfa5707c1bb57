"""Which agencies must report, which have, which are late, and which nobody expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, false, func, or_, select, update

from codebook.agency_kinds import is_one_agency, stored_key
from codebook.divisions import level_of, parent_code
from codebook.records import Hints, Record, Status
from codebook.text.fold import fold_label
from database.clock import now
from database.filings import register
from database.filings.in_force import DOCUMENT, FILING, MEMBER, is_shown, speaks
from database.filings.register import AgencyName
from database.models import AgencyKeyRow, AliasSource, Audit, Batch, ExpectedRow, Failure, FailureState, ReportRow, Source
from database.reports.received import ExpectedAgencies, ExpectedAgency, FoundAt, Received
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
    """How an agency of the list stands. An agency is absent only when nothing of it came in."""

    ABSENT = "absent"  # nothing came in, and the date has passed (or there is none)
    IN_ERROR_QUEUE = "in_error_queue"  # a document that is or may be its report could not be read
    LATE = "late"  # published after its date
    IN_REVIEW = "in_review"  # a document that may be its report waits for a person: whose it is, or on which year
    IN_WORK = "in_work"  # a document that may be its report is being processed
    UNDATED = "undated"  # a report that does not tell when it was published, first seen after its date
    NOT_DUE = "not_due"  # no report yet, the date lies ahead
    IN_TIME = "in_time"


FILED = (Standing.LATE, Standing.UNDATED, Standing.IN_TIME)
"""The standings of agencies whose report is there."""
_CAME_IN = {
    Status.NEEDS_REVIEW: Standing.IN_REVIEW,
    Status.ACCEPTED: Standing.IN_REVIEW,
    Status.PROCESSING: Standing.IN_WORK,
    Status.FAILED: Standing.IN_ERROR_QUEUE,
    Status.REJECTED: Standing.IN_ERROR_QUEUE,
}
"""What a document that is in no filing of the list says of the agency whose report it may be; of several the first counts."""
_SEVERAL = "report.several"  # the code of a file with several reports; its message names them
_CHINA = timezone(timedelta(hours=8))  # the days of the deadlines


class CoverageLine(Record, frozen=True):
    """An agency of the list with its report. ``id`` is the number of its line, ``document_id`` the document in force of its
    filing, or what else came in of it.

    ``published_on`` is the earliest date that an edition of the report prints, ``first_seen_on`` the day (in China) on which the
    first document of it came in: it was published not later.
    """

    id: int
    agency: str
    region_code: str | None
    due_on: str | None
    standing: Standing
    published_on: str | None = None
    document_id: int | None = None
    status: str | None = None
    first_seen_on: str | None = None
    filing_id: int | None = None


class Level(StrEnum):
    """A level of regions by which agencies are counted."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"


class RegionCounts(Record, frozen=True):
    """The agencies of a region and of all regions in it, by standing. ``region_code`` is None for those without a region."""

    region_code: str | None
    total: int
    counts: dict[str, int]


class Unlisted(Record, frozen=True):
    """A report by an agency that no list names."""

    document_id: int
    agency: str
    region_code: str | None
    published_on: str | None
    status: str


OnNew = Callable[[Connection, int], object]
"""What is to be done with the number of an agency that is new in the register."""


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
    on_new: OnNew | None = None,
) -> int:
    """Keep a list; agencies that were listed before are brought up to date. With ``replace``, others of the same years go: of
    the regions whose codes begin as one of ``within`` alone, where it is given. ``source`` is the name of the file.

    The names of the list go into the register of agencies; ``on_new`` is called with the number of each that is new there. Return
    how many lines went.
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
    for item in listed:
        _register(connection, item.agency, item.region_code, on_new)
    return gone


def _register(connection: Connection, agency: str, region_code: str | None, on_new: OnNew | None) -> None:
    resolved = register.resolve(connection, AgencyName(agency, region_code, AliasSource.LIST))
    if resolved.is_new and on_new is not None:
        on_new(connection, resolved.agency_id)


def renew_keys(connection: Connection, on_new: OnNew | None = None) -> None:
    """Give the agencies of the lists the keys that they have by today's rules; of two that are one now, the later line stays.
    Those that the register lacks are entered, as :func:`expect` does.
    """
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
    known = register.agencies_of(connection, sorted({key for _, key in lines}))
    for (_, key), row in lines.items():
        if key not in known:
            _register(connection, row.agency, row.region_code, on_new)


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


def coverage(
    connection: Connection, year: int, today: str, *, region: str | None = None, everything: Connection | None = None
) -> list[CoverageLine]:
    """The agencies of the list of ``year`` by region and name, each with its filing or with what else came in of it.

    ``today`` is an ISO date; ``region`` the beginning of a region's code. ``everything`` is a connection without bounds, by which
    documents are found that may be of these agencies: a document that was not read is of no region.
    """
    filed = _filings(connection, _agencies(connection, year), year)
    lines = _expected_lines(connection, ExpectedRow.year == year, *_of_region(ExpectedRow.region_code, region))
    came_in = _came_in(everything or connection, year) if any(line.id not in filed for line in lines) else {}
    found = [_coverage_line(line, filed.get(line.id), came_in.get(line.id), today) for line in lines]
    return sorted(found, key=lambda line: (line.region_code or "", line.agency))


def changes_mark(connection: Connection) -> tuple[int, ...]:
    """Return a mark that is another one when something came in, was read, failed, or was decided by a person: the lines of
    :func:`coverage` stay as they are while it does. A transaction that began before others may not move it.
    """
    last = (select(func.coalesce(func.max(table.id), 0)).scalar_subquery() for table in (Source, ReportRow, Failure, Audit))
    return tuple(connection.execute(select(*last)).one())


def _agencies(connection: Connection, year: int) -> list[ExpectedAgency]:
    """The agencies of the list of a year with their numbers in the register.

    A name that many agencies have (without a region) is in the register once for each document. When one agency alone has
    reported on the year by this name, it is the one of the list.
    """
    query = (
        select(ExpectedRow.id, ExpectedRow.agency, ExpectedRow.region_code, ExpectedRow.agency_key, AgencyKeyRow.agency_id)
        .outerjoin(AgencyKeyRow, AgencyKeyRow.key == ExpectedRow.agency_key)
        .where(ExpectedRow.year == year)
    )
    agencies = [ExpectedAgency(*row) for row in connection.execute(query)]
    unsure = {each.line for each in agencies if not is_one_agency(each.name, each.region_code)}
    if not unsure:
        return agencies
    named: dict[str, set[int]] = {}
    reported = select(AgencyKeyRow.key, AgencyKeyRow.agency_id).join(FILING, FILING.c.agency_id == AgencyKeyRow.agency_id)
    for key, agency_id in connection.execute(reported.where(FILING.c.year == year)):
        named.setdefault(register.shared_key(key), set()).add(agency_id)
    return [_by_name(each, named) if each.line in unsure else each for each in agencies]


def _by_name(agency: ExpectedAgency, named: Mapping[str, set[int]]) -> ExpectedAgency:
    found = named.get(register.shared_key(agency.agency_key), set())
    return msgspec.structs.replace(agency, agency_id=min(found)) if len(found) == 1 else agency


class _FiledReport(NamedTuple):
    """The filing of a line: the document in force, the earliest printed date, and the day when it was first seen."""

    filing_id: int
    document_id: int
    status: str
    published_on: str | None
    first_seen_on: str | None


class _CameIn(NamedTuple):
    """A document that may be the report of a line."""

    standing: Standing
    document_id: int
    status: str
    first_seen_on: str


def _coverage_line(line: ExpectedLine, filed: _FiledReport | None, came_in: _CameIn | None, today: str) -> CoverageLine:
    listed = line.listed
    known = (line.id, listed.agency, listed.region_code, listed.due_on)
    if filed is not None:
        standing = standing_of(True, filed.published_on, listed.due_on, today, filed.first_seen_on)
        document = (filed.document_id, filed.status, filed.first_seen_on, filed.filing_id)
        return CoverageLine(*known, standing, filed.published_on, *document)
    if came_in is not None:
        return CoverageLine(*known, came_in.standing, None, came_in.document_id, came_in.status, came_in.first_seen_on)
    return CoverageLine(*known, standing_of(False, None, listed.due_on, today))


def _filings(connection: Connection, agencies: Sequence[ExpectedAgency], year: int) -> dict[int, _FiledReport]:
    """The filings with a document that is shown, by the line of the list."""
    columns = (FILING.c.agency_id, FILING.c.id, DOCUMENT.c.id, DOCUMENT.c.status, ReportRow.published_on, ReportRow.doubts)
    query = (
        select(*columns)
        .select_from(FILING)
        .join(MEMBER, MEMBER.c.filing_id == FILING.c.id)
        .join(DOCUMENT, and_(DOCUMENT.c.id == MEMBER.c.document_id, is_shown(DOCUMENT)))
        .join(ReportRow, ReportRow.id == DOCUMENT.c.report_id)
        .where(FILING.c.year == year)
        .order_by(FILING.c.id, MEMBER.c.rank, MEMBER.c.document_id)
    )
    seen = _first_seen(connection, year)
    found: dict[int, _FiledReport] = {}
    for part in chunks(sorted({each.agency_id for each in agencies if each.agency_id is not None})):
        rows = connection.execute(query.where(FILING.c.agency_id.in_(part)))
        for agency, filing, document, status, published_on, doubts in rows:
            printed = None if "report.published_on" in doubts else published_on
            before = found.setdefault(agency, _FiledReport(filing, document, status, printed, seen.get(filing)))
            if printed is not None:
                found[agency] = before._replace(published_on=min(printed, before.published_on or printed))
    return {each.line: found[each.agency_id] for each in agencies if each.agency_id in found}


def _first_seen(connection: Connection, year: int) -> dict[int, str]:
    """The day on which the first document of each filing of a year came in, as an ISO date."""
    query = (
        select(MEMBER.c.filing_id, func.min(Source.seen_at))
        .select_from(FILING)
        .join(MEMBER, MEMBER.c.filing_id == FILING.c.id)
        .join(DOCUMENT, and_(DOCUMENT.c.id == MEMBER.c.document_id, DOCUMENT.c.status != Status.DISCARDED.value))
        .join(Source, Source.document_id == DOCUMENT.c.id)
        .where(FILING.c.year == year)
        .group_by(MEMBER.c.filing_id)
    )
    return {filing: _day(seen_at) for filing, seen_at in connection.execute(query)}


def _day(moment: datetime) -> str:
    return moment.astimezone(_CHINA).date().isoformat()


def _came_in(connection: Connection, year: int) -> dict[int, _CameIn]:
    """What came in, on a year, that may be of the agencies of its list and is in none of their filings, by line."""
    listed = _agencies(connection, year)
    agencies = ExpectedAgencies(listed)
    order = list(_CAME_IN.values())
    found: dict[int, _CameIn] = {}
    for received, status, seen_at in _received(connection, listed, year):
        one = _CameIn(_CAME_IN[status], received.document_id, status.value, _day(seen_at))
        for line in agencies.meant_by(received, year):
            if line not in found or order.index(one.standing) < order.index(found[line].standing):
                found[line] = one
    return found


def _received(connection: Connection, listed: Sequence[ExpectedAgency], year: int) -> Iterator[tuple[Received, Status, datetime]]:
    """The documents that are in no filing of an agency of the list of ``year``, with their status and when they came in:
    those that show no report or whose report is in no filing, and on this year those of agencies that are not on the list.
    """
    columns = (DOCUMENT.c.id, DOCUMENT.c.status, FILING.c.agency_id, FILING.c.year.label("filed_on"))
    several = (
        select(func.max(Failure.message))
        .where(Failure.document_id == DOCUMENT.c.id, Failure.code == _SEVERAL, Failure.state == FailureState.OPEN.value)
        .scalar_subquery()
        .label("several")
    )
    read = (ReportRow.agency_key, ReportRow.region_code, ReportRow.year, ReportRow.title, several)
    documents = (
        DOCUMENT.outerjoin(MEMBER, MEMBER.c.document_id == DOCUMENT.c.id)
        .outerjoin(FILING, FILING.c.id == MEMBER.c.filing_id)
        .outerjoin(ReportRow.__table__, ReportRow.id == DOCUMENT.c.report_id)
    )
    open_ones = [status.value for status in _CAME_IN if status is not Status.ACCEPTED]
    elsewhere = and_(FILING.c.year == year, *_not_of(listed, year))
    conditions = (
        and_(DOCUMENT.c.status.in_(open_ones), or_(MEMBER.c.document_id.is_(None), ~is_shown(DOCUMENT))),
        and_(is_shown(DOCUMENT), elsewhere),
    )
    for condition in conditions:
        query = (
            select(*columns, *read, Source.path, Source.hints, Source.seen_at, Batch.name)
            .select_from(documents)
            .join(Source, Source.document_id == DOCUMENT.c.id)
            .join(Batch, Batch.id == Source.batch_id)
            .where(condition)
            .order_by(DOCUMENT.c.id, Source.id)
        )
        for _, rows in groupby(connection.execute(query), key=itemgetter(0)):
            yield _received_of(list(rows))


def _received_of(rows: Sequence[Any]) -> tuple[Received, Status, datetime]:
    """One document from its rows, one for each of its sources."""
    first, seen_at = rows[0], min(row.seen_at for row in rows)
    origins = []
    for row in rows:
        hints = msgspec.convert(row.hints or {}, Hints)
        origins.append(FoundAt(row.path, row.name, hints.agency, hints.year, hints.region))
    received = Received(
        first.id,
        seen_at.astimezone(_CHINA).year,
        tuple(origins),
        first.agency_id,
        first.agency_key,
        first.region_code,
        first.filed_on or first.year,
        first.title,
        first.several,
    )
    return received, Status(first.status), seen_at


def _not_of(listed: Sequence[ExpectedAgency], year: int) -> list[ColumnElement[bool]]:
    """The conditions that a filing is of no agency of the list of a year."""
    by_key = (
        select(AgencyKeyRow.agency_id)
        .join(ExpectedRow, ExpectedRow.agency_key == AgencyKeyRow.key)
        .where(ExpectedRow.year == year)
    )
    by_name = {each.agency_id for each in listed if each.agency_id is not None and not is_one_agency(each.name, each.region_code)}
    return [FILING.c.agency_id.not_in(by_key), FILING.c.agency_id.not_in(sorted(by_name))]


def standing_of(
    has_report: bool, published_on: str | None, due_on: str | None, today: str, first_seen_on: str | None = None
) -> Standing:
    """Return how an agency stands by its dates; ISO dates compare as texts.

    A report was published not later than it was first seen, whatever it prints. One that prints no date is undated, never late,
    when it was first seen after its date: it may have been there before.

    >>> standing_of(True, "2025-02-03", "2025-01-31", "2025-03-01")
    <Standing.LATE: 'late'>
    >>> standing_of(True, None, "2025-01-31", "2025-03-01", "2025-01-20")
    <Standing.IN_TIME: 'in_time'>
    """
    if not has_report:
        return Standing.NOT_DUE if due_on is not None and today <= due_on else Standing.ABSENT
    if due_on is not None and first_seen_on is not None and first_seen_on <= due_on:
        return Standing.IN_TIME
    if published_on is None:
        return Standing.UNDATED
    return Standing.LATE if due_on is not None and published_on > due_on else Standing.IN_TIME


def by_region(lines: Sequence[CoverageLine], level: Level) -> list[RegionCounts]:
    """Count the agencies of each region by standing, in the order of codes. What lies below ``level`` counts for the region of
    that level above it; what lies above it stands by itself.
    """
    found: dict[str, Counter[str]] = {}
    for line in lines:
        found.setdefault(region_at(line.region_code, level) or "", Counter())[line.standing.value] += 1
    return [RegionCounts(code or None, counts.total(), dict(counts)) for code, counts in sorted(found.items())]


def region_at(code: str | None, level: Level) -> str | None:
    """The code of the region of a level in which a region lies: its own where it lies above.

    >>> region_at("320813", Level.CITY), region_at("320000", Level.CITY), region_at("110101", Level.CITY)
    ('320800', '320000', '110000')
    """
    wanted = list(Level).index(level) + 1
    found = (code or "")[:6] or None
    while found is not None and (level_of((), found) or 0) > wanted:
        found = parent_code(found)
    return found


def unlisted(connection: Connection, year: int, *, region: str | None = None, limit: int = 1000) -> list[Unlisted]:
    """The reports in force on ``year`` of agencies that the list does not name."""
    query = (
        select(DOCUMENT.c.id, ReportRow.agency, ReportRow.region_code, ReportRow.published_on, DOCUMENT.c.status)
        .select_from(FILING)
        .join(MEMBER, MEMBER.c.filing_id == FILING.c.id)
        .join(DOCUMENT, and_(DOCUMENT.c.id == MEMBER.c.document_id, is_shown(DOCUMENT)))
        .join(ReportRow, ReportRow.id == DOCUMENT.c.report_id)
        .where(FILING.c.year == year, speaks(), *_not_of(_agencies(connection, year), year))
        .where(*_of_region(ReportRow.region_code, region))
        .order_by(ReportRow.region_code, ReportRow.agency, DOCUMENT.c.id)
        .limit(limit)
    )
    return [Unlisted(*row) for row in connection.execute(query)]
