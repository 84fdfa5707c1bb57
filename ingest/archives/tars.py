"""Tar files, plain or compressed, read forward only and with every read measured."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from codebook.errors import GongkaiError
from ingest.archives.limits import MIB, Limits
from ingest.archives.progress import advanced

_LARGEST_READ = 4 * MIB  # a header that asks for more at once (names of a gigabyte) is an attack
_CHUNK = 256 * 1024


class Gauge:
    """A forward reader that counts what comes out of a stream and stops it beyond the limits.

    ``packed`` is the size of the compressed file below in bytes, which bounds what may come out of it; None for a plain tar.
    Where the reading stands in that file says nothing: rows that repeat pack a thousand times, and what follows does not.
    """

    def __init__(self, stream: BinaryIO, packed: int | None, limits: Limits, allowed: int) -> None:
        self._stream = stream
        self._packed = packed
        self._limits = limits
        self._allowed = allowed
        self._position = 0
        self.last_block = b""  # the last header-sized read, by which the end mark is recognised

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > _LARGEST_READ:
            raise GongkaiError("file.bomb", f"a header of {size:,} bytes in the archive", f"at most {_LARGEST_READ:,}")
        data = self._stream.read(size)
        advanced(len(data))
        self._position += len(data)
        if size == tarfile.BLOCKSIZE:
            self.last_block = data
        self._check()
        return data

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = 0) -> int:
        if whence != 0 or position < self._position:
            raise OSError("this reader only goes forward")
        if self._packed is None:  # a plain file: no need to read what is passed over
            self._position = self._stream.seek(position)
            self._check()
        while self._position < position:
            if not self.read(min(_CHUNK, position - self._position)):
                break
        return self._position

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def _check(self) -> None:
        if self._position > self._allowed:
            raise GongkaiError(
                "file.bomb", f"more than {self._allowed:,} bytes unpacked", f"at most {self._limits.archive_bytes:,} in all"
            )
        most = max(self._limits.archive_free, (self._packed or 0) * self._limits.archive_ratio)
        if self._packed is not None and self._position > most:
            raise GongkaiError(
                "file.bomb",
                f"{self._position:,} bytes unpacked from {self._packed:,}",
                f"at most {self._limits.archive_ratio} times larger",
            )


def tar_members(gauge: Gauge) -> Iterator[tuple[tarfile.TarInfo, str, BinaryIO | None]]:
    """Each member with its name and, for an ordinary file, a reader that must be used before the next one is asked for.

    Raises GongkaiError: file.unsafe_archive for links and devices, file.bomb for sparse files (a header of a few bytes makes
    terabytes of them), file.corrupt when the archive breaks off (tarfile itself
    takes a damaged header for the end).
    """
    with tarfile.open(fileobj=cast(BinaryIO, gauge), mode="r:") as archive:
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would remember them all
            if not (info.isreg() or info.isdir()):
                raise GongkaiError("file.unsafe_archive", f"a link or device in the archive: {info.name}", "ordinary files only")
            if info.issparse():
                raise GongkaiError("file.bomb", f"a sparse file in the archive: {info.name}", "files that are stored whole")
            reader = archive.extractfile(info) if info.isreg() else None
            yield info, member_name(info.name), cast(BinaryIO | None, reader)
        if gauge.last_block.strip(b"\0"):
            raise GongkaiError("file.corrupt", "an archive that is damaged after its last readable member", "a whole tar file")


def member_name(name: str) -> str:
    """A member's name as meant: tarfile reads UTF-8 and keeps other bytes as surrogates, which are GB18030 as a rule."""
    if not any("\udc80" <= c <= "\udcff" for c in name):
        return name
    raw = name.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("gb18030")
    except UnicodeDecodeError:
        return name
