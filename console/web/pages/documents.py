"""The documents: a list with filters."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from codebook.errors import CODES
from codebook.records import Status
from console.web.request import PageRequest
from console.web.routing import get
from database.filings import listing as filed
from database.models import Role
from database.monitoring import listings
from database.monitoring.listings import DocumentFilter

_ROWS = 50
_STATUSES = tuple(status for status in Status if status is not Status.DUPLICATE)


def _given(request: PageRequest) -> dict[str, Any]:
    """The filter of the address."""
    query = request.query
    given = {name: query.text(name, 100) for name in ("status", "region", "agency", "code", "text")}
    parameters: dict[str, Any] = {**given, "batch": query.number("batch"), "year": _year(query.number("year"))}
    parameters["sort"] = query.text("sort", 20)
    if parameters["sort"].removeprefix("-") not in listings.SORTS or parameters["sort"] == "-number":
        parameters["sort"] = ""
    if parameters["status"] not in _STATUSES:
        parameters["status"] = ""
    return parameters


def _wanted(parameters: dict[str, Any]) -> DocumentFilter:
    return DocumentFilter(**{name: value or None for name, value in parameters.items()})


def listed(request: PageRequest) -> Response:
    """The newest documents that meet the filter of the address."""
    parameters, before = _given(request), request.query.number("after")
    wanted = _wanted(parameters)
    with request.reading() as connection:
        rows = listings.document_rows(connection, wanted, before, _ROWS)
        replaced = filed.replaced(connection, [row.id for row in rows])
        batches = listings.batch_names(connection)
        years = request.kept("years", lambda: listings.report_years(connection))
    after = rows[-1].id if len(rows) == _ROWS else None
    return request.render(
        "documents.html",
        rows=rows,
        replaced=replaced,
        count=len(rows) if before is None and after is None else None,  # a long list is counted by itself
        most=listings.MOST,
        given=parameters,
        filtered=wanted != DocumentFilter(sort=wanted.sort),
        batches=batches,
        years=years,
        statuses=_STATUSES,
        codes=sorted(CODES),
        before=before,
        after=after,
    )


def counted(request: PageRequest) -> Response:
    """Return how many documents meet the filter: a part of the list that is fetched by itself, since it can take longer."""
    with request.reading() as connection:
        count = listings.count_documents(connection, _wanted(_given(request)))
    return request.render("documents_count.html", count=count, most=listings.MOST)


def _year(number: int | None) -> int | None:
    return number if number is not None and number < 10_000 else None


ROUTES = (get("/documents", listed, Role.VIEW), get("/documents/count", counted, Role.VIEW))
