"""Batches take turns: the places of documents in the line, given out when they are registered.

Work is taken by priority, then by ``turn``. A batch's documents get consecutive turns, beginning where the line stands at that
moment, so that a new batch is served beside the one that is at work, document by document, and not after it (start-time fair
queueing: Goyal, Vin and Cheng, 1996).
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, case, func, literal_column, select, update

from database.ledger.records import DOCUMENTS, OCR
from database.models import Batch, Stage, StageState

# Written out as in the condition of its index: SQLite does not use it for a bound value.
_OPEN = Stage.state.in_([literal_column(f"'{state}'") for state in (StageState.QUEUED, StageState.WAITING)])
_FIRST = (
    select(Stage.turn)
    .where(_OPEN, Stage.queue == bindparam("b_queue"), Stage.priority == bindparam("b_priority"))
    .order_by(Stage.turn)
    .limit(1)
)


def virtual_time(connection: Connection, priority: int) -> int:
    """The turn that is served now among work of this priority; the last that was given out when nothing waits."""
    asked = [{"b_queue": queue, "b_priority": priority} for queue in (DOCUMENTS, OCR)]
    waiting = [turn for one in asked if (turn := connection.scalar(_FIRST, one)) is not None]
    return min(waiting) if waiting else connection.scalar(select(func.max(Batch.turn))) or 0


def reserve_turns(connection: Connection, batch_id: int, priority: int, count: int) -> int:
    """Take ``count`` turns for a batch; gives the one before the first of them. Holds the batch's row until the commit."""
    line = virtual_time(connection, priority)
    begun = case((Batch.turn > line, Batch.turn), else_=line)
    taken = update(Batch).where(Batch.id == batch_id).values(turn=begun + count).returning(Batch.turn)
    return connection.execute(taken).scalar_one() - count
