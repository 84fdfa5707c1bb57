"""Doubtful readings that the sums of the form settle, and those that they do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from codebook.records import State, Status
from tasks.validation import doubts as room
from tasks.validation.validate import validate

Make = Callable[..., Any]
ROW = "review.reconsideration"


def review(make: Make, upheld: Any, corrected: Any, other: Any) -> Any:
    """A row of table four; a tuple is a doubtful cell with these candidates, None a blank one."""
    cells = {"upheld": upheld, "corrected": corrected, "other": other, "pending": 1, "total": 9}
    readings = [
        make("reading", f"{ROW}.{column}", value[0], state=State.DOUBTFUL, doubt="字迹不清", candidates=value)
        if isinstance(value, tuple)
        else make("reading", f"{ROW}.{column}", value)
        for column, value in cells.items()
    ]
    return make("report", {}, readings=tuple(readings))


def settled(verdict: Any) -> dict[str, Any]:
    return {r.indicator.split(".")[-1]: r.value if r.state is State.PROVEN else r.state for r in verdict.report.readings}


def test_the_only_candidate_that_adds_up_is_taken(make: Make) -> None:
    verdict = validate(review(make, (8, 3), 5, 0))
    assert settled(verdict) == {"upheld": 3, "corrected": 5, "other": 0, "pending": 1, "total": 9}
    note = verdict.report.readings[0].doubt
    assert note.startswith("字迹不清；")
    assert "review.sum" in note
    assert verdict.status is Status.ACCEPTED
    assert [f for f in verdict.findings if f.rule == "review.sum"] == []


@pytest.mark.parametrize(
    ("upheld", "corrected", "other"),
    [
        ((1, 7), (7, 1), 0),  # two assignments come out
        ((4, 6), 5, 0),  # none does: the source may be wrong
        ((3,), 5, 0),  # one candidate alone is not tested: its doubt may be another
        ((8, 3), 5, None),  # a blank cell: the sum is no check
        ((8, 3), (5,), 0),  # a doubtful cell without a choice: the sum is no check
    ],
)
def test_what_is_not_pinned_stays_doubtful(make: Make, upheld: Any, corrected: Any, other: Any) -> None:
    before = review(make, upheld, corrected, other)
    verdict = validate(before)
    assert verdict.report.readings == before.readings
    assert verdict.status is Status.NEEDS_REVIEW
    assert [f for f in verdict.findings if f.rule == "review.sum"] == []


def test_rows_and_columns_pin_together_what_neither_does_alone(make: Make) -> None:
    cells = make("values")
    for row in ("new_received", "granted", "total_handled"):
        cells |= {f"requests.{row}.natural_person": 7, f"requests.{row}.business": 1, f"requests.{row}.total": 8}
    made = make("report", cells)
    swap = {
        "requests.granted.natural_person": (1, 7),
        "requests.granted.business": (7, 1),
        "requests.total_handled.total": (8, 6),
    }
    readings = tuple(
        make("reading", r.indicator, None, state=State.DOUBTFUL, doubt="错位", candidates=swap[r.indicator])
        if r.indicator in swap
        else r
        for r in made.readings
    )
    verdict = validate(make("report", {}, readings=readings))
    values = {r.indicator: r.value for r in verdict.report.readings}
    assert values == cells
    assert verdict.status is Status.ACCEPTED


def test_a_blank_is_never_settled_as_zero(make: Make) -> None:
    """The row 予以公开 lost its blanks: its numbers 7 and 7 stand somewhere in it, and what else is there may be blank or 0."""
    cells = make("values")
    for row in ("new_received", "granted", "total_handled"):
        cells |= {f"requests.{row}.natural_person": 7, f"requests.{row}.total": 7}
    made = make("report", cells)
    readings = tuple(
        make("reading", r.indicator, None, state=State.DOUBTFUL, doubt="blank", candidates=(7,))
        if ".granted." in r.indicator
        else r
        for r in made.readings
    )
    verdict = validate(make("report", {}, readings=readings))
    states = {r.indicator.split(".")[-1]: (r.value, r.state) for r in verdict.report.readings if ".granted." in r.indicator}
    assert states.pop("natural_person") == (7, State.PROVEN)
    assert states.pop("total") == (7, State.PROVEN)
    assert set(states.values()) == {(None, State.DOUBTFUL)}
    assert verdict.status is Status.NEEDS_REVIEW


def test_a_place_is_not_settled_by_one_sum(make: Make) -> None:
    made = review(make, (8, 3), 5, 0)
    first = make("reading", f"{ROW}.upheld", None, state=State.DOUBTFUL, doubt="count", candidates=(8, 3))
    verdict = validate(make("report", {}, readings=(first, *made.readings[1:])))
    assert verdict.report.readings[0].state is State.DOUBTFUL


def test_one_component_does_not_wait_for_another(make: Make) -> None:
    first, second = review(make, (8, 3), 5, 0), review(make, (1, 7), (7, 1), 0)
    other = tuple(
        make(
            "reading",
            r.indicator.replace("reconsideration", "litigation_direct"),
            r.value,
            state=r.state,
            candidates=r.candidates,
        )
        for r in second.readings
    )
    verdict = validate(make("report", {}, readings=first.readings + other))
    states = {r.indicator: r.state for r in verdict.report.readings}
    assert states[f"{ROW}.upheld"] is State.PROVEN
    assert states["review.litigation_direct.upheld"] is State.DOUBTFUL


def test_the_search_gives_up(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_STEPS", 1)
    assert validate(review(make, (8, 3), 5, 0)).status is Status.NEEDS_REVIEW
