"""The ledger: what is to be done with which document, what was tried, what failed, and who works."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, SmallInteger, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Key, one_of

_DUE = text("state in ('queued', 'waiting')")
_RUNNING = text("state = 'running'")
_AGAIN = text("duplicate")
_KEYED = text("made_from is not null")


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
    message for it was last sent; None: to be sent. ``block`` says with what it was claimed last: all that one message brought
    have the same number; None: it was claimed alone.
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
    block: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("document_id", "run", "stage", "page"),
        one_of("state", StageState),
        Index("ix_gk_stage_turn", "queue", "priority", "turn", "id", postgresql_where=_DUE, sqlite_where=_DUE),
        Index("ix_gk_stage_lease", "lease_until", postgresql_where=_RUNNING, sqlite_where=_RUNNING),
    )


class Attempt(Base):
    """One try at a stage: written when it is claimed, ended when it is over. ``seconds`` is how long the work took,
    ``cpu_seconds`` what its process and the programs that it called used of processors, ``engine`` what read a picture.

    ``outcome``: done, retry (a fault that passes), failed, crashed (the process died), lost (the whole worker died),
    released (given back at a shutdown, or because the process died with a whole block: it does not count), discarded (a person
    ended it).
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


class BatchSpent(Base):
    """What the tries of a batch took, those that :class:`SpentUntil` says are summed up: by type of the documents, stage and
    engine (empty: none).
    """

    __tablename__ = "gk_batch_spent"
    batch_id: Mapped[int] = mapped_column(ForeignKey("gk_batch.id"), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(100), primary_key=True)
    stage: Mapped[str] = mapped_column(String(10), primary_key=True)
    engine: Mapped[str] = mapped_column(String(40), primary_key=True)
    tries: Mapped[int] = mapped_column(BigInteger)
    done: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float]
    cpu_seconds: Mapped[float]
    began: Mapped[datetime | None]
    ended: Mapped[datetime | None]


class SpentUntil(Base):
    """The only row says which tries are summed up in gk_batch_spent: those that ended at ``until`` or before (see
    database.ledger.sums). ``next_until`` can follow when no transaction is open that is older than the transaction ``next_xid``.
    """

    __tablename__ = "gk_spent_until"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    until: Mapped[datetime | None]
    next_until: Mapped[datetime | None]
    next_xid: Mapped[int | None] = mapped_column(BigInteger)


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
    __table_args__ = (one_of("state", FailureState), Index("ix_gk_failure_state_code", "state", "code"))


class Worker(Base):
    """A worker process (host:pid:nonce) and when it was last alive, in database time.

    ``steady_since`` is when its present unbroken row of signs of life began: a process of a worker that was steady all the
    time has crashed by itself, one of a worker that could not reach the database for a while may have been cut off with it.
    ``queues`` are those that it serves, with + between them.
    """

    __tablename__ = "gk_worker"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    steady_since: Mapped[datetime]
    queues: Mapped[str | None] = mapped_column(String(100))


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
