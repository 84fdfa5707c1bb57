"""One's own password."""

from __future__ import annotations

from starlette.responses import Response

from console import passwords
from console.web import auth
from console.web.context import get, post
from console.web.request import Visit
from database.models import Role
from database.users import accounts


def show(visit: Visit) -> Response:
    """The form for another password."""
    return visit.render("account.html")


def change(visit: Visit) -> Response:
    """Change it, when the one before is given right; all sessions end, and this one begins anew."""
    engine, form = visit.desk.engine, visit.form
    address = visit.request.client.host if visit.request.client else ""
    old, new = form.secret("old"), form.secret("new")
    weak = passwords.weakness(visit.who, new)
    if new != form.secret("again"):
        weak = "again"
    if weak:
        visit.notify(f"password.{weak}", good=False)
        return visit.render("account.html", 422)
    try:
        # Asking for the password before guards against who finds an open browser; it is slowed down as logging in is.
        auth.log_in(engine, visit.desk.settings, visit.who, old, address)
    except auth.RefusedError:
        visit.notify("account.wrong", good=False)
        return visit.render("account.html", 403)
    kept = passwords.hashed(new)
    visit.write(lambda connection: accounts.set_password(connection, visit.who, kept, who=visit.who))
    token = auth.log_in(engine, visit.desk.settings, visit.who, new, address)
    visit.notify("account.changed")
    response = visit.redirect("/account")
    auth.begin_session(response, visit.keys, token)
    return response


ROUTES = (get("/account", show, Role.VIEW), post("/account", change, Role.VIEW))
