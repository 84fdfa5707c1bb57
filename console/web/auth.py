"""Logging in: cookies, sessions, roles, the second factor, and tokens against forged requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from console import passwords, second_factor
from console.web import security
from database.models import Role
from database.session import reading, run_transaction
from database.users import logins, sessions
from database.users.logins import LoginArrival
from database.users.sessions import CurrentUser, Demands
from runtime.log import get_logger

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from console.web.oidc import OidcIdentity
    from runtime.settings import Settings

log = get_logger(__name__)

_SESSION = "gongkai_session"
_GUEST = "gongkai_guest"
_DEVICE = "gongkai_device"
_STEP = "gongkai_step"
_TICKET = "gongkai_oidc"
_BOUND = (_SESSION, _GUEST, _DEVICE, _STEP, _TICKET)
_DEVICE_SECONDS = 15_552_000.0  # 180 days, as long as the database knows it


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
        return f"__Host-{name}" if self._secure and name in _BOUND else name

    def _get(self, name: str) -> str | None:
        return self._request.cookies.get(self._name(name))

    @property
    def session(self) -> str | None:
        """The token of the session."""
        return self._get(_SESSION)

    @property
    def guest(self) -> str | None:
        """The token of who is not logged in."""
        return self._get(_GUEST)

    @property
    def device(self) -> str | None:
        """The token of a browser that somebody has logged in with before."""
        return self._get(_DEVICE)

    @property
    def step(self) -> str | None:
        """The token of a login whose second factor is awaited."""
        return self._get(_STEP)

    @property
    def ticket(self) -> str | None:
        """What the browser keeps while its person is with the provider of single sign-on."""
        return self._get(_TICKET)

    def csrf(self, person: CurrentUser | None) -> str:
        """Return what forms send back. A guest without a token is given one with the answer."""
        token = self.session if person is not None else self.guest or self._new_guest
        if token is None:
            token = self._new_guest = security.new_token()
        return security.csrf_token(token)

    def is_own(self, person: CurrentUser | None, sent: str) -> bool:
        """Return whether the token that a form sent is the one that it was given."""
        token = self.session if person is not None else self.guest
        if token is None or not security.is_own_request(self._request):
            return False
        return security.same(sent, security.csrf_token(token))

    def set(
        self,
        response: Response,
        name: str,
        value: str,
        *,
        seconds: float | None = None,
        same_site: Literal["strict", "lax"] = "strict",
    ) -> None:
        """Set a cookie (until the browser is closed, when no ``seconds`` are given)."""
        age = int(seconds) if seconds is not None else None
        response.set_cookie(
            self._name(name), value, max_age=age, path="/", secure=self._secure, httponly=True, samesite=same_site
        )

    def delete(self, response: Response, name: str) -> None:
        """Delete a cookie."""
        response.delete_cookie(self._name(name), path="/", secure=self._secure, httponly=True, samesite="strict")

    def add_to(self, response: Response) -> None:
        """Set the cookies that the answer relies on."""
        if self._new_guest is not None:
            self.set(response, _GUEST, self._new_guest)

    def arrival(self) -> LoginArrival:
        """Return where a login comes from. A browser that is not known yet gets a new token, see :func:`begin_session`."""
        client = self._request.client
        agent = security.clean(self._request.headers.get("user-agent", ""))[:200]
        return LoginArrival(client.host if client else "", security.digest(self.device or ""), agent)


class LoginRefusedError(Exception):
    """A login that is not accepted: ``seconds`` to wait when there were too many attempts, else 0. ``over``: the second factor
    came too late or was wrong too often, so that the login begins again.
    """

    def __init__(self, seconds: float = 0.0, *, over: bool = False) -> None:
        super().__init__()
        self.seconds, self.over = seconds, over


class Login(NamedTuple):
    """A login whose password was right: the tokens of its session and of its browser, or that of the step in which the second
    factor is awaited.
    """

    session: str = ""
    device: str = ""
    step: str = ""


def demands(settings: Settings) -> Demands:
    """Return what the settings demand of users."""
    names = [name.strip() for name in settings.console_totp_roles.split(",")]
    return Demands(settings.console_password_days, tuple(Role(name) for name in names if name))


def current_user(engine: Engine, settings: Settings, keys: Cookies, *, active: bool) -> CurrentUser | None:
    """The user of the session of these cookies. ``active``: the person did something, which keeps the session from ending."""
    token = keys.session
    if not token:
        return None
    digest = security.digest(token)
    with reading(engine) as connection:
        found = sessions.session_user(connection, digest, settings.console_idle_seconds, demands(settings))
    if found is None:
        return None
    person, due = found
    if due and active:
        run_transaction(engine, lambda c: sessions.touch_session(c, digest), durable=False)
    return person


def _checked(engine: Engine, name: str, password: str, arrival: LoginArrival) -> logins.Credentials:
    """Return what is kept of a user whose password is right. Raises RefusedError when it is not, or too many were tried."""
    address = arrival.address
    seconds = run_transaction(engine, lambda c: logins.record_login_attempt(c, name, address, arrival.device))
    if seconds:
        log.warning("a login has to wait", name=name, address=address, seconds=round(seconds))
        raise LoginRefusedError(seconds)
    with reading(engine) as connection:
        known = logins.credentials(connection, name)
    if not passwords.verify(known.password if known else None, password) or known is None:
        run_transaction(engine, lambda c: logins.record_failed_login(c, name, address))
        log.warning("a login was refused", address=address)
        raise LoginRefusedError
    return known


def log_in(engine: Engine, settings: Settings, name: str, password: str, keys: Cookies) -> Login:
    """Begin a session, or await the second factor. Raises RefusedError when the password is wrong, or too many were tried."""
    known = _checked(engine, name, password, keys.arrival())
    if known.totp_key is not None:
        step = security.new_token()
        run_transaction(engine, lambda c: logins.begin_step(c, known.user, security.digest(step)))
        return Login(step=step)
    return _started(engine, settings, known.user, keys, rehashed=passwords.rehashed(known.password, password))


def show_factor(engine: Engine, settings: Settings, code: str, keys: Cookies) -> Login:
    """Begin the session of a login with its second factor. Raises RefusedError when the code is not right."""
    digest, arrival, at = security.digest(keys.step or ""), keys.arrival(), time.time()
    try:
        user = run_transaction(engine, lambda c: logins.finish_step(c, digest, lambda f: second_factor.proof(f, code, at)))
    except LookupError:
        raise LoginRefusedError(over=True) from None
    if user is None:
        run_transaction(engine, lambda c: logins.record_failed_step(c, digest, arrival.address))
        log.warning("a second factor was refused", address=arrival.address)
        raise LoginRefusedError
    return _started(engine, settings, user, keys)


def sign_on(engine: Engine, settings: Settings, identity: OidcIdentity, keys: Cookies) -> Login:
    """Begin the session of somebody whom the provider of single sign-on knows. Raises RefusedError when there is no such user."""
    arrival = keys.arrival()
    user = run_transaction(engine, lambda c: logins.of_subject(c, identity.subject, identity.name))
    if user is None:
        run_transaction(engine, lambda c: logins.record_failed_login(c, identity.name, arrival.address, factor="oidc"))
        log.warning("single sign-on of somebody who is no user", address=arrival.address)
        raise LoginRefusedError
    return _started(engine, settings, user, keys, oidc=True)


def _started(
    engine: Engine, settings: Settings, user: CurrentUser, keys: Cookies, *, rehashed: str | None = None, oidc: bool = False
) -> Login:
    session, device = security.new_token(), keys.device or security.new_token()
    before = keys.arrival()
    arrival = LoginArrival(before.address, security.digest(device), before.agent)
    digest, lasts = security.digest(session), settings.console_session_seconds
    run_transaction(engine, lambda c: logins.log_in(c, user, digest, lasts, arrival, rehashed=rehashed, oidc=oidc))
    return Login(session, device)


def go_on(engine: Engine, settings: Settings, user: CurrentUser, keys: Cookies) -> Login:
    """Begin a new session in place of one that its user has ended by an act of theirs, such as another password."""
    return _started(engine, settings, user, keys)


def confirm(engine: Engine, name: str, password: str, keys: Cookies) -> None:
    """Check the password of somebody who is logged in, before an act that an open browser must not allow. It is slowed down as
    logging in is. Raises RefusedError.
    """
    arrival = keys.arrival()
    _checked(engine, name, password, arrival)
    run_transaction(engine, lambda c: logins.forget_attempts(c, name, arrival))


def begin_session(response: Response, keys: Cookies, login: Login) -> None:
    """Set the cookies of a session that began, and take back the guest's; or that of the step which comes next."""
    if login.step:
        keys.set(response, _STEP, login.step, seconds=logins.STEP_SECONDS)
        return
    keys.set(response, _SESSION, login.session)
    keys.set(response, _DEVICE, login.device, seconds=_DEVICE_SECONDS)
    keys.delete(response, _GUEST)
    keys.delete(response, _STEP)
    keys.delete(response, _TICKET)


def keep_ticket(response: Response, keys: Cookies, ticket: str) -> None:
    """Keep what a login with single sign-on needs when it comes back. It comes from the provider's page, along with which strict
    cookies are not sent.
    """
    keys.set(response, _TICKET, ticket, seconds=600, same_site="lax")


def end_session(engine: Engine, response: Response, keys: Cookies, person: CurrentUser) -> None:
    """End the session of these cookies."""
    token = keys.session
    if token:
        run_transaction(engine, lambda c: sessions.log_out(c, security.digest(token), person.name))
    keys.delete(response, _SESSION)
