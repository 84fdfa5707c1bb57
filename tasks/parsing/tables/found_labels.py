"""The labels of one table: exact ones, misprinted ones that the order of the form vouches for, and unknown ones."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate, compress
from operator import not_
from typing import NamedTuple

from codebook.book import BlockKind
from codebook.records import LightRecord
from codebook.text.numbers import Token, ValueKind
from tasks.parsing.tables.labels import (
    APART,
    LIKE,
    SURELY_LIKE,
    Entry,
    LabelPart,
    Lexicon,
    best_row,
    claim_exact,
    is_like,
    rank_of,
)
from tasks.parsing.tables.spans import atoms_to_text
from tasks.parsing.tables.tokens import Atom, AtomKind

_TEXT_IN_ROW = 10
_JOINED = 4
_HEADER = 3  # columns that show a header to be printed again


class FoundLabel(LightRecord, frozen=True):
    """A label in the text: its entry, its first and last atom, the likeness, and its folded text as printed."""

    entry: Entry
    first: int
    last: int
    score: float
    text: str


class Piece(LightRecord, frozen=True):
    """Neighbouring atoms of one line that no exact label covers."""

    atoms: tuple[int, ...]
    text: str


def find_labels(atoms: list[Atom], indices: list[int], lex: Lexicon, units: frozenset[str]) -> list[FoundLabel]:
    """The labels among the atoms ``indices`` in reading order. ``units`` are words printed beside numbers that name nothing.

    Columns are looked for before the first row of blocks that print one header; behind it, they are texts like others.
    """
    named = [
        i for i in indices if atoms[i].kind is AtomKind.TEXT and atoms[i].text not in units and not _upright(atoms[i].text, lex)
    ]
    label_text = atoms_to_text(atoms, named)
    labels: list[FoundLabel] = []
    for claim in claim_exact(label_text.text, label_text.starts, lex.entries):
        labels.append(
            FoundLabel(claim.entry, label_text.atom_of[claim.start], label_text.atom_of[claim.end - 1], 1.0, claim.entry.text)
        )
    again: list[FoundLabel] = []
    if lex.kind is BlockKind.MATRIX:
        labels, further = _one_header(labels)
        again = _repeated_header(further, atoms)
    labels = _by_context(labels, lex)
    covered = {i for label in (*labels, *again) for i in range(label.first, label.last + 1)}
    pieces = _pieces(atoms, [i for i in named if i not in covered])
    return _name_pieces(labels, pieces, again, lex)


def _upright(text: str, lex: Lexicon) -> bool:
    """Return whether a text is a character or two of a group label that runs from top to bottom between the rows."""
    return len(text) <= 2 and set(text) <= lex.upright


def _one_header(labels: list[FoundLabel]) -> tuple[list[FoundLabel], list[FoundLabel]]:
    """The labels without those of columns behind the first row, and these."""
    first_row = min((m.first for m in labels if m.entry.part is LabelPart.ROW), default=None)
    if first_row is None:
        return labels, []
    header = (LabelPart.COLUMN, LabelPart.EXTRA)
    further = [m.entry.part in header and m.first > first_row for m in labels]
    return list(compress(labels, map(not_, further))), list(compress(labels, further))


def _repeated_header(further: list[FoundLabel], atoms: list[Atom]) -> list[FoundLabel]:
    """The labels of columns of a header that is printed again below a page break: several with no value between them, none of
    which may be the label of a row then (其他 of 3.其他).
    """
    values = list(accumulate(atom.kind is AtomKind.VALUE for atom in atoms))
    stretches: dict[int, list[FoundLabel]] = defaultdict(list)
    for label in further:
        stretches[values[label.first]].append(label)
    return [
        FoundLabel(Entry(LabelPart.UNKNOWN, "", label.text), label.first, label.last, 0.0, label.text)
        for labels in stretches.values()
        if len({label.entry.slug for label in labels}) >= _HEADER
        for label in labels
    ]


def _by_context(labels: list[FoundLabel], lex: Lexicon) -> list[FoundLabel]:
    """Return where several rows print the same label (被依法纠错数), it is the next of them after the row before it."""
    result: list[FoundLabel] = []
    before = -1
    for label in labels:
        if label.entry.part is not LabelPart.ROW:
            result.append(label)
            continue
        same = lex.slugs[label.entry.text]
        slug = same[0]
        if len(same) > 1:
            later = [slug for slug in same if lex.order[slug] > before]
            slug = min(later or same, key=lex.order.__getitem__)
        before = lex.order[slug]
        result.append(label if slug == label.entry.slug else label.but(entry=label.entry._replace(slug=slug)))
    return result


def _pieces(atoms: list[Atom], free: list[int]) -> list[Piece]:
    """Words of one line with no value between them, cut where an item's ordinal begins."""
    pieces: list[Piece] = []
    for index in free:
        atom = atoms[index]
        if pieces and rank_of(atom.text) is None:
            last = pieces[-1].atoms[-1]
            if last == index - 1 and atoms[last].line == atom.line and atoms[last].cell == atom.cell:
                pieces[-1] = Piece((*pieces[-1].atoms, index), pieces[-1].text + atom.text)
                continue
        pieces.append(Piece((index,), atom.text))
    return pieces


class _Guess(NamedTuple):
    score: float
    start: int
    end: int
    slug: str


def _name_pieces(labels: list[FoundLabel], pieces: list[Piece], again: list[FoundLabel], lex: Lexicon) -> list[FoundLabel]:
    """Misprinted labels: best likeness first; each must fit between the rows around it, or be too like to be another. Those of a
    header that is there ``again`` name nothing.
    """
    exact = sorted(labels, key=lambda label: label.first)
    taken: set[int] = set()
    used: set[str] = set()
    named: list[FoundLabel] = []
    for guess in sorted(_guesses(exact, pieces, lex), key=lambda one: (-one.score, one.end - one.start)):
        indices = set(range(guess.start, guess.end))
        if guess.slug in used or taken & indices:
            continue
        taken |= indices
        used.add(guess.slug)
        span = pieces[guess.start : guess.end]
        text = "".join(piece.text for piece in span)
        entry = Entry(LabelPart.ROW, guess.slug, text)
        named.append(FoundLabel(entry, span[0].atoms[0], span[-1].atoms[-1], guess.score, text))
    unknown = [
        FoundLabel(Entry(LabelPart.UNKNOWN, "", piece.text), piece.atoms[0], piece.atoms[-1], 0.0, piece.text)
        for number, piece in enumerate(pieces)
        if number not in taken
    ]
    return sorted([*exact, *named, *unknown, *again], key=lambda label: (label.first, label.last))


def _guesses(exact: list[FoundLabel], pieces: list[Piece], lex: Lexicon) -> Iterator[_Guess]:
    """The rows that up to ``_JOINED`` neighbouring pieces may be, of those that no exact label names."""
    named = {label.entry.slug for label in exact if label.entry.part is LabelPart.ROW}
    free = [slug for slug in lex.rows if slug not in named]
    firsts = [label.first for label in exact]
    for start in range(len(pieces)):
        for end in range(start + 1, min(start + _JOINED, len(pieces)) + 1):
            span = pieces[start:end]
            if end - start > 1 and (rank_of(span[-1].text) or _between(firsts, span[-2].atoms[-1], span[-1].atoms[0])):
                break
            text = "".join(piece.text for piece in span)
            slug, score, second = best_row(text, lex, free)
            if slug is None or score < LIKE - 0.15:
                continue
            low, high = _window(exact, span[0].atoms[0], span[-1].atoms[-1], lex)
            inside = [one for one in free if low < lex.order[one] < high]
            if slug not in inside:
                if score >= SURELY_LIKE and score - second >= APART:
                    yield _Guess(score - 0.05, start, end, slug)
                continue
            expected, score, second = best_row(text, lex, inside)
            if expected and is_like(text, score) and score - second >= APART:
                yield _Guess(score, start, end, expected)


def _between(firsts: list[int], left: int, right: int) -> bool:
    return bisect_left(firsts, right) > bisect_left(firsts, left)


def _window(exact: list[FoundLabel], first: int, last: int, lex: Lexicon) -> tuple[int, int]:
    """The ranks of the rows that stand before and behind the atoms ``first`` to ``last``."""
    low, high = -1, len(lex.order)
    for label in exact:
        if label.entry.part is not LabelPart.ROW or f"={label.entry.slug}" in lex.order:
            continue  # （六）其他处理 is a row, or the label of a group, which may stand among its rows
        if label.last < first:
            low = lex.order[label.entry.slug]
        elif label.first > last:
            high = lex.order[label.entry.slug]
            break
    return low, high


def values_in_words(atoms: list[Atom], lex: Lexicon) -> list[Atom]:
    """Short texts that stand behind a value of one line of cells, no further than values stand in other lines, hold a value's
    place: values that cannot be read.
    """
    result = list(atoms)
    reach = max((atom.cell for atom in atoms if atom.kind is AtomKind.VALUE), default=-1)
    for index in range(1, len(atoms)):
        atom, before = atoms[index], result[index - 1]
        if atom.kind is not AtomKind.TEXT or not 0 < atom.cell <= reach or len(atom.raw) > _TEXT_IN_ROW:
            continue
        if before.kind is not AtomKind.VALUE or before.line != atom.line or before.cell != atom.cell - 1:
            continue
        then = atoms[index + 1] if index + 1 < len(atoms) else None
        if then is not None and (then.line, then.cell) == (atom.line, atom.cell):
            continue  # the first word of several
        if atom.text in lex.exact or rank_of(atom.text) is not None or best_row(atom.text, lex, list(lex.rows))[1] >= LIKE:
            continue
        result[index] = atom.but(kind=AtomKind.VALUE, token=Token(ValueKind.OTHER))
    return result
