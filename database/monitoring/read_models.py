"""The answers to the questions of :mod:`database.monitoring.queries`: frozen records that can be written as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from codebook.filings import StoredCell, as_read
from codebook.records import Record, Status
from database.intake.purging import TombstoneItem


class BatchCount(Record, frozen=True):
    """A batch with the number of its documents and sources."""

    name: str
    documents: int
    sources: int
    created_at: datetime


class StageCount(Record, frozen=True):
    """How many pieces of work of a stage are in a state, in the documents' present run."""

    stage: str
    state: str
    count: int


class ReportCounts(Record, frozen=True):
    """What the documents that show a report are: one report for each agency and year (``in_force``), other editions and
    renditions of such reports (``others``), and reports without agency or year (``unfiled``).
    """

    in_force: int
    others: int
    unfiled: int


class Progress(Record, frozen=True):
    """Where the documents of a scope stand. ``per_second`` is the rate of the last minute; ``seconds_left`` (None: not
    known) is a forecast from the tries of late, stage by stage."""

    statuses: dict[str, int]
    stages: tuple[StageCount, ...]
    workers: int
    per_second: float
    seconds_left: float | None

    @property
    def documents(self) -> int:
        """All documents of the scope."""
        return sum(self.statuses.values())

    @property
    def open(self) -> int:
        """Documents that are still being processed."""
        return self.statuses.get(Status.PROCESSING, 0)


class FailureItem(Record, frozen=True):
    """A row of the error queue, with the document's path and batch."""

    id: int
    document_id: int
    sha256: str
    path: str | None
    batch: str
    stage: str
    page: int
    code: str
    message: str
    detail: str | None
    attempts: int
    state: str
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


class SourceItem(Record, frozen=True):
    """Where a document was found."""

    path: str
    batch: str
    duplicate: bool
    hints: dict[str, Any]
    seen_at: datetime


class AttemptItem(Record, frozen=True):
    """One try at a stage."""

    fence: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    code: str | None
    message: str | None
    seconds: float | None


class StageItem(Record, frozen=True):
    """A stage of a document with its tries."""

    id: int
    run: int
    stage: str
    page: int
    state: str
    queue: str
    attempts: int
    crashes: int
    losses: int
    transients: int
    code: str | None
    next_attempt_at: datetime | None
    updated_at: datetime
    tries: tuple[AttemptItem, ...] = ()


class ReportItem(Record, frozen=True):
    """A version of what was read from a document."""

    id: int
    version: int
    in_force: bool
    status: str
    agency: str | None
    region: tuple[str, ...]
    region_code: str | None
    year: int | None
    form: str
    title: str | None
    published_on: str | None
    script: str
    versions: dict[str, Any]
    created_at: datetime


class FindingItem(Record, frozen=True):
    """What is wrong or remarkable in the report in force. ``case_id`` is its case."""

    rule: str
    severity: str
    message: str
    cells: tuple[str, ...]
    expected: float | None
    actual: float | None
    sentence: str | None
    between: str | None
    other_report_id: int | None
    case_id: int | None = None
    pack: str | None = None


class ValueItem(Record, frozen=True):
    """A value of the report in force with its evidence. ``witness`` is that of the cell: what renditions prove or settle;
    ``note`` the remark printed beside the number, ``witnesses`` those of the document itself who agree.
    """

    indicator: str
    value: float | None
    state: str
    raw: str
    origin: str
    read_by: str
    score: float
    page: int
    box: list[float] | None
    line: int | None
    column: int | None
    sentence: str | None
    doubt: str | None
    candidates: list[float] | None
    witness: dict[str, Any] | None = None
    note: str | None = None
    witnesses: list[str] | None = None

    @property
    def agreed_by(self) -> tuple[str, ...]:
        """Who agrees with the value, renditions included."""
        return (*(self.witnesses or ()), *(("rendition",) if self.witness else ()))

    @property
    def as_read(self) -> tuple[float | None, str]:
        """Value and state as this document alone was read."""
        return as_read(self.value, self.state, self.witness)


def value_item(cell: StoredCell) -> ValueItem:
    """Return a cell as pages show it."""
    return ValueItem(*(getattr(cell, name) for name in ValueItem.__struct_fields__))


class DocumentLine(Record, frozen=True):
    """One document in a list: what it is, how it stands, and what was found in it."""

    id: int
    status: str
    path: str | None
    agency: str | None
    year: int | None
    form: str | None
    values: int
    doubts: int
    errors: int
    warnings: int


class DocumentItem(Record, frozen=True):
    """All that is known of one document."""

    id: int
    sha256: str
    media_type: str
    size: int
    status: str
    batch: str
    pages: int | None
    run: int
    registered_at: datetime
    finished_at: datetime | None
    sources: tuple[SourceItem, ...]
    stages: tuple[StageItem, ...]
    reports: tuple[ReportItem, ...]
    findings: tuple[FindingItem, ...]
    values: tuple[ValueItem, ...]
    value_states: dict[str, int]
    failures: tuple[FailureItem, ...]
    purged: TombstoneItem | None = None
