"""Who asks: cookies, sessions, roles, and tokens against forged requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from console import passwords
from console.web import security
from database.session import reading, run_transaction
from database.users import accounts
from database.users.accounts import CurrentUser
from runtime.log import get_logger

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from runtime.settings import Settings

log = get_logger(__name__)

_SESSION = "gongkai_session"
_GUEST = "gongkai_guest"


class Cookies:
    """The cookies of a request. They are sent by pages of ours alone (SameSite=Strict), never to scripts (HttpOnly), and over
    https only when the page came so.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._secure = request.url.scheme == "https"
        self._new_guest: str | None = None

    def _name(self, name: str) -> str:
        # __Host- binds a cookie to this host and to https (RFC 6265bis, 4.1.3.2).
        return f"__Host-{name}" if self._secure and name in (_SESSION, _GUEST) else name

    @property
    def session(self) -> str | None:
        """The token of the session."""
        return self._request.cookies.get(self._name(_SESSION))

    @property
    def guest(self) -> str | None:
        """The token of who is not logged in."""
        return self._request.cookies.get(self._name(_GUEST))

    def csrf(self, person: CurrentUser | None) -> str:
        """What forms send back. A guest without a token is given one with the answer."""
        token = self.session if person is not None else self.guest or self._new_guest
        if token is None:
            token = self._new_guest = security.new_token()
        return security.csrf_token(token)

    def is_own(self, person: CurrentUser | None, sent: str) -> bool:
        """Whether the token that a form sent is the one that it was given."""
        token = self.session if person is not None else self.guest
        if token is None or not security.is_own_request(self._request):
            return False
        return security.same(sent, security.csrf_token(token))

    def set(self, response: Response, name: str, value: str, *, seconds: float | None = None) -> None:
        """Set a cookie (until the browser is closed, when no ``seconds`` are given)."""
        age = int(seconds) if seconds is not None else None
        response.set_cookie(self._name(name), value, max_age=age, path="/", secure=self._secure, httponly=True, samesite="strict")

    def delete(self, response: Response, name: str) -> None:
        """Delete a cookie."""
        response.delete_cookie(self._name(name), path="/", secure=self._secure, httponly=True, samesite="strict")

    def add_to(self, response: Response) -> None:
        """Give the cookies that the answer relies on."""
        if self._new_guest is not None:
            self.set(response, _GUEST, self._new_guest)


class RefusedError(Exception):
    """A login that is not accepted: ``seconds`` to wait when there were too many attempts, else 0."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds = seconds


def current_user(engine: Engine, settings: Settings, keys: Cookies, *, active: bool) -> CurrentUser | None:
    """Who has the session of these cookies. ``active``: the person did something, which keeps the session from running out."""
    token = keys.session
    if not token:
        return None
    digest = security.digest(token)
    with reading(engine) as connection:
        found = accounts.session_user(connection, digest, settings.console_idle_seconds)
    if found is None:
        return None
    person, due = found
    if due and active:
        run_transaction(engine, lambda c: accounts.touch_session(c, digest), durable=False)
    return person


def log_in(engine: Engine, settings: Settings, name: str, password: str, address: str) -> str:
    """Begin a session; gives its token. Raises RefusedError when name and password do not fit, or too many were tried."""
    seconds = run_transaction(engine, lambda c: accounts.record_login_attempt(c, name, address))
    if seconds:
        log.warning("a login has to wait", name=name, address=address, seconds=round(seconds))
        raise RefusedError(seconds)
    with reading(engine) as connection:
        known = accounts.credentials(connection, name)
    if not passwords.verify(known[1] if known else None, password) or known is None:
        log.warning("a login was refused", name=name, address=address)
        raise RefusedError
    person, kept = known
    token, better = security.new_token(), passwords.rehashed(kept, password)
    digest, lasts = security.digest(token), settings.console_session_seconds
    run_transaction(engine, lambda c: accounts.log_in(c, person, digest, lasts, address, rehashed=better))
    return token


def begin_session(response: Response, keys: Cookies, token: str) -> None:
    """Give the cookie of a session that began, and take back the guest's."""
    keys.set(response, _SESSION, token)
    keys.delete(response, _GUEST)


def end_session(engine: Engine, response: Response, keys: Cookies, person: CurrentUser) -> None:
    """End the session of these cookies."""
    token = keys.session
    if token:
        run_transaction(engine, lambda c: accounts.log_out(c, security.digest(token), person.name))
    keys.delete(response, _SESSION)
