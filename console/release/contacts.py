"""Masking contact lines of persons in texts: telephones, mail addresses, names. The patterns are data (contacts.yaml)."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import msgspec

from codebook.records import Record
from codebook.text.linear import weakness_of
from console.release.schema import read_data


class ContactPattern(Record, frozen=True):
    """What is masked: the group ``hidden`` of the pattern, or the whole hit. The load applies examples and counter-examples."""

    id: str
    pattern: str
    mask: str
    examples: dict[str, str]
    counter_examples: tuple[str, ...]


@cache
def _patterns() -> tuple[tuple[ContactPattern, re.Pattern[str]], ...]:
    rows = msgspec.yaml.decode(read_data("contacts.yaml"), type=tuple[ContactPattern, ...])
    for row in rows:
        if weakness := weakness_of(row.pattern):
            raise ValueError(f"contacts: {row.id}: {weakness}")
    return tuple((row, re.compile(row.pattern)) for row in rows)


def contact_patterns() -> tuple[ContactPattern, ...]:
    """The rows of the data file. Raises ValueError for a pattern that takes more than linear time."""
    return tuple(row for row, _ in _patterns())


def masked(text: str, counts: Counter[str] | None = None) -> str:
    """Return ``text`` with the contact lines of persons masked; ``counts`` takes how many of each kind.

    >>> masked("zwgk@example.gov.cn") == masked("office@example.org")
    True
    """
    for row, pattern in _patterns():
        text, count = pattern.subn(lambda hit, mask=row.mask: _hidden(hit, mask), text)  # type: ignore[misc]
        if counts is not None and count:
            counts[row.id] += count
    return text


def _hidden(hit: re.Match[str], mask: str) -> str:
    if "hidden" not in hit.re.groupindex:
        return mask
    start, end = (place - hit.start() for place in hit.span("hidden"))
    return hit[0][:start] + mask + hit[0][end:]
