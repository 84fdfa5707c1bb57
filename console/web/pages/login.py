"""Logging in and out, the language, and the front page."""

from __future__ import annotations

import math

from starlette.responses import Response

from console.web import auth, i18n
from console.web.context import get, post
from console.web.request import Visit, local
from database.models import Role
from database.users import accounts


def front(visit: Visit) -> Response:
    """The front page: the batches."""
    return visit.redirect("/batches")


def show(visit: Visit) -> Response:
    """The form for name and password."""
    if visit.person is not None:
        return visit.redirect(local(visit.query.text("to")))
    return _form(visit, visit.query.text("to"))


def _form(visit: Visit, to: str, status: int = 200) -> Response:
    with visit.reading() as connection:
        empty = not accounts.has_users(connection)
    return visit.render("login.html", status, to=to, name=visit.form.text("name"), empty=empty)


def log_in(visit: Visit) -> Response:
    """Log in."""
    to, name = visit.form.text("to"), visit.form.text("name", accounts.NAME_LENGTH)
    address = visit.request.client.host if visit.request.client else ""
    try:
        token = auth.log_in(visit.desk.engine, visit.desk.settings, name, visit.form.secret("password"), address)
    except auth.RefusedError as refused:
        if refused.seconds:
            visit.notify("login.wait", good=False, minutes=math.ceil(refused.seconds / 60))
            return _form(visit, to, 429)
        visit.notify("login.wrong", good=False)
        return _form(visit, to, 403)
    response = visit.redirect(local(to))
    auth.begin_session(response, visit.keys, token)
    return response


def log_out(visit: Visit) -> Response:
    """Log out."""
    response = visit.redirect("/login")
    if visit.person is not None:
        auth.end_session(visit.desk.engine, response, visit.keys, visit.person)
    return response


def language(visit: Visit) -> Response:
    """Choose the language of the pages."""
    response = visit.redirect(local(visit.form.text("to")))
    chosen = visit.form.text("language")
    if chosen in i18n.LANGUAGES:
        visit.keys.set(response, "gongkai_language", chosen, seconds=31_536_000)
    return response


ROUTES = (
    get("/", front, Role.VIEW),
    get("/login", show, None),
    post("/login", log_in, None),
    post("/logout", log_out, None),
    post("/language", language, None),
)
