"""A worker's side of the ledger: claim, heartbeat, complete, fail, release. Each call belongs in one transaction of its own.

Statements stand at the top and are made once: a worker runs each of them for every stage of every document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from codebook.records import Hints, Record, Status
from database.blob import pack, unpack
from database.clock import now
from database.entries import (
    Claim,
    Completed,
    Decision,
    Fault,
    Fenced,
    Next,
    Policy,
    Queued,
    Tries,
    decide,
    insert_into,
    retry_queue,
    storable,
)
from database.models import Attempt, Document, Failure, FailureState, Output, Source, Stage, StageName, StageState

R = TypeVar("R", bound=Record)

_lease = now(bindparam("b_lease"))
_held = (Stage.id == bindparam("b_stage"), Stage.fence == bindparam("b_fence"), Stage.state == StageState.RUNNING)

_CLAIM = (
    update(Stage)
    .where(
        Stage.id == bindparam("b_stage"),
        Stage.state.in_([StageState.QUEUED, StageState.WAITING]),
        or_(Stage.next_attempt_at.is_(None), Stage.next_attempt_at <= now()),
    )
    .values(
        state=StageState.RUNNING,
        attempts=Stage.attempts + 1,
        fence=Stage.fence + 1,
        owner=bindparam("b_owner"),
        lease_until=_lease,
        next_attempt_at=None,
        updated_at=now(),
    )
    .returning(Stage.document_id, Stage.run, Stage.stage, Stage.page, Stage.fence, Stage.attempts, Stage.queue, Stage.priority)
)
_DOCUMENT = (
    select(Document.sha256, Document.media_type, Source.hints)
    .outerjoin(Source, (Source.document_id == Document.id) & Source.duplicate.is_(False))
    .where(Document.id == bindparam("b_document"))
    .limit(1)
)
_BEGIN_ATTEMPT = insert(Attempt).values(
    stage_id=bindparam("b_stage"), fence=bindparam("b_fence"), worker=bindparam("b_owner"), started_at=now()
)
_END_ATTEMPT = (
    update(Attempt)
    .where(Attempt.stage_id == bindparam("b_stage"), Attempt.fence == bindparam("b_fence"))
    .values(
        ended_at=now(),
        outcome=bindparam("b_outcome"),
        code=bindparam("b_code"),
        message=bindparam("b_message"),
        seconds=bindparam("b_seconds"),
    )
)
_DONE = update(Stage).where(*_held).values(state=StageState.DONE, owner=None, lease_until=None, code=None, updated_at=now())
_BEAT = update(Stage).where(*_held).values(lease_until=_lease)
_RELEASE = (
    update(Stage)
    .where(*_held)
    .values(state=StageState.QUEUED, attempts=Stage.attempts - 1, owner=None, lease_until=None, rung_at=None, updated_at=now())
)
_INSERT_NEXT = insert(Stage).values(created_at=now(), updated_at=now()).returning(Stage.id, Stage.stage, Stage.queue, Stage.page)
_INSERT_CLAIMED = (
    insert(Stage)
    .values(created_at=now(), updated_at=now(), lease_until=_lease, state=StageState.RUNNING, attempts=1, fence=1)
    .returning(Stage.id)
)
_TRIES = select(Stage.attempts, Stage.crashes, Stage.losses, Stage.transients).where(*_held).with_for_update()
_SETTLE = (
    update(Stage)
    .where(*_held)
    .values(
        state=bindparam("b_state"),
        queue=bindparam("b_queue"),
        attempts=bindparam("b_attempts"),
        crashes=bindparam("b_crashes"),
        losses=bindparam("b_losses"),
        transients=bindparam("b_transients"),
        code=bindparam("b_code"),
        next_attempt_at=now(bindparam("b_pause")),
        owner=None,
        lease_until=None,
        rung_at=None,
        updated_at=now(),
    )
)
_STOP_DOCUMENT = (
    update(Document)
    .where(Document.id == bindparam("b_document"), Document.status == Status.PROCESSING)
    .values(status=bindparam("b_status"), finished_at=now())
)
_FINISH = update(Document).where(Document.id == bindparam("b_document"), Document.run == bindparam("b_run"))
_OUTPUT = select(Output.page, Output.body).where(
    Output.document_id == bindparam("b_document"), Output.stage == bindparam("b_stage")
)


def claim(connection: Connection, stage_id: int, worker: str, lease_seconds: float) -> Claim | None:
    """Take a stage that is queued, or waiting and due, for ``lease_seconds``; None when there is nothing to take (a
    duplicate message).

    The attempt is counted before the work begins, so that a crash counts.
    """
    row = connection.execute(_CLAIM, {"b_stage": stage_id, "b_owner": worker, "b_lease": lease_seconds}).one_or_none()
    if row is None:
        return None
    connection.execute(_BEGIN_ATTEMPT, {"b_stage": stage_id, "b_fence": row.fence, "b_owner": worker})
    document = connection.execute(_DOCUMENT, {"b_document": row.document_id}).one()
    return Claim(
        stage_id=stage_id,
        document_id=row.document_id,
        run=row.run,
        stage=StageName(row.stage),
        page=row.page,
        fence=row.fence,
        attempts=row.attempts,
        queue=row.queue,
        priority=row.priority,
        owner=worker,
        sha256=document.sha256,
        media_type=document.media_type,
        hints=msgspec.convert(document.hints or {}, Hints),
    )


def heartbeat(connection: Connection, held: Claim, lease_seconds: float) -> bool:
    """Renew the lease. False when the claim is no longer in force: the work may stop, nothing of it will be kept."""
    result = connection.execute(_BEAT, {"b_stage": held.stage_id, "b_fence": held.fence, "b_lease": lease_seconds})
    return result.rowcount == 1


def complete(
    connection: Connection,
    held: Claim,
    output: Record | None = None,
    versions: Mapping[str, Any] | None = None,
    following: Sequence[Next] = (),
    *,
    claim_next: bool = False,
    lease_seconds: float = 60.0,
    seconds: float | None = None,
    extra: Callable[[Connection], None] | None = None,
    made_from: str | None = None,
) -> Completed:
    """End a stage well: in one transaction, and only while the claim is in force, keep its output and queue what follows.

    ``output`` is kept with the ``versions`` that made it, and with the digest ``made_from`` by which :func:`same_work` finds
    it. ``claim_next`` hands the first of ``following`` to the same worker at once, which saves a message and a transaction.
    ``extra`` runs in the same transaction, behind the fence, for rows that other rooms write. ``seconds`` is how long the work
    took. A stage that follows pages is queued when the last of them is done.

    Raises Fenced when another holds the stage by now; nothing is written then. Run again after a lost connection, it finds
    its own commit.
    """
    if connection.execute(_DONE, _key(held)).rowcount != 1:
        return _already(connection, held)
    _end_attempt(connection, held, "done", seconds=seconds)
    if output is not None:
        _keep(connection, held, output, versions or {}, made_from)
    if extra is not None:
        extra(connection)
    if held.stage is StageName.OCR and following and _pages_outstanding(connection, held):
        return Completed(None)
    if claim_next and following:
        return Completed(
            _insert_claimed(connection, held, following[0], lease_seconds), _insert_queued(connection, held, following[1:])
        )
    return Completed(None, _insert_queued(connection, held, following))


def _key(held: Claim) -> dict[str, Any]:
    return {"b_stage": held.stage_id, "b_fence": held.fence}


def _already(connection: Connection, held: Claim) -> Completed:
    """After a commit whose answer was lost: what it left. Raises Fenced when the try did not end well by our own hand."""
    outcome = connection.scalar(select(Attempt.outcome).where(Attempt.stage_id == held.stage_id, Attempt.fence == held.fence))
    if outcome != "done":
        raise Fenced(f"stage {held.stage_id} is no longer held with fence {held.fence}")
    mine = select(Stage).where(
        Stage.document_id == held.document_id, Stage.run == held.run, Stage.owner == held.owner, Stage.state == StageState.RUNNING
    )
    row = connection.execute(mine.with_only_columns(Stage.id, Stage.stage, Stage.page, Stage.fence, Stage.queue)).first()
    if row is None:
        return Completed(None)
    again = {
        "stage_id": row.id,
        "stage": StageName(row.stage),
        "page": row.page,
        "fence": row.fence,
        "queue": row.queue,
        "attempts": 1,
    }
    return Completed(msgspec.structs.replace(held, **again))


def _end_attempt(
    connection: Connection, held: Claim, outcome: str, fault: Fault | None = None, seconds: float | None = None
) -> None:
    ended = {
        "b_outcome": outcome,
        "b_code": fault and fault.code,
        "b_message": fault and storable(fault.message),
        "b_seconds": seconds,
    }
    connection.execute(_END_ATTEMPT, _key(held) | ended)


def _keep(connection: Connection, held: Claim, output: Record, versions: Mapping[str, Any], made_from: str | None) -> None:
    made = {"run": held.run, "versions": dict(versions), "body": pack(output), "made_at": now(), "made_from": made_from}
    statement = insert_into(connection, Output).values(document_id=held.document_id, stage=held.stage, page=held.page, **made)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["document_id", "stage", "page"], set_={name: statement.excluded[name] for name in made}
        )
    )


def _pages_outstanding(connection: Connection, held: Claim) -> bool:
    # Two pages that end at the same moment must not both believe that the other is still open: they queue up at the document.
    connection.execute(select(Document.id).where(Document.id == held.document_id).with_for_update())
    open_pages = select(func.count()).where(
        Stage.document_id == held.document_id,
        Stage.run == held.run,
        Stage.stage == StageName.OCR,
        Stage.state != StageState.DONE,
    )
    return connection.execute(open_pages).scalar_one() > 0


def _row(held: Claim, following: Next) -> dict[str, Any]:
    return {
        "document_id": held.document_id,
        "run": held.run,
        "stage": following.stage,
        "page": following.page,
        "queue": following.queue,
        "priority": held.priority,
    }


def _insert_queued(connection: Connection, held: Claim, following: Sequence[Next]) -> tuple[Queued, ...]:
    if not following:
        return ()
    rows = [_row(held, item) | {"state": StageState.QUEUED} for item in following]
    made = connection.execute(_INSERT_NEXT, rows).all()
    return tuple(Queued(row.id, StageName(row.stage), row.queue) for row in sorted(made, key=lambda row: row.page))


def _insert_claimed(connection: Connection, held: Claim, following: Next, lease_seconds: float) -> Claim:
    row = _row(held, following) | {"owner": held.owner, "b_lease": lease_seconds}
    stage_id = connection.execute(_INSERT_CLAIMED, row).scalar_one()
    connection.execute(_BEGIN_ATTEMPT, {"b_stage": stage_id, "b_fence": 1, "b_owner": held.owner})
    changed = {"stage_id": stage_id, "fence": 1, "attempts": 1}
    return msgspec.structs.replace(held, stage=following.stage, page=following.page, queue=following.queue, **changed)


def finish(connection: Connection, held: Claim, status: Status, report_id: int | None) -> None:
    """Give the document its final status and point it to its report; for ``extra`` of the last stage.

    Failures that earlier runs left are resolved. Raises Fenced when the document was started anew meanwhile.
    """
    ended = _FINISH.values(status=status, report_id=report_id, finished_at=now())
    if connection.execute(ended, {"b_document": held.document_id, "b_run": held.run}).rowcount != 1:
        raise Fenced(f"document {held.document_id} is no longer in run {held.run}")
    if held.run > 1:
        open_states = (FailureState.OPEN, FailureState.REQUEUED)
        resolved = update(Failure).where(Failure.document_id == held.document_id, Failure.state.in_(open_states))
        connection.execute(resolved.values(state=FailureState.RESOLVED))


def set_pages(connection: Connection, held: Claim, pages: int) -> None:
    """Note how many pages the document has; for ``extra`` of the extraction."""
    connection.execute(update(Document).where(Document.id == held.document_id).values(pages=pages))


def output(connection: Connection, document_id: int, stage: StageName, kind: type[R]) -> R:
    """The kept output of a stage of the whole document. Raises LookupError when there is none."""
    found = outputs(connection, document_id, stage, kind)
    if 0 not in found:
        raise LookupError(f"document {document_id} has no output of {stage}")
    return found[0]


def outputs(connection: Connection, document_id: int, stage: StageName, kind: type[R]) -> dict[int, R]:
    """The kept outputs of a stage by page (0: the whole document)."""
    rows = connection.execute(_OUTPUT, {"b_document": document_id, "b_stage": stage})
    return {page: unpack(body, kind) for page, body in rows}


def same_work(connection: Connection, made_from: str, kind: type[R]) -> R | None:
    """An output that was made from the same, of whatever document; None when there is none."""
    body = connection.scalar(select(Output.body).where(Output.made_from == made_from).limit(1))
    return None if body is None else unpack(body, kind)


def output_versions(connection: Connection, document_id: int, stage: StageName) -> list[dict[str, Any]]:
    """The versions that made the kept outputs of a stage, each set of versions once."""
    rows = connection.scalars(select(Output.versions).where(Output.document_id == document_id, Output.stage == stage))
    return [dict(pairs) for pairs in dict.fromkeys(tuple(sorted(versions.items())) for versions in rows)]


def fail(
    connection: Connection,
    held: Claim,
    fault: Fault,
    policy: Policy,
    *,
    versions: Mapping[str, Any] | None = None,
    seconds: float | None = None,
) -> StageState:
    """End a try that failed: to wait for the next one, or for good with a row in the error queue, as :func:`decide` says.

    Gives the stage's new state. Raises Fenced when another holds the stage by now.
    """
    row = connection.execute(_TRIES, _key(held)).one_or_none()
    if row is None:
        raise Fenced(f"stage {held.stage_id} is no longer held with fence {held.fence}")
    decision = decide(fault.code, Tries(*row), policy)
    settle(connection, held, fault, decision, versions=versions or {}, seconds=seconds)
    return decision.state


def settle(
    connection: Connection,
    held: Claim,
    fault: Fault,
    decision: Decision,
    *,
    versions: Mapping[str, Any],
    seconds: float | None = None,
) -> None:
    """Write what was decided about a failed try of a stage whose row the caller has locked."""
    waits = decision.state is StageState.WAITING
    counted = decision.tries.attempts == held.attempts
    new = {
        "b_state": decision.state,
        "b_queue": retry_queue(held.stage, held.queue) if waits and counted else held.queue,
        "b_attempts": decision.tries.attempts,
        "b_crashes": decision.tries.crashes,
        "b_losses": decision.tries.losses,
        "b_transients": decision.tries.transients,
        "b_code": fault.code,
        "b_pause": decision.pause,
    }
    connection.execute(_SETTLE, _key(held) | new)
    _end_attempt(connection, held, decision.outcome, fault, seconds)
    if waits:
        return
    assert decision.status is not None
    connection.execute(
        insert(Failure).values(
            document_id=held.document_id,
            stage=held.stage,
            page=held.page,
            code=fault.code,
            message=storable(fault.message),
            detail=fault.detail and storable(fault.detail),
            attempts=decision.tries.attempts,
            versions=dict(versions),
            state=FailureState.OPEN,
            created_at=now(),
        )
    )
    connection.execute(_STOP_DOCUMENT, {"b_document": held.document_id, "b_status": decision.status})


def release(connection: Connection, held: Claim) -> bool:
    """Give a stage back unfinished, at a shutdown: it is queued again at once, and the try does not count. False when it was
    not held.
    """
    if connection.execute(_RELEASE, _key(held)).rowcount != 1:
        return False
    _end_attempt(connection, held, "released")
    return True
