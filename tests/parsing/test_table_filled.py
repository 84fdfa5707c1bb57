"""Markdown tables in which merged cells are filled with their text."""

from __future__ import annotations

from codebook.records import Line, Page, PageKind, Place, Reader
from tasks.parsing.tables.read_tables import read_tables

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
