"""A process that reads drafts, started before a draft is there: the answer comes sooner by all that it has to load."""

from __future__ import annotations

import threading

from console.limited_reader import LimitedReader

_IDLE_SECONDS = 600.0  # after which a process that nobody needed is ended: it holds some 150 MB


class ReadyReader:
    """Keeps one process ready. Each draft has a process of its own, so that none is read by one that another draft broke."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready: LimitedReader | None = None
        self._idle: threading.Timer | None = None

    def prepare(self) -> None:
        """Start a process, unless one is ready; return at once, while it loads."""
        with self._lock:
            self._stop_timer()
            if self._ready is None:
                self._ready = LimitedReader(everything=True)
            self._ready.start()  # another one, where it has ended meanwhile
            self._idle = threading.Timer(_IDLE_SECONDS, self.close)
            self._idle.daemon = True
            self._idle.start()

    def take(self) -> LimitedReader:
        """Return the process that is ready, or one that is started when it is needed. The caller ends it."""
        with self._lock:
            self._stop_timer()
            taken, self._ready = self._ready, None
        return taken or LimitedReader()

    def close(self) -> None:
        """End the process that is ready."""
        with self._lock:
            self._stop_timer()
            ended, self._ready = self._ready, None
        if ended is not None:
            ended.close()

    def _stop_timer(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
