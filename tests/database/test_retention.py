"""Outputs of stages are deleted some time after a document was accepted, and made again when they are needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text, update

from codebook.records import Extraction, Hints, Status
from codebook.stages import StageName
from database import ledger
from database.clock import now
from database.ledger import Selection, invariants, reprocess
from database.models import Document
from database.session import reading, run_transaction
from runtime.settings import Settings
from tests.inline import Inline
from workers.rescuer import Rescuer

FILES = sorted((Path(__file__).parents[2] / "samples" / "reports").glob("*.txt"))


@pytest.fixture
def inline(engine: Engine, tmp_path: Path) -> Inline:
    """Text reports that were accepted three days ago, but for the first."""
    made = Inline(engine, tmp_path)
    for file in FILES:
        made.add(file.read_bytes(), "text/plain", file.name, hints=Hints(path=file.name))
    made.work()
    with engine.begin() as connection:
        assert set(connection.scalars(text("select status from gk_document"))) == {"accepted"}
        connection.execute(update(Document).where(Document.id > 1).values(finished_at=now(-3 * 86_400)))
    return made


def kept(engine: Engine) -> set[tuple[int, str]]:
    with reading(engine) as connection:
        rows = connection.execute(text("select document_id, stage from gk_output where length(body) > 0"))
        return {(document, stage) for document, stage in rows}


def drop(engine: Engine, days: float = 2, most: int = 100) -> int:
    return run_transaction(engine, lambda c: ledger.drop_outputs(c, days, most))


def test_old_outputs_go_and_a_document_is_processed_again_from_its_original(inline: Inline):
    engine, numbers = inline.engine, range(1, len(FILES) + 1)
    before = rows(engine)
    assert (drop(engine, days=4), drop(engine, most=1)) == (0, 1)
    assert (drop(engine), drop(engine)) == (len(FILES) - 2, 0)
    assert kept(engine) == {(1, "extract"), (1, "parse")}
    with reading(engine) as connection:
        assert invariants(connection) == []
        assert ledger.outputs(connection, 2, StageName.EXTRACT, Extraction) == {}
    chosen = Selection(documents=tuple(numbers))
    run_transaction(engine, lambda c: reprocess(c, chosen, StageName.PARSE, who="me", reason="another parser"))
    with reading(engine) as connection:
        begun = connection.execute(text("select document_id, stage from gk_stage where state = 'queued' order by 1")).all()
    assert [tuple(row) for row in begun] == [(1, "parse"), *((number, "extract") for number in numbers[1:])]
    inline.work()
    assert kept(engine) == {(number, stage) for number in numbers for stage in ("extract", "parse")}
    assert rows(engine) == before
    with reading(engine) as connection:
        assert invariants(connection) == []


def rows(engine: Engine) -> list[Any]:
    with reading(engine) as connection:
        query = "select document_id, indicator, value, state, raw from gk_value join gk_report on id = report_id order by 1, 2"
        return [tuple(row) for row in connection.execute(text(query))]


@pytest.mark.parametrize("status", [Status.NEEDS_REVIEW, Status.PROCESSING, Status.FAILED])
def test_outputs_of_what_is_not_accepted_stay(inline: Inline, status: Status):
    with inline.engine.begin() as connection:
        connection.execute(update(Document).values(status=status))
    assert drop(inline.engine) == 0


def test_outputs_of_documents_with_pictures_stay(inline: Inline):
    with inline.engine.begin() as connection:
        page = "select document_id, 'ocr', 1, run, versions, body, made_at, made_from from gk_output"
        connection.execute(text(f"insert into gk_output {page} where document_id = 2 and stage = 'extract'"))
    drop(inline.engine)
    assert {number for number, _ in kept(inline.engine)} == {1, 2}


@pytest.mark.parametrize(("days", "left"), [(0, len(FILES)), (2, 1)])
def test_the_rescuer_deletes_them(inline: Inline, tmp_path: Path, days: int, left: int):
    url = inline.engine.url.render_as_string(hide_password=False)
    rescuer = Rescuer(Settings(home=tmp_path, database_url=url, broker_url="redis://127.0.0.1:1/0", output_days=days))
    rescuer.run_once()
    rescuer.close()
    assert len({number for number, _ in kept(inline.engine)}) == left
