"""7z archives, by py7zr. What is unpacked lies in one temporary file without a name, each member a part of it."""

from __future__ import annotations

import io
import lzma
import stat
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import BinaryIO, NamedTuple, cast

import py7zr
from py7zr.exceptions import ArchiveError, PasswordRequired, UnsupportedCompressionMethodError
from py7zr.io import Py7zIO, WriterFactory

from codebook.errors import GongkaiError
from ingest.archives.progress import advanced

# What py7zr raises on a file that is not whole: it trusts the numbers of a header.
_BROKEN = (
    ArchiveError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    lzma.LZMAError,
    RuntimeError,
    AssertionError,
    struct.error,
)
_UNIX = 0x8000  # of the attributes of a member: its upper half holds a Unix mode (7zFormat.txt, kWinAttributes)


class SevenZipMember(NamedTuple):
    """A member as the archive lists it: name, unpacked size in bytes, when it was changed last."""

    name: str
    size: int
    dated_at: datetime | None


class SevenZip:
    """A 7z archive that was opened.

    Raises GongkaiError: file.encrypted when even its list of members has a password, file.corrupt.
    """

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        with _whole():
            self._archive = py7zr.SevenZipFile(file)

    def members(self) -> list[SevenZipMember]:
        """The files in it, in the order in which they are unpacked.

        Raises GongkaiError: file.encrypted, file.unsafe_archive for links.
        """
        if self._archive.needs_password():
            raise _encrypted()
        found = []
        for one in self._archive.files:
            attributes = one.file_properties().get("attributes") or 0
            kind = stat.S_IFMT(attributes >> 16) if attributes & _UNIX else 0
            if one.is_symlink or one.is_junction or one.is_socket or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise GongkaiError(
                    "file.unsafe_archive", f"a link or device in the archive: {one.filename}", "ordinary files only"
                )
            if not one.is_directory:
                changed = one.lastwritetime
                found.append(SevenZipMember(one.filename, int(one.uncompressed), changed.as_datetime() if changed else None))
        return found

    def unpack(self, most: int) -> Iterator[BinaryIO]:
        """Readers of the members, in their order; the whole archive is unpacked before the first.

        Raises GongkaiError: file.bomb beyond ``most`` bytes, file.unsupported for a way of packing that is not known.
        """
        with tempfile.TemporaryFile() as room:
            parts = _MemberWriters(room, most)
            with _whole():
                self._archive.reset()
                self._archive.extractall(factory=parts)
            made = iter([part for part in parts.made if part.length])
            for member in self.members():
                part = next(made, None) if member.size else None
                # The library calls a second file of one name NAME_0, and so on.
                named = part is not None and (part.name == member.name or part.name.startswith(f"{member.name}_"))
                if member.size and (part is None or not named or part.length != member.size):
                    raise GongkaiError("file.corrupt", f"a member that is listed and not there: {member.name}", "a whole archive")
                yield cast(BinaryIO, _Slice(room, part.start, part.length)) if part else io.BytesIO()


def _encrypted() -> GongkaiError:
    return GongkaiError("file.encrypted", "a 7z archive with a password", "an archive without a password")


@contextmanager
def _whole() -> Iterator[None]:
    """Raises GongkaiError for what the library raises on an archive that it cannot read."""
    try:
        yield
    except PasswordRequired as error:
        raise _encrypted() from error
    except UnsupportedCompressionMethodError as error:
        raise GongkaiError("file.unsupported", f"a 7z archive packed in another way ({error})", "LZMA or LZMA2") from error
    except _BROKEN as error:
        raise GongkaiError("file.corrupt", f"a 7z archive that cannot be read ({error})", "a whole archive") from error


class _MemberWriters(WriterFactory):
    """Writes members one after the other into one file."""

    def __init__(self, room: BinaryIO, most: int) -> None:
        self.room, self.most = room, most
        self.made: list[_MemberWriter] = []

    def create(self, filename: str, mode: str = "wb") -> Py7zIO:  # noqa: ARG002 (the library gives it)
        self.made.append(_MemberWriter(self, filename, self.room.seek(0, 2)))
        return self.made[-1]


class _MemberWriter(Py7zIO):
    def __init__(self, parts: _MemberWriters, name: str, start: int) -> None:
        self._parts = parts
        self.name, self.start, self.length, self._at = name, start, 0, 0

    def write(self, s: bytes | bytearray) -> int:
        if self.start + self.length + len(s) > self._parts.most:
            raise GongkaiError(
                "file.bomb", f"more than {self._parts.most:,} bytes when unpacked", f"at most {self._parts.most:,}"
            )
        advanced(len(s))
        self._parts.room.seek(self.start + self.length)
        self.length += self._parts.room.write(s)
        self._at = self.length
        return len(s)

    def read(self, size: int | None = None) -> bytes:
        self._parts.room.seek(self.start + self._at)
        left = self.length - self._at
        data = self._parts.room.read(left if size is None or size < 0 else min(size, left))
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self.length)[whence])
        return self._at

    def flush(self) -> None:
        """Nothing is held back."""

    def size(self) -> int:
        return self.length


class _Slice(io.RawIOBase):
    """A reader of a part of a file."""

    def __init__(self, room: BinaryIO, start: int, length: int) -> None:
        self._room, self._at, self._end = room, start, start + length

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        self._room.seek(self._at)
        left = self._end - self._at
        data = self._room.read(left if size is None or size < 0 else min(size, left))
        self._at += len(data)
        return data
