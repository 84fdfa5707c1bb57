"""What the operators' pages list: batches, documents, the error queue. Nothing here writes; answers are frozen records.

Long lists are read by the last key of the page before (never by an offset), so that each page costs the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from codebook.records import Record, Status
from database.models import Batch, Document, Source


class BatchLine(Record, frozen=True):
    """A batch in a list. ``statuses`` are those of the documents that came in with it first; ``sources`` has duplicates too."""

    id: int
    name: str
    created_at: datetime
    sources: int
    statuses: dict[str, int]

    @property
    def documents(self) -> int:
        """Documents that came in with this batch first."""
        return sum(self.statuses.values())

    @property
    def open(self) -> int:
        """Documents that are still being processed."""
        return self.statuses.get(Status.PROCESSING, 0)


def batch_lines(connection: Connection, before: int | None = None, limit: int = 50) -> list[BatchLine]:
    """The newest batches, before the batch ``before`` if given."""
    query = select(Batch.id, Batch.name, Batch.created_at).order_by(Batch.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Batch.id < before)
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    statuses = _statuses(connection, ids)
    counted = select(Source.batch_id, func.count()).where(Source.batch_id.in_(ids)).group_by(Source.batch_id)
    sources = {row[0]: row[1] for row in connection.execute(counted)}
    return [BatchLine(*row, sources.get(row.id, 0), statuses.get(row.id, {})) for row in rows]


def _statuses(connection: Connection, batches: Sequence[int]) -> dict[int, dict[str, int]]:
    query = (
        select(Document.batch_id, Document.status, func.count())
        .where(Document.batch_id.in_(batches))
        .group_by(Document.batch_id, Document.status)
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for batch, status, count in connection.execute(query):
        found[batch][status] = count
    return found
