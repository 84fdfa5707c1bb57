"""Findings as cases: what became of each thing that a rule found, whichever run or edition found it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Key, Nullable, one_of

_COUNTED = ("year", "region_code", "rule", "severity", "state", "settled_by", "agency_kind", "batch_id", "present")
_FILED = text("filing_id is not null")
_UNFILED = text("filing_id is null")


class FindingState(StrEnum):
    """The state of a case. Who may change it to what is in :mod:`database.findings.transitions`."""

    NEW = "new"
    """A rule found it; nobody has looked at it."""
    CONFIRMED = "confirmed"
    """A person looked: the source is wrong, and its agency is to be told."""
    DISMISSED = "dismissed"
    """A person looked: it is right as it is, or not worth a notice. The reason says which."""
    SENT = "sent"
    """A notice about it went out."""
    ANSWERED = "answered"
    """The agency answered, and nothing shows yet that it was mended."""
    SETTLED = "settled"
    """It is at an end; ``settled_by`` says how."""
    REOPENED = "reopened"
    """It was at an end, and is there again; or it is other than it was decided on. A person has to look again."""


class SettledBy(StrEnum):
    """How a case came to its end.

    The first four are about the sources: something was mended, or a person is content. The others withdraw the case: it was
    never the agency that did something.
    """

    EDITION = "edition"
    """A later edition of the report states what the rule demands."""
    OTHER = "other"
    """A later edition of the other report of a pair does."""
    REPORTS = "reports"
    """Reports under this government came in or changed, or the list of those that must report did."""
    PERSON = "person"
    """A person said so."""
    READING = "reading"
    """The same edition is read or judged otherwise: a correction, another version of the program, of a rule or of a threshold."""
    GONE = "gone"
    """What it was found in is not in force any more, and no later edition is."""
    JOINED = "joined"
    """Its document moved to a filing that has the same case."""

    @property
    def withdrawn(self) -> bool:
        """Whether the case was withdrawn, rather than mended.

        >>> SettledBy.READING.withdrawn, SettledBy.EDITION.withdrawn
        (True, False)
        """
        return self in (SettledBy.READING, SettledBy.GONE, SettledBy.JOINED)


class FindingCase(Base):
    """One thing that is wrong or remarkable in a filing (or, while it is in none, in a document), by a rule.

    ``key`` is the digest of what makes a finding of another run the same case (:mod:`database.findings.matching`). From
    ``rule`` to ``place`` is what was found last; ``document_id``, ``report_id`` and ``edition`` are where, ``other_filing_id``
    and ``other_document_id`` the other report of a pair. ``agency_id`` to ``batch_id`` are those of this document, by which
    cases are listed. ``present``: the rule finds it in what is in force now. A case that is not present and not at an end
    waits: the edition in force does not show whether it was mended.

    ``settled_by`` is a SettledBy, ``held`` the state before it was withdrawn, which it has again when it comes back as it was.
    ``reason``, ``changed_by`` and ``changed_at`` are those of the last move.
    """

    __tablename__ = "gk_finding_case"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    filing_id: Mapped[int | None] = mapped_column(ForeignKey("gk_filing.id"))
    document_id: Mapped[int] = mapped_column(ForeignKey("gk_document.id"))
    report_id: Mapped[int] = mapped_column(BigInteger)
    edition: Mapped[int | None] = mapped_column(SmallInteger)
    key: Mapped[str] = mapped_column(String(64))
    rule: Mapped[str] = mapped_column(String(60))
    severity: Mapped[str] = mapped_column(String(10))
    between: Mapped[str | None] = mapped_column(String(10))
    message: Mapped[str] = mapped_column(Text)
    cells: Mapped[list[str]]
    expected: Mapped[float | None]
    actual: Mapped[float | None]
    sentence: Mapped[str | None] = mapped_column(Text)
    place: Mapped[dict[str, Any] | None] = mapped_column(Nullable)
    other_filing_id: Mapped[int | None] = mapped_column(BigInteger)
    other_document_id: Mapped[int | None] = mapped_column(BigInteger)
    agency_id: Mapped[int | None] = mapped_column(BigInteger)
    year: Mapped[int | None] = mapped_column(SmallInteger)
    region_code: Mapped[str | None] = mapped_column(String(12))
    agency_kind: Mapped[str | None] = mapped_column(String(20))
    batch_id: Mapped[int] = mapped_column(BigInteger)
    present: Mapped[bool]
    state: Mapped[str] = mapped_column(String(10))
    settled_by: Mapped[str | None] = mapped_column(String(10))
    held: Mapped[str | None] = mapped_column(String(10))
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        one_of("state", FindingState),
        Index("ux_gk_finding_case_filed", "filing_id", "key", unique=True, postgresql_where=_FILED, sqlite_where=_FILED),
        Index("ux_gk_finding_case_unfiled", "document_id", "key", unique=True, postgresql_where=_UNFILED, sqlite_where=_UNFILED),
        Index(None, "document_id"),
        Index(None, "other_filing_id"),
        Index(None, "other_document_id"),
        Index("ix_gk_finding_case_state", "state", "id"),
        Index("ix_gk_finding_case_changed", "changed_at", "id"),
        Index(None, "agency_id"),
        Index("ix_gk_finding_case_grouped", "state", "settled_by", "severity", "rule"),
        # Counts by all that a filter knows are read from this index alone.
        Index("ix_gk_finding_case_counted", *_COUNTED),
    )


class FindingAct(Base):
    """What a person decided about cases at once: one, or all that a filter found. ``wanted`` is the filter, {} for cases by
    number, with a ``key`` where the act has one by which it is found again.

    An act that was undone is ended; its moves stay, and those that take it back are moves too.
    """

    __tablename__ = "gk_finding_act"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    to_state: Mapped[str] = mapped_column(String(10))
    cases: Mapped[int]
    wanted: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(Text)
    decided_by: Mapped[str] = mapped_column(String(100))
    decided_at: Mapped[datetime]
    ended_by: Mapped[str | None] = mapped_column(String(100))
    ended_at: Mapped[datetime | None]
    __table_args__ = (one_of("to_state", FindingState), Index(None, "decided_by", "id"))


class FindingMove(Base):
    """A move of a case: from a state to another, or a change of what was found in the same state. Rows are only added.

    ``who`` is null for what the program did; ``detail`` then says what it saw: ``by`` (a SettledBy), ``edition``, ``dated``,
    ``document``, ``was``, what had been found before and where, and of a case that was joined ``filing`` and ``into``, the case
    that goes on there. A purge erases ``was`` of a purged document; nothing else is changed. ``act_id`` is the act of the
    person.
    """

    __tablename__ = "gk_finding_move"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("gk_finding_case.id"), index=True)
    from_state: Mapped[str] = mapped_column(String(10))
    to_state: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime]
    who: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict[str, Any] | None] = mapped_column(Nullable)
    act_id: Mapped[int | None] = mapped_column(ForeignKey("gk_finding_act.id"), index=True)
