"""Logging in (with a password and a second factor, or by single sign-on) and out, the language, and the front page."""

from __future__ import annotations

import math

from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web import auth, i18n, oidc, security
from console.web.addresses import local
from console.web.oidc import CALLBACK, OidcError
from console.web.request import PageRequest
from console.web.routing import get, post
from database.models import Role
from database.users import accounts
from runtime.log import get_logger

log = get_logger(__name__)


def front(request: PageRequest) -> Response:
    """The front page: the batches."""
    return request.redirect("/batches")


def show(request: PageRequest) -> Response:
    """The form for name and password."""
    if request.user is not None:
        return request.redirect(local(request.query.text("to")))
    return _form(request, request.query.text("to"))


def _form(request: PageRequest, to: str, status: int = 200) -> Response:
    with request.reading() as connection:
        empty = not accounts.has_users(connection)
    sign_on = request.app.provider is not None
    return request.render("login.html", status, to=local(to, ""), name=request.form.text("name"), empty=empty, sign_on=sign_on)


def log_in(request: PageRequest) -> Response:
    """Log in with name and password; who has a second factor is asked for it next."""
    to, name = request.form.text("to"), request.form.text("name", accounts.NAME_LENGTH)
    try:
        login = auth.log_in(request.app.engine, request.app.settings, name, request.form.secret("password"), request.cookies)
    except auth.LoginRefusedError as refused:
        if refused.seconds:
            request.notify("login.wait", good=False, minutes=math.ceil(refused.seconds / 60))
            return _form(request, to, 429)
        request.notify("login.wrong", good=False)
        return _form(request, to, 403)
    response = request.redirect("/login/factor", to=local(to)) if login.step else request.redirect(local(to))
    auth.begin_session(response, request.cookies, login)
    return response


def ask_factor(request: PageRequest) -> Response:
    """The form for the second factor."""
    if request.user is not None or request.cookies.step is None:
        return request.redirect("/login")
    return request.render("login_factor.html", to=local(request.query.text("to")))


def show_factor(request: PageRequest) -> Response:
    """Log in with the second factor, after the password."""
    to = local(request.form.text("to"))
    try:
        login = auth.show_factor(request.app.engine, request.app.settings, request.form.text("code", 100), request.cookies)
    except auth.LoginRefusedError as refused:
        if refused.over:
            request.notify("login.again", good=False)
            return request.redirect("/login", to=to)
        request.notify("login.wrong_code", good=False)
        return request.render("login_factor.html", 403, to=to)
    response = request.redirect(to)
    auth.begin_session(response, request.cookies, login)
    return response


def sign_on(request: PageRequest) -> Response:
    """Lead to the provider of single sign-on."""
    provider = request.app.provider
    if provider is None:
        raise HTTPException(404)
    ticket = oidc.new_ticket(local(request.query.text("to")))
    try:
        target = provider.address(ticket)
    except OidcError as error:
        return _no_sign_on(request, error)
    response = request.redirect(target)
    auth.keep_ticket(response, request.cookies, ticket.pack())
    return response


def signed_on(request: PageRequest) -> Response:
    """Log in whom the provider sends back."""
    provider, ticket = request.app.provider, oidc.read_ticket(request.cookies.ticket)
    if provider is None:
        raise HTTPException(404)
    if ticket is None or not security.same(ticket.state, request.query.text("state")):
        request.notify("login.again", good=False)
        return _form(request, "", 403)
    try:
        identity = provider.identity(ticket, request.query.text("code"))
    except OidcError as error:
        return _no_sign_on(request, error)
    try:
        login = auth.sign_on(request.app.engine, request.app.settings, identity, request.cookies)
    except auth.LoginRefusedError:
        request.notify("login.no_account", good=False, name=identity.name[: accounts.NAME_LENGTH])
        return _form(request, "", 403)
    # A redirect would still be part of the way from the provider's site, on which strict cookies are not sent.
    response = request.render("login_done.html", to=local(ticket.to))
    auth.begin_session(response, request.cookies, login)
    return response


def _no_sign_on(request: PageRequest, error: OidcError) -> Response:
    log.warning("single sign-on failed", error=str(error))
    request.notify("login.sign_on_failed", good=False)
    return _form(request, "", 403)


def log_out(request: PageRequest) -> Response:
    """Log out."""
    response = request.redirect("/login")
    if request.user is not None:
        auth.end_session(request.app.engine, response, request.cookies, request.user)
    return response


def language(request: PageRequest) -> Response:
    """Choose the language of the pages."""
    response = request.redirect(local(request.form.text("to")))
    chosen = request.form.text("language")
    if chosen in i18n.LANGUAGES:
        request.cookies.set(response, "gongkai_language", chosen, seconds=31_536_000)
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
