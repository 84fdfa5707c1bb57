"""What HTML and DOCX have in common: a flow of paragraphs and tables in which tables may lie inside the cells of others.

:func:`compose` turns it into the lines and tables of a page. Tables that only lay out a page are unrolled.
"""

from __future__ import annotations

from typing import NamedTuple

from codebook.errors import GongkaiError
from codebook.records import Block, Cell, LeftOut, LeftOutKind, Line, Page, PageKind, Place, Reader
from tasks.extraction.grid import NUMERIC, Slot, compact, make_table, pieces, prose_rows, refill
from tasks.extraction.limits import ExtractionLimits

_MOST_LEFT_OUT = 100  # that are written down
_LONGEST_NAME = 120  # characters
_LONG = 300  # characters in one cell beyond which a table without numbers is the frame of a page
_NUMBERS = 2  # cells with a number of its own, by which a table is more than a frame
MAX_DEPTH = 40


class CellGrid(NamedTuple):
    """A table of the source: its cells with their spans; each holds a flow of its own."""

    slots: list[Slot[Flow]]


class Unsure(str):
    """A text of which it cannot be told whether a reader of the page sees it all, and nothing else."""

    __slots__ = ()


class FlowPicture(NamedTuple):
    """A picture that may be a table, where it stands. ``data`` None: it is not in the file, or of a kind that is not read;
    ``kind`` then says what it is, and it may be no picture at all. Without a name it is too small for a table.
    """

    name: str
    data: bytes | None = None
    width: int = 0
    height: int = 0
    kind: LeftOutKind = LeftOutKind.PICTURE


class Composition(NamedTuple):
    """The pages of a document that has none of its own: text between pictures, and each picture. ``pictures``: page -> bytes."""

    pages: tuple[Page, ...]
    left_out: tuple[LeftOut, ...]
    pictures: dict[int, bytes]


Flow = list[str | CellGrid | FlowPicture]
_UNSURE = 0.5  # the score of such a text


class _Composer:
    """Numbers the blocks and counts against the limits while a flow is turned into blocks."""

    def __init__(self, limits: ExtractionLimits, reader: Reader) -> None:
        self.limits = limits
        self.reader = reader
        self.blocks: list[Block] = []
        self.number = 0
        self.cells = 0
        self.pages: list[Page] = []
        self.left_out: list[LeftOut] = []
        self.pictures: dict[int, bytes] = {}

    def place(self) -> Place:
        """The next block's place."""
        self.number += 1
        if self.number > self.limits.max_lines:
            raise GongkaiError("file.too_large", f"more than {self.limits.max_lines} blocks", f"at most {self.limits.max_lines}")
        return Place(page=len(self.pages) + 1, line=self.number)

    def end_page(self) -> None:
        """The blocks gathered so far become a page of text."""
        if self.blocks:
            reason = f"{len(self.blocks)} blocks"
            self.add_page(Page(len(self.pages) + 1, PageKind.TEXT, reason, self.reader, tuple(self.blocks)))
            self.blocks = []

    def add_page(self, page: Page) -> None:
        """Append a page. Raises ``file.too_large`` beyond the limit on pages."""
        self.pages.append(page)
        if len(self.pages) > self.limits.max_pages:
            raise GongkaiError("file.too_large", f"more than {self.limits.max_pages} pages", f"at most {self.limits.max_pages}")

    def add_picture(self, picture: FlowPicture) -> None:
        """A picture becomes a page of its own; one that cannot be read is written down."""
        if picture.data is None:
            if picture.name and len(self.left_out) < _MOST_LEFT_OUT:
                place = Place(page=len(self.pages) + 1, line=self.number + 1)
                self.left_out.append(LeftOut(picture.kind, picture.name[:_LONGEST_NAME], place))
            return
        self.end_page()
        reason = f"{picture.name}, a picture of {picture.width} x {picture.height} pixels"
        size = (float(picture.width), float(picture.height))
        self.add_page(Page(len(self.pages) + 1, PageKind.PICTURE, reason, Reader.OCR, (), *size))
        self.pictures[len(self.pages)] = picture.data

    def add(self, flow: Flow, depth: int = 0) -> None:
        """Append the blocks of a flow."""
        if depth > MAX_DEPTH:
            raise GongkaiError("file.bomb", f"tables nested more than {MAX_DEPTH} deep", "tables of a report")
        for item in flow:
            if isinstance(item, str):
                self.blocks.append(Line(item, self.place(), _score(item)))
            elif isinstance(item, FlowPicture):
                self.add_picture(item)
            else:
                self.add_table(item, depth)

    def add_table(self, grid: CellGrid, depth: int) -> None:
        """Append a table, or what is in its cells where it is only a frame."""
        texts = [_own_text(slot.content) for slot in grid.slots]
        if _is_layout(grid, texts):
            for slot in sorted(grid.slots, key=lambda slot: (slot.row, slot.column)):
                self.add(slot.content, depth + 1)
            return
        slots = compact([refill(slot, text) for slot, text in zip(grid.slots, texts, strict=True)])
        self.cells += len(slots)
        if self.cells > self.limits.max_cells:
            raise GongkaiError("file.too_large", f"more than {self.limits.max_cells} cells", f"at most {self.limits.max_cells}")
        for piece, is_prose in pieces(slots, prose_rows(slots)):
            self.add_piece(piece, is_prose)
        for slot in grid.slots:
            inner = [item for item in slot.content if not isinstance(item, str)]
            self.add(list(inner), depth + 1)

    def add_piece(self, piece: list[Slot[str]], is_prose: bool) -> None:
        """Append one run of rows: lines when they are prose, else a table."""
        if not any(slot.content.strip() or isinstance(slot.content, Unsure) for slot in piece):
            return
        if is_prose:
            for slot in piece:
                self.add([line for line in slot.content.split("\n") if line.strip()])
            return
        rows = [self.place() for _ in range(1 + max(slot.row for slot in piece))]
        cells = (
            Cell(
                s.row,
                s.column,
                s.content,
                Place(page=rows[s.row].page, line=rows[s.row].line, column=s.column + 1),
                s.row_span,
                s.column_span,
                _score(s.content),
            )
            for s in piece
        )
        self.blocks.append(make_table(cells, rows[0]))


def compose(flow: Flow, limits: ExtractionLimits, reader: Reader) -> Composition:
    """The pages of a flow; ``place.line`` counts paragraphs and the rows of tables in reading order, from 1, over all pages. A
    cell has the ``line`` of its row, and its column in the table, from 1.

    Raises ``file.too_large`` beyond the limits on lines, cells and pages, ``file.bomb`` for tables nested without end.
    """
    composer = _Composer(limits, reader)
    composer.add(flow)
    composer.end_page()
    return Composition(tuple(composer.pages), tuple(composer.left_out), composer.pictures)


def _own_text(flow: Flow) -> str:
    """The text of a cell. A cell without text in which something else stands may print a number, and so may a table in a cell
    that holds nothing more than a number.
    """
    if len(flow) == 1 and type(flow[0]) is str:
        return flow[0]  # as most cells
    texts = [item for item in flow if isinstance(item, str)]
    text = "\n".join(texts)
    is_unsure = any(isinstance(item, Unsure) for item in texts)
    if not is_unsure and (not text or NUMERIC.fullmatch(text)):
        is_unsure = any(_may_print(item, empty=not text) for item in flow)
    return Unsure(text) if is_unsure else text


def _may_print(item: str | CellGrid | FlowPicture, *, empty: bool) -> bool:
    """Return whether an item in a cell may print the cell's number, or more of it; a picture only where the cell is ``empty``."""
    if isinstance(item, CellGrid):
        texts = (_own_text(slot.content) for slot in item.slots)
        return any(text or isinstance(text, Unsure) for text in texts)
    return empty and isinstance(item, FlowPicture)


def _score(text: str) -> float:
    return _UNSURE if isinstance(text, Unsure) else 1.0


def _is_layout(grid: CellGrid, texts: list[str]) -> bool:
    """Return whether a table only lays out a page: it holds other tables, pictures or long prose, and fewer than two numbers
    of its own. ``texts`` are those of its cells.
    """
    numbers = longest = 0
    nested = False
    for slot, text in zip(grid.slots, texts, strict=True):
        numbers += NUMERIC.fullmatch(text) is not None
        if numbers == _NUMBERS:
            return False
        longest = max(longest, len(text) if len(slot.content) > 1 else 0)
        nested = nested or any(
            isinstance(item, CellGrid) or (isinstance(item, FlowPicture) and item.data is not None) for item in slot.content
        )
    return nested or longest > _LONG
