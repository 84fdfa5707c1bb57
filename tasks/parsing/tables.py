"""The tables of a report: every number of every form, with its evidence, from grids and from flattened text.

A grid is read as a grid (:mod:`tasks.parsing.grid`); lines of text, and grids that show nothing as such, are read as a stream
(:mod:`tasks.parsing.stream`). Both give the same cells; where both speak of one indicator they must agree.
"""

from __future__ import annotations

from collections import Counter

from codebook.records import Line, Page
from tasks.parsing.stream import read_stream
from tasks.parsing.table_cells import BlockRead, TablesRead, Used, collect, seen
from tasks.parsing.table_tokens import Source


def read_tables(pages: tuple[Page, ...]) -> TablesRead:
    """Read all blocks of numbers of a document. Nothing is raised: what cannot be told is doubtful or a note."""
    lines: list[Source] = []
    reads: list[BlockRead] = []
    used: list[Used] = []
    for page in pages:
        for number, block in enumerate(page.blocks):
            if isinstance(block, Line):
                lines.append(Source(block.text, page.number, number, block.place, page.read_by, block.score))
    streamed, places = read_stream(lines)
    reads += streamed
    used += places
    readings, extras, notes = collect(reads)
    return TablesRead(tuple(readings), tuple(extras), seen(reads, _form(reads)), tuple(used), tuple(dict.fromkeys(notes)))


def _form(reads: list[BlockRead]) -> str:
    """The form that most blocks declare; table two speaks first."""
    declared = [read.form for read in reads if read.form and read.block == "disclosure"] or [read.form for read in reads if read.form]
    return Counter(declared).most_common(1)[0][0] if declared else "2019"
