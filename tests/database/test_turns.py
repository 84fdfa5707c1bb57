"""Batches share the workers, whatever their sizes, and what is urgent comes first; on PostgreSQL and SQLite."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from codebook.stages import StageName
from database import ledger
from database.intake import register
from database.ledger import Arrival, Claim, Next, Queued, Selection
from database.session import reading, run_transaction


class Line:
    """A line of documents. They are named by their batch."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.count = 0

    def join(self, batch: str, count: int, priority: int = 0) -> None:
        """Register so many documents."""
        numbers = range(self.count, self.count + count)
        self.count += count
        arrivals = [Arrival(f"{number:064x}", "text/plain", 1, f"/{batch}/{number}", priority=priority) for number in numbers]
        run_transaction(self.engine, lambda c: register(c, batch, arrivals))

    def serve(self, count: int, queue: str = "documents") -> str:
        """Take so many, in the order in which they are given, and end them; gives their batches in a row."""
        taken = run_transaction(self.engine, lambda c: ledger.take_due(c, queue, count, 1000))
        batches = "".join(self.batch_of(item) for item in taken)
        for item in taken:
            held = run_transaction(self.engine, lambda c, item=item: ledger.claim(c, item.stage_id, "w#1", 60))
            assert held is not None
            run_transaction(self.engine, lambda c, held=held: ledger.fail(c, held, ledger.Fault("report.no_year", ""), POLICY))
        return batches

    def batch_of(self, item: Queued) -> str:
        """The batch of a piece of work."""
        query = "select b.name from gk_stage s join gk_document d on d.id = s.document_id join gk_batch b on b.id = d.batch_id"
        with reading(self.engine) as connection:
            return str(connection.execute(text(f"{query} where s.id = :id"), {"id": item.stage_id}).scalar_one())

    def claim_first(self) -> Claim:
        """Take the first of the line."""
        (item,) = run_transaction(self.engine, lambda c: ledger.take_due(c, "documents", 1, 1000))
        held = run_transaction(self.engine, lambda c: ledger.claim(c, item.stage_id, "w#1", 60))
        assert held is not None
        return held


POLICY = ledger.Policy()


@pytest.fixture
def line(engine: Engine) -> Line:
    return Line(engine)


def test_a_small_batch_is_served_beside_a_large_one(line: Line) -> None:
    line.join("A", 100)
    assert line.serve(10) == "A" * 10
    line.join("b", 5)
    assert line.serve(12).count("b") == 5
    assert line.serve(100) == "A" * 83


def test_batches_get_equal_shares_however_large_and_from_when_they_come(line: Line) -> None:
    line.join("A", 60)
    line.serve(20)
    line.join("b", 30)
    line.serve(10)
    line.join("c", 30)
    for part in (line.serve(21) for _ in range(3)):
        assert max(part.count(batch) for batch in "Abc") - min(part.count(batch) for batch in "Abc") <= 2, part


def test_a_batch_that_goes_on_growing_has_no_advantage_and_no_disadvantage(line: Line) -> None:
    line.join("A", 30)
    line.serve(30)
    line.join("b", 40)
    line.join("A", 40)
    first = line.serve(20)
    assert abs(first.count("A") - first.count("b")) <= 2
    for _ in range(3):
        line.join("A", 2)  # as files come into a watched folder
    assert line.serve(10).count("b") >= 4


def test_what_is_urgent_comes_first_and_is_given_first(line: Line) -> None:
    line.join("A", 50)
    line.join("u", 3, priority=5)
    line.join("v", 2, priority=9)
    assert line.serve(10) == "vvuuuAAAAA"


def test_pages_keep_the_turn_of_their_document(line: Line) -> None:
    """Of two scanned documents of two batches, the pages of the first do not all come before those of a third."""
    line.join("A", 3)
    line.join("b", 1)
    for _ in range(4):
        held = line.claim_first()
        pages = [Next(StageName.OCR, page) for page in range(1, 6)]
        run_transaction(line.engine, lambda c, held=held, pages=pages: ledger.complete(c, held, None, {}, pages))
    taken = run_transaction(line.engine, lambda c: ledger.take_due(c, "ocr", 20, 1000))
    assert "".join(line.batch_of(item) for item in taken) == "AAAAAAAAAAbbbbbAAAAA"


def test_work_that_is_done_again_takes_turns_too(line: Line) -> None:
    line.join("A", 40)
    line.serve(40)
    line.join("b", 40)
    again = Selection(batch="A")
    assert run_transaction(line.engine, lambda c: ledger.reprocess(c, again, None, who="me", reason="better")) == 40
    served = line.serve(20)
    assert abs(served.count("A") - served.count("b")) <= 2, served


def test_work_is_found_in_the_order_of_an_index(engine: Engine) -> None:
    """However much waits: SQLite says how it goes about it."""
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL decides by the number of rows, which is small here")
    seen: list[str] = []
    line = Line(engine)
    line.join("A", 10)
    with engine.connect() as connection:
        connection.connection.driver_connection.set_trace_callback(seen.append)  # type: ignore[union-attr]
        ledger.take_due(connection, "documents", 5, 1000)
        connection.connection.driver_connection.set_trace_callback(None)  # type: ignore[union-attr]
        plans = [
            str(row)
            for statement in seen
            if "gk_stage" in statement and "priority" in statement
            for row in connection.exec_driver_sql(f"explain query plan {statement}")
        ]
    assert any("ix_gk_stage_turn" in plan for plan in plans)
    assert not any("TEMP B-TREE" in plan or "SCAN gk_stage" in plan for plan in plans), plans
