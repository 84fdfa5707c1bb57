"""The error queue by code, and what people decide about it: process again, or discard; counted first, then confirmed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.errors import CODES
from codebook.records import Status
from codebook.stages import REGISTER, StageName
from console import reprocess
from console.web.addresses import address, local
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.security import Fields, number
from database import ledger
from database.ledger import Selection
from database.models import Role
from database.monitoring import listings, queries

_ROWS = 50
_SHOWN = 20  # documents that a question shows
ACTS = ("reprocess", "discard")


def queue(request: PageRequest) -> Response:
    """The codes with their counts and next steps; of one code, its failures."""
    names = ("code", "stage", "batch", "region")
    code, stage, batch, region = (request.query.text(name, 200) or None for name in names)
    before, sort = request.query.number("after"), request.query.text("sort", 20)
    with request.reading() as connection:
        groups = listings.failure_groups(connection, batch=batch, stage=stage, region=region)
    if sort.removeprefix("-") in ("code", "documents", "first"):
        groups.sort(key=attrgetter(sort.removeprefix("-")), reverse=sort.startswith("-"))
    else:
        sort = ""
    with request.reading() as connection:
        items = []
        if code is not None:
            wanted: dict[str, Any] = {"code": code, "stage": stage, "batch": batch, "region": region}
            items = queries.failures(connection, before=before, limit=_ROWS, **wanted)
        batches = listings.batch_names(connection)
    after = items[-1].id if len(items) == _ROWS else None
    return request.render(
        "errors.html",
        groups=groups,
        items=items,
        codes=CODES,
        given={"code": code, "stage": stage, "batch": batch, "region": region, "sort": sort},
        batches=batches.values(),
        stages=(REGISTER, *StageName),
        before=before,
        after=after,
    )


def _chosen(request: PageRequest, fields: Fields) -> Selection:
    """The selection that an address or a form describes. Raises HTTPException 404 for one that cannot be, or that is empty."""
    code, stage, batch, status = (fields.text(name, 200) or None for name in ("code", "stage", "batch", "status"))
    numbers = tuple(each for each in map(number, fields.each("document")) if each is not None)
    if not (code or stage or batch or status or numbers):
        raise HTTPException(404)
    if (code and code not in CODES) or (stage and stage not in (REGISTER, *StageName)) or (status and status not in list(Status)):
        raise HTTPException(404)
    if batch:
        with request.reading() as connection:
            if not queries.has_batch(connection, batch):
                raise HTTPException(404)
    return Selection(code, stage, batch, Status(status) if status else None, None, numbers)


def _mark(ids: Sequence[int]) -> str:
    """By which a form tells later which documents were meant: as many others are not the same."""
    return hashlib.sha256(" ".join(map(str, sorted(ids))).encode()).hexdigest()


def ask(request: PageRequest) -> Response:
    """Return what would be done to how many documents, before anything is."""
    return _question(request, request.query, None)


def _question(request: PageRequest, fields: Fields, problem: str | None) -> Response:
    act = fields.text("act")
    if act not in ACTS:
        raise HTTPException(404)
    chosen = _chosen(request, fields)
    absent: list[int] = []
    if act == "reprocess":
        ids, absent = reprocess.readable(request.app.settings, request.engine, chosen)
    with request.reading() as connection:
        if act == "discard":
            ids = ledger.select_documents(connection, chosen)
        busy = queries.busy(connection, ids)
        rows = listings.document_lines(connection, ids[:_SHOWN])
    count = len(ids) - (len(busy) if act == "reprocess" else 0)
    return request.render(
        "decide.html",
        422 if problem else 200,
        act=act,
        chosen=chosen,
        count=count,
        mark=_mark(ids),
        absent=len(absent),
        busy=len(busy),
        rows=rows,
        more=len(ids) - len(rows),
        stages=StageName,
        problem=problem,
        given={"from": fields.text("from"), "reason": fields.text("reason", 1000), "to": local(fields.text("to"), "")},
    )


def decide(request: PageRequest) -> Response:
    """Do it, when these are still the documents that were shown, and a reason is given."""
    form = request.form
    act, reason, first = form.text("act"), form.text("reason", 1000), form.text("from")
    if act not in ACTS or (first and first not in list(StageName)):
        raise HTTPException(404)
    if not reason:
        return _question(request, form, "decide.no_reason")
    chosen, engine = _chosen(request, form), request.app.engine
    if act == "reprocess":
        ids, _ = reprocess.readable(request.app.settings, request.engine, chosen)
        with request.reading() as connection:
            count = len(ids) - len(queries.busy(connection, ids))
    else:
        with request.reading() as connection:
            ids = ledger.select_documents(connection, chosen)
            count = len(ids)
    if count != form.number("count") or form.text("mark", 64) != _mark(ids):
        return _question(request, form, "decide.changed")
    if act == "reprocess":
        stage = StageName(first) if first else None
        done = reprocess.start(request.app.settings, engine, chosen, ids, stage, who=request.user_name, reason=reason)
    else:
        if request.is_bound:  # others are chosen as well, which this person does not see
            chosen = msgspec.structs.replace(chosen, documents=tuple(ids))
        done = (
            request.write(lambda connection: ledger.discard(connection, chosen, who=request.user_name, reason=reason))
            if ids
            else 0
        )
    request.notify(f"decide.done_{act}", count=done)
    return request.redirect(local(form.text("to") or address("/errors", batch=chosen.batch)))


ROUTES = (
    get("/errors", queue, Role.VIEW),
    get("/decide", ask, Role.OPERATE),
    post("/decide", decide, Role.OPERATE),
)
