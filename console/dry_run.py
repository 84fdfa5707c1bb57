"""A rehearsal of re-processing: the documents are read again, nothing is stored, and what would change is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Engine

from codebook.errors import GongkaiError
from codebook.records import Correction, Hints, Number, Record, Status
from database.monitoring import queries
from database.monitoring.read_models import DocumentItem
from database.reports import corrections
from database.session import reading
from runtime.store import Store
from tasks.flow import read_document


class Change(Record, frozen=True):
    """A value (or, with ``indicator`` None, the status) that would be another one. States say whether a number is sure."""

    document_id: int
    path: str
    indicator: str | None
    before: str
    after: str


def rehearse(engine: Engine, store: Store, ids: Sequence[int]) -> Iterator[Change]:
    """What would change in the documents ``ids`` if they were read again by this version, one document after the other.

    Raises GongkaiError store.unavailable when an original cannot be had.
    """
    for document_id in ids:
        with reading(engine) as connection:
            item, decided = queries.document(connection, document_id), corrections.in_force(connection, document_id)
        yield from _changes(item, store, decided)


def _changes(item: DocumentItem, store: Store, decided: Sequence[Correction]) -> Iterator[Change]:
    path = item.sources[0].path if item.sources else item.sha256
    hints = msgspec.convert(item.sources[0].hints, Hints) if item.sources else Hints()
    try:
        verdict = read_document(store.get(item.sha256), item.media_type, hints, corrections=decided)
    except GongkaiError as error:
        if error.code.startswith(("store.", "disk.")):
            raise
        after: dict[str, str] = {}
        status = f"{error.rule.status} ({error.code})"
    else:
        after = {reading.indicator: _told(reading.value, reading.state) for reading in verdict.report.readings}
        status = verdict.status
    before = {value.indicator: _told(value.value, value.state) for value in item.values}
    if Status(item.status) is not Status.PROCESSING and not status.startswith(item.status):
        yield Change(item.id, path, None, item.status, status)
    for indicator in sorted(before.keys() | after.keys()):
        old, new = before.get(indicator, "-"), after.get(indicator, "-")
        if old != new:
            yield Change(item.id, path, indicator, old, new)


def _told(value: Number | None, state: str) -> str:
    """A value with its state, as far as that matters: a sure number is itself, whether it was read once or proven."""
    number = "blank" if value is None else f"{value:g}" if value % 1 else f"{int(value)}"
    return f"{number} ({state})" if state in ("doubtful", "corrected") else number
