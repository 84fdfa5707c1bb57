"""Lists of the agencies that must report, as offices keep them: CSV and workbooks, with what stands around the table."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from codebook.agency_kinds import stored_key
from ingest.lists import xlsx_lists
from ingest.lists.expected import ExpectedList, ListError, Usual, read_expected, read_line, read_list

CSV = """单位名称,行政区划,截止日期
示例市教育局,江苏省/淮安市,
示例市民政局,淮安市,2025-02-28
示例镇人民政府,江苏省淮安市洪泽区,2025年3月1日
"""
HEADER = ["序号", "单位名称\n（全称）", "所属地区", "年度", "截止日期", "联系人"]


def workbook(
    rows: Sequence[Sequence[Any]], merge: Sequence[str] = (), change: Callable[[Any], None] = lambda book: None
) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merge:
        book.active.merge_cells(cells)
    change(book)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def rewritten(raw: bytes, change: Callable[[str, bytes], bytes], add: dict[str, bytes] | None = None) -> bytes:
    """The workbook with its parts changed."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        for name, content in (add or {}).items():
            new.writestr(name, content)
    return target.getvalue()


def said(found: ExpectedList) -> dict[str, list[tuple[str, int, str]]]:
    return {
        name: [(note.key, note.line, note.found) for note in getattr(found, name)]
        for name in ("refused", "passed_over", "remarks")
    }


def refusal(raw: bytes) -> str:
    with pytest.raises(ListError) as caught:
        read_list(raw, Usual(2024))
    assert caught.value.note.text("zh")
    return caught.value.note.key


LIST = [
    ["示例市2024年应编制年报单位名单"],
    [],
    ["制表单位：示例市政务公开办", None, None, None, "2025年1月"],
    HEADER,
    ["一、市政府部门（2个）"],
    [1, "淮安市教育局", "淮安市", 2024, date(2025, 1, 20), "张三"],
    [2, "淮安市 民政局", None, "2024年", 45688, "李四"],
    [],
    ["二、县区"],
    [3, "淮安市洪泽区人民政府", "洪泽区", 2024.0, None, "王五"],
    [4, "洪泽区仁和镇人民政府", None, None, None, None],
    ["合计", None, None, 4],
    ["注：本名单由示例市政务公开办编制，如有调整另行通知。"],
]
MERGED = ["A1:F1", "C6:C7", "C10:C11", "D10:D11", "A13:F13"]


def test_a_workbook_as_offices_keep_it() -> None:
    found = read_list(workbook(LIST, MERGED))
    assert [(item.year, item.agency, item.region_code, item.due_on) for item in found.items] == [
        (2024, "淮安市教育局", "320800", "2025-01-20"),
        (2024, "淮安市民政局", "320800", "2025-01-31"),
        (2024, "淮安市洪泽区人民政府", "320813", "2025-03-31"),
        (2024, "洪泽区仁和镇人民政府", "320813", None),
    ]
    assert found.items[3].agency_key == stored_key("仁和镇人民政府", "320813")
    assert [(column.header, column.field) for column in found.columns] == [
        ("序号", None),
        ("单位名称 （全称）", "agency"),
        ("所属地区", "region"),
        ("年度", "year"),
        ("截止日期", "due_on"),
        ("联系人", None),
    ]
    assert found.titles == ("示例市2024年应编制年报单位名单", "制表单位：示例市政务公开办 2025年1月")
    assert found.preview[1] == ("1", "淮安市教育局", "淮安市", "2024", "2025-01-20", "张三")
    assert said(found) == {
        "refused": [],
        "passed_over": [
            ("line.no_agency", 5, "一、市政府部门（2个）"),
            ("line.no_agency", 9, "二、县区"),
            ("line.no_agency", 12, "合计 4"),
            ("line.no_agency", 13, "注：本名单由示例市政务公开办编制，如有调整另行通知。"),
        ],
        "remarks": [],
    }


def test_the_same_list_as_csv_with_its_title() -> None:
    texts = [["" if cell is None else str(cell).replace("\n", "").replace(".0", "") for cell in row] for row in LIST]
    lines = [",".join(row) for row in texts]
    found = read_list("\r\n".join(lines).encode("gb18030"), Usual(2024, "320813"))
    assert [item.agency for item in found.items] == [item.agency for item in read_list(workbook(LIST, MERGED)).items]
    assert found.titles[0].startswith("示例市2024年")
    assert [note.key for note in found.passed_over] == ["line.no_agency"] * 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_lists_in_the_encodings_of_offices(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "应报单位.csv"
    path.write_bytes(CSV.encode(encoding))
    found = read_expected(path, Usual(2024))
    assert [(item.region_code, item.due_on) for item in found.items] == [
        ("320800", "2025-01-31"),
        ("320800", "2025-02-28"),
        ("320813", "2025-03-01"),
    ]


def test_notes_below_an_agency_column_that_comes_first() -> None:
    rows = [
        ["机构名称"],
        ["（一）市直部门"],
        ["淮安市教育局"],
        ["机构名称"],
        ["淮安市水利局"],
        ["说明"],
        ["共计：2家"],
        ["备注1：略"],
    ]
    found = read_list(workbook(rows), Usual(2024))
    assert [item.agency for item in found.items] == ["淮安市教育局", "淮安市水利局"]
    assert [note.found for note in found.passed_over] == ["（一）市直部门", "说明", "共计：2家", "备注1：略"]


def test_a_name_that_is_merged_over_lines_is_one_agency() -> None:
    rows = [["单位", "联系人"], ["淮安市教育局", "甲"], [None, "乙"], ["淮安市水利局", "丙"]]
    found = read_list(workbook(rows, ["A2:A3"]), Usual(2024))
    assert [item.agency for item in found.items] == ["淮安市教育局", "淮安市水利局"]


def test_an_agency_that_is_named_twice() -> None:
    found = read_list("单位,截止日期\n淮安市教育局,2025-01-01\n江苏省淮安市教育局,2025-01-02\n".encode(), Usual(2024))
    assert [item.due_on for item in found.items] == ["2025-01-02"]
    assert said(found)["remarks"] == [("line.twice", 3, "江苏省淮安市教育局")]
    assert found.remarks[0].text() == "line 3: '江苏省淮安市教育局' is named twice (line 2); the last line counts"


@pytest.mark.parametrize(
    ("line", "key", "what"),
    [
        ("某局,火星市,,,", "region.unknown", "火星市"),
        ("某局,江苏省/杭州市,,,", "region.unknown", "江苏省/杭州市"),
        ("某局,鼓楼区,,,", "region.unsure", "鼓楼区"),
        ("某局,市本级,,,", "region.unknown", "市本级"),
        ("某局,,999999,,", "code.unknown", "999999"),
        ("某局,,32081,,", "code.unknown", "32081"),
        ("某局,杭州市,320800,,", "region.contradicts", "杭州市"),
        ("某局,,320800,1999,", "year.unknown", "1999"),
        ("某局,,320800,去年,", "year.unknown", "去年"),
        ("某局,,320800,,月底", "date.unknown", "月底"),
        ("某局,,320800,,2025-02-30", "date.unknown", "2025-02-30"),
        ("12345,,320800,,", "agency.unreadable", "12345"),
        ("#REF!,,320800,,", "agency.unreadable", "#REF!"),
        (f"{'某' * 121}局,,320800,,", "agency.long", "某" * 60),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(line: str, key: str, what: str) -> None:
    text = f"单位,地区,区划代码,年度,期限\n淮安市教育局,,,,\n{line}\n"
    found = read_list(text.encode(), Usual(2024))
    assert [item.agency for item in found.items] == ["淮安市教育局"]
    assert said(found)["refused"] == [(key, 3, what)]
    assert what[:20] in found.refused[0].text("zh")
    assert found.refused[0].text().startswith("line 3: ")


def test_no_year() -> None:
    assert said(read_list("单位\n淮安市教育局\n".encode()))["refused"] == [("year.none", 2, "淮安市教育局")]


@pytest.mark.parametrize(
    ("region", "code"),
    [
        ("江苏省/淮安市/洪泽区", "320813"),
        ("江苏省淮安市洪泽区", "320813"),
        ("洪泽区", "320813"),
        ("淮安市 洪泽区", "320813"),
        ("江苏 > 淮安", "320800"),
        ("320813", "320813"),
        ("淮安市本级", "320800"),
    ],
)
def test_regions_as_lists_write_them(region: str, code: str) -> None:
    found = read_list(f"单位,地区\n某局,{region}\n".encode(), Usual(2024))
    assert [item.region_code for item in found.items] == [code], said(found)


def test_the_region_of_the_list_holds_for_lines_without_one() -> None:
    text = "单位,地区\n财政局,\n财政局,市本级\n洪泽区财政局,\n财政局,清江浦区\n鼓楼区财政局,鼓楼区\n"
    found = read_list(text.encode(), Usual(2024, "江苏省/淮安市"))
    assert [(item.agency, item.region_code) for item in found.items] == [
        ("财政局", "320800"),
        ("洪泽区财政局", "320813"),
        ("财政局", "320812"),
    ]
    assert said(found)["refused"] == [("region.unsure", 6, "鼓楼区")]
    with pytest.raises(ListError, match="'火星' is not known"):
        read_list(text.encode(), Usual(2024, "火星"))
    with pytest.raises(ListError, match="year '1' is none"):
        read_list(text.encode(), Usual(1))


def test_an_agency_without_any_region_is_taken_and_told() -> None:
    assert said(read_list("单位\n某局\n".encode(), Usual(2024)))["remarks"] == [("line.no_region", 2, "某局")]


def test_one_agency_that_a_person_typed() -> None:
    (item,) = read_line("淮安市教育局", Usual(2024), "2025-01-15").items
    assert (item.region_code, item.due_on) == ("320800", "2025-01-15")
    assert [note.key for note in read_line("淮安市教育局", Usual(2024, ""), "never").refused] == ["date.unknown"]


# ---- workbooks as they come ------------------------------------------------------------------------------------------------


def test_the_first_visible_sheet_with_agencies_is_read() -> None:
    def change(book: Any) -> None:
        for name, state in (("填表说明", "visible"), ("旧名单", "hidden"), ("2024", "visible"), ("2023", "visible")):
            sheet = book.create_sheet(name)
            sheet.sheet_state = state
            sheet.append(["填写须知"] if name == "填表说明" else ["单位名称"])
            sheet.append(["略"] if name == "填表说明" else [f"淮安市{name}局"])

    found = read_list(workbook([], change=change), Usual(2024))
    assert (found.sheet, [item.agency for item in found.items]) == ("2024", ["淮安市2024局"])
    assert said(found)["remarks"] == [("sheets.others", 0, "2024")]


def of_another_program() -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet("名单")
        sheet.merge_range("A1:C1", "名单")
        sheet.write_row("A2", ["单位", "地区", "期限"])
        sheet.write_rich_string("A3", "淮安市", book.add_format({"bold": True}), "教育局")
        sheet.merge_range("B3:B4", "淮安市")
        sheet.write_datetime("C3", datetime(2025, 2, 1), book.add_format({"num_format": 'yyyy"年"m"月"d"日"'}))
        sheet.write("A4", "水利局")
        sheet.write_formula("C4", "=C3", value=45690)
    return target.getvalue()


def test_a_workbook_of_another_program() -> None:
    found = read_list(of_another_program(), Usual(2024))
    assert [(item.agency, item.region_code, item.due_on) for item in found.items] == [
        ("淮安市教育局", "320800", "2025-02-01"),
        ("水利局", "320800", "2025-02-02"),
    ]


def test_files_that_are_no_lists() -> None:
    assert refusal(b"") == "columns.no_agency"
    assert refusal(b"a,b\n1,2\n") == "columns.no_agency"
    assert refusal(workbook([["a"], [1]])) == "columns.no_agency"
    assert refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600) == "file.old_excel"
    assert refusal(b"PK\x03\x04" + b"\0" * 60) == "file.damaged"
    assert refusal('单位\n"'.encode() + b"x" * 200_000) == "file.not_a_list"
    assert refusal(b"x" * 10_000_001) == "file.large"
    with pytest.raises(ListError, match=r"nothing\.csv: the file cannot be read"):
        read_expected(Path("/nowhere/nothing.csv"))


def test_a_damaged_workbook_says_so() -> None:
    good = of_another_program()
    assert refusal(good[: len(good) // 2]) == "file.damaged"
    for part in ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml", "[Content_Types].xml"):
        cut = rewritten(good, lambda name, content, part=part: content[: len(content) // 2] if name == part else content)
        assert refusal(cut) == "file.damaged", part
    for part in ("xl/workbook.xml", "[Content_Types].xml", "xl/_rels/workbook.xml.rels"):
        empty = rewritten(good, lambda name, content, part=part: b"<none/>" if name == part else content)
        assert refusal(empty) in ("file.damaged", "columns.no_agency"), part
    numbers = rewritten(good, lambda name, content: re.sub(rb'r="\w+"', b'r="' + b"9" * 5000 + b'"', content))
    assert refusal(numbers) == "file.damaged"


# ---- workbooks that are made to do harm ------------------------------------------------------------------------------------


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = rewritten(workbook(LIST), lambda name, content: content, {"xl/bomb.xml": b"\0" * 64_000_000})
    assert len(bomb) < 200_000
    assert refusal(bomb) == "file.large"
    many = rewritten(workbook(LIST), lambda name, content: content, {f"xl/x{n}.xml": b"" for n in range(600)})
    assert refusal(many) == "file.large"


def test_a_size_that_lies_is_not_believed() -> None:
    raw = bytearray(rewritten(workbook(LIST), lambda name, content: content, {"xl/bomb.xml": b"\0" * 64_000_000}))
    real, told = (64_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    assert raw.count(real) == 2
    assert refusal(bytes(raw.replace(real, told))) == "file.damaged"


def test_pictures_in_a_workbook_are_left_alone() -> None:
    noise = {"xl/media/image1.png": b"\0" * 64_000_000}
    assert len(read_list(rewritten(workbook(LIST, MERGED), lambda name, content: content, noise)).items) == 4


@pytest.mark.parametrize("cells", [b"<c/>" * 450_000, b'<c r="A20001" t="inlineStr"><is><t>x</t></is></c>'])
def test_too_many_cells_or_rows(cells: bytes) -> None:
    def change(name: str, content: bytes) -> bytes:
        row = b'<row r="20001">' + cells + b"</row></sheetData>"
        return content.replace(b"</sheetData>", row) if name.endswith("sheet1.xml") else content

    assert refusal(rewritten(workbook(LIST), change)) == "file.large"


def test_cells_and_merges_far_away_take_no_memory() -> None:
    def change(name: str, content: bytes) -> bytes:
        if not name.endswith("sheet1.xml"):
            return content
        far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        far += b'<mergeCells><mergeCell ref="B4:XFD1048576"/></mergeCells>'
        return content.replace(b"</sheetData>", far)

    assert len(read_list(rewritten(workbook(LIST), change), Usual(2024, "320813")).items) == 4
    many = b"<mergeCells>" + b'<mergeCell ref="A1:A20000"/>' * 10_000 + b"</mergeCells>"
    bomb = rewritten(workbook(LIST), lambda name, content: content.replace(b"</sheetData>", b"</sheetData>" + many))
    assert refusal(bomb) == "file.large"


def test_a_document_type_is_refused() -> None:
    def change(name: str, content: bytes) -> bytes:
        lol = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
        return re.sub(rb"^(<\?xml[^>]*>)?", rb"\1" + lol, content) if name.endswith("workbook.xml") else content

    assert refusal(rewritten(workbook(LIST), change)) == "file.damaged"


def test_the_longest_list_is_read() -> None:
    rows = [["单位", "年度", "地区"], *([f"淮安市第{n}局", 2024, "淮安市"] for n in range(xlsx_lists.MAX_ROWS - 1))]
    assert len(read_list(workbook(rows)).items) == xlsx_lists.MAX_ROWS - 1
