"""Binary Excel workbooks ([MS-XLSB]) of some sheets, with merged cells: no program here writes them."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence

Value = str | float
Merged = tuple[int, int, int, int]  # first and last row, first and last column, from 0

_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_MAIN = "application/vnd.ms-excel.sheet.binary.macroEnabled.main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def record(kind: int, body: bytes = b"") -> bytes:
    """A record: its type and size in 7 bits a byte, and its body."""
    return _number(kind) + _number(len(body)) + body


def _number(value: int) -> bytes:
    found = b""
    while True:
        value, low = value >> 7, value & 0x7F
        found += bytes([low | (0x80 if value else 0)])
        if not value:
            return found


def wide(text: str) -> bytes:
    """A text with its length in UTF-16 units."""
    data = text.encode("utf-16-le")
    return struct.pack("<I", len(data) // 2) + data


def cell(column: int, value: Value) -> bytes:
    """A cell with a text or a number."""
    head = struct.pack("<II", column, 0)
    return record(6, head + wide(value)) if isinstance(value, str) else record(5, head + struct.pack("<d", value))


def sheet(rows: Mapping[int, Sequence[Value]], merged: Sequence[Merged] = (), *, more: bytes = b"") -> bytes:
    """A sheet of rows by their number from 0; ``more`` are records among its cells."""
    parts = [record(129), record(148, struct.pack("<4I", 0, max(rows, default=0), 0, 300)), record(145)]
    for number, values in rows.items():
        parts.append(row_head(number))
        parts += [cell(column, value) for column, value in enumerate(values) if value != ""]
    parts += [more, record(146)]
    if merged:
        parts += [record(177, struct.pack("<I", len(merged)))]
        parts += [record(176, struct.pack("<4I", *one)) for one in merged]
        parts += [record(178)]
    return b"".join([*parts, record(130)])


def row_head(number: int) -> bytes:
    """The head of a row."""
    return record(0, struct.pack("<I", number) + bytes(13))


def xlsb(sheets: Mapping[str, bytes], *, strings: bytes = b"") -> bytes:
    """A workbook of these sheets; ``strings`` is the part of the shared strings."""
    bundles = b"".join(
        record(156, struct.pack("<II", 0, at) + wide(f"rId{at}") + wide(name)) for at, name in enumerate(sheets, 1)
    )
    relations = [("worksheet", f"worksheets/sheet{at}.bin", f"rId{at}") for at in range(1, len(sheets) + 1)]
    if strings:
        relations.append(("sharedStrings", "sharedStrings.bin", "rIdS"))
    parts: dict[str, bytes] = {
        "[Content_Types].xml": f"<Types xmlns='{_TYPES}'><Default Extension='bin' ContentType='{_MAIN}'/></Types>".encode(),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.bin", "rId1")]),
        "xl/workbook.bin": record(131) + record(143) + bundles + record(144) + record(132),
        "xl/_rels/workbook.bin.rels": _relations(relations),
        **{f"xl/worksheets/sheet{at}.bin": data for at, data in enumerate(sheets.values(), 1)},
        **({"xl/sharedStrings.bin": strings} if strings else {}),
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return target.getvalue()


def _relations(targets: Sequence[tuple[str, str, str]]) -> bytes:
    found = (f"<Relationship Id='{name}' Type='{_OFFICE}/{kind}' Target='{target}'/>" for kind, target, name in targets)
    return f"<Relationships xmlns='{_RELATIONS}'>{''.join(found)}</Relationships>".encode()


def of_cells(cells: Sequence[tuple[int, int, int, int, Value]]) -> bytes:
    """A sheet of cells: row, column, their spans, value."""
    rows: dict[int, list[Value]] = {}
    for row, column, _, _, value in cells:
        line = rows.setdefault(row, [])
        line += [""] * (column + 1 - len(line))
        line[column] = value
    return sheet(dict(sorted(rows.items())), tuple(_merged(cells)))


def _merged(cells: Sequence[tuple[int, int, int, int, Value]]) -> Iterator[Merged]:
    for row, column, height, width, _ in cells:
        if (height, width) != (1, 1):
            yield row, row + height - 1, column, column + width - 1
