"""From a request to the answer of its page: who asks, whether they may, and what is answered when a page is refused or fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from codebook.errors import GongkaiError
from console.web import auth
from console.web.auth import Cookies
from console.web.context import AppContext
from console.web.request import PageRequest
from console.web.security import UPLOAD_BYTES, Fields, read_bytes, read_form
from database.models import Role
from database.session import fault_code
from database.users.sessions import CurrentUser
from runtime.log import get_logger

log = get_logger(__name__)

Page = Callable[[PageRequest], Response]


def answer(app: AppContext, http: Request, page: Page, role: Role | None, form: Fields | None) -> Response:
    """The answer of a page, or why there is none: not logged in, not allowed, forged, not found, out of order."""
    keys = Cookies(http)
    person: CurrentUser | None = None
    try:
        active = "hx-request" not in http.headers or form is not None
        person = auth.current_user(app.engine, app.settings, keys, active=active)
        request = PageRequest(app, http, keys, person, form or Fields())
        response = _allowed(request, page, role, posts=http.method == "POST", has_form=form is not None)
    except HTTPException as error:
        response = problem(PageRequest(app, http, keys, person, Fields()), error.status_code)
    except (GongkaiError, SQLAlchemyError) as error:
        code = error.code if isinstance(error, GongkaiError) else fault_code(error)
        if code is None:
            raise
        log.warning("a page could not be given", path=http.url.path, error=str(error).splitlines()[0])
        response = problem(PageRequest(app, http, keys, None, Fields()), 503)
    keys.add_to(response)
    return response


def _allowed(request: PageRequest, page: Page, role: Role | None, *, posts: bool, has_form: bool) -> Response:
    if role is not None and request.user is None:
        return _to_login(request)
    if posts and not (has_form and request.cookies.is_own(request.user, request.form.text("csrf"))):
        return problem(request, 403, "forged")
    if role is not None and not request.may(role):
        return problem(request, 403)
    if role is not None and request.user is not None and request.user.duty and not _is_own_account(request):
        return _to("/account", request)
    return page(request)


def _to_login(request: PageRequest) -> Response:
    return _to("/login", request, to=request.here if request.here != "/" else None)


def _to(path: str, request: PageRequest, **parameters: str | None) -> Response:
    """Lead to another page first; a part of a page leads its whole page there."""
    if "hx-request" in request.http.headers:
        return Response(status_code=401, headers={"hx-redirect": path})
    return request.redirect(path, **parameters)


def problem(request: PageRequest, status: int, key: str | None = None) -> Response:
    """A page that says why there is no other."""
    known = {401, 403, 404, 405, 413, 500, 503}
    return request.render("problem.html", status, key=key or (str(status) if status in known else "404"), code=status)


def _is_own_account(request: PageRequest) -> bool:
    """Return whether the page is one on which a duty (see database.users.sessions.Duty) is done."""
    path = request.http.url.path
    return path == "/account" or path.startswith("/account/")


class _Number(IntegerConvertor):
    """A number in an address. One of more digits than a key has is no address of ours; Python would refuse to read it."""

    regex = "[0-9]{1,19}"


register_url_convertor("int", _Number())


def _endpoint(
    page: Page, role: Role | None, *, watched: bool = False, uploads: int = 0
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(http: Request) -> Response:
        app: AppContext = http.app.state.context
        if uploads > UPLOAD_BYTES and not await run_in_threadpool(_may_send, app, http, role):
            refusal = await run_in_threadpool(answer, app, http, page, role, None)  # before any of it is read
            refusal.headers["connection"] = "close"
            return refusal
        try:
            form = await read_form(http, uploads=uploads) if http.method == "POST" else None
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        if not watched:
            return await run_in_threadpool(answer, app, http, page, role, form)
        async with watch_for_leaving(http):
            return await run_in_threadpool(answer, app, http, page, role, form)

    return endpoint


@asynccontextmanager
async def watch_for_leaving(http: Request) -> AsyncIterator[None]:
    """Set ``http.state.gone`` (a threading.Event) when the client goes inside of the block: for a page that works long."""
    http.state.gone = gone = threading.Event()

    async def watch() -> None:
        while (await http.receive())["type"] != "http.disconnect":
            pass
        gone.set()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def get(path: str, page: Page, role: Role | None, *, watched: bool = False) -> Route:
    """A page. ``role`` None: also for who is not logged in. ``watched``: see :func:`watch_for_leaving`."""
    return Route(path, _endpoint(page, role, watched=watched), methods=["GET"])


def _may_send(app: AppContext, http: Request, role: Role | None) -> bool:
    """Return whether a request comes from somebody who may use the page."""
    keys = Cookies(http)
    user = auth.current_user(app.engine, app.settings, keys, active=True)
    return role is None or (user is not None and PageRequest(app, http, keys, user, Fields()).may(role))


def post(path: str, act: Page, role: Role | None, *, uploads: int = 0) -> Route:
    """An act: a form that is sent with its token, and is answered with a redirect. ``uploads``: the bytes of a form that may hold
    a file.
    """
    return Route(path, _endpoint(act, role, uploads=uploads), methods=["POST"])


def post_bytes(path: str, act: Page, role: Role | None) -> Route:
    """An act of a script of ours: its body is bytes, as large as a form at most, and its token is in the header ``x-csrf``."""

    async def endpoint(http: Request) -> Response:
        try:
            body = await read_bytes(http)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        form = None if body is None else Fields([("csrf", http.headers.get("x-csrf", ""))], body=body)
        return await run_in_threadpool(answer, http.app.state.context, http, act, role, form)

    return Route(path, endpoint, methods=["POST"])
