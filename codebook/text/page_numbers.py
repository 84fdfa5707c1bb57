"""Printed page numbers: the shapes in which each stage knows them, from ``codebook/data/text/page_numbers.yaml``."""

from __future__ import annotations

import re
from functools import cache

import msgspec

from codebook import data
from codebook.records import Record


class PageNumbers(Record, frozen=True):
    """The patterns of the data file; the comments there say over what each is matched."""

    sure: re.Pattern[str]
    bare: re.Pattern[str]
    among_tables: re.Pattern[str]
    within_line: re.Pattern[str]
    among_prose: re.Pattern[str]


@cache
def page_numbers() -> PageNumbers:
    """Return the patterns, compiled. Raises msgspec.ValidationError on an unknown key, re.error on a pattern that is none."""
    rows = msgspec.yaml.decode(data.read("text/page_numbers.yaml"), type=dict[str, str | list[str]])
    return msgspec.convert({name: _any(row) for name, row in rows.items()}, type=PageNumbers)


def _any(row: str | list[str]) -> re.Pattern[str]:
    """One pattern for several that each name ``page`` and ``total``, which Python allows only once: the groups are numbered."""
    choices = (
        [row] if isinstance(row, str) else [re.sub(r"\(\?P<(page|total)>", rf"(?P<\g<1>{n}>", one) for n, one in enumerate(row)]
    )
    return re.compile(choices[0] if len(choices) == 1 else "|".join(f"(?:{choice})" for choice in choices))
