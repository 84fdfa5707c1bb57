"""Where reports are: the key of each, the locks of its place, and the reports near it that it is compared with.

Only reports in force count: of each filing the one that speaks for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, bindparam, literal_column, or_, select, tuple_, union_all

from database.filings.in_force import DOCUMENT, FILING, MEMBER, SHOWN, speaks
from database.models import Base, ReportRow
from database.sql import Prepared
from database.values import numbers_of

REPORT: Table = Base.metadata.tables[ReportRow.__tablename__]


class ReportKey(NamedTuple):
    """By what a report is found: the agency and year of its filing (None: it is in none), the region it governs and the region it
    reports to.
    """

    report_id: int
    agency_id: int | None
    year: int | None
    governs: str | None
    reports_to: str | None


class CurrentReport(NamedTuple):
    """The report in force of a filing, and the document it was read from."""

    report_id: int
    document_id: int


class Neighbours(NamedTuple):
    """The reports in force near a key: those of its agency by year (the year before, its own, the year after), that of
    the government of the region it governs, and that of the government above.

    An agency's report on a year may have come as several documents (a page and its PDF, an edition and its correction); the one
    in force takes part in comparisons, so that nothing is found or counted twice.
    """

    years: dict[int, CurrentReport]
    own: CurrentReport | None
    parent: CurrentReport | None


def in_force() -> ColumnElement[bool]:
    """The condition that joins a document with its report in force.

    It names the document's own number too: from a report SQLite then looks up one document, instead of going through all
    of a status.
    """
    own = (DOCUMENT.c.id == REPORT.c.document_id, DOCUMENT.c.report_id == REPORT.c.id)
    return and_(*own, or_(*(DOCUMENT.c.status == status for status in SHOWN)))


# Besides -1, 0 and 1, the years of the agency itself: what the lines of _NEIGHBOURS speak of.
_OWN, _PARENT = 2, 3

# Statements that each load runs are built once: building them took longer than running them.
KEY = (REPORT.c.id, FILING.c.agency_id, FILING.c.year, REPORT.c.governs, REPORT.c.reports_to)
_REPORT_KEY = select(*KEY).select_from(
    REPORT.join(DOCUMENT, in_force())
    .join(MEMBER, MEMBER.c.document_id == DOCUMENT.c.id)
    .join(FILING, FILING.c.id == MEMBER.c.filing_id)
)
_SPEAKING = REPORT.join(DOCUMENT, in_force()).join(MEMBER, and_(MEMBER.c.document_id == DOCUMENT.c.id, speaks()))


def _of_agency(slot: int, year: ColumnElement[Any]) -> Select[Any]:
    """The report in force of an agency on ``year``, as (slot, report, document)."""
    first = (
        select(literal_column(str(slot)).label("slot"), REPORT.c.id, REPORT.c.document_id)
        .select_from(
            FILING.join(MEMBER, MEMBER.c.filing_id == FILING.c.id)
            .join(DOCUMENT, DOCUMENT.c.id == MEMBER.c.document_id)
            .join(REPORT, in_force())
        )
        .where(FILING.c.agency_id == bindparam("agency"), FILING.c.year == year)
        .order_by(MEMBER.c.rank)
        .limit(1)
        .subquery()
    )
    return select(first)


def _of_government(slot: int, code: str, year: ColumnElement[Any]) -> Select[Any]:
    """The report in force of the government of region ``code`` on ``year``; of two that say so, that of the first filing."""
    first = (
        select(literal_column(str(slot)).label("slot"), REPORT.c.id, REPORT.c.document_id)
        .select_from(_SPEAKING)
        .where(REPORT.c.governs == bindparam(code), REPORT.c.year == year)
        .order_by(MEMBER.c.filing_id)
        .limit(1)
        .subquery()
    )
    return select(first)


_year = bindparam("year", type_=REPORT.c.year.type)
_NEIGHBOURS = Prepared(
    union_all(
        *(_of_agency(step, _year + literal_column(str(step))) for step in (-1, 0, 1)),
        _of_government(_OWN, "governs", _year),
        _of_government(_PARENT, "reports_to", _year),
    )
)
_GOVERNMENT = (
    select(REPORT.c.id, REPORT.c.document_id)
    .select_from(_SPEAKING)
    .where(REPORT.c.governs == bindparam("code"), REPORT.c.year == bindparam("year"))
    .order_by(MEMBER.c.filing_id)
    .limit(1)
)
_KEY_OF_DOCUMENT = _REPORT_KEY.where(DOCUMENT.c.id == bindparam("document"))


def neighbours_of(connection: Connection, place: ReportKey) -> Neighbours:
    """Return the current reports of a place and its neighbours, in one statement."""
    _, agency, year, governs, reports_to = place
    if agency is None or year is None:
        return Neighbours({}, None, None)
    rows = _NEIGHBOURS.run(connection, agency=agency, year=year, governs=governs, reports_to=reports_to).rows
    found = {slot: CurrentReport(report_id, document_id) for slot, report_id, document_id in rows}
    return Neighbours({year + step: found[step] for step in (-1, 0, 1) if step in found}, found.get(_OWN), found.get(_PARENT))


def parent_of(connection: Connection, code: str, year: int) -> CurrentReport | None:
    """The report in force of the government of region ``code`` on ``year``."""
    row = connection.execute(_GOVERNMENT, {"code": code, "year": year}).one_or_none()
    return CurrentReport(*row) if row else None


def children_of(connection: Connection, code: str, year: int, *, above: int | None = None) -> list[int]:
    """The reports on ``year`` of the agencies that stand under the government of region ``code``, one for each agency.

    With ``above``, only those that have a value, of an indicator, that is greater than that of report ``above``: of a
    thousand children only those are worth comparing.
    """
    children = (
        select(REPORT.c.id)
        .select_from(_SPEAKING)
        .where(REPORT.c.reports_to == code, REPORT.c.year == year, REPORT.c.agency_key.is_not(None))
        .order_by(REPORT.c.id)
    )
    numbers = list(connection.execute(children).scalars())
    return numbers if above is None else _greater(connection, [number for number in numbers if number != above], above)


def _greater(connection: Connection, numbers: Sequence[int], above: int) -> list[int]:
    """Those of the reports that have a value that is greater than that of report ``above``, by their numbers."""
    limits: dict[str, float] = {}
    for own in numbers_of(connection, [above]):
        limits = {i: value for i, value in zip(own.indicators, own.values, strict=True) if value is not None}
    found: list[int] = []
    for each in numbers_of(connection, numbers if limits else ()):
        there = zip(each.indicators, each.values, strict=True)
        if any(value is not None and value > limits.get(indicator, value) for indicator, value in there):
            found.append(each.report_id)
    return found


def lock_places(connection: Connection, exclusive: Iterable[str], shared: Iterable[str] = ()) -> bool:
    """Wait for the locks of these names and keep them until the transaction ends. Return whether others may have written since
    the transaction began.

    Two transactions that compare reports with each other then see each other's reports, in whichever order they come.
    Taken in the order of their numbers, so that two holders cannot wait for one another. Who waited sees what the other
    committed, since each statement of READ COMMITTED (the default) takes a new snapshot. On SQLite there is one writer at a time:
    nothing to do.
    """
    if connection.dialect.name != "postgresql":
        return False
    modes = {_lock_number(name): False for name in shared} | {_lock_number(name): True for name in exclusive}
    if modes:
        places = tuple(sorted(modes))
        locks = (f"pg_advisory_xact_lock{'' if modes[place] else '_shared'}(%s::bigint)" for place in places)
        connection.exec_driver_sql(f"select {', '.join(locks)}", places)
    return True


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"gongkai:{name}".encode(), digest_size=8).digest(), signed=True)


def report_keys(connection: Connection, report_ids: Iterable[int]) -> list[ReportKey]:
    """The keys of those of these reports that are in force in their filings."""
    ids = sorted(set(report_ids))
    rows = connection.execute(_REPORT_KEY.where(REPORT.c.id.in_(ids), speaks())) if ids else ()
    return [ReportKey(*row) for row in rows]


def report_key_of(connection: Connection, document_id: int) -> ReportKey | None:
    """The key of the document's report; None when it shows none or is in no filing."""
    row = connection.execute(_KEY_OF_DOCUMENT, {"document": document_id}).one_or_none()
    return ReportKey(*row) if row else None


class KeyPage(NamedTuple):
    """Keys of reports in force, and behind which (year, filing) the next ones are."""

    keys: list[ReportKey]
    last: tuple[int, int]


def report_keys_after(connection: Connection, last: tuple[int, int], limit: int) -> KeyPage | None:
    """The reports in force of the next ``limit`` filings after ``last``, in the order of (year, filing); None: there are no more.

    ``last`` is (year, filing); begin with (0, 0).
    """
    there = connection.execute(
        select(FILING.c.year, FILING.c.id)
        .where(tuple_(FILING.c.year, FILING.c.id) > tuple_(*last))
        .order_by(FILING.c.year, FILING.c.id)
        .limit(limit)
    ).all()
    if not there:
        return None
    of_these = _REPORT_KEY.where(FILING.c.id.in_([row.id for row in there]), speaks()).order_by(FILING.c.year, FILING.c.id)
    return KeyPage([ReportKey(*row) for row in connection.execute(of_these)], (there[-1].year, there[-1].id))
