"""What is measured: counts and ages for monitoring, and the counters that nothing else keeps.

Every function takes a connection and runs a constant number of statements, each over one table where that is possible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, and_, case, func, select

from codebook.records import Record
from codebook.stages import QUEUES
from database.clock import now
from database.ledger.conditions import DUE, RUNNING
from database.models import Attempt, Count, Document, Failure, Stage, Watcher, Worker
from database.sql import insert_into

# The counters that the rescuer keeps.
RESCUER_RUNS = "rescuer_runs"
SUPERVISOR_LOOKS = "supervisor_looks"
LEASES_EXPIRED = "leases_expired"
MESSAGES_LOST = "messages_lost"


class Labelled(Record, frozen=True):
    """A number under some labels."""

    labels: tuple[str, ...]
    value: float


class SpentByStage(Record, frozen=True):
    """How many tries of a stage took how many seconds in all, by the clock and of processors; ``engine`` read pictures."""

    stage: str
    engine: str
    tries: int
    seconds: float
    cpu_seconds: float


class Measures(Record, frozen=True):
    """Everything that is measured in the database. Ages in seconds.

    ``stages`` by stage, state and queue; ``oldest`` by queue (0 when nothing is due); ``attempts`` by stage and outcome
    (``running`` while it goes on); ``faults`` (tries that failed) by stage and code; ``failures`` (the error queue) by code and
    state; ``counters`` and ``counter_ages`` by name.
    """

    documents: dict[str, int]
    pages: int
    stages: tuple[Labelled, ...]
    oldest: dict[str, float]
    attempts: tuple[Labelled, ...]
    faults: tuple[Labelled, ...]
    spent: tuple[SpentByStage, ...]
    failures: tuple[Labelled, ...]
    overdue: int
    workers: int
    counters: dict[str, int]
    counter_ages: dict[str, float]


def count(connection: Connection, name: str, by: int = 1) -> None:
    """Raise a counter; it is made when it is new."""
    statement = insert_into(connection, Count).values(name=name, value=by, counted_at=now())
    raised = {"value": Count.value + by, "counted_at": now()}
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=raised))


def measures(connection: Connection, stale_seconds: float, lapsed_seconds: float = 30.0) -> Measures:
    """All measures. A worker counts as alive when it was seen within ``stale_seconds``; a lease is overdue when it ended more
    than ``lapsed_seconds`` ago and nobody ended the try.
    """
    counted = select(Document.status, func.count(), func.sum(Document.pages)).group_by(Document.status)
    documents = connection.execute(counted).all()
    overdue = select(func.count()).where(RUNNING, Stage.lease_until < now(-lapsed_seconds))
    living = select(func.count()).where(Worker.seen_at >= now(-stale_seconds))
    tried = _attempts(connection)
    counters = connection.execute(select(Count.name, Count.value, Count.counted_at, now())).all()
    return Measures(
        documents={str(status): int(number) for status, number, _ in documents},
        pages=sum(pages or 0 for _, _, pages in documents),
        stages=_labelled(connection, (Stage.stage, Stage.state, Stage.queue), func.count()),
        oldest=_oldest(connection),
        attempts=_summed(((one.stage, one.outcome), one.tries) for one in tried),
        faults=_summed(((one.stage, one.code), one.tries) for one in tried if one.code),
        spent=_spent(tried),
        failures=_labelled(connection, (Failure.code, Failure.state), func.count()),
        overdue=connection.scalar(overdue) or 0,
        workers=connection.scalar(living) or 0,
        counters={name: value for name, value, _, _ in counters},
        counter_ages={name: max(0.0, (moment - at).total_seconds()) for name, _, at, moment in counters},
    )


def not_alive(connection: Connection, part: str, host: str, stale_seconds: float) -> str | None:
    """Return why a part (worker, rescuer or watcher) of ``host`` does not seem to live; None when it does.

    A worker has shown itself within ``stale_seconds``; so has a watcher, and its canaries came through in time. The
    rescuer counts its runs; two may be started, and one at a time runs. Raises KeyError for another part.
    """
    return _SIGNS[part](connection, host, stale_seconds)


def _no_worker(connection: Connection, host: str, stale_seconds: float) -> str | None:
    mine = Worker.name.startswith(f"{host}:", autoescape=True)
    seen = connection.scalar(select(func.count()).where(mine, Worker.seen_at >= now(-stale_seconds)))
    return None if seen else f"no worker of {host} showed itself within {stale_seconds:.0f} s"


def _no_watcher(connection: Connection, host: str, stale_seconds: float) -> str | None:
    alive = and_(Watcher.host == host, Watcher.seen_at >= now(-stale_seconds))
    blind = and_(Watcher.canary_by.is_not(None), Watcher.canary_by < now())
    seen, unseeing = connection.execute(select(func.count(), func.sum(case((blind, 1), else_=0))).where(alive)).one()
    if not seen:
        return f"no watcher of {host} showed itself within {stale_seconds:.0f} s"
    return f"{unseeing} of {seen} watched folders: alive, but blind" if unseeing else None


def _no_rescuer(connection: Connection, _: str, stale_seconds: float) -> str | None:
    looked = select(func.count()).where(Count.name == RESCUER_RUNS, Count.counted_at >= now(-stale_seconds))
    return None if connection.scalar(looked) else f"the rescuer did not look at the ledger within {stale_seconds:.0f} s"


_SIGNS = {"worker": _no_worker, "watcher": _no_watcher, "rescuer": _no_rescuer}


def silent_seconds(connection: Connection, part: str, host: str, pid: int) -> float | None:
    """Return the seconds since the process ``pid`` of ``host`` last showed itself as a part (worker, rescuer or watcher).

    None if it never did. Rescuers share one sign: of two, the age is that of the last run of either. Raises KeyError for another
    part.
    """
    seen = {
        "worker": select(func.max(Worker.seen_at)).where(Worker.name.startswith(f"{host}:{pid}:", autoescape=True)),
        "watcher": select(func.min(Watcher.seen_at)).where(Watcher.name.startswith(f"{host}:{pid}:", autoescape=True)),
        "rescuer": select(func.max(Count.counted_at)).where(Count.name == RESCUER_RUNS),
    }[part]
    moment = connection.scalar(seen)
    return None if moment is None else (connection.execute(select(now())).scalar_one() - moment).total_seconds()


def _labelled(connection: Connection, columns: Sequence[Any], value: Any) -> tuple[Labelled, ...]:
    rows = connection.execute(select(*columns, value).group_by(*columns).order_by(*columns))
    return tuple(Labelled(tuple(map(str, labels)), float(number)) for *labels, number in rows)


def _oldest(connection: Connection) -> dict[str, float]:
    """Return how long the first of each queue could have been worked on: since it was queued, or since its next try was due."""
    since = func.coalesce(Stage.next_attempt_at, Stage.updated_at)
    query = select(Stage.queue, func.min(since), now()).where(DUE).group_by(Stage.queue)
    found = {queue: max(0.0, (moment - first).total_seconds()) for queue, first, moment in connection.execute(query)}
    return {queue: found.get(queue, 0.0) for queue in QUEUES}


class _Tried(Record, frozen=True):
    stage: str
    outcome: str
    code: str
    engine: str
    tries: int
    timed: int
    seconds: float
    cpu_seconds: float


def _attempts(connection: Connection) -> list[_Tried]:
    """Count all tries in one query; everything about them is summed up from it."""
    columns = (Stage.stage, Attempt.outcome, Attempt.code, Attempt.engine)
    totals = (func.count(), func.count(Attempt.seconds), func.sum(Attempt.seconds), func.sum(Attempt.cpu_seconds))
    query = select(*columns, *totals).join(Stage, Stage.id == Attempt.stage_id).group_by(*columns)
    return [
        _Tried(stage, outcome or "running", code or "", engine or "", tries, timed, float(seconds or 0), float(cpu or 0))
        for stage, outcome, code, engine, tries, timed, seconds, cpu in connection.execute(query)
    ]


def _summed(counted: Iterable[tuple[tuple[str, ...], int]]) -> tuple[Labelled, ...]:
    sums: Counter[tuple[str, ...]] = Counter()
    for labels, number in counted:
        sums[labels] += number
    return tuple(Labelled(labels, float(number)) for labels, number in sorted(sums.items()))


def _spent(tried: Sequence[_Tried]) -> tuple[SpentByStage, ...]:
    sums: dict[tuple[str, str], tuple[int, float, float]] = {}
    for one in tried:
        tries, seconds, cpu = sums.get((one.stage, one.engine), (0, 0.0, 0.0))
        sums[one.stage, one.engine] = tries + one.timed, seconds + one.seconds, cpu + one.cpu_seconds
    return tuple(SpentByStage(stage, engine, *numbers) for (stage, engine), numbers in sorted(sums.items()))
