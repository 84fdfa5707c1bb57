"""The sums of a batch's tries equal a count of all, whichever transaction commits late, in whatever pieces they are added."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import Connection, Engine, delete, func, select, text, update

from codebook.records import Line, Place
from codebook.stages import StageName
from database import ledger, migrations
from database.clock import now
from database.intake import register
from database.ledger import Fault, Next, Policy, Spent, sums, throughput
from database.models import Attempt, BatchSpent, SpentUntil
from database.session import make_engine, reading
from tests.database.test_throughput import arrival

OUT = Line("x", Place())
RNG = Random(20261130)


def work(connection: Connection, stage_id: int, following: list[Next], seconds: float) -> list[int]:
    """Do a stage; gives the ids of what follows."""
    held = ledger.claim(connection, stage_id, "w#1", 60)
    assert held is not None
    engine = "rapidocr" if held.stage is StageName.OCR else None
    done = ledger.complete(connection, held, OUT, {}, following, spent=Spent(seconds, seconds / 2, engine))
    return [one.stage_id for one in done.queued]


def some_work(connection: Connection, batch: str, first: int) -> None:
    """Twelve documents: most extracted, some with two pictures, one failed, one given back, one still going on."""
    made = register(connection, batch, [arrival(first + number) for number in range(12)])
    stages = [one.stage_id or 0 for one in made]
    for number, stage in enumerate(stages[:9]):
        pages = [Next(StageName.OCR, page) for page in (1, 2)] if number % 3 == 0 else [Next(StageName.PARSE)]
        for page in work(connection, stage, pages, RNG.uniform(0.1, 3))[: len(pages) - 1]:
            work(connection, page, [Next(StageName.PARSE)], RNG.uniform(0.1, 3))
    held = [ledger.claim(connection, stage, "w#2", 60) for stage in stages[9:]]
    assert held[0] is not None
    assert held[1] is not None
    ledger.fail(connection, held[0], Fault("file.corrupt", "x"), Policy(), spent=Spent(0.5, 0.25))
    ledger.release(connection, held[1])


def age(connection: Connection) -> None:
    """Make what has ended some minutes old, each try by its own time."""
    for stage, fence in connection.execute(select(Attempt.stage_id, Attempt.fence).where(Attempt.ended_at > now(-29))).all():
        at = -60 - RNG.random() * 600
        this_try = (Attempt.stage_id == stage, Attempt.fence == fence)
        connection.execute(update(Attempt).where(*this_try).values(started_at=now(at - 3), ended_at=now(at)))


def counted(engine: Engine, batch: str) -> throughput.Throughput | None:
    """What a batch took, counted from all of its tries: the sums forgotten for the moment."""
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(delete(BatchSpent))
        connection.execute(update(SpentUntil).values(until=None))
        took = throughput.of_batch(connection, batch)
        transaction.rollback()
    return took


def assert_same(engine: Engine) -> None:
    for batch in ("one", "two"):
        with reading(engine) as connection:
            took = throughput.of_batch(connection, batch)
        expected = counted(engine, batch)
        assert took is not None
        assert expected is not None
        assert (took.began, took.ended) == (expected.began, expected.ended)
        for mine, its in zip(took.stages, expected.stages, strict=True):
            assert (mine.stage, mine.engine, mine.tries, mine.done, mine.failed) == (
                *(its.stage, its.engine, its.tries, its.done, its.failed),
            )
            assert (mine.seconds, mine.cpu_seconds, mine.wall_seconds) == pytest.approx(
                (its.seconds, its.cpu_seconds, its.wall_seconds)
            )


def add_all(engine: Engine, piece: int) -> int:
    """Add until nothing comes any more. Return how many were added."""
    added = [1, 1]
    while any(added[-2:]):  # PostgreSQL: one call finds how far the next may go
        with engine.begin() as connection:
            added.append(ledger.add_ended(connection, piece))
    return sum(added) - 2


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_sums_are_what_all_tries_add_up_to(engine: Engine, piece: int) -> None:
    with engine.begin() as connection:
        some_work(connection, "one", 0)
        some_work(connection, "two", 100)
        age(connection)
    assert_same(engine)  # nothing is summed up yet: what an upgrade finds
    with engine.begin() as connection:
        ended = connection.scalar(select(func.count()).where(Attempt.ended_at.is_not(None)))
    assert add_all(engine, piece) == ended
    assert_same(engine)
    with engine.begin() as connection:  # again, of old and new documents
        register(connection, "two", [arrival(number) for number in range(100, 104)])
        some_work(connection, "two", 200)
    assert_same(engine)
    assert add_all(engine, piece) == 0  # it ended just now
    with engine.begin() as connection:
        total = connection.scalar(select(func.sum(BatchSpent.tries)))
    assert total == ended


def test_a_page_looks_at_no_try_that_is_summed_up(engine: Engine) -> None:
    with engine.begin() as connection:
        some_work(connection, "one", 0)
        age(connection)
    add_all(engine, 10_000)
    with engine.begin() as connection:
        before = throughput.of_batch(connection, "one")
        connection.execute(update(Attempt).where(Attempt.ended_at.is_not(None)).values(seconds=1e6))
        assert throughput.of_batch(connection, "one") == before


def test_a_try_whose_transaction_commits_late_is_not_passed_over(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    migrations.upgrade(engine)
    with engine.begin() as connection:
        some_work(connection, "one", 0)
        some_work(connection, "two", 100)
        age(connection)
        late = register(connection, "one", [arrival(50)])[0].stage_id or 0
    with engine.connect() as slow, slow.begin():
        work(slow, late, [Next(StageName.PARSE)], 1.0)
        slow.execute(update(Attempt).where(Attempt.stage_id == late).values(ended_at=now(-300)))
        for _ in range(3):
            with engine.begin() as connection:
                assert ledger.add_ended(connection) == 0
    assert add_all(engine, 5) > 0
    assert_same(engine)
    engine.dispose()


def test_a_try_that_gets_another_outcome_gets_it_in_the_sums(engine: Engine) -> None:
    with engine.begin() as connection:
        some_work(connection, "one", 0)
        some_work(connection, "two", 100)
        age(connection)
    add_all(engine, 10_000)
    failed = select(Attempt.stage_id, Attempt.fence).where(Attempt.outcome == "failed").limit(1)
    with engine.begin() as connection:
        stage, fence = connection.execute(failed).one()
        sums.change_outcome(connection, stage, fence, "released")
    assert_same(engine)
    with engine.begin() as connection:
        sums.change_outcome(connection, stage, fence, "crashed")
    assert_same(engine)


def test_a_clock_that_was_set_back_counts_nothing_twice(engine: Engine) -> None:
    with engine.begin() as connection:
        some_work(connection, "one", 0)
        some_work(connection, "two", 100)
        age(connection)
    total = add_all(engine, 10_000)
    with engine.begin() as connection:
        connection.execute(update(SpentUntil).values(until=now(3600)))
    assert add_all(engine, 10_000) == 0
    with engine.begin() as connection:
        assert connection.scalar(select(func.sum(BatchSpent.tries))) == total


def test_the_way_back_and_forward(engine: Engine) -> None:
    with engine.begin() as connection:
        some_work(connection, "one", 0)
        some_work(connection, "two", 100)
        age(connection)
    add_all(engine, 10_000)
    migrations.downgrade(engine, "0025")
    migrations.upgrade(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from gk_batch_spent")) == 0
    assert_same(engine)
    assert add_all(engine, 10_000) > 0
    assert_same(engine)
