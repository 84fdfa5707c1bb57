"""When a file that somebody copies into a folder is all there: it was quiet for a time, and nothing shows that it is not whole.

Nobody announces the end of a copy. So the size and the time of change must hold still, and a second witness is asked: the end
that the format demands, and (on Linux) whether a program still holds the file open for writing. A file that the second
witness calls incomplete waits longer, and is then taken as it is.
"""

from __future__ import annotations

import errno
import fcntl
import heapq
import os
import signal
import stat
import time
from collections.abc import Callable, Sequence
from typing import BinaryIO, NamedTuple

from codebook.errors import GongkaiError
from codebook.records import Record
from ingest.archives.volume_sets import TAIL, says_more
from ingest.files.fingerprint import FileSnapshot, opened

_HEAD = 1024
_TAIL = 2048
_ZIP_TAIL = 65_535 + 22  # the longest comment, and the record that it stands in


class FolderSnapshot(Record, frozen=True):
    """How all files in a folder, and in those below it, look."""

    files: tuple[tuple[str, FileSnapshot], ...]


class Ready(NamedTuple):
    """What may be taken, as it was seen. ``whole`` is False when patience ended before it looked complete."""

    path: str
    snapshot: Record
    whole: bool


class _Seen:
    __slots__ = ("due", "since", "snapshot")

    def __init__(self, snapshot: Record, since: float, due: float) -> None:
        self.snapshot, self.since, self.due = snapshot, since, due


class Settler:
    """The files that wait to become quiet and whole. Each is looked at when it can be ready, not before.

    ``quiet`` and ``patience`` in seconds, by ``clock``; the clock of the file system is never compared with ours. ``look_at``
    returns what must stay the same (None: there is nothing to wait for), ``is_whole`` whether nothing shows that more is to come;
    by default those of a file.
    """

    def __init__(
        self,
        quiet: float,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        look_at: Callable[[str], Record | None] | None = None,
        is_whole: Callable[[str], bool] | None = None,
    ) -> None:
        self._quiet, self._patience, self._clock = quiet, patience, clock
        self._look, self._is_whole = look_at or look, is_whole or looks_whole
        self._files: dict[str, _Seen] = {}
        self._queue: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, path: object) -> bool:
        return path in self._files

    def see(self, path: str) -> None:
        """A file was noticed, or something happened to it. What is gone, or no ordinary file, is not waited for."""
        snapshot = self._look(path)
        known = self._files.get(path)
        if snapshot is None:
            self._files.pop(path, None)
        elif known is None or known.snapshot != snapshot:
            self._wait(path, _Seen(snapshot, self._clock(), self._clock() + self._quiet))

    def _wait(self, path: str, seen: _Seen) -> None:
        self._files[path] = seen
        heapq.heappush(self._queue, (seen.due, path))

    def next_due(self) -> float | None:
        """When the next file can be ready, by the clock; None when none waits."""
        return self._queue[0][0] if self._queue else None

    def due(self, limit: int) -> list[Ready]:
        """Up to ``limit`` files that are ready; they are not waited for any more."""
        ready: list[Ready] = []
        now = self._clock()
        while len(ready) < limit and self._queue and self._queue[0][0] <= now:
            due, path = heapq.heappop(self._queue)
            seen = self._files.get(path)
            if seen is None or seen.due != due:  # it was seen to change since, and stands in the queue once more
                continue
            snapshot = self._look(path)
            if snapshot is None:
                del self._files[path]
            elif snapshot != seen.snapshot:
                self._wait(path, _Seen(snapshot, now, now + self._quiet))
            elif (whole := self._is_whole(path)) or now - seen.since >= self._patience:
                del self._files[path]
                ready.append(Ready(path, snapshot, whole))
            else:
                seen.due = now + self._quiet
                heapq.heappush(self._queue, (seen.due, path))
        return ready


def look(path: str) -> FileSnapshot | None:
    """Return how a file looks now; None when it is gone, or no ordinary file."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return FileSnapshot.of(status) if stat.S_ISREG(status.st_mode) else None


def look_at(path: str) -> FileSnapshot | FolderSnapshot | None:
    """Return how a file, or all that is in a folder, looks now; None when it is gone or empty, or neither of the two."""
    try:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            return look(path)
    except OSError:
        return None
    inside = ((os.path.join(top, name)) for top, _, names in os.walk(path) for name in names)
    seen = sorted((os.path.relpath(file, path), snapshot) for file in inside if (snapshot := look(file)) is not None)
    return FolderSnapshot(tuple(seen)) if seen else None


def looks_whole(path: str) -> bool:
    """Return whether a file opens, is not empty, nobody writes to it, and it ends as its format demands. Unknown formats are
    whole.
    """
    try:
        with opened(path, follow=False) as file:
            return not _held_open(file.fileno()) and _ends_well(file, os.fstat(file.fileno()).st_size)
    except (OSError, GongkaiError):
        return False


def volumes_whole(paths: Sequence[str]) -> bool:
    """Return whether these volumes of an archive, in order, are closed, not empty, and none of them says that it has more."""
    try:
        sizes = []
        for path in paths:
            with opened(path, follow=False) as file:
                if _held_open(file.fileno()):
                    return False
                sizes.append(os.fstat(file.fileno()).st_size)
        with opened(paths[0], follow=False) as first, opened(paths[-1], follow=False) as last:
            head, tail = first.read(_HEAD), _tail(last, sizes[-1], TAIL)
        return all(sizes) and not says_more(head, tail, size=sum(sizes), count=len(paths))
    except (OSError, GongkaiError):
        return False


def _held_open(descriptor: int) -> bool:
    """Return whether a program of this machine has the file open for writing. False where the file system cannot tell.

    Linux grants a read lease only on a file that nobody writes to (fcntl(2), F_SETLEASE). It is given back at once; should
    somebody open the file in between, the signal that tells us so is one that is ignored by default.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    return False


def _ends_well(file: BinaryIO, size: int) -> bool:
    """Return whether the file's end is what its format demands."""
    head = file.read(_HEAD)
    for begins, end in _ENDS:
        if begins in head[: len(begins)] or (begins == _PDF and begins in head):
            return end in _tail(file, size, _TAIL)
    if head.startswith(b"PK\x03\x04"):
        return _zip_ends(_tail(file, size, _ZIP_TAIL))
    if head[:4] in (b"II*\0", b"MM\0*"):  # a TIFF tells where its first directory stands, which may be behind the pictures
        return size > int.from_bytes(head[4:8], "little" if head[:1] == b"I" else "big")
    return size > 0 and not any(begins.startswith(head) for begins in _BEGINNINGS)  # it may become one of them


_PDF = b"%PDF-"
_ENDS = ((_PDF, b"%%EOF"), (b"\x89PNG\r\n\x1a\n", b"IEND"), (b"\xff\xd8\xff", b"\xff\xd9"))
_BEGINNINGS = (*(begins for begins, _ in _ENDS), b"PK\x03\x04", b"II*\0", b"MM\0*")


def _tail(file: BinaryIO, size: int, length: int) -> bytes:
    file.seek(max(0, size - length))
    return file.read(length)


def _zip_ends(tail: bytes) -> bool:
    """Return whether the end of the central directory (APPNOTE 4.3.16) is there, with the whole of its comment."""
    at = tail.rfind(b"PK\x05\x06")
    return at >= 0 and at + 22 + int.from_bytes(tail[at + 20 : at + 22].ljust(2, b"\xff"), "little") <= len(tail)
