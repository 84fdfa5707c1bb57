"""The batches: what came in together, how far it is, and what became of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web.context import get
from console.web.request import Visit
from database.intake import inboxes
from database.ledger import throughput
from database.models import Role
from database.monitoring import listings, queries

_ROWS = 50


def listed(visit: Visit) -> Response:
    """The newest batches, and whether anybody works."""
    before = visit.query.number("after")
    with visit.reading() as connection:
        lines = listings.batch_lines(connection, before, _ROWS)
        rate = queries.rate(connection)
        workers = queries.live_workers(connection)
        work = listings.open_stages(connection)
        watched = inboxes.watchers(connection, visit.desk.settings.stale_seconds)
    after = lines[-1].id if len(lines) == _ROWS else None
    return visit.render(
        "batches.html", lines=lines, workers=workers, rate=rate, work=work, watched=watched, before=before, after=after
    )


def one(visit: Visit) -> Response:
    """One batch: counts, the work that is left, the rate, failures; findings and what it took are fetched by themselves."""
    number = visit.number("id")
    with visit.reading() as connection:
        line = listings.batch_line(connection, number)
        if line is None:
            raise HTTPException(404)
        scope = queries.Scope(batch=line.name)
        rate = queries.rate(connection, scope) if line.open else 0.0
        context: dict[str, Any] = {
            "span": listings.span(connection, number),
            "work": listings.open_stages(connection, scope) if line.open else [],
            "groups": listings.failure_groups(connection, batch=line.name),
            "workers": queries.live_workers(connection),
        }
    return visit.render("batch.html", line=line, rate=rate, **context)


def findings(visit: Visit) -> Response:
    """How many findings the reports of a batch have: a part of its page that is fetched by itself."""
    with visit.reading() as connection:
        counts = queries.finding_counts(connection, queries.Scope(batch=_name(visit, connection)))
    return visit.render("batch_findings.html", counts=counts)


def spent(visit: Visit) -> Response:
    """What a batch took by stage, and how long the rest will take: summed up from all of its tries, so fetched by itself."""
    with visit.reading() as connection:
        name = _name(visit, connection)
        took = throughput.of_batch(connection, name)
        busy = took is not None and took.open
        left = queries.progress(connection, queries.Scope(batch=name)).seconds_left if busy else None
    return visit.render("batch_spent.html", took=took, busy=busy, left=left)


def _name(visit: Visit, connection: Connection) -> str:
    """The name of the batch of the address. Raises HTTPException 404 when there is no such."""
    number = visit.number("id")
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
