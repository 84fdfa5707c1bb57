"""A table in flattened text, ready to be read: its atoms, its labels and its runs of values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from codebook.book import Block, BlockKind, load_book
from codebook.records import Place, Reader
from codebook.text.fold import fold_label
from codebook.text.numbers import Token, ValueKind
from tasks.parsing.tables.align import Item, ValueRun
from tasks.parsing.tables.cells import Doubt
from tasks.parsing.tables.found_labels import FoundLabel, find_labels, values_in_words
from tasks.parsing.tables.labels import LabelPart, Lexicon, holds_several_rows, lexicon
from tasks.parsing.tables.spans import TableSpan
from tasks.parsing.tables.tokens import Atom, AtomKind, PrintedValue, TextLine, is_unread_cell, is_unread_value, value_token

# This many single characters of a group label between the rows are a label that runs from top to bottom.
_UPRIGHT = 3
_DIGIT = re.compile(r"\d")
_SPACES = re.compile(r"[\s|｜¦│]+")
_FEW_WORDS = 8  # of a row of values; more are a sentence
_SHORT_TEXT = 8  # characters of what may stand where a value should be
_UNREAD = 3  # cells of a row of values of which none was read
_NUMBER_AT_END = re.compile(r"(?:^|\s)[\d,.]+\s*$", re.MULTILINE)
_SHOWN = (AtomKind.VALUE, AtomKind.BLANK)
_FEW_NUMBERS = 3  # lines that end with a number in a cell that is no number; a year or a remark may


class AtomText(NamedTuple):
    """A document's lines and their atoms."""

    lines: list[TextLine]
    atoms: list[Atom]

    def place(self, index: int) -> Place:
        """Return where atom ``index`` stands in its source: line and column of its first character, or page and box of its
        line.
        """
        atom = self.atoms[index]
        line = self.lines[atom.line]
        if line.cells is not None:
            return line.cells[atom.cell].place
        place = line.place
        if place.line is None or place.box is not None:
            return place
        return Place(place.page, None, place.line, (place.column or 1) + line.offset + atom.start)

    def slot(self, index: int) -> PrintedValue:
        """Atom ``index``, a value, with its evidence."""
        atom = self.atoms[index]
        line = self.lines[atom.line]
        token = atom.token or Token(ValueKind.OTHER)
        if line.cells is None:
            numbers = line.numbers and [one for one in line.numbers if (one.start, one.end) == (atom.start, atom.end)]
            if not numbers:
                return PrintedValue(atom.raw, token, self.place(index), line.reader, line.score)
            seen = numbers[0]
            return PrintedValue(atom.raw, token, seen.place, line.reader, line.score, (), seen.seen, seen.looked_at)
        cell = line.cells[atom.cell]
        evidence = cell.score, cell.alternatives, cell.seen, cell.looked_at
        return PrintedValue(atom.raw, token, self.place(index), line.reader, *evidence)


class TableText(NamedTuple):
    """The span of a table with its labels and its runs of values, both in reading order, from its first label on.

    ``crowded``: the drawn cells (line and column) that hold the labels of several rows. ``holds_rows``: a drawn cell that is no
    number holds those of several rows, one a line.
    """

    text: AtomText
    lex: Lexicon
    span: TableSpan
    labels: list[FoundLabel]
    runs: list[ValueRun]
    crowded: frozenset[tuple[int, int]] = frozenset()
    holds_rows: bool = False

    @property
    def block(self) -> Block:
        """What the codebook says of the table's block."""
        return load_book().blocks[self.span.block]

    @property
    def reader(self) -> Reader:
        """Who read the line of the table's first label."""
        return self.text.lines[self.text.atoms[self.span.first].line].reader

    @property
    def grid(self) -> bool:
        """Whether the source draws the table's rows and columns."""
        return self.text.lines[self.text.atoms[self.span.first].line].cells is not None

    @property
    def from_print(self) -> bool:
        """Whether group labels run from top to bottom between the rows, as in text taken from printed pages."""
        upright = self.lex.upright
        atoms = self.text.atoms[self.span.start : self.span.end]
        return sum(atom.kind is AtomKind.TEXT and len(atom.text) == 1 and atom.text in upright for atom in atoms) >= _UPRIGHT

    def doubt_without_cell(self, first: int, last: int) -> str | None:
        """Return the doubt about the values behind the label of atoms ``first`` to ``last``, which has none, or None where they
        are blank.

        In a line of a picture without drawn cells, what was not recognised may be a number. On a drawn page blanks are cells:
        where none is behind a piece of the label, its numbers stand elsewhere, as on a page that was turned on its side.
        """
        line = self.text.lines[self.text.atoms[last].line]
        if line.reader not in (Reader.OCR, Reader.PDF):
            return None
        if self.has_number_in_label(first, last):
            return Doubt.BLANK
        if line.cells is None:
            return Doubt.BLANK if line.reader is Reader.OCR else None
        ends = {atom.line: atom.cell for atom in self.text.atoms[first : last + 1] if atom.kind is AtomKind.TEXT}
        cells = ((self.text.lines[number].cells, at) for number, at in ends.items())
        return Doubt.BLANK if any(found is not None and max(found) <= at for found, at in cells) else None

    def has_number_in_label(self, first: int, last: int) -> bool:
        """Return whether more digits stand in the label of atoms ``first`` to ``last`` of a picture than the form prints there:
        in a narrow column a number touches the label, and is read as a part of it.
        """
        line = self.text.lines[self.text.atoms[last].line]
        if line.reader is not Reader.OCR or line.holds_number:
            return line.reader is Reader.OCR
        known = next((label for label in self.labels if label.last == last and label.entry.part is not LabelPart.UNKNOWN), None)
        texts = self.lex.rows.get(known.entry.slug, (known.entry.text,)) if known else ()
        pieces = (atom.text for atom in self.text.atoms[first : last + 1] if atom.kind is AtomKind.TEXT)
        found = len(_DIGIT.findall("".join(pieces)))
        return bool(texts) and found > max(len(_DIGIT.findall(text)) for text in texts)

    def has_unread_numbers(self, index: int) -> bool:
        """Return whether the row of a label that ends at atom ``index`` is not blank though it has no values: other text stands
        in the cells behind it, it shares its cell with other rows, or a cell of the table holds numbers of several.
        """
        if self.holds_rows or self.shares_cell(index):
            return True
        line, atom = self.text.lines[self.text.atoms[index].line], self.text.atoms[index]
        if line.cells is None:
            rest = [word for word in _SPACES.split(line.text[atom.end :]) if word and word not in unit_words(self.span.block)]
            if rest and len(rest) <= _FEW_WORDS and all(map(is_unread_value, rest)):
                return True
            return self._has_unread_within(index) or self._has_unread_beside(index)
        behind = [cell.text for column, cell in line.cells.items() if column > atom.cell]
        return any(map(is_unread_value, behind))

    def _has_unread_within(self, index: int) -> bool:
        """Return whether a short text that is no part of the label that ends at atom ``index`` stands between its pieces, which
        are on the lines before and behind it.
        """
        label = next((label for label in self.labels if label.last == index and label.entry.part is not LabelPart.UNKNOWN), None)
        if label is None:
            return False
        texts = self.lex.rows.get(label.entry.slug, (label.entry.text,))
        pieces = (atom for atom in self.text.atoms[label.first : index + 1] if atom.kind is AtomKind.TEXT)
        return any(is_unread_value(piece.raw) and not any(piece.text in text for text in texts) for piece in pieces)

    def _has_unread_beside(self, index: int) -> bool:
        """Return whether what follows the label that ends at atom ``index`` is a short text and no label: where each cell has a
        line of its own, it stands where the row's value should be. Before a label of which only the end was found, too.
        """
        then = next((label for label in self.labels if label.first > index), None)
        if then is not None and then.entry.part is LabelPart.UNKNOWN and self._is_short_unread(then.first):
            return True
        known = next((label for label in self.labels if label.last == index), None)
        before = next((label for label in reversed(self.labels) if known and label.last < known.first), None)
        if known is None or known.score == 1.0 or before is None or before.entry.part is not LabelPart.UNKNOWN:
            return False
        return self._is_short_unread(before.last)

    def _is_short_unread(self, index: int) -> bool:
        raw = self.text.atoms[index].raw
        return is_unread_cell(raw) or (len(raw) <= _SHORT_TEXT and is_unread_value(raw))

    def has_unread_row(self, index: int) -> bool:
        """Return whether a row behind atom ``index`` holds texts where values should be, none of which is one."""
        first = self.text.atoms[index].line + 1
        last = self.text.atoms[self.span.end - 1].line
        lines = self.text.lines[first : last + 1]
        rows = [[cell.text for cell in line.cells.values()] if line.cells else _SPACES.split(line.text) for line in lines]
        if all(len(texts) == 1 for texts in rows):  # a cell a line
            rows = [[texts[0] for texts in rows]]
        return any(sum(map(is_unread_value, texts)) >= _UNREAD for texts in rows)

    def shares_cell(self, index: int) -> bool:
        """Return whether the label that ends at atom ``index`` stands in one drawn cell with those of other rows: their numbers
        may stand together too.
        """
        atom = self.text.atoms[index]
        return (atom.line, atom.cell) in self.crowded

    @property
    def padded(self) -> bool:
        """Whether the table's cells stand between pipes: such rows may have lost blanks and got others at their end."""
        return any("|" in self.text.lines[run.line].text for run in self.runs[:9])


@cache
def unit_words(block: str) -> frozenset[str]:
    """The units that a block prints in a column of its own; empty for blocks that have none."""
    if load_book().blocks[block].kind is not BlockKind.LIST:
        return frozenset()
    units = {i.unit for i in load_book().indicators.values() if i.block == block and i.unit}
    return frozenset(units)


def span_to_table(text: AtomText, span: TableSpan) -> TableText:
    """Find the labels and runs of values in ``span``."""
    lex = lexicon(span.block)
    units = unit_words(span.block)
    atoms = text.atoms[: span.start] + values_in_words(text.atoms[span.start : span.end], lex) + text.atoms[span.end :]
    text = AtomText(text.lines, atoms)
    indices = list(range(span.start, span.end))
    labels = find_labels(atoms, indices, lex, units)
    known = [label.first for label in labels if label.entry.part is not LabelPart.UNKNOWN]
    begin = min(known, default=span.start)
    while begin > span.start and atoms[begin - 1].kind in (AtomKind.VALUE, AtomKind.BLANK):
        begin -= 1  # the first row's values may stand before its label
    labels = [m for m in labels if m.first >= begin]
    runs = atoms_to_runs(atoms, begin, span.end, units)
    return TableText(text, lex, span, labels, runs, _crowded(text, span, labels), _holds_rows(text, span))


def _crowded(text: AtomText, span: TableSpan, labels: list[FoundLabel]) -> frozenset[tuple[int, int]]:
    rows = [text.atoms[label.last] for label in labels if label.entry.part is LabelPart.ROW]
    counts = Counter((atom.line, atom.cell) for atom in rows if text.lines[atom.line].cells is not None)
    found = {place for place, count in counts.items() if count > 1}
    if load_book().blocks[span.block].kind is BlockKind.MATRIX:  # misprinted labels run together into one that was found
        found |= {(line, at) for line, at in counts if holds_several_rows(fold_label(_cell(text, line, at)), span.block)}
    return frozenset(found)


def _cell(text: AtomText, line: int, at: int) -> str:
    return (text.lines[line].cells or {})[at].text


def _holds_rows(text: AtomText, span: TableSpan) -> bool:
    lines = {text.atoms[index].line for index in range(span.start, span.end)}
    texts = (cell.text for line in lines for cell in (text.lines[line].cells or {}).values())
    return any(len(_NUMBER_AT_END.findall(found)) >= _FEW_NUMBERS and value_token(found) is None for found in texts)


def atoms_to_runs(atoms: list[Atom], begin: int, end: int, units: frozenset[str]) -> list[ValueRun]:
    """Values and blanks with no label between. A line break ends a run where a line with a value holds other cells too."""
    valued = {atom.line for atom in atoms[begin:end] if atom.kind is AtomKind.VALUE}
    per_line = Counter(atom.line for atom in atoms[begin:end] if atom.kind in _SHOWN and atom.line in valued)
    runs: list[ValueRun] = []
    open_run: list[int] = []
    for index in range(begin, end):
        atom = atoms[index]
        kind = atom.kind
        if kind is AtomKind.TEXT and atom.text in units:
            continue
        if kind is AtomKind.TEXT or kind is AtomKind.PROSE:
            if open_run:
                _close(atoms, open_run, runs)
                open_run = []
            continue
        if open_run:
            line = atoms[open_run[-1]].line
            if line != atom.line and max(per_line[line], per_line[atom.line]) > 1:
                _close(atoms, open_run, runs)
                open_run = []
        open_run.append(index)
    if open_run:
        _close(atoms, open_run, runs)
    return runs


def _close(atoms: list[Atom], slots: list[int], runs: list[ValueRun]) -> None:
    values = tuple(i for i in slots if atoms[i].kind is AtomKind.VALUE)
    line = atoms[slots[0]].line
    lines = len({atoms[i].line for i in values})
    runs.append(ValueRun(slots[0], slots[-1], line, values, tuple(slots), lines == 1 and len(values) > 1))


def split_runs(table: TableText, size: int, holds: Callable[[list[PrintedValue]], bool]) -> TableText:
    """Cut runs of twice (three times…) ``size`` values, whose labels stand elsewhere, if ``holds`` agrees to each part."""
    runs: list[ValueRun] = []
    atoms = table.text.atoms
    for run in table.runs:
        count = len(run.values)
        if count <= size or count % size:
            runs.append(run)
            continue
        parts = [run.values[at : at + size] for at in range(0, count, size)]
        unbroken = all(part[-1] - part[0] == size - 1 for part in parts)  # blanks stand between rows only
        if not unbroken or not all(holds([table.text.slot(i) for i in part]) for part in parts):
            runs.append(run)
            continue
        runs += [ValueRun(p[0], p[-1], atoms[p[0]].line, p, p, run.inline, number > 0) for number, p in enumerate(parts)]
    return table._replace(runs=runs)


def labels_to_items(table: TableText, sizes: dict[int, int], default: int) -> list[Item]:
    """The labels that may own values; ``sizes`` has how many values the row at a label's first atom asks for."""
    parts = (LabelPart.ROW, LabelPart.SUBTOTAL, LabelPart.UNKNOWN)
    blanks = {run.first: len(run.slots) for run in table.runs if not run.values}
    return [
        Item(
            m.entry.part,
            m.entry.slug,
            m.first,
            m.last,
            table.text.atoms[m.last].line,
            sizes.get(m.first, default),
            m.score,
            m.text,
            (m.last + 1) in blanks and blanks[m.last + 1] >= sizes.get(m.first, default),
        )
        for m in table.labels
        if m.entry.part in parts
    ]
