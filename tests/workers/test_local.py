"""One machine by itself: everything starts, works and ends, however its parent goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from codebook.errors import GongkaiError
from database import ledger, migrations
from database.intake import register
from database.ledger import Arrival
from database.session import make_engine, reading, run_transaction
from runtime.settings import Settings
from runtime.store import Store
from tests.servers import short_folder
from tests.workers.cluster import FAST, REPOSITORY
from workers.local import Supervisor, local_supervisor, private_folder
from workers.local.child_process import ChildProcess, Death

STANDIN = "tests.workers.standin"
HANGING = {"worker", "rescuer", "redis"}


def until(condition: Callable[[], Any], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not come about within {seconds} s"
        time.sleep(0.05)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder with a short path; the parts find the tests."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    with short_folder("gk-home-") as folder:
        yield folder


@pytest.fixture
def settings(home: Path) -> Settings:
    made = Settings(**(FAST | {"home": home, "concurrency": 1}))
    engine = make_engine(made.database, pooled=False)
    migrations.upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table effects (document_id integer, run integer, fence integer)")
    return made


def add(settings: Settings, *plans: dict[str, Any]) -> None:
    """Register documents without notifying: the rescuer finds them."""
    engine, store = make_engine(settings.database, pooled=False), Store(settings.store)
    contents = [msgspec.json.encode(plan | {"salt": time.monotonic_ns()}) for plan in plans]
    arrivals = [Arrival(store.put(data), "application/json", len(data), f"/in/{n}.json") for n, data in enumerate(contents)]
    run_transaction(engine, lambda c: register(c, "test", arrivals))


def books(settings: Settings) -> ledger.Balance:
    with reading(make_engine(settings.database, pooled=False)) as connection:
        return ledger.balance(connection)


@pytest.mark.slow
def test_it_starts_works_and_ends(settings: Settings) -> None:
    add(settings, {}, {"pages": 2})
    with local_supervisor(settings, module=STANDIN) as machine:
        assert machine.owns
        until(machine.healthy)
        until(lambda: books(settings).accepted == 2)
        pids = machine.pids()
        assert set(pids) == {"redis", "worker", "rescuer", "pictures"}  # the last since there was one
        family = [child.pid for child in psutil.Process(pids["worker"]).children(recursive=True)]
        os.kill(pids["redis"], signal.SIGKILL)
        until(lambda: machine.pids().get("redis", pids["redis"]) != pids["redis"], 10)
        add(settings, {"number": 3})
        until(lambda: books(settings).accepted == 3)
        pids = machine.pids() | {f"child {number}": pid for number, pid in enumerate(family)}
    assert not any(psutil.pid_exists(pid) for pid in pids.values())
    assert not machine.healthy()


@pytest.mark.slow
def test_a_text_waits_for_no_picture_and_without_pictures_nobody_does_them(settings: Settings) -> None:
    with local_supervisor(settings, module=STANDIN) as machine:
        until(machine.healthy)
        add(settings, {})
        until(lambda: books(settings).accepted == 1)
        assert "pictures" not in machine.pids()
        add(settings, {"pages": 3, "ocr": ["slow:20"]})
        until(lambda: "pictures" in machine.pids(), 20)
        until(lambda: running(settings, "ocr") > 0, 30)
        add(settings, *({"number": number} for number in range(5)))
        until(lambda: books(settings).accepted == 6, 15)
        assert running(settings, "ocr") == 1  # all that time


def running(settings: Settings, stage: str) -> int:
    with reading(make_engine(settings.database, pooled=False)) as connection:
        query = f"select count(*) from gk_stage where stage = '{stage}' and state = 'running'"
        return int(connection.exec_driver_sql(query).scalar_one())


# A process that a shell starts in the background inherits that Ctrl-C is ignored; a person's terminal heeds it.
PARENT = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from workers.local import local_supervisor
from runtime.settings import load_settings
with local_supervisor(load_settings(), module="tests.workers.standin") as machine:
    while not machine.healthy():
        time.sleep(0.1)
    print(*machine.pids().values(), flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_parent(settings: Settings, number: signal.Signals) -> None:
    environment = {**os.environ, **settings.environment()}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], env=environment, stdout=subprocess.PIPE, cwd=REPOSITORY)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 3
    pids += [child.pid for pid in pids for child in psutil.Process(pid).children(recursive=True)]
    parent.send_signal(number)
    parent.wait(90)
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids), 10)


@pytest.mark.slow
def test_the_second_at_the_same_home_looks_on_and_takes_over(settings: Settings) -> None:
    with local_supervisor(settings, module=STANDIN) as first, local_supervisor(settings, module=STANDIN) as second:
        assert first.owns
        assert not second.owns
        assert second.pids() == {}
        assert second.settings.broker == first.settings.broker
        first.stop()
        until(lambda: second.owns, 10)
        add(settings, {})
        until(lambda: books(settings).accepted == 1)


def test_a_folder_of_somebody_else_is_not_used(home: Path) -> None:
    (home / "link").symlink_to(home)
    with pytest.raises(GongkaiError, match="somebody else"):
        private_folder(home / "link")
    assert private_folder(home / "own").stat().st_mode & 0o777 == 0o700


def test_a_home_with_a_long_path_keeps_its_socket_elsewhere(tmp_path: Path) -> None:
    short, long = Settings(home=Path("/tmp/h")), Settings(home=tmp_path / ("x" * 120))
    assert short.run_folder == Path("/tmp/h/run").resolve()
    assert len(str(long.run_folder / "redis.sock")) < 108
    assert long.run_folder == Settings(home=long.home).run_folder


@pytest.mark.slow
def test_a_part_that_hangs_is_killed_and_started_again(settings: Settings) -> None:
    """Dead processes are seen by their exit; a frozen one only by its silence."""
    told: list[tuple[str, str]] = []
    hasty = settings.model_copy(update={"hung_seconds": 4.0})
    supervisor = Supervisor(hasty, module=STANDIN, report=lambda part, state: told.append((part, state)))
    supervisor.start()
    try:
        until(supervisor.healthy)
        before = supervisor.pids()
        for part in HANGING:
            os.kill(before[part], signal.SIGSTOP)
        until(lambda: all(supervisor.pids().get(part, before[part]) != before[part] for part in HANGING), 90)
        add(settings, {})
        until(lambda: books(settings).accepted == 1)
    finally:
        supervisor.stop()
    assert {part for part, state in told if "sign of life" in state or "does not answer" in state} == {
        "worker",
        "rescuer",
        "redis",
    }


@pytest.mark.slow
def test_nobody_is_killed_while_the_database_takes_nothing(settings: Settings) -> None:
    """Then no part can show that it lives, and all of them would be taken for hung."""
    hasty = settings.model_copy(update={"hung_seconds": 4.0})
    with local_supervisor(hasty, module=STANDIN) as supervisor:
        until(supervisor.healthy)
        before = supervisor.pids()
        engine = make_engine(settings.database, pooled=False)
        with engine.connect() as connection:  # holds the write lock for longer than a part may be silent
            connection.exec_driver_sql("update gk_batch set priority = 0")
            time.sleep(8)
            connection.rollback()
        add(settings, {})
        until(lambda: books(settings).accepted == 1)
        assert supervisor.pids() == before


def child(code: str) -> ChildProcess:
    return ChildProcess("part", [sys.executable, "-c", code], {}, None)


def pauses(part: ChildProcess, end: Callable[[int], None], times: int) -> list[float]:
    """The pauses after which a part is started again, when it ends ``times`` times."""
    found = []
    for _ in range(times):
        part.start()
        assert part.pid is not None
        end(part.pid)
        until(lambda: not part.is_running())
        death = part.death()
        assert isinstance(death, Death)
        found.append(death.pause)
    return found


def test_pauses_grow_for_a_part_that_dies_by_itself_and_not_for_one_that_is_killed() -> None:
    assert pauses(child("raise SystemExit(3)"), lambda _: None, 7) == [1, 2, 4, 8, 16, 30, 30]
    assert pauses(child("import os; os.abort()"), lambda _: None, 3) == [1, 2, 4]  # as native code that crashes
    killed = child("import time; time.sleep(60)")
    assert pauses(killed, lambda pid: os.kill(pid, signal.SIGKILL), 4) == [1, 1, 1, 1]
    hung = child("import time; time.sleep(60)")
    assert pauses(hung, lambda _: hung.kill_hung(), 3) == [1, 2, 4]
