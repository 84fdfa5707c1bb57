"""The list of the agencies that must report, on the pages: shown before it is taken in, one line added and removed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from codebook.agency_kinds import stored_key
from console.web.security import UPLOAD_BYTES
from database.reports import coverage
from database.reports.coverage import Listed
from database.session import reading, run_transaction
from database.users import accounts, audit
from tests.console.web.filed import EVIL
from tests.database.test_results import load, register, verdict
from tests.ingest.test_expected_lists import LIST, MERGED, workbook

CSV = f"单位,地区,备注\n淮安市教育局,淮安市,{EVIL}\n某局,火星市,\n盐城市教育局,盐城市,\n"


def send(desk: Any, client: Any, content: bytes, name: str = "名单.xlsx", **fields: Any) -> Any:
    data = {"csrf": desk.token(client), **fields}
    return client.post("/coverage/list", data=data, files={"file": (name, content)})


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def confirm(desk: Any, client: Any, page: str, **fields: Any) -> Any:
    """Press the button below a preview, as a browser does."""
    data = {"csrf": desk.token(client)} | {name: hidden(page, name) for name in ("list", "name", "year", "region")} | fields
    return client.post("/coverage/list/take", data=data, files={"none": ("", b"")})


def kept(desk: Any) -> list[tuple[int, str, str | None]]:
    with reading(desk.engine) as connection:  # in the order of code points
        return sorted((item.year, item.agency, item.region_code) for item in coverage.expected(connection))


def entries(desk: Any, action: str) -> list[Any]:
    with reading(desk.engine) as connection:
        return audit.trail(connection, action=action)


def test_a_workbook_is_shown_and_then_taken_in(desk: Any) -> None:
    assert 'href="/coverage/list"' in desk.operator.get("/coverage").text
    assert 'href="/coverage/list"' not in desk.viewer.get("/coverage").text
    assert 'type="file"' in desk.operator.get("/coverage/list").text
    answer = send(desk, desk.operator, workbook(LIST, MERGED))
    assert answer.status_code == 200
    assert "将导入 4 家" in answer.text
    assert "示例市2024年应编制年报单位名单" in answer.text
    assert answer.text.count("不使用") == 2  # 序号 and 联系人
    assert "张三" in answer.text  # the lines as they are printed
    assert "江苏省 淮安市 洪泽区" in answer.text
    assert "略过的行（4）" in answer.text
    assert (kept(desk), entries(desk, "expect")) == ([], [])
    taken = confirm(desk, desk.operator, answer.text, reason="年度名单")
    assert taken.headers["location"] == "/coverage?year=2024"
    assert "已导入 4 家单位，0 行未导入" in desk.operator.get(taken.headers["location"]).text
    assert [agency for _, agency, _ in kept(desk)] == [
        "洪泽区仁和镇人民政府",
        "淮安市教育局",
        "淮安市民政局",
        "淮安市洪泽区人民政府",
    ]
    (entry,) = entries(desk, "expect")
    assert (entry.who, entry.subject, entry.reason, entry.detail["agencies"]) == ("operator", "名单.xlsx", "年度名单", 4)


def test_refused_lines_are_shown_and_left_out_only_when_that_is_said(desk: Any) -> None:
    answer = send(desk, desk.operator, CSV.encode("gb18030"), "<b>.csv", year="2024")
    assert answer.status_code == 422
    assert "第 3 行：未识别的地区“火星市”" in answer.text
    assert EVIL not in answer.text
    assert "<b>.csv" not in answer.text
    assert "火星市" in send(desk, desk.operator, CSV.encode(), year="2024").text
    refused = confirm(desk, desk.operator, answer.text)
    assert (refused.status_code, kept(desk)) == (422, [])
    assert "有 1 行未通过，未导入任何内容" in refused.text
    taken = confirm(desk, desk.operator, refused.text, skip_refused="yes")
    assert taken.status_code == 303
    assert kept(desk) == [(2024, "淮安市教育局", "320800"), (2024, "盐城市教育局", "320900")]
    english = desk.client()
    desk.post(english, "/login", name="operator", password="correct horse battery")
    english.cookies.set("gongkai_language", "en")
    assert "line 3: region &#39;火星市&#39; is not known" in send(desk, english, CSV.encode(), year="2024").text


def test_the_same_years_are_replaced_when_that_is_said(desk: Any) -> None:
    run_transaction(desk.engine, lambda c: coverage.expect(c, [Listed(2024, "旧局", "x", None, None)], who="test"))
    page = send(desk, desk.operator, "单位\n淮安市教育局\n".encode(), year="2024").text
    confirm(desk, desk.operator, page)
    assert len(kept(desk)) == 2
    confirm(desk, desk.operator, page, replace="yes")
    assert kept(desk) == [(2024, "淮安市教育局", "320800")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "请选择文件"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "旧版 Excel"),
        (b"PK\x03\x04xxxx", "文件已损坏"),
        (b"a,b\n1,2\n", "没有列出单位名称的列"),
        (b"x" * 1_000_001, "文件过大（超过 1 MB）"),
    ],
)
def test_a_file_that_is_no_list(desk: Any, content: bytes, said: str) -> None:
    answer = send(desk, desk.operator, content)
    assert answer.status_code == 422
    assert said in answer.text


def test_uploads_have_a_bound_and_a_token(desk: Any) -> None:
    assert send(desk, desk.operator, b"x" * UPLOAD_BYTES).status_code == 413
    client, token = desk.operator, desk.token(desk.operator)
    body = b'--b\r\ncontent-disposition: form-data; name="csrf"\r\n\r\n' + token.encode() + b"\r\n--b--\r\n"

    def chunks() -> Any:  # without a length
        yield body[:-7]
        for _ in range(30):
            yield b"x" * 100_000

    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert client.post("/coverage/list", content=chunks(), headers=headers).status_code == 403
    assert client.post("/coverage/list", content=body, headers=headers).status_code == 422  # no file
    for broken in (b"", b"--x", body[:40], body.replace(b"--b", b"--c")):
        assert client.post("/coverage/list", content=broken, headers=headers).status_code in (403, 422)
    assert client.post("/coverage/list", content=body, headers={"content-type": "multipart/form-data"}).status_code == 403
    assert client.post("/coverage/lines", content=body, headers=headers).status_code == 403  # takes no file
    assert client.post("/coverage/list", files={"file": ("a.csv", "单位\n某局\n".encode())}).status_code == 403  # no token
    two = [("file", ("a.csv", b"x")), ("file", ("b.csv", b"x"))]
    assert client.post("/coverage/list", data={"csrf": token}, files=two).status_code == 403


def test_what_is_confirmed_is_read_again(desk: Any) -> None:
    """The form carries the file. One that was changed on the way is read by the same rules."""
    page = send(desk, desk.operator, "单位\n淮安市教育局\n".encode(), year="2024").text
    for changed in ("", "!", "AAAA", "5Y2V5L2N"):
        answer = confirm(desk, desk.operator, page, list=changed)
        assert (answer.status_code, kept(desk)) == (422, []), changed
    assert confirm(desk, desk.operator, page, region="火星").status_code == 422
    assert desk.post(desk.viewer, "/coverage/list/take", list=hidden(page, "list"), year="2024").status_code == 403


def test_one_agency_is_added_and_removed_and_added_again(desk: Any) -> None:
    given = {"agency": "淮安市教育局", "year": "2024", "region": "", "due_on": "2025-01-15", "reason": "漏列"}
    assert desk.post(desk.operator, "/coverage/lines", **given).headers["location"] == "/coverage?year=2024"
    page = desk.operator.get("/coverage?year=2024").text
    assert "2025-01-15" in page
    path = re.search(r'href="(/coverage/lines/\d+/remove)"', page)
    assert path is not None
    assert path[1] not in desk.viewer.get("/coverage?year=2024").text
    assert "江苏省 淮安市" in desk.operator.get(path[1]).text
    assert desk.post(desk.operator, path[1], reason=" ").status_code == 422
    assert len(kept(desk)) == 1
    assert desk.post(desk.operator, path[1], reason="已并入").headers["location"] == "/coverage?year=2024"
    assert kept(desk) == []
    assert desk.operator.get(path[1]).status_code == 404
    assert desk.post(desk.operator, path[1], reason="已并入").status_code == 404
    (entry,) = entries(desk, "expect.remove")
    assert (entry.who, entry.subject, entry.reason) == ("operator", "淮安市教育局", "已并入")
    assert "移出应报名单" in desk.administrator.get("/audit").text
    desk.post(desk.operator, "/coverage/lines", **given)
    assert kept(desk) == [(2024, "淮安市教育局", "320800")]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("agency", "", "没有单位名称"),
        ("agency", "123", "不是单位名称"),
        ("year", "", "没有年度"),
        ("year", "1999", "年度“1999”无法识别"),
        ("region", "火星", "未识别的地区"),
        ("due_on", "月底", "日期“月底”无法识别"),
    ],
)
def test_an_agency_that_is_not_understood_is_not_added(desk: Any, field: str, value: str, said: str) -> None:
    given = {"agency": "某局", "year": "2024", "region": "淮安市", "due_on": ""} | {field: value}
    answer = desk.post(desk.operator, "/coverage/lines", **given)
    assert (answer.status_code, kept(desk)) == (422, [])
    assert said in answer.text
    assert f'value="{given["region"]}"' in answer.text  # what was typed stays


def test_who_is_bound_to_a_region_changes_its_list_alone(desk: Any) -> None:
    other = Listed(2024, "盐城市水利局", "y", "320900", None)
    run_transaction(desk.engine, lambda c: coverage.expect(c, [other], who="test"))
    with reading(desk.engine) as connection:
        (line,) = coverage.lines_named(connection, other.agency, 2024)
    run_transaction(desk.engine, lambda c: accounts.set_access(c, "operator", regions=["320800"], batches=None, who="test"))
    answer = send(desk, desk.operator, CSV.encode(), year="2024")
    assert "“盐城市教育局”不在您所负责的地区内" in answer.text
    assert confirm(desk, desk.operator, answer.text, skip_refused="yes", replace="yes").status_code == 303
    assert kept(desk) == [(2024, "淮安市教育局", "320800"), (2024, "盐城市水利局", "320900")]
    path = f"/coverage/lines/{line.id}/remove"
    assert desk.operator.get(path).status_code == 404
    assert desk.post(desk.operator, path, reason="x").status_code == 404
    assert desk.post(desk.operator, "/coverage/lines", agency="盐城市民政局", year="2024").status_code == 422
    run_transaction(desk.engine, lambda c: accounts.set_access(c, "operator", regions=None, batches=[], who="test"))
    assert desk.operator.get("/coverage/list").status_code == 404
    assert send(desk, desk.operator, CSV.encode(), year="2024").status_code == 404
    assert len(kept(desk)) == 2


def test_the_lines_are_worked_out_again_when_something_changed(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    worked_out = coverage.coverage

    def watched(connection: Any, year: int, *rest: Any, **named: Any) -> Any:
        asked.append(year)
        return worked_out(connection, year, *rest, **named)

    monkeypatch.setattr(coverage, "coverage", watched)
    listed = Listed(2022, "洪泽区民政局", stored_key("洪泽区民政局", "320813"), "320813", None)
    run_transaction(desk.engine, lambda c: coverage.expect(c, [listed], who="li"))
    pages = [desk.viewer.get("/coverage?year=2022").text for _ in range(2)]
    assert asked == [2022]
    assert "/filings/" not in pages[1]
    load(desk.engine, register(desk.engine, 1)[0], verdict("洪泽区民政局", year=2022, new_received=3))
    page = desk.viewer.get("/coverage?year=2022").text
    assert asked == [2022, 2022]
    assert 'href="/filings/1"' in page
