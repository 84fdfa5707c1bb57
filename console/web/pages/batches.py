"""The batches: what came in together, how far it is, and what became of it."""

from __future__ import annotations

from starlette.responses import Response

from console.web.desk import get
from console.web.visit import Visit
from database import overviews, queries
from database.models import Role

_ROWS = 50


def listed(visit: Visit) -> Response:
    """The newest batches, with how the whole machine stands."""
    before = visit.query.number("after")
    with visit.reading() as connection:
        lines = overviews.batch_lines(connection, before, _ROWS)
        workers = queries.live_workers(connection)
    after = lines[-1].id if len(lines) == _ROWS else None
    return visit.render("batches.html", lines=lines, workers=workers, before=before, after=after)


ROUTES = (get("/batches", listed, Role.VIEW),)
