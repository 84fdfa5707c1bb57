"""The list of the agencies that must report: taken in from a file after its columns were shown; single lines added, removed."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.records import Record
from console import filing
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.security import UPLOAD_BYTES
from console.web.views.regions import region_name
from database.access import region_prefix
from database.models import Role
from database.reports import coverage as covering
from database.reports.coverage import ExpectedLine, Listed
from ingest.lists.expected import ExpectedList, ListError, ListNote, Usual, read_line, read_list

_FILE_BYTES = 1_000_000  # of a list that is sent to a page; the command takes larger ones
_ROWS = 20  # lines that are shown as they were understood
_NOTES = 100  # notes of each kind that are shown


class _Given(NamedTuple):
    """What a form says besides its file."""

    year: int | None
    region: str
    reason: str
    replace: bool
    skip_refused: bool

    @classmethod
    def of(cls, request: PageRequest) -> _Given:
        form = request.form
        year = form.number("year")
        return cls(
            year if year is not None and year < 10_000 else None,
            form.text("region", 100),
            form.text("reason", 1000),
            form.text("replace") == "yes",
            form.text("skip_refused") == "yes",
        )

    @property
    def usual(self) -> Usual:
        return Usual(self.year, self.region)


class _File(Record, frozen=True):
    """The file of a list, as a form carries it from the preview to the decision."""

    name: str
    content: bytes

    @property
    def packed(self) -> str:
        return base64.b64encode(self.content).decode()


def ask(request: PageRequest) -> Response:
    """The form for a list, and the one for a single agency."""
    _within(request)
    return _form(request)


def preview(request: PageRequest) -> Response:
    """What would be taken in: the columns and what they were taken as, the first lines, what is refused. Nothing is changed."""
    _within(request)
    upload = request.form.file("file")
    if upload is None or not upload.content:
        request.notify("expected.no_file", good=False)
        return _form(request, 422)
    return _previewed(request, _File(upload.name, upload.content))


def take(request: PageRequest) -> Response:
    """Take in the list that was shown. With refused lines only when the person says that the others are to be taken."""
    within = _within(request)
    try:
        file = _File(request.form.text("name", 200), base64.b64decode(request.form.secret("list"), validate=True))
    except (binascii.Error, ValueError):
        file = _File("", b"")
    if not file.content:
        request.notify("expected.no_file", good=False)
        return _form(request, 422)
    given = _Given.of(request)
    try:
        found = _bounded(_read(file, given), within)
    except ListError as error:
        return _form(request, 422, error.note)
    if not found.items or (found.refused and not given.skip_refused):
        request.notify("expected.refused_all", good=False, count=len(found.refused))
        return _previewed(request, file)
    _expect(request, found.items, given, within, file.name)
    request.notify("expected.taken", count=len(found.items), refused=len(found.refused))
    return request.redirect("/coverage", year=max(item.year for item in found.items))


def add(request: PageRequest) -> Response:
    """Put one agency on the list: as a person types it, by the rules of a list."""
    within = _within(request)
    given = _Given.of(request)
    try:
        found = _bounded(read_line(request.form.text("agency", 200), given.usual, request.form.text("due_on", 30)), within)
    except ListError as error:
        return _form(request, 422, error.note)
    if not found.items:
        return _form(request, 422, next(iter((*found.refused, *found.passed_over)), None))
    _expect(request, found.items, given, within, "")
    (item,) = found.items
    request.notify("expected.added", agency=item.agency, year=item.year)
    return request.redirect("/coverage", year=item.year)


def ask_removal(request: PageRequest) -> Response:
    """The form that asks why an agency is to go."""
    return _removal(request, _line(request))


def remove(request: PageRequest) -> Response:
    """Take one agency off the list, for a reason."""
    line, reason = _line(request), request.form.text("reason", 1000)
    if not reason:
        request.notify("expected.no_reason", good=False)
        return _removal(request, line, 422)
    gone = request.write(lambda c: covering.remove_line(c, line.id, who=request.user_name, reason=reason))
    if gone is not None:
        request.notify("expected.removed", agency=gone.agency, year=gone.year)
    return request.redirect("/coverage", year=line.listed.year)


def _within(request: PageRequest) -> tuple[str, ...] | None:
    """The beginnings of the codes of the regions to which the person is bound; None for all regions.

    Raises HTTPException 404 for who is bound to batches: a list of agencies says nothing about a batch.
    """
    access = request.user.access if request.user is not None else None
    if access is None or not access.bound:
        return None
    if access.batches is not None or access.regions is None:
        raise HTTPException(404)
    return tuple(region_prefix(code) for code in access.regions)


def _read(file: _File, given: _Given) -> ExpectedList:
    """Raises ListError."""
    if len(file.content) > _FILE_BYTES:
        raise ListError(ListNote("file.large", found=f"{_FILE_BYTES // 1_000_000} MB"))
    return read_list(file.content, given.usual)


def _bounded(found: ExpectedList, within: tuple[str, ...] | None) -> ExpectedList:
    """The list with the agencies of other regions refused."""
    if within is None:
        return found
    inside = tuple(item for item in found.items if (item.region_code or "").startswith(within))
    outside = tuple(ListNote("region.outside", found=item.agency) for item in found.items if item not in inside)
    return ExpectedList(
        inside,
        found.columns,
        found.titles,
        found.preview,
        (*found.refused, *outside),
        found.passed_over,
        found.remarks,
        found.sheet,
    )


def _expect(request: PageRequest, items: tuple[Listed, ...], given: _Given, within: tuple[str, ...] | None, source: str) -> None:
    who, keep = request.user_name, filing.expect
    request.write(lambda c: keep(c, items, who=who, reason=given.reason, replace=given.replace, within=within, source=source))


def _previewed(request: PageRequest, file: _File) -> Response:
    given = _Given.of(request)
    try:
        found = _bounded(_read(file, given), _within(request))
    except ListError as error:
        return _form(request, 422, error.note)
    return request.render(
        "expected_preview.html",
        422 if found.refused or not found.items else 200,
        found=found,
        items=found.items[:_ROWS],
        more=max(0, len(found.items) - _ROWS),
        notes=_NOTES,
        file=file,
        given=given,
        region_of=region_name,
    )


def _form(request: PageRequest, status: int = 200, note: ListNote | None = None) -> Response:
    form = request.form
    typed = {name: form.text(name, 200) for name in ("agency", "due_on")}
    return request.render("expected.html", status, note=note, given=_Given.of(request), typed=typed)


def _line(request: PageRequest) -> ExpectedLine:
    """The line of the address, which the person can see. Raises HTTPException 404."""
    _within(request)
    with request.reading() as connection:
        line = covering.expected_line(connection, request.number("id"))
    if line is None:
        raise HTTPException(404)
    return line


def _removal(request: PageRequest, line: ExpectedLine, status: int = 200) -> Response:
    return request.render(
        "expected_remove.html", status, line=line, reason=request.form.text("reason", 1000), region_of=region_name
    )


ROUTES = (
    get("/coverage/list", ask, Role.OPERATE),
    post("/coverage/list", preview, Role.OPERATE, uploads=UPLOAD_BYTES),
    post("/coverage/list/take", take, Role.OPERATE, uploads=UPLOAD_BYTES),
    post("/coverage/lines", add, Role.OPERATE),
    get("/coverage/lines/{id:int}/remove", ask_removal, Role.OPERATE),
    post("/coverage/lines/{id:int}/remove", remove, Role.OPERATE),
)
