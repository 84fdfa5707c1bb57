"""The audit trail: who did what, when, to how many, and why. It is written in the transaction of the act itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from codebook.records import Record
from database.clock import now
from database.models import Audit

_NAMED = 1000  # documents that an entry names; of more it tells the number


class AuditItem(Record, frozen=True):
    """One entry of the trail. ``count`` is to how many documents (or users) it was done, ``subject`` a name where it was one."""

    id: int
    at: datetime
    who: str
    action: str
    count: int | None
    reason: str
    subject: str
    detail: dict[str, Any]


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
    """
    found: dict[str, Any] = {**detail, "reason": reason}
    if documents is not None:
        found |= {"count": len(documents), "documents": list(documents[:_NAMED])}
    if subject:
        found["subject"] = subject
    connection.execute(insert(Audit).values(at=now(), who=who, action=action, detail=found))


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
    return AuditItem(number, at, who, action, detail.get("count"), detail.get("reason") or "", detail.get("subject", ""), rest)
