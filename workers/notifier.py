"""The bell: tells workers, through Redis, that there is something to do. What is not heard is rung again by recovery."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from codebook.errors import GongkaiError
from database import ledger
from database.ledger import DOCUMENTS, OCR, QUEUES, RETRY, Queued
from database.session import run_transaction
from runtime.log import get_logger
from runtime.settings import Settings

if TYPE_CHECKING:
    from celery import Celery
    from kombu.connection import Connection

log = get_logger(__name__)

# After a failed attempt the broker is left alone for so long: what works without it shall not wait for it with every document.
_QUIET_SECONDS = 3.0
_BATCH = 500
# Whoever queues work rings for it only while fewer messages wait. What lies in Redis is taken in the order in which it came; what
# is left to recovery is sent in the order of priorities and turns. A page takes a process about a second, a document a fiftieth.
NEAR = {DOCUMENTS: 500, OCR: 50, RETRY: 500}


def _shown(item: Queued) -> str:
    """What a message is about, for people who watch messages (in Flower): their argument is a number that tells nothing."""
    page = f", page {item.page}" if item.page else ""
    return f"document {item.document_id}{page}" if item.document_id else f"stage {item.stage_id}"


class Bell:
    """Sends messages after the commit of what they are about. Never raises because of the broker; counts what failed.

    Holds one connection, made when it is needed, and may be used by several threads.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._lock = threading.Lock()
        self._app: Celery | None = None
        self._connection: Connection | None = None
        self._producer: Any = None
        self._quiet_until = 0.0
        self.sent = 0
        self.failed = 0

    def ring(self, queued: Sequence[Queued]) -> int:
        """Send a message for each of ``queued`` while few wait in its queue, and note it; gives how many were sent.

        What is not sent now stays in the database, where recovery finds it.
        """
        by_queue: dict[str, list[Queued]] = defaultdict(list)
        for item in queued:
            by_queue[item.queue].append(item)
        sent: list[int] = []
        for queue, items in by_queue.items():
            sent += self.send(items[: self.room(queue)])
        if sent:
            try:
                run_transaction(self._engine, lambda c: ledger.mark_rung(c, sent), durable=False)
            except GongkaiError as error:  # they are rung for twice then, which costs a claim that is lost
                log.warning("messages were sent, but it could not be noted", count=len(sent), error=str(error))
        return len(sent)

    def send(self, queued: Sequence[Queued]) -> list[int]:
        """Send messages without noting it; gives the stages for which they went out: all or none."""
        if not queued:
            return []

        def publish(producer: Any) -> list[int]:
            app = self._celery()
            with producer.batch(_BATCH):
                for item in queued:
                    options = {"queue": item.queue, "producer": producer, "retry": False, "ignore_result": True}
                    options["argsrepr"] = _shown(item)
                    app.send_task(f"gongkai.{item.stage}", (item.stage_id,), **options)
            return [item.stage_id for item in queued]

        sent: list[int] = self._guarded(publish, [])
        self.sent += len(sent)
        self.failed += len(queued) - len(sent)
        return sent

    def room(self, queue: str) -> int:
        """How many more messages ``queue`` takes until there is enough to do; 0 when the broker does not answer."""
        depth = self.depths()
        return 0 if depth is None else max(0, min(NEAR[queue], self._settings.window) - depth[queue])

    def depths(self) -> dict[str, int] | None:
        """How many messages lie in Redis by queue, and with workers (``unacked``). None when the broker does not answer."""

        def count(producer: Any) -> dict[str, int]:
            channel = producer.channel
            with channel.client.pipeline(transaction=False) as pipeline:
                for queue in QUEUES:
                    pipeline.llen(queue)
                pipeline.hlen(channel.unacked_key)
                return dict(zip((*QUEUES, "unacked"), pipeline.execute(), strict=True))

        found: dict[str, int] | None = self._guarded(count, None)
        return found

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._drop()

    def _celery(self) -> Celery:
        if self._app is None:
            from workers.app import make_app  # noqa: PLC0415 (importing Celery takes a second that many commands never need)

            self._app = make_app(self._settings)
        return self._app

    def _guarded(self, action: Any, otherwise: Any) -> Any:
        """``action`` on the producer, or ``otherwise`` when the broker does not answer."""
        with self._lock:
            if time.monotonic() < self._quiet_until:
                return otherwise
            try:
                return action(self._open())
            # kombu, redis and sockets have no common class, and a hint must not fail a document.
            except Exception as error:  # noqa: BLE001
                log.warning("the broker does not answer", code="broker.unavailable", error=f"{type(error).__name__}: {error}")
                self._quiet_until = time.monotonic() + _QUIET_SECONDS
                self._drop()
                return otherwise

    def _open(self) -> Any:
        if self._producer is None:
            app = self._celery()
            # Kombu would try to connect for ever if it were not told how often.
            options = {**app.conf.broker_transport_options, "max_retries": 1, "interval_start": 0, "interval_step": 0.2}
            self._connection = app.connection_for_write(transport_options=options)
            self._producer = app.amqp.Producer(self._connection, auto_declare=False)
        return self._producer

    def _drop(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            try:
                connection.release()  # type: ignore[no-untyped-call]
            except Exception as error:  # noqa: BLE001 (a broken connection may break once more while it is closed)
                log.debug("closing the connection to the broker failed", error=str(error))
