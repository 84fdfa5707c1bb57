"""The register of agencies, their filings, and which of them must file."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Key, Nullable, one_of

_OPEN = text("state = 'open'")
_CHOSEN = text("chosen_document_id is not null")


class CaseState(StrEnum):
    """The state of the question whether two agencies are one."""

    OPEN = "open"
    """Somebody has to decide."""
    JOINED = "joined"
    """They are one agency."""
    APART = "apart"
    """They are two."""


class AgencyRow(Base):
    """An agency of the register. ``name`` is its canonical name: a person's choice (``named``), else that of a list, else the
    longest in which it was met.

    ``kind`` is a kind of agencies/kinds.yaml. ``merged_into`` is the agency that a person joined this one with: the row stays,
    and the joining can be undone. ``superior_id`` is the agency above, where a person said so; otherwise it follows from the
    region.
    """

    __tablename__ = "gk_agency"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    named: Mapped[bool] = mapped_column(default=False, server_default=false())
    kind: Mapped[str | None] = mapped_column(String(20))
    region_code: Mapped[str | None] = mapped_column(String(12))
    superior_id: Mapped[int | None] = mapped_column(ForeignKey("gk_agency.id"))
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("gk_agency.id"))
    created_at: Mapped[datetime]
    __table_args__ = (Index(None, "region_code"), Index(None, "merged_into"))


class AgencyKeyRow(Base):
    """A matching key (codebook.agency_kinds.stored_key) and the agency that it means. A key means one agency."""

    __tablename__ = "gk_agency_key"
    key: Mapped[str] = mapped_column(String(220), primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("gk_agency.id"), index=True)


class AliasSource(StrEnum):
    """Where a name of an agency comes from."""

    LIST = "list"
    """A list of the agencies that must report."""
    REPORT = "report"
    """The report of ``document_id``, and perhaps others."""
    PERSON = "person"
    """A person entered it."""


class AgencyAlias(Base):
    """A name by which an agency was met, with the key that the name has and where it comes from."""

    __tablename__ = "gk_agency_alias"
    key: Mapped[str] = mapped_column(ForeignKey("gk_agency_key.key"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    source: Mapped[str] = mapped_column(String(10), primary_key=True)
    region_code: Mapped[str | None] = mapped_column(String(12))
    document_id: Mapped[int | None] = mapped_column(ForeignKey("gk_document.id"))
    seen_at: Mapped[datetime]
    __table_args__ = (one_of("source", AliasSource),)


class AgencyCase(Base):
    """A question for a person: one agency or two? ``one_id`` is less than ``other_id``; ``reason`` is why it is asked."""

    __tablename__ = "gk_agency_case"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    one_id: Mapped[int] = mapped_column(ForeignKey("gk_agency.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("gk_agency.id"), index=True)
    reason: Mapped[str] = mapped_column(String(40))
    evidence: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(100))
    decided_why: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        one_of("state", CaseState),
        UniqueConstraint("one_id", "other_id"),
        Index("ix_gk_agency_case_open", "id", postgresql_where=_OPEN, sqlite_where=_OPEN),
    )


class AgencyDecision(Base):
    """What a person decided about agencies: ``join``, ``part``, ``rename``, ``apart``, ``succession`` or ``superior``. ``detail``
    has what is needed to undo it. Rows are never deleted; one that was undone is ended.
    """

    __tablename__ = "gk_agency_decision"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    action: Mapped[str] = mapped_column(String(12))
    agency_id: Mapped[int] = mapped_column(ForeignKey("gk_agency.id"), index=True)
    other_id: Mapped[int | None] = mapped_column(ForeignKey("gk_agency.id"), index=True)
    detail: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(Text)
    decided_by: Mapped[str] = mapped_column(String(100))
    decided_at: Mapped[datetime]
    ended_by: Mapped[str | None] = mapped_column(String(100))
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None] = mapped_column(Text)


class AgencySuccession(Base):
    """An agency that took over from another when the government was reorganised in ``year``."""

    __tablename__ = "gk_agency_succession"
    predecessor_id: Mapped[int] = mapped_column(ForeignKey("gk_agency.id"), primary_key=True)
    successor_id: Mapped[int] = mapped_column(ForeignKey("gk_agency.id"), primary_key=True, index=True)
    year: Mapped[int | None] = mapped_column(SmallInteger)


class FilingRow(Base):
    """The report of an agency on a year: what people count. Its documents are in gk_filing_document.

    ``reason`` says by which evidence the edition in force was found ({"by": ..., "value": ...}). ``chosen_document_id`` is a
    document of the edition that a person put in force. ``arranged_at`` is null when the documents have to be sorted again.
    """

    __tablename__ = "gk_filing"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("gk_agency.id"))
    year: Mapped[int] = mapped_column(SmallInteger)
    editions: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    reason: Mapped[dict[str, Any] | None] = mapped_column(Nullable)
    chosen_document_id: Mapped[int | None] = mapped_column(ForeignKey("gk_document.id"))
    chosen_by: Mapped[str | None] = mapped_column(String(100))
    chosen_at: Mapped[datetime | None]
    chosen_why: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    arranged_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("agency_id", "year"),
        Index(None, "year", "id"),
        Index("ix_gk_filing_chosen", "chosen_document_id", postgresql_where=_CHOSEN, sqlite_where=_CHOSEN),
    )


class FilingDocument(Base):
    """A document of a filing. ``edition`` counts the contents of the filing, in the order of time, from 1.

    ``rendition_of`` is the document that leads the edition, null for the leader. ``rank`` orders the documents of the filing,
    from 0: in force is the first whose document shows a report. ``dated`` is the date of its edition, {"by": ..., "value": ...}.
    """

    __tablename__ = "gk_filing_document"
    document_id: Mapped[int] = mapped_column(ForeignKey("gk_document.id"), primary_key=True, autoincrement=False)
    filing_id: Mapped[int] = mapped_column(ForeignKey("gk_filing.id"))
    edition: Mapped[int] = mapped_column(SmallInteger)
    rendition_of: Mapped[int | None] = mapped_column(BigInteger)
    rank: Mapped[int] = mapped_column(SmallInteger)
    dated: Mapped[dict[str, Any] | None] = mapped_column(Nullable)
    __table_args__ = (Index(None, "filing_id", "rank"),)


class ExpectedRow(Base):
    """An agency that must report on ``year``, as a list of an office says. ``agency_key`` is that of gk_report; ``due_on`` the
    ISO date by which it must have published, null where neither the list nor the law names one.
    """

    __tablename__ = "gk_expected"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    year: Mapped[int] = mapped_column(SmallInteger)
    agency: Mapped[str] = mapped_column(Text)
    agency_key: Mapped[str] = mapped_column(String(220))
    region_code: Mapped[str | None] = mapped_column(String(12))
    due_on: Mapped[str | None] = mapped_column(String(10))
    listed_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("year", "agency_key"),)
