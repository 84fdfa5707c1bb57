"""What keeps the pages safe besides logging in: response headers, tokens against forged requests, clean input."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM_BYTES = 1_000_000
UPLOAD_BYTES = 2_000_000
"""Bytes of a form with a file (multipart/form-data), where a page takes one."""
DRAFT_BYTES = 50_000_000
"""Bytes of a form with a draft of a report: a scan of some pages."""
LARGER = {"/drafts": DRAFT_BYTES}
"""Pages that take larger files, by their address: the whole of it. They read nothing before the person is known."""
_FIELDS = 5000
_UPLOAD_FIELDS = 50
_FILE_NAME = 200
_MULTIPART = "multipart/form-data"

# Nothing from elsewhere, nothing inline: text of a document that looked like a script would not be run.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityHeaders:
    """Adds the headers to every response, also to files and errors. Pages are not kept by caches unless they say so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
                if scope.get("scheme") == "https":
                    headers["strict-transport-security"] = "max-age=31536000"
            await send(message)

        await self._app(scope, receive, sending)


class BodyLimit:
    """Refuses a request whose body is said to be larger than any form, before any of it is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        length = headers.get("content-length", "0")
        most = LARGER.get(scope.get("path", ""), UPLOAD_BYTES) if _kind(headers) == _MULTIPART else FORM_BYTES
        if len(length) > 15 or int(length) > most:
            refusal = Response(status_code=413, headers={"connection": "close"})
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


class CallLimit:
    """Counts calls by who makes them, in steady windows of a minute of this process. Old windows are forgotten."""

    _MOST = 10_000  # callers that are kept

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[str, tuple[int, int]] = {}

    def take(self, caller: str, most: int) -> bool:
        """Count a call. Return False when ``caller`` has made ``most`` within this minute."""
        now = self._window()
        with self._lock:
            window, count = self._calls.get(caller, (now, 0))
            count = count if window == now else 0
            if len(self._calls) >= self._MOST:
                self._calls = {name: kept for name, kept in self._calls.items() if kept[0] == now}
            if count >= most or (len(self._calls) >= self._MOST and caller not in self._calls):
                return False
            self._calls[caller] = (now, count + 1)
            return True

    @staticmethod
    def _window() -> int:
        return int(time.monotonic() // 60)


def new_token() -> str:
    """A secret of 256 bits for a cookie."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return what is kept of a token: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(token: str) -> str:
    """Return what forms send back: bound to the cookie ``token``, which cannot be derived from it."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Return whether two tokens are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def is_own_request(request: Request) -> bool:
    """Return whether a browser says that a request comes from our own pages, as far as it says anything."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def clean(text: str) -> str:
    """``text`` without control characters (line breaks stay) and lone surrogates, which a database would refuse.

    >>> clean(" a\\x00b\\r\\n ")
    'ab'
    """
    kept = "".join(c for c in text if c in "\n\t" or (ord(c) >= 32 and c != "\x7f" and not 0xD800 <= ord(c) <= 0xDFFF))
    return kept.strip()


class Upload(NamedTuple):
    """A file that was sent with a form: the last part of its name, as the browser tells it, and its content."""

    name: str
    content: bytes


class Fields:
    """The fields of a form or of an address, and the files of a form. A field that is absent is empty.

    ``body`` is what a script of ours sends as bytes (see console.web.routing.post_bytes).
    """

    def __init__(
        self, pairs: Iterable[tuple[str, str]] = (), files: Mapping[str, Upload] | None = None, *, body: bytes = b""
    ) -> None:
        self.body = body
        self._files = dict(files or {})
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def text(self, name: str, longest: int = 2000) -> str:
        """The (last) value of a field, cleaned and cut at ``longest`` characters."""
        return clean(self.secret(name))[:longest]

    def secret(self, name: str) -> str:
        """The value of a field as it was typed: a password."""
        return self._values.get(name, [""])[-1]

    def number(self, name: str) -> int | None:
        """A whole number that a database takes as a key; None for anything else."""
        return number(self.text(name))

    def file(self, name: str) -> Upload | None:
        """The file of a field; None when none was chosen."""
        return self._files.get(name)

    def each(self, name: str) -> list[str]:
        """All values of a field that can be given several times."""
        return [value for value in map(clean, self._values.get(name, [])) if value]


def number(text: str) -> int | None:
    """A whole number from 0 to 2**63 - 1; None for anything else.

    >>> number("12"), number("1e3"), number("9" * 30)
    (12, None, None)
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        return None
    value = int(text)
    return value if value < 2**63 else None


def _kind(headers: Headers) -> str:
    return headers.get("content-type", "").split(";")[0].strip().lower()


async def read_bytes(request: Request) -> bytes | None:
    """The body of a request that is no form (application/octet-stream); None when it is too large or something else."""
    return await _read_body(request) if _kind(request.headers) == "application/octet-stream" else None


async def _read_body(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            return None
    return bytes(body)


async def read_form(request: Request, *, uploads: int = 0) -> Fields | None:
    """The fields of a form (application/x-www-form-urlencoded); None when it is too large or nothing of the kind.

    With ``uploads`` also those of a form with a file (multipart/form-data) of at most this number of bytes.
    """
    kind = _kind(request.headers)
    if kind == _MULTIPART and uploads:
        return await _read_multipart(request, uploads)
    if kind != "application/x-www-form-urlencoded":
        return None
    body = await _read_body(request)
    if body is None:
        return None
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS, errors="replace")
    except ValueError:  # not ASCII, or too many fields
        return None
    return Fields(pairs)


async def _read_multipart(request: Request, most: int) -> Fields | None:
    """The fields and the file of a form; None when it is too large, damaged, or has more than one file."""

    async def bounded() -> AsyncGenerator[bytes, None]:
        left = most
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0:
                raise MultiPartException("too large")
            yield chunk

    limits = {"max_files": 1, "max_fields": _UPLOAD_FIELDS, "max_part_size": UPLOAD_BYTES}
    try:
        form = await MultiPartParser(request.headers, bounded(), **limits).parse()
    except (MultiPartException, UnicodeDecodeError, LookupError):  # damaged, or of a character set that there is not
        return None
    pairs, files = list[tuple[str, str]](), dict[str, Upload]()
    for name, value in form.multi_items():
        if isinstance(value, str):
            pairs.append((name, value))
        elif value.filename:
            last = clean(value.filename.replace("\\", "/").rsplit("/", maxsplit=1)[-1])[:_FILE_NAME]
            files[name] = Upload(last, await value.read())
    await form.close()
    return Fields(pairs, files)
