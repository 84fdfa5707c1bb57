"""Rules about what the text says beside the tables.

Precision comes first: a sentence that may mean something else says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from codebook.records import Finding, Number, Origin, Statement, StatementKind
from codebook.rules import Rule
from codebook.text.numbers import exact
from tasks.validation.facts import Facts, fold_text
from tasks.validation.registry import rule
from tasks.validation.wording import cell_label, lowered, show, table_of, words, write_list

# A quotation of fewer characters is a bare number; then so many characters before it are quoted too, and half as many behind.
LEAST_QUOTE = 6
AROUND_QUOTE = 24


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of rules.yaml."""
    return re.compile(pattern)


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
    """Whether the values were read from this very sentence: then it cannot contradict them."""
    readings = [facts.readings[cell] for cell in statement.indicators if cell in facts.readings]
    return any(r.origin is Origin.PROSE and (r.place == statement.place or r.sentence == statement.sentence) for r in readings)


def quoted(statement: Statement) -> str:
    """What a statement says, short enough to quote: its own words, with those around it when they are a bare number."""
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


def _contradicts(row: Rule, facts: Facts, statement: Statement) -> bool:
    """Whether the tables deny a statement in each of its meanings. An office's own count inside a region's report is scope."""
    if statement.scope in row.texts("own_office") or _is_source_of(facts, statement):
        return False
    return _sum_of(facts, statement.indicators)[0] is not None and agrees_by(facts, statement) is None


def _contradiction(name: str, row: Rule, facts: Facts, statement: Statement, cells: tuple[str, ...]) -> Finding:
    expected, blank = _sum_of(facts, cells)
    labels = write_list([cell_label(cell) for cell in cells])
    return facts.finding(
        name,
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


@rule("narrative.contradiction", fields=("said", "table", "labels"), options=("approximate", "own_office"))
def narrative_contradiction(row: Rule, facts: Facts) -> Iterator[Finding]:
    """A number that the text gives for an indicator equals the table; one finding, however often the text repeats it."""
    said: set[tuple[tuple[str, ...], Number]] = set()
    for statement in facts.report.statements:
        key = (statement.indicators, statement.value)
        if statement.kind is not StatementKind.NUMBER or key in said:
            continue
        if not any(word in statement.raw for word in row.texts("approximate")) and _contradicts(row, facts, statement):
            said.add(key)
            yield _contradiction("narrative.contradiction", row, facts, statement, statement.indicators)


@rule("narrative.none", fields=("said", "table", "labels"), options=("own_office",))
def narrative_none(row: Rule, facts: Facts) -> Iterator[Finding]:
    """未收到, 未发生 and 全部办结 imply zeros in the tables; one finding a sentence, with all cells that deny it."""
    denied: dict[str, list[Statement]] = {}
    for statement in facts.report.statements:
        if statement.kind in (StatementKind.NONE, StatementKind.ALL) and _contradicts(row, facts, statement):
            denied.setdefault(statement.sentence, []).append(statement)
    said: set[tuple[str, ...]] = set()
    for statements in denied.values():
        cells = tuple(dict.fromkeys(cell for statement in statements for cell in statement.indicators))
        if cells not in said:
            said.add(cells)
            yield _contradiction("narrative.none", row, facts, statements[0], cells)


# ---- sums and shares within a sentence ------------------------------------------------------------------------------------


def _reachable(parts: Iterable[float]) -> set[float]:
    sums = {0.0}
    for part in parts:
        sums |= {exact(s + part) for s in sums}
        if len(sums) > 5000:  # so many parts are no breakdown of one total
            break
    return sums


@rule("narrative.sum", fields=("difference",), options=("signal", "total", "part", "stop", "open", "complete", "near"))
def narrative_sum(row: Rule, facts: Facts) -> Iterator[Finding]:
    """共 X, 其中 A, B, C do not add up.

    Reported only when the parts come near the total, or are said to be all, and no choice of them makes it.
    """
    (signal,), (total_pattern,), (part_pattern,) = row.texts("signal"), row.texts("total"), row.texts("part")
    for sentence, section in facts.sentences(signal):
        match = compiled(total_pattern).search(sentence)
        if match is None:
            continue
        total, text = _value(match["total"]), compiled(row.texts("stop")[0]).split(match["parts"], maxsplit=1)[0]
        parts = [_value(m["part"]) for m in compiled(part_pattern + match["unit"]).finditer(text)]
        complete = any(word in text for word in row.texts("complete"))
        if len(parts) < 2 or total in _reachable(parts) or (not complete and any(word in text for word in row.texts("open"))):
            continue
        difference = exact(abs(sum(parts) - total))
        if complete or difference <= max(1, row.number("near") * total):
            yield facts.finding(
                "narrative.sum",
                row,
                (),
                {"difference": show(difference)},
                expected=exact(sum(parts)),
                actual=exact(total),
                sentence=match.group(),
                place=section.place,
            )


def _within_rounding(value: float, stated: str) -> bool:
    """Whether a percentage is the stated one rounded, or cut off, to its decimals."""
    unit = 0.1 ** len(stated.partition(".")[2])
    return -0.5 * unit - 1e-9 <= value - float(stated) < unit - 1e-9


def _shares(row: Rule, facts: Facts, sentence: str, text: str) -> Iterator[tuple[str, float, float, float, str]]:
    """(message, part, whole, right percentage, stated percentage) of wrong shares in a sentence of a chapter."""
    for match in compiled(row.texts("share")[0]).finditer(sentence):
        part = _value(match["part"])
        wholes = [
            _value(m["whole"])
            for m in compiled(row.texts("whole")[0]).finditer(sentence, 0, match.start())
            if m["unit"] == match["unit"]
        ]
        others = {_value(m["number"]) for m in compiled(row.texts("number")[0]).finditer(text)}
        others |= {value for value in facts.values.values() if value}
        if len(set(wholes)) == 1 and not any(_within_rounding(100 * part / w, match["share"]) for w in others if w):
            yield "main", part, wholes[0], round(100 * part / wholes[0], 2), match["share"]


def _growth(row: Rule, sentence: str) -> Iterator[tuple[str, float, float, float, str]]:
    matches = list(compiled(row.texts("growth")[0]).finditer(sentence))
    last = compiled(row.texts("last")[0]).search(sentence)
    if len(matches) != 1 or last is None:
        return
    match, before = matches[0], _value(last["last"])
    found = compiled(row.texts("number")[0]).finditer(sentence)
    now = [_value(m["number"]) for m in found if m["unit"] == last["unit"] and m.start("number") != last.start("last")]
    if len(now) != 1 or not before:
        return
    sign = -100 if match["way"] in row.texts("falls") else 100
    right = sign * (now[0] - before) / before
    # 2022年…120件,2021年…100件: which of the two is last year's is not told by their order
    swapped = sign * (before - now[0]) / now[0] if now[0] else right
    if not _within_rounding(right, match["share"]) and not _within_rounding(swapped, match["share"]):
        yield "growth", now[0], before, round(right, 2), match["share"]


@rule("narrative.percentage", fields=("part", "whole"), options=("share", "whole", "growth", "falls", "last", "number"))
def narrative_percentage(row: Rule, facts: Facts) -> Iterator[Finding]:
    """Shares and growths whose numbers stand in one sentence, wrong beyond rounding with every whole that may be meant."""
    for sentence, section in [*facts.sentences("%"), *facts.sentences("％")]:
        text = fold_text(section.text)
        for message, part, whole, right, stated in [*_shares(row, facts, sentence, text), *_growth(row, sentence)]:
            yield facts.finding(
                "narrative.percentage",
                row,
                (),
                {"part": show(exact(part)), "whole": show(exact(whole))},
                message=message,
                expected=exact(right),
                actual=exact(float(stated)),
                sentence=sentence,
                place=section.place,
            )


# ---- the fee for processing information, chapter six ----------------------------------------------------------------------


def _amount(match: re.Match[str] | None) -> float | None:
    """An amount in yuan."""
    if match is None:
        return None
    return _value(match["number"]) * (10_000 if match["unit"] == "万元" else 1)


@rule(
    "narrative.fee",
    fields=("notices", "amount", "collected"),
    options=("topic", "notices", "amount", "collected"),
)
def narrative_fee(row: Rule, facts: Facts) -> Iterator[Finding]:
    """Notices, their amount and what was collected fit together (国办函〔2020〕109号).

    行政事业性收费 of table two is another fee: the two are never compared.
    """
    section = facts.section(6)
    text = fold_text(section.text) if section else ""
    if section is None or row.texts("topic")[0] not in text:
        return
    count = compiled(row.texts("notices")[0]).search(text)
    notices = _value(count["number"]) if count else None
    amount = _amount(compiled(row.texts("amount")[0]).search(text))
    collected = _amount(compiled(row.texts("collected")[0]).search(text))
    filled = {
        "notices": "" if notices is None else show(notices),
        "amount": "" if amount is None else show(amount),
        "collected": "" if collected is None else show(collected),
    }
    message, expected, actual = None, amount, collected
    if notices is not None and amount is not None and (notices == 0) != (amount == 0):
        message, expected, actual = "count", notices, amount
    elif amount is not None and collected is not None and collected > amount:
        message = "main"
    elif notices == 0 and collected:
        message, expected = "unnoticed", notices
    if message:
        more = {"expected": None if expected is None else exact(expected), "actual": None if actual is None else exact(actual)}
        yield facts.finding(
            "narrative.fee", row, (), {**more, **filled}, message=message, place=section.place, sentence=text[:200]
        )


def _notices_denied(row: Rule, text: str) -> str | None:
    """The words of folded chapter six that say that no fee notice was sent, None when it does not say so."""
    for option in ("all_zero", "nothing"):
        if match := compiled(row.texts(option)[0]).search(text):
            return match.group()
    count = compiled(row.texts("notices")[0]).search(text)
    return count.group() if count and _value(count["number"]) == 0 else None


@rule(
    "requests.unpaid_fee",
    fields=("count",),
    options=("cell", "words", "notices", "all_zero", "nothing"),
)
def requests_unpaid_fee(row: Rule, facts: Facts) -> Iterator[Finding]:
    """A request ended for an unpaid fee implies a fee notice in chapter six (国办函〔2020〕109号)."""
    (cell,) = row.texts("cell")
    count, section = facts.number(cell), facts.section(6)
    if not count or not facts.report.sections:
        return
    text = fold_text(section.text) if section else ""
    if not any(word in text for word in row.texts("words")):
        yield facts.finding("requests.unpaid_fee", row, (cell,), {"count": show(count)}, actual=count)
    elif said := _notices_denied(row, text):
        yield facts.finding(
            "requests.unpaid_fee", row, (cell,), {"count": show(count)}, message="none", expected=0, actual=count, sentence=said
        )
