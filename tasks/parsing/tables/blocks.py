"""From the lines of a document to its blocks of numbers, whatever is left of the shape of their tables."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from codebook.book import BlockKind, load_book
from codebook.records import ON_PICTURE, Reader
from tasks.parsing.tables.cells import BlockRead, Used
from tasks.parsing.tables.labels import LabelPart
from tasks.parsing.tables.readers.cross import read_cross, read_unlabelled_cross
from tasks.parsing.tables.readers.items import read_items
from tasks.parsing.tables.readers.list import read_list
from tasks.parsing.tables.readers.matrix import read_matrix
from tasks.parsing.tables.spans import TableSpan, TitleSpan, atoms_to_text, find_spans, find_titles
from tasks.parsing.tables.table_text import AtomText, TableText, span_to_table
from tasks.parsing.tables.tokens import Atom, AtomKind, TextLine, lines_to_atoms

# What may stand under the title of a table that is a picture or an attachment: 见附件, the number of a page.
_NOTE = 80
_READERS: dict[BlockKind, Callable[[TableText], BlockRead]] = {
    BlockKind.ITEMS: read_items,
    BlockKind.MATRIX: read_matrix,
    BlockKind.CROSS: read_cross,
    BlockKind.LIST: read_list,
}


def read_blocks(lines: list[TextLine]) -> tuple[list[BlockRead], list[Used]]:
    """Return all blocks that ``lines`` hold, in reading order, and what of the text they took up.

    A chapter's title without a table under it is a BlockRead that is not readable (a picture, or an attachment).
    """
    text = AtomText(lines, lines_to_atoms(lines))
    label_text = atoms_to_text(text.atoms)
    titles = find_titles(text.atoms, label_text)
    reads: list[BlockRead] = []
    used: list[Used] = []
    for span in find_spans(text.atoms, label_text, titles):
        table = span_to_table(text, span)
        read = _READERS[table.block.kind](table)
        if read.cells or not read.readable:
            reads.append(read)
            used += _used(table, {title.last for title in titles})
    for read, table in _unlabelled(text, titles, {read.block for read in reads}):
        reads.append(read)
        used += _used(table, {title.last for title in titles})
    return [*reads, *_empty(text, titles, reads)], used


def _unlabelled(text: AtomText, titles: list[TitleSpan], found: set[str]) -> list[tuple[BlockRead, TableText]]:
    """Tables of few rows whose labels are lost, between their title and the next."""
    crosses = load_book().of_kind(BlockKind.CROSS)
    result: list[tuple[BlockRead, TableText]] = []
    for title, then in pairwise([*titles, TitleSpan(len(text.atoms), len(text.atoms), None)]):
        if title.block in crosses and title.block not in found and then.first > title.last + 1:
            first = title.last + 1
            table = span_to_table(text, TableSpan(title.block, first, then.first, first, first))
            if read := read_unlabelled_cross(table):
                result.append((read, table))
                found = {*found, title.block}
    return result


def _empty(text: AtomText, titles: list[TitleSpan], reads: list[BlockRead]) -> list[BlockRead]:
    """Titles of tables with neither a table nor prose under them (outlines before 2019 have chapters of these names)."""
    found = {read.block for read in reads}
    result: dict[str, BlockRead] = {}
    for title, then in pairwise([*titles, TitleSpan(len(text.atoms), len(text.atoms), None)]):
        between = sum(len(atom.raw) for atom in text.atoms[title.last + 1 : then.first])
        if title.block and title.block not in found and between <= _NOTE:
            reader = text.lines[text.atoms[title.first].line].reader
            note = ON_PICTURE if reader is Reader.OCR else "a title without a table"
            result.setdefault(title.block, BlockRead(title.block, (), text.place(title.first), (), False, note))
    return list(result.values())


def _used(table: TableText, titles: set[int]) -> list[Used]:
    """Whole lines from the table's title to its last label or value; characters where a line holds more than the table.

    Without a title, from its first label or the first line of cells before that.
    """
    atoms, lines = table.text.atoms, table.text.lines
    known = [m for m in table.labels if m.entry.part is not LabelPart.UNKNOWN]
    first = min((m.first for m in known), default=table.span.first)
    while first > table.span.start and (table.span.start - 1 in titles or atoms[first - 1].cell >= 0):
        first -= 1
    last_mark = max((m.last for m in known), default=table.span.last)
    following = [run.values[-1] for run in table.runs if run.values and run.first > last_mark]
    last = following[0] if following else last_mark
    while last + 1 < table.span.end and atoms[last + 1].kind is AtomKind.BLANK:
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
    """Return whether the line of atom ``at`` holds text or values beyond it, on the side of ``step``."""
    number = atoms[at].line
    while 0 <= at + step < len(atoms) and atoms[at + step].line == number:
        at += step
        if atoms[at].kind is not AtomKind.BLANK:
            return True
    return False
