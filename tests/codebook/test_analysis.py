"""Derived indicators: their definitions, and figures of units by them."""

from __future__ import annotations

import doctest

import pytest

from codebook.analysis import figures, indicators, lateness, repeats, rollup
from codebook.analysis.figures import Omission, UnitFacts, UnitFigure, sum_of, unit_figure, wilson
from codebook.analysis.indicators import FigureKind, derived_indicators, indicator_of
from codebook.analysis.lateness import Lateness
from codebook.analysis.repeats import with_year_before
from codebook.analysis.rollup import AreaRollup, roll_up
from codebook.book import load_book
from codebook.records import Number

_WANTED = """
obligations grant_rate disclosure_rate decided_rate denial_rate denial_rate.state_secret not_held_rate
not_processed_rate carry_forward_rate natural_person_share legal_service_share reconsideration_rate
litigation_rate reconsideration_corrected_rate reconsideration_corrected_of_all litigation_corrected_rate
normative_net normative_growth text_repeat.chapter_1 table_repeat late_days late_workdays filed_rate
first_pass_rate error_rate error_rate.requests.balance
"""


def unit(known: dict[str, Number], open_: dict[str, Omission] | None = None, **more: object) -> UnitFacts:
    facts = {"filing_id": 1, "document_id": 1, "form": "2021", **more}
    return UnitFacts(1, "示例局", 2023, known=known, open=open_ or {}, **facts)  # type: ignore[arg-type]


def test_every_indicator_has_both_names_and_where_it_comes_from() -> None:
    for indicator in derived_indicators().values():
        texts = (indicator.name, indicator.means, indicator.law)
        assert all(text.zh and text.en for text in texts), indicator.id
        assert indicator.forms, indicator.id


def test_the_list_of_the_desk_is_there() -> None:
    assert set(_WANTED.split()) - set(derived_indicators()) == set()
    denials = {name for name in derived_indicators() if name.startswith("denial_rate.")}
    assert len(denials) == 8


def test_a_cell_is_an_indicator_too() -> None:
    found = indicator_of("requests.new_received.total")
    assert (found.kind, found.forms) == (FigureKind.COUNT, ("2019", "2021"))
    assert unit_figure(found, unit({"requests.new_received.total": 7})).value == 7
    with pytest.raises(KeyError):
        indicator_of("requests.new_received.nobody")


def test_no_family_shares_an_id_with_a_cell() -> None:
    assert set(derived_indicators()) & set(load_book().indicators) == set()


@pytest.mark.parametrize("reason", [Omission.BLANK, Omission.DOUBT, Omission.NOT_SEEN])
def test_what_is_not_known_is_never_zero(reason: Omission) -> None:
    rate = derived_indicators()["grant_rate"]
    open_one = unit({"requests.total_handled.total": 4}, {"requests.granted.total": reason})
    assert unit_figure(rate, open_one).why is reason
    figure = sum_of(rate, [unit_figure(rate, each) for each in (open_one, _granted(1, 2))])
    assert (figure.numerator, figure.denominator, figure.units, figure.left_out) == (1, 2, 1, {reason: 1})


def _granted(granted: int, handled: int) -> UnitFacts:
    return unit({"requests.granted.total": granted, "requests.total_handled.total": handled})


def test_an_agency_without_a_report_is_left_out_and_counted() -> None:
    rate = derived_indicators()["grant_rate"]
    absent = UnitFacts(2, "缺报局", 2023, known={"unit.expected": 1, "unit.filed": 0})
    assert unit_figure(rate, absent).why is Omission.NO_FILING
    filed = derived_indicators()["filed_rate"]
    there = unit({"unit.expected": 1, "unit.filed": 1})
    not_listed = unit({}, {"unit.expected": Omission.NOT_LISTED, "unit.filed": Omission.NOT_LISTED})
    figure = sum_of(filed, [unit_figure(filed, each) for each in (absent, there, not_listed)])
    assert (figure.value, figure.left_out) == (0.5, {Omission.NOT_LISTED: 1})


def test_forms_that_count_something_else_are_not_added() -> None:
    rate = derived_indicators()["grant_rate"]
    cells: dict[str, Number] = {"statistics.replies.granted": 3, "statistics.replies.total": 4}
    old = UnitFacts(1, "示例局", 2016, filing_id=1, form="2014", known=cells)
    assert unit_figure(rate, old).value == 0.75
    late = UnitFacts(1, "示例局", 2019, filing_id=1, form="2014", known=cells)
    assert unit_figure(rate, late).why is Omission.NOT_COMPARABLE
    received = derived_indicators()["received"]
    assert received.comparable("2014", "2021")
    assert not rate.comparable("2014", "2019")


def test_a_denominator_of_nothing_has_no_value_and_adds_nothing() -> None:
    rate = derived_indicators()["grant_rate"]
    figure = sum_of(rate, [unit_figure(rate, each) for each in (_granted(0, 0), _granted(5, 10))])
    assert (figure.value, figure.units) == (0.5, 2)
    alone = sum_of(rate, [unit_figure(rate, _granted(0, 0))])
    assert (alone.value, alone.low, alone.ranked) == (None, None, False)


def test_no_rank_below_the_least_denominator() -> None:
    rate = derived_indicators()["grant_rate"]
    assert not sum_of(rate, [unit_figure(rate, _granted(9, rate.least - 1))]).ranked
    assert sum_of(rate, [unit_figure(rate, _granted(9, rate.least))]).ranked


def test_the_interval_of_wilson_is_that_of_the_textbook() -> None:
    """Agresti and Coull 1998 and Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for successes, trials, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = wilson(successes, trials)
        assert found is not None
        assert [round(end, 4) for end in found] == [low, high]


def test_pending_cases_in_and_out_of_the_denominator() -> None:
    cells: dict[str, Number] = {
        "review.reconsideration.corrected": 2,
        "review.reconsideration.total": 10,
        "review.reconsideration.pending": 5,
    }
    rates = derived_indicators()
    assert unit_figure(rates["reconsideration_corrected_rate"], unit(cells)).value == 0.4
    assert unit_figure(rates["reconsideration_corrected_of_all"], unit(cells)).value == 0.2


def test_findings_count_reports_of_the_forms_that_the_rule_has() -> None:
    rate = derived_indicators()["error_rate.requests.balance"]
    reports = [
        unit({"unit.reported": 1}, rules=frozenset({"requests.balance", "any"})),
        unit({"unit.reported": 1}),
        UnitFacts(3, "旧局", 2016, filing_id=3, form="2014"),
    ]
    figure = sum_of(rate, [unit_figure(rate, each) for each in reports])
    assert (figure.numerator, figure.denominator, figure.left_out) == (1, 2, {Omission.NOT_IN_FORM: 1})


@pytest.mark.parametrize("module", [figures, indicators, lateness, repeats, rollup])
def test_the_examples_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_numbers_that_are_zero_in_both_years_say_nothing_of_a_repetition() -> None:
    now = unit({"requests.granted.total": 0, "requests.new_received.total": 3, "requests.total_handled.total": 4})
    before = unit({"requests.granted.total": 0, "requests.new_received.total": 3, "requests.total_handled.total": 0})
    both = with_year_before(now, before, {1: "abcdefgh", 5: "x"}, {1: "abcdefgz"})
    rates = derived_indicators()
    assert unit_figure(rates["table_repeat"], both).value == 0.5
    assert unit_figure(rates["text_repeat.chapter_1"], both).value == 0.75
    assert unit_figure(rates["text_repeat.chapter_5"], both).why is Omission.NOT_IN_FORM
    alone = with_year_before(now, None, {1: "abcdefgh"}, {})
    assert unit_figure(rates["table_repeat"], alone).why is Omission.NO_YEAR_BEFORE


CELL, AREA = "requests.new_received.total", "320800"


def agency(number: int, kind: str, value: int | None, region: str = AREA, *, listed: bool = True) -> UnitFacts:
    known: dict[str, Number] = {} if value is None else {CELL: value}
    known |= {"unit.expected": 1} if listed else {}
    open_ = {} if listed else {"unit.expected": Omission.NOT_LISTED}
    return UnitFacts(
        number, f"{kind} {number}", 2023, kind, None, region, value and number, value and number, "2021", known, open_
    )


def rolled(*units: UnitFacts) -> AreaRollup:
    return roll_up(AREA, 2023, units, [CELL])


def a_listed_city(stated: int, *, listed: bool = True) -> list[UnitFacts]:
    """A city that states a number, with an office, a bureau and a district of 10 each."""
    return [
        agency(1, "government", stated, listed=listed),
        agency(2, "government_office", 10),
        agency(3, "department", 10),
        agency(4, "government", 10, "320813"),
    ]


def test_a_smaller_sum_of_those_who_happen_to_be_there_accuses_nobody() -> None:
    found = rolled(agency(1, "government", 100, listed=False), agency(2, "department", 3, listed=False)).cells[0]
    assert (found.difference, found.covered, found.contradicts) == (97, False, False)


def test_a_smaller_sum_of_all_whom_the_list_names_contradicts() -> None:
    found = rolled(*a_listed_city(100)).cells[0]
    assert (found.difference, found.covered, found.contradicts) == (70, True, True)
    assert not rolled(*a_listed_city(30)).cells[0].contradicts


@pytest.mark.parametrize("part", [2, 3, 4])
def test_a_list_of_departments_alone_does_not_cover_an_area(part: int) -> None:
    """The sum lacks the office, the departments or what is below: it is smaller, and nobody is wrong."""
    found = rolled(*(each for each in a_listed_city(100) if each.agency_id != part)).cells[0]
    assert (found.covered, found.contradicts) == (False, False)


def test_one_agency_that_no_list_names_leaves_it_open_who_else_there_is() -> None:
    found = rolled(*a_listed_city(100), agency(5, "department", 1, listed=False)).cells[0]
    assert (found.covered, found.contradicts) == (False, False)


def test_a_greater_sum_contradicts_whoever_else_there_is() -> None:
    found = rolled(agency(1, "government", 100, listed=False), agency(2, "department", 103, listed=False)).cells[0]
    assert (found.difference, found.contradicts, found.exceeds) == (-3, True, (2,))


def test_who_does_not_see_all_agencies_of_an_area_accuses_nobody() -> None:
    """The rest of the sum is hidden: no number of it says anything, and an unseen report is not a missing one."""
    units = [each for each in a_listed_city(100) if each.agency_id != 3]
    found = roll_up(AREA, 2023, units, [CELL], hidden=True).cells[0]
    assert (found.hidden, found.covered, found.difference, found.contradicts, found.exceeds) == (True, False, None, False, ())
    unseen = roll_up(AREA, 2023, units[1:], [CELL], hidden=True).cells[0]
    assert (unseen.stated, unseen.difference, unseen.contradicts) == (None, None, False)


def test_two_governments_of_one_code_below_count_once() -> None:
    twins = (agency(5, "government", 50, "320813"), agency(6, "government", 50, "320813"))
    found = rolled(agency(1, "government", 100), agency(2, "government_office", 50), *twins)
    assert (found.cells[0].computed.value, found.cells[0].contradicts) == (100, False)
    assert [unit.agency_id for unit in found.doubles] == [6]
    assert 6 not in {member.unit.agency_id for member in found.members}


def test_of_two_governments_of_one_code_the_one_with_a_report_counts() -> None:
    found = rolled(*a_listed_city(100), agency(0, "government", None, "320813"))
    assert [unit.agency_id for unit in found.doubles] == [0]
    assert found.cells[0].computed.value == 30
    assert not found.cells[0].contradicts  # which of them is the government of the area is for a person to say


def test_a_report_is_not_later_than_the_day_on_which_it_was_seen() -> None:
    assert lateness.lateness("2025-01-31", "2026-01-20", "2025-02-03") == Lateness(3, 0)
    assert lateness.lateness("2025-01-31", "2025-02-01", "2025-02-03") == Lateness(1, 0)


def test_working_days_are_not_known_where_no_holidays_are_named() -> None:
    assert lateness.lateness("2090-01-31", "2090-02-02", None) == Lateness(2, None)


def test_what_is_carried_over_agrees_with_what_was_carried_forward() -> None:
    rate = derived_indicators()["carry_over_agreement"]
    this = UnitFacts(1, "示例局", 2022, filing_id=2, form="2021", known={"requests.carried_over.total": 3})
    for then, counted in ((3, 1), (4, 0)):
        before = UnitFacts(1, "示例局", 2021, filing_id=1, form="2021", known={"requests.carried_forward.total": then})
        assert unit_figure(rate, with_year_before(this, before, {}, {})) == UnitFigure(counted, 1)
    older = UnitFacts(1, "示例局", 2021, filing_id=1, form="2014", known={"statistics.requests.received": 9})
    assert unit_figure(rate, with_year_before(this, older, {}, {})).why is Omission.NOT_COMPARABLE
    assert unit_figure(rate, with_year_before(this, None, {}, {})).why is Omission.NO_YEAR_BEFORE
