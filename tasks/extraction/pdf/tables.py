"""Tables that a PDF page draws with lines: from visible rulings to grids of cells with spans."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from pdfplumber.table import cells_to_tables, edges_to_intersections, intersections_to_cells

from codebook.errors import GongkaiError
from codebook.records import Cell, Place, Table
from codebook.text.fold import fold_label, is_han
from tasks.extraction.grid import NUMERIC, Box, Slot, compact, from_boxes, make_table, pieces, prose_rows, refill
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.pdf.edges import SNAP, closed_edges
from tasks.extraction.pdf.layout import Char, VisualLine, lines_of, rounded
from tasks.extraction.pdf.turned import readable
from tasks.extraction.words import row_labels

_OVERHANG = 0.6  # of a character's width that may hang over the outer border of a table
_DIGITS = frozenset("0123456789.,")
_CLOSE = 0.15  # of the character size: the widest gap inside of a number
_DIGIT = 0.5  # of the character size: the width of a digit
_LABELS = 6  # labels of rows in a cell
_BROKEN = 2  # lines over which a number is broken
_PAIRS = 5  # cells with two numbers below each other
_HEADED = 3  # cells with a heading and a number below it
_ROOM = 2  # digits that could stand beside a number that is not broken over two lines


def ruled_tables(
    lines: Sequence[Box], chars: Sequence[Char], number: int, limits: ExtractionLimits
) -> tuple[list[Table], list[Char]]:
    """The tables that visible lines (boxes without width or height) draw on page ``number``, and the characters in none of them.

    Rows of one cell across that hold a chapter heading or a paragraph are not part of the table; their characters are returned.
    So are those of a grid whose rows have no lines between them: as text, its lines are the rows.
    Raises ``page.too_large`` beyond ``limits.max_rulings`` lines.
    """
    tables: list[Table] = []
    rest = list(chars)
    for cells in _grids(lines, number, limits):
        slots = from_boxes(cells)
        boxes = [cells[slot.content] for slot in slots]
        inside, others = _assign(boxes, rest)
        lines_inside = [lines_of(readable(chars)) for chars in inside]
        if _holds_rows(boxes, lines_inside):
            continue
        texts = ["\n".join(line.text for line in found) for found in lines_inside]
        made, returned = _tables(slots, boxes, inside, texts, number)
        rest = others
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


def _holds_rows(boxes: Sequence[Box], lines: Sequence[Sequence[VisualLine]]) -> bool:
    """Return whether cells of a grid hold rows of a table: a cell several labels with their numbers, or many labels with fewer
    rows beside it, two cells three numbers below each other (one cell, beside as many lines of labels; five cells two), or three
    cells a heading and a number. A number that is broken over lines is none of these: its first line fills the cell, the labels
    beside it have fewer lines, or there are two lines in a few cells.
    """
    columns = pairs = headed = 0
    for (x0, y0, x1, y1), found in zip(boxes, lines, strict=True):
        if sum(_is_row(line.text) for line in found) > 1:
            return True
        if len(found) >= _LABELS and _holds_labels(found, {box[1] for box in boxes if y0 <= box[1] < y1}):
            return True
        numbers = [line for line in found if NUMERIC.fullmatch(line.text)]
        apart = any(line.x1 - line.x0 + _ROOM * _DIGIT * line.size <= x1 - x0 for line in numbers[:-1])
        beside = _most_label_lines(boxes, lines, (y0 + y1) / 2) if apart else 0
        if 0 < beside < len(numbers):
            continue
        if apart and len(numbers) > _BROKEN:
            columns += 2 if beside else 1  # beside its labels, a table of one column
        pairs += apart
        headed += len(numbers) == 1 < len(found) and numbers[0] is found[-1] and _is_heading(found[:-1])
    return columns > 1 or pairs >= _PAIRS or headed >= _HEADED


def _most_label_lines(boxes: Sequence[Box], lines: Sequence[Sequence[VisualLine]], y: float) -> int:
    """The most lines that a cell with Chinese characters has among those at the height ``y``; 0 where there is none."""
    beside = (found for box, found in zip(boxes, lines, strict=True) if box[1] < y < box[3])
    return max((len(found) for found in beside if any(is_han(char) for line in found for char in line.text)), default=0)


def _holds_labels(lines: Sequence[VisualLine], tops: set[float]) -> bool:
    labels = sum(fold_label(line.text) in row_labels() for line in lines)
    return labels >= _LABELS and labels > len(tops)


def _is_heading(lines: Sequence[VisualLine]) -> bool:
    return all(any(map(is_han, line.text)) and not any(map(str.isdigit, line.text)) for line in lines)


def _is_row(text: str) -> bool:
    """Return whether a line is a label with numbers in columns of their own behind it."""
    label, *cells = text.split("  ")
    return bool(cells) and not NUMERIC.fullmatch(label) and NUMERIC.fullmatch(cells[-1]) is not None


def _tables(
    slots: list[Slot[int]], boxes: list[Box], inside: list[list[Char]], texts: list[str], number: int
) -> tuple[list[Table], list[Char]]:
    """The tables in one grid (prose rows may cut it) and the characters of its prose rows; ``texts`` by box."""
    indexed = _without_leftovers([refill(slot, index) for index, slot in enumerate(slots)], texts)
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


def _without_leftovers(slots: list[Slot[int]], texts: Sequence[str]) -> list[Slot[int]]:
    """The cells without those that a group leaves which goes on over a page break; ``texts`` by content.

    Browsers let such a group end where its own text would, or reach down to the end of the page. That parts a row, or leaves one
    beside it without cells of its own. Rows in which only such blanks begin are none.
    """
    rows: dict[int, list[Slot[int]]] = {}
    for slot in slots:
        rows.setdefault(slot.row, []).append(slot)
    ends = 0, max(slot.row for slot in slots)
    left: set[int] = set()
    for row, begun in rows.items():
        if any(texts[slot.content].strip() for slot in begun):
            continue
        last = max(slot.column for slot in begun)
        over = sum(slot.row < row < slot.row + slot.row_span and slot.column > last for slot in slots)
        if over > 1 or (row in ends and len(begun) == 1 and begun[0].column_span > 1):
            left.update(slot.content for slot in begun)
    return [slot for slot in slots if slot.content not in left] if left else slots


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
        x = (min(char.x0 for char in group) + max(char.x1 for char in group)) / 2
        y = (min(char.top for char in group) + max(char.bottom for char in group)) / 2
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


def _side_by_side(last: Char, char: Char) -> bool:
    """Return whether a character follows another in the direction in which they stand, without a gap."""
    if char.turn % 2:
        gap = min(abs(char.top - last.bottom), abs(last.top - char.bottom))
        return gap <= _CLOSE * (char.x1 - char.x0) and abs(char.x0 - last.x0) < 1
    gap = min(abs(char.x0 - last.x1), abs(last.x0 - char.x1))
    return gap <= _CLOSE * (char.bottom - char.top) and abs(char.top - last.top) < 1


def _numbers(chars: Sequence[Char]) -> list[list[Char]]:
    """Characters by themselves, but the digits of a number together: one too wide for its cell must not be cut by the ruling."""
    groups: list[list[Char]] = []
    for char in chars:
        if groups and char.text in _DIGITS:
            last = groups[-1][-1]
            if last.text in _DIGITS and char.run and char.run == last.run and _side_by_side(last, char):
                groups[-1].append(char)
                continue
        groups.append([char])
    return groups
