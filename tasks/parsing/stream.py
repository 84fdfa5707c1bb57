"""The stream reader: tables read from flattened text, whatever is left of their shape.

Labels are found first (exact ones anywhere, misprinted ones where the order of the form expects them), then the runs of values,
then the pairs of both (:mod:`tasks.parsing.table_align`), then the columns (:mod:`tasks.parsing.table_place`).
"""

from __future__ import annotations

from collections.abc import Callable

from tasks.parsing.labels import Part
from tasks.parsing.table_cells import BlockRead, Used
from tasks.parsing.table_disclosure import read_disclosure
from tasks.parsing.table_regions import Heading, find_regions, flatten, headings
from tasks.parsing.table_requests import read_requests
from tasks.parsing.table_review import read_review
from tasks.parsing.table_statistics import read_statistics
from tasks.parsing.table_text import Prepared, Text, prepare
from tasks.parsing.table_tokens import AtomKind, Source, tokenize

_READERS: dict[str, Callable[[Prepared], BlockRead]] = {
    "disclosure": read_disclosure,
    "requests": read_requests,
    "review": read_review,
    "statistics": read_statistics,
}


def read_stream(lines: list[Source]) -> tuple[list[BlockRead], list[Used]]:
    """All blocks that flattened text holds, in reading order, and what of the text they took up.

    A chapter's title without a table under it is a BlockRead that is not readable (a picture, or an attachment).
    """
    text = Text(lines, tokenize(lines))
    flat = flatten(text.atoms)
    walls = headings(text.atoms, flat)
    reads: list[BlockRead] = []
    used: list[Used] = []
    for region in find_regions(text.atoms, flat, walls):
        prepared = prepare(text, region)
        read = _READERS[region.block](prepared)
        if read.cells or not read.readable:
            reads.append(read)
            used += _used(prepared)
    return [*reads, *_empty(text, walls, reads)], used


def _empty(text: Text, walls: list[Heading], reads: list[BlockRead]) -> list[BlockRead]:
    """Titles of tables that are not there."""
    found = {read.block for read in reads}
    result: dict[str, BlockRead] = {}
    for wall in walls:
        if wall.block and wall.block not in found:
            result.setdefault(
                wall.block, BlockRead(wall.block, None, text.place(wall.first), (), False, "a title without a table")
            )
    return list(result.values())


def _used(prepared: Prepared) -> list[Used]:
    """Whole lines from the table's first label to its last label or value; characters where a line holds more than the table."""
    atoms, lines = prepared.text.atoms, prepared.text.lines
    known = [m for m in prepared.marks if m.entry.part is not Part.UNKNOWN]
    first = min((m.first for m in known), default=prepared.region.first)
    last_mark = max((m.last for m in known), default=prepared.region.last)
    following = [run.values[-1] for run in prepared.runs if run.values and run.first > last_mark]
    last = following[0] if following else last_mark
    result: list[Used] = []
    for number in range(atoms[first].line, atoms[last].line + 1):
        line = lines[number]
        inside = [a for a in atoms[first : last + 1] if a.line == number]
        outside = [
            a
            for a in (*atoms[max(0, first - 400) : first], *atoms[last + 1 : last + 400])
            if a.line == number and a.kind is not AtomKind.BLANK
        ]
        if inside and outside:
            result.append(Used(line.page, line.block, inside[0].start, inside[-1].end))
        else:
            result.append(Used(line.page, line.block))
    return result
