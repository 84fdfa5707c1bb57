"""The same report in other formats: workbooks, RTF, OpenDocument, web archives and flat packages made from an extraction."""

from __future__ import annotations

import base64
import html
import io
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage

import xlsxwriter

from codebook.records import Cell, Extraction, Line, Table
from tests.extraction.xlsb_files import of_cells, xlsb

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
RTF = "application/rtf"
ODT = "application/vnd.oasis.opendocument.text"
MHTML = "multipart/related"
FLAT = "application/vnd.openxmlformats-officedocument.wordprocessingml.flat-opc+xml"


def _blocks(extraction: Extraction) -> Iterator[Line | Table]:
    for page in extraction.pages:
        yield from page.blocks


def workbook(extraction: Extraction, *, sheets: bool = False, as_text: bool = False) -> bytes:
    """A workbook: lines in the first column, tables below each other, or each table on a sheet of its own after the lines."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet, row = book.add_worksheet("年报"), 0
        for block in _blocks(extraction):
            if isinstance(block, Line):
                sheet.write_string(row, 0, block.text)
                row += 1
                continue
            to, top = (book.add_worksheet(), 0) if sheets else (sheet, row)
            for cell in block.cells:
                _write(to, top + cell.row, cell.column, cell.row_span, cell.column_span, cell.text, as_text=as_text)
            row += 0 if sheets else block.rows
        hidden = book.add_worksheet("草稿")
        hidden.write(0, 0, "本年新收政府信息公开申请数量")
        hidden.write(0, 1, 99999)
        hidden.hide()
    return target.getvalue()


def binary_workbook(extraction: Extraction) -> bytes:
    """The same in the binary format, on one sheet."""
    cells: list[tuple[int, int, int, int, str | float]] = []
    row = 0
    for block in _blocks(extraction):
        if isinstance(block, Line):
            cells.append((row, 0, 1, 1, block.text))
            row += 1
            continue
        for cell in block.cells:
            text = cell.text.strip()
            value = float(text) if text.isdecimal() and text.isascii() else cell.text
            cells.append((row + cell.row, cell.column, cell.row_span, cell.column_span, value))
        row += block.rows
    return xlsb({"年报": of_cells(cells)})


def _write(
    sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, height: int, width: int, text: str, *, as_text: bool
) -> None:
    value = text.strip()
    number = not as_text and value.isdecimal() and value.isascii()
    content: str | int = int(value) if number else text
    if (height, width) != (1, 1):
        sheet.merge_range(row, column, row + height - 1, column + width - 1, content)
    elif content != "":
        sheet.write(row, column, content)


def rtf(extraction: Extraction) -> bytes:
    """An RTF document (RTF 1.9.1), characters as Unicode escapes, merged cells by \\clvmgf and \\clmgf."""
    parts = ["{\\rtf1\\ansi\\ansicpg936\\uc1\\deff0{\\fonttbl{\\f0\\fnil SimSun;}}\n"]
    for block in _blocks(extraction):
        if isinstance(block, Line):
            parts.append(f"\\pard {_escaped(block.text)}\\par\n")
        else:
            parts += _rtf_rows(block)
    return "".join([*parts, "}"]).encode("ascii")


def _rtf_rows(table: Table) -> Iterator[str]:
    owner = {
        (r, c): cell
        for cell in table.cells
        for r in range(cell.row, cell.row + cell.row_span)
        for c in range(cell.column, cell.column + cell.column_span)
    }
    for row in range(table.rows):
        head, body = ["\\trowd\\trgaph70"], []
        for column in range(table.columns):
            cell = owner.get((row, column))
            if cell is not None and cell.row_span > 1:
                head.append("\\clvmgf" if cell.row == row else "\\clvmrg")
            if cell is not None and cell.column_span > 1:
                head.append("\\clmgf" if cell.column == column else "\\clmrg")
            head.append(f"\\cellx{600 * (column + 1)}")
            text = cell.text if cell is not None and (cell.row, cell.column) == (row, column) else ""
            body.append(f"\\pard\\intbl {_escaped(text)}\\cell")
        yield f"{''.join(head)}\n{''.join(body)}\\row\n"


def _escaped(text: str) -> str:
    out = []
    for character in text:
        if character == "\n":
            out.append("\\line ")
        elif character in "\\{}":
            out.append(f"\\{character}")
        elif character < "\x80":
            out.append(character)
        else:
            units = character.encode("utf-16-le")
            out += [f"\\u{int.from_bytes(units[at : at + 2], 'little', signed=True)}?" for at in range(0, len(units), 2)]
    return "".join(out)


def odt(extraction: Extraction) -> bytes:
    """An OpenDocument text (OpenDocument 1.3): paragraphs and tables with spans."""
    parts = []
    for block in _blocks(extraction):
        if isinstance(block, Line):
            parts.append(f"<text:p>{html.escape(block.text)}</text:p>")
        else:
            parts.append(f"<table:table><table:table-column table:number-columns-repeated='{block.columns}'/>")
            for row in range(block.rows):
                parts.append("<table:table-row>")
                covered = {c for cell in block.cells if cell.row <= row < cell.row + cell.row_span for c in _columns(cell)}
                starts = {cell.column: cell for cell in block.cells if cell.row == row}
                for column in range(block.columns):
                    if (cell := starts.get(column)) is not None:
                        spans = f"table:number-rows-spanned='{cell.row_span}' table:number-columns-spanned='{cell.column_span}'"
                        lines = "".join(f"<text:p>{html.escape(line)}</text:p>" for line in cell.text.split("\n"))
                        parts.append(f"<table:table-cell {spans}>{lines}</table:table-cell>")
                    elif column in covered:
                        parts.append("<table:covered-table-cell/>")
                    else:
                        parts.append("<table:table-cell><text:p/></table:table-cell>")
                parts.append("</table:table-row>")
            parts.append("</table:table>")
    name = "urn:oasis:names:tc:opendocument:xmlns"
    spaces = " ".join(f"xmlns:{short}='{name}:{short}:1.0'" for short in ("office", "text", "table"))
    body = f"<office:body><office:text>{''.join(parts)}</office:text></office:body>"
    content = f"<office:document-content {spaces} office:version='1.3'>{body}</office:document-content>"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        package.writestr("mimetype", ODT)
        package.writestr("content.xml", content)
        entry = f"<manifest:file-entry manifest:full-path='/' manifest:media-type='{ODT}'/>"
        manifest = f"<manifest:manifest xmlns:manifest='{name}:manifest:1.0'>{entry}</manifest:manifest>"
        package.writestr("META-INF/manifest.xml", manifest)
    return target.getvalue()


def _columns(cell: Cell) -> range:
    return range(cell.column, cell.column + cell.column_span)


def web_page(extraction: Extraction) -> str:
    """A web page with the report."""
    parts = []
    for block in _blocks(extraction):
        if isinstance(block, Line):
            parts.append(f"<p>{html.escape(block.text)}</p>")
        else:
            rows: list[list[str]] = [[] for _ in range(block.rows)]
            for cell in block.cells:
                spans = f'rowspan="{cell.row_span}" colspan="{cell.column_span}"'
                rows[cell.row].append(f"<td {spans}>{html.escape(cell.text)}</td>")
            parts.append("<table>" + "".join(f"<tr>{''.join(row)}</tr>" for row in rows) + "</table>")
    return f"<html><head><title>年报</title></head><body>{''.join(parts)}</body></html>"


def web_archive(extraction: Extraction, *, charset: str = "gb18030", coding: str = "quoted-printable") -> bytes:
    """A page as a browser saves it in one file: text in ``charset``, a picture beside it."""
    archive = EmailMessage()
    archive["From"] = "<由 Windows Internet Explorer 11 保存>"
    archive["Subject"] = "年度报告"
    archive["MIME-Version"] = "1.0"
    page = EmailMessage()
    page.set_content(web_page(extraction), subtype="html", charset=charset, cte=coding)
    page["Content-Location"] = "https://example.org/1.html"
    picture = EmailMessage()
    picture.set_content(b"GIF89a", "image", "gif", cte="base64")
    archive["Content-Type"] = 'multipart/related; type="text/html"; boundary="----=_part"'
    archive.set_payload([page, picture])
    return archive.as_bytes()


def flat_package(docx: bytes) -> bytes:
    """A DOCX as one XML file (flat OPC)."""
    package = "http://schemas.microsoft.com/office/2006/xmlPackage"
    parts = []
    with zipfile.ZipFile(io.BytesIO(docx)) as archive:
        for name in archive.namelist():
            if name == "[Content_Types].xml":
                continue
            data = archive.read(name)
            if name.endswith((".xml", ".rels")):
                body = data.decode().partition("?>")[2] if data.startswith(b"<?xml") else data.decode()
                inner = f"<pkg:xmlData>{body}</pkg:xmlData>"
            else:
                inner = f"<pkg:binaryData>{base64.b64encode(data).decode()}</pkg:binaryData>"
            parts.append(f'<pkg:part pkg:name="/{name}" pkg:contentType="{_kind(name)}">{inner}</pkg:part>')
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<?mso-application progid="Word.Document"?>\n'
    return f'{head}<pkg:package xmlns:pkg="{package}">{"".join(parts)}</pkg:package>'.encode()


def _kind(name: str) -> str:
    if name.endswith(".rels"):
        return "application/vnd.openxmlformats-package.relationships+xml"
    base = "application/vnd.openxmlformats-officedocument.wordprocessingml."
    return {"word/document.xml": f"{base}document.main+xml", "word/styles.xml": f"{base}styles+xml"}.get(name, "application/xml")


def restyled(document: bytes, look: str, *, used: bool) -> bytes:
    """An OpenDocument text with a style of this look, which its paragraphs have when ``used``."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(document)) as source, zipfile.ZipFile(target, "w") as package:
        for name in source.namelist():
            data = source.read(name)
            if name == "content.xml":
                style = f'<style:style style:name="T1"><style:text-properties {look}/></style:style>'
                space = b"xmlns:style='urn:oasis:names:tc:opendocument:xmlns:style:1.0' office:version"
                data = data.replace(b"office:version", space, 1).replace(b"<office:body>", style.encode() + b"<office:body>", 1)
                data = data.replace(b"<text:p>", b"<text:p text:style-name='T1'>") if used else data
            package.writestr(name, data)
    return target.getvalue()
