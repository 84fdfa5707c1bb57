"""Decisions of people about single cells: made, undone, listed, and applied again by each run of the document.

A decision belongs to the document (its content) and the cell's id, not to a version of the report. Whoever decides holds the
document's row, so that of two who decide at once the second is told. The document is then validated again in a new run, which
begins with the kept output of the parser: nothing is read again. A decision that falls into a run that is already going on is
taken up at that run's end (:func:`catch_up`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, and_, insert, select, update

from codebook.book import load_book
from codebook.records import UNSETTLED_STATES, Correction, Decided, Number, Reading, Record, Report
from codebook.stages import DOCUMENTS, StageName
from codebook.text.dates import dates
from codebook.text.numbers import whole
from database.clock import now
from database.filings.in_force import SHOWN
from database.ledger import Queued, outputs, start_again
from database.models import Batch, CorrectionRow, Document, ReportRow, Source, Stage, StageState
from database.sql import storable
from database.users.audit import note
from database.values import cells_by_indicator

AGENCY, REGION, YEAR = FACTS = ("report.agency", "report.region", "report.year")
_LONGEST_REASON = 2000


class CorrectionItem(Record, frozen=True):
    """A decision with its document, as lists show it. ``raw`` is what had been read; ``ended_at`` None: it stands."""

    number: int
    document_id: int
    sha256: str
    path: str | None
    agency: str | None
    year: int | None
    indicator: str
    decided: str
    value: float | None
    text: str | None
    raw: str
    reason: str
    decided_by: str
    decided_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    ended_reason: str | None
    replaced_by: int | None

    @property
    def told(self) -> str:
        """What was decided, as a text; empty for blank."""
        if self.text is not None:
            return self.text
        return "" if self.value is None else f"{whole(self.value)}"


class Seen(NamedTuple):
    """What a person had before their eyes: the decision that stood (None: none) and the reading, by its :func:`mark_of` (None:
    not shown).
    """

    number: int | None
    mark: str | None = None


def mark_of(raw: str) -> str:
    """A short mark of a reading's raw text, by which a page tells later what it had shown."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class CorrectionRefusedError(ValueError):
    """A decision that cannot be taken. ``why`` is one of WHYS, by which pages find their own words; the message is for people."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why


WHYS = (
    "no_report",
    "unknown_cell",
    "no_number",
    "not_whole",
    "negative",
    "not_read",
    "no_fact",
    "no_year",
    "no_kept_reading",
    "no_choice",
    "two_values",
    "row_beside_value",
    "value_beside_row",
)


class OvertakenError(Exception):
    """Another has decided (or the document was read again) since the person looked. ``by`` is that decision, None if there is
    none that stands or was undone.
    """

    def __init__(self, by: CorrectionItem | None) -> None:
        who = "the document was read again" if by is None else f"{by.decided_by} has decided: {by.told or 'blank'}"
        super().__init__(who)
        self.by = by


class Done(NamedTuple):
    """A decision that was written, and the stage to notify, if one can begin at once."""

    number: int
    queued: Queued | None


# ---- deciding -------------------------------------------------------------------------------------------------------------


def correct(
    connection: Connection,
    document_id: int,
    indicator: str,
    decided: Decided,
    value: Number | str | None = None,
    *,
    who: str,
    reason: str,
    seen: Seen | None = None,
    pause: float = 0.0,
    step: int | None = None,
) -> Done:
    """Decide what a cell of a document is, and have the document validated again, after ``pause`` seconds (in which further
    decisions join). ``step`` is the number of the first decision that is made at once with this one.

    ``value`` is a number in the indicator's unit, or a text for a fact of the report; it is ignored for BLANK and AS_READ
    (what is shown now). A decision that stood is replaced. Raises RefusedError, and OvertakenError when ``seen`` is no longer
    so.
    """
    head = _hold(connection, document_id)
    standing = _standing(connection, document_id, indicator)
    if seen is not None and seen.number != (standing.id if standing else None):
        raise OvertakenError(_latest(connection, document_id, indicator))
    read = None if indicator in FACTS else _parsed(connection, document_id, indicator)
    if seen is not None and seen.mark is not None and read is not None and seen.mark != mark_of(read.raw):
        raise OvertakenError(None)
    settled = _settled(connection, head, indicator, decided, value)
    values = {
        "document_id": document_id,
        "indicator": indicator,
        "decided": decided.value,
        "value": None if isinstance(settled, str) or settled is None else float(settled),
        "text": storable(settled) if isinstance(settled, str) else None,
        "raw": _told_before(connection, head, indicator) if indicator in FACTS else storable(read.raw) if read else "",
        "read": None if read is None else _storable(msgspec.to_builtins(read)),
        "reason": storable(reason)[:_LONGEST_REASON],
        "decided_by": who,
        "decided_at": now(),
        "step": step,
    }
    if standing is not None:
        _end(connection, standing.id, who, "")
    number = connection.execute(insert(CorrectionRow).values(**values).returning(CorrectionRow.id)).scalar_one()
    if standing is not None:
        connection.execute(update(CorrectionRow).where(CorrectionRow.id == standing.id).values(replaced_by=number))
    told = {"decided": decided.value, "value": settled, "correction": number, "replaces": standing.id if standing else None}
    note(connection, "correct", who, reason=reason, documents=[document_id], subject=indicator, **told)
    return Done(number, _validate_again(connection, head, pause))


def undo(connection: Connection, number: int, *, who: str, reason: str = "", pause: float = 0.0) -> Done:
    """End a decision: the cell is again what was read.

    Raises RefusedError when there is no such decision, OvertakenError when it no longer stands.
    """
    row = connection.execute(select(CorrectionRow.document_id, CorrectionRow.indicator).where(CorrectionRow.id == number)).first()
    if row is None:
        raise CorrectionRefusedError("unknown_cell", f"there is no correction {number}")
    head = _hold(connection, row.document_id)
    standing = _standing(connection, row.document_id, row.indicator)
    if standing is None or standing.id != number:
        raise OvertakenError(_latest(connection, row.document_id, row.indicator))
    _end(connection, number, who, reason)
    documents = [row.document_id]
    note(connection, "undo_correction", who, reason=reason, documents=documents, subject=row.indicator, correction=number)
    return Done(number, _validate_again(connection, head, pause))


def validate_now(connection: Connection, document_id: int) -> Queued | None:
    """Let a validation that waits for further decisions begin at once."""
    return _validate_again(connection, _hold(connection, document_id), 0.0, only_waiting=True)


def _hold(connection: Connection, document_id: int) -> Any:
    """The document, whose row is held until the end of the transaction. Raises RefusedError when it shows no report."""
    columns = (Document.id, Document.status, Document.run, Document.report_id)
    # Not FOR UPDATE: that would also keep out workers whose rows refer to the document.
    query = select(*columns).where(Document.id == document_id).with_for_update(key_share=True)
    row = connection.execute(query).first()
    if row is None or row.report_id is None or row.status not in SHOWN:
        raise CorrectionRefusedError("no_report", f"document {document_id} has no report in force")
    return row


def _standing(connection: Connection, document_id: int, indicator: str) -> Row[Any] | None:
    return connection.execute(
        select(CorrectionRow.id).where(
            CorrectionRow.document_id == document_id, CorrectionRow.indicator == indicator, CorrectionRow.ended_at.is_(None)
        )
    ).first()


def _end(connection: Connection, number: int, who: str, reason: str) -> None:
    ended = {"ended_by": who, "ended_at": now(), "ended_reason": storable(reason)[:_LONGEST_REASON]}
    connection.execute(update(CorrectionRow).where(CorrectionRow.id == number).values(**ended))


def _parsed(connection: Connection, document_id: int, indicator: str) -> Reading | None:
    """The reading as the parser left it: what validation will meet again."""
    found = outputs(connection, document_id, StageName.PARSE, Report).get(0)
    if found is None:
        raise CorrectionRefusedError(
            "no_kept_reading", f"what was read of document {document_id} is not kept; process it again first"
        )
    return next((reading for reading in found.readings if reading.indicator == indicator), None)


def _settled(connection: Connection, head: Any, indicator: str, decided: Decided, value: Number | str | None) -> Any:
    """The value that is decided, checked."""
    if indicator in FACTS:
        return _fact(indicator, decided, value)
    known = load_book().indicators.get(indicator)
    if known is None:
        raise CorrectionRefusedError("unknown_cell", f"{indicator}: no such cell")
    if decided is Decided.BLANK:
        return None
    if decided is Decided.AS_READ:
        shown = next((cell for _, cell in cells_by_indicator(connection, {head.report_id: [indicator]})), None)
        if shown is None or (shown.value is None and shown.state in UNSETTLED_STATES):
            raise CorrectionRefusedError("not_read", f"{indicator}: nothing was read that could be confirmed")
        return whole(shown.value)
    if isinstance(value, str) or value is None or value != value or abs(value) > 1e15:  # noqa: PLR0124 (not a number)
        raise CorrectionRefusedError("no_number", f"{indicator}: {value!r} is no number")
    if known.is_count and value != int(value):
        raise CorrectionRefusedError("not_whole", f"{indicator} counts; {value} is not whole")
    if value < 0 and not known.signed:
        raise CorrectionRefusedError("negative", f"{indicator} cannot be negative")
    return whole(round(value, 6))


def _fact(indicator: str, decided: Decided, value: Number | str | None) -> str:
    text = str(value or "").strip()
    if decided is not Decided.VALUE or not text or len(text) > 200:
        raise CorrectionRefusedError("no_fact", f"{indicator}: expected a text")
    if indicator == YEAR and not (text.isascii() and text.isdecimal() and dates().first_year <= int(text) <= datetime.now().year):
        raise CorrectionRefusedError("no_year", f"{indicator}: {text!r} is not a year from {dates().first_year} on")
    return text


def _told_before(connection: Connection, head: Any, indicator: str) -> str:
    """A fact as the report in force has it."""
    column = {AGENCY: ReportRow.agency, REGION: ReportRow.region, YEAR: ReportRow.year}[indicator]
    told: Any = connection.scalar(select(column).where(ReportRow.id == head.report_id))
    return "/".join(told) if isinstance(told, list) else "" if told is None else str(told)


def _storable(value: Any) -> Any:
    """``value`` without what no database takes in its texts."""
    if isinstance(value, dict):
        return {key: _storable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return storable(value) if isinstance(value, str) else value


# ---- validating again -----------------------------------------------------------------------------------------------------


def _validate_again(connection: Connection, head: Any, pause: float, *, only_waiting: bool = False) -> Queued | None:
    """Start a run from validation on, unless one is going on already: that takes the decision up at its end at the latest."""
    waits = connection.execute(
        select(Stage.id).where(
            Stage.document_id == head.id,
            Stage.run == head.run,
            Stage.stage == StageName.VALIDATE,
            Stage.state == StageState.WAITING,
            Stage.attempts == 0,
        )
    ).first()
    if waits is None and not only_waiting and head.id in start_again(connection, [head.id], StageName.VALIDATE):
        waits = connection.execute(
            select(Stage.id).where(Stage.document_id == head.id, Stage.run == head.run + 1, Stage.stage == StageName.VALIDATE)
        ).first()
    if waits is None:
        return None
    later = {"state": StageState.WAITING, "next_attempt_at": now(pause)}
    at_once = {"state": StageState.QUEUED, "next_attempt_at": None, "notified_at": None}
    connection.execute(update(Stage).where(Stage.id == waits.id).values(**(later if pause > 0 else at_once), updated_at=now()))
    return None if pause > 0 else Queued(waits.id, StageName.VALIDATE, DOCUMENTS)


def catch_up(connection: Connection, document_id: int, applied: Collection[int]) -> bool:
    """At the end of a run, in the transaction that ends it: begin another when the decisions that stand are not those that the
    run has ``applied``.
    """
    standing = select(CorrectionRow.id).where(CorrectionRow.document_id == document_id, CorrectionRow.ended_at.is_(None))
    if set(connection.scalars(standing)) == set(applied):
        return False
    return document_id in start_again(connection, [document_id], StageName.VALIDATE)


# ---- reading --------------------------------------------------------------------------------------------------------------


def in_force(connection: Connection, document_id: int) -> tuple[Correction, ...]:
    """The decisions about a document that stand, in the order in which they were made."""
    standing = select(CorrectionRow).where(CorrectionRow.document_id == document_id, CorrectionRow.ended_at.is_(None))
    return tuple(
        Correction(
            number=row.id,
            indicator=row.indicator,
            decided=Decided(row.decided),
            value=row.text if row.indicator in FACTS else whole(row.value),
            by=row.decided_by,
            at=row.decided_at.isoformat(timespec="seconds"),
            reason=row.reason,
            read=None if row.read is None else msgspec.convert(row.read, Reading),
        )
        for row in connection.execute(standing.order_by(CorrectionRow.id))
    )


def history(
    connection: Connection,
    *,
    document_id: int | None = None,
    indicator: str | None = None,
    batch: str | None = None,
    who: str | None = None,
    standing: bool = False,
    limit: int = 1000,
) -> list[CorrectionItem]:
    """Decisions, the newest first; with ``standing`` only those in force."""
    conditions: list[Any] = []
    conditions += [CorrectionRow.document_id == document_id] if document_id is not None else []
    conditions += [CorrectionRow.indicator == indicator] if indicator is not None else []
    conditions += [CorrectionRow.decided_by == who] if who is not None else []
    conditions += [CorrectionRow.ended_at.is_(None)] if standing else []
    if batch is not None:
        found = select(Source.document_id).join(Batch, Batch.id == Source.batch_id).where(Batch.name == batch)
        conditions.append(CorrectionRow.document_id.in_(found))
    own = [getattr(CorrectionRow, name) for name in CorrectionItem.__struct_fields__[6:]]
    query = (
        select(
            CorrectionRow.id,
            CorrectionRow.document_id,
            Document.sha256,
            _origin().scalar_subquery(),
            ReportRow.agency,
            ReportRow.year,
            *own,
        )
        .join(Document, Document.id == CorrectionRow.document_id)
        .outerjoin(ReportRow, ReportRow.id == Document.report_id)
        .where(*conditions)
        .order_by(CorrectionRow.id.desc())
        .limit(limit)
    )
    return [CorrectionItem(*row) for row in connection.execute(query)]


def _origin() -> Any:
    first = and_(Source.document_id == Document.id, Source.duplicate.is_(False))
    return select(Source.path).where(first).order_by(Source.id).limit(1).correlate(Document)


def _latest(connection: Connection, document_id: int, indicator: str) -> CorrectionItem | None:
    found = history(connection, document_id=document_id, indicator=indicator, limit=1)
    return found[0] if found else None


def items(connection: Connection, numbers: Sequence[int]) -> dict[int, CorrectionItem]:
    """Decisions by their numbers."""
    found = select(CorrectionRow.document_id).where(CorrectionRow.id.in_(list(numbers))).distinct()
    wanted = set(numbers)
    documents = list(connection.scalars(found))
    return {c.number: c for one in documents for c in history(connection, document_id=one) if c.number in wanted}
