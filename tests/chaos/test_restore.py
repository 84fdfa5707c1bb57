"""The restore drill: a backup taken while the work goes on, the machine lost, and everything brought back from the backup.

The commands are those of docs/deployment.md: pg_dump and pg_restore, or SQLite's online backup, the database before the store.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from console.verify import Verification
from tests.chaos.conftest import Expect
from tests.chaos.trial import Trial, reports
from tests.servers import PostgresServer, RedisServer, short_folder

pytestmark = pytest.mark.slow


@pytest.fixture
def second_redis() -> Iterator[RedisServer]:
    """The empty Redis of the machine that is set up again."""
    with short_folder("gk-redis-") as folder:
        server = RedisServer(folder)
        yield server
        server.close()


def back_up(url: str, to: Path, server: PostgresServer | None) -> None:
    """Copy a database while it is written to."""
    if server is None:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as source, closing(sqlite3.connect(to)) as target:
            source.backup(target)
        return
    subprocess.run([server.programs / "pg_dump", "--format=custom", f"--file={to}", _plain(url)], check=True, timeout=120)


def restore(saved: Path, url: str, folder: Path, server: PostgresServer | None) -> str:
    """Bring a database back from ``saved``; return the URL of the new one."""
    if server is None:
        shutil.copy(saved, folder / "restored.db")
        return f"sqlite:///{folder / 'restored.db'}"
    made = server.url(server.create())
    command = [server.programs / "pg_restore", "--exit-on-error", f"--dbname={_plain(made)}", saved]
    subprocess.run(command, check=True, timeout=120)
    return made


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_was_lost_with_the_machine_comes_back_from_a_backup_taken_in_mid_work(
    kind: str,
    request: pytest.FixtureRequest,
    expect: Expect,
    tmp_path: Path,
    redis_server: RedisServer,
    second_redis: RedisServer,
) -> None:
    url: str = request.getfixturevalue(f"{kind}_url")
    server: PostgresServer | None = request.getfixturevalue("postgres_server") if kind == "postgres" else None
    files = reports(24)
    before, after = files[:18], files[18:]
    lost = Trial(tmp_path / "home", url, redis_server)
    try:
        lost.worker()
        lost.rescuer()
        lost.register(before)
        lost.until(lambda: lost.finished() >= 4)
        back_up(url, tmp_path / "saved", server)
        assert lost.finished() < len(before)
        lost.register(after)
        shutil.copytree(lost.settings.home / "originals", tmp_path / "saved-originals")  # later than the database, as documented
        lost.until(lambda: lost.finished() >= 8)
    finally:
        for process in lost.processes:
            lost.kill(process)
        lost.close()
    redis_server.kill()
    shutil.rmtree(tmp_path / "home")

    (tmp_path / "new").mkdir()
    shutil.copytree(tmp_path / "saved-originals", tmp_path / "new" / "originals")
    again = Trial(tmp_path / "new", restore(tmp_path / "saved", url, tmp_path, server), second_redis)
    try:
        assert not [p for p in Verification(again.engine, again.store) if p.document_id]  # all that the books name is there
        again.rescuer()
        again.worker()
        again.register(after)  # what came in after the backup is put into the inbox again
        again.well(expect(files))
        assert list(Verification(again.engine, again.store)) == []
    finally:
        again.close()
