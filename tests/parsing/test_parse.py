"""A whole report from its parts: what comes from tables, what from sentences, and what is no report."""

# ruff: noqa: E501 - a text stands on one line beside what is expected of it
from __future__ import annotations

import msgspec
import pytest

from codebook.errors import GongkaiError
from codebook.records import (
    BlockSeen,
    Extra,
    Extraction,
    Hints,
    Line,
    Origin,
    Page,
    PageKind,
    Place,
    Reader,
    Reading,
    Report,
    State,
    Status,
    Table,
)
from codebook.records import Cell as GridCell
from tasks.extraction.extract import extract
from tasks.parsing.parse import assemble, form_of, parse
from tasks.parsing.tables.cells import TablesRead, Used
from tasks.validation.validate import validate
from tests.validation.makers import make
from tests.validation.printed import print_report


def tables_read(
    readings: tuple[Reading, ...] = (),
    extras: tuple[Extra, ...] = (),
    blocks: tuple[BlockSeen, ...] = (),
    used: tuple[Used, ...] = (),
    notes: tuple[str, ...] = (),
) -> TablesRead:
    """What a table reader would have found."""
    return TablesRead(readings, extras, blocks, used, notes)


def pages(text: str) -> Extraction:
    blocks = tuple(Line(raw, Place(1, None, number, 1)) for number, raw in enumerate(text.split("\n"), 1))
    return Extraction("text/plain", (Page(1, PageKind.TEXT, "", Reader.TXT, blocks),), notes=("meta.SiteName=示例",))


def cell(indicator: str, value: int | None) -> Reading:
    state = State.READ if value is not None else State.MISSING
    return Reading(indicator, value, state, str(value or ""), Place(), Reader.TXT)


def block(name: str, form: str, *, readable: bool = True) -> BlockSeen:
    return BlockSeen(name, form, Place(), readable)


def read(text: str, tables: TablesRead | None = None, hints: Hints | None = None) -> Report:
    return assemble(pages(text), hints or Hints(), tables or tables_read())


LATE = "示例市审计局2021年政府信息公开工作年度报告\n一、总体情况\n2021年，我局收到政府信息公开申请5件，均已答复。\n二、主动公开政府信息情况\n规章 0\n五、存在的主要问题及改进情况\n人手不足。"
TABLE = tables_read(
    (cell("requests.new_received.total", 5),),
    (),
    (block("disclosure", "2021"), block("requests", "2021")),
    (Used(1, 4),),
    ("a note",),
)


def found(report: Report) -> list[str]:
    return [reading.indicator for reading in report.readings if reading.state is not State.NOT_SEEN]


def test_a_report_of_a_later_form() -> None:
    report = read(LATE, TABLE)
    assert (report.agency, report.year, report.form, report.script) == ("示例市审计局", 2021, "2021", "simplified")
    assert [(s.number, s.text) for s in report.sections][1:] == [
        (1, "2021年，我局收到政府信息公开申请5件，均已答复。"),
        (2, ""),
        (5, "人手不足。"),
    ]
    assert found(report) == ["requests.new_received.total"]
    assert [(s.indicators, s.value) for s in report.statements] == [
        (("requests.new_received.total",), 5),
        (("requests.carried_forward.total",), 0),
    ]
    assert report.notes == ("meta.SiteName=示例", "a note")
    assert [b.block for b in report.blocks] == ["disclosure", "requests"]


def test_sentences_never_fill_a_later_form() -> None:
    text = LATE.replace("均已答复", "主动公开政府信息数12条，因此被申请行政复议2件")
    assert found(read(text, TABLE)) == ["requests.new_received.total"]


NARRATIVE = "示例市审计局2016年政府信息公开工作年度报告\n一、概述\n2016年主动公开政府信息数120条。收到政府信息公开申请3件。未发生行政复议。\n二、存在的不足\n人手不足。"


def test_the_form_of_2014_without_its_table() -> None:
    report = read(NARRATIVE)
    assert report.form == "2014"
    assert {r.indicator: r.value for r in report.readings} == {
        "statistics.disclosed": 120,
        "statistics.requests.received": 3,
        "statistics.reconsideration.total": 0,
    }
    assert all(r.origin is Origin.PROSE for r in report.readings)
    assert report.statements == ()


def test_the_table_is_believed_before_the_prose() -> None:
    tables = tables_read(
        (cell("statistics.disclosed", 121), cell("statistics.requests.received", None)), (), (block("statistics", "2014"),)
    )
    report = read(NARRATIVE, tables)
    assert {r.indicator: (r.value, r.origin) for r in report.readings if r.state is not State.NOT_SEEN} == {
        "statistics.disclosed": (121, Origin.TABLE),
        "statistics.requests.received": (None, Origin.TABLE),
        "statistics.reconsideration.total": (0, Origin.PROSE),
    }
    assert [(s.indicators, s.value, s.pattern) for s in report.statements] == [
        (("statistics.disclosed",), 120, "disclosed.table"),
        (("statistics.requests.received",), 3, "received.sentence"),
    ]


def test_later_years_without_tables_give_no_numbers_from_sentences() -> None:
    with pytest.raises(GongkaiError, match=r"report\.no_tables"):
        read(NARRATIVE.replace("2016", "2022"))


@pytest.mark.parametrize(
    "text", ["关于召开全县安全生产工作会议的通知\n各乡镇：\n定于2021年3月5日召开会议，请准时参加。", "第一季度菜价 白菜 3 萝卜 5"]
)
def test_other_documents_are_no_reports(text: str) -> None:
    with pytest.raises(GongkaiError, match=r"report\.not_a_report"):
        read(text)


def test_a_report_without_any_number() -> None:
    with pytest.raises(GongkaiError, match=r"report\.no_tables") as caught:
        read(
            "示例市审计局2021年政府信息公开工作年度报告\n一、总体情况\n详见附件。",
            tables_read(blocks=(block("requests", "2021", readable=False),)),
        )
    assert "requests" in caught.value.found


def test_missing_year_and_agency_are_no_error() -> None:
    report = read(
        "本机关认真贯彻政府信息公开条例，编制本报告。\n一、总体情况\n做好工作。", tables_read(TABLE.readings, (), TABLE.blocks)
    )
    assert (report.agency, report.year, report.form) == (None, None, "2021")


def test_hints_are_used() -> None:
    report = read(LATE, TABLE, Hints("a.txt", ("江苏省", "淮安市"), None, 2020, None))
    assert (report.year, report.region, report.region_code) == (2020, ("江苏省", "淮安市"), "320800")


def test_characters_of_a_line_that_a_table_used() -> None:
    text = "示例市审计局2021年政府信息公开工作年度报告 一、总体情况 好。 二、主动公开政府信息情况 规章 0 0 0 五、存在的主要问题及改进情况 人手不足。"
    first, last = text.index("规章"), text.index(" 五、")
    report = read(text, tables_read(TABLE.readings, (), TABLE.blocks, (Used(1, 0, first, last),)))
    assert [(s.number, s.text) for s in report.sections] == [
        (None, "示例市审计局2021年政府信息公开工作年度报告"),
        (1, "好。"),
        (2, ""),
        (5, "人手不足。"),
    ]


def test_text_in_a_table_that_lays_out_the_page() -> None:
    grid = Table((GridCell(0, 0, LATE, Place(1, None, 3)),), 1, 1, Place(1, None, 3))
    extraction = Extraction("text/html", (Page(1, PageKind.TEXT, "", Reader.HTML, (grid,)),))
    report = assemble(extraction, Hints(), tables_read(TABLE.readings, (), TABLE.blocks))
    assert report.agency == "示例市审计局"
    assert [s.number for s in report.sections] == [None, 1, 2, 5]


@pytest.mark.parametrize(
    ("blocks", "year", "form"),
    [
        ((), 2021, None),
        ((block("requests", "2019"), block("disclosure", "2021")), 2024, "2021"),
        ((block("requests", "2021"), block("disclosure", "2019"), block("review", "2019")), 2023, "2021"),
        ((block("requests", "2021"), block("disclosure", "2019")), None, "2019"),
        ((block("requests", "2019"), block("disclosure", "2019")), 2023, "2019"),
        ((block("disclosure", "2021", readable=False), block("requests", "2019")), 2023, "2019"),
        ((block("review", "2021"),), 2023, "2021"),
        ((block("statistics", "2014"),), 2016, "2014"),
    ],
)
def test_the_form_is_that_of_the_tables(blocks: tuple[BlockSeen, ...], year: int, form: str | None) -> None:
    assert form_of(blocks, year) == form


def test_a_page_on_one_line_that_ends_with_a_table_keeps_its_text() -> None:
    text = (
        "示例市示例区教育局2024年政府信息公开工作年度报告 一、总体情况 新收申请3件。 四、政府信息公开行政复议、行政诉讼情况 表格"
    )
    start = text.index("表格")
    tables = tables_read((cell("review.reconsideration.total", 0),), (), (block("review", "2021"),), (Used(1, 0, start),))
    report = assemble(pages(text), Hints(), tables)
    assert (report.agency, report.year) == ("示例市示例区教育局", 2024)
    assert [section.number for section in report.sections][-2:] == [1, 4]
    assert not any("表格" in section.text for section in report.sections)


@pytest.mark.parametrize("mark", ["—", "/", "-", "无"])
def test_a_report_whose_cells_are_all_strokes_is_a_report_with_blank_cells(mark: str) -> None:
    rows = "信息内容|本年制发件数|本年废止件数|现行有效件数\n规章|M|M|M\n行政规范性文件|M|M|M\n".replace("M", mark)
    text = "示例市审计局2022年政府信息公开工作年度报告\n一、总体情况\n工作有序。\n二、主动公开政府信息情况\n" + rows
    report = parse(pages(text), Hints())
    assert [reading.state for reading in report.readings if reading.state is not State.NOT_SEEN] == [State.MISSING] * 6


def test_pages_that_did_not_come_in_send_a_report_to_review() -> None:
    """A folder of page images without page 2, from its pages (already recognised) to its status."""
    whole = extract(print_report(make("report", make("values"))), "text/plain")
    assert validate(parse(whole, Hints())).status is Status.ACCEPTED
    verdict = validate(parse(msgspec.structs.replace(whole, missing_pages=(2,)), Hints()))
    assert verdict.status is Status.NEEDS_REVIEW
    assert [found.rule for found in verdict.findings if found.rule == "page.missing"] == ["page.missing"]
