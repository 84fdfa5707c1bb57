"""Downloads: the data as files, from the code that `gongkai export` uses."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import anyio
import msgspec
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from console.export import ExportStoppedError, WorkbookOptions, cells, export, in_force_by_default
from console.export.read import read_documents
from console.web.request import PageRequest
from console.web.routing import get
from database.models import Role
from database.monitoring import listings
from database.users import audit

# What is offered: the form of the export, the ending of the file, its media type.
FORMS = {
    "xlsx": (".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "csv": (".zip", "application/zip"),
    "jsonl": (".jsonl", "application/x-ndjson"),
    "parquet": (".parquet.zip", "application/zip"),
}
# What is in it: one report for each agency and year, or every document.
SCOPES = {"in_force": True, "all": False}
_BLOCK = 256 * 1024
_LEFT_SECONDS = 86_400
_TURN = threading.BoundedSemaphore(2)  # a large workbook keeps a core busy for minutes


def choose(request: PageRequest) -> Response:
    """The form in which a batch or a year is chosen."""
    with request.reading() as connection:
        batches = listings.batch_names(connection)
        years = request.kept("years", lambda: listings.report_years(connection))
    given = {"batch": request.query.number("batch"), "year": request.query.number("year"), "which": request.query.text("which")}
    return request.render("downloads.html", batches=batches, years=years, forms=FORMS, scopes=SCOPES, given=given)


def file(request: PageRequest) -> Response:
    """The file itself."""
    form, number, year = request.query.text("format"), request.query.number("batch"), request.query.number("year")
    which = request.query.text("which")
    if form not in FORMS or (which and which not in SCOPES):
        raise HTTPException(404)
    workbook = WorkbookOptions("en" if request.language == "en" else "zh", request.query.text("values") != "without")
    in_force = SCOPES[which] if which else in_force_by_default(form)
    batch = None
    with request.reading() as connection:
        if number is not None:
            line = listings.batch_names(connection, only=number)
            if not line:
                raise HTTPException(404)
            batch = line[number]
    if not _TURN.acquire(blocking=False):
        request.notify("downloads.busy", good=False)
        return request.redirect("/downloads", batch=number, year=year)
    try:
        request.write(
            lambda c: audit.note(c, "download", request.user_name, subject=batch or "", format=form, year=year, in_force=in_force)
        )
        gone: threading.Event = request.http.state.gone
        content, length = _content(
            _Wanted(request.engine, form, batch, year, in_force, gone.is_set, workbook), request.app.settings.home
        )
        next(content)  # from here on it ends the turn itself, also when nobody reads it
    except ExportStoppedError:
        _TURN.release()
        return Response(status_code=400)  # nobody reads it
    except BaseException:
        _TURN.release()
        raise
    ending, media_type = FORMS[form]
    name = "-".join(part for part in ("gongkai", batch, str(year or "")) if part) + ending
    headers = {"content-disposition": f"attachment; filename=\"gongkai{ending}\"; filename*=UTF-8''{quote(name, safe='')}"}
    if length is not None:
        headers["content-length"] = str(length)
    return _Closing(content, media_type=media_type, headers=headers)


class _Closing(StreamingResponse):
    """Closes its content when it ends, however it ends: what is left to the garbage collector keeps its turn for minutes."""

    def __init__(self, content: Generator[bytes], **options: Any) -> None:
        super().__init__(content, **options)
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._content.close)


class _Wanted(NamedTuple):
    """What is downloaded, and whether its making is to stop because nobody waits for it any more."""

    engine: Engine
    form: str
    batch: str | None
    year: int | None
    in_force: bool
    stop: Callable[[], bool]
    workbook: WorkbookOptions


def _content(wanted: _Wanted, home: Path) -> tuple[Generator[bytes], int | None]:
    """The bytes of the file, and how many they are where that is known. The first part is empty; the turn ends with the last."""
    if wanted.form == "jsonl":
        return _lines(wanted), None
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(home)
    folder = Path(tempfile.mkdtemp(prefix="download-", dir=home))
    try:
        path = _made(wanted, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _blocks(path, folder), path.stat().st_size


def _sweep(home: Path) -> None:
    """Delete what a killed process has left behind."""
    for left in home.glob("download-*"):
        if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _lines(wanted: _Wanted) -> Generator[bytes]:
    encoder = msgspec.json.Encoder()
    try:
        yield b""
        for chunk in read_documents(wanted.engine, wanted.batch, wanted.year):
            lines = (cells.json_line(exported, in_force=wanted.in_force) for exported in chunk)
            yield b"".join(encoder.encode(line) + b"\n" for line in lines if line is not None)
    finally:
        _TURN.release()


def _blocks(path: Path, folder: Path) -> Generator[bytes]:
    try:
        yield b""
        with path.open("rb") as opened:
            while block := opened.read(_BLOCK):
                yield block
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _TURN.release()


def _made(wanted: _Wanted, folder: Path) -> Path:
    engine, form, batch, year, in_force, stop, workbook = wanted
    if form == "xlsx":
        made = folder / "gongkai.xlsx"
        return export(engine, "xlsx", made, batch, year, in_force=in_force, stop=stop, workbook=workbook).files[0]
    tables = folder / "tables"
    written = export(engine, "csv" if form == "csv" else "parquet", tables, batch, year, in_force=in_force, stop=stop)
    packed = folder / "gongkai.zip"
    # Parquet is compressed already.
    method = zipfile.ZIP_DEFLATED if form == "csv" else zipfile.ZIP_STORED
    with zipfile.ZipFile(packed, "w", method) as archive:
        for each in written.files:
            archive.write(each, each.name)
            each.unlink()
    return packed


ROUTES = (get("/downloads", choose, Role.VIEW), get("/downloads/file", file, Role.VIEW, watched=True))
