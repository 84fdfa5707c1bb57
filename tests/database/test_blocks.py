"""The ledger's blocks: many stages claimed at once, each with a fence of its own, and nobody blamed for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from codebook.records import Line, Place
from codebook.stages import StageName
from database import ledger
from database.ledger import Claim, Fault, Fenced, LeaseTerms, Next, Policy, Tries, decide
from database.models import Attempt, Document, Failure, Stage, StageState
from database.session import make_engine
from tests.database.test_ledger import Books

POLICY = Policy(base_seconds=0.0001, cap_seconds=0.0001, system_seconds=0.0001)
DEATH = Fault("worker.crashed", "the process died")


@pytest.fixture
def books(engine: Engine) -> Books:
    return Books(engine)


def some(books: Books, count: int = 4) -> list[int]:
    """Stages of documents that were registered just now."""
    return [one.stage_id or 0 for one in books.add(*[f"{number:x}" for number in range(1, count + 1)])]


def held(books: Books, stages: list[int], worker: str = "w#1") -> list[Claim]:
    return books(ledger.claim_block, stages, worker, 60)


def rows(books: Books, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row)[1:] for row in books.rows(Stage.id, *(getattr(Stage, name) for name in names))]


def test_a_block_is_claimed_at_once_in_its_order_each_with_a_fence_of_its_own(books: Books) -> None:
    first, second, third, _ = some(books)
    books.claim(second, "w#9")
    claims = held(books, [third, first])
    assert [claim.stage_id for claim in claims] == [third, first]
    assert [(claim.fence, claim.attempts, claim.block, claim.owner) for claim in claims] == [(1, 1, third, "w#1")] * 2
    assert [claim.sha256[-1] for claim in claims] == ["3", "1"]
    assert rows(books, "state", "block") == [("running", third), ("running", None), ("running", third), ("queued", None)]
    assert [tuple(row) for row in books.rows(Attempt.stage_id, Attempt.fence, Attempt.worker)] == [
        (first, 1, "w#1"),
        (second, 1, "w#9"),
        (third, 1, "w#1"),
    ]
    books.sound()


def test_what_cannot_be_claimed_alone_cannot_be_claimed_in_a_block(books: Books) -> None:
    """A message that comes twice, that is stale, and a document that waits for its time."""
    running, waiting, gone, free = stages = some(books)
    books.claim(running, "w#9")
    later = Policy(base_seconds=1e6, cap_seconds=1e6, system_seconds=1e6)
    books(ledger.fail, books.claim(waiting, "w#9"), Fault("store.unavailable", "x"), later)
    books(ledger.fail, books.claim(gone, "w#9"), Fault("report.not_a_report", "x"), POLICY)
    assert [claim.stage_id for claim in held(books, stages)] == [free]
    assert held(books, stages) == []
    assert held(books, [10**6]) == []
    books.sound()


def test_what_is_tried_again_is_in_no_block(books: Books) -> None:
    one, two = stages = some(books, 2)
    books(ledger.fail, books.claim(one), Fault("file.changed", "x"), POLICY)
    assert rows(books, "queue") == [("retry",), ("documents",)]
    assert [claim.stage_id for claim in held(books, stages)] == [two]
    assert books.claim(one).block is None


def test_each_member_is_completed_on_condition_of_its_own_fence(books: Books) -> None:
    one, two = held(books, some(books, 2))
    books.lapse()
    with books.engine.begin() as connection:  # only the first is taken over
        connection.execute(text("update gk_stage set lease_until = '2999-01-01' where id = :id"), {"id": two.stage_id})
    books(ledger.expire_leases, 30, POLICY)
    with pytest.raises(Fenced):
        books(ledger.complete, one, Line("late", Place()), {}, [Next(StageName.PARSE)])
    done = books(ledger.complete, two, Line("in time", Place()), {}, [Next(StageName.PARSE)], claim_next=True)
    assert done.claim is not None
    assert (done.claim.block, done.claim.fence) == (two.block, 1)  # what follows in place belongs to the same block
    assert rows(books, "state", "block") == [("waiting", two.block), ("done", two.block), ("running", two.block)]
    books.sound()


@pytest.mark.parametrize("who", ["worker", "rescuer"])
def test_a_process_that_dies_with_a_block_makes_nobody_suspect(books: Books, who: str) -> None:
    """Each is put back, to be tried alone, however often that happens: only a death alone counts."""
    stages = some(books, 3)
    books(ledger.beat, "w", 60)
    claims = held(books, stages)
    books(ledger.complete, claims[0], Line("x", Place()), {}, [Next(StageName.PARSE)])
    if who == "worker":
        ended = books(ledger.fail_claims_of, "w#1", DEATH, POLICY)
    else:
        books.lapse()
        ended = books(ledger.expire_leases, 60, POLICY)
    assert {(one.code, one.state) for one in ended} == {("worker.crashed", StageState.WAITING)}
    assert [one.stage_id for one in sorted(ended, key=lambda one: one.stage_id)] == stages[1:]
    back = ("waiting", "retry", 0, 0, 0)
    assert rows(books, "state", "queue", "attempts", "crashes", "losses")[1:3] == [back, back]
    assert [row.outcome for row in books.rows(Attempt.stage_id, Attempt.outcome)] == ["done", "released", "released"]
    assert books.rows(Failure.id) == []
    assert held(books, stages) == []  # the message of the block comes again
    alone = books.claim(stages[1])
    assert (alone.block, alone.attempts, alone.fence) == (None, 1, 2)
    books(ledger.fail_claims_of, "w#1", DEATH, POLICY)
    assert rows(books, "crashes", "attempts")[1] == (1, 1)
    books.sound()


def test_the_loss_of_a_worker_counts_for_its_blocks_as_for_others(books: Books) -> None:
    stages = some(books, 2)
    held(books, stages)
    books.lapse()
    assert {one.code for one in books(ledger.expire_leases, 60, POLICY)} == {"worker.lost"}
    assert rows(books, "state", "queue", "attempts", "crashes", "losses") == [("waiting", "retry", 1, 0, 1)] * 2


TIMEOUT = Fault("stage.timeout", "too long")


def guessed(books: Books, guess: str, policy: Policy = POLICY) -> list[int]:
    """A process died with a block of four, of which it had done the second; the rescuer found the others first."""
    stages = some(books)
    if guess == "worker.crashed":
        books(ledger.beat, "w", 60)
    claims = held(books, stages)
    parsed = books(ledger.complete, claims[1], Line("x", Place()), {}, [Next(StageName.PARSE)], claim_next=True).claim
    books(ledger.complete, parsed, Line("x", Place()), {}, [Next(StageName.VALIDATE)])
    books.lapse()
    assert {one.code for one in books(ledger.expire_leases, 60, policy)} == {guess}
    return [stages[0], *stages[2:]]


@pytest.mark.parametrize("guess", ["worker.crashed", "worker.lost"])
def test_the_true_reason_of_the_death_of_a_block_blames_nobody_either(books: Books, guess: str) -> None:
    """What the rescuer guessed is replaced for every member, and a loss that was none is taken back."""
    open_ones = guessed(books, guess)
    ended = books(ledger.fail_claims_of, "w#1", TIMEOUT, POLICY)
    assert [(one.stage_id, one.code, one.state) for one in ended] == [
        (one, "stage.timeout", StageState.WAITING) for one in open_ones
    ]
    back = ("waiting", "retry", "stage.timeout", 0, 0, 0)
    names = ("state", "queue", "code", "attempts", "crashes", "losses")
    assert [row[1:] for row in rows(books, "id", *names) if row[0] in open_ones] == [back] * 3
    tries = books.rows(Attempt.stage_id, Attempt.outcome, Attempt.code)
    assert [tuple(row)[1:] for row in tries if row.stage_id in open_ones] == [("released", "stage.timeout")] * 3
    assert [row.code for row in tries if row.stage_id not in open_ones] == [None, None]
    assert books(ledger.fail_claims_of, "w#1", TIMEOUT, POLICY) == []
    books.sound()


def test_a_block_that_was_set_aside_as_lost_too_often_is_tried_again(books: Books) -> None:
    last = Policy(base_seconds=0.0001, cap_seconds=0.0001, loss_limit=1)
    open_ones = guessed(books, "worker.lost", last)
    assert len(books.rows(Failure.id)) == 3
    assert len(books(ledger.fail_claims_of, "w#1", TIMEOUT, last)) == 3
    assert books.rows(Failure.id) == []
    assert {row.status for row in books.rows(Document.id, Document.status)} == {"processing"}
    assert books.claim(open_ones[0]).attempts == 1
    books.sound()


def test_of_a_member_that_was_claimed_again_only_the_books_are_corrected(books: Books) -> None:
    first, *others = guessed(books, "worker.lost")
    books.claim(first, "w#2")
    assert [one.stage_id for one in books(ledger.fail_claims_of, "w#1", TIMEOUT, POLICY)] == others
    tries = books.rows(Attempt.fence, Attempt.code, Attempt.stage_id)
    assert [tuple(row)[:2] for row in tries if row.stage_id == first] == [(1, "stage.timeout"), (2, None)]
    assert rows(books, "state", "owner", "losses")[0] == ("running", "w#2", 1)
    books.sound()


def test_the_rescuer_may_have_found_a_part_of_a_block(books: Books) -> None:
    stages = some(books, 3)
    held(books, stages)
    books.lapse()
    with books.engine.begin() as connection:
        connection.execute(text("update gk_stage set lease_until = '2999-01-01' where id = :id"), {"id": stages[1]})
    assert len(books(ledger.expire_leases, 60, POLICY)) == 2
    ended = books(ledger.fail_claims_of, "w#1", TIMEOUT, POLICY)
    assert sorted(one.stage_id for one in ended) == stages
    assert rows(books, "state", "code", "attempts", "losses") == [("waiting", "stage.timeout", 0, 0)] * 3
    books.sound()


def test_an_earlier_block_of_the_process_keeps_its_guess(books: Books) -> None:
    """It was frozen with that one, and died of another."""
    stages = some(books)
    held(books, stages[:2])
    books.lapse()
    books(ledger.expire_leases, 60, POLICY)
    held(books, stages[2:])
    assert len(books(ledger.fail_claims_of, "w#1", TIMEOUT, POLICY)) == 2
    assert rows(books, "code", "losses") == [("worker.lost", 1)] * 2 + [("stage.timeout", 0)] * 2


@pytest.mark.parametrize("act", ["death", "renewal"])
def test_the_rows_of_a_process_are_locked_in_the_order_of_their_numbers(postgres_url: str, act: str) -> None:
    """As its heartbeat and those who claim lock them: else two could wait for each other."""
    own = Books(make_engine(postgres_url, statement_seconds=120, lock_seconds=120))
    first, *others = some(own)
    held(own, [first, *others])
    with own.engine.begin() as connection:  # the first comes last now, in the table as it lies and by its lease
        connection.execute(text("update gk_stage set lease_until = lease_until + interval '1 s' where id = :id"), {"id": first})
    terms = {StageName.EXTRACT: LeaseTerms(60, 120)}
    acts: dict[str, Callable[[], object]] = {
        "death": lambda: own(ledger.fail_claims_of, "w#1", DEATH, POLICY),
        "renewal": lambda: own(ledger.renew_leases_of, ["w#1"], terms, -60.0),
    }
    with ThreadPoolExecutor(1) as pool:
        with own.engine.begin() as connection:
            lock = text("select id from gk_stage where id = :id for update nowait")
            connection.execute(lock, {"id": first})
            waiting = pool.submit(acts[act])
            with own.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
                blocked = text(
                    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
                )
                while not waiting.done() and not other.scalar(blocked):
                    time.sleep(0.01)
            for stage_id in others:  # a process that waits for the first holds no other
                connection.execute(lock, {"id": stage_id})
        waiting.result()
    own.sound()
    own.engine.dispose()


@pytest.mark.parametrize("code", ["worker.crashed", "worker.out_of_memory", "stage.timeout", "page.timeout"])
def test_what_ends_a_process_does_not_count_in_a_block(code: str) -> None:
    tries = Tries(3, 2, 1, 1)
    decided = decide(code, tries, Policy(), in_block=True)
    assert (decided.state, decided.tries, decided.outcome, decided.alone) == (
        StageState.WAITING,
        Tries(2, 2, 1, 1),
        "released",
        True,
    )
    assert decided.pause == 0
    assert decide(code, tries, Policy()).state is StageState.FAILED


@pytest.mark.parametrize("code", ["internal", "report.not_a_report", "file.changed", "worker.lost"])
def test_what_is_a_document_s_own_counts_in_a_block_as_alone(code: str) -> None:
    tries = Tries(1, 0, 0, 0)
    in_block, alone = decide(code, tries, Policy(), in_block=True), decide(code, tries, Policy())
    assert (in_block.state, in_block.tries, in_block.outcome) == (alone.state, alone.tries, alone.outcome)
    assert not in_block.alone


def test_two_workers_with_the_same_blocks_share_them_out(books: Books, database_url: str) -> None:
    stages = some(books, 200)
    start = threading.Barrier(2)

    def run(worker: int) -> list[int]:
        own = Books(make_engine(database_url, lazy_commit=True))
        start.wait()
        parts = [stages[number : number + 8] for number in range(0, 200, 5)]  # they overlap
        order = parts if worker else [part[::-1] for part in reversed(parts)]
        taken = [claim.stage_id for part in order for claim in held(own, part, f"w#{worker}")]
        own.engine.dispose()
        return taken

    with ThreadPoolExecutor(2) as pool:
        taken = [stage for part in pool.map(run, range(2)) for stage in part]
    assert sorted(taken) == stages
    assert {row.fence for row in books.rows(Stage.id, Stage.fence)} == {1}
    books.sound()
