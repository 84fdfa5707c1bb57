"""The web application of the operators' pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from console.web.auth import Cookies
from console.web.context import AppContext
from console.web.i18n import words
from console.web.pages import NAVIGATION, routes
from console.web.pages.api.endpoint import ROOT, problem_details
from console.web.request import PageRequest
from console.web.routing import problem
from console.web.security import BodyLimit, Fields, SecurityHeaders
from database.session import make_engine
from runtime.log import get_logger
from runtime.settings import Settings

log = get_logger(__name__)


class _Static(StaticFiles):
    """Our own files. Their address changes when they do, so browsers may keep them."""

    def file_response(self, *arguments: object, **options: object) -> Response:
        response = super().file_response(*arguments, **options)  # type: ignore[arg-type]
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def create_app(settings: Settings, engine: Engine | None = None) -> Starlette:
    """The application for the database of ``settings`` (or ``engine``, which is then left open at the end).

    Raises ValueError or msgspec.ValidationError when the words of the pages are not in order.
    """
    words()
    own = engine is None
    used = make_engine(settings.database) if engine is None else engine

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        app.state.context.close()
        if own:
            used.dispose()

    static = _Static(directory=Path(str(files("console.web").joinpath("static"))))
    app = Starlette(
        routes=[*routes(), Mount("/static", static)],
        middleware=[Middleware(SecurityHeaders), Middleware(BodyLimit)],
        exception_handlers={404: _problem, 405: _problem, 500: _bug},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # it would lead to whatever host the request names
    app.state.context = AppContext(settings, used, NAVIGATION)
    return app


async def _problem(request: Request, error: Exception) -> Response:
    """No such page, or no such method."""
    return await run_in_threadpool(_shown, request, getattr(error, "status_code", 404))


async def _bug(request: Request, error: Exception) -> Response:
    """A bug: it is logged with its traceback, and the page says no more than that."""
    log.error("a page failed", path=request.url.path, exc_info=error)
    return await run_in_threadpool(_shown, request, 500)


def _shown(request: Request, status: int) -> Response:
    if request.url.path.startswith("/static/"):
        return Response(status_code=status)
    if request.url.path.startswith(f"{ROOT}/"):
        return problem_details(status, f"{request.method} {request.url.path}"[:300])
    context: AppContext = request.app.state.context
    return problem(PageRequest(context, request, Cookies(request), None, Fields()), status)
