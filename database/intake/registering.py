"""Registering what came in: many arrivals in one transaction, decided by the unique content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from codebook.errors import CODES
from codebook.records import Status
from codebook.stages import FIRST, REGISTER, STAGES
from database.clock import now
from database.ledger import Arrival, Queued, Registered, reserve_turns
from database.models import Batch, Document, Failure, FailureState, Source, Stage, StageState
from database.sql import chunks, insert_into, storable


def register(connection: Connection, batch: str, arrivals: Sequence[Arrival]) -> list[Registered]:
    """Register arrivals under the batch ``batch`` (made when it is new). One result per arrival, in their order.

    A content is one document; the database decides races. Each path of it is one source row,
    the first the origin, all others duplicates. A new document gets its first stage; one with a ``rejection`` gets its
    status and a failure instead. Call it in a durable transaction, and notify only after the commit.
    """
    if not arrivals:
        return []
    batch_id = batch_id_of(connection, batch, max(a.priority for a in arrivals))
    first: dict[str, Arrival] = {}
    for arrival in arrivals:
        first.setdefault(arrival.sha256, arrival)
    new = _insert_documents(connection, batch_id, first)
    documents = new | _known(connection, [sha for sha in first if sha not in new])
    fresh = _insert_sources(connection, batch_id, arrivals, documents, {sha: first[sha].path for sha in new})
    in_order = [(new[sha], arrival) for sha, arrival in first.items() if sha in new]
    stages = _insert_stages(connection, batch_id, [(i, arrival) for i, arrival in in_order if arrival.rejection is None])
    _insert_failures(connection, [(i, arrival) for i, arrival in in_order if arrival.rejection is not None])
    results, origins, seen = [], set(new), set(fresh)
    for arrival in arrivals:
        document_id = documents[arrival.sha256]
        origin = arrival.sha256 in origins
        origins.discard(arrival.sha256)
        source = (document_id, _path_key(arrival.path))
        results.append(Registered(document_id, stages.get(document_id) if origin else None, not origin, source in seen))
        seen.discard(source)
    return results


def is_known(connection: Connection, sha256: str) -> bool:
    """Return whether a content was registered before."""
    return connection.scalar(select(Document.id).where(Document.sha256 == sha256)) is not None


def to_notify(registered: Sequence[Registered]) -> list[Queued]:
    """Return what is to be notified after the commit."""
    due = [(one.stage_id, one.document_id) for one in registered if one.stage_id is not None]
    return [Queued(stage_id, FIRST, STAGES[FIRST].queue, document_id) for stage_id, document_id in due]


def batch_id_of(connection: Connection, name: str, priority: int = 0) -> int:
    """Return the number of a batch, which is made when it is new."""
    known = select(Batch.id).where(Batch.name == name)
    found = connection.scalar(known)
    if found is None:
        row = {"name": name, "priority": priority, "created_at": now()}
        connection.execute(insert_into(connection, Batch).values(row).on_conflict_do_nothing(index_elements=["name"]))
        found = connection.execute(known).scalar_one()
    return found


def _insert_documents(connection: Connection, batch_id: int, first: dict[str, Arrival]) -> dict[str, int]:
    # Sorted, so that two who register the same contents at once wait for each other in the same order instead of blocking
    # crosswise.
    statement = (
        insert_into(connection, Document)
        .on_conflict_do_nothing(index_elements=["sha256"])
        .values(registered_at=now())
        .returning(Document.id, Document.sha256)
    )
    rows = [
        {
            "sha256": sha,
            "media_type": first[sha].media_type,
            "size": first[sha].size,
            "batch_id": batch_id,
            "status": _status(first[sha]),
            "run": 1,
        }
        for sha in sorted(first)
    ]
    return {sha: document for part in chunks(rows) for document, sha in connection.execute(statement, list(part))}


def _status(arrival: Arrival) -> str:
    return CODES[arrival.rejection[0]].status if arrival.rejection else Status.PROCESSING


def _known(connection: Connection, contents: Sequence[str]) -> dict[str, int]:
    return {
        sha: document
        for part in chunks(contents)
        for document, sha in connection.execute(select(Document.id, Document.sha256).where(Document.sha256.in_(part)))
    }


def _insert_sources(
    connection: Connection, batch_id: int, arrivals: Sequence[Arrival], documents: dict[str, int], origins: dict[str, str]
) -> list[tuple[int, str]]:
    """Insert the sources that are new. Return their (document, path key)."""
    statement = (
        insert_into(connection, Source)
        .on_conflict_do_nothing(index_elements=["document_id", "path_key"])
        .values(seen_at=now())
        .returning(Source.document_id, Source.path_key)
    )
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    for arrival in arrivals:
        document_id, key = documents[arrival.sha256], _path_key(arrival.path)
        rows.setdefault(
            (document_id, key),
            {
                "document_id": document_id,
                "batch_id": batch_id,
                "path": storable(arrival.path),
                "path_key": key,
                "duplicate": origins.get(arrival.sha256) != arrival.path,
                "dated_at": arrival.dated_at,
                "hints": msgspec.to_builtins(
                    msgspec.structs.replace(arrival.hints, path=storable(arrival.hints.path or arrival.path))
                ),
            },
        )
    return [
        (document, key) for part in chunks(list(rows.values())) for document, key in connection.execute(statement, list(part))
    ]


def _path_key(path: str) -> str:
    # surrogateescape: file names of old systems need not be UTF-8.
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()


def _insert_stages(connection: Connection, batch_id: int, new: Sequence[tuple[int, Arrival]]) -> dict[int, int]:
    if not new:
        return {}
    before = reserve_turns(connection, batch_id, max(arrival.priority for _, arrival in new), len(new))
    statement = insert(Stage).values(created_at=now(), updated_at=now()).returning(Stage.id, Stage.document_id)
    rows = [
        {
            "document_id": document_id,
            "run": 1,
            "stage": FIRST,
            "page": 0,
            "state": StageState.QUEUED,
            "queue": STAGES[FIRST].queue,
            "priority": arrival.priority,
            "turn": turn,
        }
        for turn, (document_id, arrival) in enumerate(new, before + 1)
    ]
    return {document: stage for part in chunks(rows) for stage, document in connection.execute(statement, list(part))}


def _insert_failures(connection: Connection, refused: Sequence[tuple[int, Arrival]]) -> None:
    rows = [
        {
            "document_id": document_id,
            "stage": REGISTER,
            "page": 0,
            "code": arrival.rejection[0],
            "message": storable(arrival.rejection[1]),
            "attempts": 1,
            "versions": {},
            "state": FailureState.OPEN,
        }
        for document_id, arrival in refused
        if arrival.rejection
    ]
    for part in chunks(rows):
        connection.execute(insert(Failure).values(created_at=now()), list(part))
    for part_ids in chunks(sorted(document_id for document_id, _ in refused)):
        connection.execute(update(Document).where(Document.id.in_(part_ids)).values(finished_at=now()))
