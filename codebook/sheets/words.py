"""What is known of summaries: the frozen content of ``codebook/data/summary.yaml``, made ready for use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import msgspec

from codebook import data
from codebook.records import Record
from codebook.text.fold import fold_label


class SummaryMessages(Record, frozen=True):
    """What is said of the columns of a summary."""

    unknown: str


class SummaryWords(Record, frozen=True):
    """The file as it stands; see the comments there."""

    serial: tuple[str, ...]
    aside: tuple[str, ...]
    published_on: tuple[str, ...]
    about: dict[str, tuple[str, ...]]
    neutral: tuple[str, ...]
    short: dict[str, tuple[str, ...]]
    total: re.Pattern[str]
    number: re.Pattern[str]
    note: re.Pattern[str]
    group: re.Pattern[str]
    unit: re.Pattern[str]
    joint: re.Pattern[str]
    brackets: re.Pattern[str]
    leading: re.Pattern[str]
    year: re.Pattern[str]
    messages: SummaryMessages


class _ListedColumns(msgspec.Struct):
    agency: tuple[str, ...]
    region: tuple[str, ...]
    year: tuple[str, ...]


class _ListedWords(msgspec.Struct):
    columns: _ListedColumns


@cache
def summary_words() -> SummaryWords:
    """Return the file. Raises msgspec.ValidationError on an unknown key, re.error on a pattern that is none."""
    return msgspec.yaml.decode(data.read("summary.yaml"), type=SummaryWords, dec_hook=lambda _, text: re.compile(text))


def year_named(texts: Iterable[str]) -> str | None:
    """Return the year that texts name, None where they name none or several."""
    years = {year for text in texts for year in summary_words().year.findall(text)}
    return years.pop() if len(years) == 1 else None


@cache
def column_words() -> dict[str, str]:
    """Return which column of a summary each header word names, by its folded text: agency,
    region, year, published_on, serial, aside."""
    listed = msgspec.yaml.decode(data.read("expected.yaml"), type=_ListedWords).columns
    manifest = msgspec.yaml.decode(data.read("manifest.yaml"), type=_ListedColumns)
    own = summary_words()
    fields = {
        "aside": own.aside,
        "serial": own.serial,
        "published_on": own.published_on,
        "year": (*listed.year, *manifest.year),
        "region": (*listed.region, *manifest.region),
        "agency": (*listed.agency, *manifest.agency),
    }
    return {fold_label(word): field for field, words in fields.items() for word in words}
