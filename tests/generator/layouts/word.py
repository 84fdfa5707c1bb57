"""The report as DOCX with merged cells, the same bytes for the same report."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from random import Random

from docx import Document
from docx.document import Document as DocumentType
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Pt

from tests.generator.paper import Grid, Heading, Paper, Text

_EPOCH = (2024, 1, 1, 0, 0, 0)


def _add_table(document: DocumentType, grid: Grid, split: bool) -> None:
    table = document.add_table(rows=grid.rows, cols=grid.columns)
    table.style = "Table Grid"
    for cell in grid.cells:
        first = table.cell(cell.row, cell.column)
        if cell.row_span > 1 or cell.column_span > 1:
            first = first.merge(table.cell(cell.row + cell.row_span - 1, cell.column + cell.column_span - 1))
        paragraph = first.paragraphs[0]
        if split and len(cell.text) > 12:  # a label over two paragraphs of its cell
            paragraph.add_run(cell.text[:10])
            paragraph = first.add_paragraph()
            paragraph.add_run(cell.text[10:])
        elif split and len(cell.text) > 3:
            paragraph.add_run(cell.text[:2])
            paragraph.add_run(cell.text[2:])
        else:
            paragraph.add_run(cell.text)


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


def render_docx(paper: Paper, rng: Random) -> bytes:
    """The report as a DOCX file."""
    document = Document()
    document.styles["Normal"].font.size = Pt(10.5)
    split = rng.random() < 0.5
    for part in paper.parts:
        if isinstance(part, Grid):
            _add_table(document, part, split)
        elif isinstance(part, Heading):
            document.add_paragraph().add_run(part.text).bold = True
        elif isinstance(part, Text):
            paragraph = document.add_paragraph(part.text)
            if part.role == "title":
                paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for line in paper.after[:1]:
        document.add_paragraph(line)
    properties = document.core_properties
    properties.created = properties.modified = datetime(*_EPOCH, tzinfo=UTC)
    properties.author = ""
    result = io.BytesIO()
    document.save(result)
    return _settle(result.getvalue())
