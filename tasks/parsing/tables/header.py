"""Which columns an item has in a block of items (table two).

Its own header decides: exact labels first, else likeness to what a form prints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from codebook.book import Group, load_book
from codebook.text.fold import fold_label
from tasks.parsing.words import words

# How like a misprinted or broken header must be to a form's header, and how much less like the other form's.
_LIKE, _APART = 0.6, 0.1


class Header(NamedTuple):
    """The columns of an item and the forms that print them (none: a mixture of forms), with the unit that the header prints."""

    columns: tuple[str, ...]
    forms: tuple[str, ...]
    unit: str | None = None


@cache
def group_of(block: str, row: str) -> Group:
    """The item of ``block`` in which ``row`` stands."""
    return next(group for group in load_book().blocks[block].groups if row in group.rows)


def columns_by_form(block: str, row: str) -> dict[str, tuple[str, ...]]:
    """The columns of the item of ``row`` in each form that has it."""
    return {form: columns for form, columns in group_of(block, row).columns.items() if columns}


@cache
def _printed(block: str, columns: tuple[str, ...]) -> tuple[Counter[str], ...]:
    """The characters of each way to print ``columns``: by their labels, or by their variants."""
    labels = load_book().blocks[block].columns
    ways = max(len(labels[slug].texts) for slug in columns)
    texts = [
        "".join(fold_label(labels[slug].texts[min(n, len(labels[slug].texts) - 1)]) for slug in columns) for n in range(ways)
    ]
    return tuple(map(Counter, texts))


def _overlap(block: str, text: str, columns: tuple[str, ...]) -> float:
    """The share of characters that a text has in common with the best way to print ``columns``, in any order."""
    have = Counter(text)
    return max(2 * (have & want).total() / (have.total() + want.total()) for want in _printed(block, columns))


def read_header(block: str, row: str, slugs: Sequence[str], text: str) -> Header | None:
    """The columns of the item of ``row``. ``slugs`` are the column labels found exactly, ``text`` the whole folded header.

    None when the header does not show them.
    """
    forms: dict[tuple[str, ...], tuple[str, ...]] = {}  # columns -> the forms that print them
    for form, columns in columns_by_form(block, row).items():
        forms[columns] = (*forms.get(columns, ()), form)
    unit = match[1] if (match := words().table.header_unit.search(text)) else None
    found = tuple(dict.fromkeys(slugs))
    if found in forms:
        return Header(found, forms[found], unit)
    scored = sorted(((_overlap(block, text, columns), columns) for columns in forms), reverse=True) if text else []
    if scored and scored[0][0] >= _LIKE and (len(scored) == 1 or scored[0][0] - scored[1][0] >= _APART):
        columns = scored[0][1]
        if set(found) <= set(columns) and [slug for slug in columns if slug in found] == list(found):
            return Header(columns, forms[columns], unit)
    known = {(row, column) for other in group_of(block, row).columns.values() for column in other}
    if found and all((row, slug) in known for slug in found) and _overlap(block, text, found) >= _LIKE:
        return Header(found, (), unit)
    return None
