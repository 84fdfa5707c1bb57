"""All tables of real reports, exact to the cell; and what is told about a document as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import pdfplumber
import pypdfium2
import pytest

from codebook.records import Cell, Line, Page, PageKind, Place, Reader, State, Table, decode, encode
from tasks.parsing.tables.cells import TablesRead
from tasks.parsing.tables.read_tables import read_tables
from tests.parsing.table_check import read_text, score, text_pages, values

FORMS = {"000": "2021", "001": "2019", "002": "2019", "004": "2021"}


def _document(corpus: Path, number: str) -> tuple[str, dict[str, float]]:
    path = next((corpus / "documents").glob(f"{number}_*.txt"))
    truth = json.loads((corpus / "truth" / f"{path.stem}.json").read_text(encoding="utf-8"))
    return path.read_text(encoding="utf-8"), truth["indicators"]


@pytest.mark.parametrize("number", FORMS)
@pytest.mark.parametrize("line", ["lines", "one line"])
def test_real_texts(corpus: Path, number: str, line: str) -> None:
    text, truth = _document(corpus, number)
    read = read_text(text if line == "lines" else text.replace("\n", " "))
    assert score(read, truth) == (len(truth), 0, [])
    assert [(b.block, b.form, b.readable) for b in read.blocks] == [
        (block, FORMS[number], True) for block in ("disclosure", "requests", "review")
    ]
    assert decode(encode(read), TablesRead) == read


def test_prose_before_2019_is_no_table(corpus: Path) -> None:
    text, _ = _document(corpus, "003")
    assert read_text(text).readings == ()
    assert read_text(text).blocks == ()


def test_prose_is_left_to_others(corpus: Path) -> None:
    text, _ = _document(corpus, "000")
    used = {place.block for place in read_text(text).used}
    left = [line for number, line in enumerate(text.splitlines()) if number not in used]
    assert not any("|" in line for line in left)
    assert sum(line.startswith(("二、", "三、", "四、", "五、")) for line in left) == 4


def _pdf(corpus: Path) -> tuple[Path, dict[str, float]]:
    truth = json.loads((corpus / "truth" / "hongze-2024.json").read_text(encoding="utf-8"))
    return corpus / "documents" / "hongze-2024.pdf", truth["indicators"]


def _pages(texts: list[str]) -> tuple[Page, ...]:
    return tuple(
        Page(n, PageKind.TEXT, "", Reader.PDF, tuple(Line(line, Place(n, (0, 0, 1, 1))) for line in text.splitlines()))
        for n, text in enumerate(texts, 1)
    )


@pytest.mark.parametrize("library", ["pdfplumber", "pypdfium2"])
def test_real_pdf_flattened(corpus: Path, library: str) -> None:
    path, truth = _pdf(corpus)
    if library == "pdfplumber":
        with pdfplumber.open(path) as document:
            texts = [page.extract_text() for page in document.pages]
    else:
        pdf = pypdfium2.PdfDocument(path)
        texts = [page.get_textpage().get_text_range() for page in pdf]
    read = read_tables(_pages(texts))
    assert score(read, truth) == (len(truth), 0, [])
    assert {r.place.page for r in read.readings} == {2, 3, 4}
    assert score(read_tables(text_pages(" ".join(" ".join(texts).split()))), truth) == (len(truth), 0, [])


def _grid_pages(path: Path) -> tuple[Page, ...]:
    pages = []
    with pdfplumber.open(path) as document:
        for page in document.pages:
            blocks: list[tuple[float, Line | Table]] = []
            tables = [table for table in page.find_tables() if max(len(row.cells) for row in table.rows) > 1]
            for table in tables:
                xs = sorted({x for cell in table.cells for x in (cell[0], cell[2])})
                ys = sorted({y for cell in table.cells for y in (cell[1], cell[3])})
                cells = [
                    Cell(
                        row=ys.index(box[1]),
                        column=xs.index(box[0]),
                        text=page.crop(box).extract_text() or "",
                        place=Place(page.page_number, box),
                        row_span=ys.index(box[3]) - ys.index(box[1]),
                        column_span=xs.index(box[2]) - xs.index(box[0]),
                    )
                    for box in table.cells
                ]
                blocks.append((table.bbox[1], Table(tuple(cells), len(ys) - 1, len(xs) - 1, Place(page.page_number, table.bbox))))
            for line in page.extract_text_lines():
                if not any(table.bbox[1] <= line["top"] <= table.bbox[3] for table in tables):
                    blocks.append((line["top"], Line(line["text"], Place(page.page_number))))
            ordered = tuple(block for _, block in sorted(blocks, key=lambda item: item[0]))
            pages.append(Page(page.page_number, PageKind.TEXT, "", Reader.PDF, ordered))
    return tuple(pages)


def test_real_pdf_as_grids(corpus: Path) -> None:
    path, truth = _pdf(corpus)
    read = read_tables(_grid_pages(path))
    assert score(read, truth) == (len(truth), 0, [])
    assert all(r.place.box for r in read.readings)


ITEM = "第二十条第（六）项\n信息内容\n本年处理决定数量\n行政处罚 {}\n行政强制 {}\n"


def test_the_same_table_twice() -> None:
    assert (
        values(read_text(ITEM.format(5, 6) + "附：" + "说明。" * 30 + "\n" + ITEM.format(5, 6)))["disclosure.penalties.decisions"]
        == 5
    )
    read = read_text(ITEM.format(5, 6) + "附：" + "说明。" * 30 + "\n" + ITEM.format(5, 7))
    found = {r.indicator: r for r in read.readings}
    assert found["disclosure.penalties.decisions"].state is State.READ
    assert found["disclosure.coercion.decisions"].state is State.DOUBTFUL
    assert found["disclosure.coercion.decisions"].candidates == (6, 7)


MATRIX = """| 自然人 | 商业企业 | 科研机构 | 社会公益组织 | 法律服务机构 | 其他 | 总计 |
一、本年新收政府信息公开申请数量 | {0} | 0 | 0 | 0 | 0 | 0 | {0} |
二、上年结转政府信息公开申请数量 | 1 | 0 | 0 | 0 | 0 | 0 | 1 |
（一）予以公开 | {0} | 0 | 0 | 0 | 0 | 0 | {0} |
（七）总计 | {0} | 0 | 0 | 0 | 0 | 0 | {0} |
四、结转下年度继续办理 | 1 | 0 | 0 | 0 | 0 | 0 | 1 |
"""


def test_the_same_rows_twice_must_agree() -> None:
    """Two tables close to each other, such as those of this year and of the year before, are read as one."""
    found = {r.indicator: r for r in read_text(MATRIX.format(17) + "附：\n" + MATRIX.format(8)).readings}
    received = found["requests.new_received.natural_person"]
    assert (received.state, received.doubt, received.candidates) == (State.DOUBTFUL, "twice", (17, 8))
    assert found["requests.carried_over.natural_person"].state is State.READ


def test_a_title_without_a_table_is_unreadable() -> None:
    read = read_text(
        "二、主动公开政府信息情况\n三、收到和处理政府信息公开申请情况\n（见附件）\n五、存在的主要问题及改进情况\n无。"
    )
    assert [(b.block, b.readable) for b in read.blocks] == [("disclosure", False), ("requests", False)]
    prose = "我局主动公开信息若干条，其中门户网站公开若干条。" * 5
    assert read_text(f"二、主动公开政府信息情况\n{prose}\n三、收到和处理政府信息公开申请情况\n{prose}").blocks == ()


def test_columns_of_2019_in_a_report_of_2021() -> None:
    text = (
        "第二十条第（一）项\n信息内容 本年制发件数 本年废止件数 现行有效件数\n规章 0 0 0\n行政规范性文件 1 2 3\n"
        "第二十条第（五）项\n信息内容 上一年项目数量 本年增/减 处理决定数量\n行政许可 10 -1 99\n"
    )
    read = read_text(text)
    assert values(read)["disclosure.licensing.change"] == -1
    assert values(read)["disclosure.licensing.decisions"] == 99
    assert values(read)["disclosure.normative_documents.in_force"] == 3
    assert read.blocks[0].form == "2021"


def test_statistics_with_doubled_labels() -> None:
    lines = ["政府信息公开情况统计表", "统计指标 单位 统计数", "（一）收到申请数 件 5", "1.当面申请数 件 5", "2.传真申请数 件 0"]
    lines += ["（二）申请办结数 件 5", "四、行政复议数量 件 3", "（一）维持具体行政行为数 件 1", "（二）被依法纠错数 件 2"]
    lines += ["（三）其他情形数 件 0", "五、行政诉讼数量 件 4", "（二）被依法纠错数 件 1", "（三）其他情形数 件 3"]
    lines += ["七、依申请公开信息收取的费用 万元 0.35", "1.专职人员数（不包括政府公报及政府网站工作人员数） 人 2"]
    found = values(read_text("\n".join(lines)))
    assert found["statistics.reconsideration.corrected"] == 2
    assert found["statistics.litigation.corrected"] == 1
    assert found["statistics.litigation.other"] == 3
    assert found["statistics.fees_collected"] == 0.35
    assert found["statistics.organization.staff_full_time"] == 2


def test_a_row_whose_values_may_be_blank_or_the_next_ones_is_in_doubt() -> None:
    """A label that is not known takes a run of values, and a row of the form may have none."""
    read = read_text("其他公开内容（除规范性文件以外） | 5 | 6 | 7 | |\n第二十条第（五）项 | |||||\n行政事业性收费 | |||||")
    assert values(read) == {}


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("31（其中修订4件）", 31),
        ("31 (含上年结转2件)", 31),
        ("31*", 31),
        ("31①", 31),
        ("31²", 31),
        ("31注1", 31),
        ("31₁", 31),
        ("31❷", 31),
        ("31⁽²⁾", 31),
        ("31[注2]", 31),
        ("31【2】", 31),
        ("31（注）", 31),
        ("31△", 31),
        ("31件①", 31),
        ("31①（含上年结转2件）", 31),
        ("31（其中修订4件）*", 31),
        ("31，其中修订4件", 31),
        ("①31", None),  # whose digit is it?
        ("3①1", None),
        ("0（无）", None),  # one character may be a unit or a mark: a doubt
        ("31（4）", None),
        ("31（万元）", None),  # 310,000, or a slip
        ("31（百件）", None),
        ("31（万）", None),
    ],
)
def test_a_remark_behind_a_number_is_no_part_of_it(cell: str, value: int | None) -> None:
    text = "信息内容|本年制发件数|本年废止件数|现行有效件数\n规章|0|0|0\n行政规范性文件|CELL|5|60"
    read = read_text(text.replace("CELL", cell))
    assert values(read).get("disclosure.normative_documents.issued") == value
    raws = {reading.indicator: reading.raw for reading in read.readings}
    assert value is None or raws["disclosure.normative_documents.issued"] == cell
    notes = {reading.note for reading in read.readings if reading.note}
    assert notes == ({cell.removeprefix("31").removeprefix("件").strip()} if value else set())


def test_a_note_is_in_the_cell_that_it_stands_in() -> None:
    read = read_text("信息内容|本年制发件数|本年废止件数|现行有效件数\n规章|0|0|0②\n行政规范性文件|7①|5|60")
    assert {r.indicator: (r.value, r.raw, r.note) for r in read.readings if r.note} == {
        "disclosure.rules.in_force": (0, "0②", "②"),
        "disclosure.normative_documents.issued": (7, "7①", "①"),
    }


def test_digits_on_both_sides_of_a_mark_are_a_doubt_of_their_cell_alone() -> None:
    names = ["信息内容", "本年制发件数", "本年废止件数", "现行有效件数"]
    rows = [names, ["规章", "0", "0", "0"], ["行政规范性文件", "²31", "5", "60"]]
    cells = [Cell(r, c, text, Place(1)) for r, texts in enumerate(rows) for c, text in enumerate(texts)]
    read = read_tables((Page(1, PageKind.TEXT, "", Reader.DOCX, (Table(tuple(cells), 3, 4, Place(1)),)),))
    found = [(r.indicator, r.raw, r.value) for r in read.readings if r.raw and r.state is State.DOUBTFUL]
    assert found == [("disclosure.normative_documents.issued", "²31", None)]


def test_a_remark_in_a_cell_of_two_lines() -> None:
    cells = [
        "信息内容",
        "本年制发件数",
        "本年废止件数",
        "现行有效件数",
        "规章",
        "0",
        "0",
        "0",
        "行政规范性文件",
        "31\n（其中修订4件）",
        "5",
        "60",
    ]
    grid = Table(tuple(Cell(n // 4, n % 4, text, Place(1)) for n, text in enumerate(cells)), 3, 4, Place(1))
    read = read_tables((Page(1, PageKind.TEXT, "", Reader.DOCX, (grid,)),))
    assert values(read)["disclosure.normative_documents.issued"] == 31


def test_labels_that_an_office_explains_in_brackets() -> None:
    remark = "（指行政许可以外的依申请办理的政务服务事项，含行政确认、行政奖励、行政裁决、行政给付和其他类，以及公共服务事项）"
    text = f"""信息内容 | 上一年项目数量（指上年末的事项数） | 本年增/减（减用负值表示） | 处理决定数量（指全年办件量）
行政许可（含子项） | 12 | -1 | 340
其他对外管理服务事项{remark} | 88 | 3 | 95
信息内容 | 上一年项目数量（指上年末的事项数） | 本年增/减（减用负值表示） | 处理决定数量（指全年办件量）
行政处罚 | 70 | 0 | 16
行政强制 | 9 | 0 | 2
"""
    found = {f"disclosure.{row}.{column}": value for row, numbers in (
        ("licensing", (12, -1, 340)), ("other_services", (88, 3, 95)), ("penalties", (70, 0, 16)), ("coercion", (9, 0, 2)),
    ) for column, value in zip(("prior_items", "change", "decisions"), numbers, strict=True)}  # fmt: skip
    assert values(read_text(text)) == found


def test_a_page_that_ends_after_the_second_row_has_a_table_all_the_same() -> None:
    text = "申请人情况 | 自然人 | 法人或其他组织 | 总计\n一、本年新收政府信息公开申请数量|5|1|0|0|0|0|6\n"
    read = read_text(text + "二、上年结转政府信息公开申请数量|1|0|0|0|0|0|1\n")
    assert {row: values(read)[f"requests.{row}.total"] for row in ("new_received", "carried_over")} == {
        "new_received": 6,
        "carried_over": 1,
    }
    prose = "本年新收政府信息公开申请数量 5 件\n上年结转政府信息公开申请数量 1 件\n"
    assert read_text(prose).readings == ()


LOST_LABELS = """四、政府信息公开行政复议、行政诉讼情况
结果结果其他尚未
| 维持 | 纠正 | 审结 | 总计 | 总计 |
|---|---|---|---|---|
| 7 | 1 | 0 | 2 | 10 | 3 | 0 | 0 | 1 | 4 | 0 | 0 | 0 | 0 | 0 |
六、其他需要报告的事项
无。
"""


def test_fifteen_values_under_the_title_of_table_four_are_it_when_they_add_up() -> None:
    found = values(read_text(LOST_LABELS))
    assert (len(found), found["review.reconsideration.total"], found["review.litigation_direct.upheld"]) == (15, 10, 3)
    other = read_text(LOST_LABELS.replace("| 10 |", "| 11 |"))
    assert (values(other), len(other.readings)) == ({}, 15)
    assert read_text(LOST_LABELS.replace("四、政府信息公开行政复议、行政诉讼情况", "四、行政审批情况")).readings == ()


def test_a_blank_row_is_not_in_doubt_beside_a_row_that_the_form_does_not_have():
    text = """第二十条第（一）项 | |||||
信息内容 | 本年新制作数量 | 本年新公开数量 | 对外公开总数量 | ||
规章 | 0 | 0 | 0 | ||
规范性文件 | 3 | 3 | 21 | ||
其他主动公开文件 | 150 | 70 | 240 | ||
第二十条第（八）项 | |||||
信息内容 | 上一年项目数量 | 本年增/减 | |||
行政事业性收费 | |||||
"""
    found = {r.indicator: (r.value, r.state) for r in read_text(text).readings}
    assert found["disclosure.normative_documents.total_disclosed"] == (21, State.READ)
    assert found["disclosure.fees.prior_items"] == (None, State.MISSING)


def test_values_behind_the_rest_of_a_label_are_its_own():
    text = """信息内容 | 本年处理决定数量 |
行政许可 |
含备案事项的数量 | 12 |
第二十条第（六）项 |
信息内容 | 本年处理决定数量 |
行政处罚 | 3 |
行政强制 | 4 |
"""
    found = {r.indicator: r for r in read_text(text).readings}
    assert found["disclosure.licensing.decisions"].value == 12
