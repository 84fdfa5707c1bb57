"""One agency or two? The open questions one after the other, with the evidence of both sides, decided from the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.errors import UsageError
from console import filing as filings
from console.web.pages.filings import bounds
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.security import Fields
from console.web.views.regions import region_code, region_name
from database.filings import agencies, decisions, listing, members
from database.filings.agencies import CaseItem, DecisionItem
from database.filings.listing import FilingFilter, FilingLine
from database.models import Role
from tasks.loading.editions import Difference, difference

_REASONS = ("same_body", "reform", "both_report", "other_place")  # that are offered; any other can be typed
_YEARS = 20  # filings of a side that are shown


class CaseYear(NamedTuple):
    """A year of a question: the filings of both sides, and how their numbers compare where both have a report."""

    year: int
    one: FilingLine | None
    other: FilingLine | None
    compared: Difference | None


def show(request: PageRequest) -> Response:
    """The next question: the first, the one behind ``after``, or the one that is asked for."""
    asked, after = request.query.number("case"), request.query.number("after")
    return _page(request, request.query, case=asked, after=after)


def _given(fields: Fields) -> dict[str, Any]:
    return {"region": fields.text("region", 100)}


def _page(
    request: PageRequest,
    fields: Fields,
    *,
    case: int | None = None,
    after: int | None = None,
    done: DecisionItem | None = None,
    draft: Fields | None = None,
) -> Response:
    """The page of a question, or of the end of them. ``done``, about the question ``after``, can be undone; ``draft`` is the form
    that was refused.
    """
    given = _given(fields)
    region = region_code(given["region"])
    if given["region"] and region is None:
        request.notify("agencies.no_region", good=False, region=given["region"])
    with request.reading() as connection:
        item = agencies.case(connection, case) if case is not None else None
        item = item or _next(connection, region, after)
        skipped = item is None and after is not None and _next(connection, region, None) is not None
        years = _years(connection, item) if item is not None else []
    may_act = item is not None and bounds.may_act(request, agencies=[item.one.agency.id, item.other.agency.id])
    return request.render(
        "agency_case.html",
        422 if draft is not None and not request.is_partial else 200,
        item=item,
        years=years,
        given=given,
        skipped=skipped,
        done=done,
        last=after,
        may_act=may_act,
        reasons=_REASONS,
        draft={name: draft.text(name, 1000) for name in ("choice", "reason")} if draft is not None else None,
        region_of=region_name,
    )


def left(request: PageRequest) -> Response:
    """Return how many questions are open: they are looked through, and so counted beside the one that is shown."""
    region = region_code(_given(request.query)["region"])
    with request.reading() as connection:
        return request.render("agency_case_left.html", count=agencies.count_cases(connection, region=region))


def _next(connection: Connection, region: str | None, after: int | None) -> CaseItem | None:
    return next(iter(agencies.open_cases(connection, region=region, after=after, limit=1)), None)


def _years(connection: Connection, item: CaseItem) -> list[CaseYear]:
    """The filings of both sides by year, the newest first."""
    sides = []
    for side in (item.one, item.other):
        lines = listing.filing_lines(connection, FilingFilter(agency_id=side.agency.id), limit=_YEARS)
        sides.append({line.year: line for line in lines})
    one, other = sides
    years = sorted(one.keys() | other.keys() | {*item.one.years, *item.other.years}, reverse=True)
    return [
        CaseYear(year, one.get(year), other.get(year), _compared(connection, one.get(year), other.get(year))) for year in years
    ]


def _compared(connection: Connection, one: FilingLine | None, other: FilingLine | None) -> Difference | None:
    """How the reports in force of two filings compare; None unless both show one."""
    found = []
    for line in (one, other):
        if line is None or line.document_id is None:
            return None
        there = members.read_members(connection, line.id, whole=True)
        found += [document for document in there.shown if document.document_id == line.document_id]
    return difference(*found) if len(found) == 2 else None


def act(request: PageRequest) -> Response:
    """Decide a question for a reason, and go on to the next one."""
    form = request.form
    number, choice, reason = form.number("case"), form.text("choice", 10), form.text("reason", 1000)
    if number is None:
        raise HTTPException(404)
    with request.reading() as connection:
        item = agencies.case(connection, number)
    if item is None:
        request.notify("agency_case.gone", good=False)
        return _on(request, number)
    both = [item.one.agency.id, item.other.agency.id]
    bounds.require(request, agencies=both)
    wanted = _wanted(request, item, choice, reason)
    if wanted is None or not reason:
        request.notify("agency_case.no_choice" if wanted is None else "agency.no_reason", good=False)
        return _page(request, form, case=number, draft=form)
    try:
        request.write(wanted)
    except UsageError:  # another person was first
        request.notify("agency_case.gone", good=False)
        return _on(request, number)
    with request.reading() as connection:
        done = next(iter(agencies.decisions(connection, agency_id=both[0], limit=1)), None)
    said = "agency_case.done_one" if choice == "one" else "agency_case.done_two"
    request.notify(said, one=item.one.agency.name, other=item.other.agency.name)
    return _on(request, number, done)


def _wanted(request: PageRequest, item: CaseItem, choice: str, reason: str) -> Callable[[Connection], Any] | None:
    """What a choice does; None when there is no such choice."""
    one, other, who = item.one.agency.id, item.other.agency.id, request.user_name
    if choice == "one":
        return lambda c: filings.join(c, one, other, who=who, reason=reason)
    if choice == "two":
        return lambda c: decisions.keep_apart(c, one, other, who=who, reason=reason)
    if choice == "successor" and item.predecessor is not None:
        first, then = (one, other) if item.predecessor in (item.one.agency.name, *item.one.names) else (other, one)
        return lambda c: decisions.succeed(c, first, then, year=item.year, who=who, reason=reason)
    return None


def _on(request: PageRequest, after: int, done: DecisionItem | None = None) -> Response:
    """On to the next question; a browser without scripts is led there."""
    if request.is_partial:
        return _page(request, request.form, after=after, done=done)
    return request.redirect("/agencies/cases", **_given(request.form), after=after)


def undo(request: PageRequest) -> Response:
    """Undo the last decision, and ask its question again."""
    decision, case = request.form.number("number"), request.form.number("case")
    with request.reading() as connection:
        item = agencies.decision(connection, decision) if decision is not None else None
    if item is None or item.other is None:
        raise HTTPException(404)
    bounds.require(request, agencies=[item.agency.id, item.other.id])
    number, who = item.id, request.user_name
    reason = request.t("agency_case.undo_reason")
    try:
        request.write(lambda c: filings.undo(c, number, who=who, reason=reason))
        request.notify("agency_case.undone")
    except UsageError:
        request.notify("agency.undo_refused", good=False)
    if request.is_partial:
        return _page(request, request.form, case=case)
    return request.redirect("/agencies/cases", **_given(request.form), case=case)


ROUTES = (
    get("/agencies/cases", show, Role.OPERATE),
    get("/agencies/cases/left", left, Role.OPERATE),
    post("/agencies/cases", act, Role.OPERATE),
    post("/agencies/cases/undo", undo, Role.OPERATE),
)
