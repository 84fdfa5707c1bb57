"""What a document shows of itself: its pages with the boxes of cells, or, where it has no pages, its lines and tables with the
cells marked. Everything is text or numbers for a template; nothing of the document is passed on as it is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from codebook.records import Extraction, Line, Page, Table
from database.monitoring.read_models import ValueItem

MOST_BLOCKS = 1500  # of a text that is shown
MOST_PAGES = 200
_CONTEXT = 120  # blocks around the cells, of a text that is longer
_LONGEST = 4000  # characters of a line
_BESIDE = 300  # characters of a long line on each side of the cell that is asked about
# What is printed at the place of a value that has no text of its own: digits that ran together, or the label of its row.
_PRINTED = re.compile(r"[-+−]?\d[\d.,，]*|[^\s|]{1,24}")


class Mark(NamedTuple):
    """A piece of text; ``cells`` are those whose values were read from it, ``state`` is that of the first of them."""

    text: str
    cells: tuple[str, ...] = ()
    state: str | None = None


Piece = tuple[int, int, ValueItem]
"""Where a value stands in a text: start, end, value."""


class Box(NamedTuple):
    """The place of a cell on a page: upper left corner and size, in the page's own measure."""

    cell: str
    state: str
    x: float
    y: float
    width: float
    height: float


class PagePicture(NamedTuple):
    """A page with its size, to be shown as a picture."""

    number: int
    width: float
    height: float
    boxes: tuple[Box, ...]


class DrawnCell(NamedTuple):
    """A cell of a table that the document draws."""

    marks: tuple[Mark, ...]
    rows: int
    columns: int


class Text(NamedTuple):
    """A block of a text: a line (``marks``) or a table (``rows``). ``gap`` says that blocks before it are not shown."""

    line: int | None
    marks: tuple[Mark, ...] = ()
    rows: tuple[tuple[DrawnCell, ...], ...] = ()
    gap: bool = False


def pages(extraction: Extraction, read: Mapping[int, Page], values: Sequence[ValueItem]) -> list[PagePicture]:
    """The pages of a document that is shown as pictures. ``read`` are those that were recognised (they tell sizes as shown)."""
    boxes: dict[int, list[Box]] = defaultdict(list)
    for value in values:
        if value.box is not None:
            x0, top, x1, bottom = value.box
            boxes[value.page].append(
                Box(value.indicator, value.state, round(x0, 2), round(top, 2), round(x1 - x0, 2), round(bottom - top, 2))
            )
    found = []
    for page in extraction.pages[:MOST_PAGES]:
        sized = read.get(page.number, page)
        width, height = sized.width or page.width or 595.0, sized.height or page.height or 842.0
        found.append(PagePicture(page.number, round(width, 2), round(height, 2), tuple(boxes[page.number])))
    return found


def size_of(extraction: Extraction, read: Mapping[int, Page], number: int) -> tuple[float, float] | None:
    """Width and height of a page in the measure of its boxes; None when they are not known."""
    page = next((each for each in extraction.pages if each.number == number), None)
    sized = read.get(number, page)
    if page is None or sized is None:
        return None
    width, height = sized.width or page.width, sized.height or page.height
    return (width, height) if width and height else None


def texts(
    extraction: Extraction, values: Sequence[ValueItem], *, around: Set[int] | None = None, chosen: str | None = None
) -> list[Text]:
    """The blocks of a document without pages, with its values marked; ``around`` only those near these lines, and of a long line
    what is near the value of the cell ``chosen``.
    """
    blocks = [block for page in extraction.pages for block in page.blocks]
    of_line: dict[int | None, list[ValueItem]] = defaultdict(list)
    for value in values:
        of_line[value.line].append(value)
    lines = {line for line in of_line if line is not None}
    if around is not None:
        lines = set(around)
    wanted = _wanted(blocks, lines, few=around is not None)
    found: list[Text] = []
    before = -1
    for at in wanted:
        block = blocks[at]
        gap = at != before + 1
        if isinstance(block, Line):
            text, places = block.text, _in_line(block, of_line)
            if around is not None:
                text, places = _near(text, places, chosen)
            found.append(Text(block.place.line, _marked(text, places), gap=gap))
        else:
            found.append(Text(block.place.line, (), _rows(block, of_line), gap))
        before = at
    return found


def _wanted(blocks: Sequence[Line | Table], lines: set[int], *, few: bool) -> list[int]:
    """The places of the blocks to show: all, or those around cells where there are too many."""
    if not few and len(blocks) <= MOST_BLOCKS:
        return list(range(len(blocks)))
    above, below = (5, 11) if few else (_CONTEXT, _CONTEXT)
    near: set[int] = set()
    for at, block in enumerate(blocks):
        first = block.place.line
        last = max((cell.place.line or 0 for cell in block.cells), default=0) if isinstance(block, Table) else first
        if first is not None and any(first <= line <= (last or first) for line in lines):
            near |= set(range(max(0, at - above), min(len(blocks), at + below + 1)))
        if len(near) > MOST_BLOCKS:
            break
    return sorted(near) or list(range(min(len(blocks), MOST_BLOCKS)))


def _in_line(block: Line, of_line: Mapping[int | None, Sequence[ValueItem]]) -> list[Piece]:
    """Return where in a line its values stand. One without text of its own, such as a number of digits that ran together or a
    doubtful blank, is where its place says; what is surely blank is nowhere.
    """
    found: list[Piece] = []
    begins = block.place.column or 1
    for value in of_line.get(block.place.line, ()):
        raw = value.raw
        at = value.column - begins if value.column is not None else -1
        if not raw:
            if (value.value is not None or value.doubt is not None) and at >= 0 and (printed := _PRINTED.match(block.text, at)):
                found.append((at, printed.end(), value))
            continue
        if at < 0 or block.text[at : at + len(raw)] != raw:
            at = block.text.find(raw)
        if at >= 0:
            found.append((at, at + len(raw), value))
    return found


def _near(text: str, places: list[Piece], chosen: str | None) -> tuple[str, list[Piece]]:
    """Return the part of a long line that is near a cell, and what stands in it."""
    own = next(((start, end) for start, end, value in places if value.indicator == chosen), None)
    if own is None or len(text) <= 2 * _BESIDE:
        return text, places
    first, last = max(0, own[0] - _BESIDE), own[1] + _BESIDE
    before, behind = "… " if first else "", " …" if last < len(text) else ""
    moved = len(before) - first
    kept = [(start + moved, end + moved, value) for start, end, value in places if first <= start and end <= last]
    return before + text[first:last] + behind, kept


def _marked(text: str, places: Iterable[Piece]) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    at, begun = 0, -1
    for start, end, value in sorted(places, key=lambda place: place[:2]):
        if start == begun and end == at:  # of digits that ran together each cell has a part
            marks[-1] = marks[-1]._replace(cells=(*marks[-1].cells, value.indicator))
        if start < at:
            continue
        if start > at:
            marks.append(Mark(_short(text[at:start])))
        marks.append(Mark(text[start:end], (value.indicator,), value.state))
        at, begun = end, start
    if at < len(text) or not marks:
        marks.append(Mark(_short(text[at:])))
    return tuple(marks)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


def _rows(table: Table, of_line: Mapping[int | None, Sequence[ValueItem]]) -> tuple[tuple[DrawnCell, ...], ...]:
    rows: dict[int, list[DrawnCell]] = defaultdict(list)
    for cell in sorted(table.cells, key=lambda each: (each.row, each.column)):
        own = [v for v in of_line.get(cell.place.line, ()) if v.column == cell.place.column]
        if own:
            value = own[0]
            marks: tuple[Mark, ...] = (Mark(cell.text, (value.indicator,), value.state),)
            if len(own) > 1 and len({v.raw for v in own}) > 1:  # several numbers in one cell
                marks = _marked(
                    cell.text, [(at, at + len(v.raw), v) for v in own if v.raw and (at := cell.text.find(v.raw)) >= 0]
                )
        else:
            marks = (Mark(_short(cell.text)),)
        rows[cell.row].append(DrawnCell(marks, cell.row_span, cell.column_span))
    return tuple(tuple(rows[row]) for row in sorted(rows))
