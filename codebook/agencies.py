"""How reports name the body that they are by (the folder agencies), compiled.

The notation of the templates stands at the head of phrases/_common.yaml. What a pattern finds is in its groups: ``a`` the body,
``y`` the year, and others that the macros of agencies/_common.yaml name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

import msgspec

from codebook import data
from codebook.records import Record
from codebook.text.linear import Method, weakness_of
from codebook.text.templates import Wording, Wordings, expand, macros_in, wording_regex, words_regex


class NamingSentence(Wording, frozen=True, kw_only=True):
    """A sentence that names the body in its group ``a``, with the kind of evidence that it is and how much it weighs.

    ``loose``: a place or a town alone is a name here too. ``if_it_fits``: the name counts only where the text speaks of itself as
    such a body does. ``examples`` maps sentences to the name that is read in each, in ``counter_examples`` none is.
    """

    source: str
    weight: int
    why: str
    loose: bool = False
    if_it_fits: bool = False
    examples: dict[str, str]
    counter_examples: tuple[str, ...] = ()


class SelfName(Wording, frozen=True, kw_only=True):
    """How bodies speak of themselves (我局), and the ends of their names; ``of_place``: as all bodies of a division may."""

    endings: tuple[str, ...]
    of_place: bool = False


class Government(Record, frozen=True):
    """What is added to the name of a division to name its government, by the ends of the division's name."""

    endings: tuple[str, ...]
    adds: str


class IdentityNotes(Record, frozen=True):
    """What is said where evidence disagrees or is missing; names in braces are filled in."""

    year_by_date: str
    year_conflict: str
    early_date: str
    hint_conflict: str
    ambiguous: str
    several: str
    self_conflict: str


class TitleFile(Record, frozen=True):
    """titles.yaml as a whole; its comments say what each entry is for."""

    titles: tuple[str, ...]
    school_year: Wordings
    title_cue: Wordings
    year_line: Wordings
    speaks_of_itself: Wordings
    lead_up_to: tuple[Wordings, ...]
    lead: Wordings
    tail: tuple[str, ...]
    form_words: Wordings
    link: Wordings
    attachment: Wordings
    signature_begins: Wordings
    signature_ends: tuple[str, ...]
    date_line: Wordings
    date_inside: Wordings
    date_made: Wordings
    behind_head_date: Wordings
    other_date: Wordings
    date_meta: tuple[str, ...]
    title_meta: tuple[str, ...]
    period: Wordings


class NameFile(Record, frozen=True):
    """names.yaml as a whole; its comments say what each entry is for."""

    strict: tuple[str, ...]
    loose: tuple[str, ...]
    settlements: tuple[str, ...]
    generic: Wordings
    relative: Wordings
    not_in_name: Wordings
    central: Wordings
    office: Wordings
    government: Wordings
    own_level: Wordings
    second_name: Wordings
    whose_level_counts: Wordings
    completions: tuple[str, ...]
    governments: tuple[Government, ...]
    host: Wordings
    departments: tuple[str, ...]
    self_names: tuple[SelfName, ...]
    whole_without_place: tuple[str, ...]


class SentenceFile(Record, frozen=True):
    """sentences.yaml as a whole."""

    sentences: tuple[NamingSentence, ...]


class AgencyWords(NamedTuple):
    """The words and patterns of the folder agencies, ready for use. The comment names the method by which a pattern is used."""

    titles: tuple[re.Pattern[str], ...]
    school_year: re.Pattern[str]
    title_cue: re.Pattern[str]
    form_words: re.Pattern[str]  # fullmatch
    speaks_of_itself: re.Pattern[str]
    lead: re.Pattern[str]  # match
    tail: tuple[str, ...]
    link: re.Pattern[str]  # match
    attachment: re.Pattern[str]  # match
    strict: re.Pattern[str]
    loose: re.Pattern[str]
    settlements: re.Pattern[str]
    generic: re.Pattern[str]  # match
    relative: re.Pattern[str]  # match
    not_in_name: re.Pattern[str]
    central: re.Pattern[str]
    government: re.Pattern[str]
    office: re.Pattern[str]
    own_level: re.Pattern[str]
    second_name: re.Pattern[str]
    whose_level_counts: re.Pattern[str]
    signature_begins: re.Pattern[str]  # match
    signature_ends: str
    notes: IdentityNotes
    completions: tuple[str, ...]
    governments: tuple[Government, ...]
    self_names: tuple[tuple[SelfName, re.Pattern[str]], ...]
    sentences: tuple[tuple[NamingSentence, re.Pattern[str]], ...]
    year_line: re.Pattern[str]  # fullmatch
    date_line: re.Pattern[str]  # match
    date_inside: re.Pattern[str]
    date_made: re.Pattern[str]
    behind_head_date: re.Pattern[str]  # match
    other_date: re.Pattern[str]
    date_meta: tuple[str, ...]
    title_meta: tuple[str, ...]
    host: re.Pattern[str]
    period: re.Pattern[str]
    departments: re.Pattern[str]  # match
    whole_without_place: tuple[str, ...]


_METHODS: dict[str, Method] = {
    "form_words": "fullmatch",
    "lead": "match",
    "link": "match",
    "attachment": "match",
    "generic": "match",
    "relative": "match",
    "signature_begins": "match",
    "year_line": "fullmatch",
    "behind_head_date": "match",
    "departments": "match",
}


def _ending(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})$")


def _lead(file: TitleFile, macros: Mapping[str, str]) -> re.Pattern[str]:
    """Return what stands before a body's name: all up to the last word of each list, then pieces in any order, none tried
    twice.
    """
    skipped = "".join(f"(?:.*(?:{words_regex(words, macros)}))?+" for words in file.lead_up_to)
    return re.compile(f"{skipped}(?:{words_regex(file.lead, macros)})*+")


def patterns(words: AgencyWords) -> Iterator[tuple[str, re.Pattern[str], Method]]:
    """Yield all patterns with their names and the methods by which they are used."""
    for name, value in words._asdict().items():
        if isinstance(value, re.Pattern):
            yield name, value, _METHODS.get(name, "search")
    for number, pattern in enumerate(words.titles, 1):
        yield f"title {number}", pattern, "search"
    for row, pattern in words.sentences:
        yield f"sentence ({row.why})", pattern, "search"
    for self_name, pattern in words.self_names:
        yield f"self name ({self_name.endings[0]})", pattern, "search"


def _check(words: AgencyWords, macros: Iterable[str], used: set[str], *, linear: bool) -> None:
    """Raise ValueError for macros that nothing uses, and, if ``linear``, for patterns that take too long for some text."""
    wrong = [f"found the macro {name}, which no template uses; expected none" for name in macros if name not in used]
    looked_at = patterns(words) if linear else ()
    wrong += [f"{name}: {weakness}" for name, pattern, by in looked_at if (weakness := weakness_of(pattern, by))]
    if wrong:
        raise ValueError("agencies: " + "; ".join(wrong))


def read_agencies(files: Mapping[str, bytes], *, linear: bool = True) -> AgencyWords:
    """Return the words for bodies of the files of a folder, by their names, checked; also for linear time, unless ``linear`` is
    False.

    Raise msgspec.ValidationError for an unknown or missing key, TemplateError for a bad template, re.error, or ValueError.
    """
    common = msgspec.yaml.decode(files["_common.yaml"], type=dict[str, Wordings])
    titles = msgspec.yaml.decode(files["titles.yaml"], type=TitleFile)
    names = msgspec.yaml.decode(files["names.yaml"], type=NameFile)
    sentences = msgspec.yaml.decode(files["sentences.yaml"], type=SentenceFile).sentences
    macros = expand(common)

    def make(words: Wordings) -> re.Pattern[str]:
        return re.compile(words_regex(words, macros))

    words = AgencyWords(
        titles=tuple(make((template,)) for template in titles.titles),
        school_year=make(titles.school_year),
        title_cue=make(titles.title_cue),
        form_words=make(titles.form_words),
        speaks_of_itself=make(titles.speaks_of_itself),
        lead=_lead(titles, macros),
        tail=titles.tail,
        link=make(titles.link),
        attachment=make(titles.attachment),
        strict=_ending(names.strict),
        loose=_ending((*names.strict, *names.loose)),
        settlements=_ending(names.settlements),
        generic=make(names.generic),
        relative=make(names.relative),
        not_in_name=make(names.not_in_name),
        central=make(names.central),
        government=make(names.government),
        office=make(names.office),
        own_level=make(names.own_level),
        second_name=make(names.second_name),
        whose_level_counts=make(names.whose_level_counts),
        signature_begins=make(titles.signature_begins),
        signature_ends="".join(titles.signature_ends),
        notes=msgspec.yaml.decode(files["notes.yaml"], type=IdentityNotes),
        completions=names.completions,
        governments=names.governments,
        self_names=tuple((row, re.compile(wording_regex(row, macros))) for row in names.self_names),
        sentences=tuple((row, re.compile(wording_regex(row, macros))) for row in sentences),
        year_line=make(titles.year_line),
        date_line=make(titles.date_line),
        date_inside=make(titles.date_inside),
        date_made=make(titles.date_made),
        behind_head_date=make(titles.behind_head_date),
        other_date=make(titles.other_date),
        date_meta=titles.date_meta,
        title_meta=titles.title_meta,
        host=make(names.host),
        period=make(titles.period),
        departments=re.compile("|".join(map(re.escape, names.departments))),
        whole_without_place=names.whole_without_place,
    )
    lists = [value for file in (titles, names) for value in msgspec.structs.asdict(file).values()]
    places = [*common.values(), *lists, *titles.lead_up_to, sentences]
    used = {name for place in places for word in place if isinstance(word, str | Wording) for name in macros_in(word)}
    _check(words, common, used, linear=linear)
    return words


@cache
def load_agencies() -> AgencyWords:
    """Return the words for bodies of the codebook, whose time the tests check. Raise what :func:`read_agencies` raises."""
    return read_agencies(agency_files(), linear=False)


def agency_files() -> dict[str, bytes]:
    """Return the files of the codebook's words for bodies by their names."""
    return {name.removeprefix("agencies/"): data.read(name) for name in data.names("agencies")}
