"""Named questions to the database: what people ask of it. Nothing here writes; answers are frozen records.

Every function takes a connection (see :func:`database.session.reading`) and runs a constant number of statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, or_, select

from codebook.records import Record, Severity, State, Status
from database.clock import now
from database.filings.in_force import DOCUMENT, holds, is_shown, speaks
from database.intake.purging import tombstones
from database.ledger import throughput
from database.models import (
    Attempt,
    Batch,
    Document,
    Failure,
    FailureState,
    FilingDocument,
    FindingRow,
    ReportRow,
    Source,
    Stage,
    Worker,
)
from database.monitoring.read_models import (
    AttemptItem,
    BatchCount,
    DocumentItem,
    DocumentLine,
    FailureItem,
    FindingItem,
    Progress,
    ReportCounts,
    ReportItem,
    SourceItem,
    StageCount,
    StageItem,
    ValueItem,
    value_item,
)
from database.monitoring.region_filter import of_document
from database.values import Numbers, cells_of_report, numbers_of
from database.values.packing import UNSETTLED_LETTERS

RATE_SECONDS = 60.0
WORKER_SECONDS = 60.0


class DocumentScope(Record, frozen=True):
    """Which documents are meant; all by default.

    ``batch``: found in this batch. ``first``, ``last``: ids, both included. ``since``: at an end after this moment, or not yet.
    """

    batch: str | None = None
    first: int | None = None
    last: int | None = None
    since: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As conditions on gk_document."""
        wanted: list[ColumnElement[bool]] = []
        if self.batch is not None:
            # Its origin came in with the batch, or it was found there again: the second are few, and have an index.
            number = select(Batch.id).where(Batch.name == self.batch).scalar_subquery()
            again = select(Source.document_id).where(Source.duplicate, Source.batch_id == number)
            wanted.append(or_(Document.batch_id == number, Document.id.in_(again)))
        if self.first is not None:
            wanted.append(Document.id >= self.first)
        if self.last is not None:
            wanted.append(Document.id <= self.last)
        if self.since is not None:
            wanted.append(or_(Document.finished_at >= self.since, Document.status == Status.PROCESSING))
        return wanted


ALL = DocumentScope()


# ---- how things stand ------------------------------------------------------------------------------------------


def batches(connection: Connection, limit: int = 50) -> list[BatchCount]:
    """The batches, the newest first."""
    documents = select(func.count()).where(Document.batch_id == Batch.id).correlate(Batch).scalar_subquery()
    sources = select(func.count()).where(Source.batch_id == Batch.id).correlate(Batch).scalar_subquery()
    rows = connection.execute(select(Batch.name, documents, sources, Batch.created_at).order_by(Batch.id.desc()).limit(limit))
    return [BatchCount(*row) for row in rows]


def batch_number(connection: Connection, name: str) -> int | None:
    """Return the number of the batch of this name, or None."""
    return connection.scalar(select(Batch.id).where(Batch.name == name))


def has_batch(connection: Connection, name: str) -> bool:
    """Return whether a batch of this name exists."""
    return batch_number(connection, name) is not None


def status_counts(connection: Connection, scope: DocumentScope = ALL) -> dict[str, int]:
    """Return how many documents have which status."""
    query = select(Document.status, func.count()).where(*scope.conditions()).group_by(Document.status)
    return _counts(connection, query)


def _counts(connection: Connection, query: Select[str, int]) -> dict[str, int]:
    return {str(key): int(count) for key, count in connection.execute(query)}


def progress(connection: Connection, scope: DocumentScope = ALL) -> Progress:
    """Counts by status and stage, the rate of the last minute, and the time that is left (see database.ledger.throughput)."""
    statuses = status_counts(connection, scope)
    stages = _stage_counts(connection, scope)
    per_second = rate(connection, scope)
    left = throughput.seconds_left(connection, stages, scope.conditions()) if statuses.get(Status.PROCESSING) else 0.0
    if left is None and per_second:  # no try tells how long it takes, but documents come to their end
        left = statuses[Status.PROCESSING] / per_second
    return Progress(statuses, _by_stage(stages), live_workers(connection), per_second, left)


def rate(connection: Connection, scope: DocumentScope = ALL) -> float:
    """Documents per second that were at an end within the last minute, since the first of them."""
    recent = connection.execute(
        select(func.count(), func.min(Document.finished_at), now()).where(
            Document.finished_at > now(-RATE_SECONDS), *scope.conditions()
        )
    ).one()
    return _rate(*recent)


def worker_names(connection: Connection) -> list[str]:
    """Return the workers that :func:`live_workers` counts as people know them: host, queues, process number."""
    query = select(Worker.name, Worker.queues).where(Worker.seen_at > now(-WORKER_SECONDS)).order_by(Worker.name)
    named = ((*row.name.split(":")[:2], row.queues) for row in connection.execute(query))
    return [" · ".join(part for part in (host, queues, number) if part) for host, number, queues in named]


def live_workers(connection: Connection) -> int:
    """Return how many workers showed themselves within the last minute."""
    return connection.scalar(select(func.count()).where(Worker.seen_at > now(-WORKER_SECONDS))) or 0


def moment(connection: Connection) -> datetime:
    """Return what time it is in the database."""
    return connection.execute(select(now())).scalar_one()


def _rate(count: int, first: datetime | None, at: datetime) -> float:
    """Documents per second since the first that ended in the last minute."""
    if not count or first is None:
        return 0.0
    return count / max((at - first).total_seconds(), 1.0)


def _stage_counts(connection: Connection, scope: DocumentScope) -> list[throughput.StageBacklog]:
    columns = (Document.media_type, Stage.stage, Stage.state)
    query = (
        select(*columns, func.count())
        .join(Document, and_(Document.id == Stage.document_id, Document.run == Stage.run))
        .where(*scope.conditions())
        .group_by(*columns)
    )
    return [throughput.StageBacklog(*row) for row in connection.execute(query)]


def _by_stage(counts: Sequence[throughput.StageBacklog]) -> tuple[StageCount, ...]:
    sums: dict[tuple[str, str], int] = {}
    for count in counts:
        sums[count.stage, count.state] = sums.get((count.stage, count.state), 0) + count.count
    return tuple(StageCount(stage, state, number) for (stage, state), number in sums.items())


def finding_counts(connection: Connection, scope: DocumentScope = ALL) -> dict[str, int]:
    """Return how many findings of each severity the reports in force have: one report for each agency and year."""
    query = (
        select(FindingRow.severity, func.count())
        .join(Document, Document.report_id == FindingRow.report_id)
        .join(FilingDocument, FilingDocument.document_id == Document.id)
        .where(is_shown(DOCUMENT), speaks(), holds(), *scope.conditions())
        .group_by(FindingRow.severity)
    )
    return _counts(connection, query)


def report_counts(connection: Connection, scope: DocumentScope = ALL) -> ReportCounts:
    """Return how many reports the documents of a scope are."""
    # whether a document speaks for its filing is asked once of each
    query = (
        select(
            func.coalesce(func.sum(case((and_(FilingDocument.document_id.is_not(None), speaks()), 1), else_=0)), 0),
            func.count(FilingDocument.document_id),
            func.count(),
        )
        .select_from(Document)
        .outerjoin(FilingDocument, FilingDocument.document_id == Document.id)
        .where(is_shown(DOCUMENT), *scope.conditions())
    )
    in_force, filed, shown = connection.execute(query).one()
    return ReportCounts(in_force, filed - in_force, shown - filed)


def error_counts(connection: Connection, scope: DocumentScope = ALL) -> dict[str, int]:
    """Return how many documents are failed or rejected for each code (by their latest open failure)."""
    latest = select(func.max(Failure.id)).where(Failure.state == FailureState.OPEN).group_by(Failure.document_id)
    query = (
        select(Failure.code, func.count())
        .join(Document, Document.id == Failure.document_id)
        .where(Failure.id.in_(latest), Document.status.in_((Status.FAILED, Status.REJECTED)), *scope.conditions())
        .group_by(Failure.code)
    )
    return _counts(connection, query)


def listing(connection: Connection, scope: DocumentScope = ALL, limit: int = 50) -> list[DocumentLine]:
    """The documents of a scope with the report in force, by agency and year; at most ``limit`` of them."""

    def findings(severity: Severity) -> Any:
        found = select(func.count()).where(FindingRow.report_id == ReportRow.id, FindingRow.severity == severity)
        return found.correlate(ReportRow).scalar_subquery()

    query = (
        select(
            Document.id,
            Document.status,
            Source.path,
            ReportRow.agency,
            ReportRow.year,
            ReportRow.form,
            ReportRow.id,
            findings(Severity.ERROR),
            findings(Severity.WARNING),
        )
        .outerjoin(ReportRow, ReportRow.id == Document.report_id)
        .outerjoin(Source, and_(Source.document_id == Document.id, Source.duplicate.is_(False)))
        .where(*scope.conditions())
        .order_by(ReportRow.agency, ReportRow.year, Document.id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    counted = {each.report_id: each for each in numbers_of(connection, [row[6] for row in rows if row[6] is not None])}
    lines = [(*row[:6], *_counted(counted.get(row[6])), *row[7:]) for row in rows]
    return [DocumentLine(*line) for line in lines]


def _counted(numbers: Numbers | None) -> tuple[int, int]:
    """How many cells have a number, and how many are unsettled."""
    if numbers is None:
        return 0, 0
    return len(numbers.values) - numbers.values.count(None), sum(letter in UNSETTLED_LETTERS for letter in numbers.letters)


# ---- the error queue ------------------------------------------------------------------------------------------


def failures(
    connection: Connection,
    *,
    code: str | None = None,
    stage: str | None = None,
    batch: str | None = None,
    region: str | None = None,
    states: Sequence[str] = (FailureState.OPEN,),
    before: int | None = None,
    limit: int | None = None,
) -> list[FailureItem]:
    """The error queue, the newest first: what is open, or in other ``states``; older than the failure ``before``, if given; of a
    ``region`` (see database.monitoring.region_filter).
    """
    query = _failures().where(Failure.state.in_(list(states)), *DocumentScope(batch).conditions())
    if code is not None:
        query = query.where(or_(Failure.code == code, Failure.code.startswith(f"{code}.", autoescape=True)))
    if stage is not None:
        query = query.where(Failure.stage == stage)
    if before is not None:
        query = query.where(Failure.id < before)
    if region is not None:
        query = query.where(of_document(region))
    return [FailureItem(*row) for row in connection.execute(query.limit(limit))]


def _failures() -> Select[Any]:
    origin = (
        select(func.min(Source.path)).where(Source.document_id == Document.id, Source.duplicate.is_(False)).correlate(Document)
    )
    return (
        select(
            Failure.id,
            Failure.document_id,
            Document.sha256,
            origin.scalar_subquery(),
            Batch.name,
            Failure.stage,
            Failure.page,
            Failure.code,
            Failure.message,
            Failure.detail,
            Failure.attempts,
            Failure.state,
            Failure.created_at,
            Failure.decided_at,
            Failure.decided_by,
            Failure.reason,
        )
        .join(Document, Document.id == Failure.document_id)
        .join(Batch, Batch.id == Document.batch_id)
        .order_by(Failure.id.desc())
    )


# ---- one document ------------------------------------------------------------------------------------------

_SHORTEST_PREFIX = 6


def find_documents(connection: Connection, key: str, limit: int = 20) -> list[int]:
    """The ids of the documents that ``key`` can mean: an id, the beginning of a sha256 (6 digits or more), a path or its end."""
    if key.isdecimal() and len(key) < 19:
        found = connection.scalar(select(Document.id).where(Document.id == int(key)))
        if found is not None:
            return [found]
    if len(key) >= _SHORTEST_PREFIX and set(key.lower()) <= set("0123456789abcdef"):
        prefix = select(Document.id).where(Document.sha256.startswith(key.lower())).order_by(Document.id).limit(limit)
        if ids := list(connection.scalars(prefix)):
            return ids
    for condition in (
        Source.path == key,
        Source.path.endswith(f"/{key}", autoescape=True),
        Source.path.endswith(f"!{key}", autoescape=True),
    ):
        query = select(Source.document_id).where(condition).distinct().order_by(Source.document_id).limit(limit)
        if ids := list(connection.scalars(query)):
            return ids
    return []


def document(connection: Connection, document_id: int) -> DocumentItem:
    """All about one document. Raises sqlalchemy.exc.NoResultFound when there is none."""
    head = connection.execute(
        select(Document, Batch.name.label("batch")).join(Batch, Batch.id == Document.batch_id).where(Document.id == document_id)
    ).one()
    values = _values(connection, head.report_id)
    return DocumentItem(
        id=head.id,
        sha256=head.sha256,
        media_type=head.media_type,
        size=head.size,
        status=head.status,
        batch=head.batch,
        pages=head.pages,
        run=head.run,
        registered_at=head.registered_at,
        finished_at=head.finished_at,
        sources=_sources(connection, document_id),
        stages=_stages(connection, document_id),
        reports=tuple(_report(row, head.report_id) for row in _reports(connection, document_id)),
        findings=_findings(connection, head.report_id),
        values=values,
        value_states={state: n for state in State if (n := sum(value.state == state for value in values))},
        failures=tuple(FailureItem(*row) for row in connection.execute(_failures().where(Failure.document_id == document_id))),
        purged=tombstones(connection, [document_id]).get(document_id),
    )


def _sources(connection: Connection, document_id: int) -> tuple[SourceItem, ...]:
    query = (
        select(Source.path, Batch.name, Source.duplicate, Source.hints, Source.seen_at)
        .join(Batch, Batch.id == Source.batch_id)
        .where(Source.document_id == document_id)
        .order_by(Source.duplicate, Source.id)
    )
    return tuple(SourceItem(*row) for row in connection.execute(query))


def _stages(connection: Connection, document_id: int) -> tuple[StageItem, ...]:
    fields = [getattr(Stage, name) for name in StageItem.__struct_fields__ if name != "tries"]
    rows = connection.execute(select(*fields).where(Stage.document_id == document_id).order_by(Stage.run, Stage.id)).all()
    tried = [getattr(Attempt, name) for name in AttemptItem.__struct_fields__]
    query = (
        select(Attempt.stage_id, *tried)
        .join(Stage, Stage.id == Attempt.stage_id)
        .where(Stage.document_id == document_id)
        .order_by(Attempt.stage_id, Attempt.fence)
    )
    tries: dict[int, list[AttemptItem]] = {}
    for stage_id, *row in connection.execute(query):
        tries.setdefault(stage_id, []).append(AttemptItem(*row))
    return tuple(StageItem(**row._mapping, tries=tuple(tries.get(row.id, ()))) for row in rows)


def _reports(connection: Connection, document_id: int) -> Sequence[Row[Any]]:
    columns = [getattr(ReportRow, name) for name in ReportItem.__struct_fields__ if name != "in_force"]
    query = select(*columns).where(ReportRow.document_id == document_id)
    return list(connection.execute(query.order_by(ReportRow.version.desc())))


def _report(row: Row[Any], in_force: int | None) -> ReportItem:
    fields = {**row._mapping, "region": tuple(row.region)}
    return ReportItem(**fields, in_force=row.id == in_force)


def _findings(connection: Connection, report_id: int | None) -> tuple[FindingItem, ...]:
    columns = [getattr(FindingRow, name) for name in FindingItem.__struct_fields__]
    rows = connection.execute(select(*columns).where(FindingRow.report_id == report_id).order_by(FindingRow.id))
    return tuple(FindingItem(*row) for row in rows)


def _values(connection: Connection, report_id: int | None) -> tuple[ValueItem, ...]:
    return tuple(map(value_item, cells_of_report(connection, report_id)))


def busy(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Those of the documents that are being processed."""
    wanted = set(ids)
    query = select(Document.id).where(Document.status == Status.PROCESSING).order_by(Document.id)
    return [number for number in connection.scalars(query) if number in wanted]
