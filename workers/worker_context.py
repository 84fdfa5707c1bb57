"""What a process of the machine has: its name, its engine, the store, the bell. Made after the fork, once for each process."""

from __future__ import annotations

import importlib.metadata
import os
import socket
import uuid
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Engine

from codebook.book import load_book
from database.ledger.dispatch import owner_name
from database.session import make_engine
from runtime.settings import Settings, load_settings
from runtime.store import Store
from workers.lease_heartbeat import Heart
from workers.notifier import Bell


@dataclass(frozen=True)
class Process:
    """The resources of this process. ``owner`` is the name under which it claims work."""

    settings: Settings
    engine: Engine
    store: Store
    bell: Bell
    heart: Heart
    owner: str


_by_pid: dict[int, Process] = {}
_worker_names: dict[str, str] = {}


def worker_name() -> str:
    """The name of this worker (host:pid:nonce). Set before the first fork, so that all its processes share it."""
    return _worker_names.setdefault("worker", f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}")


def here() -> Process:
    """The resources of this process. What a parent had before the fork is left alone and never used."""
    made = _by_pid.get(os.getpid())
    if made is None:
        settings = load_settings()
        engine = make_engine(settings.database, lazy_commit=True)
        made = _by_pid[os.getpid()] = Process(
            settings=settings,
            engine=engine,
            store=Store(settings.store),
            bell=Bell(settings, engine),
            heart=Heart(engine, settings),
            owner=owner_name(worker_name(), os.getpid()),
        )
    return made


@cache
def versions() -> dict[str, Any]:
    """What made a result: the version of the code and the digest of the codebook. Every kept result carries it."""
    try:
        code = importlib.metadata.version("gongkai")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that was not installed
        code = "0"
    return {"code": code, "codebook": load_book().version}
