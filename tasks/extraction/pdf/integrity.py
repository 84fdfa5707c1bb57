"""Whether the compressed parts of a PDF are as they were written.

Readers show what is left of a damaged part and say nothing: in a report with a few bytes changed, rows and digits vanish.
"""

from __future__ import annotations

import re
import zlib

_STREAM = re.compile(rb"/FlateDecode\b[^\x00]{0,400}?>>\s*stream(\r?\n)\s*")
_ARRAY_OF_FILTERS = re.compile(rb"/Filter\s*\[[^\]]*/(?!FlateDecode)\w+")
# Parts that no page shows as text: descriptions of the document, attached files, colour profiles (no type; /N counts colours).
_BESIDE_PAGES = re.compile(rb"/Type\s*/(?:Metadata|EmbeddedFile)\b|\A(?!.*/(?:Type|First)\b).*/N\s+[134]\b", re.DOTALL)
_LENGTH = re.compile(rb"/Length\s+(\d+)(?:\s+(\d+)\s+R\b)?")
_END = re.compile(rb"\s{0,2}endstream")
_LINE_ENDS = (b"\r\n", b"\n", b"\r", b"")
_PIECE = 1 << 16
_MOST = 256 * 1024 * 1024  # bytes unpacked in all; what lies behind is not checked
_WRAP = 15  # bits: the window of raw Deflate data
_CHECKSUM = 4  # bytes


def damaged_streams(data: bytes) -> tuple[int, int]:
    """(damaged, all) streams of the pages that are compressed by Deflate alone; 0 of 0 for encrypted files, where nothing can be
    said.

    Damaged means that unpacking fails or the checksum (RFC 1950) differs. Some programs write zeros for the checksum, a part of
    it, or none: such a stream is whole when its Deflate data end where the checksum would begin, and it is as long as its
    dictionary says. So is a stream of no bytes. Metadata, attached files and colour profiles are not counted: no number comes
    from them.
    """
    if b"/Encrypt" in data:
        return 0, 0
    damaged = total = unpacked = 0
    at = 0
    while unpacked < _MOST and (found := _STREAM.search(data, at)) is not None:
        at = found.end()
        dictionary = data[max(data.rfind(b"obj", 0, found.start()), 0) : at]
        if _ARRAY_OF_FILTERS.search(data, data.rfind(b"<<", 0, found.start()), at) or _BESIDE_PAGES.search(dictionary):
            continue
        total += 1
        length = _length(data, dictionary)
        end = None if length is None else found.end(1) + length
        size = _unpack(data, at, end)
        damaged += size is None
        unpacked += size or 0
    return damaged, total


def _length(data: bytes, dictionary: bytes) -> int | None:
    """The length of a stream by its dictionary, in bytes; None when the dictionary refers to a number that cannot be found."""
    found = _LENGTH.search(dictionary)
    if found is None or found[2] is None:
        return int(found[1]) if found else None
    numbers = re.findall(rb"(?<!\d)%s\s+%s\s+obj\s+(\d+)\b" % found.groups(), data)
    return int(numbers[-1]) if numbers else None


def _unpack(data: bytes, start: int, end: int | None) -> int | None:
    """The unpacked size of the stream that begins at ``start`` and should end at ``end``, None when it is damaged."""
    if data.startswith(b"endstream", start):
        return 0 if end is None or end <= start else None
    if int.from_bytes(data[start : start + 2]) % 31 or data[start] & 0x0F != zlib.DEFLATED:
        return None
    unpacker = zlib.decompressobj(-_WRAP)
    at, size, checksum = start + 2, 0, zlib.adler32(b"")
    view = memoryview(data)
    try:
        while not unpacker.eof and at < len(data) and size < _MOST:
            piece = unpacker.decompress(view[at : at + _PIECE])
            checksum = zlib.adler32(piece, checksum)
            size += len(piece)
            at += _PIECE
    except zlib.error:
        return None
    if unpacker.eof:
        behind = min(at, len(data)) - len(unpacker.unused_data)
        return size if _is_checksum(data, behind, end, checksum.to_bytes(_CHECKSUM)) else None
    return size if size >= _MOST else None


def _is_checksum(data: bytes, at: int, end: int | None, checksum: bytes) -> bool:
    """Return whether what stands from ``at`` to the end of a stream is its checksum, zeros for it, or its first bytes."""
    if data.startswith(checksum, at):
        return True
    if end is None:
        stop = data.find(b"endstream", at, at + 4 * _CHECKSUM)
        tails = [data[at:stop].removesuffix(line_end) for line_end in _LINE_ENDS] if stop >= 0 else []
    else:
        tails = [data[at:end]] if at <= end and _END.match(data, end) else []
    return any(len(tail) <= _CHECKSUM and checksum.startswith(tail.rstrip(b"\0")) for tail in tails)
