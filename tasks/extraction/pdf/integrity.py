"""Whether the compressed parts of a PDF are as they were written.

Readers show what is left of a damaged part and say nothing: in a report with a few bytes changed, rows and digits vanish.
"""

from __future__ import annotations

import re
import zlib

_STREAM = re.compile(rb"/FlateDecode\b[^\x00]{0,400}?>>\s*stream\r?\n\s*")
_ARRAY_OF_FILTERS = re.compile(rb"/Filter\s*\[[^\]]*/(?!FlateDecode)\w+")
_PIECE = 1 << 16
_MOST = 256 * 1024 * 1024  # bytes unpacked in all; what lies behind is not checked


def damaged_streams(data: bytes) -> tuple[int, int]:
    """(damaged, all) streams compressed by Deflate alone; 0 of 0 for encrypted files, where nothing can be said.

    Damaged means that unpacking fails or the checksum (RFC 1950) differs; a stream that ends before its checksum is let pass,
    as some programs write them so.
    """
    if b"/Encrypt" in data:
        return 0, 0
    damaged = total = unpacked = 0
    at = 0
    while unpacked < _MOST and (found := _STREAM.search(data, at)) is not None:
        at = found.end()
        if _ARRAY_OF_FILTERS.search(data, data.rfind(b"<<", 0, found.start()), at):
            continue
        total += 1
        size = _unpack(data, at)
        damaged += size is None
        unpacked += size or 0
    return damaged, total


def _unpack(data: bytes, start: int) -> int | None:
    """The unpacked size of the stream that begins at ``start``, None when it is damaged."""
    unpacker = zlib.decompressobj()
    size = 0
    view = memoryview(data)
    try:
        while not unpacker.eof and start < len(data) and size < _MOST:
            piece = unpacker.decompress(view[start : start + _PIECE])
            size += len(piece)
            start += _PIECE
    except zlib.error:
        return None
    return size
