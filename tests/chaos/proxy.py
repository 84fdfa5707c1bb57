"""A way between two processes that can be cut: a TCP proxy in front of a unix socket, in threads of the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class Proxy:
    """Passes bytes between 127.0.0.1:``port`` and a unix socket.

    :meth:`freeze` lets what is connected hang in silence (bytes are neither passed on nor refused); :meth:`thaw` passes on what
    was held. ``eavesdrop`` sees what clients send; where it gives True, the answer to that never comes. ``url`` is for whoever
    tells others of the way.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self.url = ""
        self._open = threading.Event()
        self._open.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.eavesdrop: Callable[[bytes], bool] = lambda _: False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self._target))
            except OSError:
                client.close()
                continue
            self._pairs.append((client, server))
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, asks: bool) -> None:
        try:
            while data := source.recv(65536):
                self._open.wait()
                cut = asks and self.eavesdrop(data)
                if cut:  # what was asked for is done, but the answer never comes
                    source.shutdown(socket.SHUT_RDWR)
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                _end(end)

    def freeze(self) -> None:
        """From now on nothing passes, and nobody is told."""
        self._open.clear()

    def thaw(self) -> None:
        """Pass on again, what was held first."""
        self._open.set()

    def cut(self) -> None:
        """Break off all connections."""
        for pair in self._pairs:
            for end in pair:
                _end(end)
        self._pairs.clear()

    def close(self) -> None:
        """End it."""
        self._listener.close()
        self.thaw()
        self.cut()


def _end(end: socket.socket) -> None:
    """Close a socket that another thread may be reading: closed alone, it would stay open until something comes."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
