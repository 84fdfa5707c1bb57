"""The whole way with nothing set: a folder goes in, workers start and end by themselves, and every file ends in the books."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
HEEDS_CTRL_C = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


def gongkai(home: Path, *arguments: str, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GONGKAI_")}
    environment = {**clean, "GONGKAI_HOME": str(home), "GONGKAI_CONCURRENCY": "1", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-P", "-m", "console.cli", *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def test_a_folder_with_good_and_bad_files(tmp_path: Path, corpus: Path) -> None:
    pytest.importorskip("tasks.extraction.extract")
    pytest.importorskip("tasks.parsing.parse")
    pytest.importorskip("tasks.validation.validate")
    folder, home = tmp_path / "in", tmp_path / "home"
    folder.mkdir()
    for name in ("000_0cb72870e0e1741c.txt", "hongze-2024.pdf"):
        (folder / name).write_bytes((corpus / "documents" / name).read_bytes())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in/copy.txt", (folder / "000_0cb72870e0e1741c.txt").read_bytes())
        archive.writestr("in/letter.txt", "这不是一份报告。")
    (folder / "packed.zip").write_bytes(packed.getvalue())
    (folder / "empty.txt").write_bytes(b"")
    (folder / "cut.pdf").write_bytes((folder / "hongze-2024.pdf").read_bytes()[:3000])

    first = gongkai(home, "ingest", str(folder), "--batch", "all", "--json")
    assert first.returncode == 3, first.stderr
    result = answer(first)
    assert (result["summary"]["files"], result["summary"]["duplicates"]) == (6, 1)
    statuses = result["outcome"]["progress"]["statuses"]
    assert statuses.get("processing", 0) == 0
    assert sum(statuses.values()) == 5
    assert statuses.get("accepted", 0) + statuses.get("needs_review", 0) == 2
    assert "Traceback" not in first.stderr

    books = answer(gongkai(home, "status", "--json"))
    assert books["balance_holds"]
    assert books["balance"]["registered"] == 6
    codes = {Path(item["path"]).name: item["code"] for item in answer(gongkai(home, "failures", "--json"))}
    assert codes["empty.txt"] == "file.empty"
    assert {"cut.pdf", "letter.txt"} <= set(codes)
    shown = answer(gongkai(home, "show", "hongze-2024.pdf", "--json"))
    assert shown["reports"][0]["year"] == 2024
    assert shown["values"]

    second = gongkai(home, "ingest", str(folder), "--batch", "all", "--json")
    assert second.returncode == 0, second.stderr
    assert (answer(second)["summary"].get("documents", 0), answer(second)["summary"]["duplicates"]) == (0, 6)
    again = gongkai(home, "reprocess", "--document", str(shown["id"]), "--stage", "parse", "--json")
    assert answer(again)["started"] == 1, again.stderr
    assert answer(gongkai(home, "show", str(shown["id"]), "--json"))["run"] == 2
    plan = answer(gongkai(home, "reprocess", "--batch", "all", "--dry-run", "--json"))
    assert (plan["selected"], plan["changes"]) == (4, [])  # the empty file was not kept


def test_no_process_runs_code_from_the_current_folder(tmp_path: Path) -> None:
    trap, home = tmp_path / "trap", tmp_path / "home"
    trap.mkdir()
    for name in ("flower", "workers", "tasks", "console", "codebook", "celery", "msgspec", "json", "sitecustomize"):
        (trap / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\nraise SystemExit(99)\n")
    sample = next((REPOSITORY / "samples" / "reports").glob("*.txt"))
    done = gongkai(home, "ingest", str(sample), "--json", cwd=trap)
    assert (done.returncode, (tmp_path / "ran").exists()) == (0, False), done.stderr
    assert answer(done)["outcome"]["progress"]["statuses"]["accepted"] == 1


def test_ctrl_c_says_what_is_kept(tmp_path: Path):
    folder, home = tmp_path / "in", tmp_path / "home"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.txt").write_text(f"这不是一份报告，是第{number}封来信。", encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GONGKAI_", "LC_", "LANG"))}
    environment = {**clean, "GONGKAI_HOME": str(home), "GONGKAI_CONCURRENCY": "1", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-P", "-m", "console.cli", "ingest", str(folder)]
    # A process that a shell starts in the background inherits that Ctrl-C is ignored; a person's terminal heeds it.
    command = [sys.executable, "-c", HEEDS_CTRL_C, *command]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    running = subprocess.Popen(command, env=environment, cwd=REPOSITORY, **output)
    until(lambda: rows(home / "gongkai.db") == 40)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=120)[0]
    assert running.returncode == 1, said
    found = re.search(r"what came in is kept: (\d+) documents? at an end, (\d+) documents? waiting", said)
    assert found is not None, said
    assert int(found[1]) + int(found[2]) == 40
    assert "Traceback" not in said


def rows(database: Path) -> int:
    """How many documents there are; 0 while there is no such table."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return int(connection.execute("select count(*) from gk_document").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def until(holds: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
