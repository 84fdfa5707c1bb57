"""One's own account: password, second factor, sessions."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console import passwords, second_factor
from console.web import auth, security
from console.web.request import PageRequest
from console.web.routing import get, post
from database.models import Role
from database.users import accounts
from database.users.sessions import CurrentUser, Duty, end_own_sessions, sessions_of


def _person(request: PageRequest) -> CurrentUser:
    if request.user is None:  # the routes have a role
        raise HTTPException(401)
    return request.user


def show(request: PageRequest) -> Response:
    """The account."""
    return _page(request)


def _page(request: PageRequest, status: int = 200, *, person: CurrentUser | None = None, **context: Any) -> Response:
    person, settings = person or _person(request), request.app.settings
    with request.reading() as connection:
        sessions = sessions_of(connection, person.id, settings.console_idle_seconds)
    demanded = person.role in auth.demands(settings).totp_roles and not person.oidc
    shown = {"key": None, "qr": None, "codes": None, **context}
    own = security.digest(request.cookies.session or "")
    return request.render("account.html", status, person=person, sessions=sessions, own=own, demanded=demanded, **shown)


def _confirmed(request: PageRequest) -> bool:
    """Return whether the form holds the password of today: guards against who finds an open browser."""
    try:
        auth.confirm(request.app.engine, request.user_name, request.form.secret("old"), request.cookies)
    except auth.LoginRefusedError:
        request.notify("account.wrong", good=False)
        return False
    return True


def change(request: PageRequest) -> Response:
    """Change the password, when the one before is right; all sessions end, and a new one begins."""
    form, person = request.form, _person(request)
    old, new = form.secret("old"), form.secret("new")
    weak = passwords.weakness(request.user_name, new)
    if new != form.secret("again"):
        weak = "again"
    elif new == old:
        weak = "before"
    if weak:
        request.notify(f"password.{weak}", good=False)
        return _page(request, 422)
    if not _confirmed(request):
        return _page(request, 403)
    kept = passwords.hashed(new)
    request.write(lambda connection: accounts.set_password(connection, request.user_name, kept, who=request.user_name))
    login = auth.go_on(request.app.engine, request.app.settings, person, request.cookies)
    request.notify("account.changed")
    response = request.redirect("/account")
    auth.begin_session(response, request.cookies, login)
    return response


def factor(request: PageRequest) -> Response:
    """Set the second factor up (a key is shown, then confirmed by its first code), or take it off."""
    form, person, act = request.form, _person(request), request.form.text("act")
    if act == "begin":
        return _with_key(request, second_factor.new_key())
    if act == "off":
        if person.role in auth.demands(request.app.settings).totp_roles:
            raise HTTPException(403)
        if not _confirmed(request):
            return _page(request, 403)
        request.write(lambda c: accounts.remove_factor(c, request.user_name, who=request.user_name))
        request.notify("account.factor_off")
        return request.redirect("/account")
    key = form.text("key", 64)
    if act != "confirm" or not second_factor.is_key(key):
        raise HTTPException(404)
    if not _confirmed(request):
        return _with_key(request, key, 403)
    step = second_factor.step_of(key, form.text("code", 20), 0, time.time())
    if step is None:
        request.notify("login.wrong_code", good=False)
        return _with_key(request, key, 422)
    codes = second_factor.new_recovery_codes()
    digests = [second_factor.recovery_digest(code) for code in codes]
    request.write(lambda c: accounts.set_factor(c, request.user_name, key, step, digests))
    request.notify("account.factor_on")
    # The request began before the factor was there; the page shows the account as it is now.
    duty = None if person.duty is Duty.SECOND_FACTOR else person.duty
    return _page(request, person=msgspec.structs.replace(person, second_factor=True, duty=duty), codes=codes)


def _with_key(request: PageRequest, key: str, status: int = 200) -> Response:
    qr = second_factor.picture(second_factor.address(key, request.user_name, request.t("site.title")))
    return _page(request, status, key=key, qr=Markup(qr))


def sessions(request: PageRequest) -> Response:
    """End one of one's sessions, or all others."""
    person, digest = _person(request), request.form.text("session", 64)
    own = security.digest(request.cookies.session or "")
    if digest:
        count = request.write(lambda c: end_own_sessions(c, person, digest=digest))
    else:
        count = request.write(lambda c: end_own_sessions(c, person, keep=own))
    request.notify("account.ended", count=count)
    return request.redirect("/account")


ROUTES = (
    get("/account", show, Role.VIEW),
    post("/account", change, Role.VIEW),
    post("/account/factor", factor, Role.VIEW),
    post("/account/sessions", sessions, Role.VIEW),
)
