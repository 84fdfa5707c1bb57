"""One repair of the Redis transport: a worker that loses its connection while it gives messages back must not die of it.

Closing a channel returns what was not acknowledged to its queue. When the connection is gone for good at that moment, kombu 5.7 trips
over its own connection object (AttributeError), and Celery ends the whole worker. Here such messages need not be returned at all:
recovery sends again what was not taken up.
"""

from __future__ import annotations

from typing import Any

from kombu.transport.redis import Channel, QoS

from workers.log import get_logger

log = get_logger(__name__)


class ForgivingQoS(QoS):  # type: ignore[misc]
    """The bookkeeping of unacknowledged messages, without the wish to return them at any price."""

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """Return what was not acknowledged, if the broker is there to take it."""
        try:
            super().restore_unacked_once(stderr)
        except Exception as error:  # noqa: BLE001 (whatever it is: the worker lives on, and recovery sends again)
            log.warning("messages could not be given back to the broker", error=f"{type(error).__name__}: {error}")


def install() -> None:
    """Use it for all connections to Redis of this process."""
    Channel.QoS = ForgivingQoS
