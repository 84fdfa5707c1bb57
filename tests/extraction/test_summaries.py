"""Summary workbooks (汇总表): each row is the report of an agency, and no number is guessed."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import xlsxwriter

from codebook.records import Hints, Reading, State, Verdict
from codebook.sheets.cells import FORMATS, XLSB
from codebook.sheets.columns import SummaryField, columns_of
from codebook.sheets.row_file import MEDIA_TYPE
from ingest.archives.summaries import PartedBook, part_summary
from tasks.extraction.extract import extract
from tasks.flow import read_document
from tests.accuracy.compare import compare
from tests.extraction import other_formats as formats
from tests.extraction.summaries import body, csv_text, heads, merged_workbook, total, units
from tests.extraction.test_other_formats import truth_of
from tests.extraction.xlsb_files import of_cells, xlsb
from tests.generator.documents import Document

UNITS = units(3)
HEADS = heads(UNITS)
ROWS = [*body(HEADS, UNITS), total(HEADS, UNITS)]
NUMBERS: list[list[str | float]] = [["甲", "乙", "丙", *range(1, len(HEADS) - 2)]]
NOTES: list[list[str | float]] = [["填表人：张三"], ["注：单位为件"]]
WITH_MORE = [*NUMBERS, ROWS[-1], *ROWS[:-1], *NOTES]


def parted(data: bytes, media_type: str = formats.WORKBOOK) -> PartedBook:
    found = part_summary(data, media_type)
    assert found is not None
    return found


def verdicts(book: PartedBook, path: str = "2024年汇总.xlsx") -> list[Verdict]:
    return [read_document(row.data, MEDIA_TYPE, Hints(path=f"{path}!{row.sheet}!{row.row}")) for row in book.rows]


def check(book: PartedBook, documents: Sequence[Document] = UNITS) -> None:
    found = verdicts(book)
    assert len(found) == len(documents)
    for verdict, document in zip(found, documents, strict=True):
        score = compare(verdict, truth_of(document))
        assert score.is_perfect, (score.silent, score.wrong, score.false_errors, score.doubtful)


def xls_like(rows: Sequence[Sequence[str | float]]) -> bytes:
    """A workbook of one sheet without merged cells."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet("全县")
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    return target.getvalue()


def stacked(merged: bool = False) -> list[list[str | float]]:
    """The heads on several lines, each text once, as a workbook saved as CSV has them."""
    depth = max(len(column.path) for column in HEADS)
    lines: list[list[str | float]] = []
    for level in range(depth):
        line: list[str | float] = []
        for at, column in enumerate(HEADS):
            prefix = column.path[: level + 1]
            before = HEADS[at - 1].path[: level + 1] if at else ()
            is_shown = len(prefix) == level + 1 and (prefix != before or len(column.path) == level + 1)
            line.append(prefix[-1] if is_shown else "")
        lines.append(line)
    return lines


def as_csv(rows: Sequence[Sequence[str | float]], encoding: str = "gb18030") -> bytes:
    target = io.StringIO()
    csv.writer(target).writerows(rows)
    return target.getvalue().encode(encoding)


def as_xlsb(rows: Sequence[Sequence[str | float]]) -> bytes:
    cells = [(r, c, 1, 1, value) for r, row in enumerate(rows) for c, value in enumerate(row) if value != ""]
    return xlsb({"汇总": of_cells(cells)})


LAYOUTS: dict[str, Callable[[], tuple[bytes, str]]] = {
    "merged heads": lambda: (merged_workbook(HEADS, ROWS), formats.WORKBOOK),
    "heads of one line": lambda: (xls_like([["-".join(c.path) for c in HEADS], *ROWS]), formats.WORKBOOK),
    "heads in lines, nothing merged": lambda: (xls_like([*stacked(), *ROWS]), formats.WORKBOOK),
    "CSV of Excel, heads in lines": lambda: (as_csv([*stacked(), *ROWS]), "text/plain"),
    "CSV with strokes": lambda: (csv_text(HEADS, ROWS, "utf-8-sig", "/"), "text/plain"),
    "binary workbook": lambda: (as_xlsb([["2024年汇总"], *stacked(), *ROWS]), XLSB),
    "totals first, numbers of the columns, notes": lambda: (merged_workbook(HEADS, WITH_MORE), formats.WORKBOOK),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_row_is_a_report(layout: str) -> None:
    check(parted(*LAYOUTS[layout]()))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("suffix", ["xls", "ods", "csv"])
def test_summaries_of_libreoffice_are_read_alike(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "a.xlsx").write_bytes(merged_workbook(HEADS, ROWS))
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    form = "csv:Text - txt - csv (StarCalc):44,34,76" if suffix == "csv" else suffix  # UTF-8, whatever the locale is
    command = ["soffice", profile, "--headless", "--convert-to", form, "--outdir", str(tmp_path), str(tmp_path / "a.xlsx")]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    kinds = {"xls": "application/vnd.ms-excel", "ods": "application/vnd.oasis.opendocument.spreadsheet", "csv": "text/plain"}
    assert kinds[suffix] in {*FORMATS, "text/plain"}
    check(parted((tmp_path / f"a.{suffix}").read_bytes(), kinds[suffix]))


def test_the_place_of_a_number_is_its_column() -> None:
    (verdict, *_) = verdicts(parted(merged_workbook(HEADS, ROWS)))
    columns = {head.indicator: at for at, head in enumerate(HEADS, 1) if head.indicator}
    assert all(r.place.column == columns[r.indicator] for r in verdict.report.readings)


def test_a_row_that_is_alike_in_the_next_edition_is_the_same_content() -> None:
    before = parted(merged_workbook(HEADS, ROWS)).rows
    changed = [list(row) for row in ROWS]
    changed[1][-2] = 77
    after = parted(merged_workbook(HEADS, [["9", "新设单位", "", *[0] * (len(HEADS) - 4), ""], *changed])).rows
    assert [row.data for row in before] == [row.data for row in parted(merged_workbook(HEADS, ROWS)).rows]
    assert [row.row for row in before] == [row.row - 1 for row in after[1:]]
    assert [one.data == other.data for one, other in zip(before, after[1:], strict=True)] == [True, False, True]


def small(columns: Sequence[Sequence[str]], *rows: Sequence[str | float], title: str = "某县2023年汇总") -> list[Verdict]:
    depth = max(map(len, columns))
    lines = [[column[level] if level < len(column) else "" for column in columns] for level in range(depth)]
    return verdicts(parted(xls_like([[title], *lines, *rows])), "汇总.xlsx")


def of(verdict: Verdict) -> dict[str, Reading]:
    return {reading.indicator: reading for reading in verdict.report.readings}


def test_rows_without_values_are_agencies_and_headings_and_sums_are_not() -> None:
    heading = ["", "市直部门", "", ""]
    found = small(
        [["序号"], ["单位"], ["新收申请数量"], ["上年结转"]],
        ["一、县直", "", "", ""], heading, [1, "县教育局", 3, 0], [2, "县民政局", "", ""], ["", "小计", 3, 0], ["合计", "", 3, 0],
    )  # fmt: skip
    assert [one.report.agency for one in found] == ["县教育局", "县民政局"]
    assert of(found[0])["requests.new_received.total"].value == 3
    assert of(found[1])["requests.new_received.total"].state is State.MISSING
    assert {one.report.year for one in found} == {2023}


def test_a_column_that_may_be_two_things_is_a_doubt_of_both() -> None:
    (found,) = small([["单位名称"], ["新收"], ["行政诉讼", "结果维持"], ["行政复议", "结果维持"]], ["县教育局", 3, 1, 2])
    cells = of(found)
    for key in ("review.litigation_direct.upheld", "review.litigation_after_review.upheld"):
        assert (cells[key].state, cells[key].doubt, cells[key].candidates) == (State.DOUBTFUL, "column", (1,))
    assert (cells["review.reconsideration.upheld"].state, cells["review.reconsideration.upheld"].value) == (State.READ, 2)
    assert found.status == "needs_review"


def test_numbers_under_a_word_that_is_not_known_are_in_doubt() -> None:
    """A group for the year before is no group of the form: its numbers are not those of this year."""
    columns = [["单位名称"], ["2023年", "新收"], ["2022年", "新收"], ["本年新收申请数量"], ["上年结转"]]
    (found,) = small(columns, ["县教育局", 3, 9, 3, 0], title="汇总")
    assert of(found)["requests.new_received.total"].value == 3
    assert [row for table in found.report.unknown_tables for row in table.rows] == [("2023年 新收", "3"), ("2022年 新收", "9")]
    (found,) = small([["单位名称"], ["去年", "新收"], ["结转下年度"]], ["县教育局", 3, 9])
    cell = of(found)["requests.new_received.total"]
    assert (cell.state, cell.candidates) == (State.DOUBTFUL, (3,))


def test_a_column_that_is_not_known_is_kept_and_said() -> None:
    (found,) = small([["单位名称"], ["新收"], ["结转下年度"], ["政务公开培训次数"], ["培训形式"]], ["县教育局", 3, 0, 12, "线上"])
    assert [table.rows for table in found.report.unknown_tables] == [(("政务公开培训次数", "12"),)]
    assert any("线上" in note for note in found.report.notes)
    assert "table.unknown" in {finding.rule for finding in found.findings}


def test_the_unit_of_a_column_counts() -> None:
    (found,) = small([["单位名称"], ["新收（件）"], ["行政事业性收费", "本年收费金额（元）"]], ["县教育局", 3, 20000])
    cell = of(found)["disclosure.fees.amount"]
    assert (cell.state, set(cell.candidates)) == (State.DOUBTFUL, {20000, 2})
    assert of(found)["requests.new_received.total"].state is State.READ


def test_two_years_above_a_summary_are_no_year() -> None:
    (found,) = small([["单位名称"], ["新收"], ["上年结转"]], ["县教育局", 3, 0], title="2022年、2023年汇总")
    assert found.report.year is None


def test_a_year_and_a_region_of_a_row_are_its_own() -> None:
    columns = [["年度"], ["地区"], ["单位名称"], ["新收"], ["上年结转"]]
    found = small(
        columns, ["2022", "江苏省淮安市洪泽区", "教育局", 1, 0], [2023, "江苏省淮安市洪泽区", "教育局", 2, 0], title="汇总"
    )
    assert [one.report.year for one in found] == [2022, 2023]
    assert {one.report.region_code for one in found} == {"320813"}


def test_a_row_is_not_blamed_for_what_the_summary_leaves_out() -> None:
    (found,) = small([["单位名称"], ["新收"], ["上年结转"]], ["县教育局", 3, 0])
    assert {finding.rule for finding in found.findings}.isdisjoint({"section.missing", "table.missing"})
    assert found.status == "needs_review"


def test_a_report_in_the_layout_of_the_form_is_no_summary() -> None:
    for make in (formats.workbook, formats.binary_workbook):
        assert part_summary(make(extract(UNITS[0].data, UNITS[0].media_type)), formats.WORKBOOK) is None
    statistics = [
        ["统计指标", "单位", "统计数"],
        ["一、主动公开情况", "", ""],
        ["主动公开政府信息数", "条", 5],
        ["收到申请数", "件", 1],
    ]
    assert part_summary(as_csv(statistics), "text/plain") is None
    assert part_summary(xls_like(statistics), formats.WORKBOOK) is None


def test_other_sheets_with_numbers_leave_the_workbook_a_document() -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        first, second = book.add_worksheet("汇总"), book.add_worksheet("年报")
        for at, row in enumerate([["单位", "新收", "上年结转"], ["县教育局", 1, 2]]):
            first.write_row(at, 0, row)
        for at in range(30):
            second.write_row(at, 0, ["许可", at])
    found = parted(target.getvalue())
    assert (len(found.rows), found.has_more) == (1, True)


def test_words_of_heads() -> None:
    expected = {
        ("三、本年度办理结果", "（三）不予公开", "1.属于国家秘密"): "requests.denied.state_secret.total",
        ("不予公开", "国家秘密"): None,
        ("依申请公开情况", "予以公开", "自然人"): "requests.granted.natural_person",
        ("予以公开自然人",): "requests.granted.natural_person",
        ("予以公开（自然人）",): "requests.granted.natural_person",
        ("行政复议", "总计"): "review.reconsideration.total",
        ("行政诉讼", "复议后起诉", "尚未审结"): "review.litigation_after_review.pending",
        ("规章", "现行有效件数"): "disclosure.rules.in_force",
        ("收到申请数",): "statistics.requests.received",
    }
    for head, indicator in expected.items():
        (column,) = columns_of([head])
        assert (column.indicators if column.field is SummaryField.CELLS else None) == ((indicator,) if indicator else None), head


@pytest.mark.parametrize("row", [["规章", "", ""], ["行政规范性文件", "-", "-"], ["合计数", 7]])
def test_an_other_sheet_with_a_label_or_a_number_leaves_the_workbook_a_document(row: list[str | float]) -> None:
    for has_more, rows in ((True, [row]), (False, [["填表说明"], ["请于三月底前报送"]])):
        target = io.BytesIO()
        with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
            first, second = book.add_worksheet("汇总"), book.add_worksheet("年报")
            for at, texts in enumerate([["单位", "新收", "上年结转"], ["县教育局", 1, 2]]):
                first.write_row(at, 0, texts)
            for at, texts in enumerate(rows):
                second.write_row(at, 0, texts)
        found = parted(target.getvalue())
        assert (len(found.rows), found.has_more) == (1, has_more)


Merged = tuple[int, int, int, int, str | float]  # first row and column, last row and column, text


def with_merged(rows: Sequence[Sequence[str | float]], merged: Sequence[Merged]) -> PartedBook:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet("汇总")
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
        for place in merged:
            sheet.merge_range(*place)
    return parted(target.getvalue())


def test_a_number_that_several_agencies_share_is_a_doubt_of_each() -> None:
    """A merged cell says of none of the rows that it covers how much of the number is its own."""
    rows = [
        ["某县2023年汇总"], ["地区", "单位名称", "新收申请数量", "上年结转"],
        ["", "县教育局", "", 1], ["", "县民政局", "", 2], ["", "县财政局", 5, 3], ["合计", "", 12, 6],
    ]  # fmt: skip
    book = with_merged(rows, [(2, 2, 3, 2, 7), (2, 0, 4, 0, "江苏省淮安市洪泽区")])
    found = [of(one) for one in verdicts(book)]
    new = [cells["requests.new_received.total"] for cells in found]
    assert [(cell.state, cell.candidates) for cell in new[:2]] == [(State.DOUBTFUL, (7,))] * 2
    assert (new[2].state, new[2].value) == (State.READ, 5)
    assert [cells["requests.carried_over.total"].value for cells in found] == [1, 2, 3]
    assert {one.report.region_code for one in verdicts(book)} == {"320813"}
    assert book.notices == ()


def test_a_number_over_several_columns_is_a_doubt_of_each() -> None:
    rows = [["某县2023年汇总"], ["单位名称", "新收申请数量", "上年结转"], ["县教育局", "", ""], ["县民政局", 2, 1]]
    found = [of(one) for one in verdicts(with_merged(rows, [(2, 1, 2, 2, 7)]))]
    for cell in ("requests.new_received.total", "requests.carried_over.total"):
        assert (found[0][cell].state, found[0][cell].candidates) == (State.DOUBTFUL, (7,))
        assert found[1][cell].state is State.READ


def test_a_number_under_a_head_of_the_same_width_is_its_own() -> None:
    rows = [["某县2023年汇总"], ["单位名称", "", "", "上年结转"], ["县教育局", "", "", 1]]
    (found,) = verdicts(with_merged(rows, [(1, 1, 1, 2, "新收申请数量"), (2, 1, 2, 2, 7)]))
    cell = of(found)["requests.new_received.total"]
    assert (cell.state, cell.value) == (State.READ, 7)
