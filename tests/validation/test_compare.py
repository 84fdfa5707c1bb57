"""Rules between reports that the case table does not show."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from codebook.records import Severity, State
from tasks.validation.rules.between_reports import Expected, compare_region, compare_texts, compare_years, snapshot_of
from tasks.validation.validate import validate

Make = Callable[..., Any]
AREA = ("region.exceeds", "region.sum", "region.absent")
F, P = "requests.carried_forward", "requests.carried_over"


def test_only_consecutive_years_are_compared(make: Make) -> None:
    one = {f"{F}.total": 3, f"{P}.total": 5}
    assert compare_years(make("snapshot", one, 2020), make("snapshot", one, 2022)) == ()
    assert compare_years(make("snapshot", one, 2022), make("snapshot", one, 2021)) == ()
    assert [f.rule for f in compare_years(make("snapshot", one, 2021), make("snapshot", one, 2022))] == ["years.carry_over"]


def test_carry_over_weighs_by_column(make: Make) -> None:
    earlier = make("snapshot", {f"{F}.total": 3, f"{F}.business": 1, f"{F}.natural_person": 2}, 2021)
    later = make("snapshot", {f"{P}.total": 2, f"{P}.business": 0, f"{P}.natural_person": 2}, 2022)
    found = compare_years(earlier, later)
    assert [(f.severity, f.expected, f.actual) for f in found] == [(Severity.ERROR, 3, 2), (Severity.WARNING, 1, 0)]
    assert "2021年" in found[0].message
    assert "2022年" in found[0].message
    assert found[0].cells == (f"{P}.total", f"{F}.total")


def test_stocks_are_not_compared_where_the_form_changed(make: Make) -> None:
    stock = {"disclosure.rules.in_force": 3, "disclosure.rules.issued": 0, "disclosure.rules.repealed": 0}
    wrong = stock | {"disclosure.rules.in_force": 9}
    assert compare_years(make("snapshot", stock, 2020), make("snapshot", wrong, 2021)) == ()
    assert [f.rule for f in compare_years(make("snapshot", stock, 2021), make("snapshot", wrong, 2022))] == ["years.in_force"]


@pytest.mark.parametrize(
    ("cells", "same"),
    [
        ({"disclosure.rules.in_force": 8}, False),  # a stock may well stay as it is
        (
            {
                "requests.new_received.natural_person": 1,
                "requests.granted.natural_person": 1,
                "requests.total_handled.natural_person": 1,
            },
            False,
        ),
        ({"disclosure.licensing.decisions": 9487}, True),
        ({}, False),
    ],
)
def test_same_tables_are_more_than_chance(make: Make, cells: dict[str, int], same: bool) -> None:
    values = make("values", **cells)
    found = compare_years(make("snapshot", values, 2021), make("snapshot", values, 2022))
    assert ("years.same_tables" in [f.rule for f in found]) is same


def test_the_statutory_preamble_is_no_copy(make: Make) -> None:
    text = "根据《中华人民共和国政府信息公开条例》等规定编制本报告。本报告数据统计期限为2021年1月1日至2021年12月31日。" * 3
    pair = [make("snapshot", {}, year, sections=((1, text),)) for year in (2021, 2022)]
    assert compare_years(*pair) == ()


def test_a_text_of_another_agency(make: Make) -> None:
    text = "我局围绕中心工作推进公开，" + "".join(f"第{n}项任务按期完成并向社会公布结果，" for n in "一二三四五六七八九十")
    one, other = (make("snapshot", {}, sections=((5, text),), agency=name) for name in ("甲局", "乙局"))
    (found,) = compare_texts(one, other)
    assert "乙局" in found.message


def test_one_finding_a_child_with_its_cells(make: Make) -> None:
    parent = make("snapshot", {f"{F}.total": 3, f"{P}.total": 5}, agency="安宁市人民政府")
    child = make("snapshot", {f"{F}.total": 4, f"{P}.total": 6})
    (found,) = compare_region(parent, [child], None)
    assert found.cells == (f"{P}.total", f"{F}.total")  # as the form prints them
    assert compare_region(make("snapshot", {f"{F}.total": 3}), [child], None) == ()  # a bureau reports for itself alone


def test_a_roll_up_with_reports_missing_may_be_greater(make: Make) -> None:
    parent = make("snapshot", {f"{F}.total": 9}, agency="安宁市人民政府")
    child, late = make("snapshot", {f"{F}.total": 4}), make("snapshot", {f"{F}.total": 40}, year=2021)
    names = [Expected("安宁市城市管理局", "530181"), Expected("安宁市教育局", "530181")]
    assert [f.rule for f in compare_region(parent, [child, late], names)] == ["region.absent"]
    greater = [make("snapshot", {f"{F}.total": 6}), make("snapshot", {f"{F}.total": 6}, agency="安宁市水务局")]
    found = [f for f in compare_region(parent, greater, names) if f.rule == "region.sum"]
    assert "安宁市教育局" in found[0].message
    assert compare_region(parent, greater, None) == ()


def test_a_snapshot_holds_what_is_sure(make: Make) -> None:
    doubtful = make("reading", f"{P}.total", 4, state=State.DOUBTFUL, doubt="?")
    readings = (make("reading", f"{F}.total", 3), doubtful, make("reading", f"{F}.business", None))
    taken = snapshot_of(validate(make("report", {}, readings=readings)))
    assert taken.values == {f"{F}.total": 3}
    assert snapshot_of(validate(make("report", {}, agency=None))) is None


def test_findings_do_not_depend_on_the_order_of_rows(make: Make) -> None:
    """A database returns cells, children and lists in any order; PostgreSQL and SQLite differ in it."""
    cells = [f"{row}.{column}" for row in (P, F) for column in ("total", "natural_person", "business")]
    cells += ["review.reconsideration.total", "disclosure.licensing.decisions", "requests.new_received.total"]
    names = ("安宁市城市管理局", "安宁市教育局", "安宁市水务局", "安宁市人民政府办公室")
    listed = tuple(Expected(name, "530181") for name in (*names, "安宁市统计局", "安宁市审计局"))

    def found(shuffle: Callable[[list[Any]], list[Any]]) -> list[Any]:
        def values(value: int) -> dict[str, int]:
            return dict.fromkeys(shuffle(cells), value)

        children = [make("snapshot", values(200 + number), agency=name) for number, name in enumerate(names)]
        parent = make("snapshot", values(100), agency="安宁市人民政府")
        same = compare_years(make("snapshot", values(100), 2021), make("snapshot", values(100), 2022))
        jump = compare_years(make("snapshot", values(100), 2021), make("snapshot", values(900), 2022))
        return [same, jump, compare_region(parent, shuffle(children)), compare_region(parent, children, shuffle(list(listed)))]

    first = found(list)
    assert {f.rule for some in first for f in some} >= {"years.same_tables", "years.jump", "years.carry_over", *AREA}
    assert found(lambda some: list(reversed(some))) == first
    assert found(lambda some: Random(1).sample(some, len(some))) == first
