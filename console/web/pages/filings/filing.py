"""Filings: the list, and the history of one with its editions side by side and the choice of the edition in force."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.errors import UsageError
from console import filing as filings
from console.web.pages.filings import bounds
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.views import editions
from console.web.views.regions import region_code, region_name
from database.filings import listing, members
from database.filings.listing import FilingFilter, FilingItem
from database.models import Role

_ROWS = 50
_SHOW = ("several", "chosen")


def listed(request: PageRequest) -> Response:
    """The filings that meet the filter of the address, the newest year first."""
    query = request.query
    year, before, show = query.number("year"), query.number("after"), query.text("show", 10)
    given: dict[str, Any] = {
        "year": year if year is not None and year < 10_000 else None,
        "region": query.text("region", 100),
        "agency": query.text("agency", 100),
        "show": show if show in _SHOW else "",
        "sort": query.text("sort", 20),
    }
    if given["sort"].removeprefix("-") not in listing.SORTS or given["sort"] == "-year":  # that is their order anyway
        given["sort"] = ""
    region = region_code(given["region"])
    wanted = FilingFilter(
        given["year"],
        region,
        given["agency"] or None,
        editions=given["show"] == "several",
        chosen=given["show"] == "chosen",
        sort=given["sort"] or None,
    )
    known = not given["region"] or region is not None
    if not known:
        request.notify("agencies.no_region", good=False, region=given["region"])
    with request.reading() as connection:
        rows = listing.filing_lines(connection, wanted, before, _ROWS) if known else []
        years = request.kept("filing years", lambda: listing.filing_years(connection))
    after = rows[-1].id if len(rows) == _ROWS else None
    return request.render(
        "filings.html",
        rows=rows,
        given=given,
        filtered=any(given.values()),
        years=years,
        show=_SHOW,
        before=before,
        after=after,
        region_of=region_name,
    )


def shown(request: PageRequest) -> Response:
    """One filing with its history."""
    return _page(request, request.number("id"))


def _page(request: PageRequest, number: int, status: int = 200) -> Response:
    with request.reading() as connection:
        item = listing.filing_item(connection, number)
        if item is None:
            raise HTTPException(404)
        there = members.read_members(connection, number, whole=True)
    reports = {document.document_id: document for document in there.shown}
    leaders = [edition for edition in item.editions if edition.leader.document_id in reports]
    steps = editions.steps([reports[edition.leader.document_id] for edition in leaders])
    numbers = {edition.leader.document_id: edition.number for edition in leaders}
    form = request.form
    return request.render(
        "filing.html",
        status,
        item=item,
        documents=sum(len(edition.documents) for edition in item.editions) + len(item.unsorted),
        steps=steps,
        numbers=numbers,
        tables=editions.compared_editions(steps),
        compared=leaders,
        differing=_differing(item, reports),
        may_act=request.may("operate") and bounds.may_act(request, filing=number),
        chosen=form.text("document", 20),
        reason=form.text("reason", 1000),
        region_of=region_name,
    )


def _differing(item: FilingItem, reports: dict[int, Any]) -> list[tuple[Any, list[Any], list[editions.ComparedTable]]]:
    """Return the editions whose documents say different numbers: the edition, its documents, and the cells."""
    found = []
    for edition in item.editions:
        documents = [document for document in edition.documents if document.document_id in reports]
        tables = editions.compared_renditions([reports[document.document_id] for document in documents]) if documents else []
        if tables:
            found.append((edition, documents, tables))
    return found


def choose(request: PageRequest) -> Response:
    """Put an edition in force, or leave it to the evidence again, for a reason."""
    number, form = request.number("id"), request.form
    with request.reading() as connection:
        item = listing.filing_item(connection, number)
    if item is None:
        raise HTTPException(404)
    bounds.require(request, filing=number)
    chosen, reason = form.text("document", 20), form.text("reason", 1000)
    document = form.number("document")
    edition = next((e for e in item.editions for d in e.documents if d.document_id == document), None)
    if not chosen or (chosen != "evidence" and edition is None):
        request.notify("filing.no_choice", good=False)
        return _page(request, number, 422)
    if not reason:
        request.notify("filing.no_reason", good=False)
        return _page(request, number, 422)
    who, wanted = request.user_name, document if edition is not None else None
    try:
        request.write(lambda c: filings.choose(c, number, wanted, who=who, reason=reason))
    except UsageError:  # another person, or a worker, was first
        request.notify("filing.refused", good=False)
        return _page(request, number, 409)
    if edition is None:
        request.notify("filing.released")
    else:
        request.notify("filing.decided", edition=edition.number)
    return request.redirect(f"/filings/{number}")


ROUTES = (
    get("/filings", listed, Role.VIEW),
    get("/filings/{id:int}", shown, Role.VIEW),
    post("/filings/{id:int}/edition", choose, Role.OPERATE),
)
