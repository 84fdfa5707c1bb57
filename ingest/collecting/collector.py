"""The process that collects: ``python -m ingest.collecting.collector``. Several may run, on several machines.

Each thread takes turns; of a host only one of all collectors has the turn. With ``until_idle`` it ends when nothing is left.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import threading
import uuid
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from codebook.errors import GongkaiError
from database.collecting.turns import is_open
from database.ledger import Queued
from database.session import make_engine, reading
from ingest.archives.limits import Limits
from ingest.collecting.fetching import FetchLimits
from ingest.collecting.guard import AddressGuard
from ingest.collecting.take import LEASE_SECONDS, CollectContext, CollectPace, TurnTaker
from runtime import log as logs
from runtime.child_command import module_command
from runtime.log import get_logger
from runtime.private import keep_private
from runtime.settings import Settings, load_settings
from runtime.store import Store
from workers.notifier import RedisNotifier

log = get_logger(__name__)

_IDLE_SECONDS = 1.0  # between two looks when no host may be asked
_SHORT_IDLE_SECONDS = 0.05  # where the pauses between requests are shorter
_FAULT_SECONDS = 5.0


def context_of(settings: Settings, engine: Engine, notify: Callable[[Sequence[Queued]], None]) -> CollectContext:
    """Return what a collector works with. Raises ValueError for a setting that does not fit."""
    allowed = [entry.strip() for entry in settings.collect_allow.split(",") if entry.strip()]
    return CollectContext(
        engine=engine,
        store=Store(settings.store),
        limits=Limits.of(settings),
        fetch_limits=FetchLimits(
            seconds=settings.collect_seconds, silence=min(30.0, settings.collect_seconds), size=settings.max_file_bytes
        ),
        guard=AddressGuard(allowed),
        pace=CollectPace(
            least_seconds=settings.collect_least_seconds,
            most_seconds=settings.collect_most_seconds,
            pages=settings.collect_pages,
            files=settings.collect_files,
            agent=settings.collect_agent,
        ),
        policy=settings.policy,
        notify=notify,
    )


class PortalCollector:
    """Takes turns in several threads, until it is stopped or, with ``until_idle``, until nothing is left to be fetched."""

    def __init__(
        self, context: CollectContext, *, threads: int = 1, until_idle: bool = False, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self._context, self._until_idle, self._lease = context, until_idle, lease_seconds
        self._stop = threading.Event()
        name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        names = [f"{name}#{number}" for number in range(threads)]
        self._threads = [threading.Thread(target=self._run, args=(each,), name=f"collect-{each[-2:]}") for each in names]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the present turns."""
        self._stop.set()

    def runs(self) -> bool:
        """Return whether any thread still works."""
        return any(thread.is_alive() for thread in self._threads)

    def join(self, seconds: float | None = None) -> None:
        """Wait for all threads."""
        for thread in self._threads:
            thread.join(seconds)

    def _run(self, owner: str) -> None:
        taker = TurnTaker(self._context, owner, self._lease, self._stop)
        pause = _IDLE_SECONDS if self._context.pace.least_seconds >= _IDLE_SECONDS else _SHORT_IDLE_SECONDS
        fault = min(_FAULT_SECONDS, self._lease)
        try:
            while not self._stop.is_set():
                try:
                    if taker.take():
                        continue
                    if self._until_idle and not self._is_open():
                        return
                    self._stop.wait(pause)
                except GongkaiError as error:
                    log.warning("the collector waits", error=str(error))
                    self._stop.wait(fault)
                except Exception as error:  # what it had is taken up again when the lease ends, and counts a crash
                    log.error("a turn broke off", error=f"{type(error).__name__}: {error}", exc_info=True)
                    self._stop.wait(fault)
        finally:
            taker.close()

    def _is_open(self) -> bool:
        with reading(self._context.engine) as connection:
            return is_open(connection)


def collector_command(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Return the arguments and the environment additions that start a collector."""
    return module_command("ingest.collecting.collector"), {**settings.environment(), "GONGKAI_BROKER_URL": settings.broker}


def main(argv: Sequence[str] | None = None) -> None:
    """Collect until stopped (SIGTERM, SIGINT)."""
    parser = argparse.ArgumentParser(prog="ingest.collecting.collector")
    parser.add_argument("--until-idle", action="store_true", help="End when nothing is left to be fetched.")
    parser.add_argument("--lease", type=float, default=LEASE_SECONDS, help="Seconds that a host is held without a sign of life.")
    chosen = parser.parse_args(argv)
    settings = load_settings()
    keep_private(settings)
    logs.configure(settings)
    engine = make_engine(settings.database)
    notifier = RedisNotifier(settings, engine)

    def notify(stages: Sequence[Queued]) -> None:
        notifier.notify(stages)

    context = context_of(settings, engine, notify)
    collector = PortalCollector(context, threads=settings.collect_hosts, until_idle=chosen.until_idle, lease_seconds=chosen.lease)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    collector.start()
    log.info("the collector runs", hosts=settings.collect_hosts)
    while collector.runs() and not stopped.wait(0.2):
        pass
    collector.stop()
    collector.join()
    notifier.close()


if __name__ == "__main__":
    main()
