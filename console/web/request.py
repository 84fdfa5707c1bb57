"""One request of one user: what a page is given, and what it answers with."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from markupsafe import Markup
from sqlalchemy import Connection, Engine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from console.web import i18n, security
from console.web.addresses import address
from console.web.auth import Cookies
from console.web.context import AppContext
from console.web.security import Fields
from database import session
from database.access import ACCESS, visible
from database.models import Role
from database.users.saved_filters import FilterItem, saved_filters
from database.users.sessions import CurrentUser
from runtime.language import CHINESE, in_chinese

T = TypeVar("T")


class Notice(msgspec.Struct, frozen=True):
    """What is told once, on the next page: the key of a word and its values."""

    key: str
    values: dict[str, str | int] = {}
    good: bool = True


class PageRequest:
    """One request. ``user`` is None for who is not logged in (only pages without a role are then reached)."""

    def __init__(self, app: AppContext, http: Request, cookies: Cookies, user: CurrentUser | None, form: Fields) -> None:
        self.app, self.http, self.user, self.form = app, http, user, form
        self.cookies = cookies
        self.query = Fields(http.query_params.multi_items())
        chosen = http.cookies.get("gongkai_language", i18n.DEFAULT)
        self.language = chosen if chosen in i18n.LANGUAGES else i18n.DEFAULT
        self._notice: Notice | None = None

    # ---- what was asked -----------------------------------------------------------------------------------------------

    @property
    def user_name(self) -> str:
        """The name with which acts are signed."""
        return self.user.name if self.user is not None else ""

    def may(self, role: str) -> bool:
        """Return whether the person has this role (``view``, ``operate``, ``administer``), or a higher one."""
        return self.user is not None and self.user.role.includes(Role(role))

    def number(self, name: str) -> int:
        """A number from the path. Raises HTTPException 404 when it cannot be a key."""
        found = security.number(str(self.http.path_params[name]))
        if found is None:
            raise HTTPException(404)
        return found

    def t(self, key: str, /, **values: object) -> str:
        """A text in the language of the person."""
        return i18n.translate(self.language, key, **values)

    def cell_name(self, cell: str) -> str:
        """What a cell is called in the language of the person."""
        return i18n.cell_name(self.language, cell)

    @property
    def is_partial(self) -> bool:
        """Whether a script of ours asks, to put the answer into the page that is shown."""
        return "hx-request" in self.http.headers

    @property
    def here(self) -> str:
        """The address of this page, to come back to; the front page for what a form was answered with."""
        url = self.http.url
        if self.http.method == "POST":
            return "/"
        return url.path + (f"?{url.query}" if url.query else "")

    # ---- the database -------------------------------------------------------------------------------------------------

    @property
    def is_bound(self) -> bool:
        """Whether the person is bound to regions or batches."""
        return self.user is not None and self.user.access.bound

    @cached_property
    def engine(self) -> Engine:
        """The engine with the bounds of the person: who is bound to regions or batches sees no more on any of its connections."""
        if self.user is None or not self.is_bound:
            return self.app.engine
        return self.app.engine.execution_options(**{ACCESS: self.user.access})

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection for queries, with the bounds of the person."""
        return session.reading(self.engine)

    def require(self, documents: Collection[int]) -> None:
        """Check, before an act, that the person may see these documents. Raises HTTPException 404 when not."""
        with self.reading() as connection:
            if not visible(connection, documents):
                raise HTTPException(404)

    def kept(self, name: str, ask: Callable[[], T]) -> T:
        """The result of ``ask``, some seconds old at most; people with other bounds have another one."""
        access = self.user.access if self.user is not None else None
        return self.app.kept(f"{name} {access}", ask)

    def write(self, act: Callable[[Connection], T]) -> T:
        """Run ``act`` in one transaction; it may be run again after a passing fault. Acts sign with :attr:`user_name`.

        It has no bounds: what it is about is checked before, with :meth:`require` or by a query of :meth:`reading`.
        """
        return session.run_transaction(self.app.engine, act)

    def saved_filters(self, page: str) -> list[tuple[FilterItem, str]]:
        """The filters that the person keeps of a list, each with its address."""
        with self.reading() as connection:
            kept = saved_filters(connection, self.user_name, page)
        return [(each, address(f"/{page}", **dict(parse_qsl(each.query)))) for each in kept]

    # ---- what is answered ---------------------------------------------------------------------------------------------

    def notify(self, key: str, *, good: bool = True, **values: str | int) -> None:
        """Tell something once: on the page that is rendered now, or on the next one after a redirect."""
        self._notice = Notice(key, values, good)

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """A page from a template."""
        notice = self._notice or self._carried()
        self._notice = None
        response = HTMLResponse(self._filled(template, {**context, "notice": notice}), status)
        if "gongkai_notice" in self.http.cookies:
            self.cookies.delete(response, "gongkai_notice")
        return response

    def _filled(self, template: str, context: dict[str, Any]) -> str:
        """A template filled with its context and with what all templates know."""
        language = self.language

        def label(namespace: str, name: object) -> str:
            return i18n.label(language, namespace, name)

        def csrf_field() -> Markup:
            return Markup('<input type="hidden" name="csrf" value="{}">').format(self.cookies.csrf(self.user))

        shared = {
            "request": self,
            "t": self.t,
            "label": label,
            "said": in_chinese if language == CHINESE else str,
            "name": self.cell_name,
            "sum_text": partial(i18n.sum_text, language),
            "printed_as": partial(i18n.printed_as, language),
            "finding_text": partial(i18n.finding_text, language),
            "rule_category": partial(i18n.rule_category, language),
            "csrf_field": csrf_field,
            "language": i18n.LANGUAGES[language],
            "languages": i18n.LANGUAGES,
            "navigation": [(key, path) for key, path, role in self.app.navigation if self.may(role)],
        }
        return self.app.templates.get_template(template).render({**shared, **context})

    def redirect(self, path: str, **parameters: str | int | None) -> Response:
        """Go on to another page of ours (``path`` may have parameters of its own when no others are given), with GET.

        What a script of ours sent is led on as a whole page, not into the part of the page that it would replace.
        """
        target = address(path, **parameters) if parameters else path
        response: Response = RedirectResponse(target, 303)
        if self.is_partial:
            response = Response(status_code=204, headers={"hx-redirect": target})
        if self._notice is not None:
            carried = base64.urlsafe_b64encode(msgspec.json.encode(self._notice)).decode()
            self.cookies.set(response, "gongkai_notice", carried, seconds=60)
        return response

    def _carried(self) -> Notice | None:
        try:
            carried = base64.urlsafe_b64decode(self.http.cookies.get("gongkai_notice", ""))
            notice = msgspec.json.decode(carried, type=Notice)
            i18n.translate(self.language, notice.key, **notice.values)
        except (binascii.Error, ValueError, KeyError, msgspec.MsgspecError):  # not ours, or from another version
            return None
        return notice
