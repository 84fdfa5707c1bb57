"""How reports name the body that they are by (agencies.yaml), compiled."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import msgspec

from codebook import data
from codebook.records import Record


class NamingSentence(Record, frozen=True):
    """A sentence that names the body in its group ``a``, with the kind of evidence that it is and how much it weighs."""

    source: str
    weight: int
    pattern: str
    why: str


class IdentityNotes(Record, frozen=True):
    """What is said where evidence disagrees or is missing; names in braces are filled in."""

    year_by_date: str
    year_conflict: str
    early_date: str
    hint_conflict: str
    ambiguous: str
    several: str


class AgencyFile(Record, frozen=True):
    """agencies.yaml as a whole; its comments say what each entry is for."""

    year: str
    title: str
    title_short: str
    title_cue: str
    form_words: str
    speaks_of_itself: str
    lead: str
    tail: str
    link: str
    attachment: str
    strict: tuple[str, ...]
    loose: tuple[str, ...]
    generic: str
    relative: str
    not_in_name: str
    central: str
    government: str
    office: str
    signature_noise: str
    notes: IdentityNotes
    completions: tuple[str, ...]
    sentences: tuple[NamingSentence, ...]
    year_line: str
    date_line: str
    date_inside: str
    date_meta: tuple[str, ...]
    title_meta: tuple[str, ...]
    host: str
    period: str
    departments: tuple[str, ...]


class AgencyWords(NamedTuple):
    """The patterns of agencies.yaml, ready for use."""

    year: re.Pattern[str]
    titles: tuple[re.Pattern[str], ...]
    title_cue: re.Pattern[str]
    form_words: re.Pattern[str]
    speaks_of_itself: re.Pattern[str]
    lead: re.Pattern[str]
    tail: re.Pattern[str]
    link: re.Pattern[str]
    attachment: re.Pattern[str]
    strict: re.Pattern[str]
    loose: re.Pattern[str]
    generic: re.Pattern[str]
    relative: re.Pattern[str]
    not_in_name: re.Pattern[str]
    central: re.Pattern[str]
    government: re.Pattern[str]
    office: re.Pattern[str]
    signature_noise: re.Pattern[str]
    notes: IdentityNotes
    completions: tuple[str, ...]
    sentences: tuple[tuple[NamingSentence, re.Pattern[str]], ...]
    year_line: re.Pattern[str]
    date_line: re.Pattern[str]
    date_inside: re.Pattern[str]
    date_meta: tuple[str, ...]
    title_meta: tuple[str, ...]
    host: re.Pattern[str]
    period: re.Pattern[str]
    departments: re.Pattern[str]


def _ending(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})$")


@cache
def load_agencies() -> AgencyWords:
    """The words for bodies. Raises msgspec.ValidationError on an unknown key, re.error on a bad pattern."""
    file = msgspec.yaml.decode(data.read("agencies.yaml"), type=AgencyFile)

    def make(source: str) -> re.Pattern[str]:
        return re.compile(source.replace("{year}", file.year))

    return AgencyWords(
        year=make(file.year),
        titles=(make(file.title), make(file.title_short)),
        title_cue=make(file.title_cue),
        form_words=make(file.form_words),
        speaks_of_itself=make(file.speaks_of_itself),
        lead=make(file.lead),
        tail=make(file.tail),
        link=make(file.link),
        attachment=make(file.attachment),
        strict=_ending(file.strict),
        loose=_ending((*file.strict, *file.loose)),
        generic=make(file.generic),
        relative=make(file.relative),
        not_in_name=make(file.not_in_name),
        central=make(file.central),
        government=make(file.government),
        office=make(file.office),
        signature_noise=make(file.signature_noise),
        notes=file.notes,
        completions=file.completions,
        sentences=tuple((row, make(row.pattern)) for row in file.sentences),
        year_line=make(file.year_line),
        date_line=make(file.date_line),
        date_inside=make(file.date_inside),
        date_meta=file.date_meta,
        title_meta=file.title_meta,
        host=make(file.host),
        period=make(file.period),
        departments=re.compile("|".join(map(re.escape, file.departments))),
    )
