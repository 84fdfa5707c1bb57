"""Purging a document and verifying what was kept, with the commands, on both databases and a real store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import func, select, text, update
from typer.testing import CliRunner

from console.cli import app, environment
from database import migrations
from database.ledger import Selection, invariants, reprocess
from database.models import Audit, Base, Document, FindingRow, Output, ReportRow, Source, Tombstone, ValueRow
from database.session import make_engine, reading, run_transaction
from ingest.archives.limits import Limits
from ingest.files.register_paths import ingest_paths, plan
from runtime.settings import Settings
from tests.inline import Inline
from tests.value_rows import change_values

FILES = sorted((Path(__file__).parents[2] / "samples" / "reports").glob("*.txt"))
Run = Callable[..., Result]


@pytest.fixture
def inline(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inline:
    """The shipped samples, processed."""
    made = Inline(make_engine(database_url), tmp_path / "home")
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    monkeypatch.setattr(environment, "settings", lambda: settings)
    (tmp_path / "in").mkdir()
    for file in FILES:
        shutil.copy(file, tmp_path / "in")
    take_in(made)
    made.work()
    return made


@pytest.fixture
def run(inline: Inline) -> Run:
    return lambda *words: CliRunner().invoke(app, list(words))


def take_in(inline: Inline) -> Any:
    folder = inline.settings.home.parent / "in"
    return ingest_paths(plan([str(folder)], batch="batch"), engine=inline.engine, store=inline.store, limits=Limits())


def name_of(inline: Inline, document_id: int) -> str:
    """The beginning of the name of the document's file, which no other document has."""
    with reading(inline.engine) as connection:
        path = connection.scalar(select(Source.path).where(Source.document_id == document_id))
    return Path(path or "").name.partition("政府信息公开工作")[0]


def problems(run: Run, *words: str) -> list[tuple[str, int]]:
    answer = run("verify", "--json", *words)
    found = [(problem["harm"], problem["document_id"]) for problem in json.loads(answer.stdout)["problems"]]
    assert answer.exit_code == (1 if found else 0)
    return found


def original(inline: Inline, document_id: int) -> Path:
    with reading(inline.engine) as connection:
        sha256 = connection.scalar(select(Document.sha256).where(Document.id == document_id))
    assert sha256
    return Path(inline.store.path(sha256))


def test_what_was_kept_is_as_it_was(run: Run) -> None:
    assert problems(run) == []
    counts = json.loads(run("verify", "--json").stdout)["counts"]
    assert (counts["documents"], counts["originals"], counts["reports"], counts["values"]) == (3, 3, 3, 600)
    assert "3 originals" in run("verify").stderr + run("verify").stdout


def test_an_original_that_is_gone_or_changed_is_found(run: Run, inline: Inline) -> None:
    original(inline, 2).unlink()
    changed = original(inline, 3)
    data = bytearray(changed.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    assert problems(run) == [("original.missing", 2), ("original.changed", 3)]
    assert problems(run, "--quick") == [("original.missing", 2)]


def test_with_all_originals_deleted_nothing_is_called_good(run: Run, inline: Inline) -> None:
    for number in range(1, 4):
        original(inline, number).unlink()
    assert problems(run) == [("original.missing", number) for number in range(1, 4)]


def test_values_and_reports_changed_behind_the_program_are_found(run: Run, inline: Inline) -> None:
    with inline.engine.begin() as connection:
        first, second = connection.scalars(select(Document.report_id).order_by(Document.id).limit(2)).all()
        cell = "report_id = :report and indicator = 'requests.new_received.total'"
        assert change_values(connection, cell, {"value": 987654.0}, report=first) == 1
        connection.execute(update(ReportRow).where(ReportRow.id == second).values(digest="0" * 64))
    assert problems(run) == [("values.changed", 1), ("report.changed", 2)]


def test_a_content_that_no_document_names_is_found(run: Run, inline: Inline) -> None:
    inline.store.put(b"a stranger")
    assert problems(run) == [("original.unknown", 0)]


def test_a_purged_document_leaves_a_tombstone_and_nothing_else(run: Run, inline: Inline) -> None:
    there, name = original(inline, 2), name_of(inline, 2)
    picture = f"{there.name}-1-900.png"
    inline.store.keep_derived(picture, b"a picture of a page")
    answer = run("purge", "2", "--reason", "涉密", "--yes")
    assert answer.exit_code == 0, answer.output
    assert "a copy may still be at" in answer.output
    assert not there.exists()
    assert inline.store.derived(picture) is None
    with reading(inline.engine) as connection:
        stone = connection.execute(select(Tombstone.document_id, Tombstone.sha256, Tombstone.reason)).one()
        assert tuple(stone) == (2, there.name, "涉密")
        for table in (ReportRow, Output):
            assert connection.scalar(select(func.count()).where(table.document_id == 2)) == 0
        reports = select(ReportRow.id)
        for column in (ValueRow.report_id, FindingRow.report_id, FindingRow.other_report_id):
            assert connection.scalar(select(func.count()).where(column.is_not(None), column.not_in(reports))) == 0
        assert connection.execute(select(Source.path, Source.hints).where(Source.document_id == 2)).all() == [("", {})]
        last = connection.execute(select(Audit.action, Audit.detail).order_by(Audit.id.desc()).limit(1)).one()
        assert (last.action, last.detail["reason"], last.detail["documents"]) == ("purge", "涉密", [2])
        assert invariants(connection) == []
        tables = [name for name in Base.metadata.tables if name != Tombstone.__tablename__]
        rows = [str(tuple(row)) for name in tables for row in connection.execute(text(f"select * from {name}"))]
    assert [row for row in rows if name in row] == []
    assert problems(run) == []


def test_a_purged_content_is_not_taken_in_again_nor_processed(run: Run, inline: Inline) -> None:
    there = original(inline, 2)
    assert run("purge", "2", "--reason", "涉密", "--yes").exit_code == 0
    summary = take_in(inline)
    assert summary.duplicates == 3
    assert not there.exists()
    everything = Selection(documents=(1, 2))
    assert run_transaction(inline.engine, lambda c: reprocess(c, everything, who="test", reason="again")) == 1
    inline.work()
    assert problems(run) == []


def test_a_purge_that_was_cut_off_is_found_and_completed(run: Run, inline: Inline) -> None:
    there = original(inline, 2)
    data = there.read_bytes()
    assert run("purge", "2", "--reason", "涉密", "--yes").exit_code == 0
    there.write_bytes(data)  # as if the machine had stopped between the commit and the deletion
    assert problems(run) == [("original.purged", 2)]
    assert run("purge", "2", "--reason", "again", "--yes").exit_code == 0
    assert problems(run) == []


def test_a_purge_fences_work_that_is_under_way(inline: Inline, run: Run) -> None:
    again = Selection(documents=(2,))
    run_transaction(inline.engine, lambda c: reprocess(c, again, who="test", reason="again"))
    assert run("purge", "2", "--reason", "涉密", "--yes").exit_code == 0
    inline.work()
    with reading(inline.engine) as connection:
        assert connection.scalar(select(func.count()).where(ReportRow.document_id == 2)) == 0


@pytest.mark.parametrize("words", [("99", "--reason", "x", "--yes"), ("2", "--reason", " ", "--yes"), ("2", "--yes")])
def test_a_purge_without_a_document_or_a_reason_is_wrong_usage(run: Run, words: tuple[str, ...]) -> None:
    assert run("purge", *words).exit_code == 2


def test_a_purge_that_is_not_confirmed_does_nothing(run: Run, inline: Inline) -> None:
    assert CliRunner().invoke(app, ["purge", "2", "--reason", "x"], input="n\n").exit_code == 1
    assert original(inline, 2).exists()


def test_the_way_back_keeps_the_documents(inline: Inline, run: Run) -> None:
    assert run("purge", "2", "--reason", "涉密", "--yes").exit_code == 0
    migrations.downgrade(inline.engine, "0009")
    migrations.upgrade(inline.engine)
    with reading(inline.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(Document)) == 3
