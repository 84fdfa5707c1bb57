"""The ledger for those who look after processes: which workers live, whose lease expired, what is due.

The rescuer calls most of it; the main process of a worker reports its own life and the death of its processes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, or_, select, text, update

from codebook.records import Hints, Record
from codebook.stages import StageName
from database.clock import now
from database.ledger.claims import resettle, settle
from database.ledger.conditions import DUE, EXPIRED, OPEN, RUNNING
from database.ledger.records import Claim, Fault, Queued, Tries, decide
from database.models import Attempt, Failure, FailureState, Stage, StageState, Worker
from database.plain_records import Policy
from database.sql import chunks, insert_into, storable

# Any number will do, as long as nothing else in a shared database locks it.
_RESCUE_LOCK = 0x676F6E676B6169


CRASHED, LOST = "worker.crashed", "worker.lost"
# What the rescuer concludes from an expired lease. A worker that saw its process end knows better, for this long.
_GUESSES = (CRASHED, LOST)
_GUESS_SECONDS = 3600.0


class ExpiredLease(Record, frozen=True):
    """A try that the rescuer ended: ``code`` is worker.crashed or worker.lost, ``state`` what the stage became."""

    stage_id: int
    document_id: int
    code: str
    state: StageState


def owner_name(worker: str, pid: int) -> str:
    """Return the owner of a claim: a process of a worker."""
    return f"{worker}#{pid}"


def try_rescue_lock(connection: Connection) -> bool:
    """Return whether this transaction may rescue. Of two rescuers on PostgreSQL one runs at a time; SQLite has one writer
    anyway.
    """
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(_RESCUE_LOCK))))


def beat(connection: Connection, worker: str, stale_seconds: float, queues: str | None = None) -> None:
    """Record that ``worker``, which serves ``queues``, is alive. After a silence longer than ``stale_seconds`` its steady time
    begins again.
    """
    statement = insert_into(connection, Worker).values(
        name=worker, started_at=now(), seen_at=now(), steady_since=now(), queues=queues
    )
    steady = case((Worker.seen_at < now(-stale_seconds), now()), else_=Worker.steady_since)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"seen_at": now(), "steady_since": steady}))


def sign_off(connection: Connection, worker: str) -> None:
    """Delete a worker that ends in good order."""
    connection.execute(delete(Worker).where(Worker.name == worker))


def forget_workers(connection: Connection, silent_seconds: float) -> int:
    """Delete workers not seen for ``silent_seconds``. Return how many."""
    return connection.execute(delete(Worker).where(Worker.seen_at < now(-silent_seconds))).rowcount


def live_workers(connection: Connection, stale_seconds: float) -> list[str]:
    """Return the names of the workers that were seen within ``stale_seconds``."""
    return list(connection.scalars(select(Worker.name).where(Worker.seen_at >= now(-stale_seconds)).order_by(Worker.name)))


_HELD = (
    Stage.id,
    Stage.document_id,
    Stage.run,
    Stage.stage,
    Stage.page,
    Stage.fence,
    Stage.queue,
    Stage.priority,
    Stage.turn,
    Stage.owner,
    Stage.attempts,
    Stage.crashes,
    Stage.losses,
    Stage.transients,
    Stage.block,
)


def _claim_of(row: Any) -> Claim:
    return Claim(
        stage_id=row.id,
        document_id=row.document_id,
        run=row.run,
        stage=StageName(row.stage),
        page=row.page,
        fence=row.fence,
        attempts=row.attempts,
        queue=row.queue,
        priority=row.priority,
        turn=row.turn,
        owner=row.owner,
        sha256="",
        media_type="",
        hints=Hints(),
        block=row.block,
    )


def _end(connection: Connection, row: Any, fault: Fault, policy: Policy) -> ExpiredLease:
    tries = Tries(row.attempts, row.crashes, row.losses, row.transients)
    decision = decide(fault.code, tries, policy, in_block=row.block is not None)
    settle(connection, _claim_of(row), fault, decision, versions={})
    return ExpiredLease(row.id, row.document_id, fault.code, decision.state)


class LeaseTerms(Record, frozen=True):
    """How long a claim of a stage holds without a sign of life, and how long a process may work at it. Seconds."""

    lease: float
    time_limit: float


def renew_leases_of(
    connection: Connection, owners: Collection[str], terms: Mapping[StageName, LeaseTerms], overdue_seconds: float
) -> int:
    """Renew the leases of what the processes ``owners`` hold, where they were not renewed for ``overdue_seconds``. Return how
    many.

    For a worker that sees its processes alive: a process in which native code holds the interpreter lock cannot renew its lease
    itself. A claim older than its time limit is left to expire: its process would have been killed, so it has lost track of it.
    """
    if not owners:
        return 0
    lease = case({name: one.lease for name, one in terms.items()}, value=Stage.stage, else_=0.0)
    limit = case({name: one.time_limit for name, one in terms.items()}, value=Stage.stage, else_=0.0)
    overdue = (Stage.lease_until < now(lease - overdue_seconds), Stage.updated_at > now(-limit))
    held = select(Stage.id).where(RUNNING, Stage.owner.in_(list(owners)), *overdue)
    # In the order of their numbers, as those who claim them lock them.
    chosen = held.order_by(Stage.id).with_for_update().cte("chosen")
    renewed = update(Stage).where(Stage.id.in_(select(chosen.c.id))).values(lease_until=now(lease))
    return len(connection.execute(renewed.returning(Stage.id)).all())


def expire_leases(connection: Connection, stale_seconds: float, policy: Policy, limit: int = 500) -> list[ExpiredLease]:
    """End the tries whose lease expired, so that others can take the stage over.

    When the owner's worker is alive and was so during the whole try, only the process died: the document is suspected,
    crashes + 1. When the worker is gone too, or could not reach the database for a while, the document is not to blame:
    losses + 1. A process that died with a whole block puts suspicion on none of its documents: they are tried again alone.
    """
    lapsed = (
        select(*_HELD, Attempt.started_at)
        .join(Attempt, and_(Attempt.stage_id == Stage.id, Attempt.fence == Stage.fence))
        .where(EXPIRED)
        .order_by(Stage.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Stage)
    )
    rows = connection.execute(lapsed).all()
    if not rows:
        return []
    names = {row.owner.partition("#")[0] for row in rows}
    living = select(Worker.name, Worker.steady_since).where(Worker.name.in_(names), Worker.seen_at >= now(-stale_seconds))
    steady = {worker.name: worker.steady_since for worker in connection.execute(living)}
    expired = []
    for row in rows:
        since = steady.get(row.owner.partition("#")[0])
        if since is not None and since <= row.started_at:
            fault = Fault(CRASHED, f"the process that worked on it ended without a word ({row.owner})")
        else:
            fault = Fault(LOST, f"the worker that held it is gone ({row.owner})")
        expired.append(_end(connection, row, fault, policy))
    return expired


_TERMINATE_LOCK_HOLDERS = text(
    "select pg_terminate_backend(holder.pid) from gk_stage join pg_stat_activity holder on holder.backend_xid = gk_stage.xmax "
    "where gk_stage.state = 'running' and gk_stage.lease_until < statement_timestamp() - make_interval(secs => :overdue) "
    "and holder.pid <> pg_backend_pid()"
)


def terminate_lock_holders(connection: Connection, overdue_seconds: float) -> int:
    """Terminate the sessions that hold the row of a claim in an open transaction more than ``overdue_seconds`` after its lease
    expired. Return how many.

    :func:`expire_leases` skips locked rows: their process may be about to commit. But a process that was frozen or cut off while
    PostgreSQL sends to it keeps its locks until the network gives up, which no time limit of the server shortens. SQLite has
    no such sessions: locks end with their process.
    """
    if connection.dialect.name != "postgresql":
        return 0
    return len(connection.execute(_TERMINATE_LOCK_HOLDERS, {"overdue": overdue_seconds}).all())


def fail_claims_of(connection: Connection, owner: str, fault: Fault, policy: Policy) -> list[ExpiredLease]:
    """End what the process ``owner`` held: its worker saw it die, so nobody needs to wait for the lease to expire.

    Where the rescuer was quicker and guessed why the process is gone, ``fault`` replaces its guess for the same fence. The rows
    are locked in the order of their numbers.
    """
    held = select(*_HELD).where(RUNNING, Stage.owner == owner).order_by(Stage.id).with_for_update()
    ended = [_end(connection, row, fault, policy) for row in connection.execute(held).all()]
    return ended + _correct_guesses(connection, owner, fault, policy)


def _correct_guesses(connection: Connection, owner: str, fault: Fault, policy: Policy) -> list[ExpiredLease]:
    if fault.code in _GUESSES:
        return []
    corrected = []
    for row in _guessed(connection, owner):
        this_try = (Attempt.stage_id == row.id, Attempt.fence == row.guessed_fence)
        connection.execute(update(Attempt).where(*this_try).values(code=fault.code, message=storable(fault.message)))
        undecided = row.state in (StageState.WAITING, StageState.FAILED) and row.fence == row.guessed_fence
        if undecided:  # else another try has begun, or a person has decided: only the books are corrected
            corrected.append(_decide_again(connection, row, fault, policy))
    return corrected


def _guessed(connection: Connection, owner: str) -> Sequence[Any]:
    """Lock and return, in the order of their numbers, the stages that ``owner`` held last and of which the rescuer has guessed
    why they ended. All of a block were held together.
    """
    tries = (Attempt.worker == owner, Attempt.ended_at >= now(-_GUESS_SECONDS))
    of_stage = Attempt.stage_id == Stage.id
    latest = select(Stage.block, Attempt.started_at).join(Attempt, of_stage).where(*tries)
    last = connection.execute(latest.order_by(Attempt.started_at.desc(), Stage.block.is_(None)).limit(1)).first()
    if last is None:
        return []
    held: ColumnElement[bool] = Attempt.started_at == last.started_at
    if last.block is not None:
        # A member that was claimed again, alone, has lost the number of its block: it began with the others.
        begun = select(Attempt.started_at).join(Stage, of_stage).where(*tries, Stage.block == last.block)
        held = or_(Stage.block == last.block, Attempt.started_at.in_(begun))
    guesses = (
        select(*_HELD, Stage.state, Attempt.fence.label("guessed_fence"), Attempt.code.label("guess"))
        .join(Attempt, of_stage)
        .where(*tries, Attempt.code.in_(_GUESSES), held)
        .order_by(Stage.id)
        .with_for_update(of=Stage)
    )
    return connection.execute(guesses).all()


def _decide_again(connection: Connection, row: Any, fault: Fault, policy: Policy) -> ExpiredLease:
    failure = (Failure.document_id == row.document_id, Failure.stage == row.stage, Failure.page == row.page)
    connection.execute(delete(Failure).where(*failure, Failure.code == row.guess, Failure.state == FailureState.OPEN))
    attempts, crashes, losses, in_block = row.attempts, row.crashes, row.losses, row.block is not None
    if row.guess == LOST:
        losses -= 1
    elif in_block:  # the crash of a block was not counted
        attempts += 1
    else:
        crashes -= 1
    tries = Tries(attempts, max(0, crashes), max(0, losses), row.transients)
    decision = decide(fault.code, tries, policy, in_block=in_block)
    resettle(connection, msgspec.structs.replace(_claim_of(row), attempts=attempts), fault, decision)
    return ExpiredLease(row.id, row.document_id, fault.code, decision.state)


def take_due(connection: Connection, queue: str, limit: int, resend_seconds: float) -> list[Queued]:
    """Mark up to ``limit`` stages of ``queue`` as notified, and return them: those that are due and were not notified, or not
    within ``resend_seconds``.

    Highest priority first, then by turn (database.ledger.fair_queue); they are returned in this order. Rows that another
    transaction has locked are skipped.
    """
    taken: list[Queued] = []
    level: int | None = None
    while len(taken) < limit and (level := _next_level(connection, queue, level)) is not None:
        taken += _take_level(connection, queue, level, limit - len(taken), resend_seconds)
    return taken


def _next_level(connection: Connection, queue: str, below: int | None) -> int | None:
    """Return the highest priority in a queue, below another one. Level by level, work is found in the order of an index."""
    lower = [] if below is None else [Stage.priority < below]
    found: int | None = connection.scalar(
        select(Stage.priority).where(OPEN, Stage.queue == queue, *lower).order_by(Stage.priority.desc()).limit(1)
    )
    return found


def _take_level(connection: Connection, queue: str, priority: int, limit: int, resend_seconds: float) -> list[Queued]:
    quiet: ColumnElement[bool] = or_(Stage.notified_at.is_(None), Stage.notified_at < now(-resend_seconds))
    chosen = (
        select(Stage.id)
        .where(DUE, Stage.queue == queue, Stage.priority == priority, quiet)
        .order_by(Stage.turn, Stage.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    columns = (Stage.id, Stage.stage, Stage.queue, Stage.document_id, Stage.page, Stage.turn)
    taken = update(Stage).where(Stage.id.in_(select(chosen.c.id))).values(notified_at=now()).returning(*columns)
    rows = sorted(connection.execute(taken).all(), key=lambda row: (row.turn, row.id))
    return [Queued(row.id, StageName(row.stage), row.queue, row.document_id, row.page) for row in rows]


def mark_notified(connection: Connection, stage_ids: Sequence[int]) -> None:
    """Record that messages were sent for these stages."""
    for part in chunks(stage_ids):
        connection.execute(update(Stage).where(Stage.id.in_(part), OPEN).values(notified_at=now()))


def forget_notifications(connection: Connection, stage_ids: Sequence[int]) -> None:
    """Record that messages for these stages were not sent after all."""
    for part in chunks(stage_ids):
        connection.execute(update(Stage).where(Stage.id.in_(part), OPEN).values(notified_at=None))


def forget_lost_notifications(connection: Connection, queue: str, older_seconds: float) -> int:
    """Record that messages sent to ``queue`` more than ``older_seconds`` ago are gone. Return how many."""
    lost = update(Stage).where(DUE, Stage.queue == queue, Stage.notified_at < now(-older_seconds)).values(notified_at=None)
    return connection.execute(lost).rowcount


def is_open(connection: Connection, queue: str) -> bool:
    """Return whether a stage of ``queue`` is queued or waiting."""
    return connection.scalar(select(Stage.id).where(OPEN, Stage.queue == queue).limit(1)) is not None


def outstanding(connection: Connection) -> dict[str, int]:
    """Return how many stages are queued or waiting, by queue."""
    rows = connection.execute(select(Stage.queue, func.count()).where(OPEN).group_by(Stage.queue))
    return dict(rows.all())
