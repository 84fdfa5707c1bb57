"""Passwords, the second factor, throttling, names: what protects an account, and what its owner sees of it."""

from __future__ import annotations

import html
import re
import time
from typing import Any

import pyotp
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from console.web.app import create_app
from database.clock import now
from database.models import LoginStep, Role, User
from database.session import reading, run_transaction
from database.users import accounts, audit
from database.users.accounts import AccountError
from database.users.logins import MAX_ATTEMPTS_OF_ADDRESS, MAX_ATTEMPTS_OF_NAME, MAX_ATTEMPTS_OF_PAIR
from runtime.settings import Settings
from tests.console.web.conftest import PASSWORD

COMMON = ("1234567890", "Passw0rd123!", "qwertyuiop", "woaini1314", "administrator1", "20260101zhang", "abcabcabcabc")


def from_address(desk: Any, address: str) -> TestClient:
    """A browser at another address."""
    return TestClient(desk.app, follow_redirects=False, client=(address, 50000))


def log_in(desk: Any, client: TestClient, name: str = "viewer", password: str = PASSWORD) -> int:
    return int(desk.post(client, "/login", name=name, password=password).status_code)


def entries(desk: Any, action: str) -> list[audit.AuditItem]:
    with reading(desk.engine) as connection:
        return audit.trail(connection, action=action)


def with_settings(desk: Any, **changes: Any) -> None:
    """The same application under other settings."""
    desk.settings = Settings(home=desk.settings.home, **changes)
    desk.app = create_app(desk.settings, desk.engine)
    desk.clients.clear()


# ---- passwords ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("password", COMMON)
def test_common_passwords_are_refused_in_both_languages(desk: Any, password: str) -> None:
    client = desk.viewer
    fields = {"old": PASSWORD, "new": password, "again": password}
    answer = desk.post(client, "/account", **fields)
    assert answer.status_code == 422
    assert "常见或容易猜到的密码" in answer.text
    desk.post(client, "/language", language="en")
    assert "common or easy to guess" in desk.post(client, "/account", **fields).text
    made = desk.post(desk.administrator, "/users/add", name="new", role="view", password=password)
    assert made.status_code == 422
    assert "常见或容易猜到的密码" in made.text


def test_a_password_that_somebody_else_has_set_is_changed_first(desk: Any) -> None:
    desk.post(desk.administrator, "/users/password", name="viewer", password="given by another")
    client = desk.client()
    assert log_in(desk, client, password="given by another") == 303
    for path in ("/batches", "/documents/1", "/", "/downloads/file?format=jsonl"):
        assert client.get(path).headers["location"] == "/account", path
    part = client.get("/documents/count", headers={"hx-request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/account")
    assert "请先更改密码" in client.get("/account").text
    same = desk.post(client, "/account", old="given by another", new="given by another", again="given by another")
    assert same.status_code == 422
    own = "quite another phrase"
    assert desk.post(client, "/account", old="given by another", new=own, again=own).status_code == 303
    assert client.get("/batches").status_code == 200


def test_a_password_has_an_age_when_the_settings_say_so(desk: Any) -> None:
    with desk.engine.begin() as connection:
        connection.execute(update(User).where(User.name == "viewer").values(password_at=now(-91 * 86_400)))
    assert desk.viewer.get("/batches").status_code == 200
    with_settings(desk, console_password_days=90)
    assert desk.viewer.get("/batches").headers["location"] == "/account"
    assert desk.operator.get("/batches").status_code == 200
    own = "quite another phrase"
    desk.post(desk.viewer, "/account", old=PASSWORD, new=own, again=own)
    assert desk.viewer.get("/batches").status_code == 200


# ---- the second factor ----------------------------------------------------------------------------------------------------


def enrolled(desk: Any, client: TestClient) -> tuple[pyotp.TOTP, str, list[str]]:
    """Set the second factor up as a person does. Return the authenticator, the code that was used, and the recovery codes."""
    page = desk.post(client, "/account/factor", act="begin").text
    assert "<svg" in page
    key = re.search(r'name="key" value="(\w+)"', page)
    assert key is not None
    clock = pyotp.TOTP(key[1])
    answer = desk.post(client, "/account/factor", act="confirm", key=key[1], code="000000", old=PASSWORD)
    assert answer.status_code == 422
    assert desk.post(client, "/account/factor", act="confirm", key=key[1], code=clock.now(), old="wrong").status_code == 403
    used = clock.now()
    done = desk.post(client, "/account/factor", act="confirm", key=key[1], code=used, old=PASSWORD)
    assert "已启用。登录时" in done.text
    assert "请先设置" not in done.text
    codes = re.findall(r"\b[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}\b", html.unescape(done.text))
    assert len(codes) == 10
    return clock, used, codes


def code_of(clock: pyotp.TOTP, later: int = 1) -> str:
    """The code of a later time step, which the server accepts one step early."""
    return pyotp.HOTP(clock.secret).at(int(time.time()) // 30 + later)


def test_the_second_factor_is_asked_for_and_each_code_is_good_once(desk: Any) -> None:
    clock, used, _ = enrolled(desk, desk.viewer)
    client = desk.client()
    answer = desk.post(client, "/login", name="viewer", password=PASSWORD, to="/documents")
    assert answer.headers["location"] == "/login/factor?to=%2Fdocuments"
    assert "gongkai_session" not in client.cookies
    assert client.get("/batches").status_code == 303
    assert desk.post(client, "/login/factor", code="123", to="/documents").status_code == 403
    # Setting the factor up has used this code. Another code may be in force by now, so the clock is not asked for it.
    assert desk.post(client, "/login/factor", code=used, to="/documents").status_code == 403
    code = code_of(clock)
    answer = desk.post(client, "/login/factor", code=code, to="/documents")
    assert (answer.status_code, answer.headers["location"]) == (303, "/documents")
    assert client.get("/batches").status_code == 200
    again = desk.client()
    desk.post(again, "/login", name="viewer", password=PASSWORD)
    assert desk.post(again, "/login/factor", code=code).status_code == 403
    failed = entries(desk, "login.failed")
    assert [entry.detail["factor"] for entry in failed[:3]] == ["second"] * 3
    assert failed[0].subject == "viewer"
    assert "方式 双因素认证" in desk.administrator.get("/audit?action=login.failed").text


def test_a_recovery_code_is_good_once(desk: Any) -> None:
    _, _, codes = enrolled(desk, desk.viewer)
    for code, status in ((codes[0].upper().replace("-", " "), 303), (codes[0], 403), (codes[1], 303)):
        client = desk.client()
        desk.post(client, "/login", name="viewer", password=PASSWORD)
        assert desk.post(client, "/login/factor", code=code).status_code == status
    assert [entry.detail["left"] for entry in entries(desk, "login.recovery_code")] == [8, 9]
    with reading(desk.engine) as connection:
        kept = str(connection.exec_driver_sql("select recovery_codes from gk_user where name = 'viewer'").scalar_one())
    assert codes[5].replace("-", "") not in kept


def test_codes_cannot_be_guessed_without_end(desk: Any) -> None:
    clock, _, _ = enrolled(desk, desk.viewer)
    client = desk.client()
    desk.post(client, "/login", name="viewer", password=PASSWORD)
    codes = [desk.post(client, "/login/factor", code="000000").status_code for _ in range(6)]
    assert codes == [403] * 5 + [303]
    answer = desk.post(client, "/login/factor", code=code_of(clock))
    assert answer.headers["location"].startswith("/login")
    assert client.get("/batches").status_code == 303
    # Each new step counts as an attempt to log in until the factor is shown.
    answers = [log_in(desk, client) for _ in range(MAX_ATTEMPTS_OF_PAIR)]
    assert answers[-1] == 429


def test_the_second_factor_must_come_soon(desk: Any) -> None:
    clock, _, _ = enrolled(desk, desk.viewer)
    client = desk.client()
    desk.post(client, "/login", name="viewer", password=PASSWORD)
    with desk.engine.begin() as connection:
        connection.execute(update(LoginStep).values(expires_at=now(-1)))
    assert desk.post(client, "/login/factor", code=code_of(clock)).headers["location"].startswith("/login")
    assert client.get("/batches").status_code == 303


def test_roles_that_need_a_second_factor_set_it_up_first(desk: Any) -> None:
    with_settings(desk, console_totp_roles="administer, operate")
    client = desk.operator
    assert client.get("/batches").headers["location"] == "/account"
    assert desk.viewer.get("/batches").status_code == 200
    enrolled(desk, client)
    assert client.get("/batches").status_code == 200
    assert desk.post(client, "/account/factor", act="off", old=PASSWORD).status_code == 403


def test_the_second_factor_is_taken_off_by_its_owner_or_an_administrator(desk: Any) -> None:
    enrolled(desk, desk.viewer)
    assert desk.post(desk.viewer, "/account/factor", act="off", old="wrong").status_code == 403
    assert desk.post(desk.viewer, "/account/factor", act="off", old=PASSWORD).status_code == 303
    assert log_in(desk, desk.client()) == 303
    enrolled(desk, desk.viewer)
    desk.post(desk.administrator, "/users/change", name="viewer", act="factor_off", reason="lost")
    assert desk.post(desk.client(), "/login", name="viewer", password=PASSWORD).headers["location"] == "/"
    assert entries(desk, "user.factor_off")[0].who == "administrator"


@pytest.mark.parametrize("roles", ["king", "view;operate"])
def test_roles_that_there_are_not(desk: Any, roles: str) -> None:
    with pytest.raises(ValueError, match="expected roles"):
        Settings(home=desk.settings.home, console_totp_roles=roles)


# ---- attempts -------------------------------------------------------------------------------------------------------------


def test_wrong_passwords_from_elsewhere_do_not_lock_the_owner_out(desk: Any) -> None:
    owner = from_address(desk, "10.0.0.1")
    assert log_in(desk, owner) == 303
    for number in range(MAX_ATTEMPTS_OF_NAME + 2):
        log_in(desk, from_address(desk, f"192.0.2.{number}"), password="wrong")
    assert log_in(desk, from_address(desk, "192.0.2.200")) == 429  # a new address has to wait
    assert log_in(desk, from_address(desk, "10.0.0.1")) == 303  # one that was used before has not


def test_a_known_browser_is_not_locked_out_by_its_neighbours(desk: Any) -> None:
    """Behind a proxy or in one office all have the same address."""
    owner = from_address(desk, "10.0.0.1")
    assert log_in(desk, owner) == 303
    desk.post(owner, "/logout")
    neighbour = from_address(desk, "10.0.0.1")
    answers = [log_in(desk, neighbour, name=f"nobody{number}", password="wrong") for number in range(MAX_ATTEMPTS_OF_ADDRESS)]
    assert set(answers) == {403}
    for _ in range(MAX_ATTEMPTS_OF_PAIR + 1):
        last = log_in(desk, neighbour, password="wrong")
    assert last == 429
    assert log_in(desk, owner) == 303


def test_a_known_browser_is_slowed_down_as_well(desk: Any) -> None:
    owner = from_address(desk, "10.0.0.1")
    assert log_in(desk, owner) == 303
    desk.post(owner, "/logout")
    answers = [log_in(desk, owner, password="wrong") for _ in range(MAX_ATTEMPTS_OF_PAIR + 1)]
    assert answers == [403] * MAX_ATTEMPTS_OF_PAIR + [429]


def test_the_trail_holds_logins_that_failed_and_that_did_not(desk: Any) -> None:
    client = from_address(desk, "10.9.8.7")
    log_in(desk, client, password="wrong")
    log_in(desk, client, name="my secret password", password="x")
    log_in(desk, client)
    failed = entries(desk, "login.failed")
    assert [(entry.who, entry.subject) for entry in failed] == [("@10.9.8.7", ""), ("@10.9.8.7", "viewer")]
    assert entries(desk, "login")[0].who == "viewer"
    page = desk.administrator.get("/audit").text
    assert "登录失败" in page
    assert "my secret password" not in page


# ---- names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Viewer", "vıewer", "ｖｉｅｗｅｒ", "vieweг", "OPERAT0R", "adrninistrator", "аdministrator"])
def test_names_that_look_like_a_user_are_refused(desk: Any, name: str) -> None:
    with pytest.raises(AccountError) as raised:
        run_transaction(desk.engine, lambda c: accounts.add_user(c, name, "x", Role.VIEW, who="test"))
    assert raised.value.key in ("alike", "taken")


@pytest.mark.parametrize("name", ["VIEWER", "ｖiewer", "viewer"])
def test_case_and_width_of_a_name_do_not_matter_at_the_login(desk: Any, name: str) -> None:
    client = desk.client()
    assert log_in(desk, client, name=name) == 303
    assert client.get("/batches").status_code == 200
    assert entries(desk, "login")[0].who == "viewer"
