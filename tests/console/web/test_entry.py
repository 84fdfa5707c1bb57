"""Who is let in, and what a request must bring."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from console.web.app import create_app
from database.clock import now
from database.models import Session
from database.session import reading, run_transaction
from database.users import accounts, audit, logins
from runtime.settings import Settings


def test_who_is_not_logged_in_is_sent_to_the_login(desk) -> None:
    answer = desk.client().get("/batches?after=3")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?to=%2Fbatches%3Fafter%3D3"


def test_log_in_and_out(desk) -> None:
    client = desk.logged_in("viewer")
    assert client.get("/batches").status_code == 200
    with reading(desk.engine) as connection:
        kept = connection.scalars(select(Session.digest)).all()
        assert audit.trail(connection, action="login")[0].who == "viewer"
    assert kept
    assert client.cookies["gongkai_session"] not in kept
    assert desk.post(client, "/logout").headers["location"] == "/login"
    assert client.get("/batches").status_code == 303


@pytest.mark.parametrize("path", ["//elsewhere/", "https://elsewhere/", "/\\elsewhere"])
def test_the_login_leads_to_our_own_pages_only(desk, path: str) -> None:
    client = desk.client()
    answer = desk.post(client, "/login", name="viewer", password="correct horse battery", to=path)
    assert answer.headers["location"] == "/"


def test_a_wrong_password_is_slowed_down(desk) -> None:
    client = desk.client()
    codes = [
        desk.post(client, "/login", name="viewer", password="wrong").status_code for _ in range(logins.MAX_ATTEMPTS_OF_PAIR + 1)
    ]
    assert codes == [403] * logins.MAX_ATTEMPTS_OF_PAIR + [429]
    assert desk.post(client, "/login", name="viewer", password="correct horse battery").status_code == 429
    assert desk.post(client, "/login", name="operator", password="correct horse battery").status_code == 303


def test_a_form_without_its_token_is_refused(desk) -> None:
    client = desk.viewer
    for data in ({}, {"csrf": "wrong"}, {"csrf": desk.token(desk.client())}):
        assert client.post("/logout", data=data).status_code == 403
    token = desk.token(client)
    forged = client.post("/logout", data={"csrf": token}, headers={"origin": "http://elsewhere"})
    assert forged.status_code == 403
    forged = client.post("/logout", data={"csrf": token}, headers={"sec-fetch-site": "cross-site"})
    assert forged.status_code == 403
    assert client.get("/batches").status_code == 200


def test_who_is_disabled_is_out_at_once(desk) -> None:
    client = desk.viewer
    run_transaction(desk.engine, lambda c: accounts.set_disabled(c, "viewer", True, who="administrator"))
    assert client.get("/batches").status_code == 303


def test_the_last_administrator_stays(desk) -> None:
    with pytest.raises(accounts.AccountError, match="last administrator"):
        run_transaction(desk.engine, lambda c: accounts.set_disabled(c, "administrator", True, who="administrator"))
    assert desk.administrator.get("/batches").status_code == 200


def test_headers_and_cookies(desk) -> None:
    client = desk.client()
    answer = client.get("/login")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    client.base_url = "https://testserver"
    cookie = client.get("/login").headers["set-cookie"].lower()
    assert cookie.startswith("__host-")
    assert "secure" in cookie


def test_the_language_is_kept(desk) -> None:
    client = desk.viewer
    assert 'lang="zh-CN"' in client.get("/batches").text
    answer = desk.post(client, "/language", language="en", to="/batches")
    assert answer.headers["location"] == "/batches"
    page = client.get("/batches").text
    assert 'lang="en"' in page
    assert "Batches" in page


def test_what_is_not_there(desk) -> None:
    assert desk.viewer.get("/nothing").status_code == 404
    assert desk.viewer.post("/batches", data={}).status_code == 405
    assert desk.client().get("/static/../app.py").status_code == 404
    assert desk.client().get("/static/pages.css").headers["cache-control"].startswith("public")


def test_health(desk) -> None:
    assert desk.client().get("/healthz").json() == {"database": True}


def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/absent/none.db")
    client = TestClient(create_app(settings), follow_redirects=False)
    assert client.get("/healthz").status_code == 503
    client.cookies.set("gongkai_session", "somebody")
    answer = client.get("/batches")
    assert answer.status_code == 503
    assert "数据库暂时不可用" in answer.text


def test_a_poll_of_who_is_logged_out_leads_to_the_login(desk) -> None:
    answer = desk.client().get("/batches", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")


def test_a_session_ends_when_nothing_is_done(desk) -> None:
    client = desk.viewer
    with desk.engine.begin() as connection:
        connection.execute(update(Session).values(seen_at=now(-desk.settings.console_idle_seconds + 60)))
    # A page that fetches itself again does not count as doing something; a click does.
    assert client.get("/batches", headers={"hx-request": "true"}).status_code == 200
    with reading(desk.engine) as connection:
        assert connection.scalar(select(Session.seen_at <= now(-120)))
    assert client.get("/batches").status_code == 200
    with reading(desk.engine) as connection:
        assert not connection.scalar(select(Session.seen_at <= now(-120)))
    with desk.engine.begin() as connection:
        connection.execute(update(Session).values(seen_at=now(-desk.settings.console_idle_seconds - 1)))
    assert client.get("/batches").status_code == 303
