"""Labels of the tables: what the codebook prints for rows, columns and groups, and how a printed text is taken for one of them.

A label is the first witness for what a number means, its place in the order of the form the second. An exact label needs no
second witness; a misprinted one is taken only where the order of the form expects it.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache, lru_cache
from itertools import product
from typing import NamedTuple

from rapidfuzz.distance import Indel

from codebook.book import Block, BlockKind, Label, load_book
from codebook.records import LightRecord
from codebook.text.fold import fold_label
from tasks.parsing.words import words

# From this likeness on a misprinted label is taken where the order of the form expects it; below, it is an unknown text.
LIKE = 0.6
# Of a label of two characters (规章) one is enough.
_LIKE_OF_TWO = 0.5
# From this likeness on it is taken wherever it stands.
SURELY_LIKE = 0.87
# The next best label must be less like by this much.
APART = 0.12
# So many rows that follow each other in the form may have their labels in one cell.
_MOST_TOGETHER = 4
# Labels up to this length (规章, 总计) must fill the printed piece that they stand in.
_SHORT = 4


class LabelPart(StrEnum):
    """What part of a table a label names."""

    ROW = "row"
    SUBTOTAL = "subtotal"
    COLUMN = "column"
    EXTRA = "extra"
    GROUP = "group"
    CLAUSE = "clause"
    UNKNOWN = "unknown"


class Entry(NamedTuple):
    """One folded text of the codebook: the ``slug`` of the row or column it names (a group's is its own text)."""

    part: LabelPart
    slug: str
    text: str


class LabelClaim(LightRecord, frozen=True):
    """A stretch of label text, characters ``start`` to ``end``, and the label it was taken for with its likeness 0..1."""

    start: int
    end: int
    entry: Entry
    score: float = 1.0


class Lexicon(NamedTuple):
    """The labels of a block, folded. ``order`` ranks its rows and subtotals (``"=slug"``) as the form prints them.

    ``upright`` are the characters of the group labels that are printed from top to bottom, one a line, between the rows;
    ``slugs`` the rows that print a text, in the order of ``rows``.
    """

    block: str
    entries: tuple[Entry, ...]
    rows: dict[str, tuple[str, ...]]
    order: dict[str, int]
    exact: dict[str, Entry]
    upright: frozenset[str]
    kind: BlockKind
    slugs: dict[str, tuple[str, ...]]

    @property
    def plain(self) -> bool:
        """Whether the form prints ordinals before its labels and notes behind them, which the codebook leaves out."""
        return self.kind is BlockKind.LIST


def _entries(part: LabelPart, labels: dict[str, Label]) -> list[Entry]:
    return [Entry(part, slug, text) for slug, label in labels.items() for text in dict.fromkeys(map(fold_label, label.texts))]


def _bare_rows(labels: dict[str, Label]) -> list[Entry]:
    """Labels of rows without their ordinals, where they are long enough to name the row alone."""
    bare = [Entry(LabelPart.ROW, slug, without_ordinal(fold_label(label.label))) for slug, label in labels.items()]
    return [entry for entry in bare if len(entry.text) > _SHORT and entry.text != fold_label(labels[entry.slug].label)]


def _groups(block: Block) -> list[Entry]:
    texts = {text for part in (block.rows, block.columns, block.extra_columns) for label in part.values() for text in label.under}
    known = {text for label in block.subtotals.values() for text in label.texts}
    return [Entry(LabelPart.GROUP, fold_label(text), fold_label(text)) for text in sorted(texts - known)]


def _form_order(block: Block) -> dict[str, int]:
    """Rank of each row and subtotal in the printed order; a subtotal stands before the first row that is under it."""
    ranks: dict[str, float] = {slug: 10.0 * n for n, slug in enumerate(block.rows)}
    for slug, label in block.subtotals.items():
        under = [ranks[row] for row, its in block.rows.items() if label.label in its.under]
        ranks[f"={slug}"] = min(under, default=0.0) - 5
    return {slug: n for n, (slug, _) in enumerate(sorted(ranks.items(), key=lambda item: item[1]))}


@cache
def lexicon(name: str) -> Lexicon:
    """The labels of block ``name``, longest first. Raises KeyError when the codebook has no such block."""
    block = load_book().blocks[name]
    entries = [
        *_entries(LabelPart.ROW, block.rows),
        *_bare_rows(block.rows),
        *(Entry(LabelPart.SUBTOTAL, entry.slug, entry.text) for entry in _entries(LabelPart.SUBTOTAL, block.subtotals)),
        *_entries(LabelPart.COLUMN, block.columns),
        *_entries(LabelPart.EXTRA, block.extra_columns),
        *_groups(block),
        *(Entry(LabelPart.CLAUSE, group.clause, fold_label(group.clause)) for group in block.groups),
    ]
    entries.sort(key=lambda entry: -len(entry.text))
    rows: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        if entry.part is LabelPart.ROW:
            rows[entry.slug] = (*rows.get(entry.slug, ()), entry.text)
    exact: dict[str, Entry] = {}
    for entry in entries:
        exact.setdefault(entry.text, entry)
    upright = frozenset(
        "".join(entry.text for entry in entries if entry.part is LabelPart.GROUP and words().table.group_number.match(entry.text))
    )
    slugs: dict[str, tuple[str, ...]] = {}
    for slug, texts in rows.items():
        for text in dict.fromkeys(texts):
            slugs[text] = (*slugs.get(text, ()), slug)
    return Lexicon(name, tuple(entries), rows, _form_order(block), exact, upright, block.kind, slugs)


def likeness(text: str, label: str) -> float:
    """Return how alike two folded texts are, 0..1: the share of characters that stand in both in the same order."""
    return Indel.normalized_similarity(text, label)


def is_like(text: str, score: float) -> bool:
    """Return whether a likeness is enough to take a misprinted text for the row that the order of the form expects."""
    return score >= (_LIKE_OF_TWO if len(text) <= 2 else LIKE)


@lru_cache(maxsize=4096)
def holds_several_rows(text: str, name: str) -> bool:
    """Return whether a folded text is more like the labels of several neighbouring rows of block ``name``, one behind the other,
    than like any one label.
    """
    lex = lexicon(name)
    if text in lex.exact:
        return False
    single = max(LIKE, *(likeness(text, entry.text) for entry in lex.entries))
    return any(likeness(text, together) > single for together in _labels_together(name))


@cache
def _labels_together(name: str) -> tuple[str, ...]:
    """The folded labels of two and more rows that follow each other, joined. A row that others divide is there or they are."""
    block, lex = load_book().blocks[name], lexicon(name)
    orders = (
        [slug for slug, label in block.rows.items() if not label.parts],
        [slug for slug in block.rows if slug not in block.part_rows],
    )
    windows = {
        tuple(order[at : at + size])
        for order in orders
        for size in range(2, _MOST_TOGETHER + 1)
        for at in range(len(order) - size + 1)
    }
    return tuple(sorted({"".join(texts) for window in windows for texts in product(*(lex.rows[slug] for slug in window))}))


def without_ordinal(text: str) -> str:
    """Folded label text without the ordinals and the 其中 that stand before it.

    >>> without_ordinal("一1收到申请数")
    '收到申请数'
    """
    return words().table.leading.sub("", text)


def rank_of(text: str) -> str | None:
    """The ordinal that a folded label begins with, or None: ``"2"`` of ``"2重复申请"``."""
    match = words().table.rank.match(text)
    return match[1] if match else None


def claim_exact(text: str, starts: frozenset[int] | set[int], entries: tuple[Entry, ...]) -> list[LabelClaim]:
    """All places of ``text`` that are exactly a label; longer labels first, without overlap.

    ``starts`` are the characters at which a printed piece begins: a label begins there, or after an ordinal, or where another
    label ends; so 同意公开答复数 is not found inside a misprint of 不同意公开答复数.
    """
    taken = bytearray(len(text))
    claims: list[LabelClaim] = []
    late: list[tuple[int, int, Entry]] = []
    for entry in entries:
        size = len(entry.text)
        at = text.find(entry.text)
        while at >= 0:
            if not any(taken[at : at + size]):
                if size <= _SHORT and not _ends(text, at + size, starts):
                    pass
                elif may_begin(text, at, starts):
                    claims.append(LabelClaim(at, at + size, entry))
                    taken[at : at + size] = b"\1" * size
                else:
                    late.append((at, size, entry))
            at = text.find(entry.text, at + 1)
    for at, size, entry in late:
        if at and taken[at - 1] and not any(taken[at : at + size]):
            claims.append(LabelClaim(at, at + size, entry))
            taken[at : at + size] = b"\1" * size
    claims.sort(key=lambda claim: claim.start)
    return claims


def _ends(text: str, end: int, starts: frozenset[int] | set[int]) -> bool:
    return end == len(text) or end in starts


def may_begin(text: str, at: int, starts: frozenset[int] | set[int]) -> bool:
    """Return whether a label may begin at ``at``: at a piece's first character, or behind its ordinals or 其中."""
    if at in starts:
        return True
    first = at
    while first > 0 and first not in starts and at - first < 6:
        first -= 1
    return first in starts and not without_ordinal(text[first:at] + "_").rstrip("_")


def best_row(text: str, lex: Lexicon, allowed: list[str]) -> tuple[str | None, float, float]:
    """The row of ``allowed`` whose label is most like ``text``, its likeness, and that of the next best row.

    Where the codebook's labels have no ordinals, those of ``text`` are left out, and so is a note behind it.
    """
    best: tuple[str | None, float] = (None, 0.0)
    second = 0.0
    if lex.plain:
        text = without_ordinal(text)
    for slug in allowed:
        score = max(likeness(text[: len(label)] if lex.plain else text, label) for label in lex.rows[slug])
        if score > best[1]:
            best, second = (slug, score), best[1]
        elif score > second:
            second = score
    return best[0], best[1], second
