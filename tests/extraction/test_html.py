"""Web pages: reading order, spans, layout tables, surroundings, metadata, hostile input."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codebook.errors import GongkaiError
from codebook.records import Line, Table
from tasks.extraction.extract import extract
from tasks.extraction.grid import lay_out
from tasks.extraction.limits import ExtractionLimits

# the requests table, shortened: header with row and column spans, a vertical label, a group label
REQUESTS = """
<table border=1><tbody>
<tr><td colspan="3" rowspan="3">（本列数据的勾稽关系为：第一项加第二项之和，等于第三项加第四项之和）</td>
<td colspan="3">申请人情况</td></tr>
<tr><td rowspan="2">自然人</td><td colspan="1">法人或其他组织</td><td rowspan="2">总计</td></tr>
<tr><td><p>商业</p><p>企业</p></td></tr>
<tr><td colspan="3"><b>一、</b>本年新收政府信息<span>公开</span>申请数量</td><td>2</td><td>0</td><td>2</td></tr>
<tr><td rowspan="0">三、本年度办理结果</td><td colspan="2">（一）予以公开</td><td>1</td><td></td><td>1</td></tr>
<tr><td rowspan="2">（三）不予公开</td><td>1.属于国家秘密</td><td>0</td><td>0</td><td>0</td></tr>
<tr><td>2.其他法律行政法规禁止公开</td><td>1</td><td>0</td><td>1</td></tr>
</tbody></table>"""


def blocks(html: str, **meta: str):
    return extract(html.encode(), "text/html").pages[0].blocks


def grid(table: Table) -> list[tuple[int, int, int, int, str]]:
    return [(c.row, c.column, c.row_span, c.column_span, c.text) for c in table.cells]


def texts(found) -> list[str]:
    return [block.text for block in found if isinstance(block, Line)]


def table_of(html: str) -> Table:
    [table] = [block for block in blocks(html) if isinstance(block, Table)]
    return table


def test_the_grid_of_a_form() -> None:
    table = table_of(f"<h2>三、收到和处理政府信息公开申请情况</h2>{REQUESTS}<p>四、</p>")
    assert (table.rows, table.columns) == (7, 6)
    assert grid(table)[:7] == [
        (0, 0, 3, 3, "（本列数据的勾稽关系为：第一项加第二项之和，等于第三项加第四项之和）"),
        (0, 3, 1, 3, "申请人情况"),
        (1, 3, 2, 1, "自然人"),
        (1, 4, 1, 1, "法人或其他组织"),
        (1, 5, 2, 1, "总计"),
        (2, 4, 1, 1, "商业\n企业"),
        (3, 0, 1, 3, "一、本年新收政府信息公开申请数量"),
    ]
    assert (4, 0, 3, 1, "三、本年度办理结果") in grid(table)  # rowspan=0 reaches the end
    assert (4, 4, 1, 1, "") in grid(table)  # a blank stays a blank
    assert (5, 1, 2, 1, "（三）不予公开") in grid(table)
    assert (6, 2, 1, 1, "2.其他法律行政法规禁止公开") in grid(table)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("<tr><td rowspan=9>a<td>1<tr><td>2", [(0, 0, 2, 1, "a"), (0, 1, 1, 1, "1"), (1, 1, 1, 1, "2")]),
        ("<tr><td colspan=9>a<tr><td>1<td>2", [(0, 0, 1, 2, "a"), (1, 0, 1, 1, "1"), (1, 1, 1, 1, "2")]),
        ("<tr><td colspan=0>a<td>b<tr><td>1<td>2", [(0, 0, 1, 1, "a"), (0, 1, 1, 1, "b"), (1, 0, 1, 1, "1"), (1, 1, 1, 1, "2")]),
        ("<tr><td colspan=x rowspan='-2'>a<td>b<tr><td>1", [(0, 0, 1, 1, "a"), (0, 1, 1, 1, "b"), (1, 0, 1, 1, "1")]),
        (
            "<tr><td>a<td rowspan=2>b<tr><td colspan=3>1<td>2",
            [(0, 0, 1, 1, "a"), (0, 1, 2, 1, "b"), (1, 0, 1, 1, "1"), (1, 2, 1, 1, "2")],
        ),
        ("<tr><td>a<td>b<tr><tr><td>1<td>2", [(0, 0, 1, 1, "a"), (0, 1, 1, 1, "b"), (1, 0, 1, 1, "1"), (1, 1, 1, 1, "2")]),
        (
            "<thead><tr><th rowspan=5>a<th>b</thead><tbody><tr><td>1<td>2",
            [(0, 0, 1, 1, "a"), (0, 1, 1, 1, "b"), (1, 0, 1, 1, "1"), (1, 1, 1, 1, "2")],
        ),
    ],
    ids=["row past end", "column past end", "colspan 0", "no number", "overlap", "empty row", "row group"],
)
def test_spans_that_do_not_fit(rows: str, expected: list) -> None:
    assert grid(table_of(f"<table>{rows}</table>")) == expected


@given(st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), max_size=6), max_size=8))
@settings(max_examples=60, deadline=None)
def test_spans_never_overlap_and_no_cell_is_lost(rows: list[list[tuple[int, int]]]) -> None:
    slots = lay_out([[(height, width, None) for height, width in row] for row in rows], 2_000)
    area = [(r, c) for s in slots for r in range(s.row, s.row + s.row_span) for c in range(s.column, s.column + s.column_span)]
    assert len(area) == len(set(area))
    assert len(slots) == sum(map(len, rows))
    assert all(slot.row + slot.row_span <= len(rows) for slot in slots)


def test_paragraphs_in_reading_order() -> None:
    html = """<body>起<div>甲<b>乙</b><!-- 注 -->丙<br>丁<p>戊<ul><li>己</li><li>庚</li></ul>辛</div>壬
    <pre>癸
    子</pre><ruby>依<rt>yī</rt></ruby>据<script>x()</script>尾</body>"""
    assert texts(blocks(html)) == ["起", "甲乙丙", "丁", "戊", "己", "庚", "辛", "壬", "癸", "子", "依据尾"]


def test_places_count_blocks() -> None:
    found = blocks("<p>甲</p><table><tr><td>规章<td>0</table><p>乙</p>")
    assert [block.place.line for block in found] == [1, 2, 3]
    assert found[1].cells[0].place.line == 2


def test_layout_tables_are_unrolled() -> None:
    prose = "我局坚持以公开为常态、不公开为例外，全面推进决策、执行、管理、服务、结果公开。" * 10
    html = f"<table><tr><td><div>某某局年度报告</div></td></tr><tr><td><p>{prose}</p>{REQUESTS}<p>五、</p></td></tr></table>"
    found = blocks(html)
    assert [type(block).__name__ for block in found] == ["Line", "Line", "Table", "Line"]
    assert len(found[2].cells) == 24
    assert texts(blocks(f"<table><tr><td><p>一、总体情况</p><p>{prose}</p></td><td>栏目</td></tr></table>")) == [
        "一、总体情况",
        prose,
        "栏目",
    ]


def test_prose_rows_in_a_table_become_lines() -> None:
    prose = "2022年，我局共收到政府信息公开申请12件，均在法定期限内答复；没有因政府信息公开被申请行政复议的情况。"
    html = f"""<table><tr><td colspan=2>二、主动公开政府信息情况</td></tr><tr><td colspan=2>第二十条第（五）项</td></tr>
    <tr><td>行政许可</td><td>12</td></tr><tr><td colspan=2>{prose}</td></tr><tr><td>行政处罚</td><td>3</td></tr></table>"""
    first, table, line, last = blocks(html)
    assert (first.text, line.text) == ("二、主动公开政府信息情况", prose)
    assert grid(table) == [(0, 0, 1, 2, "第二十条第（五）项"), (1, 0, 1, 1, "行政许可"), (1, 1, 1, 1, "12")]
    assert grid(last) == [(0, 0, 1, 1, "行政处罚"), (0, 1, 1, 1, "3")]


def test_item_groups_across_a_statistics_table_stay_in_it() -> None:
    html = "<table><tr><td colspan=3>一、主动公开情况<tr><td>（一）主动公开政府信息数<td>条<td>5</table>"
    assert table_of(html).rows == 2


def test_a_nested_table_of_data_follows_its_table() -> None:
    first, second = blocks("<table><tr><td>a<td>1<td>2<tr><td>b<td>3<td><table><tr><td>x<td>5</table></table>")
    assert grid(first)[-1] == (1, 2, 1, 1, "")
    assert grid(second) == [(0, 0, 1, 1, "x"), (0, 1, 1, 1, "5")]


@pytest.mark.parametrize(
    ("cell", "is_sure"),
    [
        ("<table><tr><td>5</table>", False),
        ("3<table><tr><td>5</table>", False),
        ("<table><tr><td><table><tr><td>5</table></table>", False),
        ("<table><tr><td></table>", True),
        ("<table></table>3", True),
        ("<math><mn>5</mn></math>", False),
        ("<svg><text>5</text></svg>", False),
        ("<canvas></canvas>", False),
        ("<svg><path d='M0 0h9'/></svg>3", True),
        ("3<meter value=1>4</meter><progress>5</progress>", True),
    ],
)
def test_a_table_or_drawing_in_a_cell_may_print_its_number(cell: str, is_sure: bool) -> None:
    first = blocks(f"<table><tr><td>a<td>1<td>2<tr><td>b<td>3<td>{cell}</table>")[0]
    assert isinstance(first, Table)
    assert (first.cells[-1].score == 1) is is_sure
    assert all(other.score == 1 for other in first.cells[:-1])


def test_surroundings_go_and_content_stays() -> None:
    html = """<html><body><header><a href=/>首页</a></header><div class="main-nav"><a>导航</a></div>
    <div id="share_box">分享到</div>
    <div class="header"><p>某某局2022年政府信息公开工作年度报告</p></div><div>【打印】</div>
    <div class="print-area" id="bottom"><p>一、总体情况</p><table><tr><td>规章</td><td>0</td></tr></table></div>
    <p style="display: none">隐藏</p><p hidden>隐藏</p>
    <select><option>友情链接</option></select>
    <footer>版权所有 某某局</footer></body></html>"""
    found = blocks(html)
    assert texts(found) == ["某某局2022年政府信息公开工作年度报告", "一、总体情况"]
    assert sum(isinstance(block, Table) for block in found) == 1


def test_a_hidden_body_of_the_page_is_content() -> None:
    assert len(blocks(f"<p>某某局</p><div style='display:none'>{REQUESTS}</div>")) == 2


def test_metadata() -> None:
    html = """<html><head><title>某某局 - 年报</title><meta charset=gb2312><meta name="ArticleTitle" content="2022年年度报告">
    <meta name="pubdate" content=" 2023-01-20 "><meta name="viewport" content="x"></head><body><p>一</p></body></html>"""
    found = extract(html.encode(), "text/html; charset=gbk")
    assert found.title == "2022年年度报告"
    assert found.notes == ("meta.ArticleTitle=2022年年度报告", "meta.PubDate=2023-01-20")
    assert found.encoding == "utf-8"  # whatever the page says


@pytest.mark.parametrize("codec", ["gb18030", "big5", "utf-16"])
def test_encodings(codec: str) -> None:
    head = "<head><meta http-equiv=Content-Type content='text/html; charset=utf-8'></head>"
    html = f"<html>{head}<body><p>政府資訊公開工作年度報告</p></body></html>"
    assert texts(extract(html.encode(codec), "text/html").pages[0].blocks) == ["政府資訊公開工作年度報告"]


def test_hostile_pages_are_inert() -> None:
    bomb = '<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]><p>甲&b;&x;乙</p>'
    assert "root:" not in "".join(texts(blocks(bomb)))
    assert "aaaa" not in "".join(texts(blocks(bomb)))
    xhtml = (
        '<?xml version="1.0" encoding="gb2312"?><html xmlns="http://www.w3.org/1999/xhtml"><body><p>政府信息</p></body></html>'
    )
    assert texts(blocks(xhtml)) == ["政府信息"]


@pytest.mark.parametrize(
    ("html", "code"),
    [
        ("<div>" * 5000 + "x", "file.bomb"),
        ("<table><tr><td>" * 60 + "x", "file.bomb"),
        ("<table><tr>" + "<td colspan=1000>x" * 10 + "</table>", "file.too_large"),
        ("<html><head><title>t</title></head><body><script>x</script></body></html>", "file.empty"),
        ("<p>x" * 200, "file.too_large"),
        ("<table>" + "<tr><td>1<td>2" * 200 + "</table>", "file.too_large"),
    ],
    ids=["deep", "nested tables", "wide", "nothing", "lines", "cells"],
)
def test_limits(html: str, code: str) -> None:
    with pytest.raises(GongkaiError) as caught:
        extract(html.encode(), "text/html", ExtractionLimits(max_lines=100, max_cells=100))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("7<sup>1</sup>", "7¹"),
        ("7<sup><a href='#n'><span>[12]</span></a></sup>件", "7[¹²]件"),
        ("7<sup>注1</sup>", "7注¹"),
        ("7<SUP>(3)</SUP>", "7⁽³⁾"),
        ("7<span style='font-size:6pt; Vertical-Align: super'>1</span>", "7¹"),
        ("7<font style='vertical-align:text-top'>1</font>8", "7¹8"),
        ("7<sub>1</sub>2", "7₁2"),
        ("7<span style='font-size:6pt; position:relative; top:-4pt'>1</span>", "7¹"),
        ("7<span style='font-size:60%; vertical-align:4px'>1</span>", "7¹"),
        ("7<span style='font-size:60%; vertical-align:top'>1</span>", "7¹"),
        ("7<span style='vertical-align:4px'>1</span>", "71"),
        ("7<span style='position:relative; top:-2px'>1</span>", "71"),
        ("7<span style='vertical-align:middle'>1</span>", "71"),
        ("7<sup></sup>1", "71"),
        ("7<sup hidden>2</sup>1", "71"),
    ],
)
def test_raised_digits_are_no_digits_of_the_number_before(markup: str, text: str) -> None:
    table = table_of(f"<table><tr><td>行政许可</td><td style='vertical-align:text-top'>{markup}</td></tr></table>")
    assert [cell.text for cell in table.cells] == ["行政许可", text]
    assert texts(blocks(f"<p>共{markup}</p><p>二</p>")) == [f"共{text}", "二"]


@pytest.mark.parametrize(
    "markup",
    [
        "<span style='font-size:12px;vertical-align:top'>12</span>",
        "<span style='font-size:12px;vertical-align:-2px'> 12 </span>",
        "<p><span style='font-size:10pt;position:relative;top:-1.5pt'>12</span></p>",
        "<span style='font-size:12px;vertical-align:top'>1</span><span style='font-size:12px;vertical-align:top'>2</span>",
    ],
)
def test_a_smaller_number_alone_in_its_cell_is_no_mark(markup: str) -> None:
    table = table_of(f"<table><tr><td>行政许可</td><td>{markup}</td></tr></table>")
    assert [cell.text for cell in table.cells] == ["行政许可", "12"]


def test_a_raised_mark_alone_in_its_cell_stays_one() -> None:
    table = table_of("<table><tr><td>行政许可</td><td><sup>1</sup></td></tr></table>")
    assert [cell.text for cell in table.cells] == ["行政许可", "¹"]
