"""The properties of characters in a Word 97 document: what [MS-DOC] calls sprms, without the positions and pictures beside them.

Positions of text and packed pictures hold any bytes, also those of a property. What is searched for a property is taken from the
places where properties are, therefore: the pages of formatted text, the styles, and the pieces of a file that was saved in haste.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import olefile

_APART = bytes([0xEE]) * 32  # between two, longer than any property that is looked for
_PAGE = 512  # bytes of a page of formatted text ([MS-DOC] 2.9.33)
_FIRST_PLACE = 0x9A  # of the pairs of place and length in the head of the document ([MS-DOC] 2.5.1)
_STYLES, _PAGES, _PIECES = 1, 12, 33  # fcStshf, fcPlcfBteChpx, fcClx ([MS-DOC] 2.5.6)
_HASTY, _PIECE_TABLE = 1, 2  # what begins an entry of the pieces ([MS-DOC] 2.9.38, 2.9.209)
_WORD97 = 0xC1  # the least nFib of Word 97 ([MS-DOC] 2.5.2)
_MOST = 64 * 1024 * 1024  # bytes of a stream


def character_properties(data: bytes) -> bytes | None:
    """Return the properties of all characters and styles of a document; None where the file is not built as it should be."""
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            document = ole.openstream("WordDocument").read(_MOST)
            magic, version = struct.unpack_from("<HH", document)
            (flags,) = struct.unpack_from("<H", document, 0x0A)
            if magic != 0xA5EC or version < _WORD97:
                return None
            table = ole.openstream("1Table" if flags & 0x0200 else "0Table").read(_MOST)
        return _APART.join([_part(document, table, _STYLES), *_formatted(document, table), *_hasty(document, table)])
    except (OSError, ValueError, IndexError, TypeError, struct.error):
        return None


def _part(document: bytes, table: bytes, number: int) -> bytes:
    place, length = struct.unpack_from("<II", document, _FIRST_PLACE + 8 * number)
    if place + length > len(table):
        raise ValueError("a part beyond the end of the table stream")
    return table[place : place + length]


def _formatted(document: bytes, table: bytes) -> Iterator[bytes]:
    """The properties of each run of text."""
    pages = _part(document, table, _PAGES)
    count = (len(pages) - 4) // 8
    if count < 1 or len(pages) != 4 + 8 * count:
        raise ValueError("no list of pages")
    for (number,) in struct.iter_unpack("<I", pages[4 * (count + 1) :]):
        start = (number & 0x3FFFFF) * _PAGE
        page = document[start : start + _PAGE]
        runs = page[_PAGE - 1]
        if not 0 < runs <= 0x65:
            raise ValueError("a page of formatted text without runs")
        for at in set(page[4 * (runs + 1) : 4 * (runs + 1) + runs]):
            if at:
                length = page[2 * at]
                yield page[2 * at + 1 : 2 * at + 1 + length]


def _hasty(document: bytes, table: bytes) -> Iterator[bytes]:
    """The properties that pieces of a file saved in haste have beside those of their runs."""
    pieces = _part(document, table, _PIECES)
    at = 0
    while at < len(pieces) and pieces[at] == _HASTY:
        (length,) = struct.unpack_from("<H", pieces, at + 1)
        yield pieces[at + 3 : at + 3 + length]
        at += 3 + length
    if at >= len(pieces) or pieces[at] != _PIECE_TABLE:
        raise ValueError("no table of pieces")
