"""One's own account: password, second factor, sessions."""

from __future__ import annotations

import time
from typing import Any

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console import passwords, second_factor
from console.web import auth, security
from console.web.context import get, post
from console.web.request import Visit
from database.models import Role
from database.users import accounts
from database.users.accounts import CurrentUser


def _person(visit: Visit) -> CurrentUser:
    if visit.person is None:  # the routes have a role
        raise HTTPException(401)
    return visit.person


def show(visit: Visit) -> Response:
    """The account."""
    return _page(visit)


def _page(visit: Visit, status: int = 200, **context: Any) -> Response:
    person, settings = _person(visit), visit.desk.settings
    with visit.reading() as connection:
        sessions = accounts.sessions_of(connection, person.id, settings.console_idle_seconds)
    demanded = person.role in auth.demands(settings).totp_roles and not person.oidc
    shown = {"key": None, "qr": None, "codes": None, **context}
    own = security.digest(visit.keys.session or "")
    return visit.render("account.html", status, person=person, sessions=sessions, own=own, demanded=demanded, **shown)


def _confirmed(visit: Visit) -> bool:
    """Whether the form holds the password of today: guards against who finds an open browser."""
    try:
        auth.confirm(visit.desk.engine, visit.who, visit.form.secret("old"), visit.keys)
    except auth.RefusedError:
        visit.notify("account.wrong", good=False)
        return False
    return True


def change(visit: Visit) -> Response:
    """Change the password, when the one before is right; all sessions end, and a new one begins."""
    form, person = visit.form, _person(visit)
    old, new = form.secret("old"), form.secret("new")
    weak = passwords.weakness(visit.who, new)
    if new != form.secret("again"):
        weak = "again"
    elif new == old:
        weak = "before"
    if weak:
        visit.notify(f"password.{weak}", good=False)
        return _page(visit, 422)
    if not _confirmed(visit):
        return _page(visit, 403)
    kept = passwords.hashed(new)
    visit.write(lambda connection: accounts.set_password(connection, visit.who, kept, who=visit.who))
    login = auth.go_on(visit.desk.engine, visit.desk.settings, person, visit.keys)
    visit.notify("account.changed")
    response = visit.redirect("/account")
    auth.begin_session(response, visit.keys, login)
    return response


def factor(visit: Visit) -> Response:
    """Set the second factor up (a key is shown, then confirmed by its first code), or take it off."""
    form, person, act = visit.form, _person(visit), visit.form.text("act")
    if act == "begin":
        return _with_key(visit, second_factor.new_key())
    if act == "off":
        if person.role in auth.demands(visit.desk.settings).totp_roles:
            raise HTTPException(403)
        if not _confirmed(visit):
            return _page(visit, 403)
        visit.write(lambda c: accounts.remove_factor(c, visit.who, who=visit.who))
        visit.notify("account.factor_off")
        return visit.redirect("/account")
    key = form.text("key", 64)
    if act != "confirm" or not second_factor.is_key(key):
        raise HTTPException(404)
    if not _confirmed(visit):
        return _with_key(visit, key, 403)
    step = second_factor.step_of(key, form.text("code", 20), 0, time.time())
    if step is None:
        visit.notify("login.wrong_code", good=False)
        return _with_key(visit, key, 422)
    codes = second_factor.new_recovery_codes()
    digests = [second_factor.recovery_digest(code) for code in codes]
    visit.write(lambda c: accounts.set_factor(c, visit.who, key, step, digests))
    visit.notify("account.factor_on")
    return _page(visit, codes=codes)


def _with_key(visit: Visit, key: str, status: int = 200) -> Response:
    qr = second_factor.picture(second_factor.address(key, visit.who, visit.t("site.title")))
    return _page(visit, status, key=key, qr=Markup(qr))


def sessions(visit: Visit) -> Response:
    """End one of one's sessions, or all others."""
    person, digest = _person(visit), visit.form.text("session", 64)
    own = security.digest(visit.keys.session or "")
    if digest:
        count = visit.write(lambda c: accounts.end_own_sessions(c, person, digest=digest))
    else:
        count = visit.write(lambda c: accounts.end_own_sessions(c, person, keep=own))
    visit.notify("account.ended", count=count)
    return visit.redirect("/account")


ROUTES = (
    get("/account", show, Role.VIEW),
    post("/account", change, Role.VIEW),
    post("/account/factor", factor, Role.VIEW),
    post("/account/sessions", sessions, Role.VIEW),
)
