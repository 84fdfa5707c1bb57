"""Files, folders and archives that a browser sends: they come in as a batch.

Each file is sent by itself and in pieces, so that a large pile shows its progress and goes on after a broken connection. When all
are there they are registered, in a thread that outlives the request; the page asks how far that is.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from codebook.errors import GongkaiError, UsageError
from codebook.records import Record
from console.web.context import AppContext
from console.web.request import PageRequest
from console.web.routing import get, post, post_bytes
from database.models import Role
from database.monitoring import queries
from ingest.archives.limits import Limits
from ingest.files.register_paths import IngestSummary, check_batch, default_batch
from ingest.files.uploads import Uploads
from ingest.lists.manifest import region_of
from runtime.log import get_logger
from runtime.store import Store

log = get_logger(__name__)

FOLDER = "uploads"


class Registration(Record, frozen=True):
    """How far the registering of an upload is. ``problem`` says why it stopped; the upload is still there then."""

    batch: str
    region: tuple[str, ...] = ()
    summary: IngestSummary = IngestSummary()
    done: bool = False
    problem: str | None = None


_REGISTRATIONS: dict[str, Registration] = {}
_LOCK = threading.Lock()
_REMEMBERED = 200


def ask(request: PageRequest) -> Response:
    """The page with the fields and the place to drop files on."""
    _may(request)
    return request.render("upload.html", name="", batch=default_batch([request.t("upload.title")]), region="")


def begin(request: PageRequest) -> Response:
    """Begin an upload; files are sent to it one by one."""
    who = _may(request)
    return JSONResponse({"name": _uploads(request).begin(who)})


def receive(request: PageRequest) -> Response:
    """A piece of a file of an upload; small enough for the limits that hold for every request."""
    who = _may(request)
    name, path, at = request.query.text("name"), request.query.secret("path"), request.query.number("at")
    if at is None:
        raise HTTPException(404)
    last = request.query.text("last") == "1"
    try:
        size = _uploads(request).receive(who, name, path, at=at, data=request.form.body, last=last)
        return JSONResponse({"size": size})
    except KeyError:
        raise HTTPException(404) from None
    except ValueError as error:
        return JSONResponse({"problem": str(error)}, 409)
    except GongkaiError as error:
        return JSONResponse({"problem": str(error)}, 422)


def drop(request: PageRequest) -> Response:
    """Forget the pieces of a file that cannot come in."""
    who = _may(request)
    try:
        _uploads(request).drop(who, request.query.text("name"), request.query.secret("path"))
    except (KeyError, GongkaiError):
        raise HTTPException(404) from None
    return JSONResponse({})


def register(request: PageRequest) -> Response:
    """Register what has come in."""
    who, name = _may(request), request.form.text("name")
    uploads = _uploads(request)
    try:
        size = uploads.size(who, name)
    except KeyError:
        raise HTTPException(404) from None
    batch = request.form.text("batch", 200)
    region = request.form.text("region", 100)
    problem = "upload.nothing" if not size.files else None
    try:
        check_batch(batch)
    except UsageError:
        problem = "upload.no_batch"
    if problem is not None:
        request.notify(problem, good=False)
        return request.render("upload.html", 422, name=name if size.files else "", batch=batch, region=region)
    with _LOCK:
        running = _REGISTRATIONS.get(name)
        if running is None or running.problem is not None:
            _remember(name, Registration(batch, region_of(region)))
            asked = _UploadRequest(who, name, batch, region_of(region))
            work = partial(_registering, request.app, uploads, asked)
            threading.Thread(target=work, name=f"upload-{name[:8]}", daemon=True).start()
    return request.redirect("/upload/state", name=name)


def state(request: PageRequest) -> Response:
    """How far an upload is."""
    who, name = _may(request), request.query.text("name")
    found = _REGISTRATIONS.get(name)
    if found is None:
        if not _uploads(request).exists(who, name):
            raise HTTPException(404)
        return request.render("upload.html", name=name, batch=default_batch([request.t("upload.title")]), region="")
    number = None
    if found.done:
        with request.reading() as connection:
            number = queries.batch_number(connection, found.batch)
    template = "upload_state_part.html" if request.is_partial else "upload_state.html"
    return request.render(template, name=name, found=found, batch_id=number)


class _UploadRequest(NamedTuple):
    """What is to be registered: an upload of a user, as which batch, of which region."""

    who: int
    name: str
    batch: str
    region: tuple[str, ...]


def _registering(app: AppContext, uploads: Uploads, asked: _UploadRequest) -> None:
    """Register an upload, and remember how far that is."""

    def progress(summary: IngestSummary) -> None:
        _remember(asked.name, Registration(asked.batch, asked.region, summary))

    try:
        summary = uploads.register(
            asked.who,
            asked.name,
            engine=app.engine,
            store=Store(app.settings.store),
            batch=asked.batch,
            region=asked.region,
            notify=app.notify,
            progress=progress,
        )
    except (GongkaiError, UsageError, KeyError, OSError, SQLAlchemyError) as error:
        log.warning("an upload could not be registered", upload=asked.name, error=str(error))
        _remember(asked.name, Registration(asked.batch, asked.region, problem=str(error)))
    else:
        _remember(asked.name, Registration(asked.batch, asked.region, summary, done=True))


def _remember(name: str, found: Registration) -> None:
    _REGISTRATIONS[name] = found
    while len(_REGISTRATIONS) > _REMEMBERED:
        _REGISTRATIONS.pop(next(iter(_REGISTRATIONS)))


def _may(request: PageRequest) -> int:
    """The id of the user. Raises HTTPException 404 for who is bound: what they send could be out of their sight, or in a batch of
    others.
    """
    if request.user is None or request.is_bound:
        raise HTTPException(404)
    return request.user.id


def _uploads(request: PageRequest) -> Uploads:
    settings = request.app.settings
    return Uploads(settings.home / FOLDER, Limits.of(settings))


ROUTES = (
    get("/upload", ask, Role.OPERATE),
    post_bytes("/upload/begin", begin, Role.OPERATE),
    post_bytes("/upload/file", receive, Role.OPERATE),
    post_bytes("/upload/drop", drop, Role.OPERATE),
    post("/upload", register, Role.OPERATE),
    get("/upload/state", state, Role.OPERATE),
)
