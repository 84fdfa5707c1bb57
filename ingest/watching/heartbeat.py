"""The watchers of a process: run together, and shown to be alive."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Engine

from codebook.errors import GongkaiError
from database.intake import inboxes
from database.session import run_transaction
from ingest.watching.watcher import FolderWatcher
from runtime.log import get_logger

log = get_logger(__name__)

_LOOK_SECONDS = 0.5


class Heartbeat(threading.Thread):
    """Shows in the database that the watchers of this process live. What they see, the canaries show."""

    def __init__(self, engine: Engine, watchers: Sequence[FolderWatcher]) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._engine, self._watchers = engine, watchers
        self._stop_event = threading.Event()

    def beat(self) -> None:
        """One sign of life of each. Raises GongkaiError."""
        for watcher in self._watchers:
            state, grace = watcher.state(), watcher.pace.grace
            run_transaction(self._engine, partial(inboxes.beat, state=state, first_canary_seconds=grace), durable=False)

    def run(self) -> None:
        """Beat until :meth:`close`."""
        while not self._stop_event.wait(min(watcher.pace.beat for watcher in self._watchers)):
            try:
                self.beat()
            except GongkaiError as error:
                log.warning("no sign of life could be given", error=str(error))

    def close(self) -> None:
        """End, and sign the watchers off."""
        self._stop_event.set()
        self.join(timeout=10)
        for watcher in self._watchers:
            try:
                run_transaction(self._engine, partial(inboxes.sign_off, name=watcher.name), durable=False, attempts=2)
            except GongkaiError as error:
                log.warning("a watcher could not sign off", error=str(error))


def watch(watchers: Sequence[FolderWatcher], engine: Engine, stop: threading.Event, *, patience: float = 60.0) -> None:
    """Run watchers, each in a thread of its own, until ``stop`` is set; what they are at is waited for, at most ``patience``
    seconds.

    Raises GongkaiError when the database does not answer at the start, and RuntimeError when a watcher died of a bug.
    """
    heartbeat = Heartbeat(engine, watchers)
    heartbeat.beat()
    heartbeat.start()
    threads = [threading.Thread(target=each.run, args=(stop,), name=f"watcher {each.name}", daemon=True) for each in watchers]
    for thread in threads:
        thread.start()
    while not stop.wait(_LOOK_SECONDS) and all(thread.is_alive() for thread in threads):
        pass
    died = not stop.is_set()
    stop.set()
    until = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.1, until - time.monotonic()))
    heartbeat.close()
    if died:
        raise RuntimeError("a watcher ended by itself; the log tells why")
