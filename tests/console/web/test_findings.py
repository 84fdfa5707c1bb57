"""The pages of findings: filters and counts, one case, deciding about many after they were counted, and taking it back."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from codebook.records import Finding, Severity
from database.access import Access
from database.session import run_transaction
from database.users import accounts
from tests.console.web.conftest import Desk
from tests.database.test_filings import dated
from tests.database.test_finding_cases import balance, cases, wrong
from tests.database.test_results import load, register, verdict

EVIL = "<script>alert(1)</script>"


def mark(page: str) -> str:
    """What a page says that it showed."""
    found = re.search(r'name="mark" value="(\w+)"', page)
    assert found is not None
    return found[1]


@pytest.fixture
def filed(desk: Desk) -> Desk:
    """Three filings with a finding each; the third has another rule, and words that are no markup."""
    documents = register(desk.engine, 4)
    for year, document in zip((2020, 2022), documents, strict=False):
        load(desk.engine, document, wrong(verdict(year=year, new_received=3), balance(3)))
    other = Finding("problems.empty", Severity.WARNING, f"存在问题{EVIL}", sentence=f"没有问题{EVIL}")
    load(desk.engine, documents[2], dated(wrong(verdict(year=2024, new_received=3), other), "2025-01-20"))
    return desk


def test_the_list_filters_counts_and_escapes(filed: Desk) -> None:
    page = filed.viewer.get("/findings").text
    assert page.count('href="/findings/') >= 3
    assert EVIL not in page
    assert "勾稽不符 requests.balance (2)" in page
    only = filed.viewer.get("/findings", params={"rule": "problems.empty", "region": "淮安市", "text": "民政"}).text
    assert re.findall(r'<td class="number"><a href="/findings/(\d+)"', only) == ["3"]
    said = filed.viewer.get("/findings", params={"text": "存在 alert"}).text
    assert re.findall(r'<td class="number"><a href="/findings/(\d+)"', said) == ["3"]
    assert filed.viewer.get("/findings", params={"region": "无此地"}).text.count("<tr>") == 0
    for order in ("newest", "changed", "region"):
        assert filed.viewer.get("/findings", params={"order": order, "after": "2"}).status_code == 200


def test_many_are_decided_about_by_the_kind_of_problem_of_their_rule(filed: Desk) -> None:
    asked = "/findings/decide?to=confirmed&rule=requests.balance"
    assert "勾稽不符 requests.balance" in filed.operator.get(asked).text
    filed.operator.cookies.set("gongkai_language", "en")
    assert "sums that do not hold requests.balance" in filed.operator.get(asked).text


def test_in_english_a_finding_begins_with_what_must_hold(filed: Desk) -> None:
    must = "In each column: newly received + carried over = handled + carried forward. "
    addresses = ("/findings", "/findings/1", "/documents/1", "/findings/decide?to=dismissed&case=1")
    for address in addresses:
        assert must not in filed.operator.get(address).text
    filed.operator.cookies.set("gongkai_language", "en")
    for address in addresses:
        assert f'{must}<span lang="zh-CN">' in filed.operator.get(address).text, address
    assert EVIL not in filed.operator.get("/findings").text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("state", "unknown"), ("rule", "unknown"), ("severity", "fatal"), ("kind", "unknown"), ("region", "无此地")),
        *(("year", "0"), ("year", "x"), ("year", "99999"), ("batch", "0"), ("batch", "x")),
    ],
)
def test_a_value_that_there_is_not_selects_nothing(filed: Desk, name: str, value: str) -> None:
    page = filed.operator.get("/findings", params={name: value})
    assert (page.status_code, page.text.count('name="case"')) == (200, 0)
    asked = filed.operator.get("/findings/decide", params={"to": "dismissed", name: value}).text
    assert 'name="mark"' not in asked
    every = filed.operator.get("/findings/decide", params={"to": "dismissed"}).text
    filed.post(filed.operator, "/findings/decide", to="dismissed", reason="原文如此", mark=mark(every), **{name: value})
    assert {state for _, state, *_ in cases(filed.engine)} == {"new"}


def test_a_rule_of_a_pack_is_a_filter_as_any_other(filed: Desk) -> None:
    with filed.engine.begin() as connection:
        connection.execute(text("update gk_finding_case set rule = 'js.own_rule' where id = 2"))
    asked = filed.operator.get("/findings/decide", params={"to": "dismissed", "rule": "js.own_rule"}).text
    assert re.findall(r'<td class="number"><a href="/findings/(\d+)"', asked) == ["2"]


def test_a_viewer_decides_nothing(filed: Desk) -> None:
    assert 'name="case"' not in filed.viewer.get("/findings").text
    assert filed.post(filed.viewer, "/findings/1", to="confirmed").status_code == 403
    assert filed.viewer.get("/findings/decide", params={"to": "confirmed"}).status_code == 403


def test_one_case_with_its_history(filed: Desk) -> None:
    refused = filed.post(filed.operator, "/findings/3", to="dismissed", reason=" ")
    assert refused.status_code == 422
    seen = mark(filed.operator.get("/findings/3").text)
    assert filed.post(filed.operator, "/findings/3", to="dismissed", reason="原文如此", mark=seen).status_code == 303
    page = filed.operator.get("/findings/3").text
    assert "原文如此" in page
    assert "operator" in page
    assert EVIL not in page
    assert filed.post(filed.operator, "/findings/3", to="sent", mark=mark(page)).status_code == 409  # it was dismissed
    assert filed.operator.get("/findings/99").status_code == 404
    assert filed.post(filed.operator, "/findings/99", to="confirmed").status_code == 404
    document = filed.operator.get("/documents/3").text
    assert 'href="/findings/3"' in document


def test_many_are_counted_first_and_the_act_is_taken_back(filed: Desk) -> None:
    asked = filed.operator.get("/findings/decide", params={"to": "confirmed", "rule": "requests.balance"}).text
    assert re.findall(r'<td class="number"><a href="/findings/(\d+)"', asked) == ["2", "1"]
    fields = {"to": "confirmed", "rule": "requests.balance", "back": "/findings?state=new"}
    changed = filed.post(filed.operator, "/findings/decide", **fields)
    assert changed.status_code == 409
    assert {state for _, state, *_ in cases(filed.engine)} == {"new"}
    done = filed.post(filed.operator, "/findings/decide", **fields, mark=mark(asked))
    assert (done.status_code, done.headers["location"]) == (303, "/findings?state=new")
    assert [state for _, state, *_ in cases(filed.engine)] == ["confirmed", "confirmed", "new"]
    page = filed.operator.get("/findings").text
    act = re.search(r'name="act" value="(\d+)"', page)
    assert act is not None
    assert filed.post(filed.operator, "/findings/undo", act=act[1]).status_code == 303
    assert {state for _, state, *_ in cases(filed.engine)} == {"new"}
    trail = filed.administrator.get("/audit").text
    assert "确认问题" in trail
    assert "撤销对问题的操作" in trail


def test_marked_ones_and_who_is_bound_decides_about_ones_own(filed: Desk) -> None:
    with filed.engine.begin() as connection:
        connection.execute(text("update gk_report set region_code = '330100' where document_id = 1"))
    run_transaction(filed.engine, lambda c: accounts.set_access(c, "operator", Access(("3208",)).regions, None, who="test"))
    asked = filed.operator.get("/findings/decide?to=confirmed&case=1&case=2").text
    assert re.findall(r'<td class="number"><a href="/findings/(\d+)"', asked) == ["2"]
    done = filed.post(filed.operator, "/findings/decide", to="confirmed", case=["1", "2"], mark=mark(asked))
    assert done.status_code == 303
    assert [state for _, state, *_ in cases(filed.engine)] == ["new", "confirmed", "new"]
    assert filed.operator.get("/findings/1").status_code == 404
    assert filed.post(filed.operator, "/findings/1", to="confirmed").status_code == 404


def test_what_another_person_decided_meanwhile_stands(filed: Desk) -> None:
    """The page was open while another person confirmed the case, and sent the notice."""
    open_page = filed.operator.get("/findings/3").text
    for to in ("confirmed", "sent"):
        seen = mark(filed.administrator.get("/findings/3").text)
        assert filed.post(filed.administrator, "/findings/3", to=to, mark=seen).status_code == 303
    late = filed.post(filed.operator, "/findings/3", to="dismissed", reason="原文如此", mark=mark(open_page))
    assert late.status_code == 409
    assert "原文如此" in late.text
    assert cases(filed.engine)[2][1] == "sent"
    again = filed.post(filed.operator, "/findings/3", to="dismissed", reason="原文如此", mark=mark(late.text))
    assert again.status_code == 303


def test_as_many_other_cases_are_not_the_same(filed: Desk) -> None:
    """Between question and answer one case leaves the filter, and another enters it."""
    with filed.engine.begin() as connection:
        connection.execute(text("update gk_finding_case set rule = 'js.own_rule' where id = 1"))
    fields = {"to": "dismissed", "rule": "js.own_rule", "reason": "原文如此"}
    asked = filed.operator.get("/findings/decide", params=fields).text
    with filed.engine.begin() as connection:
        connection.execute(text("update gk_finding_case set rule = 'js.other' where id = 1"))
        connection.execute(text("update gk_finding_case set rule = 'js.own_rule' where id = 2"))
    late = filed.post(filed.operator, "/findings/decide", **fields, mark=mark(asked))
    assert late.status_code == 409
    assert {state for _, state, *_ in cases(filed.engine)} == {"new"}
    done = filed.post(filed.operator, "/findings/decide", **fields, mark=mark(late.text))
    assert done.status_code == 303
    assert [state for _, state, *_ in cases(filed.engine)] == ["new", "dismissed", "new"]
