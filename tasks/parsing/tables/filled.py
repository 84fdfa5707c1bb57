"""Rectangular pipe tables in which the text of a merged cell is repeated in each of its places, as programs write Markdown.

Such a table is a grid: equal texts side by side, or one above the other, are one cell with a span.
"""

from __future__ import annotations

import re
from itertools import groupby, pairwise

import msgspec

from codebook.records import Cell
from codebook.text.fold import fold_label
from tasks.parsing.tables.tokens import RULE, TextLine, value_token

_CELL = re.compile(r"[^|｜]*")
_FEWEST = 2  # rows, columns


def pipe_tables_to_cells(lines: list[TextLine]) -> list[TextLine]:
    """``lines`` in which filled tables are rows of cells; all others stay as they are."""
    result: list[TextLine] = []
    for _, group in groupby(lines, key=_shape):
        part = list(group)
        grid = _grid(part) if _shape(part[0]) >= _FEWEST else None
        result += part if grid is None else grid
    return result


def _shape(line: TextLine) -> int:
    """Return how many cells a line of pipes has; 0 for other lines. The rule under a Markdown header has as many as its
    table.
    """
    text = line.text.strip()
    if line.cells is not None or not text.startswith("|") or not text.endswith("|") or len(text) < 3:
        return 0
    return text.count("|") - 1


def _split(line: TextLine) -> list[tuple[str, int]]:
    """The cells of a line with their places in it."""
    start = line.text.index("|") + 1
    cells = []
    for _ in range(_shape(line)):
        match = _CELL.match(line.text, start)
        raw = match.group() if match else ""
        cells.append((raw.strip(), start + len(raw) - len(raw.lstrip())))
        start += len(raw) + 1
    return cells


def _is_label(text: str) -> bool:
    return bool(fold_label(text)) and value_token(text) is None


def _grid(lines: list[TextLine]) -> list[TextLine] | None:
    """The rows as cells with spans, or None when no text is repeated (then blanks may stand for merged cells)."""
    rows = [(line, _split(line)) for line in lines if not RULE.fullmatch(line.text)]
    repeated = sum(_is_label(a) and a == b for _, row in rows for (a, _), (b, _) in pairwise(row))
    if len(rows) < _FEWEST or not repeated:
        return None
    result: list[TextLine] = []
    above: dict[int, Cell] = {}  # the label that stands over each column
    for number, (line, row) in enumerate(rows):
        cells: dict[int, Cell] = {}
        for column, width in _widths([text for text, _ in row], above):
            text, at = row[column]
            over = above.get(column)
            if over is not None and over.column_span == width and over.text == text and _is_label(text):
                continue  # the cell above reaches down to here
            place = msgspec.structs.replace(line.place, column=(line.place.column or 1) + at + line.offset)
            cells[column] = Cell(number, column, text, place, column_span=width)
        for column, cell in cells.items():
            if _is_label(cell.text):
                above |= dict.fromkeys(range(column, column + cell.column_span), cell)
        if cells:
            result.append(TextLine("", line.page, line.block, line.place, line.reader, line.score, cells, whole=True))
    return result


def _widths(texts: list[str], above: dict[int, Cell]) -> list[tuple[int, int]]:
    """Return where the cells of a row begin and how wide they are. Equal labels side by side are one cell; equal values are
    one under a label that reaches over both.
    """
    found: list[tuple[int, int]] = []
    column = 0
    while column < len(texts):
        width = 1
        while (
            column + width < len(texts)
            and texts[column + width] == texts[column]
            and _one(texts[column], column, column + width, above)
        ):
            width += 1
        found.append((column, width))
        column += width
    return found


def _one(text: str, first: int, last: int, above: dict[int, Cell]) -> bool:
    if _is_label(text):
        return True
    over = above.get(first)
    return over is not None and over is above.get(last)
