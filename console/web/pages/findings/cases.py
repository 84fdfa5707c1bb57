"""The list of cases, and one case: its sentence and cells, its history, and the next states."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.agency_kinds import kind_names
from codebook.records import Severity
from console.rendering.images import has_drawings
from console.web.pages.findings import filters
from console.web.request import PageRequest
from console.web.routing import get
from console.web.views.regions import region_name
from database.findings import decisions, listing
from database.findings.listing import CaseCounts, CaseFilter, CaseOrder
from database.findings.transitions import BY_PERSON, NEEDS_REASON, next_states
from database.models import FindingState, Role
from database.monitoring import listings

_ROWS = 50
_CROPS = 12  # cells of which a page shows pictures


def listed(request: PageRequest) -> Response:
    """The cases that meet the filter of the address, with counts by state, severity and rule."""
    parameters, before = filters.given(request.query), request.query.number("after")
    order = request.query.text("order", 10)
    sort = CaseOrder(order) if order in list(CaseOrder) else CaseOrder.NEWEST
    wanted = filters.wanted(parameters)
    if wanted is None:
        request.notify("findings.no_region", good=False, region=parameters["region"])
    with request.reading() as connection:
        numbers = listing.case_numbers(connection, wanted, order=sort, after=before, limit=_ROWS) if wanted else []
        rows = listing.case_lines(connection, numbers)
        counts = listing.case_counts(connection, wanted) if wanted else CaseCounts({}, {}, {}, 0)
        years = request.kept("case years", lambda: listing.case_years(connection))
        batches = listings.batch_names(connection)
        last = decisions.last_act(connection, request.user_name) if request.may("operate") else None
    return request.render(
        "findings.html",
        rows=rows,
        counts=counts,
        given=parameters,
        order=sort,
        orders=(CaseOrder.NEWEST, CaseOrder.CHANGED),
        filtered=wanted != CaseFilter(),
        states=filters.STATES,
        severities=list(Severity),
        rules=sorted(counts.rules, key=lambda rule: (-counts.rules[rule], rule)),
        kinds=kind_names(),
        years=years,
        batches=batches,
        region_of=region_name,
        last=last,
        before=before,
        after=rows[-1].id if len(rows) == _ROWS else None,
        acts=[state for state in FindingState if state in BY_PERSON],
    )


def shown(request: PageRequest) -> Response:
    """One case."""
    return page(request, request.number("id"))


def page(request: PageRequest, number: int, status: int = 200, draft: str = "") -> Response:
    """The page of a case; ``draft`` is the reason of a form that was refused. Raises HTTPException 404 when there is no such."""
    with request.reading() as connection:
        line = listing.case_line(connection, number)
        if line is None:
            raise HTTPException(404)
        history = listing.moves(connection, number)
        mark = decisions.mark_of(connection, [number])
        found = listing.evidence(connection, line)
    drawn = found.media_type is not None and has_drawings(found.media_type)
    there: list[dict[str, Any]] = [
        {"cell": cell, "value": value, "crop": drawn and value is not None and value.drawn and at < _CROPS}
        for at, cell in enumerate(line.cells)
        for value in [found.cells.get(cell)]
    ]
    return request.render(
        "finding_case.html",
        status,
        item=line,
        other=found.other,
        shows=found.media_type is not None,
        history=history,
        cells=there,
        region_of=region_name,
        nexts=next_states(FindingState(line.state)) if request.may("operate") else (),
        needs_reason=NEEDS_REASON,
        mark=mark,
        draft=draft,
    )


ROUTES = (get("/findings", listed, Role.VIEW), get("/findings/{id:int}", shown, Role.VIEW))
