"""Decisions of people: put over the reading, seen by the rules, kept when the document is read again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from codebook.records import (
    CONFLICT,
    Clue,
    Correction,
    Decided,
    Number,
    Place,
    Reading,
    Report,
    Severity,
    State,
    Statement,
    StatementKind,
    Status,
)
from tasks.validation.corrections import apply
from tasks.validation.trial import possible_values, trials
from tasks.validation.validate import doubts, validate
from tests.validation.makers import HERE, form_values, reading, report

CELL = "requests.new_received.natural_person"
ROW = ("natural_person", "business", "research", "public_welfare", "legal_service", "other_org", "total")
# Five applications of natural persons, all granted, add up in row and column.
VALUES = {
    CELL: 5,
    "requests.new_received.total": 5,
    "requests.granted.natural_person": 5,
    "requests.granted.total": 5,
    "requests.total_handled.natural_person": 5,
    "requests.total_handled.total": 5,
}


def of(cell: str, value: Number | str | None, read: Reading | None, decided: Decided = Decided.VALUE) -> Correction:
    return Correction(7, cell, decided, value, "li", "2026-11-22T01:02:03Z", "看过原件", read)


def made(first: Reading, **changes: Number | None) -> Report:
    values = {**form_values(), **VALUES, **changes}
    values.pop(CELL)
    return report({}, readings=(first, *(reading(cell, value) for cell, value in values.items())))


def doubtful(*candidates: Number, value: Number | None = None, raw: str = "S", **more: Any) -> Reading:
    return reading(CELL, value, state=State.DOUBTFUL, raw=raw, doubt="图像文字识别不够确定", candidates=candidates, **more)


def now(found: Report, cell: str = CELL) -> Reading:
    return next(r for r in found.readings if r.indicator == cell)


def test_a_correction_stands_beside_the_raw_value_and_the_rules_see_it() -> None:
    wrong = reading(CELL, 6, raw="6")
    before = validate(made(wrong))
    assert {f.rule for f in before.findings if f.severity is Severity.ERROR} >= {"requests.row_sum"}
    after = validate(made(wrong), [of(CELL, 5, wrong)])
    found = now(after.report)
    assert (found.value, found.raw, found.state, found.place, found.read_by) == (5, "6", State.CORRECTED, HERE, wrong.read_by)
    assert not [f for f in after.findings if f.severity is Severity.ERROR]
    assert (after.status, [c.by for c in after.corrections]) == (Status.ACCEPTED, ["li"])


def test_a_corrected_value_still_gets_findings() -> None:
    right = reading(CELL, 5, raw="5")
    verdict = validate(made(right), [of(CELL, 9, right)])
    assert "requests.row_sum" in {f.rule for f in verdict.findings if CELL in f.cells}
    assert now(verdict.report).state is State.CORRECTED


def test_a_decided_cell_settles_its_neighbour() -> None:
    first, total = doubtful(3, 8), "requests.new_received.total"
    unsure = reading(total, None, state=State.DOUBTFUL, raw="?", doubt="图像文字识别不够确定", candidates=(5, 6))
    base = made(first)
    base = msgspec.structs.replace(base, readings=tuple(unsure if r.indicator == total else r for r in base.readings))
    assert doubts(validate(base)) == (CELL, total)
    verdict = validate(base, [of(CELL, 5, first)])
    assert doubts(verdict) == ()
    assert (now(verdict.report, total).value, now(verdict.report, total).state) == (5, State.PROVEN)


def test_blank_is_not_zero() -> None:
    first = doubtful(0, raw="一")
    verdict = validate(made(first, **dict.fromkeys(VALUES, 0)), [of(CELL, None, first, Decided.BLANK)])
    found = now(verdict.report)
    assert (found.value, found.state, found.raw) == (None, State.CORRECTED, "一")


@pytest.mark.parametrize(
    ("later", "state"),
    [
        (doubtful(3, 8), State.CORRECTED),  # the reading that was decided on
        (doubtful(3, 8, raw=" S "), State.CORRECTED),
        (doubtful(5, 6, raw="5?"), State.CORRECTED),  # another doubt, which the decision is among
        (doubtful(raw="##"), State.CORRECTED),  # nothing is known
        (reading(CELL, 5, raw="5"), State.CORRECTED),  # the machine sees it now, too
        (reading(CELL, 6, raw="6"), State.DOUBTFUL),  # it is sure of another value
        (doubtful(3, 6, raw="6?"), State.DOUBTFUL),
        (reading(CELL, None), State.DOUBTFUL),  # it is sure that the cell is blank
    ],
)
def test_a_later_reading_that_contradicts_the_decision_opens_it_again(later: Reading, state: State) -> None:
    verdict = validate(made(later), [of(CELL, 5, doubtful(3, 8))])
    found = now(verdict.report)
    assert (found.state, found.value, found.raw) == (state, 5, later.raw)
    if state is State.DOUBTFUL:
        assert found.candidates[0] == 5
        assert "人工核定为 5（当时识别为“S”）" in (found.doubt or "")
        assert doubts(verdict) == (CELL,)  # though the sums would hold with 5: a person must look


def test_a_cell_that_is_read_no_more_is_asked_about() -> None:
    then = doubtful(3, 8, place=Place(page=2, box=(1, 2, 3, 4)))
    values = {**form_values(), **VALUES}
    values.pop(CELL)
    found = now(apply(report(values), [of(CELL, 5, then)]).report)
    assert (found.state, found.value, found.place, found.raw) == (State.DOUBTFUL, 5, then.place, "S")
    assert "未再识别到该单元格" in (found.doubt or "")


def test_a_cell_that_was_never_read_can_be_supplied() -> None:
    values = {**form_values(), **VALUES}
    values.pop(CELL)
    found = now(apply(report(values), [of(CELL, 5, None)]).report)
    assert (found.state, found.value, found.raw) == (State.CORRECTED, 5, "")
    later = apply(made(reading(CELL, 5)), [of(CELL, 5, None)])
    assert now(later.report).state is State.CORRECTED
    assert now(apply(made(reading(CELL, 6)), [of(CELL, 5, None)]).report).state is State.DOUBTFUL


def test_facts_of_the_report() -> None:
    unclear = report(
        {**form_values(), **VALUES}, agency=None, year=None, clues=(Clue("region", "云南省/昆明市", CONFLICT, "昆明市"),)
    )
    assert doubts(validate(unclear)) == ("report.agency", "report.year", "report.region")
    decided = [
        of("report.agency", "淮安市洪泽区教育局", None),
        of("report.year", "2024", None),
        of("report.region", "江苏省/淮安市/洪泽区", None),
    ]
    verdict = validate(unclear, decided)
    found = verdict.report
    assert doubts(verdict) == ()
    assert (found.agency, found.year, found.region_code) == ("淮安市洪泽区教育局", 2024, "320813")
    assert [(c.field, c.source) for c in found.clues][:2] == [("region", "overruled"), ("agency", "decision")]


def test_trials_tell_which_sums_would_hold() -> None:
    first = doubtful(3, 5)
    base = made(first)
    three, five, blank = trials(base, CELL, (3, 5, None))
    assert (three.held, five.broken) == (0, 0)
    assert {c.rule for c in three.checks if c.holds is False} == {"requests.row_sum", "requests.balance"}
    assert {c.rule for c in five.checks if c.holds} >= {"requests.row_sum", "requests.balance"}
    assert blank.value is None
    (row,) = [c for c in three.checks if c.rule == "requests.row_sum"]
    assert (row.left_value, row.relation, row.right_value, row.identity) == (3, "=", 5, True)
    assert (row.where, row.left, row.right) == ("表三·本年新收政府信息公开申请数量", "自然人 3", "总计 5")
    assert possible_values(base, CELL) == (3, 5)


def test_a_sum_with_another_doubt_in_it_cannot_be_told() -> None:
    base, other = made(doubtful(3, 5)), "requests.new_received.business"
    unsure = reading(other, None, state=State.DOUBTFUL, raw="?", candidates=(0, 1))
    base = msgspec.structs.replace(base, readings=tuple(unsure if r.indicator == other else r for r in base.readings))
    (five,) = trials(base, CELL, (5,))
    (row,) = [c for c in five.checks if c.rule == "requests.row_sum"]
    assert (row.holds, row.open_cells, row.left_value) == (None, (other,), None)


def test_what_the_text_says_of_the_cell() -> None:
    said = Statement((CELL,), 5, StatementKind.NUMBER, "5件", "收到自然人申请5件。", HERE, "x")
    base = msgspec.structs.replace(made(doubtful(3, 5)), statements=(said,))
    three, five = trials(base, CELL, (3, 5))
    told = [[(c.holds, c.sentence) for c in trial.checks if c.rule == "prose"] for trial in (three, five)]
    assert told == [[(False, said.sentence)], [(True, said.sentence)]]


def not_seen(cell: str = CELL) -> Reading:
    return reading(cell, None, state=State.NOT_SEEN)


def test_a_cell_that_was_not_seen_is_for_a_person_and_no_sum_with_it_accuses() -> None:
    verdict = validate(made(not_seen(), **{"requests.new_received.total": 9}))
    assert verdict.status is Status.NEEDS_REVIEW
    assert doubts(verdict) == (CELL,)
    assert not [f for f in verdict.findings if CELL in f.cells and f.severity is Severity.ERROR]
    assert now(verdict.report).state is State.NOT_SEEN
    others = {r.indicator: r.state for r in verdict.report.readings if r.indicator.startswith("requests.new_received.")}
    assert others["requests.new_received.total"] is State.READ  # proven by no sum with the cell


@pytest.mark.parametrize("then", [None, not_seen()])
def test_a_decision_about_a_cell_that_was_not_seen_stands_while_it_is_not(then: Reading | None) -> None:
    decision = of(CELL, 5, then)
    assert validate(made(not_seen()), [decision]).status is Status.ACCEPTED
    assert now(apply(made(not_seen()), [decision]).report).state is State.CORRECTED
    assert now(apply(made(reading(CELL, 5)), [decision]).report).value == 5
    contradicted = apply(made(reading(CELL, None)), [decision])
    assert contradicted.contested == {CELL}


def test_a_decision_about_a_cell_that_was_not_seen_stands_where_the_cell_is_not_demanded_any_more() -> None:
    elsewhere = made(not_seen("requests.new_received.business"))
    found = now(apply(elsewhere, [of(CELL, 5, not_seen())]).report)
    assert (found.state, found.value, found.doubt) == (State.CORRECTED, 5, None)


def test_a_decided_cell_that_is_not_seen_any_more_is_asked_about() -> None:
    lost = apply(made(not_seen()), [of(CELL, 5, doubtful(5, 6))])
    assert lost.contested == {CELL}
    assert (now(lost.report).value, now(lost.report).candidates) == (5, (5,))
