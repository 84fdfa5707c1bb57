"""Searching a passage for phrases, and reading the numbers that they hold.

What is found is a :class:`Mention`: a value with its phrase and its evidence. Mentions of other years, plans and parts of a whole
are left out here; what remains is judged by :mod:`tasks.parsing.prose.statistics` and :mod:`tasks.parsing.prose.statements`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from codebook.book import load_book
from codebook.phrases import Phrase, load_phrases
from codebook.records import Number
from codebook.text.chinese_numbers import read_numeral
from codebook.text.dates import dates
from codebook.text.numbers import exact, has_too_many_digits, is_whole, money, number_words
from tasks.parsing.prose.lines import Passage

_CITED = re.compile(r"《[^《》\n]{0,80}》|〔\d{4}〕")
_BACK = 250  # characters of context before a hit in which its topic is looked for
_CLAUSE_END = re.compile(r"[,。;\n!?]|$")


class Mention(NamedTuple):
    """A number that a phrase states: its value in the indicator's unit, and where it stands in the passage.

    ``start`` and ``end`` are the hit, ``first`` and ``last`` the number in it (the same as the hit where no number is printed).
    ``other`` is the value in another unit that is as likely, where no unit is printed; ``stock`` that it may count all years.
    """

    phrase: Phrase
    value: Number
    start: int
    end: int
    first: int
    last: int
    approximate: bool = False
    own_office: bool = False
    other: Number | None = None
    stock: bool = False


def number_of(match: re.Match[str], unit: str | None) -> tuple[Number, Number | None] | None:
    """The value of a hit in ``unit`` (万元 or a count), and another that is as likely when no unit is printed.

    None when it is no number, or one of another kind (an amount where things are counted).
    """
    text = match["n"]
    if has_too_many_digits(text):
        return None
    printed = match["unit"] or ""
    value: float | None
    words = number_words()
    if text == words.none:
        return 0, None
    value = float(text.replace(",", "")) if text[0].isdigit() else read_numeral(text)
    if value is None:
        return None
    value *= words.powers.get(match["wan"] or "", 1)
    if unit == words.money:
        return _amount(value, printed)
    if printed in words.money_units or not is_whole(value):
        return None
    return exact(value), None


def _amount(value: float, printed: str) -> tuple[Number, Number | None] | None:
    """A sum of money in 万元; without a printed unit it may be 元 as well."""
    if printed:
        amount = money(value, printed)
        return None if amount is None else (amount, None)
    smallest = next(iter(number_words().money_units))
    return exact(value), money(value, smallest) if value else None


class Search:
    """Searches one passage for phrases, in the light of the report's year and of whom it is by."""

    def __init__(self, passage: Passage, year: int | None, starts: tuple[int, ...], government: bool) -> None:
        """``starts`` are the offsets of the chapters; ``government`` says that the report covers a whole region."""
        self.passage = passage
        self.text = passage.text
        self.year = year
        self.starts = starts
        self.government = government
        self.phrases = load_phrases()
        self._with: dict[str, list[tuple[int, int]]] = {}
        self._units = {i.id: i.unit for i in load_book().indicators.values()}

    def mentions(self, phrases: tuple[Phrase, ...]) -> Iterator[Mention]:
        """All mentions of ``phrases`` that speak of the report's own year as a fact and of the whole."""
        for phrase in phrases:
            for first, last in self._sentences(phrase):
                for match in phrase.pattern.finditer(self.text, first, last):
                    if match.start() < match.end() and (mention := self._mention(phrase, match)):
                        yield mention

    def _sentences(self, phrase: Phrase) -> list[tuple[int, int]]:
        """The spans in which a phrase may stand: sentences with its longest cue, or the whole text when it has none."""
        if not phrase.cues:
            return [(0, len(self.text))]
        cue = max(phrase.cues, key=len)
        if cue not in self._with:
            self._with[cue] = self._find(cue)
        return self._with[cue]

    def _find(self, cue: str) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        at = self.text.find(cue)
        while at >= 0:
            found.append(self.passage.sentence_span(at, whole=True))
            at = self.text.find(cue, found[-1][1])
        return found

    def refusal(self, phrase: Phrase, match: re.Match[str]) -> str | None:
        """Return the first condition that a hit does not keep, by its name in the phrases' files, or None.

        ``sentence`` stands for a hit over the end of its sentence. The order is that of the head of phrases/_common.yaml.
        """
        row = phrase.row
        start, end = match.span()
        sentence, stop = self.passage.sentence_span(start)
        if stop < end:
            return "sentence"
        before = self.text[sentence:start]
        clause = self._clause_before(before)
        hit = match.group()
        refused: dict[str, Callable[[], object]] = {
            "other_time": lambda: self._other_time(clause + hit, before, row.names_year),
            "unless_clause_has": lambda: phrase.veto.search(hit + self.text[end : _clause_end(self.text, end)]),
            "unless_earlier": lambda: phrase.before.search(before),
            "unless_earlier_in_clause": lambda: phrase.before_in_clause.search(clause),
            "unless_sentence_has": lambda: phrase.absent.search(self.text, sentence, stop),
            "only_if_sentence_has": lambda: not phrase.needs.search(self.text, sentence, stop),
            "whole_only": lambda: row.whole_only and self.phrases.of_which in before,
            "unless_by_channel": lambda: row.unless_by_channel and self.phrases.channels.search(clause + hit),
            "about": lambda: not self._on_topic(phrase, start, end),
        }
        return next((name for name, applies in refused.items() if applies()), None)

    def _mention(self, phrase: Phrase, match: re.Match[str]) -> Mention | None:
        if self.refusal(phrase, match):
            return None
        row = phrase.row
        start, end = match.span()
        before, hit = self.text[self.passage.sentence_span(start)[0] : start], match.group()
        office = self.government and not row.region_wide and bool(self.phrases.own_office.search(before + hit))
        if row.kind != "number":
            return Mention(phrase, 0, start, end, start, end, own_office=office)
        value = number_of(match, self._units[row.means[0]])
        if value is None:
            return None
        stock = (
            row.may_count_all_years
            and bool(self.phrases.stock.search(before))
            and not self.phrases.this_year.search(before + hit)
        )
        first = match.start("pre" if match["pre"] else "n")
        last = max(match.end(group) for group in ("n", "wan", "more", "unit"))
        approximate = bool(match["pre"] or match["more"])
        return Mention(phrase, value[0], start, end, first, last, approximate, office, value[1], stock)

    @staticmethod
    def _clause_before(before: str) -> str:
        """Return what stands between the last comma and the hit."""
        return before[before.rfind(",") + 1 :]

    def _other_time(self, clause: str, before: str, names_year: bool) -> bool:
        """Return whether the hit speaks of another year, of a plan or of a rule: by words in its clause, or by the last year
        named.
        """
        if self.phrases.other_time.search(_CITED.sub("", clause)):
            return True
        if names_year or self.year is None:
            return False
        years = dates().year.findall(_CITED.sub("", before + clause))
        return bool(years) and int(years[-1]) != self.year

    def _on_topic(self, phrase: Phrase, start: int, end: int) -> bool:
        if phrase.topic is None:
            return True
        chapter = max((s for s in self.starts if s <= start), default=0)
        back = self.text[max(chapter, start - _BACK) : end]
        last = max((m.end() for m in phrase.topic.finditer(back)), default=-1)
        rival = max((m.end() for m in phrase.rivals.finditer(back)), default=-1)
        return last > rival


def _clause_end(text: str, at: int) -> int:
    match = _CLAUSE_END.search(text, at)
    return match.start() if match else len(text)
