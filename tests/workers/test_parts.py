"""The parts of the machine by themselves: settings, store, Celery's configuration, notifier, the rescuer without its servers."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from s3fs import S3FileSystem
from sqlalchemy.exc import OperationalError

from codebook.errors import CODES, GongkaiError
from codebook.stages import StageName
from database import ledger, migrations
from database.intake import register
from database.ledger import Arrival, Policy, Queued
from database.monitoring import measures
from database.session import fault_code, make_engine, normal_url, reading, run_transaction
from runtime.settings import Settings
from runtime.store import Store
from tests.servers import PostgresServer, RedisServer, S3Server
from workers.app import TASK_MODULES, configuration, make_app, task_name
from workers.faults import fault_of
from workers.lease_heartbeat import LeaseHeartbeat
from workers.notifier import RedisNotifier
from workers.rescuer import LookGap, QueueWindow, Rescuer, RescueRun
from workers.worker_command import worker_command

REPOSITORY = Path(__file__).resolve().parents[2]


# ---- settings ----


def test_every_setting_is_documented() -> None:
    undocumented = [name for name, field in Settings.model_fields.items() if not field.description]
    assert undocumented == []


def test_settings_travel_through_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = Settings(home=tmp_path, lease_seconds=7, broker_url="redis://host/1", memory_bytes=0)
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == made


def test_defaults_hold_together(tmp_path: Path) -> None:
    made = Settings(home=tmp_path)
    assert made.database == f"sqlite:///{tmp_path}/gongkai.db"
    assert made.heartbeat_seconds * 3 <= made.lease_seconds
    assert made.stale_seconds < made.lease_seconds * 2 / 3
    assert made.beat_seconds * 3 < made.stale_seconds
    assert made.policy == Policy()
    assert normal_url("postgresql://u:p@h/d") == "postgresql+psycopg://u:p@h/d"


def test_only_the_settings_read_the_environment() -> None:
    readers = [
        path.relative_to(REPOSITORY).as_posix()
        for room in ("codebook", "database", "workers", "tasks", "ingest", "console")
        for path in (REPOSITORY / room).rglob("*.py")
        if "os.getenv" in path.read_text() or "environ.get" in path.read_text() or "environ[" in path.read_text()
    ]
    assert readers == []


# ---- the store ----


def test_an_original_is_kept_once_and_whole(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "originals"))
    sha256 = store.put(b"a report")
    assert sha256 == hashlib.sha256(b"a report").hexdigest()
    assert store.put(b"a report") == sha256
    assert store.get(sha256) == b"a report"
    assert store.exists(sha256)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [sha256]
    store.check()


def test_an_original_that_is_missing_or_damaged_is_not_given_out(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(GongkaiError) as missing:
        store.get("0" * 64)
    assert missing.value.code == "store.unavailable"
    sha256 = store.put(b"a report")
    Path(store.path(sha256)).write_bytes(b"another")
    with pytest.raises(GongkaiError, match="another content"):
        store.get(sha256)


def test_folders_are_on_the_disk_before_a_content_counts_as_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}").removeprefix(f"{tmp_path}/"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    store = Store(str(tmp_path))
    store.keep_visit("aa-1", b"first")
    part, *folders = synced
    assert part.endswith(".part")
    assert folders == ["visits/aa", "visits", str(tmp_path)]
    synced.clear()
    store.keep_visit("aa-2", b"second")  # the folder's own entry is there
    assert synced[1:] == ["visits/aa"]
    synced.clear()
    store.keep_visit("bb-1", b"third")
    assert synced[1:] == ["visits/bb", "visits"]
    synced.clear()
    Store(str(tmp_path)).keep_visit("bb-2", b"fourth")  # another process may have died before it
    assert synced[1:] == ["visits/bb", "visits", str(tmp_path)]


def test_a_full_disk_leaves_nothing_under_the_final_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GongkaiError) as error:
        store.put(b"a report")
    assert error.value.code == "disk.full"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_content_asked_for_last_is_not_fetched_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    scan, other = store.put(b"a scan of many pages"), store.put(b"another")
    assert store.get(scan) == b"a scan of many pages"
    Path(store.path(scan)).unlink()
    assert store.get(scan) == b"a scan of many pages"
    store.get(other)
    with pytest.raises(GongkaiError) as error:
        store.get(scan)
    assert error.value.code == "store.unavailable"


def test_a_store_elsewhere(tmp_path: Path) -> None:
    store = Store("memory://originals")
    assert store.get(store.put(b"a report")) == b"a report"


def test_a_store_over_s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    store = Store(s3_server.url("originals"))
    sha256 = store.put(b"a report")
    assert store.put(b"a report") == sha256
    assert Store(s3_server.url("originals")).get(sha256) == b"a report"
    store.check()
    with pytest.raises(GongkaiError) as missing:
        store.get("0" * 64)
    assert missing.value.code == "store.unavailable"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    S3FileSystem.clear_instance_cache()
    with pytest.raises(GongkaiError) as away:
        Store(s3_server.url("elsewhere")).put(b"a report")
    assert away.value.code == "store.unavailable"
    S3FileSystem.clear_instance_cache()


# ---- Celery ----


def test_the_listed_task_modules_are_those_that_are_there() -> None:
    there = sorted(path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "tasks").glob("*/task.py"))
    assert sorted(name.replace(".", "/") + ".py" for name in TASK_MODULES) == there


def test_celery_neither_retries_nor_makes_queues(tmp_path: Path) -> None:
    made = make_app(Settings(home=tmp_path)).conf
    assert [queue.name for queue in made.task_queues] == ["documents", "ocr", "retry"]
    assert {queue.exchange.name for queue in made.task_queues} == {""}
    assert made.task_create_missing_queues is False
    assert made.task_reject_on_worker_lost is False
    assert made.result_backend is None
    assert configuration(Settings(home=tmp_path))["worker_send_task_events"] is True
    assert task_name(StageName.EXTRACT) == "gongkai.extract"


# ---- faults ----


def test_whatever_is_raised_has_a_code() -> None:
    found = {
        fault_of(GongkaiError("report.no_year", "none", "a year"), StageName.PARSE).code,
        fault_of(MemoryError(), StageName.PARSE).code,
        fault_of(OSError(errno.ENOSPC, "full"), StageName.PARSE).code,
        fault_of(ValueError("bug"), StageName.PARSE).code,
    }
    assert found == {"report.no_year", "worker.out_of_memory", "disk.full", "internal"}
    assert "ValueError: bug" in (fault_of(ValueError("bug"), StageName.PARSE).detail or "")
    assert fault_of(GongkaiError("report.no_year", "none", "a year"), StageName.PARSE).message == "none; expected a year"
    assert found <= set(CODES)


def test_databases_that_are_away_are_told_from_bugs(tmp_path: Path, postgres_server: PostgresServer) -> None:
    with pytest.raises(GongkaiError) as error:
        run_transaction(
            make_engine(f"sqlite:///{tmp_path}/no/such/folder.db"), lambda c: c.exec_driver_sql("select 1"), attempts=2
        )
    assert error.value.code == "database.unavailable"
    away = postgres_server.url("postgres").replace("/data", "/nowhere")
    with pytest.raises(GongkaiError) as error:
        run_transaction(make_engine(away), lambda c: c.exec_driver_sql("select 1"), attempts=2)
    assert error.value.code == "database.unavailable"
    for engine in (make_engine(f"sqlite:///{tmp_path}/a.db"), make_engine(postgres_server.url())):
        with pytest.raises(Exception, match="nonsense") as bug:
            run_transaction(engine, lambda c: c.exec_driver_sql("select nonsense"))
        assert fault_code(bug.value) is None


def test_a_transaction_is_run_again_after_its_connection_broke(
    postgres_server: PostgresServer, postgres_url: str, postgres_database: str
) -> None:
    engine = make_engine(postgres_url, lazy_commit=True)
    tries = []

    def work(connection: Any) -> int:
        tries.append(1)
        if len(tries) == 1:
            postgres_server.kick(postgres_database)
        return int(connection.exec_driver_sql("select 7").scalar_one())

    assert run_transaction(engine, work) == 7
    assert len(tries) == 2


def test_sqlite_waits_for_its_turn(sqlite_url: str) -> None:
    impatient = make_engine(sqlite_url, busy_seconds=0.05)
    with make_engine(sqlite_url).begin() as connection:
        connection.exec_driver_sql("update gk_batch set priority = 0")
        with pytest.raises(GongkaiError) as error:
            run_transaction(impatient, lambda c: c.exec_driver_sql("update gk_batch set priority = 0"), attempts=2)
    assert error.value.code == "database.unavailable"
    with pytest.raises(OperationalError) as raw, impatient.begin() as connection:
        connection.exec_driver_sql("select * from nowhere")
    assert fault_code(raw.value) is None


# ---- the notifier and the rescuer ----


def test_the_notifier_keeps_to_its_window_and_survives_the_broker(
    sqlite_url: str, tmp_path: Path, redis_server: RedisServer
) -> None:
    settings = Settings(home=tmp_path, database_url=sqlite_url, broker_url=redis_server.url, window=5)
    engine = make_engine(sqlite_url)
    notifier = RedisNotifier(settings, engine)
    queued = [Queued(number, StageName.EXTRACT, "documents") for number in range(1, 9)]
    assert notifier.notify(queued) == 5
    assert notifier.depths() == {"documents": 5, "ocr": 0, "retry": 0, "unacked": 0}
    assert notifier.notify(queued) == 0
    assert [notifier.notify([item]) for item in queued] == [0] * 8  # one by one as well
    redis_server.kill()
    started = time.monotonic()
    assert notifier.notify(queued[:1]) == 0
    assert notifier.send(queued[:2]) == []
    assert notifier.depths() is None
    assert time.monotonic() - started < 20
    assert notifier.failed == 2
    notifier.close()


def test_the_rescuer_notifies_and_notices_what_was_lost(sqlite_url: str, tmp_path: Path, redis_server: RedisServer) -> None:
    settings = Settings(home=tmp_path, database_url=sqlite_url, broker_url=redis_server.url, rescue_seconds=2, window=3)
    engine = make_engine(sqlite_url)
    arrivals = [Arrival(f"{number:064x}", "text/plain", 1, f"/{number}") for number in range(5)]
    run_transaction(engine, lambda c: register(c, "b", arrivals))
    rescuer = Rescuer(settings)
    assert rescuer.run_once() == RescueRun(True, sent=3)
    assert rescuer.run_once() == RescueRun(True)
    redis_server.client.flushall()
    assert rescuer.run_once().sent == 2
    redis_server.client.flushall()
    rescuer.run_once()
    time.sleep(1.5)
    assert rescuer.run_once() == RescueRun(True, sent=3, found_lost=5)
    with reading(engine) as connection:
        counted = measures.measures(connection, 30).counters
        assert measures.not_alive(connection, "rescuer", "any", 30) is None
    assert (counted[measures.MESSAGES_LOST] >= 5, counted[measures.RESCUER_RUNS] >= 5) == (True, True)
    redis_server.client.flushall()
    redis_server.kill()
    assert rescuer.run_once() == RescueRun(True)
    rescuer.close()


def test_the_window_is_as_large_as_the_workers_need() -> None:
    window = QueueWindow(50, 2000)
    assert window.room(0) == 50
    window.filled = True
    assert [window.room(depth) for depth in (0, 60, None)] == [200, 140, 0]  # they took all of it: more
    sizes = [window.room(0) for _ in range(4)]
    assert sizes == [800, 2000, 2000, 2000]
    assert [window.room(1900) for _ in range(40)][-1] == 0
    assert window.room(40) == 10  # most lay there for long: as few as at first


def looks(*moments: float) -> str:
    """What a rescuer with a beat of a second does at these moments: r, ends what lapsed; s, spares it."""
    gap, told = LookGap(1.0), ""
    for moment in moments:
        gap = gap.at(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=moment))
        told += "s" if gap.in_grace_period else "r"
    return told


def test_lapsed_leases_are_spared_after_a_time_without_looks_but_not_for_ever() -> None:
    assert looks(0, 0.5, 1.0, 1.5) == "rrrr"
    assert looks(0, 0.5, 9, 9.5, 10, 10.9, 11.1, 11.6) == "rrssssrr"  # nobody could write for a while
    assert looks(0, 1.2, 9, 9.5, 10.9, 11.1) == "rsssss"  # after a look that was late itself
    assert looks(0, 5, 10, 15, 20, 25) == "rsssrr"  # every look is late
    assert looks(*(number * 0.8 + 0.5 * (number % 2) for number in range(20))).count("r") >= 4  # every second one is
    assert looks(0, 5, 10, 15, 20, 20.5, 21, 30, 30.5) == "rsssrrrss"  # and then the machine is well again


def test_lapsed_leases_are_spared_by_a_rescuer_that_began_while_nobody_could_look() -> None:
    """What lapsed meanwhile could not be renewed; a first look at its first try ends what lapsed before it."""
    first = datetime(2024, 1, 1, tzinfo=UTC)
    later = first + timedelta(seconds=2.5)
    assert not LookGap(1.0).at(first).in_grace_period
    spared = LookGap(1.0).without_look().without_look().at(first)
    assert (spared.in_grace_period, spared.at(first + timedelta(seconds=0.9)).in_grace_period) == (True, True)
    assert not spared.at(first + timedelta(seconds=0.9)).at(first + timedelta(seconds=1.8)).at(later).in_grace_period
    looked = LookGap(1.0).at(first).without_look()  # one look of many
    assert not looked.at(first + timedelta(seconds=0.9)).in_grace_period


def test_the_rescuer_survives_the_database(tmp_path: Path, redis_server: RedisServer) -> None:
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/no/such.db", broker_url=redis_server.url)
    rescuer = Rescuer(settings)
    assert rescuer.run_once() == RescueRun(False)
    rescuer.close()


def test_a_claim_whose_end_could_not_be_noted_is_given_back_when_the_database_can_write_again(
    sqlite_url: str, tmp_path: Path
) -> None:
    engine = make_engine(sqlite_url, busy_seconds=0.05)
    (one,) = run_transaction(engine, lambda c: register(c, "b", [Arrival("0" * 64, "text/plain", 1, "/a")]))
    held = run_transaction(engine, lambda c: ledger.claim(c, one.stage_id or 0, "w#1", 60))
    assert held is not None
    heartbeat = LeaseHeartbeat(engine, Settings(home=tmp_path, heartbeat_seconds=0.1))
    with heartbeat.renewing([held]):
        pass  # which starts its thread

    def state() -> Any:
        with engine.connect() as connection:
            return tuple(connection.exec_driver_sql("select state, attempts from gk_stage").one())

    with make_engine(sqlite_url).begin() as connection:
        connection.exec_driver_sql("update gk_batch set priority = 0")  # nobody else can write
        heartbeat.release_later(held)
        time.sleep(0.4)
    until = time.monotonic() + 60
    while state() != ("queued", 0):
        assert time.monotonic() < until
        time.sleep(0.05)
    engine.dispose()


@contextmanager
def no_room(*paths: Path) -> Iterator[None]:
    """Within it no file can grow beyond the largest of these, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(path.stat().st_size for path in paths), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_lapsed_while_nobody_could_write_is_not_taken_away_at_once(tmp_path: Path, redis_server: RedisServer) -> None:
    """Whoever holds a claim could not renew it on a full disk either: the rescuer must know of the disk though it had nothing to
    write there, and must give time.
    """
    url = f"sqlite:///{tmp_path / 'gongkai.db'}"
    engine = make_engine(url)
    migrations.upgrade(engine)
    (one,) = run_transaction(engine, lambda c: register(c, "b", [Arrival("0" * 64, "text/plain", 1, "/a")]))
    run_transaction(engine, lambda c: ledger.beat(c, "w", 60))
    held = run_transaction(engine, lambda c: ledger.claim(c, one.stage_id or 0, "w#1", 2))
    assert held is not None
    rescuer = Rescuer(Settings(home=tmp_path, database_url=url, broker_url=redis_server.url, heartbeat_seconds=1.5))
    assert rescuer.run_once() == RescueRun(True)
    with no_room(tmp_path / "gongkai.db-wal", tmp_path / "gongkai.db"):
        with pytest.raises(GongkaiError):
            run_transaction(engine, lambda c: ledger.renew(c, held, 2), attempts=1)
        rescuer.run_once()
    time.sleep(2.1)
    assert rescuer.run_once() == RescueRun(True)  # the lease has lapsed, but its holder may be about to renew it
    assert run_transaction(engine, lambda c: ledger.renew(c, held, 0))
    until = time.monotonic() + 20
    while not rescuer.run_once().expired:
        assert time.monotonic() < until
        time.sleep(0.2)
    rescuer.close()
    engine.dispose()


def test_workers_tell_nobody_outside_what_they_do(tmp_path: Path) -> None:
    _, environment = worker_command(Settings(home=tmp_path))
    assert environment["ORT_DISABLE_TELEMETRY"] == "1"


def test_a_session_that_holds_a_lapsed_claim_and_never_ends_is_ended(
    postgres_url: str, tmp_path: Path, redis_server: RedisServer
) -> None:
    """As of a process that was frozen while PostgreSQL sends it something: no time limit of the server ends that."""
    settings = Settings(home=tmp_path, database_url=postgres_url, broker_url=redis_server.url, lease_seconds=1)
    engine = make_engine(postgres_url)
    (one,) = run_transaction(engine, lambda c: register(c, "b", [Arrival("0" * 64, "text/plain", 1, "/a")]))
    run_transaction(engine, lambda c: ledger.claim(c, one.stage_id or 0, "w#1", 0.1))
    rescuer = Rescuer(settings)
    with engine.connect() as holder:
        holder.exec_driver_sql("update gk_stage set code = 'x'")
        time.sleep(0.3)
        assert rescuer.run_once() == RescueRun(True)  # whoever commits late may still be in time
        until = time.monotonic() + 30
        while not rescuer.run_once().expired:
            assert time.monotonic() < until
            time.sleep(0.2)
        with pytest.raises(OperationalError):
            holder.exec_driver_sql("select 1")
        holder.invalidate()
    rescuer.close()
    engine.dispose()
