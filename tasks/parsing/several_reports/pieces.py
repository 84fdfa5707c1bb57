"""A document cut into pieces in reading order, each of them a document for the stages that follow, with its places kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from codebook.records import Block, Cell, Extraction, Line, Place, Table
from codebook.text.fold import fold
from tasks.parsing.prose.lines import ProseLine, shifted

_SHORTEST_CELL = 10  # characters of a cell that may hold a title, or text


class Cut(NamedTuple):
    """A point in reading order: indices of page, block and cell (0 in a line), and the character in its raw text."""

    page: int
    block: int = 0
    cell: int = 0
    at: int = 0


class CutLine(NamedTuple):
    """A line of a document, of its tables too, and the point at which it begins."""

    line: ProseLine
    begin: Cut

    def cut_at(self, folded: int) -> Cut:
        """Return the point before a folded character of the line."""
        raw = self.line.folded.origins[folded] if folded else 0
        return self.begin._replace(at=self.begin.at + raw)


def cut_lines(extraction: Extraction) -> list[CutLine]:
    """Return the lines that may be a title or a heading, in reading order: neither numbers nor the short cells of tables."""
    found: list[CutLine] = []
    for number, page in enumerate(extraction.pages):
        for index, block in enumerate(page.blocks):
            items: Sequence[Line | Cell] = block.cells if isinstance(block, Table) else (block,)
            for position, item in enumerate(items):
                if isinstance(item, Cell) and len(item.text) < _SHORTEST_CELL:
                    continue
                at = 0
                for part in item.text.split("\n"):
                    if not part.isascii():
                        reader = block.read_by or page.read_by
                        line = ProseLine(part, fold(part), shifted(item.place, at), reader, item.score)
                        found.append(CutLine(line, Cut(number, index, position, at)))
                    at += len(part) + 1
    return found


def between(extraction: Extraction, start: Cut, end: Cut | None) -> Extraction:
    """Return what stands from ``start`` up to ``end`` (None: to the last page), without what its metadata say of the whole."""
    stop = end or Cut(len(extraction.pages))
    pages = []
    for number in range(start.page, min(stop.page + 1, len(extraction.pages))):
        page = extraction.pages[number]
        first = start.block if number == start.page else 0
        last = stop.block + 1 if number == stop.page else len(page.blocks)
        blocks = [_part(block, start, stop, (number, index)) for index, block in enumerate(page.blocks[first:last], first)]
        if kept := tuple(block for block in blocks if block):
            pages.append(msgspec.structs.replace(page, blocks=kept))
    return msgspec.structs.replace(extraction, pages=tuple(pages), title=None, notes=())


def _part(block: Block, start: Cut, stop: Cut, at: tuple[int, int]) -> Block | None:
    """Return what of the block at ``at`` stands between two points; None where nothing does."""
    first = start if start[:2] == at else None
    last = stop if stop[:2] == at else None
    if first is None and last is None:
        return block
    items: Sequence[Line | Cell] = block.cells if isinstance(block, Table) else (block,)
    begin, end = first.cell if first else 0, last.cell + 1 if last else len(items)
    kept: list[Any] = []  # cells of a table, or a line
    for index, item in enumerate(items[begin:end], begin):
        at_first = first.at if first and index == first.cell else 0
        at_last = last.at if last and index == last.cell else len(item.text)
        if at_first == 0 and at_last == len(item.text):
            kept.append(item)
        elif at_first < at_last:
            text = item.text[at_first:at_last]
            kept.append(msgspec.structs.replace(item, text=text, place=shifted(item.place, at_first)))
    if isinstance(block, Table):
        return msgspec.structs.replace(block, cells=tuple(kept)) if kept else None
    return next(iter(kept), None)


def size_of(piece: Extraction) -> int:
    """Return how many characters a document has."""
    blocks = (block for page in piece.pages for block in page.blocks)
    return sum(sum(len(cell.text) for cell in block.cells) if isinstance(block, Table) else len(block.text) for block in blocks)


def first_place(piece: Extraction) -> Place:
    """Return where a document begins."""
    return next((block.place for page in piece.pages for block in page.blocks), Place())
