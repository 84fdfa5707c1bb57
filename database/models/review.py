"""Who reviews which document at the moment, and to whom parts of the review were handed out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Key


class ReviewLease(Base):
    """A document that a person reviews: until ``lease_until`` (database time) nobody else is sent to it.

    ``taken_from`` is who had it before, where that lease had not expired: it was taken over.
    """

    __tablename__ = "gk_review_lease"
    document_id: Mapped[int] = mapped_column(ForeignKey("gk_document.id"), primary_key=True)
    who: Mapped[str] = mapped_column(String(100))
    taken_at: Mapped[datetime]
    lease_until: Mapped[datetime]
    taken_from: Mapped[str | None] = mapped_column(String(100))
    __table_args__ = (Index("ix_gk_review_lease_who", "who"),)


class ReviewShare(Base):
    """A part of the review that was handed out to a person: the documents of a batch, of a region (by the beginning of its code),
    or of both. Others are not sent to its documents.
    """

    __tablename__ = "gk_review_share"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    who: Mapped[str] = mapped_column(String(100))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("gk_batch.id"))
    region_code: Mapped[str | None] = mapped_column(String(12))
    made_by: Mapped[str] = mapped_column(String(100))
    made_at: Mapped[datetime]
