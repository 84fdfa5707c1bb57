"""A machine for tests: real database, real Redis, real workers and rescuers as processes of their own."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psutil
from sqlalchemy import Engine, text

from codebook.stages import QUEUES
from database import ledger
from database.intake import register, to_notify
from database.ledger import Arrival
from database.session import make_engine, reading, run_transaction
from runtime.settings import Settings
from runtime.store import Store
from tests.servers import RedisServer
from workers.notifier import RedisNotifier
from workers.rescuer import rescuer_command
from workers.worker_command import worker_command

REPOSITORY = Path(__file__).resolve().parents[2]

# Everything that takes minutes in production takes seconds here.
FAST: dict[str, Any] = {
    "lease_seconds": 5,
    "ocr_lease_seconds": 5,
    "heartbeat_seconds": 1,
    "beat_seconds": 0.5,
    "stale_seconds": 3,
    "rescue_seconds": 0.4,
    "resend_seconds": 6,
    "retry_base_seconds": 0.1,
    "retry_cap_seconds": 0.4,
    "retry_system_seconds": 0.5,
    "light_seconds": 30,
    "ocr_seconds": 30,
    "shutdown_seconds": 1,
    "concurrency": 2,
    "log_level": "WARNING",
    "log_format": "text",
}


class Cluster:
    """Everything that one test starts; :meth:`close` ends it. ``module`` is what its workers run."""

    module = "tests.workers.standin"
    errors: Any = None  # where the processes write their logs; None: where the tests do

    def __init__(self, home: Path, database_url: str, redis: RedisServer, **settings: Any) -> None:
        self.redis = redis
        values = FAST | settings | {"home": home, "database_url": database_url, "broker_url": redis.url}
        self.settings = Settings(**values)
        self.engine: Engine = make_engine(database_url)
        self.store = Store(self.settings.store)
        self.notifier = RedisNotifier(self.settings, self.engine)
        self.processes: list[subprocess.Popen[bytes]] = []
        with self.engine.begin() as connection:
            connection.execute(text("create table if not exists effects (document_id integer, run integer, fence integer)"))

    # ---- processes ----

    def _start(self, command: tuple[list[str], dict[str, str]], **more: str) -> subprocess.Popen[bytes]:
        argv, environment = command
        variables = {**os.environ, **environment, "PYTHONPATH": str(REPOSITORY), **more}
        process = subprocess.Popen(argv, env=variables, cwd=REPOSITORY, start_new_session=True, stderr=self.errors)
        self.processes.append(process)
        return process

    def worker(self, queues: Sequence[str] = QUEUES, concurrency: int = 2, **more: str) -> subprocess.Popen[bytes]:
        """Start a worker and wait until it takes messages."""
        process = self._start(worker_command(self.settings, queues, concurrency, self.module), **more)
        up = f":{process.pid}:"
        self.until(lambda: any(up in name for name in self.living()), 60, "no worker came up")
        self.until(lambda: len(children(process.pid)) >= concurrency, 20, "it has no processes")
        return process

    def rescuer(self) -> subprocess.Popen[bytes]:
        """Start a rescuer."""
        return self._start(rescuer_command(self.settings))

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9 and wait."""
        process.send_signal(signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        """End all processes."""
        for process in self.processes:
            if process.poll() is None:
                family = [*psutil.Process(process.pid).children(recursive=True)]
                self.kill(process)
                for member in family:
                    if member.is_running():
                        member.kill()
        self.notifier.close()
        self.engine.dispose()

    # ---- documents ----

    def add(self, *plans: dict[str, Any], notify: bool = True, priority: int = 0) -> list[int]:
        """Register documents that ask for these plans; gives their ids."""
        arrivals = []
        for number, plan in enumerate(plans):
            data = msgspec.json.encode(plan | {"number": number, "salt": time.monotonic_ns()})
            sha256 = self.store.put(data)
            assert sha256 == hashlib.sha256(data).hexdigest()
            arrivals.append(Arrival(sha256, "application/json", len(data), f"/in/{sha256}.json", priority=priority))
        made = run_transaction(self.engine, lambda c: register(c, "test", arrivals))
        if notify:
            self.notifier.notify(to_notify(made))
        return [one.document_id for one in made]

    # ---- what became of them ----

    def rows(self, query: str, **values: Any) -> list[Any]:
        """The rows of a query."""
        with reading(self.engine) as connection:
            return list(connection.execute(text(query), values))

    def living(self) -> list[str]:
        """The workers that show that they live."""
        with reading(self.engine) as connection:
            return ledger.live_workers(connection, self.settings.stale_seconds)

    def statuses(self) -> dict[int, str]:
        """The status of each document."""
        return dict(self.rows("select id, status from gk_document"))

    def until(self, condition: Callable[[], Any], seconds: float = 40, message: str = "it did not come about") -> None:
        """Wait for a condition; fail after so long."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{message} within {seconds} s: {self.statuses()} {self.stages()}")
            time.sleep(0.05)

    def settle(self, seconds: float = 60) -> None:
        """Wait until no document is being processed."""
        self.until(lambda: "processing" not in self.statuses().values(), seconds, "documents are still being processed")

    def stages(self) -> list[Any]:
        """What every stage row looks like."""
        columns = "document_id, run, stage, page, state, queue, attempts, crashes, losses, transients, code"
        return self.rows(f"select {columns} from gk_stage order by id")

    def outcomes(self, document: int, stage: str = "extract") -> list[str]:
        """How the tries of a stage ended, in order."""
        query = (
            "select a.outcome from gk_attempt a join gk_stage s on s.id = a.stage_id "
            "where s.document_id = :document and s.stage = :stage order by s.id, a.fence"
        )
        return [row[0] for row in self.rows(query, document=document, stage=stage)]

    def check(self, accepted: Sequence[int]) -> None:
        """The common assertion: all is settled, the books balance, each of ``accepted`` was loaded exactly once."""
        with reading(self.engine) as connection:
            assert ledger.invariants(connection, expired_seconds=5) == []
            assert ledger.balance(connection).holds
        statuses = self.statuses()
        assert {document for document, status in statuses.items() if status == "accepted"} == set(accepted)
        effects = self.rows("select document_id, count(*) from effects group by document_id")
        assert dict(effects) == dict.fromkeys(accepted, 1)
        ((claims, tries),) = self.rows("select (select sum(fence) from gk_stage), (select count(*) from gk_attempt)")
        assert claims == tries


def children(pid: int) -> list[int]:
    """The processes that a worker has forked."""
    return [child.pid for child in psutil.Process(pid).children()]
