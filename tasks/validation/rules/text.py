"""Rules about what the text says beside the tables.

Precision comes first: a sentence that may mean something else says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from codebook.records import Finding, Number, Origin, Record, Statement, StatementKind
from codebook.rules import Rule
from codebook.text.numbers import exact
from tasks.validation.facts import Facts, fold_text
from tasks.validation.registry import Bound, rule
from tasks.validation.wording import cell_label, lowered, show, table_of, words, write_list

# A quotation of fewer characters is a bare number; then this number of characters before it are quoted too, half as many behind.
LEAST_QUOTE = 6
AROUND_QUOTE = 24


# A number as texts write it: 1,234.5
_NUMBER = r"(?<!\d)\d[\d,]{0,19}(?!\d)(?:\.\d{1,9}(?!\d))?"  # longer ones are no counts


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of a rule's options."""
    return re.compile(pattern)


def any_of(words: Iterable[str]) -> str:
    """A pattern of any of the words, tried in their order.

    >>> any_of(["a.b", "c"])
    'a\\\\.b|c'
    """
    return "|".join(map(re.escape, words))


def _counted(name: str, units: Iterable[str]) -> str:
    """A pattern of a number with its unit: groups ``name`` and ``unit``."""
    return f"(?P<{name}>{_NUMBER})(?P<unit>{any_of(units)})"


def _value(digits: str) -> float:
    return float(digits.replace(",", ""))


# ---- statements that the parser found -------------------------------------------------------------------------------------


def _sum_of(facts: Facts, cells: Iterable[str]) -> tuple[Number | None, bool]:
    """The sum of cells, and whether blank ones were taken as 0; None when one is not printed or doubtful, or all are blank."""
    total, blank, stated = 0.0, False, False
    for cell in cells:
        if cell not in facts.values:
            return None, blank
        value = facts.values[cell]
        blank, stated = blank or value is None, stated or value is not None
        total += value or 0
    return (exact(total) if stated else None), blank


def _is_source_of(facts: Facts, statement: Statement) -> bool:
    """Return whether the values were read from this very sentence: then it cannot contradict them."""
    readings = [facts.readings[cell] for cell in statement.indicators if cell in facts.readings]
    return any(r.origin is Origin.PROSE and (r.place == statement.place or r.sentence == statement.sentence) for r in readings)


def quoted(statement: Statement) -> str:
    """Return what a statement says, short enough to quote: its own words, with those around it when they are a bare number."""
    at = statement.sentence.find(statement.raw)
    if len(statement.raw) > LEAST_QUOTE or at < 0:
        return statement.raw
    return statement.sentence[max(0, at - AROUND_QUOTE) : at + len(statement.raw) + AROUND_QUOTE // 2].strip()


def agrees_by(facts: Facts, statement: Statement) -> tuple[str, ...] | None:
    """Those cells whose sum is what the statement says, by its first meaning or another; None when no meaning agrees."""
    for cells in (statement.indicators, *statement.alternatives):
        total, _ = _sum_of(facts, cells)
        if total is not None and exact(total - statement.value) == 0:
            return cells
    return None


def alternative_notes(facts: Facts) -> tuple[str, ...]:
    """For the report's notes: statements that agree with the table in another of their meanings, and in which."""
    notes = []
    for statement in facts.report.statements:
        cells = agrees_by(facts, statement)
        if cells is not None and cells != statement.indicators:
            notes.append(words().matched.format(said=quoted(statement), labels=write_list([cell_label(cell) for cell in cells])))
    return tuple(dict.fromkeys(notes))


def _contradicts(own_office: str, facts: Facts, statement: Statement) -> bool:
    """Return whether the tables deny a statement in each of its meanings. An office's own count inside a region's report is
    scope.
    """
    if statement.scope == own_office or _is_source_of(facts, statement):
        return False
    return _sum_of(facts, statement.indicators)[0] is not None and agrees_by(facts, statement) is None


def _contradiction(row: Rule, facts: Facts, statement: Statement, cells: tuple[str, ...]) -> Finding:
    expected, blank = _sum_of(facts, cells)
    labels = write_list([cell_label(cell) for cell in cells])
    return facts.finding(
        row,
        cells,
        {"said": quoted(statement), "table": table_of(cells[0]), "labels": labels},
        severity=lowered(row.severity) if blank else None,
        note=words().blank_note if blank else "",
        expected=expected,
        actual=statement.value,
        sentence=statement.sentence,
        place=statement.place,
    )


class CountOptions(Record, frozen=True):
    """Words that make a number approximate, and the scope of what is said of the government's own office."""

    approximate: tuple[str, ...]
    own_office: str


@rule("narrative.contradiction", fields=("said", "table", "labels"), options=CountOptions)
def narrative_contradiction(this: Bound[CountOptions], facts: Facts) -> Iterator[Finding]:
    """A number that the text gives for an indicator equals the table; one finding, however often the text repeats it."""
    said: set[tuple[tuple[str, ...], Number]] = set()
    for statement in facts.report.statements:
        key = (statement.indicators, statement.value)
        if statement.kind is not StatementKind.NUMBER or key in said:
            continue
        if any(word in statement.raw for word in this.options.approximate):
            continue
        if _contradicts(this.options.own_office, facts, statement):
            said.add(key)
            yield _contradiction(this.rule, facts, statement, statement.indicators)


class NoneOptions(Record, frozen=True):
    """The scope of what is said of the government's own office."""

    own_office: str


@rule("narrative.none", fields=("said", "table", "labels"), options=NoneOptions)
def narrative_none(this: Bound[NoneOptions], facts: Facts) -> Iterator[Finding]:
    """未收到, 未发生 and 全部办结 imply zeros in the tables; one finding a sentence, with all cells that deny it."""
    denied: dict[str, list[Statement]] = {}
    for statement in facts.report.statements:
        nothing = statement.kind in (StatementKind.NONE, StatementKind.ALL)
        if nothing and _contradicts(this.options.own_office, facts, statement):
            denied.setdefault(statement.sentence, []).append(statement)
    said: set[tuple[str, ...]] = set()
    for statements in denied.values():
        cells = tuple(dict.fromkeys(cell for statement in statements for cell in statement.indicators))
        if cells not in said:
            said.add(cells)
            yield _contradiction(this.rule, facts, statements[0], cells)


# ---- sums and shares within a sentence ------------------------------------------------------------------------------------


def _reachable(parts: Iterable[float]) -> set[float]:
    sums = {0.0}
    for part in parts:
        sums |= {exact(s + part) for s in sums}
        if len(sums) > 5000:  # this number of parts is no breakdown of one total
            break
    return sums


class PartsOptions(Record, frozen=True):
    """Words before a total, units, the word between a total and its parts, words from which on other things are counted, words
    that show that not all parts are named or that all are, and which share of the total is near it.
    """

    totals: tuple[str, ...]
    units: tuple[str, ...]
    parts: str
    stop: tuple[str, ...]
    open: tuple[str, ...]
    complete: tuple[str, ...]
    near: float


@cache
def _total_pattern(options: PartsOptions) -> re.Pattern[str]:
    """A total, its unit and, behind the word for them, its parts."""
    before, between = r"[^。;,\d]{0,30}?", r"[^。;\d]{0,12}?"
    total = _counted("total", options.units)
    return re.compile(f"(?:{any_of(options.totals)}){before}{total}{between}{options.parts}[:,]?(?P<parts>[^。]*)")


@rule("narrative.sum", fields=("difference",), options=PartsOptions)
def narrative_sum(this: Bound[PartsOptions], facts: Facts) -> Iterator[Finding]:
    """共 X, 其中 A, B, C do not add up.

    Reported only when the parts come near the total, or are said to be all, and no choice of them makes it.
    """
    options = this.options
    for sentence, section in facts.sentences(options.parts):
        match = _total_pattern(options).search(sentence)
        if match is None:
            continue
        total, text = _value(match["total"]), compiled(any_of(options.stop)).split(match["parts"], maxsplit=1)[0]
        parts = [_value(m["part"]) for m in compiled(f"(?P<part>{_NUMBER}){match['unit']}").finditer(text)]
        complete = any(word in text for word in options.complete)
        if len(parts) < 2 or total in _reachable(parts) or (not complete and any(word in text for word in options.open)):
            continue
        difference = exact(abs(sum(parts) - total))
        if complete or difference <= max(1, options.near * total):
            yield facts.finding(
                this.rule,
                (),
                {"difference": show(difference)},
                expected=exact(sum(parts)),
                actual=exact(total),
                sentence=match.group(),
                place=section.place,
            )


def _within_rounding(value: float, stated: str) -> bool:
    """Return whether a percentage is the stated one rounded, or cut off, to its decimals."""
    unit = 0.1 ** len(stated.partition(".")[2])
    return -0.5 * unit - 1e-9 <= value - float(stated) < unit - 1e-9


class PercentageOptions(Record, frozen=True):
    """Units, the word between a part and its share, words before a whole, words for growth and decline, names of the last
    year, the mark behind a year's number, and characters that make a number behind such a name a change.
    """

    units: tuple[str, ...]
    share: str
    totals: tuple[str, ...]
    rises: tuple[str, ...]
    falls: tuple[str, ...]
    last_year: tuple[str, ...]
    year: str
    changes: str


class PercentagePatterns(NamedTuple):
    """What is looked for in a sentence: a part with its share, a whole, a growth, last year's number, any number."""

    share: re.Pattern[str]
    whole: re.Pattern[str]
    growth: re.Pattern[str]
    last: re.Pattern[str]
    number: re.Pattern[str]


@cache
def _percentage_patterns(options: PercentageOptions) -> PercentagePatterns:
    units, percent = options.units, r"(?P<share>\d+(?:\.\d+)?)%"
    ways, last_year = any_of((*options.rises, *options.falls)), any_of(options.last_year)
    patterns = (
        rf"{_counted('part', units)}[^。;%\d]{{0,12}}{options.share}[^。;%\d]{{0,15}}{percent}",
        rf"(?:{any_of(options.totals)})[^。;,]{{0,20}}?{_counted('whole', units)}",
        rf"(?P<way>{ways})[^。;,%\d]{{0,4}}{percent}",
        rf"(?:{last_year}|20\d\d{options.year})[^。;,%\d{options.changes}]{{0,12}}{_counted('last', units)}",
        _counted("number", units),
    )
    return PercentagePatterns(*map(re.compile, patterns))


def _shares(
    patterns: PercentagePatterns, facts: Facts, sentence: str, text: str
) -> Iterator[tuple[str, float, float, float, str]]:
    """(message, part, whole, right percentage, stated percentage) of wrong shares in a sentence of a chapter."""
    for match in patterns.share.finditer(sentence):
        part = _value(match["part"])
        wholes = [_value(m["whole"]) for m in patterns.whole.finditer(sentence, 0, match.start()) if m["unit"] == match["unit"]]
        others = {_value(m["number"]) for m in patterns.number.finditer(text)}
        others |= {value for value in facts.values.values() if value}
        if len(set(wholes)) == 1 and not any(_within_rounding(100 * part / w, match["share"]) for w in others if w):
            yield "main", part, wholes[0], round(100 * part / wholes[0], 2), match["share"]


def _growth(
    patterns: PercentagePatterns, falls: tuple[str, ...], sentence: str
) -> Iterator[tuple[str, float, float, float, str]]:
    matches = list(patterns.growth.finditer(sentence))
    last = patterns.last.search(sentence)
    if len(matches) != 1 or last is None:
        return
    match, before = matches[0], _value(last["last"])
    found = patterns.number.finditer(sentence)
    now = [_value(m["number"]) for m in found if m["unit"] == last["unit"] and m.start("number") != last.start("last")]
    if len(now) != 1 or not before:
        return
    sign = -100 if match["way"] in falls else 100
    right = sign * (now[0] - before) / before
    # 2022年…120件,2021年…100件: which of the two is last year's is not told by their order
    swapped = sign * (before - now[0]) / now[0] if now[0] else right
    if not _within_rounding(right, match["share"]) and not _within_rounding(swapped, match["share"]):
        yield "growth", now[0], before, round(right, 2), match["share"]


@rule("narrative.percentage", fields=("part", "whole"), options=PercentageOptions)
def narrative_percentage(this: Bound[PercentageOptions], facts: Facts) -> Iterator[Finding]:
    """Shares and growths whose numbers stand in one sentence, wrong beyond rounding with every whole that may be meant."""
    patterns = _percentage_patterns(this.options)
    for sentence, section in [*facts.sentences("%"), *facts.sentences("％")]:
        text = fold_text(section.text)
        wrong = [*_shares(patterns, facts, sentence, text), *_growth(patterns, this.options.falls, sentence)]
        for message, part, whole, right, stated in wrong:
            yield facts.finding(
                this.rule,
                (),
                {"part": show(exact(part)), "whole": show(exact(whole))},
                message=message,
                expected=exact(right),
                actual=exact(float(stated)),
                sentence=sentence,
                place=section.place,
            )


# ---- the fee for processing information, chapter six ----------------------------------------------------------------------


class FeeOptions(Record, frozen=True):
    """The chapter on the fee and the word for it; words before the number of notices (with its unit), before their amount
    (unless another word stands before that) and before what was collected; units of amounts with their worth in yuan.
    """

    chapter: int
    topic: str
    notices: str
    unit: str
    amount: str
    not_after: str
    collected: str
    yuan: tuple[tuple[str, int], ...]


def _notices(word: str, unit: str) -> re.Pattern[str]:
    """A number of notices: 收费通知的件数为3件."""
    return compiled(rf"{word}[^。;\d]{{0,14}}?(?P<number>\d[\d,]{{0,19}}){unit}")


def _amount(before: str, gap: int, units: Mapping[str, int], text: str) -> float | None:
    """The first amount behind a pattern, in yuan."""
    match = compiled(rf"{before}[^。;\d]{{0,{gap}}}?{_counted('number', units)}").search(text)
    return None if match is None else _value(match["number"]) * units[match["unit"]]


@rule("narrative.fee", fields=("notices", "amount", "collected"), options=FeeOptions)
def narrative_fee(this: Bound[FeeOptions], facts: Facts) -> Iterator[Finding]:
    """Notices, their amount and what was collected fit together (国办函〔2020〕109号).

    行政事业性收费 of table two is another fee: the two are never compared.
    """
    options = this.options
    section = facts.section(options.chapter)
    text = fold_text(section.text) if section else ""
    if section is None or options.topic not in text:
        return
    count = _notices(options.notices, options.unit).search(text)
    notices = _value(count["number"]) if count else None
    units = dict(options.yuan)
    amount = _amount(f"(?<!{options.not_after}){options.amount}", 10, units, text)
    collected = _amount(options.collected, 14, units, text)
    message = None
    if notices is not None and amount is not None and (notices == 0) != (amount == 0):
        message = "count"
    elif amount is not None and collected is not None and collected > amount:
        message = "main"
    elif notices == 0 and collected:
        message = "unnoticed"
    if message:
        filled = {
            "notices": "" if notices is None else show(notices),
            "amount": "" if amount is None else show(amount),
            "collected": "" if collected is None else show(collected),
        }
        yield facts.finding(this.rule, (), filled, message=message, place=section.place, sentence=text[:200])


class UnpaidOptions(Record, frozen=True):
    """The cell that counts requests ended for an unpaid fee, the chapter that must report notices, what it must speak of, and
    the words by which it says that there was no notice.
    """

    cell: str
    chapter: int
    notices: str
    things: tuple[str, ...]
    unit: str
    all: str
    denials: tuple[str, ...]
    verbs: tuple[str, ...]


def _notices_denied(options: UnpaidOptions, text: str) -> str | None:
    """The words of folded chapter six that say that no fee notice was sent, None when it does not say so."""
    all_zero = rf"{options.notices}[^。;\d]{{0,40}}{options.all}(?P<number>0)"
    no_thing = rf"(?:{any_of(options.denials)})(?:{any_of(options.verbs)})[^。;\d]{{0,14}}(?:{any_of(options.things)})"
    for pattern in (all_zero, no_thing):
        if match := compiled(pattern).search(text):
            return match.group()
    count = _notices(options.notices, options.unit).search(text)
    return count.group() if count and _value(count["number"]) == 0 else None


@rule("requests.unpaid_fee", fields=("count",), options=UnpaidOptions)
def requests_unpaid_fee(this: Bound[UnpaidOptions], facts: Facts) -> Iterator[Finding]:
    """A request ended for an unpaid fee implies a fee notice in chapter six (国办函〔2020〕109号)."""
    options = this.options
    count, section = facts.number(options.cell), facts.section(options.chapter)
    if not count or not facts.report.sections or facts.report.is_row:
        return
    text = fold_text(section.text) if section else ""
    cells, filled = (options.cell,), {"count": show(count)}
    if not any(word in text for word in options.things):
        yield facts.finding(this.rule, cells, filled, actual=count)
    elif said := _notices_denied(options, text):
        yield facts.finding(this.rule, cells, filled, message="none", expected=0, actual=count, sentence=said)
