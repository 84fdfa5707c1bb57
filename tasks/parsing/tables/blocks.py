"""The stream reader: tables read from flattened text, whatever is left of their shape.

Labels are found first (exact ones anywhere, misprinted ones where the order of the form expects them), then the runs of values,
then the pairs of both (:mod:`tasks.parsing.tables.align`), then the columns (:mod:`tasks.parsing.tables.place`).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from tasks.parsing.tables.cells import BlockRead, Used
from tasks.parsing.tables.labels import Part
from tasks.parsing.tables.readers.disclosure import read_disclosure
from tasks.parsing.tables.readers.requests import read_requests
from tasks.parsing.tables.readers.review import read_review
from tasks.parsing.tables.readers.statistics import read_statistics
from tasks.parsing.tables.spans import Heading, find_regions, flatten, headings
from tasks.parsing.tables.table_text import Prepared, Text, prepare
from tasks.parsing.tables.tokens import Atom, AtomKind, Source, tokenize

# What may stand under the title of a table that is a picture or an attachment: 见附件, the number of a page.
_NOTE = 80
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
            used += _used(prepared, {wall.last for wall in walls})
    return [*reads, *_empty(text, walls, reads)], used


def _empty(text: Text, walls: list[Heading], reads: list[BlockRead]) -> list[BlockRead]:
    """Titles of tables with neither a table nor prose under them (outlines before 2019 have chapters of these names)."""
    found = {read.block for read in reads}
    result: dict[str, BlockRead] = {}
    for wall, then in pairwise([*walls, Heading(len(text.atoms), len(text.atoms), None)]):
        between = sum(len(atom.raw) for atom in text.atoms[wall.last + 1 : then.first])
        if wall.block and wall.block not in found and between <= _NOTE:
            result.setdefault(
                wall.block, BlockRead(wall.block, None, text.place(wall.first), (), False, "a title without a table")
            )
    return list(result.values())


def _used(prepared: Prepared, titles: set[int]) -> list[Used]:
    """Whole lines from the table's title to its last label or value; characters where a line holds more than the table.

    Without a title, from its first label or the first line of cells before that.
    """
    atoms, lines = prepared.text.atoms, prepared.text.lines
    known = [m for m in prepared.marks if m.entry.part is not Part.UNKNOWN]
    first = min((m.first for m in known), default=prepared.region.first)
    while first > prepared.region.start and (prepared.region.start - 1 in titles or atoms[first - 1].cell >= 0):
        first -= 1
    last_mark = max((m.last for m in known), default=prepared.region.last)
    following = [run.values[-1] for run in prepared.runs if run.values and run.first > last_mark]
    last = following[0] if following else last_mark
    while last + 1 < prepared.region.end and atoms[last + 1].kind is AtomKind.BLANK:
        last += 1
    result: dict[Used, None] = {}
    edges = {atoms[first].line, atoms[last].line}
    for number in range(atoms[first].line, atoms[last].line + 1):
        line = lines[number]
        if number not in edges or line.whole:
            result[Used(line.page, line.block)] = None
            continue
        inside = [at for at in range(first, last + 1) if atoms[at].line == number]
        before, behind = _more_text(atoms, inside[0], -1), _more_text(atoms, inside[-1], 1)
        start = line.offset + atoms[inside[0]].start if before or line.offset else None
        end = line.offset + atoms[inside[-1]].end if behind else None
        result[Used(line.page, line.block, start, end)] = None
    return list(result)


def _more_text(atoms: list[Atom], at: int, step: int) -> bool:
    """Whether the line of atom ``at`` holds text or values beyond it, on the side of ``step``."""
    number = atoms[at].line
    while 0 <= at + step < len(atoms) and atoms[at + step].line == number:
        at += step
        if atoms[at].kind is not AtomKind.BLANK:
            return True
    return False
