"""Rows of summaries (汇总表), each a document: a table of the heads of its columns and, as its last row, the cells."""

from __future__ import annotations

from codebook.records import Cell, Extraction, Line, Page, PageKind, Place, Reader
from codebook.sheets.row_file import MEDIA_TYPE, unpack
from tasks.extraction.grid import make_table
from tasks.extraction.limits import ExtractionLimits

_UNSURE = 0.5  # the score of a cell that is not read as it is shown


def read_row(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:  # noqa: ARG001 - as all readers
    """The extraction of a row: the lines above its table, then heads and cells. Places are lines of the document and columns of
    the sheet. Raises GongkaiError ``file.corrupt``.
    """
    row = unpack(data)
    lines = [Line(title, Place(page=1, line=at)) for at, title in enumerate(row.titles, 1)]
    first = len(lines) + 1
    height = max((len(column.head) for column in row.columns), default=0)
    cells = []
    for index, column in enumerate(row.columns):
        texts = [*column.head, *[""] * (height - len(column.head)), column.text]
        cells += [
            Cell(
                at,
                index,
                text,
                Place(page=1, line=first + at, column=column.at),
                score=1.0 if column.is_sure or at < height else _UNSURE,
            )
            for at, text in enumerate(texts)
        ]
    table = make_table(cells, Place(page=1, line=first, column=1))
    page = Page(1, PageKind.TEXT, f"a row of sheet {row.sheet}", Reader.WORKBOOK, (*lines, table))
    return Extraction(MEDIA_TYPE, (page,), title=row.sheet or None)
