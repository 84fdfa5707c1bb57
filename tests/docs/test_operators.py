"""The handbook for operators: its commands exist; a hundred failures of three kinds are cleared with the three that it shows."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from console.cli import all_commands
from database import ledger
from database.ledger import Fault, Policy
from database.models import Stage
from database.session import make_engine, run_transaction
from tests.generator.documents import TEXT_LAYOUTS, Wishes, make_documents

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
HANDBOOKS = ("operators.md", "operators.zh-CN.md")
THREE = re.compile(r"<!-- three commands: a test runs them -->\n```sh\n(.*?)```", flags=re.S)


def three(name: str) -> list[list[str]]:
    found = THREE.search((DOCS / name).read_text())
    assert found is not None
    return [shlex.split(line) for line in found[1].splitlines()]


def test_both_handbooks_show_the_same_three_commands() -> None:
    def bare(words: list[str]) -> list[str]:
        return words[: words.index("--reason")]

    english, chinese = map(three, HANDBOOKS)
    assert len(english) == 3
    assert list(map(bare, english)) == list(map(bare, chinese))


@pytest.mark.parametrize("name", [*HANDBOOKS, "deployment.md"])
def test_commands_that_are_named_exist(name: str) -> None:
    known = all_commands()
    known |= {re.sub(" (list|make)$", "", each): command for each, command in known.items()}  # these can be left out
    named = r"(?:`|^|bin/|-- |\$ )gongkai ((?:db |user |audit |filings |agencies )?[a-z][a-z-]*)"
    for words in re.findall(named, (DOCS / name).read_text(), re.M):
        assert f"gongkai {words}" in known, words


def test_both_handbooks_have_the_same_chapters_and_pictures() -> None:
    def shape(name: str) -> tuple[list[str], list[str]]:
        text = (DOCS / name).read_text()
        return re.findall(r"^#+ (\d*)", text, flags=re.M), re.findall(r"\((pictures/[^).]+)", text)

    assert shape(HANDBOOKS[0]) == shape(HANDBOOKS[1])


class Office:
    """A home with a hundred documents that failed in three ways."""

    def __init__(self, folder: Path) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GONGKAI_")}
        settings = {"GONGKAI_HOME": str(folder / "home"), "GONGKAI_CONCURRENCY": "2", "PYTHONPATH": str(REPOSITORY)}
        self.environment = clean | settings
        self.url = f"sqlite:///{folder / 'home' / 'gongkai.db'}"
        (folder / "in").mkdir()
        for one in make_documents(85, 3, TEXT_LAYOUTS, Wishes(clean=True)):
            (folder / "in" / one.name).write_bytes(one.data)
        for number in range(14):
            (folder / "in" / f"letter {number}.txt").write_text(f"关于第{number}次会议的来信，请查收。")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "console.cli", *words]
        return subprocess.run(
            command, env=self.environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=400, check=False
        )

    def fail(self) -> None:
        """Let sixty reports fail with a lost worker, and twenty-five with a time limit, each for good."""
        once = Policy(crash_limit=1, loss_limit=1)

        def end(connection: Connection) -> None:
            stages = connection.scalars(select(Stage.id).order_by(Stage.id)).all()
            names = dict(connection.exec_driver_sql("select document_id, path from gk_source").all())
            for stage_id in stages:
                held = ledger.claim(connection, stage_id, "gone#1", 60)
                assert held is not None
                if "letter" in names[held.document_id]:
                    ledger.release(connection, held)
                    continue
                code = "worker.lost" if held.document_id % 17 < 12 else "stage.timeout"
                ledger.fail(connection, held, Fault(code, "asked for"), once)

        engine = make_engine(self.url)
        run_transaction(engine, end)
        engine.dispose()

    def open(self) -> dict[str, int]:
        """The error queue by code."""
        found: dict[str, int] = {}
        for item in json.loads(self.run("failures", "--json").stdout):
            found[item["code"]] = found.get(item["code"], 0) + 1
        return found


@pytest.mark.slow
def test_a_hundred_failures_of_three_kinds_are_cleared_with_three_commands(tmp_path: Path) -> None:
    office = Office(tmp_path)
    assert office.run("ingest", str(tmp_path / "in"), "--batch", "b", "--no-wait").returncode == 0
    office.fail()
    (tmp_path / "nothing.txt").write_text("这不是报告。")
    assert office.run("ingest", str(tmp_path / "nothing.txt"), "--batch", "b").returncode == 3  # the letters are read meanwhile
    before = office.open()
    assert (set(before), sum(before.values())) == ({"worker.lost", "stage.timeout", "report.not_a_report"}, 100)
    for words in three("operators.md"):
        done = office.run(*words[1:])
        assert done.returncode in (0, 3), done.stderr
    assert office.open() == {}
    assert "no failures" in office.run("failures").stderr
    books = json.loads(office.run("status", "--json").stdout)
    assert books["balance_holds"]
    statuses = books["progress"]["statuses"]
    assert statuses.get("accepted", 0) + statuses.get("needs_review", 0) == 85
    assert statuses["discarded"] == 15
    assert {"failed", "rejected", "processing"}.isdisjoint(statuses)
