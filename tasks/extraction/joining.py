"""Page breaks undone, on page records alone, so that it serves text, PDF and OCR pages alike.

Page numbers and running heads are dropped, a table that goes on over a page break becomes one table (its cells keep their pages),
a row or a label that the break split is put together again, and so is a paragraph.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from codebook.records import Block, Cell, Line, Page, Place, Reader, Table
from codebook.text.page_gaps import PrintedNumber, bare_number, page_gaps, printed_number
from codebook.text.page_numbers import page_numbers
from tasks.extraction.merging import continue_table
from tasks.extraction.words import patterns

_SPACES = re.compile(r"\s+")
_EDGE = 0.12  # share of the page's height at its top and bottom where running heads and page numbers stand
_MOST = 0.6  # share of the pages
_SAME_HEIGHT = 10.0  # points by which a running head may move from page to page
_SURELY = 0.95  # score from which on a number read from a picture shows a gap
_LARGEST_GAP = 4  # between the numbers of two pages of the file
_CLOSED = re.compile(r"[。！？；：:;!?.…”」』）)]\s*$")
_TABULAR = re.compile(r"\S(?: {2,}|\t)\S|(?:^|\s)[-\d.,/—]+\s+[-\d.,/—]+\s*$")
_INDENT = 14.0  # points; less than the indent of two characters of 10.5 points
_WIDE = 0.55  # share of the page's width that a full line of text covers at least


def join_pages(pages: Sequence[Page]) -> tuple[Page, ...]:
    """All of the above, in order. Pages keep their numbers; a page whose whole content went to an earlier one has no blocks."""
    return join_blocks(drop_running_heads(drop_page_numbers(pages)))


def moved(page: Page, move: Callable[[Place], Place]) -> Page:
    """The page with all its places moved."""
    return msgspec.structs.replace(page, blocks=tuple(moved_block(block, move) for block in page.blocks))


def moved_block(block: Block, move: Callable[[Place], Place]) -> Block:
    """The block with all its places moved."""
    place = move(block.place)
    if isinstance(block, Line):
        numbers = tuple(msgspec.structs.replace(number, place=move(number.place)) for number in block.numbers)
        return msgspec.structs.replace(block, place=place, numbers=numbers)
    cells: tuple[Cell, ...] = tuple(msgspec.structs.replace(cell, place=move(cell.place)) for cell in block.cells)
    return msgspec.structs.replace(block, place=place, cells=cells)


def drop_page_numbers(pages: Sequence[Page]) -> tuple[Page, ...]:
    """Pages without the lines that only number them.

    A bare number may as well be a value: it is dropped only when it counts up with the pages, on most of them, or, at the foot
    of a page whose size is known, when it is the page's own number.
    """
    offsets: Counter[int] = Counter()
    for page in pages:
        for _, line in _edges(page):
            if (number := _bare_number(line.text)) is not None and (line.place.box is None or _near_edge(page, line)):
                offsets[number - page.number] += 1
    steady = {offset for offset, count in offsets.items() if count >= max(2, len(pages) * _MOST)}
    unsteady = _unsteady(pages)

    def is_number(page: Page, line: Line) -> bool:
        if _sure_number(line.text):
            return True
        number = _bare_number(line.text)
        if number is None:
            return False
        if line.place.box is None:
            return number - page.number in steady
        if _at_foot(page, line) and (
            number == page.number or (page.number in unsteady and unsteady[page.number].number == number)
        ):
            return True
        return number - page.number in steady and _near_edge(page, line)

    return tuple(_without(page, is_number) for page in pages)


def gaps_of(pages: Sequence[Page]) -> tuple[int, ...]:
    """Return the printed page numbers that no page has (see codebook.text.page_gaps), of pages that have their numbers still."""
    counted = _unsteady(pages)
    found: list[PrintedNumber] = []
    for index, page in enumerate(pages, 1):
        lines = [line.text for _, line in _edges(page) if line.score >= _SURELY]
        numbers = [number for text in lines if (number := printed_number(text, index)) is not None and number.number > 0]
        bare = [counted[page.number]._replace(page=index)] if page.number in counted else []
        found += (numbers or bare)[-1:]
    return page_gaps(found, len(pages))


def gaps_within(page: Page) -> tuple[int, ...]:
    """Return the printed page numbers that are left out in a text that was copied from pages into one."""
    lines = [block.text for block in page.blocks if isinstance(block, Line) and page_numbers().among_tables.fullmatch(block.text)]
    found = [number for text in lines if (number := printed_number(text, 1)) is not None and number.number > 0]
    return page_gaps(found, None)


def _unsteady(pages: Sequence[Page]) -> dict[int, PrintedNumber]:
    """Return the bare numbers at the foot of pages, by page, that count up but not with the pages: some are left out.

    All pages but one (a cover) must have one, at the same height.
    """
    found: dict[int, PrintedNumber] = {}
    tops: list[float] = []
    for page in pages:
        at_foot = [line for _, line in _edges(page) if _at_foot(page, line) and line.score >= _SURELY]
        if at_foot and at_foot[-1].place.box and (number := bare_number(at_foot[-1].text, page.number)) is not None:
            found[page.number] = number
            tops.append(at_foot[-1].place.box[1])
    numbers = [number.number for number in found.values()]
    counts_up = all(0 < other - one <= _LARGEST_GAP for one, other in pairwise(numbers))
    if len(found) < max(2, len(pages) - 1) or not counts_up or max(tops) - min(tops) > _SAME_HEIGHT:
        return {}
    return found


def drop_running_heads(pages: Sequence[Page]) -> tuple[Page, ...]:
    """Pages without the lines at top or foot that stand, equal but for digits, at one height on most of three or more pages."""
    if len(pages) < 3:
        return tuple(pages)
    seen: dict[str, list[float]] = {}
    for page in pages:
        for text, box in {_head_key(line.text): line.place.box for _, line in _edges(page) if _near_edge(page, line)}.items():
            if box is not None and text.strip("#"):
                seen.setdefault(text, []).append(box[1])
    heads = {
        text
        for text, tops in seen.items()
        if len(tops) * 2 > len(pages) and len(tops) >= 3 and max(tops) - min(tops) <= _SAME_HEIGHT
    }
    if not heads:
        return tuple(pages)
    return tuple(_without(page, lambda on, line: _near_edge(on, line) and _head_key(line.text) in heads) for page in pages)


def join_blocks(pages: Sequence[Page]) -> tuple[Page, ...]:
    """Pages where a table or paragraph that goes on over a page break is one block, on the page where it begins."""
    blocks: list[list[Block]] = [list(page.blocks) for page in pages]
    open_at: int | None = None  # the page whose last block may go on
    for index, page in enumerate(pages):
        if open_at is not None and blocks[index]:
            joined = _joined(pages[open_at], blocks[open_at][-1], page, blocks[index][0])
            if joined is not None:
                blocks[open_at][-1] = joined
                del blocks[index][0]
        if blocks[index]:
            open_at = index
        elif not page.blocks:
            open_at = None  # an empty page, or a picture: what follows is not known to go on
    return tuple(
        page
        if len(found) == len(page.blocks) and tuple(found) == page.blocks
        else msgspec.structs.replace(page, blocks=tuple(found))
        for page, found in zip(pages, blocks, strict=True)
    )


def _joined(before: Page, last: Block, after: Page, first: Block) -> Block | None:
    """One block for two on both sides of a page break, None when they are two."""
    if isinstance(last, Table) and isinstance(first, Table):
        return continue_table(last, first, scanned=Reader.OCR in (before.read_by, after.read_by))
    if isinstance(last, Line) and isinstance(first, Line) and _goes_on(before, last, after, first):
        glue = " " if last.text[-1:].isascii() and first.text[:1].isascii() and last.text[-1:].isalnum() else ""
        return msgspec.structs.replace(
            last, text=last.text.rstrip() + glue + first.text.lstrip(), score=min(last.score, first.score)
        )
    return None


def _goes_on(before: Page, last: Line, after: Page, first: Line) -> bool:
    """Return whether a paragraph is cut by the page break: it is not closed, was wide, and goes on without indent at the left
    margin.
    """
    a, b = last.place.box, first.place.box
    if a is None or b is None or before.width is None:
        return False
    if (
        _CLOSED.search(last.text)
        or _TABULAR.search(last.text)
        or _TABULAR.search(first.text)
        or patterns().heading.match(first.text)
    ):
        return False
    margin = min((block.place.box[0] for block in after.blocks if isinstance(block, Line) and block.place.box), default=b[0])
    return a[2] - a[0] >= before.width * _WIDE and b[0] <= margin + _INDENT and b[0] <= a[0] + _INDENT


def _edges(page: Page) -> list[tuple[int, Line]]:
    """The lines of a page that may be page numbers or running heads, with their index: first, last, and those near the edges."""
    found = []
    for index, block in enumerate(page.blocks):
        if isinstance(block, Line) and (index in (0, len(page.blocks) - 1) or _near_edge(page, block)):
            found.append((index, block))
    return found


def _near_edge(page: Page, line: Line) -> bool:
    box = line.place.box
    return box is not None and page.height is not None and (box[3] < page.height * _EDGE or _at_foot(page, line))


def _at_foot(page: Page, line: Line) -> bool:
    box = line.place.box
    return box is not None and page.height is not None and box[1] > page.height * (1 - _EDGE)


def _without(page: Page, unwanted: Callable[[Page, Line], bool]) -> Page:
    drop = {index for index, line in _edges(page) if unwanted(page, line)}
    if not drop:
        return page
    return msgspec.structs.replace(page, blocks=tuple(block for index, block in enumerate(page.blocks) if index not in drop))


def _sure_number(text: str) -> bool:
    return len(text) < 40 and page_numbers().sure.fullmatch(_SPACES.sub("", text)) is not None


def _bare_number(text: str) -> int | None:
    number = bare_number(text, 0)
    return number.number if number else None


def _head_key(text: str) -> str:
    return re.sub(r"\d+", "#", _SPACES.sub("", text))
