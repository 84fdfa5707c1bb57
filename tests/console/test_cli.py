"""The command line where no workers are needed: what it prints, and with which exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update
from typer.testing import CliRunner

from codebook.filings import StoredCell
from console.cli import COMMANDS, app, summary
from database.clock import now
from database.models import Document, FindingRow, ReportRow, Stage, StageState
from database.session import make_engine
from database.values import write_cells
from runtime.settings import load_settings

Result = Any  # of typer.testing, which does not name it
Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "home"
    monkeypatch.setenv("GONGKAI_HOME", str(folder))
    for name in ("GONGKAI_DATABASE_URL", "GONGKAI_BROKER_URL", "GONGKAI_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    load_settings.cache_clear()
    yield folder
    load_settings.cache_clear()


@pytest.fixture
def run(home: Path) -> Run:
    def go(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return go


@pytest.fixture
def filled(run: Run, home: Path, tmp_path: Path) -> Engine:
    """A database with a document that waits, a duplicate, and two that were refused."""
    files = tmp_path / "in"
    files.mkdir()
    (files / "好 1.txt").write_text("示例县人民政府2024年政府信息公开工作年度报告")
    (files / "same.txt").write_text("示例县人民政府2024年政府信息公开工作年度报告")
    (files / "empty.txt").write_text("")
    (files / "noise.bin").write_bytes(bytes(range(256)) * 9)
    result = run("ingest", str(files), "--batch", "春", "--no-wait", "--region", "江苏省/示例市")
    assert result.exit_code == 3, result.output
    return make_engine(f"sqlite:///{home / 'gongkai.db'}")


def answer(result: Result) -> Any:
    assert result.exit_code in (0, 3), result.output
    return json.loads(result.stdout)


HELP = """
import sys
from console.cli import main
sys.argv = ["gongkai", "--help"]
try:
    main()
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""


def test_help_lists_the_commands_and_imports_none_of_them(run: Run) -> None:
    shown = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    listed = re.findall(r"^  ([a-z-]+) +(\S.*)$", shown.stdout.partition("Commands:")[2], flags=re.M)
    assert [name for name, _ in listed] == list(COMMANDS)
    loaded = set(shown.stderr.split())
    assert not {"sqlalchemy", "celery", "pydantic", "alembic"} & loaded
    assert not {place.partition(":")[0] for place in COMMANDS.values()} & loaded
    assert run().exit_code == 2


def test_a_summary_in_the_help_is_the_first_sentence_of_the_command(run: Run) -> None:
    for name, place in COMMANDS.items():
        text = " ".join(summary(place).split())
        assert text
        assert " ".join(run(name, "--help").stdout.split()).find(text) > 0, name


def test_what_is_no_command_is_refused(run: Run) -> None:
    result = run("nonsense")
    assert result.exit_code == 2
    assert "nonsense" in result.stderr


def test_ingest_tells_what_came_in(run: Run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "e.txt").write_text("")
    result = run("ingest", str(tmp_path / "a.txt"), str(tmp_path / "e.txt"), "--no-wait")
    assert result.exit_code == 3
    assert "file.empty" in result.stdout
    assert "The file is empty" in result.stdout
    assert "\x1b" not in result.stdout
    again = answer(run("ingest", str(tmp_path / "a.txt"), "--no-wait", "--json"))
    assert (again["summary"]["files"], again["summary"].get("documents", 0), again["summary"]["duplicates"]) == (1, 0, 1)
    assert (home / "originals").is_dir()


def test_wrong_usage_is_one_line_and_exit_code_2(run: Run, filled: Engine, tmp_path: Path) -> None:
    for arguments in (
        ["ingest", str(tmp_path / "absent")],
        ["ingest"],
        ["ingest", str(tmp_path), "--manifest", str(tmp_path / "absent.csv")],
        ["ingest", str(tmp_path), "--batch", ""],
        ["status", "--batch", "no such"],
        ["show", "no such"],
        ["reprocess"],
        ["reprocess", "--all", "--code", "file.empty"],
        ["reprocess", "--code", "no.such"],
        ["reprocess", "--all", "--stage", "nowhere"],
        ["discard", "--status", "odd"],
        ["discard", "--document", "no such"],
        ["worker"],
        ["recover"],
        ["nonsense"],
    ):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, ""), (arguments, result.output)
        assert result.stderr.strip()


def test_without_a_database_the_remedy_is_told(run: Run) -> None:
    result = run("status")
    assert result.exit_code == 2
    assert "gongkai ingest" in result.stderr


def test_a_database_that_does_not_answer_is_a_fault_of_the_machine(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONGKAI_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    load_settings.cache_clear()
    result = run("status")
    assert result.exit_code == 1
    assert "database.unavailable" in result.stderr
    monkeypatch.setenv("GONGKAI_DATABASE_URL", "mysql://x/y")
    load_settings.cache_clear()
    assert run("status").exit_code == 2


def test_a_setting_that_does_not_fit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONGKAI_CONCURRENCY", "many")
    load_settings.cache_clear()
    result = run("status")
    assert result.exit_code == 2
    assert "GONGKAI_CONCURRENCY" in result.stderr


def test_a_shared_database_is_not_upgraded_by_itself(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GONGKAI_DATABASE_URL", f"sqlite:///{tmp_path / 'shared.db'}")
    load_settings.cache_clear()
    (tmp_path / "a.txt").write_text("a")
    result = run("ingest", str(tmp_path / "a.txt"), "--no-wait")
    assert result.exit_code == 2
    assert "gongkai db upgrade" in result.stderr
    assert run("db", "upgrade").exit_code == 0
    assert run("ingest", str(tmp_path / "a.txt"), "--no-wait").exit_code == 0


def test_status(run: Run, filled: Engine) -> None:
    found = answer(run("status", "--json"))
    assert found["progress"]["statuses"] == {"processing": 1, "rejected": 2}
    assert found["balance"] == {"registered": 4, "processing": 1, "rejected": 2, "duplicate": 1}
    assert found["balance_holds"] is True
    assert found["codes"] == {"file.empty": 1, "file.unsupported": 1}
    assert [batch["name"] for batch in found["batches"]] == ["春"]
    shown = run("status", "--batch", "春")
    assert "processing" in shown.stdout
    assert "extract" in shown.stdout


def test_failures(run: Run, filled: Engine) -> None:
    found = answer(run("failures", "--json"))
    assert {item["code"] for item in found} == {"file.empty", "file.unsupported"}
    assert all(item["batch"] == "春" and item["path"] for item in found)
    assert [item["code"] for item in answer(run("failures", "--code", "file.empty", "--json"))] == ["file.empty"]
    assert len(answer(run("failures", "--code", "file", "--stage", "register", "--batch", "春", "--json"))) == 2
    assert answer(run("failures", "--stage", "parse", "--json")) == []
    shown = run("failures")
    assert "File type is not supported" in shown.stdout
    assert "Provide Word, Excel, PDF, OFD, text or a picture" in shown.stdout


def load(engine: Engine) -> int:
    """Give the document that waits a report with a finding and a doubt."""
    with engine.begin() as connection:
        document = connection.scalar(select(Document.id).where(Document.status == "processing"))
        columns = {
            "document_id": document,
            "version": 1,
            "status": "needs_review",
            "agency": "示例县人民政府",
            "region": ["江苏省", "示例市"],
            "province": "江苏省",
            "city": "示例市",
            "year": 2024,
            "form": "2021",
            "script": "simplified",
            "body": b"",
            "digest": "0" * 64,
            "versions": {"code": "0.1.0"},
            "created_at": now(),
        }
        report = connection.execute(insert(ReportRow).values(**columns)).inserted_primary_key[0]
        read = StoredCell("a.total", 1234, "proven", "1,234", "table", "txt", 1.0, 1, line=3)
        doubt = {"value": None, "state": "doubtful", "raw": "[/]?", "doubt": "blank or zero", "candidates": [0, 7]}
        write_cells(connection, report, [read, read._replace(indicator="b.total", **doubt)])
        finding = {
            "rule": "requests.balance",
            "severity": "error",
            "message": "合计不符",
            "cells": ["a.total"],
            "expected": 4,
            "actual": 3,
        }
        connection.execute(insert(FindingRow).values(report_id=report, **finding))
        connection.execute(
            update(Document).where(Document.id == document).values(status="needs_review", report_id=report, finished_at=now())
        )
        connection.execute(update(Stage).where(Stage.document_id == document).values(state=StageState.DONE))
    return int(document or 0)


def test_show(run: Run, filled: Engine) -> None:
    document = load(filled)
    found = answer(run("show", str(document), "--json"))
    assert found["reports"][0]["agency"] == "示例县人民政府"
    assert found["value_states"] == {"proven": 1, "doubtful": 1}
    assert [source["duplicate"] for source in found["sources"]] == [False, True]
    assert found["sources"][0]["hints"]["region"] == ["江苏省", "示例市"]
    for key in (found["sha256"][:8], found["sources"][0]["path"], "好 1.txt", found["sha256"].upper()):
        assert answer(run("show", key, "--json"))["id"] == document
    shown = run("show", str(document))
    for part in ("示例县人民政府", "requests.balance", "合计不符", "blank or zero", "0, 7", "[/]?"):
        assert part in shown.stdout
    assert "1,234" not in shown.stdout
    assert "1,234" in run("show", str(document), "--values").stdout


def test_reprocess_and_discard(run: Run, filled: Engine) -> None:
    document = load(filled)
    plan = answer(run("reprocess", "--document", str(document), "--dry-run", "--limit", "0", "--json"))
    assert plan == {"selected": 1, "compared": 0, "changes": []}
    refused = run("reprocess", "--code", "file.empty", "--no-wait", "--json")
    assert answer(refused) == {"started": 0}
    assert "not kept" in refused.stderr
    assert run("reprocess", "--document", str(document), "--stage", "extract", "--no-wait", "--reason", "again").exit_code == 0
    assert answer(run("show", str(document), "--json"))["run"] == 2
    assert answer(run("discard", "--code", "file.empty", "--dry-run", "--json")) == {"discarded": 0, "selected": 1}
    assert answer(run("discard", "--code", "file.empty", "--reason", "not needed", "--json")) == {"discarded": 1, "selected": 1}
    assert answer(run("failures", "--code", "file.empty", "--json")) == []
    decided = answer(run("failures", "--code", "file.empty", "--all", "--json"))
    assert [(item["state"], item["reason"]) for item in decided] == [("discarded", "not needed")]


def test_discarding_everything_asks_first(run: Run, filled: Engine) -> None:
    asked = run("discard", "--all")
    assert (asked.exit_code, "Discard all documents" in asked.stderr) == (1, True)
    assert answer(run("failures", "--code", "file.empty", "--json"))  # still in the error queue
    assert answer(run("discard", "--all", "--dry-run", "--json"))["discarded"] == 0
    assert answer(run("discard", "--all", "--yes", "--json"))["discarded"] == 3


def test_doctor(run: Run, filled: Engine) -> None:
    result = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)}
    assert {"python", "packages", "sqlite", "home", "disk", "database", "books", "workers", "broker", "store"} <= set(checks)
    assert checks["database"]["state"] == checks["books"]["state"] == checks["store"]["state"] == "good"
    assert checks["workers"]["state"] == "warning"
    assert "gongkai" in checks["workers"]["remedy"]
    assert all(check.get("remedy") for check in checks.values() if check["state"] != "good")
    assert "remedy" in run("doctor").stdout


def test_doctor_finds_what_does_not_work(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("GONGKAI_STORE_URL", str(tmp_path / "file" / "store"))
    monkeypatch.setenv("GONGKAI_BROKER_URL", "redis://127.0.0.1:9/0")
    monkeypatch.setenv("GONGKAI_DATABASE_URL", f"sqlite:///{tmp_path / 'absent' / 'x.db'}")
    load_settings.cache_clear()
    result = run("doctor", "--json")
    assert result.exit_code == 1
    states = {check["name"]: check["state"] for check in json.loads(result.stdout)}
    assert states["store"] == states["broker"] == states["database"] == "error"
