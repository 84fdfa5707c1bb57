"""The batches: what came in together, how far it is, and what became of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web.request import PageRequest
from console.web.routing import get
from database.intake import inboxes
from database.ledger import throughput
from database.models import Role
from database.monitoring import listings, queries

_ROWS = 50


def listed(request: PageRequest) -> Response:
    """The newest batches, and whether anybody works."""
    before, sort = request.query.number("after"), request.query.text("sort", 10)
    given = {"name": request.query.text("name", 100), "sort": sort if sort in ("name", "-name") else ""}
    with request.reading() as connection:
        lines = listings.batch_lines(connection, before, _ROWS, name=given["name"], sort=given["sort"] or None)
        rate = queries.rate(connection)
        workers = queries.worker_names(connection)
        work = listings.open_stages(connection)
        watched = inboxes.watchers(connection, request.app.settings.stale_seconds)
    after = lines[-1].id if len(lines) == _ROWS else None
    return request.render(
        "batches.html",
        given=given,
        lines=lines,
        workers=workers,
        rate=rate,
        work=work,
        watched=watched,
        before=before,
        after=after,
    )


def one(request: PageRequest) -> Response:
    """One batch: counts, the work that is left, the rate, failures; findings and what it took are fetched by themselves."""
    number = request.number("id")
    with request.reading() as connection:
        line = listings.batch_line(connection, number)
        if line is None:
            raise HTTPException(404)
        scope = queries.DocumentScope(batch=line.name)
        rate = queries.rate(connection, scope) if line.open else 0.0
        context: dict[str, Any] = {
            "span": listings.span(connection, number),
            "work": listings.open_stages(connection, scope) if line.open else [],
            "groups": listings.failure_groups(connection, batch=line.name),
            "workers": queries.live_workers(connection),
        }
    return request.render("batch.html", line=line, rate=rate, **context)


def findings(request: PageRequest) -> Response:
    """Return how many reports a batch has and how many findings they have: a part of its page that is fetched by itself."""
    with request.reading() as connection:
        scope = queries.DocumentScope(batch=_name(request, connection))
        counts, reports = queries.finding_counts(connection, scope), queries.report_counts(connection, scope)
    return request.render("batch_findings.html", counts=counts, reports=reports)


def spent(request: PageRequest) -> Response:
    """Return what a batch took by stage, and how long the rest will take: a part of its page that is fetched by itself."""
    with request.reading() as connection:
        name = _name(request, connection)
        took = throughput.of_batch(connection, name)
        busy = took is not None and took.open
        left = throughput.left_of_batch(connection, name) if busy else None
    return request.render("batch_spent.html", took=took, busy=busy, left=left)


def _name(request: PageRequest, connection: Connection) -> str:
    """The name of the batch of the address. Raises HTTPException 404 when there is no such."""
    number = request.number("id")
    names = listings.batch_names(connection, only=number)
    if number not in names:
        raise HTTPException(404)
    return names[number]


ROUTES = (
    get("/batches", listed, Role.VIEW),
    get("/batches/{id:int}", one, Role.VIEW),
    get("/batches/{id:int}/findings", findings, Role.VIEW),
    get("/batches/{id:int}/spent", spent, Role.VIEW),
)
