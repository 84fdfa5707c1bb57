"""A region of flattened text prepared for reading: its atoms, its labels and its runs of values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from codebook.book import load_book
from codebook.records import Place
from codebook.text.numbers import Kind, Token
from tasks.parsing.tables.align import Item, Run
from tasks.parsing.tables.found_labels import Mark, mark_labels, values_in_words
from tasks.parsing.tables.labels import Lexicon, Part, lexicon
from tasks.parsing.tables.spans import Region
from tasks.parsing.tables.tokens import Atom, AtomKind, Slot, Source

# So many single characters of a group label between the rows are a label that runs from top to bottom.
_UPRIGHT = 3


class Text(NamedTuple):
    """A document's lines and their atoms."""

    lines: list[Source]
    atoms: list[Atom]

    def place(self, index: int) -> Place:
        """Where atom ``index`` stands in its source: line and column of its first character, or page and box of its line."""
        atom = self.atoms[index]
        line = self.lines[atom.line]
        if line.cells is not None:
            return line.cells[atom.cell].place
        place = line.place
        if place.line is None or place.box is not None:
            return place
        return Place(place.page, None, place.line, (place.column or 1) + line.offset + atom.start)

    def slot(self, index: int) -> Slot:
        """Atom ``index``, a value, with its evidence."""
        atom = self.atoms[index]
        line = self.lines[atom.line]
        token = atom.token or Token(Kind.OTHER)
        if line.cells is None:
            return Slot(atom.raw, token, self.place(index), line.reader, line.score)
        cell = line.cells[atom.cell]
        return Slot(atom.raw, token, self.place(index), line.reader, cell.score, cell.alternatives)


class Prepared(NamedTuple):
    """A region with its labels and its runs of values, both in reading order, from its first label on."""

    text: Text
    lex: Lexicon
    region: Region
    marks: list[Mark]
    runs: list[Run]

    @property
    def grid(self) -> bool:
        """Whether the source draws the table's rows and columns."""
        return self.text.lines[self.text.atoms[self.region.first].line].cells is not None

    @property
    def from_print(self) -> bool:
        """Whether group labels run from top to bottom between the rows, as in text taken from printed pages."""
        upright = self.lex.upright
        atoms = self.text.atoms[self.region.start : self.region.end]
        return sum(atom.kind is AtomKind.TEXT and len(atom.text) == 1 and atom.text in upright for atom in atoms) >= _UPRIGHT

    @property
    def padded(self) -> bool:
        """Whether the table's cells stand between pipes: such rows may have lost blanks and got others at their end."""
        return any("|" in self.text.lines[run.line].text for run in self.runs[:9])


@cache
def unit_words(block: str) -> frozenset[str]:
    """The units that a block prints in a column of its own; empty for blocks that have none."""
    if block != "statistics":
        return frozenset()
    units = {i.unit for i in load_book().indicators.values() if i.block == block and i.unit}
    return frozenset(units)


def prepare(text: Text, region: Region) -> Prepared:
    """Find the labels and runs of ``region``."""
    lex = lexicon(region.block)
    units = unit_words(region.block)
    atoms = text.atoms[: region.start] + values_in_words(text.atoms[region.start : region.end], lex) + text.atoms[region.end :]
    text = Text(text.lines, atoms)
    indices = list(range(region.start, region.end))
    marks = mark_labels(atoms, indices, lex, units)
    known = [mark.first for mark in marks if mark.entry.part is not Part.UNKNOWN]
    begin = min(known, default=region.start)
    while begin > region.start and atoms[begin - 1].kind in (AtomKind.VALUE, AtomKind.BLANK):
        begin -= 1  # the first row's values may stand before its label
    return Prepared(text, lex, region, [m for m in marks if m.first >= begin], value_runs(atoms, begin, region.end, units))


def value_runs(atoms: list[Atom], begin: int, end: int, units: frozenset[str]) -> list[Run]:
    """Values and blanks with no label between. A line break ends a run where a line with a value holds other cells too."""
    valued = {atom.line for atom in atoms[begin:end] if atom.kind is AtomKind.VALUE}
    shown = (AtomKind.VALUE, AtomKind.BLANK)
    per_line = Counter(atom.line for atom in atoms[begin:end] if atom.kind in shown and atom.line in valued)
    runs: list[Run] = []
    open_run: list[int] = []
    for index in range(begin, end):
        atom = atoms[index]
        if atom.kind is AtomKind.TEXT and atom.text in units:
            continue
        if atom.kind in (AtomKind.TEXT, AtomKind.PROSE):
            _close(atoms, open_run, runs)
            open_run = []
            continue
        if open_run:
            line = atoms[open_run[-1]].line
            if line != atom.line and max(per_line[line], per_line[atom.line]) > 1:
                _close(atoms, open_run, runs)
                open_run = []
        open_run.append(index)
    _close(atoms, open_run, runs)
    return runs


def _close(atoms: list[Atom], slots: list[int], runs: list[Run]) -> None:
    if not slots:
        return
    values = tuple(i for i in slots if atoms[i].kind is AtomKind.VALUE)
    line = atoms[slots[0]].line
    lines = len({atoms[i].line for i in values})
    runs.append(Run(slots[0], slots[-1], line, values, tuple(slots), lines == 1 and len(values) > 1))


def split_runs(prepared: Prepared, size: int, holds: Callable[[list[Slot]], bool]) -> Prepared:
    """Cut runs of twice (three times…) ``size`` values, whose labels stand elsewhere, if ``holds`` agrees to each part."""
    runs: list[Run] = []
    atoms = prepared.text.atoms
    for run in prepared.runs:
        count = len(run.values)
        if count <= size or count % size:
            runs.append(run)
            continue
        parts = [run.values[at : at + size] for at in range(0, count, size)]
        unbroken = all(part[-1] - part[0] == size - 1 for part in parts)  # blanks stand between rows only
        if not unbroken or not all(holds([prepared.text.slot(i) for i in part]) for part in parts):
            runs.append(run)
            continue
        runs += [Run(p[0], p[-1], atoms[p[0]].line, p, p, run.inline, number > 0) for number, p in enumerate(parts)]
    return prepared._replace(runs=runs)


def items_of(prepared: Prepared, sizes: dict[int, int], default: int) -> list[Item]:
    """The labels that may own values; ``sizes`` gives the values that the row at a mark's first atom asks for."""
    parts = (Part.ROW, Part.SUBTOTAL, Part.UNKNOWN)
    blanks = {run.first: len(run.slots) for run in prepared.runs if not run.values}
    return [
        Item(
            m.entry.part,
            m.entry.slug,
            m.first,
            m.last,
            prepared.text.atoms[m.last].line,
            sizes.get(m.first, default),
            m.score,
            m.text,
            (m.last + 1) in blanks and blanks[m.last + 1] >= sizes.get(m.first, default),
        )
        for m in prepared.marks
        if m.entry.part in parts
    ]
