"""A machine with the real stages, real documents, and everything that can be done to it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from database.intake import register, to_notify
from database.session import run_transaction
from tests.chaos.wellbeing import File, Rows, assert_all_is_well, count_effects
from tests.generator.documents import TEXT_LAYOUTS, make_documents
from tests.servers import RedisServer
from tests.workers.cluster import Cluster, children

WORKER = "workers.run"
ODD = "tests.chaos.odd_worker"


def reports(count: int, seed: int = 1) -> list[File]:
    """Text reports of the generator, and every tenth a letter that is no report."""
    made = [File(document.data, document.media_type, document.name) for document in make_documents(count, seed, TEXT_LAYOUTS)]
    for number in range(9, count, 10):
        made[number] = File(f"这不是一份报告。第{seed}-{number}封信。".encode(), "text/plain", f"letter-{seed}-{number}.txt")
    return made


class Trial(Cluster):
    """A cluster with the real stages."""

    module = WORKER

    def __init__(self, home: Path, database_url: str, redis: RedisServer, **settings: Any) -> None:
        super().__init__(home, database_url, redis, **settings)
        self._closed = False
        with self.engine.begin() as connection:
            count_effects(connection)

    def odd(self, oddity: str, concurrency: int = 2, **more: str) -> subprocess.Popen[bytes]:
        """A worker that behaves oddly; see tests.chaos.odd_worker."""
        self.module = ODD
        try:
            return self.worker(concurrency=concurrency, ODDITY=oddity, **more)
        finally:
            self.module = WORKER

    def register(self, files: Sequence[File], notify: bool = True, priority: int = 0, batch: str = "test") -> list[int]:
        """Keep and register files; gives the ids of their documents."""
        for file in files:
            self.store.put(file.data)
        arrivals = [file.arrival(priority) for file in files]
        made = run_transaction(self.engine, lambda c: register(c, batch, arrivals))
        if notify:
            self.notifier.notify(to_notify(made))
        return [one.document_id for one in made]

    def working(self) -> list[tuple[int, int]]:
        """(document, process) of the stages that are running."""
        rows = self.rows("select document_id, owner from gk_stage where state = 'running'")
        return [(document, int(owner.rpartition("#")[2])) for document, owner in rows]

    def finished(self) -> int:
        """How many documents are at an end."""
        return self.rows("select count(*) from gk_document where status <> 'processing'")[0][0]

    def registered(self) -> int:
        """How many documents there are."""
        return self.rows("select count(*) from gk_document")[0][0]

    def well(self, expected: Rows, seconds: float = 90) -> None:
        """Wait until all is settled; then the common assertion."""
        self.settle(seconds)
        self.until(lambda: not self.working(), 20)
        assert_all_is_well(self.engine, expected, self.notifier)

    def close(self) -> None:
        """End all processes, and take the trigger away; once."""
        if self._closed:
            return
        self._closed = True
        super().close()
        if self.engine.dialect.name == "postgresql":
            with self.engine.begin() as connection:
                connection.execute(text("drop trigger if exists effect on gk_stage"))
        self.engine.dispose()


def kill_child(worker: subprocess.Popen[bytes], choose: Any = min) -> bool:
    """kill -9 one of the processes of a worker; False when it has none at this moment."""
    try:
        family = children(worker.pid)
    except psutil.NoSuchProcess:
        return False
    return bool(family) and send(choose(family), signal.SIGKILL)


def send(pid: int, number: signal.Signals) -> bool:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def wait_gone(pids: Sequence[int], seconds: float = 60) -> None:
    """Wait until these processes have ended."""
    end = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) for pid in pids):
        assert time.monotonic() < end, "processes live on"
        time.sleep(0.02)
