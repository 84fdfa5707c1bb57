"""Members of a zip that are packed with Deflate64, as Windows Explorer does above 2 GiB and zipfile does not unpack."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import BinaryIO

from inflate64 import Inflater

METHOD = 9  # PKWARE appnote 4.4.5
_LOCAL = struct.Struct("<26x2H")  # the lengths of name and extra field in the header before a member's data (4.3.7)
_BLOCK = 64 * 1024


class Deflate64Reader(io.RawIOBase):
    """A reader of a member. Raises zipfile.BadZipFile where it is damaged."""

    def __init__(self, file: BinaryIO, info: zipfile.ZipInfo) -> None:
        self._file, self._info = file, info
        file.seek(info.header_offset)
        header = file.read(_LOCAL.size)
        if len(header) < _LOCAL.size:
            raise zipfile.BadZipFile("a member without its header")
        self._at = info.header_offset + _LOCAL.size + sum(_LOCAL.unpack(header))
        self._left = info.compress_size
        self._inflater = Inflater()
        self._ready = b""
        self._size = self._crc = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        parts, wanted = [], self._info.file_size if size is None or size < 0 else size
        while wanted and (self._ready or self._more()):
            parts.append(self._ready[:wanted])
            self._ready = self._ready[wanted:]
            wanted -= len(parts[-1])
        return b"".join(parts)

    def _more(self) -> bool:
        """Unpack the next bytes. Return whether there are any."""
        while not self._ready and self._left:
            self._file.seek(self._at)
            packed = self._file.read(min(_BLOCK, self._left))
            if not packed:
                raise EOFError("the member breaks off")
            self._at += len(packed)
            self._left -= len(packed)
            self._ready = self._inflater.inflate(packed)
            self._size += len(self._ready)
            self._crc = zlib.crc32(self._ready, self._crc)
            if self._size > self._info.file_size:
                raise zipfile.BadZipFile("a member that is larger than its list says")
        if not self._ready and (self._size, self._crc) != (self._info.file_size, self._info.CRC):
            raise zipfile.BadZipFile(f"bad CRC-32 for {self._info.filename!r}")
        return bool(self._ready)
