"""Which columns an item of table two has: its own header decides, exact labels first, else likeness to what a form prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from codebook.book import Group, load_book
from codebook.text.fold import fold_label

# How like a misprinted or broken header must be to a form's header, and how much less like the other form's.
_LIKE, _APART = 0.6, 0.1
_HEADER_UNIT = re.compile(r"单位([百千万]*元)")


class Header(NamedTuple):
    """The columns of an item and the form they belong to (None: both, or a mixture), with the unit that the header prints."""

    columns: tuple[str, ...]
    form: str | None
    unit: str | None = None


@cache
def group_of(row: str) -> Group:
    """The item of table two in which ``row`` stands."""
    return next(group for group in load_book().blocks["disclosure"].groups if row in group.rows)


@cache
def _printed(columns: tuple[str, ...]) -> tuple[Counter[str], ...]:
    """The characters of each way to print ``columns``: by their labels, or by their variants."""
    labels = load_book().blocks["disclosure"].columns
    ways = max(len(labels[slug].texts) for slug in columns)
    texts = [
        "".join(fold_label(labels[slug].texts[min(n, len(labels[slug].texts) - 1)]) for slug in columns) for n in range(ways)
    ]
    return tuple(map(Counter, texts))


def _overlap(text: str, columns: tuple[str, ...]) -> float:
    """The share of characters that a text has in common with the best way to print ``columns``, in any order."""
    have = Counter(text)
    return max(2 * (have & want).total() / (have.total() + want.total()) for want in _printed(columns))


def read_header(row: str, slugs: Sequence[str], text: str) -> Header | None:
    """The columns of the item of ``row``. ``slugs`` are the column labels found exactly, ``text`` the whole folded header.

    None when the header does not tell.
    """
    forms = {form: columns for form, columns in group_of(row).columns.items() if columns}
    unit = match[1] if (match := _HEADER_UNIT.search(text)) else None
    found = tuple(dict.fromkeys(slugs))
    fitting = [form for form, columns in forms.items() if columns == found]
    if fitting:
        return Header(found, fitting[0] if len(fitting) == 1 else None, unit)
    scored = sorted(((_overlap(text, columns), form) for form, columns in forms.items()), reverse=True) if text else []
    if scored and scored[0][0] >= _LIKE and (len(scored) == 1 or scored[0][0] - scored[1][0] >= _APART):
        columns = forms[scored[0][1]]
        if set(found) <= set(columns) and [slug for slug in columns if slug in found] == list(found):
            return Header(columns, scored[0][1], unit)
    known = {(row, column) for other in group_of(row).columns.values() for column in other}
    if found and all((row, slug) in known for slug in found) and _overlap(text, found) >= _LIKE:
        return Header(found, None, unit)
    return None
