"""Review: one doubtful cell after the other, decided from the keyboard."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web import cases
from console.web.cases import Case, File
from console.web.deciding import decide, parse
from console.web.desk import get, post
from console.web.pages.document import case_context, opened, overtaken, shown_value
from console.web.security import Fields
from console.web.visit import Visit
from database import corrections, overviews
from database.corrections import CorrectionItem, OvertakenError, RefusedError
from database.models import Role
from database.reviewing import ReviewScope, backlog, doubtful_cells, waiting, waits

# Further decisions about the same document within so many seconds share a validation.
_PAUSE = 8.0


class At(NamedTuple):
    """A doubtful cell (or fact) of a document."""

    document: int
    cell: str


def _given(fields: Fields) -> tuple[ReviewScope, dict[str, Any]]:
    batch, region = fields.number("batch"), fields.text("region", 100)
    return ReviewScope(batch, region or None), {"batch": batch, "region": region}


def _at(fields: Fields, document: str = "document", cell: str = "cell") -> At | None:
    number, name = fields.number(document), fields.text(cell, 80)
    if number is None:
        return None
    return At(number, name) if not name or cases.is_cell(name) else None


def _open(connection: Connection, document: int) -> list[str]:
    """What is open of a document, in the order in which it is asked."""
    item = waits(connection, document)
    if item is None:
        return []
    return cases.in_order([*item.facts, *(value.indicator for value in doubtful_cells(connection, document))])


def _after(connection: Connection, scope: ReviewScope, last: At | None) -> At | None:
    """The next open cell behind ``last``; the first one without it."""
    first = 0
    if last is not None:
        place = cases.place_of(last.cell) if last.cell else (-1, 0)
        rest = [cell for cell in _open(connection, last.document) if cases.place_of(cell) > place]
        if rest:
            return At(last.document, rest[0])
        first = last.document + 1
    for item in waiting(connection, scope, first=first, limit=1):
        return At(item.document_id, _open(connection, item.document_id)[0])
    return None


def show(visit: Visit) -> Response:
    """The next case: the first, the one behind ``after``, or the one that is asked for."""
    scope, given = _given(visit.query)
    return _page(visit, scope, given, _at(visit.query, "after", "after_cell"), asked=_at(visit.query))


def _page(
    visit: Visit,
    scope: ReviewScope,
    given: dict[str, Any],
    last: At | None,
    *,
    asked: At | None = None,
    done: CorrectionItem | None = None,
) -> Response:
    with visit.reading() as connection:
        at = asked if asked is not None and asked.cell else _after(connection, scope, last)
        left, batches = backlog(connection, scope), overviews.batch_names(connection)
        context: dict[str, Any] = {"at": None, "following": None}
        if at is not None:
            context = _case(connection, scope, at)
        skipped = at is None and last is not None and _after(connection, scope, None) is not None
    return visit.render(
        "review.html", **context, given=given, batches=batches, left=left, skipped=skipped, done=done, name=cases.label_of
    )


def _case(connection: Connection, scope: ReviewScope, at: At) -> dict[str, Any]:
    file, case = _file(connection, at)
    cells = _open(connection, at.document)
    return {
        "at": at,
        "item": file.item,
        "report": next((r for r in file.item.reports if r.in_force), None),
        "position": cells.index(at.cell) + 1 if at.cell in cells else None,
        "count": len(cells),
        "following": _picture_of(connection, _after(connection, scope, at)),
        **case_context(file, case),
    }


def _file(connection: Connection, at: At) -> tuple[File, Case]:
    file = opened(connection, at.document)
    if file.report is None:
        raise HTTPException(404)
    return file, cases.case_of(connection, file, at.cell)


def _picture_of(connection: Connection, at: At | None) -> At | None:
    """The cell of which the picture is fetched beforehand."""
    if at is None:
        return None
    boxed = any(v.indicator == at.cell and v.box is not None for v in doubtful_cells(connection, at.document))
    return at if boxed else None


def act(visit: Visit) -> Response:
    """Decide, and go on to the next."""
    scope, given = _given(visit.form)
    at = _at(visit.form)
    if at is None or not at.cell:
        raise HTTPException(404)
    try:
        wish = parse(visit.form, at.cell)
        done = decide(visit, at.document, at.cell, wish, pause=_PAUSE)
    except RefusedError as error:
        visit.notify(f"refused.{error.why}", good=False)
        return _answer(visit, scope, given, at, again=True)
    except OvertakenError as error:
        overtaken(visit, error)
        return _answer(visit, scope, given, at, again=True)
    queued = None
    with visit.reading() as connection:
        finished = not _open(connection, at.document)
        kept = corrections.items(connection, [done.number]).get(done.number)
    if finished:  # nothing more will be decided about this document
        queued = visit.write(lambda c: corrections.validate_now(c, at.document))
    visit.notify("case.decided", cell=cases.label_of(at.cell), value=shown_value(visit, wish))
    response = _answer(visit, scope, given, at, done=kept)
    response.background = BackgroundTask(visit.desk.ring, [queued] if queued else [])
    return response


def _answer(
    visit: Visit,
    scope: ReviewScope,
    given: dict[str, Any],
    at: At,
    *,
    again: bool = False,
    done: CorrectionItem | None = None,
) -> Response:
    """The next case in place of this one; a browser without scripts is led there."""
    if "hx-request" in visit.request.headers:
        return _page(visit, scope, given, at, asked=at if again else None, done=done)
    names = ("document", "cell") if again else ("after", "after_cell")
    places: dict[str, Any] = dict(zip(names, at, strict=True))
    return visit.redirect("/review", **given, **places)


def undo(visit: Visit) -> Response:
    """Undo the last decision, and ask about its cell again."""
    scope, given = _given(visit.form)
    number = visit.form.number("number")
    with visit.reading() as connection:
        item = corrections.items(connection, [number]).get(number) if number is not None else None
    if item is None:
        raise HTTPException(404)
    at = At(item.document_id, item.indicator)
    try:
        visit.write(lambda c: corrections.undo(c, item.number, who=visit.who, pause=_PAUSE))
    except (RefusedError, OvertakenError):
        visit.notify("case.stands_no_more", good=False)
        return _answer(visit, scope, given, at, again=True)
    visit.notify("case.undone")
    return _answer(visit, scope, given, at, again=True)


ROUTES = (
    get("/review", show, Role.OPERATE),
    post("/review", act, Role.OPERATE),
    post("/review/undo", undo, Role.OPERATE),
)
