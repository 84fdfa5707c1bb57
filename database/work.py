"""A worker's side of the ledger: claim, heartbeat, complete, fail, release. Each call belongs in one transaction of its own.

Statements stand at the top and are made once: a worker runs each of them for every stage of every document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, String, bindparam, func, insert, literal, or_, select, update

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
    insert_for,
    retry_queue,
    storable,
)
from database.models import Attempt, Document, Failure, FailureState, Key, Output, Source, Stage, StageName, StageState
from database.prepared import Prepared

R = TypeVar("R", bound=Record)

_lease = now(bindparam("b_lease"))
_held = (Stage.id == bindparam("b_stage"), Stage.fence == bindparam("b_fence"), Stage.state == StageState.RUNNING)

_claim = (
    update(Stage)
    .where(
        Stage.id == bindparam("b_stage"),
        or_(Stage.state == StageState.QUEUED, Stage.state == StageState.WAITING),
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
_DOCUMENT = Prepared(
    select(Document.sha256, Document.media_type, Source.hints)
    .outerjoin(Source, (Source.document_id == Document.id) & Source.duplicate.is_(False))
    .where(Document.id == bindparam("b_document"))
    .limit(1)
)
_BEGIN_ATTEMPT = Prepared(
    insert(Attempt).values(
        stage_id=bindparam("b_stage"), fence=bindparam("b_fence"), worker=bindparam("b_owner"), started_at=now()
    )
)
_end_attempt = (
    update(Attempt)
    .where(Attempt.stage_id == bindparam("b_stage"), Attempt.fence == bindparam("b_fence"), Attempt.ended_at.is_(None))
    .values(
        ended_at=now(),
        outcome=bindparam("b_outcome"),
        code=bindparam("b_code"),
        message=bindparam("b_message"),
        seconds=bindparam("b_seconds"),
    )
)
_done = update(Stage).where(*_held).values(state=StageState.DONE, owner=None, lease_until=None, code=None, updated_at=now())
_BEAT = Prepared(update(Stage).where(*_held).values(lease_until=_lease))
_RELEASE = Prepared(
    update(Stage)
    .where(*_held)
    .values(state=StageState.QUEUED, attempts=Stage.attempts - 1, owner=None, lease_until=None, rung_at=None, updated_at=now())
)
_INSERT_NEXT = insert(Stage).values(created_at=now(), updated_at=now()).returning(Stage.id, Stage.stage, Stage.queue, Stage.page)
_insert_claimed_row = (
    insert(Stage)
    .values(
        **{name: bindparam(f"b_{name}") for name in ("document_id", "run", "stage", "page", "queue", "priority", "owner")},
        **dict.fromkeys(("crashes", "losses", "transients"), 0),
        created_at=now(),
        updated_at=now(),
        lease_until=_lease,
        state=StageState.RUNNING,
        attempts=1,
        fence=1,
    )
    .returning(Stage.id)
)
_CLAIM, _DONE, _END_ATTEMPT, _INSERT_CLAIMED = map(Prepared, (_claim, _done, _end_attempt, _insert_claimed_row))

# PostgreSQL takes several changes in one statement, which saves as many round trips.
_taken = _claim.cte("taken")
_CLAIM_IN_ONE = Prepared(
    select(_taken, Document.sha256, Document.media_type, Source.hints)
    .join(Document, Document.id == _taken.c.document_id)
    .outerjoin(Source, (Source.document_id == Document.id) & Source.duplicate.is_(False))
    .limit(1)
    .add_cte(
        insert(Attempt)
        .from_select(
            ["stage_id", "fence", "worker", "started_at"],
            select(bindparam("b_stage", type_=Key), _taken.c.fence, bindparam("b_owner", type_=String), now()),
        )
        .cte("begun")
    )
)
_DONE_IN_ONE = Prepared(_done.add_cte(_end_attempt.cte("ended")))
_made = _insert_claimed_row.cte("made")
_INSERT_CLAIMED_IN_ONE = Prepared(
    insert(Attempt)
    .from_select(
        ["stage_id", "fence", "worker", "started_at"],
        select(_made.c.id, literal(1), bindparam("b_owner", type_=String), now()),
    )
    .returning(Attempt.stage_id)
)
_TRIES = Prepared(select(Stage.attempts, Stage.crashes, Stage.losses, Stage.transients).where(*_held).with_for_update())
_SETTLE = Prepared(
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
_STOP_DOCUMENT = Prepared(
    update(Document)
    .where(Document.id == bindparam("b_document"), Document.status == Status.PROCESSING)
    .values(status=bindparam("b_status"), finished_at=now())
)
_SET_PAGES = Prepared(update(Document).where(Document.id == bindparam("b_document")).values(pages=bindparam("b_pages")))
_FINISH = Prepared(
    update(Document)
    .where(Document.id == bindparam("b_document"), Document.run == bindparam("b_run"))
    .values(status=bindparam("b_status"), report_id=bindparam("b_report"), finished_at=now())
)
_OUTPUT = Prepared(
    select(Output.page, Output.body).where(Output.document_id == bindparam("b_document"), Output.stage == bindparam("b_stage"))
)


def claim(connection: Connection, stage_id: int, worker: str, lease_seconds: float) -> Claim | None:
    """Take a stage that is queued, or waiting and due, for ``lease_seconds``; None when there is nothing to take (a
    duplicate message).

    The attempt is counted before the work begins, so that a crash counts.
    """
    values = {"b_stage": stage_id, "b_owner": worker, "b_lease": lease_seconds}
    in_one = connection.dialect.name == "postgresql"
    row = (_CLAIM_IN_ONE if in_one else _CLAIM).run(connection, **values).one
    if row is None:
        return None
    document_id, run, stage, page, fence, attempts, queue, priority, *document = row
    if not in_one:
        _BEGIN_ATTEMPT.run(connection, b_stage=stage_id, b_fence=fence, b_owner=worker)
        document = [*_DOCUMENT.run(connection, b_document=document_id).rows[0]]
    sha256, media_type, hints = document
    return Claim(
        stage_id=stage_id,
        document_id=document_id,
        run=run,
        stage=StageName(stage),
        page=page,
        fence=fence,
        attempts=attempts,
        queue=queue,
        priority=priority,
        owner=worker,
        sha256=sha256,
        media_type=media_type,
        hints=msgspec.convert(hints or {}, Hints),
    )


def heartbeat(connection: Connection, held: Claim, lease_seconds: float) -> bool:
    """Renew the lease. False when the claim is no longer in force: the work may stop, nothing of it will be kept."""
    return _BEAT.run(connection, **_key(held), b_lease=lease_seconds).count == 1


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
) -> Completed:
    """End a stage well: in one transaction, and only while the claim is in force, keep its output and queue what follows.

    ``output`` is kept with the ``versions`` that made it. ``claim_next`` hands the first of ``following`` to the same worker
    at once, which saves a message and a transaction. ``extra`` runs in the same transaction, behind the fence, for rows that
    other rooms write. ``seconds`` is how long the work took. A stage that follows pages is queued when the last of them is
    done.

    Raises Fenced when another holds the stage by now; nothing is written then. Run again after a lost connection, it finds
    its own commit.
    """
    ended = _key(held) | _ended("done", seconds=seconds)
    in_one = connection.dialect.name == "postgresql"
    if (_DONE_IN_ONE if in_one else _DONE).run(connection, **ended).count != 1:
        return _already(connection, held)
    if not in_one:
        _END_ATTEMPT.run(connection, **ended)
    if output is not None:
        _keep(connection, held, output, versions or {})
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


def _ended(outcome: str, fault: Fault | None = None, seconds: float | None = None) -> dict[str, Any]:
    return {
        "b_outcome": outcome,
        "b_code": fault and fault.code,
        "b_message": fault and storable(fault.message),
        "b_seconds": seconds,
    }


@cache
def _keeping(dialect: str) -> Prepared:
    names = ("document_id", "stage", "page", "run", "versions", "body")
    columns: dict[str, Any] = {name: bindparam(f"b_{name}") for name in names}
    statement = insert_for(dialect, Output).values(**columns, made_at=now())
    replaced = {name: statement.excluded[name] for name in ("run", "versions", "body", "made_at")}
    return Prepared(statement.on_conflict_do_update(index_elements=["document_id", "stage", "page"], set_=replaced))


def _keep(connection: Connection, held: Claim, output: Record, versions: Mapping[str, Any]) -> None:
    _keeping(connection.dialect.name).run(
        connection,
        b_document_id=held.document_id,
        b_stage=held.stage,
        b_page=held.page,
        b_run=held.run,
        b_versions=dict(versions),
        b_body=pack(output),
    )


def _pages_outstanding(connection: Connection, held: Claim) -> bool:
    # Two pages that end at the same moment must not both believe that the other is still open: they queue up at the document.
    # Both hold the key of its row already (their outputs refer to it), so a lock that excludes key holders would be a deadlock.
    connection.execute(select(Document.id).where(Document.id == held.document_id).with_for_update(key_share=True))
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
    row = {f"b_{name}": value for name, value in _row(held, following).items()} | {"b_owner": held.owner}
    in_one = connection.dialect.name == "postgresql"
    made = (_INSERT_CLAIMED_IN_ONE if in_one else _INSERT_CLAIMED).run(connection, **row, b_lease=lease_seconds)
    stage_id = made.rows[0][0]
    if not in_one:
        _BEGIN_ATTEMPT.run(connection, b_stage=stage_id, b_fence=1, b_owner=held.owner)
    changed = {"stage_id": stage_id, "fence": 1, "attempts": 1}
    return msgspec.structs.replace(held, stage=following.stage, page=following.page, queue=following.queue, **changed)


def finish(connection: Connection, held: Claim, status: Status, report_id: int | None) -> None:
    """Give the document its final status and point it to its report; for ``extra`` of the last stage.

    Failures that earlier runs left are resolved. Raises Fenced when the document was started anew meanwhile.
    """
    ended = {"b_document": held.document_id, "b_run": held.run, "b_status": status.value, "b_report": report_id}
    if _FINISH.run(connection, **ended).count != 1:
        raise Fenced(f"document {held.document_id} is no longer in run {held.run}")
    if held.run > 1:
        open_states = (FailureState.OPEN, FailureState.REQUEUED)
        resolved = update(Failure).where(Failure.document_id == held.document_id, Failure.state.in_(open_states))
        connection.execute(resolved.values(state=FailureState.RESOLVED))


def set_pages(connection: Connection, held: Claim, pages: int) -> None:
    """Note how many pages the document has; for ``extra`` of the extraction."""
    _SET_PAGES.run(connection, b_document=held.document_id, b_pages=pages)


def output(connection: Connection, document_id: int, stage: StageName, kind: type[R]) -> R:
    """The kept output of a stage of the whole document. Raises LookupError when there is none."""
    found = outputs(connection, document_id, stage, kind)
    if 0 not in found:
        raise LookupError(f"document {document_id} has no output of {stage}")
    return found[0]


def outputs(connection: Connection, document_id: int, stage: StageName, kind: type[R]) -> dict[int, R]:
    """The kept outputs of a stage by page (0: the whole document)."""
    rows = _OUTPUT.run(connection, b_document=document_id, b_stage=stage).rows
    return {page: unpack(body, kind) for page, body in rows}


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
    row = _TRIES.run(connection, **_key(held)).one
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
    _SETTLE.run(connection, **_key(held), **new)
    _END_ATTEMPT.run(connection, **_key(held), **_ended(decision.outcome, fault, seconds))
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
    _STOP_DOCUMENT.run(connection, b_document=held.document_id, b_status=decision.status)


def release(connection: Connection, held: Claim) -> bool:
    """Give a stage back unfinished, at a shutdown: it is queued again at once, and the try does not count. False when it was
    not held.
    """
    if _RELEASE.run(connection, **_key(held)).count != 1:
        return False
    _END_ATTEMPT.run(connection, **_key(held), **_ended("released"))
    return True
