"""The register of agencies: the list, and one agency with its names, filings and decisions, and the acts on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.agency_kinds import kind_names
from codebook.errors import UsageError
from console import filing as filings
from console.web.pages.filings import bounds
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.views.regions import region_code, region_name
from database.filings import agencies, decisions
from database.filings.agencies import AgencyFilter, AgencyItem
from database.models import Role
from database.monitoring import listings

_ROWS = 50
_LONGEST_NAME = 200
_LONGEST_REASON = 1000


def listed(request: PageRequest) -> Response:
    """The agencies that meet the filter of the address."""
    query, before = request.query, request.query.number("after")
    given: dict[str, Any] = {name: query.text(name, 100) for name in ("text", "region", "kind")}
    if given["kind"] not in kind_names():
        given["kind"] = ""
    region = region_code(given["region"])
    wanted = AgencyFilter(given["text"] or None, region, given["kind"] or None)
    known = not given["region"] or region is not None
    if not known:
        request.notify("agencies.no_region", good=False, region=given["region"])
    with request.reading() as connection:
        rows = agencies.agency_lines(connection, wanted, before, _ROWS) if known else []
        cases = request.kept("agency cases", lambda: agencies.count_cases(connection)) if request.may("operate") else 0
    after = rows[-1].id if len(rows) == _ROWS else None
    return request.render(
        "agencies.html",
        rows=rows,
        given=given,
        filtered=any(given.values()),
        kinds=kind_names(),
        cases=cases,
        before=before,
        after=after,
        region_of=region_name,
    )


def shown(request: PageRequest) -> Response:
    """One agency."""
    return _page(request, request.number("id"))


def _item(request: PageRequest, number: int) -> AgencyItem:
    """The agency, which the person can see. Raises HTTPException 404."""
    with request.reading() as connection:
        item = agencies.agency_item(connection, number)
    if item is None:
        raise HTTPException(404)
    return item


def _page(request: PageRequest, number: int, status: int = 200) -> Response:
    item, form = _item(request, number), request.form
    find = request.query.text("find", _LONGEST_NAME) or form.text("find", _LONGEST_NAME)
    found: list[Any] = []
    if find and request.may("operate"):
        with request.reading() as connection:
            found = [each for each in agencies.find_agencies(connection, find) if each.id != number]
    with request.reading() as connection:
        first_met = [name.document_id for name in item.names if name.document_id is not None]
        links = {document.id for document in listings.document_lines(connection, first_met)}  # those that the person sees
        past = agencies.decisions(connection, agency_id=number, standing=False, limit=200)
    return request.render(
        "agency.html",
        status,
        item=item,
        find=find,
        found=found,
        past=past,
        links=links,
        undoable=next((each.id for each in past if each.ended_at is None), None),
        may_act=request.may("operate") and item.merged_into is None and bounds.may_act(request, agencies=[number]),
        typed={"name": form.text("name", _LONGEST_NAME), "reason": form.text("reason", _LONGEST_REASON)},
        marked={"other": form.number("other"), "keys": form.each("key")},
        acted=form.text("act", 10),
        region_of=region_name,
    )


def _acted(request: PageRequest, act: Callable[[Connection], Any], refused: str) -> Any | None:
    """What an act returns; None, with a notice, when things have changed meanwhile so that it is refused."""
    try:
        return request.write(act)
    except UsageError:
        request.notify(refused, good=False)
        return None


def _reason(request: PageRequest) -> str:
    return request.form.text("reason", _LONGEST_REASON)


def _again(request: PageRequest, number: int, notice: str) -> Response:
    """The page again with what was typed, since the form lacks something."""
    request.notify(notice, good=False)
    return _page(request, number, 422)


def join(request: PageRequest) -> Response:
    """Join another agency with this one, for a reason."""
    number, other, reason = request.number("id"), request.form.number("other"), _reason(request)
    _item(request, number)
    if other is None:
        return _again(request, number, "agency.no_choice")
    _item(request, other)
    bounds.require(request, agencies=[number, other])
    if not reason:
        return _again(request, number, "agency.no_reason")
    who = request.user_name
    moved = _acted(request, lambda c: filings.join(c, number, other, who=who, reason=reason), "agency.refused")
    if moved is None:
        return _page(request, number, 409)
    request.notify("agency.joined", count=moved)
    return request.redirect(f"/agencies/{number}")


def part(request: PageRequest) -> Response:
    """Make an agency of its own of some names of this one, for a reason."""
    number, keys, reason = request.number("id"), request.form.each("key"), _reason(request)
    item = _item(request, number)
    bounds.require(request, agencies=[number])
    if not keys or not set(keys) < set(item.keys):
        return _again(request, number, "agency.no_part")
    if not reason:
        return _again(request, number, "agency.no_reason")
    who = request.user_name
    done = _acted(request, lambda c: filings.part(c, number, keys, who=who, reason=reason), "agency.refused")
    if done is None:
        return _page(request, number, 409)
    made, moved = done
    request.notify("agency.parted", count=moved)
    return request.redirect(f"/agencies/{made}")


def rename(request: PageRequest) -> Response:
    """Give the agency another canonical name, for a reason."""
    number, name, reason = request.number("id"), request.form.text("name", _LONGEST_NAME), _reason(request)
    item = _item(request, number)
    bounds.require(request, agencies=[number])
    if not name or name == item.agency.name:
        return _again(request, number, "agency.no_name")
    if not reason:
        return _again(request, number, "agency.no_reason")

    def act(connection: Connection) -> bool:
        decisions.rename(connection, number, name, who=request.user_name, reason=reason)
        return True

    if not _acted(request, act, "agency.name_taken"):
        return _page(request, number, 409)
    request.notify("agency.renamed", name=name)
    return request.redirect(f"/agencies/{number}")


def undo(request: PageRequest) -> Response:
    """Take back a decision about the agency, for a reason."""
    number, decision, reason = request.number("id"), request.number("number"), _reason(request)
    _item(request, number)
    with request.reading() as connection:
        item = agencies.decision(connection, decision)
    if item is None or number not in (item.agency.id, item.other.id if item.other else None):
        raise HTTPException(404)
    both = [item.agency.id] + ([item.other.id] if item.other else [])
    bounds.require(request, agencies=both)
    if not reason:
        return _again(request, number, "agency.no_reason")
    moved = _acted(request, lambda c: filings.undo(c, decision, who=request.user_name, reason=reason), "agency.undo_refused")
    if moved is not None:
        request.notify("agency.undone", count=moved)
    return request.redirect(f"/agencies/{item.agency.id}")


ROUTES = (
    get("/agencies", listed, Role.VIEW),
    get("/agencies/{id:int}", shown, Role.VIEW),
    post("/agencies/{id:int}/join", join, Role.OPERATE),
    post("/agencies/{id:int}/part", part, Role.OPERATE),
    post("/agencies/{id:int}/rename", rename, Role.OPERATE),
    post("/agencies/{id:int}/decisions/{number:int}/undo", undo, Role.OPERATE),
)
