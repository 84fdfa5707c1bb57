"""Watched folders in the database: who watches what, whether it lives and sees, and what failed of what came through it.

Every function takes a connection inside a transaction; all time is the database's own.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, and_, case, delete, func, or_, select, update

from codebook.records import Record, Status
from database.clock import now
from database.models import Document, Failure, FailureState, Source, Watcher
from database.sql import insert_into, storable


class WatcherState(Record, frozen=True):
    """What a watcher says of itself with each sign of life; see :class:`database.models.Watcher`."""

    name: str
    host: str
    folder: str
    polls: bool
    taken: int = 0
    waiting: int = 0
    blocked: int = 0
    problem: str | None = None


class WatcherItem(Record, frozen=True):
    """A watched folder as people ask for it. Ages in seconds.

    ``alive``: seen within the time that was asked for. ``blind``: alive, but a canary did not come through in time.
    """

    name: str
    host: str
    folder: str
    polls: bool
    started_at: datetime
    age: float
    alive: bool
    blind: bool
    canary_age: float | None
    canaries: int
    taken: int
    waiting: int
    blocked: int
    problem: str | None


def beat(connection: Connection, state: WatcherState, first_canary_seconds: float | None) -> None:
    """Note that a watcher is alive. The first time, a canary is expected within ``first_canary_seconds`` (None: never)."""
    counts = {
        "seen_at": now(),
        "polls": state.polls,
        "taken": state.taken,
        "waiting": state.waiting,
        "blocked": state.blocked,
        "problem": None if state.problem is None else storable(state.problem),
    }
    by = None if first_canary_seconds is None else now(first_canary_seconds)
    begun = {"name": state.name, "host": state.host, "folder": storable(state.folder), "started_at": now(), "canary_by": by}
    statement = insert_into(connection, Watcher).values(**begun, canaries=0, **counts)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=counts))


def canary_came(connection: Connection, names: list[str], next_seconds: float) -> None:
    """A canary came through the folder of these watchers; the next is expected within ``next_seconds``."""
    came = {"canary_at": now(), "canary_by": now(next_seconds), "canaries": Watcher.canaries + 1}
    connection.execute(update(Watcher).where(Watcher.name.in_(names)).values(came))


def sign_off(connection: Connection, name: str) -> None:
    """Forget a watcher that ends in good order."""
    connection.execute(delete(Watcher).where(Watcher.name == name))


def take_place(
    connection: Connection, host: str, folder: str, dead: Collection[str], *, stale_seconds: float, silent_seconds: float
) -> None:
    """Forget the dead watchers of ``folder`` on ``host``, in whose place another comes (those not seen for ``stale_seconds``, and
    those of ``dead``, whose end is known), and all that are silent for ``silent_seconds``.
    """
    gone = or_(Watcher.seen_at < now(-stale_seconds), Watcher.name.in_(list(dead)))
    same = and_(Watcher.host == host, Watcher.folder == storable(folder), gone)
    connection.execute(delete(Watcher).where(or_(same, Watcher.seen_at < now(-silent_seconds))))


def live_names(connection: Connection, stale_seconds: float) -> set[str]:
    """The names of the watchers that were seen within ``stale_seconds``."""
    return set(connection.scalars(select(Watcher.name).where(Watcher.seen_at >= now(-stale_seconds))))


def watchers(connection: Connection, stale_seconds: float) -> list[WatcherItem]:
    """All watchers that did not sign off, by folder. A dead one is left out where another one watches its folder now."""
    blind = and_(Watcher.canary_by.is_not(None), Watcher.canary_by < now())
    alive = Watcher.seen_at >= now(-stale_seconds)
    columns = (
        Watcher.name,
        Watcher.host,
        Watcher.folder,
        Watcher.polls,
        Watcher.started_at,
        Watcher.seen_at,
        case((alive, 1), else_=0),
        case((blind, 1), else_=0),
        Watcher.canary_at,
        Watcher.canaries,
        Watcher.taken,
        Watcher.waiting,
        Watcher.blocked,
        Watcher.problem,
        now(),
    )
    items = []
    for row in connection.execute(select(*columns).order_by(Watcher.folder, Watcher.name)):
        name, host, folder, polls, started, seen, lives, sees_not, canary, *counts, moment = row
        age = (moment - seen).total_seconds()
        canary_age = (moment - canary).total_seconds() if canary else None
        found = (name, host, folder, polls, started, age, bool(lives), bool(lives and sees_not), canary_age, *counts)
        items.append(WatcherItem(*found))
    watched = {(item.host, item.folder) for item in items if item.alive}
    return [item for item in items if item.alive or (item.host, item.folder) not in watched]


class FailedFile(Record, frozen=True):
    """A path below a folder whose document is failed or rejected, and why."""

    document_id: int
    path: str
    code: str
    message: str
    created_at: datetime


def failures_mark(connection: Connection) -> tuple[int, int]:
    """Return what changes when the error queue does: how many failures are open, and the newest number."""
    row = connection.execute(select(func.count(), func.max(Failure.id)).where(Failure.state == FailureState.OPEN)).one()
    return row[0], row[1] or 0


def is_registered(connection: Connection, sha256: str, path: str) -> bool:
    """Return whether a content came in at this path (as shown)."""
    query = select(Source.id).join(Document, Document.id == Source.document_id)
    return connection.scalar(query.where(Document.sha256 == sha256, Source.path == storable(path)).limit(1)) is not None


def failed_below(connection: Connection, folder: str) -> list[FailedFile]:
    """The files below ``folder`` (as shown, without a slash at its end) whose documents are failed or rejected, with the latest
    reason.
    """
    latest = select(func.max(Failure.id)).where(Failure.state == FailureState.OPEN).group_by(Failure.document_id)
    query = (
        select(Failure.document_id, Source.path, Failure.code, Failure.message, Failure.created_at)
        .join(Document, Document.id == Failure.document_id)
        .join(Source, Source.document_id == Failure.document_id)
        .where(
            Failure.id.in_(latest),
            Document.status.in_((Status.FAILED, Status.REJECTED)),
            Source.path.startswith(f"{storable(folder)}/", autoescape=True),
        )
        .order_by(Failure.id)
    )
    return [FailedFile(*row) for row in connection.execute(query)]
