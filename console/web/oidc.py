"""Single sign-on with OpenID Connect: the authorization code flow with PKCE (RFC 7636), state and nonce.

The provider is asked with the standard library, which uses the certificates of the system (``SSL_CERT_FILE`` for an office's own
authority); PyJWT checks the signature and the claims of the ID token. Why no larger library: ADR 15.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import jwt
import msgspec

from runtime.log import get_logger

if TYPE_CHECKING:
    from runtime.settings import Settings

log = get_logger(__name__)

CALLBACK = "/login/oidc/callback"
_SECONDS = 10.0
_BYTES = 1_000_000
_KEPT_SECONDS = 3600.0  # what the provider says of itself, and its keys
_PAUSE_SECONDS = 10.0  # after a provider has not answered it is left alone: each question could hold a thread of the pages
_LEEWAY_SECONDS = 60
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class OidcError(Exception):
    """The provider does not answer as it must, or its token is not valid. The message is for the log, not for the page."""


class Ticket(msgspec.Struct, frozen=True):
    """What a browser keeps while its person is with the provider, and where to go on."""

    state: str
    nonce: str
    verifier: str
    to: str

    def pack(self) -> str:
        """The ticket as the value of a cookie."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()


class OidcIdentity(NamedTuple):
    """Who logged in at the provider: a digest of issuer and subject, and the name by which an account is found the first time."""

    subject: str
    name: str


def new_ticket(to: str) -> Ticket:
    """A ticket for one login."""
    return Ticket(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), to)


def read_ticket(cookie: str | None) -> Ticket | None:
    """The ticket of a cookie; None when it is none."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cookie or ""), type=Ticket)
    except (ValueError, msgspec.MsgspecError):
        return None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """An endpoint that leads elsewhere would be given the client's secret."""

    def redirect_request(self, *_: object) -> None:
        return None


class Provider:
    """The provider that the settings name. Raises ValueError when they are not complete."""

    def __init__(self, settings: Settings) -> None:
        needed = (settings.console_oidc_issuer, settings.console_oidc_client, settings.console_oidc_secret, settings.console_url)
        if not all(needed):
            raise ValueError("single sign-on needs GONGKAI_CONSOLE_OIDC_ISSUER, _CLIENT, _SECRET and GONGKAI_CONSOLE_URL")
        self._issuer, self._client, self._secret = (str(value) for value in needed[:3])
        self._claim = settings.console_oidc_claim
        self._back = str(settings.console_url).rstrip("/") + CALLBACK
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._lock = threading.Lock()
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._pause_until = 0.0
        self._keys: tuple[float, jwt.PyJWKSet] | None = None

    def address(self, ticket: Ticket) -> str:
        """Return where the browser is sent. Raises OidcError when the provider does not answer."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(ticket.verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": self._back,
            "scope": "openid profile",
            "state": ticket.state,
            "nonce": ticket.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def identity(self, ticket: Ticket, code: str) -> OidcIdentity:
        """Who came back with ``code``. Raises OidcError."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "client_id": self._client,
            "code_verifier": ticket.verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        methods = self._described().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods:
            pair = f"{quote(self._client, safe='')}:{quote(self._secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            fields["client_secret"] = self._secret
        answer = self._json(self._endpoint("token_endpoint"), urlencode(fields).encode(), headers)
        claims = self._claims(str(answer.get("id_token", "")), ticket.nonce)
        name = claims.get(self._claim)
        if not isinstance(name, str) or not name:
            raise OidcError(f"the token has no claim {self._claim}")
        return OidcIdentity(hashlib.sha256(f"{self._issuer}\n{claims['sub']}".encode()).hexdigest(), name)

    def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        required = ["exp", "iat", "iss", "aud", "sub"]
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(token),
                algorithms=_ALGORITHMS,
                audience=self._client,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": required},
            )
        except jwt.PyJWTError as error:
            raise OidcError(f"the ID token is not valid: {error}") from error
        if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise OidcError("the ID token is not for this login")
        if claims.get("azp", self._client) != self._client:
            raise OidcError("the ID token is for another client")
        return claims

    def _key(self, token: str) -> jwt.PyJWK:
        """The key that signed a token. The keys are fetched again when they do not hold it: providers change them."""
        number = jwt.get_unverified_header(token).get("kid")
        for again in (False, True):
            found = [key for key in self._signing_keys(again=again).keys if number is None or key.key_id == number]
            if found:
                return found[0]
        raise OidcError(f"the provider has no key {number!r}")

    def _signing_keys(self, *, again: bool) -> jwt.PyJWKSet:
        with self._lock:
            kept = self._keys
        if kept is None or again or time.monotonic() > kept[0]:
            try:
                keys = jwt.PyJWKSet.from_dict(self._json(self._endpoint("jwks_uri")))
            except jwt.PyJWTError as error:
                raise OidcError(f"the keys of the provider cannot be read: {error}") from error
            kept = (time.monotonic() + _KEPT_SECONDS, keys)
            with self._lock:
                self._keys = kept
        return kept[1]

    def _described(self) -> dict[str, Any]:
        """Return what the provider says of itself (OpenID Connect Discovery 1.0)."""
        with self._lock:
            kept = self._metadata
        if kept is None or time.monotonic() > kept[0]:
            found = self._json(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self._issuer:
                raise OidcError(f"the provider calls itself {found.get('issuer')!r}")
            kept = (time.monotonic() + _KEPT_SECONDS, found)
            with self._lock:
                self._metadata = kept
        return kept[1]

    def _endpoint(self, name: str) -> str:
        return _trusted(str(self._described().get(name, "")))

    def _json(self, url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(_trusted(url), data, {"accept": "application/json", **(headers or {})})
        if time.monotonic() < self._pause_until:
            raise OidcError("the provider did not answer a moment ago")
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                found = json.loads(answer.read(_BYTES))
        except urllib.error.HTTPError as error:  # it answers, and refuses
            raise OidcError(f"{url.partition('?')[0]}: {error}") from error
        except (OSError, ValueError) as error:
            self._pause_until = time.monotonic() + _PAUSE_SECONDS
            raise OidcError(f"{url.partition('?')[0]}: {error}") from error
        if not isinstance(found, dict):
            raise OidcError(f"{url.partition('?')[0]}: no object")
        return found


def _trusted(url: str) -> str:
    """``url`` when it is https, or on this machine. Raises OidcError for any other."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise OidcError(f"{url!r} is not https")
