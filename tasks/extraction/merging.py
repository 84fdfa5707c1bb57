"""Two parts of a table, on both sides of a page break, made one."""

from __future__ import annotations

import re
from collections import Counter

import msgspec

from codebook.records import Cell, Place, Table
from codebook.text.fold import is_han
from tasks.extraction.grid import NUMERIC, make_table, nearest
from tasks.extraction.words import is_row_label, patterns

_OUTER = 8.0  # points by which the left and right edge of the parts may differ
_INNER = 5.0  # points by which a ruled line may move between the parts
_STRETCH = 0.05  # by which the widths of a table's parts may differ on two scanned pages
_SHIFT = 70.0  # points by which they may be shifted (2.5 cm), and turned about the page's far end
_MAX_HEADER_ROWS = 5
_REPEATED = 3  # rows in which a column has one text: it holds no labels
_UNSURE = 0.5  # the score of a value where no label shows whether a page break cuts a row or parts two
_DIGITS = re.compile(r"[\d,.]+")


def continue_table(upper: Table, lower: Table, *, scanned: bool = False) -> Table | None:
    """The table whose parts are ``upper`` and ``lower``; None when their ruled columns show that they are two tables.

    The columns must align (each edge of the part with fewer columns has its partner). A header that is printed again is left
    out; group labels and rows that the break cut are merged; each cell keeps the place of its beginning. Of ``scanned`` pages
    each lies on the glass in its own way: shifted, turned by a few degrees, a little larger.
    """
    a, b = _edges(upper, scanned), _edges(lower, scanned)
    if a is None or b is None or len(a) < 3 or len(b) < 3:
        return None
    if scanned:
        b = _laid_on(a, b)
    if abs(a[0] - b[0]) > _OUTER or abs(a[-1] - b[-1]) > _OUTER:
        return None
    few, many = (a, b) if len(a) <= len(b) else (b, a)
    inner = many[1:-1]
    partners = [nearest(inner, x) + 1 for x in few[1:-1]]
    if any(abs(many[at] - x) > _INNER for at, x in zip(partners, few[1:-1], strict=True)) or len(set(partners)) < len(partners):
        return None
    columns = [0, *partners, len(many) - 1]  # of the part with fewer columns, in the other
    top = list(upper.cells) if many is a else _widened(upper, columns)
    low = list(lower.cells) if many is b else _widened(lower, columns)
    low = _without_header(top, low)
    if not low:
        return upper
    return make_table(_stack(top, upper.rows, low), upper.place)


def _edges(table: Table, scanned: bool) -> list[float] | None:
    """The x positions of the table's columns, ascending, one more than columns; None where cells have no boxes."""
    left: dict[int, float] = {}
    right = float("-inf")
    last = max((cell.place.page for cell in table.cells), default=0)
    slope = _slope([cell for cell in table.cells if cell.place.page == last]) if scanned else 0.0
    for cell in table.cells:
        if cell.place.box is None:
            return None
        # of a part that is itself joined, the last page's lines count: cells come in reading order
        x0, top, x1, _ = cell.place.box
        left[cell.column] = x0 - slope * top
        if cell.column + cell.column_span == table.columns:
            right = x1 - slope * top
    if len(left) != table.columns:
        return None
    return [left[column] for column in range(table.columns)] + [right]


def _slope(cells: list[Cell]) -> float:
    """By how much the columns drift to the right from top to bottom, per point: the page was scanned askew."""
    columns: dict[int, list[tuple[float, float]]] = {}
    for cell in cells:
        if cell.place.box is not None:
            columns.setdefault(cell.column, []).append((cell.place.box[1], cell.place.box[0]))
    together = spread = 0.0
    for points in columns.values():
        y_mean, x_mean = (sum(values) / len(points) for values in zip(*points, strict=True))
        together += sum((y - y_mean) * (x - x_mean) for y, x in points)
        spread += sum((y - y_mean) ** 2 for y, _ in points)
    return together / spread if spread else 0.0


def _laid_on(a: list[float], b: list[float]) -> list[float]:
    """The edges ``b`` shifted and stretched onto the outer edges of ``a``, as far as two sheets of one report may differ."""
    stretch = (a[-1] - a[0]) / (b[-1] - b[0]) if b[-1] > b[0] else 0.0
    if abs(stretch - 1) > _STRETCH or abs(a[0] - b[0]) > _SHIFT:
        return b
    return [a[0] + (x - b[0]) * stretch for x in b]


def _widened(table: Table, columns: list[int]) -> list[Cell]:
    """The cells on a finer grid: ``columns[i]`` is where column ``i`` begins there."""
    return [
        msgspec.structs.replace(
            cell,
            column=columns[cell.column],
            column_span=columns[cell.column + cell.column_span] - columns[cell.column],
        )
        for cell in table.cells
    ]


def _without_header(top: list[Cell], low: list[Cell]) -> list[Cell]:
    """The lower part without the first rows that repeat those of the upper part and hold no number."""
    for count in range(_MAX_HEADER_ROWS, 0, -1):
        head = [cell for cell in low if cell.row < count]
        same = [_shape(cell) for cell in head] == [_shape(cell) for cell in top if cell.row < count]
        closed = all(cell.row + cell.row_span <= count for cell in head)
        if head and same and closed and not any(NUMERIC.fullmatch(cell.text) for cell in head):
            return [msgspec.structs.replace(cell, row=cell.row - count) for cell in low if cell.row >= count]
    return low


def _shape(cell: Cell) -> tuple[int, int, int, int, str]:
    return cell.row, cell.column, cell.row_span, cell.column_span, "".join(cell.text.split())


def _stack(top: list[Cell], rows: int, low: list[Cell]) -> list[Cell]:
    """The cells of both parts, those that the break cut merged."""
    bottom = {(cell.column, cell.column_span): cell for cell in top if cell.row + cell.row_span == rows}
    first = [cell for cell in low if cell.row == 0]
    values_from = _first_of_values([top, low])
    labels = [cell for cell in first if cell.column + cell.column_span <= values_from]
    one_row = _is_cut_row(bottom, first, labels)
    merged = first if one_row else _continued_labels(bottom, labels)
    shift = rows - 1 if one_row else rows
    surety = 1.0 if not one_row or labels or not _are_on_both_sides(bottom, first) else _UNSURE
    result = dict.fromkeys(top)
    for cell in merged:
        above = bottom[cell.column, cell.column_span]
        del result[above]
        result[_merge(above, cell, cell.row_span - 1 if one_row else cell.row_span, surety)] = None
    done = set(map(id, merged))
    return [*result, *(msgspec.structs.replace(cell, row=cell.row + shift) for cell in low if id(cell) not in done)]


def _first_of_values(parts: list[list[Cell]]) -> int:
    """The column behind those of the labels: in which the numbers of most rows begin (a header may hold one too, and cells of a
    row be blank), or the one before with units, which have one text in several of these rows.
    """
    first: dict[tuple[int, int], int] = {}
    for part, cells in enumerate(parts):
        for cell in cells:
            if NUMERIC.fullmatch(cell.text):
                first[part, cell.row] = min(cell.column, first.get((part, cell.row), cell.column))
    begins = Counter(first.values())
    before = [cell for part, cells in enumerate(parts) for cell in cells if cell.column < first.get((part, cell.row), 0)]
    texts = Counter((cell.column, cell.text) for cell in before if cell.text.strip())
    units = [column for (column, _), rows in texts.items() if rows >= _REPEATED]
    return min((*units, min(begins, key=lambda column: (-begins[column], column), default=0)))


def _merge(above: Cell, below: Cell, more_rows: int, surety: float) -> Cell:
    text = "\n".join(part for part in (above.text, below.text) if part.strip())
    place: Place = above.place if above.text.strip() or not below.text.strip() else below.place
    return msgspec.structs.replace(
        above, text=text, place=place, row_span=above.row_span + more_rows, score=min(above.score, below.score, surety)
    )


def _are_on_both_sides(bottom: dict[tuple[int, int], Cell], first: list[Cell]) -> bool:
    """Return whether some cells hold text above the page break, and some below it."""
    above = any(bottom[cell.column, cell.column_span].text.strip() for cell in first)
    return above and any(cell.text.strip() for cell in first)


def _is_cut_row(bottom: dict[tuple[int, int], Cell], first: list[Cell], labels: list[Cell]) -> bool:
    """Return whether the last row above and the first below are one row: every cell has its counterpart, each value stands on
    one side only (or is cut itself), and the label goes on (it is blank below, or has an item number above and none below).

    A row without a label holds no words; where it has values on both sides, these are in doubt.
    """
    pairs = [(bottom.get((cell.column, cell.column_span)), cell) for cell in first]
    if any(above is None for above, _ in pairs) or len(labels) == len(first):
        return False
    values = [(above.text.strip(), below.text.strip()) for above, below in pairs[len(labels) :] if above is not None]
    # two rows that are both empty look like one, and one loses nothing
    if any(above and below for above, below in values):
        return bool(labels) and not any(cell.text.strip() for cell in labels) and _are_ends_of_numbers(values)
    if not labels:
        return not any(is_han(char) for pair in values for text in pair for char in text)
    return all(above is not None and _label_goes_on(above, below) for above, below in pairs[: len(labels)])


def _are_ends_of_numbers(values: list[tuple[str, str]]) -> bool:
    """Return whether the cells below hold the last digits of some of the numbers above, and of no number else."""
    ends = [(above, below) for above, below in values if below]
    return len(ends) < len(values) and all(_DIGITS.fullmatch(above) and _DIGITS.fullmatch(below) for above, below in ends)


def _continued_labels(bottom: dict[tuple[int, int], Cell], labels: list[Cell]) -> list[Cell]:
    """The labels of the first row below that continue a group label above, from the left until one does not."""
    continued = []
    for index, cell in enumerate(labels):
        above = bottom.get((cell.column, cell.column_span))
        is_group = index + 1 < len(labels) or cell.row_span > 1
        if above is None or not is_group or not _label_goes_on(above, cell):
            break
        continued.append(cell)
    return continued


def _label_goes_on(above: Cell, below: Cell) -> bool:
    """Return whether two cells hold one label: its number stands above, if only the beginning of it, and none below; or both
    together are the label of a row, and the part below is none.
    """
    if not below.text.strip() or not above.text.strip():
        return True
    whole, enumerator = "".join((above.text + below.text).split()), patterns().enumerator
    if is_row_label(whole):
        return not is_row_label(below.text)
    return bool(enumerator.match(whole)) and not enumerator.match(below.text)
