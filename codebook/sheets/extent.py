"""How large the sheets of a packed workbook say they are: a file of one kilobyte can name a cell in row 1,048,576, column XFD.

The library that reads workbooks makes room for every place up to the last cell that is filled, so it is asked before.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

from lxml import etree

from codebook.errors import GongkaiError
from codebook.sheets import xlsb

SHEET = re.compile(r"/?xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_VALUE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}value-type"


def check_extent(data: bytes, max_cells: int, max_part_bytes: int) -> None:
    """Raise ``file.too_large`` when a sheet of a workbook spans more than ``max_cells`` cells, ``file.bomb`` when a part of it
    unpacks to more than ``max_part_bytes``. A content that is no zip, or no workbook, is left to its reader.
    """
    if not data.startswith(b"PK"):
        return  # .xls: at most 65,536 rows of 256 columns
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            for info in package.infolist():
                if SHEET.fullmatch(info.filename):
                    _check(_sheet_cells(_unpacked(package, info, max_part_bytes)), max_cells)
                elif info.filename == "content.xml":
                    _check(_open_document_cells(_unpacked(package, info, max_part_bytes)), max_cells)
                elif xlsb.SHEET.fullmatch(info.filename):
                    _check(xlsb.sheet_cells(_unpacked(package, info, max_part_bytes).getvalue()), max_cells)
    except (*xlsb.BROKEN, etree.XMLSyntaxError):
        return


def _check(counts: Iterator[int], most: int) -> None:
    for count in counts:
        if count > most:
            raise GongkaiError("file.too_large", f"a sheet of {count:,} cells", f"at most {most:,}")


def _unpacked(package: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> io.BytesIO:
    if info.file_size > most:
        raise GongkaiError("file.bomb", f"{info.filename} of {info.file_size:,} bytes", f"at most {most:,}")
    return io.BytesIO(package.read(info))


def _sheet_cells(source: io.BytesIO) -> Iterator[int]:
    """The cells up to the last one that is filled, as the sheet goes on (ECMA-376, 18.3.1.4: ``r``, its reference)."""
    rows = columns = 0
    for _, cell in etree.iterparse(source, events=("end",), tag="{*}c", resolve_entities=False, no_network=True):
        if len(cell) and (found := place_of(cell)) is not None:
            rows, columns = max(rows, found[0]), max(columns, found[1])
            yield rows * columns
        cell.clear()


def place_of(cell: etree._Element) -> tuple[int, int] | None:
    """The row and the column of a cell of an .xlsx sheet, from 1; None where it names neither."""
    found = _REFERENCE.fullmatch(cell.get("r", ""))
    if found is None:
        return None
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]), column


def _open_document_cells(source: io.BytesIO) -> Iterator[int]:
    """The same of a sheet in which rows and cells that are filled may be repeated (OpenDocument 1.3, part 3, 19.676)."""
    total = 0
    for _, row in etree.iterparse(source, events=("end",), tag=f"{_TABLE}table-row", resolve_entities=False, no_network=True):
        at = last = 0
        for cell in row:
            at += _count(cell.get(f"{_TABLE}number-columns-repeated"))
            if cell.get(_VALUE) or len(cell):
                last = at
        total += last * _count(row.get(f"{_TABLE}number-rows-repeated"))
        yield total
        row.clear()


def _count(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 1
