"""What all resources of the API have in common: who asks, what is asked, in which form it is answered, and errors."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import UnionType
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import polars as pl
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from codebook.errors import GongkaiError
from codebook.records import Record
from console.export.writers import inert
from console.web import auth, security
from console.web.addresses import address
from console.web.auth import Cookies
from console.web.context import AppContext
from console.web.request import PageRequest
from console.web.security import Fields
from database.models import Role
from database.session import fault_code, reading, run_transaction
from database.users import tokens
from database.users.sessions import CurrentUser, Duty
from runtime.log import get_logger

log = get_logger(__name__)

ROOT = "/api/v1"
JSON, CSV, PARQUET, PROBLEM = "application/json", "text/csv", "application/vnd.apache.parquet", "application/problem+json"
_TITLES = {
    400: "A parameter does not fit",
    401: "No valid token",
    403: "Not allowed",
    404: "Not found",
    405: "Not a method of this address",
    406: "No such form of the answer",
    429: "Too many calls",
    500: "A bug",
    503: "Out of order",
}
_BAD_TOKENS = 60  # a minute, from one address
_DUTIES = {
    Duty.PASSWORD: "log in to the pages first and choose another password: it was set by somebody else, or is too old",
    Duty.SECOND_FACTOR: "log in to the pages first and set up a second factor, which the role demands",
}

T = TypeVar("T")


class ApiList(Record, Generic[T], frozen=True):
    """A part of a list. ``next`` is what ``after`` is in the request for the following part; null at the end."""

    items: tuple[T, ...]
    next: int | None


class ProblemDetails(Record, frozen=True):
    """Why there is no answer (RFC 9457). ``code`` is one of the program's error codes, where one applies."""

    type: str
    title: str
    status: int
    detail: str
    code: str | None


class NoParameters(Record, frozen=True):
    """No parameters."""


class ApiError(Exception):
    """A request that is not answered: ``status`` of HTTP, and what was found and expected."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class ApiResource(NamedTuple):
    """A path of the API: the function that answers it, the records of its parameters and its answer, and the least role."""

    path: str
    name: str
    summary: str
    ask: Callable[[PageRequest, Any], Any]
    parameters: type[Record]
    answer: Any
    role: Role = Role.VIEW

    @property
    def item(self) -> type[Record] | None:
        """The record of a row, for an answer that is a list."""
        return get_args(self.answer)[0] if get_origin(self.answer) is ApiList else None

    @property
    def forms(self) -> tuple[str, ...]:
        """The media types of the answer, the usual one first."""
        return (JSON, CSV, PARQUET) if self.item is not None else (JSON,)


def route(resource: ApiResource) -> Route:
    """The route of a resource."""

    async def endpoint(http: Request) -> Response:
        return await run_in_threadpool(answer, http.app.state.context, http, resource)

    typed: Callable[[Request], Awaitable[Response]] = endpoint
    return Route(ROOT + resource.path, typed, methods=["GET"])


def answer(app: AppContext, http: Request, resource: ApiResource) -> Response:
    """The answer of a resource, or why there is none."""
    try:
        user = _user(app, http)
        if not user.role.includes(resource.role):
            raise ApiError(403, f"your role is {user.role}, expected {resource.role}")
        if user.duty is not None:
            raise ApiError(403, _DUTIES[user.duty])
        form = accepted(http.headers.get("accept", JSON), resource.forms)
        asked = parameters(resource.parameters, http.query_params.multi_items())
        found = resource.ask(PageRequest(app, http, Cookies(http), user, Fields()), asked)
        return _conditional(http, _written(http, resource, found, form))
    except ApiError as error:
        return problem_details(error.status, error.detail)
    except HTTPException as error:
        return problem_details(error.status_code, "there is no such thing, or it is not yours to see")
    except (GongkaiError, SQLAlchemyError) as error:
        code = error.code if isinstance(error, GongkaiError) else fault_code(error)
        if code is None:
            raise
        log.warning("the API could not answer", path=http.url.path, error=str(error).splitlines()[0])
        return problem_details(503, "ask again later", code)


def problem_details(status: int, detail: str, code: str | None = None) -> Response:
    """An answer that says why there is no other."""
    body = ProblemDetails("about:blank", _TITLES.get(status, "Error"), status, detail, code)
    headers = {401: {"www-authenticate": "Bearer"}, 429: {"retry-after": "60"}, 503: {"retry-after": "5"}}.get(status)
    return Response(msgspec.json.encode(body), status, headers, PROBLEM)


# ---- who asks ---------------------------------------------------------------------------------------------------------------


def _user(app: AppContext, http: Request) -> CurrentUser:
    """The user of the token, or of the session of a browser. Raises ApiError 401, 429."""
    given = http.headers.get("authorization")
    client = http.client.host if http.client else ""
    if given is None:
        user = auth.current_user(app.engine, app.settings, Cookies(http), active=False)
        if user is None:
            raise ApiError(401, "expected a header Authorization: Bearer TOKEN")
        key = f"user {user.id}"
    else:
        scheme, _, token = given.partition(" ")
        demands = auth.demands(app.settings)
        with reading(app.engine) as connection:
            known = tokens.token_user(connection, token.strip(), demands) if scheme.lower() == "bearer" else None
        if known is None:  # valid tokens of the same address, which may be that of a proxy, are not counted
            if not app.calls.take(f"address {client}", _BAD_TOKENS):
                raise ApiError(429, "too many tokens that are not valid")
            raise ApiError(401, "the token is unknown, revoked or too old, or its user is disabled")
        if known.due:
            run_transaction(app.engine, lambda c: tokens.mark_used(c, known.token_id), durable=False)
        user, key = known.user, f"token {known.token_id}"
    limit = app.settings.console_api_per_minute
    if limit and not app.calls.take(key, limit):
        raise ApiError(429, f"more than {limit} calls a minute")
    return user


# ---- what is asked ----------------------------------------------------------------------------------------------------------


def parameters(kind: type[Record], pairs: Iterable[tuple[str, str]]) -> Any:
    """The parameters of an address as the record ``kind``. Raises ApiError 400 for what is unknown, doubled or does not fit."""
    given: dict[str, Any] = {}
    hints = get_type_hints(kind)
    for name, value in pairs:
        if name not in hints:
            raise ApiError(400, f"no parameter {name[:40]!r}; there are {', '.join(hints) or 'none'}")
        if name in given:
            raise ApiError(400, f"{name} is given twice")
        given[name] = _read(name, value, hints[name])
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise ApiError(400, str(error)) from error


def _read(name: str, value: str, hint: Any) -> Any:
    if hint is int:
        number = security.number(value)
        if number is None:
            raise ApiError(400, f"{name}: found {value[:40]!r}, expected a whole number")
        return number
    if hint is bool:
        if value not in ("true", "false"):
            raise ApiError(400, f"{name}: found {value[:40]!r}, expected true or false")
        return value == "true"
    if get_origin(hint) in (Union, UnionType):
        return _read(name, value, next(each for each in get_args(hint) if each is not type(None)))
    if security.clean(value) != value:
        raise ApiError(400, f"{name}: found control characters, or spaces around the text")
    return value


# ---- in which form ----------------------------------------------------------------------------------------------------------


def accepted(header: str, offered: Sequence[str]) -> str:
    """The form that a client likes best among those that are offered. Raises ApiError 406 when it likes none.

    >>> accepted("text/csv;q=0.5, application/json", ("application/json", "text/csv"))
    'application/json'
    """
    likes: list[tuple[float, str]] = []
    for part in header.split(",")[:20]:
        kind, *options = (each.strip().lower() for each in part.split(";"))
        quality = next((option[2:] for option in options if option.startswith("q=")), "1")
        try:
            likes.append((float(quality), kind))
        except ValueError:
            continue
    for weight, kind in sorted(likes, key=lambda like: -like[0]):
        if weight > 0:
            for form in offered:
                if kind in (form, "*/*", f"{form.partition('/')[0]}/*"):
                    return form
    raise ApiError(406, f"expected one of {', '.join(offered)} in the header Accept")


def _written(http: Request, resource: ApiResource, found: Any, form: str) -> Response:
    headers = {"vary": "accept, authorization, cookie"}
    if isinstance(found, ApiList) and found.next is not None:
        more = dict(http.query_params.multi_items()) | {"after": str(found.next)}
        headers["link"] = f'<{address(http.url.path, **more)}>; rel="next"'
    if form == JSON or resource.item is None:
        return Response(msgspec.json.encode(found), media_type=JSON, headers=headers)
    columns, rows = _flat(resource.item, found.items)
    if form == CSV:
        return Response(_csv(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)
    target = io.BytesIO()
    frame = pl.DataFrame([dict(zip(columns, row, strict=True)) for row in rows], schema=_schema(resource.item))
    frame.write_parquet(target, compression="zstd")
    return Response(target.getvalue(), media_type=PARQUET, headers=headers)


def _flat(item: type[Record], items: Iterable[Record]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """The records as rows; what has parts of its own is a text in JSON."""
    columns = item.__struct_fields__
    rows = [
        tuple(each if isinstance(each, str | int | float | bool | None) else _text(each) for each in built)
        for built in (tuple(msgspec.to_builtins(getattr(record, name)) for name in columns) for record in items)
    ]
    return columns, rows


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _schema(item: type[Record]) -> dict[str, Any]:
    """The columns of Parquet: whole numbers, numbers and truths as such, everything else as text."""
    kinds = {int: pl.Int64, float: pl.Float64, bool: pl.Boolean}
    found: dict[str, Any] = {}
    for name, hint in get_type_hints(item).items():
        parts = set(get_args(hint)) - {type(None)} if get_origin(hint) in (Union, UnionType) else {hint}
        found[name] = pl.Float64 if parts == {int, float} else kinds.get(parts.pop(), pl.String) if len(parts) == 1 else pl.String
    return {name: found[name] for name in item.__struct_fields__}


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([inert(each) if isinstance(each, str) else each for each in row])
    return target.getvalue().encode("utf-8-sig")


def _conditional(http: Request, response: Response) -> Response:
    """The answer with its ETag; 304 without content for a client that has it already."""
    tag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:32]}"'
    response.headers["etag"] = tag
    known = [each.strip().removeprefix("W/") for each in http.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers={"etag": tag, "vary": response.headers["vary"]})
    return response


Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Number64 = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
