"""How findings name cells and write sums: in the labels of the codebook, so that an office finds the place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import msgspec

from codebook import data
from codebook.book import Label, load_book
from codebook.records import Number, Record, Severity
from codebook.rules import plain
from codebook.text.chinese_numbers import ordinal_class

# The note in brackets behind a label.
_NOTE = re.compile(r"（[^（）]*+）$")
_LOWER = {Severity.ERROR: Severity.WARNING, Severity.WARNING: Severity.INFO, Severity.INFO: Severity.INFO}


class RuleWords(Record, frozen=True):
    """The phrases of messages.yaml."""

    tables: dict[str, str]
    joint: str
    term: str
    plus: str
    times: str
    all_zero: str
    list: str
    more: str
    blank_note: str
    unconfirmed_note: str
    pinned: str
    confirmed: str
    may_be_blank: tuple[str, ...]
    may_be_confirmed: tuple[str, ...]
    contested: str
    lost: str
    blank: str
    matched: str
    year: str
    chapters: dict[int, str]


@cache
def words() -> RuleWords:
    """The shared phrases. Raises msgspec.ValidationError on an unknown key, a phrase without use or a block without a name."""
    found = msgspec.yaml.decode(data.read("messages.yaml"), type=RuleWords)
    if set(found.tables) != set(load_book().blocks):
        raise ValueError(f"messages.yaml: tables {sorted(found.tables)} are not the blocks {sorted(load_book().blocks)}")
    return found


@cache
def _numbering() -> re.Pattern[str]:
    """Return what stands before a label: 一、 （三） 1."""
    ordinals = f"[{ordinal_class()}]+"
    return re.compile(rf"^(?:{ordinals}、|（{ordinals}）|\d+[.．])")


def lowered(severity: Severity) -> Severity:
    """One level lower; info stays info."""
    return _LOWER[severity]


def show(value: Number) -> str:
    """A number as a report would print it: no ``.0``, no exponent."""
    return str(int(value)) if value == int(value) else f"{value:f}".rstrip("0")


def short(label: str) -> str:
    """A label without its numbering and its note in brackets."""
    return _NOTE.sub("", _numbering().sub("", label)) or label


def _axis(label: Label) -> str:
    text, group = short(label.label), label.under[-1] if label.under else ""
    # an item （一） stands by itself, an item 1. only within its group; 其他 says nothing without the group
    numbered = _numbering().match(label.label)
    alone = (numbered and not numbered.group()[0].isdigit()) or (not numbered and len(text) > 2 and len(label.under) == 0)
    return text if alone or not group else f"{short(group)}{words().joint}{text}"


@cache
def row_label(block: str, row: str) -> str:
    """The label of a row, with its group where it needs one: 不予公开·属于国家秘密."""
    labels = load_book().blocks[block]
    return _axis(labels.rows[row] if row in labels.rows else labels.subtotals[row])


@cache
def column_label(block: str, column: str) -> str:
    """The label of a column, with its group only where it is as short as 其他."""
    labels = load_book().blocks[block]
    label = labels.columns.get(column) or labels.extra_columns[column]
    return _axis(label) if len(label.label) <= 2 else short(label.label)


@cache
def cell_label(cell: str, *, without: str = "") -> str:
    """The label of a cell: row·column. ``without`` is the axis ("row" or "column") that the sentence has named already."""
    indicator = load_book().indicators[plain(cell)]
    row = row_label(indicator.block, indicator.row)
    if indicator.column is None or without == "column":
        return row
    column = column_label(indicator.block, indicator.column)
    return column if without == "row" else f"{row}{words().joint}{column}"


def table_of(cell: str) -> str:
    """Return what the table of a cell is called in messages: 表三."""
    return words().tables[load_book().indicators[plain(cell)].block]


def write_terms(terms: Iterable[tuple[str, Number]], values: Mapping[str, Number | None], without: str = "") -> str:
    """A sum in words: ``予以公开 50 + 部分公开 9``. Terms that are zero are left out of long sums."""
    phrases, shown = words(), list(terms)
    written: list[str] = []
    if len(shown) > 4:
        shown = [(cell, weight) for cell, weight in shown if values.get(cell)]
    for cell, weight in shown:
        text = phrases.term.format(label=cell_label(cell, without=without), value=show(values.get(cell) or 0))
        factor = "" if weight in (1, -1) else f"{show(abs(weight))}{phrases.times}"
        joint = (" - " if written else "-") if weight < 0 else phrases.plus if written else ""
        written.append(f"{joint}{factor}{text}")
    return "".join(written) or phrases.all_zero


def write_list(items: Sequence[str], limit: int | None = None) -> str:
    """Items one after another, the first ``limit`` of them."""
    phrases = words()
    if limit is None or len(items) <= limit:
        return phrases.list.join(items)
    return phrases.list.join(items[:limit]) + phrases.more.format(count=len(items))
