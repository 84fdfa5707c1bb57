"""What waits for a person to decide: documents whose report leaves doubts, and the open cells of one of them: those that are
doubtful, and those that were not seen.

Cells about which a person has decided since the report was made are left out: they wait for the validation. Documents come in the
order in which they were registered, the cells of one in the order of its pages.
"""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, cast, exists, func, or_, select

from codebook.records import Record, Status
from database.models import CorrectionRow, Document, ReportRow, Source, UnsettledValue
from database.monitoring.read_models import ValueItem, value_item
from database.monitoring.region_filter import of_report
from database.reports.corrections import FACTS
from database.reports.review_leases import Share, free_of_others, handed_to, not_handed_to_others
from database.values import cells_by_indicator, cells_of

_HAS_FACTS = cast(ReportRow.doubts, Text) != "[]"
_WAITING = (Status.NEEDS_REVIEW, Status.PROCESSING)


class ReviewScope(Record, frozen=True):
    """Which documents: found in the batch with the id ``batch``; of a region (see database.monitoring.region_filter); handed out
    to ``person``. ``reviewer`` leaves out what others have at the moment, and, without ``person``, what was handed out to others;
    ``shares`` are the parts that were handed out.
    """

    batch: int | None = None
    region: str | None = None
    person: str | None = None
    reviewer: str | None = None
    shares: tuple[Share, ...] = ()


class Waiting(Record, frozen=True):
    """A document whose report leaves doubts. ``facts`` are those about the report itself, such as ``report.year``."""

    document_id: int
    sha256: str
    media_type: str
    status: str
    report_id: int
    agency: str | None
    region: tuple[str, ...]
    year: int | None
    facts: tuple[str, ...]


class Backlog(Record, frozen=True):
    """How much waits: ``cells`` are numbers, and facts about reports."""

    documents: int
    cells: int


def _undecided(indicator: Any, taken: Any) -> ColumnElement[bool]:
    """No decision about the cell stands that has not gone into the report."""
    newer = and_(
        CorrectionRow.document_id == Document.id,
        CorrectionRow.indicator == indicator,
        CorrectionRow.ended_at.is_(None),
        or_(taken.is_(None), CorrectionRow.id != taken),
    )
    return ~exists(select(CorrectionRow.id).where(newer).correlate(Document, UnsettledValue))


def _scope(scope: ReviewScope) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if scope.batch is not None:
        wanted.append(Document.id.in_(select(Source.document_id).where(Source.batch_id == scope.batch)))
    if scope.region:
        wanted.append(of_report(scope.region))
    if scope.reviewer is not None:
        wanted.append(free_of_others(scope.reviewer))
    if scope.person is not None:
        wanted.append(handed_to(scope.shares, scope.person))
    elif scope.reviewer is not None:
        wanted.append(not_handed_to_others(scope.shares, scope.reviewer))
    return wanted


def _cell_of_report() -> Any:
    """An open cell of the report at hand."""
    return select(UnsettledValue.report_id).where(
        UnsettledValue.report_id == ReportRow.id, _undecided(UnsettledValue.indicator, UnsettledValue.correction_id)
    )


def _documents(scope: ReviewScope) -> Any:
    return (
        select(
            Document.id,
            Document.sha256,
            Document.media_type,
            Document.status,
            ReportRow.id,
            ReportRow.agency,
            ReportRow.region,
            ReportRow.year,
            ReportRow.doubts,
        )
        .join(ReportRow, ReportRow.id == Document.report_id)
        .where(Document.status.in_(_WAITING), or_(exists(_cell_of_report()), _HAS_FACTS), *_scope(scope))
        .order_by(Document.id)
    )


def waiting(connection: Connection, scope: ReviewScope, *, first: int = 0, limit: int = 20) -> list[Waiting]:
    """The documents with open doubts, from the document ``first`` on."""
    found: list[Waiting] = []
    while len(found) < limit:
        rows = connection.execute(_documents(scope).where(Document.id >= first).limit(limit)).all()
        for row in rows:
            item = _waiting(connection, row)
            if item.facts or not row.doubts or doubtful_cells(connection, item.document_id):
                found.append(item)
        if len(rows) < limit:
            break
        first = rows[-1].id + 1
    return found[:limit]


def open_cells(connection: Connection, document_id: int) -> list[str]:
    """Return what is open of a document: facts of its report, then cells in the order of the pages."""
    head = (
        select(ReportRow.doubts)
        .join(Document, Document.report_id == ReportRow.id)
        .where(Document.id == document_id, Document.status.in_(_WAITING))
    )
    doubts = connection.scalar(head)
    if doubts is None:
        return []
    facts = _open_facts(connection, document_id, tuple(doubts))
    return [*facts, *(value.indicator for value in doubtful_cells(connection, document_id))]


def _waiting(connection: Connection, row: Any) -> Waiting:
    number, sha256, media_type, status, report_id, agency, region, year, doubts = row
    facts = _open_facts(connection, number, tuple(doubts))
    return Waiting(number, sha256, media_type, status, report_id, agency, tuple(region), year, facts)


def _open_facts(connection: Connection, document_id: int, doubts: tuple[str, ...]) -> tuple[str, ...]:
    if not doubts:
        return ()
    decided = select(CorrectionRow.indicator).where(
        CorrectionRow.document_id == document_id, CorrectionRow.ended_at.is_(None), CorrectionRow.indicator.in_(doubts)
    )
    known = set(connection.scalars(decided))
    return tuple(doubt for doubt in doubts if doubt not in known)


def doubtful_cells(connection: Connection, document_id: int) -> list[ValueItem]:
    """The cells of the report in force that are doubtful or not seen, and not decided since, in the order of the pages."""
    query = (
        select(UnsettledValue.report_id, UnsettledValue.indicator)
        .join(Document, Document.report_id == UnsettledValue.report_id)
        .where(Document.id == document_id, _undecided(UnsettledValue.indicator, UnsettledValue.correction_id))
    )
    rows = connection.execute(query).all()
    if not rows:
        return []
    found = cells_by_indicator(connection, {rows[0].report_id: [row.indicator for row in rows]})
    return sorted((value_item(cell) for _, cell in found), key=_in_order)


def _in_order(value: ValueItem) -> tuple[int, float, str]:
    """By page and line, those without a line last."""
    return value.page, inf if value.line is None else value.line, value.indicator


def backlog(connection: Connection, scope: ReviewScope) -> Backlog:
    """Return how many cells and facts are in doubt, and in how many documents."""
    query = (
        select(func.count(UnsettledValue.report_id.distinct()), func.count())
        .select_from(UnsettledValue)
        .join(Document, Document.report_id == UnsettledValue.report_id)
        .join(ReportRow, ReportRow.id == UnsettledValue.report_id)
        .where(
            Document.status.in_(_WAITING),
            _undecided(UnsettledValue.indicator, UnsettledValue.correction_id),
            *_scope(scope),
        )
    )
    documents, cells = connection.execute(query).one()
    query_facts: Any = (
        select(Document.id, ReportRow.doubts, exists(_cell_of_report()))
        .join(ReportRow, ReportRow.id == Document.report_id)
        .where(Document.status.in_(_WAITING), _HAS_FACTS, *_scope(scope))
    )
    decided = select(CorrectionRow.document_id, CorrectionRow.indicator).where(
        CorrectionRow.ended_at.is_(None), CorrectionRow.indicator.in_(FACTS)
    )
    rows = connection.execute(query_facts).all()
    known = {tuple(row) for row in connection.execute(decided)} if rows else set()
    for document_id, doubts, has_cells in rows:
        left = sum((document_id, doubt) not in known for doubt in doubts)
        cells += left
        documents += bool(left and not has_cells)
    return Backlog(documents, cells)


class Head(Record, frozen=True):
    """What a document is, and how it stands."""

    sha256: str
    media_type: str
    status: str


def head_of(connection: Connection, document_id: int) -> Head | None:
    """The head of a document; None when there is none."""
    row = connection.execute(
        select(Document.sha256, Document.media_type, Document.status).where(Document.id == document_id)
    ).first()
    return Head(*row) if row else None


# ---- what a report said, and how versions differ ------------------------------------------------------------------------------


class Change(Record, frozen=True):
    """A cell that differs from the version before: value and state in both (state None: it was not there)."""

    indicator: str
    before: float | None
    before_state: str | None
    after: float | None
    after_state: str | None


def report_body(connection: Connection, report_id: int) -> bytes | None:
    """The verdict of a report as it is kept: see tasks.loading.rows.unpack."""
    return connection.scalar(select(ReportRow.body).where(ReportRow.id == report_id))


def changes(connection: Connection, document_id: int, latest: int = 6) -> dict[int, list[Change]]:
    """Return what each of the ``latest`` versions of a document changed in its cells, by version; the first version is left
    out.
    """
    query = (
        select(ReportRow.id, ReportRow.version)
        .where(ReportRow.document_id == document_id)
        .order_by(ReportRow.version.desc())
        .limit(latest + 1)
    )
    versions = {row.id: row.version for row in connection.execute(query)}
    cells: dict[int, dict[str, tuple[float | None, str]]] = {version: {} for version in versions.values()}
    for report, values in cells_of(connection, versions):
        cells[versions[report]] = {cell.indicator: cell.as_read for cell in values}
    found: dict[int, list[Change]] = {}
    for earlier, later in pairwise(sorted(cells)):
        old, new = cells[earlier], cells[later]
        found[later] = [
            Change(cell, *old.get(cell, (None, None)), *new.get(cell, (None, None)))
            for cell in sorted(old.keys() | new.keys())
            if _told(old.get(cell)) != _told(new.get(cell))
        ]
    return found


def _told(cell: tuple[float | None, str] | None) -> tuple[float | None, str | None]:
    """A cell as far as a change matters: a number that is sure is itself, whether it was read once or proven."""
    if cell is None:
        return None, None
    value, state = cell
    return value, "read" if state == "proven" else state
