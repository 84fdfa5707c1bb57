"""Compressed streams, and how archives are recognised from their bytes."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from typing import BinaryIO, cast

ZIP = "application/zip"
TAR = "application/x-tar"
GZIP = "application/gzip"
BZIP2 = "application/x-bzip2"
XZ = "application/x-xz"
SEVEN_ZIP = "application/x-7z-compressed"
RAR = "application/vnd.rar"
RAR_MAGIC = b"Rar!\x1a\x07"
_BLOCK = 64 * 1024
_XZ_MEMORY = 256 * 1024 * 1024  # bytes


class _XzReader:
    """An xz stream read with a limit on the decoder's memory: a header may ask for a dictionary of 4 GiB."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size and not self._decoder.eof:
            packed = self._file.read(_BLOCK) if self._decoder.needs_input else b""
            if self._decoder.needs_input and not packed:
                raise EOFError("the xz stream breaks off")
            parts.append(self._decoder.decompress(packed, size))
            size -= len(parts[-1])
        return b"".join(parts)


BROKEN_STREAM = (EOFError, OSError, zlib.error, lzma.LZMAError)


def decompressed(file: BinaryIO, media_type: str) -> BinaryIO:
    """A reader of what a gz, bz2 or xz stream holds; raises one of BROKEN_STREAM when it reads damaged data."""
    if media_type == GZIP:
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    return cast(BinaryIO, bz2.BZ2File(file) if media_type == BZIP2 else _XzReader(file))


def is_tar_header(block: bytes) -> bool:
    """Return whether 512 bytes are the header of a tar member, by its own checksum (old tars have no magic)."""
    if len(block) < 512 or not any(block):
        return False
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
