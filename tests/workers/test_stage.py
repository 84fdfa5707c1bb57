"""The runner of stages in this process: stages that are completed together, and what happens when the second one fails."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, select

from codebook.errors import GongkaiError
from codebook.records import Line, Place, Status
from codebook.stages import StageName
from database import ledger
from database.intake import register
from database.ledger import Arrival, Next
from database.models import Attempt, Document, Failure, Output, Stage
from database.session import run_transaction
from runtime.settings import Settings
from runtime.store import Store
from tests.workers.conftest import Clock
from workers.lease_heartbeat import LeaseHeartbeat
from workers.notifier import SilentNotifier
from workers.stage_runner import StageRegistry, StageResult, StageRunner, Work
from workers.worker_context import WorkerContext

ARRIVAL = Arrival(sha256="a" * 64, media_type="text/plain", size=1, path="/in/a.txt")


@pytest.fixture
def registry() -> StageRegistry:
    """Stages of which the first passes and goes on to loading, which joins it."""

    def validate(_: Work) -> StageResult:
        return StageResult(Line("valid", Place()), [Next(StageName.LOAD)])

    return StageRegistry({StageName.EXTRACT: validate}, {StageName.LOAD})


@pytest.fixture
def context(engine: Engine, tmp_path: Path) -> WorkerContext:
    settings = Settings(home=tmp_path)
    return WorkerContext(settings, engine, Store(settings.store), SilentNotifier(), LeaseHeartbeat(engine, settings), "w#1")


@pytest.fixture
def runner(context: WorkerContext, registry: StageRegistry) -> StageRunner:
    return StageRunner(context, registry)


def run(runner: StageRunner, engine: Engine) -> str:
    """Run the first stage of a new document."""
    (one,) = run_transaction(engine, lambda c: register(c, "batch", [ARRIVAL]))
    assert one.stage_id is not None
    return runner.run(one.stage_id, StageName.EXTRACT)


def rows(engine: Engine, *columns: Any) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(columns[0]))]


def test_two_stages_are_completed_together_and_both_are_written(
    runner: StageRunner, registry: StageRegistry, engine: Engine
) -> None:
    def load(work: Work) -> StageResult:
        assert work.output_of(StageName.EXTRACT, Line).text == "valid"
        return StageResult(extra=lambda c: ledger.finish(c, work.claim, Status.ACCEPTED, None))

    registry.functions[StageName.LOAD] = load
    assert run(runner, engine).endswith("done")
    assert rows(engine, Stage.id, Stage.stage, Stage.state) == [(1, "extract", "done"), (2, "load", "done")]
    assert rows(engine, Attempt.stage_id, Attempt.outcome) == [(1, "done"), (2, "done")]
    assert rows(engine, Output.document_id, Output.stage) == [(1, "extract")]
    assert rows(engine, Document.id, Document.status) == [(1, "accepted")]


def test_a_joining_stage_that_fails_fails_under_its_own_name_and_leaves_the_first_done(
    runner: StageRunner, registry: StageRegistry, engine: Engine
) -> None:
    def load(work: Work) -> StageResult:
        def write(connection: Any) -> None:
            ledger.set_pages(connection, work.claim, 7)
            raise GongkaiError("internal", "in the middle")

        return StageResult(extra=write)

    registry.functions[StageName.LOAD] = load
    assert run(runner, engine) == "document 1: load: failed internal"
    assert rows(engine, Stage.stage, Stage.state) == [("extract", "done"), ("load", "failed")]
    assert rows(engine, Failure.id, Failure.stage, Failure.code) == [(1, "load", "internal")]
    assert rows(engine, Output.document_id, Output.stage) == [(1, "extract")]
    assert rows(engine, Document.id, Document.pages) == [(1, None)]


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
def test_a_commit_whose_answer_is_lost_is_found_again(
    runner: StageRunner, registry: StageRegistry, engine: Engine, monkeypatch: pytest.MonkeyPatch, commit: int
) -> None:
    """A claim that a process has made without knowing it would lapse in its hands, and the document be suspected."""

    def load(work: Work) -> StageResult:
        return StageResult(extra=lambda c: ledger.finish(c, work.claim, Status.ACCEPTED, None))

    run_transaction(engine, lambda c: register(c, "batch", [ARRIVAL]))
    registry.functions[StageName.LOAD] = load
    lose_answers(engine, monkeypatch, {commit})
    assert runner.run(1, StageName.EXTRACT).endswith("done")
    assert rows(engine, Stage.stage, Stage.state, Stage.attempts) == [("extract", "done", 1), ("load", "done", 1)]
    assert rows(engine, Attempt.stage_id, Attempt.outcome) == [(1, "done"), (2, "done")]
    assert runner.run(1, StageName.EXTRACT) == "taken already"


def test_what_another_holds_is_not_found_again(engine: Engine) -> None:
    run_transaction(engine, lambda c: register(c, "batch", [ARRIVAL]))
    assert run_transaction(engine, lambda c: ledger.claim(c, 1, "w#2", 60)) is not None
    assert run_transaction(engine, lambda c: ledger.claimed_before(c, 1, "w#1", 60)) is None
    held = run_transaction(engine, lambda c: ledger.claimed_before(c, 1, "w#2", 60))
    assert held is not None
    assert (held.fence, held.attempts, held.sha256) == (1, 1, "a" * 64)


@pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt()])
@pytest.mark.parametrize(
    ("seconds", "state", "attempts", "outcome"), [(3000, "queued", 0, "released"), (3300, "waiting", 1, "crashed")]
)
def test_a_process_that_is_ended_at_the_time_limit_does_not_give_its_work_back_uncounted(
    engine: Engine,
    context: WorkerContext,
    registry: StageRegistry,
    clock: Clock,
    error: BaseException,
    seconds: float,
    state: str,
    attempts: int,
    outcome: str,
) -> None:
    """Celery's pool ends a process at the time limit as it does when the worker stops, and its report may come second."""

    def hang(_: Work) -> StageResult:
        clock.pass_by(seconds)
        raise error

    registry.functions[StageName.EXTRACT] = hang
    slow = context.settings.model_copy(update={"light_seconds": 3600})
    with pytest.raises(type(error)):
        run(StageRunner(dataclasses.replace(context, settings=slow), registry), engine)
    assert rows(engine, Stage.state, Stage.attempts, Stage.crashes) == [(state, attempts, attempts)]
    assert rows(engine, Attempt.outcome) == [(outcome,)]
