"""The command that takes files in, and what it has in common with commands that wait for work: workers, the bar, the summary."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from codebook.records import Record, Status
from console.cli import environment
from console.cli.terminal.output import Exit, counted, plain, say, show, show_json
from console.cli.terminal.progress import Bar, wait
from console.cli.terminal.tables import documents_table, summary_parts
from database.ledger import Queued
from database.monitoring import queries
from database.monitoring.queries import DocumentScope
from database.monitoring.read_models import DocumentLine, Progress, ReportCounts
from database.session import reading
from ingest.archives.limits import Limits
from ingest.files.register_paths import IngestSummary, begins_with_new, ingest_paths, plan
from ingest.lists.manifest import region_of
from runtime.settings import Settings
from runtime.store import Store
from workers.local import local_supervisor
from workers.notifier import RedisNotifier

AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")]
LISTED = 30  # documents; more than that are counted, not listed


class Request(Record, frozen=True):
    """What is to be taken in."""

    paths: tuple[str, ...]
    batch: str | None = None
    region: str | None = None
    manifest: str | None = None
    priority: int = 0


class Outcome(Record, frozen=True):
    """What became of the documents of a scope; ``documents`` lists them when they are few enough to be looked at."""

    progress: Progress
    codes: dict[str, int]
    reports: ReportCounts
    severities: dict[str, int]
    seconds: float
    documents: tuple[DocumentLine, ...] = ()

    @property
    def exit_code(self) -> Exit:
        """0 when all are accepted, 3 when some need review, failed, were rejected, or are not finished."""
        good = (Status.ACCEPTED, Status.DISCARDED)
        return Exit.GOOD if all(status in good for status in self.progress.statuses) else Exit.ATTENTION


class Result(Record, frozen=True):
    """What came in, and what became of it."""

    summary: IngestSummary
    outcome: Outcome


class Workforce:
    """Who does the work. With a shared broker: its workers, wherever they are. Else a machine of our own, which starts when
    there is first something to do and ends with the ``with`` statement (see :func:`workforce`).
    """

    def __init__(self, settings: Settings, engine: Engine, stack: ExitStack) -> None:
        self._settings, self._engine, self._stack = settings, engine, stack
        self._own = settings.broker_url is None
        self._notifier: RedisNotifier | None = None

    @property
    def advice(self) -> str:
        """What to do when nobody seems to work."""
        if self._own:
            return f"no worker is running yet; see {self._settings.home / 'log'}"
        return "no worker is running; start one with `gongkai worker` and the rescuer with `gongkai recover`"

    def begin(self) -> None:
        """See to it that somebody can work."""
        if self._notifier is None:
            if self._own:
                self._stack.enter_context(local_supervisor(self._settings))
            self._notifier = RedisNotifier(self._settings, self._engine)
            self._stack.callback(self._notifier.close)

    def notify(self, stages: Sequence[Queued]) -> None:
        """Ring for the first stages of new documents."""
        self.begin()
        if self._notifier is not None:
            self._notifier.notify(stages)


@contextmanager
def workforce(settings: Settings, engine: Engine) -> Iterator[Workforce]:
    """Those who do the work of this command; a machine of our own ends with the ``with`` statement."""
    with ExitStack() as stack:
        yield Workforce(settings, engine, stack)


def _silent(_: Sequence[Queued]) -> None:
    """No worker is running; a machine that is started later finds the stages in the database."""


def take_in(settings: Settings, engine: Engine, request: Request, *, waits: bool) -> Result:
    """Register what ``request`` names, and (when ``waits``) wait until it is at an end.

    Raises UsageError before anything is started, and GongkaiError for faults of the machine.
    """
    began = time.monotonic()
    planned = plan(request.paths, batch=request.batch, manifest=Path(request.manifest) if request.manifest else None)
    with reading(engine) as connection:
        since = queries.moment(connection)
    with workforce(settings, engine) as hands, Bar() as bar:
        if waits and settings.broker_url is None and begins_with_new(planned, engine):
            hands.begin()  # its workers load their modules while files are registered
        summary = ingest_paths(
            planned,
            engine=engine,
            store=Store(settings.store),
            limits=Limits.of(settings),
            region=region_of(request.region or ""),
            priority=request.priority,
            notify=hands.notify if waits or settings.broker_url else _silent,
            progress=bar.registered,
        )
        scope = _scope(settings, summary, since)
        if waits:
            _finish(engine, scope, hands, bar)
        outcome = outcome_of(engine, scope, time.monotonic() - began)  # before the machine ends, which takes its time
    return Result(summary, outcome)


def _finish(engine: Engine, scope: DocumentScope, hands: Workforce, bar: Bar) -> None:
    """Wait for what is in work, if anything is."""
    with reading(engine) as connection:
        busy = queries.status_counts(connection, scope).get(Status.PROCESSING)
    if busy:
        hands.begin()
        wait(engine, scope, bar, hands.advice)


def _scope(settings: Settings, summary: IngestSummary, since: datetime) -> DocumentScope:
    """Return which documents are this run's. On a machine of one's own also those that an interrupted run has left."""
    if settings.broker_url is None:
        return DocumentScope(since=since)
    if summary.first is None:
        return DocumentScope(first=0, last=-1)
    only = summary.batches[0] if len(summary.batches) == 1 else None
    return DocumentScope(batch=only, first=summary.first, last=summary.last)


def outcome_of(engine: Engine, scope: DocumentScope, seconds: float) -> Outcome:
    """Return how the documents of ``scope`` stand."""
    with reading(engine) as connection:
        progress = queries.progress(connection, scope)
        few = sum(progress.statuses.values()) <= LISTED
        return Outcome(
            progress,
            queries.error_counts(connection, scope),
            queries.report_counts(connection, scope),
            queries.finding_counts(connection, scope),
            round(seconds, 3),
            tuple(queries.listing(connection, scope, LISTED)) if few else (),
        )


def see_through(settings: Settings, engine: Engine) -> Outcome:
    """Let a machine of our own (or the shared one) do what is due, and wait until all that is in work is at an end."""
    with reading(engine) as connection:
        scope = queries.DocumentScope(since=queries.moment(connection))
    began = time.monotonic()
    with workforce(settings, engine) as hands, Bar() as bar:
        _finish(engine, scope, hands, bar)
        return outcome_of(engine, scope, time.monotonic() - began)


def _tell_kept(engine: Engine, scope: DocumentScope) -> None:
    """Say what an interrupted run leaves: nothing that came in is lost."""
    with reading(engine) as connection:
        statuses = queries.status_counts(connection, scope)
    waiting = statuses.get(Status.PROCESSING, 0)
    done = sum(statuses.values()) - waiting
    say(f"interrupted; what came in is kept: {counted(done, 'document')} at an end, {counted(waiting, 'document')} waiting")
    if waiting:
        say("give the same command again to go on; what is there already is not taken in twice")


def ingest_files(
    paths: Annotated[list[str], typer.Argument(help="Files, folders (with all that is in them) and archives.")],
    *,
    batch: Annotated[str | None, typer.Option(help="Name of the batch. Default: the first path's name and today's date.")] = None,
    region: Annotated[str | None, typer.Option(help="Region of all files, from the province down: 江苏省/淮安市.")] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="CSV list of files with agency, region, year and publication date.")
    ] = None,
    priority: Annotated[int, typer.Option(min=0, max=9, help="Work of a higher priority is served first; 0 is usual.")] = 0,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Register only; workers elsewhere (or a later run) go on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take files in, wait until they are processed, and print what became of them.

    Exit code 0: all accepted or duplicate. 3: some need review, failed or were rejected. 2: wrong usage. 1: the machine
    (database, broker, store) stood in the way.
    """
    found = environment.settings()
    environment.tell_home(found)
    with environment.database(found, make=True) as engine:
        request = Request(tuple(paths), batch, region, str(manifest) if manifest else None, priority)
        with reading(engine) as connection:
            since = queries.moment(connection)
        try:
            result = take_in(found, engine, request, waits=not no_wait)
        except KeyboardInterrupt:
            _tell_kept(engine, DocumentScope(since=since))
            raise typer.Abort from None
    summary, outcome = result.summary, result.outcome
    for problem in summary.problems:
        say(f"[yellow]manifest[/]: {plain(problem)}")
    for notice in summary.notices:
        say(f"[yellow]summary[/]: {plain(notice)}")
    if as_json:
        show_json(result)
    else:
        if outcome.documents and not no_wait:
            show(documents_table(outcome.documents))
        became = (outcome.progress, outcome.codes, outcome.severities, outcome.seconds)
        show(*summary_parts(summary, *became, reports=outcome.reports))
    if no_wait:
        if found.broker_url is None and outcome.progress.open:
            say(f"{counted(outcome.progress.open, 'document')} waiting for the next `gongkai ingest` without --no-wait")
        raise typer.Exit(Exit.ATTENTION if summary.rejected else Exit.GOOD)
    raise typer.Exit(outcome.exit_code)
