"""What waits for a person: document by document, without what is decided and waits for its validation."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine

from codebook.records import Decided
from database.reports import corrections
from database.reports.reviewing import Backlog, ReviewScope, backlog, doubtful_cells, open_cells, waiting
from database.session import reading, run_transaction
from tests.database.test_corrections import CELL, DOUBTFUL, TOTAL, a_report, read
from tests.inline import Inline

ALL = ReviewScope()


@pytest.fixture
def inline(engine: Engine, tmp_path: Path) -> Inline:
    """Two documents with a doubtful cell, one of another batch without a year, one without doubts."""
    made = Inline(engine, tmp_path)
    doubtful, sure = a_report(DOUBTFUL), a_report(read(CELL, 5))
    elsewhere = msgspec.structs.replace(doubtful, region=("江苏省", "淮安市"), region_code="320800")
    for name, batch, report in (
        ("a", "one", doubtful),
        ("b", "one", elsewhere),
        ("c", "two", msgspec.structs.replace(sure, year=None)),
        ("d", "two", sure),
    ):
        made.have_read(made.add(name.encode(), "application/pdf", f"in/{name}.pdf", batch), report)
    return made


def found(inline: Inline, scope: ReviewScope = ALL, first: int = 0) -> list[int]:
    with reading(inline.engine) as connection:
        return [item.document_id for item in waiting(connection, scope, first=first, limit=1 if first < 0 else 20)]


def test_documents_with_doubts_in_order_by_batch_and_region(inline: Inline) -> None:
    assert found(inline) == [1, 2, 3]
    assert found(inline, first=2) == [2, 3]
    assert found(inline, ReviewScope(batch=1)) == [1, 2]
    assert found(inline, ReviewScope(region="江苏/淮安市")) == [2]
    assert found(inline, ReviewScope(region="淮%市")) == []
    with reading(inline.engine) as connection:
        assert backlog(connection, ALL) == Backlog(3, 3)
        assert backlog(connection, ReviewScope(region="江苏/淮安市")) == Backlog(1, 1)
        assert [item.facts for item in waiting(connection, ALL)] == [(), (), ("report.year",)]
        assert [value.indicator for value in doubtful_cells(connection, 1)] == [CELL]
        assert (open_cells(connection, 4), open_cells(connection, 3)) == ([], ["report.year"])


def test_what_is_decided_is_not_asked_again_before_its_validation(inline: Inline) -> None:
    act = corrections.correct

    def decide(number: int, indicator: str, value: int | str) -> None:
        told = {"who": "li", "reason": "", "pause": 60.0}
        run_transaction(inline.engine, lambda c: act(c, number, indicator, Decided.VALUE, value, **told))

    decide(1, CELL, 5)
    decide(3, "report.year", "2024")
    assert found(inline) == [2]
    with reading(inline.engine) as connection:
        assert backlog(connection, ALL) == Backlog(1, 1)
        assert (open_cells(connection, 1), open_cells(connection, 3)) == ([], [])
        (item,) = corrections.history(connection, document_id=1)
    run_transaction(inline.engine, lambda c: corrections.undo(c, item.number, who="li", pause=60))
    assert found(inline) == [1, 2]


def test_a_decision_that_is_contradicted_is_asked_about_again(inline: Inline) -> None:
    run_transaction(inline.engine, lambda c: corrections.correct(c, 1, CELL, Decided.VALUE, 5, who="li", reason=""))
    inline.work()
    assert found(inline) == [2, 3]
    inline.read_anew(1, a_report(read(CELL, 6)))
    assert found(inline) == [1, 2, 3]
    with reading(inline.engine) as connection:
        (value,) = doubtful_cells(connection, 1)
    assert (value.value, value.candidates) == (5, [5.0, 6.0])


def test_an_undone_decision_is_asked_about_after_its_validation(inline: Inline) -> None:
    done = run_transaction(inline.engine, lambda c: corrections.correct(c, 4, TOTAL, Decided.VALUE, 5, who="li", reason=""))
    inline.work()
    run_transaction(inline.engine, lambda c: corrections.undo(c, done.number, who="li"))
    inline.work()
    assert found(inline) == [1, 2, 3]
