"""Waiting for documents, with a bar that shows the state in the database, whichever process does the work."""

from __future__ import annotations

import time
from types import TracebackType

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from sqlalchemy import Engine

from codebook.records import Status
from console.cli.terminal.output import console, say
from database.monitoring import queries
from database.monitoring.queries import DocumentScope
from database.session import reading
from ingest.files.register_paths import IngestSummary
from runtime.language import said

_SHORTEST = 0.2  # seconds between two looks
_SHARE = 40  # a look, which goes through all documents, takes at most a fortieth of the time
_LINE_SECONDS = 30.0  # between two lines where there is no terminal
_NO_WORKER_SECONDS = 60.0


class Bar:
    """A bar on standard error: files registered, then documents finished. Without a terminal, a line now and then."""

    def __init__(self) -> None:
        screen = console(stderr=True)
        self._live = screen.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("[red]{task.fields[bad]}[/]"),
            console=screen,
            transient=True,
            disable=not self._live,
        )
        self._registered = self._progress.add_task(said("registered"), total=None, bad="")
        self._finished = self._progress.add_task(said("finished"), total=None, bad="", visible=False)
        self._next_line = time.monotonic() + _LINE_SECONDS

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def registered(self, summary: IngestSummary) -> None:
        """Show how far registering is."""
        total = max(summary.expected, summary.files)
        bad = sum(summary.rejected.values())
        self._progress.update(self._registered, completed=summary.files, total=total, bad=said(f"{bad} refused") if bad else "")
        self._line(f"registered {summary.files:,} of {total:,}")

    def finished(self, statuses: dict[str, int]) -> None:
        """Show how many documents are at an end, of those with these statuses."""
        total = sum(statuses.values())
        done = total - statuses.get(Status.PROCESSING, 0)
        bad = statuses.get(Status.FAILED, 0) + statuses.get(Status.REJECTED, 0)
        self._progress.update(
            self._finished, completed=done, total=total, bad=said(f"{bad} failed") if bad else "", visible=total > 0
        )
        self._line(f"finished {done:,} of {total:,}, {bad:,} of them failed or rejected")

    def _line(self, text: str) -> None:
        if not self._live and time.monotonic() >= self._next_line:
            say(text)
            self._next_line = time.monotonic() + _LINE_SECONDS


class CountBar:
    """A count on standard error of what is done, where the whole is not known. Without a terminal, a line now and then."""

    def __init__(self, noun: str) -> None:
        screen = console(stderr=True)
        self._live, self._noun = screen.is_terminal, noun
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=screen, transient=True, disable=not self._live)
        self._task = self._progress.add_task(noun, total=None)
        self._next_line = time.monotonic() + _LINE_SECONDS

    def __enter__(self) -> CountBar:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def show(self, count: int) -> None:
        """Show how many are done."""
        self._progress.update(self._task, completed=count)
        if not self._live and time.monotonic() >= self._next_line:
            say(f"{count:,} {self._noun}")
            self._next_line = time.monotonic() + _LINE_SECONDS


def wait(engine: Engine, scope: DocumentScope, bar: Bar, advice: str) -> None:
    """Wait until no document of ``scope`` is being processed. Gives ``advice`` once when nobody works for a minute."""
    began = time.monotonic()
    told = False
    while True:
        looked = time.monotonic()
        with reading(engine) as connection:
            statuses = queries.status_counts(connection, scope)
            idle = not told and looked - began > _NO_WORKER_SECONDS and not queries.live_workers(connection)
        bar.finished(statuses)
        if not statuses.get(Status.PROCESSING):
            return
        if idle:
            say(advice)
            told = True
        time.sleep(max(_SHORTEST, _SHARE * (time.monotonic() - looked)))
