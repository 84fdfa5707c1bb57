"""Purging a document: its content and all that was derived from it are deleted, a tombstone and the audit entry stay.

For what must not be kept: a classified file, or personal data, that came in by mistake. Everything here runs in the transaction
of the caller (:func:`database.session.run_transaction`); the caller deletes the original from the store after the commit, so that
a crash between the two leaves content that ``gongkai verify`` finds and that a second purge deletes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, or_, select, update

from codebook.records import Record
from database.clock import now
from database.ledger import Selection, discard
from database.models import (
    AgencyAlias,
    Attempt,
    BlockRow,
    CollectAddress,
    CollectVisit,
    CorrectionRow,
    Document,
    Failure,
    FilingDocument,
    FilingRow,
    FindingCase,
    FindingMove,
    FindingRow,
    Output,
    ReportRow,
    ReportValues,
    SearchRow,
    SectionRow,
    Source,
    Stage,
    Tombstone,
)
from database.sql import chunks
from database.users.audit import note


class Purged(Record, frozen=True):
    """What a purge deleted. ``paths`` are where the content was found: copies of it may still be there. ``rows`` counts deleted
    rows by table; ``visits`` names the answers of portals that hold the content, which the caller deletes from the store too.
    """

    document_id: int
    sha256: str
    paths: tuple[str, ...]
    rows: dict[str, int]
    visits: tuple[str, ...] = ()


class TombstoneItem(Record, frozen=True):
    """Who purged a document, when (database time) and why."""

    document_id: int
    sha256: str
    purged_at: datetime
    purged_by: str
    reason: str


def purge(connection: Connection, document_id: int, *, who: str, reason: str) -> Purged:
    """Delete the content-bearing rows of a document and leave a tombstone.

    Running work on the document is fenced. Deleted are reports of all versions with their values, sections, blocks and findings
    (also findings of other reports that compare with them), the cases of these findings, outputs of stages, corrections and
    failures; paths, hints, error messages and what the history of other cases quotes are erased. A document that was purged
    before is purged again (its tombstone stays as it was). Raises LookupError when there is no such document.
    """
    sha256 = connection.scalar(select(Document.sha256).where(Document.id == document_id).with_for_update())
    if sha256 is None:
        raise LookupError(f"there is no document {document_id}")
    discard(connection, Selection(documents=(document_id,)), who=who, reason=reason)
    paths = tuple(connection.scalars(select(Source.path).where(Source.document_id == document_id).order_by(Source.id)))
    connection.execute(update(Document).where(Document.id == document_id).values(report_id=None, pages=None))
    rows = _delete_rows(connection, document_id)
    visits = _visits(connection, document_id, sha256, paths)
    _erase_texts(connection, document_id)
    known = connection.scalar(select(Tombstone.document_id).where(Tombstone.document_id == document_id))
    if known is None:
        stone = Tombstone.__table__.insert().values(  # type: ignore[attr-defined]
            document_id=document_id, sha256=sha256, purged_at=now(), purged_by=who, reason=reason
        )
        connection.execute(stone)
    note(connection, "purge", who, reason=reason, documents=[document_id], sha256=sha256, rows=rows)
    return Purged(document_id, sha256, paths, rows, visits)


def _visits(connection: Connection, document_id: int, sha256: str, paths: Sequence[str]) -> tuple[str, ...]:
    """The visits to addresses whose answers hold the content: by itself, or in an archive."""
    archives = [path.partition("!")[0] for path in paths if "!" in path]
    held = or_(CollectVisit.sha256 == sha256, CollectAddress.document_id == document_id, CollectAddress.url.in_(archives))
    query = select(CollectVisit.warc).join(CollectAddress, CollectAddress.id == CollectVisit.address_id).where(held)
    return tuple(name for name in connection.scalars(query) if name is not None)


def _delete_rows(connection: Connection, document_id: int) -> dict[str, int]:
    reports = select(ReportRow.id).where(ReportRow.document_id == document_id)
    rows = _delete_cases(connection, document_id)
    _erase_moves(connection, document_id)
    of_reports = [
        (FindingRow, or_(FindingRow.report_id.in_(reports), FindingRow.other_report_id.in_(reports))),
        (ReportValues, ReportValues.report_id.in_(reports)),
        (SectionRow, SectionRow.report_id.in_(reports)),
        (BlockRow, BlockRow.report_id.in_(reports)),
    ]
    filing = select(FilingDocument.filing_id).where(FilingDocument.document_id == document_id)
    chosen = {"chosen_document_id": None, "arranged_at": None}
    connection.execute(update(FilingRow).where(FilingRow.id.in_(filing)).values(arranged_at=None))
    connection.execute(update(FilingRow).where(FilingRow.chosen_document_id == document_id).values(chosen))
    connection.execute(update(AgencyAlias).where(AgencyAlias.document_id == document_id).values(document_id=None))
    tables = (FilingDocument, ReportRow, Output, CorrectionRow, Failure, SearchRow)
    of_document = [(table, table.document_id == document_id) for table in tables]
    counted = {
        table.__tablename__: connection.execute(delete(table).where(condition)).rowcount
        for table, condition in [*of_reports, *of_document]
    }
    return {name: count for name, count in (counted | rows).items() if count}


def _delete_cases(connection: Connection, document_id: int) -> dict[str, int]:
    """Delete the cases of findings that quote the document, with their moves. Return how many rows by table."""
    quoting = or_(FindingCase.document_id == document_id, FindingCase.other_document_id == document_id)
    ids = select(FindingCase.id).where(quoting)
    connection.execute(update(FindingRow).where(FindingRow.case_id.in_(ids)).values(case_id=None))
    moves = connection.execute(delete(FindingMove).where(FindingMove.case_id.in_(ids))).rowcount
    cases = connection.execute(delete(FindingCase).where(quoting)).rowcount
    return {FindingMove.__tablename__: moves, FindingCase.__tablename__: cases}


def _erase_moves(connection: Connection, document_id: int) -> None:
    """Erase from the history of the cases that are left what had been found in the document. Moves of before that do not say in
    which document it was: all of the document's filing.
    """
    was = FindingMove.detail["was"]
    own, other = was["document_id"].as_integer(), was["other_document_id"].as_integer()
    filings = select(FilingDocument.filing_id).where(FilingDocument.document_id == document_id)
    of_filing = FindingMove.case_id.in_(select(FindingCase.id).where(FindingCase.filing_id.in_(filings)))
    quoting = or_(own == document_id, other == document_id, own.is_(None) & of_filing)
    for move in connection.execute(select(FindingMove.id, FindingMove.detail).where(quoting)).all():
        kept = {name: value for name, value in (move.detail or {}).items() if name != "was"}
        connection.execute(update(FindingMove).where(FindingMove.id == move.id).values(detail=kept or None))


def _erase_texts(connection: Connection, document_id: int) -> None:
    """Erase texts that may quote the document. A path key stays unique: it becomes the digest of the row's own number."""
    stages = select(Stage.id).where(Stage.document_id == document_id)
    connection.execute(update(Attempt).where(Attempt.stage_id.in_(stages)).values(message=None))
    for source in connection.scalars(select(Source.id).where(Source.document_id == document_id)).all():
        key = hashlib.sha256(f"purged source {source}".encode()).hexdigest()
        connection.execute(update(Source).where(Source.id == source).values(path="", path_key=key, hints={}))


def tombstones(connection: Connection, document_ids: Sequence[int]) -> dict[int, TombstoneItem]:
    """Return the tombstones of those of ``document_ids`` that were purged, by document."""
    found: dict[int, TombstoneItem] = {}
    columns = (Tombstone.document_id, Tombstone.sha256, Tombstone.purged_at, Tombstone.purged_by, Tombstone.reason)
    for part in chunks(document_ids):
        for row in connection.execute(select(*columns).where(Tombstone.document_id.in_(part))):
            found[row.document_id] = TombstoneItem(*row)
    return found


def purged_contents(connection: Connection, contents: Sequence[str]) -> set[str]:
    """Return those of ``contents`` (sha256, hex) that were purged and must not be kept again."""
    return {
        sha256
        for part in chunks(contents)
        for sha256 in connection.scalars(select(Tombstone.sha256).where(Tombstone.sha256.in_(part)))
    }
