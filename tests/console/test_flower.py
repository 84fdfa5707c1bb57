"""Flower as it is started: behind a password, on this machine alone, with names that say stage and document, and a memory."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.servers import RedisServer

REPOSITORY = Path(__file__).resolve().parents[2]
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    PORT = int(free.getsockname()[1])
pytestmark = pytest.mark.slow


def until(condition: Callable[[], Any], seconds: float = 60, message: Callable[[], str] = lambda: "") -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, message()
        time.sleep(0.2)
    return found


class Office:
    """A home with a shared Redis, in which Flower and a worker run."""

    def __init__(self, folder: Path, redis: RedisServer, **more: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GONGKAI_", "FLOWER_"))}
        settings = {"HOME": str(folder / "home"), "BROKER_URL": redis.url, "CONCURRENCY": "1", "BEAT_SECONDS": "1", **more}
        self.environment = {**clean, **{f"GONGKAI_{k}": v for k, v in settings.items()}, "PYTHONPATH": str(REPOSITORY)}
        self.folder, self.home = folder, folder / "home"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *words: str) -> Path:
        """Start a part; gives the file of what it tells."""
        told = self.folder / f"{name}.log"
        with told.open("w") as log:
            command = [sys.executable, "-m", "console.cli", *words]
            self.processes[name] = subprocess.Popen(command, env=self.environment, cwd=REPOSITORY, stdout=log, stderr=log)
        return told

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "console.cli", *words]
        return subprocess.run(
            command, env=self.environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=200, check=False
        )

    def end(self, name: str) -> int:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


@pytest.fixture
def office(tmp_path: Path, redis_server: RedisServer) -> Iterator[Office]:
    made = Office(tmp_path, redis_server)
    yield made
    made.close()


def ask(path: str, auth: str | None = None) -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}")
    if auth is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(auth.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


def password(told: Path) -> str:
    return until(lambda: re.search(r"user and password: (\S+)", told.read_text()), message=told.read_text)[1]


def test_flower_asks_for_a_password_and_shows_stages_documents_and_queues(office: Office) -> None:
    told = office.start("flower", "flower", "--port", str(PORT))
    auth = password(told)
    assert len(auth) > 20
    until(lambda: ask("/healthcheck")[0] == 200, message=told.read_text)
    for path in ("/", "/workers", "/tasks", "/broker", "/api/tasks", "/api/workers", "/api/queues/length"):
        assert ask(path)[0] == 401, path
        assert ask(path, "gongkai:wrong")[0] == 401, path
    listening = [one for one in psutil.Process(office.processes["flower"].pid).net_connections() if one.status == "LISTEN"]
    assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
    arguments = " ".join(psutil.Process(office.processes["flower"].pid).cmdline())
    assert auth.partition(":")[2] not in arguments  # everyone on the machine can read them

    assert office.run("db", "upgrade").returncode == 0
    office.start("worker", "worker", "--queues", "documents,retry")
    office.start("rescuer", "recover")
    samples = sorted((REPOSITORY / "samples" / "reports").glob("*.txt"))
    assert office.run("ingest", *map(str, samples), "--batch", "b").returncode in (0, 3)

    def tasks() -> list[Any]:
        found = list(json.loads(ask("/api/tasks", auth)[1] or "{}").values())
        return found if len(found) >= len(samples) and all(one["state"] == "SUCCESS" for one in found) else []

    done = until(tasks, message=told.read_text)
    documents = range(1, len(samples) + 1)
    assert {(one["name"], one["args"]) for one in done} == {("gongkai.extract", f"document {n}") for n in documents}
    ends = ("validate", "load")  # the two are completed together
    assert {one["result"].strip("'") for one in done} <= {f"document {n}: {end}: done" for n in documents for end in ends}
    queues = {one["name"] for one in json.loads(ask("/api/queues/length", auth)[1])["active_queues"]}
    assert queues == {"documents", "ocr", "retry"}  # no worker serves ocr, and its messages are counted
    assert {one["worker"].partition(".")[0] for one in done} == {"documents+retry"}
    assert ask("/broker", auth)[0] == 200
    shutdown = urllib.request.Request(f"http://127.0.0.1:{PORT}/api/worker/shutdown/any", method="POST")
    shutdown.add_header("Authorization", "Basic " + base64.b64encode(auth.encode()).decode())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(shutdown, timeout=30)
    assert refused.value.code == 403  # it only shows

    assert office.end("flower") == 0
    assert list(office.home.glob("flower.db*"))
    told = office.start("flower", "flower", "--port", str(PORT))
    again = password(told)
    assert again != auth
    until(lambda: len(json.loads(ask("/api/tasks", again)[1] or "{}")) == len(samples), message=told.read_text)


@pytest.mark.parametrize("auth", ["nobody", ":x", "x:", "a:b,c"])
def test_a_password_that_would_not_guard_is_refused(office: Office, auth: str) -> None:
    office.environment["GONGKAI_FLOWER_AUTH"] = auth
    done = office.run("flower", "--port", str(PORT))
    assert (done.returncode, "GONGKAI_FLOWER_AUTH" in done.stderr) == (2, True)
