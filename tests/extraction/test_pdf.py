"""PDF: triage, ruled tables with spans, page breaks, prose, hostile files; and the real report of the corpus, cell by cell."""

from __future__ import annotations

import json
import random
import re
import zlib
from io import BytesIO

import pytest
from PIL import Image
from reportlab.lib.colors import white
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from codebook.errors import GongkaiError
from codebook.records import Line, PageKind, Table
from tasks.extraction.extract import extract
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.pdf.integrity import damaged_streams
from tasks.extraction.pdf.read_pdf import classify

FONT = "STSong-Light"
pdfmetrics.registerFont(UnicodeCIDFont(FONT))
HEIGHT = 842.0


class Paper:
    """A PDF drawn with a top-down y axis; points throughout."""

    def __init__(self, **options) -> None:
        self.target = BytesIO()
        self.canvas = Canvas(self.target, pagesize=(595, HEIGHT), **options)

    def text(self, x: float, y: float, text: str, size: float = 12) -> Paper:
        self.canvas.setFont(FONT, size)
        self.canvas.drawString(x, HEIGHT - y - size, text)
        return self

    def cell(self, x: float, y: float, width: float, height: float, text: str) -> Paper:
        """A ruled cell; lines of the text are parted by a line break."""
        self.canvas.rect(x, HEIGHT - y - height, width, height)
        for number, line in enumerate(text.split("\n")):
            self.text(x + 2, y + 3 + number * 12, line, 10)
        return self

    def line(self, x0: float, y0: float, x1: float, y1: float) -> Paper:
        self.canvas.line(x0, HEIGHT - y0, x1, HEIGHT - y1)
        return self

    def white(self, x: float, y: float, width: float, height: float) -> Paper:
        self.canvas.setFillColor(white)
        self.canvas.rect(x, HEIGHT - y - height, width, height, stroke=0, fill=1)
        self.canvas.setFillGray(0)
        return self

    def picture(self, x: float, y: float, width: float, height: float) -> Paper:
        self.canvas.drawImage(ImageReader(Image.new("RGB", (40, 40), "gray")), x, HEIGHT - y - height, width, height)
        return self

    def page(self) -> Paper:
        self.canvas.showPage()
        return self

    def saved(self) -> bytes:
        self.canvas.save()
        return self.target.getvalue()


def pages(paper: Paper | bytes, limits: ExtractionLimits | None = None):
    return extract(paper if isinstance(paper, bytes) else paper.saved(), "application/pdf", limits or ExtractionLimits()).pages


def texts(page) -> list[str]:
    return [block.text for block in page.blocks if isinstance(block, Line)]


def grid(table: Table) -> list[tuple[int, int, int, int, str]]:
    return [(c.row, c.column, c.row_span, c.column_span, c.text) for c in table.cells]


def row(paper: Paper, y: float, label: str, *values: str, x: float = 70, height: float = 20) -> None:
    """A row of the requests table: a label across two columns, then values."""
    paper.cell(x, y, 200, height, label)
    for index, value in enumerate(values):
        paper.cell(x + 200 + index * 60, y, 60, height, value)


def test_prose_on_white_rectangles_is_prose_and_the_table_below_is_one() -> None:
    paper = Paper()
    lines = [
        "（一）主动公开情况。2022年，我局主动公开政府信息七十条，其中公文类",
        "信息三十条，动态类信息四十条，均在规定的时限内公开，没有遗漏的情形发生过。",
    ]
    for index, line in enumerate(lines):
        paper.white(60, 80 + index * 24, 480, 24).text(96 if index == 0 else 72, 86 + index * 24, line)
    paper.white(60, 128, 480, 24).text(96, 134, "二、主动公开政府信息情况")
    paper.cell(60, 152, 480, 24, "第二十条第（五）项")
    paper.cell(60, 176, 240, 24, "信息内容").cell(300, 176, 240, 24, "本年处理决定数量")
    paper.cell(60, 200, 240, 24, "行政许可").cell(300, 200, 240, 24, "9487")
    [page] = pages(paper)
    first, second, table = page.blocks
    assert (first.text, second.text) == ("".join(lines), "二、主动公开政府信息情况")
    assert grid(table) == [
        (0, 0, 1, 2, "第二十条第（五）项"),
        (1, 0, 1, 1, "信息内容"),
        (1, 1, 1, 1, "本年处理决定数量"),
        (2, 0, 1, 1, "行政许可"),
        (2, 1, 1, 1, "9487"),
    ]
    assert table.cells[-1].place.box == pytest.approx((300, 200, 540, 224), abs=1.5)


def test_prose_in_a_visible_frame_above_a_table() -> None:
    paper = Paper()
    paper.cell(60, 80, 480, 30, "2022年，我局收到政府信息公开申请十二件，均已按期答复，没有行政复议，也没有行政诉讼；结转零件。")
    paper.cell(60, 110, 240, 20, "行政许可").cell(300, 110, 240, 20, "12")
    line, table = pages(paper)[0].blocks
    assert isinstance(line, Line)
    assert grid(table) == [(0, 0, 1, 1, "行政许可"), (0, 1, 1, 1, "12")]


def test_a_grid_without_lines_between_its_rows_is_text_whose_lines_are_the_rows() -> None:
    paper = Paper()
    rows = [("一、本年新收", "12", "3"), ("二、上年结转", "0", "305"), ("（一）予以公开", "7", "—")]
    for column, (x, width) in enumerate(((70, 200), (270, 60), (330, 60))):
        paper.cell(x, 100, width, 60, "\n".join(row[column] for row in rows))
    [page] = pages(paper)
    assert texts(page) == ["  ".join(row) for row in rows]
    assert len(page.blocks) == len(rows)


def test_headings_and_numbers_in_cells_of_their_own_columns_are_lines() -> None:
    paper = Paper()
    for column, text in enumerate(("结果维持", "结果纠正", "其他结果", "总计")):
        paper.cell(70 + 80 * column, 100, 80, 40, f"{text}\n{column}")
    [page] = pages(paper)
    assert texts(page) == ["结果维持  结果纠正  其他结果  总计", "0  1  2  3"]


def test_numbers_that_are_broken_over_lines_stay_in_their_cells() -> None:
    paper = Paper()
    for column, (x, text) in enumerate(((70, "行政许可"), (150, "256\n3"), (171, "981\n20"), (192, "7"))):
        paper.cell(x, 100, 80 if column == 0 else 21, 40, text)
    [page] = pages(paper)
    [table] = page.blocks
    assert [text for *_, text in grid(table)] == ["行政许可", "256\n3", "981\n20", "7"]


def broken_table(first_label: str, second_label: str, *, footer: str = "- {} -") -> Paper:
    """A table whose group label runs over a page break."""
    paper = Paper()
    paper.text(70, 690, "三、收到和处理政府信息公开申请情况")
    paper.cell(70, 710, 40, 60, "三\n、")
    paper.cell(110, 710, 160, 20, "（一）予以公开").cell(270, 710, 60, 20, "1").cell(330, 710, 60, 20, "1")
    for index in range(2):
        paper.cell(190, 730 + index * 20, 80, 20, f"{index + 1}.原因").cell(270, 730 + index * 20, 60, 20, "0").cell(
            330, 730 + index * 20, 60, 20, "7"
        )
    paper.cell(110, 730, 80, 40, first_label).text(280, 800, footer.format(1))
    paper.page()
    paper.cell(72, 60, 40, 40, "结果").cell(111, 60, 80, 20, second_label)
    paper.cell(191, 60, 80, 20, "3.原因").cell(271, 60, 60, 20, "2").cell(331, 60, 60, 20, "5")
    paper.cell(111, 80, 160, 20, "（七）总计").cell(271, 80, 60, 20, "3").cell(331, 80, 60, 20, "20")
    row(paper, 100, "四、结转", "0", "0", x=71)
    return paper.text(100, 140, "四、行政复议").text(280, 800, footer.format(2)).page()


@pytest.mark.parametrize(
    ("first", "second", "label"),
    [("（四）无", "法提供", "（四）无\n法提供"), ("（四）无法提供", "", "（四）无法提供")],
    ids=["split", "blank"],
)
def test_a_table_over_a_page_break_is_one(first: str, second: str, label: str) -> None:
    one, two = pages(broken_table(first, second))
    assert texts(one) == ["三、收到和处理政府信息公开申请情况"]
    assert texts(two) == ["四、行政复议"]
    table = one.blocks[1]
    assert grid(table) == [
        (0, 0, 5, 1, "三\n、\n结果"),
        (0, 1, 1, 2, "（一）予以公开"),
        (0, 3, 1, 1, "1"),
        (0, 4, 1, 1, "1"),
        (1, 1, 3, 1, label),
        (1, 2, 1, 1, "1.原因"),
        (1, 3, 1, 1, "0"),
        (1, 4, 1, 1, "7"),
        (2, 2, 1, 1, "2.原因"),
        (2, 3, 1, 1, "0"),
        (2, 4, 1, 1, "7"),
        (3, 2, 1, 1, "3.原因"),
        (3, 3, 1, 1, "2"),
        (3, 4, 1, 1, "5"),
        (4, 1, 1, 2, "（七）总计"),
        (4, 3, 1, 1, "3"),
        (4, 4, 1, 1, "20"),
        (5, 0, 1, 3, "四、结转"),
        (5, 3, 1, 1, "0"),
        (5, 4, 1, 1, "0"),
    ]
    assert [c.place.page for c in table.cells if c.text in ("1.原因", "3.原因", "四、结转")] == [1, 2, 2]


def test_a_group_that_begins_after_the_break_is_not_merged() -> None:
    table = pages(broken_table("（三）不予公开", "（四）无法提供"))[0].blocks[1]
    assert (1, 1, 2, 1, "（三）不予公开") in grid(table)
    assert (3, 1, 1, 1, "（四）无法提供") in grid(table)


def test_a_row_that_the_break_cuts_is_one_row() -> None:
    paper = Paper()
    row(paper, 720, "4.无正当理由", "0", "0")
    row(paper, 740, "5.要求行政机关确认或重", "", "")
    paper.page()
    row(paper, 60, "新出具已获取信息", "3", "3")
    row(paper, 80, "（六）其他处理", "1", "1")
    table = pages(paper.page())[0].blocks[0]
    assert [(c.row, c.text) for c in table.cells if c.column == 0] == [
        (0, "4.无正当理由"),
        (1, "5.要求行政机关确认或重\n新出具已获取信息"),
        (2, "（六）其他处理"),
    ]
    assert [(c.text, c.place.page) for c in table.cells if c.row == 1 and c.column] == [("3", 2), ("3", 2)]


@pytest.mark.parametrize(
    ("group", "label"),
    [
        (("（五", "）不予处理"), ("1.信", "访举报投诉类申请")),  # the break cuts the number of the group
        (("（五）不予处理", ""), ("1", ".信访举报投诉类申请")),
        (("", ""), ("行政规范", "性文件")),  # a label without a number is known as a whole alone
        (("", ""), ("其中：行政规范", "性文件")),
    ],
    ids=["group", "number", "known", "of which"],
)
def test_a_label_that_the_break_cuts_anywhere_is_one(group: tuple[str, str], label: tuple[str, str]) -> None:
    paper = Paper()
    paper.cell(70, 700, 260, 20, "0")  # a header may hold a number, left of all values
    for x, head in ((330, "自然人"), (390, "总计")):
        paper.cell(x, 700, 60, 20, head)
    paper.cell(70, 720, 40, 40, "三、").cell(110, 720, 220, 20, "（六）其他处理").cell(330, 720, 60, 20, "1").cell(
        390, 720, 60, 20, "1"
    )
    paper.cell(110, 740, 90, 20, group[0]).cell(200, 740, 130, 20, label[0]).cell(330, 740, 60, 20, "4").cell(
        390, 740, 60, 20, "5"
    )
    paper.page()
    paper.cell(70, 60, 40, 40, "结果").cell(110, 60, 90, 40, group[1]).cell(200, 60, 130, 20, label[1])
    paper.cell(330, 60, 60, 20, "").cell(390, 60, 60, 20, "")
    paper.cell(200, 80, 130, 20, "2.重复申请").cell(330, 80, 60, 20, "0").cell(390, 80, 60, 20, "0")
    table = pages(paper.page())[0].blocks[0]
    cut = ["".join(c.text.split()) for c in table.cells if c.row == 2 and c.column > 0]
    assert cut == ["".join(group), "".join(label), "4", "5"]
    assert [c.text for c in table.cells if c.row == 3] == ["2.重复申请", "0", "0"]


def test_a_group_whose_cell_is_open_where_a_page_ends_has_all_of_its_rows() -> None:
    """Browsers draw no line above and below the part of a cell that goes on over a page break; on a page that the cell fills
    its side touches no other line."""
    paper = Paper().text(72, 703, "三、结果", 10)
    paper.line(70, 700, 130, 700).line(70, 700, 70, 740)
    tops, number = (700, 60, 60), 0
    for page, top in enumerate(tops):
        for y in (top, top + 20):
            number += 1
            paper.cell(130, y, 100, 20, f"{number}.原因")
            paper.cell(230, y, 60, 20, str(number)).cell(290, y, 60, 20, "0").cell(350, y, 60, 20, "0")
        if page == 1:
            paper.line(70, 60, 70, 100)
        if page == 2:
            paper.line(70, 60, 70, 100).line(70, 100, 130, 100)
        paper.page()
    first, *others = pages(paper)
    assert [page.blocks for page in others] == [(), ()]
    (table,) = first.blocks
    assert [(c.row, c.row_span, c.text) for c in table.cells if c.column == 0] == [(0, 6, "三、结果")]
    assert [c.text for c in table.cells if c.column == 2] == ["1", "2", "3", "4", "5", "6"]


def test_groups_that_go_on_over_a_page_break_have_sides_where_none_is_drawn() -> None:
    """Firefox draws no side of a column of groups, nor of the labels behind it, where a group goes on from the page before."""
    paper = Paper().line(70, 60, 70, 240).line(70, 60, 270, 60).line(70, 240, 270, 240).text(104, 63, "结果", 10)
    paper.cell(270, 60, 60, 20, "自然人").cell(330, 60, 60, 20, "总计")
    labels = ["6.原因", "7.原因", "8.原因", "1.原因", "2.原因", "1.原因", "2.原因", "总计"]
    for number, label in enumerate(labels):
        y = 80 + 20 * number
        paper.text(134, y + 3, label, 10).cell(270, y, 60, 20, str(number)).cell(330, y, 60, 20, "0")
        paper.line(100 if number in (3, 5, 7) else 130, y, 270, y)
    paper.text(104, 143, "四", 10).text(104, 183, "五", 10)
    (table,) = pages(paper.page())[0].blocks
    assert [(c.row, c.text) for c in table.cells if c.column == 2] == [(n, label) for n, label in enumerate(labels[:-1], 1)]
    groups = [(c.row, c.row_span, c.text) for c in table.cells if c.column == 1]
    assert groups == [(1, 3, ""), (4, 2, "四"), (6, 2, "五"), (8, 1, "总计")]
    assert [c.text for c in table.cells if c.column == 3] == ["自然人", *"01234567"]


def test_a_row_without_cells_of_its_own_at_the_end_of_a_page_is_none() -> None:
    """Browsers draw a group to the foot of the page, beside which the next row had no room."""
    paper = Paper()
    paper.cell(70, 700, 60, 50, "（五）").cell(130, 700, 100, 30, "1.原因")
    paper.cell(230, 700, 60, 30, "3").cell(290, 700, 60, 30, "4")
    paper.cell(130, 730, 220, 20, "").page()
    paper.cell(70, 60, 60, 40, "").cell(130, 60, 100, 20, "2.原因").cell(230, 60, 60, 20, "5").cell(290, 60, 60, 20, "6")
    paper.cell(130, 80, 100, 20, "3.原因").cell(230, 80, 60, 20, "7").cell(290, 80, 60, 20, "8")
    table = pages(paper.page())[0].blocks[0]
    assert [(c.row, c.text) for c in table.cells if c.column == 1] == [(0, "1.原因"), (1, "2.原因"), (2, "3.原因")]
    assert [(c.row, c.row_span, c.text) for c in table.cells if c.column == 0] == [(0, 3, "（五）")]


@pytest.mark.parametrize("numbers", [("5", "6"), ("", "")], ids=["whole", "cut"])
def test_a_group_that_ends_inside_of_a_row_does_not_part_it(numbers: tuple[str, str]) -> None:
    """Browsers let a group that goes on over a page break end where its own text would."""
    paper = Paper()
    paper.cell(70, 60, 60, 30, "（五）").cell(70, 90, 60, 10, "")
    paper.cell(130, 60, 100, 20, "1.原因").cell(230, 60, 60, 20, "3").cell(290, 60, 60, 20, "4")
    paper.cell(130, 80, 100, 20, "2.原因").cell(230, 80, 60, 20, numbers[0]).cell(290, 80, 60, 20, numbers[1])
    paper.cell(70, 100, 160, 20, "（六）其他处理").cell(230, 100, 60, 20, "7").cell(290, 100, 60, 20, "8")
    table = pages(paper.page())[0].blocks[0]
    assert [(c.row, c.row_span, c.text) for c in table.cells if c.column == 0] == [(0, 2, "（五）"), (2, 1, "（六）其他处理")]
    assert [(c.row, c.row_span, c.text) for c in table.cells if c.column == 2] == [
        (0, 1, "3"),
        (1, 1, numbers[0]),
        (2, 1, "7"),
    ]


@pytest.mark.parametrize("text", ["", "0.原因"], ids=["lines", "text"])
def test_lines_beyond_the_page_are_not_on_it_where_no_text_is(text: str) -> None:
    """Some programs draw a whole table on each of its pages, of which only a part is seen."""
    paper = Paper()
    paper.cell(70, -60, 100, 20, text).cell(170, -60, 60, 20, "").cell(230, -60, 60, 20, "")
    paper.cell(70, -40, 100, 60, "").cell(170, -40, 60, 60, "").cell(230, -40, 60, 60, "")
    paper.cell(70, 20, 100, 20, "2.原因").cell(170, 20, 60, 20, "5").cell(230, 20, 60, 20, "6").text(74, 5, "1.原因", 10)
    table = pages(paper.page())[0].blocks[0]
    assert [c.text for c in table.cells if c.column == 0][-2:] == ["1.原因", "2.原因"]
    assert table.rows == (3 if text else 2)


@pytest.mark.parametrize("title", ["", "续表", "7"], ids=["margin", "text in it", "number in it"])
def test_lines_from_beyond_the_page_end_in_its_margin_where_the_others_do(title: str) -> None:
    """The sides of a table come from beyond the page, the lines of its first row do not."""
    paper = Paper()
    paper.cell(70, 40, 100, 20, "2.原因").cell(170, 40, 60, 20, "5").cell(230, 40, 60, 20, "6")
    paper.line(70, -80, 70, 40).line(290, -80, 290, 40).line(170, 15, 170, 40).line(230, 15, 230, 40)
    paper.text(74, 22, "1.原因", 10).text(174, 22, "3", 10).text(234, 22, "4", 10).text(74, 2, title, 8)
    table = pages(paper.page())[0].blocks[-1]
    assert [cell.text for cell in table.cells][-3:] == ["2.原因", "5", "6"]
    assert title == "7" or [cell.text for cell in table.cells][:3] == ["1.原因", "3", "4"]
    assert {"1.原因", "3", "4"} <= set("\n".join(cell.text for cell in table.cells).split())


def test_a_row_of_which_some_cells_go_over_the_break_is_one_row() -> None:
    """Programs that lay out pages move each line of a cell by itself: a number with a raised mark is higher than the others."""
    paper = Paper()
    row(paper, 720, "4.无正当理由", "0", "0", "0")
    row(paper, 740, "5.要求确认", "", "1", "")
    paper.page()
    row(paper, 60, "", "3*", "", "4*")
    row(paper, 80, "（六）其他处理", "1", "1", "2")
    table = pages(paper.page())[0].blocks[0]
    assert [(c.column, c.text, c.place.page) for c in table.cells if c.row == 1] == [
        (0, "5.要求确认", 1),
        (1, "3*", 2),
        (2, "1", 1),
        (3, "4*", 2),
    ]
    assert [c.text for c in table.cells if c.row == 2] == ["（六）其他处理", "1", "1", "2"]


@pytest.mark.parametrize("below", [("0", "", "3*", ""), ("0", "2", "3", "1")], ids=["some", "all"])
def test_a_row_without_label_of_which_cells_go_over_the_break_is_one_row(below: tuple[str, ...]) -> None:
    paper = Paper()
    above = ["" if text else value for text, value in zip(below, ("7", "8", "9", "6"), strict=True)]
    paper.cell(70, 720, 240, 20, "行政复议")
    for index, (head, value) in enumerate(zip(("结果维持", "结果纠正", "其他结果", "总计"), above, strict=True)):
        paper.cell(70 + index * 60, 740, 60, 20, head).cell(70 + index * 60, 760, 60, 20, value)
    paper.page()
    for index, value in enumerate(below):
        paper.cell(70 + index * 60, 60, 60, 20, value)
    table = pages(paper.page())[0].blocks[0]
    joined = [one or other for one, other in zip(above, below, strict=True)]
    assert [c.text for c in table.cells if c.row == 2] == joined
    assert table.rows == 3


def test_two_rows_with_numbers_in_one_column_stay_two() -> None:
    paper = Paper()
    row(paper, 740, "5.要求确认", "", "1", "0")
    paper.page()
    row(paper, 60, "", "3", "", "4*")
    table = pages(paper.page())[0].blocks[0]
    assert table.rows == 2


def test_a_printed_again_header_is_left_out() -> None:
    paper = Paper()
    row(paper, 700, "信息内容", "本年制发", "本年废止")
    row(paper, 720, "规章", "0", "1")
    paper.page()
    row(paper, 60, "信息内容", "本年制发", "本年废止")
    row(paper, 80, "行政规范性文件", "2", "3")
    table = pages(paper.page())[0].blocks[0]
    assert [c.text for c in table.cells] == ["信息内容", "本年制发", "本年废止", "规章", "0", "1", "行政规范性文件", "2", "3"]


def test_a_table_over_three_pages() -> None:
    paper = Paper()
    for number in range(3):
        row(paper, 60, f"{number + 1}.原因", str(number), "0")
        paper.text(290, 810, f"第{number + 1}页 共3页").page()
    one, two, three = pages(paper)
    assert [c.text for c in one.blocks[0].cells] == ["1.原因", "0", "0", "2.原因", "1", "0", "3.原因", "2", "0"]
    assert (two.blocks, three.blocks) == ((), ())


def test_two_tables_with_other_columns_are_two() -> None:
    paper = Paper()
    row(paper, 720, "规章", "0", "1")
    paper.page().cell(70, 60, 100, 20, "维持").cell(170, 60, 220, 20, "3").page()
    one, two = pages(paper)
    assert (len(one.blocks), len(two.blocks)) == (1, 1)


def test_an_open_table_keeps_its_outer_columns() -> None:
    paper = Paper()
    for index, (label, value, other) in enumerate(
        [("信息内容", "本年制发", "本年废止"), ("规章", "0", "1"), ("行政规范性文件", "2", "3")]
    ):
        y = 100 + index * 20
        paper.text(74, y + 4, label, 10).text(204, y + 4, value, 10).text(304, y + 4, other, 10)
    for index in range(4):
        paper.canvas.line(70, HEIGHT - 100 - index * 20, 400, HEIGHT - 100 - index * 20)
    for x in (200, 300):
        paper.canvas.line(x, HEIGHT - 100, x, HEIGHT - 160)
    [table] = pages(paper)[0].blocks
    assert [c.text for c in table.cells] == ["信息内容", "本年制发", "本年废止", "规章", "0", "1", "行政规范性文件", "2", "3"]


def test_tables_without_rulings_stay_rows_of_text() -> None:
    paper = Paper().text(70, 60, "二、主动公开政府信息情况")
    for index, values in enumerate(
        [("信息内容", "本年制发件数", "本年废止件数"), ("规章", "0", "0"), ("行政规范性文件", "3", "8")]
    ):
        for x, value in zip((70, 250, 400), values, strict=True):
            paper.text(x, 90 + index * 20, value)
    assert texts(pages(paper)[0]) == [
        "二、主动公开政府信息情况",
        "信息内容  本年制发件数  本年废止件数",
        "规章  0  0",
        "行政规范性文件  3  8",
    ]


def test_paragraphs_are_joined_and_headings_are_not() -> None:
    body = "政府信息公开工作坚持以公开为常态不公开为例外的原则全面推进决策执"
    paper = Paper().text(200, 60, "年度报告", 22)
    for index, (x, line) in enumerate(
        [(94, "一、总体情况"), (94, body[:-2]), (70, body), (70, "到此为止。"), (94, "1.另起一段。"), (94, body[:-2])]
    ):
        paper.text(x, 100 + index * 20, line, 12)
    paper.text(290, 810, "1").page().text(70, 60, "跨页的后半句。", 12).text(94, 80, "（二）次段", 12).text(290, 810, "2").page()
    one, two = pages(paper)
    assert texts(one) == [
        "年度报告",
        "一、总体情况",
        body[:-2] + body + "到此为止。",
        "1.另起一段。",
        body[:-2] + "跨页的后半句。",
    ]
    assert texts(two) == ["（二）次段"]
    assert one.blocks[-1].place.page == 1


def test_running_heads_go() -> None:
    paper = Paper()
    for number in range(4):
        paper.text(70, 30, "某某局2022年年度报告").text(70, 200, f"第{number}段的正文。").text(290, 815, f"{number + 1}/4").page()
    assert [texts(page) for page in pages(paper)] == [[f"第{number}段的正文。"] for number in range(4)]


def test_characters_printed_twice_to_look_bold_count_once() -> None:
    paper = Paper().text(70, 100, "规章规章").text(70.4, 100, "规章规章")
    assert texts(pages(paper)[0]) == ["规章规章"]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotated_pages_are_read_as_they_are_shown(rotation: int) -> None:
    paper = Paper()
    canvas = paper.canvas
    canvas.setPageRotation(rotation)
    if rotation:  # what is drawn stands upright when the page is shown
        canvas.translate(*{90: (HEIGHT, 0), 180: (595, HEIGHT), 270: (0, 595)}[rotation])
        canvas.rotate({90: 90, 180: 180, 270: -90}[rotation])
    paper.text(70, 300, "二、主动公开")
    row(paper, 320, "规章", "0", "1")
    line, table = pages(paper)[0].blocks
    assert line.text == "二、主动公开"
    assert [(c.row, c.column, c.text) for c in table.cells] == [(0, 0, "规章"), (0, 1, "0"), (0, 2, "1")]
    assert table.place.box == pytest.approx((70, 320, 390, 340), abs=1)


def test_forms_and_watermarks() -> None:
    paper = Paper()
    canvas = paper.canvas
    canvas.setCropBox((50, 50, 545, 792))
    canvas.beginForm("inner")
    row(paper, 100, "行政许可", "12", "3")
    canvas.endForm()
    canvas.translate(20, 30)
    canvas.scale(0.5, 0.5)
    canvas.doForm("inner")
    canvas.rotate(45)
    paper.text(300, 800, "样本水印", 60)
    found = extract(paper.saved(), "application/pdf")
    [table] = found.pages[0].blocks
    assert [c.text for c in table.cells] == ["行政许可", "12", "3"]
    assert table.place.box == pytest.approx((20 + 35 - 50, 792 - 30 - 371, 20 + 195 - 50, 792 - 30 - 361), abs=1)
    assert found.notes == ("page 1: 4 slanted characters left out",)


def test_pages_are_classed() -> None:
    paper = Paper().text(70, 100, "一、总体情况：本年度主动公开政府信息").page()
    paper.picture(0, 0, 595, 842).page()
    paper.text(70, 100, "一、总体情况：本年度主动公开政府信息").picture(70, 200, 400, 300).page()
    paper.text(70, 100, "一、总体情况：本年度主动公开政府信息").picture(400, 600, 110, 110).page()
    found = pages(paper)
    assert [page.kind for page in found] == [PageKind.TEXT, PageKind.PICTURE, PageKind.MIXED, PageKind.TEXT]
    assert found[1].blocks == ()
    assert [page.reason for page in found] == [
        "18 characters, no picture",
        "0 characters, pictures cover 100%",
        "18 characters, pictures cover 24%",
        "18 characters, pictures cover 2%",
    ]
    assert (found[0].width, found[0].height) == (595, 842)


def test_reasons() -> None:
    text = "政府信息公开工作年度报告总体情况主动公开" * 3
    assert classify(text, 0.0, 10, False)[0] is PageKind.TEXT
    assert classify(text, 0.9, 10, True) == (
        PageKind.PICTURE,
        "60 characters that are not seen, pictures cover 90%: a scan with a text layer",
    )
    assert classify("\ue001\ue002" * 20 + text, 0.0, 10, False)[0] is PageKind.PICTURE
    assert classify("薢攪訧陓昵" * 10, 0.0, 10, False)[0] is PageKind.PICTURE
    assert classify("", 0.0, 5000, False) == (PageKind.PICTURE, "0 characters, 5000 drawn shapes: text as outlines")
    assert classify("", 0.0, 0, False)[0] is PageKind.TEXT


def test_a_text_layer_that_nobody_sees_is_not_read() -> None:
    def said(paper: Paper, mode: int = 0) -> Paper:
        text = paper.canvas.beginText(70, HEIGHT - 120)
        text.setFont(FONT, 12)
        text.setTextRenderMode(mode)
        for line in ("一、总体情况：本年度主动公开政府信息12条", "二、主动公开政府信息情况", "三、收到和处理申请情况"):
            text.textLine(line)
        paper.canvas.drawText(text)
        return paper

    whole = (0, 0, 595, HEIGHT)
    paper = said(Paper().picture(*whole), 3).page()  # a scanner's own recognition
    said(paper).picture(*whole).page()  # covered by the scan
    said(paper.picture(*whole)).page()  # a background
    said(paper).picture(300, 500, 220, 220).page()
    said(paper.picture(*whole), 3).text(280, 810, "3").page()  # with a page number that is seen
    found = pages(paper)
    picture, mixed = PageKind.PICTURE, PageKind.MIXED
    assert [page.kind for page in found] == [picture, picture, mixed, mixed, picture]
    assert [bool(page.blocks) for page in found] == [False, False, True, True, False]
    assert "not seen" in found[0].reason


def test_a_picture_that_lets_text_shine_through_hides_none() -> None:
    paper = Paper().text(70, 100, "一、总体情况：本年度主动公开政府信息")
    stamp = Image.new("RGBA", (40, 40), (255, 0, 0, 30))
    paper.canvas.drawImage(ImageReader(stamp), 0, 0, 595, HEIGHT, mask="auto")
    (page,) = pages(paper.page())
    assert page.kind is PageKind.MIXED
    assert page.blocks


def test_large_pictures_beside_text_are_to_be_read() -> None:
    paper = Paper().text(70, 100, "一、总体情况：本年度主动公开政府信息").picture(70, 200, 400, 300).page()
    paper.text(70, 100, "一、总体情况：本年度主动公开政府信息").picture(70, 200, 450, 400).page()
    paper.text(70, 100, "一、总体情况：本年度主动公开政府信息")
    for strip in range(20):
        paper.picture(70, 200 + strip * 20, 450, 20)
    found = pages(paper.page())
    assert [page.pictures for page in found] == [((70, 200, 470, 500),), ((70, 200, 520, 600),), ((70, 200, 520, 600),)]


def simple(**options) -> bytes:
    return Paper(**options).text(70, 100, "一、总体情况").page().text(70, 100, "二、主动公开").page().saved()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file.empty"),
        (random.Random(1).randbytes(20_000), "file.corrupt"),
        (b"%PDF-1.7\n" + random.Random(1).randbytes(20_000), "file.corrupt"),
        (b"%PDF-1.7\n" + random.Random(1).randbytes(20_000) + b"%%EOF", "file.corrupt"),
        (simple()[:-300], "file.corrupt"),
        (simple()[: len(simple()) // 2], "file.corrupt"),
        (simple(encrypt="secret"), "file.encrypted"),
    ],
    ids=["empty", "random", "random behind a header", "random in a frame", "no end", "half", "encrypted"],
)
def test_what_cannot_be_read(data: bytes, code: str) -> None:
    with pytest.raises(GongkaiError) as caught:
        pages(data)
    assert caught.value.code == code


def test_a_number_too_wide_for_its_cell_stays_whole() -> None:
    paper = Paper().cell(70, 100, 100, 20, "行政事业性收费").cell(170, 100, 30, 20, "").cell(200, 100, 30, 20, "7")
    paper.canvas.setFont("Helvetica", 10)
    paper.canvas.drawString(164, HEIGHT - 114, "14319.91")
    [table] = pages(paper)[0].blocks
    assert [c.text for c in table.cells] == ["行政事业性收费", "14319.91", "7"]


def test_numbers_of_neighbouring_cells_stay_apart() -> None:
    paper = Paper().cell(70, 100, 60, 20, "规章").cell(130, 100, 24, 20, "1000").cell(154, 100, 24, 20, "2000")
    [table] = pages(paper)[0].blocks
    assert [c.text for c in table.cells] == ["规章", "1000", "2000"]


def test_damaged_streams_are_told() -> None:
    plain = zlib.compress(b"BT ET " * 50)
    good = b"1 0 obj <</Length %d /Filter /FlateDecode>>\nstream\n" % len(plain) + plain + b"\nendstream"
    assert damaged_streams(good) == (0, 1)
    assert damaged_streams(good.replace(plain[-4:], b"abcd")) == (1, 1)
    assert damaged_streams(good.replace(b"/Filter /FlateDecode", b"/Filter [/ASCII85Decode /FlateDecode]")) == (0, 0)
    assert damaged_streams(b"") == (0, 0)


@pytest.mark.parametrize("font", ["Helvetica", "Times-Roman", FONT])
@pytest.mark.parametrize(("size", "rise"), [(5, 4), (6.5, 3.4), (7, 5), (8, 3)])
def test_small_raised_digits_are_no_digits_of_the_number_before(font: str, size: float, rise: float) -> None:
    paper = Paper().cell(70, 100, 100, 20, "行政许可").cell(170, 100, 60, 20, "").cell(230, 100, 60, 20, "86")
    x = 175.0
    for text, high, up in (("323", 10, 0), ("12", size, rise), ("件", 10, 0)):
        used = FONT if text == "件" else font
        paper.canvas.setFont(used, high)
        paper.canvas.drawString(x, HEIGHT - 114 + up, text)
        x += pdfmetrics.stringWidth(text, used, high)
    [table] = pages(paper)[0].blocks
    assert [cell.text for cell in table.cells] == ["行政许可", "323¹²件", "86"]


@pytest.mark.parametrize(("size", "rise"), [(10, 0), (10, 3), (7, 0), (9, 1)])
def test_digits_of_the_same_size_or_on_the_line_are_digits(size: float, rise: float) -> None:
    paper = Paper().cell(70, 100, 100, 20, "行政许可").cell(170, 100, 60, 20, "")
    paper.canvas.setFont("Helvetica", 10)
    paper.canvas.drawString(175, HEIGHT - 114, "32")
    paper.canvas.setFont("Helvetica", size)
    paper.canvas.drawString(175 + pdfmetrics.stringWidth("32", "Helvetica", 10), HEIGHT - 114 + rise, "1")
    [table] = pages(paper)[0].blocks
    assert table.cells[1].text == "321"


def test_raised_digits_of_neighbouring_cells_stay_in_their_own() -> None:
    paper = Paper().text(70, 60, "2023", 22).cell(70, 100, 40, 20, "12").cell(110, 100, 40, 20, "").cell(150, 100, 40, 20, "4")
    paper.canvas.setFont("Helvetica", 6)
    paper.canvas.drawString(112, HEIGHT - 107, "34")
    table = pages(paper)[0].blocks[1]
    assert [cell.text for cell in table.cells] == ["12", "34", "4"]


def stream(content: bytes, entries: bytes = b"", length: int | None = None) -> bytes:
    """A compressed stream object whose data are ``content``."""
    head = b"7 0 obj <</Length %d /Filter /FlateDecode %s>>\nstream\n"
    return head % (len(content) if length is None else length, entries) + content + b"\nendstream endobj"


PACKED = zlib.compress(b" ".join(b"BT %d Tj ET" % (number**3) for number in range(80)))


@pytest.mark.parametrize("tail", [PACKED[-4:], bytes(4), b"", PACKED[-4:-3], PACKED[-4:-2] + bytes(2), bytes(1)])
def test_a_checksum_that_was_not_written_in_whole_is_no_damage(tail: bytes) -> None:
    assert damaged_streams(stream(PACKED[:-4] + tail)) == (0, 1)
    assert damaged_streams(stream(PACKED[:-4] + tail).replace(b"\nends", b"\r\nends")) == (0, 1)


@pytest.mark.parametrize("tail", [b"abcd", PACKED[-3:], b"\1" + bytes(3), PACKED[-4:-1] + b"\1", bytes(5)])
def test_another_checksum_is_damage(tail: bytes) -> None:
    assert damaged_streams(stream(PACKED[:-4] + tail)) == (1, 1)


def test_data_that_end_too_early_or_are_changed_are_damage_whatever_the_checksum() -> None:
    for cut in (5, 10, len(PACKED) // 2, len(PACKED) - 10):
        zeros = PACKED[:cut] + bytes(len(PACKED) - cut)
        for content in (zeros, PACKED[:cut], PACKED[:cut] + bytes(4)):
            assert damaged_streams(stream(content, length=len(PACKED))) == (1, 1)
    assert damaged_streams(stream(b"\x79" + PACKED[1:])) == (1, 1)


def test_a_length_that_stands_elsewhere() -> None:
    for length, damaged in ((len(PACKED), 0), (len(PACKED) + 9, 1)):
        apart = (
            stream(PACKED[:-4] + bytes(4)).replace(b"/Length %d" % len(PACKED), b"/Length 8 0 R")
            + b"\n8 0 obj %d endobj" % length
        )
        assert damaged_streams(apart) == (damaged, 1)


def test_a_stream_of_no_bytes_is_whole_when_its_dictionary_says_so() -> None:
    assert damaged_streams(stream(b"")) == (0, 1)
    assert damaged_streams(stream(b"", length=120)) == (1, 1)


def test_damage_where_no_number_comes_from_is_passed_over() -> None:
    broken = PACKED[:20] + b"\xff\xff" + PACKED[22:]
    for entries in (b"/Type /Metadata /Subtype /XML", b"/Type/EmbeddedFile", b"/N 3 /Alternate /DeviceRGB"):
        assert damaged_streams(stream(broken, entries)) == (0, 0)
    for entries in (b"/Type /ObjStm /N 3 /First 20", b"/First 20 /N 3 /Type /ObjStm", b"/Type /XObject /Metadata 3 0 R"):
        assert damaged_streams(stream(broken, entries)) == (1, 1)


def test_a_page_without_checksums_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportlab.rl_config.useA85", 0)
    whole = Paper(pageCompression=1).text(70, 100, "一、总体情况").text(70, 130, "二、主动公开").saved()
    at = whole.index(b"stream\n") + 7 + int(re.search(rb"/Length (\d+)", whole)[1])
    assert damaged_streams(whole) == (0, 1)
    for tail in (bytes(4), whole[at - 4 : at - 2] + bytes(2)):
        assert [texts(page) for page in pages(whole[: at - 4] + tail + whole[at:])] == [texts(page) for page in pages(whole)]


def test_a_damaged_part_is_an_error_not_a_shorter_report(corpus) -> None:
    data = bytearray((corpus / "documents" / "hongze-2024.pdf").read_bytes())
    data[data.index(b"stream", len(data) // 3) + 500] ^= 0x10
    with pytest.raises(GongkaiError) as caught:
        pages(bytes(data))
    assert caught.value.code == "file.corrupt"


def test_a_damaged_table_of_objects_is_noted() -> None:
    data = simple()
    found = extract(data.replace(b"startxref\n", b"startxref\n9"), "application/pdf")
    assert [texts(page) for page in found.pages] == [["一、总体情况"], ["二、主动公开"]]
    assert found.notes[0].startswith("pdf: ")
    assert extract(data, "application/pdf").notes == ()


def test_limits() -> None:
    for limits, code in (
        (ExtractionLimits(max_pages=1), "file.too_large"),
        (ExtractionLimits(max_page_objects=3), "page.too_large"),
    ):
        with pytest.raises(GongkaiError) as caught:
            pages(simple(), limits)
        assert caught.value.code == code


def test_a_file_that_only_restricts_printing_is_read() -> None:
    data = simple(encrypt=StandardEncryption("", ownerPassword="owner", strength=128))
    assert [texts(page) for page in pages(data)] == [["一、总体情况"], ["二、主动公开"]]


def test_pictures_wait_for_ocr() -> None:
    target = BytesIO()
    frames = [Image.new("L", (30, 20)), Image.new("L", (40, 20))]
    frames[0].save(target, "TIFF", save_all=True, append_images=frames[1:])
    found = extract(target.getvalue(), "image/tiff").pages
    assert [(page.number, page.kind, page.width) for page in found] == [(1, PageKind.PICTURE, 30.0), (2, PageKind.PICTURE, 40.0)]
    for data, limits, code in (
        (target.getvalue(), ExtractionLimits(max_pages=1), "file.too_large"),
        (target.getvalue(), ExtractionLimits(max_pixels=100), "page.too_large"),
        (target.getvalue()[:8], ExtractionLimits(), "file.corrupt"),
        (b"x" * 100, ExtractionLimits(), "file.corrupt"),
    ):
        with pytest.raises(GongkaiError) as caught:
            extract(data, "image/tiff", limits)
        assert caught.value.code == code


@pytest.fixture(scope="module")
def real(corpus):
    return pages((corpus / "documents" / "hongze-2024.pdf").read_bytes())


@pytest.fixture(scope="module")
def truth(corpus) -> dict[str, float]:
    return json.loads((corpus / "truth" / "hongze-2024.json").read_text(encoding="utf-8"))["indicators"]


def tables(found) -> list[Table]:
    return [block for page in found for block in page.blocks if isinstance(block, Table)]


def test_the_real_report_has_three_tables(real) -> None:
    assert [(t.rows, t.columns, t.place.page) for t in tables(real)] == [(14, 4, 2), (26, 10, 3), (4, 15, 4)]
    for table in tables(real):
        area = [
            (r, c)
            for x in table.cells
            for r in range(x.row, x.row + x.row_span)
            for c in range(x.column, x.column + x.column_span)
        ]
        assert sorted(area) == [(r, c) for r in range(table.rows) for c in range(table.columns)]  # no hole, no overlap


def test_the_real_disclosure_table(real) -> None:
    assert [(row, text) for row, _, _, width, text in grid(tables(real)[0]) if width == 4] == [
        (0, "第二十条第（一）项"),
        (4, "第二十条第（五）项"),
        (7, "第二十条第（六）项"),
        (11, "第二十条第（八）项"),
    ]
    values = {c.row: c.text for c in tables(real)[0].cells if c.column == 1 and c.column_span == 3 and c.text.isdecimal()}
    assert values == {6: "9487", 9: "2776", 10: "84", 13: "7545"}


def test_the_real_requests_table_is_whole(real, truth) -> None:
    table = tables(real)[1]
    columns = ["natural_person", "business", "research", "public_welfare", "legal_service", "other_org", "total"]
    order = list(dict.fromkeys(key.rpartition(".")[0] for key in truth if key.startswith("requests.")))
    read = {c.row: {} for c in table.cells}
    for c in table.cells:
        read[c.row][c.column] = c.text
    got = [[int(read[row][column]) for column in range(3, 10)] for row in range(3, 26)]
    assert got == [[truth[f"{name}.{column}"] for column in columns] for name in order]
    spans = {c.text.replace("\n", ""): (c.row, c.row_span, c.place.page) for c in table.cells if c.row_span > 1}
    assert spans["三、本年度办理结果"] == (5, 20, 3)
    assert spans["（四）无法提供"] == (15, 3, 3)
    assert spans["（五）不予处理"] == (18, 5, 4)


def test_the_real_review_table(real, truth) -> None:
    order = [value for key, value in truth.items() if key.startswith("review.")]
    table = tables(real)[2]
    assert [int(c.text) for c in table.cells if c.row == 3] == order


def test_the_real_file_is_whole(corpus) -> None:
    data = (corpus / "documents" / "hongze-2024.pdf").read_bytes()
    damaged, streams = damaged_streams(data)
    assert damaged == 0
    assert streams > 10
    assert extract(data, "application/pdf").notes == ()


def test_the_real_prose(real) -> None:
    lines = [line for page in real for line in texts(page)]
    assert lines[:2] == ["淮安市洪泽区人民政府", "2024年政府信息公开工作年度报告"]
    assert len(lines) == 18
    assert not any(line.strip("- ").isdecimal() for line in lines)
    assert any("使各行政机关" in line for line in lines)  # over the break of pages 4 and 5
    assert all(line.endswith("。") for line in lines if len(line) > 40)
