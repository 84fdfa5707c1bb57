"""Review: one doubtful cell after the other, decided from the keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.rendering.images import has_pages
from console.web.decisions import (
    Draft,
    check_row_untouched,
    decide,
    decide_row,
    draft_of,
    notify_overtaken,
    parse,
    parse_row,
)
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.security import Fields, number
from console.web.views import case as cases
from console.web.views.case import File, case_context, opened_file
from console.web.views.review_queue import OpenCell, TableRow, next_case, open_of, picture_ahead, row_of, table_of
from database.models import Role
from database.monitoring import listings
from database.reports import corrections
from database.reports.corrections import CorrectionItem, CorrectionRefusedError, OvertakenError
from database.reports.reviewing import ReviewScope, backlog

# Further decisions about the same document within this number of seconds share a validation.
_PAUSE = 8.0


def _given(fields: Fields) -> tuple[ReviewScope, dict[str, Any]]:
    batch, region = fields.number("batch"), fields.text("region", 100)
    return ReviewScope(batch, region or None), {"batch": batch, "region": region}


def _at(fields: Fields, document: str = "document", cell: str = "cell") -> OpenCell | None:
    key, name = fields.number(document), fields.text(cell, 80)
    if key is None:
        return None
    return OpenCell(key, name) if not name or cases.is_cell(name) else None


def show(request: PageRequest) -> Response:
    """The next case: the first, the one behind ``after``, or the one that is asked for."""
    scope, given = _given(request.query)
    asked = _at(request.query)
    if asked is not None and asked.cell:
        return _page(request, scope, given, asked)
    return _next_page(request, scope, given, _at(request.query, "after", "after_cell"))


def left(request: PageRequest) -> Response:
    """Return how much waits: it is counted over all documents, and so fetched beside the case."""
    scope, _ = _given(request.query)
    with request.reading() as connection:
        return request.render("review_left.html", left=backlog(connection, scope))


def _page(
    request: PageRequest,
    scope: ReviewScope,
    given: dict[str, Any],
    at: OpenCell | None,
    *,
    skipped: bool = False,
    done: Sequence[CorrectionItem] = (),
    draft: Draft | None = None,
) -> Response:
    """The page of a case, or of the end of the queue. ``draft``: the form of this case was refused."""
    with request.reading() as connection:
        batches = listings.batch_names(connection)
        context: dict[str, Any] = {"at": None, "following": None, "row": (), "table": (), "pages": ()}
        if at is not None:
            context = _case(connection, scope, at)
    status = 422 if draft is not None and not request.is_partial else 200
    shared = {"given": given, "batches": batches, "skipped": skipped, "done": done, "draft": draft, "name": cases.label_of}
    return request.render("review.html", status, **context, **shared)


def _next_page(
    request: PageRequest, scope: ReviewScope, given: dict[str, Any], last: OpenCell | None, done: Sequence[CorrectionItem] = ()
) -> Response:
    """The page of the next case behind ``last``."""
    with request.reading() as connection:
        at = next_case(connection, scope, last)
        skipped = at is None and last is not None and next_case(connection, scope, None) is not None
    return _page(request, scope, given, at, skipped=skipped, done=done)


def _case(connection: Connection, scope: ReviewScope, at: OpenCell) -> dict[str, Any]:
    file = opened_file(connection, at.document)
    if file.report is None:
        raise HTTPException(404)
    cells = open_of(connection, at.document)
    return {
        "at": at,
        "item": file.item,
        "report": next((r for r in file.item.reports if r.in_force), None),
        "position": cells.index(at.cell) + 1 if at.cell in cells else None,
        "count": len(cells),
        "row": row_of(file, at.cell, cells),
        "table": table_of(file, at.cell, cells),
        "pages": _pages(file, table_of(file, at.cell, cells)),
        "following": picture_ahead(connection, next_case(connection, scope, at)),
        **case_context(file, cases.case_of(connection, file, at.cell)),
    }


def _pages(file: File, table: Sequence[TableRow]) -> list[str]:
    """Return a cell of each page on which the rows of a table stand, where the document has pictures of its pages."""
    wanted = [one.cell for row in table for one in row.cells]
    if not has_pages(file.item.media_type):
        return []
    pages = {v.page: v.indicator for v in reversed(file.values) if v.indicator in wanted and v.box is not None}
    return [cell for _, cell in sorted(pages.items())]


def act(request: PageRequest) -> Response:
    """Decide about a cell, or about the cells of a row, and go on to the next case."""
    scope, given = _given(request.form)
    at = _at(request.form)
    if at is None or not at.cell:
        raise HTTPException(404)
    try:
        numbers = _decided(request, at)
    except CorrectionRefusedError as error:
        request.notify(f"refused.{error.why}", good=False)
        return _page(request, scope, given, at, draft=draft_of(request.form))
    except OvertakenError as error:
        notify_overtaken(request, error)
        return _page(request, scope, given, at, draft=draft_of(request.form).asked_again())
    with request.reading() as connection:
        finished = not open_of(connection, at.document)
        kept = list(corrections.items(connection, numbers).values())
    # Nothing more will be decided about a finished document: its validation need not wait for more.
    queued = request.write(lambda c: corrections.validate_now(c, at.document)) if finished else None
    _notify_decided(request, at, kept)
    if request.is_partial:
        response = _next_page(request, scope, given, at, kept)
    else:
        response = request.redirect("/review", **given, after=at.document, after_cell=at.cell)
    response.background = BackgroundTask(request.app.notify, [queued] if queued else [])
    return response


def _decided(request: PageRequest, at: OpenCell) -> list[int]:
    """Write what the form decides. Return the numbers of the decisions."""
    form = request.form
    of = next((name for name in ("table", "row") if form.text(name)), None)
    if of != "row":
        check_row_untouched(form)
    if of is None:
        return [decide(request, at.document, at.cell, parse(form, at.cell), pause=_PAUSE).number]
    cells, marks = form.each(f"{of}_cell"), form.each(f"{of}_mark")
    if not cells or len(cells) != len(marks) or not all(map(cases.is_cell, cells)):
        raise HTTPException(404)
    return decide_row(request, at.document, parse_row(form, at.cell, cells, marks, of=of), pause=_PAUSE)


def _notify_decided(request: PageRequest, at: OpenCell, kept: Sequence[CorrectionItem]) -> None:
    if len(kept) > 1:
        of = "table" if request.form.text("table") else "row"
        request.notify(f"review.{of}_decided", cell=cases.label_of(at.cell), count=len(kept))
        return
    decided = kept[0].told if kept else ""
    request.notify("case.decided", cell=cases.label_of(at.cell), value=decided or request.t("case.blank"))


def _again(request: PageRequest, scope: ReviewScope, given: dict[str, Any], at: OpenCell) -> Response:
    """The same case again, as it is now; a browser without scripts is led there."""
    if request.is_partial:
        return _page(request, scope, given, at)
    return request.redirect("/review", **given, document=at.document, cell=at.cell)


def undo(request: PageRequest) -> Response:
    """Undo the last decision, and ask about its cell again."""
    scope, given = _given(request.form)
    numbers = [each for each in map(number, request.form.each("number")) if each is not None]
    with request.reading() as connection:
        items = corrections.items(connection, numbers)
    if not items:
        raise HTTPException(404)
    first = min(items.values(), key=lambda item: cases.place_of(item.indicator))
    at = OpenCell(first.document_id, first.indicator)

    def write(connection: Connection) -> None:
        for each in items:
            corrections.undo(connection, each, who=request.user_name, pause=_PAUSE)

    try:
        request.write(write)
    except (CorrectionRefusedError, OvertakenError):
        request.notify("case.stands_no_more", good=False)
        return _again(request, scope, given, at)
    request.notify("case.undone")
    return _again(request, scope, given, at)


ROUTES = (
    get("/review", show, Role.OPERATE),
    get("/review/left", left, Role.OPERATE),
    post("/review", act, Role.OPERATE),
    post("/review/undo", undo, Role.OPERATE),
)
