"""Keeping and forgetting filters of lists."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web.addresses import local
from console.web.request import PageRequest
from console.web.routing import post
from database.models import Role
from database.users.saved_filters import remove_filter, save_filter

PAGES = ("batches", "documents", "filings", "errors")
_NOT_KEPT = ("after", "path")  # where in the list, and what is no parameter


def save(request: PageRequest) -> Response:
    """Keep the filter of a list under a name."""
    form = request.form
    page, name = form.text("page", 20), form.text("name", 60)
    if page not in PAGES:
        raise HTTPException(404)
    query = urlencode([(key, value) for key, value in parse_qsl(form.text("query", 2000)) if key not in _NOT_KEPT])
    if name:
        request.write(lambda c: save_filter(c, request.user_name, page, name, query))
        request.notify("saved.done", name=name)
    else:
        request.notify("saved.no_name", good=False)
    return request.redirect(local(f"/{page}?{query}" if query else f"/{page}"))


def remove(request: PageRequest) -> Response:
    """Forget a filter."""
    number = request.form.number("number")
    if number is None:
        raise HTTPException(404)
    request.write(lambda c: remove_filter(c, request.user_name, number))
    return request.redirect(local(request.form.text("to", 2000)))


ROUTES = (post("/saved", save, Role.VIEW), post("/saved/remove", remove, Role.VIEW))
