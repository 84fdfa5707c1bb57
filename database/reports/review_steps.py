"""What a person decided in a review, step by step: how far they are, and which steps can still be undone."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, func, select

from codebook.records import Record
from database.filings.in_force import SHOWN
from database.models import CorrectionRow, Document, Source
from database.reports.corrections import CorrectionItem, items

_LOOKED_AT = 400  # decisions that are grouped into steps


class ReviewStep(Record, frozen=True):
    """Decisions that were made at once, about one document. ``standing`` are those that can be undone.

    ``shown``: the document shows a report, without which nothing can be undone.
    """

    decisions: tuple[CorrectionItem, ...]
    shown: bool

    @property
    def standing(self) -> tuple[CorrectionItem, ...]:
        """The decisions that still stand."""
        return tuple(one for one in self.decisions if one.ended_at is None) if self.shown else ()

    @property
    def ended(self) -> CorrectionItem | None:
        """The first decision that no longer stands: by whom and when it was ended says why it cannot be undone."""
        return next((one for one in self.decisions if one.ended_at is not None), None)


class OwnDecisions(Record, frozen=True):
    """How many decisions of a person stand, and about how many documents."""

    decisions: int
    documents: int


def steps(connection: Connection, who: str, limit: int = 10) -> list[ReviewStep]:
    """The last steps of a person, the newest first."""
    row = (CorrectionRow.id, CorrectionRow.step, CorrectionRow.document_id)
    query = select(*row).where(CorrectionRow.decided_by == who).order_by(CorrectionRow.id.desc()).limit(_LOOKED_AT)
    rows = connection.execute(query).all()
    grouped = [[r.id for r in its] for _, its in groupby(rows, key=lambda r: r.step or r.id)][:limit]
    found = items(connection, [number for numbers in grouped for number in numbers])
    documents = {item.document_id for item in found.values()}
    shown = select(Document.id).where(Document.id.in_(documents), Document.report_id.is_not(None), Document.status.in_(SHOWN))
    alive = set(connection.scalars(shown))
    made = [tuple(found[number] for number in sorted(numbers) if number in found) for numbers in grouped]
    return [ReviewStep(one, one[0].document_id in alive) for one in made if one]


def progress(connection: Connection, who: str, *, since: datetime | None = None, batch: int | None = None) -> OwnDecisions:
    """Count the decisions of a person that stand: since a moment, and about documents of a batch."""
    wanted: list[Any] = [CorrectionRow.decided_by == who, CorrectionRow.ended_at.is_(None)]
    if since is not None:
        wanted.append(CorrectionRow.decided_at >= since)
    if batch is not None:
        wanted.append(CorrectionRow.document_id.in_(select(Source.document_id).where(Source.batch_id == batch)))
    query = select(func.count(), func.count(CorrectionRow.document_id.distinct())).where(*wanted)
    return OwnDecisions(*connection.execute(query).one())
