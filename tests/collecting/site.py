"""A portal for tests: a real HTTP server on loopback whose pages are given as functions of what is asked."""

from __future__ import annotations

import gzip
import hashlib
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple
from urllib.parse import urlsplit


class Reply(NamedTuple):
    """What a page answers. ``raw`` is written as it is, instead of all else; ``etag`` makes it answer 304 when it is known."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}
    raw: Iterator[bytes] | None = None
    etag: str | None = None


Page = Reply | Callable[["Portal", Mapping[str, str]], Reply]


class Portal:
    """The site: ``pages`` by path with query. ``asked`` counts requests by path, ``at_once`` is the most that ran together."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.moments: list[float] = []
        self.at_once = self._running = 0
        self._lock = threading.Lock()
        portal = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                portal.answer(self)

            def log_message(self, *_: object) -> None:
                """Nothing is said."""

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: object) -> None:
                """Clients that go are nothing new."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        parts = urlsplit(handler.path)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        with self._lock:
            self.asked[path] += 1
            self.moments.append(time.monotonic())
            self._running += 1
            self.at_once = max(self.at_once, self._running)
        try:
            page = self.pages.get(path, Reply(b"nothing here", 404))
            reply = page if isinstance(page, Reply) else page(self, {k.lower(): v for k, v in handler.headers.items()})
            self._send(handler, reply)
        finally:
            with self._lock:
                self._running -= 1
                self.answered[path] += 1

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        handler.close_connection = True
        if reply.raw is not None:
            for part in reply.raw:
                handler.wfile.write(part)
                handler.wfile.flush()
            return
        known = reply.etag is not None and handler.headers.get("If-None-Match") == reply.etag
        handler.send_response(304 if known else reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        if reply.etag is not None:
            handler.send_header("ETag", reply.etag)
        body = b"" if known else reply.body
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@contextmanager
def portal() -> Iterator[Portal]:
    """A site that lives inside the block."""
    made = Portal()
    try:
        yield made
    finally:
        made.close()


def html(body: str, encoding: str = "utf-8", **more: str) -> Reply:
    """A page."""
    data = f'<!DOCTYPE html><html><head><meta charset="{encoding}"><title>公开</title></head><body>{body}</body></html>'.encode(
        "gb18030" if encoding.startswith("gb") else encoding
    )
    return Reply(data, 200, {"Content-Type": "text/html", **more}, etag=f'"{hashlib.md5(data).hexdigest()}"')


def packed(data: bytes) -> Reply:
    """A page that is packed for the way."""
    return Reply(gzip.compress(data), 200, {"Content-Encoding": "gzip", "Content-Type": "text/html"})


def links(*found: tuple[str, str]) -> str:
    """Links: where they lead, and their words."""
    return "".join(f'<li><a href="{address}">{words}</a></li>' for address, words in found)
