"""The tables of a report: every number of every form, with its evidence, from grids and from flattened text.

Grids keep the columns of their cells (:mod:`tasks.parsing.grid`); with the lines of text between them they are read in reading
order (:mod:`tasks.parsing.stream`). Where two places speak of one indicator they must agree.
"""

from __future__ import annotations

from collections import Counter

from codebook.records import Line, Page
from tasks.parsing.grid import grid_lines
from tasks.parsing.stream import read_stream
from tasks.parsing.table_cells import BlockRead, TablesRead, collect, seen
from tasks.parsing.table_tokens import Source


def read_tables(pages: tuple[Page, ...]) -> TablesRead:
    """Read all blocks of numbers of a document. Nothing is raised: what cannot be told is doubtful or a note."""
    lines: list[Source] = []
    for page in pages:
        for number, block in enumerate(page.blocks):
            reader = block.read_by or page.read_by
            if isinstance(block, Line):
                lines.append(Source(block.text, page.number, number, block.place, reader, block.score))
            else:
                lines += grid_lines(block, page.number, number, reader)
    reads, used = read_stream(lines)
    readings, extras, notes = collect(reads)
    return TablesRead(tuple(readings), tuple(extras), seen(reads, _form(reads)), tuple(used), tuple(dict.fromkeys(notes)))


def _form(reads: list[BlockRead]) -> str:
    """The form that most blocks declare; table two speaks first."""
    declared = [read.form for read in reads if read.form and read.block == "disclosure"] or [
        read.form for read in reads if read.form
    ]
    return Counter(declared).most_common(1)[0][0] if declared else "2019"
