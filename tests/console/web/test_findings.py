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
    assert "requests.balance (2)" in page
    only = filed.viewer.get("/findings", params={"rule": "problems.empty", "region": "淮安市", "text": "民政"}).text
    assert re.findall(r'<td class="number"><a href="/findings/(\d+)"', only) == ["3"]
    assert filed.viewer.get("/findings", params={"region": "无此地"}).text.count("<tr>") == 0
    for order in ("newest", "changed", "region"):
        assert filed.viewer.get("/findings", params={"order": order, "after": "2"}).status_code == 200


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
    assert 'name="count"' not in asked
    fields = {"to": "dismissed", "reason": "原文如此", name: value}
    for count in (0, 3):
        filed.post(filed.operator, "/findings/decide", **fields, count=count)
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
    assert filed.post(filed.operator, "/findings/3", to="dismissed", reason="原文如此").status_code == 303
    page = filed.operator.get("/findings/3").text
    assert "原文如此" in page
    assert "operator" in page
    assert EVIL not in page
    assert filed.post(filed.operator, "/findings/3", to="sent").status_code == 409  # a dismissed one cannot be sent
    assert filed.operator.get("/findings/99").status_code == 404
    assert filed.post(filed.operator, "/findings/99", to="confirmed").status_code == 404
    document = filed.operator.get("/documents/3").text
    assert 'href="/findings/3"' in document


def test_many_are_counted_first_and_the_act_is_taken_back(filed: Desk) -> None:
    asked = filed.operator.get("/findings/decide", params={"to": "confirmed", "rule": "requests.balance"}).text
    assert 'name="count" value="2"' in asked
    fields = {"to": "confirmed", "rule": "requests.balance", "back": "/findings?state=new"}
    changed = filed.post(filed.operator, "/findings/decide", **fields, count=1)
    assert changed.status_code == 409
    assert {state for _, state, *_ in cases(filed.engine)} == {"new"}
    done = filed.post(filed.operator, "/findings/decide", **fields, count=2)
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
    assert 'name="count" value="1"' in asked
    assert filed.post(filed.operator, "/findings/decide", to="confirmed", case=["1", "2"], count=1).status_code == 303
    assert [state for _, state, *_ in cases(filed.engine)] == ["new", "confirmed", "new"]
    assert filed.operator.get("/findings/1").status_code == 404
    assert filed.post(filed.operator, "/findings/1", to="confirmed").status_code == 404
