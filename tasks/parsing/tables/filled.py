"""Tables of text that are rectangular: each row has as many cells as every other, parted by pipes, tabs, commas or semicolons.

Where the text of a merged cell is repeated in each of its places, as programs write Markdown and copy spreadsheets, such a table
is a grid: equal texts side by side, or one above the other, are one cell with a span. So is a table of comma-separated values,
whose cells may hold line breaks between quotation marks. Every number keeps its line and column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import msgspec

from codebook.book import load_book
from codebook.records import Cell, LightRecord, Place
from codebook.text.fold import fold_label
from tasks.parsing.tables.labels import LabelPart, lexicon
from tasks.parsing.tables.tokens import RULE, TextLine, is_unread_cell, value_token

_PIPES = "|｜"
_FEWEST = 2  # rows, columns
_FEWEST_PARTED = 3  # rows, columns of a table whose cells are parted by commas
_MANY_VALUES = 4  # numbers of a row
_MOST_LINES = 12  # of one cell
_SHORT = 8  # characters of a text that stands in the place of each number of a row
_OPENS = re.compile(r'(?:^|[\t,;])"')
_PARTED = re.compile(rf'[{_PIPES}\t,;"]')
_MARKED = re.compile(r'[,;"]')


class _RowShape(LightRecord, frozen=True):
    """What parts the cells of a row, and how often it stands there."""

    separator: str
    size: int


def text_tables_to_cells(lines: list[TextLine]) -> list[TextLine]:
    """``lines`` in which filled tables and comma-separated values are rows of cells; all others stay as they are."""
    groups = list(_groups(_join_quoted(lines)))
    result: list[TextLine] = []
    for at, (shape, part) in enumerate(groups):
        beside = [other for other, _ in (*groups[max(at - 1, 0) : at], *groups[at + 1 : at + 2]) if other is not None]
        ragged = shape is not None and any(other.separator == shape.separator for other in beside)
        grid = None if shape is None or ragged else _grid(part, shape)
        result += _apart(part, shape) if grid is None else grid
    return result


class _TextRow(LightRecord, frozen=True):
    """A row: its lines (a cell may be broken over several) and their text."""

    lines: list[TextLine]
    text: str


def _join_quoted(lines: list[TextLine]) -> Iterator[_TextRow]:
    """The rows: lines, of which those are one row between which a quotation mark at the beginning of a cell is open."""
    at = 0
    while at < len(lines):
        line, size = lines[at], 1
        text = line.text
        if line.cells is None and text.count('"') % 2 and _OPENS.search(text):
            for more in range(2, _MOST_LINES + 1):
                part = lines[at : at + more]
                joined = "\n".join(one.text for one in part)
                if len(part) < more or part[-1].cells is not None:
                    break
                if joined.count('"') % 2 == 0:
                    text, size = joined, more
                    break
        yield _TextRow(lines[at : at + size], text)
        at += size


def _apart(rows: list[_TextRow], shape: _RowShape | None) -> list[TextLine]:
    """The lines of ``rows``. Quotation marks around the cells of a table are left out."""
    lines = [line for row in rows for line in row.lines]
    if shape is None or shape.separator != "\t" or not any(_OPENS.search(line.text) for line in lines):
        return lines
    return [line.but(text=line.text.replace('"', " ")) for line in lines]


def _groups(rows: Iterator[_TextRow]) -> Iterator[tuple[_RowShape | None, list[_TextRow]]]:
    """Neighbouring rows of one shape."""
    last: _RowShape | None = None
    part: list[_TextRow] = []
    for row in rows:
        shape = _shape(row)
        if part and shape != last:
            yield last, part
            part = []
        last = shape
        part.append(row)
    if part:
        yield last, part


def _shape(row: _TextRow) -> _RowShape | None:
    """The shape of a row with cells; None for other lines. The rule under a Markdown header has that of its table."""
    if row.lines[0].cells is not None or not _PARTED.search(row.text):
        return None
    for separator in (_PIPES, "\t"):
        if count := sum(map(row.text.count, separator)):
            return _RowShape(separator, count if separator == _PIPES or '"' not in row.text else len(_ends(row.text, separator)))
    if not _MARKED.search(row.text):
        return None
    count, separator = max((len(_ends(row.text, char)), char) for char in ",;")
    return _RowShape(separator, count) if count else None


def _ends(text: str, separator: str) -> list[int]:
    """The places of the separators in ``text``, outside of quotation marks."""
    if separator == _PIPES or '"' not in text:
        return [at for at, char in enumerate(text) if char in separator]
    places, quoted = [], False
    for at, char in enumerate(text):
        quoted ^= char == '"'
        if char in separator and not quoted:
            places.append(at)
    return places


def _split(row: _TextRow, separator: str, *, outer: bool) -> list[tuple[str, int]]:
    """The cells of a row with their places in its text; ``outer``: the row begins and ends with a separator."""
    ends = _ends(row.text, separator)
    blank = " \t\n\r\u3000" if separator == _PIPES else ' "\n\r\u3000'
    cells = []
    for start, end in zip([0, *(at + 1 for at in ends)], [*ends, len(row.text)], strict=True):
        raw = row.text[start:end]
        text = raw.strip() if separator == _PIPES else raw.strip().strip('"').replace('""', '"').strip()
        cells.append((text, start + len(raw) - len(raw.lstrip(blank))))
    return cells[1:-1] if outer else cells


def _is_outer(rows: list[_TextRow], separator: str) -> bool:
    """Return whether each row begins and ends with a pipe; a tab or comma at the end parts cells."""
    texts = [row.text.strip() for row in rows]
    return separator == _PIPES and all(text[0] in _PIPES and text[-1] in _PIPES for text in texts)


def _is_label(text: str) -> bool:
    return bool(fold_label(text)) and value_token(text) is None and not is_unread_cell(text)


def _grid(part: list[_TextRow], shape: _RowShape) -> list[TextLine] | None:
    """The rows as cells with spans, or None where no text is repeated (then blanks may stand for merged cells)."""
    outer = _is_outer(part, shape.separator)
    rows = [(row, _split(row, shape.separator, outer=outer)) for row in part if not RULE.fullmatch(row.text)]
    texts = [[text for text, _ in cells] for _, cells in rows]
    if len(rows) < _FEWEST or len(texts[0]) < _FEWEST or not _is_grid(texts, shape.separator):
        return None
    result: list[TextLine] = []
    above: dict[int, Cell] = {}  # the label that stands over each column
    reached: dict[int, int] = {}  # the last row in which it stands
    valued: set[int] = set()  # columns in which numbers stood
    for number, (row, printed) in enumerate(rows):
        line = row.lines[0]
        cells: dict[int, Cell] = {}
        apart = _columns_of_values([text for text, _ in printed], valued)
        valued.update(column for column, (text, _) in enumerate(printed) if value_token(text) is not None)
        for column, width in _widths([text for text, _ in printed], above, apart):
            text, at = printed[column]
            over = above.get(column)
            same = (
                over is not None and over.column_span == width and over.text == text and _is_label(text) and column not in apart
            )
            if same and reached[column] == number - 1:
                reached[column] = number  # the cell above reaches down to here
                continue
            cells[column] = Cell(number, column, text, _place(row, at), 1, width, line.score)
        for column, cell in cells.items():
            if _is_label(cell.text):
                above |= dict.fromkeys(range(column, column + cell.column_span), cell)
                reached |= dict.fromkeys(range(column, column + cell.column_span), number)
        if cells:
            result.append(TextLine("", line.page, line.block, line.place, line.reader, line.score, cells, whole=True))
            result += [other.but(text="") for other in row.lines[1:]]
    return result


def _place(row: _TextRow, at: int) -> Place:
    """The place of character ``at`` of a row, on that of its lines on which it stands."""
    number = row.text.count("\n", 0, at) if len(row.lines) > 1 else 0
    line = row.lines[number]
    before = at - (row.text.rfind("\n", 0, at) + 1) if number else at
    return msgspec.structs.replace(line.place, column=(line.place.column or 1) + before + line.offset)


def _is_grid(rows: list[list[str]], separator: str) -> bool:
    """Return whether rows are a grid: labels are repeated side by side or down, or parted as sheets and files part them.

    Some rows must have a label and a number then, or one many numbers: prose has commas too.
    """
    if any(one == other and _is_label(one) for row in rows for one, other in pairwise(row)) or _repeats_down(rows):
        return True
    if separator == _PIPES:
        return False
    if len(rows) < _FEWEST_PARTED or len(rows[0]) < _FEWEST_PARTED:
        return False
    values = [sum(value_token(cell) is not None for cell in row) for row in rows]
    labelled = sum(number > 0 and any(map(_is_label, row)) for number, row in zip(values, rows, strict=True))
    return labelled >= _FEWEST or max(values) >= _MANY_VALUES


def _repeats_down(rows: list[list[str]]) -> bool:
    """Return whether three rows have one label in one column."""
    columns = zip(*rows, strict=True)
    return any(
        one == column[at + 1] == column[at + 2] and _is_label(one) for column in columns for at, one in enumerate(column[:-2])
    )


@cache
def _known() -> frozenset[str]:
    """The labels of all blocks, those of groups of rows and columns among them, folded."""
    return frozenset(text for block in load_book().blocks for text in lexicon(block).exact)


def _columns_of_values(texts: list[str], valued: set[int]) -> frozenset[int]:
    """Return the columns of a row in which texts stand where values should: no labels that are known, behind that of a row, or
    in columns in which numbers stood (``valued``), or in all columns. Each is a cell, whatever is next to it or above.
    """
    rows = [column for column, text in enumerate(texts) if fold_label(text) in _rows()]
    is_all_one = len(set(texts)) == 1 and len(texts[0]) <= _SHORT
    behind = -1 if is_all_one else min(rows, default=len(texts))
    return frozenset(
        column
        for column, text in enumerate(texts)
        if (column > behind or (column in valued and column)) and _is_label(text) and fold_label(text) not in _known()
    )


@cache
def _rows() -> frozenset[str]:
    """The labels of the rows of all blocks, folded."""
    entries = (entry for block in load_book().blocks for entry in lexicon(block).exact.values())
    return frozenset(entry.text for entry in entries if entry.part is LabelPart.ROW)


def _widths(texts: list[str], above: dict[int, Cell], apart: frozenset[int]) -> list[tuple[int, int]]:
    """Return where the cells of a row begin and how wide they are. Equal labels side by side are one cell, but those ``apart``;
    equal values are one under a label that reaches over both.
    """
    found: list[tuple[int, int]] = []
    column = 0
    while column < len(texts):
        width = 1
        while (
            column + width < len(texts)
            and texts[column + width] == texts[column]
            and _one(texts[column], column, column + width, above, apart)
        ):
            width += 1
        found.append((column, width))
        column += width
    return found


def _one(text: str, first: int, last: int, above: dict[int, Cell], apart: frozenset[int]) -> bool:
    if _is_label(text) and last not in apart:
        return True
    over = above.get(first)
    return over is not None and over is above.get(last)
