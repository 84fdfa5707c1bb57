"""`watch`, `up` and `metrics`: what they refuse, and one machine from its start to its end."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from console.cli import app
from database import ledger, migrations
from database.intake import inboxes
from database.intake.inboxes import WatcherState
from database.monitoring import measures
from database.session import make_engine, run_transaction
from runtime.settings import Settings, load_settings

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = ("redis", "worker", "rescuer", "metrics", "console", "flower", "watcher")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "home"
    for name in [name for name in os.environ if name.startswith("GONGKAI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GONGKAI_HOME", str(folder))
    load_settings.cache_clear()
    yield folder
    load_settings.cache_clear()


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def refused(match: str, *arguments: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert re.search(match, result.stderr), result.stderr
    told = [line for line in result.stderr.strip().splitlines() if not line.startswith("data folder: ")]
    assert len(told) == 1


def test_what_watch_and_up_refuse(home: Path, tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.mkdir()
    for command in (["watch"], ["up", "--watch"]):
        refused("no such folder", *command, str(tmp_path / "absent"))
        refused("GONGKAI_HOME", *command, str(home))
        refused("GONGKAI_HOME", *command, str(tmp_path))
        refused("batch name", *command, str(good), "--batch", "x" * 201)
        (good / "out").symlink_to("/etc")
        refused("symbolic link out", *command, str(good))
        (good / "out").unlink()
    assert not (home / "machine.lock").exists()  # nothing was started


def test_an_inbox_in_the_store_is_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "store" / "in").mkdir(parents=True)
    monkeypatch.setenv("GONGKAI_STORE_URL", f"file://{tmp_path}/store")
    refused("GONGKAI_STORE_URL", "watch", str(tmp_path / "store" / "in"))


def test_a_second_up_on_the_same_home_is_refused(home: Path) -> None:
    home.mkdir()
    with (home / "up.lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused("process 4711", "up")


@pytest.mark.parametrize("part", ["console", "metrics", "flower"])
def test_a_busy_port_is_an_error_before_anything_is_started(home: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for name in ("CONSOLE", "METRICS", "FLOWER"):
            monkeypatch.setenv(f"GONGKAI_{name}_PORT", str(port) if name == part.upper() else "0")
        refused(f"port {port} of 127.0.0.1.*GONGKAI_{part.upper()}_PORT", "up")
        if part == "flower":
            refused(f"port {port} of 127.0.0.1", "flower", "--port", str(port))
    assert not (home / "gongkai.db").exists()
    assert not (home / "machine.lock").exists()


def test_the_data_folder_does_not_follow_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GONGKAI_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for prefix, home in ((tmp_path / "p" / ".venv", tmp_path / "p" / ".gongkai"), (tmp_path / "usr", tmp_path / "data/gongkai")):
        monkeypatch.setattr(sys, "prefix", str(prefix))
        for folder in ("/", str(tmp_path)):
            monkeypatch.chdir(folder)
            assert Settings().home == home


def test_metrics_need_a_port_and_a_database(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused("there is no database", "metrics")
    monkeypatch.setenv("GONGKAI_METRICS_PORT", "0")
    load_settings.cache_clear()
    refused("expected a port", "metrics")


def test_doctor_and_status_raise_the_alarm(home: Path) -> None:
    home.mkdir()
    engine = make_engine(f"sqlite:///{home / 'gongkai.db'}")
    migrations.upgrade(engine)

    def doctor() -> dict[str, tuple[str, str]]:
        checks = json.loads(run("doctor", "--json").stdout)
        return {check["found"].split(":")[1]: (check["state"], check["found"]) for check in checks if check["name"] == "watcher"}

    def fill(connection: Any) -> None:
        for name, blocked in (("good", 0), ("blind", 0), ("blocked", 3), ("dead", 0)):
            inboxes.beat(connection, WatcherState(f"h:1:{name}#0", "h", f"/{name}", False, 5, 1, blocked), 60)
        inboxes.canary_came(connection, ["h:1:blind#0"], -1)

    run_transaction(engine, fill)
    with engine.begin() as connection:
        connection.exec_driver_sql("update gk_watcher set seen_at = '2001-01-01T00:00:00.000000Z' where folder = '/dead'")
    found = doctor()
    assert {folder: state for folder, (state, _) in found.items()} == {
        "/good": "good",
        "/blind": "error",
        "/blocked": "warning",
        "/dead": "error",
    }
    assert "alive, but no canary" in found["/blind"][1]
    assert "no sign of life" in found["/dead"][1]
    answer = json.loads(run("status", "--json").stdout)
    assert {item["folder"]: (item["alive"], item["blind"]) for item in answer["watchers"]}["/blind"] == (True, True)
    assert "alive, but blind" in run("status").stdout


def test_alive_tells_who_should_be_started_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    engine = make_engine(f"sqlite:///{home / 'gongkai.db'}")
    migrations.upgrade(engine)

    def alive() -> list[int]:
        return [run("alive", *part).exit_code for part in ([], ["worker"], ["rescuer"], ["watcher"])]

    assert alive() == [0, 1, 1, 1]
    host = socket.gethostname()

    def fill(connection: Any) -> None:
        ledger.beat(connection, f"{host}:1:a", 30)
        ledger.beat(connection, f"{host}x:1:a", 30)
        measures.count(connection, measures.RESCUER_RUNS)
        inboxes.beat(connection, WatcherState(f"{host}:1:a#0", host, "/in", False), 60)

    run_transaction(engine, fill)
    assert alive() == [0, 0, 0, 0]
    run_transaction(engine, lambda c: inboxes.canary_came(c, [f"{host}:1:a#0"], -1))
    assert alive() == [0, 0, 0, 1]
    run_transaction(engine, lambda c: ledger.sign_off(c, f"{host}:1:a"))
    assert alive() == [0, 1, 0, 1]
    monkeypatch.setenv("GONGKAI_DATABASE_URL", f"sqlite:///{home}/no/such.db")
    load_settings.cache_clear()
    assert alive() == [1, 0, 0, 0]


# ---- one machine ----


def until(condition: Callable[[], Any], seconds: float = 60, message: Callable[[], str] = lambda: "") -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, message()
        time.sleep(0.1)


class Up:
    """A running `gongkai up`."""

    def __init__(self, home: Path, inbox: Path, told: Path, **more: str) -> None:
        quick = {
            "WATCH_QUIET_SECONDS": "0.3",
            "WATCH_CANARY_SECONDS": "1",
            "METRICS_PORT": "19466",
            "CONSOLE_PORT": "18790",
            "FLOWER_PORT": "15555",
            "CONCURRENCY": "1",
        }
        settings = {
            f"GONGKAI_{name}": value for name, value in {**quick, "HOME": str(home), "METRICS_SECONDS": "0.5", **more}.items()
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GONGKAI_")}
        self.environment = {**clean, **settings, "PYTHONPATH": str(REPOSITORY)}
        self.told = told
        self._file = told.open("w")
        command = [sys.executable, "-m", "console.cli", "up", "--watch", str(inbox), "--batch", "春"]
        self.process = subprocess.Popen(command, env=self.environment, cwd=REPOSITORY, stderr=self._file)

    def lines(self) -> list[list[str]]:
        """What was told: part and state."""
        return [line.split(None, 1) for line in self.told.read_text().splitlines() if line.strip()]

    def pid(self, part: str) -> int:
        """The process of a part by what was told last."""
        return int([state for name, state in self.lines() if name == part and state.startswith("runs")][-1].split()[-1])

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command on the same home."""
        command = [sys.executable, "-m", "console.cli", *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
        )

    def end(self) -> int:
        """SIGTERM; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def close(self) -> None:
        """Let nothing remain."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._file.close()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    (tmp_path / "in").mkdir()
    made = Up(tmp_path / "home", tmp_path / "in", tmp_path / "told")
    yield made
    made.close()


def metrics() -> str:
    try:
        with urllib.request.urlopen("http://127.0.0.1:19466/metrics", timeout=30) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


@pytest.mark.slow
def test_one_machine_from_its_start_to_its_end(up: Up, tmp_path: Path) -> None:
    until(lambda: ["up"] in [line[:1] for line in up.lines()], message=up.told.read_text)
    family = {part: up.pid(part) for part in PARTS}
    assert all(psutil.pid_exists(pid) for pid in family.values())

    samples = sorted((REPOSITORY / "samples" / "reports").glob("*.txt"))
    for sample in samples:
        shutil.copy(sample, tmp_path / "in" / sample.name)
    (tmp_path / "in" / "noise.bin").write_bytes(bytes(range(256)) * 9)
    done = f'gongkai_documents{{status="accepted"}} {len(samples)}.0'
    until(lambda: done in metrics(), 90, lambda: metrics() + up.told.read_text())
    until(lambda: "gongkai_watcher_blind{" in metrics() and "gongkai_canary_age_seconds" in metrics())
    assert list((tmp_path / "in" / "failed" / "file.unsupported").glob("noise.bin.*.gongkai.txt"))

    second = up.ask("up")
    assert (second.returncode, f"process {up.process.pid}" in second.stderr) == (2, True)
    books = json.loads(up.ask("status", "--json").stdout)
    assert books["balance_holds"]
    assert [batch["name"] for batch in books["batches"]] == ["春"]

    os.kill(family["watcher"], signal.SIGKILL)
    until(lambda: up.pid("watcher") != family["watcher"], message=up.told.read_text)
    assert ["watcher", "died with code -9, is started again in 1 s"] in up.lines()
    (tmp_path / "in" / "again.txt").write_text("no report")
    until((tmp_path / "in" / "failed" / "report.not_a_report").exists, 90, up.told.read_text)

    last = [up.pid(part) for part in PARTS]
    assert up.end() == 0
    ended = [name for name, state in up.lines() if state == "ended"]
    assert (set(ended[:4]), set(ended[4:6]), ended[6:]) == (
        {"watcher", "metrics", "console", "flower"},
        {"worker", "rescuer"},
        ["redis", "up"],
    )
    assert not [pid for pid in last if psutil.pid_exists(pid)]
    assert json.loads(up.ask("status", "--json").stdout)["watchers"] == []


@pytest.mark.slow
def test_a_killed_up_leaves_nothing_behind_and_the_next_goes_on(up: Up, tmp_path: Path) -> None:
    until(lambda: ["up"] in [line[:1] for line in up.lines()], message=up.told.read_text)
    pids = [up.pid(part) for part in PARTS]
    up.process.kill()
    up.process.wait()
    until(lambda: not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"])
    (tmp_path / "in" / "a.txt").write_text("no report")
    following = Up(tmp_path / "home", tmp_path / "in", tmp_path / "told again")
    try:
        until((tmp_path / "in" / "failed" / "report.not_a_report").exists, 90, following.told.read_text)
        assert following.end() == 0
    finally:
        following.close()
