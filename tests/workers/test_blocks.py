"""Blocks in the runner of stages, in this process: each member stands and falls by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from sqlalchemy import Connection, Engine, event, select, text

from codebook.errors import GongkaiError
from codebook.records import Line, Place, Status
from codebook.stages import DOCUMENTS, OCR, RETRY, StageName
from database import ledger
from database.intake import register
from database.ledger import Arrival, Next, Queued
from database.models import Attempt, Document, Failure, Output, Stage
from database.session import run_transaction
from runtime import failpoints
from runtime.settings import Settings
from runtime.store import Store
from tests.workers.conftest import Clock
from tests.workers.test_stage import lose_answers
from workers import stage_runner
from workers.lease_heartbeat import LeaseHeartbeat
from workers.notifier import SilentNotifier, blocks, describe
from workers.stage_runner import StageRegistry, StageResult, StageRunner, Work
from workers.worker_context import WorkerContext

COUNT = 5


class Block:
    """Five documents and a runner of three stages: extract, parse, and load, which joins. ``seen`` is what was begun;
    what ``acts`` holds for (document, stage) is done there.
    """

    def __init__(self, engine: Engine, home: Path, **settings: Any) -> None:
        self.engine = engine
        self.settings = Settings(home=home, **settings)
        self.heartbeat = LeaseHeartbeat(engine, self.settings)
        self.notifier = SilentNotifier()
        context = WorkerContext(self.settings, engine, Store(self.settings.store), self.notifier, self.heartbeat, "w#1")
        functions = {StageName.EXTRACT: self.extract, StageName.PARSE: self.parse, StageName.LOAD: self.load}
        self.runner = StageRunner(context, StageRegistry(functions, {StageName.LOAD}))
        self.seen: list[tuple[int, str]] = []
        self.acts: dict[tuple[int, str], Callable[[], object]] = {}
        self.writes: dict[int, Callable[[Connection], object]] = {}
        self.passing = False  # whether only loading needs what parsing made
        arrivals = [Arrival(f"{number:064x}", "text/plain", 1, f"/{number}") for number in range(COUNT)]
        made = run_transaction(engine, lambda c: register(c, "b", arrivals))
        self.stages = [one.stage_id or 0 for one in made]

    def act(self, work: Work) -> None:
        key = (work.claim.document_id, str(work.claim.stage))
        self.seen.append(key)
        self.acts.get(key, lambda: None)()

    def extract(self, work: Work) -> StageResult:
        self.act(work)
        return StageResult(Line("extracted", Place()), [Next(StageName.PARSE)])

    def parse(self, work: Work) -> StageResult:
        self.act(work)
        assert work.output_of(StageName.EXTRACT, Line).text == "extracted"
        return StageResult(Line("parsed", Place()), [Next(StageName.LOAD)], passing=self.passing)

    def load(self, work: Work) -> StageResult:
        self.act(work)
        assert work.output_of(StageName.PARSE, Line).text == "parsed"
        write = self.writes.get(work.claim.document_id, lambda _: None)

        def extra(connection: Connection) -> None:
            write(connection)
            ledger.finish(connection, work.claim, Status.DUPLICATE, None)

        return StageResult(extra=extra)

    def run(self) -> str:
        return self.runner.run(self.stages, StageName.EXTRACT)

    def rows(self, *columns: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(select(*columns).order_by(columns[0]))]

    def of(self, document: int, *names: str) -> list[Any]:
        """These columns of the stages of a document."""
        columns = [getattr(Stage, name) for name in names]
        with self.engine.connect() as connection:
            query = select(*columns).where(Stage.document_id == document).order_by(Stage.id)
            return [tuple(row) for row in connection.execute(query)]

    def good(self, *documents: int) -> None:
        """These were loaded, each once, and the ledger is sound."""
        finished = [document for document, status in self.rows(Document.id, Document.status) if status == "duplicate"]
        assert finished == list(documents)
        with self.engine.connect() as connection:
            loads = select(Stage.document_id).join(Attempt, Attempt.stage_id == Stage.id)
            loads = loads.where(Stage.stage == "load", Attempt.outcome == "done").order_by(Stage.document_id)
            assert list(connection.scalars(loads)) == list(documents)
            # Nothing here makes reports, of which the books would ask.
            assert [one for one in ledger.invariants(connection) if "books" not in one] == []


@pytest.fixture
def block(engine: Engine, tmp_path: Path) -> Block:
    return Block(engine, tmp_path)


def fail(error: BaseException) -> Callable[..., object]:
    def act(*_: object) -> None:
        raise error

    return act


def commits_of(block: Block) -> list[bool]:
    """Of each transaction that this thread commits from now on, whether it waits for the disk. The heartbeat has its own."""
    commits: list[bool] = []
    thread = threading.get_ident()

    def note(connection: Connection) -> None:
        if threading.get_ident() == thread:
            commits.append(connection.get_execution_options()["gongkai_durable"])

    event.listen(block.engine, "commit", note)
    return commits


DONE = [("extract", "done"), ("parse", "done"), ("load", "done")]


def test_a_block_is_one_claim_and_a_transaction_for_each_document(block: Block) -> None:
    commits = commits_of(block)
    assert block.run() == "5 of 5 documents"
    assert len(commits) == 1 + COUNT
    block.good(1, 2, 3, 4, 5)
    assert [block.of(number, "stage", "state") for number in range(1, 6)] == [DONE] * COUNT
    assert {row[1:] for row in block.rows(Stage.id, Stage.block, Stage.fence)} == {(block.stages[0], 1)}
    assert [number for number, stage in block.seen if stage == "extract"] == [1, 2, 3, 4, 5]
    assert len(block.rows(Output.document_id, Output.stage)) == 2 * COUNT
    assert block.run() == "taken already"


def test_a_fault_ends_its_document_and_no_other(block: Block) -> None:
    block.acts[2, "extract"] = fail(GongkaiError("report.not_a_report", "x"))
    block.acts[3, "parse"] = fail(ValueError("a bug"))
    block.acts[4, "load"] = fail(GongkaiError("file.changed", "x"))
    block.writes[5] = fail(GongkaiError("report.no_year", "x"))
    block.run()
    block.good(1)
    assert block.of(2, "stage", "state") == [("extract", "rejected")]
    assert block.of(3, "stage", "state", "code") == [("extract", "done", None), ("parse", "failed", "internal")]
    assert block.of(4, "stage", "state", "transients")[2] == ("load", "waiting", 1)
    assert block.of(5, "stage", "state", "code")[2] == ("load", "failed", "report.no_year")
    assert len(block.rows(Failure.id)) == 3


@pytest.mark.parametrize("alone", [False, True])
def test_what_only_the_joining_stage_needs_is_kept_only_where_that_one_failed(block: Block, *, alone: bool) -> None:
    block.passing = True
    block.acts[2, "load"] = fail(GongkaiError("file.changed", "x"))
    for message in block.stages if alone else [block.stages]:
        block.runner.run(message, StageName.EXTRACT)
    block.good(1, 3, 4, 5)
    extracted = [(number, "extract") for number in range(1, 6)]
    assert sorted(block.rows(Output.document_id, Output.stage)) == sorted([*extracted, (2, "parse")])
    block.acts.clear()
    again = block.of(2, "id")[2][0]
    with block.engine.begin() as connection:
        connection.execute(text("update gk_stage set next_attempt_at = null where state = 'waiting'"))
    block.runner.run(again, StageName.LOAD)
    block.good(1, 2, 3, 4, 5)


@pytest.mark.parametrize("stage", ["extract", "parse", "load"])
@pytest.mark.parametrize("error", [MemoryError("x"), SoftTimeLimitExceeded()])
def test_memory_and_time_end_the_block_and_are_held_against_nobody(block: Block, error: BaseException, stage: str) -> None:
    """The process may be at its end because of what came before: that document is tried alone, the rest by another."""
    block.acts[2, stage] = fail(error)
    assert block.run() == "2 of 5 documents"
    block.good(1)
    (*_, last) = block.of(2, "state", "queue", "crashes", "attempts")
    assert last == ("waiting", "retry", 0, 0)
    for number in (3, 4, 5):
        assert block.of(number, "stage", "state", "queue", "attempts") == [("extract", "queued", "documents", 0)]
    assert [row[1] for row in block.rows(Attempt.stage_id, Attempt.outcome)].count("released") == 4


def test_after_a_fault_of_the_machine_the_rest_is_given_back_and_no_try_counts(block: Block) -> None:
    block.acts[1, "extract"] = fail(GongkaiError("store.unavailable", "x"))
    assert block.run() == "1 of 5 documents"
    block.good()
    assert [block.of(number, "attempts", "queue")[0] for number in range(1, 6)] == [(0, "documents")] * COUNT
    assert len(block.seen) == 1


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt()])
def test_a_worker_that_is_to_end_gives_back_what_is_not_completed(block: Block, error: BaseException) -> None:
    block.acts[3, "parse"] = fail(error)
    with pytest.raises(type(error)):
        block.run()
    block.good(1, 2)
    for number in (3, 4, 5):
        assert block.of(number, "stage", "state", "attempts", "owner") == [("extract", "queued", 0, None)]
    block.acts.clear()
    assert block.run() == "3 of 5 documents"  # its message comes again
    block.good(1, 2, 3, 4, 5)


def test_what_a_slow_document_leaves_no_time_for_is_given_back(engine: Engine, tmp_path: Path, clock: Clock) -> None:
    """So that each has nearly all of a message's time limit for itself."""
    block = Block(engine, tmp_path, light_seconds=3600)
    block.acts[2, "parse"] = lambda: clock.pass_by(400)
    assert block.run() == "2 of 5 documents"
    block.good(1, 2)
    assert [block.of(number, "state", "attempts") for number in (3, 4, 5)] == [[("queued", 0)]] * 3


def test_a_block_waits_for_the_disk_once_a_second_and_at_its_end(
    block: Block, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """What a slow document took counts when it is completed, not when the next one is."""
    waits = commits_of(block)
    monkeypatch.setattr(stage_runner, "_DURABLE_SECONDS", 3600.0)
    block.acts[3, "parse"] = lambda: clock.pass_by(4000)
    monkeypatch.setattr(stage_runner, "_BLOCK_SHARE", 1000.0)
    monkeypatch.setattr(stage_runner, "_IN_PLACE_SHARE", 1000.0)
    assert block.run() == "5 of 5 documents"
    assert waits == [False, False, False, True, False, True]  # the first is the claim


def test_what_is_given_back_is_locked_in_the_order_of_its_numbers(block: Block) -> None:
    """As the heartbeat locks it; messages may bring it in another order."""
    block.stages.reverse()
    block.acts[COUNT, "extract"] = fail(SystemExit(0))
    given: list[int] = []
    release = ledger.release
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "release", lambda c, claim: (given.append(claim.stage_id), release(c, claim))[1])
        with pytest.raises(SystemExit):
            block.run()
    assert given == sorted(block.stages)


def test_a_process_that_is_ended_at_the_time_limit_suspects_the_document_that_took_the_time(
    engine: Engine, tmp_path: Path, clock: Clock
) -> None:
    """It is tried alone, where a second time counts; the others are given back as they were."""
    block = Block(engine, tmp_path, light_seconds=3600)

    def hang() -> None:
        clock.pass_by(3300)
        raise SystemExit

    block.acts[2, "parse"] = hang
    with pytest.raises(SystemExit):
        block.run()
    block.good(1)
    assert block.of(2, "state", "queue", "attempts", "code") == [("waiting", RETRY, 0, "stage.timeout")]
    assert [block.of(number, "state", "queue", "attempts") for number in (3, 4, 5)] == [[("queued", DOCUMENTS, 0)]] * 3


def test_a_member_that_passed_on_is_dropped_and_the_others_are_kept(block: Block) -> None:
    def take_away() -> None:
        with block.engine.begin() as connection:
            lapsed = "update gk_stage set lease_until = '2001-01-01T00:00:00.000000Z' where document_id = 3"
            connection.execute(text(lapsed))
        policy = block.settings.policy
        run_transaction(block.engine, lambda c: ledger.expire_leases(c, 30, policy))

    block.acts[3, "parse"] = take_away
    assert block.run() == "5 of 5 documents"
    block.good(1, 2, 4, 5)
    assert block.of(3, "stage", "state", "losses") == [("extract", "waiting", 1)]
    assert block.rows(Output.document_id, Output.stage).count((3, "extract")) == 0


def test_a_document_that_was_discarded_meanwhile_stays_so(block: Block) -> None:
    chosen = ledger.Selection(documents=(4,))
    block.acts[1, "parse"] = lambda: run_transaction(block.engine, lambda c: ledger.discard(c, chosen, who="me", reason="r"))
    block.run()
    block.good(1, 2, 3, 5)
    assert block.of(4, "state") == [("discarded",)]


@pytest.mark.parametrize("commit", [1, 2, 4, 6])
def test_a_commit_whose_answer_is_lost_is_found_again(block: Block, monkeypatch: pytest.MonkeyPatch, commit: int) -> None:
    lose_answers(block.engine, monkeypatch, {commit})
    assert block.run() == "5 of 5 documents"
    block.good(1, 2, 3, 4, 5)
    assert {row[1] for row in block.rows(Stage.id, Stage.attempts)} == {1}


def test_a_fault_whose_answer_is_lost_is_noted_once(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    block.acts[2, "parse"] = fail(GongkaiError("report.not_a_report", "x"))
    lose_answers(block.engine, monkeypatch, {3})
    block.run()
    block.good(1, 3, 4, 5)
    assert len(block.rows(Failure.id)) == 1


def test_all_members_are_renewed_until_each_is_done(engine: Engine, tmp_path: Path) -> None:
    block = Block(engine, tmp_path, heartbeat_seconds=0.2)
    ends: list[Any] = []

    def look() -> None:
        with engine.begin() as connection:
            lapsed = "update gk_stage set lease_until = '2001-01-01T00:00:00.000000Z' where state = 'running'"
            connection.execute(text(lapsed))
        until = time.monotonic() + 20
        while time.monotonic() < until:
            ends[:] = [end for _, end in block.rows(Stage.id, Stage.lease_until) if end is not None]
            if all(end.year > 2001 for end in ends):
                return
            time.sleep(0.02)

    block.acts[2, "extract"] = look
    block.run()
    block.good(1, 2, 3, 4, 5)
    assert [end.year > 2001 for end in ends] == [True] * 4


def test_every_point_of_the_protocol_is_passed_for_every_document_and_stage(block: Block) -> None:
    passed: set[tuple[str, int, str]] = set()

    def listener(point: str, claim: Any) -> None:
        passed.add((point, claim.document_id, str(claim.stage)))

    end = failpoints.listen(listener)
    try:
        block.run()
    finally:
        end()
    points = ("after_claim", "after_work", "before_commit", "after_commit", "before_notify")
    assert passed == {(p, d, s) for p in points for d in range(1, 6) for s in ("extract", "parse")}  # load joins


# ---- messages ----


def queued(count: int, stage: StageName = StageName.EXTRACT, queue: str = DOCUMENTS, first: int = 1) -> list[Queued]:
    return [Queued(number, stage, queue, number) for number in range(first, first + count)]


def test_a_message_brings_fewer_where_little_waits() -> None:
    sizes = {count: [len(one) for one in blocks(queued(count), 32)] for count in (1, 31, 32, 100, 500, 2000)}
    assert (sizes[1], sizes[31], sizes[32]) == ([1], [1] * 31, [2] * 16)
    assert (sizes[100][0], len(sizes[100])) == (6, 17)
    assert (sizes[500][0], sizes[2000][0]) == (31, 32)
    assert blocks([], 32) == []
    assert [len(one) for one in blocks(queued(500), 1)] == [1] * 500


def test_the_order_is_kept_and_no_message_mixes_stages_or_queues() -> None:
    line = [*queued(40), *queued(40, StageName.PARSE, first=41), *queued(40, first=81)]
    parted = blocks(line, 32)
    assert [item for one in parted for item in one] == line
    assert all(len({(item.stage, item.queue) for item in one}) == 1 for one in parted)


@pytest.mark.parametrize(("stage", "queue"), [(StageName.OCR, OCR), (StageName.EXTRACT, RETRY)])
def test_pages_and_what_is_tried_again_have_a_message_each(stage: StageName, queue: str) -> None:
    assert {len(one) for one in blocks(queued(500, stage, queue), 32)} == {1}


def test_a_message_says_what_it_is_about() -> None:
    assert describe(queued(1)) == "document 1"
    assert describe(queued(3)) == "3 documents: 1, 2, 3"
