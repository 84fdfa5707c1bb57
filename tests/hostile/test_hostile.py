"""All hostile files at once through the real pipeline, with healthy ones among them: each ends where it should, and nothing else
happens to the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from database import ledger
from database.session import make_engine, reading
from ingest.names import shown
from tests.hostile.files import MARKER, Hostile, write_all

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def gongkai(around: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """A command of the program in a place of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GONGKAI_")}
    settings = {"GONGKAI_HOME": str(around / "home"), "GONGKAI_CONCURRENCY": "2", "PYTHONPATH": str(REPOSITORY)}
    settings |= {"HOME": str(around / "user"), "TMPDIR": str(around / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "console.cli", *arguments]
    return subprocess.run(command, env={**clean, **settings}, cwd=around / "cwd", capture_output=True, timeout=500, check=False)


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Everything under a folder: kind, size, time of change."""
    found = {}
    for top, folders, files in os.walk(folder):
        for name in (*folders, *files):
            state = os.lstat(os.path.join(top, name))
            found[os.path.join(top, name)] = (state.st_mode, state.st_size, state.st_mtime_ns)
    return found


class Ran:
    """What one run over all files left."""

    def __init__(self, around: Path) -> None:
        self.around = around
        for name in ("in", "home", "user", "tmp", "cwd"):
            (around / name).mkdir()
        self.files = write_all(around / "in")
        self.before = {name: listing(around / name) for name in ("in", "user", "cwd", "tmp")}
        self.above = sorted(path.name for path in around.iterdir())
        self.done = gongkai(around, "ingest", str(around / "in"), "--batch", "hostile", "--json")
        self.engine = make_engine(f"sqlite:///{around / 'home' / 'gongkai.db'}", pooled=False)
        query = (
            "select s.path, d.status, f.code, f.stage from gk_source s join gk_document d on d.id = s.document_id "
            "left join gk_failure f on f.document_id = d.id"
        )
        with reading(self.engine) as connection:
            self.ended = {row.path: (row.status, row.code) for row in connection.execute(text(query))}

    def of(self, name: str) -> dict[str, tuple[str, str | None]]:
        """Where the documents that came of a file ended, by their path inside it ("" for itself)."""
        path = str(self.around / "in" / shown(name))
        return {
            found.removeprefix(path).lstrip("!"): state
            for found, state in self.ended.items()
            if found == path or found.startswith((f"{path}!", f"{path}/"))
        }


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return Ran(tmp_path_factory.mktemp("hostile"))


def agrees(state: tuple[str, str | None], expected: tuple[str, str | None]) -> bool:
    """``good``: a report was read."""
    return state[0] in ("accepted", "needs_review") if expected[0] == "good" else state == expected


def expected_of(one: Hostile) -> dict[str, tuple[str, str | None]]:
    if one.members is not None:
        return one.members
    return {} if one.ends is None else {"": one.ends}


def test_each_file_ends_in_its_state(ran: Ran) -> None:
    assert ran.done.returncode == 3, ran.done.stderr.decode(errors="replace")[-3000:]
    wrong = {}
    for name, one in ran.files.items():
        found, expected = ran.of(name), expected_of(one)
        if name in ("folder.pdf", "deep"):  # a folder, whatever it is called: its file is read
            expected = dict.fromkeys(found, ("rejected", "report.not_a_report"))
            assert len(found) == 1
        if found.keys() != expected.keys() or not all(agrees(state, expected[path]) for path, state in found.items()):
            wrong[name] = (found, expected)
    assert wrong == {}
    assert len(ran.files) >= 40


def test_the_books_balance_and_nothing_is_left_over(ran: Ran) -> None:
    with reading(ran.engine) as connection:
        assert ledger.invariants(connection, expired_seconds=0) == []
        books = ledger.balance(connection)
    assert books.holds
    assert books.processing == 0
    result = json.loads(ran.done.stdout)
    assert result["summary"]["passed_over"] == {"ignored": 1}


def test_nothing_is_written_but_in_the_home(ran: Ran) -> None:
    after = {name: listing(ran.around / name) for name in ("in", "user", "cwd", "tmp")}
    assert after == ran.before
    assert sorted(path.name for path in ran.around.iterdir()) == ran.above
    assert not Path("/tmp/evil-gongkai.txt").exists()
    assert not (ran.around.parent / "evil.txt").exists()


def test_nothing_was_executed(ran: Ran) -> None:
    assert list(ran.around.rglob(MARKER)) == []
    assert not (REPOSITORY / MARKER).exists()
    logs = b"".join(path.read_bytes() for path in (ran.around / "home" / "log").iterdir())
    assert b"root:" not in logs + ran.done.stdout + ran.done.stderr
    with reading(ran.engine) as connection:
        for query in (
            "select text from gk_section",
            "select message from gk_failure",
            "select coalesce(agency, '') from gk_report",
        ):
            assert not any("root:x:" in row[0] for row in connection.execute(text(query)))


def test_no_process_died(ran: Ran) -> None:
    with reading(ran.engine) as connection:
        died = connection.execute(text("select count(*) from gk_attempt where outcome in ('crashed', 'lost')")).scalar_one()
    assert died == 0


def test_what_is_shown_of_them_is_harmless(ran: Ran) -> None:
    for arguments in (("failures", "--json"), ("status", "--json"), ("failures",), ("status",)):
        done = gongkai(ran.around, *arguments)
        assert done.returncode in (0, 1, 3), done.stderr[-2000:]
        assert b"Traceback" not in done.stderr
        assert b"\x1b[31m" not in done.stdout  # the escape sequence of a file's name
    book, lines = ran.around / "book.xlsx", ran.around / "book.jsonl"
    assert gongkai(ran.around, "export", "--format", "xlsx", "--out", str(book)).returncode == 0
    assert gongkai(ran.around, "export", "--format", "jsonl", "--out", str(lines)).returncode == 0
    with zipfile.ZipFile(book) as archive:
        cells = b"".join(archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/"))
    assert b"<f>" not in cells  # no cell is a formula
    assert all(isinstance(json.loads(line), dict) for line in lines.read_bytes().splitlines())
    book.unlink()
    lines.unlink()


def test_healthy_documents_are_read_as_if_they_were_alone(ran: Ran, tmp_path: Path) -> None:
    for name in ("in", "home", "user", "tmp", "cwd"):
        (tmp_path / name).mkdir()
    names = [name for name, one in ran.files.items() if one.ends == ("good", None)]
    for name in names:
        (tmp_path / "in" / name).write_bytes((ran.around / "in" / name).read_bytes())
    assert gongkai(tmp_path, "ingest", str(tmp_path / "in"), "--json").returncode in (0, 3)
    alone = make_engine(f"sqlite:///{tmp_path / 'home' / 'gongkai.db'}", pooled=False)
    assert digests(alone).items() <= digests(ran.engine).items()


def digests(engine: Any) -> dict[str, str]:
    """The digest of each report by the content of its document."""
    query = text("select d.sha256, r.digest from gk_report r join gk_document d on d.report_id = r.id")
    with reading(engine) as connection:
        return dict(connection.execute(query).all())
