"""Lists that offices keep as workbooks (.xlsx).

A workbook comes from outside: its parts are unpacked to a bound, without those that hold no text, before any of them is
read; what is read is bounded in rows, columns and cells.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

import openpyxl
from lxml import etree
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.exceptions import InvalidFileException

MAX_UNPACKED = 32_000_000
"""Bytes of all parts with text together, unpacked."""
MAX_CELLS = 400_000
"""Cells of all sheets together, and texts that they share."""
MAX_ROWS = 20_000
"""Rows of a sheet that are read."""
MAX_COLUMNS = 64
"""Columns of a sheet that are read."""
_MAX_PARTS = 500
_MAX_SHEETS = 50
_BEYOND = 50  # rows behind the last one that are looked at: a list that goes on there is refused, not cut
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the format knows no others

_CELL = re.compile(rb"<(?:\w+:)?(?:c|si|xf|row)[\s/>]")
_MERGED = re.compile(rb"<(?:\w{1,20}+:)?mergeCell\s[^<>]{0,200}?\bref=[\"']([A-Z]{1,3}[0-9]{1,7}:[A-Z]{1,3}[0-9]{1,7})[\"']")
_DOCTYPE = (b"<!DOCTYPE", "<!DOCTYPE".encode("utf-16-le"), "<!DOCTYPE".encode("utf-16-be"))
# What the library raises on parts that are damaged or say what no program writes.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    InvalidFileException,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
)
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


class WorkbookError(ValueError):
    """A workbook that is damaged. The message says how."""


class LargeWorkbookError(WorkbookError):
    """A workbook that is larger than a list can be. The message names the bound."""


class ListSheet(NamedTuple):
    """A visible sheet: its filled rows with their numbers, and the texts of cells that are merged with one above them, by row
    number and place (from 0).
    """

    name: str
    rows: list[tuple[int, list[str]]]
    merged: dict[tuple[int, int], str]


def is_workbook(raw: bytes) -> bool:
    """Return whether this is a zip archive, as every .xlsx file is."""
    return raw.startswith(b"PK\x03\x04")


def is_old_workbook(raw: bytes) -> bool:
    """Return whether this is a compound file: an .xls file, or an .xlsx file with a password."""
    return raw.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


def read_sheets(raw: bytes) -> list[ListSheet]:
    """Return the visible sheets in their order. Raises WorkbookError."""
    try:
        parts = _unpacked(raw)
        book = openpyxl.load_workbook(_packed(parts), read_only=True, data_only=True, keep_links=False)
        try:
            merged = _merged_ranges(parts)
            sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
            if len(sheets) > _MAX_SHEETS:
                raise LargeWorkbookError(f"{_MAX_SHEETS} sheets")
            return [_sheet(sheet, merged.get(sheet.title, [])) for sheet in sheets]
        finally:
            book.close()
    except WorkbookError:
        raise
    except _DAMAGE as error:
        raise WorkbookError(str(error).splitlines()[0][:200] if str(error) else type(error).__name__) from error


def _unpacked(raw: bytes) -> dict[str, bytes]:
    """The parts with text by name. Raises LargeWorkbookError, WorkbookError and the errors of a damaged archive."""
    parts: dict[str, bytes] = {}
    left, cells = MAX_UNPACKED, 0
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = [member for member in archive.infolist() if member.filename.lower().endswith((".xml", ".rels"))]
        if len(members) > _MAX_PARTS:
            raise LargeWorkbookError(f"{_MAX_PARTS} parts")
        for member in members:
            if member.compress_type not in _PACKINGS:
                raise WorkbookError(f"{member.filename} is packed in a way that workbooks are not")
            with archive.open(member) as file:
                content = file.read(left + 1)
            left -= len(content)
            if left < 0:
                raise LargeWorkbookError(f"{MAX_UNPACKED // 1_000_000} MB")
            cells += sum(1 for _ in _CELL.finditer(content))
            if cells > MAX_CELLS:
                raise LargeWorkbookError(f"{MAX_CELLS:,} cells")
            if any(mark in content for mark in _DOCTYPE):  # the format forbids it; it could define entities
                raise WorkbookError(f"{member.filename} holds a document type")
            parts[member.filename] = content
    return parts


def _packed(parts: dict[str, bytes]) -> io.BytesIO:
    """An archive of the parts, as they are."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target


def _merged_ranges(parts: dict[str, bytes]) -> dict[str, list[str]]:
    """The merged ranges (``A3:A12``) of each sheet, by its name."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    relations = etree.fromstring(parts.get("xl/_rels/workbook.xml.rels", b"<none/>"), parser)
    targets = {each.get("Id"): posixpath.normpath(posixpath.join("/xl", each.get("Target", ""))) for each in relations}
    found: dict[str, list[str]] = {}
    for element in etree.fromstring(parts.get("xl/workbook.xml", b"<none/>"), parser).iter("{*}sheet"):
        target = targets.get(element.get(_RELATION) or element.get(_STRICT_RELATION)) or ""
        found[element.get("name", "")] = [match[1].decode() for match in _MERGED.finditer(parts.get(target.lstrip("/"), b""))]
    return found


def _sheet(sheet: Any, merged: list[str]) -> ListSheet:
    numbered = enumerate(sheet.iter_rows(max_row=MAX_ROWS + _BEYOND, max_col=MAX_COLUMNS, values_only=True), 1)
    rows = {number: cells for number, row in numbered if any(cells := [_text(value) for value in row])}
    if any(number > MAX_ROWS for number in rows):
        raise LargeWorkbookError(f"{MAX_ROWS:,} rows")
    return ListSheet(sheet.title, list(rows.items()), dict(_merged_texts(rows, merged)))


def _merged_texts(rows: dict[int, list[str]], ranges: list[str]) -> Iterator[tuple[tuple[int, int], str]]:
    """The text of the first cell of a range, for each filled row below it, in the range's first column."""
    left = MAX_ROWS * MAX_COLUMNS  # ranges that a program writes do not overlap
    for each in ranges:
        column, first, _, last = range_boundaries(each)
        last = min(last, MAX_ROWS)
        left -= max(0, last - first)
        if left < 0:
            raise LargeWorkbookError("what merged cells can cover")
        text = rows[first][column - 1] if first in rows and column <= len(rows[first]) else ""
        if text:
            yield from (((number, column - 1), text) for number in range(first + 1, last + 1) if number in rows)


def _text(value: object) -> str:
    """A cell as it would be typed: a whole number without a fraction, a date as ISO.

    >>> _text(2024.0), _text(datetime(2025, 1, 31)), _text(None)
    ('2024', '2025-01-31', '')
    """
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
