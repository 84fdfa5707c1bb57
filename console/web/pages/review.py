"""Review: one doubtful cell after the other, decided from the keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.book import load_book
from console.web.context import get, post
from console.web.deciding import decide, parse
from console.web.pages.document import case_context, opened, overtaken
from console.web.request import Visit
from console.web.security import Fields
from console.web.views import case as cases
from console.web.views.case import Case, File
from database.models import Role
from database.monitoring import listings
from database.reports import corrections
from database.reports.corrections import CorrectionItem, OvertakenError, RefusedError
from database.reports.results import whole
from database.reports.reviewing import ReviewScope, backlog, doubtful_cells, open_cells, waiting
from tasks.validation.wording import column_label
from tasks.validation.wording import show as show_number

# Doubts that a look at the row answers: which numbers belong to it, in which of its columns, and how they read.
_OF_ROWS = ("label", "alignment", "blank", "count", "column", "joined", "ocr")
# Further decisions about the same document within so many seconds share a validation.
_PAUSE = 8.0


class InRow(NamedTuple):
    """A doubtful cell of the row. ``shown`` is its likely value, "" where there is none; ``sure``: no other is possible."""

    cell: str
    column: str
    shown: str
    mark: str
    sure: bool


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
    return cases.in_order([cell for cell in open_cells(connection, document) if cases.is_cell(cell)])


def _after(connection: Connection, scope: ReviewScope, last: At | None) -> At | None:
    """The next open cell behind ``last``; the first one without it."""
    first = 0
    if last is not None:
        place = cases.place_of(last.cell) if last.cell else (-1, 0)
        rest = [cell for cell in _open(connection, last.document) if cases.place_of(cell) > place]
        if rest:
            return At(last.document, rest[0])
        first = last.document + 1
    while items := waiting(connection, scope, first=first, limit=1):
        first = items[0].document_id + 1
        if cells := _open(connection, items[0].document_id):
            return At(items[0].document_id, cells[0])
    return None


def show(visit: Visit) -> Response:
    """The next case: the first, the one behind ``after``, or the one that is asked for."""
    scope, given = _given(visit.query)
    return _page(visit, scope, given, _at(visit.query, "after", "after_cell"), asked=_at(visit.query))


def left(visit: Visit) -> Response:
    """How much waits: it is counted over all documents, and so fetched beside the case."""
    scope, _ = _given(visit.query)
    with visit.reading() as connection:
        return visit.render("review_left.html", left=backlog(connection, scope))


def _page(
    visit: Visit,
    scope: ReviewScope,
    given: dict[str, Any],
    last: At | None,
    *,
    asked: At | None = None,
    done: Sequence[CorrectionItem] = (),
) -> Response:
    with visit.reading() as connection:
        at = asked if asked is not None and asked.cell else _after(connection, scope, last)
        batches = listings.batch_names(connection)
        context: dict[str, Any] = {"at": None, "following": None, "row": ()}
        if at is not None:
            context = _case(connection, scope, at)
        skipped = at is None and last is not None and _after(connection, scope, None) is not None
    return visit.render("review.html", **context, given=given, batches=batches, skipped=skipped, done=done, name=cases.label_of)


def _case(connection: Connection, scope: ReviewScope, at: At) -> dict[str, Any]:
    file, case = _file(connection, at)
    cells = _open(connection, at.document)
    return {
        "at": at,
        "item": file.item,
        "report": next((r for r in file.item.reports if r.in_force), None),
        "position": cells.index(at.cell) + 1 if at.cell in cells else None,
        "count": len(cells),
        "row": _row(file, at.cell, cells),
        "following": _picture_of(connection, _after(connection, scope, at)),
        **case_context(file, case),
    }


def _row(file: File, cell: str, cells: Sequence[str]) -> list[InRow]:
    """The open cells of the same row, which a glance at the row may answer together."""
    indicators = load_book().indicators
    if cell not in indicators or file.report is None:
        return []
    mine = indicators[cell]
    raws = {reading.indicator: reading.raw for reading in file.report.readings}
    found: list[InRow] = []
    for value in (v for v in file.values if v.indicator in cells):
        own = indicators[value.indicator]
        if (own.block, own.row) != (mine.block, mine.row):
            continue
        if value.doubt not in _OF_ROWS or value.indicator not in raws or own.column is None:
            return []
        possible = {whole(v) for v in (*(value.candidates or ()), value.value) if v is not None}
        likely = whole(value.value)
        shown = "" if likely is None else show_number(likely)
        mark = corrections.mark_of(raws[value.indicator])
        sure = likely is not None and len(possible) == 1
        found.append(InRow(value.indicator, column_label(own.block, own.column), shown, mark, sure))
    found.sort(key=lambda one: cases.place_of(one.cell))
    return found if len(found) > 1 else []


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
        made = _decided_row(visit, at) if visit.form.text("row") else [_decided(visit, at)]
    except RefusedError as error:
        visit.notify(f"refused.{error.why}", good=False)
        return _answer(visit, scope, given, at, again=True)
    except OvertakenError as error:
        overtaken(visit, error)
        return _answer(visit, scope, given, at, again=True)
    queued = None
    with visit.reading() as connection:
        finished = not _open(connection, at.document)
        kept = list(corrections.items(connection, made).values())
    if finished:  # nothing more will be decided about this document
        queued = visit.write(lambda c: corrections.validate_now(c, at.document))
    if len(kept) > 1:
        visit.notify("review.row_decided", cell=cases.label_of(at.cell), count=len(kept))
    else:
        told = kept[0].told if kept else ""
        visit.notify("case.decided", cell=cases.label_of(at.cell), value=told or visit.t("case.blank"))
    response = _answer(visit, scope, given, at, done=kept)
    response.background = BackgroundTask(visit.desk.ring, [queued] if queued else [])
    return response


def _decided(visit: Visit, at: At) -> int:
    return decide(visit, at.document, at.cell, parse(visit.form, at.cell), pause=_PAUSE).number


def _decided_row(visit: Visit, at: At) -> list[int]:
    """Decide about all cells of a row as they were typed, in one transaction: all or none. A field without anything is blank."""
    cells, marks = visit.form.each("row_cell"), visit.form.each("row_mark")
    if len(cells) != len(marks) or not all(map(cases.is_cell, cells)):
        raise HTTPException(404)
    wishes = []
    for cell, mark in zip(cells, marks, strict=True):
        typed = visit.form.text(f"row:{cell}", 40)
        choice = [("choice", "typed"), ("typed", typed)] if typed else [("choice", "blank")]
        wishes.append((cell, parse(Fields([*choice, ("mark", mark)]), cell)))
    reason = visit.form.text("reason", 500)

    def write(connection: Connection) -> list[int]:
        told: dict[str, Any] = {"who": visit.who, "reason": reason, "pause": _PAUSE}
        act = corrections.correct
        return [act(connection, at.document, cell, w.decided, w.value, seen=w.seen, **told).number for cell, w in wishes]

    return visit.write(write)


def _answer(
    visit: Visit,
    scope: ReviewScope,
    given: dict[str, Any],
    at: At,
    *,
    again: bool = False,
    done: Sequence[CorrectionItem] = (),
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
    numbers = [number for number in map(int, filter(str.isdecimal, visit.form.each("number"))) if number < 2**63]
    with visit.reading() as connection:
        items = corrections.items(connection, numbers)
    if not items:
        raise HTTPException(404)
    first = min(items.values(), key=lambda item: cases.place_of(item.indicator))
    at = At(first.document_id, first.indicator)

    def write(connection: Connection) -> None:
        for number in items:
            corrections.undo(connection, number, who=visit.who, pause=_PAUSE)

    try:
        visit.write(write)
    except (RefusedError, OvertakenError):
        visit.notify("case.stands_no_more", good=False)
        return _answer(visit, scope, given, at, again=True)
    visit.notify("case.undone")
    return _answer(visit, scope, given, at, again=True)


ROUTES = (
    get("/review", show, Role.OPERATE),
    get("/review/left", left, Role.OPERATE),
    post("/review", act, Role.OPERATE),
    post("/review/undo", undo, Role.OPERATE),
)
