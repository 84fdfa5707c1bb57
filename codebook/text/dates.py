"""Years and dates in lists and sentences: the patterns of ``codebook/data/text/dates.yaml``, compiled."""

from __future__ import annotations

import re
from functools import cache

import msgspec

from codebook import data
from codebook.records import Record


class DatePatterns(Record, frozen=True):
    """The rows of the data file; the comments there say what each is."""

    first_year: int
    year_cell: re.Pattern[str]
    date_cell: re.Pattern[str]
    year: re.Pattern[str]
    near_year: re.Pattern[str]
    period: re.Pattern[str]


@cache
def dates() -> DatePatterns:
    """Return the patterns. Raises msgspec.ValidationError on an unknown key, re.error on a pattern that is none."""
    return msgspec.yaml.decode(data.read("text/dates.yaml"), type=DatePatterns, dec_hook=lambda _, text: re.compile(text))
