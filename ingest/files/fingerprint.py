"""Contents: read once, named by their sha256, and noticed when they change under the reading.

Whatever comes in (a file, a member of an archive) becomes a :class:`Content`: hash, size, and a seekable reader for the next
steps. Small ones are held in memory, members beyond that in a temporary file without a name, large files are read where they lie.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import BinaryIO, NamedTuple, cast

from codebook.errors import GongkaiError
from codebook.records import Record
from ingest.archives.progress import advanced
from ingest.file_dates import moment_of

CHUNK = 1024 * 1024
IN_MEMORY = 8 * CHUNK
HEAD = 64 * 1024
_PAUSE = 0.2  # seconds between the two tries at a file that changes


class Content(NamedTuple):
    """What was read: sha256 in hex, size in bytes, the first bytes, ``file``, seekable and at its start (None: not kept), and
    when the file was changed last.
    """

    sha256: str
    size: int
    head: bytes
    file: BinaryIO | None
    dated_at: datetime | None = None

    @classmethod
    def of(cls, data: bytes, dated_at: datetime | None = None) -> Content:
        """What was read, held in memory."""
        return cls(hashlib.sha256(data).hexdigest(), len(data), data[:HEAD], io.BytesIO(data), dated_at)


class FileSnapshot(Record, frozen=True):
    """What shows that a file is still the one that was opened."""

    size: int
    modified: int
    inode: int
    device: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileSnapshot:
        return cls(status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)


def stand_in(code: str, path: str) -> str:
    """The identity (64 hex digits) of something whose content cannot be told, made from what happened and where.

    It keeps a file that could not be read in the books; no content has this hash.
    """
    return hashlib.sha256(b"gongkai\0" + code.encode() + b"\0" + os.fsencode(path)).hexdigest()


@contextmanager
def opened(path: str, *, follow: bool = True) -> Iterator[BinaryIO]:
    """The file, opened so that neither a pipe nor (unless ``follow``) a link put in its place can hold us up or lead us away.

    Raises OSError when it cannot be opened, GongkaiError file.changed when it is no ordinary file any more.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW))
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise GongkaiError("file.changed", "no ordinary file any more", "a file")
        yield file


def _check(before: FileSnapshot, file: BinaryIO, path: str) -> None:
    """Raises GongkaiError file.changed if the file was written to, removed or replaced since ``before``."""
    try:
        after, there = FileSnapshot.of(os.fstat(file.fileno())), FileSnapshot.of(os.stat(path))
    except FileNotFoundError:
        raise GongkaiError("file.changed", "the file was removed while it was read", "a file that stays") from None
    if not before == after == there:
        raise GongkaiError(
            "file.changed", f"{before.size:,} bytes before, {there.size:,} after reading", "a file that is complete"
        )


@contextmanager
def content_of(path: str, *, follow: bool = True) -> Iterator[Content]:
    """The content of a file, read while it held still; one that changes is tried once more.

    A large file is hashed where it lies, and must hold still until the ``with`` statement ends too. Raises OSError, and
    GongkaiError file.changed when the second try failed as well, or at the end.
    """
    for last in (False, True):
        try:
            with opened(path, follow=follow) as file:
                before, content = _read(file, path)
                yield content
                if content.file is file:
                    _check(before, file, path)
                return
        except _UnsteadyError:
            if last:
                raise
            time.sleep(_PAUSE)


class _UnsteadyError(GongkaiError):
    """A file.changed of the reading itself, which is tried again; one that the caller raises is not."""


def _read(file: BinaryIO, path: str) -> tuple[FileSnapshot, Content]:
    try:
        before = FileSnapshot.of(os.fstat(file.fileno()))
        content = hashed_in_place(file) if before.size > IN_MEMORY else _hash_in_memory(file)
        _check(before, file, path)
        if content.size != before.size:
            found = f"{before.size:,} bytes announced, {content.size:,} read"
            raise GongkaiError("file.changed", found, "a file that is complete")
    except GongkaiError as error:
        raise _UnsteadyError(error.code, error.found, error.expected) from error
    return before, content._replace(dated_at=moment_of(before.modified / 1e9))


def _hash_in_memory(file: BinaryIO) -> Content:
    return Content.of(file.read(IN_MEMORY + 1))


def hashed_in_place(file: BinaryIO) -> Content:
    """The content of a seekable file from where it stands to its end, read where it lies."""
    digest, size, head = hashlib.sha256(), 0, b""
    while chunk := file.read(CHUNK):
        head = head or chunk[:HEAD]
        digest.update(chunk)
        advanced(len(chunk))
        size += len(chunk)
    file.seek(0)
    return Content(digest.hexdigest(), size, head, file)


@contextmanager
def content_from(reader: BinaryIO, limit: Callable[[bytes], int], dated_at: datetime | None = None) -> Iterator[Content]:
    """The content of a stream, which is read to its end. Raises what the stream raises.

    ``limit`` says, from the first bytes, how many bytes are kept at most; a longer content is hashed only.
    """
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
        digest, size = hashlib.sha256(), 0
        head = reader.read(HEAD)
        most, chunk = limit(head), head
        while chunk:
            digest.update(chunk)
            advanced(len(chunk))
            size += len(chunk)
            if size <= most:
                spool.write(chunk)
            elif spool.tell():
                spool.seek(0)
                spool.truncate()
            chunk = reader.read(CHUNK)
        spool.seek(0)
        yield Content(digest.hexdigest(), size, head, cast(BinaryIO, spool) if size <= most else None, dated_at)
