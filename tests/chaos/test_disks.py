"""Full disks: a fault of the machine, not of any document. Small file systems are mounted where root runs the tests."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from codebook.errors import GongkaiError
from database import migrations
from database.session import make_engine
from runtime.settings import Settings
from runtime.store import Store
from tests.chaos.conftest import Expect, MakeTrial
from tests.chaos.disk import SmallDisk
from tests.chaos.trial import Trial, reports
from tests.chaos.wellbeing import File
from tests.servers import PostgresServer, RedisServer, short_folder
from workers.rescuer import Rescuer

pytestmark = pytest.mark.slow


@pytest.fixture
def disks() -> Iterator[type[SmallDisk]]:
    """Makes small disks; takes them away."""
    made: list[SmallDisk] = []

    class Kept(SmallDisk):
        def __init__(self, folder: Path, mib: int) -> None:
            try:
                super().__init__(folder, mib)
            except PermissionError as error:
                pytest.skip(str(error))
            made.append(self)

    yield Kept
    for disk in made:
        disk.close()


def unburnt(trial: Trial) -> None:
    """No try was counted for the full disk."""
    query = "select sum(crashes), sum(losses), sum(transients) from gk_stage"
    assert [tuple(row) for row in trial.rows(query)] == [(0, 0, 0)]
    assert trial.rows("select count(*) from gk_failure where code = 'disk.full'") == [(0,)]


def test_a_full_store_takes_nothing_and_leaves_no_half_file(disks: type[SmallDisk], tmp_path: Path) -> None:
    disk = disks(tmp_path, 1)
    store = Store(str(tmp_path / "originals"))
    kept = store.put(b"before")
    disk.fill()
    with pytest.raises(GongkaiError) as error:
        store.put(os.urandom(100_000))
    assert error.value.code == "disk.full"
    assert [path.name for path in (tmp_path / "originals").rglob("*") if path.is_file()] == [kept]
    disk.free()
    assert store.get(store.put(b"after")) == b"after"


def test_sqlite_on_a_full_disk(disks: type[SmallDisk], make_trial: MakeTrial, expect: Expect, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    disk = disks(folder, 24)  # the tables and the log of forty documents, with room
    url = f"sqlite:///{folder / 'gongkai.db'}"
    migrations.upgrade(make_engine(url, pooled=False))
    trial, files = make_trial(url), reports(40)
    trial.worker()
    trial.rescuer()
    trial.register(files)
    trial.until(lambda: trial.finished() > 3)
    disk.fill()
    time.sleep(trial.settings.lease_seconds + 1.5)  # whatever is held lapses
    stood = trial.finished()
    assert stood < 40
    disk.free()
    trial.well(expect(files))
    unburnt(trial)
    assert trial.rows("pragma integrity_check") == [("ok",)]


def test_the_rescuer_does_not_look_where_workers_may_have_no_room(
    disks: type[SmallDisk], redis_server: RedisServer, tmp_path: Path
) -> None:
    """Its own small writes pass there, and renewals of leases may not: the holders of expired ones are alive."""
    folder = tmp_path / "disk"
    folder.mkdir()
    disk = disks(folder, 24)
    url = f"sqlite:///{folder / 'gongkai.db'}"
    migrations.upgrade(make_engine(url, pooled=False))
    rescuer = Rescuer(Settings(home=tmp_path, database_url=url, broker_url=redis_server.url))
    try:
        assert rescuer.run_once().ran
        disk.fill()
        disk.spare(512 * 1024)
        assert not rescuer.run_once().ran
        disk.free()
        assert rescuer.run_once().ran
    finally:
        rescuer.close()


def test_postgresql_on_a_full_disk(disks: type[SmallDisk], make_trial: MakeTrial, expect: Expect) -> None:
    with short_folder("gk-full-") as folder:
        folder.chmod(0o755)
        disk = disks(folder, 120)
        server = PostgresServer(folder)
        try:
            server.execute("alter system set wal_recycle = off")
            url = server.url(server.create())
            migrations.upgrade(make_engine(url, pooled=False))
            trial, files = make_trial(url), reports(60)
            trial.worker()
            trial.rescuer()
            trial.register(files)
            trial.until(lambda: trial.finished() > 3)
            disk.fill()
            time.sleep(3)
            disk.free()
            server.start()  # without room for its log PostgreSQL ends; its supervisor starts it again
            trial.well(expect(files), 120)
            unburnt(trial)
        finally:
            trial.close()
            server.close()
            disk.close()


def test_redis_on_a_full_disk(
    disks: type[SmallDisk], make_trial: MakeTrial, expect: Expect, sqlite_url: str, tmp_path: Path
) -> None:
    with short_folder("gk-aof-") as folder:
        disk = disks(folder, 4)
        server = RedisServer(folder)
        try:
            server.client.config_set("appendonly", "yes")
            server.client.config_set("appendfsync", "always")
            disk.fill()
            trial, files = make_trial(sqlite_url, broker_url=server.url), reports(20)
            trial.rescuer()
            trial.register(files)
            time.sleep(1.5)
            disk.free()
            if server.client is None or not _answers(server):
                server.start()
            trial.worker()
            trial.well(expect(files))
        finally:
            server.close()
            disk.close()


def _answers(server: RedisServer) -> bool:
    try:
        return bool(server.client.ping())
    except OSError:
        return False


def test_logs_that_cannot_be_written(make_trial: MakeTrial, expect: Expect, sqlite_url: str) -> None:
    trial, files = make_trial(sqlite_url, log_level="DEBUG"), reports(10)
    with open("/dev/full", "wb") as full:
        trial.errors = full
        trial.worker()
        trial.rescuer()
        trial.register(files)
        trial.well(expect(files))


def test_files_that_may_not_grow(make_trial: MakeTrial, expect: Expect, database_url: str, tmp_path: Path) -> None:
    """ENOSPC in the middle of the work, without a small disk: the try is not counted."""
    trial, files = make_trial(database_url), reports(10)
    points = ",".join(f"{point}:full:{tmp_path / point}" for point in ("after_work", "before_commit"))
    trial.worker(GONGKAI_FAILPOINT=points)
    trial.rescuer()
    trial.register(files)
    trial.well(expect(files))
    unburnt(trial)
    assert sorted(path.name for path in tmp_path.glob("*_*")) == ["after_work", "before_commit"]


def test_the_original_is_damaged_or_gone_for_a_while(make_trial: MakeTrial, expect: Expect, sqlite_url: str) -> None:
    trial, files = make_trial(sqlite_url), [File(f"另一封信{number}。".encode()) for number in range(3)]
    trial.register(files)
    paths = [Path(trial.store.path(file.sha256)) for file in files]
    paths[0].rename(paths[0].with_suffix(".away"))
    paths[1].write_bytes(b"another")
    trial.worker()
    trial.rescuer()
    trial.until(lambda: trial.finished() == 1)
    time.sleep(1)
    assert trial.finished() == 1
    paths[0].with_suffix(".away").rename(paths[0])
    paths[1].write_bytes(files[1].data)
    trial.well(expect(files))
    unburnt(trial)
