"""The books of the ledger: does everything that came in stand somewhere, and does nothing contradict itself?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from codebook.records import Record, Status
from codebook.stages import LAST, STAGES
from database.clock import now
from database.ledger.conditions import OPEN, RUNNING, UNFINISHED
from database.models import Attempt, Batch, Document, Failure, FailureState, Output, ReportRow, Source, Stage, StageState


class Balance(Record, frozen=True):
    """Counts of sources: each one that was registered is counted in exactly one of the others (``duplicate`` or a document's
    status).
    """

    registered: int
    processing: int = 0
    accepted: int = 0
    needs_review: int = 0
    failed: int = 0
    rejected: int = 0
    duplicate: int = 0
    discarded: int = 0

    @property
    def holds(self) -> bool:
        """Whether the parts add up to what was registered."""
        parts = (self.processing, self.accepted, self.needs_review, self.failed, self.rejected, self.duplicate, self.discarded)
        return self.registered == sum(parts)


def balance(connection: Connection, batch: str | None = None) -> Balance:
    """The counts, of all sources or of those of one batch."""
    status = case((Source.duplicate, Status.DUPLICATE.value), else_=Document.status)
    counts = select(status, func.count()).outerjoin(Document, Document.id == Source.document_id).group_by(status)
    total = select(func.count()).select_from(Source)
    if batch is not None:
        number = select(Batch.id).where(Batch.name == batch).scalar_subquery()
        counts, total = counts.where(Source.batch_id == number), total.where(Source.batch_id == number)
    # A source whose document is gone has no status; it is counted nowhere, so that the books do not balance.
    found = {status: count for status, count in connection.execute(counts) if status is not None}
    return Balance(registered=connection.execute(total).scalar_one(), **found)


def stage_counts(connection: Connection, batch: str | None = None) -> dict[tuple[str, str], int]:
    """Return how many stage rows of the present runs stand where: (stage, state) -> count."""
    query = (
        select(Stage.stage, Stage.state, func.count())
        .join(Document, and_(Document.id == Stage.document_id, Document.run == Stage.run))
        .group_by(Stage.stage, Stage.state)
    )
    if batch is not None:
        query = query.join(Batch, Batch.id == Document.batch_id).where(Batch.name == batch)
    return {(stage, state): count for stage, state, count in connection.execute(query)}


def _document(*conditions: Any) -> Select[int]:
    return select(Document.id).where(*conditions)


def _stage_of_run(*conditions: Any) -> Any:
    return exists(select(Stage.id).where(Stage.document_id == Document.id, Stage.run == Document.run, *conditions))


def _stalled() -> Select[int]:
    return _document(Document.status == Status.PROCESSING, ~_stage_of_run(Stage.state.in_(UNFINISHED)))


def _unreported() -> Select[int]:
    good = Document.status.in_([Status.ACCEPTED, Status.NEEDS_REVIEW])
    return _document(good, Document.report_id.is_(None))


def _wrong_report() -> Select[int]:
    return _document(ReportRow.id == Document.report_id, ReportRow.document_id != Document.id)


def _good_without_load() -> Select[int]:
    loaded = _stage_of_run(Stage.stage == LAST, Stage.state == StageState.DONE)
    return _document(Document.status.in_([Status.ACCEPTED, Status.NEEDS_REVIEW]), ~loaded)


def _loaded_but_open() -> Select[int]:
    loaded = _stage_of_run(Stage.stage == LAST, Stage.state == StageState.DONE)
    return _document(loaded, or_(Document.status == Status.PROCESSING, Document.finished_at.is_(None)))


def _failed_without_failure() -> Select[int]:
    failure = exists(select(Failure.id).where(Failure.document_id == Document.id, Failure.state == FailureState.OPEN))
    return _document(Document.status.in_([Status.FAILED, Status.REJECTED]), ~failure)


def _without_origin() -> Select[int]:
    origins = select(func.count()).where(Source.document_id == Document.id, Source.duplicate.is_(False)).scalar_subquery()
    return _document(origins != 1)


def _done_without_output() -> Select[int]:
    kept = exists(
        select(Output.document_id).where(
            Output.document_id == Document.id, Output.stage == Stage.stage, Output.page == Stage.page
        )
    )
    made = Stage.stage.in_([name for name, spec in STAGES.items() if spec.keeps_output])
    # What was loaded stands in the report; loading drops the second copy of it.
    last = aliased(Stage)
    loaded = exists(
        select(last.id).where(
            last.document_id == Document.id, last.run == Document.run, last.stage == LAST, last.state == StageState.DONE
        )
    )
    loads_it = Stage.stage == STAGES[LAST].needs
    done = _stage_of_run(Stage.state == StageState.DONE, made, ~kept, ~and_(loads_it, loaded))
    return _document(done)


def _unended_tries() -> Select[int]:
    over = or_(Stage.state != StageState.RUNNING, Stage.fence != Attempt.fence)
    return select(Stage.document_id).join(Attempt, Attempt.stage_id == Stage.id).where(Attempt.ended_at.is_(None), over)


def _running_without_try() -> Select[int]:
    begun = exists(select(Attempt.fence).where(Attempt.stage_id == Stage.id, Attempt.fence == Stage.fence))
    return select(Stage.document_id).where(Stage.state == StageState.RUNNING, ~begun)


_CHECKS: dict[str, Callable[[], Select[int]]] = {
    "processing, but no stage is queued, waiting or running": _stalled,
    "accepted or in review, but without a report": _unreported,
    "accepted or in review, but its last stage was not done": _good_without_load,
    "its last stage is done, but it is not finished": _loaded_but_open,
    "points to the report of another document": _wrong_report,
    "failed or rejected, but without an open failure": _failed_without_failure,
    "has not exactly one origin": _without_origin,
    "a stage is done, but its output is not kept": _done_without_output,
    "a try is over, but was not ended": _unended_tries,
    "a stage is running, but its try was not begun": _running_without_try,
}


def invariants(connection: Connection, expired_seconds: float = 30.0, stuck_seconds: float = 86_400.0) -> list[str]:
    """Return what contradicts itself in the ledger, one sentence each; empty when all is well.

    ``expired_seconds``: a running stage whose lease ended longer ago shows that the rescuer does not work. ``stuck_seconds``:
    so long may a stage be due without being tried.
    """
    expired = select(Stage.document_id).where(RUNNING, Stage.lease_until < now(-expired_seconds))
    waits = func.coalesce(Stage.next_attempt_at, Stage.updated_at)
    stuck = select(Stage.document_id).where(OPEN, waits < now(-stuck_seconds))
    checks = [(sentence, query()) for sentence, query in _CHECKS.items()]
    checks += [("running, but its lease expired and nobody ended it", expired), ("due for long, but not tried", stuck)]
    breaches = []
    for sentence, query in checks:
        ids = list(connection.scalars(query.distinct().limit(5)))
        if ids:
            breaches.append(f"document {', '.join(map(str, sorted(ids)))}: {sentence}")
    books = balance(connection)
    documents = connection.execute(select(func.count()).select_from(Document)).scalar_one()
    if not books.holds or books.registered - books.duplicate != documents:
        breaches.append(f"the books do not balance: {documents} documents, {books}")
    return breaches
