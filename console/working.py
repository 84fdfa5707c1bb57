"""Taking files in and seeing them through: what `ingest`, `reprocess` and their summaries have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from codebook.records import Record, Status
from console.screen import Exit
from console.waiting import Bar, wait

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from database.queries import Progress, Scope
    from ingest.register import IngestSummary
    from workers.settings import Settings


class Request(Record, frozen=True):
    """What is to be taken in."""

    paths: tuple[str, ...]
    batch: str | None = None
    region: str | None = None
    manifest: str | None = None


class Outcome(Record, frozen=True):
    """What became of the documents of a scope."""

    progress: Progress
    codes: dict[str, int]
    severities: dict[str, int]
    seconds: float

    @property
    def exit_code(self) -> Exit:
        """0 when all are accepted, 3 when some need review, failed, were rejected, or are not finished."""
        good = (Status.ACCEPTED, Status.DISCARDED)
        return Exit.GOOD if all(status in good for status in self.progress.statuses) else Exit.ATTENTION


class Result(Record, frozen=True):
    """What came in, and what became of it."""

    summary: IngestSummary
    outcome: Outcome


def _silent(_: Sequence[int]) -> None:
    """Nobody is there to hear; whoever starts a machine later finds the stages in the database."""


@contextmanager
def machine(settings: Settings, engine: Engine, *, start: bool) -> Iterator[Callable[[Sequence[int]], None]]:
    """The way to ring for new first stages. With a shared broker its workers do the work; else ``start`` begins a machine of our
    own, which ends with the ``with`` statement, and without ``start`` nothing is rung for.
    """
    if settings.broker_url is None and not start:
        yield _silent
        return
    from database.ledger import DOCUMENTS, Queued  # noqa: PLC0415 (these load SQLAlchemy and Celery)
    from database.models import StageName  # noqa: PLC0415
    from workers.bell import Bell  # noqa: PLC0415
    from workers.local import local_machine  # noqa: PLC0415

    def ring(stages: Sequence[int]) -> None:
        bell.ring([Queued(stage, StageName.EXTRACT, DOCUMENTS) for stage in stages])

    bell = Bell(settings, engine)
    try:
        if settings.broker_url is None:
            with local_machine(settings):
                yield ring
        else:
            yield ring
    finally:
        bell.close()


def take_in(settings: Settings, engine: Engine, request: Request, *, waits: bool) -> Result:
    """Register what ``request`` names, and (when ``waits``) wait until it is at an end.

    Raises UsageError before anything is started, and GongkaiError for faults of the machine.
    """
    from database import queries  # noqa: PLC0415
    from database.session import reading  # noqa: PLC0415
    from ingest.limits import Limits  # noqa: PLC0415
    from ingest.manifest import region_of  # noqa: PLC0415
    from ingest.register import ingest_paths, plan  # noqa: PLC0415
    from workers.store import Store  # noqa: PLC0415

    began = time.monotonic()
    planned = plan(request.paths, batch=request.batch, manifest=Path(request.manifest) if request.manifest else None)
    with reading(engine) as connection:
        since = queries.moment(connection)
    with machine(settings, engine, start=waits) as ring, Bar() as bar:
        summary = ingest_paths(
            planned,
            engine=engine,
            store=Store(settings.store),
            limits=Limits.of(settings),
            region=region_of(request.region or ""),
            ring=ring,
            progress=bar.registered,
        )
        scope = _scope(settings, summary, since)
        if waits:
            wait(engine, scope, bar)
    return Result(summary, outcome_of(engine, scope, time.monotonic() - began))


def _scope(settings: Settings, summary: IngestSummary, since: object) -> Scope:
    """Which documents are this run's. On a machine of one's own also those that an interrupted run has left."""
    from database.queries import Scope  # noqa: PLC0415

    if settings.broker_url is None:
        return Scope(since=since)  # type: ignore[arg-type]
    if summary.first is None:
        return Scope(first=0, last=-1)
    only = summary.batches[0] if len(summary.batches) == 1 else None
    return Scope(batch=only, first=summary.first, last=summary.last)


def outcome_of(engine: Engine, scope: Scope, seconds: float) -> Outcome:
    """How the documents of ``scope`` stand."""
    from database import queries  # noqa: PLC0415
    from database.session import reading  # noqa: PLC0415

    with reading(engine) as connection:
        return Outcome(
            queries.progress(connection, scope),
            queries.error_counts(connection, scope),
            queries.finding_counts(connection, scope),
            round(seconds, 3),
        )


def see_through(settings: Settings, engine: Engine) -> Outcome:
    """Let a machine of our own (or the shared one) do what is due, and wait until all that is in work is at an end."""
    from database import queries  # noqa: PLC0415
    from database.session import reading  # noqa: PLC0415

    with reading(engine) as connection:
        scope = queries.Scope(since=queries.moment(connection))
    began = time.monotonic()
    with machine(settings, engine, start=True), Bar() as bar:
        wait(engine, scope, bar)
    return outcome_of(engine, scope, time.monotonic() - began)
