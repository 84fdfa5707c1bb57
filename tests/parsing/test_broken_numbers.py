"""Numbers whose last digits stand on the next line, in the next row of a grid, or on the next page: never read in part."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from codebook.records import Cell, Hints, Line, Page, PageKind, Place, Reader, Reading, State, Table
from tasks.extraction.joining import join_pages
from tasks.flow import read_document
from tasks.parsing.tables.read_tables import read_tables

HEADER = ["", "自然人", "商业企业", "科研机构", "社会公益组织", "法律服务机构", "其他", "总计"]
SIDES = [50, 250, 290, 330, 370, 410, 450, 490, 530]
RECEIVED, GRANTED = "requests.new_received", "requests.granted"


def rows() -> list[list[str]]:
    """Rows of table three: label, six kinds of applicants, total."""
    numbers = {
        "一、本年新收政府信息公开申请数量": (4817, 21),
        "二、上年结转政府信息公开申请数量": (9, 0),
        "（一）予以公开": (4720, 20),
        "（二）部分公开": (31, 0),
        "（七）总计": (4751, 20),
        "四、结转下年度继续办理": (75, 1),
    }
    return [[label, str(one), str(two), *"0000", str(one + two)] for label, (one, two) in numbers.items()]


def table(page: int, cells: list[list[str]], top: float, sides: Sequence[float] = SIDES) -> Table:
    made = [
        Cell(r, c, text, Place(page, (sides[c], top + 20 * r, sides[c + 1], top + 20 * r + 20)))
        for r, row in enumerate(cells)
        for c, text in enumerate(row)
    ]
    return Table(tuple(made), len(cells), len(sides) - 1, Place(page, (sides[0], top, sides[-1], top + 20 * len(cells))))


def read(*pages: Page) -> dict[str, Reading]:
    return {reading.indicator: reading for reading in read_tables(join_pages(pages)).readings}


def page(number: int, block: Table) -> Page:
    return Page(number, PageKind.TEXT, "", Reader.PDF, (block,), 595, 842)


def in_two(row: list[str]) -> tuple[list[str], list[str]]:
    """A row whose numbers of four digits are broken behind the third."""
    long = [len(text) == 4 and text.isdecimal() for text in row]
    upper = [text[:3] if cut else text for text, cut in zip(row, long, strict=True)]
    return upper, [text[3:] if cut else "" for text, cut in zip(row, long, strict=True)]


@pytest.mark.parametrize("at", [0, 2])
def test_a_page_break_in_a_number(at: int) -> None:
    body = rows()
    upper, lower = in_two(body[at])
    found = read(page(1, table(1, [HEADER, *body[:at], upper], 700)), page(2, table(2, [lower, *body[at + 1 :]], 60)))
    name = RECEIVED if at == 0 else GRANTED
    broken = {key: r for key, r in found.items() if r.doubt == "broken"}
    assert broken.keys() == {f"{name}.natural_person", f"{name}.total"}
    for reading in broken.values():
        assert (reading.state, reading.value) == (State.DOUBTFUL, None)
    assert [r.candidates for r in broken.values()] == [(int(body[at][1]),), (int(body[at][7]),)]
    assert found[f"{name}.business"].value == int(body[at][2])
    assert found["requests.partially_granted.total"].value == 31


def test_a_row_of_a_grid_that_goes_on_in_the_next() -> None:
    upper, lower = in_two(rows()[0])
    found = read(page(1, table(1, [HEADER, upper, lower, *rows()[1:]], 60)))
    broken = {key: r.candidates for key, r in found.items() if r.state is State.DOUBTFUL and r.raw}
    assert broken == {f"{RECEIVED}.natural_person": (4817,), f"{RECEIVED}.total": (4838,)}


@pytest.mark.parametrize("separator", [" ", " | ", "\t"])
@pytest.mark.parametrize("places", [(1,), (7,), (1, 7)])
def test_digits_on_a_line_of_their_own(separator: str, places: tuple[int, ...]) -> None:
    lines = [separator.join(HEADER[1:])]
    for number, row in enumerate(rows()):
        upper = [text[:3] if number == 0 and at in places else text for at, text in enumerate(row)]
        lines.append(separator.join(upper))
        if number == 0:
            lines.append(separator.join(row[at][3:] for at in places))
    blocks = tuple(Line(text, Place(1, None, number, 1)) for number, text in enumerate(lines, 1))
    found = read(Page(1, PageKind.TEXT, "", Reader.TXT, blocks))
    for at, key in ((1, "natural_person"), (7, "total")):
        reading = found[f"{RECEIVED}.{key}"]
        assert reading.state is State.DOUBTFUL
        assert int(rows()[0][at]) in reading.candidates
    assert {found[f"requests.carried_over.{key}"].value for key in ("natural_person", "total")} == {9}


def test_the_sums_join_a_number_and_nothing_else_does() -> None:
    """Web page: the cells of the first row are two paragraphs; those of table two have no sums."""
    body = "".join(
        "<tr>"
        + "".join(f"<td>{text[:3]}<p>{text[3:]}</p></td>" if len(text) == 4 else f"<td>{text}</td>" for text in row)
        + "</tr>"
        for row in [HEADER, *rows()]
    )
    licences = "<tr><td>信息内容</td><td>本年处理决定数量</td></tr><tr><td>行政许可</td><td>125<br>7</td></tr>"
    title = "示例县2023年政府信息公开工作年度报告"
    html = f"<h1>{title}</h1><p>二、主动公开</p><table>{licences}</table><p>三、收到和处理</p><table>{body}</table>"
    verdict = read_document(html.encode(), "text/html", Hints(path="a.html"))
    found = {r.indicator: r for r in verdict.report.readings}
    assert (found[f"{RECEIVED}.total"].value, found[f"{RECEIVED}.total"].state) == (4838, State.PROVEN)
    assert (found[f"{GRANTED}.natural_person"].value, found[f"{GRANTED}.natural_person"].state) == (4720, State.PROVEN)
    licences_read = found["disclosure.licensing.decisions"]
    assert (licences_read.state, licences_read.value, licences_read.candidates) == (State.DOUBTFUL, None, (1257,))


@pytest.mark.parametrize("stray", [["5"], ["", "5"]], ids=["under the surplus value", "behind it"])
def test_digits_under_a_row_with_a_value_too_many(stray: list[str]) -> None:
    """Eight equal values in seven columns: what stands below the eighth belongs to none of the row's numbers."""
    body = rows()
    wide = [*SIDES, 570, 610]
    surplus = [body[3][0], *"00000000"]
    printed = [HEADER, *body[:3], surplus, [""] * 8 + stray, *body[4:]]
    cells = [
        Cell(r, c, text, Place(1, (wide[c], 60 + 20 * r, wide[c + 1], 80 + 20 * r)))
        for r, row in enumerate(printed)
        for c, text in enumerate(row + [""] * (10 - len(row)))
    ]
    found = read(page(1, Table(tuple(cells), len(printed), 10, Place(1, (50, 60, 610, 60 + 20 * len(printed))))))
    assert found[f"{GRANTED}.total"].value == 4740


@pytest.mark.parametrize("again", ["0000000", "4"], ids=["of zeros", "with another total"])
@pytest.mark.parametrize("as_grid", [True, False], ids=["grid", "text"])
def test_a_row_that_is_printed_twice(again: str, *, as_grid: bool) -> None:
    """Neither of two rows with one label is lost: where they disagree, the cell is a doubt with both numbers."""
    body = rows()
    first = body[2]
    second = [first[0], *again] if len(again) == 7 else [*first[:7], again]
    printed = [HEADER, *body[:3], second, *body[3:]]
    if as_grid:
        found = read(page(1, table(1, printed, 60)))
    else:
        lines = tuple(Line(" ".join(row).strip(), Place(1, line=n)) for n, row in enumerate(printed, 1))
        found = read(Page(1, PageKind.TEXT, "", Reader.TXT, lines))
    total = found[f"{GRANTED}.total"]
    assert (total.state, total.doubt, total.candidates) == (State.DOUBTFUL, "twice", (4740, int(again[-1])))


@pytest.mark.parametrize(
    ("cell", "candidates"),
    [
        ("81 0", (810, 81, 0)),
        ("8\u20031", (81, 8, 1)),
        ("1 234", (1234, 1, 234)),
        ("3 0（件）", (30, 3, 0)),
        ("30件", ()),
        ("12. 5", ()),
    ],
)
def test_digits_that_stand_apart_may_be_two_numbers(cell: str, candidates: tuple[int, ...]) -> None:
    """An old number in grey and the new one, or one number that was set wide."""
    body = rows()
    body[0][1] = cell
    found = read(page(1, table(1, [HEADER, *body], 100)))[f"{RECEIVED}.natural_person"]
    assert (found.doubt, found.candidates) == (("broken", candidates) if candidates else (None, ()))


def test_the_sums_say_which_of_two_numbers_counts() -> None:
    header = "".join(f"<td>{text}" for text in HEADER)
    body = rows()
    body[1][1], body[4][2] = "81 9", "2 0"
    lines = "".join("<tr>" + "".join(f"<td>{text}" for text in row) for row in body)
    page = f"<h1>某某市某某局2023年政府信息公开工作年度报告</h1><table><tr>{header}{lines}</table>"
    found = {r.indicator: r for r in read_document(page.encode(), "text/html", Hints()).report.readings}
    assert (found["requests.carried_over.natural_person"].value, found["requests.total_handled.business"].value) == (9, 20)


@pytest.mark.parametrize("moved", [(1,), (7,), (1, 7), (1, 2, 3, 7), (1, 2, 3, 4, 5, 7)])
@pytest.mark.parametrize("at", [0, 2, 5])
def test_numbers_of_a_row_that_stand_below_it_are_not_blank(at: int, moved: tuple[int, ...]) -> None:
    """A page break in a row moves some of its cells to the next page, and the columns of the pages are not the same."""
    body = rows()
    upper = ["" if column in moved else text for column, text in enumerate(body[at])]
    lower = [text if column in moved else "" for column, text in enumerate(body[at])]
    found = read(page(1, table(1, [HEADER, *body[:at], upper, lower, *body[at + 1 :]], 60)))
    name = (RECEIVED, "requests.carried_over", GRANTED, "", "", "requests.carried_forward")[at]
    keys = ("natural_person", "business", "research", "public_welfare", "legal_service", "other_org", "total")
    for column, key in enumerate(keys, 1):
        reading = found[f"{name}.{key}"]
        assert reading.state is State.DOUBTFUL or reading.value == int(body[at][column])
    assert found["requests.partially_granted.total"].value == 31


def test_a_number_of_a_row_that_stands_beside_the_label_of_the_next_group() -> None:
    """The page break moves the number and the label of the group, which reaches over the rows of both pages."""
    names = ["（四）无法提供", "（五）不予处理", "1.信访举报投诉类申请", "2.重复申请"]
    body = rows()
    printed = [HEADER, *body[:4], [names[2], "", *"000000"], [names[1], "1", *[""] * 6], [names[3], *"0000000"], *body[4:]]
    found = read(page(1, table(1, printed, 60)))
    reading = found["requests.not_processed.petition.natural_person"]
    assert (reading.state, reading.candidates) == (State.DOUBTFUL, (1,))


@pytest.mark.parametrize("moved", [0, 1])
def test_a_number_of_an_item_that_stands_below_it_is_not_blank(moved: int) -> None:
    cells = [["信息内容", "本年制发件数", "本年废止件数", "现行有效件数"], ["规章", "0", "0", "0"]]
    upper = ["行政规范性文件", "12", "3", "40"]
    lower = ["" if column != moved + 1 else text for column, text in enumerate(upper)]
    upper[moved + 1] = ""
    found = read(page(1, table(1, [*cells, upper, lower], 60, (50, 150, 250, 350, 450))))
    reading = found["disclosure.normative_documents." + ("issued", "repealed")[moved]]
    assert reading.state is State.DOUBTFUL
    assert (12, 3)[moved] in reading.candidates


FOUR = [
    ["行政复议", *[""] * 4, "行政诉讼", *[""] * 9],
    [*[""] * 5, "未经复议直接起诉", *[""] * 4, "复议后起诉", *[""] * 4],
    ["结果维持", "结果纠正", "其他结果", "尚未审结", "总计"] * 3,
]
FOUR_SIDES = [50 + 30 * at for at in range(16)]


@pytest.mark.parametrize("cut", [1, 2, 4])
def test_values_without_a_label_on_both_sides_of_a_page_break_are_doubts(cut: int) -> None:
    """They may be one row or two."""
    row = ["5", "3", "4", "0", "12", *["0"] * 10]
    upper = [text if at < cut else "" for at, text in enumerate(row)]
    lower = [text if at >= cut else "" for at, text in enumerate(row)]
    found = read(page(1, table(1, [*FOUR, upper], 700, FOUR_SIDES)), page(2, table(2, [lower], 60, FOUR_SIDES)))
    assert found
    assert {key for key, one in found.items() if one.state is State.READ} == set()


def test_a_row_without_a_label_with_all_its_values_on_one_side_is_sure() -> None:
    row = ["5", "3", "4", "0", "12", *["0"] * 10]
    found = read(page(1, table(1, [*FOUR, row], 700, FOUR_SIDES)), page(2, table(2, [[""] * 15], 60, FOUR_SIDES)))
    assert found["review.reconsideration.upheld"].value == 5
    assert {one.state for one in found.values()} == {State.READ}
