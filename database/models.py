"""The tables of the shared database. All names begin with ``gk_``, so that the database can be shared with others.

The first half is the ledger (what is to be done with which document, and what was tried), the second half the results.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from codebook.records import Decided
from database.clock import UtcDateTime

PREFIX = "gk_"

# SQLite numbers rows by itself only in a column of exactly this type.
Key = BigInteger().with_variant(Integer, "sqlite")

# JSON in which None is the database's NULL, not the JSON word null.
Nullable = JSON(none_as_null=True)


class Base(DeclarativeBase):
    """Base of all tables, with constraint names that migrations can rely on."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: UtcDateTime(), dict[str, Any]: JSON, list[str]: JSON, list[float]: JSON}


class StageState(StrEnum):
    """The state of a stage row. Its transitions, and who may do them, are in :mod:`database.ledger`."""

    QUEUED = "queued"
    """Nobody works on it; it can be claimed."""
    RUNNING = "running"
    """A process holds it, with a fence and a lease."""
    WAITING = "waiting"
    """A try failed; it can be claimed from ``next_attempt_at`` on."""
    DONE = "done"
    """Final: its output is kept and what follows it is queued."""
    FAILED = "failed"
    """Final: in the error queue. The fault may be ours, the machine's or the document's."""
    REJECTED = "rejected"
    """Final: in the error queue. The document cannot be read as it is."""
    DISCARDED = "discarded"
    """Final: a person discarded the document, or a new run replaced this one."""


class FailureState(StrEnum):
    """The state of a row of the error queue::

    open --reprocess--> requeued --loaded--> resolved
      |-----loaded (a later run)-----------> resolved
      '-----discard--> discarded
    """

    OPEN = "open"
    """Somebody has to decide."""
    REQUEUED = "requeued"
    """The document is processed again."""
    RESOLVED = "resolved"
    """A later run came to its end."""
    DISCARDED = "discarded"
    """A person discarded the document."""


class Role(StrEnum):
    """What a person may do on the operators' pages; each may do what the ones before may."""

    VIEW = "view"
    OPERATE = "operate"
    ADMINISTER = "administer"

    def includes(self, other: Role) -> bool:
        """Return whether who has this role may do what ``other`` may.

        >>> Role.OPERATE.includes(Role.VIEW), Role.VIEW.includes(Role.OPERATE)
        (True, False)
        """
        order = list(Role)
        return order.index(self) >= order.index(other)


def _one_of(column: str, kind: type[StrEnum]) -> CheckConstraint:
    return CheckConstraint(f"{column} in ({', '.join(repr(str(v)) for v in kind)})", name=column)


_DUE = text("state in ('queued', 'waiting')")
_RUNNING = text("state = 'running'")
_AGAIN = text("duplicate")
_KEYED = text("made_from is not null")
_STANDS = text("ended_at is null")
_UNSETTLED = text("state in ('doubtful', 'not_seen')")
_OPEN = text("state = 'open'")
_CHOSEN = text("chosen_document_id is not null")


# ---- the ledger -------------------------------------------------------------------------------------------------------------


class Batch(Base):
    """Documents that came in together. A higher ``priority`` is served first; ``turn`` is the last that it took (see
    database.ledger.fair_queue).
    """

    __tablename__ = "gk_batch"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    priority: Mapped[int] = mapped_column(SmallInteger, default=0)
    turn: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_at: Mapped[datetime]


class Document(Base):
    """One content, identified by its sha256. ``report_id`` points to the report that is in force (None: none yet).

    ``run`` counts the times that it was processed from some stage on; stage rows of earlier runs stay as history.
    """

    __tablename__ = "gk_document"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int] = mapped_column(BigInteger)
    batch_id: Mapped[int] = mapped_column(ForeignKey("gk_batch.id"))
    status: Mapped[str] = mapped_column(String(20))
    pages: Mapped[int | None]
    run: Mapped[int] = mapped_column(default=1)
    report_id: Mapped[int | None] = mapped_column(ForeignKey("gk_report.id", use_alter=True))
    registered_at: Mapped[datetime]
    finished_at: Mapped[datetime | None] = mapped_column(index=True)
    __table_args__ = (Index(None, "batch_id", "status"), Index(None, "status", "id"))


class Source(Base):
    """A place where a document was found. The first one of a document is its origin, all others are duplicates.

    ``path`` is the file as it was given (``archive.zip!inner/name.txt`` inside an archive); ``hints`` is a
    codebook.records.Hints as JSON: region, agency, year and publication date of a manifest or the command line. ``path_key``
    is the sha256 of the path: the same content at the same path is one source, however often it is given. ``dated_at`` is the
    file's own date, of its last change, where the file system or the archive has one.
    """

    __tablename__ = "gk_source"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("gk_document.id"), index=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("gk_batch.id"))
    path: Mapped[str] = mapped_column(Text)
    path_key: Mapped[str] = mapped_column(String(64))
    duplicate: Mapped[bool]
    hints: Mapped[dict[str, Any]]
    seen_at: Mapped[datetime]
    dated_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("document_id", "path_key"),
        Index(None, "batch_id", "document_id"),
        Index("ix_gk_source_again", "batch_id", "document_id", postgresql_where=_AGAIN, sqlite_where=text("duplicate = 1")),
    )


class Stage(Base):
    """One piece of work: a stage of a document (or of one of its pages, from 1; 0 is the whole document) in a run.

    ``attempts`` and ``fence`` are raised when it is claimed; a result is written only on condition of the fence.
    ``crashes`` counts tries after which the process was dead, ``losses`` tries whose whole worker was lost, ``transients``
    tries that met a passing fault. ``turn`` is the place in the line (see database.ledger.fair_queue). ``notified_at`` is when a
    message for it was last sent; None: to be sent.
    """

    __tablename__ = "gk_stage"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("gk_document.id"))
    run: Mapped[int]
    stage: Mapped[str] = mapped_column(String(10))
    page: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(10))
    queue: Mapped[str] = mapped_column(String(20))
    priority: Mapped[int] = mapped_column(SmallInteger, default=0)
    turn: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    attempts: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    notified_at: Mapped[datetime | None]
    crashes: Mapped[int] = mapped_column(default=0)
    losses: Mapped[int] = mapped_column(default=0)
    transients: Mapped[int] = mapped_column(default=0)
    code: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("document_id", "run", "stage", "page"),
        _one_of("state", StageState),
        Index("ix_gk_stage_turn", "queue", "priority", "turn", "id", postgresql_where=_DUE, sqlite_where=_DUE),
        Index("ix_gk_stage_lease", "lease_until", postgresql_where=_RUNNING, sqlite_where=_RUNNING),
    )


class Attempt(Base):
    """One try at a stage: written when it is claimed, ended when it is over. ``seconds`` is how long the work took,
    ``cpu_seconds`` what its process and the programs that it called used of processors, ``engine`` what read a picture.

    ``outcome``: done, retry (a fault that passes), failed, crashed (the process died), lost (the whole worker died),
    released (given back at a shutdown), discarded (a person ended it).
    """

    __tablename__ = "gk_attempt"
    stage_id: Mapped[int] = mapped_column(ForeignKey("gk_stage.id"), primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)
    worker: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(10))
    code: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str | None] = mapped_column(Text)
    seconds: Mapped[float | None]
    cpu_seconds: Mapped[float | None]
    engine: Mapped[str | None] = mapped_column(String(40))
    __table_args__ = (Index("ix_gk_attempt_ended_at", "ended_at"),)


class Output(Base):
    """What a stage made of a document: a record as compressed JSON, with the versions that made it. A later run replaces it.

    ``made_from`` is a digest of all that went into it (a page image and the engine that read it), by which the same work is found
    again in whatever document; null where nobody looks for it.
    """

    __tablename__ = "gk_output"
    document_id: Mapped[int] = mapped_column(ForeignKey("gk_document.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(String(10), primary_key=True)
    page: Mapped[int] = mapped_column(primary_key=True, default=0)
    run: Mapped[int]
    versions: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
    made_from: Mapped[str | None] = mapped_column(String(64))
    __table_args__ = (Index("ix_gk_output_made_from", "made_from", postgresql_where=_KEYED, sqlite_where=_KEYED),)


class Failure(Base):
    """The error queue: why a document could not go on, and what was decided. ``detail`` holds a traceback where there is
    one.
    """

    __tablename__ = "gk_failure"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("gk_document.id"), index=True)
    stage: Mapped[str] = mapped_column(String(10))
    page: Mapped[int] = mapped_column(default=0)
    code: Mapped[str] = mapped_column(String(40))
    message: Mapped[str] = mapped_column(Text)
    detail: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int]
    versions: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (_one_of("state", FailureState), Index("ix_gk_failure_state_code", "state", "code"))


class Worker(Base):
    """A worker process (host:pid:nonce) and when it was last alive, in database time.

    ``steady_since`` is when its present unbroken row of signs of life began: a process of a worker that was steady all the
    time has crashed by itself, one of a worker that could not reach the database for a while may have been cut off with it.
    """

    __tablename__ = "gk_worker"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    steady_since: Mapped[datetime]


class Watcher(Base):
    """A watched folder: one row for each process (host:pid:nonce#number) that watches it, and when it was last alive, in
    database time.

    ``canary_by`` is the moment by which the next canary must have come through the folder (None: no canaries): beyond it the
    watcher is alive but blind. ``waiting`` files are not quiet or complete yet, ``blocked`` ones cannot be taken; ``problem``
    says what stood in the way last.
    """

    __tablename__ = "gk_watcher"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    host: Mapped[str] = mapped_column(String(200))
    folder: Mapped[str] = mapped_column(Text)
    polls: Mapped[bool]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    canary_at: Mapped[datetime | None]
    canary_by: Mapped[datetime | None]
    canaries: Mapped[int] = mapped_column(default=0)
    taken: Mapped[int] = mapped_column(BigInteger, default=0)
    waiting: Mapped[int] = mapped_column(default=0)
    blocked: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str | None] = mapped_column(Text)


class Count(Base):
    """A number that only grows, of what happened in the machine and is kept nowhere else; ``counted_at`` is its last change."""

    __tablename__ = "gk_count"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
    counted_at: Mapped[datetime]


class Audit(Base):
    """One act of a person: re-processing, discarding, corrections, logins, users.

    The rows are a chain: ``digest`` is the SHA-256 of the row with the digest of the row before (``previous``), written in the
    transaction of the act (see database.users.audit). Both are null in rows that a program of an earlier version wrote.
    """

    __tablename__ = "gk_audit"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(40))
    detail: Mapped[dict[str, Any]]
    previous: Mapped[str | None] = mapped_column(String(64))
    digest: Mapped[str | None] = mapped_column(String(64))


class AuditHead(Base):
    """The end of the audit chain, one row: the digest of the last entry and how many entries there are. Writers lock it."""

    __tablename__ = "gk_audit_head"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    entries: Mapped[int] = mapped_column(BigInteger)


class User(Base):
    """A person who may use the operators' pages. ``password`` is an Argon2 hash, empty for who logs in by single sign-on alone.

    Rows stay when a person may no longer use them (``disabled_at``): what they did is signed with their name. ``skeleton`` is
    the name with look-alike characters made equal (null where an earlier version made two such users). ``must_change``: the
    password was set by somebody else. ``totp_key`` is the key of the second factor, ``totp_step`` the last time step that was
    used, and ``recovery_codes`` are digests. ``oidc_subject`` is the digest of issuer and subject of single sign-on. ``regions``
    (codes) and ``batches`` (ids) bound what the user sees and decides; null: everything.
    """

    __tablename__ = "gk_user"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    password: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    logged_in_at: Mapped[datetime | None] = mapped_column("entered_at")  # a new column name would stop older programs
    disabled_at: Mapped[datetime | None]
    skeleton: Mapped[str | None] = mapped_column(String(240))
    password_at: Mapped[datetime | None]
    must_change: Mapped[bool] = mapped_column(default=False, server_default=false())
    totp_key: Mapped[str | None] = mapped_column(String(64))
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    recovery_codes: Mapped[list[str] | None] = mapped_column(Nullable)
    oidc_subject: Mapped[str | None] = mapped_column(String(64))
    regions: Mapped[list[str] | None] = mapped_column(Nullable)
    batches: Mapped[list[int] | None] = mapped_column(Nullable)
    __table_args__ = (
        _one_of("role", Role),
        Index("ux_gk_user_skeleton", "skeleton", unique=True),
        Index("ux_gk_user_oidc_subject", "oidc_subject", unique=True),
    )


class Session(Base):
    """Somebody who logged in. ``digest`` is the SHA-256 of the cookie: who reads the database cannot take over a session.

    ``agent`` is what the browser says of itself; ``oidc``: the login was that of single sign-on.
    """

    __tablename__ = "gk_session"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("gk_user.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(String(100))
    agent: Mapped[str | None] = mapped_column(String(200))
    oidc: Mapped[bool] = mapped_column(default=False, server_default=false())


class LoginStep(Base):
    """A login whose password was right and whose second factor is awaited. ``digest`` is the SHA-256 of its cookie."""

    __tablename__ = "gk_login_step"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("gk_user.id"), index=True)
    tries: Mapped[int]
    expires_at: Mapped[datetime]


class LoginPlace(Base):
    """Where a user has logged in before: ``mark`` is ``address A``, or ``device D`` with the digest of a browser's cookie."""

    __tablename__ = "gk_login_place"
    user_id: Mapped[int] = mapped_column(ForeignKey("gk_user.id"), primary_key=True)
    mark: Mapped[str] = mapped_column(String(120), primary_key=True)
    seen_at: Mapped[datetime]


class LoginAttempt(Base):
    """An attempt to log in that did not succeed, or has not yet. They are counted to slow down who guesses passwords.

    ``address`` is the client's, or ``device D`` for a browser that the user has logged in with before.
    """

    __tablename__ = "gk_knock"  # as programs of earlier versions know it
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    address: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime] = mapped_column(index=True)


class Tombstone(Base):
    """A document whose content was purged. The row stays, to tell of the purge and to keep the content from being taken in again.

    The document keeps its row with the status ``discarded``, without a report.
    """

    __tablename__ = "gk_tombstone"
    document_id: Mapped[int] = mapped_column(ForeignKey("gk_document.id"), primary_key=True, autoincrement=False)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    purged_at: Mapped[datetime]
    purged_by: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(Text)


class VerificationRow(Base):
    """A verification that came to its end: ``summary`` has its ``counts`` and the first of its ``problems``."""

    __tablename__ = "gk_verification"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(100))
    quick: Mapped[bool]
    summary: Mapped[dict[str, Any]]


# ---- the results
# --------------------------------------------------------------------------------------------------------------


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


class ValueRow(Base):
    """The long table: one indicator of one version of a report, with its evidence. ``value`` is null when missing or unknown;
    ``correction_id`` is the decision of a person that went into it.

    ``witness`` is set while another rendition of the report proves or settles the value: ``state`` and ``value`` as this document
    alone was read, and the ``documents`` that agree (see database.filings). ``note`` is the remark or note mark printed beside
    the number, never part of it. ``witnesses`` are those who agree on the value within the document (text, ocr, pixels, sum,
    prose, person); null for what was loaded before they were kept.
    """

    __tablename__ = "gk_value"
    report_id: Mapped[int] = mapped_column(ForeignKey("gk_report.id"), primary_key=True)
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
    # No index by indicator: each report would write to as many of its pages as it has cells, which was most of the cost
    # of loading. That of unsettled cells holds few; no foreign key, which would be looked at for each cell.
    __table_args__ = (
        Index("ix_gk_value_unsettled", "report_id", postgresql_where=_UNSETTLED, sqlite_where=_UNSETTLED),
        {"sqlite_with_rowid": False},
    )


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
    the other report of a pair, ``pack`` the rule pack that made or changed the rule, with its version.
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
    pack: Mapped[str | None] = mapped_column(String(80))


# ---- agencies and their filings ---------------------------------------------------------------------------------------------


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
    __table_args__ = (_one_of("source", AliasSource),)


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
        _one_of("state", CaseState),
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


# ---- what people decide about single cells ----------------------------------------------------------------------------------


class CorrectionRow(Base):
    """A person's decision about a cell of a document (or a fact of its report: ``report.year``), beside what was read.

    It belongs to the document's content, not to a version of its report: every later run applies it again. ``decided`` is a
    codebook.records.Decided, ``value`` or (for facts) ``text`` what was decided, both null for blank. ``raw`` is what had been
    read, ``read`` the whole reading as it was parsed. Rows are never deleted: one that was undone, or replaced by the next
    decision (``replaced_by``), is ended; at most one a cell stands.
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
    __table_args__ = (
        _one_of("decided", Decided),
        Index("ix_gk_correction_document_id", "document_id", "indicator"),
        Index(
            "ix_gk_correction_standing",
            "document_id",
            "indicator",
            unique=True,
            postgresql_where=_STANDS,
            sqlite_where=_STANDS,
        ),
    )


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
