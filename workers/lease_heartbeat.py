"""The heartbeat of a process: renews the lease of what it works on, in a thread of its own.

Native code that holds the interpreter lock stops this thread; the process monitor of the worker then renews the lease.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Connection, Engine

from codebook.errors import GongkaiError
from database import ledger
from database.session import run_transaction
from runtime.log import get_logger
from runtime.settings import Settings
from workers.faults import time_limit_reached

log = get_logger(__name__)

# The pool ends a process at the time limit of its message. Where it does not, the process ends itself at this multiple of it:
# Celery forgets the time limits of what runs when it loses the connection to its broker.
_TIME_LIMITS = 1.1


class LeaseHeartbeat:
    """Renews the claims that this process holds. The thread is started with the first one and then sleeps between heartbeats.

    It shows that the process lives, not that the work makes progress: the time limit ends work that hangs, if need be from here.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._lock = threading.Lock()
        self._held: dict[int, ledger.Claim] = {}
        self._to_release: list[ledger.Claim] = []
        self._renewed = 0.0
        self._begun = 0.0
        self._thread: threading.Thread | None = None

    @contextmanager
    def renewing(self, held: Sequence[ledger.Claim]) -> Iterator[None]:
        """Renew the leases of ``held`` inside the block, until each is dropped (:meth:`drop`)."""
        with self._lock:
            if not self._held:
                self._renewed = self._begun = time.monotonic()
            self._held |= {claim.stage_id: claim for claim in held}
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="lease-heartbeat", daemon=True)
            self._thread.start()
        try:
            yield
        finally:
            for claim in held:
                self.drop(claim)

    def drop(self, held: ledger.Claim) -> None:
        """Renew the lease of ``held`` no longer: its work is over."""
        with self._lock:
            self._held.pop(held.stage_id, None)

    def release_later(self, held: ledger.Claim) -> None:
        """Release ``held`` as soon as the database takes it: the end of its work could not be noted.

        Otherwise its lease would expire in the hands of a living process, which looks as if the document had killed one.
        """
        with self._lock:
            self._to_release.append(held)

    def _run(self) -> None:
        while True:
            time.sleep(self._settings.heartbeat_seconds / 2)
            self._release_pending()
            with self._lock:
                held, waited = list(self._held.values()), time.monotonic() - self._renewed
                worked = time.monotonic() - self._begun
            if held and worked > _TIME_LIMITS * self._settings.time_limit(held[0].stage):
                self._end_process(held[0])
            if not held or waited < self._settings.heartbeat_seconds / 2:
                continue
            try:
                lost = self._renew(held)
            except GongkaiError as error:  # tried again at the next heartbeat; the lease outlasts two that were missed
                log.warning("heartbeat failed", stage_id=held[0].stage_id, error=str(error))
                continue
            with self._lock:
                self._renewed = time.monotonic()
                # What was completed meanwhile is no longer held either.
                lost = [claim for claim in lost if claim.stage_id in self._held]
            for claim in lost:
                log.warning("the claim was lost while the work went on", stage_id=claim.stage_id, fence=claim.fence)

    def _end_process(self, late: ledger.Claim) -> None:
        """Count the tries that this process holds, and kill it: its work has outlived the time limit."""
        fault = time_limit_reached(late.stage, self._settings.time_limit(late.stage))
        try:
            run_transaction(
                self._engine, lambda c: ledger.fail_claims_of(c, late.owner, fault, self._settings.policy), attempts=2
            )
        except GongkaiError as error:  # then its lease expires
            log.warning("the time limit could not be noted", owner=late.owner, error=str(error))
        log.error("the process ends itself: nobody kept its time limit", document_id=late.document_id, stage=late.stage)
        os.kill(os.getpid(), signal.SIGKILL)

    def _release_pending(self) -> None:
        with self._lock:
            pending, self._to_release = self._to_release, []
        for held in pending:
            try:
                run_transaction(self._engine, partial(ledger.release, held=held), attempts=1)
            except GongkaiError:
                self.release_later(held)

    def _renew(self, held: Sequence[ledger.Claim]) -> list[ledger.Claim]:
        """Renew the leases. Return the claims that are no longer in force."""
        lease = self._settings.lease

        def renew(connection: Connection) -> list[ledger.Claim]:
            # In the order of their numbers, as those who claim them lock them.
            in_order = sorted(held, key=lambda claim: claim.stage_id)
            return [claim for claim in in_order if not ledger.renew(connection, claim, lease(claim.stage))]

        return run_transaction(self._engine, renew, durable=False, attempts=1)
