"""Addresses that are collected from portals: hosts, what is to be fetched of them, and what each visit brought."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Key, Nullable, one_of


class AddressState(StrEnum):
    """The state of an address::

    found --> queued --(turn)--> running --> done
                ^                   |
                |--- waiting <------|------> failed
                '--- collected again, or resumed
    """

    QUEUED = "queued"
    """To be fetched when it is the turn of its host."""
    RUNNING = "running"
    """A collector fetches it; it holds the lease of the host."""
    WAITING = "waiting"
    """A try failed; it is fetched again from ``next_attempt_at`` on."""
    DONE = "done"
    """Fetched, and what it holds is registered, or its links are followed."""
    FAILED = "failed"
    """It cannot be fetched: ``code`` says why."""


class VisitOutcome(StrEnum):
    """What a visit brought."""

    NEW = "new"
    """What was never seen here before."""
    CHANGED = "changed"
    """Another content than at the visit before."""
    UNCHANGED = "unchanged"
    """The same as at the visit before."""
    LISTED = "listed"
    """A list; its links are followed."""
    MOVED = "moved"
    """It leads on to another address."""
    FAILED = "failed"


class CollectHost(Base):
    """A host (with its port where it is not the usual one). Of all collectors one asks it at a time: who holds ``owner`` and
    ``fence``, until ``lease_until``. ``next_at`` is when the next request may be made.

    ``robots`` holds the rules of its robots.txt, read at ``robots_at``. ``stopped_code``: nothing more is asked of it until a
    person resumes it.
    """

    __tablename__ = "gk_collect_host"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(270), unique=True)
    owner: Mapped[str | None] = mapped_column(String(200))
    fence: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    next_at: Mapped[datetime | None]
    pauses: Mapped[int] = mapped_column(default=0)
    robots: Mapped[dict[str, Any] | None] = mapped_column(Nullable)
    robots_at: Mapped[datetime | None]
    stopped_code: Mapped[str | None] = mapped_column(String(40))
    stopped_why: Mapped[str | None] = mapped_column(Text)
    stopped_at: Mapped[datetime | None]


class CollectAddress(Base):
    """An address. ``url`` is written as ingest.webpages.addresses writes it, ``url_key`` is its sha256.

    ``kind`` is what it is taken for (codebook.text.portals.AddressKind); ``found_on`` the address that led to it, ``root_id`` the
    one of the list from which it all came, ``hops`` how many links lie between, ``moves`` how many redirects in a row led here,
    ``page_number`` which page of a list it is. ``round`` is the collection that asked for it last. ``visit`` counts the visits
    that came to an end; ``tries`` those of the present one, of which ``crashes`` ended with the collector.

    Of the last visit: ``status``, ``etag``, ``modified``, ``sha256``, ``size``, ``outcome``, and ``left_out``, how many links
    were not followed because of the bounds. ``seen_at`` is when a content was first seen here, ``changed_at`` when it last was
    another one, ``document_id`` the document that it is.
    """

    __tablename__ = "gk_collect_address"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    url_key: Mapped[str] = mapped_column(String(64), unique=True)
    host_id: Mapped[int] = mapped_column(ForeignKey("gk_collect_host.id"))
    batch_id: Mapped[int] = mapped_column(ForeignKey("gk_batch.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    title: Mapped[str | None] = mapped_column(Text)
    hints: Mapped[dict[str, Any]]
    found_on: Mapped[int | None] = mapped_column(ForeignKey("gk_collect_address.id"), index=True)
    root_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    moved_to: Mapped[int | None] = mapped_column(BigInteger)
    hops: Mapped[int] = mapped_column(SmallInteger, default=0)
    moves: Mapped[int] = mapped_column(SmallInteger, default=0)
    page_number: Mapped[int] = mapped_column(default=0)
    round: Mapped[int]
    state: Mapped[str] = mapped_column(String(10))
    visit: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    transients: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]
    code: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str | None] = mapped_column(Text)
    status: Mapped[int | None] = mapped_column(SmallInteger)
    etag: Mapped[str | None] = mapped_column(String(300))
    modified: Mapped[str | None] = mapped_column(String(100))
    sha256: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[int | None] = mapped_column(BigInteger)
    outcome: Mapped[str | None] = mapped_column(String(10))
    left_out: Mapped[int | None]
    document_id: Mapped[int | None] = mapped_column(ForeignKey("gk_document.id"), index=True)
    created_at: Mapped[datetime]
    fetched_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    changed_at: Mapped[datetime | None]
    __table_args__ = (
        one_of("state", AddressState),
        Index("ix_gk_collect_address_turn", "host_id", "state", "id"),
        Index("ix_gk_collect_address_batch", "batch_id", "state"),
    )


class CollectVisit(Base):
    """A visit that came to an end: when, what it brought, and the file of WARC that holds it (None: there was no answer)."""

    __tablename__ = "gk_collect_visit"
    address_id: Mapped[int] = mapped_column(ForeignKey("gk_collect_address.id"), primary_key=True)
    visit: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fetched_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(10))
    code: Mapped[str | None] = mapped_column(String(40))
    status: Mapped[int | None] = mapped_column(SmallInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    warc: Mapped[str | None] = mapped_column(String(100))
    __table_args__ = (one_of("outcome", VisitOutcome),)
