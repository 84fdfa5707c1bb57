"""A province's own statistics table: the rows that are of the form are read, by the header of their columns."""

from __future__ import annotations

import pytest

from codebook.errors import GongkaiError
from codebook.records import Cell, Hints, Line, Page, PageKind, Place, Reader, Reading, State, Table
from tasks.flow import read_document
from tasks.parsing.tables.read_tables import read_tables
from tests.parsing.table_check import read_text

HEADER = ("项目", "计量单位", "2016年度", "历年累计")
ROWS = (
    ("主动公开文件数", "条", "731", "8302"),
    ("其中：1.政府网站公开数", "条", "702", "8011"),
    ("2.政府公报公开数", "条", "29", "291"),
    ("受理依申请公开信息总数", "件", "14", "60"),
    ("其中：（1）当面申请数", "件", "3", "21"),
    ("3、信函、传真申请数", "件", "11", "39"),
    ("对申请的答复总数", "件", "", "46"),
    ("四、行政复议数", "件", "—", "2"),
    ("收费减免金额", "元", "130", "900"),
)
EXPECTED = {
    "statistics.disclosed": 731,
    "statistics.channel.website": 702,
    "statistics.channel.gazette": 29,
    "statistics.requests.received": 14,
    "statistics.requests.in_person": 3,
    "statistics.replies.total": None,
    "statistics.reconsideration.total": None,
}


def local(page: Page) -> dict[str, Reading]:
    """The readings of the page's local table, each at most once."""
    found = [reading for table in read_tables((page,)).local for reading in table.readings]
    assert len({reading.indicator for reading in found}) == len(found)
    return {reading.indicator: reading for reading in found}


def page(rows: tuple[tuple[str, ...], ...]) -> Page:
    cells = tuple(
        Cell(row, column, text, Place(1, None, 7 + row, column + 1))
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    )
    return Page(1, PageKind.TEXT, "", Reader.HTML, (Table(cells, len(rows), len(rows[0]), Place(1, None, 7)),))


def test_rows_of_the_form_are_read_and_the_table_is_kept() -> None:
    found = local(page((HEADER, *ROWS)))
    assert {key: reading.value for key, reading in found.items()} == EXPECTED
    assert {found[key].state for key in EXPECTED if EXPECTED[key] is not None} == {State.READ}
    assert found["statistics.replies.total"].state is State.MISSING
    assert (found["statistics.disclosed"].place.line, found["statistics.disclosed"].place.column) == (8, 3)
    (unknown,) = read_tables((page((HEADER, *ROWS)),)).unknown
    assert len(unknown.rows) == len(ROWS) + 1


def test_columns_in_another_order() -> None:
    order = (0, 3, 2, 1)
    turned = tuple(tuple(row[at] for at in order) for row in (HEADER, *ROWS))
    assert {key: reading.value for key, reading in local(page(turned)).items()} == EXPECTED


@pytest.mark.parametrize("separator", ["|", "\t"])
def test_lines_of_cells(separator: str) -> None:
    text = "\n".join(separator.join(row) for row in (HEADER, *ROWS))
    (table,) = read_text(text).local
    assert (table.year, {reading.indicator: reading.value for reading in table.readings}) == (2016, EXPECTED)


def test_a_table_in_a_line_of_text() -> None:
    whole = [row for row in ROWS if row[2] not in ("", "—")]
    text = "本年度工作有序推进，公开形式进一步丰富，政务公开专栏运行平稳。附表 " + " ".join(
        " ".join(row) for row in (HEADER, *whole)
    )
    blocks = (Line(text, Place(1, line=3, column=1)),)
    found = local(Page(1, PageKind.TEXT, "", Reader.TXT, blocks))
    assert {key: reading.value for key, reading in found.items()} == {k: v for k, v in EXPECTED.items() if v is not None}
    assert text[(found["statistics.disclosed"].place.column or 0) - 1 :].startswith("主动公开文件数")


@pytest.mark.parametrize(
    "header",
    [
        ("项目", "计量单位", "2015年度", "2016年度"),
        ("项目", "计量单位", "市级", "县级"),
        ("项目", "计量单位", "历年累计", "备注"),
        ("主动公开文件数", "条", "731", "8302"),
    ],
    ids=["two years", "levels", "no year", "no header"],
)
def test_columns_that_the_header_does_not_say_are_not_read(header: tuple[str, ...]) -> None:
    assert local(page((header, *ROWS))) == {}


@pytest.mark.parametrize("unit", ["万条", "元", "%"])
def test_a_row_in_another_unit_is_not_read(unit: str) -> None:
    changed = (("主动公开文件数", unit, "731", "8302"), *ROWS[1:])
    assert "statistics.disclosed" not in local(page((HEADER, *changed)))


def report(year: int, printed: str, sentence: str = "") -> str:
    rows = "".join(
        "<tr>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>" for row in (("项目", "单位", printed, "累计"), *ROWS)
    )
    title = f"某某县{year}年政府信息公开工作年度报告"
    return f"<h1>{title}</h1><p>一、概述</p><p>{sentence}</p><p>二、统计表</p><table>{rows}</table>"


def states(html: str) -> dict[str, tuple[object, State]]:
    verdict = read_document(html.encode(), "text/html", Hints(path="a.html"))
    return {r.indicator: (r.value, r.state) for r in verdict.report.readings}


def test_the_numbers_of_the_year_are_those_of_the_report() -> None:
    found = states(report(2016, "2016年度", "2016年我县主动公开政府信息731条。"))
    assert found["statistics.disclosed"][0] == 731
    assert found["statistics.disclosed"][1] in (State.READ, State.PROVEN)
    assert found["statistics.requests.received"] == (14, State.READ)
    assert "statistics.response.total" not in found  # rows that such a table does not have are not missed


def test_a_table_of_another_year_is_a_doubt() -> None:
    assert states(report(2017, "2016年度"))["statistics.requests.received"][1] is State.DOUBTFUL
    assert states(report(2017, "本年度"))["statistics.requests.received"] == (14, State.READ)


def test_such_a_table_in_a_report_of_a_later_form_is_no_table_of_it() -> None:
    with pytest.raises(GongkaiError) as refused:
        states(report(2022, "2022年度"))
    assert refused.value.code == "report.no_tables"


@pytest.mark.parametrize("order", [(0, 2, 3, 1), (0, 1, 2, 3), (0, 3, 2, 1)])
@pytest.mark.parametrize("has_units", [True, False])
def test_a_line_of_text_whose_units_stand_elsewhere(order: tuple[int, ...], has_units: bool) -> None:
    whole = [row if has_units else (row[0], "", *row[2:]) for row in ROWS if row[2] not in ("", "—")]
    rows = [[row[at] for at in order] for row in (HEADER, *whole)]
    text = "附表 " + " ".join(" ".join(part for part in row if part) for row in rows) + " 完" * 60
    found = local(Page(1, PageKind.TEXT, "", Reader.TXT, (Line(text, Place(1, line=3, column=1)),)))
    wanted = {key: value for key, value in EXPECTED.items() if value is not None}
    assert {key: reading.value for key, reading in found.items()}.items() <= wanted.items()
    if not has_units or order[1] == 1:
        assert found
