"""The rescuer's side of the ledger: what is due, whose lease lapsed, which workers live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, literal_column, or_, select, text, update

from codebook.records import Hints, Record
from database.clock import now
from database.intake.registering import chunks
from database.ledger.claims import settle
from database.ledger.records import Claim, Fault, Policy, Queued, Tries, decide, insert_into
from database.models import Attempt, Stage, StageName, StageState, Worker

# Any number will do, as long as nothing else in a shared database locks it.
_RESCUE_LOCK = 0x676F6E676B6169

# Written out as in the conditions of their indexes: SQLite does not use these for a bound value.
_OPEN = Stage.state.in_([literal_column(f"'{state}'") for state in (StageState.QUEUED, StageState.WAITING)])
_RUNNING = Stage.state == literal_column(f"'{StageState.RUNNING}'")
_DUE = and_(_OPEN, or_(Stage.next_attempt_at.is_(None), Stage.next_attempt_at <= now()))


class ExpiredLease(Record, frozen=True):
    """A try that the rescuer ended: ``code`` is worker.crashed or worker.lost, ``state`` what the stage became."""

    stage_id: int
    document_id: int
    code: str
    state: StageState


def owner_name(worker: str, pid: int) -> str:
    """The owner of a claim: a process of a worker."""
    return f"{worker}#{pid}"


def try_rescue_lock(connection: Connection) -> bool:
    """Whether this transaction may sweep. Of two rescuers on PostgreSQL one sweeps at a time; SQLite has one writer
    anyway.
    """
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(_RESCUE_LOCK))))


def beat(connection: Connection, worker: str, stale_seconds: float) -> None:
    """Note that ``worker`` is alive. After a silence longer than ``stale_seconds`` its steady time begins anew."""
    statement = insert_into(connection, Worker).values(name=worker, started_at=now(), seen_at=now(), steady_since=now())
    steady = case((Worker.seen_at < now(-stale_seconds), now()), else_=Worker.steady_since)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"seen_at": now(), "steady_since": steady}))


def sign_off(connection: Connection, worker: str) -> None:
    """Forget a worker that ends in good order."""
    connection.execute(delete(Worker).where(Worker.name == worker))


def forget_workers(connection: Connection, silent_seconds: float) -> int:
    """Drop workers not seen for so long; gives how many."""
    return connection.execute(delete(Worker).where(Worker.seen_at < now(-silent_seconds))).rowcount


def live_workers(connection: Connection, stale_seconds: float) -> list[str]:
    """Names of the workers that were seen within ``stale_seconds``."""
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
    )


def _end(connection: Connection, row: Any, fault: Fault, policy: Policy) -> ExpiredLease:
    decision = decide(fault.code, Tries(row.attempts, row.crashes, row.losses, row.transients), policy)
    settle(connection, _claim_of(row), fault, decision, versions={})
    return ExpiredLease(row.id, row.document_id, fault.code, decision.state)


def expire_leases(connection: Connection, stale_seconds: float, policy: Policy, limit: int = 500) -> list[ExpiredLease]:
    """End the tries whose lease lapsed, so that others can take the stage over.

    When the owner's worker is alive and was so during the whole try, only the process died: the document is suspected,
    crashes + 1. When the worker is gone too, or could not reach the database for a while, the document is not to blame:
    losses + 1.
    """
    lapsed = (
        select(*_HELD, Attempt.started_at)
        .join(Attempt, and_(Attempt.stage_id == Stage.id, Attempt.fence == Stage.fence))
        .where(_RUNNING, Stage.lease_until < now())
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
            fault = Fault("worker.crashed", f"the process that worked on it ended without a word ({row.owner})")
        else:
            fault = Fault("worker.lost", f"the worker that held it is gone ({row.owner})")
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
    """End what the process ``owner`` held: its worker saw it die, so nobody needs to wait for the lease to lapse."""
    held = select(*_HELD).where(_RUNNING, Stage.owner == owner).with_for_update()
    return [_end(connection, row, fault, policy) for row in connection.execute(held).all()]


def take_due(connection: Connection, queue: str, limit: int, resend_seconds: float) -> list[Queued]:
    """Mark as notified, and return, up to ``limit`` stages of ``queue`` that are due and were not notified, or not within
    ``resend_seconds``.

    Highest priority first, then by turn (see database.ledger.fair_queue); they are given in this order. Rows that another
    transaction holds are passed over.
    """
    taken: list[Queued] = []
    level: int | None = None
    while len(taken) < limit and (level := _next_level(connection, queue, level)) is not None:
        taken += _take_level(connection, queue, level, limit - len(taken), resend_seconds)
    return taken


def _next_level(connection: Connection, queue: str, below: int | None) -> int | None:
    """The highest priority in a queue, below another one. Level by level, work is found in the order of an index."""
    lower = [] if below is None else [Stage.priority < below]
    found: int | None = connection.scalar(
        select(Stage.priority).where(_OPEN, Stage.queue == queue, *lower).order_by(Stage.priority.desc()).limit(1)
    )
    return found


def _take_level(connection: Connection, queue: str, priority: int, limit: int, resend_seconds: float) -> list[Queued]:
    quiet: ColumnElement[bool] = or_(Stage.notified_at.is_(None), Stage.notified_at < now(-resend_seconds))
    chosen = (
        select(Stage.id)
        .where(_DUE, Stage.queue == queue, Stage.priority == priority, quiet)
        .order_by(Stage.turn, Stage.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    told = (Stage.id, Stage.stage, Stage.queue, Stage.document_id, Stage.page, Stage.turn)
    taken = update(Stage).where(Stage.id.in_(select(chosen.c.id))).values(notified_at=now()).returning(*told)
    rows = sorted(connection.execute(taken).all(), key=lambda row: (row.turn, row.id))
    return [Queued(row.id, StageName(row.stage), row.queue, row.document_id, row.page) for row in rows]


def mark_notified(connection: Connection, stage_ids: Sequence[int]) -> None:
    """Note that messages were sent for these stages."""
    for part in chunks(stage_ids):
        connection.execute(update(Stage).where(Stage.id.in_(part), _OPEN).values(notified_at=now()))


def forget_notifications(connection: Connection, stage_ids: Sequence[int]) -> None:
    """Note that messages for these stages were not sent after all."""
    for part in chunks(stage_ids):
        connection.execute(update(Stage).where(Stage.id.in_(part), _OPEN).values(notified_at=None))


def forget_lost_notifications(connection: Connection, queue: str, older_seconds: float) -> int:
    """Note that what was sent to ``queue`` more than ``older_seconds`` ago is gone (the broker has none); gives how many."""
    lost = update(Stage).where(_DUE, Stage.queue == queue, Stage.notified_at < now(-older_seconds)).values(notified_at=None)
    return connection.execute(lost).rowcount


def is_open(connection: Connection, queue: str) -> bool:
    """Whether a stage of ``queue`` is queued or waiting."""
    return connection.scalar(select(Stage.id).where(_OPEN, Stage.queue == queue).limit(1)) is not None


def outstanding(connection: Connection) -> dict[str, int]:
    """How many stages are queued or waiting, by queue."""
    rows = connection.execute(select(Stage.queue, func.count()).where(_OPEN).group_by(Stage.queue))
    return dict(rows.all())
