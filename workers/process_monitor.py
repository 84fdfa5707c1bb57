"""The main process of a worker: shows that it lives, keeps the leases of its living processes, and reports those that died.

It forks, so it holds no connection open, and uses none while it forks: a SQLite database must never be carried across a fork.
A server that does not answer delays a fork for a moment only; the new process then has a socket that it does not use.
"""

from __future__ import annotations

import os
import queue
import threading
import time

import psutil
from sqlalchemy import Connection, Engine

from codebook.errors import GongkaiError
from codebook.stages import STAGES
from database import ledger
from database.ledger import Fault, LeaseTerms, owner_name
from database.session import make_engine, run_transaction
from runtime.log import get_logger
from runtime.settings import Settings

log = get_logger(__name__)

# Bound of a statement in seconds. Short: the main process must not be kept from its own work, such as enforcing time limits.
_STATEMENT_SECONDS = 2.0
# A fork waits this long in seconds for what the thread asks of the database: longer than any statement on SQLite.
_FORK_WAIT_SECONDS = 3 * _STATEMENT_SECONDS
# A process renews its lease every heartbeat. Its worker does so when this many heartbeats were missed.
_MISSED_HEARTBEATS = 1.5


class ProcessMonitor(threading.Thread):
    """A thread of a worker's main process."""

    def __init__(self, settings: Settings, name: str, queues: str | None = None) -> None:
        super().__init__(name="process-monitor", daemon=True)
        self._settings = settings
        self._worker = name
        self._queues = queues
        self._engine: Engine = make_engine(
            settings.database,
            pooled=False,
            statement_seconds=_STATEMENT_SECONDS,
            lock_seconds=_STATEMENT_SECONDS,
            busy_seconds=_STATEMENT_SECONDS,
        )
        self._terms = {name: LeaseTerms(settings.lease(name), settings.time_limit(name)) for name in STAGES}
        self._deaths: queue.SimpleQueue[tuple[str, Fault] | None] = queue.SimpleQueue()
        self._no_fork = threading.Lock()
        self._fork_has_lock = False
        os.register_at_fork(before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._after_fork)

    def _before_fork(self) -> None:
        self._fork_has_lock = self._no_fork.acquire(timeout=_FORK_WAIT_SECONDS)

    def _after_fork(self) -> None:
        if self._fork_has_lock:
            self._no_fork.release()

    def run(self) -> None:
        """Show life and keep leases until :meth:`stop`, and report deaths as they come."""
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
        """Show that the worker lives, and renew the leases that its living processes cannot renew themselves."""
        settings = self._settings
        owners = [owner_name(self._worker, pid) for pid in running_children()]
        overdue = _MISSED_HEARTBEATS * settings.heartbeat_seconds

        def show(connection: Connection) -> int:
            ledger.beat(connection, self._worker, settings.stale_seconds, self._queues)
            return ledger.renew_leases_of(connection, owners, self._terms, overdue)

        try:
            with self._no_fork:
                renewed = run_transaction(self._engine, show, durable=False, attempts=1)
        except GongkaiError as error:
            log.warning("the worker could not show that it lives", error=str(error))
            return
        if renewed:
            log.info("leases were renewed for processes that could not do so", count=renewed)

    def _note(self, owner: str, fault: Fault) -> None:
        try:
            with self._no_fork:
                policy = self._settings.policy
                ended = run_transaction(self._engine, lambda c: ledger.fail_claims_of(c, owner, fault, policy), attempts=2)
        except GongkaiError as error:  # then the rescuer finds the expired lease
            log.warning("the death of a process could not be noted", owner=owner, error=str(error))
            return
        for one in ended:
            log.warning("a process died at work", owner=owner, document_id=one.document_id, code=one.code, state=one.state)

    def report(self, pid: int, fault: Fault) -> None:
        """Report that a process of this worker died."""
        self._deaths.put((owner_name(self._worker, pid), fault))

    def stop(self) -> None:
        """End the thread and sign the worker off."""
        self._deaths.put(None)
        self.join(timeout=5 * _STATEMENT_SECONDS)
        try:
            run_transaction(self._engine, lambda c: ledger.sign_off(c, self._worker), durable=False, attempts=1)
        except GongkaiError as error:
            log.warning("the worker could not sign off", error=str(error))


def running_children() -> list[int]:
    """Return the children of this process that run: neither dead nor stopped by a signal."""
    found = []
    for child in psutil.Process().children():
        try:
            if child.status() not in (
                psutil.STATUS_ZOMBIE,
                psutil.STATUS_DEAD,
                psutil.STATUS_STOPPED,
                psutil.STATUS_TRACING_STOP,
            ):
                found.append(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found


_monitor: list[ProcessMonitor] = []


def start(settings: Settings, name: str, queues: str | None = None) -> None:
    """Start the process monitor of this process, once."""
    if not _monitor:
        _monitor.append(ProcessMonitor(settings, name, queues))
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
