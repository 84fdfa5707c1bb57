"""Workbooks and OpenDocument files that were made to hurt."""

from __future__ import annotations

import io
import zipfile

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
FLAT = b'<?xml version="1.0"?>\n<!-- http://schemas.microsoft.com/office/2006/xmlPackage -->'
XXE_HEAD = b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
_NAME = "urn:oasis:names:tc:opendocument:xmlns"
_SPACES = " ".join(f"xmlns:{short}='{_NAME}:{short}:1.0'" for short in ("office", "text", "table")).encode()
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_FILLED = b"office:value-type='float' office:value='1'><text:p>1</text:p>"

BOMB_SHEET = (
    b"<table:table table:name='a'><table:table-row table:number-rows-repeated='1048576'>"
    b"<table:table-cell table:number-columns-repeated='16384' " + _FILLED + b"</table:table-cell></table:table-row></table:table>"
)
BOMB_TABLE = (
    b"<table:table><table:table-row table:number-rows-repeated='1000000'>"
    b"<table:table-cell table:number-columns-repeated='1000'><text:p>1</text:p></table:table-cell>"
    b"</table:table-row></table:table>"
)


def open_document(kind: str, body: bytes, head: bytes = b"") -> bytes:
    """An OpenDocument ``text`` or ``spreadsheet`` with this body; ``head`` stands before its root."""
    media_type = f"application/vnd.oasis.opendocument.{kind}"
    content = head + b"<office:document-content " + _SPACES + b"><office:body><office:%s>" % kind.encode() + body
    content += b"</office:%s></office:body></office:document-content>" % kind.encode()
    manifest = (
        f"<m:manifest xmlns:m='{_NAME}:manifest:1.0'><m:file-entry m:full-path='/' m:media-type='{media_type}'/></m:manifest>"
    )
    return _packed({"mimetype": media_type, "content.xml": content, "META-INF/manifest.xml": manifest})


def workbook(cells: bytes, head: bytes = b"", text: bytes = b"") -> bytes:
    """A workbook of one sheet with these cells; ``text`` is its only shared string, ``head`` stands before those."""
    sheet = f"<worksheet xmlns='{_SHEET}'><sheetData><row r='1'>".encode() + cells + b"</row></sheetData></worksheet>"
    strings = head + f"<sst xmlns='{_SHEET}'><si><t>".encode() + text + b"</t></si></sst>"
    sheets = "<sheets><sheet name='a' sheetId='1' r:id='worksheet'/></sheets>"
    return _packed(
        {
            "[Content_Types].xml": f"<Types xmlns='{_PACKAGE}/content-types'/>",
            "_rels/.rels": _relations(officeDocument="xl/workbook.xml"),
            "xl/workbook.xml": f"<workbook xmlns='{_SHEET}' xmlns:r='{_RELATIONS}'>{sheets}</workbook>",
            "xl/_rels/workbook.xml.rels": _relations(worksheet="worksheets/a.xml", sharedStrings="sharedStrings.xml"),
            "xl/worksheets/a.xml": sheet,
            "xl/sharedStrings.xml": strings,
        }
    )


def _relations(**targets: str) -> str:
    found = (f"<Relationship Id='{kind}' Type='{_RELATIONS}/{kind}' Target='{target}'/>" for kind, target in targets.items())
    return f"<Relationships xmlns='{_PACKAGE}/relationships'>{''.join(found)}</Relationships>"


def _packed(parts: dict[str, str | bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return target.getvalue()
