"""The pages of filings, of agencies, and of the questions whether two are one: what they show, and the acts on them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from codebook.records import Reader
from console.web.views.editions import compared_texts
from database.filings import agencies, listing
from database.filings.listing import FilingFilter, FilingLine
from database.models import AgencyKeyRow
from database.session import reading, run_transaction
from database.users import accounts, audit
from tests.console.web.filed import TOTAL, file_scan, file_sure, report
from tests.database.test_filings import dated
from tests.database.test_results import load, register, verdict
from tests.inline import Inline

OTHER = "示例县教育和体育局"


def file_report(desk: Any, name: str, mark: int, *given: Any, **changes: Any) -> int:
    return file_sure(Inline(desk.engine, desk.settings.home), name, mark, *given, **changes)


def lines(desk: Any, **wanted: Any) -> list[FilingLine]:
    with reading(desk.engine) as connection:
        return listing.filing_lines(connection, FilingFilter(**wanted))


def words(page: str) -> str:
    """What a page says, without its marks."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def entries(desk: Any, action: str) -> list[Any]:
    with reading(desk.engine) as connection:
        return audit.trail(connection, action=action)


@pytest.fixture
def editions(desk: Any) -> tuple[int, int, int]:
    """A filing with two editions, and the documents of both."""
    first = file_report(desk, "a/年报.pdf", 1, words="全年公开12件。另有说明。", published_on="2025-01-20")
    second = file_report(desk, "b/年报新.pdf", 2, 6, words="全年公开13件。另有说明。", published_on="2025-03-02")
    (line,) = lines(desk)
    return line.id, first, second


def test_a_list_of_filings_with_its_filters(desk: Any, editions: tuple[int, int, int]) -> None:
    file_report(desk, "c/财政局.pdf", 3, agency="外地县财政局", region_code="330100", region=("浙江省", "杭州市"), year=2023)
    page = desk.viewer.get("/filings").text
    assert "示例县教育局" in page
    assert "印制的公布日期最晚 2025-03-02" in page
    assert "只有一个版本" in page
    found = {
        query: ("示例县教育局" in text, "外地县财政局" in text)
        for query in (
            "year=2024",
            "year=2023",
            "region=3208",
            "region=江苏省/淮安市",
            "agency=财政",
            "show=several",
            "show=chosen",
            "region=无此地区",
        )
        for text in (desk.viewer.get(f"/filings?{query}").text,)
    }
    assert found == {
        "year=2024": (True, False),
        "year=2023": (False, True),
        "region=3208": (True, False),
        "region=江苏省/淮安市": (True, False),
        "agency=财政": (False, True),
        "show=several": (True, False),
        "show=chosen": (False, False),
        "region=无此地区": (False, False),
    }
    assert "未识别的地区“无此地区”" in desk.viewer.get("/filings?region=无此地区").text


def test_a_filing_shows_its_editions_side_by_side(desk: Any, editions: tuple[int, int, int]) -> None:
    filing, first, second = editions
    page = desk.viewer.get(f"/filings/{filing}").text
    said = words(page)
    assert "第 2 版 现行" in said
    assert "依据 印制的公布日期最晚" in said
    assert f'href="/documents/{first}?cell={TOTAL}">5<' in page
    assert f'<td class="side changed"><a href="/documents/{second}?cell={TOTAL}">6<' in page
    assert "本年新收政府信息公开申请数量·总计 5 6" in said
    assert "全年公开<del>12</del>件" in page
    assert "全年公开<ins>13</ins>件" in page
    assert 'action="/filings' not in page  # who may only look
    assert desk.viewer.get("/filings/999").status_code == 404


def test_a_document_that_is_not_in_force_says_so(desk: Any, editions: tuple[int, int, int]) -> None:
    filing, first, second = editions
    page = desk.viewer.get(f"/documents/{first}").text
    assert "本文档不是现行版本" in page
    assert f'href="/documents/{second}"' in page
    assert f'href="/filings/{filing}"' in page
    now = desk.viewer.get(f"/documents/{second}").text
    assert "本文档不是现行版本" not in now
    assert "第 2 版，共 2 版" in now
    marked = desk.viewer.get("/documents").text
    assert marked.count("非现行") == 1


def test_an_edition_is_chosen_for_a_reason_and_left_to_the_evidence_again(desk: Any, editions: tuple[int, int, int]) -> None:
    filing, first, second = editions
    path = f"/filings/{filing}/edition"
    for fields in ({"document": str(first)}, {"reason": "x"}, {"document": "999", "reason": "x"}):
        refused = desk.post(desk.operator, path, **fields)
        assert refused.status_code == 422
        assert "请" in refused.text
    assert desk.post(desk.viewer, path, document=str(first), reason="x").status_code == 403
    assert lines(desk)[0].document_id == second
    done = desk.post(desk.operator, path, document=str(first), reason="原件如此")
    page = desk.operator.get(done.headers["location"]).text
    assert "已指定第 1 版为现行版本" in page
    assert "原件如此" in page
    assert "人工指定" in page
    assert (lines(desk)[0].document_id, lines(desk, chosen=True)[0].chosen_by) == (first, "operator")
    assert "本文档不是现行版本" in desk.viewer.get(f"/documents/{second}").text
    done = desk.post(desk.operator, path, document="evidence", reason="以新版为准")
    assert "按证据自动确定" in desk.operator.get(done.headers["location"]).text
    assert lines(desk)[0].document_id == second
    assert [(e.who, e.reason) for e in entries(desk, "filing_choose")] == [("operator", "以新版为准"), ("operator", "原件如此")]
    assert "指定现行版本" in desk.administrator.get("/audit").text


def test_renditions_that_differ_are_shown_with_their_cells(desk: Any) -> None:
    documents = register(desk.engine, 2)
    load(desk.engine, documents[0], dated(verdict(new_received=8, granted=2), None, Reader.OCR))
    load(desk.engine, documents[1], dated(verdict(new_received=3, granted=2), "2023-01-20", Reader.HTML))
    (line,) = lines(desk)
    page = desk.viewer.get(f"/filings/{line.id}").text
    assert "第 1 版的文件互有不同" in page
    assert '<td class="side changed"><a href="/documents/1?cell=requests.new_received.total">8<' in page
    assert "代表" not in desk.viewer.get(f"/documents/{documents[1]}").text
    assert "现行版本的另一份文件" in desk.viewer.get(f"/documents/{documents[0]}").text


@pytest.fixture
def two(desk: Any) -> tuple[int, int]:
    """Two agencies that may be one, with reports on three years, and the question about them."""
    file_report(desk, "a/1.pdf", 1, year=2023)
    file_report(desk, "a/2.pdf", 2, year=2024)
    file_report(desk, "b/3.pdf", 3, agency=OTHER, year=2022)
    with reading(desk.engine) as connection:
        (case,) = agencies.open_cases(connection)
    return case.one.agency.id, case.other.agency.id


def names(desk: Any) -> list[str]:
    with reading(desk.engine) as connection:
        return [line.name for line in agencies.agency_lines(connection, agencies.AgencyFilter())]


def test_agencies_are_listed_and_found(desk: Any, two: tuple[int, int]) -> None:
    page = desk.viewer.get("/agencies").text
    assert "2023–2024" in page
    assert "/agencies/cases" not in page
    assert 'href="/agencies/cases"' in desk.operator.get("/agencies").text
    assert OTHER not in desk.viewer.get("/agencies?region=3301").text
    assert OTHER in desk.viewer.get("/agencies?text=体育&kind=department&region=淮安市").text
    assert "没有符合条件的单位" in desk.viewer.get("/agencies?kind=town").text


def test_an_agency_is_joined_with_another_that_was_searched_and_the_joining_is_undone(desk: Any, two: tuple[int, int]) -> None:
    one, other = two
    page = desk.operator.get(f"/agencies/{one}?find=体育").text
    assert f'name="other" value="{other}"' in page
    assert "可能与另一家是同一单位" in page
    for fields in ({"other": str(other), "find": "体育"}, {"reason": "x"}):
        assert desk.post(desk.operator, f"/agencies/{one}/join", **fields).status_code == 422
    assert desk.post(desk.operator, f"/agencies/{one}/join", other="999", reason="x").status_code == 404
    done = desk.post(desk.operator, f"/agencies/{one}/join", other=str(other), reason="同一机关")
    page = desk.operator.get(done.headers["location"]).text
    assert "已合并，1 份文档重新归档" in page
    assert [line.agency_id for line in lines(desk)] == [one] * 3
    assert "已并入" in desk.viewer.get(f"/agencies/{other}").text
    undo = re.search(rf'action="(/agencies/{one}/decisions/\d+/undo)"', page)
    assert undo is not None
    assert desk.post(desk.operator, undo[1]).status_code == 422  # why?
    done = desk.post(desk.operator, undo[1], reason="误并")
    page = desk.operator.get(done.headers["location"]).text
    assert "已撤销，1 份文档重新归档" in page
    assert sorted({line.agency_id for line in lines(desk)}) == sorted(two)
    again = desk.operator.get(desk.post(desk.operator, undo[1], reason="x").headers["location"]).text
    assert "不能撤销" in again
    assert [entry.reason for entry in entries(desk, "agency_undo")] == ["误并"]


def test_names_are_parted_and_an_agency_is_renamed(desk: Any, two: tuple[int, int]) -> None:
    one, other = two
    desk.post(desk.operator, f"/agencies/{one}/join", other=str(other), reason="同一机关")
    with reading(desk.engine) as connection:
        keys = connection.scalars(select(AgencyKeyRow.key).where(AgencyKeyRow.agency_id == one)).all()
    sports = next(key for key in keys if "体育" in key)
    page = desk.operator.get(f"/agencies/{one}").text
    assert f'name="key" value="{sports}"' in page
    for fields in ({"reason": "x"}, {"key": sports}, {"key": list(keys), "reason": "x"}, {"key": "无此键", "reason": "x"}):
        assert desk.post(desk.operator, f"/agencies/{one}/part", **fields).status_code == 422
    done = desk.post(desk.operator, f"/agencies/{one}/part", key=sports, reason="不是一家")
    made = int(done.headers["location"].rpartition("/")[2])
    assert "已分出，1 份文档重新归档" in desk.operator.get(done.headers["location"]).text
    assert [line.agency_id for line in lines(desk, agency_id=made)] == [made]
    for fields in ({"name": "示例县教体局"}, {"reason": "x"}):
        assert desk.post(desk.operator, f"/agencies/{made}/rename", **fields).status_code == 422
    taken = desk.post(desk.operator, f"/agencies/{made}/rename", name="示例县教育局", reason="x")
    assert taken.status_code == 409
    assert "该名称已属于另一家单位" in taken.text
    done = desk.post(desk.operator, f"/agencies/{made}/rename", name="示例县教育和体育委员会", reason="规范名称")
    assert "登记名称改为“示例县教育和体育委员会”" in desk.operator.get(done.headers["location"]).text
    assert sorted(names(desk)) == ["示例县教育和体育委员会", "示例县教育局"]
    assert desk.post(desk.viewer, f"/agencies/{made}/rename", name="x", reason="x").status_code == 403


def question(page: str) -> str:
    found = re.search(r'name="case" value="(\d+)"', page)
    assert found is not None
    return found[1]


def test_a_question_shows_both_sides_and_is_decided(desk: Any, two: tuple[int, int]) -> None:
    page = desk.operator.get("/agencies/cases").text
    said = words(page)
    assert "一个名称可能是另一个的简称，或职能有增减" in said
    assert "示例县教育局 示例县教育和体育局" in said
    assert "江苏省 淮安市" in said
    assert "2024 文档 2 已通过 1 个版本 无" in said
    assert words(desk.operator.get("/agencies/cases/left").text) == "1 项待判定"
    for fields in ({"choice": "one"}, {"reason": "x"}, {"choice": "successor", "reason": "x"}):
        assert desk.post(desk.operator, "/agencies/cases", case=question(page), **fields).status_code == 422
    done = desk.post(desk.operator, "/agencies/cases", case=question(page), choice="two", reason="级别不同")
    after = desk.operator.get(done.headers["location"]).text
    assert "已判定为两家" in after
    assert "没有待判定的问题" in after
    assert [(e.who, e.reason) for e in entries(desk, "agency_apart")] == [("operator", "级别不同")]
    gone = desk.post(desk.operator, "/agencies/cases", case=question(page), choice="one", reason="x")
    assert "已由他人判定" in desk.operator.get(gone.headers["location"]).text


def test_the_last_question_is_undone_and_decided_the_other_way(desk: Any, two: tuple[int, int]) -> None:
    client, token = desk.operator, desk.token(desk.operator)
    case = question(client.get("/agencies/cases").text)
    partly = {"hx-request": "true"}  # as the script of the page asks
    data = {"csrf": token, "case": case, "choice": "two", "reason": "级别不同"}
    page = client.post("/agencies/cases", data=data, headers=partly).text
    undo = re.search(r'name="number" value="(\d+)"', page)
    assert undo is not None
    page = client.post("/agencies/cases/undo", data={"csrf": token, "case": case, "number": undo[1]}, headers=partly).text
    assert "已撤销，请重新判定" in page
    assert question(page) == case
    page = client.post("/agencies/cases", data={**data, "choice": "one", "reason": "同一机关"}, headers=partly).text
    assert "已判定为一家" in page
    assert len({line.agency_id for line in lines(desk)}) == 1


def test_a_question_about_a_reform_is_decided_with_the_succession(desk: Any) -> None:
    file_report(desk, "a/1.pdf", 1, agency="淮安市国土资源局", year=2018)
    file_report(desk, "b/2.pdf", 2, agency="淮安市自然资源和规划局", year=2019)
    page = desk.operator.get("/agencies/cases").text
    assert "2018 年机构改革，淮安市国土资源局 在前" in page
    done = desk.post(desk.operator, "/agencies/cases", case=question(page), choice="successor", reason="机构改革")
    assert "没有待判定的问题" in desk.operator.get(done.headers["location"]).text
    old = next(line.agency_id for line in lines(desk) if line.year == 2018)
    page = desk.operator.get(f"/agencies/{old}").text
    assert "承接者 淮安市自然资源和规划局 2018 年" in words(page)
    undo = re.search(rf'action="(/agencies/{old}/decisions/\d+/undo)"', page)
    assert undo is not None
    desk.post(desk.operator, undo[1], reason="再核")
    assert "2018 年机构改革" in desk.operator.get("/agencies/cases").text  # it is asked again


def test_reports_of_both_sides_on_one_year_are_compared(desk: Any) -> None:
    file_report(desk, "a/1.pdf", 1, year=2024)
    file_report(desk, "b/2.pdf", 2, agency="示例县教肓局", year=2024)  # one character is misread
    page = desk.operator.get("/agencies/cases").text
    assert "7 项数字全部相同" in page


def test_who_is_bound_acts_only_where_all_documents_are_theirs(desk: Any, two: tuple[int, int]) -> None:
    """The agency that a bound operator sees has a document of another batch: it is shown, and nothing can be done about it."""
    one, other = two
    inline = Inline(desk.engine, desk.settings.home)
    number = file_scan(inline, "foreign/x.pdf", report(agency=OTHER, year=2021), mark=9, batch="foreign-batch")
    before = [(line.id, line.agency_id, line.document_id) for line in lines(desk)]
    run_transaction(desk.engine, lambda c: accounts.set_access(c, "operator", None, ["test"], who="test"))
    for path in ("/filings", "/agencies", f"/agencies/{other}", f"/agencies/{other}?find=教育", "/agencies/cases"):
        page = desk.operator.get(path)
        assert page.status_code == 200, path
        assert f"/documents/{number}" not in page.text, path
    assert desk.operator.get(f"/filings/{lines(desk, year=2021)[0].id}").status_code == 404
    assert "权限范围之外" in desk.operator.get(f"/agencies/{other}").text
    assert "权限范围之外" in desk.operator.get("/agencies/cases").text
    with reading(desk.engine) as connection:
        (case,) = agencies.open_cases(connection)
    for path, fields in (
        (f"/agencies/{one}/join", {"other": str(other)}),
        (f"/agencies/{other}/join", {"other": str(one)}),
        (f"/agencies/{other}/part", {"key": "x"}),
        (f"/agencies/{other}/rename", {"name": "示例县体育局"}),
        ("/agencies/cases", {"case": str(case.id), "choice": "one"}),
    ):
        assert desk.post(desk.operator, path, reason="x", **fields).status_code == 404, path
    assert [(line.id, line.agency_id, line.document_id) for line in lines(desk)] == before
    done = desk.post(desk.operator, f"/agencies/{one}/rename", name="示例县教育委员会办公室", reason="x")  # all theirs
    assert "登记名称改为" in desk.operator.get(done.headers["location"]).text


def test_texts_are_compared_word_by_word() -> None:
    old, new = compared_texts(
        "共收到申请12件，均已答复。" + "其余不变。" * 40 + "完。", "共收到申请21件，均已答复。" + "其余不变。" * 40 + "完。新增。"
    )
    assert [part.text for part in old if part.changed] == ["12"]
    assert [part.text for part in new if part.changed] == ["21", "新增。"]
    assert all(len(part.text) < 120 for part in (*old, *new))
    assert "".join(part.text for part in compared_texts("", "全新的一章。")[1]) == "全新的一章。"
