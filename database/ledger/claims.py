"""The ledger for a worker's process: claim, renew, complete, fail, release. Each call belongs in one transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from codebook.records import Hints, Record, Status
from codebook.stages import STAGES, StageName
from database.blob import pack, unpack
from database.clock import now
from database.ledger import statements as sql
from database.ledger import sums
from database.ledger.records import (
    Claim,
    Completed,
    Decision,
    Fault,
    Fenced,
    Next,
    Queued,
    Spent,
    Tries,
    decide,
)
from database.models import Attempt, Document, Failure, FailureState, Output, Stage, StageState
from database.plain_records import Policy
from database.sql import Prepared, PreparedInsert, storable

R = TypeVar("R", bound=Record)


def claim(connection: Connection, stage_id: int, worker: str, lease_seconds: float) -> Claim | None:
    """Take a stage that is queued, or waiting and due, for ``lease_seconds``; None when there is nothing to take (a
    duplicate message).

    The attempt is counted before the work begins, so that a crash counts.
    """
    values = {"b_stage": stage_id, "b_owner": worker, "b_lease": lease_seconds}
    in_one = connection.dialect.name == "postgresql"
    row = (sql.CLAIM_IN_ONE if in_one else sql.CLAIM).run(connection, **values).one
    if row is None:
        return None
    if in_one:
        return _claim_of(stage_id, worker, row)
    document_id, fence = row[0], row[4]
    sql.BEGIN_ATTEMPT.run(connection, b_stage=stage_id, b_fence=fence, b_owner=worker)
    return _claim_of(stage_id, worker, (*row, *sql.DOCUMENT.run(connection, b_document=document_id).rows[0]))


def claim_block(connection: Connection, stage_ids: Sequence[int], worker: str, lease_seconds: float) -> list[Claim]:
    """Take together all stages of ``stage_ids`` that can be taken, each as :func:`claim` does. Return the claims, in this order.

    Stages of another queue than that of documents are not taken: what is tried again is tried alone.
    """
    values = {"b_owner": worker, "b_lease": lease_seconds, "b_block": stage_ids[0]}
    taken = {row[0]: row[1:] for row in sql.CLAIM_BLOCK.run(connection, b_stages=_list(stage_ids), **values).rows}
    if not taken:
        return []
    sql.BEGIN_ATTEMPTS.run(connection, b_stages=_list(taken), b_owner=worker)
    documents = {
        row[0]: row[1:] for row in sql.DOCUMENTS_OF.run(connection, b_documents=_list(t[0] for t in taken.values())).rows
    }
    in_order = [stage_id for stage_id in dict.fromkeys(stage_ids) if stage_id in taken]
    return [_claim_of(stage_id, worker, (*taken[stage_id], *documents[taken[stage_id][0]])) for stage_id in in_order]


def _list(numbers: Iterable[int]) -> str:
    return msgspec.json.encode(list(numbers)).decode()


def claimed_before(connection: Connection, stage_id: int, worker: str, lease_seconds: float) -> Claim | None:
    """Return the claim of a stage that ``worker`` holds already, its lease renewed; None when it does not.

    For a process whose claim was committed while the answer was lost: only it may ask, and only right after it claimed.
    """
    row = sql.CLAIMED.run(connection, b_stage=stage_id, b_owner=worker, b_lease=lease_seconds).one
    if row is None:
        return None
    return _claim_of(stage_id, worker, (*row, *sql.DOCUMENT.run(connection, b_document=row[0]).rows[0]))


def _claim_of(stage_id: int, worker: str, row: tuple[Any, ...]) -> Claim:
    document_id, run, stage, page, fence, attempts, queue, priority, turn, block, sha256, media_type, hints = row
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
        turn=turn,
        owner=worker,
        sha256=sha256,
        media_type=media_type,
        hints=msgspec.convert(hints or {}, Hints),
        block=block,
    )


def renew(connection: Connection, held: Claim, lease_seconds: float) -> bool:
    """Renew the lease. Return False when the claim is no longer in force: nothing of the work will be kept."""
    return sql.RENEW.run(connection, **_key(held), b_lease=lease_seconds).count == 1


def complete(
    connection: Connection,
    held: Claim,
    output: Record | None = None,
    versions: Mapping[str, Any] | None = None,
    following: Sequence[Next] = (),
    *,
    claim_next: bool = False,
    lease_seconds: float = 60.0,
    spent: Spent | None = None,
    extra: Callable[[Connection], None] | None = None,
    made_from: str | None = None,
) -> Completed:
    """End a stage well: in one transaction, and only while the claim is in force, keep its output and queue what follows.

    ``output`` is kept with the ``versions`` that made it, and with the digest ``made_from`` by which :func:`same_work` finds
    it. ``claim_next`` hands the first of ``following`` to the same worker at once, which saves a message and a transaction.
    ``extra`` runs in the same transaction, behind the fence, for rows that other rooms write. ``spent`` is what the work
    took. A stage that follows pages is queued when the last of them is done.

    Raises Fenced when another holds the stage by now; nothing is written then. Run again after a lost connection, it finds
    its own commit.
    """
    ended = _key(held) | _ended("done", spent=spent)
    in_one = connection.dialect.name == "postgresql"
    if (sql.DONE_IN_ONE if in_one else sql.DONE).run(connection, **ended).count != 1:
        return _already(connection, held)
    if not in_one:
        sql.END_ATTEMPT.run(connection, **ended)
    if output is not None:
        _keep(connection, held, output, versions or {}, made_from)
    if extra is not None:
        extra(connection)
    if STAGES[held.stage].per_page and following and _pages_outstanding(connection, held):
        return Completed(None)
    if claim_next and following:
        return Completed(
            _insert_claimed(connection, held, following[0], lease_seconds), _insert_queued(connection, held, following[1:])
        )
    return Completed(None, _insert_queued(connection, held, following))


def forget_output(connection: Connection, document_id: int, stage: StageName) -> None:
    """Delete what ``stage`` made of a document: what is kept elsewhere, or can be made again."""
    _FORGET.run(connection, b_document=document_id, b_stage=stage)


def _key(held: Claim) -> dict[str, Any]:
    return {"b_stage": held.stage_id, "b_fence": held.fence}


def _already(connection: Connection, held: Claim) -> Completed:
    """Return what a commit left whose answer was lost. Raises Fenced when the try did not end well by our own hand."""
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


def _ended(outcome: str, fault: Fault | None = None, spent: Spent | None = None) -> dict[str, Any]:
    return {
        "b_outcome": outcome,
        "b_code": fault and fault.code,
        "b_message": fault and storable(fault.message),
        "b_seconds": spent and spent.seconds,
        "b_cpu": spent and spent.cpu_seconds,
        "b_engine": spent and spent.engine,
    }


_KEPT = ("document_id", "stage", "page", "run", "versions", "body", "made_from")


def _replacing(new: Any) -> Any:
    statement = new.values(**{name: bindparam(f"b_{name}") for name in _KEPT}, made_at=now())
    replaced = {name: statement.excluded[name] for name in ("run", "versions", "body", "made_at", "made_from")}
    return statement.on_conflict_do_update(index_elements=["document_id", "stage", "page"], set_=replaced)


_KEEP = PreparedInsert(Output, _replacing)
_FORGET = Prepared(delete(Output).where(Output.document_id == bindparam("b_document"), Output.stage == bindparam("b_stage")))


def _keep(connection: Connection, held: Claim, output: Record, versions: Mapping[str, Any], made_from: str | None) -> None:
    _KEEP.run(
        connection,
        b_document_id=held.document_id,
        b_stage=held.stage,
        b_page=held.page,
        b_run=held.run,
        b_versions=dict(versions),
        b_body=pack(output),
        b_made_from=made_from,
    )


def _pages_outstanding(connection: Connection, held: Claim) -> bool:
    # Two pages that end at the same moment must not both believe that the other is still open: they queue up at the document.
    # Both hold the key of its row already (their outputs refer to it), so a lock that excludes key holders would be a deadlock.
    connection.execute(select(Document.id).where(Document.id == held.document_id).with_for_update(key_share=True))
    open_pages = select(func.count()).where(
        Stage.document_id == held.document_id,
        Stage.run == held.run,
        Stage.stage == held.stage,
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
        "turn": held.turn,
    }


def _insert_queued(connection: Connection, held: Claim, following: Sequence[Next]) -> tuple[Queued, ...]:
    if not following:
        return ()
    rows = [_row(held, item) | {"state": StageState.QUEUED} for item in following]
    made = connection.execute(sql.INSERT_NEXT, rows).all()
    document, made = held.document_id, sorted(made, key=lambda row: row.page)
    return tuple(Queued(row.id, StageName(row.stage), row.queue, document, row.page) for row in made)


def _insert_claimed(connection: Connection, held: Claim, following: Next, lease_seconds: float) -> Claim:
    row = {f"b_{name}": value for name, value in _row(held, following).items()}
    row |= {"b_owner": held.owner, "b_block": held.block}  # what follows in place belongs to the same block
    in_one = connection.dialect.name == "postgresql"
    made = (sql.INSERT_CLAIMED_IN_ONE if in_one else sql.INSERT_CLAIMED).run(connection, **row, b_lease=lease_seconds)
    stage_id = made.rows[0][0]
    if not in_one:
        sql.BEGIN_ATTEMPT.run(connection, b_stage=stage_id, b_fence=1, b_owner=held.owner)
    changed = {"stage_id": stage_id, "fence": 1, "attempts": 1}
    return msgspec.structs.replace(held, stage=following.stage, page=following.page, queue=following.queue, **changed)


def finish(connection: Connection, held: Claim, status: Status, report_id: int | None) -> None:
    """Give the document its final status and point it to its report; for ``extra`` of the last stage.

    Failures that earlier runs left are resolved. Raises Fenced when a new run of the document was started meanwhile.
    """
    ended = {"b_document": held.document_id, "b_run": held.run, "b_status": status.value, "b_report": report_id}
    if sql.FINISH.run(connection, **ended).count != 1:
        raise Fenced(f"document {held.document_id} is no longer in run {held.run}")
    if held.run > 1:
        open_states = (FailureState.OPEN, FailureState.REQUEUED)
        resolved = update(Failure).where(Failure.document_id == held.document_id, Failure.state.in_(open_states))
        connection.execute(resolved.values(state=FailureState.RESOLVED))


def set_pages(connection: Connection, held: Claim, pages: int) -> None:
    """Record how many pages the document has; for ``extra`` of the extraction."""
    sql.SET_PAGES.run(connection, b_document=held.document_id, b_pages=pages)


def output(connection: Connection, document_id: int, stage: StageName, kind: type[R]) -> R:
    """Return the kept output of a stage of the whole document. Raises LookupError when there is none."""
    found = outputs(connection, document_id, stage, kind)
    if 0 not in found:
        raise LookupError(f"document {document_id} has no output of {stage}")
    return found[0]


def outputs(connection: Connection, document_id: int, stage: StageName, kind: type[R]) -> dict[int, R]:
    """Return the kept outputs of a stage by page (0: the whole document)."""
    rows = sql.OUTPUT.run(connection, b_document=document_id, b_stage=stage).rows
    return {page: unpack(body, kind) for page, body in rows}


def same_work(connection: Connection, made_from: str, kind: type[R]) -> R | None:
    """Return an output that was made from the same, of whatever document; None when there is none."""
    body = connection.scalar(select(Output.body).where(Output.made_from == made_from).limit(1))
    return None if body is None else unpack(body, kind)


def output_versions(connection: Connection, document_id: int, stage: StageName) -> list[dict[str, Any]]:
    """Return the versions that made the kept outputs of a stage, each set of versions once."""
    rows = connection.scalars(select(Output.versions).where(Output.document_id == document_id, Output.stage == stage))
    return [dict(pairs) for pairs in dict.fromkeys(tuple(sorted(versions.items())) for versions in rows)]


def fail(
    connection: Connection,
    held: Claim,
    fault: Fault,
    policy: Policy,
    *,
    versions: Mapping[str, Any] | None = None,
    spent: Spent | None = None,
) -> StageState:
    """End a try that failed: to wait for the next one, or for good with a row in the error queue, as :func:`decide` says.

    Return the stage's new state. Raises Fenced when another holds the stage by now.
    """
    row = sql.TRIES.run(connection, **_key(held)).one
    if row is None:
        raise Fenced(f"stage {held.stage_id} is no longer held with fence {held.fence}")
    decision = decide(fault.code, Tries(*row), policy, in_block=held.block is not None)
    settle(connection, held, fault, decision, versions=versions or {}, spent=spent)
    return decision.state


def settle(
    connection: Connection,
    held: Claim,
    fault: Fault,
    decision: Decision,
    *,
    versions: Mapping[str, Any],
    spent: Spent | None = None,
) -> None:
    """Write what was decided about a failed try of a stage whose row the caller has locked."""
    sql.SETTLE.run(connection, **_key(held), **_decided(held, fault, decision))
    sql.END_ATTEMPT.run(connection, **_key(held), **_ended(decision.outcome, fault, spent))
    if decision.state is not StageState.WAITING:
        _stop_document(connection, held, fault, decision, versions)


def resettle(connection: Connection, held: Claim, fault: Fault, decision: Decision) -> None:
    """Decide again about a try that is settled and whose row the caller has locked: ``fault`` is the true reason.

    The try has been ended, its failure (if any) deleted, and nobody has claimed the stage since.
    """
    values = _decided(held, fault, decision)
    columns = {name.removeprefix("b_"): value for name, value in values.items() if name != "b_pause"}
    again = update(Stage).where(Stage.id == held.stage_id, Stage.fence == held.fence)
    connection.execute(again.values(columns | {"next_attempt_at": now(decision.pause), "updated_at": now()}))
    sums.change_outcome(connection, held.stage_id, held.fence, decision.outcome)
    if decision.state is StageState.WAITING:
        reopened = update(Document).where(Document.id == held.document_id, Document.run == held.run)
        connection.execute(reopened.values(status=Status.PROCESSING, finished_at=None))
    else:
        _stop_document(connection, held, fault, decision, {})


def _decided(held: Claim, fault: Fault, decision: Decision) -> dict[str, Any]:
    waits = decision.state is StageState.WAITING
    elsewhere = decision.alone or decision.tries.attempts == held.attempts
    return {
        "b_state": decision.state,
        "b_queue": STAGES[held.stage].retry_queue if waits and elsewhere else held.queue,
        "b_attempts": decision.tries.attempts,
        "b_crashes": decision.tries.crashes,
        "b_losses": decision.tries.losses,
        "b_transients": decision.tries.transients,
        "b_code": fault.code,
        "b_pause": decision.pause,
    }


def _stop_document(connection: Connection, held: Claim, fault: Fault, decision: Decision, versions: Mapping[str, Any]) -> None:
    """Put the document into the error queue."""
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
    sql.STOP_DOCUMENT.run(connection, b_document=held.document_id, b_status=decision.status)


def release(connection: Connection, held: Claim) -> bool:
    """Give a stage back unfinished, at a shutdown: it is queued again at once, and the try does not count. False when it was
    not held.
    """
    if sql.RELEASE.run(connection, **_key(held)).count != 1:
        return False
    sql.END_ATTEMPT.run(connection, **_key(held), **_ended("released"))
    return True
