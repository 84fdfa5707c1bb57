"""The codebook: forms, blocks of numbers and indicators, loaded from the data files into frozen records.

>>> book = load_book()
>>> book.indicators["requests.new_received.total"].column
'total'
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from codebook import data
from codebook.records import Record


class Variant(Record, frozen=True):
    """A wording that reports use for a label, with the reason or the place where it was seen."""

    text: str
    why: str


class Label(Record, frozen=True):
    """A row or a column of a block: what the form prints, and what reports print instead.

    ``under`` are the labels of the groups around it, outermost first. ``forms`` is empty when all forms of the block have it;
    in the file it is said by ``since``, ``until`` or ``form`` (see :func:`take_forms`).
    """

    label: str
    variants: tuple[Variant, ...] = ()
    under: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    unit: str | None = None
    signed: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """The label and its variants, raw."""
        return (self.label, *(variant.text for variant in self.variants))


class Group(Record, frozen=True):
    """An item of table two: the rows that stand under one header row, with the columns of each form."""

    clause: str
    rows: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]


class Block(Record, frozen=True):
    """A block of numbers. Keys of the mappings are slugs, in the order in which the form prints them."""

    title: str
    forms: tuple[str, ...]
    rows: dict[str, Label]
    section: int | None = None
    columns: dict[str, Label] = msgspec.field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    subtotals: dict[str, Label] = msgspec.field(default_factory=dict)
    extra_columns: dict[str, Label] = msgspec.field(default_factory=dict)


class Chapter(Record, frozen=True):
    """A chapter that a form prescribes."""

    number: int
    title: str
    variants: tuple[str, ...] = ()


class Form(Record, frozen=True):
    """A national form: the notice that made it, first and last year (None: still in force), blocks and chapters."""

    notice: str
    years: tuple[int, int | None]
    blocks: tuple[str, ...]
    sections: tuple[Chapter, ...]


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
        """Whether the value must be a whole number (amounts in 万元 take decimals)."""
        return self.unit != "万元"


class Codebook(Record, frozen=True):
    """All of it. ``version`` is a digest of the data files: results carry it, so that stale ones can be found."""

    version: str
    forms: dict[str, Form]
    blocks: dict[str, Block]
    indicators: dict[str, Indicator]

    def of_form(self, form: str, block: str | None = None) -> tuple[Indicator, ...]:
        """The indicators that ``form`` asks for, in printing order; of one block only, if given."""
        return tuple(i for i in self.indicators.values() if form in i.forms and block in (None, i.block))


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
        for part in ("rows", "columns", "subtotals", "extra_columns"):
            for slug, label in block.get(part, {}).items():
                if label.keys() & {"since", "until", "form", "forms"}:
                    label["forms"] = take_forms(label, block["forms"], f"{name}.{slug}")
    return msgspec.convert(blocks, dict[str, Block])


def _check(book: Codebook) -> None:
    """Every reference points to something, and everything declared is used. Raises ValueError with all that is wrong."""
    wrong: list[str] = []
    for name, form in book.forms.items():
        wrong += [f"form {name}: no block {b}" for b in form.blocks if b not in book.blocks]
        wrong += [
            f"form {name} and block {b} disagree"
            for b, block in book.blocks.items()
            if (b in form.blocks) != (name in block.forms)
        ]
    for name, block in book.blocks.items():
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
