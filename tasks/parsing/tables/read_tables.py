"""The tables of a report: every number of every form, with its evidence, from grids and from flattened text.

Grids keep the columns of their cells (:mod:`tasks.parsing.tables.grid_lines`); with the lines of text between them they are
read in reading order (:mod:`tasks.parsing.tables.blocks`). Where two places speak of one indicator they must agree.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec

from codebook.book import load_book
from codebook.records import Line, Page, Reader
from tasks.parsing.tables.blocks import read_blocks
from tasks.parsing.tables.cells import BlockRead, TablesRead, cells_to_readings, seen
from tasks.parsing.tables.filled import text_tables_to_cells
from tasks.parsing.tables.grid_lines import table_to_lines
from tasks.parsing.tables.other_tables.local_tables import read_local_tables
from tasks.parsing.tables.other_tables.unknown_tables import find_unknown_tables
from tasks.parsing.tables.readers.lost_labels import name_by_order
from tasks.parsing.tables.readers.run_together import read_run_together
from tasks.parsing.tables.tokens import TextLine, value_token

_FEWEST_VALUES = 20  # pairs of lines with values that show how a table with a cell a line is set
_LONGEST_VALUE = 20  # characters
_MOST_BLANKS = 8  # cells of a row


def read_tables(pages: tuple[Page, ...]) -> TablesRead:
    """Read all blocks of numbers of a document. Nothing is raised: what is not certain is doubtful or a note."""
    lines: list[TextLine] = []
    for page in pages:
        for number, block in enumerate(page.blocks):
            reader = block.read_by or page.read_by
            if isinstance(block, Line):
                lines += _lines(block, page, number, reader)
            else:
                lines += table_to_lines(block, page.number, number, reader)
    joined, joined_used, lines = read_run_together(lines)
    lines = name_by_order(text_tables_to_cells(_with_blank_lines(lines)))
    reads, used = read_blocks(lines)
    reads = [*joined, *_others(reads, joined)]
    used += joined_used
    readings, extras, notes = cells_to_readings(reads)
    blocks = seen(reads, _form(reads))
    unknown = find_unknown_tables(lines, used)
    local = read_local_tables(lines, used)
    return TablesRead(tuple(readings), tuple(extras), blocks, tuple(used), tuple(dict.fromkeys(notes)), unknown, local)


def _others(reads: list[BlockRead], joined: list[BlockRead]) -> list[BlockRead]:
    """The blocks that are no mere titles of tables whose cells ran together."""
    found = {read.block for read in joined}
    return [read for read in reads if read.readable or read.block not in found]


def _lines(block: Line, page: Page, number: int, reader: Reader) -> list[TextLine]:
    """A block of text as lines; a paragraph may hold several."""
    if "\n" not in block.text:
        return [TextLine(block.text, page.number, number, block.place, reader, block.score, numbers=block.numbers)]
    lines: list[TextLine] = []
    offset = 0
    for text in block.text.split("\n"):
        lines.append(TextLine(text, page.number, number, block.place, reader, block.score, offset=offset))
        offset += len(text) + 1
    return lines


def _with_blank_lines(lines: list[TextLine]) -> list[TextLine]:
    """Lines that the source left empty, where they are blank cells: in a table with a cell a line whose values else follow each
    other line by line. In a text that is set with empty lines throughout they mean nothing.
    """
    valued = [_is_value(line) for line in lines]
    gaps = [_empty_between(lines[at], lines[at + 1]) for at, both in enumerate(pairwise(valued)) if all(both)]
    if len(gaps) < _FEWEST_VALUES or gaps.count(0) < 0.8 * len(gaps) or not any(gaps):
        return lines
    result = lines[:1]
    for one, other in pairwise(lines):
        empty = _empty_between(one, other)
        if 0 < empty <= _MOST_BLANKS:
            result += [one.but(text="|", place=msgspec.structs.replace(one.place, line=(one.place.line or 0) + 1))] * empty
        result.append(other)
    return result


def _empty_between(one: TextLine, other: TextLine) -> int:
    """Return how many empty lines stand between two lines of one page."""
    if one.page != other.page or one.place.line is None or other.place.line is None or one.block == other.block:
        return 0
    return other.place.line - one.place.line - 1


def _is_value(line: TextLine) -> bool:
    return line.cells is None and len(line.text) < _LONGEST_VALUE and value_token(line.text.strip()) is not None


def _form(reads: list[BlockRead]) -> str:
    """The form that most blocks show; of those that show it, the first in the book speaks first."""
    book = load_book()
    shown = [read for read in reads if read.forms]
    votes = Counter(form for read in shown for form in read.forms)
    leading = next(iter(name for name, block in book.blocks.items() if block.shows_form), None)
    first = Counter(form for read in shown if read.block == leading for form in read.forms) or votes
    return max(first, key=lambda form: (first[form], votes[form])) if first else book.fallback
