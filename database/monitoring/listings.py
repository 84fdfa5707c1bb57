"""What the operators' pages list: batches, documents, the error queue. Nothing here writes; answers are frozen records.

Long lists are read by the last key of the page before (never by an offset), so that each page costs the same. The ids of a
page are found first, and what is shown of them is read for these alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, distinct, exists, func, literal, select, tuple_, union_all

from codebook.records import Record, Severity, Status
from codebook.stages import STAGES, StageName
from codebook.text.grams import wanted_grams
from database.ledger.conditions import OPEN, RUNNING
from database.models import (
    Batch,
    Document,
    Failure,
    FailureState,
    FindingRow,
    ReportRow,
    Source,
    Stage,
    StageState,
    UnsettledValue,
)
from database.monitoring.queries import ALL, DocumentScope
from database.monitoring.read_models import StageCount
from database.monitoring.region_filter import of_document
from database.monitoring.text_search import by_index, found_by

MOST = 10_000  # documents of a filter that are counted; beyond that it is "more"


class BatchLine(Record, frozen=True):
    """A batch in a list. ``statuses`` are those of the documents that were found in it, ``sources`` the files that were given."""

    id: int
    name: str
    created_at: datetime
    sources: int
    statuses: dict[str, int]

    @property
    def documents(self) -> int:
        """Documents that were found in this batch."""
        return sum(self.statuses.values())

    @property
    def open(self) -> int:
        """Documents that are still being processed."""
        return self.statuses.get(Status.PROCESSING, 0)


class Span(Record, frozen=True):
    """When the documents that came in with a batch were registered first, and last were at an end; how many are; and how many
    times the most often processed of them was. After the first time the span tells no longer what the batch took.
    """

    first: datetime | None
    last: datetime | None
    finished: int
    runs: int | None

    @property
    def seconds(self) -> float | None:
        """How long it took, from the first registered to the last at its end."""
        return (self.last - self.first).total_seconds() if self.first and self.last else None


class DocumentFilter(Record, frozen=True):
    """Which documents are listed: those that meet all conditions that are given.

    ``batch``: the id of a batch in which it was found. ``region``: see database.monitoring.region_filter. ``agency`` is contained
    in the name of the report in force, ``text`` in a path or in the text of the document; or it is the document's number or the
    beginning of its sha256. ``code`` is that of an open failure. ``sort`` is one of SORTS, down with a minus before it.
    """

    batch: int | None = None
    status: str | None = None
    region: str | None = None
    agency: str | None = None
    year: int | None = None
    code: str | None = None
    text: str | None = None
    sort: str | None = None


SORTS: Mapping[str, tuple[Any, ...]] = {
    "number": (),
    "status": (Document.status,),
    "agency": (func.coalesce(ReportRow.agency, ""),),
    "region": (func.coalesce(ReportRow.region_code, ""),),
    "year": (func.coalesce(ReportRow.year, 0),),
}
"""By what documents are sorted, besides their number: their report in force must be joined."""


class DocumentRow(Record, frozen=True):
    """A document in a list, with the report in force and the code of its open failure, if there are such."""

    id: int
    status: str
    media_type: str
    pages: int | None
    registered_at: datetime
    finished_at: datetime | None
    path: str | None
    agency: str | None
    region: str
    year: int | None
    form: str | None
    doubts: int
    errors: int
    code: str | None


class FailureGroup(Record, frozen=True):
    """The open failures of one code: how many documents have one, at which stages, and since when."""

    code: str
    documents: int
    stages: tuple[str, ...]
    first: datetime
    last: datetime


# ---- batches ----------------------------------------------------------------------------------------------------------------


def batch_lines(
    connection: Connection, before: int | None = None, limit: int = 50, *, name: str = "", sort: str | None = None
) -> list[BatchLine]:
    """The newest batches, or those sorted by ``name`` or ``-name``, behind the batch ``before`` if given; with ``name`` in their
    names.
    """
    query = select(Batch.id, Batch.name, Batch.created_at).limit(limit)
    if name:
        query = query.where(Batch.name.contains(name, autoescape=True))
    if sort is None:
        query = query.order_by(Batch.id.desc())
        return _lines(connection, query if before is None else query.where(Batch.id < before))
    down = sort.startswith("-")
    if before is not None:
        last = select(Batch.name).where(Batch.id == before).scalar_subquery()
        query = query.where(Batch.name < last if down else Batch.name > last)
    return _lines(connection, query.order_by(Batch.name.desc() if down else Batch.name))


def batch_line(connection: Connection, number: int) -> BatchLine | None:
    """One batch; None when there is no such."""
    lines = _lines(connection, select(Batch.id, Batch.name, Batch.created_at).where(Batch.id == number))
    return lines[0] if lines else None


def _lines(connection: Connection, query: Select[int, str, datetime]) -> list[BatchLine]:
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    files = select(Source.batch_id, func.count()).where(Source.batch_id.in_(ids)).group_by(Source.batch_id)
    sources = {row[0]: row[1] for row in connection.execute(files)}
    # Documents of other batches that were found here again are few, and have an index of their own; those that came in with
    # the batch first are counted from the index of batch and status.
    counts = (
        select(Document.batch_id, Document.status, func.count())
        .where(Document.batch_id.in_(ids))
        .group_by(Document.batch_id, Document.status)
    )
    again = (
        select(Source.batch_id, Document.status, func.count(distinct(Source.document_id)))
        .join(Document, Document.id == Source.document_id)
        .where(Source.duplicate, Source.batch_id.in_(ids), Document.batch_id != Source.batch_id)
        .group_by(Source.batch_id, Document.status)
    )
    statuses: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for query_of in (counts, again):
        for batch, status, count in connection.execute(query_of):
            statuses[batch][status] += count
    return [BatchLine(row.id, row.name, row.created_at, sources.get(row.id, 0), statuses.get(row.id, {})) for row in rows]


def span(connection: Connection, batch: int) -> Span:
    """Return what the documents that came in with this batch first took."""
    ended = Document.finished_at
    fields = (func.min(Document.registered_at), func.max(ended), func.count(ended), func.max(Document.run))
    return Span(*connection.execute(select(*fields).where(Document.batch_id == batch)).one())


def batch_names(connection: Connection, limit: int = 500, only: int | None = None) -> dict[int, str]:
    """The newest batches' names by id, to choose from; or of the batch ``only`` alone, if there is such."""
    query = select(Batch.id, Batch.name).order_by(Batch.id.desc()).limit(limit)
    return {row.id: row.name for row in connection.execute(query if only is None else query.where(Batch.id == only))}


def report_years(connection: Connection) -> list[int]:
    """The years that reports are on, the newest first."""
    query = select(ReportRow.year).where(ReportRow.year.is_not(None)).group_by(ReportRow.year).order_by(ReportRow.year.desc())
    return [int(year) for year in connection.scalars(query) if year is not None]


def open_stages(connection: Connection, scope: DocumentScope = ALL) -> list[StageCount]:
    """Return the unfinished work by stage and state, in their order, from the indexes of what is due and what runs."""
    due = select(Stage.stage, Stage.state, Stage.document_id).where(OPEN)
    runs = select(Stage.stage, Stage.state, Stage.document_id).where(RUNNING)
    work = union_all(due, runs).subquery()
    query = select(work.c.stage, work.c.state, func.count()).group_by(work.c.stage, work.c.state)
    conditions = scope.conditions()
    if conditions:
        query = query.join(Document, Document.id == work.c.document_id).where(*conditions)
    found = [StageCount(*row) for row in connection.execute(query)]
    stages, states = list(STAGES), list(StageState)
    return sorted(found, key=lambda one: (stages.index(StageName(one.stage)), states.index(StageState(one.state))))


# ---- documents --------------------------------------------------------------------------------------------------------------


def document_rows(
    connection: Connection, wanted: DocumentFilter, before: int | None = None, limit: int = 50
) -> list[DocumentRow]:
    """The documents that are wanted, the newest first or as they are sorted, behind the document ``before`` if given."""
    query = _wanted(wanted).limit(limit)
    if wanted.sort is None:
        query = query.order_by(Document.id.desc())
        behind = query if before is None else query.where(Document.id < before)
        with by_index(connection, wanted.text):
            return document_lines(connection, list(connection.scalars(behind)))
    if not _has_report(wanted):
        query = query.outerjoin(ReportRow, ReportRow.id == Document.report_id)
    down = wanted.sort.startswith("-")
    keys = SORTS[wanted.sort.removeprefix("-")]
    if before is not None:
        last = connection.execute(
            select(*keys, Document.id).outerjoin(ReportRow, ReportRow.id == Document.report_id).where(Document.id == before)
        ).first()
        row = tuple_(*keys, Document.id)
        if last is not None:
            place = tuple_(*(literal(value) for value in last))
            query = query.where(row < place if down else row > place)
    order = (*keys, Document.id)
    with by_index(connection, wanted.text):
        numbers = list(connection.scalars(query.order_by(*(key.desc() if down else key for key in order))))
    return document_lines(connection, numbers)


def document_lines(connection: Connection, ids: Sequence[int]) -> list[DocumentRow]:
    """These documents, in this order; those that there are not are left out."""
    rows = {row.id: row for row in connection.execute(_ROW.where(Document.id.in_(ids)))} if ids else {}
    return [_document_row(rows[number]) for number in ids if number in rows]


def count_documents(connection: Connection, wanted: DocumentFilter, most: int = MOST) -> int:
    """Return how many documents are wanted; one more than ``most`` when they are more."""
    with by_index(connection, wanted.text):
        return connection.scalar(select(func.count()).select_from(_wanted(wanted).limit(most + 1).subquery())) or 0


def _wanted(wanted: DocumentFilter) -> Select[int]:
    query = select(Document.id)
    if wanted.batch is not None:
        query = query.where(Document.id.in_(select(Source.document_id).where(Source.batch_id == wanted.batch)))
    if wanted.status is not None:
        query = query.where(Document.status == wanted.status)
    if wanted.code is not None:
        failed = select(Failure.document_id).where(Failure.state == FailureState.OPEN, Failure.code == wanted.code)
        query = query.where(Document.id.in_(failed))
    if wanted.text is not None:
        query = query.where(_named(wanted.text))
    if wanted.region is not None:
        query = query.where(of_document(wanted.region))
    if _has_report(wanted):
        query = query.outerjoin(ReportRow, ReportRow.id == Document.report_id)
        if wanted.year is not None:
            query = query.where(ReportRow.year == wanted.year)
        if wanted.agency is not None:
            query = query.where(ReportRow.agency.contains(wanted.agency, autoescape=True))
    return query


def _has_report(wanted: DocumentFilter) -> bool:
    return wanted.agency is not None or wanted.year is not None


_SHORTEST_PREFIX = 6


def _named(words: str) -> Any:
    """A path that holds all words, or a text that has their pieces; or the document's number, or the beginning of its sha256."""
    if words.isascii() and words.isdecimal() and len(words) < 10:
        return Document.id == int(words)
    if len(words) >= _SHORTEST_PREFIX and set(words.lower()) <= set("0123456789abcdef"):
        prefix = words.lower()  # a range of hexadecimal digits, which the index knows in whatever collation
        return and_(Document.sha256 >= prefix, Document.sha256 < f"{prefix}g")
    holds = [Source.path.contains(word, autoescape=True) for word in words.split()]
    wanted = wanted_grams(words)
    if not wanted:
        return exists(select(Source.id).where(Source.document_id == Document.id, *holds))
    return Document.id.in_(union_all(select(Source.document_id).where(*holds), found_by(wanted)))


def _row_query() -> Select[Any]:
    path = select(Source.path).where(Source.document_id == Document.id).order_by(Source.duplicate, Source.id).limit(1)
    code = select(Failure.code).where(Failure.document_id == Document.id, Failure.state == FailureState.OPEN)
    doubts = select(func.count()).where(UnsettledValue.report_id == ReportRow.id)
    errors = select(func.count()).where(FindingRow.report_id == ReportRow.id, FindingRow.severity == Severity.ERROR)
    return select(
        Document.id,
        Document.status,
        Document.media_type,
        Document.pages,
        Document.registered_at,
        Document.finished_at,
        path.correlate(Document).scalar_subquery().label("path"),
        ReportRow.agency,
        ReportRow.region,
        ReportRow.year,
        ReportRow.form,
        doubts.correlate(ReportRow).scalar_subquery().label("doubts"),
        errors.correlate(ReportRow).scalar_subquery().label("errors"),
        code.order_by(Failure.id.desc()).limit(1).correlate(Document).scalar_subquery().label("code"),
    ).outerjoin(ReportRow, ReportRow.id == Document.report_id)


_ROW = _row_query()


def _document_row(row: Any) -> DocumentRow:
    return DocumentRow(**{**row._mapping, "region": "/".join(row.region or ())})


# ---- the error queue --------------------------------------------------------------------------------------------------------


def failure_groups(
    connection: Connection, *, batch: str | None = None, stage: str | None = None, region: str | None = None
) -> list[FailureGroup]:
    """The open failures by code, the most frequent first; of a ``region``: see database.monitoring.region_filter."""
    query = (
        select(
            Failure.code,
            Failure.stage,
            func.count(distinct(Failure.document_id)),
            func.min(Failure.created_at),
            func.max(Failure.created_at),
        )
        .where(Failure.state == FailureState.OPEN)
        .group_by(Failure.code, Failure.stage)
    )
    if stage is not None:
        query = query.where(Failure.stage == stage)
    if batch is not None or region is not None:
        query = query.join(Document, and_(Document.id == Failure.document_id, *DocumentScope(batch).conditions()))
    if region is not None:
        query = query.where(of_document(region))
    by_code: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        by_code[row.code].append(row)
    groups = [_group(code, rows) for code, rows in by_code.items()]
    return sorted(groups, key=lambda group: (-group.documents, group.code))


def _group(code: str, rows: Sequence[Any]) -> FailureGroup:
    """A document has an open failure of one code at one stage as a rule: the sum over the stages is how many documents."""
    stages = tuple(sorted(row.stage for row in rows))
    return FailureGroup(code, sum(row[2] for row in rows), stages, min(row[3] for row in rows), max(row[4] for row in rows))
