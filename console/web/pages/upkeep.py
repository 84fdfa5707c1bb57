"""Purging a document, and verifying what is kept: for administrators."""

from __future__ import annotations

from starlette.responses import Response

from console import filing
from console.notices.jobs import forget
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.views.case import opened_file
from database.intake import purging
from database.models import Role
from database.monitoring import verifications
from database.users import audit
from runtime.store import Store


def verification(request: PageRequest) -> Response:
    """When what is kept was verified, and what was found."""
    with request.reading() as connection:
        items = verifications.latest(connection)
    return request.render("verification.html", items=items, runs=request.app.verifies)


def verify(request: PageRequest) -> Response:
    """Begin a verification, in a process of its own."""
    quick = request.form.text("quick") == "yes"
    if request.app.begin_verification(quick=quick):
        request.write(lambda c: audit.note(c, "verify", request.user_name, quick=quick))
        request.notify("verification.begun")
    else:
        request.notify("verification.runs", good=False)
    return request.redirect("/verification")


def ask(request: PageRequest) -> Response:
    """The form that asks for the reason and the confirmation."""
    return _form(request, request.number("id"))


def _form(request: PageRequest, number: int, status: int = 200) -> Response:
    with request.reading() as connection:
        item = opened_file(connection, number).item
        stone = purging.tombstones(connection, [number]).get(number)
    typed = {"reason": request.form.text("reason", 1000), "confirm": request.form.text("confirm", 30)}
    return request.render("purge.html", status, item=item, stone=stone, **typed)


def purge(request: PageRequest) -> Response:
    """Purge the document, when its number was typed and a reason given."""
    number, reason = request.number("id"), request.form.text("reason", 1000)
    with request.reading() as connection:
        opened_file(connection, number)
    if not reason or request.form.text("confirm", 30) != str(number):
        request.notify("purge.unconfirmed", good=False, number=number)
        return _form(request, number, 422)
    gone = request.write(lambda c: filing.purge(c, number, who=request.user_name, reason=reason))
    # After the commit: a crash in between leaves content that a verification finds, and that a second purge deletes.
    Store(request.app.settings.store).delete(gone.sha256, gone.visits)
    forget(request.app.settings.home, number)
    request.notify("purge.done", number=number)
    return request.redirect(f"/documents/{number}")


ROUTES = (
    get("/verification", verification, Role.ADMINISTER),
    post("/verification", verify, Role.ADMINISTER),
    get("/documents/{id:int}/purge", ask, Role.ADMINISTER),
    post("/documents/{id:int}/purge", purge, Role.ADMINISTER),
)
