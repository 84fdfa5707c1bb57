"""Users and their roles, and the audit trail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console import passwords
from console.bounds import split_names, unknown_regions
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.views.regions import region_name
from database.filings.agencies import agencies_by_id
from database.models import Role
from database.monitoring import listings
from database.users import accounts
from database.users import audit as auditing

_ROWS = 100
_NAMED = 3  # documents of an entry that are named
_BATCHES = 200  # names that are offered


def users(request: PageRequest) -> Response:
    """All users, with the forms to change them."""
    return _users(request)


def _users(request: PageRequest, status: int = 200) -> Response:
    """The page of all users; what was typed into a form that is refused stands in it again, but for passwords."""
    typed = {name: request.form.text(name, 4000) for name in ("act", "name", "role", "regions", "batches", "reason")}
    with request.reading() as connection:
        items = accounts.users(connection)
        batches = listings.batch_names(connection, limit=_BATCHES)
    shown: dict[str, Any] = {"roles": Role, "batches": batches, "shortest": passwords.SHORTEST, "typed": typed}
    return request.render("users.html", status, items=items, **shown)


def _act(request: PageRequest, key: str, name: str, act: Callable[[Connection], object]) -> Response:
    try:
        request.write(act)
    except accounts.AccountError as error:
        return _refused(request, f"users.{error.key}", name=error.name)
    request.notify(key, name=name)
    return request.redirect("/users")


def _refused(request: PageRequest, key: str, **values: str) -> Response:
    request.notify(key, good=False, **values)
    return _users(request, 422)


def add(request: PageRequest) -> Response:
    """Make a user; the password is changed at the first login. Without one the user logs in by single sign-on alone."""
    form = request.form
    name, password, role = form.text("name", accounts.NAME_LENGTH), form.secret("password"), _role(request)
    if not accounts.is_name(name):
        return _refused(request, "users.no_name")
    alone = not password and request.app.provider is not None
    if not alone and (weak := passwords.weakness(name, password)):
        return _refused(request, f"password.{weak}")
    kept, reason = "" if alone else passwords.hashed(password), form.text("reason", 1000)
    signed: dict[str, Any] = {"who": request.user_name, "reason": reason, "must_change": not alone}
    return _act(request, "users.added", name, lambda c: accounts.add_user(c, name, kept, role, **signed))


def change(request: PageRequest) -> Response:
    """Give another role and other bounds, lock out, let in again, or take off a lost second factor."""
    form = request.form
    name, act, reason, who = form.text("name"), form.text("act"), form.text("reason", 1000), request.user_name
    if act == "save":
        return _save(request, name, reason)
    if act == "factor_off":
        return _act(request, "users.changed", name, lambda c: accounts.remove_factor(c, name, who=who, reason=reason))
    if act not in ("disable", "enable"):
        raise HTTPException(404)
    off = act == "disable"
    return _act(request, "users.changed", name, lambda c: accounts.set_disabled(c, name, off, who=who, reason=reason))


def _save(request: PageRequest, name: str, reason: str) -> Response:
    """Give a user the role of the form, and bind them to its regions (codes) and batches (names), with commas between; empty:
    not bound. What the person did not change on the page is left as it is now: somebody else may have changed it meanwhile.
    """
    form, role = request.form, _role(request)
    changed = {field for field in ("role", "regions", "batches") if form.text(field, 4000) != form.text(f"{field}_shown", 4000)}
    codes, batches = (split_names(form.text(field, 4000)) for field in ("regions", "batches"))
    if unknown_regions(codes or ()):
        return _refused(request, "users.no_region")
    signed: dict[str, Any] = {"who": request.user_name, "reason": reason}

    def act(connection: Connection) -> None:
        if "role" in changed:
            accounts.set_role(connection, name, role, **signed)
        if changed & {"regions", "batches"}:
            accounts.set_access(connection, name, codes, batches, **signed)

    return _act(request, "users.changed", name, act)


def password(request: PageRequest) -> Response:
    """Give a user another password, which is changed at the next login; all sessions of that user end."""
    name, new = request.form.text("name"), request.form.secret("password")
    if weak := passwords.weakness(name, new):
        return _refused(request, f"password.{weak}")
    kept = passwords.hashed(new)
    return _act(
        request, "users.changed", name, lambda c: accounts.set_password(c, name, kept, who=request.user_name, must_change=True)
    )


def _role(request: PageRequest) -> Role:
    name = request.form.text("role")
    if name not in list(Role):
        raise HTTPException(404)
    return Role(name)


def audit(request: PageRequest) -> Response:
    """Who did what, the newest first."""
    who, action = request.query.text("who", 100) or None, request.query.text("action", 40) or None
    before = request.query.number("after")
    with request.reading() as connection:
        items = auditing.trail(connection, who=who, action=action, before=before, limit=_ROWS)
        documents = {number for item in items for number in (*item.documents[:_NAMED], item.detail.get("document")) if number}
        named = {row.id: row for row in listings.document_lines(connection, sorted(documents))}
        ids = {number for item in items for key in ("agency", "other") if isinstance(number := item.detail.get(key), int)}
        agencies = agencies_by_id(connection, ids)
    after = items[-1].id if len(items) == _ROWS else None
    given = {"who": who, "action": action}
    shown: dict[str, Any] = {"documents": named, "agencies": agencies, "most": _NAMED, "region_of": region_name}
    return request.render("audit.html", items=items, given=given, before=before, after=after, **shown)


ROUTES = (
    get("/users", users, Role.ADMINISTER),
    post("/users/add", add, Role.ADMINISTER),
    post("/users/change", change, Role.ADMINISTER),
    post("/users/password", password, Role.ADMINISTER),
    get("/audit", audit, Role.ADMINISTER),
)
