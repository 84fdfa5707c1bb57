"""The resources of a worker's process: its name, engine, store, notifier and lease heartbeat. Each process opens its own."""

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
from database.ledger import owner_name
from database.session import make_engine
from runtime.settings import Settings, load_settings
from runtime.store import Store
from workers.lease_heartbeat import LeaseHeartbeat
from workers.notifier import Notifier, RedisNotifier


@dataclass(frozen=True)
class WorkerContext:
    """The resources of one process. ``owner`` is the name under which it claims work."""

    settings: Settings
    engine: Engine
    store: Store
    notifier: Notifier
    heartbeat: LeaseHeartbeat
    owner: str


_by_pid: dict[int, WorkerContext] = {}
_worker_names: dict[str, str] = {}


def worker_name() -> str:
    """Return the name of this worker (host:pid:nonce). Call it before the first fork, so that all its processes share it."""
    return _worker_names.setdefault("worker", f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}")


def current_context() -> WorkerContext:
    """Return the context of this process, opened at the first call. What a parent opened before the fork is never used."""
    context = _by_pid.get(os.getpid())
    if context is None:
        settings = load_settings()
        engine = make_engine(settings.database, lazy_commit=True)
        context = _by_pid[os.getpid()] = WorkerContext(
            settings=settings,
            engine=engine,
            store=Store(settings.store),
            notifier=RedisNotifier(settings, engine),
            heartbeat=LeaseHeartbeat(engine, settings),
            owner=owner_name(worker_name(), os.getpid()),
        )
    return context


@cache
def versions() -> dict[str, Any]:
    """Return what makes a result: the version of the code and the digest of the codebook. Every kept result carries it."""
    try:
        code = importlib.metadata.version("gongkai")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that was not installed
        code = "0"
    return {"code": code, "codebook": load_book().version}
