"""Collecting on the pages: who may, what is taken in and shown, and hosts that are resumed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from database.models import Audit, CollectAddress, CollectHost
from database.session import reading, run_transaction

LIST = "网址,类型,地区\nhttp://www.example.cn/nb/,栏目页,江苏省/淮安市\nhttp://www.example.cn/1.html,报告,\n不是网址,,\n".encode(
    "gb18030"
)


def test_a_list_is_taken_in_and_shown(desk: Any) -> None:
    client = desk.operator
    data = {"csrf": desk.token(client), "batch": "采集 一", "region": "", "addresses": ""}
    answer = client.post("/collect", data=data, files={"file": ("list.csv", LIST)})
    assert answer.status_code == 303, answer.text
    text = client.get(answer.headers["location"]).text
    assert "http://www.example.cn/nb/" in text
    assert "排队" in text
    with reading(desk.engine) as connection:
        rows = list(connection.execute(select(CollectAddress.kind, CollectAddress.hints).order_by(CollectAddress.id)))
        assert [(row.kind, row.hints.get("region", [])) for row in rows] == [("column", ["江苏省", "淮安市"]), ("report", [])]
        assert "collect" in set(connection.scalars(select(Audit.action)))
    typed = {**data, "addresses": "http://www.example.cn/2.html\nhttp://www.example.cn/3.html"}
    assert client.post("/collect", data=typed, files={"none": ("", b"")}).status_code == 303
    run_transaction(desk.engine, lambda c: c.execute(update(CollectAddress).where(CollectAddress.id == 1).values(left_out=11)))
    shown = client.get("/collect").text
    assert "11 个链接超过上限" in shown
    assert "1 个网址的链接超过上限" in shown
    assert "3.html" in desk.viewer.get("/collect?state=queued").text
    assert "3.html" not in desk.viewer.get("/collect?state=done").text


def test_what_is_wrong_is_said(desk: Any) -> None:
    client = desk.operator
    data = {"csrf": desk.token(client), "batch": "b", "addresses": "javascript:alert(1)"}
    answer = client.post("/collect", data=data, files={"none": ("", b"")})
    assert answer.status_code == 422
    assert "javascript" in answer.text
    assert client.post("/collect", data={**data, "batch": ""}, files={"none": ("", b"")}).status_code == 422
    assert desk.post(desk.viewer, "/collect", batch="b").status_code == 403
    assert desk.post(client, "/collect/resume", host="www.example.cn").status_code == 404


def test_a_host_that_was_stopped_is_shown_and_resumed(desk: Any) -> None:
    client = desk.operator
    data = {"csrf": desk.token(client), "batch": "b", "addresses": "http://www.example.cn/2.html"}
    client.post("/collect", data=data, files={"none": ("", b"")})
    stop = update(CollectHost).values(stopped_code="fetch.challenge", stopped_why="a captcha")
    run_transaction(desk.engine, lambda c: c.execute(stop))
    assert "恢复采集" in client.get("/collect").text
    assert "恢复采集</button>" not in desk.viewer.get("/collect").text
    assert desk.post(client, "/collect/resume", host="www.example.cn").status_code == 303
    assert "恢复采集</button>" not in client.get("/collect").text
