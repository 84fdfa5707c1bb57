"""What extraction knows of Chinese documents: the frozen content of ``codebook/data/extraction.yaml``."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import msgspec

from codebook.book import load_book
from codebook.data import read
from codebook.records import Record
from codebook.text.fold import fold_label


class Chrome(Record, frozen=True):
    """What surrounds the text of a web page."""

    tags: frozenset[str]
    soft_tags: frozenset[str]
    names: frozenset[str]
    keep: str
    texts: tuple[str, ...]
    meta: tuple[str, ...]


class ExtractionWords(Record, frozen=True):
    """The file as it stands; see the comments there."""

    heading: str
    enumerator: str
    leading: str
    chrome: Chrome


class Patterns(NamedTuple):
    """The same, made ready for use: sets and compiled patterns."""

    heading: re.Pattern[str]
    enumerator: re.Pattern[str]
    leading: re.Pattern[str]
    chrome_text: re.Pattern[str]
    chrome_keep: re.Pattern[str]


@cache
def words() -> ExtractionWords:
    """The data file as a frozen record. Raises msgspec.ValidationError when the file has a key that is not known."""
    return msgspec.yaml.decode(read("extraction.yaml"), type=ExtractionWords)


@cache
def row_labels() -> frozenset[str]:
    """The labels of the rows of all forms, folded (see :func:`codebook.text.fold.fold_label`)."""
    rows = (label for block in load_book().blocks.values() for label in block.rows.values())
    return frozenset(fold_label(text) for label in rows for text in label.texts)


def is_row_label(text: str) -> bool:
    """Return whether a text is the label of a row of a form, with or without what may stand before it."""
    folded = fold_label(text)
    return folded in row_labels() or patterns().leading.sub("", folded) in row_labels()


@cache
def patterns() -> Patterns:
    """The patterns of the data file, compiled once."""
    data = words()
    return Patterns(
        heading=re.compile(r"\s*" + data.heading),
        enumerator=re.compile(r"\s*" + data.enumerator),
        leading=re.compile("^" + data.leading),
        chrome_text=_any(data.chrome.texts),
        chrome_keep=re.compile(data.chrome.keep),
    )


def _any(choices: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for several."""
    return re.compile("|".join(f"(?:{choice})" for choice in choices))
