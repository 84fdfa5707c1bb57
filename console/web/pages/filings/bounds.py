"""Whether a person who is bound to regions or batches may act on agencies or a filing: only where every document is theirs."""

from __future__ import annotations

from collections.abc import Collection

from starlette.exceptions import HTTPException

from console.web.request import PageRequest
from database import session
from database.access import visible
from database.filings import members


def may_act(request: PageRequest, *, agencies: Collection[int] = (), filing: int | None = None) -> bool:
    """Return whether the person sees all documents of these agencies and of this filing, which an act could move."""
    if not request.is_bound:
        return True
    with session.reading(request.app.engine) as connection:  # without bounds: what the person does not see counts
        documents = members.documents_of(connection, agencies)
        if filing is not None:
            documents += members.documents_in(connection, filing)
    with request.reading() as connection:
        return visible(connection, documents)


def require(request: PageRequest, *, agencies: Collection[int] = (), filing: int | None = None) -> None:
    """Check before an act that the person may do it. Raises HTTPException 404 when not."""
    if not may_act(request, agencies=agencies, filing=filing):
        raise HTTPException(404)
