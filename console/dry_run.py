"""A dry run of re-processing: documents are read again by a process with the limits of a worker, nothing is stored, and what
would change is returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Engine

from codebook.errors import CODES, GongkaiError
from codebook.records import Hints, Number, Record, State, Status
from console.limited_reader import LimitedReader, Original, reading_seconds
from console.reading_messages import ReadAnswer
from database.monitoring import queries
from database.monitoring.read_models import DocumentItem
from database.reports import corrections
from database.session import reading
from runtime.settings import Settings

_LOADED = (Status.ACCEPTED, Status.NEEDS_REVIEW)  # whose report's own status it is, unless other renditions settle its doubts


class DryRunChange(Record, frozen=True):
    """A value (or, with ``indicator`` None, the status) that would be another one. States say whether a number is sure."""

    document_id: int
    path: str
    indicator: str | None
    before: str
    after: str


def rehearse(engine: Engine, settings: Settings, ids: Sequence[int]) -> Iterator[DryRunChange]:
    """Return what would change in the documents ``ids`` if this version read them again, one document after the other.

    Raises GongkaiError ``store.unavailable`` or ``disk.full`` when an original cannot be read.
    """
    with LimitedReader() as reader:
        for document_id in ids:
            with reading(engine) as connection:
                item, decided = queries.document(connection, document_id), corrections.in_force(connection, document_id)
            hints = msgspec.convert(item.sources[0].hints, Hints) if item.sources else Hints()
            original = Original(settings.store, item.sha256, item.media_type, hints)
            answer = reader.read(original, settings, decided, seconds=reading_seconds(settings, item.pages or 1))
            if answer.code.startswith(("store.", "disk.")):
                raise GongkaiError(answer.code, answer.found, "an original that can be read")
            yield from _changes(item, answer)


def _changes(item: DocumentItem, answer: ReadAnswer) -> Iterator[DryRunChange]:
    path = item.sources[0].path if item.sources else item.sha256
    if answer.verdict is None:
        after: dict[str, str] = {}
        status = f"{CODES[answer.code].status} ({answer.code})"
    else:
        after = {reading.indicator: _told(reading.value, reading.state) for reading in answer.verdict.report.readings}
        status = answer.verdict.status
    before = {value.indicator: _told(*value.as_read) for value in item.values}
    was = next((report.status for report in item.reports if report.in_force and item.status in _LOADED), item.status)
    if Status(item.status) is not Status.PROCESSING and not status.startswith(was):
        yield DryRunChange(item.id, path, None, was, status)
    for indicator in sorted(before.keys() | after.keys()):
        old, new = before.get(indicator, "-"), after.get(indicator, "-")
        if old != new:
            yield DryRunChange(item.id, path, indicator, old, new)


def _told(value: Number | None, state: str) -> str:
    """A value with its state, as far as that matters: a sure number is itself, whether it was read once or proven."""
    number = "blank" if value is None else f"{value:g}" if value % 1 else f"{int(value)}"
    return f"{number} ({state})" if state == State.CORRECTED or State(state).unsettled else number
