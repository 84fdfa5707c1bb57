"""Every route of the application, by role and method: what is not in the table does not exist, and nothing ends as 500."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select
from starlette.routing import Route
from starlette.testclient import TestClient

from console.web.security import POLICY
from database.models import CorrectionRow, Role
from database.session import reading
from tests.console.web.filed import CELL, file_scan
from tests.inline import Inline

VIEW, OPERATE, ADMINISTER = Role.VIEW, Role.OPERATE, Role.ADMINISTER

# The least role of each route; None: also for who is not logged in. A new route needs a line here.
TABLE: dict[tuple[str, str], Role | None] = {
    ("GET", "/"): VIEW,
    ("GET", "/login"): None,
    ("POST", "/login"): None,
    ("GET", "/login/factor"): None,
    ("POST", "/login/factor"): None,
    ("GET", "/login/oidc"): None,
    ("GET", "/login/oidc/callback"): None,
    ("POST", "/logout"): None,
    ("POST", "/language"): None,
    ("GET", "/healthz"): None,
    ("GET", "/account"): VIEW,
    ("POST", "/account"): VIEW,
    ("POST", "/account/factor"): VIEW,
    ("POST", "/account/sessions"): VIEW,
    ("GET", "/tokens"): VIEW,
    ("POST", "/tokens"): VIEW,
    ("POST", "/tokens/revoke"): VIEW,
    ("GET", "/api/v1/openapi.json"): VIEW,
    ("GET", "/api/v1/indicators"): VIEW,
    ("GET", "/api/v1/agencies"): VIEW,
    ("GET", "/api/v1/agencies/{id}"): VIEW,
    ("GET", "/api/v1/filings"): VIEW,
    ("GET", "/api/v1/filings/{id}"): VIEW,
    ("GET", "/api/v1/filings/{id}/values"): VIEW,
    ("GET", "/api/v1/values"): VIEW,
    ("GET", "/api/v1/findings"): VIEW,
    ("GET", "/api/v1/findings/{id}"): VIEW,
    ("GET", "/api/v1/coverage"): VIEW,
    ("GET", "/api/v1/derived"): VIEW,
    ("GET", "/api/v1/figures"): VIEW,
    ("GET", "/api/v1/figures/units"): VIEW,
    ("GET", "/api/v1/rollup"): VIEW,
    ("GET", "/api/v1/batches"): OPERATE,
    ("GET", "/api/v1/errors"): OPERATE,
    ("GET", "/batches"): VIEW,
    ("GET", "/batches/{id}"): VIEW,
    ("GET", "/batches/{id}/findings"): VIEW,
    ("GET", "/batches/{id}/spent"): VIEW,
    ("GET", "/drafts"): OPERATE,
    ("POST", "/drafts"): OPERATE,
    ("GET", "/upload"): OPERATE,
    ("POST", "/upload"): OPERATE,
    ("POST", "/upload/begin"): OPERATE,
    ("POST", "/upload/file"): OPERATE,
    ("POST", "/upload/drop"): OPERATE,
    ("GET", "/upload/state"): OPERATE,
    ("GET", "/collect"): VIEW,
    ("POST", "/collect"): OPERATE,
    ("POST", "/collect/resume"): OPERATE,
    ("GET", "/documents"): VIEW,
    ("GET", "/documents/count"): VIEW,
    ("GET", "/documents/{id}"): VIEW,
    ("GET", "/documents/{id}/progress"): VIEW,
    ("GET", "/documents/{id}/pages/{page}.png"): VIEW,
    ("GET", "/documents/{id}/crops/{cell}.png"): VIEW,
    ("GET", "/documents/{id}/rows/{cell}.png"): VIEW,
    ("GET", "/documents/{id}/tables/{cell}.png"): VIEW,
    ("GET", "/documents/{id}/clues/{at}.png"): VIEW,
    ("GET", "/documents/{id}/original"): VIEW,
    ("GET", "/documents/{id}/cells/{cell}"): VIEW,
    ("POST", "/documents/{id}/cells/{cell}"): OPERATE,
    ("POST", "/documents/{id}/corrections/{number}/undo"): OPERATE,
    ("GET", "/filings"): VIEW,
    ("GET", "/filings/{id}"): VIEW,
    ("POST", "/filings/{id}/edition"): OPERATE,
    ("GET", "/agencies"): VIEW,
    ("GET", "/agencies/{id}"): VIEW,
    ("POST", "/agencies/{id}/join"): OPERATE,
    ("POST", "/agencies/{id}/part"): OPERATE,
    ("POST", "/agencies/{id}/rename"): OPERATE,
    ("POST", "/agencies/{id}/decisions/{number}/undo"): OPERATE,
    ("GET", "/agencies/cases"): OPERATE,
    ("GET", "/agencies/cases/left"): OPERATE,
    ("POST", "/agencies/cases"): OPERATE,
    ("POST", "/agencies/cases/undo"): OPERATE,
    ("GET", "/findings"): VIEW,
    ("GET", "/findings/{id}"): VIEW,
    ("POST", "/findings/{id}"): OPERATE,
    ("GET", "/findings/decide"): OPERATE,
    ("POST", "/findings/decide"): OPERATE,
    ("POST", "/findings/undo"): OPERATE,
    ("GET", "/findings/notices"): OPERATE,
    ("POST", "/findings/notices"): OPERATE,
    ("GET", "/findings/notices/state"): OPERATE,
    ("GET", "/findings/notices/file"): OPERATE,
    ("POST", "/findings/notices/remove"): OPERATE,
    ("GET", "/errors"): VIEW,
    ("GET", "/decide"): OPERATE,
    ("POST", "/decide"): OPERATE,
    ("GET", "/review"): OPERATE,
    ("GET", "/review/left"): OPERATE,
    ("POST", "/review"): OPERATE,
    ("POST", "/review/undo"): OPERATE,
    ("POST", "/review/hold"): OPERATE,
    ("POST", "/review/leave"): OPERATE,
    ("POST", "/review/take"): OPERATE,
    ("POST", "/review/share"): OPERATE,
    ("POST", "/saved"): VIEW,
    ("POST", "/saved/remove"): VIEW,
    ("GET", "/coverage"): VIEW,
    ("GET", "/coverage/file"): VIEW,
    ("GET", "/analysis"): VIEW,
    ("GET", "/analysis/file"): VIEW,
    ("GET", "/analysis/rollup"): VIEW,
    ("GET", "/analysis/glossary"): VIEW,
    ("GET", "/analysis/indicator"): VIEW,
    ("GET", "/analysis/indicator/file"): VIEW,
    ("GET", "/analysis/agencies/{id}"): VIEW,
    ("GET", "/analysis/agencies/{id}/file"): VIEW,
    ("GET", "/analysis/compare"): VIEW,
    ("GET", "/coverage/list"): OPERATE,
    ("POST", "/coverage/list"): OPERATE,
    ("POST", "/coverage/list/take"): OPERATE,
    ("POST", "/coverage/lines"): OPERATE,
    ("GET", "/coverage/lines/{id}/remove"): OPERATE,
    ("POST", "/coverage/lines/{id}/remove"): OPERATE,
    ("GET", "/downloads"): VIEW,
    ("GET", "/downloads/file"): VIEW,
    ("GET", "/users"): ADMINISTER,
    ("POST", "/users/add"): ADMINISTER,
    ("POST", "/users/change"): ADMINISTER,
    ("POST", "/users/password"): ADMINISTER,
    ("GET", "/audit"): ADMINISTER,
    ("GET", "/verification"): ADMINISTER,
    ("POST", "/verification"): ADMINISTER,
    ("GET", "/documents/{id}/purge"): ADMINISTER,
    ("POST", "/documents/{id}/purge"): ADMINISTER,
}
PEOPLE: dict[str, Role | None] = {"guest": None, "viewer": VIEW, "operator": OPERATE, "administrator": ADMINISTER}
ROUTES = sorted(TABLE, key=lambda key: (key[1] == "/logout", key))  # which ends the session
LONG = "9" * 5000
HOSTILE = (LONG, "-1", "1e400", "vinf", "vnan", "v" + LONG, "NaN", "\x00", "٣" * 30, "%00", "'", "//elsewhere", "{0}", "x" * 3000)
NAMES = (
    "id",
    "after",
    "after_cell",
    "at",
    "batch",
    "cell",
    "choice",
    "code",
    "count",
    "document",
    "from",
    "mark",
    "month",
    "name",
    "number",
    "page",
    "password",
    "reason",
    "region",
    "role",
    "row",
    "row_cell",
    "row_mark",
    "session",
    "stage",
    "standing",
    "status",
    "text",
    "to",
    "typed",
    "who",
    "action",
    "act",
    "agency",
    "due_on",
    "list",
    "year",
    "format",
    "state",
    "key",
    "show",
    "find",
    "other",
    "case",
    "kind",
)


def of_app(app: Any) -> set[tuple[str, str]]:
    """Method and path of each route, with the kinds of its parameters left out."""
    routes = [route for route in app.routes if isinstance(route, Route)]
    assert len(routes) > 30
    return {(method, one.path.replace(":int", "")) for one in routes for method in (one.methods or ()) if method != "HEAD"}


def batched(names: Sequence[str], count: int) -> list[Sequence[str]]:
    """The names in groups of at most ``count``."""
    return [names[at : at + count] for at in range(0, len(names), count)]


SCRIPTS = ("/upload/begin", "/upload/file", "/upload/drop")  # what a script of ours sends: bytes, and the token in a header


def filled(path: str, value: str = "1") -> str:
    """The path with something in place of its parameters."""
    for name in ("id", "page", "number", "at"):
        path = path.replace(f"{{{name}}}", value)
    return path.replace("{cell}", CELL if value == "1" else value)


def browser(desk: Any, name: str) -> TestClient:
    client = desk.client() if name == "guest" else desk.logged_in(name)
    client.get("/login")
    return client


def asked(desk: Any, client: TestClient, method: str, path: str, **fields: Any) -> Any:
    if path in SCRIPTS:
        headers = {"x-csrf": desk.token(client), "content-type": "application/octet-stream"}
        return client.post(path, content=b"", headers=headers)
    return client.get(path, params=fields) if method == "GET" else desk.post(client, path, **fields)


def test_the_table_names_every_route_of_the_application(desk: Any) -> None:
    assert of_app(desk.app) == set(TABLE)


@pytest.mark.parametrize("who", PEOPLE)
def test_who_may_what(desk: Any, who: str) -> None:
    file_scan(Inline(desk.engine, desk.settings.home))
    has = PEOPLE[who]
    for method, path in ROUTES:
        client = browser(desk, who)  # an act may have ended the session
        answer = asked(desk, client, method, filled(path))
        least = TABLE[method, path]
        assert answer.status_code < 500, (method, path)
        if least is None:
            continue
        if has is None and path.startswith("/api/"):
            assert answer.status_code == 401, (method, path)
        elif has is None:
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login"), (method, path)
        elif has.includes(least):
            assert answer.status_code != 403 or path in ("/account", "/tokens"), (method, path)
            assert not answer.headers.get("location", "").startswith("/login"), (method, path)
        else:
            assert answer.status_code == 403, (method, path)


def test_other_methods_are_refused(desk: Any) -> None:
    known: dict[str, set[str]] = {}
    for method, path in TABLE:
        known.setdefault(path, set()).add(method)
    for path, methods in known.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - methods:
            for client in (desk.client(), desk.administrator):
                answer = client.request(method, filled(path))
                assert answer.status_code == 405, (method, path)


@pytest.mark.parametrize(("method", "path"), [key for key in ROUTES if key[0] == "POST"])
def test_no_form_is_accepted_without_its_token(desk: Any, method: str, path: str) -> None:
    foreign = desk.token(desk.client())
    for who in ("guest", "administrator"):
        client = browser(desk, who)
        for data in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": foreign}):
            answer = client.post(filled(path), data=data)
            assert answer.status_code in ((403, 303) if who == "guest" else (403,)), data
            assert "set-cookie" not in answer.headers or "gongkai_session" not in answer.headers["set-cookie"]
        own = {"csrf": desk.token(client)}
        for headers in ({"origin": "https://elsewhere"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
            assert client.post(filled(path), data=own, headers=headers).status_code in ((403, 303) if who == "guest" else (403,))
        assert client.post(filled(path), json={"csrf": own["csrf"]}).status_code in ((403, 303) if who == "guest" else (403,))


@pytest.mark.parametrize("who", ["guest", "viewer", "administrator"])
def test_every_answer_has_its_headers(desk: Any, who: str) -> None:
    client = browser(desk, who)
    for path in [filled(path) for method, path in ROUTES if method == "GET"] + [
        "/nothing",
        "/static/pages.css",
        "/static/nothing",
    ]:
        headers = client.get(path).headers
        assert headers["content-security-policy"] == POLICY, path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
        assert headers["referrer-policy"] == "same-origin", path
        assert headers["cross-origin-opener-policy"] == "same-origin", path
        if not path.startswith(("/static", "/documents/1/")):
            assert headers["cache-control"] == "no-store", path


@pytest.mark.parametrize("who", ["guest", "administrator"])
def test_no_value_of_a_parameter_ends_as_500(desk: Any, who: str) -> None:
    file_scan(Inline(desk.engine, desk.settings.home))
    client = browser(desk, who)
    token = desk.token(client)
    for method, path in ROUTES:
        if path in ("/logout", "/downloads/file"):
            continue
        for value in HOSTILE:
            own = {"act": "reprocess", "code": "internal"} if path == "/decide" else {}
            at_once = 10 if method == "GET" and len(value) > 100 else len(NAMES)  # an address has its limit
            for names in batched(NAMES, at_once):
                fields = dict.fromkeys(names, value) | own
                if method == "GET":
                    answer = client.get(filled(path), params=fields)
                else:
                    answer = client.post(filled(path), data=fields | {"csrf": token})
                assert answer.status_code < 500, (method, path, value[:20])
                location = answer.headers.get("location", "/")
                assert location.startswith("/"), (path, value[:20])
                assert not location.startswith("//"), (path, value[:20])


@pytest.mark.parametrize("who", ["guest", "administrator"])
def test_no_address_ends_as_500(desk: Any, who: str) -> None:
    client = browser(desk, who)
    for method, path in ROUTES:
        if "{" not in path:
            continue
        for value in (LONG, "0", "9" * 19, "-1", "1e9", "%00", "x"):
            answer = client.get(filled(path, value)) if method == "GET" else desk.post(client, filled(path, value))
            assert answer.status_code in (303, 401, 403, 404, 405), (path, value[:20], answer.status_code)


def test_numbers_that_are_too_long_in_lists(desk: Any) -> None:
    for path, name in (("/decide", "document"), ("/review/undo", "number")):
        answer = desk.post(desk.operator, path, **{name: [LONG, "1"], "act": "discard", "reason": "x"})
        assert answer.status_code in (200, 303, 404, 422), path


@pytest.mark.parametrize("choice", ["vinf", "v-inf", "vnan", "v1e400", "v" + LONG, "v1e15"])
def test_a_choice_that_is_no_count_is_refused(desk: Any, choice: str) -> None:
    number = file_scan(Inline(desk.engine, desk.settings.home))
    answer = desk.post(desk.operator, f"/documents/{number}/cells/{CELL}", choice=choice, reason="x")
    assert answer.status_code == 422
    with reading(desk.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(CorrectionRow)) == 0


@pytest.mark.parametrize(
    "notice",
    [
        {"key": "users.added", "values": {"key": "x"}},
        {"key": "users.added", "values": {"language": "x", "self": "y"}},
        {"key": "users.added", "values": {}},
        {"key": "nothing"},
        {"key": "users.added", "values": {"name": "<script>"}},
        [],
        5,
    ],
)
def test_a_forged_notice_cookie(desk: Any, notice: Any) -> None:
    client = desk.client()
    client.cookies.set("gongkai_notice", base64.urlsafe_b64encode(msgspec.json.encode(notice)).decode())
    answer = client.get("/login")
    assert answer.status_code == 200
    assert "<script>" not in answer.text.replace("<script src=", "")


@pytest.mark.parametrize(
    "cookie", ["gongkai_session", "gongkai_guest", "gongkai_device", "gongkai_step", "gongkai_oidc", "gongkai_language"]
)
@pytest.mark.parametrize("value", ["x", "9" * 5000, "=", "%00", "W10="])
def test_forged_cookies(desk: Any, cookie: str, value: str) -> None:
    for path in ("/login", "/batches", "/login/factor", "/login/oidc/callback?state=x", "/healthz"):
        client = desk.client()
        client.cookies.set(cookie, value)
        assert client.get(path).status_code < 500, path


@pytest.mark.parametrize("to", ["https://elsewhere/", "//elsewhere/", "javascript:alert(1)", "/\\elsewhere", "\\\\elsewhere"])
def test_no_link_of_ours_leads_elsewhere(desk: Any, to: str) -> None:
    file_scan(Inline(desk.engine, desk.settings.home))
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into gk_failure (document_id, stage, page, code, message, attempts, versions, state, created_at) "
            "values (1, 'parse', 0, 'internal', 'x', 1, '{}', 'open', '2026-01-01 00:00:00+00')"
        )
    page = desk.operator.get("/decide", params={"act": "discard", "code": "internal", "to": to}).text
    links = re.findall(r'href="([^"]*)"', page)
    assert "/errors" in links
    assert all(link.startswith("/") and not link.startswith("//") for link in links if link != "#content"), links
    for path, fields in (("/login", {"name": "viewer", "password": "correct horse battery"}), ("/language", {"language": "en"})):
        location = desk.post(desk.client(), path, to=to, **fields).headers["location"]
        assert location == "/", path


@pytest.mark.parametrize("path", ["/batches/", "/login/", "/documents/1/", "/static", "/static/"])
def test_no_redirect_follows_the_host_that_a_request_names(desk: Any, path: str) -> None:
    for client in (desk.client(), desk.viewer):
        answer = client.get(path, headers={"host": "elsewhere.example"})
        assert "elsewhere" not in answer.headers.get("location", "")
        assert answer.status_code in (303, 404)
