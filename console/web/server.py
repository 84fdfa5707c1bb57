"""How the pages listen: uvicorn with bounds for clients that are slow, idle or many.

uvicorn bounds the size of a request's head and the time between two requests. It has no limit for a client that connects and
sends nothing, that sends its request byte by byte, or that never takes up the answer; and its limit of connections answers each
new one with 503 while the idle ones stay. :class:`BoundedProtocol` adds these.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, NamedTuple

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_BYTES = 16 * 1024
_KEEP_ALIVE_SECONDS = 15  # between two requests
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class ClientLimits(NamedTuple):
    """``connections`` at a time; ``slow_seconds`` for a head, for a body, and for each part of an answer to be taken up."""

    connections: int
    slow_seconds: float


class BoundedProtocol(H11Protocol):
    """One connection. It is cut off when the client does not keep the limits."""

    def __init__(self, *arguments: Any, limits: ClientLimits, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._reading: asyncio.TimerHandle | None = None  # until the rest of a head or of a body has come
        self._phase: object = None
        self._writing: asyncio.TimerHandle | None = None  # until the client takes up what it was sent
        self.idle_since = 0.0  # of the loop's clock: since when it has had no request at work

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many: then the connection that has waited longest without a request gives way."""
        super().connection_made(transport)
        self.idle_since = self.loop.time()
        if len(self.connections) > self._limits.connections:
            waiting = [
                each for each in self.connections if isinstance(each, BoundedProtocol) and each is not self and each.is_idle
            ]
            if waiting:
                min(waiting, key=lambda each: each.idle_since).transport.abort()
            else:
                transport.write(_FULL)
                self._close()
                return
        self._watch_reading()

    @property
    def is_idle(self) -> bool:
        """Whether it has no request at work."""
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Take what the client sends, and watch how long the rest takes."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.transport.is_closing():  # it was no HTTP
            self._watch_closing()
        self._watch_reading()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.idle_since = self.loop.time()
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch_closing()
        else:
            self._watch_reading()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has had no further request."""
        super().timeout_keep_alive_handler()
        self._watch_closing()

    def pause_writing(self) -> None:
        """The client does not take up what it is sent: it has some time to catch up."""
        super().pause_writing()
        self._watch_closing()

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._cancel_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is no more."""
        self._cancel_reading()
        self._cancel_writing()
        super().connection_lost(exc)

    def _watch_reading(self) -> None:
        """Give each head, and each body, its time from when it began. Between requests uvicorn's own timer runs."""
        between = self.cycle is not None and self.timeout_keep_alive_task is not None
        phase = None if between or self.conn.their_state not in (h11.IDLE, h11.SEND_BODY) else (self.cycle, self.conn.their_state)
        if phase == self._phase and self._reading is not None:
            return
        self._phase = phase
        self._cancel_reading()
        if phase is not None and not self.transport.is_closing():
            self._reading = self.loop.call_later(self._limits.slow_seconds, self.transport.abort)

    def _watch_closing(self) -> None:
        """What is left in the buffer must be taken up in time: closing waits for that without end."""
        if self._writing is None:
            self._writing = self.loop.call_later(self._limits.slow_seconds, self.transport.abort)

    def _close(self) -> None:
        self.transport.close()
        self._watch_closing()

    def _cancel_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _cancel_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None


def make_server(app: ASGIApp, address: str, port: int, limits: ClientLimits, proxies: str) -> uvicorn.Server:
    """Return a server for ``app`` that is ready to run. ``proxies``: addresses and networks, with commas, that are believed when
    they say who asks.
    """
    protocol: Any = partial(BoundedProtocol, limits=limits)  # a callable that makes one is as good as the class
    config = uvicorn.Config(
        app,
        host=address,
        port=port,
        http=protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=5,
        proxy_headers=True,
        forwarded_allow_ips=proxies,
    )
    return uvicorn.Server(config)
