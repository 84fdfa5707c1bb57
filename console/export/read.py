"""Reading documents for an export: in the order of registration, a chunk at a time, with the same few statements for
each chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Engine, Row, Select, and_, bindparam, case, exists, func, or_, select

from codebook.records import Status
from database.access import ACCESS
from database.filings.in_force import DOCUMENT, FILING, MEMBER, SHOWN, holds, is_shown, speaks
from database.findings.following import CASE
from database.models import Base
from database.reports.neighbours import REPORT
from database.reports.results import BLOCK, FAILURE, FINDING, SECTION
from database.session import reading
from database.values import cells_of

CHUNK = 200  # documents; some 40,000 cells

BATCH = Base.metadata.tables["gk_batch"]
SOURCE = Base.metadata.tables["gk_source"]
CORRECTION = Base.metadata.tables["gk_correction"]
AGENCY = Base.metadata.tables["gk_agency"]
OTHER = DOCUMENT.alias("other")
LEADER = DOCUMENT.alias("leader")


class Value(NamedTuple):
    """A cell as it stands in the view gk_value, with who decided about it, when and why, where a person did.

    ``witness`` is what other renditions say of it, ``witnesses`` are those of the document itself who agree (see gk_value).
    """

    indicator: str
    value: float | None
    state: str
    raw: str
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
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None


@dataclass(slots=True)
class Exported:
    """A document with its report (none where it shows none) and the failure that stopped it.

    ``in_force``: the document speaks for its agency and year; None when it is in no filing. ``witnesses`` are the SHA-256 of
    the documents that the witnesses of its values name; ``sources`` are all places where its content was found.
    """

    document: Row[Any]
    in_force: bool | None
    blocks: dict[str, str] = field(default_factory=dict)  # readable blocks and their forms
    sections: list[Row[Any]] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    findings: list[Row[Any]] = field(default_factory=list)
    failure: Row[Any] | None = None
    sources: list[Row[Any]] = field(default_factory=list)
    witnesses: dict[int, str] = field(default_factory=dict)

    @property
    def has_report(self) -> bool:
        """Whether a report is shown: a document that failed or was rejected shows none."""
        return self.document.report_id is not None


def read_documents(engine: Engine, batch: str | None = None, year: int | None = None) -> Iterator[list[Exported]]:
    """All documents by chunks of 200; of one batch, of one year. Those without a report have no year.

    Each chunk is read in a transaction of its own, so that a long export does not hold one open. Versions never change
    once written: what a document points to when its chunk is read is what is exported, whole. Which document is in force
    for each filing is read once, at the beginning, so that a filing has one at most while documents come in; a filing that
    is made meanwhile has the first that is met. This takes some hundred bytes a filing. A user who is bound to regions or
    batches (``engine``) sees no more documents by it, but an edition is not in force because a later one is out of bounds.
    Raises ValueError when there is no such batch.
    """
    with reading(engine) as connection:
        batch_id = None if batch is None else connection.scalar(select(BATCH.c.id).where(BATCH.c.name == batch))
        if batch is not None and batch_id is None:
            raise ValueError(f"there is no batch {batch!r}")
    access = engine.get_execution_options().get(ACCESS)
    of_batch = None if access is not None and access.bound else batch_id
    with reading(engine.execution_options(**{ACCESS: None})) as connection:
        speakers = _speakers(connection, of_batch, year)
    query, last = _documents(batch_id, year), 0
    while True:
        with reading(engine) as connection:
            rows = connection.execute(query, {"last": last}).all()
            chunk = _read_chunk(connection, rows, speakers) if rows else []
        if not chunk:
            return
        last = rows[-1].id
        yield chunk


def _speakers(connection: Connection, batch_id: int | None, year: int | None) -> dict[int, int]:
    """The document in force of each filing, by filing: of those with a document in the batch, of those on the year."""
    query = (
        select(MEMBER.c.filing_id, MEMBER.c.document_id)
        .select_from(MEMBER.join(DOCUMENT, DOCUMENT.c.id == MEMBER.c.document_id).join(FILING, FILING.c.id == MEMBER.c.filing_id))
        .where(is_shown(DOCUMENT), speaks())
    )
    if batch_id is not None:
        query = query.where(
            exists(select(SOURCE.c.id).where(SOURCE.c.document_id == DOCUMENT.c.id, SOURCE.c.batch_id == batch_id))
        )
    if year is not None:
        query = query.where(FILING.c.year == year)
    return {row.filing_id: row.document_id for row in connection.execute(query)}


def _documents(batch_id: int | None, year: int | None) -> Select[Any]:
    """Documents after ``:last`` with their first source (in the batch, if one is asked for) and their report in force."""
    first = SOURCE.alias("first")
    of_document = select(func.min(first.c.id)).where(first.c.document_id == DOCUMENT.c.id)
    if batch_id is not None:
        of_document = of_document.where(first.c.batch_id == batch_id)
    query = (
        select(
            DOCUMENT.c.id,
            DOCUMENT.c.sha256,
            DOCUMENT.c.media_type,
            DOCUMENT.c.pages,
            DOCUMENT.c.status,
            SOURCE.c.path,
            BATCH.c.name.label("batch"),
            REPORT.c.id.label("report_id"),
            FILING.c.id.label("filing_id"),
            FILING.c.agency_id,
            FILING.c.year.label("filing_year"),
            AGENCY.c.name.label("agency_name"),
            AGENCY.c.kind.label("agency_kind"),
            case((REPORT.c.id.is_not(None), func.nullif(MEMBER.c.edition, 0))).label("edition"),
            case((REPORT.c.id.is_not(None), LEADER.c.sha256)).label("rendition_of"),
            and_(REPORT.c.id.is_not(None), FILING.c.id.is_not(None), speaks()).label("speaks"),
            *(c for c in REPORT.c if c.name not in ("id", "document_id", "status", "body", "digest", "versions", "created_at")),
        )
        .select_from(
            DOCUMENT.join(SOURCE, SOURCE.c.id == of_document.scalar_subquery(), isouter=batch_id is None)
            .outerjoin(BATCH, BATCH.c.id == func.coalesce(SOURCE.c.batch_id, DOCUMENT.c.batch_id))
            .outerjoin(REPORT, and_(REPORT.c.id == DOCUMENT.c.report_id, DOCUMENT.c.status.in_(SHOWN)))
            .outerjoin(MEMBER, MEMBER.c.document_id == DOCUMENT.c.id)
            .outerjoin(FILING, FILING.c.id == MEMBER.c.filing_id)
            .outerjoin(AGENCY, AGENCY.c.id == FILING.c.agency_id)
            .outerjoin(LEADER, LEADER.c.id == MEMBER.c.rendition_of)
        )
        .where(DOCUMENT.c.id > bindparam("last"))
        .order_by(DOCUMENT.c.id)
        .limit(CHUNK)
    )
    return query if year is None else query.where(REPORT.c.year == year)


_IDS: BindParameter[int] = bindparam("ids", expanding=True)
_BLOCKS = select(BLOCK.c.report_id, BLOCK.c.block, BLOCK.c.form).where(BLOCK.c.report_id.in_(_IDS), BLOCK.c.readable)
_SECTIONS = select(SECTION).where(SECTION.c.report_id.in_(_IDS)).order_by(SECTION.c.report_id, SECTION.c.position)
_DECISION = ("decided_by", "decided_at", "reason")
_of_cell = attrgetter(*(name for name in Value._fields if name not in _DECISION))
_DECISIONS = select(CORRECTION.c.id, *(CORRECTION.c[name] for name in _DECISION)).where(CORRECTION.c.id.in_(_IDS))
# A finding between two documents is exported while both are shown, and marked as history unless both are in force.
_FINDINGS = (
    select(
        FINDING,
        OTHER.c.sha256.label("other_sha256"),
        holds().label("holds"),
        CASE.c.state.label("case_state"),
        CASE.c.settled_by.label("case_settled_by"),
    )
    .outerjoin(OTHER, and_(OTHER.c.report_id == FINDING.c.other_report_id, OTHER.c.status.in_(SHOWN)))
    .outerjoin(CASE, CASE.c.id == FINDING.c.case_id)
    .where(FINDING.c.report_id.in_(_IDS), or_(FINDING.c.other_report_id.is_(None), OTHER.c.id.is_not(None)))
    .order_by(FINDING.c.id)
)
_FAILURES = (
    select(FAILURE.c.document_id, FAILURE.c.code, FAILURE.c.message).where(FAILURE.c.document_id.in_(_IDS)).order_by(FAILURE.c.id)
)
_SOURCES = (
    select(SOURCE.c.document_id, SOURCE.c.path, BATCH.c.name.label("batch"), SOURCE.c.seen_at, SOURCE.c.dated_at)
    .outerjoin(BATCH, BATCH.c.id == SOURCE.c.batch_id)
    .where(SOURCE.c.document_id.in_(_IDS))
    .order_by(SOURCE.c.id)
)
_SHA256 = select(DOCUMENT.c.id, DOCUMENT.c.sha256).where(DOCUMENT.c.id.in_(_IDS))
_STOPPED = (Status.FAILED.value, Status.REJECTED.value, Status.DISCARDED.value)


def _in_force(row: Row[Any], speakers: dict[int, int]) -> bool | None:
    if row.filing_id is None:
        return None
    if row.speaks:
        speakers.setdefault(row.filing_id, row.id)
    return row.report_id is not None and speakers.get(row.filing_id) == row.id


def _read_chunk(connection: Connection, rows: Sequence[Row[Any]], speakers: dict[int, int]) -> list[Exported]:
    documents = [Exported(row, _in_force(row, speakers)) for row in rows]
    by_report = {d.document.report_id: d for d in documents if d.has_report}
    ids = {"ids": list(by_report)}
    if by_report:
        for report_id, block, form in connection.execute(_BLOCKS, ids):
            by_report[report_id].blocks[block] = form
        for row in connection.execute(_SECTIONS, ids):
            by_report[row.report_id].sections.append(row)
        _read_values(connection, by_report)
        for row in connection.execute(_FINDINGS, ids):
            by_report[row.report_id].findings.append(row)
        _read_witnesses(connection, by_report.values())
    by_document = {d.document.id: d for d in documents}
    for row in connection.execute(_SOURCES, {"ids": list(by_document)}):
        by_document[row.document_id].sources.append(row)
    stopped = {d.document.id: d for d in documents if d.document.status in _STOPPED}
    if stopped:
        for row in connection.execute(_FAILURES, {"ids": list(stopped)}):
            stopped[row.document_id].failure = row  # the last one is what it ended with
    return documents


def _read_values(connection: Connection, by_report: Mapping[int, Exported]) -> None:
    read = list(cells_of(connection, by_report))
    numbers = {cell.correction_id for _, cells in read for cell in cells if cell.correction_id is not None}
    decisions = {row[0]: row[1:] for row in connection.execute(_DECISIONS, {"ids": sorted(numbers)})} if numbers else {}
    for report_id, cells in read:
        values = by_report[report_id].values
        for cell in cells:
            value = Value(*_of_cell(cell))
            found = None if cell.correction_id is None else decisions.get(cell.correction_id)
            values.append(value if found is None else value._replace(**dict(zip(_DECISION, found, strict=True))))


def _read_witnesses(connection: Connection, documents: Iterable[Exported]) -> None:
    named = [(exported, {n for v in exported.values if v.witness for n in v.witness["documents"]}) for exported in documents]
    ids = {number for _, numbers in named for number in numbers}
    if not ids:
        return
    found = {row.id: row.sha256 for row in connection.execute(_SHA256, {"ids": sorted(ids)})}
    for exported, numbers in named:
        exported.witnesses = {number: found[number] for number in numbers if number in found}
