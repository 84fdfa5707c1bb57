"""Sums of tries by batch, so that nobody has to count all tries of a batch again: gk_batch_spent.

Workers do not write them. The rescuer adds what has ended, some thousand tries at a time and in the order of their ends; the row
of gk_spent_until says how far it is. What ended later, or goes on, is counted when somebody asks (database.ledger.throughput).

A try whose transaction commits late must not be passed over. PostgreSQL: a moment may be reached when every transaction that was
open at that moment is over; a try's transaction has its number from the statement that ends the try. SQLite: there is
one writer at a time, and this is it. The seconds before are left out, for clocks that are set back a little.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, text, union_all, update

from codebook.records import Record
from database.clock import now
from database.ledger.conditions import RUNNING
from database.models import Attempt, BatchSpent, Document, SpentUntil, Stage
from database.sql import insert_into

PIECE = 10_000
"""Most tries that are added in one transaction; more only where they ended at the same moment."""
_SECONDS_BEFORE = 30.0
_NAMES = ("media_type", "stage", "engine")
_COLUMNS = ("tries", "done", "failed", "seconds", "cpu_seconds", "began", "ended")
# The oldest transaction that is open, and this one, whose number is higher than those of all that are open.
_XIDS = text("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_current_xact_id()::text::bigint")

is_done = Attempt.outcome == "done"
is_failed = and_(Attempt.outcome.is_not(None), Attempt.outcome.not_in(("done", "released", "discarded")))


class TriedSum(Record, frozen=True):
    """What tries at a stage took, of documents of one type, with one engine (empty: none). Seconds are sums; ``began`` is the
    first beginning, ``ended`` the last end.
    """

    media_type: str
    stage: str
    engine: str
    tries: int
    done: int
    failed: int
    seconds: float
    cpu_seconds: float
    began: datetime | None
    ended: datetime | None

    def __add__(self, other: TriedSum) -> TriedSum:
        """Return both together, under the names of this one."""
        began = min((each.began for each in (self, other) if each.began), default=None)
        ended = max((each.ended for each in (self, other) if each.ended), default=None)
        return TriedSum(
            self.media_type,
            self.stage,
            self.engine,
            self.tries + other.tries,
            self.done + other.done,
            self.failed + other.failed,
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            began,
            ended,
        )


_KEYS: tuple[Any, ...] = (Document.media_type, Stage.stage, func.coalesce(Attempt.engine, "").label("engine"))
_TOTALS: tuple[Any, ...] = (
    func.count(),
    func.count().filter(is_done),
    func.count().filter(is_failed),
    func.coalesce(func.sum(Attempt.seconds), 0.0),
    func.coalesce(func.sum(Attempt.cpu_seconds), 0.0),
    func.min(Attempt.started_at),
    func.max(Attempt.ended_at),
)

_GOES_ON = (RUNNING, Attempt.fence == Stage.fence, Attempt.ended_at.is_(None))


def of_batch(connection: Connection, batch: int) -> list[TriedSum]:
    """Return what the tries of the documents that were first found in ``batch`` took, until now: of all runs."""
    while True:
        until = connection.scalar(select(SpentUntil.until))
        mine = Document.batch_id == batch
        if until is None:
            found = [_read(row) for row in connection.execute(_tried(mine))]
        else:
            later = union_all(_tried(mine, Attempt.ended_at > until), _tried(mine, *_GOES_ON))
            found = [_read(row) for row in connection.execute(later)]
        kept = [_read(row) for row in connection.execute(_kept().where(BatchSpent.batch_id == batch))]
        # What was summed up between these statements is in both, or in none of them.
        if connection.scalar(select(SpentUntil.until)) == until:
            return together(found + kept, *_NAMES)


def _read(row: Any) -> TriedSum:
    media_type, stage, engine, tries, done, failed, seconds, cpu_seconds, began, ended = row
    return TriedSum(
        media_type, stage, engine, int(tries), int(done), int(failed), float(seconds), float(cpu_seconds), began, ended
    )


def together(sums: Iterable[TriedSum], *keys: str) -> list[TriedSum]:
    """Return one sum for all that have the same values of the fields ``keys``."""
    found: dict[tuple[str, ...], TriedSum] = {}
    for one in sums:
        key = tuple(getattr(one, name) for name in keys)
        found[key] = found[key] + one if key in found else one
    return list(found.values())


def _tried(*conditions: ColumnElement[bool]) -> Select[Any]:
    joined: Select[Any] = select(*_KEYS, *_TOTALS).join(Stage, Stage.id == Attempt.stage_id)
    return joined.join(Document, Document.id == Stage.document_id).where(*conditions).group_by(*_KEYS)


def _kept() -> Select[Any]:
    return select(*(getattr(BatchSpent, name) for name in (*_NAMES, *_COLUMNS)))


def add_ended(connection: Connection, piece: int = PIECE) -> int:
    """Add some of the tries that ended since the last call to the sums. Return how many: 0 when there are none for now.

    Call it in a transaction of its own. One at a time does it; others wait.
    """
    mark = _lock_mark(connection)
    upto, xid = _reach(connection, mark)
    if upto is None or (mark.until is not None and upto <= mark.until):
        return 0
    ended = [Attempt.ended_at.is_not(None), Attempt.ended_at <= upto]
    if mark.until is not None:
        ended.append(Attempt.ended_at > mark.until)
    in_order = select(Attempt.ended_at).where(*ended).order_by(Attempt.ended_at)
    last = connection.scalar(in_order.offset(piece - 1).limit(1))
    until = upto if last is None else last
    grouped = _tried(*ended, Attempt.ended_at <= until).add_columns(Document.batch_id).group_by(Document.batch_id)
    sums: dict[int, list[TriedSum]] = {}
    for *numbers, batch in connection.execute(grouped).all():
        sums.setdefault(batch, []).append(_read(numbers))
    for batch, of_it in sums.items():
        _add(connection, batch, of_it)
    goes_on = {"next_until": upto, "next_xid": xid} if last is not None else {"next_until": None, "next_xid": None}
    connection.execute(update(SpentUntil).values(until=until, **goes_on))
    return sum(one.tries for of_it in sums.values() for one in of_it)


def _lock_mark(connection: Connection) -> Any:
    made = insert_into(connection, SpentUntil).values(id=1)
    connection.execute(made.on_conflict_do_nothing())
    columns = (SpentUntil.until, SpentUntil.next_until, SpentUntil.next_xid)
    return connection.execute(select(*columns).with_for_update()).one()


def _reach(connection: Connection, mark: Any) -> tuple[datetime | None, int | None]:
    """Return up to which moment all that ended is visible (None: not known yet), and by which number of a transaction."""
    before = connection.execute(select(now(-_SECONDS_BEFORE))).scalar_one()
    if connection.dialect.name != "postgresql":
        return before, None
    oldest, own = connection.execute(_XIDS).one()
    if mark.next_xid is None:
        connection.execute(update(SpentUntil).values(next_until=before, next_xid=own))
        return None, None
    # A restored copy may count transactions from a lower number.
    if oldest < mark.next_xid <= own:
        return None, None
    if mark.until is not None and mark.next_until <= mark.until:  # the clock was set back
        connection.execute(update(SpentUntil).values(next_xid=None))
    return mark.next_until, mark.next_xid


def _add(connection: Connection, batch: int, sums: list[TriedSum]) -> None:
    kept = [_read(row) for row in connection.execute(_kept().where(BatchSpent.batch_id == batch))]
    for one in together(kept + sums, *_NAMES):
        keys = {"batch_id": batch} | {name: getattr(one, name) for name in _NAMES}
        values = {name: getattr(one, name) for name in _COLUMNS}
        statement = insert_into(connection, BatchSpent).values(**keys, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=values))


def change_outcome(connection: Connection, stage_id: int, fence: int, outcome: str) -> None:
    """Give a try that is over another outcome, in the sums too."""
    until = _lock_mark(connection).until
    this_try = (Attempt.stage_id == stage_id, Attempt.fence == fence)
    before = _one_try(connection, this_try)
    connection.execute(update(Attempt).where(*this_try).values(outcome=outcome))
    after = _one_try(connection, this_try)
    if until is None or before["ended_at"] is None or before["ended_at"] > until:
        return
    of_it = [getattr(BatchSpent, name) == before[name] for name in ("batch_id", *_NAMES)]
    done, failed = (int(after[name]) - int(before[name]) for name in ("done", "failed"))
    connection.execute(update(BatchSpent).where(*of_it).values(done=BatchSpent.done + done, failed=BatchSpent.failed + failed))


def _one_try(connection: Connection, this_try: tuple[ColumnElement[bool], ...]) -> Mapping[Any, Any]:
    columns = (Document.batch_id, *_KEYS, Attempt.ended_at, is_done.label("done"), is_failed.label("failed"))
    query = select(*columns).join(Stage, Stage.id == Attempt.stage_id).join(Document, Document.id == Stage.document_id)
    return connection.execute(query.where(*this_try)).mappings().one()
