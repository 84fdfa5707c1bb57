"""The documents of a filing: entering and leaving it, what they say, and how they were sorted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, and_, bindparam, delete, exists, func, insert, null, or_, select, update

from codebook.filings import Arrangement, FiledCell, FiledReport
from codebook.records import Number, Reader, Record, State, Status
from codebook.text import numbers
from database.clock import now
from database.filings.in_force import DOCUMENT, FILING, MEMBER, is_shown
from database.models import (
    AgencyKeyRow,
    Between,
    FilingDocument,
    FilingRow,
    FindingCase,
    FindingRow,
    ReportRow,
    ReportValues,
    SectionRow,
    Source,
)
from database.sql import Prepared, PreparedInsert, is_listed
from database.values import cells_of, change_cells, settled_cells


class FilingKey(NamedTuple):
    """A filing: its number, agency and year."""

    filing_id: int
    agency_id: int
    year: int


class Witnessed(NamedTuple):
    """A value as other renditions prove or settle it: what is written to its cell."""

    state: str
    value: Number | None
    documents: tuple[int, ...]


class Members(Record, frozen=True):
    """The documents of a filing that show a report, the numbers of those that do not, the document that a person chose, and the
    year that the filing is on (None: it has no documents).

    ``witnessed`` are the values that renditions settle now, by report and indicator.
    """

    shown: tuple[FiledReport, ...]
    hidden: tuple[int, ...]
    chosen: int | None
    year: int | None
    witnessed: dict[int, dict[str, Witnessed]]


_PLACE = Prepared(
    select(FILING.c.id, FILING.c.agency_id, FILING.c.year)
    .join(MEMBER, MEMBER.c.filing_id == FILING.c.id)
    .where(MEMBER.c.document_id == bindparam("document"))
)
_FIND = Prepared(select(FILING.c.id).where(FILING.c.agency_id == bindparam("agency"), FILING.c.year == bindparam("of_year")))


def filing_of(connection: Connection, document_id: int) -> FilingKey | None:
    """Return the filing that a document is in, or None."""
    row = _PLACE.run(connection, document=document_id).one
    return FilingKey(*row) if row else None


def filing_at(connection: Connection, agency_id: int, year: int) -> int | None:
    """Return the number of an agency's filing on a year, or None."""
    row = _FIND.run(connection, agency=agency_id, of_year=year).one
    return row[0] if row else None


def has_unfiled(connection: Connection) -> bool:
    """Whether a document shows the report of an agency and year and is in no filing: a version without filings loaded it, and
    what files such documents has not come to its end.
    """
    filed = exists(select(MEMBER.c.document_id).where(MEMBER.c.document_id == ReportRow.document_id))
    shown = exists(
        select(DOCUMENT.c.id).where(
            DOCUMENT.c.id == ReportRow.document_id, DOCUMENT.c.report_id == ReportRow.id, is_shown(DOCUMENT)
        )
    )
    query = select(ReportRow.document_id).where(ReportRow.agency_key.is_not(None), ReportRow.year.is_not(None), ~filed, shown)
    return connection.execute(query.limit(1)).first() is not None


def documents_in(connection: Connection, filing_id: int) -> list[int]:
    """Return the documents of a filing, also those that show no report."""
    return list(connection.scalars(select(MEMBER.c.document_id).where(MEMBER.c.filing_id == filing_id)))


def documents_of(connection: Connection, agencies: Collection[int]) -> list[int]:
    """Return the documents of these agencies: those of their filings, and those whose report names one but is in no filing."""
    filed = select(MEMBER.c.document_id).join(FILING, FILING.c.id == MEMBER.c.filing_id).where(FILING.c.agency_id.in_(agencies))
    keys = select(AgencyKeyRow.key).where(AgencyKeyRow.agency_id.in_(agencies))
    named = select(DOCUMENT.c.id).join(ReportRow, ReportRow.id == DOCUMENT.c.report_id).where(ReportRow.agency_key.in_(keys))
    return list(connection.scalars(filed.union(named)))


def filings_of_reports(connection: Connection, report_ids: Collection[int]) -> set[int]:
    """Return the filings of the documents of these reports."""
    if not report_ids:
        return set()
    documents = select(ReportRow.document_id).where(ReportRow.id.in_(sorted(report_ids)))
    return set(connection.scalars(select(MEMBER.c.filing_id).where(MEMBER.c.document_id.in_(documents))))


class Entered(NamedTuple):
    """The filing that a document is in now, and whether it was made for it."""

    filing_id: int
    is_new: bool


def enter(connection: Connection, document_id: int, agency_id: int, year: int) -> Entered:
    """Put a document into the filing of an agency and year, which is made if there is none.

    It leaves the filing in which it was; the caller arranges both again.
    """
    filing_id = filing_at(connection, agency_id, year)
    is_new = filing_id is None
    if filing_id is None:
        made = _MAKE.run(connection, b_agency=agency_id, b_year=year).one
        filing_id = filing_at(connection, agency_id, year) if made is None else made[0]
        assert filing_id is not None
    _ENTER.run(connection, b_document=document_id, b_filing=filing_id)
    return Entered(filing_id, is_new)


def _entering(new: Any) -> Any:
    row = {"filing_id": bindparam("b_filing"), "edition": 0, "rendition_of": null(), "rank": 0, "dated": null()}
    statement = new.values(document_id=bindparam("b_document"), **row)
    replaced = {name: statement.excluded[name] for name in row}
    moved = MEMBER.c.filing_id != statement.excluded.filing_id
    return statement.on_conflict_do_update(index_elements=["document_id"], set_=replaced, where=moved)


_MAKE = PreparedInsert(
    FilingRow,
    lambda new: (
        new.values(agency_id=bindparam("b_agency"), year=bindparam("b_year"), editions=0, created_at=now())
        .on_conflict_do_nothing()
        .returning(FilingRow.id)
    ),
)
_ENTER = PreparedInsert(FilingDocument, _entering)


def leave(connection: Connection, document_id: int) -> None:
    """Take a document out of its filing."""
    connection.execute(delete(FilingDocument).where(FilingDocument.document_id == document_id))


def carry_choice(connection: Connection, document_id: int, filing_id: int) -> None:
    """Let the choice of a document that left its filing hold in the filing in which it is now, unless that one has a choice."""
    columns = (FILING.c.chosen_by, FILING.c.chosen_at, FILING.c.chosen_why)
    left = and_(FILING.c.chosen_document_id == document_id, FILING.c.id != filing_id)
    row = connection.execute(select(*columns).where(left)).first()
    if row is None:
        return
    nobody = {"chosen_document_id": None, "chosen_by": None, "chosen_at": None, "chosen_why": None}
    connection.execute(update(FILING).where(left).values(**nobody))
    free = and_(FILING.c.id == filing_id, FILING.c.chosen_document_id.is_(None))
    connection.execute(update(FILING).where(free).values(chosen_document_id=document_id, **row._mapping))


def replace_filing_findings(connection: Connection, document_ids: Iterable[int], rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace the findings within a filing that any report of these documents takes part in. ``rows`` are complete."""
    # As numbers: of two subqueries under "or" PostgreSQL goes through all findings.
    reports = connection.scalars(select(ReportRow.id).where(ReportRow.document_id.in_(list(document_ids)))).all()
    taking_part = or_(FindingRow.report_id.in_(reports), FindingRow.other_report_id.in_(reports))
    connection.execute(delete(FindingRow).where(taking_part, FindingRow.between == Between.FILING.value))
    if rows:
        connection.execute(insert(FindingRow), list(rows))


class _MemberRow(NamedTuple):
    document_id: int
    sha256: str
    report_id: int
    shown: bool
    registered_at: datetime
    path: str | None
    seen_at: datetime | None
    dated_at: datetime | None
    hints: dict[str, Any] | None
    agency: str | None
    title: str | None
    published_on: str | None
    chosen: int | None
    year: int


_FIRST = select(func.min(Source.id)).where(Source.document_id == DOCUMENT.c.id).correlate(DOCUMENT).scalar_subquery()
_READ = Prepared(
    select(
        MEMBER.c.document_id,
        DOCUMENT.c.sha256,
        DOCUMENT.c.report_id,
        is_shown(DOCUMENT).label("shown"),
        DOCUMENT.c.registered_at,
        Source.path,
        Source.seen_at,
        Source.dated_at,
        Source.hints,
        ReportRow.agency,
        ReportRow.title,
        ReportRow.published_on,
        FILING.c.chosen_document_id,
        FILING.c.year,
    )
    .select_from(MEMBER.join(DOCUMENT, DOCUMENT.c.id == MEMBER.c.document_id).join(FILING, FILING.c.id == MEMBER.c.filing_id))
    .outerjoin(Source, Source.id == _FIRST)
    .outerjoin(ReportRow, ReportRow.id == DOCUMENT.c.report_id)
    .where(MEMBER.c.filing_id == bindparam("filing"))
    .order_by(MEMBER.c.document_id)
)


def read_members(connection: Connection, filing_id: int, *, whole: bool = False, settled: bool = False) -> Members:
    """Return the documents of a filing.

    Of a filing with one document nothing is compared: its cells and chapters are read only if asked for (``whole``), and with
    ``settled`` the cells alone that renditions which it had have settled.
    """
    rows = [_MemberRow(*row) for row in _READ.run(connection, filing=filing_id).rows]
    shown = [row for row in rows if row.shown]
    reports = [row.report_id for row in shown]
    whole = whole or len(reports) > 1
    cells, witnessed, readers = _cells(connection, reports, settled=not whole) if whole or settled else ({}, {}, {})
    sections = _sections(connection, reports) if whole else {}
    return Members(
        tuple(
            FiledReport(
                row.document_id,
                row.report_id,
                row.sha256,
                row.path or "",
                row.agency,
                row.title,
                readers.get(row.report_id),
                row.published_on,
                row.dated_at.date().isoformat() if row.dated_at else None,
                _moment(row.seen_at or row.registered_at),
                cells.get(row.report_id, {}),
                tuple(sections.get(row.report_id, ())),
                (row.hints or {}).get("published_with"),
            )
            for row in shown
        ),
        tuple(row.document_id for row in rows if not row.shown),
        rows[0].chosen if rows else None,
        rows[0].year if rows else None,
        witnessed,
    )


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def _cells(
    connection: Connection, reports: Sequence[int], *, settled: bool
) -> tuple[dict[int, dict[str, FiledCell]], dict[int, dict[str, Witnessed]], dict[int, Reader]]:
    """Return the cells of reports (``settled``: those that renditions settled) as each document alone was read, what
    witnesses make of them, and what read most of them.
    """
    cells: dict[int, dict[str, FiledCell]] = {number: {} for number in reports}
    witnessed: dict[int, dict[str, Witnessed]] = {number: {} for number in reports}
    readers: dict[int, Reader] = {}
    of_reports = ((number, settled_cells(connection, number)) for number in reports) if settled else cells_of(connection, reports)
    for report, found in of_reports:
        for cell in found:
            value, state = cell.as_read
            options = tuple(numbers.whole(candidate) for candidate in cell.candidates or ())
            cells[report][cell.indicator] = FiledCell(numbers.whole(value), State(state), options)
            if cell.witness:
                documents = tuple(cell.witness["documents"])
                witnessed[report][cell.indicator] = Witnessed(cell.state, numbers.whole(cell.value), documents)
        if found:
            readers[report] = Reader(Counter(cell.read_by for cell in found).most_common(1)[0][0])
    return cells, witnessed, readers


def _sections(connection: Connection, reports: Sequence[int]) -> dict[int, list[tuple[int | None, str, str]]]:
    found: dict[int, list[tuple[int | None, str, str]]] = {}
    columns = (SectionRow.report_id, SectionRow.number, SectionRow.title, SectionRow.text)
    query = select(*columns).where(SectionRow.report_id.in_(reports)).order_by(SectionRow.report_id, SectionRow.position)
    for report, number, title, text in connection.execute(query):
        found.setdefault(report, []).append((number, title, text))
    return found


def write_arrangement(connection: Connection, filing_id: int, members: Members, arranged: Arrangement | None) -> None:
    """Keep how the documents of a filing were sorted. None: no document shows a report; a filing without documents goes."""
    if arranged is None and not members.hidden:
        connection.execute(update(FindingCase).where(FindingCase.filing_id == filing_id).values(filing_id=None))
        connection.execute(delete(FilingRow).where(FilingRow.id == filing_id))
        return
    rows: list[dict[str, Any]] = []
    for rank, (number, document) in enumerate(arranged.ranked if arranged else ()):
        assert arranged is not None
        edition = arranged.editions[number - 1]
        leads = document.document_id == edition.leader.document_id
        rendition_of = None if leads else edition.leader.document_id
        dated = {"by": edition.dated.by.value, "value": edition.dated.value}
        rows.append(_row(document.document_id, number, rendition_of, rank, dated))
    rows += [_row(document_id, 0, None, len(rows) + at, None) for at, document_id in enumerate(members.hidden)]
    for row in rows:
        _SORTED.run(connection, **row)
    reason = {"by": arranged.reason.by.value, "value": arranged.reason.value} if arranged else None
    editions = len(arranged.editions) if arranged else 0
    _ARRANGED.run(connection, filing=filing_id, now_editions=editions, now_reason=reason)


def _row(document_id: int, edition: int, rendition_of: int | None, rank: int, dated: Any) -> dict[str, Any]:
    return {"document": document_id, "b_edition": edition, "b_of": rendition_of, "b_rank": rank, "b_dated": dated}


_SORTED = Prepared(
    update(MEMBER)
    .where(MEMBER.c.document_id == bindparam("document"))
    .values(edition=bindparam("b_edition"), rendition_of=bindparam("b_of"), rank=bindparam("b_rank"), dated=bindparam("b_dated"))
)
_ARRANGED = Prepared(
    update(FILING)
    .where(FILING.c.id == bindparam("filing"))
    .values(editions=bindparam("now_editions"), reason=bindparam("now_reason"), arranged_at=now())
)


def write_witnessed(
    connection: Connection, document: FiledReport, before: Mapping[str, Witnessed], after: Mapping[str, Witnessed]
) -> None:
    """Let renditions prove or settle these values of a document. What they settled ``before`` and do not any more is as read."""
    changed: dict[str, dict[str, Any]] = {}
    for indicator in before.keys() | after.keys():
        now_by = after.get(indicator)
        if before.get(indicator) == now_by:
            continue
        own = document.cells[indicator]
        value = own.value if now_by is None else now_by.value
        witness = None
        if now_by is not None:
            witness = {"state": own.state.value, "value": own.value, "documents": list(now_by.documents)}
        state = own.state.value if now_by is None else now_by.state
        changed[indicator] = {"state": state, "value": value, "witness": witness}
    if changed:
        change_cells(connection, document.report_id, changed)


class _ReviewedRow(NamedTuple):
    id: int
    status: str
    own: str
    doubts: list[str]
    doubtful: bool
    unread: bool
    witnessed: bool


_REVIEWED = Prepared(
    select(
        DOCUMENT.c.id,
        DOCUMENT.c.status,
        ReportRow.status.label("own"),
        ReportRow.doubts,
        ReportValues.unsettled.is_not(None).label("doubtful"),
        exists(
            select(FindingRow.id).where(
                FindingRow.report_id == ReportRow.id, is_listed(FindingRow.rule, bindparam("rules", type_=Text))
            )
        ).label("unread"),
        ReportValues.witness.is_not(None).label("witnessed"),
    )
    .join(ReportRow, ReportRow.id == DOCUMENT.c.report_id)
    .outerjoin(ReportValues, ReportValues.report_id == ReportRow.id)
    .where(
        DOCUMENT.c.id == bindparam("document"),
        or_(*(DOCUMENT.c.status == status.value for status in (Status.ACCEPTED, Status.NEEDS_REVIEW))),
    )
)


def review_again(connection: Connection, document_ids: Iterable[int], for_review: Sequence[str]) -> None:
    """Set the status of documents whose values other renditions settle, or settle no more.

    A document whose report needs review is accepted when witnesses leave no doubt: of no fact and no cell, and nothing that was
    not read (findings of the rules ``for_review``).
    """
    rules = json.dumps(list(for_review))
    found = (_REVIEWED.run(connection, document=document_id, rules=rules).one for document_id in document_ids)
    for row in (_ReviewedRow(*one) for one in found if one is not None):
        doubt = row.doubts or row.doubtful or row.unread
        settled = row.own == Status.NEEDS_REVIEW.value and row.witnessed and not doubt
        becomes = Status.ACCEPTED.value if settled else row.own
        if becomes != row.status:
            connection.execute(update(DOCUMENT).where(DOCUMENT.c.id == row.id).values(status=becomes))
