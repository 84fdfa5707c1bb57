"""Turns: a collector holds a host, asks one thing of it, and gives it back with what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, update

from codebook.records import Hints, Record
from codebook.text.portals import STOPPING, AddressKind
from database.clock import now
from database.collecting.adding import NewAddress, Parent, add_found, ask_again_below, ask_as_changed, url_key
from database.ledger import Decision, Fenced, Policy, Tries, decide
from database.models import AddressState, Batch, CollectAddress, CollectHost, CollectVisit, StageState, VisitOutcome
from database.sql import chunks, insert_into, storable

_WAITING = (AddressState.QUEUED, AddressState.WAITING)
_LONGEST_PAUSE = 86_400.0


class TurnAddress(Record, frozen=True):
    """The address of a turn, and what is known of it. ``interrupted``: a collector died while it had it."""

    id: int
    url: str
    kind: AddressKind
    hints: Hints
    batch: str
    parent: Parent
    visit: int
    tries: Tries
    interrupted: bool
    etag: str | None
    modified: str | None
    sha256: str | None
    document_id: int | None
    outcome: str | None


class Turn(Record, frozen=True):
    """A host that a collector holds, and the address to be fetched. ``robots`` None: its robots.txt is to be read first."""

    host_id: int
    host: str
    fence: int
    owner: str
    robots: dict[str, Any] | None
    address: TurnAddress
    scheme: str
    pauses: int


class Visit(Record, frozen=True):
    """What a visit that came to its end brought. ``left_out`` is how many links are beyond the bounds; None where it is
    as before. ``again``: a part of the page did not come, so that the next visit takes nothing for unchanged.
    """

    outcome: VisitOutcome
    status: int | None = None
    etag: str | None = None
    modified: str | None = None
    sha256: str | None = None
    size: int | None = None
    warc: str | None = None
    document_id: int | None = None
    found: tuple[NewAddress, ...] = ()
    pages: tuple[NewAddress, ...] = ()
    moved_to: NewAddress | None = None
    ask_below: bool = False
    left_out: int | None = None
    again: bool = False


def take_turn(connection: Connection, owner: str, lease_seconds: float, robots_seconds: float) -> Turn | None:
    """Hold the host whose turn it is for ``lease_seconds``; None when no host may be asked now.

    An address that a collector had when its lease ended counts a crash.
    """
    free = or_(CollectHost.owner.is_(None), CollectHost.lease_until < now())
    due = or_(CollectHost.next_at.is_(None), CollectHost.next_at <= now())
    mine = CollectAddress.host_id == CollectHost.id
    query = (
        select(CollectHost.id)
        .where(CollectHost.stopped_code.is_(None), free, due, exists().where(mine, _due()))
        .order_by(CollectHost.next_at.nulls_first(), CollectHost.id)
        .limit(1)
    )
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    host_id = connection.scalar(query)
    if host_id is None:
        return None
    held = (
        update(CollectHost)
        .where(CollectHost.id == host_id)
        .values(owner=owner, fence=CollectHost.fence + 1, lease_until=now(lease_seconds))
        .returning(CollectHost.name, CollectHost.fence, CollectHost.robots, CollectHost.robots_at, CollectHost.pauses)
    )
    host = connection.execute(held).one()
    fresh = host.robots_at is not None and connection.scalar(select(now(-robots_seconds) < host.robots_at))
    row = connection.execute(_ADDRESS.where(CollectAddress.host_id == host_id)).first()
    assert row is not None  # the condition above, in the same transaction
    address, tries, interrupted = row[0], Tries(row.tries, row.crashes, 0, row.transients), row.state == AddressState.RUNNING
    if interrupted:
        tries = msgspec.structs.replace(tries, crashes=tries.crashes + 1)
    tries = msgspec.structs.replace(tries, attempts=tries.attempts + 1)
    running = {"state": AddressState.RUNNING, "tries": tries.attempts, "crashes": tries.crashes, "next_attempt_at": None}
    connection.execute(update(CollectAddress).where(CollectAddress.id == address).values(running))
    return Turn(
        host_id=host_id,
        host=host.name,
        fence=host.fence,
        owner=owner,
        robots=host.robots if fresh else None,
        address=_address(row, tries, interrupted=interrupted),
        scheme=row.url.partition(":")[0],
        pauses=host.pauses,
    )


def _due() -> ColumnElement[bool]:
    ready = or_(CollectAddress.next_attempt_at.is_(None), CollectAddress.next_attempt_at <= now())
    return or_(and_(CollectAddress.state.in_(_WAITING), ready), CollectAddress.state == AddressState.RUNNING)


# What a dead collector had comes first, then files of reports, then reports, then lists: one report is whole before the next.
_ADDRESS = (
    select(CollectAddress, Batch.name)
    .join(Batch, Batch.id == CollectAddress.batch_id)
    .where(_due())
    .order_by((CollectAddress.state == AddressState.RUNNING).desc(), CollectAddress.hops.desc(), CollectAddress.id)
    .limit(1)
    .with_only_columns(*CollectAddress.__table__.columns, Batch.name.label("batch"))
)


def _address(row: Any, tries: Tries, *, interrupted: bool) -> TurnAddress:
    return TurnAddress(
        id=row.id,
        url=row.url,
        kind=AddressKind(row.kind),
        hints=msgspec.convert(row.hints, Hints),
        batch=row.batch,
        parent=Parent(row.id, row.root_id or row.id, row.batch_id, row.round, row.hops, row.moves, row.page_number),
        visit=row.visit,
        tries=tries,
        interrupted=interrupted,
        etag=row.etag,
        modified=row.modified,
        sha256=row.sha256,
        document_id=row.document_id,
        outcome=row.outcome,
    )


def renew_turn(connection: Connection, turn: Turn, lease_seconds: float) -> bool:
    """Renew the lease of a turn. Return False when the host is no longer held: nothing of the turn will be kept."""
    return connection.execute(_held(turn).values(lease_until=now(lease_seconds))).rowcount == 1


def release_turn(connection: Connection, turn: Turn) -> bool:
    """Give a turn back as if it had not been taken: at a shutdown. Return whether it was held."""
    if not _give_back(connection, turn.host_id, turn.fence, turn.owner, 0.0):
        return False
    values = {"state": AddressState.QUEUED, "tries": turn.address.tries.attempts - 1}
    connection.execute(update(CollectAddress).where(CollectAddress.id == turn.address.id).values(values))
    return True


def keep_robots(connection: Connection, turn: Turn, robots: dict[str, Any], pause: float) -> None:
    """Keep what a robots.txt says, and end the turn: the address has its own. Raises Fenced."""
    _end(connection, turn, pause)
    connection.execute(update(CollectHost).where(CollectHost.id == turn.host_id).values(robots=robots, robots_at=now(), pauses=0))
    back = {"state": AddressState.QUEUED, "tries": turn.address.tries.attempts - 1}
    connection.execute(update(CollectAddress).where(CollectAddress.id == turn.address.id).values(back))


def complete_turn(connection: Connection, turn: Turn, visit: Visit, pause: float, most_pages: int) -> int:
    """End a turn with what its visit brought: the address is done, and what it led to is queued, of a list ``most_pages`` pages
    at most. The next request may follow after ``pause`` seconds. Return how many links are left out because of the bounds.

    Raises Fenced when another holds the host by now; nothing is written then.
    """
    _end(connection, turn, pause)
    one = turn.address
    if turn.pauses:
        connection.execute(update(CollectHost).where(CollectHost.id == turn.host_id).values(pauses=0))
    values: dict[str, Any] = {
        "state": AddressState.DONE,
        "visit": one.visit + 1,
        "tries": one.tries.attempts,
        "crashes": 0,
        "transients": 0,
        "code": None,
        "message": None,
        "status": visit.status,
        "outcome": visit.outcome,
        "fetched_at": now(),
        "moved_to": None,
    }
    if visit.outcome is not VisitOutcome.UNCHANGED or visit.etag or visit.modified:
        values |= {"etag": _header(visit.etag, 300), "modified": _header(visit.modified, 100)}
    if visit.sha256 is not None:
        values |= {"sha256": visit.sha256, "size": visit.size, "seen_at": func.coalesce(CollectAddress.seen_at, now())}
    if visit.again:
        values |= {"sha256": None, "etag": None, "modified": None}
    if visit.outcome in (VisitOutcome.NEW, VisitOutcome.CHANGED):
        values |= {"changed_at": now()}
    if visit.document_id is not None:
        values |= {"document_id": visit.document_id}
    connection.execute(update(CollectAddress).where(CollectAddress.id == one.id).values(values))
    _note(connection, one, visit.outcome, None, visit)
    if visit.moved_to is not None:
        _move(connection, one, visit.moved_to)
    if visit.found:
        add_found(connection, visit.found, msgspec.structs.replace(one.parent, hops=one.parent.hops + 1, moves=0, page_number=0))
    left_out = visit.left_out or 0
    if visit.pages:
        left_out += _add_pages(connection, one, visit.pages, most_pages)
    if visit.left_out is not None:
        connection.execute(update(CollectAddress).where(CollectAddress.id == one.id).values(left_out=left_out))
    if visit.ask_below:
        ask_again_below(connection, one.id, one.parent.round)
    ask_as_changed(connection, one.id, one.kind)
    return left_out


def _header(value: str | None, most: int) -> str | None:
    """A header as it is sent again at the next visit; one that is too long to be one is not."""
    return value if value is not None and len(value) <= most and value.isascii() and value.isprintable() else None


def _move(connection: Connection, one: TurnAddress, target: NewAddress) -> None:
    moved = msgspec.structs.replace(one.parent, moves=one.parent.moves + 1)
    add_found(connection, [target], moved)
    to = select(CollectAddress.id).where(CollectAddress.url_key == url_key(target.url)).scalar_subquery()
    connection.execute(update(CollectAddress).where(CollectAddress.id == one.id).values(moved_to=to))


def leads_back(connection: Connection, turn: Turn, target: str) -> bool:
    """Return whether redirects lead from ``target`` back to the address of the turn."""
    at = connection.execute(
        select(CollectAddress.id, CollectAddress.moved_to).where(CollectAddress.url_key == url_key(target))
    ).first()
    for _ in range(20):
        if at is None:
            return False
        if at.id == turn.address.id:
            return True
        at = connection.execute(
            select(CollectAddress.id, CollectAddress.moved_to).where(CollectAddress.id == at.moved_to)
        ).first()
    return True


def _add_pages(connection: Connection, one: TurnAddress, pages: Sequence[NewAddress], most: int) -> int:
    """Queue the further pages of a list, as far as there is room. Return how many are left out."""
    listed = select(func.count()).where(CollectAddress.root_id == one.parent.root_id, CollectAddress.page_number > 0)
    known: set[str] = set()
    for part in chunks([url_key(page.url) for page in pages]):
        known.update(connection.scalars(select(CollectAddress.url_key).where(CollectAddress.url_key.in_(part))))
    room = most - 1 - (connection.scalar(listed) or 0)
    chosen: list[NewAddress] = []
    for page in pages[:most]:
        is_known = url_key(page.url) in known
        if is_known or room > 0:
            chosen.append(page)
            room -= not is_known
    if chosen:
        parent = msgspec.structs.replace(one.parent, page_number=one.parent.page_number + 1, moves=0)
        add_found(connection, chosen, parent)
    left = {url_key(page.url) for page in pages} - known - {url_key(page.url) for page in chosen}
    return len(left)


def fail_turn(
    connection: Connection, turn: Turn, code: str, message: str, *, policy: Policy, pause: float, asked: float | None = None
) -> Decision:
    """End a turn whose try failed: it is tried again after a while, or failed for good. ``asked`` is the pause that the host
    asked for. A code of STOPPING stops the host. Return what follows. Raises Fenced.
    """
    rest = asked if asked is None else min(max(asked, pause) * 2 ** min(turn.pauses, 6), _LONGEST_PAUSE)
    _end(connection, turn, pause if rest is None else rest)
    one = turn.address
    decision = decide(code, one.tries, policy)
    if rest is not None:
        connection.execute(update(CollectHost).where(CollectHost.id == turn.host_id).values(pauses=turn.pauses + 1))
    if decision.state is StageState.WAITING:
        values: dict[str, Any] = {
            "state": AddressState.WAITING,
            "tries": decision.tries.attempts,
            "crashes": decision.tries.crashes,
            "transients": decision.tries.transients,
            "next_attempt_at": now(max(decision.pause, rest or 0.0)),
            "code": code,
            "message": storable(message),
        }
        connection.execute(update(CollectAddress).where(CollectAddress.id == one.id).values(values))
        return decision
    _fail(connection, one.id, code, message, decision.tries)
    _note(connection, one, VisitOutcome.FAILED, code, None)
    if code in STOPPING:
        stopped = {"stopped_code": code, "stopped_why": storable(message), "stopped_at": now()}
        connection.execute(update(CollectHost).where(CollectHost.id == turn.host_id).values(stopped))
    return decision


def _fail(connection: Connection, address: int, code: str, message: str, tries: Tries) -> None:
    values = {
        "state": AddressState.FAILED,
        "visit": CollectAddress.visit + 1,
        "tries": tries.attempts,
        "crashes": tries.crashes,
        "transients": tries.transients,
        "code": code,
        "message": storable(message),
        "outcome": VisitOutcome.FAILED,
        "fetched_at": now(),
    }
    connection.execute(update(CollectAddress).where(CollectAddress.id == address).values(values))


def _note(connection: Connection, one: TurnAddress, outcome: VisitOutcome, code: str | None, visit: Visit | None) -> None:
    row = {
        "address_id": one.id,
        "visit": one.visit,
        "outcome": outcome,
        "code": code,
        "status": visit and visit.status,
        "sha256": visit and visit.sha256,
        "warc": visit and visit.warc,
    }
    statement = insert_into(connection, CollectVisit).values(**row, fetched_at=now())
    connection.execute(statement.on_conflict_do_nothing(index_elements=["address_id", "visit"]))


def _held(turn: Turn) -> Any:
    return update(CollectHost).where(
        CollectHost.id == turn.host_id, CollectHost.fence == turn.fence, CollectHost.owner == turn.owner
    )


def _end(connection: Connection, turn: Turn, pause: float) -> None:
    if not _give_back(connection, turn.host_id, turn.fence, turn.owner, pause):
        raise Fenced(f"the host {turn.host} is no longer held with fence {turn.fence}")


def _give_back(connection: Connection, host_id: int, fence: int, owner: str, pause: float) -> bool:
    held = (CollectHost.id == host_id, CollectHost.fence == fence, CollectHost.owner == owner)
    given = {"owner": None, "lease_until": None, "next_at": now(pause)}
    return connection.execute(update(CollectHost).where(*held).values(given)).rowcount == 1


def is_open(connection: Connection) -> bool:
    """Return whether anything is left to be fetched of a host that is not stopped."""
    open_ = CollectAddress.state.in_((*_WAITING, AddressState.RUNNING))
    left = exists().where(open_, CollectHost.id == CollectAddress.host_id, CollectHost.stopped_code.is_(None))
    return bool(connection.scalar(select(left)))
