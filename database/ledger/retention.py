"""What stages made of a document is deleted some time after it was accepted: it can be made again from the original."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, exists, func, select, update

from codebook.records import Status
from codebook.stages import StageName
from database.clock import now
from database.models import Document, Output

_MADE_AGAIN = (StageName.EXTRACT, StageName.PARSE)
_DAY = 86_400.0


def is_kept() -> ColumnElement[bool]:
    """The condition that an output still has its content."""
    return func.length(Output.body) > 0


def drop_outputs(connection: Connection, days: float, most: int) -> int:
    """Delete what extraction and parsing made of documents that were accepted more than ``days`` ago. Return how many these are,
    ``most`` at most.

    The rows stay, without content, to say that the stages were done. Documents with pages that were read as pictures keep all:
    reading them again takes long. Who starts a document again meanwhile waits, and then finds that it begins with extraction.
    """
    mine = select(Output.document_id).where(Output.document_id == Document.id)
    full = exists(mine.where(Output.stage.in_(_MADE_AGAIN), is_kept()))
    has_pictures = exists(mine.where(Output.stage == StageName.OCR))
    old = (
        select(Document.id)
        .where(Document.status == Status.ACCEPTED, Document.finished_at < now(-_DAY * days), full, ~has_pictures)
        .order_by(Document.id)
        .limit(most)
        .with_for_update(skip_locked=True, of=Document)
    )
    ids = list(connection.scalars(old))
    if ids:
        dropped = update(Output).where(Output.document_id.in_(ids), Output.stage.in_(_MADE_AGAIN))
        connection.execute(dropped.values(body=b""))
    return len(ids)
