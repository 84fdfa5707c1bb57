"""The page of tokens: a person makes and revokes their own; administrators see and revoke those of everybody."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web import auth
from console.web.request import PageRequest
from console.web.routing import get, post
from database.models import Role
from database.users import tokens
from database.users.tokens import MOST_DAYS, TokenError

_DAYS = (30, 90, MOST_DAYS)


def show(request: PageRequest) -> Response:
    """The tokens."""
    return _page(request)


def _page(request: PageRequest, status: int = 200, made: str | None = None) -> Response:
    owner = None if request.may(Role.ADMINISTER) else request.user_name
    with request.reading() as connection:
        items = tokens.tokens(connection, owner)
    roles = [role.value for role in Role if request.may(role)]
    return request.render("tokens.html", status, items=items, made=made, roles=roles, days=_DAYS, everybody=owner is None)


def add(request: PageRequest) -> Response:
    """Make a token of one's own, when the password is right (who logs in elsewhere has none). It is shown once."""
    form, person = request.form, request.user
    if person is None:  # the route has a role
        raise HTTPException(401)
    role, days, label = form.text("role", 20), form.number("days"), form.text("label", 60)
    if role not in list(Role) or days is None:
        raise HTTPException(404)
    if not person.oidc:
        try:
            auth.confirm(request.app.engine, request.user_name, form.secret("old"), request.cookies)
        except auth.LoginRefusedError:
            request.notify("account.wrong", good=False)
            return _page(request, 403)
    try:
        made = request.write(lambda c: tokens.add_token(c, person.name, label, Role(role), days, who=person.name))
    except TokenError:
        request.notify("tokens.refused", good=False)
        return _page(request, 422)
    return _page(request, made=made.secret)


def revoke(request: PageRequest) -> Response:
    """End a token at once."""
    number = request.form.number("number")
    owner = None if request.may(Role.ADMINISTER) else request.user_name
    if number is None or not request.write(lambda c: tokens.revoke_token(c, number, who=request.user_name, owner=owner)):
        raise HTTPException(404)
    request.notify("tokens.revoked", number=number)
    return request.redirect("/tokens")


ROUTES = (get("/tokens", show, Role.VIEW), post("/tokens", add, Role.VIEW), post("/tokens/revoke", revoke, Role.VIEW))
