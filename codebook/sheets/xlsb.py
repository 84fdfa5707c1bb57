"""Records of binary Excel workbooks (.xlsb): how far the sheets reach, merged cells, and cells that are not read as shown.

The library that reads workbooks makes room for every place up to the last cell and does not know merged cells, so the records
([MS-XLSB] 2.1.4: a type and a size of up to 2 and 4 bytes of 7 bits each) are gone through here.
"""

from __future__ import annotations

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator

from lxml import etree

Ranges = tuple[tuple[tuple[int, int], tuple[int, int]], ...]
SHEET = re.compile(r"/?xl/worksheets/[^/]+\.bin", re.IGNORECASE)
WORKBOOK = "xl/workbook.bin"
_RELATIONS = "xl/_rels/workbook.bin.rels"
STRINGS = "xl/sharedstrings.bin"
# Numbers of records ([MS-XLSB] 2.3.2).
_ROW, _CELLS = 0, frozenset(range(2, 12))  # 1 is a blank cell with a look
_ERRORS = frozenset((3, 4, 10, 11))  # errors and truth values, stored or computed
_STRING_CELL, _RICH_CELL = 7, 62
_STRING_ITEM, _BUNDLE, _MERGED, _CALCULATION = 19, 156, 176, 157
_FORMULAS = frozenset((8, 9, 10, 11))
_FORMULA_NUMBER = 9
_FULL_CALCULATION = 0x1  # of the flags of BrtCalcProp: computed when it is opened
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    IndexError,
    ValueError,
)
_MOST = 100_000  # merged ranges of a sheet


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a part with their types. Raises IndexError at one that breaks off."""
    at, end = 0, len(data)
    while at < end:
        kind, at = _number(data, at, 2)
        size, at = _number(data, at, 4)
        yield kind, data[at : at + size]
        at += size


def _number(data: bytes, at: int, most: int) -> tuple[int, int]:
    found = 0
    for index in range(most):
        byte = data[at + index]
        found |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return found, at + index + 1
    return found, at + most


def sheet_cells(part: bytes) -> Iterator[int]:
    """The cells that a sheet spans up to the last one that is filled, as it goes on."""
    row = rows = columns = 0
    for kind, body in records(part):
        if kind == _ROW:
            row = struct.unpack_from("<I", body)[0]
        elif kind in _CELLS or kind == _RICH_CELL:
            rows, columns = max(rows, row + 1), max(columns, struct.unpack_from("<I", body)[0] + 1)
            yield rows * columns


def unread(part: bytes, marked: frozenset[int], is_stale: bool) -> Iterator[tuple[int, int]]:
    """The rows and columns (from 0) of cells of a sheet that are not read as they are shown; ``marked``: strings that are not."""
    row = 0
    for kind, body in records(part):
        if kind == _ROW:
            row = struct.unpack_from("<I", body)[0]
        elif kind in _CELLS or kind == _RICH_CELL:
            column = struct.unpack_from("<I", body)[0]
            is_marked = kind == _STRING_CELL and struct.unpack_from("<I", body, 8)[0] in marked
            is_empty = is_stale and kind == _FORMULA_NUMBER and struct.unpack_from("<d", body, 8)[0] == 0
            if is_marked or is_empty or kind in _ERRORS or kind == _RICH_CELL:
                yield row, column


def marked_strings(part: bytes) -> frozenset[int]:
    """The numbers of the shared strings that have runs of several looks."""
    items = (body for kind, body in records(part) if kind == _STRING_ITEM)
    return frozenset(number for number, body in enumerate(items) if body[:1] and body[0] & 1)


def is_stale(workbook: bytes) -> bool:
    """Return whether a workbook is to be computed when it is opened."""
    return any(
        kind == _CALCULATION and len(body) >= 26 and struct.unpack_from("<H", body, 24)[0] & _FULL_CALCULATION
        for kind, body in records(workbook)
    )


def merged_cells(data: bytes) -> dict[str, Ranges]:
    """The merged cells of each sheet by its name: first and last place, from 0. Empty for other formats and damaged files."""
    if not data.startswith(b"PK"):
        return {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            if WORKBOOK not in package.namelist():
                return {}
            targets = _targets(package.read(_RELATIONS))
            return {
                name: tuple(_ranges(package.read(targets[relation])))
                for name, relation in _bundles(package.read(WORKBOOK))
                if relation in targets
            }
    except (*BROKEN, etree.XMLSyntaxError):
        return {}


def _ranges(part: bytes) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    count = 0
    for kind, body in records(part):
        if kind == _MERGED and count < _MOST:
            top, bottom, left, right = struct.unpack_from("<4I", body)
            count += 1
            yield (top, left), (bottom, right)


def _bundles(workbook: bytes) -> Iterator[tuple[str, str]]:
    """The name and the relation of each sheet (BrtBundleSh)."""
    for kind, body in records(workbook):
        if kind == _BUNDLE:
            relation, at = _wide(body, 8)
            name, _ = _wide(body, at)
            yield name, relation


def _wide(body: bytes, at: int) -> tuple[str, int]:
    size = struct.unpack_from("<I", body, at)[0]
    end = at + 4 + 2 * size
    return body[at + 4 : end].decode("utf-16-le", "replace"), end


def _targets(part: bytes) -> dict[str, str]:
    root = etree.fromstring(part, etree.XMLParser(resolve_entities=False, no_network=True))
    return {
        each.get("Id", ""): posixpath.normpath(posixpath.join("xl", each.get("Target", ""))).lstrip("/")
        for each in root.iterchildren("{*}Relationship")
    }
