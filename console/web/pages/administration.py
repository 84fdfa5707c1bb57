"""Users and their roles, and the audit trail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console import passwords
from console.bounds import split_names, unknown_regions
from console.web.context import get, post
from console.web.request import Visit
from database.models import Role
from database.monitoring import listings
from database.users import accounts
from database.users import audit as auditing

_ROWS = 100
_BATCHES = 200  # names that are offered


def users(visit: Visit) -> Response:
    """All users, with the forms to change them."""
    with visit.reading() as connection:
        items = accounts.users(connection)
        batches = listings.batch_names(connection, limit=_BATCHES)
    return visit.render("users.html", items=items, roles=Role, batches=batches, shortest=passwords.SHORTEST)


def _act(visit: Visit, key: str, name: str, act: Callable[[Connection], object]) -> Response:
    try:
        visit.write(act)
    except accounts.AccountError as error:
        visit.notify(f"users.{error.key}", good=False, name=error.name)
    else:
        visit.notify(key, name=name)
    return visit.redirect("/users")


def _refused(visit: Visit, key: str) -> Response:
    visit.notify(key, good=False)
    return visit.redirect("/users")


def add(visit: Visit) -> Response:
    """Make a user; the password is changed at the first login. Without one the user logs in by single sign-on alone."""
    form = visit.form
    name, password, role = form.text("name", accounts.NAME_LENGTH), form.secret("password"), _role(visit)
    if not accounts.is_name(name):
        return _refused(visit, "users.no_name")
    alone = not password and visit.desk.provider is not None
    if not alone and (weak := passwords.weakness(name, password)):
        return _refused(visit, f"password.{weak}")
    kept, reason = "" if alone else passwords.hashed(password), form.text("reason", 1000)
    signed: dict[str, Any] = {"who": visit.who, "reason": reason, "must_change": not alone}
    return _act(visit, "users.added", name, lambda c: accounts.add_user(c, name, kept, role, **signed))


def change(visit: Visit) -> Response:
    """Give another role, lock out, let in again, take off a lost second factor, or bind to regions and batches."""
    form = visit.form
    name, act, reason, who = form.text("name"), form.text("act"), form.text("reason", 1000), visit.who
    if act == "role":
        role = _role(visit)
        return _act(visit, "users.changed", name, lambda c: accounts.set_role(c, name, role, who=who, reason=reason))
    if act == "factor_off":
        return _act(visit, "users.changed", name, lambda c: accounts.remove_factor(c, name, who=who, reason=reason))
    if act == "access":
        return _bind(visit, name, reason)
    if act not in ("disable", "enable"):
        raise HTTPException(404)
    off = act == "disable"
    return _act(visit, "users.changed", name, lambda c: accounts.set_disabled(c, name, off, who=who, reason=reason))


def _bind(visit: Visit, name: str, reason: str) -> Response:
    """Bind a user to the regions (codes) and batches (names) of the form, each with commas between; empty: not bound."""
    codes, batches = (split_names(visit.form.text(field, 4000)) for field in ("regions", "batches"))
    if unknown_regions(codes or ()):
        return _refused(visit, "users.no_region")
    signed: dict[str, Any] = {"who": visit.who, "reason": reason}
    return _act(visit, "users.changed", name, lambda c: accounts.set_access(c, name, codes, batches, **signed))


def password(visit: Visit) -> Response:
    """Give a user another password, which is changed at the next login; all sessions of that user end."""
    name, new = visit.form.text("name"), visit.form.secret("password")
    if weak := passwords.weakness(name, new):
        return _refused(visit, f"password.{weak}")
    kept = passwords.hashed(new)
    return _act(visit, "users.changed", name, lambda c: accounts.set_password(c, name, kept, who=visit.who, must_change=True))


def _role(visit: Visit) -> Role:
    name = visit.form.text("role")
    if name not in list(Role):
        raise HTTPException(404)
    return Role(name)


def audit(visit: Visit) -> Response:
    """Who did what, the newest first."""
    who, action = visit.query.text("who", 100) or None, visit.query.text("action", 40) or None
    before = visit.query.number("after")
    with visit.reading() as connection:
        items = auditing.trail(connection, who=who, action=action, before=before, limit=_ROWS)
    after = items[-1].id if len(items) == _ROWS else None
    given = {"who": who, "action": action}
    return visit.render("audit.html", items=items, given=given, before=before, after=after)


ROUTES = (
    get("/users", users, Role.ADMINISTER),
    post("/users/add", add, Role.ADMINISTER),
    post("/users/change", change, Role.ADMINISTER),
    post("/users/password", password, Role.ADMINISTER),
    get("/audit", audit, Role.ADMINISTER),
)
