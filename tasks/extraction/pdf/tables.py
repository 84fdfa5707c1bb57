"""Tables that a PDF page draws with lines: from visible rulings to grids of cells with spans."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from pdfplumber.table import cells_to_tables, edges_to_intersections, intersections_to_cells

from codebook.errors import GongkaiError
from codebook.records import Cell, Place, Table
from tasks.extraction.grid import Box, Slot, compact, from_boxes, make_table, pieces, prose_rows, refill
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.pdf.edges import SNAP, closed_edges
from tasks.extraction.pdf.layout import Char, lines_of, rounded
from tasks.extraction.pdf.turned import readable

_OVERHANG = 0.6  # of a character's width that may hang over the outer border of a table
_DIGITS = frozenset("0123456789.,")
_CLOSE = 0.15  # of the character size: the widest gap inside of a number


def ruled_tables(
    lines: Sequence[Box], chars: Sequence[Char], number: int, limits: ExtractionLimits
) -> tuple[list[Table], list[Char]]:
    """The tables that visible lines (boxes without width or height) draw on page ``number``, and the characters in none of them.

    Rows of one cell across that hold a chapter heading or a paragraph are not part of the table; their characters are returned.
    Raises ``page.too_large`` beyond ``limits.max_rulings`` lines.
    """
    tables: list[Table] = []
    rest = list(chars)
    for cells in _grids(lines, number, limits):
        slots = from_boxes(cells)
        boxes = [cells[slot.content] for slot in slots]
        inside, rest = _assign(boxes, rest)
        made, returned = _tables(slots, boxes, inside, number)
        tables += made
        rest += returned
    return tables, rest


def grid_boxes(lines: Sequence[Box], number: int, limits: ExtractionLimits) -> list[Box]:
    """The box around each grid that the lines draw. Raises as :func:`ruled_tables`."""
    return [
        (min(b[0] for b in cells), min(b[1] for b in cells), max(b[2] for b in cells), max(b[3] for b in cells))
        for cells in _grids(lines, number, limits)
    ]


def marked_blanks(
    lines: Sequence[Box], chars: Sequence[Char], marks: Sequence[Box], number: int, limits: ExtractionLimits
) -> int:
    """The number of cells without characters that hold one of ``marks``, in grids of several columns. Raises as above."""
    found = 0
    as_chars = [Char("", *mark) for mark in marks]
    for cells in _grids(lines, number, limits):
        slots = from_boxes(cells)
        if max(slot.column + slot.column_span for slot in slots) < 2:
            continue
        boxes = [cells[slot.content] for slot in slots]
        written, _ = _assign(boxes, [char for char in chars if not char.text.isspace()])
        marked, _ = _assign(boxes, as_chars)
        found += sum(bool(mark) and not text for mark, text in zip(marked, written, strict=True))
    return found


def _grids(lines: Sequence[Box], number: int, limits: ExtractionLimits) -> list[list[Box]]:
    """The cells of each grid that the lines draw, grids from top to bottom."""
    edges = closed_edges(lines)
    if len(edges) > limits.max_rulings:
        raise GongkaiError("page.too_large", f"{len(edges)} lines", f"at most {limits.max_rulings}", page=number)
    grids: list[list[Box]] = cells_to_tables(intersections_to_cells(edges_to_intersections(edges, SNAP, SNAP)))
    return grids


def _tables(slots: list[Slot[int]], boxes: list[Box], inside: list[list[Char]], number: int) -> tuple[list[Table], list[Char]]:
    """The tables in one grid (prose rows may cut it) and the characters of its prose rows."""
    indexed = [refill(slot, index) for index, slot in enumerate(slots)]
    texts = ["\n".join(line.text for line in lines_of(readable(chars))) for chars in inside]
    prose = prose_rows(compact([refill(slot, texts[slot.content]) for slot in indexed]))
    returned: list[Char] = []
    tables = []
    for piece, is_prose in pieces(compact(indexed), prose):
        if is_prose or not any(texts[slot.content] for slot in piece):
            returned += [char for slot in piece for char in inside[slot.content]]
            continue
        cells = [
            Cell(
                slot.row,
                slot.column,
                texts[slot.content],
                Place(page=number, box=rounded(boxes[slot.content])),
                row_span=slot.row_span,
                column_span=slot.column_span,
            )
            for slot in piece
        ]
        around = [boxes[slot.content] for slot in piece]
        box = (min(b[0] for b in around), min(b[1] for b in around), max(b[2] for b in around), max(b[3] for b in around))
        tables.append(make_table(cells, Place(page=number, box=rounded(box))))
    return tables, returned


def _assign(boxes: list[Box], chars: list[Char]) -> tuple[list[list[Char]], list[Char]]:
    """Characters by the box in which their middle lies (boxes do not overlap), and those in none.

    A character that hangs over the outer border (a full stop at the end of a full line) belongs to the cell beside it.
    """
    inside: list[list[Char]] = [[] for _ in boxes]
    rest: list[Char] = []
    tops = sorted({box[1] for box in boxes})
    beside: list[list[int]] = [[] for _ in tops]  # for each top, the boxes that reach there: a page may have thousands
    for index in sorted(range(len(boxes)), key=lambda index: boxes[index][1]):
        for row in range(bisect_left(tops, boxes[index][1]), bisect_right(tops, boxes[index][3])):
            beside[row].append(index)
    low, high = min(b[1] for b in boxes), max(b[3] for b in boxes)
    left, right = min(b[0] for b in boxes), max(b[2] for b in boxes)
    last: int | None = None
    for group in _numbers(chars):
        x = (group[0].x0 + group[-1].x1) / 2
        y = (group[0].top + group[0].bottom) / 2
        slack = (group[0].x1 - group[0].x0) * _OVERHANG
        at: int | None = None
        if low <= y <= high and left - slack <= x <= right + slack:
            x = min(max(x, left + 0.01), right - 0.01)
            if last is None or not _contains(boxes[last], x, y):  # most characters stand in the box of the one before
                last = next((i for i in beside[bisect_right(tops, y) - 1] if _contains(boxes[i], x, y)), None)
            at = last
        (rest if at is None else inside[at]).extend(group)
    return inside, rest


def _contains(box: Box, x: float, y: float) -> bool:
    return box[1] <= y <= box[3] and box[0] <= x <= box[2]


def _numbers(chars: Sequence[Char]) -> list[list[Char]]:
    """Characters by themselves, but the digits of a number together: one too wide for its cell must not be cut by the ruling."""
    groups: list[list[Char]] = []
    for char in chars:
        if groups and char.text in _DIGITS:
            last = groups[-1][-1]
            close = abs(char.x0 - last.x1) <= _CLOSE * (char.bottom - char.top) and abs(char.top - last.top) < 1
            if last.text in _DIGITS and close and char.run and char.run == last.run:
                groups[-1].append(char)
                continue
        groups.append([char])
    return groups
