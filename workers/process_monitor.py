"""The main process of a worker: shows that it lives, and reports which of its processes died.

It forks, so it holds no connection open, and uses none while it forks: a SQLite database must never be carried across a fork.
"""

from __future__ import annotations

import os
import queue
import threading
import time

from sqlalchemy import Engine

from codebook.errors import GongkaiError
from database import ledger
from database.ledger import Fault, owner_name
from database.session import make_engine, run_transaction
from runtime.log import get_logger
from runtime.settings import Settings

log = get_logger(__name__)

# Short, since the main process must not be kept from its own work: time limits are enforced there.
_SECONDS = 2.0


class ProcessMonitor(threading.Thread):
    """A thread of a worker's main process."""

    def __init__(self, settings: Settings, name: str) -> None:
        super().__init__(name="process-monitor", daemon=True)
        self._settings = settings
        self._worker = name
        self._engine: Engine = make_engine(
            settings.database, pooled=False, statement_seconds=_SECONDS, lock_seconds=_SECONDS, busy_seconds=_SECONDS
        )
        self._deaths: queue.SimpleQueue[tuple[str, Fault] | None] = queue.SimpleQueue()
        self._no_fork = threading.Lock()
        os.register_at_fork(
            before=self._no_fork.acquire, after_in_parent=self._no_fork.release, after_in_child=self._no_fork.release
        )

    def run(self) -> None:
        """Beat until :meth:`stop`, and note deaths as they come."""
        due = time.monotonic()
        while True:
            if time.monotonic() >= due:
                due = time.monotonic() + self._settings.beat_seconds
                self.beat()
            try:
                death = self._deaths.get(timeout=max(0.01, due - time.monotonic()))
            except queue.Empty:
                continue
            if death is None:
                return
            self._note(*death)

    def beat(self) -> None:
        """Show that the worker lives."""
        try:
            with self._no_fork:
                stale = self._settings.stale_seconds
                run_transaction(self._engine, lambda c: ledger.beat(c, self._worker, stale), durable=False, attempts=1)
        except GongkaiError as error:
            log.warning("the worker could not show that it lives", error=str(error))

    def _note(self, owner: str, fault: Fault) -> None:
        try:
            with self._no_fork:
                policy = self._settings.policy
                ended = run_transaction(self._engine, lambda c: ledger.fail_claims_of(c, owner, fault, policy), attempts=2)
        except GongkaiError as error:  # then the rescuer finds the lapsed lease
            log.warning("the death of a process could not be noted", owner=owner, error=str(error))
            return
        for one in ended:
            log.warning("a process died at work", owner=owner, document_id=one.document_id, code=one.code, state=one.state)

    def report(self, pid: int, fault: Fault) -> None:
        """A process of this worker died."""
        self._deaths.put((owner_name(self._worker, pid), fault))

    def stop(self) -> None:
        """End the thread and sign the worker off."""
        self._deaths.put(None)
        self.join(timeout=5 * _SECONDS)
        try:
            run_transaction(self._engine, lambda c: ledger.sign_off(c, self._worker), durable=False, attempts=1)
        except GongkaiError as error:
            log.warning("the worker could not sign off", error=str(error))


_monitor: list[ProcessMonitor] = []


def start(settings: Settings, name: str) -> None:
    """Start the process monitor of this process, once."""
    if not _monitor:
        _monitor.append(ProcessMonitor(settings, name))
        _monitor[0].beat()
        _monitor[0].start()


def stop() -> None:
    """Stop the process monitor of this process."""
    while _monitor:
        _monitor.pop().stop()


def report_death(pid: int | None, fault: Fault) -> None:
    """Report that the process ``pid`` of this worker died at its work."""
    if _monitor and pid:
        _monitor[0].report(pid, fault)
