"""What is compared to sort the documents of a filing: an agency's report on a year, in one or several editions.

An **edition** is one content of the report; its **renditions** are the documents that show this content (web page, PDF, Word,
scan). The functions that sort them are in :mod:`tasks.loading.editions`, the rows in :mod:`database.filings`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec

from codebook import data
from codebook.records import Number, Reader, Record, State


class FilingOptions(Record, frozen=True):
    """The rows of filings.yaml."""

    corrected: tuple[str, ...]
    signature_date: re.Pattern[str]
    most_misread: int
    least_likeness: int
    least_length: int


@cache
def filing_options() -> FilingOptions:
    """Return how editions are told apart. Raises msgspec.ValidationError when filings.yaml does not fit."""
    return msgspec.yaml.decode(data.read("filings.yaml"), type=FilingOptions, dec_hook=lambda _, text: re.compile(text))


class FiledCell(NamedTuple):
    """A cell of a document of a filing, as this document alone was read. ``value`` is None for a blank one."""

    value: Number | None
    state: State
    candidates: tuple[Number, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether it can be compared with that of another document."""
        return not self.state.unsettled


class StoredCell(NamedTuple):
    """One indicator of one version of a report, with its evidence: a row of the view ``gk_value``.

    ``value`` is null when missing or unknown; ``correction_id`` is the decision of a person that went into it. ``witness`` is set
    while another rendition of the report proves or settles the value: ``state`` and ``value`` as this document alone was read,
    and the ``documents`` that agree. ``note`` is the remark or note mark printed beside the number, never part of it.
    ``witnesses`` are those who agree on the value within the document (text, ocr, pixels, sum, prose, person); None for what was
    loaded before they were kept. ``page`` counts from 1, ``box`` is x0, top, x1, bottom in points.
    """

    indicator: str
    value: float | None
    state: str
    raw: str
    origin: str
    read_by: str
    score: float
    page: int
    box: Sequence[float] | None = None
    line: int | None = None
    column: int | None = None
    sentence: str | None = None
    doubt: str | None = None
    candidates: Sequence[float] | None = None
    correction_id: int | None = None
    witness: dict[str, Any] | None = None
    note: str | None = None
    witnesses: Sequence[str] | None = None

    @property
    def as_read(self) -> tuple[float | None, str]:
        """Value and state as the document alone was read: see :func:`as_read`."""
        return as_read(self.value, self.state, self.witness)


def as_read(value: float | None, state: str, witness: Mapping[str, Any] | None) -> tuple[float | None, str]:
    """Return value and state of a row of gk_value as its document alone was read, without what other renditions say.

    >>> as_read(2.0, "proven", {"state": "doubtful", "value": 7.0, "documents": [4]})
    (7.0, 'doubtful')
    """
    return (witness["value"], witness["state"]) if witness else (value, state)


class FiledReport(Record, frozen=True):
    """A document of a filing, with what it says.

    ``agency`` is the name as it prints it, ``reader`` what most of its cells were read by (None: it has none). ``path`` is that
    of its first source, ``published_on`` the printed ISO date, ``dated_on`` the ISO date of the file, ``seen_at`` the ISO moment
    (UTC) when it came in first. ``sections`` are (number, title, text). ``published_with``: see codebook.records.Hints.
    """

    document_id: int
    report_id: int
    sha256: str
    path: str
    agency: str | None
    title: str | None
    reader: Reader | None
    published_on: str | None
    dated_on: str | None
    seen_at: str
    cells: dict[str, FiledCell]
    sections: tuple[tuple[int | None, str, str], ...] = ()
    published_with: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        """What documents share that were published together: the folder and the name without its ending, or the visit to the page
        of a portal. Two visits to one address are not together: it may have been changed between them.
        """
        if self.published_with is not None:
            return self.published_with, ""
        path = PurePosixPath(self.path.replace("!", "/"))
        return str(path.parent), path.stem

    @property
    def name(self) -> str:
        """The name of the file without its ending."""
        return PurePosixPath(self.path.replace("!", "/")).stem


class EditionEvidence(StrEnum):
    """By what an edition is known to be the newest, or when it is from."""

    ONLY = "only"
    """There is one edition."""
    CHOSEN = "chosen"
    """A person put it in force."""
    CORRECTED = "corrected"
    """Its file name or title says that it corrects another."""
    PRINTED = "printed"
    """The date of publication that it prints."""
    FILE = "file"
    """The date of its file."""
    SEEN = "seen"
    """When it came in first."""
    CONTENT = "content"
    """Nothing tells the editions apart but their content; the choice is arbitrary, but always the same."""


class Dated(Record, frozen=True):
    """A date or moment of an edition, and the evidence that it rests on."""

    by: EditionEvidence
    value: str


class Edition(Record, frozen=True):
    """One content of a filing: its documents, the one that leads it first, and its date."""

    documents: tuple[FiledReport, ...]
    dated: Dated

    @property
    def leader(self) -> FiledReport:
        """The document that speaks for the edition."""
        return self.documents[0]


class Arrangement(Record, frozen=True):
    """The editions of a filing in the order of time, which of them is in force (from 0), and why."""

    editions: tuple[Edition, ...]
    in_force: int
    reason: Dated

    @property
    def ranked(self) -> tuple[tuple[int, FiledReport], ...]:
        """The documents with the numbers of their editions (from 1): those of the edition in force first, then the newest."""
        order = [self.in_force, *(n for n in reversed(range(len(self.editions))) if n != self.in_force)]
        return tuple((number + 1, document) for number in order for document in self.editions[number].documents)
