"""Invented reports as grids: with true spans, packed as pages with lost spans have them, broken over pages, all in one."""

from __future__ import annotations

import random

from codebook.records import Cell, Line, Page, PageKind, Place, Reader, Table
from tests.parsing.table_render import AFTER, BEFORE, REQUESTS, TITLES, Printed, Row


def _cell(row: int, column: int, text: str, row_span: int = 1, column_span: int = 1) -> Cell:
    return Cell(row, column, text, Place(1, (column, row, column + 1, row + 1)), row_span, column_span)


def _table(cells: list[Cell]) -> Table:
    rows = max(cell.row + cell.row_span for cell in cells)
    columns = max(cell.column + cell.column_span for cell in cells)
    return Table(tuple(cells), rows, columns, Place(1))


def packed(rows: list[Row]) -> Table:
    """Cells one after the other from the left: what is left when the spans are lost."""
    return _table([_cell(r, c, text) for r, row in enumerate(rows) for c, text in enumerate([*row.labels, *row.values])])


def disclosure(rows: list[Row]) -> Table:
    """Table two: four columns, the last cell of a row spans the rest."""
    cells: list[Cell] = []
    for r, row in enumerate(rows):
        texts = [*row.labels, *row.values]
        cells += [_cell(r, c, text, 1, 1 if c < len(texts) - 1 else 5 - len(texts)) for c, text in enumerate(texts)]
    return _table(cells)


def requests(rows: list[Row]) -> Table:
    """The table of requests: three columns of labels with spanning groups, a header of three levels."""
    cells: list[Cell] = []
    data = [row for row in rows if not row.header]
    width = len(data[0].values)
    if rows[0].header:
        kinds = rows[2].values
        cells += [_cell(0, 0, rows[0].labels[0], 3, 3), _cell(0, 3, "申请人情况", 1, width), _cell(1, 3, "自然人", 2)]
        cells += [_cell(1, 4, "法人或其他组织", 1, width - 2), _cell(1, 2 + width, "总计", 2)]
        cells += [_cell(2, 4 + at, kind) for at, kind in enumerate(kinds)]
    top = 3 if rows[0].header else 0
    inner = sum(row.slug not in ("new_received", "carried_over", "carried_forward") for row in data)
    for r, row in enumerate(data, top):
        depth = min(len(REQUESTS.rows[row.slug].under), 2) if row.slug else 1
        for group in row.labels[:-1]:
            outer = group == "三、本年度办理结果"
            cells.append(_cell(r, 0 if outer else 1, group, inner if outer else sum(other.group == group for other in data)))
        cells.append(_cell(r, depth, row.labels[-1] if row.labels else "", 1, 3 - depth))
        cells += [_cell(r, 3 + at, value) for at, value in enumerate(row.values)]
    return _table(cells)


def review(rows: list[Row]) -> Table:
    """The table of reviews: a header of three levels over fifteen columns."""
    cells = [_cell(0, 0, "行政复议", 2, 5), _cell(0, 5, "行政诉讼", 1, 10)]
    cells += [_cell(1, 5, "未经复议直接起诉", 1, 5), _cell(1, 10, "复议后起诉", 1, 5)]
    cells += [_cell(2, at, text) for at, text in enumerate(["结果维持", "结果纠正", "其他结果", "尚未审结", "总计"] * 3)]
    return _table([*cells, *(_cell(3, at, value) for at, value in enumerate(rows[-1].values))])


def broken(table: Table, at: int) -> list[Table]:
    """A table that a page break cuts before row ``at``."""
    parts = []
    for low, high in ((0, at), (at, table.rows)):
        cells = [
            Cell(c.row - low, c.column, c.text, c.place, min(c.row_span, high - c.row), c.column_span)
            for c in table.cells
            if low <= c.row < high
        ]
        parts += [_table(cells)] if cells else []
    return parts


def pages(printed: Printed, mode: str, rng: random.Random) -> tuple[Page, ...]:
    """A report of one page with its tables in ``mode``: spans, packed, broken or one."""
    if mode == "packed":
        tables = [packed(rows) for rows in (printed.disclosure, printed.requests, printed.review)]
    else:
        tables = [disclosure(printed.disclosure), requests(printed.requests), review(printed.review)]
    blocks: list[Line | Table] = [Line(text, Place(1)) for text in BEFORE]
    if mode == "one":
        cells: list[Cell] = []
        for table in tables:
            top = max((cell.row + 1 for cell in cells), default=0)
            cells += [Cell(c.row + top, c.column, c.text, c.place, c.row_span, c.column_span) for c in table.cells]
        blocks.append(_table(cells))
    else:
        for title, table in zip(TITLES, tables, strict=True):
            blocks.append(Line(title, Place(1)))
            parts = broken(table, rng.randrange(1, table.rows)) if mode == "broken" else [table]
            for part in parts:
                blocks += [part, Line("- 3 -", Place(1))]
    blocks += [Line(text, Place(1)) for text in AFTER]
    return (Page(1, PageKind.TEXT, "", Reader.HTML, tuple(blocks)),)
