"""The codebook: forms, blocks of numbers and indicators, loaded from the data files into frozen records.

>>> book = load_book()
>>> book.indicators["requests.new_received.total"].column
'total'
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cache, cached_property
from typing import Any

import msgspec

from codebook import data
from codebook.records import Record
from codebook.text.numbers import number_words


class Variant(Record, frozen=True):
    """A wording that reports use for a label, with the reason or the place where it was seen."""

    text: str
    why: str


class Label(Record, frozen=True):
    """A row or a column of a block: what the form prints, and what reports print instead.

    ``under`` are the labels of the groups around it, outermost first. ``forms`` is empty when all forms of the block have it;
    in the file it is said by ``since``, ``until`` or ``form`` (see :func:`take_forms`).
    ``parts`` are the slugs of the rows that a form prints in the place of this one.
    """

    label: str
    variants: tuple[Variant, ...] = ()
    under: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    unit: str | None = None
    signed: bool = False
    parts: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The label and its variants, raw."""
        return (self.label, *(variant.text for variant in self.variants))


class Group(Record, frozen=True):
    """An item of table two: the rows that stand under one header row, with the columns of each form."""

    clause: str
    rows: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]


class BlockKind(StrEnum):
    """How a block is printed, and so which reader reads it; blocks.yaml describes the kinds."""

    ITEMS = "items"
    MATRIX = "matrix"
    CROSS = "cross"
    LIST = "list"


class RowBalance(Record, frozen=True):
    """The rows of a matrix that balance, as slugs.

    In each column the sum of ``received`` is ``handled`` + ``carried``, and ``handled`` the sum of all rows that are not named
    here.
    """

    received: tuple[str, ...]
    handled: str
    carried: str

    @property
    def rows(self) -> tuple[str, ...]:
        """All rows of the balance."""
        return (*self.received, self.handled, self.carried)


class Block(Record, frozen=True):
    """A block of numbers. Keys of the mappings are slugs, in the order in which the form prints them.

    ``balance`` and ``total_column`` belong to blocks of kind MATRIX, ``groups`` to those of kind ITEMS.
    """

    kind: BlockKind
    title: str
    forms: tuple[str, ...]
    rows: dict[str, Label]
    section: int | None = None
    columns: dict[str, Label] = msgspec.field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    subtotals: dict[str, Label] = msgspec.field(default_factory=dict)
    extra_columns: dict[str, Label] = msgspec.field(default_factory=dict)
    balance: RowBalance | None = None
    total_column: str | None = None

    @property
    def part_rows(self) -> frozenset[str]:
        """The rows that stand in the place of another one."""
        return frozenset(part for label in self.rows.values() for part in label.parts)

    @property
    def shows_form(self) -> bool:
        """Whether its forms differ in rows or columns, so that a printed block shows which form it is."""
        labels = (*self.rows.values(), *self.columns.values())
        return any(label.forms for label in labels) or any(len(set(group.columns.values())) > 1 for group in self.groups)

    def forms_of_rows(self, printed: Iterable[str]) -> tuple[str, ...]:
        """Return the forms that have all ``printed`` rows, oldest first; none when every form of the block has them.

        A block of one form needs no witness.
        """
        if len(self.forms) == 1:
            return self.forms
        limited = [self.rows[slug].forms for slug in printed if self.rows[slug].forms]
        return tuple(form for form in self.forms if all(form in forms for forms in limited)) if limited else ()

    def rows_wanted(self, printed: Iterable[str]) -> list[str]:
        """Return the rows that the form of a block asks for, in order; of a row with parts, it or them, as ``printed``."""
        rows = set(printed)
        form = next(iter(self.forms_of_rows(rows)), None)
        divided = {slug for slug, label in self.rows.items() if not rows.isdisjoint(label.parts)}
        whole = {part for slug, label in self.rows.items() if slug not in divided for part in label.parts}
        return [
            slug
            for slug, label in self.rows.items()
            if slug in rows or (slug not in whole and slug not in divided and (not label.forms or form in label.forms))
        ]


class Chapter(Record, frozen=True):
    """A chapter that a form prescribes."""

    number: int
    title: str
    variants: tuple[str, ...] = ()


class Form(Record, frozen=True):
    """A national form: the notice that made it, first and last year (None: still in force), blocks and chapters.

    ``narrative``: its numbers may stand in sentences alone. ``fallback``: the form of reports whose tables do not show theirs.
    """

    notice: str
    years: tuple[int, int | None]
    blocks: tuple[str, ...]
    sections: tuple[Chapter, ...]
    narrative: bool = False
    fallback: bool = False

    def covers(self, year: int) -> bool:
        """Return whether the form was in force for reports on ``year``."""
        return self.years[0] <= year and (self.years[1] is None or year <= self.years[1])


class Indicator(Record, frozen=True):
    """One number that a form asks for. ``id`` is its name in exports and in the database; ids never change."""

    id: str
    block: str
    row: str
    column: str | None
    forms: tuple[str, ...]
    unit: str | None = None
    signed: bool = False

    @property
    def is_count(self) -> bool:
        """Whether the value must be a whole number (sums of money take decimals)."""
        return self.unit != number_words().money


def _wholes(row: str) -> Iterator[str]:
    """The rows of which a row is a part, by their slugs: a.b and a of a.b.c."""
    whole, dot, _ = row.rpartition(".")
    while dot:
        yield whole
        whole, dot, _ = whole.rpartition(".")


class Codebook(Record, frozen=True, dict=True, gc=True):
    """All of it. ``version`` is a digest of the data files: results carry it, so that stale ones can be found."""

    version: str
    forms: dict[str, Form]
    blocks: dict[str, Block]
    indicators: dict[str, Indicator]

    @cached_property
    def by_block(self) -> dict[str, tuple[Indicator, ...]]:
        """The indicators of each block, in printing order."""
        return {name: tuple(i for i in self.indicators.values() if i.block == name) for name in self.blocks}

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of each indicator in printing order, from 0."""
        return {key: number for number, key in enumerate(self.indicators)}

    def in_order(self, cells: Iterable[str]) -> list[str]:
        """Return ids of indicators in printing order, those that the codebook does not know behind all others."""
        return sorted(cells, key=lambda cell: (self.order.get(cell, len(self.order)), cell))

    def of_form(self, form: str, block: str | None = None) -> tuple[Indicator, ...]:
        """The indicators that ``form`` asks for, in printing order; of one block only, if given."""
        indicators = self.indicators.values() if block is None else self.by_block.get(block, ())
        return tuple(i for i in indicators if form in i.forms)

    def demanded(self, block: str, form: str, printed: Collection[str]) -> tuple[str, ...]:
        """Return the ids of the cells that a block of ``form`` has, in printing order, given those rows that are ``printed``.

        Where the form admits a row in one piece or in parts (``other`` or ``other.miscellaneous`` and so on), only the variant
        that is printed is meant; the parts, where neither is.
        """
        indicators = self.of_form(form, block)
        rows = {i.row for i in indicators}
        parts_of: dict[str, set[str]] = {}
        for row in rows:
            for whole in _wholes(row):
                parts_of.setdefault(whole, set()).add(row)
        unmeant: set[str] = set()
        for row in rows & parts_of.keys():
            parts = parts_of[row]
            unmeant |= parts if row in printed and parts.isdisjoint(printed) else {row}
        return tuple(i.id for i in indicators if i.row not in unmeant)

    def of_kind(self, kind: BlockKind) -> dict[str, Block]:
        """Return the blocks of ``kind`` by their names, in printing order."""
        return {name: block for name, block in self.blocks.items() if block.kind is kind}

    @property
    def fallback(self) -> str:
        """The form of a report none of whose tables shows it."""
        return next(name for name, form in self.forms.items() if form.fallback)

    @property
    def narrative(self) -> str | None:
        """The form whose numbers may stand in sentences alone; None where no form is such."""
        return next((name for name, form in self.forms.items() if form.narrative), None)


def _indicators(name: str, block: Block) -> list[Indicator]:
    def make(row: str, column: str | None, forms: tuple[str, ...]) -> Indicator:
        label = block.columns[column] if column else block.rows[row]
        key = f"{name}.{row}.{column}" if column else f"{name}.{row}"
        return Indicator(key, name, row, column, forms, label.unit, label.signed)

    if not block.columns:
        return [make(row, None, block.forms) for row in block.rows]
    if not block.groups:
        return [make(row, column, label.forms or block.forms) for row, label in block.rows.items() for column in block.columns]
    found: dict[tuple[str, str], list[str]] = {}
    for group in block.groups:
        for row in group.rows:
            for form, columns in group.columns.items():
                if form in (block.rows[row].forms or block.forms):
                    for column in columns:
                        found.setdefault((row, column), []).append(form)
    return [make(row, column, tuple(forms)) for (row, column), forms in found.items()]


def _check_kind(name: str, block: Block) -> list[str]:
    """Return what a block lacks that its kind needs, or has that its kind does not know."""
    wrong: list[str] = []
    needs = {
        BlockKind.ITEMS: {"columns", "groups"},
        BlockKind.MATRIX: {"columns", "balance", "total_column"},
        BlockKind.CROSS: {"columns"},
        BlockKind.LIST: set[str](),
    }[block.kind]
    for field in ("columns", "groups", "balance", "total_column"):
        if bool(getattr(block, field)) != (field in needs):
            wrong.append(f"{name}: kind {block.kind.value} {'needs' if field in needs else 'has no'} {field}")
    slugs = [*(block.balance.rows if block.balance else ()), *block.part_rows]
    wrong += [f"{name}: no row {slug}" for slug in slugs if slug not in block.rows]
    if block.total_column and block.total_column != next(reversed(block.columns), None):
        wrong.append(f"{name}: total_column {block.total_column} is not the last column")
    return wrong


def take_forms(row: dict[str, Any], forms: Sequence[str], place: str) -> tuple[str, ...]:
    """Take ``since``, ``until`` and ``form`` out of a row of a data file; return those of ``forms`` that they leave.

    ``forms`` are names of forms in their order of time, ``place`` says in errors where the row stands. A row without any of
    the three is of all forms. Raises ValueError when a row lists its forms, so that no list has to be extended for a new form,
    when it names an unknown form, or when no form is left.

    >>> take_forms({"since": "2019"}, ("2014", "2019", "2021"), "test")
    ('2019', '2021')
    """
    if "forms" in row:
        raise ValueError(f"{place}: forms {row['forms']} are listed: say since, until or form")
    since, until, form = (row.pop(name, None) for name in ("since", "until", "form"))
    if form is not None and (since is not None or until is not None):
        raise ValueError(f"{place}: form {form} is one alone: it has no since or until")
    if unknown := {since, until, form} - {None, *forms}:
        raise ValueError(f"{place}: {sorted(map(repr, unknown))} are not among the forms {', '.join(forms)}")
    first = forms.index(form or since or forms[0])
    last = forms.index(form or until or forms[-1])
    if first > last:
        raise ValueError(f"{place}: no form lies between {since} and {until}")
    return tuple(forms[first : last + 1])


def _read_blocks(forms: Sequence[str]) -> dict[str, Block]:
    """The blocks, with the forms that have them and their parts written out."""
    blocks = msgspec.yaml.decode(data.read("blocks.yaml"), type=dict[str, dict[str, Any]])
    for name, block in blocks.items():
        block["forms"] = take_forms(block, forms, name)
        for group in block.get("groups", ()):
            group["columns"] = _carried_on(group["columns"], block["forms"])
        for part in ("rows", "columns", "subtotals", "extra_columns"):
            for slug, label in block.get(part, {}).items():
                if label.keys() & {"since", "until", "form", "forms"}:
                    label["forms"] = take_forms(label, block["forms"], f"{name}.{slug}")
    return msgspec.convert(blocks, dict[str, Block])


def _carried_on(columns: dict[str, list[str]], forms: Sequence[str]) -> dict[str, list[str]]:
    """The columns of a group in each form: those that it names itself, or else those of the form before it."""
    if unknown := columns.keys() - set(forms):
        raise ValueError(f"columns of forms {sorted(unknown)}, which are none of {', '.join(forms)}")
    result: dict[str, list[str]] = {}
    last: list[str] | None = None
    for form in forms:
        last = columns.get(form, last)
        if last is not None:
            result[form] = last
    return result


def _check(book: Codebook) -> None:
    """Every reference points to something, and everything declared is used. Raises ValueError with all that is wrong."""
    wrong: list[str] = []
    if (count := sum(form.fallback for form in book.forms.values())) != 1:
        wrong.append(f"{count} forms are the fallback, and one must be")
    numbers: dict[str, int] = {}
    for name, form in book.forms.items():
        for chapter in form.sections:
            if numbers.setdefault(chapter.title, chapter.number) != chapter.number:
                wrong.append(f"form {name}: chapter {chapter.title} has number {numbers[chapter.title]} in another form")
        wrong += [f"form {name}: no block {b}" for b in form.blocks if b not in book.blocks]
        wrong += [
            f"form {name} and block {b} disagree"
            for b, block in book.blocks.items()
            if (b in form.blocks) != (name in block.forms)
        ]
    for name, block in book.blocks.items():
        wrong += _check_kind(name, block)
        if block.groups:
            for part, declared in (("rows", block.rows), ("columns", block.columns)):
                used = {
                    slug for group in block.groups for slug in (group.rows if part == "rows" else sum(group.columns.values(), ()))
                }
                wrong += (
                    [f"{name}: {part} {sorted(used ^ set(declared))} are not both declared and used"]
                    if used != set(declared)
                    else []
                )
    if wrong:
        raise ValueError("codebook: " + "; ".join(wrong))


@cache
def load_book() -> Codebook:
    """The codebook from its data files, checked.

    Raises msgspec.ValidationError on an unknown key, and ValueError on a reference that points nowhere.
    """
    forms = msgspec.yaml.decode(data.read("forms.yaml"), type=dict[str, Form])
    blocks = _read_blocks(tuple(forms))
    digest = hashlib.sha256(b"\0".join(part for name in data.names() for part in (name.encode(), data.read(name)))).hexdigest()[
        :12
    ]
    indicators = {i.id: i for name, block in blocks.items() for i in _indicators(name, block)}
    book = Codebook(digest, forms, blocks, indicators)
    _check(book)
    return book
