"""Grids: spans, tables on their side, layout tables, blanks and scores."""

from __future__ import annotations

import random

import msgspec
import pytest

from codebook.records import Cell, Line, Page, PageKind, Place, Reader, State, Table
from tasks.parsing.tables.grid_lines import table_to_lines
from tasks.parsing.tables.read_tables import read_tables
from tasks.validation.doubts import resolve_doubts
from tasks.validation.wording import words
from tests.parsing import table_grids
from tests.parsing.table_check import score
from tests.parsing.table_render import COLUMNS, REQUESTS, make
from tests.validation.makers import report


def _page(*blocks: Line | Table) -> tuple[Page, ...]:
    return (Page(1, PageKind.TEXT, "", Reader.HTML, blocks),)


def _table(rows: list[list[str]]) -> Table:
    cells = tuple(
        Cell(r, c, text, Place(1, (c, r, c, r)), score=0.995) for r, row in enumerate(rows) for c, text in enumerate(row)
    )
    return Table(cells, len(rows), max(map(len, rows)), Place(1))


def test_a_table_on_its_side() -> None:
    printed = make(random.Random(5), "2019")
    data = [row for row in printed.requests if not row.header]
    head = ["", *(REQUESTS.columns[slug].label for slug in COLUMNS)]
    upright = [head, *([row.labels[-1], *row.values] for row in data)]
    sideways = [list(column) for column in zip(*upright, strict=True)]
    truth = {key: value for key, value in printed.truth.items() if key.startswith("requests.")}
    for rows in (upright, sideways):
        assert score(read_tables(_page(_table(rows))), truth) == (len(truth), 0, [])


def test_columns_stand_where_the_header_says() -> None:
    printed = make(random.Random(6), "2019")
    order = [6, 0, 1, 2, 3, 4, 5]
    head = ["", *(REQUESTS.columns[COLUMNS[at]].label for at in order)]
    rows = [head, *([row.labels[-1], *(row.values[at] for at in order)] for row in printed.requests if not row.header)]
    truth = {key: value for key, value in printed.truth.items() if key.startswith("requests.")}
    assert score(read_tables(_page(_table(rows))), truth) == (len(truth), 0, [])


def test_the_same_order_in_flattened_text_is_doubted() -> None:
    printed = make(random.Random(6), "2019")
    order = [6, 0, 1, 2, 3, 4, 5]
    text = [" ".join([row.labels[-1], *(row.values[at] for at in order)]) for row in printed.requests if not row.header]
    read = read_tables(_page(*(Line(line, Place(1)) for line in text)))
    assert all(reading.state is State.DOUBTFUL for reading in read.readings)


def test_blanks_stay_where_they_are_and_scores_are_kept() -> None:
    rows = [
        ["信息内容", "本年制发件数", "本年废止件数", "现行有效件数"],
        ["规章", "", "", "3"],
        ["行政规范性文件", "1", "见附件", "/"],
    ]
    found = {r.indicator: r for r in read_tables(_page(_table(rows))).readings}
    assert found["disclosure.rules.issued"].state is State.MISSING
    assert found["disclosure.rules.in_force"].value == 3
    assert found["disclosure.rules.in_force"].place.box == (3, 1, 3, 1)
    assert found["disclosure.rules.in_force"].score == 0.995
    assert found["disclosure.normative_documents.repealed"].state is State.DOUBTFUL
    assert found["disclosure.normative_documents.repealed"].raw == "见附件"
    assert found["disclosure.normative_documents.in_force"].raw == "/"


@pytest.mark.parametrize("label", ["一、本年新收政府信息公开申请数量", "一、？？？？？？？？？？数量"])
def test_no_sum_settles_what_may_be_dirt(label: str) -> None:
    """A cell of a picture that has score 0 stays a doubt, though the sum of its row holds, and wherever the row belongs."""
    head = ["", *(REQUESTS.columns[slug].label for slug in COLUMNS)]
    table = _table([head, [label, "4", "5", "0", "0", "0", "0", "9"], ["二、上年结转政府信息公开申请数量", *"0000000"]])
    cells = [msgspec.structs.replace(cell, score=0.0) if cell.text in ("5", "9") else cell for cell in table.cells]
    page = Page(1, PageKind.PICTURE, "", Reader.OCR, (msgspec.structs.replace(table, cells=tuple(cells)),))
    read = read_tables((page,))
    dirty = [reading for reading in read.readings if reading.raw in ("5", "9")]
    assert {(reading.doubt, reading.candidates) for reading in dirty} == {("dirt", (5,)), ("dirt", (9,))}
    settled = resolve_doubts(report({}, readings=read.readings))
    assert all(reading.state is State.DOUBTFUL for reading in settled.readings if reading.raw in ("5", "9"))


@pytest.mark.parametrize("text", ["20（含上年结转2件）", "20\n注：含转办1件", "20（注：另有3件转办）", "20\n（备注：2件并案）"])
def test_a_remark_in_the_cell_of_a_number_is_kept_beside_it(text: str) -> None:
    rows = [
        ["信息内容", "本年制发件数", "本年废止件数", "现行有效件数"],
        ["规章", "1", text, "3"],
        ["行政规范性文件", "0", "0", "7"],
    ]
    reading = {r.indicator: r for r in read_tables(_page(_table(rows))).readings}["disclosure.rules.repealed"]
    assert (reading.value, reading.state, reading.note) == (20, State.READ, text[2:].strip())


@pytest.mark.parametrize("text", ["20\n3", "20\n3件", "20注：3"])
def test_what_may_be_more_of_the_number_is_no_remark(text: str) -> None:
    rows = [
        ["信息内容", "本年制发件数", "本年废止件数", "现行有效件数"],
        ["规章", "1", text, "3"],
        ["行政规范性文件", "0", "0", "7"],
    ]
    reading = {r.indicator: r for r in read_tables(_page(_table(rows))).readings}["disclosure.rules.repealed"]
    assert reading.state is State.DOUBTFUL or reading.note == "注：3"


@pytest.mark.parametrize("text", ["20（件", "20（4）", "20（其中修订16件", "20其中修订", "20 见说明"])
def test_a_number_with_other_text_is_a_doubt_of_its_cell_alone(text: str) -> None:
    names = ["", "自然人", "商业企业", "科研机构", "社会公益组织", "法律服务机构", "其他", "总计"]
    rows = [
        names,
        ["一、本年新收政府信息公开申请数量", "5", text, *"0000", "25"],
        ["二、上年结转政府信息公开申请数量", *"1000001"],
        ["（一）予以公开", "6", "20", *"0000", "26"],
    ]
    found = {r.indicator: r for r in read_tables(_page(_table(rows))).readings}
    doubtful = [(key, r.raw, r.value, r.candidates) for key, r in found.items() if r.state is State.DOUBTFUL and r.raw]
    assert doubtful == [("requests.new_received.business", text, None, (20,))]
    assert (found["requests.new_received.natural_person"].value, found["requests.new_received.total"].value) == (5, 25)
    rows[1][1:3] = text, "5"
    found = {r.indicator: r for r in read_tables(_page(_table(rows))).readings}
    assert [key for key, r in found.items() if r.state is State.DOUBTFUL and r.raw] == ["requests.new_received.natural_person"]


@pytest.mark.parametrize("text", ["20（件）", "20(件)", "20 （件）"])
def test_a_unit_in_brackets_is_no_part_of_the_number(text: str) -> None:
    rows = [["信息内容", "本年制发件数", "本年废止件数", "现行有效件数"], ["规章", text, "0", "3"]]
    found = {r.indicator: r for r in read_tables(_page(_table(rows))).readings}
    assert (found["disclosure.rules.issued"].value, found["disclosure.rules.issued"].raw) == (20, text)


def test_numbers_on_two_lines_of_a_cell_are_doubtful() -> None:
    rows = [["信息内容", "本年处理决定数量"], ["行政处罚", "12\n3"], ["行政强制", "0"], ["行政许可", "1"]]
    found = {r.indicator: r for r in read_tables(_page(_table(rows))).readings}
    assert found["disclosure.penalties.decisions"].state is State.DOUBTFUL


def test_a_page_laid_out_by_a_table_is_text() -> None:
    lines = ["二、主动公开政府信息情况", "第二十条第（六）项", "信息内容", "本年处理决定数量", "行政处罚 5", "行政强制 6"]
    text = "\n".join(["我局说明如下：本年度工作情况良好。" * 2] * 9 + lines)
    table = Table((Cell(0, 0, "导航", Place(1)), Cell(0, 1, text, Place(1))), 1, 2, Place(1))
    assert len(table_to_lines(table, 1, 0, Reader.HTML)) > 8
    read = read_tables(_page(table))
    assert {r.indicator: r.value for r in read.readings} == {
        "disclosure.penalties.decisions": 5,
        "disclosure.coercion.decisions": 6,
    }


def test_tables_are_used_whole_and_titles_not() -> None:
    printed = make(random.Random(7))
    pages = table_grids.pages(printed, "spans", random.Random(7))
    used = {place.block for place in read_tables(pages).used}
    kinds = {type(pages[0].blocks[number]) for number in used}
    assert Table in kinds
    titles = [n for n, b in enumerate(pages[0].blocks) if isinstance(b, Line) and "、" in b.text[:2]]
    assert not used & set(titles)


@pytest.mark.parametrize("off", [0, 1])
def test_a_head_of_table_four_that_stands_behind_it(off: int) -> None:
    """One side of the grid is open, so that the last head comes as a line of its own after the table."""
    printed = make(random.Random(9), "2021")
    table = table_grids.review(printed.review)
    cells = [cell for cell in table.cells if cell.text not in ("复议后起诉", "行政诉讼")]
    total = max((cell for cell in cells if cell.row == 3), key=lambda cell: cell.column)
    cells[cells.index(total)] = msgspec.structs.replace(total, text=str(int(total.text) + off))
    title = Line("四、政府信息公开行政复议、行政诉讼情况", Place(1))
    read = read_tables(_page(title, msgspec.structs.replace(table, cells=tuple(cells)), Line("复议后起诉", Place(1))))
    truth = {key: value for key, value in printed.truth.items() if key.startswith("review.")}
    if not off:
        assert score(read, truth) == (len(truth), 0, [])
        return
    for reading in read.readings:  # the totals do not say that each number stands where the form has it
        assert reading.state is State.DOUBTFUL
        assert reading.candidates[0] == truth[reading.indicator] or reading.indicator.endswith("after_review.total")


def test_a_blank_cell_that_reaches_over_two_rows_moves_no_number() -> None:
    """Two blank cells whose rule was lost on a scan are one cell of the upper row; zeros are blank but in the totals."""
    above, row, below = (
        "二、上年结转政府信息公开申请数量",
        "（一）予以公开",
        "（二）部分公开（区分处理的，只计这一情形，不计其他情形）",
    )
    texts = [[above, *[""] * 6, "0"], [row, "7", *[""] * 5, "7"], [below, "1", *[""] * 5, "1"]]
    table = _table([["（本列数据的勾稽关系）", "申请人情况", *[""] * 6], *texts])
    cells = [
        msgspec.structs.replace(cell, row_span=2) if (cell.row, cell.column) == (1, 2) else cell
        for cell in table.cells
        if (cell.row, cell.column) != (2, 2)
    ]
    read = read_tables(_page(msgspec.structs.replace(table, cells=tuple(cells))))
    found = {reading.indicator: reading for reading in read.readings}
    for slug, number in (("granted", 7), ("partially_granted", 1), ("carried_over", None)):
        values = [found[f"requests.{slug}.{column}"] for column in COLUMNS]
        expected = [number, *[None] * 5, number or 0]
        assert all(r.state is State.DOUBTFUL or r.value == value for r, value in zip(values, expected, strict=True)), values


def test_cells_that_reach_far_down_add_few_others() -> None:
    """Each of 300 cells reaches over 300 rows: with one added in each of these, a small file would ask for millions."""
    wide, high = 300, 300
    head = [Cell(0, c, "行政许可" if c == 0 else "1", Place(1), row_span=1 if c == 0 else high) for c in range(wide)]
    below = [Cell(r, 0, "2", Place(1)) for r in range(1, high)]
    table = Table((*head, *below), high, wide, Place(1))
    lines = table_to_lines(table, 1, 0, Reader.HTML)
    assert sum(len(line.cells or {}) for line in lines) == len(table.cells)


def test_a_cell_that_reaches_down_hides_no_number() -> None:
    cells = (
        Cell(0, 0, "行政许可", Place(1)),
        Cell(0, 1, "", Place(1), row_span=2),
        Cell(1, 0, "行政强制", Place(1)),
        Cell(1, 1, "7", Place(1)),
    )
    lines = table_to_lines(Table(cells, 2, 2, Place(1)), 1, 0, Reader.PDF)
    assert [cell.text for cell in (lines[1].cells or {}).values()] == ["行政强制", "7"]


REVIEW_HEAD = [
    ["行政复议", "", "", "", "", *["行政诉讼"], *[""] * 9],
    ["", "", "", "", "", "未经复议直接起诉", "", "", "", "", "复议后起诉", "", "", "", ""],
    [*["结果维持", "结果纠正", "其他结果", "尚未审结", "总计"] * 3],
]


@pytest.mark.parametrize("text", ["约0", "〇", "O", "3%", "见附件"])
def test_a_row_of_texts_in_the_place_of_numbers_is_not_blank(text: str) -> None:
    disclosure = [["信息内容", "本年制发件数", "本年废止件数", "现行有效件数"], ["规章", text, text, text]]
    review = [*REVIEW_HEAD, [text] * 15]
    for rows, count in ((disclosure, 3), (review, 15)):
        readings = read_tables(_page(_table(rows))).readings
        assert [(r.state, r.value) for r in readings] == [(State.DOUBTFUL, None)] * count


def test_a_row_of_which_nothing_was_read_is_not_blank() -> None:
    table = _table([*REVIEW_HEAD, ["", "", *[""] * 13]])
    last = max(cell.row for cell in table.cells)
    for score_, state in ((0.5, State.DOUBTFUL), (1.0, State.MISSING)):
        cells = tuple(msgspec.structs.replace(c, score=score_ if c.row == last else 1.0) for c in table.cells)
        readings = read_tables(_page(msgspec.structs.replace(table, cells=cells))).readings
        assert [r.state for r in readings] == [state] * 15


def test_sums_do_not_settle_what_may_be_shown_otherwise() -> None:
    """Digits that were put behind each number are in its sum too."""
    table = _table([["信息内容", "本年制发件数", "本年废止件数", "现行有效件数"], ["规章", "12", "3", "4"]])
    cells = tuple(msgspec.structs.replace(c, score=0.5 if c.text == "12" else 1.0) for c in table.cells)
    readings = read_tables(_page(msgspec.structs.replace(table, cells=cells))).readings
    assert next((r.state, r.doubt) for r in readings) == (State.DOUBTFUL, "shown")
    assert "shown" not in words().may_be_confirmed


def _picture(rows: list[list[tuple[int, str]]]) -> tuple[Page, ...]:
    """A picture of a table: in each row how many columns a cell goes over, and its text. Columns are 100 pixels wide."""
    cells = []
    for r, row in enumerate(rows):
        at = 0
        for span, text in row:
            cells.append(Cell(r, at, text, Place(1, (100 * at, 30 * r, 100 * (at + span), 30 * r + 30)), 1, span, 0.9999))
            at += span
    table = Table(tuple(cells), len(rows), max(cell.column + cell.column_span for cell in cells), Place(1))
    return (Page(1, PageKind.PICTURE, "", Reader.OCR, (table,)),)


@pytest.mark.parametrize("turned", [False, True])
def test_values_that_stand_beside_their_columns_are_doubts(turned: bool) -> None:
    """A rule is lost between two values of a row, and dirt behind the last one passes for another value: seven, all moved."""
    slugs = ("new_received", "carried_over", "granted", "partially_granted")
    labels = [REQUESTS.rows[slug].label for slug in slugs]
    whole = [[(1, label), *((1, text) for text in "4500009")] for label in labels]
    head = [(1, ""), *((1, REQUESTS.columns[slug].label) for slug in COLUMNS), (1, "")]
    moved = [(1, labels[2]), (2, "45"), *((1, text) for text in "000091")]
    pages = _picture([head, whole[0], whole[1], moved, whole[3]])
    if turned:
        pages = tuple(msgspec.structs.replace(page, blocks=tuple(map(_on_its_side, page.blocks))) for page in pages)
    read = {reading.indicator: reading for reading in read_tables(pages).readings}
    for slug in slugs:
        found = {(read[key].state, read[key].doubt) for key in (f"requests.{slug}.{column}" for column in COLUMNS)}
        assert found == ({(State.DOUBTFUL, "column")} if slug == "granted" else {(State.READ, None)}), slug


def _on_its_side(block: Line | Table) -> Line | Table:
    assert isinstance(block, Table)
    boxes = [cell.place.box for cell in block.cells]
    places = [Place(1, (2000 - box[3], box[0], 2000 - box[1], box[2])) for box in boxes if box]
    cells = (msgspec.structs.replace(cell, place=place) for cell, place in zip(block.cells, places, strict=True))
    return msgspec.structs.replace(block, cells=tuple(cells))
