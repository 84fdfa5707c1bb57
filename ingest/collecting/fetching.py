"""One request: asked, bounded in time and size, and taken apart into what the collector decides by.

Nothing is followed here, and nothing is believed: a redirect is an address of its own, which is looked at like any other.
"""

from __future__ import annotations

import ssl
import time
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import httpcore2

from codebook.errors import GongkaiError
from codebook.records import Record
from ingest.collecting.guard import AddressGuard, GuardedBackend, RefusedAddressError

MIB = 1024 * 1024
_HEAD_BYTES = MIB  # of status line, headers and framing, beside the body
_LONGEST_PAUSE = 86_400.0
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_GZIP = b"\x1f\x8b"
_MOST_MEMBERS = 10_000  # of a body of gzip
_STEP = 64 * 1024  # bytes that are unpacked at a time
_REDIRECTS = (301, 302, 303, 307, 308)
_NOT_MODIFIED = 304
_REFUSED = (401, 403, 407, 451)
_CHALLENGES = (412, 521)  # by which the usual shields of portals ask a script whether it is a browser
_GONE = (404, 410)
_BUSY = (429,)


class FetchLimits(Record, frozen=True):
    """Bounds of one answer: ``seconds`` from the request to its end, ``silence`` between two pieces, ``size`` in bytes, packed
    and unpacked.
    """

    seconds: float = 120
    silence: float = 30
    size: int = 200 * MIB


class Fetched(NamedTuple):
    """An answer: ``status``, ``headers`` as they came, ``body`` as it was sent (packed, if it was), and who answered."""

    address: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    peer: str = ""

    def header(self, name: str) -> str | None:
        """The value of a header, or None."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def is_unchanged(self) -> bool:
        """Whether the page is still what it was at the last visit."""
        return self.status == _NOT_MODIFIED

    @property
    def location(self) -> str | None:
        """Where a redirect leads."""
        return self.header("location") if self.status in _REDIRECTS else None

    @property
    def modified_at(self) -> datetime | None:
        """When the page was changed last, as the host says; None where it does not, or says what cannot be."""
        try:
            found = parsedate_to_datetime(self.header("last-modified") or "")
        except (ValueError, TypeError):
            return None
        moment = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return moment if datetime(1990, 1, 1, tzinfo=UTC) < moment <= datetime.now(UTC) else None


class PausedError(GongkaiError):
    """The host asks for a pause of ``seconds``."""

    def __init__(self, found: str, seconds: float) -> None:
        super().__init__("fetch.too_many", found, "a host that answers")
        self.seconds = seconds


def fetch(
    address: str,
    guard: AddressGuard,
    limits: FetchLimits,
    *,
    agent: str,
    etag: str | None = None,
    modified: str | None = None,
    beginning: int | None = None,
) -> Fetched:
    """Ask for a page. ``etag`` and ``modified`` are those of the last visit; ``beginning``: as many bytes of a body are enough.

    Raises GongkaiError: fetch.not_public, fetch.unreachable, fetch.timeout, fetch.too_large, fetch.broken.
    """
    deadline = time.monotonic() + limits.seconds
    most = limits.size if beginning is None else beginning
    backend = GuardedBackend(guard, deadline, most + max(_HEAD_BYTES, most // 2))
    asked = [("Host", urlsplit(address).netloc), ("User-Agent", agent), ("Accept", "*/*"), ("Accept-Encoding", "gzip")]
    asked += [("Accept-Language", "zh-CN,zh;q=0.9"), ("Connection", "close")]
    asked += [("If-None-Match", etag)] if etag else []
    asked += [("If-Modified-Since", modified)] if modified else []
    timeouts = {"connect": limits.silence, "read": limits.silence, "write": limits.silence, "pool": limits.silence}
    headers = [(name.encode("ascii"), value.encode("latin-1", "replace")) for name, value in asked]
    try:
        with (
            httpcore2.ConnectionPool(network_backend=backend, max_connections=1) as pool,
            pool.stream("GET", address, headers=headers, extensions={"timeout": timeouts}) as response,
        ):
            body = _body(response, most, cut=beginning is not None)
            found = tuple((_text(name), _text(value)) for name, value in response.headers)
            reason = _text(response.extensions.get("reason_phrase", b""))
            return Fetched(address, response.status, reason, found, body, backend.peer)
    except RefusedAddressError as refused:
        raise refused.error from None
    except httpcore2.TimeoutException as error:
        raise GongkaiError("fetch.timeout", f"no whole answer within {limits.seconds:.0f} s: {error}", "an answer") from error
    except (httpcore2.ConnectError, ssl.SSLError) as error:
        raise GongkaiError("fetch.unreachable", f"{urlsplit(address).netloc}: {error}", "a host that answers") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol) as error:
        raise GongkaiError("fetch.broken", f"{type(error).__name__}: {error}"[:500], "a whole answer") from error


def _body(response: httpcore2.Response, most: int, *, cut: bool) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_stream():
        parts.append(part)
        size += len(part)
        if size > most:
            if cut:
                break
            raise GongkaiError("fetch.too_large", f"more than {most:,} bytes", f"at most {most:,}")
    return b"".join(parts)[:most]


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def unpacked(answer: Fetched, most: int) -> bytes:
    """Return the body as it was before it was packed for the way.

    Raises GongkaiError: file.bomb beyond ``most`` bytes, fetch.broken for what cannot be unpacked.
    """
    coding = (answer.header("content-encoding") or "identity").strip().lower()
    if coding in ("identity", "", "none") or not answer.body:
        return answer.body
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise GongkaiError("fetch.broken", f"the body is packed as {coding[:40]!r}", "gzip, or none")
    try:
        return _inflate(answer.body, most, _GZIP_OR_ZLIB)
    except zlib.error:
        if coding != "deflate":
            if not answer.body.startswith(_GZIP):
                return answer.body  # it says that it is packed, and is not
            raise GongkaiError("fetch.broken", "the packed body is damaged", "a whole body") from None
    try:
        return _inflate(answer.body, most, -zlib.MAX_WBITS)
    except zlib.error:
        raise GongkaiError("fetch.broken", "the packed body is damaged", "a whole body") from None


def _inflate(body: bytes, most: int, bits: int) -> bytes:
    """Unpack a body. One of gzip may have several members; it is read in steps, so that many small ones are not copied often."""
    made: list[bytes] = []
    size = at = 0
    for _ in range(_MOST_MEMBERS):
        machine = zlib.decompressobj(bits)
        while not machine.eof and at < len(body):
            made.append(machine.decompress(body[at : at + _STEP], most + 1 - size))
            at, size = min(at + _STEP, len(body)), size + len(made[-1])
            if size > most:
                raise GongkaiError("file.bomb", f"more than {most:,} bytes when unpacked", f"at most {most:,}")
        if not machine.eof:
            raise GongkaiError("fetch.broken", "the packed body ends too early", "a whole body")
        at -= len(machine.unused_data)
        if bits != _GZIP_OR_ZLIB or not body.startswith(_GZIP, at):
            return b"".join(made)
    raise GongkaiError("fetch.broken", f"the body is packed in more than {_MOST_MEMBERS:,} parts", "a body in fewer parts")


def check_status(answer: Fetched) -> None:
    """Raise what the status of an answer means when it is no page: PausedError, or GongkaiError with its code."""
    status, said = answer.status, f"status {answer.status} {answer.reason}".strip()
    if status in (200, 203, _NOT_MODIFIED) or status in _REDIRECTS:
        return
    if status in _BUSY or (status == 503 and answer.header("retry-after")):
        raise PausedError(said, _retry_after(answer))
    if status in _REFUSED:
        raise GongkaiError("fetch.refused", said, "a page that may be read")
    if status in _CHALLENGES:
        raise GongkaiError("fetch.challenge", said, "a page that may be read by programs")
    if status in _GONE:
        raise GongkaiError("fetch.not_found", said, "a page")
    if status >= 500:
        raise GongkaiError("fetch.server_error", said, "a page")
    raise GongkaiError("fetch.status", said, "a page")


def _retry_after(answer: Fetched) -> float:
    """The pause in seconds that a host asks for; a minute where it does not say."""
    value = (answer.header("retry-after") or "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return min(float(value), _LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return 60.0
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 1.0), _LONGEST_PAUSE)
