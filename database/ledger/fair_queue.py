"""Fair queueing of batches: turns, reserved for documents when they are registered.

Work is taken by priority, then by ``turn``. A batch's documents get consecutive turns, beginning at the virtual time of that
moment, so that a new batch is served in alternation with the batch at work, document by document, and not after it (start-time
fair queueing: Goyal, Vin and Cheng, 1996).
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, case, func, select, update

from codebook.stages import QUEUES, RETRY
from database.ledger.conditions import OPEN
from database.models import Batch, Stage

_FIRST = (
    select(Stage.turn)
    .where(OPEN, Stage.queue == bindparam("b_queue"), Stage.priority == bindparam("b_priority"))
    .order_by(Stage.turn)
    .limit(1)
)


def virtual_time(connection: Connection, priority: int) -> int:
    """Return the turn that is served now among work of this priority; the last reserved turn when nothing waits."""
    queues = [{"b_queue": queue, "b_priority": priority} for queue in QUEUES if queue != RETRY]
    waiting = [turn for values in queues if (turn := connection.scalar(_FIRST, values)) is not None]
    return min(waiting) if waiting else connection.scalar(select(func.max(Batch.turn))) or 0


def reserve_turns(connection: Connection, batch_id: int, priority: int, count: int) -> int:
    """Reserve ``count`` turns for a batch. Return the one before the first of them. Locks the batch's row until the commit."""
    present = virtual_time(connection, priority)
    start = case((Batch.turn > present, Batch.turn), else_=present)
    reserved = update(Batch).where(Batch.id == batch_id).values(turn=start + count).returning(Batch.turn)
    return connection.execute(reserved).scalar_one() - count
