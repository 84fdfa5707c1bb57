"""Review: one doubtful cell after the other, decided from the keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
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
from console.web.views.regions import region_code, region_name
from console.web.views.review_queue import OpenCell, TableRow, first_case, next_case, open_of, picture_ahead, row_of, table_of
from database.models import Role
from database.monitoring import listings
from database.reports import corrections
from database.reports import review_leases as leases
from database.reports.corrections import CorrectionItem, CorrectionRefusedError, OvertakenError
from database.reports.review_steps import progress, steps
from database.reports.reviewing import ReviewScope, backlog
from database.users import accounts

# Further decisions about the same document within this number of seconds share a validation.
_PAUSE = 8.0


def _given(request: PageRequest, fields: Fields) -> tuple[ReviewScope, dict[str, Any]]:
    batch, region, person = fields.number("batch"), fields.text("region", 100), fields.text("person", 60)
    with request.reading() as connection:
        handed_out = tuple(leases.shares(connection))
    scope = ReviewScope(batch, region or None, person or None, request.user_name, handed_out)
    return scope, {"batch": batch, "region": region, "person": person}


def _at(fields: Fields, document: str = "document", cell: str = "cell") -> OpenCell | None:
    key, name = fields.number(document), fields.text(cell, 80)
    if key is None:
        return None
    return OpenCell(key, name) if not name or cases.is_cell(name) else None


def show(request: PageRequest) -> Response:
    """The next case: the first, the one behind ``after``, or the one that is asked for."""
    scope, given = _given(request, request.query)
    asked = _at(request.query)
    if asked is not None and asked.cell:
        request.require([asked.document])
        _take(request, asked.document)
        return _page(request, scope, given, asked)
    return _next_page(request, scope, given, _at(request.query, "after", "after_cell"))


def left(request: PageRequest) -> Response:
    """Return how much waits, and how far the person is: counted over all documents, and so fetched beside the case."""
    scope, given = _given(request, request.query)
    today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    with request.reading() as connection:
        waits = backlog(connection, msgspec.structs.replace(scope, reviewer=None))
        mine = progress(connection, request.user_name, since=today)
        of_batch = progress(connection, request.user_name, batch=scope.batch) if scope.batch is not None else None
    return request.render("review_left.html", left=waits, mine=mine, of_batch=of_batch, given=given)


def _page(
    request: PageRequest,
    scope: ReviewScope,
    given: dict[str, Any],
    at: OpenCell | None,
    *,
    skipped: bool = False,
    draft: Draft | None = None,
) -> Response:
    """The page of a case, or of the end of the queue. ``draft``: the form of this case was refused."""
    with request.reading() as connection:
        batches = listings.batch_names(connection)
        context: dict[str, Any] = {"at": None, "following": None, "row": (), "table": (), "pages": (), "held": None}
        if at is not None:
            context = _case(connection, scope, at)
            held = leases.holder(connection, at.document)
            context["held"] = held if held is not None and held.who != request.user_name else None
        context["steps"] = made = steps(connection, request.user_name)
        context["last"] = next((step for step in made if step.standing), None)
        context["people"] = [user.name for user in accounts.users(connection) if user.disabled_at is None]
    status = 422 if draft is not None and not request.is_partial else 200
    shared: dict[str, Any] = {"given": given, "scope": scope, "batches": batches, "skipped": skipped, "draft": draft}
    shared |= {"region_of": region_name}
    return request.render("review.html", status, **context, **shared)


def _next_page(request: PageRequest, scope: ReviewScope, given: dict[str, Any], last: OpenCell | None) -> Response:
    """The page of the next case behind ``last``, whose document is taken for the person; the one before is given back."""
    at = _taken_next(request, scope, last)
    if last is not None and (at is None or at.document != last.document):
        _free(request, last.document)
    with request.reading() as connection:
        skipped = at is None and last is not None and next_case(connection, scope, None) is not None
    return _page(request, scope, given, at, skipped=skipped)


def _take(request: PageRequest, document: int) -> bool:
    return request.write(lambda c: leases.take(c, document, request.user_name))


def _free(request: PageRequest, document: int) -> None:
    request.write(lambda c: leases.free(c, document, request.user_name))


def _taken_next(request: PageRequest, scope: ReviewScope, last: OpenCell | None) -> OpenCell | None:
    """The next case behind ``last`` of a document that nobody else has. Of two who ask at once each has another document."""
    with request.reading() as connection:
        at = next_case(connection, scope, last)
    while at is not None:
        document = at.document
        taken = _take(request, document)
        with request.reading() as connection:
            if taken and at.cell in open_of(connection, document):  # nobody has decided it before it was taken
                return at
            at = first_case(connection, scope, document + (not taken))
        if at is not None and at.document != document and taken:
            _free(request, document)
    return None


def hold(request: PageRequest) -> Response:
    """Renew the lease of the document whose page is open. Return a notice when another person has it."""
    at = _at(request.form)
    if at is None:
        raise HTTPException(404)
    request.require([at.document])
    if _take(request, at.document):
        return Response(status_code=204)
    _, given = _given(request, request.form)
    with request.reading() as connection:
        held = leases.holder(connection, at.document)
    return request.render("review_held.html", held=held, at=at, given=given)


def leave(request: PageRequest) -> Response:
    """Give the document back whose page is left."""
    at = _at(request.form)
    if at is None:
        raise HTTPException(404)
    request.require([at.document])
    _free(request, at.document)
    return Response(status_code=204)


def take_over(request: PageRequest) -> Response:
    """Take the document over from another person, whose page then says so."""
    _, given = _given(request, request.form)
    at = _at(request.form)
    if at is None or not at.cell:
        raise HTTPException(404)
    request.require([at.document])
    before = request.write(lambda c: leases.take_over(c, at.document, request.user_name))
    if before is not None:
        request.notify("review.taken_over", who=before)
    return request.redirect("/review", **given, document=at.document, cell=at.cell)


def hand_out(request: PageRequest) -> Response:
    """Hand a batch or a region out to a person, or end what was handed out.

    Raises HTTPException 404 for who is bound to regions or batches, who sees only a part of what is handed out, and for a batch
    that is not there.
    """
    if request.is_bound:
        raise HTTPException(404)
    _, given = _given(request, request.form)
    form, ended = request.form, request.form.number("end")
    if ended is not None:
        request.write(lambda c: leases.take_back(c, ended, who=request.user_name))
        request.notify("review.share_ended")
        return request.redirect("/review", **given)
    to, batch, region = form.text("to", 60), form.number("of_batch"), form.text("of_region", 100)
    code = region_code(region) if region else None
    if batch is not None:
        with request.reading() as connection:
            if listings.batch_line(connection, batch) is None:
                raise HTTPException(404)
    if region and code is None:
        request.notify("agencies.no_region", good=False, region=region)
        return _next_page(request, *_given(request, form), None)
    if not request.write(lambda c: leases.hand_out(c, to, batch=batch, region=code, who=request.user_name)):
        request.notify("review.share_of_nothing", good=False)
        return _next_page(request, *_given(request, form), None)
    request.notify("review.shared", who=to)
    return request.redirect("/review", **given)


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
    scope, given = _given(request, request.form)
    at = _at(request.form)
    if at is None or not at.cell:
        raise HTTPException(404)
    request.require([at.document])
    if not _take(request, at.document):
        with request.reading() as connection:
            held = leases.holder(connection, at.document)
        if held is not None:
            request.notify("review.held_refused", good=False, who=held.who)
        return _page(request, scope, given, at, draft=draft_of(request.form))
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
        response = _next_page(request, scope, given, at)
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
        request.notify(f"review.{of}_decided", cell=request.cell_name(at.cell), count=len(kept))
        return
    decided = kept[0].told if kept else ""
    request.notify("case.decided", cell=request.cell_name(at.cell), value=decided or request.t("case.blank"))


def _again(request: PageRequest, scope: ReviewScope, given: dict[str, Any], at: OpenCell) -> Response:
    """The same case again, as it is now; a browser without scripts is led there."""
    if request.is_partial:
        return _page(request, scope, given, at)
    return request.redirect("/review", **given, document=at.document, cell=at.cell)


def undo(request: PageRequest) -> Response:
    """Undo the decisions of a step as far as they stand, and ask about the first of their cells again."""
    scope, given = _given(request, request.form)
    numbers = [each for each in map(number, request.form.each("number")) if each is not None]
    with request.reading() as connection:
        items = corrections.items(connection, numbers)
    if not items:
        raise HTTPException(404)
    first = min(items.values(), key=lambda item: cases.place_of(item.indicator))
    at = OpenCell(first.document_id, first.indicator)
    request.require({item.document_id for item in items.values()})

    def write(connection: Connection) -> int:
        undone = 0
        for each in items:
            try:
                corrections.undo(connection, each, who=request.user_name, pause=_PAUSE)
                undone += 1
            except OvertakenError:  # it no longer stands: the page says which, and why
                continue
        leases.take(connection, at.document, request.user_name)
        return undone

    try:
        undone = request.write(write)
    except CorrectionRefusedError:  # the document shows no report any more
        undone = 0
    if not undone:
        request.notify("case.stands_no_more", good=False)
    elif undone < len(items):
        request.notify("review.undone_some", good=False, count=undone, left=len(items) - undone)
    else:
        request.notify("case.undone")
    return _again(request, scope, given, at)


ROUTES = (
    get("/review", show, Role.OPERATE),
    get("/review/left", left, Role.OPERATE),
    post("/review", act, Role.OPERATE),
    post("/review/undo", undo, Role.OPERATE),
    post("/review/hold", hold, Role.OPERATE),
    post("/review/leave", leave, Role.OPERATE),
    post("/review/take", take_over, Role.OPERATE),
    post("/review/share", hand_out, Role.OPERATE),
)
