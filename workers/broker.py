"""Repairs of the Redis transport: neither a lost connection nor a message that is none may end a worker.

When a connection is lost while messages are not yet acknowledged, kombu 5.7 goes on using the closed channel, to return them to
their queue and to acknowledge them when their tasks end. It trips over its own connection, which is None by then
(AttributeError), and Celery ends the whole worker. What lies in a queue and is no message of Celery (another program writes to
the same Redis, a person tries something) ends it too. Here none of this matters: the rescuer sends again what was not taken up,
and a duplicate message finds nothing to claim.
"""

from __future__ import annotations

from typing import Any

from kombu.transport.redis import Channel, QoS, Transport

from runtime.log import get_logger

log = get_logger(__name__)


class TolerantQoS(QoS):
    """The bookkeeping of unacknowledged messages, which drops those of a closed channel."""

    @property
    def _closed(self) -> bool:
        return self.channel.connection is None

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message, if its channel is open."""
        if not self._closed:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Refuse a message, if its channel is open."""
        if not self._closed:
            super().reject(delivery_tag, requeue=requeue)  # type: ignore[no-untyped-call]

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """Return what was not acknowledged, if the broker is there to take it."""
        try:
            super().restore_unacked_once(stderr)  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 (the worker lives on, and the rescuer sends again)
            log.warning("messages could not be returned to the broker", error=f"{type(error).__name__}: {error}")


class TolerantChannel(Channel):
    """A channel that drops what is no message. It has left the queue by then: kombu takes first and reads later."""

    QoS = TolerantQoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except (ValueError, TypeError, KeyError, AttributeError) as error:  # no JSON, or JSON of another shape
            log.warning("something that is no message was dropped from a queue", error=f"{type(error).__name__}: {error}")
            return True


def install() -> None:
    """Use the repaired transport for all connections to Redis of this process."""
    Transport.Channel = TolerantChannel


def beat_without_waiting() -> None:
    """Let the main process of a worker send its signs of life without waiting for Redis.

    Celery 5.7 sends them from its event loop, and tries again for ever when Redis refuses: meanwhile no time limit is enforced,
    no message taken, and SIGTERM not heeded.
    """
    from celery.worker import heartbeat  # noqa: PLC0415 (loads the whole worker, which only workers need)

    class BriefHeart(heartbeat.Heart):  # type: ignore[misc]
        def _send(self, event: str, retry: bool = False) -> Any:  # noqa: ARG002 (Celery's default is to try again)
            return super()._send(event, retry=False)

    heartbeat.Heart = BriefHeart
