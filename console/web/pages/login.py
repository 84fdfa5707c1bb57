"""Logging in (with a password and a second factor, or by single sign-on) and out, the language, and the front page."""

from __future__ import annotations

import math

from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web import auth, i18n, oidc, security
from console.web.context import get, post
from console.web.oidc import CALLBACK, OidcError
from console.web.request import Visit, local
from database.models import Role
from database.users import accounts
from runtime.log import get_logger

log = get_logger(__name__)


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
    sign_on = visit.desk.provider is not None
    return visit.render("login.html", status, to=local(to, ""), name=visit.form.text("name"), empty=empty, sign_on=sign_on)


def log_in(visit: Visit) -> Response:
    """Log in with name and password; who has a second factor is asked for it next."""
    to, name = visit.form.text("to"), visit.form.text("name", accounts.NAME_LENGTH)
    try:
        login = auth.log_in(visit.desk.engine, visit.desk.settings, name, visit.form.secret("password"), visit.keys)
    except auth.RefusedError as refused:
        if refused.seconds:
            visit.notify("login.wait", good=False, minutes=math.ceil(refused.seconds / 60))
            return _form(visit, to, 429)
        visit.notify("login.wrong", good=False)
        return _form(visit, to, 403)
    response = visit.redirect("/login/factor", to=local(to)) if login.step else visit.redirect(local(to))
    auth.begin_session(response, visit.keys, login)
    return response


def ask_factor(visit: Visit) -> Response:
    """The form for the second factor."""
    if visit.person is not None or visit.keys.step is None:
        return visit.redirect("/login")
    return visit.render("login_factor.html", to=local(visit.query.text("to")))


def show_factor(visit: Visit) -> Response:
    """Log in with the second factor, after the password."""
    to = local(visit.form.text("to"))
    try:
        login = auth.show_factor(visit.desk.engine, visit.desk.settings, visit.form.text("code", 100), visit.keys)
    except auth.RefusedError as refused:
        if refused.over:
            visit.notify("login.again", good=False)
            return visit.redirect("/login", to=to)
        visit.notify("login.wrong_code", good=False)
        return visit.render("login_factor.html", 403, to=to)
    response = visit.redirect(to)
    auth.begin_session(response, visit.keys, login)
    return response


def sign_on(visit: Visit) -> Response:
    """Lead to the provider of single sign-on."""
    provider = visit.desk.provider
    if provider is None:
        raise HTTPException(404)
    ticket = oidc.new_ticket(local(visit.query.text("to")))
    try:
        target = provider.address(ticket)
    except OidcError as error:
        return _no_sign_on(visit, error)
    response = visit.redirect(target)
    auth.keep_ticket(response, visit.keys, ticket.pack())
    return response


def signed_on(visit: Visit) -> Response:
    """Log in whom the provider sends back."""
    provider, ticket = visit.desk.provider, oidc.read_ticket(visit.keys.ticket)
    if provider is None:
        raise HTTPException(404)
    if ticket is None or not security.same(ticket.state, visit.query.text("state")):
        visit.notify("login.again", good=False)
        return _form(visit, "", 403)
    try:
        identity = provider.identity(ticket, visit.query.text("code"))
    except OidcError as error:
        return _no_sign_on(visit, error)
    try:
        login = auth.sign_on(visit.desk.engine, visit.desk.settings, identity, visit.keys)
    except auth.RefusedError:
        visit.notify("login.no_account", good=False, name=identity.name[: accounts.NAME_LENGTH])
        return _form(visit, "", 403)
    # A redirect would still be part of the way from the provider's site, on which strict cookies are not sent.
    response = visit.render("login_done.html", to=local(ticket.to))
    auth.begin_session(response, visit.keys, login)
    return response


def _no_sign_on(visit: Visit, error: OidcError) -> Response:
    log.warning("single sign-on failed", error=str(error))
    visit.notify("login.sign_on_failed", good=False)
    return _form(visit, "", 403)


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
    get("/login/factor", ask_factor, None),
    post("/login/factor", show_factor, None),
    get("/login/oidc", sign_on, None),
    get(CALLBACK, signed_on, None),
    post("/logout", log_out, None),
    post("/language", language, None),
)
