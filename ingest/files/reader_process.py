"""The process that reads what comes in: ``python -m ingest.files.reader_process``, with requests on its standard input.

It has limits on processor time and address space, no database, no store and no settings; what it finds, and the contents that
are to be kept, go to its standard output (see :mod:`ingest.files.messages`). Whoever started it notices when it ends.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from codebook.errors import GongkaiError, UsageError
from codebook.records import Hints
from ingest.archives.limits import Limits
from ingest.archives.progress import report_to
from ingest.files.fingerprint import CHUNK, Content
from ingest.files.messages import (
    Bug,
    End,
    FoundDocument,
    Kept,
    Looking,
    LookThrough,
    ManifestEnd,
    ManifestRow,
    Message,
    NoRoom,
    ReadFile,
    ReadManifest,
    Request,
    SeenPage,
    UsePaths,
    packed,
    received,
)
from ingest.files.page_images import decided_by
from ingest.files.read_file import FileReader, NoRoomError, refusal
from ingest.lists.manifest import Manifest, Row, read_manifest
from ingest.webpages.links import PageView, look_through

_LONGEST_TRACEBACK = 10_000  # characters


def limit(limits: Limits) -> Callable[[], None]:
    """Bound this process by ``limits``; returns what grants it ``limits.seconds`` of processor time from now on.

    The bound on time is the soft one: the kernel ends the process by SIGXCPU.
    """
    if limits.memory_bytes:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = limits.memory_bytes if hard == resource.RLIM_INFINITY else min(limits.memory_bytes, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)

    def grant() -> None:
        until = int(time.process_time() + limits.seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (until if hard == resource.RLIM_INFINITY else min(until, hard), hard))

    return grant


class _Outlet:
    """Sends what a :class:`FileReader` finds. The first ``past`` documents, and their contents, were received before."""

    def __init__(self, out: BinaryIO, grant: Callable[[], None], past: int) -> None:
        self._out, self._grant, self._past = out, grant, past

    def send(self, message: Message) -> None:
        self._out.write(packed(message))
        if not isinstance(message, Kept | ManifestRow):
            self._out.flush()

    def looking(self, path: str, content: Content) -> None:
        """Say what is looked at from now on: should it end this process, it is known."""
        self._grant()
        if self._past <= 0:
            self.send(Looking(path, content.sha256, content.size))

    def keep(self, content: Content, file: BinaryIO) -> None:
        """Send a content. ``file`` holds what was hashed."""
        if self._past > 0:
            return
        file.seek(0)
        self.send(Kept(content.sha256, content.size))
        left = content.size
        while left and (chunk := file.read(min(CHUNK, left))):
            self._out.write(chunk)
            left -= len(chunk)
        self._out.write(bytes(left))  # a file that became shorter: its end says so

    def document(self, document: FoundDocument) -> None:
        """Send a document."""
        self._past -= 1
        if self._past < 0:
            self.send(document)

    def bug(self, path: str) -> None:
        """Send the exception that is being handled, for the log."""
        self.send(Bug(path, traceback.format_exc()[-_LONGEST_TRACEBACK:].encode(errors="replace").decode()))


def _bounded_outlet(limits: Limits, out: BinaryIO, past: int = 0) -> _Outlet:
    """Limit this process for one request, and return where its answer goes."""
    grant = limit(limits)
    report_to(grant)
    grant()
    return _Outlet(out, grant, past)


def _read_file(request: ReadFile, out: BinaryIO, manifest: Manifest | None) -> None:
    outlet = _bounded_outlet(request.limits, out, request.past)
    reader = FileReader(outlet, request.limits, decided_by(manifest), frozenset(request.refused))
    path, pages = os.fsdecode(request.path), tuple(map(os.fsdecode, request.pages))
    volumes = tuple(map(os.fsdecode, request.volumes))
    beside = os.fsdecode(request.beside) if request.beside is not None else None
    try:
        parts = {address: os.fsdecode(place) for address, place in request.parts}
        for document in reader.read(
            path,
            request.shown,
            pages=pages,
            volumes=volumes,
            missing=request.missing,
            beside=beside,
            parts=parts,
            follow=request.follow,
        ):
            outlet.document(document)
    except NoRoomError as error:
        outlet.send(NoRoom(str(error)))
    except Exception as error:  # noqa: BLE001 (a bug ends in the books, with its traceback in the log, and the rest goes on)
        outlet.bug(request.shown)
        outlet.document(refusal(request.shown, GongkaiError("internal", f"{type(error).__name__}: {error}"[:500])))
    outlet.send(End(reader.archives, tuple(reader.unpacked), tuple(reader.notices)))


def _read_manifest(request: ReadManifest, out: BinaryIO) -> None:
    outlet = _bounded_outlet(request.limits, out)
    try:
        rows, problems = read_manifest(Path(os.fsdecode(request.path)))
        for row in rows:
            outlet.send(ManifestRow(row.line, row.path, row.hints, row.batch))
        outlet.send(ManifestEnd(tuple(problems)))
    except UsageError as error:
        outlet.send(ManifestEnd(wrong=str(error).encode(errors="replace").decode()))
    except MemoryError:
        outlet.send(ManifestEnd(wrong=f"manifest {os.fsdecode(request.path)!r}: takes too much memory; expected a CSV file"))


def _look_through(request: LookThrough, out: BinaryIO) -> None:
    outlet = _bounded_outlet(request.limits, out)
    try:
        view = look_through(Path(os.fsdecode(request.path)).read_bytes(), request.address)
    except Exception:  # noqa: BLE001 (a bug is in the log, with its traceback; the page is registered all the same)
        outlet.bug(request.address)
        view = PageView()
    outlet.send(SeenPage(view))


def main() -> None:
    """Serve requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for those who started us; they let us end
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=CHUNK)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a library that prints must not break the messages
    decode = msgspec.msgpack.Decoder(Request).decode
    manifest: Manifest | None = None
    while (request := received(requests.read, decode)) is not None:
        if isinstance(request, UsePaths):
            paths = request.paths
            manifest = None if paths is None else Manifest([Row(0, path, Hints()) for path in paths])
        elif isinstance(request, ReadFile):
            _read_file(request, out, manifest)
        elif isinstance(request, LookThrough):
            _look_through(request, out)
        else:
            _read_manifest(request, out)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(0 if error.errno == errno.EPIPE else 1)  # nobody listens any more
