"""The audit trail: who did what, when, to how many, and why. It is written in the transaction of the act itself.

The entries are a hash chain: each carries the SHA-256 of itself and of the digest of the entry before. To change, remove or
insert a row one has to write all later rows and the head again; :func:`verify` finds the first row that does not fit. The chain
does not protect against somebody who writes all of them: keep the digest of the head elsewhere from time to time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from codebook.records import Record
from database.clock import now
from database.models import Audit, AuditHead

_NAMED = 1000  # documents that an entry names; of more it holds the number
GENESIS = "0" * 64
"""The digest before the first entry."""
_HEAD = 1
_ROWS = 2000  # entries that are read at a time


class AuditItem(Record, frozen=True):
    """One entry of the trail. ``count`` is to how many documents (or users) it was done, ``subject`` a name where it was one,
    ``documents`` the first of the documents.
    """

    id: int
    at: datetime
    who: str
    action: str
    count: int | None
    reason: str
    subject: str
    detail: dict[str, Any]
    documents: tuple[int, ...] = ()

    @property
    def by_command(self) -> bool:
        """Whether it was done at the command line: the signature is then that of the operating system."""
        return self.who.startswith("uid=")


class ChainFault(StrEnum):
    """What is wrong with a row of the chain."""

    CHANGED = "changed"
    REMOVED = "removed"  # rows before it, or at the end
    INSERTED = "inserted"


class ChainReport(Record, frozen=True):
    """What verifying the chain found. ``row`` is the first row that does not fit (for removed rows: the last one that is left
    before the gap, 0 at the beginning), ``head`` the digest of the last entry; ``contains``: whether a given digest was found.
    """

    entries: int
    head: str
    fault: ChainFault | None = None
    row: int | None = None
    contains: bool | None = None


def note(
    connection: Connection,
    action: str,
    who: str,
    *,
    reason: str = "",
    documents: Sequence[int] | None = None,
    subject: str = "",
    **detail: Any,
) -> None:
    """Write an entry, in the transaction that ``connection`` is in. ``action`` is a short word of at most 40 characters, such
    as ``reprocess`` or ``user.role``; further ``detail`` must be what JSON can hold.

    Writers wait for each other from here to the end of their transactions.
    """
    found: dict[str, Any] = {**detail, "reason": reason}
    if documents is not None:
        found |= {"count": len(documents), "documents": list(documents[:_NAMED])}
    if subject:
        found["subject"] = subject
    found = json.loads(json.dumps(found))  # as it will be read again
    previous = _lock_head(connection)
    at = connection.execute(select(now())).scalar_one()
    digest = digest_of(previous, at, who, action, found)
    row = {"at": at, "who": who, "action": action, "detail": found, "previous": previous, "digest": digest}
    connection.execute(insert(Audit).values(**row))
    connection.execute(update(AuditHead).where(AuditHead.id == _HEAD).values(digest=digest, entries=AuditHead.entries + 1))


def digest_of(previous: str, at: datetime, who: str, action: str, detail: dict[str, Any]) -> str:
    """The digest of an entry: SHA-256 of its fields and the digest before, as JSON with sorted keys. ``at`` counts in UTC with
    microseconds.
    """
    fields = [previous, at.astimezone(UTC).isoformat(timespec="microseconds"), who, action, detail]
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _lock_head(connection: Connection) -> str:
    """Lock the end of the chain until the transaction ends. Return the digest of the last entry."""
    made = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    first = made(AuditHead).values(id=_HEAD, digest=GENESIS, entries=0).on_conflict_do_nothing(index_elements=["id"])
    query = select(AuditHead.digest).where(AuditHead.id == _HEAD).with_for_update()
    digest = connection.scalar(query)
    if digest is None:
        connection.execute(first)
        digest = connection.execute(query).scalar_one()
    return digest


def verify(connection: Connection, contains: str | None = None) -> ChainReport:
    """Check the chain from its beginning. ``contains`` is the digest of an earlier head, which must be in it.

    The first row that does not fit is reported; what is behind it is not looked at.
    """
    rows: dict[str, int] = {GENESIS: 0}  # digest of each entry: its row
    last = GENESIS
    for number, at, who, action, detail, previous, digest in _entries(connection):
        if digest is None or previous is None:
            return ChainReport(len(rows) - 1, last, ChainFault.INSERTED, number)
        if digest_of(previous, at, who, action, detail) != digest:
            return ChainReport(len(rows) - 1, last, ChainFault.CHANGED, number)
        if previous != last:
            return _gap(rows, last, previous)
        last = digest
        rows[digest] = number
    ended = connection.scalar(select(AuditHead.digest).where(AuditHead.id == _HEAD)) or GENESIS
    if ended != last:
        return _gap(rows, last, ended)
    return ChainReport(len(rows) - 1, last, contains=None if contains is None else contains in rows)


def _gap(rows: dict[str, int], last: str, wanted: str) -> ChainReport:
    """Return what is wrong where the next entry (or the head) follows ``wanted`` instead of ``last``. If that is an earlier
    entry, those between are not of the chain; else entries are absent here.
    """
    if wanted in rows:
        inserted = min(number for number in rows.values() if number > rows[wanted])
        return ChainReport(len(rows) - 1, last, ChainFault.INSERTED, inserted)
    return ChainReport(len(rows) - 1, last, ChainFault.REMOVED, rows[last])


def _entries(connection: Connection) -> Iterator[Any]:
    """All entries in the order in which they were written."""
    fields = (Audit.id, Audit.at, Audit.who, Audit.action, Audit.detail, Audit.previous, Audit.digest)
    last = 0
    while rows := connection.execute(select(*fields).where(Audit.id > last).order_by(Audit.id).limit(_ROWS)).all():
        yield from rows
        last = rows[-1].id


def trail(
    connection: Connection, *, who: str | None = None, action: str | None = None, before: int | None = None, limit: int = 50
) -> list[AuditItem]:
    """The newest entries (before the entry ``before``), of one person or one action if given."""
    query = select(Audit.id, Audit.at, Audit.who, Audit.action, Audit.detail).order_by(Audit.id.desc()).limit(limit)
    if who is not None:
        query = query.where(Audit.who == who)
    if action is not None:
        query = query.where(Audit.action == action)
    if before is not None:
        query = query.where(Audit.id < before)
    return [_item(*row) for row in connection.execute(query)]


def _item(number: int, at: datetime, who: str, action: str, detail: dict[str, Any]) -> AuditItem:
    rest = {key: value for key, value in detail.items() if key not in ("count", "reason", "subject", "documents")}
    subject, documents = detail.get("subject", ""), tuple(detail.get("documents") or ())
    return AuditItem(number, at, who, action, detail.get("count"), detail.get("reason") or "", subject, rest, documents)
