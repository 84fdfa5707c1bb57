"""Contents that were refused when they were registered, and what becomes of them when they are read again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, update

from codebook.errors import CODES
from codebook.records import Hints, Record
from codebook.stages import REGISTER
from database.clock import now
from database.ledger import Selection, discard
from database.models import Batch, Document, Failure, FailureState, Source
from database.sql import chunks, storable


class RefusedDocument(Record, frozen=True):
    """A document that was refused at registration and is so still, with its first source: path, batch, and what was known."""

    document_id: int
    sha256: str
    path: str
    batch: str
    hints: Hints


def refusals(connection: Connection, documents: Sequence[int]) -> list[RefusedDocument]:
    """Return those of ``documents`` that were refused when they were registered and are so still, by batch and number."""
    found: list[RefusedDocument] = []
    for part in chunks(sorted(set(documents))):
        open_refusal = select(Failure.document_id).where(
            Failure.document_id.in_(part), Failure.stage == REGISTER, Failure.state == FailureState.OPEN
        )
        first = select(func.min(Source.id)).where(Source.document_id.in_(open_refusal)).group_by(Source.document_id)
        query = (
            select(Document.id, Document.sha256, Source.path, Batch.name, Source.hints)
            .join(Source, Source.document_id == Document.id)
            .join(Batch, Batch.id == Source.batch_id)
            .where(Source.id.in_(first))
        )
        found += [
            RefusedDocument(number, sha256, path, batch, msgspec.convert(hints, Hints))
            for number, sha256, path, batch, hints in connection.execute(query)
        ]
    return sorted(found, key=lambda one: (one.batch, one.document_id))


def refuse_again(connection: Connection, document: int, media_type: str, rejection: tuple[str, str]) -> None:
    """Record that a refused content was read again and refused again, which may be for another reason than before."""
    code, message = rejection
    failure = (
        update(Failure)
        .where(Failure.document_id == document, Failure.stage == REGISTER, Failure.state == FailureState.OPEN)
        .values(code=code, message=storable(message), attempts=Failure.attempts + 1)
    )
    connection.execute(failure)
    values: dict[str, Any] = {"status": CODES[code].status, "media_type": media_type, "finished_at": now()}
    connection.execute(update(Document).where(Document.id == document).values(values))


def replace_by_members(connection: Connection, document: int, members: int, who: str) -> None:
    """Discard the document of an archive that was refused before: now its ``members`` files came in."""
    discard(connection, Selection(documents=(document,)), who=who, reason=f"unpacked: {members} files came in")
