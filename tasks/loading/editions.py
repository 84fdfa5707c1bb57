"""Sorting the documents of a filing into editions and renditions, and finding which edition is in force.

Pure, and independent of the order in which the documents came: they are gone through in an order of their own (how well they were
read, then their content), and each joins the edition whose leader it agrees with best.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz

from codebook.filings import Arrangement, Dated, Edition, EditionEvidence, FiledReport, filing_options
from codebook.records import Reader, State
from codebook.text.fold import fold

_NO_WORDS = re.compile(r"[\W_]+")
_FORMATS = (
    Reader.HTML,
    Reader.DOCX,
    Reader.OFFICE,
    Reader.WORKBOOK,
    Reader.TXT,
    Reader.OFD,
    Reader.PDF,
    Reader.OCR,
)  # of two that were read alike the first leads


class Difference(NamedTuple):
    """What two documents of a filing say differently: cells that both state surely, and chapters (number, title).

    ``common`` counts the cells that both state surely.
    """

    common: int
    cells: tuple[str, ...]
    chapters: tuple[tuple[int | None, str], ...]


def difference(one: FiledReport, other: FiledReport) -> Difference:
    """Compare two documents. Cells that only one of them states are not compared: one may not have been read in whole."""
    common, differing = 0, []
    for indicator, cell in one.cells.items():
        its = other.cells.get(indicator)
        if its is not None and cell.sure and its.sure:
            common += 1
            if cell.value != its.value:
                differing.append(indicator)
    return Difference(common, tuple(differing), _changed_chapters(one, other))


def _changed_chapters(one: FiledReport, other: FiledReport) -> tuple[tuple[int | None, str], ...]:
    """The chapters whose words differ. Between formats small differences are those of reading; pictures are not compared."""
    if Reader.OCR in (one.reader, other.reader):
        return ()
    theirs = {number: text for number, _, text in other.sections}
    found = []
    for number, title, text in one.sections:
        if number is None or number not in theirs:
            continue
        mine, its = _words(text), _words(theirs[number])
        if mine == its:
            continue
        options = filing_options()
        if one.reader is not other.reader and (
            min(len(mine), len(its)) < options.least_length
            or fuzz.ratio(mine, its, score_cutoff=options.least_likeness) >= options.least_likeness
        ):
            continue
        found.append((number, title))
    return tuple(found)


@lru_cache(maxsize=256)
def _words(text: str) -> str:
    """The words and numbers of a chapter, folded, without marks and spaces and without the date of a signature behind it."""
    return filing_options().signature_date.sub("", _NO_WORDS.sub("", fold(text).text))


class _Fit(NamedTuple):
    """How well a document fits an edition: the greatest is the best."""

    differing: int  # negative
    common: int


def _fit(leader: FiledReport, document: FiledReport) -> _Fit | None:
    """How well a document fits an edition; None when it is another content."""
    found = difference(leader, document)
    if not found.cells:
        return None if found.chapters else _Fit(0, found.common)
    if len(found.cells) > filing_options().most_misread:
        return None
    together = leader.place == document.place
    if together or any(_may_be_misread(each, found.cells) for each in (leader, document)):
        return _Fit(-len(found.cells), found.common)
    return None


def _may_be_misread(document: FiledReport, cells: Iterable[str]) -> bool:
    """Whether these cells were recognised from a picture and nothing but the picture vouches for them."""
    return document.reader is Reader.OCR and all(document.cells[cell].state is State.READ for cell in cells)


def _quality(document: FiledReport) -> tuple[bool, int, int, int, str]:
    """The order in which documents lead: those read from text first, then those with the fewest doubts."""
    doubts = sum(not cell.sure for cell in document.cells.values())
    place = _FORMATS.index(document.reader) if document.reader in _FORMATS else len(_FORMATS)
    return (document.reader is Reader.OCR, doubts, doubts - len(document.cells), place, document.sha256)


def arrange(documents: Sequence[FiledReport], year: int, chosen: int | None = None) -> Arrangement:
    """Sort the documents of a filing on ``year`` into editions. ``chosen`` is a document of the edition that a person put in
    force. Raises ValueError when there are no documents.
    """
    if not documents:
        raise ValueError("a filing without documents")
    groups: list[list[FiledReport]] = []
    for document in sorted(documents, key=_quality):
        fits = [(fit, group) for group in groups if (fit := _fit(group[0], document)) is not None]
        if fits:
            max(fits, key=lambda pair: pair[0])[1].append(document)
        else:
            groups.append([document])
    marks = any(corrected_mark(document) for document in documents)
    keyed = sorted(((_key(group, year, marks=marks), tuple(group)) for group in groups), key=lambda pair: pair[0])
    editions = tuple(Edition(group, _dated(group, year)) for _, group in keyed)
    number = next((n for n, edition in enumerate(editions) if any(d.document_id == chosen for d in edition.documents)), None)
    if number is not None:
        return Arrangement(editions, number, Dated(EditionEvidence.CHOSEN, ""))
    return Arrangement(editions, len(editions) - 1, _reason([key for key, _ in keyed], editions))


class _TimeKey(NamedTuple):
    """By what editions are put in the order of time; the first that differs decides.

    Where an edition says that it corrects another, those without a date of their own come before it, and it comes last if it has
    none itself: when a document came in says less than its own words.
    """

    standing: int  # 0: before all with a date, 1: by its date, 2: behind them
    day: str
    corrected: bool
    seen: str
    content: str


def _key(group: Sequence[FiledReport], year: int, *, marks: bool) -> _TimeKey:
    dated, corrected = _dated(group, year), any(corrected_mark(document) for document in group)
    undated = marks and dated.by is EditionEvidence.SEEN
    return _TimeKey(
        1 if not undated else 2 if corrected else 0,
        dated.value[:10],
        corrected,
        min(document.seen_at for document in group),
        group[0].sha256,
    )


def corrected_mark(document: FiledReport) -> str | None:
    """Return the word by which the file name or the title says that it corrects an earlier edition, or None."""
    name = fold(f"{document.name} {document.title or ''}").text
    return next((word for word in filing_options().corrected if word in name), None)


def _dated(group: Sequence[FiledReport], year: int) -> Dated:
    """From when an edition is: the date that it prints, else that of its file, else when it came in.

    A date before the year's end is not that of the report.
    """
    printed = [day for document in group if (day := document.published_on) and day[:4] > str(year)]
    if printed:
        return Dated(EditionEvidence.PRINTED, max(printed))
    files = [day for document in group if (day := document.dated_on) and day[:4] > str(year)]
    if files:
        return Dated(EditionEvidence.FILE, min(files))
    return Dated(EditionEvidence.SEEN, min(document.seen_at for document in group))


def _reason(keys: Sequence[_TimeKey], editions: Sequence[Edition]) -> Dated:
    """By what the last edition is known to be the newest."""
    if len(editions) == 1:
        return Dated(EditionEvidence.ONLY, "")
    last, before = keys[-1], keys[-2]
    if last.standing != before.standing or (last.day == before.day and last.corrected):
        marks = (corrected_mark(document) for document in editions[-1].documents)
        mark = next((mark for mark in marks if mark), None)
        if mark is not None and not before.corrected:
            return Dated(EditionEvidence.CORRECTED, mark)
    if last.day != before.day:
        return editions[-1].dated
    return Dated(EditionEvidence.SEEN, last.seen) if last.seen != before.seen else Dated(EditionEvidence.CONTENT, "")
