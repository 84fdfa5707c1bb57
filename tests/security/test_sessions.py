"""Sessions: a new token at each login; an end by time, by logging out and by the owner; no token in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from database.clock import now
from database.models import Session
from database.session import reading
from tests.console.web.conftest import PASSWORD


def test_a_token_from_before_the_login_is_worth_nothing(desk: Any) -> None:
    client = desk.client()
    client.cookies.set("gongkai_session", "chosen-by-somebody-else")
    guest = desk.token(client)
    assert desk.post(client, "/login", name="viewer", password=PASSWORD).status_code == 303
    token = client.cookies.get("gongkai_session", domain="testserver.local") or client.cookies["gongkai_session"]
    assert token != "chosen-by-somebody-else"
    stranger = desk.client()
    stranger.cookies.set("gongkai_session", "chosen-by-somebody-else")
    assert stranger.get("/batches").status_code == 303
    assert client.post("/logout", data={"csrf": guest}).status_code == 403  # the form of the time before


def test_each_login_has_a_token_of_its_own(desk: Any) -> None:
    tokens = set()
    for _ in range(3):
        client = desk.client()
        desk.post(client, "/login", name="viewer", password=PASSWORD)
        tokens.add(client.cookies["gongkai_session"])
    assert len(tokens) == 3
    assert min(map(len, tokens)) >= 43


def test_logging_out_ends_the_session_on_the_server(desk: Any) -> None:
    client = desk.viewer
    token = client.cookies["gongkai_session"]
    desk.post(client, "/logout")
    thief = desk.client()
    thief.cookies.set("gongkai_session", token)
    assert thief.get("/batches").status_code == 303


def test_a_session_ends_at_its_time_however_busy(desk: Any) -> None:
    client = desk.viewer
    with desk.engine.begin() as connection:
        connection.execute(update(Session).values(expires_at=now(-1)))
    assert client.get("/batches").status_code == 303


def test_own_sessions_are_listed_and_ended(desk: Any) -> None:
    here, there = desk.viewer, desk.client()
    there.headers["user-agent"] = "Other browser <b>"
    desk.post(there, "/login", name="viewer", password=PASSWORD)
    operator = desk.operator
    page = here.get("/account").text
    assert "Other browser &lt;b&gt;" in page
    assert page.count('name="session"') == 1  # one's own is not offered
    with reading(desk.engine) as connection:
        digests = {row.agent: row.digest for row in connection.execute(select(Session.agent, Session.digest))}
        others = connection.scalars(select(Session.digest)).all()
    desk.post(here, "/account/sessions", session=digests["Other browser <b>"])
    assert there.get("/batches").status_code == 303
    for digest in others:  # another person's cannot be ended
        desk.post(here, "/account/sessions", session=digest)
    assert operator.get("/batches").status_code == 200


def test_all_other_sessions_are_ended_at_once(desk: Any) -> None:
    here, others = desk.viewer, [desk.client() for _ in range(2)]
    for client in others:
        desk.post(client, "/login", name="viewer", password=PASSWORD)
    desk.post(here, "/account/sessions")
    assert [client.get("/batches").status_code for client in others] == [303, 303]
    assert here.get("/batches").status_code == 200


def test_another_password_ends_all_sessions_but_this(desk: Any) -> None:
    here, there = desk.viewer, desk.client()
    desk.post(there, "/login", name="viewer", password=PASSWORD)
    before = here.cookies["gongkai_session"]
    answer = desk.post(here, "/account", old=PASSWORD, new="quite another phrase", again="quite another phrase")
    assert answer.status_code == 303
    assert here.cookies["gongkai_session"] != before
    assert here.get("/batches").status_code == 200
    assert there.get("/batches").status_code == 303
