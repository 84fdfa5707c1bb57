"""The sentences in which reports state their numbers (phrases.yaml), compiled.

A phrase is a row of data: what it means, a pattern, what must and must not stand around it, an example and the reason.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import msgspec

from codebook import data
from codebook.book import load_book
from codebook.records import Number, Record, StatementKind

_NEVER = re.compile(r"(?!)")


class PhraseRow(Record, frozen=True):
    """One row of phrases.yaml; the head of that file says what each field does."""

    id: str
    means: tuple[str, ...]
    pattern: str
    example: str
    gives: Number
    why: str
    kind: StatementKind = StatementKind.NUMBER
    rank: int = 2
    topic: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    needs: str = ""
    before: str | None = None
    veto: str | None = None
    absent: str | None = None
    part: bool = False
    channels: bool = False
    other_year: bool = False
    region_wide: bool = False
    stock: bool = False
    alternatives: tuple[tuple[str, ...], ...] = ()


class Doubts(Record, frozen=True):
    """What is said of a number that is no fact."""

    approximate: str
    no_unit: str
    conflict: str
    own_office: str
    stock: str
    unsure: str


class PhraseFile(Record, frozen=True):
    """phrases.yaml as a whole."""

    macros: dict[str, str]
    other_time: str
    own_office: str
    government: str
    doubts: Doubts
    stock: str
    this_year: str
    of_which: str
    data_chapter: str
    channels: str
    statistics: tuple[PhraseRow, ...]
    statements: tuple[PhraseRow, ...]


class Phrase(NamedTuple):
    """A row ready for searching. ``cues`` are literals of which a text must hold every one before the pattern is tried."""

    row: PhraseRow
    pattern: re.Pattern[str]
    cues: tuple[str, ...]
    topic: re.Pattern[str] | None
    rivals: re.Pattern[str]
    needs: re.Pattern[str]
    before: re.Pattern[str]
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


def _cues(pattern: str) -> tuple[str, ...]:
    """Literals that every hit of ``pattern`` must contain: its runs of Chinese outside of groups, classes and options."""
    text = re.sub(r"\[[^\]]*\]|\\.", "\0", pattern)
    while (inner := re.sub(r"\([^()]*\)", "\0", text)) != text:
        text = inner
    text = re.sub(r"\{[^}]*\}", "\0", text)
    text = re.sub(r".[?*]", "\0", text)
    return tuple(run for run in re.findall(r"[\u3400-\u9fff]+", text) if run)


def _any(words: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(re.escape, words))) if words else None


def _compile(row: PhraseRow, macros: dict[str, str]) -> Phrase:
    source = re.sub(r"\{([a-z]+)\}", lambda m: macros[m[1]], row.pattern)
    return Phrase(
        row,
        re.compile(source),
        _cues(row.pattern) if "|" not in re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", "", row.pattern) else (),
        _any(row.topic),
        _any(row.rivals) or _NEVER,
        re.compile(row.needs),
        *(re.compile(words) if words else _NEVER for words in (row.before, row.veto, row.absent)),
    )


def check_rows(rows: tuple[PhraseRow, ...], part: str) -> None:
    """Raise ValueError with all that is wrong: unknown indicators, ids that come twice, numbers without {n}."""
    known = load_book().indicators
    wrong = [
        f"{row.id}: no indicator {i}" for row in rows for ids in (row.means, *row.alternatives) for i in ids if i not in known
    ]
    wrong += [f"{row.id}: more than one indicator" for row in rows if part == "statistics" and len(row.means) != 1]
    wrong += [f"{row.id} twice" for index, row in enumerate(rows) if row.id in {r.id for r in rows[:index]}]
    wrong += [f"{row.id}: a number needs {{n}}" for row in rows if (row.kind == "number") != ("{n}" in row.pattern)]
    if wrong:
        raise ValueError(f"phrases.yaml, {part}: " + "; ".join(wrong))


@cache
def load_phrases() -> Phrases:
    """The phrases, checked. Raises msgspec.ValidationError, KeyError on an unknown macro, re.error, or ValueError."""
    file = msgspec.yaml.decode(data.read("phrases.yaml"), type=PhraseFile)
    check_rows(file.statistics, "statistics")
    check_rows(file.statements, "statements")
    return Phrases(
        tuple(_compile(row, file.macros) for row in file.statistics),
        tuple(_compile(row, file.macros) for row in file.statements),
        re.compile(file.other_time),
        re.compile(file.own_office),
        re.compile(file.government),
        file.doubts,
        re.compile(file.stock),
        re.compile(file.this_year),
        file.of_which,
        re.compile(file.data_chapter),
        re.compile(file.channels),
    )
