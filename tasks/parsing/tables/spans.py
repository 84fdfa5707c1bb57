"""Where the tables stand in flattened text: clusters of labels that only a table prints, up to the next heading or prose."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache
from typing import NamedTuple

from codebook.book import BlockKind, load_book
from codebook.text.chinese_numbers import ordinal_class
from codebook.text.fold import fold_label
from tasks.parsing.tables.labels import LabelPart, lexicon, may_begin
from tasks.parsing.tables.tokens import Atom, AtomKind

# Labels of one table are never further apart than this many atoms (a row with its values, one cell a line, is about ten).
_GAP = 70
_FAR = 400
# A table's header begins at most this many atoms before its first sure label, its last rows end as many behind the last one.
_REACH = 110
# How many different labels make a table. Those of a list are many and short, and prose uses them too.
_ENOUGH = {BlockKind.ITEMS: 2, BlockKind.MATRIX: 3, BlockKind.CROSS: 2, BlockKind.LIST: 5}
# How many characters a label has that only a table prints.
_SURE = {
    BlockKind.ITEMS: {LabelPart.COLUMN: 4, LabelPart.CLAUSE: 4, LabelPart.ROW: 6},
    BlockKind.MATRIX: {LabelPart.ROW: 5},
    BlockKind.CROSS: {LabelPart.COLUMN: 4, LabelPart.ROW: 5},
    BlockKind.LIST: {LabelPart.ROW: 5},
}


class TableSpan(NamedTuple):
    """Atoms ``start`` to ``end`` (excluded) hold block ``block``; its sure labels stand from ``first`` to ``last``."""

    block: str
    start: int
    end: int
    first: int
    last: int


class LabelText(NamedTuple):
    """The folded label text of a list of atoms: ``atom_of[i]`` is the atom of character i, ``starts`` where atoms begin."""

    text: str
    atom_of: tuple[int, ...]
    starts: frozenset[int]


def atoms_to_text(atoms: list[Atom], indices: list[int] | None = None) -> LabelText:
    """The text atoms (those of ``indices``, or all) one after the other, without anything between."""
    parts: list[str] = []
    where: list[int] = []
    starts: list[int] = []
    size = 0
    for index in range(len(atoms)) if indices is None else indices:
        atom = atoms[index]
        if atom.kind is AtomKind.TEXT:
            parts.append(atom.text)
            where += [index] * len(atom.text)
            starts.append(size)
            size += len(atom.text)
        elif atom.kind is AtomKind.PROSE:
            parts.append("\n")
            where.append(index)
            starts.append(size + 1)
            size += 1
    return LabelText("".join(parts), tuple(where), frozenset(starts))


@cache
def _strong() -> tuple[re.Pattern[str], dict[str, tuple[str, str]]]:
    found: dict[str, tuple[str, str]] = {}
    for name, block in load_book().blocks.items():
        sure = _SURE[block.kind]
        for entry in lexicon(name).entries:
            if entry.part in sure and len(entry.text) >= sure[entry.part]:
                found.setdefault(entry.text, (name, entry.slug))
    return re.compile("|".join(sorted(map(re.escape, found), key=len, reverse=True))), found


@cache
def _titles() -> tuple[re.Pattern[str], dict[str, str | None]]:
    """Folded titles of chapters and blocks, with the block that stands under each."""
    book = load_book()
    titles: dict[str, str | None] = {}
    for form in book.forms.values():
        by_section = {section: name for name in form.blocks if (section := book.blocks[name].section)}
        for chapter in form.sections:
            for text in (chapter.title, *chapter.variants):
                titles[fold_label(text)] = by_section.get(chapter.number) or titles.get(fold_label(text))
    for name, block in book.blocks.items():
        titles.setdefault(fold_label(block.title), name)
    return re.compile("|".join(sorted(map(re.escape, titles), key=len, reverse=True))), titles


class TitleSpan(NamedTuple):
    """A chapter's title at atoms ``first`` to ``last``, and the block that should stand under it."""

    first: int
    last: int
    block: str | None


def find_titles(atoms: list[Atom], label_text: LabelText) -> list[TitleSpan]:
    """The titles of chapters and tables: those that begin a piece of text and fill it, or nearly."""
    pattern, titles = _titles()
    found: list[TitleSpan] = []
    for match in pattern.finditer(label_text.text):
        if not may_begin(label_text.text, match.start(), label_text.starts):
            continue
        first, last = label_text.atom_of[match.start()], label_text.atom_of[match.end() - 1]
        rest = match.end()
        while rest < len(label_text.text) and label_text.atom_of[rest] == last:
            rest += 1
        if rest - match.end() <= 8:
            while first and atoms[first - 1].line == atoms[first].line and _is_ordinal(atoms[first - 1]):
                first -= 1
            found.append(TitleSpan(first, last, titles[match.group()]))
    return found


def block_titles(text: str) -> list[tuple[int, str | None]]:
    """Return where in folded text the titles of chapters and tables end, and the block that should stand under each."""
    pattern, titles = _titles()
    return [(match.end(), titles[match.group()]) for match in pattern.finditer(text)]


def _is_ordinal(atom: Atom) -> bool:
    return atom.kind is AtomKind.TEXT and len(atom.text) == 1 and atom.text in ordinal_class()[:-1]


def find_spans(atoms: list[Atom], label_text: LabelText, titles: list[TitleSpan]) -> list[TableSpan]:
    """The regions of all blocks in reading order. A block may have several."""
    pattern, strong = _strong()
    hits: dict[str, list[tuple[int, int, str]]] = {}
    for match in pattern.finditer(label_text.text):
        if may_begin(label_text.text, match.start(), label_text.starts):
            block, slug = strong[match.group()]
            hits.setdefault(block, []).append((label_text.atom_of[match.start()], label_text.atom_of[match.end() - 1], slug))
    book = load_book()
    sure_places = {block: frozenset(hits[block]) for block in book.of_kind(BlockKind.ITEMS) if block in hits}
    for block in sure_places:
        hits[block] = sorted({*hits[block], *_short_rows(atoms, block)})
    prose = [index for index, atom in enumerate(atoms) if atom.kind is AtomKind.PROSE]
    barred = [False] * (len(atoms) + 1)
    for index in (*prose, *(at for title in titles for at in range(title.first, title.last + 1))):
        barred[index] = True
    cores: list[TableSpan] = []
    for block, places in hits.items():
        for cluster in _clusters(atoms, places, prose):
            kind = book.blocks[block].kind
            slugs = {slug for _, _, slug in cluster}
            first, last = cluster[0][0], cluster[-1][1]
            enough = len(slugs) >= _ENOUGH[kind] or (kind is BlockKind.MATRIX and _are_full_rows(atoms, cluster, slugs, block))
            sure = block not in sure_places or not sure_places[block].isdisjoint(cluster)
            if enough and sure and (kind is not BlockKind.LIST or _dense(atoms, first, last, len(cluster))):
                cores.append(TableSpan(block, first, last + 1, first, last))
    cores.sort(key=lambda core: core.first)
    return [_widen(core, cores, barred, atoms) for core in cores]


def _are_full_rows(atoms: list[Atom], cluster: list[tuple[int, int, str]], slugs: set[str], block: str) -> bool:
    """Return whether a whole row of values stands right behind each label: a table that ends after its first rows."""
    size = len(load_book().blocks[block].columns)
    behind = [atoms[last + 1 : last + 1 + size] for _, last, _ in cluster]
    return len(slugs) == len(cluster) and all(
        len(row) == size and all(atom.kind is AtomKind.VALUE for atom in row) for row in behind
    )


def _short_rows(atoms: list[Atom], block: str) -> list[tuple[int, int, str]]:
    """Short labels of a block's rows that stand alone before a value: they help a sure label to make a table."""
    exact = lexicon(block).exact
    found: list[tuple[int, int, str]] = []
    for index, atom in enumerate(atoms[:-1]):
        if atom.kind is AtomKind.TEXT and atoms[index + 1].kind is AtomKind.VALUE:
            entry = exact.get(atom.text)
            if entry and entry.part is LabelPart.ROW:
                found.append((index, index, entry.slug))
    return found


def _clusters(atoms: list[Atom], places: list[tuple[int, int, str]], prose: list[int]) -> list[list[tuple[int, int, str]]]:
    clusters: list[list[tuple[int, int, str]]] = []
    for place in places:
        if clusters:
            last = clusters[-1][-1][1]
            joined = bisect_right(prose, last) == bisect_right(prose, place[0])
            if joined and (place[0] - last <= _GAP or _full_of_values(atoms, last, place[0])):
                clusters[-1].append(place)
                continue
        clusters.append([place])
    return clusters


def _full_of_values(atoms: list[Atom], first: int, last: int) -> bool:
    """Return whether the atoms between two labels are rows whose labels are misprinted: at least every other one is a value."""
    count = sum(atom.kind is AtomKind.VALUE for atom in atoms[first:last])
    return last - first <= _FAR and count * 2 >= last - first


def _dense(atoms: list[Atom], first: int, last: int, labels: int) -> bool:
    """Return whether numbers follow the labels as in a table. Prose that lists the same words has them glued into its
    sentences.
    """
    values = sum(atom.kind in (AtomKind.VALUE, AtomKind.BLANK) for atom in atoms[first : last + 10])
    return values * 2 >= labels


def _widen(core: TableSpan, cores: list[TableSpan], barred: list[bool], atoms: list[Atom]) -> TableSpan:
    """The core with its header before and its last values behind, up to a heading, prose or the next table's core."""
    floor = max((other.last for other in cores if other.last < core.first), default=-1)
    while floor >= 0 and floor + 1 < core.first and atoms[floor + 1].kind in (AtomKind.VALUE, AtomKind.BLANK):
        floor += 1  # the last row's values are its own
    ceiling = min((other.first for other in cores if other.first > core.last), default=len(barred) - 1)
    start = core.first
    while start - 1 > floor and core.first - start < _REACH and not barred[start - 1]:
        start -= 1
    end = core.last + 1
    while end < ceiling and end - core.last < _REACH and not barred[end]:
        end += 1
    return core._replace(start=start, end=end)
