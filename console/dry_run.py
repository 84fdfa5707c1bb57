"""A dry run of re-processing: documents are read again by a process with the limits of a worker, nothing is stored, and what
would change is returned.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Engine

from codebook.errors import CODES, GongkaiError
from codebook.records import Correction, Hints, Number, Record, State, Status
from console.dry_run_process import ReadAnswer, ReadRequest
from database.monitoring import queries
from database.monitoring.read_models import DocumentItem
from database.reports import corrections
from database.session import reading
from runtime.child_command import module_command
from runtime.settings import Settings
from workers.run import SILENT

_LOADED = (Status.ACCEPTED, Status.NEEDS_REVIEW)  # whose report's own status it is, unless other renditions settle its doubts
_LIGHT_STAGES = 3  # extract, parse, validate: each may take light_seconds


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
    with _ReaderProcess(settings) as reader:
        for document_id in ids:
            with reading(engine) as connection:
                item, decided = queries.document(connection, document_id), corrections.in_force(connection, document_id)
            yield from _changes(item, reader.read(item, decided))


class _ReaderProcess:
    """The process that reads. When a document breaks it or takes too long it is ended; the next document starts another."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> _ReaderProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def read(self, item: DocumentItem, decided: Sequence[Correction]) -> ReadAnswer:
        """Return what is read of a document; ``stage.timeout`` or ``worker.crashed`` when the process did not answer.

        Raises GongkaiError for a fault of the store.
        """
        hints = msgspec.convert(item.sources[0].hints, Hints) if item.sources else Hints()
        store, memory = self._settings.store, self._settings.memory_bytes
        request = ReadRequest(store, item.sha256, item.media_type, hints, tuple(decided), memory)
        seconds = _LIGHT_STAGES * self._settings.light_seconds + (item.pages or 1) * self._settings.ocr_seconds
        answer = self._ask(request, seconds)
        if answer.code.startswith(("store.", "disk.")):
            raise GongkaiError(answer.code, answer.found, "an original that can be read")
        return answer

    def _ask(self, request: ReadRequest, seconds: float) -> ReadAnswer:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Timer(seconds, process.kill)
        late.start()
        try:
            process.stdin.write(msgspec.json.encode(request) + b"\n")
            process.stdin.flush()
            return msgspec.json.decode(process.stdout.readline(), type=ReadAnswer)
        except (OSError, msgspec.DecodeError):
            over = not late.is_alive()
            self._end()
            if over:
                return ReadAnswer(code="stage.timeout", found=f"more than {seconds:.0f} s")
            return ReadAnswer(code="worker.crashed", found="the process that read the document ended")
        finally:
            late.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            command = module_command("console.dry_run_process")
            environment = {**os.environ, **SILENT}
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


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
