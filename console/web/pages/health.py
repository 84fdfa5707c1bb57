"""Whether the pages can be served: for whoever supervises them."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from codebook.errors import GongkaiError
from console.web.context import get
from console.web.request import Visit
from database.monitoring import queries


def health(visit: Visit) -> Response:
    """200 when the database answers, else 503. It tells nothing else, since nobody has logged in."""
    try:
        with visit.reading() as connection:
            queries.moment(connection)
    except (GongkaiError, SQLAlchemyError):
        return JSONResponse({"database": False}, 503)
    return JSONResponse({"database": True})


ROUTES = (get("/healthz", health, None),)
