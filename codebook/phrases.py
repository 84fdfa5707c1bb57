"""The sentences in which reports state their numbers (the folder phrases), compiled.

A phrase is a row of data: what it means, templates, what must and must not stand around a hit, examples, counter-examples and
the reason. The notation and the order in which the conditions are asked stand at the head of phrases/_common.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Literal, NamedTuple

import msgspec

from codebook import data
from codebook.book import load_book
from codebook.records import Number, Record, StatementKind
from codebook.text.linear import weakness_of
from codebook.text.templates import Wording, Wordings, cues, expand, macros_in, wording_regex, words_regex

_NEVER = re.compile(r"(?!)")


class PhraseRow(Wording, frozen=True, kw_only=True):
    """One phrase of a file; the head of _common.yaml says what each field does."""

    id: str
    means: tuple[str, ...]
    examples: dict[str, Number]
    counter_examples: tuple[str, ...]
    why: str
    kind: StatementKind = StatementKind.NUMBER
    rank: Literal["table", "usual", "loose"] = "usual"
    about: tuple[str, ...] = ()
    not_about: tuple[str, ...] = ()
    only_if_sentence_has: Wordings = ()
    unless_sentence_has: Wordings = ()
    unless_clause_has: Wordings = ()
    unless_earlier: Wordings = ()
    unless_just_before: Wordings = ()
    unless_earlier_in_clause: Wordings = ()
    whole_only: bool = False
    unless_by_channel: bool = False
    names_year: bool = False
    region_wide: bool = False
    may_count_all_years: bool = False
    may_also_mean: tuple[tuple[str, ...], ...] = ()

    @property
    def conditions(self) -> dict[str, Wordings]:
        """What must or must not stand around a hit, by the names of the fields."""
        return {
            name: getattr(self, name)
            for name in (
                "only_if_sentence_has",
                "unless_sentence_has",
                "unless_clause_has",
                "unless_earlier",
                "unless_just_before",
                "unless_earlier_in_clause",
            )
        }


class PhraseFile(Record, frozen=True):
    """The phrases of one subject, and whether they are read as numbers of the statistics or as statements about tables."""

    reads: Literal["statistics", "statements"]
    phrases: tuple[PhraseRow, ...]


class Doubts(Record, frozen=True):
    """What is said of a number that is no fact."""

    approximate: str
    no_unit: str
    conflict: str
    own_office: str
    stock: str
    unsure: str


class CommonFile(Record, frozen=True):
    """_common.yaml: the order of the files, the macros, and the words that hold for all phrases."""

    files: tuple[str, ...]
    macros: dict[str, Wordings]
    other_time: Wordings
    own_office: Wordings
    government: Wordings
    doubts: Doubts
    stock: Wordings
    this_year: Wordings
    of_which: str
    data_chapter: Wordings
    channels: Wordings

    @property
    def words(self) -> dict[str, Wordings]:
        """The lists of words, by the names of the fields."""
        return {name: getattr(self, name) for name in _LISTS}


_LISTS = ("other_time", "own_office", "government", "stock", "this_year", "data_chapter", "channels")
_RANKS = ("table", "usual", "loose")


class Phrase(NamedTuple):
    """A row ready for searching. ``cues`` are literals of which a text must hold every one before the pattern is tried.

    ``rank`` is 1 for the wording of the table; a lower rank is believed first. A hit is refused where ``before`` is found between
    the beginning of its sentence and the hit, ``before_in_clause`` between the last comma and the hit, ``veto`` in the hit or the
    rest of its clause, ``absent`` in its sentence, or where ``needs`` is not found in its sentence.
    """

    row: PhraseRow
    rank: int
    pattern: re.Pattern[str]
    cues: tuple[str, ...]
    topic: re.Pattern[str] | None
    rivals: re.Pattern[str]
    needs: re.Pattern[str]
    before: re.Pattern[str]
    before_in_clause: re.Pattern[str]
    veto: re.Pattern[str]
    absent: re.Pattern[str]


class Phrases(NamedTuple):
    """All phrases, and the words that make a hit another year's, an office's, a part, or the data chapter's."""

    statistics: tuple[Phrase, ...]
    statements: tuple[Phrase, ...]
    other_time: re.Pattern[str]
    own_office: re.Pattern[str]
    government: re.Pattern[str]
    doubts: Doubts
    stock: re.Pattern[str]
    this_year: re.Pattern[str]
    of_which: str
    data_chapter: re.Pattern[str]
    channels: re.Pattern[str]


def _literal(words: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(re.escape, words))) if words else None


def _compile(row: PhraseRow, macros: dict[str, str]) -> Phrase:
    def any_of(words: Wordings) -> re.Pattern[str]:
        return re.compile(words_regex(words, macros)) if words else _NEVER

    just_before = f"(?:{words_regex(row.unless_just_before, macros)})$" if row.unless_just_before else ""
    earlier = [regex for regex in (words_regex(row.unless_earlier, macros), just_before) if regex]
    return Phrase(
        row,
        _RANKS.index(row.rank) + 1,
        re.compile(wording_regex(row, macros)),
        cues(row.says[0]) if len(row.says) == 1 else (),
        _literal(row.about),
        _literal(row.not_about) or _NEVER,
        re.compile(words_regex(row.only_if_sentence_has, macros)),
        re.compile("|".join(earlier)) if earlier else _NEVER,
        any_of(row.unless_earlier_in_clause),
        any_of(row.unless_clause_has),
        any_of(row.unless_sentence_has),
    )


def check_rows(rows: tuple[PhraseRow, ...], part: str) -> None:
    """Raise ValueError with all that is wrong: unknown indicators, ids that come twice, numbers without {n}, no examples."""
    known = load_book().indicators
    wrong = [
        f"{row.id}: no indicator {i}" for row in rows for ids in (row.means, *row.may_also_mean) for i in ids if i not in known
    ]
    wrong += [f"{row.id}: more than one indicator" for row in rows if part == "statistics" and len(row.means) != 1]
    wrong += [f"{row.id} twice" for index, row in enumerate(rows) if row.id in {r.id for r in rows[:index]}]
    for row in rows:
        for wording in row.says or (row.regex or "",):
            if (row.kind == "number") != ("{n}" in wording):
                wrong.append(f"{row.id}: found {wording!r}; expected {{n}} in a number, and in nothing else")
        wrong += [
            f"{row.id}: expected at least one of {name}" for name in ("examples", "counter_examples") if not getattr(row, name)
        ]
        wrong += [
            f"{row.id}: an example of kind {row.kind} has the number 0"
            for n in row.examples.values()
            if row.kind != "number" and n
        ]
    if wrong:
        raise ValueError(f"phrases, {part}: " + "; ".join(wrong))


def _check_macros(common: CommonFile, rows: tuple[PhraseRow, ...]) -> None:
    """Raise ValueError for macros that nothing uses."""
    places = [*common.macros.values(), *common.words.values(), rows, *(w for row in rows for w in row.conditions.values())]
    used = {name for words in places for word in words for name in macros_in(word)}
    if unused := [name for name in common.macros if name not in used]:
        raise ValueError(f"phrases, _common.yaml: found macros that no template uses: {', '.join(unused)}; expected none")


def patterns(phrases: Phrases) -> dict[str, re.Pattern[str]]:
    """Return all patterns with which texts are searched, each once, under the name of its phrase and field, or of its list."""
    fields = ("pattern", "topic", "rivals", "needs", "before", "before_in_clause", "veto", "absent")
    found = {name: getattr(phrases, name) for name in _LISTS}
    for phrase in (*phrases.statistics, *phrases.statements):
        found.update({f"{phrase.row.id}, {name}": getattr(phrase, name) for name in fields})
    once = {pattern: name for name, pattern in reversed(found.items()) if pattern not in (None, _NEVER)}
    return {name: pattern for pattern, name in reversed(once.items())}


def _check_linear(phrases: Phrases) -> None:
    """Raise ValueError with the patterns that take too long for some text."""
    wrong = [f"{name}: {weakness}" for name, pattern in patterns(phrases).items() if (weakness := weakness_of(pattern))]
    if wrong:
        raise ValueError("phrases: " + "; ".join(wrong) + "; expected a bound such as *12 or …14, or words that do not overlap")


def read_phrases(files: Mapping[str, bytes], *, linear: bool = True) -> Phrases:
    """Return the phrases of the files of a folder, by their names, checked; also for linear time, unless ``linear`` is False.

    Raise msgspec.ValidationError for an unknown or missing key, TemplateError for a bad template, re.error, or ValueError.
    """
    common = msgspec.yaml.decode(files["_common.yaml"], type=CommonFile)
    named = {"_common.yaml", *(f"{name}.yaml" for name in common.files)}
    if odd := sorted(named ^ set(files)):
        raise ValueError(f"phrases: found {', '.join(odd)} in the folder or in files of _common.yaml; expected it in both")
    parts: dict[str, tuple[PhraseRow, ...]] = {"statistics": (), "statements": ()}
    for name in common.files:
        file = msgspec.yaml.decode(files[f"{name}.yaml"], type=PhraseFile)
        parts[file.reads] += file.phrases
    for part, rows in parts.items():
        check_rows(rows, part)
    _check_macros(common, (*parts["statistics"], *parts["statements"]))
    macros = expand(common.macros)
    words = {name: re.compile(words_regex(words, macros)) for name, words in common.words.items()}
    phrases = Phrases(
        statistics=tuple(_compile(row, macros) for row in parts["statistics"]),
        statements=tuple(_compile(row, macros) for row in parts["statements"]),
        other_time=words["other_time"],
        own_office=words["own_office"],
        government=words["government"],
        doubts=common.doubts,
        stock=words["stock"],
        this_year=words["this_year"],
        of_which=common.of_which,
        data_chapter=words["data_chapter"],
        channels=words["channels"],
    )
    if linear:
        _check_linear(phrases)
    return phrases


@cache
def load_phrases() -> Phrases:
    """Return the phrases of the codebook, whose time the tests check. Raise what :func:`read_phrases` raises."""
    return read_phrases(phrase_files(), linear=False)


def phrase_files() -> dict[str, bytes]:
    """Return the files of the codebook's phrases by their names."""
    return {name.removeprefix("phrases/"): data.read(name) for name in data.names("phrases")}
