"""Tell workers, through Redis, that there is something to do. The rescuer re-sends notifications that were missed.

The database is the truth: a notification is a hint, and may be lost or sent twice without harm.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Engine

from codebook.errors import GongkaiError
from codebook.stages import DOCUMENTS, OCR, QUEUES, RETRY
from database import ledger
from database.ledger import Queued
from database.session import run_transaction
from runtime.log import get_logger
from runtime.settings import Settings

if TYPE_CHECKING:
    from celery import Celery
    from kombu.connection import Connection

log = get_logger(__name__)

# Seconds without a further attempt after the broker failed: work that can go on without it must not wait for every document.
_BROKER_PAUSE_SECONDS = 3.0
_BATCH = 500

NEAR = {DOCUMENTS: 500, OCR: 50, RETRY: 500}
"""A process that queues work notifies only while a queue holds fewer messages than this.

Messages in Redis are taken in the order in which they were sent; what is left to the rescuer is sent by priority and turn. A page
takes a process about a second, a document a fiftieth. What a message brings is not known from outside: each counts as a full
block.
"""

# What is sent at once is parted into this number of messages before they become blocks: enough for all processes of some hosts to
# have work, and for them to end at about the same time.
_MESSAGES = 16


class Notifier(Protocol):
    """Notifies workers of queued stages after the commit that queued them. Never raises because of the broker."""

    def notify(self, queued: Sequence[Queued]) -> int:
        """Notify workers of ``queued``. Return for how many a message was sent."""


class SilentNotifier:
    """A notifier that sends nothing, for stages that run in this process. ``notified`` lists what it was called with."""

    def __init__(self) -> None:
        self.notified: list[Queued] = []

    def notify(self, queued: Sequence[Queued]) -> int:
        """Note ``queued``. Return 0: nothing was sent."""
        self.notified += queued
        return 0


def blocks(queued: Sequence[Queued], most: int) -> list[list[Queued]]:
    """Return ``queued`` in its order, parted into what one message brings: up to ``most`` documents at the same stage, fewer
    where there is little. Pages, and what is tried again, have a message each.
    """
    size = max(1, min(most, len(queued) // _MESSAGES))
    parted: list[list[Queued]] = []
    for (queue, _), group in groupby(queued, key=lambda item: (item.queue, item.stage)):
        run, step = list(group), size if queue == DOCUMENTS else 1
        parted += [run[start : start + step] for start in range(0, len(run), step)]
    return parted


def describe(block: Sequence[Queued]) -> str:
    """Return what a message is about, for people who watch messages (in Flower): its argument is only numbers."""
    if len(block) > 1:
        return f"{len(block)} documents: {', '.join(str(item.document_id or item.stage_id) for item in block)}"
    (item,) = block
    page = f", page {item.page}" if item.page else ""
    return f"document {item.document_id}{page}" if item.document_id else f"stage {item.stage_id}"


class RedisNotifier:
    """Sends messages to Redis, each for a stage or a block of them. ``sent`` and ``failed`` count stages.

    Holds one connection, opened when it is needed. Threads may share it.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._lock = threading.Lock()
        self._app: Celery | None = None
        self._connection: Connection | None = None
        self._producer: Any = None
        self._paused_until = 0.0
        self.sent = 0
        self.failed = 0

    def notify(self, queued: Sequence[Queued]) -> int:
        """Send messages for ``queued`` while their queues have room, and record that. Return for how many stages.

        The rescuer finds the rest in the database.
        """
        by_queue: dict[str, list[Queued]] = defaultdict(list)
        for item in queued:
            by_queue[item.queue].append(item)
        sent: list[int] = []
        for queue, items in by_queue.items():
            sent += self.send(items[: self.room(queue)])
        if sent:
            try:
                run_transaction(self._engine, lambda c: ledger.mark_notified(c, sent), durable=False)
            except GongkaiError as error:  # a second message will be sent for them, which costs a claim that finds nothing
                log.warning("messages were sent, but it could not be noted", count=len(sent), error=str(error))
        return len(sent)

    def send(self, queued: Sequence[Queued]) -> list[int]:
        """Send messages without recording it. Return the stages for which they went out: all or none."""
        if not queued:
            return []

        def publish(producer: Any) -> list[int]:
            app = self._celery()
            with producer.batch(_BATCH):
                for block in blocks(queued, self._settings.block):
                    first, ids = block[0], [item.stage_id for item in block]
                    options = {"queue": first.queue, "producer": producer, "retry": False, "ignore_result": True}
                    options["argsrepr"] = describe(block)
                    app.send_task(f"gongkai.{first.stage}", (ids if len(ids) > 1 else ids[0],), **options)
            return [item.stage_id for item in queued]

        sent: list[int] = self._guarded(publish, [])
        self.sent += len(sent)
        self.failed += len(queued) - len(sent)
        return sent

    def room(self, queue: str) -> int:
        """Return how many more stages ``queue`` takes until there is enough to do; 0 when the broker does not answer."""
        depth = self.depths()
        return 0 if depth is None else max(0, min(NEAR[queue], self._settings.window) - self.stages_in(queue, depth[queue]))

    def stages_in(self, queue: str, messages: int) -> int:
        """Return how many stages a number of messages of ``queue`` bring at most."""
        return messages * (self._settings.block if queue == DOCUMENTS else 1)

    def depths(self) -> dict[str, int] | None:
        """Return the number of messages in Redis by queue, and with workers (``unacked``). None when it does not answer."""

        def count(producer: Any) -> dict[str, int]:
            channel = producer.channel
            with channel.client.pipeline(transaction=False) as pipeline:
                for queue in QUEUES:
                    pipeline.llen(queue)
                pipeline.hlen(channel.unacked_key)
                return dict(zip((*QUEUES, "unacked"), pipeline.execute(), strict=True))

        depths: dict[str, int] | None = self._guarded(count, None)
        return depths

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _celery(self) -> Celery:
        if self._app is None:
            from workers.app import make_app  # noqa: PLC0415 (importing Celery takes a second that many commands never need)

            self._app = make_app(self._settings)
        return self._app

    def _guarded(self, action: Any, otherwise: Any) -> Any:
        """Return ``action`` on the producer, or ``otherwise`` when the broker does not answer."""
        with self._lock:
            if time.monotonic() < self._paused_until:
                return otherwise
            try:
                return action(self._open())
            # kombu, redis and sockets have no common class, and a hint must not fail a document.
            except Exception as error:  # noqa: BLE001
                log.warning("the broker does not answer", code="broker.unavailable", error=f"{type(error).__name__}: {error}")
                self._paused_until = time.monotonic() + _BROKER_PAUSE_SECONDS
                self._drop()
                return otherwise

    def _open(self) -> Any:
        if self._producer is None:
            app = self._celery()
            # By default kombu tries to connect for ever.
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
