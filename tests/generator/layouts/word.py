"""The report as DOCX with merged cells, the same bytes for the same report."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from xml.sax.saxutils import escape

from docx import Document
from docx.document import Document as DocumentType
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import Pt

from tests.generator.paper import Grid, GridCell, Heading, Paper, Text

_EPOCH = (2024, 1, 1, 0, 0, 0)


def _paragraphs(text: str, split: bool) -> str:
    """The paragraphs of a cell; with ``split`` long labels stand in two of them and shorter ones in two runs."""
    pieces = [[text]]
    if split and len(text) > 12:
        pieces = [[text[:10]], [text[10:]]]
    elif split and len(text) > 3:
        pieces = [[text[:2], text[2:]]]
    runs = ("".join(f"<w:r><w:t xml:space='preserve'>{escape(run)}</w:t></w:r>" for run in piece if run) for piece in pieces)
    return "".join(f"<w:p>{run}</w:p>" for run in runs)


Fill = Callable[[GridCell], str | None]  # the paragraphs of a cell as XML; None: as always


def _no_fill(cell: GridCell) -> str | None:
    return None


def _cell(cell: GridCell, first: bool, split: bool, fill: Fill) -> str:
    span = f"<w:gridSpan w:val='{cell.column_span}'/>" if cell.column_span > 1 else ""
    merge = "" if cell.row_span == 1 else "<w:vMerge w:val='restart'/>" if first else "<w:vMerge/>"
    inner = (fill(cell) or _paragraphs(cell.text, split)) if first else "<w:p/>"
    return f"<w:tc><w:tcPr><w:tcW w:w='0' w:type='auto'/>{span}{merge}</w:tcPr>{inner}</w:tc>"


def _add_table(document: DocumentType, grid: Grid, split: bool, fill: Fill) -> None:
    """The table as OOXML: gridSpan over columns, vMerge over rows (python-docx takes a second to merge that many cells)."""
    rows = []
    for index in range(grid.rows):
        here = sorted((c for c in grid.cells if c.row <= index < c.row + c.row_span), key=lambda c: c.column)
        rows.append("<w:tr>" + "".join(_cell(c, c.row == index, split, fill) for c in here) + "</w:tr>")
    columns = "<w:gridCol w:w='900'/>" * grid.columns
    look = "<w:tblPr><w:tblStyle w:val='TableGrid'/><w:tblW w:w='0' w:type='auto'/></w:tblPr>"
    xml = f"<w:tbl {nsdecls('w')}>{look}<w:tblGrid>{columns}</w:tblGrid>{''.join(rows)}</w:tbl>"
    document.element.body.insert(len(document.element.body) - 1, parse_xml(xml))


def _settle(data: bytes) -> bytes:
    """The same archive with fixed dates, so that the same report gives the same bytes."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            new.writestr(entry, old.read(name))
    return result.getvalue()


def render_docx(paper: Paper, rng: Random, fill: Fill = _no_fill, change: Callable[[DocumentType], None] | None = None) -> bytes:
    """The report as a DOCX file; ``fill`` writes the cells of its tables, and ``change`` is made before it is saved."""
    document = Document()
    document.styles["Normal"].font.size = Pt(10.5)
    split = rng.random() < 0.5
    for part in paper.parts:
        if isinstance(part, Grid):
            _add_table(document, part, split, fill)
        elif isinstance(part, Heading):
            document.add_paragraph().add_run(part.text).bold = True
        elif isinstance(part, Text):
            paragraph = document.add_paragraph(part.text)
            if part.role == "title":
                paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for line in paper.after[:1]:
        document.add_paragraph(line)
    if change:
        change(document)
    properties = document.core_properties
    properties.created = properties.modified = datetime(*_EPOCH, tzinfo=UTC)
    properties.author = ""
    result = io.BytesIO()
    document.save(result)
    return _settle(result.getvalue())
