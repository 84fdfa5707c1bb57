"""Readmission: files that were refused at registration come in again and can be taken now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select, update

from codebook.records import Status
from codebook.stages import FIRST, REGISTER
from database.ledger import Arrival, Selection, discard, reprocess
from database.models import Document, Failure, FailureState
from database.sql import chunks

WHO = "gongkai"


def readmit(connection: Connection, arrivals: Mapping[int, Arrival]) -> list[int]:
    """Start those of the known documents that were refused when they were registered (above the limit of that time, of a type
    that is known by now). Return their ids. ``arrivals`` holds, by document, arrivals that were admitted.
    """
    refused = (
        select(Failure.document_id)
        .join(Document, Document.id == Failure.document_id)
        .where(
            Failure.document_id.in_(list(arrivals)),
            Failure.stage == REGISTER,
            Failure.state == FailureState.OPEN,
            Document.status.in_((Status.REJECTED, Status.FAILED)),
        )
        .distinct()
    )
    ids = list(connection.scalars(refused))
    for document_id in ids:
        arrival = arrivals[document_id]
        values = {"media_type": arrival.media_type, "size": arrival.size}
        connection.execute(update(Document).where(Document.id == document_id).values(values))
    if ids:
        again = Selection(documents=tuple(ids))
        reprocess(connection, again, FIRST, who=WHO, reason="came in again and was admitted")
    return ids


def replace_stand_ins(connection: Connection, contents: Sequence[str]) -> int:
    """Discard the documents with these hashes: they stood in for files that could not be read and have come in whole now."""
    absent = select(Document.id).where(Document.sha256.in_(list(contents)), Document.status.in_((Status.FAILED, Status.REJECTED)))
    ids = tuple(connection.scalars(absent))
    if not ids:
        return 0
    return discard(connection, Selection(documents=ids), who=WHO, reason="the file came in whole later")


def replace_unpacked(connection: Connection, contents: Sequence[str]) -> int:
    """Discard the documents with these hashes that were refused when they were registered: archives and summaries whose members
    have come in by now.
    """
    ids: list[int] = []
    for part in chunks(sorted(set(contents))):
        refused = (
            select(Document.id)
            .join(Failure, Failure.document_id == Document.id)
            .where(
                Document.sha256.in_(part),
                Failure.stage == REGISTER,
                Failure.state == FailureState.OPEN,
                Document.status.in_((Status.REJECTED, Status.FAILED)),
            )
            .distinct()
        )
        ids += connection.scalars(refused)
    if not ids:
        return 0
    return discard(connection, Selection(documents=tuple(ids)), who=WHO, reason="came in again and was unpacked")
