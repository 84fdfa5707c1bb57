"""What extraction knows of Chinese documents: the frozen content of ``codebook/data/extraction.yaml``."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import msgspec

from codebook.data import read
from codebook.records import Record


class PageNumbers(Record, frozen=True):
    """Shapes of a printed page number, as regular expressions with a group ``page``."""

    sure: tuple[str, ...]
    bare: tuple[str, ...]


class Chrome(Record, frozen=True):
    """What surrounds the text of a web page."""

    tags: frozenset[str]
    soft_tags: frozenset[str]
    names: frozenset[str]
    keep: str
    texts: tuple[str, ...]
    meta: tuple[str, ...]


class Words(Record, frozen=True):
    """The file as it stands; see the comments there."""

    common_simplified: str
    common_traditional: str
    common_marks: str
    page_numbers: PageNumbers
    heading: str
    enumerator: str
    chrome: Chrome


class Patterns(NamedTuple):
    """The same, made ready for use: sets and compiled patterns."""

    common: frozenset[str]
    sure_page_number: re.Pattern[str]
    bare_page_number: re.Pattern[str]
    heading: re.Pattern[str]
    enumerator: re.Pattern[str]
    chrome_text: re.Pattern[str]
    chrome_keep: re.Pattern[str]


@cache
def words() -> Words:
    """The data file as a frozen record. Raises msgspec.ValidationError when the file has a key that is not known."""
    return msgspec.yaml.decode(read("extraction.yaml"), type=Words)


@cache
def patterns() -> Patterns:
    """The patterns of the data file, compiled once."""
    data = words()
    return Patterns(
        common=frozenset(data.common_simplified + data.common_traditional + data.common_marks) - {" ", "\n"},
        sure_page_number=_any(data.page_numbers.sure),
        bare_page_number=_any(data.page_numbers.bare),
        heading=re.compile(r"\s*" + data.heading),
        enumerator=re.compile(r"\s*" + data.enumerator),
        chrome_text=_any(data.chrome.texts),
        chrome_keep=re.compile(data.chrome.keep),
    )


def _any(choices: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for several that each name the same groups, which Python allows only once: the groups are numbered."""
    numbered = [re.sub(r"\(\?P<page>", f"(?P<page{index}>", choice) for index, choice in enumerate(choices)]
    return re.compile("|".join(f"(?:{choice})" for choice in numbered))
