"""Who attacks: kills, freezes, floods and restarts in an order that the seed decides. What died is started again."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence

from codebook.stages import StageName
from database.ledger import Queued
from tests.chaos.disk import SmallDisk
from tests.chaos.proxy import Proxy
from tests.chaos.trial import Trial, kill_child, send
from tests.chaos.wellbeing import Rows
from tests.servers import PostgresServer, RedisServer


class Nemesis:
    """Does one thing at a time, and counts what it did. ``kills`` counts dead processes of ours."""

    def __init__(
        self,
        trial: Trial,
        seed: int,
        workers: int = 1,
        postgres: PostgresServer | None = None,
        weights: dict[str, int] | None = None,
        disk: SmallDisk | None = None,
        ways: Sequence[tuple[str, Proxy]] = (),
    ) -> None:
        self.trial, self.chance = trial, random.Random(seed)
        self.done: Counter[str] = Counter()
        self.kills = 0
        self._count, self._postgres, self._disk_below, self._ways = workers, postgres, disk, dict(ways)
        self._started = 0
        self._weights = self.can() if weights is None else weights
        self._workers: list[subprocess.Popen[bytes]] = []
        self._rescuers: list[subprocess.Popen[bytes]] = []

    @property
    def redis(self) -> RedisServer:
        return self.trial.redis

    def keep(self) -> None:
        """Start again what has ended, as a supervisor would."""
        self._workers = [worker for worker in self._workers if worker.poll() is None]
        self._rescuers = [rescuer for rescuer in self._rescuers if rescuer.poll() is None]
        while len(self._workers) < self._count:
            self._workers.append(self._new_worker())
        while not self._rescuers:
            self._rescuers.append(self.trial.rescuer())

    def _new_worker(self) -> subprocess.Popen[bytes]:
        """Every second one reaches its servers by ways that can be cut."""
        self._started += 1
        return self.trial.worker(**{name: way.url for name, way in self._ways.items()} if self._started % 2 == 0 else {})

    def well(self, expected: Rows, seconds: float) -> None:
        """Start again what ends until all is settled; then the common assertion."""

        def settled() -> bool:
            self.keep()
            return self.trial.finished() == self.trial.registered()

        self.trial.until(settled, seconds, "documents are still being processed")
        self.trial.well(expected)

    def strike(self) -> str:
        """Do one thing; gives its name."""
        names = list(self._weights)
        name = self.chance.choices(names, [self._weights[one] for one in names])[0]
        getattr(self, f"_{name}")()
        self.done[name] += 1
        self.keep()
        return name

    def _child(self) -> None:
        busy = [pid for _, pid in self.trial.working()]
        self.kills += send(self.chance.choice(busy), signal.SIGKILL) if busy else kill_child(self._workers[0], self.chance.choice)

    def _main(self) -> None:
        self.trial.kill(self.chance.choice(self._workers))
        self.kills += 1

    def _rescuer(self) -> None:
        self.trial.kill(self._rescuers[0])
        self.kills += 1

    def _flush(self) -> None:
        self.redis.client.flushall()

    def _redis(self) -> None:
        self.redis.kill()
        time.sleep(self.chance.uniform(0, 2))
        self.redis.start()

    def _postgres_restart(self) -> None:
        if self._postgres is not None:
            self.trial.engine.dispose()
            self._postgres.crash()
            time.sleep(self.chance.uniform(0, 1))
            self._postgres.start()

    def _freeze(self) -> None:
        """A process at work sleeps beyond its lease, and wakes."""
        busy = [pid for _, pid in self.trial.working()]
        if not busy:
            return
        pid = self.chance.choice(busy)
        send(pid, signal.SIGSTOP)
        time.sleep(self.trial.settings.lease_seconds + 1)
        send(pid, signal.SIGCONT)

    def _double(self) -> None:
        """Messages for whatever there is, five times."""
        rows = self.trial.rows("select id, stage, queue from gk_stage order by id desc limit 20")
        self.trial.notifier.send([Queued(number, StageName(stage), queue) for number, stage, queue in rows] * 5)

    def _partition(self) -> None:
        """What is connected by one of the ways hangs in silence, beyond the lease; then it breaks, and new connections pass."""
        way = self.chance.choice(list(self._ways.values()))
        way.freeze()
        time.sleep(self.chance.uniform(1, self.trial.settings.lease_seconds + 1))
        way.cut()
        way.thaw()

    def _disk(self) -> None:
        """The disk under the database is full for a while."""
        assert self._disk_below is not None
        self._disk_below.fill()
        time.sleep(self.chance.uniform(0.5, self.trial.settings.lease_seconds + 2))
        self._disk_below.free()
        if self._postgres is not None:
            self._postgres.start()  # without room for its log it ends

    def can(self) -> dict[str, int]:
        """Everything that can be done here, with its weight."""
        absent = {"postgres_restart": self._postgres is None, "partition": not self._ways, "disk": self._disk_below is None}
        return {name: weight for name, weight in EVERYTHING.items() if not absent.get(name)}


EVERYTHING = {
    "child": 8,
    "main": 2,
    "rescuer": 2,
    "flush": 2,
    "redis": 2,
    "postgres_restart": 1,
    "freeze": 1,
    "double": 2,
    "partition": 1,
    "disk": 1,
}
