"""Which indicators the columns of a summary are, by the words of their heads.

A head is a path of texts from the top down: the title of a table, the labels of a row and of a column, in whatever order and
shape the office wrote them. A column is an indicator when its words fit one alone. Where they fit several, it is all of them in
doubt; where a word is not known, it is an unknown column. Nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cache, lru_cache
from itertools import islice, product
from typing import NamedTuple

from codebook.book import Block, BlockKind, Label, load_book
from codebook.sheets.words import column_words, summary_words
from codebook.text.fold import fold_label

Head = tuple[str, ...]
_MOST_WAYS = 1_000  # ways to understand a head that are tried
_MOST_CANDIDATES = 8  # indicators that a column may be: of more its words say nothing
_LONGEST = 60  # characters of a head that is taken apart


class SummaryField(StrEnum):
    """What the numbers or texts of a column are."""

    AGENCY = "agency"
    REGION = "region"
    YEAR = "year"
    PUBLISHED_ON = "published_on"
    ASIDE = "aside"
    SERIAL = "serial"
    CELLS = "cells"
    SUBTOTAL = "subtotal"
    UNKNOWN = "unknown"


class SummaryColumn(NamedTuple):
    """A column: ``indicators`` are those that it may be. It is one surely where it may be one alone and ``is_sure``. ``unit`` is
    printed in its head.
    """

    field: SummaryField
    indicators: tuple[str, ...] = ()
    is_sure: bool = True
    unit: str | None = None


class _HeadPart(StrEnum):
    ROW = "row"
    COLUMN = "column"
    SUBTOTAL_ROW = "subtotal_row"
    SUBTOTAL_COLUMN = "subtotal_column"
    GROUP = "group"
    TITLE = "title"


class _Role(NamedTuple):
    """What a text may be: of which block, which part, and its slug (of a group or title its own text)."""

    block: str
    part: _HeadPart
    slug: str


_Way = tuple[_Role, ...]


class _Roles(NamedTuple):
    exact: dict[str, tuple[_Role, ...]]
    loose: dict[str, tuple[_Role, ...]]

    def of(self, text: str, *, loosely: bool) -> tuple[_Role, ...]:
        exact = self.exact.get(text, ())
        return tuple(dict.fromkeys((*exact, *self.loose.get(_bare(text), ())))) if loosely or not exact else exact


def columns_of(heads: Sequence[Head]) -> tuple[SummaryColumn, ...]:
    """Return what each column is. A blank head is an unknown column."""
    return _columns_of(tuple(heads))


def is_label(text: str) -> bool:
    """Return whether a text is the label of a row or a column of a form."""
    labels = (_HeadPart.ROW, _HeadPart.COLUMN)
    return len(text) < _LONGEST and any(role.part in labels for role in _roles().of(fold_label(text), loosely=True))


@lru_cache(maxsize=64)
def _columns_of(heads: tuple[Head, ...]) -> tuple[SummaryColumn, ...]:
    found = [_column(head) for head in heads]
    sure = {column.indicators[0] for column in found if _is_one(column)}
    forms = _forms(sure)
    found = [_of_forms(column, forms) for column in found]
    sure = {column.indicators[0] for column in found if _is_one(column)}
    return tuple(_beside(column, sure) for column in found)


def _is_one(column: SummaryColumn) -> bool:
    """Return whether a column is one indicator surely."""
    return column.field is SummaryField.CELLS and column.is_sure and len(column.indicators) == 1


def _forms(indicators: Iterable[str]) -> frozenset[str]:
    """The forms that have all of these indicators; all forms, where none has."""
    book = load_book()
    own = [frozenset(book.indicators[one].forms) for one in indicators]
    return frozenset(book.forms).intersection(*own) or frozenset(book.forms)


def _of_forms(column: SummaryColumn, forms: frozenset[str]) -> SummaryColumn:
    """A column that may be several indicators, without those that the form of the others does not have."""
    if column.field is not SummaryField.CELLS or len(column.indicators) < 2:
        return column
    book = load_book()
    left = tuple(one for one in column.indicators if forms & set(book.indicators[one].forms))
    if len(left) > _MOST_CANDIDATES or not left:
        return SummaryColumn(SummaryField.UNKNOWN)
    return column._replace(indicators=left)


def _beside(column: SummaryColumn, sure: set[str]) -> SummaryColumn:
    """A column in the light of the others: what they are surely it is not; what they divide it is the sum of."""
    if column.field is not SummaryField.CELLS:
        return column
    if _is_one(column):
        return SummaryColumn(SummaryField.SUBTOTAL) if _is_divided(column.indicators[0], sure) else column
    left = tuple(one for one in column.indicators if one not in sure)
    return column._replace(indicators=left, is_sure=False) if left else SummaryColumn(SummaryField.UNKNOWN)


def _is_divided(indicator: str, sure: set[str]) -> bool:
    book = load_book()
    own = book.indicators[indicator]
    parts = book.blocks[own.block].rows[own.row].parts
    return any(one.block == own.block and one.row in parts for one in (book.indicators[name] for name in sure))


def _column(head: Head) -> SummaryColumn:
    words = summary_words()
    texts, unit = [], None
    for raw in head:
        match = words.unit.search(raw.strip())
        unit = match[1] if match else unit
        text = raw.strip()[: match.start()] if match else raw
        if (folded := fold_label(text)) and folded not in _neutral():
            texts.append((text, folded))
    if not texts:
        return SummaryColumn(SummaryField.UNKNOWN)
    if (field := column_words().get(texts[-1][1])) is not None:
        return SummaryColumn(SummaryField(field))
    for loosely in (False, True):
        ways = [_ways(text, folded, loosely=loosely) for text, folded in texts]
        if not ways[-1]:
            continue
        known = [each for each in ways if each]
        fits, subtotal = _fits(known)
        if fits:
            return SummaryColumn(SummaryField.CELLS, fits, len(known) == len(ways), unit)
        if subtotal:
            return SummaryColumn(SummaryField.SUBTOTAL)
    labels = [_labels_of(_ways(text, folded, loosely=True)) for text, folded in texts]
    fits, _ = _fits([each for each in labels if each]) if labels[-1] else ((), False)
    return SummaryColumn(SummaryField.CELLS, fits, False, unit) if fits else SummaryColumn(SummaryField.UNKNOWN)


def _labels_of(ways: list[_Way]) -> list[_Way]:
    """The ways of a text that name a row or a column: what stands above them contradicts them, and is passed over."""
    wanted = (_HeadPart.ROW, _HeadPart.COLUMN)
    return [way for way in ways if all(role.part in wanted for role in way)]


def _fits(ways: Sequence[list[_Way]]) -> tuple[tuple[str, ...], bool]:
    """The indicators that fit one way for each text, and whether subtotals do."""
    found: dict[str, None] = {}
    subtotal = False
    for way in islice(product(*ways), _MOST_WAYS):
        roles = [role for part in way for role in part]
        if len({role.block for role in roles}) != 1:
            continue
        of_part = {part: list(dict.fromkeys(role.slug for role in roles if role.part is part)) for part in _HeadPart}
        rows = [*of_part[_HeadPart.ROW], *of_part[_HeadPart.SUBTOTAL_ROW]]
        columns = [*of_part[_HeadPart.COLUMN], *of_part[_HeadPart.SUBTOTAL_COLUMN]]
        if len(rows) > 1 or len(columns) > 1 or not (rows or columns):
            continue
        block = load_book().blocks[roles[0].block]
        named = [*of_part[_HeadPart.GROUP]]
        if of_part[_HeadPart.SUBTOTAL_ROW] or of_part[_HeadPart.SUBTOTAL_COLUMN]:
            subtotal = True
        else:
            found |= dict.fromkeys(_indicators(roles[0].block, block, next(iter(rows), None), next(iter(columns), None), named))
    return tuple(found), subtotal


def _indicators(name: str, block: Block, row: str | None, column: str | None, groups: list[str]) -> Iterator[str]:
    """The indicators of a row and a column, either of which may not be named, below these groups."""
    for indicator in load_book().indicators.values():
        if indicator.block != name or (row is not None and indicator.row != row):
            continue
        if column is not None and indicator.column != column:
            continue
        under = {_bare(fold_label(text)) for text in block.rows[indicator.row].under}
        if indicator.column is not None:
            under |= {_bare(fold_label(text)) for text in block.columns[indicator.column].under}
        if row is not None and column is None and _total_of(block) not in (None, indicator.column):
            continue
        if set(groups) <= under:
            yield indicator.id


def _total_of(block: Block) -> str | None:
    """The column that a row is as a whole, None where its columns have no sum."""
    if block.kind is BlockKind.CROSS:
        return next(reversed(block.columns))
    return block.total_column


def _ways(raw: str, folded: str, *, loosely: bool) -> list[_Way]:
    """What a text may say: one role, or one each of its words."""
    roles = _roles()
    if whole := roles.of(folded, loosely=loosely):
        return [(role,) for role in whole]
    for joint in (summary_words().joint, summary_words().brackets):
        pieces = [
            text
            for piece in joint.split(raw)
            if (text := fold_label(piece)) and text not in _neutral() and _bare(f"{text}_") != "_"
        ]
        each = [roles.of(piece, loosely=loosely) for piece in pieces]
        if pieces != [folded] and each and all(each):
            return list(islice(product(*each), _MOST_WAYS))
    if len(folded) > _LONGEST:
        return []
    for at in range(len(folded) - 1, 0, -1):
        first, second = roles.of(folded[:at], loosely=loosely), roles.of(folded[at:], loosely=loosely)
        if first and second:
            return list(product(first, second))
    return []


@cache
def _neutral() -> frozenset[str]:
    return frozenset(map(fold_label, summary_words().neutral))


def _bare(folded: str) -> str:
    return summary_words().leading.sub("", folded)


def _without_note(raw: str) -> str:
    return raw.partition("（")[0] if not raw.startswith("（") else "（" + raw[1:].partition("（")[0]


@cache
def _roles() -> _Roles:
    exact: dict[str, dict[_Role, None]] = {}
    loose: dict[str, dict[_Role, None]] = {}

    def add(role: _Role, *texts: str) -> None:
        for raw in texts:
            exact.setdefault(fold_label(raw), {})[role] = None
            loose.setdefault(_bare(fold_label(raw)), {})[role] = None
            loose.setdefault(_bare(fold_label(_without_note(raw))), {})[role] = None

    def add_all(block: str, part: _HeadPart, labels: dict[str, Label]) -> None:
        for slug, label in labels.items():
            add(_Role(block, part, slug), *label.texts)

    words, book = summary_words(), load_book()
    for name, block in book.blocks.items():
        add_all(name, _HeadPart.ROW, block.rows)
        add_all(name, _HeadPart.COLUMN, block.columns)
        add_all(name, _HeadPart.SUBTOTAL_ROW, block.subtotals)
        add_all(name, _HeadPart.SUBTOTAL_COLUMN, block.extra_columns)
        add(_Role(name, _HeadPart.TITLE, ""), block.title, *words.about.get(name, ()), *(group.clause for group in block.groups))
        for form in book.forms.values():
            add(
                _Role(name, _HeadPart.TITLE, ""),
                *(text for c in form.sections if c.number == block.section for text in (c.title, *c.variants)),
            )
        for label in (*block.rows.values(), *block.columns.values(), *block.extra_columns.values()):
            for text in label.under:
                add(_Role(name, _HeadPart.GROUP, _bare(fold_label(text))), text)
    for row, texts in words.short.items():
        block_name, _, slug = row.partition(".")
        add(_Role(block_name, _HeadPart.ROW, slug), *texts)
    kept = {text: tuple(roles) for text, roles in exact.items() if text}
    return _Roles(kept, {text: tuple(roles) for text, roles in loose.items() if text})
