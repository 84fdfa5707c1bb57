"""Whether the pages can be served: for a supervisor."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from codebook.errors import GongkaiError
from console.web.request import PageRequest
from console.web.routing import get
from database.monitoring import queries


def health(request: PageRequest) -> Response:
    """200 when the database answers, else 503. It tells nothing else, since nobody has logged in."""
    try:
        with request.reading() as connection:
            queries.moment(connection)
    except (GongkaiError, SQLAlchemyError):
        return JSONResponse({"database": False}, 503)
    return JSONResponse({"database": True})


ROUTES = (get("/healthz", health, None),)
