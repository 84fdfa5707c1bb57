"""Registering all files under some paths, in pieces: a hundred thousand files take no more memory than a few hundred."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine

from codebook.errors import CODES, GongkaiError, UsageError
from codebook.records import Record
from database.intake import is_known, register, to_notify
from database.intake.purging import purged_contents
from database.intake.readmission import readmit, replace_stand_ins, replace_unpacked
from database.ledger import Arrival, Queued, Registered
from database.session import reading, run_transaction
from ingest.archives.limits import Limits
from ingest.files.bounded_reader import BoundedReader
from ingest.files.fingerprint import IN_MEMORY, content_of, stand_in
from ingest.files.intake import Intake, Taken, load_manifest
from ingest.files.keeping import ContentStore, Keeper, StoreFaultError
from ingest.files.page_images import decided_by
from ingest.files.walk import walk
from ingest.lists.manifest import Manifest
from ingest.names import shown
from runtime.log import get_logger

log = get_logger(__name__)

CHUNK = 200  # arrivals in one transaction
_NAME_LENGTH = 200
_DEFAULT = Limits()
STAND_INS = ("file.changed", "file.unreadable", "file.not_regular")
"""Codes of files whose content could not be told: something else stands in for it (see ingest.files.fingerprint.stand_in)."""
FETCH_STAND_INS = (*(code for code in CODES if code.startswith("fetch.")), "file.bomb", "worker.crashed", "internal")
"""Codes of addresses whose content could not be fetched."""
_ADDRESS = ("http://", "https://")


def stand_ins_of(path: str) -> tuple[str, ...]:
    """Return the codes of what may stand in for the content at ``path``."""
    return FETCH_STAND_INS if path.startswith(_ADDRESS) else STAND_INS


class IngestSummary(Record, frozen=True):
    """What came in. ``files`` counts documents, members of archives and refused archives: each is new, a duplicate, or was
    admitted again; ``rejected`` counts the new ones that were refused at registration, by code.

    ``passed_over`` counts what is nothing that came in (junk, parts of saved pages), by reason; ``first`` and ``last`` are the
    lowest and highest ids of the documents that are new or admitted again (None when there are none).
    """

    batches: tuple[str, ...] = ()
    expected: int = 0
    files: int = 0
    archives: int = 0
    documents: int = 0
    duplicates: int = 0
    readmitted: int = 0
    rejected: dict[str, int] = msgspec.field(default_factory=dict)
    passed_over: dict[str, int] = msgspec.field(default_factory=dict)
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    first: int | None = None
    last: int | None = None


def _ignore(*_: object) -> None:
    """Nobody wants to know."""


def default_batch(paths: Sequence[str]) -> str:
    """The name of a batch without ``--batch``: that of the first folder or file that was given, and today's date.

    A second run on the same day goes on with the same batch.
    """
    name = shown(Path(paths[0]).resolve().name) or "root"
    more = f" +{len(paths) - 1}" if len(paths) > 1 else ""
    return f"{name[: _NAME_LENGTH - 20]}{more} {date.today().isoformat()}"


def check_batch(batch: str | None) -> None:
    """Raises UsageError when the name of a batch is too long or empty."""
    if batch is not None and not 0 < len(batch) <= _NAME_LENGTH:
        raise UsageError(f"a batch name of {len(batch)} characters; expected 1 to {_NAME_LENGTH}")


class Plan(NamedTuple):
    """What is to be taken in, found to be possible. ``expected`` counts the files, archives as one.

    The file of the manifest (its real path) is no document where it lies among the others.
    """

    paths: tuple[str, ...]
    batch: str
    manifest: Manifest | None
    expected: int
    manifest_file: str | None = None


def plan(paths: Sequence[str], *, batch: str | None = None, manifest: Path | None = None, limits: Limits = _DEFAULT) -> Plan:
    """Look at what is asked for before anything is done.

    Raises UsageError when there are no paths, one is missing, the batch's name does not fit, or the manifest cannot be used.
    """
    if not paths:
        raise UsageError("no paths given; expected files, folders or archives")
    check_batch(batch)
    given = file = None
    if manifest is not None:
        file = os.path.realpath(manifest)
        with BoundedReader() as reader:
            given = load_manifest(manifest, reader, limits)
    return Plan(tuple(paths), batch or default_batch(paths), given, _survey(paths, given, file), file)


def begins_with_new(planned: Plan, engine: Engine) -> bool:
    """Return whether the first file of a plan holds something new, so that there will be something to do. False for what is not
    to be told at once: a large file, a folder of pages, a file that cannot be read.
    """
    for found in walk(planned.paths, decided_by(planned.manifest), leave=lambda path: _is_file(path, planned.manifest_file)):
        if found.note is None:
            try:
                if os.path.getsize(found.path) > IN_MEMORY:
                    return False
                with content_of(found.path) as content, reading(engine) as connection:
                    return not is_known(connection, content.sha256)
            except (OSError, GongkaiError):
                return False
    return False


def _is_file(path: str, file: str | None) -> bool:
    return file is not None and os.path.basename(path) == os.path.basename(file) and os.path.realpath(path) == file


def ingest_paths(
    planned: Plan,
    *,
    engine: Engine,
    store: ContentStore,
    limits: Limits,
    region: tuple[str, ...] = (),
    priority: int = 0,
    notify: Callable[[Sequence[Queued]], None] = _ignore,
    progress: Callable[[IngestSummary], None] = _ignore,
    known_as: Callable[[str], str] | None = None,
) -> IngestSummary:
    """Take in all files of a plan and register them.

    ``region`` is that of all files of which a manifest does not say another; work of a higher ``priority`` is served first.
    ``notify`` gets the new first stages after each commit; ``progress`` the summary so far; ``known_as`` says under which path a
    file came in where that is not the one at which it lies. Raises GongkaiError for faults of the
    machine: what was registered before stays, and running again goes on.
    """
    with Keeper(store) as keeper, BoundedReader() as reader:
        run = Run(engine, keeper, batch=planned.batch, notify=notify, progress=progress, expected=planned.expected)
        intake = Intake(reader, keeper, limits, planned.manifest, region, priority=priority)
        try:
            for found in walk(
                planned.paths, decided_by(planned.manifest), leave=lambda path: _is_file(path, planned.manifest_file)
            ):
                if found.note is not None and found.is_passed_over:
                    run.passed_over[found.note] += 1
                    continue
                came = found if known_as is None else msgspec.structs.replace(found, known_as=known_as(found.path))
                for taken in intake.take(came, follow=found.path in planned.paths):
                    run.archives = intake.archives
                    run.add(taken)
                run.add_unpacked(intake.unpacked)
            run.archives = intake.archives
            run.flush()
        except StoreFaultError as fault:
            raise fault.error from None
    return run.summary(_problems(planned.manifest), intake.notices)


def _problems(manifest: Manifest | None) -> list[str]:
    if manifest is None:
        return []
    return [*manifest.problems, *(f"{path!r} of the manifest fits no file" for path in manifest.unmatched())]


def _survey(paths: Sequence[str], manifest: Manifest | None, file: str | None) -> int:
    """Return how many files will come; the manifest sees them, so that it can find rows that fit several."""
    count = 0
    try:
        for found in walk(paths, decided_by(manifest), leave=lambda path: _is_file(path, file)):
            if found.note is None:
                count += 1
                if manifest is not None:
                    manifest.survey(found.shown)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"{shown(str(error.filename))}: no such file or folder; expected a path that exists") from error
    except OSError as error:
        raise UsageError(f"{shown(str(error.filename))}: {error.strerror}; expected a path that can be read") from error
    return count


class Run:
    """One run: arrivals that wait for their transaction, and what became of those before them.

    ``on_registered`` gets each arrival with what was registered of it, after the commit; the other two are those of
    :func:`ingest_paths`.
    """

    def __init__(
        self,
        engine: Engine,
        keeper: Keeper,
        *,
        batch: str,
        notify: Callable[[Sequence[Queued]], None],
        progress: Callable[[IngestSummary], None] = _ignore,
        on_registered: Callable[[Arrival, Registered], None] = _ignore,
        expected: int = 0,
    ) -> None:
        self._on_registered = on_registered
        self._engine, self._keeper, self._batch, self._notify, self._progress = engine, keeper, batch, notify, progress
        self._waiting: list[Taken] = []
        self._unpacked: list[str] = []
        self._counts: Counter[str] = Counter(expected=expected)
        self._rejected: Counter[str] = Counter()
        self._batches: dict[str, None] = {}
        self._ids: tuple[int, int] | None = None
        self.passed_over: Counter[str] = Counter()
        self.archives = 0

    def add(self, taken: Taken) -> None:
        """Have an arrival registered, by :meth:`flush` at the latest. Raises what that raises."""
        self._waiting.append(taken)
        if len(self._waiting) >= CHUNK:
            self.flush()

    def add_unpacked(self, contents: list[str]) -> None:
        """Take note of contents (and empty the list) whose members came in: where one was refused before, they replace it."""
        self._unpacked += contents
        contents.clear()

    def flush(self) -> None:
        """Register what waits, in one transaction for each batch, after its contents are kept; notify after the commit."""
        self._keeper.settle()
        for name, group in groupby(sorted(self._waiting, key=self._batch_of), key=self._batch_of):
            arrivals = [taken.arrival for taken in group]
            results, again, purged = run_transaction(self._engine, partial(_register, batch=name, arrivals=arrivals))
            for sha256 in purged:
                log.warning("a purged content came in again; it is not kept", sha256=sha256)
                self._keeper.delete(sha256)
            self._count(name, arrivals, results, again)
            if due := to_notify(results):
                self._notify(due)
            for arrival, result in zip(arrivals, results, strict=True):
                self._on_registered(arrival, result)
        self._waiting = []
        if self._unpacked:
            run_transaction(self._engine, partial(replace_unpacked, contents=self._unpacked))
            self._unpacked = []
        self._progress(self.summary())

    def _batch_of(self, taken: Taken) -> str:
        return taken.batch or self._batch

    def _count(self, name: str, arrivals: Sequence[Arrival], results: Sequence[Registered], again: Sequence[int]) -> None:
        self._batches[name] = None
        self._counts["files"] += len(results)
        self._counts["readmitted"] += len(again)
        fresh = [result.document_id for result in results if not result.duplicate]
        self._counts["documents"] += len(fresh)
        self._counts["duplicates"] += len(results) - len(fresh) - len(again)
        for arrival, result in zip(arrivals, results, strict=True):
            if arrival.rejection is not None and not result.duplicate:
                self._rejected[arrival.rejection[0]] += 1
        ids = [*fresh, *again, *(self._ids or ())]
        self._ids = (min(ids), max(ids)) if ids else None

    def summary(self, problems: Iterable[str] = (), notices: Iterable[str] = ()) -> IngestSummary:
        """The counts so far."""
        first, last = self._ids or (None, None)
        return IngestSummary(
            batches=tuple(self._batches),
            archives=self.archives,
            rejected=dict(self._rejected),
            passed_over={str(note): count for note, count in self.passed_over.items()},
            problems=tuple(problems),
            notices=tuple(notices),
            first=first,
            last=last,
            **self._counts,
        )


def _register(connection: Connection, batch: str, arrivals: Sequence[Arrival]) -> tuple[list[Registered], list[int], set[str]]:
    results = register(connection, batch, arrivals)
    admitted = _admitted(arrivals, results)
    again = readmit(connection, admitted) if admitted else []
    whole = [arrival.path for arrival in arrivals if arrival.rejection is None]
    replace_stand_ins(connection, [stand_in(code, path) for path in whole for code in stand_ins_of(path)])
    known = [arrival.sha256 for arrival, result in zip(arrivals, results, strict=True) if result.duplicate]
    return results, again, purged_contents(connection, known)


def _admitted(arrivals: Sequence[Arrival], results: Iterable[Registered]) -> dict[int, Arrival]:
    """Arrivals without a fault, of contents that were known before, by document."""
    pairs = zip(arrivals, results, strict=True)
    return {result.document_id: arrival for arrival, result in pairs if result.duplicate and arrival.rejection is None}
