"""Pages whose fonts map some characters to no text, as Firefox prints those that a font draws in the way of one country.

The lines, cells and numbers of such a page are those of its text; what stands in a cell for the characters that are not mapped is
read from its pixels, where all else in the cell agrees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec
from rapidfuzz.distance import Levenshtein

from codebook.records import Block, Cell, Line, Page, Place, Table
from codebook.text.fold import fold_label
from tasks.extraction.grid import Box, covered_share

_UNKNOWN = "\ufffd\ufffe\uffff\ue000-\uf8ff\x01-\x08\x0e-\x1f"
_ONE = re.compile(f"[{_UNKNOWN}]")
_VALUE = re.compile(rf"[\s\d.,，%]*[{_UNKNOWN}][\s\d.,，%{_UNKNOWN}]*")
_MANY = 0.2  # share of the characters from which on a page cannot be read without its pixels
_MOST = 0.6  # the same; beyond it what is mapped may be anything
_AGREE = 0.5  # of the characters of a cell that are mapped: as many are read in its place
_INSIDE = 0.7  # of what was read: the share that lies in a cell
_FEWEST = 2  # columns and rows of a table


def is_garbled(text: str) -> bool:
    """Return whether too few characters of a text are mapped for it to be read alone."""
    return unmapped(text) > _MANY * len(text)


def is_partly_mapped(text: str) -> bool:
    """Return whether a garbled text may be read beside its pixels."""
    return is_garbled(text) and unmapped(text) <= _MOST * len(text)


def unmapped(text: str) -> int:
    """The number of characters that are not mapped to text."""
    return len(_ONE.findall(text))


def mapped(text: str) -> str:
    """The text without the characters that are not mapped."""
    return _ONE.sub("", text)


def unmapped_values(blocks: Sequence[Block]) -> int:
    """How many numbers of tables and of rows without lines have characters that are not mapped."""
    return sum(_VALUE.fullmatch(text) is not None for block in blocks for text in _values(block))


def keeps_numbers(blocks: Sequence[Block]) -> bool:
    """Return whether the numbers of a page stand in the cells of tables, and are all mapped.

    A cell of which no character is mapped is a label, where most cells with digits are mapped; a number has digits of one font.
    """
    tables = [block for block in blocks if isinstance(block, Table)]
    cells = [cell.text for table in tables for cell in table.cells]
    lost = [text for text in cells if _VALUE.fullmatch(text)]
    numbers = sum(any(map(str.isdigit, text)) for text in cells)
    return (
        any(table.rows >= _FEWEST and table.columns >= _FEWEST for table in tables)
        and not any(any(map(str.isdigit, text)) for text in lost)
        and len(lost) <= numbers
        and not any(isinstance(block, Line) and block.numbers for block in blocks)
    )


def with_labels(page: Page, read: Page) -> Page:
    """A page of which some characters are not mapped, with what was ``read`` of it from its pixels: in the cells of its tables in
    the place of these characters, and around the tables.
    """
    tables = [block for block in page.blocks if isinstance(block, Table)]
    filled: list[Block] = [_filled(table, read.blocks) for table in tables]
    taken = [cell.place.box for table in tables for cell in table.cells if cell.place.box]
    around = [
        msgspec.structs.replace(block, read_by=read.read_by)
        for block in read.blocks
        if not any(covered_share(part, box) > _INSIDE for part in _boxes(block) for box in taken)
    ]
    blocks = sorted([*filled, *around], key=lambda block: block.place.box[1] if block.place.box else 0.0)
    return msgspec.structs.replace(page, blocks=tuple(blocks))


def _values(block: Block) -> Iterator[str]:
    if isinstance(block, Line):
        yield from block.text.split("  ")[1:]
    else:
        yield from (cell.text for cell in block.cells)


def _filled(table: Table, read: Sequence[Block]) -> Table:
    parts = [part for block in read for part in _parts(block)]
    return msgspec.structs.replace(table, cells=tuple(_filled_cell(cell, parts) for cell in table.cells))


def _filled_cell(cell: Cell, read: Sequence[tuple[Place, str, float]]) -> Cell:
    """The cell with what was read in the place of its characters that are not mapped; as it is where the rest does not agree."""
    box = cell.place.box
    if box is None or not _ONE.search(cell.text):
        return cell
    inside = [(place, text, score) for place, text, score in read if place.box and covered_share(place.box, box) >= _INSIDE]
    inside.sort(key=lambda part: (part[0].box or box)[1])
    shown = "".join("".join(text.split()) for _, text, _ in inside)
    text = filled_text(cell.text, shown)
    if text is None:
        return cell
    return msgspec.structs.replace(cell, text=text, score=min(cell.score, *(score for _, _, score in inside)))


def filled_text(text: str, shown: str) -> str | None:
    """A text with the characters that ``shown`` has in the place of those that are not mapped; line breaks stay. None where most
    of the others are not in ``shown``.

    >>> filled_text("3.\\ufffd求\\n提供", "3.要求提供")
    '3.要求\\n提供'
    """
    at = [index for index, char in enumerate(text) if not char.isspace()]
    own = [fold_label(text[index]) or text[index] for index in at]
    known = sum(not _ONE.match(char) for char in own)
    new = dict(zip(at, (text[index] for index in at), strict=True))
    agree = 0
    for step in Levenshtein.opcodes(own, [fold_label(char) or char for char in shown]):
        places, seen = at[step.src_start : step.src_end], shown[step.dest_start : step.dest_end]
        if step.tag == "equal":
            agree += len(places)
        elif step.tag == "replace":
            for index, char in zip(places, seen, strict=True):
                new[index] = char if _ONE.match(text[index]) else text[index]
    if not shown or agree < _AGREE * known:
        return None
    return "".join(new.get(index, char) for index, char in enumerate(text))


def _parts(block: Block) -> Iterator[tuple[Place, str, float]]:
    if isinstance(block, Line):
        yield block.place, block.text, block.score
    else:
        yield from ((cell.place, cell.text, cell.score) for cell in block.cells)


def _boxes(block: Block) -> Iterator[Box]:
    return (place.box for place, _, _ in _parts(block) if place.box)
