"""What all pages share: the engine, the settings, the templates; and how a request is answered."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from codebook.errors import GongkaiError
from console.web import auth, i18n
from console.web.auth import Cookies
from console.web.oidc import Provider
from console.web.rendering.images import Pictures
from console.web.request import Visit, address
from console.web.security import Fields, read_form
from console.web.views import filters
from database.models import Role
from database.session import fault_code
from runtime.log import get_logger
from runtime.settings import Settings

if TYPE_CHECKING:
    from database.ledger import Queued
    from database.users.accounts import CurrentUser
    from workers.notifier import RedisNotifier

log = get_logger(__name__)

T = TypeVar("T")
Page = Callable[[Visit], Response]


class Desk:
    """The engine, the settings and the templates of one application."""

    def __init__(self, settings: Settings, engine: Engine, navigation: tuple[tuple[str, str, Role], ...]) -> None:
        self.settings, self.engine, self.navigation = settings, engine, navigation
        self.provider = Provider(settings) if settings.console_oidc_issuer else None
        self._kept: dict[str, tuple[float, Any]] = {}
        self._templates = Environment(
            loader=PackageLoader("console.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters |= filters.FILTERS
        self._templates.globals |= {"address": address, "static": self._static}

    def page(self, visit: Visit, template: str, context: dict[str, Any]) -> str:
        """A template filled with its context and with what all templates know."""
        language = visit.language

        def label(namespace: str, name: object) -> str:
            return i18n.label(language, namespace, name)

        def csrf_field() -> Markup:
            return Markup('<input type="hidden" name="csrf" value="{}">').format(visit.keys.csrf(visit.person))

        shared = {
            "visit": visit,
            "t": visit.t,
            "label": label,
            "csrf_field": csrf_field,
            "language": i18n.LANGUAGES[language],
            "languages": i18n.LANGUAGES,
            "navigation": [(key, path) for key, path, role in self.navigation if visit.may(role)],
        }
        return self._templates.get_template(template).render({**shared, **context})

    @cached_property
    def _marks(self) -> dict[str, str]:
        folder = files("console.web").joinpath("static")
        return {entry.name: hashlib.sha256(entry.read_bytes()).hexdigest()[:12] for entry in folder.iterdir()}

    def _static(self, name: str) -> str:
        """The address of a file of ours, which changes when the file does. Raises KeyError when there is none."""
        return f"/static/{name}?{self._marks[name]}"

    # ---- what pages share ---------------------------------------------------------------------------------------------

    @cached_property
    def pictures(self) -> Pictures:
        """The pictures of pages."""
        return Pictures(self.settings)

    @cached_property
    def _notifier(self) -> RedisNotifier:
        from workers.notifier import RedisNotifier  # noqa: PLC0415 (loads Celery, which only decisions need)

        return RedisNotifier(self.settings, self.engine)

    def notify(self, queued: Sequence[Queued]) -> None:
        """Tell workers what an act has queued, after its commit. What they do not hear, the rescuer sends again."""
        if queued:
            self._notifier.notify(queued)

    def close(self) -> None:
        """End what was begun for the pages."""
        made = vars(self)
        for name in ("pictures", "_notifier"):
            if name in made:
                made[name].close()

    def kept(self, name: str, ask: Callable[[], T], seconds: float = 30) -> T:
        """What ``ask`` gives, at most so many seconds old: for what changes seldom and stands on every page."""
        found = self._kept.get(name)
        if found is None or time.monotonic() >= found[0]:
            found = self._kept[name] = (time.monotonic() + seconds, ask())
        return cast(T, found[1])

    # ---- answering ----------------------------------------------------------------------------------------------------

    def answer(self, request: Request, page: Page, role: Role | None, form: Fields | None) -> Response:
        """The answer of a page, or why there is none: not logged in, not allowed, forged, not found, out of order."""
        keys = Cookies(request)
        person: CurrentUser | None = None
        try:
            active = "hx-request" not in request.headers or form is not None
            person = auth.current_user(self.engine, self.settings, keys, active=active)
            visit = Visit(self, request, keys, person, form or Fields())
            response = self._allowed(visit, page, role, posts=request.method == "POST", has_form=form is not None)
        except HTTPException as error:
            response = self.problem(Visit(self, request, keys, person, Fields()), error.status_code)
        except (GongkaiError, SQLAlchemyError) as error:
            code = error.code if isinstance(error, GongkaiError) else fault_code(error)
            if code is None:
                raise
            log.warning("a page could not be given", path=request.url.path, error=str(error).splitlines()[0])
            response = self.problem(Visit(self, request, keys, None, Fields()), 503)
        keys.add_to(response)
        return response

    def _allowed(self, visit: Visit, page: Page, role: Role | None, *, posts: bool, has_form: bool) -> Response:
        if role is not None and visit.person is None:
            return self._to_login(visit)
        if posts and not (has_form and visit.keys.is_own(visit.person, visit.form.text("csrf"))):
            return self.problem(visit, 403, "forged")
        if role is not None and not visit.may(role):
            return self.problem(visit, 403)
        if role is not None and visit.person is not None and visit.person.duty and not _is_own_account(visit):
            return self._to("/account", visit)
        return page(visit)

    @staticmethod
    def _to_login(visit: Visit) -> Response:
        return Desk._to("/login", visit, to=visit.here if visit.here != "/" else None)

    @staticmethod
    def _to(path: str, visit: Visit, **parameters: str | None) -> Response:
        """Lead to another page first; a part of a page leads its whole page there."""
        if "hx-request" in visit.request.headers:
            return Response(status_code=401, headers={"hx-redirect": path})
        return visit.redirect(path, **parameters)

    @staticmethod
    def problem(visit: Visit, status: int, key: str | None = None) -> Response:
        """A page that says why there is no other."""
        known = {401, 403, 404, 405, 413, 500, 503}
        return visit.render("problem.html", status, key=key or (str(status) if status in known else "404"), code=status)


def _is_own_account(visit: Visit) -> bool:
    """Whether the page is one on which a duty (see database.users.accounts.Duty) is done."""
    path = visit.request.url.path
    return path == "/account" or path.startswith("/account/")


class _Number(IntegerConvertor):
    """A number in an address. One of more digits than a key has is no address of ours; Python would refuse to read it."""

    regex = "[0-9]{1,19}"


register_url_convertor("int", _Number())


def _endpoint(page: Page, role: Role | None) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        desk: Desk = request.app.state.desk
        form = await read_form(request) if request.method == "POST" else None
        return await run_in_threadpool(desk.answer, request, page, role, form)

    return endpoint


def get(path: str, page: Page, role: Role | None) -> Route:
    """A page. ``role`` None: also for who is not logged in."""
    return Route(path, _endpoint(page, role), methods=["GET"])


def post(path: str, act: Page, role: Role | None) -> Route:
    """An act: a form that is sent with its token, and is answered with a redirect."""
    return Route(path, _endpoint(act, role), methods=["POST"])
