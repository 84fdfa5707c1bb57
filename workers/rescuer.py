"""Recovery: ends what died, rings for what is due, notices what the broker lost. A process of its own, since it must work when
the broker does not: ``python -m workers.rescuer``. Two may run.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from codebook.errors import GongkaiError
from codebook.records import Record
from database import ledger
from database.clock import now
from database.ledger import QUEUES, Queued, Reaped
from database.monitoring import measures
from database.session import make_engine, run_transaction
from runtime import log as logs
from runtime.log import get_logger
from runtime.settings import Settings, load_settings
from workers.notifier import NEAR, Bell

log = get_logger(__name__)

_DAY = 86_400.0
_REAP = 200
_MERCIES = 3


class Sweep(Record, frozen=True):
    """What one look at the ledger found and did. ``swept`` False: another recovery was at it, or the database did not answer."""

    swept: bool
    reaped: int = 0
    sent: int = 0
    unsent: int = 0
    found_lost: int = 0


@dataclass(frozen=True)
class _Pulse:
    """Whether a lapsed lease means that its holder is gone, by the moments (database time) at which recovery could look itself.

    After a time in which it could not (a full disk, a database that was away or locked, a machine that slept, a clock that
    jumped) it does not: nobody else could renew a lease either. They get two beats to do so. Where looks are late again and
    again, only three of them spare, so that leases are ended at last.
    """

    beat_seconds: float
    looked: datetime | None = None
    spare_until: datetime | None = None
    granted: int = 0

    def at(self, moment: datetime) -> _Pulse:
        """The pulse after a look at ``moment``."""
        late = self.looked is not None and (moment - self.looked).total_seconds() > self.beat_seconds
        sparing = self.spare_until is not None and moment < self.spare_until
        granted = self.granted if late or sparing else 0
        if late and granted < _MERCIES:
            return _Pulse(self.beat_seconds, moment, moment + timedelta(seconds=2 * self.beat_seconds), granted + 1)
        return _Pulse(self.beat_seconds, moment, self.spare_until, granted)

    @property
    def spares(self) -> bool:
        """Whether leases that lapsed are left alone for now."""
        return self.looked is not None and self.spare_until is not None and self.looked < self.spare_until


class _Window:
    """How many messages recovery keeps in a queue: as few as keep the workers busy from one look to the next.

    It grows fourfold when the queue was filled and is found nearly empty, up to ``most``, and shrinks slowly down to ``least``
    when most are found to wait still: what is urgent waits behind those that are out already.
    """

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = min(least, most), most
        self._size = float(self._least)
        self.filled = False

    def room(self, depth: int | None) -> int:
        """How many more may be sent where ``depth`` are found; 0 when the broker did not say."""
        if depth is None:
            return 0
        if self.filled and depth < self._size / 4:
            self._size = min(self._most, 4 * self._size)
        elif depth > self._size / 2:
            self._size = max(self._least, 0.9 * self._size)
        return max(0, int(self._size) - depth)


class Recovery:
    """One recovery; :meth:`sweep` is one look at the ledger."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine = make_engine(settings.database, lazy_commit=True)
        self._bell = Bell(settings, self._engine)
        self._pulse = _Pulse(settings.heartbeat_seconds)
        self._empty_since: dict[str, float] = {}
        self._windows = {queue: _Window(NEAR[queue], settings.window) for queue in QUEUES}

    def sweep(self) -> Sweep:
        """End lapsed tries, then ring for what is due. Raises nothing because of the database or the broker: next time, then."""
        try:
            reaped = self._reap()
            if reaped is None:
                return Sweep(False)
            lost = self._notice_loss()
            sent, unsent = self._dispatch()
        except GongkaiError as error:
            log.warning("the database does not answer", error=str(error))
            return Sweep(False)
        if reaped or sent or unsent or lost:
            log.info("swept", reaped=len(reaped), sent=sent, unsent=unsent, found_lost=lost)
        return Sweep(True, len(reaped), sent, unsent, lost)

    def close(self) -> None:
        """Give connections back."""
        self._bell.close()
        self._engine.dispose()

    def _transact(self, function: Any) -> Any:
        return run_transaction(self._engine, function, durable=False, attempts=2)

    def _reap(self) -> list[Reaped] | None:
        """What was ended; None when another recovery is at it."""
        stale, policy = self._settings.stale_seconds, self._settings.policy

        def reap(connection: Connection) -> tuple[list[Reaped], _Pulse] | None:
            if not ledger.try_sweep_lock(connection):
                return None
            ledger.forget_workers(connection, _DAY)
            # A look that has nothing to end writes all the same: only so is a database noticed that takes nothing any more.
            measures.count(connection, measures.SWEEPS)
            pulse = self._pulse.at(connection.execute(select(now())).scalar_one())
            ended = [] if pulse.spares else ledger.reap(connection, stale, policy, _REAP)
            if holders := 0 if pulse.spares else ledger.end_holders(connection, self._settings.lease_seconds):
                log.warning("sessions that held lapsed claims were ended", count=holders)
            if ended:
                measures.count(connection, measures.LEASES_EXPIRED, len(ended))
            return ended, pulse

        looked: tuple[list[Reaped], _Pulse] | None = self._transact(reap)
        if looked is None:
            return None
        reaped, self._pulse = looked
        for one in reaped:
            log.warning("a try was ended", stage_id=one.stage_id, document_id=one.document_id, code=one.code, state=one.state)
        return reaped

    def _notice_loss(self) -> int:
        """Take back what was sent and is gone: gives how much.

        A queue that was empty at two looks holds no message for what was rung before. Workers may hold some (``unacked``), or may
        have died with them: then it takes a lease's time until they are sent again. One too many costs a claim that is lost.
        """
        depths = self._bell.depths()
        if depths is None:
            self._empty_since.clear()
            return 0
        lost = 0
        for queue in QUEUES:
            if depths[queue]:
                self._empty_since.pop(queue, None)
                continue
            quiet = time.monotonic() - self._empty_since.setdefault(queue, time.monotonic())
            patience = self._settings.lease_seconds if depths["unacked"] else self._settings.sweep_seconds / 2
            if quiet >= patience:
                lost += self._transact(partial(self._unring_lost, queue=queue, older_seconds=patience))
        return lost

    @staticmethod
    def _unring_lost(connection: Connection, queue: str, older_seconds: float) -> int:
        lost = ledger.unring_lost(connection, queue, older_seconds)
        if lost:
            measures.count(connection, measures.MESSAGES_LOST, lost)
        return lost

    def _dispatch(self) -> tuple[int, int]:
        """Ring for what is due, as far as the windows allow; gives how many were sent and how many could not be."""
        sent = unsent = 0
        depths = self._bell.depths() or {}
        for queue in QUEUES:
            room = self._windows[queue].room(depths.get(queue))
            while room > 0:
                part = min(room, 500)
                due = self._take(queue, part)
                out = self._bell.send(due)
                if due and not out:
                    self._transact(partial(ledger.unring, stage_ids=[item.stage_id for item in due]))
                    unsent += len(due)
                    break
                sent += len(out)
                room -= part
                if len(due) < part:
                    break
            self._windows[queue].filled = room == 0
        return sent, unsent

    def _take(self, queue: str, limit: int) -> list[Queued]:
        resend = self._settings.resend_seconds
        taken: list[Queued] = self._transact(lambda c: ledger.take_due(c, queue, limit, resend))
        return taken


def recover(settings: Settings, stop: threading.Event) -> None:
    """Sweep every ``settings.sweep_seconds`` until ``stop`` is set."""
    recovery = Recovery(settings)
    log.info("recovery runs", sweep_seconds=settings.sweep_seconds)
    try:
        while not stop.is_set():
            recovery.sweep()
            stop.wait(settings.sweep_seconds)
    finally:
        recovery.close()


def recovery_command(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment additions that start a recovery."""
    return [sys.executable, "-m", "workers.rescuer"], settings.environment()


def main(argv: Sequence[str]) -> None:
    """Run a recovery until it is told to stop (SIGTERM, SIGINT)."""
    if argv:
        raise SystemExit("workers.rescuer takes no arguments")
    settings = load_settings()
    logs.configure(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    recover(settings, stop)


if __name__ == "__main__":
    main(sys.argv[1:])
