"""Single sign-on against a provider that runs here: the whole way, and what a provider or an attacker can get wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.testclient import TestClient

from console.web.app import create_app
from database.models import Role
from database.session import reading, run_transaction
from database.users import accounts, audit
from runtime.settings import Settings

CLIENT, SECRET = "gongkai", "s3cret:with/odd characters"


class Provider:
    """A small OpenID Connect provider on this machine. ``claims`` changes the next ID token, ``sign`` how it is signed."""

    def __init__(self) -> None:
        self.key, self.kid = rsa.generate_private_key(public_exponent=65537, key_size=2048), "one"
        self.codes: dict[str, dict[str, str]] = {}
        self.claims: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.subject, self.name = "4711", "viewer"
        self.refused: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def answer(self, value: Any, status: int = 200) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                if self.path == "/.well-known/openid-configuration":
                    self.answer(provider.metadata())
                elif self.path == "/keys":
                    self.answer({"keys": [provider.public()]})
                else:
                    self.answer({}, 404)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                fields = {name: values[0] for name, values in parse_qs(body).items()}
                problem = provider.problem(fields, self.headers.get("authorization", ""))
                if problem:
                    provider.refused.append(problem)
                    self.answer({"error": problem}, 400)
                    return
                asked = provider.codes.pop(fields["code"])
                self.answer({"access_token": "x", "token_type": "Bearer", "id_token": provider.token(asked["nonce"])})

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def public(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return made | {"kid": self.kid, "use": "sig", "alg": "RS256"}

    def problem(self, fields: dict[str, str], authorization: str) -> str:
        """Why a code is not exchanged; "" when it is."""
        asked = self.codes.get(fields.get("code", ""))
        if asked is None:
            return "invalid_grant"
        digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return "wrong_verifier"
        if fields.get("redirect_uri") != asked["redirect_uri"]:
            return "wrong_redirect"
        expected = base64.b64encode(urlencode({CLIENT: SECRET}).replace("=", ":", 1).replace("+", "%20").encode()).decode()
        return "" if authorization == f"Basic {expected}" else "invalid_client"

    def token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": self.subject, "nonce": nonce, "iat": now, "exp": now + 60}
        return self.sign(self.claims(claims | {"preferred_username": self.name}))

    def signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.key, "RS256", headers={"kid": self.kid})

    def authorize(self, address: str) -> dict[str, str]:
        """What the provider's page does with a browser that is sent to ``address``: the parameters with which it is sent back."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}" == self.issuer
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
        assert "openid" in asked["scope"].split()
        code = f"code{len(self.codes)}-{time.monotonic_ns()}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


@pytest.fixture
def office(desk: Any, provider: Provider) -> Any:
    """The application with single sign-on."""
    desk.settings = Settings(
        home=desk.settings.home,
        console_url="https://pages.example",
        console_oidc_issuer=provider.issuer,
        console_oidc_client=CLIENT,
        console_oidc_secret=SECRET,
    )
    desk.app = create_app(desk.settings, desk.engine)
    return desk


def go(office: Any, provider: Provider, client: TestClient | None = None, to: str = "/documents", **changes: str) -> Any:
    """A browser that logs in at the provider; gives the answer of the callback."""
    browser = client or office.client()
    first = browser.get("/login/oidc", params={"to": to})
    assert first.status_code == 303
    back = provider.authorize(first.headers["location"])
    return browser.get("/login/oidc/callback", params=back | changes)


def test_the_whole_way(office: Any, provider: Provider) -> None:
    client = office.client()
    assert "/login/oidc" in client.get("/login").text
    answer = go(office, provider, client)
    assert answer.status_code == 200
    # Not a redirect: on the way from the provider strict cookies would not be sent.
    assert '<meta http-equiv="refresh" content="0; url=/documents">' in answer.text
    assert client.get("/documents").status_code == 200
    assert client.get("/users").status_code == 403
    cookies = answer.headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("gongkai_session="))
    assert "samesite=strict" in session.lower()
    with reading(office.engine) as connection:
        assert audit.trail(connection, action="login")[0].detail == {"factor": "oidc"}
    assert provider.refused == []


def test_the_second_time_the_subject_counts_and_not_the_name(office: Any, provider: Provider) -> None:
    assert go(office, provider).status_code == 200
    provider.name = "administrator"  # somebody renamed at the provider gets into no other account
    client = office.client()
    assert go(office, provider, client).status_code == 200
    assert "viewer" in client.get("/account").text
    assert client.get("/users").status_code == 403
    provider.name, provider.subject = "viewer", "another person"
    assert go(office, provider).status_code == 403


def test_the_ticket_is_good_for_one_browser_and_one_login(office: Any, provider: Provider) -> None:
    victim, attacker = office.client(), office.client()
    first = attacker.get("/login/oidc")
    back = provider.authorize(first.headers["location"])
    assert victim.get("/login/oidc/callback", params=back).status_code == 403  # login CSRF: it has no ticket
    victim.get("/login/oidc")
    assert victim.get("/login/oidc/callback", params=back).status_code == 403  # it has another one
    assert attacker.get("/login/oidc/callback", params=back).status_code == 200
    assert attacker.get("/login/oidc/callback", params=back).status_code == 403
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def changed(**values: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {name: value for name, value in (claims | values).items() if value is not None}


@pytest.mark.parametrize(
    "claims",
    [
        changed(nonce="another"),
        changed(nonce=None),
        changed(aud="another client"),
        changed(aud=[CLIENT, "another"], azp="another"),
        changed(iss="https://elsewhere.example"),
        changed(exp=int(time.time()) - 600),
        changed(exp=None),
        changed(iat=int(time.time()) + 6000),
        changed(sub=None),
        changed(preferred_username=None),
        changed(preferred_username=5),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(office: Any, provider: Provider, claims: Any) -> None:
    provider.claims = claims
    client = office.client()
    assert go(office, provider, client).status_code == 403
    assert client.get("/documents").status_code == 303


def test_a_token_that_the_provider_has_not_signed_is_refused(office: Any, provider: Provider) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = json.dumps(provider.public())
    forgeries: list[Callable[[dict[str, Any]], str]] = [
        lambda claims: jwt.encode(claims, other, "RS256", headers={"kid": "one"}),
        lambda claims: jwt.encode(claims, None, "none", headers={"kid": "one"}),
        lambda claims: jwt.encode(claims, public.ljust(64), "HS256", headers={"kid": "one"}),
        lambda claims: jwt.encode(claims, other, "RS256", headers={"kid": "unknown"}),
        lambda _: "no token",
        lambda _: "",
    ]
    for forgery in forgeries:
        provider.sign = forgery
        client = office.client()
        assert go(office, provider, client).status_code == 403
        assert client.get("/documents").status_code == 303


def test_the_provider_changes_its_key(office: Any, provider: Provider) -> None:
    assert go(office, provider).status_code == 200
    provider.key, provider.kid = rsa.generate_private_key(public_exponent=65537, key_size=2048), "two"
    assert go(office, provider).status_code == 200


def test_who_has_no_account_or_is_disabled_is_not_let_in(office: Any, provider: Provider) -> None:
    provider.name = "stranger"
    answer = go(office, provider)
    assert answer.status_code == 403
    assert "没有账户" in answer.text
    provider.name = "viewer"
    run_transaction(office.engine, lambda c: accounts.set_disabled(c, "viewer", True, who="test"))
    assert go(office, provider).status_code == 403
    with reading(office.engine) as connection:
        assert [entry.detail["factor"] for entry in audit.trail(connection, action="login.failed")] == ["oidc", "oidc"]


def test_a_code_that_is_not_good(office: Any, provider: Provider) -> None:
    assert go(office, provider, code="made up").status_code == 403
    assert provider.refused == ["invalid_grant"]


def test_a_provider_that_does_not_answer_or_is_another(office: Any, provider: Provider) -> None:
    metadata = provider.metadata
    provider.metadata = lambda: metadata() | {"issuer": "https://elsewhere.example"}  # type: ignore[method-assign]
    assert "单点登录没有成功" in office.client().get("/login/oidc").text
    provider.metadata = lambda: metadata() | {"token_endpoint": "http://elsewhere.example/token"}  # type: ignore[method-assign]
    assert go(office, provider).status_code == 403
    provider.close()
    office.app = create_app(office.settings, office.engine)
    for _ in range(3):  # it is asked once, then left alone for a while: no thread of the pages waits for it
        assert office.client().get("/login/oidc").status_code == 403
    assert office.client().get("/login").status_code == 200


@pytest.mark.parametrize("to", ["https://elsewhere/", "//elsewhere/"])
def test_it_leads_to_our_own_pages_only(office: Any, provider: Provider, to: str) -> None:
    assert 'content="0; url=/"' in go(office, provider, to=to).text


def test_a_user_without_a_password_logs_in_here_alone(office: Any, provider: Provider) -> None:
    run_transaction(office.engine, lambda c: accounts.add_user(c, "张敏", "", Role.OPERATE, who="test"))
    for password in ("", "x"):
        assert office.post(office.client(), "/login", name="张敏", password=password).status_code == 403
    provider.name, provider.subject = "张敏", "4712"
    client = office.client()
    assert go(office, provider, client).status_code == 200
    assert client.get("/review").status_code == 200


def test_without_a_provider_there_is_no_single_sign_on(desk: Any) -> None:
    assert desk.client().get("/login/oidc").status_code == 404
    assert desk.client().get("/login/oidc/callback").status_code == 404
    assert "/login/oidc" not in desk.client().get("/login").text


def test_settings_of_single_sign_on_go_together(desk: Any) -> None:
    with pytest.raises(ValueError, match="single sign-on needs"):
        Settings(home=desk.settings.home, console_oidc_issuer="https://login.example")
