"""What people ask of the database, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.exc import NoResultFound

from codebook.records import Hints
from database.clock import now
from database.intake import register
from database.intake.refusals import refusals
from database.ledger import Arrival, claim
from database.models import Document
from database.monitoring import queries
from database.monitoring.queries import DocumentScope
from database.session import reading


def arrive(number: int, path: str, code: str | None = None) -> Arrival:
    rejection = (code, "found") if code else None
    return Arrival(f"{number:064x}", "text/plain", 10, path, Hints(path=path), rejection=rejection)


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Documents 1 and 2 and a duplicate of 1 in one batch; 3, refused, and 2 again in another."""
    with engine.begin() as connection:
        register(connection, "one", [arrive(1, "in/a 1.txt"), arrive(2, "in/b_2.txt"), arrive(1, "copy/a 1.txt")])
        register(connection, "two", [arrive(3, "in/c%.txt", "file.empty"), arrive(2, "again/b_2.txt")])
    return engine


def test_scopes(filled: Engine) -> None:
    with reading(filled) as connection:
        since = queries.moment(connection)
        counts = {
            "all": queries.status_counts(connection),
            "one": queries.status_counts(connection, DocumentScope(batch="one")),
            "two": queries.status_counts(connection, DocumentScope(batch="two")),
            "first": queries.status_counts(connection, DocumentScope(first=2, last=2)),
            "since": queries.status_counts(connection, DocumentScope(since=since)),
            "none": queries.status_counts(connection, DocumentScope(batch="three")),
        }
    assert counts == {
        "all": {"processing": 2, "rejected": 1},
        "one": {"processing": 2},
        "two": {"processing": 1, "rejected": 1},
        "first": {"processing": 1},
        "since": {"processing": 2},
        "none": {},
    }


def test_progress_has_stages_and_a_rate(filled: Engine) -> None:
    with filled.begin() as connection:
        connection.execute(update(Document).where(Document.id == 1).values(status="accepted", finished_at=now(-10)))
    with reading(filled) as connection:
        found = queries.progress(connection)
        assert queries.finding_counts(connection) == {}
        assert queries.error_counts(connection) == {"file.empty": 1}
        assert queries.has_batch(connection, "one")
        assert not queries.has_batch(connection, "three")
        assert [(batch.name, batch.documents, batch.sources) for batch in queries.batches(connection)] == [
            ("two", 1, 2),
            ("one", 2, 3),
        ]
    assert {(item.stage, item.state): item.count for item in found.stages} == {("extract", "queued"): 2}
    assert (found.documents, found.open) == (3, 1)
    assert found.per_second == pytest.approx(0.2, rel=0.2)
    assert found.seconds_left == pytest.approx(5, rel=0.2)


def test_a_document_is_found_by_number_hash_and_path(filled: Engine) -> None:
    with reading(filled) as connection:
        keys = ["1", f"{1:064x}", "in/a 1.txt", "a 1.txt", "copy/a 1.txt", "b_2.txt", "c%.txt", "0" * 8, "bx2.txt", "%", "999"]
        found = {key: queries.find_documents(connection, key) for key in keys}
        (third,) = queries.find_documents(connection, f"{3:064x}")  # not always 3: numbers may have gaps
    assert found == {
        "1": [1],
        f"{1:064x}": [1],
        "in/a 1.txt": [1],
        "a 1.txt": [1],
        "copy/a 1.txt": [1],
        "b_2.txt": [2],
        "c%.txt": [third],
        "0" * 8: [1, 2, third],
        "bx2.txt": [],
        "%": [],
        "999": [],
    }


def test_a_document_with_its_tries(filled: Engine) -> None:
    with filled.begin() as connection:
        stage = queries.document(connection, 1).stages[0]
        assert claim(connection, stage.id, "worker#1", 60) is not None
    with reading(filled) as connection:
        (third,) = queries.find_documents(connection, "in/c%.txt")
        one, three = queries.document(connection, 1), queries.document(connection, third)
        assert [(one.document_id, one.sha256) for one in refusals(connection, [1, third])] == [(third, f"{3:064x}")]
        with pytest.raises(NoResultFound):
            queries.document(connection, 99)
    assert [(source.path, source.duplicate) for source in one.sources] == [("in/a 1.txt", False), ("copy/a 1.txt", True)]
    assert [(stage.state, [(each.worker, each.outcome) for each in stage.tries]) for stage in one.stages] == [
        ("running", [("worker#1", None)])
    ]
    assert [(failure.code, failure.stage, failure.path) for failure in three.failures] == [
        ("file.empty", "register", "in/c%.txt")
    ]
    assert (three.stages, three.reports, three.values) == ((), (), ())
