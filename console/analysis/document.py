"""A roll-up as a Word document: the tables of the form filled with sums; each sum is a link to the list of its agencies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from codebook.analysis.rollup import AreaRollup, CellRollup
from console.analysis.layout import LaidOutTable, tables_of
from console.analysis.words import word
from console.analysis.workbook import UnitRow, agency_names, gaps_of, in_whole_area, region_title, unit_rows_of
from tasks.validation.wording import cell_label, table_of


def write_document(rollup: AreaRollup, form: str, path: Path, language: str) -> None:
    """Write the tables of a form with the sums of the whole area, and after them what each sum is made of.

    Raises OSError when the file cannot be written.
    """
    document = Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, Mm(18))
    normal = document.styles["Normal"]
    normal.font.size = Pt(9)
    title = word("sheets", "title", language).format(region=region_title(rollup.region_code), year=rollup.year)
    document.add_heading(title, 1)
    document.add_paragraph(f"{word('sheets', 'opens', language)} {word('sheets', 'own_only', language)}")
    if rollup.hidden:
        document.add_paragraph(word("sheets", "hidden", language))
    cells = {each.cell: each for each in rollup.cells}
    marks = {cell: f"c{number}" for number, cell in enumerate(cells)}
    for table in tables_of(form):
        document.add_heading(table.title, 2)
        _add_table(document, table, cells, marks, language)
    absent = [member.unit.agency for member in rollup.absent]
    if absent:
        document.add_heading(word("sheets", "absent", language), 2)
        document.add_paragraph(word("sheets", "separator", language).join(absent))
    document.add_heading(word("sheets", "units", language), 2)
    rows: dict[str, list[UnitRow]] = {}
    for row in unit_rows_of(rollup):
        if in_whole_area(row):
            rows.setdefault(row.cell, []).append(row)
    names = agency_names(rollup)
    for number, (cell, each) in enumerate(cells.items()):
        _add_units(document, (number, marks[cell]), each, rows.get(cell, []), names, language)
    document.save(str(path))


def _add_table(document: Any, table: LaidOutTable, cells: dict[str, CellRollup], marks: dict[str, str], language: str) -> None:
    depth = max(len(row.labels) for row in table.rows)
    columns = table.columns or (word("sheets", "value", language),)
    made = document.add_table(rows=1, cols=depth + len(columns), style="Table Grid")
    heads = [word("sheets", "row", language), *[""] * (depth - 1), *columns]
    for place, text in zip(made.rows[0].cells, heads, strict=True):
        place.text = text
    for row in table.rows:
        places = made.add_row().cells
        for number, label in enumerate(row.labels):
            places[number].text = label
        for number, cell in enumerate(row.cells):
            if cell is not None and cell in cells:
                total = cells[cell].computed
                shown = "—" if total.value is None else str(total.value)
                _link(places[depth + number].paragraphs[0], marks[cell], shown if total.complete else f"{shown}*")


def _link(paragraph: Any, mark: str, text: str) -> None:
    """Add a link to a bookmark of the document."""
    link, run, shown, properties = (OxmlElement(name) for name in ("w:hyperlink", "w:r", "w:t", "w:rPr"))
    link.set(qn("w:anchor"), mark)
    underline = OxmlElement("w:u")
    underline.set(qn("w:val"), "single")
    properties.append(underline)
    shown.text = text
    run.append(properties)
    run.append(shown)
    link.append(run)
    paragraph._p.append(link)  # noqa: SLF001 (python-docx has no other way to a link)


def _add_units(  # noqa: PLR0917 (a paragraph has that many facts)
    document: Any, at: tuple[int, str], each: CellRollup, rows: list[UnitRow], names: dict[int, str], language: str
) -> None:
    number, mark = at
    paragraph = document.add_paragraph()
    for tag in ("w:bookmarkStart", "w:bookmarkEnd"):
        element = OxmlElement(tag)
        element.set(qn("w:id"), str(number))
        if tag.endswith("Start"):
            element.set(qn("w:name"), mark)
        paragraph._p.append(element)  # noqa: SLF001 (python-docx has no other way to a bookmark)
    separator = word("sheets", "separator", language)
    total = "—" if each.computed.value is None else str(each.computed.value)
    paragraph.add_run(f"{table_of(each.cell)}{cell_label(each.cell)} = {total}").bold = True
    # Agencies that add nothing are many: they are counted, not named.
    adding = [f"{row.agency} {row.value}" for row in rows if row.value]
    zeros = sum(row.value == 0 for row in rows)
    texts = [separator.join(adding)] if adding else []
    if zeros:
        texts.append(f"0 × {zeros}")
    if each.computed.left_out:
        texts.append(f"{word('sheets', 'left_out', language)}: {gaps_of(each.computed, names, language)}")
    paragraph.add_run("\n" + "; ".join(texts))
