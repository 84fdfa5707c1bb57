"""One document: its pages beside what was read, every number linked to its place, findings, doubts, and what happened to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.errors import GongkaiError
from codebook.records import UNSETTLED_STATES, Decided, PageKind, State, Statement, Status, Verdict
from console.rendering.images import BusyError, has_drawings, has_pages
from console.web.decisions import Draft, Wish, decide, draft_of, notify_overtaken, parse
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.views import around, form_tables, original
from console.web.views import case as cases
from console.web.views.case import File, case_context, opened_file
from console.web.views.filters import file_name
from database.filings.in_force import SHOWN
from database.filings.listing import filing_of_document
from database.findings import listing as finding_listing
from database.models import FailureState, Role
from database.monitoring.read_models import DocumentItem, ValueItem
from database.reports import corrections
from database.reports.corrections import CorrectionRefusedError, OvertakenError
from database.reports.reviewing import changes, head_of, report_body
from database.users import audit
from tasks.loading.rows import unpack
from tasks.ocr.preview import Size
from tasks.validation.validate import doubts

_KEPT = "private, max-age=600"


def shown(request: PageRequest) -> Response:
    """The whole document."""
    number = request.number("id")
    with request.reading() as connection:
        file = opened_file(connection, number)
        verdict = _verdict(connection, file.item)
        told = corrections.history(connection, document_id=number)
        versions = changes(connection, number)
        filing = filing_of_document(connection, number)
        speaks = filing.document_in_force if filing is not None else None
        states = finding_listing.shown_states(connection, [f.case_id for f in file.item.findings if f.case_id is not None])
        in_force = filing_of_document(connection, speaks) if speaks is not None and speaks != number else filing
    values = file.values if verdict is not None else ()
    doubtful = cases.in_order([v.indicator for v in values if v.state in UNSETTLED_STATES])
    opens = request.query.text("cell", 80)  # shown with its case, or only marked
    chosen = opens or request.query.text("at", 80)
    return request.render(
        "document.html",
        item=file.item,
        filing=filing,
        finding_states=states,
        in_force=in_force if speaks is not None else None,
        report=next((r for r in file.item.reports if r.in_force), None) if verdict is not None else None,
        busy=file.item.status == Status.PROCESSING,
        sheets=form_tables.sheets(verdict.report.blocks, values) if verdict is not None else [],
        doubtful=doubtful,
        stopped=[f for f in file.item.failures if f.state == FailureState.OPEN],
        kept=request.app.has_original(file.item.sha256),
        unknown_tables=verdict.report.unknown_tables if verdict is not None else (),
        facts=_facts(verdict),
        statements=_statements(verdict, file.item),
        clues=verdict.report.clues if verdict is not None else (),
        notes=verdict.report.notes if verdict is not None else (),
        sections=verdict.report.sections if verdict is not None else (),
        history=told,
        changes=versions,
        chosen=chosen if cases.is_cell(chosen) else "",
        opens=bool(opens),
        **_source(file, values),
    )


def _source(file: File, values: Sequence[Any]) -> dict[str, Any]:
    """Return what the document shows of itself."""
    pages: list[original.PagePicture] = []
    texts: list[original.Text] = []
    if file.extraction is not None and has_pages(file.item.media_type):
        pages = original.pages(file.extraction, file.pages, values)
    elif file.extraction is not None:
        texts = original.texts(file.extraction, values)
        pictures = tuple(page for page in file.extraction.pages if page.kind is PageKind.PICTURE)
        pages = original.pages(msgspec.structs.replace(file.extraction, pages=pictures), file.pages, values)
    return {"pages": pages, "texts": texts}


def _verdict(connection: Connection, item: DocumentItem) -> Verdict | None:
    """The report in force; None when none is shown."""
    report = next((r for r in item.reports if r.in_force), None)
    body = report_body(connection, report.id) if report is not None and item.status in SHOWN else None
    return unpack(body) if body is not None else None


def _facts(verdict: Verdict | None) -> list[str]:
    """The facts of the report that are in doubt."""
    return [name for name in doubts(verdict) if name in corrections.FACTS] if verdict is not None else []


def _statements(verdict: Verdict | None, item: DocumentItem) -> list[tuple[Statement, bool | None]]:
    """Return what the text says, with whether the tables say the same (None: they say nothing)."""
    if verdict is None:
        return []
    values = {value.indicator: value.value for value in item.values if value.state not in (*UNSETTLED_STATES, State.MISSING)}
    found = []
    for statement in verdict.report.statements:
        parts = [values.get(cell) for cell in statement.indicators]
        known = [part for part in parts if part is not None]
        found.append((statement, sum(known) == statement.value if len(known) == len(parts) and known else None))
    return found


def progress(request: PageRequest) -> Response:
    """Return whether the document is still in work; when it is not, the page is loaded again."""
    with request.reading() as connection:
        head = head_of(connection, request.number("id"))
    if head is None:
        raise HTTPException(404)
    if head.status == Status.PROCESSING:
        return Response(status_code=204)
    return Response(status_code=204, headers={"hx-refresh": "true"})


def download(request: PageRequest) -> Response:
    """The original as it came in, to be saved: nothing of it is shown or run by the browser."""
    with request.reading() as connection:
        item = opened_file(connection, request.number("id")).item
    if not request.app.has_original(item.sha256):
        raise HTTPException(404)
    name = file_name(item.sources[0].path if item.sources else "") or item.sha256
    request.write(lambda c: audit.note(c, "download", request.user_name, documents=[item.id]))
    headers = {"content-disposition": f"attachment; filename=\"original\"; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(request.app.original(item.sha256), media_type="application/octet-stream", headers=headers)


# ---- pictures -------------------------------------------------------------------------------------------------------------


def _png(data: bytes) -> Response:
    return Response(data, media_type="image/png", headers={"cache-control": _KEPT})


def page(request: PageRequest) -> Response:
    """The picture of a page."""
    number, at = request.number("id"), request.number("page")
    with request.reading() as connection:
        head = head_of(connection, number)
    if head is None or not has_drawings(head.media_type):
        raise HTTPException(404)
    return _picture(lambda: request.app.pictures.page(head.sha256, head.media_type, at))


def crop(request: PageRequest) -> Response:
    """The picture of a cell with its surroundings."""
    file, value, box, size = _drawn_cell(request)
    pictures, head, ahead = request.app.pictures, file.item, not value.raw  # a blank cell has the place of its row's label
    where: dict[str, Any] = {"size": size, "box": box, "ahead": ahead}
    return _picture(lambda: pictures.cell(head.sha256, head.media_type, value.page, **where))


def rows(request: PageRequest) -> Response:
    """The picture of a cell's row, with its label, below the heads of its table."""
    return _strips(request, around.strips_of_row, framed=True)


def tables(request: PageRequest) -> Response:
    """The picture of what stands of a cell's table on its page."""
    return _strips(request, around.strips_of_table)


def _strips(
    request: PageRequest, where: Callable[[File, ValueItem, Size], list[tuple[float, float]]], *, framed: bool = False
) -> Response:
    file, value, box, page = _drawn_cell(request)
    number, head = value.page, file.item
    what: dict[str, Any] = {"size": page, "strips": where(file, value, page), "box": box if framed else None}
    return _picture(lambda: request.app.pictures.strips(head.sha256, head.media_type, number, **what))


def clue(request: PageRequest) -> Response:
    """The picture of the place of evidence for the agency, region or year of a report."""
    with request.reading() as connection:
        file = opened_file(connection, request.number("id"))
    clues, at = file.report.clues if file.report is not None else (), request.number("at")
    place = clues[at].place if at < len(clues) else None
    if place is None or place.box is None or file.extraction is None or not has_drawings(file.item.media_type):
        raise HTTPException(404)
    size = original.size_of(file.extraction, file.pages, place.page)
    if size is None:
        raise HTTPException(404)
    head, number, box = file.item, place.page, place.box
    return _picture(lambda: request.app.pictures.cell(head.sha256, head.media_type, number, size=Size(*size), box=box))


def _drawn_cell(request: PageRequest) -> tuple[File, ValueItem, tuple[float, float, float, float], Size]:
    """The document of a request, its cell with its box, and the size of the cell's page. Raises HTTPException 404 where the cell
    has no box, or the document no pictures.
    """
    cell = str(request.http.path_params["cell"])
    with request.reading() as connection:
        file = opened_file(connection, request.number("id"))
    value = next((v for v in file.values if v.indicator == cell), None)
    if value is None or value.box is None or file.extraction is None or not has_drawings(file.item.media_type):
        raise HTTPException(404)
    size = original.size_of(file.extraction, file.pages, value.page)
    if size is None:
        raise HTTPException(404)
    return file, value, (value.box[0], value.box[1], value.box[2], value.box[3]), Size(*size)


def _picture(draw: Callable[[], bytes]) -> Response:
    try:
        return _png(draw())
    except LookupError:
        raise HTTPException(404) from None
    except BusyError as error:
        return Response(status_code=503, headers={"retry-after": str(error.seconds)})
    except GongkaiError as error:
        if error.code.startswith(("store.", "disk.")):
            raise
        return Response(status_code=422, headers={"x-gongkai-code": error.code})


# ---- one cell -------------------------------------------------------------------------------------------------------------


def cell(request: PageRequest) -> Response:
    """One cell: its picture, its readings, the sums that each would satisfy, and what was decided about it."""
    return _cell(request, request.number("id"), _name(request))


def _name(request: PageRequest) -> str:
    name = str(request.http.path_params["cell"])
    if not cases.is_cell(name):
        raise HTTPException(404)
    return name


def _cell(request: PageRequest, number: int, name: str, status: int = 200, draft: Draft | None = None) -> Response:
    with request.reading() as connection:
        file = opened_file(connection, number)
        if file.report is None or file.item.status not in SHOWN:
            raise HTTPException(404)
        case = cases.case_of(connection, file, name)
    shown = case_context(file, case)
    return request.render("cell.html", status, item=file.item, draft=draft, **shown)


def act(request: PageRequest) -> Response:
    """Decide about a cell, from the document's page. A refused form is shown again with all that was typed."""
    number, name = request.number("id"), _name(request)
    try:
        wish = parse(request.form, name)
        done = decide(request, number, name, wish, pause=0.0)
    except CorrectionRefusedError as error:
        request.notify(f"refused.{error.why}", good=False)
        if error.why == "no_report":  # there is no case any more
            return request.redirect(f"/documents/{number}")
        return _cell(request, number, name, 200 if request.is_partial else 422, draft_of(request.form))
    except OvertakenError as error:
        notify_overtaken(request, error)
        return _cell(request, number, name, 200 if request.is_partial else 409, draft_of(request.form).asked_again())
    request.notify("case.decided", cell=request.cell_name(name), value=shown_value(request, wish))
    response = request.redirect(f"/documents/{number}", at=name)
    response.background = BackgroundTask(request.app.notify, [done.queued] if done.queued else [])
    return response


def shown_value(request: PageRequest, wish: Wish) -> str:
    """The decided value as people see it."""
    if wish.decided is Decided.BLANK:
        return request.t("case.blank")
    return str(wish.value)


def undo(request: PageRequest) -> Response:
    """Undo a decision, from the document's page."""
    number, correction = request.number("id"), request.number("number")
    request.require([number])
    with request.reading() as connection:
        item = corrections.items(connection, [correction]).get(correction)
    if item is None or item.document_id != number:
        raise HTTPException(404)
    try:
        reason = request.form.text("reason")
        done = request.write(lambda c: corrections.undo(c, correction, who=request.user_name, reason=reason))
    except (CorrectionRefusedError, OvertakenError):
        request.notify("case.stands_no_more", good=False)
        return request.redirect(f"/documents/{number}")
    request.notify("case.undone")
    response = request.redirect(f"/documents/{number}")
    response.background = BackgroundTask(request.app.notify, [done.queued] if done.queued else [])
    return response


ROUTES = (
    get("/documents/{id:int}", shown, Role.VIEW),
    get("/documents/{id:int}/original", download, Role.VIEW),
    get("/documents/{id:int}/progress", progress, Role.VIEW),
    get("/documents/{id:int}/pages/{page:int}.png", page, Role.VIEW),
    get("/documents/{id:int}/crops/{cell}.png", crop, Role.VIEW),
    get("/documents/{id:int}/rows/{cell}.png", rows, Role.VIEW),
    get("/documents/{id:int}/tables/{cell}.png", tables, Role.VIEW),
    get("/documents/{id:int}/clues/{at:int}.png", clue, Role.VIEW),
    get("/documents/{id:int}/cells/{cell}", cell, Role.VIEW),
    post("/documents/{id:int}/cells/{cell}", act, Role.OPERATE),
    post("/documents/{id:int}/corrections/{number:int}/undo", undo, Role.OPERATE),
)
