"""The runner of stages in this process: stages that are completed together, and what happens when the second one fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, select

from codebook.errors import GongkaiError
from codebook.records import Line, Place, Status
from database import ledger
from database.ledger import Arrival, Next, register
from database.models import Attempt, Document, Failure, Output, Stage, StageName
from database.session import run_transaction
from runtime.settings import Settings
from workers import stage_runner as runner
from workers.lease_heartbeat import Heart
from workers.stage_runner import Outcome, Work
from workers.worker_context import Process


class Silent:
    """A bell that nobody hears."""

    def ring(self, queued: Any) -> int:
        return len(queued)


@pytest.fixture
def process(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Process:
    """A process with a validation that passes and goes on to loading, which joins it."""

    def validate(_: Work) -> Outcome:
        return Outcome(Line("valid", Place()), [Next(StageName.LOAD)])

    monkeypatch.setattr(runner, "FUNCTIONS", {StageName.EXTRACT: validate})
    monkeypatch.setattr(runner, "_JOINING", {StageName.LOAD})
    settings = Settings()
    nothing: Any = None
    bell: Any = Silent()
    return Process(settings, engine, nothing, bell, Heart(engine, settings), "w#1")


def run(process: Process, load: Callable[[Work], Outcome]) -> str:
    """Run the first stage of a new document, whose loading is ``load``."""
    runner.FUNCTIONS[StageName.LOAD] = load
    arrival = Arrival(sha256="a" * 64, media_type="text/plain", size=1, path="/in/a.txt")
    (one,) = run_transaction(process.engine, lambda c: register(c, "batch", [arrival]))
    assert one.stage_id is not None
    monkey: Any = runner
    return str(monkey._run(process, one.stage_id, StageName.EXTRACT))


def rows(engine: Engine, *columns: Any) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(columns[0]))]


def test_two_stages_are_completed_together_and_both_are_written(process: Process) -> None:
    def load(work: Work) -> Outcome:
        assert work.output_of(StageName.EXTRACT, Line).text == "valid"
        return Outcome(extra=lambda c: ledger.finish(c, work.claim, Status.ACCEPTED, None))

    assert run(process, load).endswith("done")
    assert rows(process.engine, Stage.id, Stage.stage, Stage.state) == [(1, "extract", "done"), (2, "load", "done")]
    assert rows(process.engine, Attempt.stage_id, Attempt.outcome) == [(1, "done"), (2, "done")]
    assert rows(process.engine, Output.document_id, Output.stage) == [(1, "extract")]
    assert rows(process.engine, Document.id, Document.status) == [(1, "accepted")]


def test_a_joining_stage_that_fails_fails_under_its_own_name_and_leaves_the_first_done(process: Process) -> None:
    def load(work: Work) -> Outcome:
        def write(connection: Any) -> None:
            ledger.set_pages(connection, work.claim, 7)
            raise GongkaiError("internal", "in the middle")

        return Outcome(extra=write)

    assert run(process, load) == "document 1: load: failed internal"
    assert rows(process.engine, Stage.stage, Stage.state) == [("extract", "done"), ("load", "failed")]
    assert rows(process.engine, Failure.id, Failure.stage, Failure.code) == [(1, "load", "internal")]
    assert rows(process.engine, Output.document_id, Output.stage) == [(1, "extract")]
    assert rows(process.engine, Document.id, Document.pages) == [(1, None)]


def lose_answers(engine: Engine, monkeypatch: pytest.MonkeyPatch, which: set[int]) -> None:
    """The answers to these commits (from 1) never come, though the database has done them."""
    commits: list[int] = []
    commit = engine.dialect.do_commit

    def losing(connection: Any) -> None:
        commit(connection)
        commits.append(1)
        if len(commits) in which:
            error = sqlite3.OperationalError("the answer was lost")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error if engine.dialect.name == "sqlite" else psycopg.OperationalError("the answer was lost")

    monkeypatch.setattr(engine.dialect, "do_commit", losing)


@pytest.mark.parametrize("commit", [1, 2])
def test_a_commit_whose_answer_is_lost_is_found_again(process: Process, monkeypatch: pytest.MonkeyPatch, commit: int) -> None:
    """A claim that a process has made without knowing it would lapse in its hands, and the document be suspected."""

    def load(work: Work) -> Outcome:
        return Outcome(extra=lambda c: ledger.finish(c, work.claim, Status.ACCEPTED, None))

    arrival = Arrival(sha256="a" * 64, media_type="text/plain", size=1, path="/in/a.txt")
    run_transaction(process.engine, lambda c: register(c, "batch", [arrival]))
    runner.FUNCTIONS[StageName.LOAD] = load
    lose_answers(process.engine, monkeypatch, {commit})
    monkey: Any = runner
    assert monkey._run(process, 1, StageName.EXTRACT).endswith("done")
    assert rows(process.engine, Stage.stage, Stage.state, Stage.attempts) == [("extract", "done", 1), ("load", "done", 1)]
    assert rows(process.engine, Attempt.stage_id, Attempt.outcome) == [(1, "done"), (2, "done")]
    assert monkey._run(process, 1, StageName.EXTRACT) == "taken already"


def test_what_another_holds_is_not_found_again(process: Process) -> None:
    arrival = Arrival(sha256="a" * 64, media_type="text/plain", size=1, path="/in/a.txt")
    run_transaction(process.engine, lambda c: register(c, "batch", [arrival]))
    assert run_transaction(process.engine, lambda c: ledger.claim(c, 1, "w#2", 60)) is not None
    assert run_transaction(process.engine, lambda c: ledger.claimed_before(c, 1, "w#1", 60)) is None
    held = run_transaction(process.engine, lambda c: ledger.claimed_before(c, 1, "w#2", 60))
    assert held is not None
    assert (held.fence, held.attempts, held.sha256) == (1, 1, "a" * 64)
