"""Who reviews what: leases of single documents, so that two people are never sent to the same doubt, and shares that were handed
out.

A lease holds in database time. It is renewed while its page is open, ended when the person goes on or leaves, and runs out
otherwise. It hands out work and protects nothing: what is decided is protected by :mod:`database.reports.corrections`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, delete, exists, false, func, insert, not_, or_, select, true

from codebook.records import Record
from database.access import region_prefix
from database.clock import now
from database.models import Batch, Document, ReportRow, ReviewLease, ReviewShare, Source, User
from database.sql import insert_into
from database.users.audit import note

LEASE_SECONDS = 120.0
"""How long a document stays with a person without a sign of life of their page."""


class Held(Record, frozen=True):
    """A lease that has not run out. ``taken_from`` is from whom it was taken over."""

    who: str
    taken_at: datetime
    taken_from: str | None


class Share(Record, frozen=True):
    """A part of the review that was handed out: of a batch, a region (the beginning of its code), or both."""

    id: int
    who: str
    batch_id: int | None
    batch: str | None
    region_code: str | None
    made_by: str
    made_at: datetime


# ---- leases ---------------------------------------------------------------------------------------------------------------


def take(connection: Connection, document: int, who: str, *, seconds: float = LEASE_SECONDS) -> bool:
    """Take a document that nobody else has, or renew the lease that ``who`` has. Return whether it is theirs now.

    One statement: of two who take it at once, one has it.
    """
    mine = ReviewLease.who == who
    made = _lease(connection, document, who, seconds)
    taken = made.on_conflict_do_update(
        index_elements=["document_id"],
        set_={
            "who": made.excluded.who,
            "lease_until": made.excluded.lease_until,
            "taken_at": func.coalesce(_if(mine, ReviewLease.taken_at), made.excluded.taken_at),
            "taken_from": _if(mine, ReviewLease.taken_from),
        },
        where=or_(mine, ReviewLease.lease_until <= now()),
    )
    return connection.execute(taken.returning(ReviewLease.document_id)).first() is not None


def take_over(connection: Connection, document: int, who: str, *, seconds: float = LEASE_SECONDS) -> str | None:
    """Take a document, also from another person. Return from whom; None when nobody else had it. It is in the audit trail."""
    if take(connection, document, who, seconds=seconds):
        return None
    made = _lease(connection, document, who, seconds)
    taken = made.on_conflict_do_update(
        index_elements=["document_id"],
        set_={
            "who": made.excluded.who,
            "lease_until": made.excluded.lease_until,
            "taken_at": made.excluded.taken_at,
            "taken_from": func.nullif(ReviewLease.who, made.excluded.who),  # who has it now: of two who take it over, the first
        },
    )
    taken_from: str | None = connection.execute(taken.returning(ReviewLease.taken_from)).scalar_one()
    if taken_from is not None:
        note(connection, "review.take_over", who, documents=[document], subject=taken_from)
    return taken_from


def _lease(connection: Connection, document: int, who: str, seconds: float) -> Any:
    """The INSERT of a lease that begins now."""
    values = {"document_id": document, "who": who, "taken_at": now(), "lease_until": now(seconds), "taken_from": None}
    return insert_into(connection, ReviewLease).values(**values)


def holder(connection: Connection, document: int) -> Held | None:
    """Who has a document at the moment; None when nobody has."""
    columns = (ReviewLease.who, ReviewLease.taken_at, ReviewLease.taken_from)
    row = connection.execute(select(*columns).where(ReviewLease.document_id == document, ReviewLease.lease_until > now())).first()
    return Held(*row) if row is not None else None


def free(connection: Connection, document: int, who: str) -> None:
    """End the lease that ``who`` has of a document; nothing is done when it is another's."""
    connection.execute(delete(ReviewLease).where(ReviewLease.document_id == document, ReviewLease.who == who))


def _if(condition: ColumnElement[bool], column: Any) -> Any:
    return case((condition, column), else_=None)


def free_of_others(who: str) -> ColumnElement[bool]:
    """The condition that nobody but ``who`` has a document at the moment. For queries of Document."""
    others = (ReviewLease.document_id == Document.id, ReviewLease.who != who, ReviewLease.lease_until > now())
    return ~exists(select(ReviewLease.document_id).where(*others).correlate(Document))


# ---- shares ---------------------------------------------------------------------------------------------------------------


def shares(connection: Connection) -> list[Share]:
    """All parts that were handed out, by person."""
    share = ReviewShare
    columns: list[Any] = [share.id, share.who, share.batch_id, Batch.name, share.region_code, share.made_by, share.made_at]
    query = select(*columns).outerjoin(Batch, Batch.id == share.batch_id)
    return [Share(*row) for row in connection.execute(query.order_by(share.who, share.id))]


def hand_out(connection: Connection, to: str, *, batch: int | None, region: str | None, who: str) -> bool:
    """Hand a batch or a region (the beginning of its code), or what is of both, out to the user ``to``.

    Return False when there is no such user, or neither a batch nor a region.
    """
    if batch is None and not region:
        return False
    if connection.scalar(select(User.id).where(User.name == to, User.disabled_at.is_(None))) is None:
        return False
    values = {"who": to, "batch_id": batch, "region_code": region or None, "made_by": who, "made_at": now()}
    connection.execute(insert(ReviewShare).values(**values))
    name = connection.scalar(select(Batch.name).where(Batch.id == batch)) if batch is not None else None
    note(connection, "review.hand_out", who, subject=to, batch=name, region=region or None)
    return True


def take_back(connection: Connection, number: int, *, who: str) -> None:
    """End a share; its documents are everybody's again."""
    gone = connection.execute(delete(ReviewShare).where(ReviewShare.id == number).returning(ReviewShare.who)).first()
    if gone is not None:
        note(connection, "review.take_back", who, subject=gone.who)


def handed_to(shares_of: Sequence[Share], who: str) -> ColumnElement[bool]:
    """The condition that a document was handed out to ``who``. For queries of Document and ReportRow."""
    return or_(false(), *(_of(share) for share in shares_of if share.who == who))


def not_handed_to_others(shares_of: Sequence[Share], who: str) -> ColumnElement[bool]:
    """The condition that a document was handed out to nobody, or to ``who``, also where a larger part is another's."""
    others = [_of(share) for share in shares_of if share.who != who]
    return or_(handed_to(shares_of, who), not_(or_(*others))) if others else true()


def _of(share: Share) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = []
    if share.batch_id is not None:
        parts.append(Document.id.in_(select(Source.document_id).where(Source.batch_id == share.batch_id)))
    if share.region_code is not None:
        code = region_prefix(share.region_code)
        parts.append(and_(ReportRow.region_code.is_not(None), func.substr(ReportRow.region_code, 1, len(code)) == code))
    return and_(*parts)
