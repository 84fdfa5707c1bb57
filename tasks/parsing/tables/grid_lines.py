"""Tables whose rows and columns the source itself draws, made into lines that keep their columns.

A grid's rows become lines whose cells keep their columns, so that blanks stay where they are, and the header's cells stand above
the values that they name. From there on grids and flattened text are read alike: split tables go on where they broke off, several
tables in one grid come apart by their labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from codebook.book import BlockKind, load_book
from codebook.records import Cell, Reader, Table
from codebook.text.fold import fold_label, is_han
from tasks.parsing.tables.labels import LabelPart, lexicon
from tasks.parsing.tables.tokens import PROSE_LENGTH, TextLine

# A first row with this many row labels is a table that lies on its side.
_SIDEWAYS = 5
_ENOUGH = 3  # labels of rows of a matrix that show a table to be one
_UNKNOWN = 0.5  # the score of a cell of which it is not known whether the number above is its own
_MOST_BELOW = 10_000  # cells added to one table; no form has nearly as many, and a file of 1 MB may ask for millions


def table_to_lines(table: Table, page: int, block: int, reader: Reader) -> list[TextLine]:
    """The rows of ``table`` as lines. A grid of one column, or a row with a cell that holds a long text, is no table but text."""
    if table.columns <= 1:
        return [line for cell in _ordered(table.cells) for line in _text_lines(cell, page, block, reader)]
    upright = _upright(table.cells)
    cells = _in_each_row(_with_own_label(upright) if reader is Reader.OCR else upright)
    rows: dict[int, dict[int, Cell]] = {}
    for cell in cells:
        rows.setdefault(cell.row, {})[cell.column] = cell
    lines: list[TextLine] = []
    for _, row in sorted(rows.items()):
        texts = [cell for cell in row.values() if _is_text(cell)]
        if texts:
            for _, cell in sorted(row.items()):
                lines += _text_lines(cell, page, block, reader)
            continue
        first = row[min(row)]
        lines.append(TextLine("", page, block, first.place, reader, 1.0, row, whole=True))
    return lines


def _with_own_label(cells: list[Cell]) -> list[Cell]:
    """The cells of a picture's table. Where one label reaches over several rows that have numbers and no label of their own, the
    rule between two labels was lost: it is not known which row is which, and no sum may settle their numbers.

    The rows of a matrix are named by the order of the form (tasks.parsing.tables.readers.lost_labels).
    """
    if _row_labels(cells) >= _ENOUGH:
        return cells
    labels = [cell for cell in cells if sum(map(is_han, cell.text)) > 1]
    numbers = [cell for cell in cells if any(map(str.isdigit, cell.text)) and not any(map(is_han, cell.text))]
    last = {cell.row: cell.column for cell in sorted(labels, key=lambda cell: cell.column)}
    lost: set[int] = set()
    for label in labels:
        if label.row_span == 1 or last[label.row] != label.column:
            continue
        own = {row for row in range(label.row, label.row + label.row_span) if last.get(row, label.column) <= label.column}
        rows = own & {cell.row for cell in numbers if cell.column > label.column}
        lost |= rows if len(rows) > 1 else set()
    unknown = {(cell.row, cell.column) for cell in numbers if cell.row in lost}
    return [
        msgspec.structs.replace(cell, score=0.0, alternatives=(), seen=None) if (cell.row, cell.column) in unknown else cell
        for cell in cells
    ]


def _row_labels(cells: Sequence[Cell]) -> int:
    """Return how many cells hold the label of a row of a matrix, of the one that has most."""
    texts = [fold_label(cell.text) for cell in cells]
    lexicons = [lexicon(block).exact for block in load_book().of_kind(BlockKind.MATRIX)]
    return max(sum(text in exact and exact[text].part is LabelPart.ROW for text in texts) for exact in lexicons)


def _in_each_row(cells: Sequence[Cell]) -> list[Cell]:
    """The cells, and for each of a row with a label that holds a number, or nothing, and reaches over several rows, one in each
    of the rows below: without it the values of that row would stand a column too far to the left.

    Below a blank cell there is a blank one; below a number it is not known which row it belongs to.
    """
    labels: dict[int, int] = {}
    for cell in cells:
        if sum(map(is_han, cell.text)) > 1:
            labels[cell.row] = min(cell.column, labels.get(cell.row, cell.column))
    tall = [
        cell
        for cell in cells
        if cell.row_span > 1 and labels.get(cell.row, cell.column) < cell.column and not any(map(is_han, cell.text))
    ]
    if not tall or sum(cell.row_span - 1 for cell in tall) > _MOST_BELOW:
        return list(cells)
    taken = {(cell.row, cell.column) for cell in cells}
    more = []
    for cell in tall:
        score = min(cell.score, _UNKNOWN) if cell.text.strip() else cell.score
        more += [
            Cell(row, cell.column, "", cell.place, 1, cell.column_span, score)
            for row in range(cell.row + 1, cell.row + cell.row_span)
            if (row, cell.column) not in taken
        ]
    return _ordered([*cells, *more])


def _ordered(cells: Sequence[Cell]) -> list[Cell]:
    return sorted(cells, key=lambda cell: (cell.row, cell.column))


def _is_text(cell: Cell) -> bool:
    """Return whether a cell holds a text with tables or paragraphs of its own (pages laid out by a table)."""
    text = cell.text
    return len(text) > 3 * PROSE_LENGTH and (text.count("\n") > 8 or len(text) > 10 * PROSE_LENGTH)


def _text_lines(cell: Cell, page: int, block: int, reader: Reader) -> list[TextLine]:
    lines = [line for line in cell.text.splitlines() if line.strip()]
    return [TextLine(line, page, block, cell.place, reader, cell.score, whole=True) for line in lines]


def _upright(cells: Sequence[Cell]) -> list[Cell]:
    """The cells in reading order; rows and columns change places when the first rows hold labels of rows side by side."""
    lexicons = [lexicon(block).exact for block in load_book().of_kind(BlockKind.MATRIX)]
    for row in range(3):
        labels = [fold_label(cell.text) for cell in cells if cell.row == row]
        if any(sum(text in exact and exact[text].part is LabelPart.ROW for text in labels) >= _SIDEWAYS for exact in lexicons):
            return _ordered(
                [
                    msgspec.structs.replace(
                        cell, row=cell.column, column=cell.row, row_span=cell.column_span, column_span=cell.row_span
                    )
                    for cell in cells
                ]
            )
    return _ordered(cells)
