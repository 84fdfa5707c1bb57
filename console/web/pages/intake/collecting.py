"""Reports that are collected from portals: every address with what became of it, lists that are handed in, hosts that stopped."""

from __future__ import annotations

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.errors import UsageError
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.security import UPLOAD_BYTES
from database.collecting import listing
from database.collecting.adding import Added, add_list, resume
from database.collecting.listing import AddressFilter
from database.models import AddressState, Role
from database.monitoring import listings
from database.users.audit import note
from ingest.collecting.address_list import AddressList, read_list
from ingest.files.register_paths import check_batch, default_batch
from ingest.lists.manifest import region_of

_ROWS = 100
_FILE_BYTES = 1_000_000
_PROBLEMS = 20  # of a list that are shown


def listed(request: PageRequest) -> Response:
    """The addresses, and the form for a list of them."""
    _may(request)
    return _page(request)


def take(request: PageRequest) -> Response:
    """Take in a list: a file, or addresses that were typed."""
    _may(request)
    upload = request.form.file("file")
    raw = upload.content if upload is not None else b""
    raw = raw or _typed(request).encode()
    batch = request.form.text("batch", 200)
    try:
        check_batch(batch)
        found = read_list(raw, region=region_of(request.form.text("region", 100)))
    except UsageError:
        request.notify("collect.wrong", good=False)
        return _page(request, 422)
    if not found.addresses:
        request.notify("collect.nothing", good=False)
        return _page(request, 422, found)

    def add(connection: Connection) -> Added:
        note(connection, "collect", request.user_name, subject=batch, addresses=len(found.addresses))
        return add_list(connection, batch, found.addresses)

    added = request.write(add)
    request.notify("collect.taken", fresh=added.fresh, again=added.again, problems=len(found.problems))
    return request.redirect("/collect", batch=batch)


def go_on(request: PageRequest) -> Response:
    """Go on with a host that was stopped."""
    _may(request)
    host = request.form.text("host", 270)

    def act(connection: Connection) -> int:
        count = resume(connection, host)
        if count:
            note(connection, "collect.resume", request.user_name, subject=host)
        return count

    if not request.write(act):
        raise HTTPException(404)
    request.notify("collect.resumed", host=host)
    return request.redirect("/collect")


def _typed(request: PageRequest) -> str:
    return request.form.secret("addresses")[:20_000]


def _may(request: PageRequest) -> None:
    """Raises HTTPException 404 for who is bound: nobody knows of which region an address is."""
    if request.is_bound:
        raise HTTPException(404)


def _page(request: PageRequest, status: int = 200, found: AddressList | None = None) -> Response:
    state = request.query.text("state", 10)
    given = {"batch": request.query.text("batch", 200), "state": state if state in list(AddressState) else ""}
    after = request.query.number("after") or 0
    wanted = AddressFilter(given["batch"] or None, AddressState(given["state"]) if given["state"] else None)
    with request.reading() as connection:
        lines = listing.address_lines(connection, wanted, after=after, limit=_ROWS)
        counts = listing.state_counts(connection, AddressFilter(wanted.batch))
        left_out = listing.left_out_count(connection, AddressFilter(wanted.batch))
        stopped = listing.host_lines(connection, stopped=True)
        batches = list(listings.batch_names(connection).values())
    return request.render(
        "collect.html",
        status,
        given=given,
        lines=lines,
        counts={state: counts.get(state, 0) for state in AddressState},
        states=list(AddressState),
        left_out=left_out,
        stopped=stopped,
        batches=batches,
        after=lines[-1].id if len(lines) == _ROWS else None,
        batch=request.form.text("batch", 200) or default_batch([request.t("collect.title")]),
        region=request.form.text("region", 100),
        typed=_typed(request),
        problems=found.problems[:_PROBLEMS] if found else (),
    )


ROUTES = (
    get("/collect", listed, Role.VIEW),
    post("/collect", take, Role.OPERATE, uploads=max(UPLOAD_BYTES, _FILE_BYTES)),
    post("/collect/resume", go_on, Role.OPERATE),
)
