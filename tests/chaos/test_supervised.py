"""A supervised machine whose parts are killed again and again: what was begun is done soon after the last kill."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from database import ledger, migrations
from database.session import make_engine, reading
from runtime.settings import Settings
from tests.chaos.size import some
from tests.servers import short_folder
from tests.workers.cluster import FAST, REPOSITORY
from tests.workers.test_local import add
from workers.local import Supervisor

LEASE = 15.0
WORK = 0.2  # seconds for a document


def kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def members(supervisor: Supervisor) -> list[int]:
    """The parts and the processes of the workers."""
    parts = supervisor.pids()
    family = [child.pid for name in parts if name == "worker" for child in psutil.Process(parts[name]).children()]
    return [*parts.values(), *family]


@pytest.mark.slow
@pytest.mark.parametrize(("count", "kills"), some([(60, 6)], [(600, 30)]))
def test_what_kills_interrupted_is_done_within_twice_the_lease_after_the_last(
    monkeypatch: pytest.MonkeyPatch, count: int, kills: int
) -> None:
    """600 files and 30 kills in full size. A pause that grew with each kill would leave a part away for half a minute."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    chance = random.Random(20261129)
    with short_folder("gk-kills-") as home:
        settings = Settings(**(FAST | {"home": home, "lease_seconds": LEASE, "ocr_lease_seconds": LEASE, "concurrency": 2}))
        engine = make_engine(settings.database, pooled=False)
        migrations.upgrade(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("create table effects (document_id integer, run integer, fence integer)")

        def books() -> ledger.Balance:
            with reading(engine) as connection:
                return ledger.balance(connection)

        def until(condition: Callable[[], Any], seconds: float, what: str) -> None:
            end = time.monotonic() + seconds
            while not condition():
                assert time.monotonic() < end, f"{what} within {seconds} s: {books()}"
                time.sleep(0.05)

        supervisor = Supervisor(settings, module="tests.workers.standin")
        supervisor.start()
        try:
            until(supervisor.healthy, 60, "the parts are not up")
            add(settings, *({"number": number, "parse": [f"slow:{WORK}"]} for number in range(count)))
            done = 0
            while done < kills:
                time.sleep(chance.uniform(0.5, 1.5))
                try:
                    done += kill(chance.choice(members(supervisor)))
                except psutil.NoSuchProcess:  # it is down already, and starts again
                    continue
            # Beside what is interrupted, two processes have to do what had not begun.
            until(lambda: books().processing == 0, 2 * LEASE + count * WORK / 2, "documents are still being processed")
        finally:
            supervisor.stop()
        assert books() == ledger.Balance(registered=count, accepted=count)
        with engine.connect() as connection:
            twice = "select document_id from effects group by document_id having count(*) > 1"
            assert connection.exec_driver_sql(twice).all() == []
