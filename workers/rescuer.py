"""The rescuer: expires the leases of dead processes, sends notifications for stages that are due, detects lost messages.

It is a process of its own, ``python -m workers.rescuer``, since it must work when the broker does not. Two may run; one at a time
looks at the ledger. Other queues call this job a rescuer (River) or a lifeline (Oban).
"""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from codebook.errors import GongkaiError
from codebook.records import Record
from codebook.stages import QUEUES
from database import ledger
from database.clock import now
from database.ledger import ExpiredLease, Queued
from database.ledger.sums import PIECE
from database.monitoring import measures
from database.session import make_engine, run_transaction
from runtime import log as logs
from runtime.child_command import module_command
from runtime.log import get_logger
from runtime.private import keep_private
from runtime.settings import Settings, load_settings
from workers.notifier import NEAR, RedisNotifier

log = get_logger(__name__)

RESCUE_BATCH = 200
"""Most leases that one run expires."""
FORGET_WORKERS_SECONDS = 86_400.0
"""A worker that was silent for this long is deleted."""
DROP_SECONDS = 3600.0
"""How often the rescuer looks for outputs of stages that are too old to be kept."""
MAX_GRACE_PERIODS = 3
"""Most grace periods in a row."""
_SEND_BATCH = 500
_SUMS_SECONDS = 15.0
_DROP_BATCH = 500  # documents whose outputs one run deletes
# With less room in bytes beside a SQLite database, the small writes of a look may pass, and those of workers not.
_LEAST_ROOM = 1 << 20


class RescueRun(Record, frozen=True):
    """What one run did. ``ran`` is False when another rescuer was running or the database did not answer, or has no room."""

    ran: bool
    expired: int = 0
    sent: int = 0
    unsent: int = 0
    found_lost: int = 0


@dataclass(frozen=True)
class LookGap:
    """Whether an expired lease means that its holder is dead, by the moments (database time) at which the rescuer could look.

    After a gap in which the rescuer could not look (a full disk, a locked database, a machine that slept, a clock that jumped),
    nobody else could renew a lease either. Leases then get a grace period of two heartbeats, at most MAX_GRACE_PERIODS times in a
    row, so that a permanently slow rescuer still expires them. ``failed``: it has tried to look in vain, and has not looked yet.
    """

    heartbeat_seconds: float
    looked: datetime | None = None
    failed: bool = False
    grace_until: datetime | None = None
    granted: int = 0

    def at(self, moment: datetime) -> LookGap:
        """Return the state after a look at ``moment``."""
        late = self.failed if self.looked is None else (moment - self.looked).total_seconds() > self.heartbeat_seconds
        in_grace = self.grace_until is not None and moment < self.grace_until
        granted = self.granted if late or in_grace else 0
        if late and granted < MAX_GRACE_PERIODS:
            grace = timedelta(seconds=2 * self.heartbeat_seconds)
            return LookGap(self.heartbeat_seconds, moment, False, moment + grace, granted + 1)
        return LookGap(self.heartbeat_seconds, moment, False, self.grace_until, granted)

    def without_look(self) -> LookGap:
        """Return the state after a look that was not possible."""
        return replace(self, failed=self.looked is None)

    @property
    def in_grace_period(self) -> bool:
        """Whether expired leases are left alone for now."""
        return self.looked is not None and self.grace_until is not None and self.looked < self.grace_until


class QueueWindow:
    """For how many stages the rescuer keeps messages in a queue: as few as keep the workers busy from one run to the next.

    It grows fourfold, up to ``most``, when the queue was filled and is found nearly empty. It shrinks slowly, down to ``least``,
    when most messages are found still waiting: urgent work waits behind those that are already out.
    """

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = min(least, most), most
        self._size = float(self._least)
        self.filled = False

    def room(self, depth: int | None) -> int:
        """Return how many more may be sent where ``depth`` are found; 0 for an unknown depth."""
        if depth is None:
            return 0
        if self.filled and depth < self._size / 4:
            self._size = min(self._most, 4 * self._size)
        elif depth > self._size / 2:
            self._size = max(self._least, 0.9 * self._size)
        return max(0, int(self._size) - depth)


class Rescuer:
    """One rescuer; :meth:`run_once` is one look at the ledger."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine = make_engine(settings.database, lazy_commit=True)
        self._notifier = RedisNotifier(settings, self._engine)
        self._gap = LookGap(settings.heartbeat_seconds)
        self._empty_since: dict[str, float] = {}
        self._sums_at = 0.0
        self._drop_at = time.monotonic()
        self._windows = {queue: QueueWindow(NEAR[queue], settings.window) for queue in QUEUES}

    def run_once(self) -> RescueRun:
        """Expire leases, then notify workers of what is due. Never raises because of the database or the broker."""
        try:
            self._look_for_room()
            expired = self._expire_leases()
            if expired is None:
                return RescueRun(False)
            lost = self._detect_lost_messages()
            sent, unsent = self._dispatch()
            self._drop_outputs()
        except GongkaiError as error:
            self._gap = self._gap.without_look()
            log.warning("the database does not answer, or takes no more", error=str(error))
            return RescueRun(False)
        self._add_sums()
        if expired or sent or unsent or lost:
            log.info("rescued", expired=len(expired), sent=sent, unsent=unsent, found_lost=lost)
        return RescueRun(True, len(expired), sent, unsent, lost)

    def close(self) -> None:
        """Close the connections."""
        self._notifier.close()
        self._engine.dispose()

    def _look_for_room(self) -> None:
        """Raise ``disk.full`` where workers may have no room to renew their leases: then they are no sign of a death."""
        url = self._engine.url
        if url.get_backend_name() != "sqlite":
            return
        try:
            free = shutil.disk_usage(Path(url.database or "").parent).free
        except OSError:  # the look says what is wrong
            return
        if free < _LEAST_ROOM:
            raise GongkaiError("disk.full", f"{free:,} bytes are free", f"at least {_LEAST_ROOM:,}")

    def _transact(self, function: Any) -> Any:
        return run_transaction(self._engine, function, durable=False, attempts=2)

    def _expire_leases(self) -> list[ExpiredLease] | None:
        """Return the tries that were ended; None when another rescuer is running."""
        stale, policy = self._settings.stale_seconds, self._settings.policy

        def expire(connection: Connection) -> tuple[list[ExpiredLease], LookGap] | None:
            if not ledger.try_rescue_lock(connection):
                return None
            ledger.forget_workers(connection, FORGET_WORKERS_SECONDS)
            # A run writes even when there is nothing to expire: only so is a database noticed that no longer takes writes.
            measures.count(connection, measures.RESCUER_RUNS)
            gap = self._gap.at(connection.execute(select(now())).scalar_one())
            ended = [] if gap.in_grace_period else ledger.expire_leases(connection, stale, policy, RESCUE_BATCH)
            holders = 0 if gap.in_grace_period else ledger.terminate_lock_holders(connection, self._settings.lease_seconds)
            if holders:
                log.warning("sessions that locked expired claims were terminated", count=holders)
            if ended:
                measures.count(connection, measures.LEASES_EXPIRED, len(ended))
            return ended, gap

        looked: tuple[list[ExpiredLease], LookGap] | None = self._transact(expire)
        if looked is None:
            return None
        expired, self._gap = looked
        for one in expired:
            log.warning("a try was ended", stage_id=one.stage_id, document_id=one.document_id, code=one.code, state=one.state)
        return expired

    def _detect_lost_messages(self) -> int:
        """Forget the notifications whose messages are gone. Return how many.

        A queue that was empty in two runs holds no message for what was notified before. Workers may still hold some
        (``unacked``), or may have died with them: then it takes the time of a lease until they are sent again. A duplicate
        message costs a claim that finds nothing.
        """
        depths = self._notifier.depths()
        if depths is None:
            self._empty_since.clear()
            return 0
        lost = 0
        for queue in QUEUES:
            if depths[queue]:
                self._empty_since.pop(queue, None)
                continue
            quiet = time.monotonic() - self._empty_since.setdefault(queue, time.monotonic())
            patience = self._settings.lease_seconds if depths["unacked"] else self._settings.rescue_seconds / 2
            if quiet >= patience:
                lost += self._transact(partial(self._forget_lost, queue=queue, older_seconds=patience))
        return lost

    @staticmethod
    def _forget_lost(connection: Connection, queue: str, older_seconds: float) -> int:
        lost = ledger.forget_lost_notifications(connection, queue, older_seconds)
        if lost:
            measures.count(connection, measures.MESSAGES_LOST, lost)
        return lost

    def _drop_outputs(self) -> None:
        """Delete outputs of stages that were kept for long enough: some in each run, until there are no more."""
        days = self._settings.output_days
        if days and time.monotonic() >= self._drop_at:
            dropped = self._transact(partial(ledger.drop_outputs, days=days, most=_DROP_BATCH))
            if dropped < _DROP_BATCH:
                self._drop_at = time.monotonic() + DROP_SECONDS
            if dropped:
                log.info("outputs of stages were deleted", documents=dropped)

    def _dispatch(self) -> tuple[int, int]:
        """Notify workers of what is due, as far as the windows allow. Return how many were sent, and how many failed."""
        sent = unsent = 0
        depths = self._notifier.depths() or {}
        for queue in QUEUES:
            depth = depths.get(queue)
            room = self._windows[queue].room(None if depth is None else self._notifier.stages_in(queue, depth))
            while room > 0:
                part = min(room, _SEND_BATCH)
                due = self._take(queue, part)
                out = self._notifier.send(due)
                if due and not out:
                    self._transact(partial(ledger.forget_notifications, stage_ids=[item.stage_id for item in due]))
                    unsent += len(due)
                    break
                sent += len(out)
                room -= part
                if len(due) < part:
                    break
            self._windows[queue].filled = room == 0
        return sent, unsent

    def _add_sums(self) -> None:
        """Add what has ended to the sums of the batches, now and then, or at every look until all of it is in."""
        if time.monotonic() < self._sums_at:
            return
        try:
            added: int = self._transact(ledger.add_ended)
        except GongkaiError as error:  # what is not summed up is counted when somebody asks
            added = 0
            log.warning("tries were not summed up", error=str(error))
        self._sums_at = time.monotonic() + (0.0 if added >= PIECE else _SUMS_SECONDS)

    def _take(self, queue: str, limit: int) -> list[Queued]:
        resend = self._settings.resend_seconds
        taken: list[Queued] = self._transact(lambda c: ledger.take_due(c, queue, limit, resend))
        return taken


def rescue(settings: Settings, stop: threading.Event) -> None:
    """Run a rescuer every ``settings.rescue_seconds`` until ``stop`` is set."""
    rescuer = Rescuer(settings)
    log.info("the rescuer runs", rescue_seconds=settings.rescue_seconds)
    try:
        while not stop.is_set():
            rescuer.run_once()
            stop.wait(settings.rescue_seconds)
    finally:
        rescuer.close()


def rescuer_command(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Return the arguments and the environment additions that start a rescuer."""
    return module_command("workers.rescuer"), settings.environment()


def main(argv: Sequence[str]) -> None:
    """Run a rescuer until it is stopped (SIGTERM, SIGINT)."""
    if argv:
        raise SystemExit("workers.rescuer takes no arguments")
    settings = load_settings()
    keep_private(settings)
    logs.configure(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    rescue(settings, stop)


if __name__ == "__main__":
    main(sys.argv[1:])
