"""The batches: what came in together, how far it is, and what became of it."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web.desk import get
from console.web.visit import Visit
from database import inboxes, overviews, queries
from database.models import Role

_ROWS = 50


def listed(visit: Visit) -> Response:
    """The newest batches, and whether anybody works."""
    before = visit.query.number("after")
    with visit.reading() as connection:
        lines = overviews.batch_lines(connection, before, _ROWS)
        rate = queries.rate(connection)
        workers = queries.live_workers(connection)
        work = overviews.open_stages(connection)
        watched = inboxes.watchers(connection, visit.desk.settings.stale_seconds)
    after = lines[-1].id if len(lines) == _ROWS else None
    return visit.render(
        "batches.html", lines=lines, workers=workers, rate=rate, work=work, watched=watched, before=before, after=after
    )


def one(visit: Visit) -> Response:
    """One batch: counts, the work that is left, the rate and the time that it will take, failures, findings."""
    number = visit.number("id")
    with visit.reading() as connection:
        line = overviews.batch_line(connection, number)
        if line is None:
            raise HTTPException(404)
        scope = queries.Scope(batch=line.name)
        rate = queries.rate(connection, scope) if line.open else 0.0
        context: dict[str, Any] = {
            "span": overviews.span(connection, number),
            "work": overviews.open_stages(connection, scope) if line.open else [],
            "groups": overviews.failure_groups(connection, batch=line.name),
            "workers": queries.live_workers(connection),
        }
    left = line.open / rate if rate else None
    return visit.render("batch.html", line=line, rate=rate, seconds_left=left, **context)


def findings(visit: Visit) -> Response:
    """How many findings the reports of a batch have: a part of its page that is fetched by itself."""
    with visit.reading() as connection:
        number = visit.number("id")
        names = overviews.batch_names(connection, only=number)
        if number not in names:
            raise HTTPException(404)
        counts = queries.finding_counts(connection, queries.Scope(batch=names[number]))
    return visit.render("batch_findings.html", counts=counts)


ROUTES = (
    get("/batches", listed, Role.VIEW),
    get("/batches/{id:int}", one, Role.VIEW),
    get("/batches/{id:int}/findings", findings, Role.VIEW),
)
