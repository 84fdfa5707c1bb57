"""Rows of a drawn matrix whose label was not read: named by the order of the form.

A grid shows its rows even where a seal, a worn font or a rule that was not seen cost them their labels. Between two rows whose
labels were read, the rows of the grid are those that the form has there, in its order, if they are exactly as many. That is
believed where

- the labels that were read stand in the order of the form, all of them, each once: a table with rows swapped or doubled is left
  as it is;
- the grid has a cell for each column in these rows, and no row of another kind stands among them;
- what is left of each label is more like the label of its own row than like any other of the table, or is like none.

A row that the source leaves out makes the rows one fewer than the form has there: none of them is named, and all stay doubtful.
The sums of the form (:func:`tasks.parsing.tables.rows.doubt_by_order`) then say whether the table is whole. They distinguish
neither rows of zeros nor two parts of one sum: which of these is which is known by order and count alone, and by what is left of
the labels. Where nothing is left of a label, its row is named only in a table whose other labels show that it keeps the order of
the form: at least two thirds of them were read, and none or all of its subtotals are printed (one might stand among the rows).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import groupby, pairwise
from typing import NamedTuple

import msgspec
from rapidfuzz.distance import LCSseq

from codebook.book import BlockKind, load_book
from codebook.records import Cell, Reader
from codebook.text.fold import fold_label
from tasks.parsing.tables.labels import APART, LIKE, LabelPart, Lexicon, holds_several_rows, is_like, lexicon, likeness
from tasks.parsing.tables.tokens import TextLine, value_token

# This many rows whose labels were read show which block a grid is.
_ENOUGH = 3
# From this likeness on a garbled label is evidence: for its row if it is most like that, against it if it is more like another.
_FOR, _AGAINST = 0.34, 0.5
_MOST_LOST = 1 / 3  # of the rows of a table
_PIECE = 0.8  # of the characters of a piece of a label stand in it, in its order
_WORDS = re.compile(r"[\u3400-\u9fff]\s*[\u3400-\u9fff]")
_DIGIT = re.compile(r"\d")


class DrawnRow(NamedTuple):
    """A row of a grid: line ``at``; the cell that should hold its ``label`` (None: none begins in this row), and that folded.

    ``slug`` names the row or subtotal (``"=slug"``) whose label it holds exactly. ``even``: it has a cell for each column, in its
    place, and shows something.
    ``joined``: its label's cell reaches over the next row too, or is that of the row before. ``several``: it holds the labels of
    several rows.
    """

    at: int
    label: Cell | None
    text: str
    slug: str
    even: bool
    first_value: int
    joined: bool = False
    several: bool = False


def name_by_order(lines: list[TextLine]) -> list[TextLine]:
    """``lines`` in which rows of a drawn matrix have the label that the order of the form names, where theirs was not read.

    ``by_order`` marks those that what is left of their label does not name too. A label that may be that of another row of the
    form is taken away.
    """
    result = list(lines)
    for block in load_book().of_kind(BlockKind.MATRIX):
        lex = lexicon(block)
        for rows in _tables(lines, lex):
            named = _named(rows, lex)
            for row in rows:
                if name := named.get(row.at):
                    text = load_book().blocks[block].rows[name.slug].label if name.slug else ""
                    result[row.at] = _labelled(lines[row.at], row, text, by_order=name.by_order)
    return result


# ---- the rows of a grid ---------------------------------------------------------------------------------------------------


def _tables(lines: Sequence[TextLine], lex: Lexicon) -> list[list[DrawnRow]]:
    """The rows of each matrix that the document draws. What a page break or the recogniser cut into several grids is one."""
    tables: list[list[DrawnRow]] = []
    last = len(lex.order)
    drawn = [at for at, line in enumerate(lines) if line.cells is not None]
    for _, group in groupby(drawn, key=lambda at: (lines[at].page, lines[at].block)):
        rows = _rows(lines, list(group), lex)
        known = [lex.order[row.slug] for row in rows if row.slug]
        if not known:
            continue
        if known[0] > last:
            tables[-1] += rows
        else:
            tables.append(rows)
        last = known[-1]
    return [rows for rows in tables if sum(not row.slug.startswith("=") for row in rows if row.slug) >= _ENOUGH]


def _rows(lines: Sequence[TextLine], part: list[int], lex: Lexicon) -> list[DrawnRow]:
    """The rows of one grid that belong to the matrix: from the header, or the first row, to what is no row any more."""
    columns = _value_columns(lines, part, lex)
    if columns is None:
        return []
    rows = [_row(at, lines[at], columns, lex) for at in part]
    known = [n for n, row in enumerate(rows) if row is not None and row.slug]
    if not known:
        return []
    first, last = known[0], known[-1]
    while first and rows[first - 1] is not None:
        first -= 1
    while last + 1 < len(rows) and rows[last + 1] is not None:
        last += 1
    return _joined([row for row in rows[first : last + 1] if row is not None])


def _value_columns(lines: Sequence[TextLine], part: list[int], lex: Lexicon) -> tuple[int, ...] | None:
    """The columns of the values: those that begin behind the labels that were read, as most of these rows have them."""
    block = load_book().blocks[lex.block]
    found: Counter[tuple[int, ...]] = Counter()
    for at in part:
        cells = lines[at].cells or {}
        for cell in cells.values():
            slug = _exact(fold_label(cell.text), lex)
            if slug in block.rows and not block.rows[slug].parts:
                found[tuple(column for column in sorted(cells) if column >= cell.column + cell.column_span)] += 1
    sizes = (len(block.columns), len(block.columns) + len(block.extra_columns))
    found = Counter({columns: count for columns, count in found.items() if len(columns) in sizes})
    return found.most_common(1)[0][0] if found else None


def _exact(text: str, lex: Lexicon) -> str:
    entry = lex.exact.get(text)
    if entry is None or entry.part not in (LabelPart.ROW, LabelPart.SUBTOTAL):
        return ""
    return f"={entry.slug}" if entry.part is LabelPart.SUBTOTAL else entry.slug


def _row(at: int, line: TextLine, columns: tuple[int, ...], lex: Lexicon) -> DrawnRow | None:
    """Line ``at`` as a row; None when it has no cell under the columns, or labels stand there (a header)."""
    cells = line.cells or {}
    values = [cells[column] for column in columns if column in cells]
    if not values or sum(_is_words(cell.text) for cell in values) > 1:
        return None
    label = next((cell for cell in cells.values() if cell.column + cell.column_span == columns[0]), None)
    if label is not None and not label.text.strip():  # a row whose label cells are not merged: its label stands in the first
        before = (cell for cell in cells.values() if cell.column < label.column and cell.row_span == 1 and cell.text.strip())
        label = max(before, key=lambda cell: cell.column, default=label)
    even = len(values) == len(columns) and all(cell.row_span == 1 for cell in values)
    if moved := _moved_label(label, cells, columns[0], lex):
        label, even = moved, False
    text = "" if label is None or value_token(label.text) else fold_label(label.text)
    if line.reader is not Reader.OCR and not text and not any(cell.text.strip() for cell in values):
        even = False  # a row of which nothing is shown is no row of blanks
    return DrawnRow(at, label, text, _exact(text, lex), even, columns[0], several=holds_several_rows(text, lex.block))


def _moved_label(label: Cell | None, cells: dict[int, Cell], first_value: int, lex: Lexicon) -> Cell | None:
    """The label of a row whose cells stand too far to the left or right, None where they do not: another cell than ``label``
    holds the label of a row, or ``label`` holds a number, the first value, and words stand before it.
    """
    if label is not None and _exact(fold_label(label.text), lex):
        return None
    rows = [cell for cell in cells.values() if _exact(fold_label(cell.text), lex) and cell.row_span == 1]
    if len(rows) == 1 and any(value_token(cell.text) for cell in cells.values() if cell.column > rows[0].column):
        return rows[0] if rows[0].column + rows[0].column_span != first_value else None
    if label is None or not value_token(label.text):
        return None
    before = (cell for cell in cells.values() if cell.column < label.column and cell.row_span == 1 and _WORDS.search(cell.text))
    return max(before, key=lambda cell: cell.column, default=None)


def _is_words(text: str) -> bool:
    return _WORDS.search(text) is not None and not _DIGIT.search(text)


def _joined(rows: list[DrawnRow]) -> list[DrawnRow]:
    """Rows with a label cell that reaches over two of them: what it holds may be the label of either, or both."""
    result = list(rows)
    for n, (row, below) in enumerate(pairwise(rows)):
        if row.label is not None and row.label.row_span > 1 and below.label is None:
            result[n] = row._replace(slug="", joined=True, several=False)
            result[n + 1] = below._replace(text=row.text, slug="", joined=True)
    return result


# ---- naming them ----------------------------------------------------------------------------------------------------------


class _Name(NamedTuple):
    """The row that a line is ("": its label names none); ``by_order``: its label alone does not say so."""

    slug: str
    by_order: bool = False


class _Gap(NamedTuple):
    """Rows without a label that was read, and the rows of the form between the labels around them."""

    rows: tuple[DrawnRow, ...]
    wanted: tuple[str, ...]


def _named(rows: list[DrawnRow], lex: Lexicon) -> dict[int, _Name]:
    """The names of lines whose label was not read exactly."""
    block = load_book().blocks[lex.block]
    known = {row.slug for row in rows if row.slug in block.rows}
    ways: list[dict[int, _Name]] = []
    for whole, parts in [(slug, label.parts) for slug, label in block.rows.items() if label.parts] or [("", ())]:
        if not known & set(parts):
            ways.append(_in_order(rows, block.rows_wanted(known | {whole} - {""}), lex))
        if parts:
            ways.append(_in_order(rows, block.rows_wanted(known - {whole} | set(parts)), lex))
    # The form prints a row whole or in its parts. What only one way names is so, what both name differently has no name.
    named: dict[int, _Name] = {}
    for way in ways:
        for at, name in way.items():
            others = [other[at] for other in ways if at in other and other[at].slug]
            named[at] = _Name("") if len({other.slug for other in others}) > 1 else others[0] if others else name
    return named


def _in_order(rows: list[DrawnRow], order: list[str], lex: Lexicon) -> dict[int, _Name]:
    """What the order of the form's rows names."""
    ranks = {slug: n for n, slug in enumerate(order)}
    gaps: list[_Gap] = []
    open_rows: list[DrawnRow] = []
    last = -1
    subtotals = 0
    for row in rows:
        if (row.slug and row.slug not in ranks) or (not row.slug and _is_subtotal(row, lex)):
            subtotals += 1  # or the row that this form divides
        elif not row.slug:
            open_rows.append(row)
        elif ranks[row.slug] <= last:  # swapped or doubled rows: the order says nothing in this table
            return {row.at: _Name("") for row in rows if row.joined}
        else:
            gaps.append(_Gap(tuple(open_rows), tuple(order[last + 1 : ranks[row.slug]])))
            last, open_rows = ranks[row.slug], []
    gaps.append(_Gap(tuple(open_rows), tuple(order[last + 1 :])))
    # A subtotal whose label is lost may stand among the rows where the table prints some subtotals, and not all of them.
    # Rows that an office has put in another order show as such only where most labels are there.
    lost = sum(not _is_like_any(row.text, lex.block) for row in rows)
    known = subtotals in (0, _subtotals_of(order, lex)) and lost <= _MOST_LOST * len(rows)
    named: dict[int, _Name] = {}
    for gap in gaps:
        named |= _in_gap(gap, lex, blank=known and not _has_whole(gap.wanted, lex)) or _without_order(gap, lex)
    return named


@lru_cache(maxsize=4_000)
def _is_like_any(text: str, block: str) -> bool:
    return is_like(text, max(likeness(text, label) for label, _ in _texts(block)))


def _subtotals_of(order: list[str], lex: Lexicon) -> int:
    """Return how many subtotals the form has: one for each group of at least two of its rows."""
    block = load_book().blocks[lex.block]
    under = Counter(text for slug in order for text in block.rows[slug].under)
    return sum(under[label.label] > 1 for label in block.subtotals.values())


def _is_subtotal(row: DrawnRow, lex: Lexicon) -> bool:
    """Return whether a misread label is that of a subtotal, and surely of no row."""
    texts = {part: [e.text for e in lex.entries if e.part is part] for part in (LabelPart.SUBTOTAL, LabelPart.ROW)}
    best = {part: max((likeness(row.text, text) for text in its), default=0.0) for part, its in texts.items()}
    return is_like(row.text, best[LabelPart.SUBTOTAL]) and best[LabelPart.SUBTOTAL] - best[LabelPart.ROW] >= APART


def _has_whole(slugs: tuple[str, ...], lex: Lexicon) -> bool:
    """Return whether a row is among them that some forms print in the place of several."""
    return any(load_book().blocks[lex.block].rows[slug].parts for slug in slugs)


def _in_gap(gap: _Gap, lex: Lexicon, *, blank: bool) -> dict[int, _Name]:
    """The rows of a gap by their order; none when they are not as many as the form's, or a label speaks against it.

    ``blank``: a label of which nothing is left does not.
    """
    if len(gap.rows) != len(gap.wanted) or not all(row.even and not row.several for row in gap.rows):
        return {}
    named: dict[int, _Name] = {}
    for number, (row, slug) in enumerate(zip(gap.rows, gap.wanted, strict=True)):
        own, other = _likeness_of_both(gap, number, lex) if row.joined else _likeness(row, slug, lex)
        if other > own and other >= _AGAINST and not _is_piece(row.text, lex.rows[slug]):
            return {}
        if not (own >= _FOR and own >= other) and not blank:
            return {}
        named[row.at] = _Name(slug, row.joined or own < LIKE or own - other < APART)
    return named


def _without_order(gap: _Gap, lex: Lexicon) -> dict[int, _Name]:
    """The rows of a gap by what is left of their labels; one that may be taken for another row has no name."""
    few = len(gap.wanted) - len(gap.rows)  # rows of the form that the source leaves out, or whose rows ran together
    named: dict[int, _Name] = {}
    for number, row in enumerate(gap.rows):
        if row.several:
            continue  # with its labels as printed, no number beside them is anybody's for sure
        possible = gap.wanted[number : number + few + 1] if few >= 0 else gap.wanted
        like = []
        for slug in () if row.joined else possible:
            own, other = _likeness(row, slug, lex)
            like += [slug] if own >= LIKE and own - other >= APART else []
        named[row.at] = _Name(like[0] if len(like) == 1 else "")
    twice = Counter(name.slug for name in named.values())
    return {at: name if twice[name.slug] == 1 else _Name("") for at, name in named.items()}


def _likeness(row: DrawnRow, slug: str, lex: Lexicon) -> tuple[float, float]:
    """How like what is left of a label is to that of row ``slug``, and to the most like one of all others."""
    own = max(likeness(row.text, text) for text in lex.rows[slug])
    return own, max(likeness(row.text, text) for text, name in _texts(lex.block) if name != slug)


def _is_piece(text: str, labels: Sequence[str]) -> bool:
    """Return whether a text is what is left of one of ``labels`` when parts of it are covered."""
    return any(LCSseq.similarity(text, label) >= _PIECE * len(text) for label in labels)


@cache
def _texts(block: str) -> tuple[tuple[str, str], ...]:
    """All texts that may stand where a row's label does, with the slugs that they name."""
    parts = (LabelPart.ROW, LabelPart.SUBTOTAL, LabelPart.GROUP)
    return tuple((entry.text, entry.slug) for entry in lexicon(block).entries if entry.part in parts)


def _likeness_of_both(gap: _Gap, number: int, lex: Lexicon) -> tuple[float, float]:
    """How like a text in the cell of two rows is to both of their labels, and to those of any other two neighbours."""
    row = gap.rows[number]
    first = number - 1 if row.label is None else number
    if not 0 <= first < len(gap.wanted) - 1:
        return 0.0, 1.0
    own = (gap.wanted[first], gap.wanted[first + 1])
    slugs = sorted(lex.rows, key=lambda slug: lex.order[slug])
    scores = {pair: likeness(row.text, "".join(lex.rows[slug][0] for slug in pair)) for pair in {*pairwise(slugs), own}}
    return scores[own], max(score for pair, score in scores.items() if pair != own)


def _labelled(line: TextLine, row: DrawnRow, text: str, *, by_order: bool) -> TextLine:
    """The line with ``text`` in the cell of its label."""
    cells = dict(line.cells or {})
    value = cells[min(column for column in cells if column >= row.first_value)]
    label = row.label or msgspec.structs.replace(value, column=row.first_value - 1, alternatives=())
    if label.column in cells or text:
        cells[label.column] = msgspec.structs.replace(label, text=text, row_span=1, score=1.0)
    more = not row.joined and len(_DIGIT.findall(fold_label(label.text))) > len(_DIGIT.findall(fold_label(text)))
    return line.but(cells=dict(sorted(cells.items())), by_order=by_order, holds_number=bool(text) and more)
