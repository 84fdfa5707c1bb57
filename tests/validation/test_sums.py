"""Sums on random tables: those that hold give no finding, one planted change gives the rules with that cell and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codebook.book import load_book
from codebook.records import Origin, Severity, State, Statement, StatementKind, Status
from codebook.rules import RuleScope, expand
from tasks.validation.validate import doubts, validate

Make = Callable[..., Any]
BOOK = load_book()
COLUMNS = tuple(c for c in BOOK.blocks["requests"].columns if c != "total")
GROUPS = ("granted", "partially_granted", "denied.", "unable.", "not_processed.", "other")
counts = st.sampled_from([0, 0, 0, 0, 0, 1, 2, 3, 17, 250, 98_765])


@st.composite
def tables(draw: st.DrawFn, form: str = "2021") -> dict[str, int]:
    """Tables three and four with all identities holding."""
    rows = [r for r, label in BOOK.blocks["requests"].rows.items() if form in (label.forms or ("2019", "2021"))]
    rows = [r for r in rows if (r == "other") <= (form == "2019")]
    results = [r for r in rows if r.startswith(GROUPS)]
    cells: dict[str, int] = {}
    for column in COLUMNS:
        for row in results:
            cells[f"requests.{row}.{column}"] = draw(counts)
        handled = sum(cells[f"requests.{row}.{column}"] for row in results)
        forward = draw(st.integers(0, 9))
        carried = draw(st.integers(0, handled + forward))
        cells |= {
            f"requests.total_handled.{column}": handled,
            f"requests.carried_forward.{column}": forward,
            f"requests.carried_over.{column}": carried,
            f"requests.new_received.{column}": handled + forward - carried,
        }
    for row in rows:
        cells[f"requests.{row}.total"] = sum(cells[f"requests.{row}.{column}"] for column in COLUMNS)
    for row in BOOK.blocks["review"].rows:
        for column in ("upheld", "corrected", "other", "pending"):
            cells[f"review.{row}.{column}"] = draw(counts)
        cells[f"review.{row}.total"] = sum(cells[f"review.{row}.{c}"] for c in ("upheld", "corrected", "other", "pending"))
    return cells


IDENTITIES = {"requests.balance", "requests.column_sum", "requests.row_sum", "review.sum"}
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@few
@given(tables(), tables("2019"))
def test_what_adds_up_gives_no_finding(make: Make, new: dict[str, int], old: dict[str, int]) -> None:
    for cells, form, year in ((new, "2021", 2022), (old, "2019", 2020)):
        verdict = validate(make("report", cells, form=form, year=year))
        assert not [f for f in verdict.findings if f.rule in IDENTITIES]
        assert {r.state for r in verdict.report.readings} == {State.PROVEN}
        assert verdict.status is Status.ACCEPTED


@few
@given(tables(), st.data())
def test_one_change_breaks_exactly_the_sums_that_hold_it(make: Make, cells: dict[str, int], data: st.DataObject) -> None:
    cell = data.draw(st.sampled_from(sorted(cells)))
    changed = cells | {cell: cells[cell] + data.draw(st.integers(1, 50))}
    verdict = validate(make("report", changed))
    found = sorted((f.rule, frozenset(f.cells)) for f in verdict.findings if f.rule in IDENTITIES)
    holding = [e for e in expand(tuple(changed), RuleScope.REPORT) if e.is_identity and cell in e.cells]
    assert found == sorted((e.rule, frozenset(e.cells)) for e in holding)
    assert len(found) >= 1
    assert {r.indicator: r.value for r in verdict.report.readings} == changed  # what was read is never changed
    assert verdict.status is Status.ACCEPTED


@few
@given(tables(), st.data())
def test_findings_of_a_broken_source_change_no_value(make: Make, cells: dict[str, int], data: st.DataObject) -> None:
    wild = cells | {cell: data.draw(counts) for cell in data.draw(st.lists(st.sampled_from(sorted(cells)), max_size=20))}
    before = make("report", wild)
    after = validate(before).report
    assert [(r.indicator, r.value, r.raw) for r in after.readings] == [(r.indicator, r.value, r.raw) for r in before.readings]
    assert {r.state for r in after.readings} <= {State.READ, State.PROVEN}


def test_blank_cells_weigh_one_level_less(make: Make) -> None:
    cells = make(
        "values", **{"requests.granted.total": 5, "requests.granted.natural_person": 3, "requests.granted.business": None}
    )
    (found,) = [f for f in validate(make("report", cells)).findings if f.rule == "requests.row_sum"]
    assert found.severity is Severity.WARNING
    assert "按 0 计算" in found.message


def test_blank_for_zero_is_only_worth_knowing(make: Make) -> None:
    cells = dict.fromkeys(make("values")) | {
        f"requests.{row}.{column}": 2
        for row in ("new_received", "granted", "total_handled")
        for column in ("natural_person", "total")
    }
    verdict = validate(make("report", cells))
    assert [f.rule for f in verdict.findings] == ["table.blank_cells"]
    assert {r.state for r in verdict.report.readings} == {State.MISSING, State.READ}  # a blank proves nothing


def test_totals_only_on_the_main_rows(make: Make) -> None:
    filled = ("new_received", "carried_over", "total_handled", "carried_forward")
    changes = {
        cell: None
        for cell in make("values")
        if cell.endswith(".total") and cell.split(".")[1] not in filled and "requests" in cell
    }
    changes |= {f"requests.{row}.{column}": 4 for row in filled[::2] for column in ("natural_person", "total")}
    changes |= {"requests.granted.natural_person": 4}
    assert [f.rule for f in validate(make("report", make("values", **changes))).findings] == ["table.blank_cells"]


def test_doubtful_cells_are_not_held_against_the_source(make: Make) -> None:
    cells = make("values")
    made = make("report", cells)
    doubtful = make("reading", "requests.granted.total", 8, state=State.DOUBTFUL, doubt="两处读数不一")
    readings = tuple(doubtful if r.indicator == doubtful.indicator else r for r in made.readings)
    verdict = validate(make("report", {}, readings=readings))
    assert verdict.findings == ()
    assert verdict.status is Status.NEEDS_REVIEW
    assert doubts(verdict) == ("requests.granted.total",)


def test_a_report_with_a_missing_page_needs_review(make: Make) -> None:
    verdict = validate(make("report", make("values"), missing_pages=(2, 3)))
    assert [(f.rule, "2、3" in f.message) for f in verdict.findings] == [("page.missing", True)]
    assert verdict.status is Status.NEEDS_REVIEW


def test_a_person_has_the_last_word(make: Make) -> None:
    readings = tuple(
        make("reading", f"review.reconsideration.{column}", 1, state=State.CORRECTED)
        for column in ("upheld", "corrected", "other", "pending", "total")
    )
    verdict = validate(make("report", {}, readings=readings))
    assert {r.state for r in verdict.report.readings} == {State.CORRECTED}
    assert [f.rule for f in verdict.findings if f.rule == "review.sum"] == ["review.sum"]


@pytest.mark.parametrize(
    ("agency", "year", "missing"), [(None, 2022, ("report.agency",)), ("某局", None, ("report.year",)), ("某局", 2022, ())]
)
def test_unknown_agency_or_year_needs_review(make: Make, agency: str | None, year: int | None, missing: tuple[str, ...]) -> None:
    verdict = validate(make("report", make("values"), agency=agency, year=year))
    assert doubts(verdict) == missing
    assert verdict.status is (Status.NEEDS_REVIEW if missing else Status.ACCEPTED)


def test_the_text_proves_what_it_repeats(make: Make) -> None:
    cell = "disclosure.licensing.decisions"
    told = Statement((cell,), 7, StatementKind.NUMBER, "行政许可7件", "", make("reading", cell, 7).place, "test")
    office = Statement((cell,), 7, StatementKind.NUMBER, "行政许可7件", "", told.place, "test", scope="own_office")
    for value, origin, statement, state in (
        (7, Origin.TABLE, told, State.PROVEN),
        (8, Origin.TABLE, told, State.READ),
        (7, Origin.PROSE, told, State.READ),  # the same sentence is no second witness
        (7, Origin.TABLE, office, State.READ),
    ):
        verdict = validate(make("report", {}, readings=(make("reading", cell, value, origin=origin),), statements=(statement,)))
        assert verdict.report.readings[0].state is state


def test_another_meaning_is_noted(make: Make) -> None:
    cells = {"requests.new_received.total": 5, "requests.carried_over.total": 2}
    told = Statement(
        ("requests.new_received.total",),
        7,
        StatementKind.NUMBER,
        "共办理7件",
        "",
        make("reading", "x", 0).place,
        "test",
        alternatives=(tuple(cells),),
    )
    (note,) = validate(make("report", cells, statements=(told,))).report.notes
    assert "共办理7件" in note
    assert "上年结转" in note
