"""What a batch took, and what is left to do."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, text, update

from codebook.records import Line, Place
from codebook.stages import StageName
from database import ledger
from database.clock import now
from database.intake import register
from database.ledger import Arrival, Fault, Next, Policy, Spent, throughput
from database.ledger.throughput import StageBacklog, StagePace, forecast
from database.models import Attempt, Document
from database.monitoring import queries
from database.session import reading

OUT = Line("x", Place())


def arrival(number: int) -> Arrival:
    return Arrival(f"{number:064x}", "text/plain", 1000, f"/in/{number}")


def work(connection: Connection, stage_id: int, following: list[Next], spent: Spent) -> list[int]:
    """Do a stage; gives the ids of what follows."""
    held = ledger.claim(connection, stage_id, "w#1", 60)
    assert held is not None
    done = ledger.complete(connection, held, OUT, {}, following, spent=spent, extra=lambda c: ledger.set_pages(c, held, 3))
    return [one.stage_id for one in done.queued]


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Ten documents in a batch: one extracted, with two pictures of which one was read; one failed. Two in another batch."""
    with engine.begin() as connection:
        made = register(connection, "one", [arrival(n) for n in range(10)])
        register(connection, "two", [arrival(1), arrival(11)])
        stages = [one.stage_id or 0 for one in made]
        pages = [Next(StageName.OCR, number) for number in (1, 2)]
        first, _ = work(connection, stages[0], pages, Spent(2.0, 1.0))
        work(connection, first, [Next(StageName.PARSE)], Spent(10.0, 9.0, "rapidocr"))
        held = ledger.claim(connection, stages[1], "w#2", 60)
        assert held is not None
        ledger.fail(connection, held, Fault("file.corrupt", "x"), Policy(), spent=Spent(0.5, 0.25))
        connection.execute(update(Attempt).values(started_at=now(-20), ended_at=now(-5)))
    return engine


def test_what_a_batch_took(filled: Engine) -> None:
    with reading(filled) as connection:
        took = throughput.of_batch(connection, "one")
        assert throughput.of_batch(connection, "none") is None
        other = throughput.of_batch(connection, "two")
    assert took is not None
    assert (took.documents, took.open, took.pages, took.size, took.failures) == (10, 9, 3, 10_000, {"file.corrupt": 1})
    found = {(one.stage, one.engine): (one.tries, one.done, one.failed, one.seconds, one.cpu_seconds) for one in took.stages}
    assert found == {("extract", ""): (2, 1, 1, 2.5, 1.25), ("ocr", "rapidocr"): (1, 1, 0, 10.0, 9.0)}
    assert took.cpu_seconds == 10.25
    assert took.wall_seconds == pytest.approx(15, abs=0.1)
    assert took.per_second == pytest.approx(1 / 15, rel=0.1)
    assert other is not None
    assert (other.documents, other.stages, other.wall_seconds, other.per_second) == (1, (), 0, 0)


def test_the_forecast_is_drawn_from_tries_of_late(filled: Engine) -> None:
    with reading(filled) as connection:
        left = queries.progress(connection, queries.DocumentScope(batch="one")).seconds_left
        unknown = queries.progress(connection, queries.DocumentScope(batch="two")).seconds_left
    # 1 picture, and 8 documents with 2 pictures each, of 10 s; 10 s of pictures were done within 20 s.
    assert left == pytest.approx(17 * 10 / (10 / 20), rel=0.1)
    assert unknown == pytest.approx(left, rel=1) or unknown is None
    with filled.begin() as connection:  # nothing ended of late, but a while ago
        connection.execute(update(Attempt).values(started_at=now(-320), ended_at=now(-300)))
    with reading(filled) as connection:
        assert queries.progress(connection, queries.DocumentScope(batch="one")).seconds_left == pytest.approx(
            170 / (10 / 320), rel=0.1
        )
    with filled.begin() as connection:
        connection.execute(update(Attempt).values(started_at=now(-9999), ended_at=now(-9990)))
        connection.execute(update(Document).values(finished_at=now(-9990)))
    with reading(filled) as connection:
        assert queries.progress(connection).seconds_left is None


def test_nothing_is_left_when_nothing_is_open(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("delete from gk_document"))
    with reading(engine) as connection:
        assert queries.progress(connection).seconds_left == 0


def test_the_forecast_by_hand() -> None:
    means = {"extract": 0.2, "parse": 0.1, "validate": 0.05, "load": 0.05, "ocr": 5.0}
    text_only = [StageBacklog("txt", "extract", "done", 50), StageBacklog("txt", "extract", "queued", 100)]
    assert forecast(text_only, StagePace(0.0, 2.0, means)) == pytest.approx(100 * 0.4 / 2)
    pdf = [StageBacklog("pdf", "extract", "done", 10), StageBacklog("pdf", "extract", "waiting", 30)]
    pictures = [
        StageBacklog("pdf", "ocr", "done", 14),
        StageBacklog("pdf", "ocr", "queued", 5),
        StageBacklog("pdf", "ocr", "failed", 1),
    ]
    mixed = [*text_only, *pdf, *pictures]
    coming = 30 * 20 / 10  # of PDF alone: texts have none
    assert forecast(mixed, StagePace(2.0, 1.0, means)) == pytest.approx((5 + coming) * 5 / 2)
    assert forecast(mixed, StagePace(2.0, 0.1, means)) == pytest.approx(130 * 0.4 / 0.1)
    assert forecast(mixed, StagePace(0.0, 1.0, means)) == pytest.approx((5 + coming) * 5 / 1)
    assert forecast(mixed, StagePace(1.0, 1.0, {"extract": 1.0})) is None  # nobody knows what a picture takes
    assert forecast(text_only, StagePace(0.0, 0.0, means)) is None
    assert forecast([StageBacklog("txt", "load", "waiting", 4)], StagePace(0.0, 1.0, means)) == pytest.approx(0.2)
