"""Markdown tables in which merged cells are filled with their text."""

from __future__ import annotations

from random import Random

import pytest

from codebook.records import Line, Page, PageKind, Place, Reader
from tasks.parsing.tables.read_tables import read_tables
from tests.accuracy.compare import read_and_compare
from tests.adversarial.base import leave_blank, make_report, unchanged
from tests.adversarial.texts import pick_style, text_of

FILLED = """\
| 信息内容 | 本年处理决定数量 | 本年处理决定数量 | 本年处理决定数量 |
|---|---|---|---|
| 行政许可 | 38 | 38 | 38 |
| 信息内容 | 本年处理决定数量 | 本年处理决定数量 | 本年处理决定数量 |
| 行政处罚 | 0 | 0 | 0 |
| 行政强制 | 7 | 7 | 7 |
"""


def page(text: str) -> Page:
    lines = tuple(Line(line, Place(line=number)) for number, line in enumerate(text.splitlines(), 1))
    return Page(1, PageKind.TEXT, "", Reader.TXT, lines)


def test_a_value_repeated_under_a_repeated_header_is_one_cell() -> None:
    read = {r.indicator: (r.value, r.state, r.place.line, r.place.column) for r in read_tables((page(FILLED),)).readings}
    assert read["disclosure.licensing.decisions"] == (38, "read", 3, 10)
    assert read["disclosure.penalties.decisions"] == (0, "read", 5, 10)
    assert read["disclosure.coercion.decisions"] == (7, "read", 6, 10)


def test_different_values_under_a_repeated_header_are_no_fact() -> None:
    broken = FILLED.replace("| 38 | 38 | 38 |", "| 38 | 83 | 38 |")
    read = {r.indicator: r for r in read_tables((page(broken),)).readings}
    assert read["disclosure.licensing.decisions"].state == "doubtful"


@pytest.mark.parametrize("blanks", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_tables_by_tabs_pipes_and_commas(seed: int, blanks: bool) -> None:
    """Merged labels repeated in each row or column, or left out; values in quotation marks, labels broken over lines."""
    dice = Random(seed)
    report = make_report(dice, change=leave_blank if blanks else unchanged)
    style = pick_style(dice)
    score = read_and_compare(text_of(report.paper, style).encode(), "text/plain", "a.txt", report.truth)
    assert (score.silent, score.failure, score.false_errors) == ([], None, []), style.name
    if (
        style.separator != "|" or style.across or not blanks
    ):  # blanks between pipes may have been lost, and others be at the row's end
        assert score.doubtful <= (3 if blanks else 0), style.name


def test_a_number_points_at_its_place_behind_a_broken_label() -> None:
    text = FILLED.replace("|---|---|---|---|\n", "").replace("行政许可", '"行政\n许可"')
    text = "\n".join(line.strip("| ").replace(" | ", ",") for line in text.splitlines())
    reading = next(r for r in read_tables((page(text),)).readings if r.indicator == "disclosure.licensing.decisions")
    at = reading.place
    assert (reading.value, text.splitlines()[(at.line or 0) - 1][(at.column or 0) - 1 :]) == (38, "38,38,38")


def test_commas_of_prose_make_no_table() -> None:
    text = "本年,共收到,申请\n答复了,12,件\n公开了,7,件\n".replace(",", "，") + "a,b,c\n1,2\n3\n"
    assert read_tables((page(text),)).readings == ()


@pytest.mark.parametrize("text", ["〇", "O", "0^2", "约3", "0[^1]", "1<br>2", "3%"])
def test_what_stands_where_a_number_should_be_and_is_none_is_a_doubt(text: str) -> None:
    """In Markdown, where equal cells side by side may be one, between tabs, and in a row without cells."""
    head = ["信息内容", "本年制发件数", "本年废止件数", "现行有效件数"]
    for rows in ([head, ["规章", text, text, "4"]], [head, ["规章", text, text, text]]):
        for separator in (" | ", "\t"):
            lines = [separator.join(row) for row in rows]
            lines = [f"| {lines[0]} |", "|---|---|---|---|", f"| {lines[1]} |"] if separator == " | " else lines
            readings = read_tables((page("\n".join(lines)),)).readings
            assert [r.state for r in readings][:2] == ["doubtful"] * 2, (rows, separator)
            assert len(readings) == 3
    readings = read_tables((page(f"信息内容 本年处理决定数量\n行政许可 {text}\n行政处罚 5"),)).readings
    assert next((r.indicator, r.state) for r in readings) == ("disclosure.licensing.decisions", "doubtful")


@pytest.mark.parametrize("mark", ["**", "__", "*", "`", "$"])
def test_emphasis_around_a_number_is_left_out(mark: str) -> None:
    told = FILLED.replace(" 0 ", f" {mark}0{mark} ").replace(" 7 ", f" {mark}7{mark} ")
    read = {r.indicator: (r.value, r.state) for r in read_tables((page(told),)).readings}
    assert read["disclosure.penalties.decisions"] == (0, "read")
    assert read["disclosure.coercion.decisions"] == (7, "read")


def test_a_line_that_is_shown_in_another_order_stays_a_doubt_in_cells() -> None:
    lines = tuple(Line(line, Place(line=number), 0.5) for number, line in enumerate(FILLED.splitlines(), 1))
    readings = read_tables((Page(1, PageKind.TEXT, "", Reader.TXT, lines),)).readings
    assert {r.state for r in readings} == {"doubtful"}
