"""What was read of a document (report, blocks, sections, values, findings), and what people decided about single cells."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, SmallInteger, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from codebook.records import Decided
from database.models.base import Base, Key, Nullable, View, one_of

_STANDS = text("ended_at is null")
_UNSETTLED = text("unsettled is not null")


class ReportRow(Base):
    """One version of what was read from a document. Versions stay; the document points to the one in force.

    ``agency_key`` is the key by which the register of agencies finds the agency (codebook.agency_kinds). Agency and year are
    null when the report does not name them: then it needs review, is in no filing and is compared with no other. ``region``
    runs from the province down as it was read; ``province``, ``city`` and ``county`` are the same by level. ``governs``
    is the code of the region whose government speaks (null for departments and towns), ``reports_to`` the code of the
    region whose government stands above: parents and children are found by these two, whatever the number of reports in
    a region.
    """

    __tablename__ = "gk_report"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("gk_document.id"))
    version: Mapped[int]
    status: Mapped[str] = mapped_column(String(20))
    agency: Mapped[str | None] = mapped_column(Text)
    agency_key: Mapped[str | None] = mapped_column(String(220))
    region: Mapped[list[str]]
    province: Mapped[str | None] = mapped_column(Text)
    city: Mapped[str | None] = mapped_column(Text)
    county: Mapped[str | None] = mapped_column(Text)
    region_code: Mapped[str | None] = mapped_column(String(12))
    governs: Mapped[str | None] = mapped_column(String(12))
    reports_to: Mapped[str | None] = mapped_column(String(12))
    year: Mapped[int | None] = mapped_column(SmallInteger)
    form: Mapped[str] = mapped_column(String(10))
    title: Mapped[str | None] = mapped_column(Text)
    published_on: Mapped[str | None] = mapped_column(String(10))
    script: Mapped[str] = mapped_column(String(20))
    body: Mapped[bytes] = mapped_column(LargeBinary)  # the Verdict as compressed JSON: clues, statements, extras
    digest: Mapped[str] = mapped_column(String(64))  # of the Verdict, by which an identical result is recognised
    doubts: Mapped[list[str]] = mapped_column(default=list)  # facts in doubt, as report.agency; doubtful cells say so themselves
    versions: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("document_id", "version"),
        Index("ix_gk_report_agency", "agency_key", "year", "document_id"),
        Index("ix_gk_report_region", "region_code", "year"),
        Index("ix_gk_report_governs", "governs", "year", "document_id"),
        Index("ix_gk_report_reports_to", "reports_to", "year"),
    )


class BlockRow(Base):
    """A block of numbers that a report has, with the form that its own headers show. ``readable`` is false when it
    could not be read.
    """

    __tablename__ = "gk_block"
    report_id: Mapped[int] = mapped_column(ForeignKey("gk_report.id"), primary_key=True)
    block: Mapped[str] = mapped_column(String(20), primary_key=True)
    form: Mapped[str] = mapped_column(String(10))
    readable: Mapped[bool]


class SectionRow(Base):
    """A chapter of a report, in printing order."""

    __tablename__ = "gk_section"
    report_id: Mapped[int] = mapped_column(ForeignKey("gk_report.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    number: Mapped[int | None] = mapped_column(SmallInteger)
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)


class ValueLayout(Base):
    """The indicators of a report in the order in which its values are packed: one list serves nearly all reports of a form.

    ``id`` is made from the list (see database.values.packing), ``indicators`` is a JSON array. Rows are never changed.
    """

    __tablename__ = "gk_value_layout"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    indicators: Mapped[str] = mapped_column(Text)


class ReportValues(Base):
    """All values of one version of a report, with their evidence, in one row. What the columns hold: database.values.packing,
    which alone makes them. For SQL there is the view ``gk_value`` (see :class:`ValueRow`).
    """

    __tablename__ = "gk_report_values"
    report_id: Mapped[int] = mapped_column(ForeignKey("gk_report.id"), primary_key=True, autoincrement=False)
    # No foreign key: what writes the row takes the number from the layout that is there, and each check would lock the one row
    # that all reports of a form share.
    layout_id: Mapped[int] = mapped_column(BigInteger)
    numbers: Mapped[str] = mapped_column(Text)
    states: Mapped[str] = mapped_column(Text)
    marks: Mapped[str] = mapped_column(Text)
    kinds: Mapped[str] = mapped_column(Text)
    places: Mapped[str | None] = mapped_column(Text)
    raws: Mapped[str | None] = mapped_column(Text)
    odd: Mapped[str | None] = mapped_column(Text)
    unsettled: Mapped[str | None] = mapped_column(Text)
    witness: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (Index("ix_gk_report_values_unsettled", "report_id", postgresql_where=_UNSETTLED, sqlite_where=_UNSETTLED),)


class ValueRow(View):
    """The long table, a view of gk_report_values: one indicator of one version of a report, with its evidence. What the columns
    say: codebook.filings.StoredCell. For questions in SQL; whole reports are read faster by database.values.
    """

    __tablename__ = "gk_value"
    report_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    indicator: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[float | None]
    state: Mapped[str] = mapped_column(String(10))
    raw: Mapped[str] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(String(10))
    read_by: Mapped[str] = mapped_column(String(10))
    score: Mapped[float]
    page: Mapped[int]
    box: Mapped[list[float] | None] = mapped_column(Nullable)
    line: Mapped[int | None]
    column: Mapped[int | None]
    sentence: Mapped[str | None] = mapped_column(Text)
    doubt: Mapped[str | None] = mapped_column(Text)
    candidates: Mapped[list[float] | None] = mapped_column(Nullable)
    correction_id: Mapped[int | None] = mapped_column(BigInteger)
    witness: Mapped[dict[str, Any] | None] = mapped_column(Nullable)
    note: Mapped[str | None] = mapped_column(Text)
    witnesses: Mapped[list[str] | None] = mapped_column(Nullable)


class UnsettledValue(View):
    """The cells that are doubtful or were not seen, a view of gk_report_values that finds them by an index."""

    __tablename__ = "gk_unsettled_value"
    report_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    indicator: Mapped[str] = mapped_column(String(80), primary_key=True)
    correction_id: Mapped[int | None] = mapped_column(BigInteger)


class Between(StrEnum):
    """How a finding was found by comparing reports.

    ``years``: one agency, consecutive years. ``region``: a report and the one of the government above. ``filing``: the editions
    and renditions of one filing. These are kept up as reports are loaded. ``check``: by a check of all reports alone (sums over
    a region, absent reports, text that two agencies share).
    """

    YEARS = "years"
    REGION = "region"
    FILING = "filing"
    CHECK = "check"


class FindingRow(Base):
    """What is wrong or remarkable in a report. ``between`` is null for what the report shows by itself, else how it was
    found by comparing reports (see Between); such findings come and go with the other reports. ``other_report_id`` is
    the other report of a pair, ``pack`` the rule pack that made or changed the rule, with its version. ``case_id`` is the case
    that this is a finding of (gk_finding_case).
    """

    __tablename__ = "gk_finding"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("gk_report.id"), index=True)
    other_report_id: Mapped[int | None] = mapped_column(ForeignKey("gk_report.id"), index=True)
    between: Mapped[str | None] = mapped_column(String(10))
    rule: Mapped[str] = mapped_column(String(60), index=True)
    severity: Mapped[str] = mapped_column(String(10))
    message: Mapped[str] = mapped_column(Text)
    cells: Mapped[list[str]]
    expected: Mapped[float | None]
    actual: Mapped[float | None]
    sentence: Mapped[str | None] = mapped_column(Text)
    place: Mapped[dict[str, Any] | None] = mapped_column(Nullable)
    case_id: Mapped[int | None] = mapped_column(BigInteger)
    pack: Mapped[str | None] = mapped_column(String(80))


class CorrectionRow(Base):
    """A person's decision about a cell of a document (or a fact of its report: ``report.year``), beside what was read.

    It belongs to the document's content, not to a version of its report: every later run applies it again. ``decided`` is a
    codebook.records.Decided, ``value`` or (for facts) ``text`` what was decided, both null for blank. ``raw`` is what had been
    read, ``read`` the whole reading as it was parsed. Rows are never deleted: one that was undone, or replaced by the next
    decision (``replaced_by``), is ended; at most one a cell stands. ``step`` is the number of the first of several decisions that
    were made at once, as about the cells of a row; null for a single one.
    """

    __tablename__ = "gk_correction"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("gk_document.id"))
    indicator: Mapped[str] = mapped_column(String(80))
    decided: Mapped[str] = mapped_column(String(10))
    value: Mapped[float | None]
    text: Mapped[str | None] = mapped_column(Text)
    raw: Mapped[str] = mapped_column(Text)
    read: Mapped[dict[str, Any] | None] = mapped_column(Nullable)
    reason: Mapped[str] = mapped_column(Text)
    decided_by: Mapped[str] = mapped_column(String(100))
    decided_at: Mapped[datetime]
    ended_by: Mapped[str | None] = mapped_column(String(100))
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None] = mapped_column(Text)
    replaced_by: Mapped[int | None] = mapped_column(BigInteger)
    step: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        one_of("decided", Decided),
        Index("ix_gk_correction_document_id", "document_id", "indicator"),
        Index("ix_gk_correction_decided_by", "decided_by", "id"),
        Index(
            "ix_gk_correction_standing",
            "document_id",
            "indicator",
            unique=True,
            postgresql_where=_STANDS,
            sqlite_where=_STANDS,
        ),
    )
