"""What is collected, for people: counts, addresses with what became of them, and hosts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from codebook.records import Record
from codebook.text.portals import AddressKind
from database.collecting.adding import url_key
from database.models import AddressState, Batch, CollectAddress, CollectHost, CollectVisit, VisitOutcome
from database.sql import chunks

OPEN = (AddressState.QUEUED, AddressState.WAITING, AddressState.RUNNING)


class AddressFilter(Record, frozen=True):
    """Which addresses are meant; an empty one means all."""

    batch: str | None = None
    state: AddressState | None = None
    host: str | None = None
    code: str | None = None


ALL_ADDRESSES = AddressFilter()


class AddressLine(Record, frozen=True):
    """An address: what it is taken for, its state, what the last visit brought, and when what was seen here first. ``left_out``
    is how many links of it were not followed because of the bounds.
    """

    id: int
    url: str
    kind: AddressKind
    title: str | None
    batch: str
    state: AddressState
    outcome: VisitOutcome | None
    code: str | None
    message: str | None
    status: int | None
    size: int | None
    visits: int
    document_id: int | None
    fetched_at: datetime | None
    seen_at: datetime | None
    changed_at: datetime | None
    next_attempt_at: datetime | None
    left_out: int | None


class HostLine(Record, frozen=True):
    """A host, how many of its addresses are left, and why nothing more is asked of it, if so."""

    name: str
    left: int
    addresses: int
    next_at: datetime | None
    stopped_code: str | None
    stopped_why: str | None
    stopped_at: datetime | None


def state_counts(connection: Connection, wanted: AddressFilter = ALL_ADDRESSES) -> dict[AddressState, int]:
    """Return how many addresses are in which state."""
    query = _from(select(CollectAddress.state, func.count()), wanted).group_by(CollectAddress.state)
    return {AddressState(state): count for state, count in connection.execute(query)}


def outcome_counts(connection: Connection, wanted: AddressFilter = ALL_ADDRESSES) -> dict[VisitOutcome, int]:
    """Return how many addresses that are done had which outcome at their last visit."""
    done = CollectAddress.state.in_((AddressState.DONE, AddressState.FAILED))
    query = _from(select(CollectAddress.outcome, func.count()), wanted).where(done).group_by(CollectAddress.outcome)
    return {VisitOutcome(outcome): count for outcome, count in connection.execute(query) if outcome}


def address_lines(
    connection: Connection, wanted: AddressFilter = ALL_ADDRESSES, *, after: int = 0, limit: int = 100
) -> list[AddressLine]:
    """Return addresses in the order in which they came, those behind the number ``after``."""
    one = CollectAddress
    columns = (one.id, one.url, one.kind, one.title, Batch.name, one.state, one.outcome, one.code, one.message, one.status)
    more = (one.size, one.visit, one.document_id, one.fetched_at, one.seen_at, one.changed_at, one.next_attempt_at, one.left_out)
    query = _from(select(*columns, *more), wanted).join(Batch, Batch.id == one.batch_id)
    query = query.where(one.id > after).order_by(one.id).limit(limit)
    return [_line(row) for row in connection.execute(query)]


def left_out_count(connection: Connection, wanted: AddressFilter = ALL_ADDRESSES) -> int:
    """Return how many addresses link to more than was followed."""
    query = _from(select(func.count()).select_from(CollectAddress), wanted).where(CollectAddress.left_out > 0)
    return int(connection.scalar(query) or 0)


def host_lines(connection: Connection, *, stopped: bool = False) -> list[HostLine]:
    """Return the hosts by name; with ``stopped`` those of which nothing more is asked."""
    left = func.count().filter(CollectAddress.state.in_(OPEN))
    query = (
        select(CollectHost, left.label("left"), func.count().label("addresses"))
        .join(CollectAddress, CollectAddress.host_id == CollectHost.id)
        .group_by(CollectHost.id)
        .order_by(CollectHost.stopped_code.is_(None), CollectHost.name)
        .with_only_columns(*CollectHost.__table__.columns, left.label("left"), func.count().label("addresses"))
    )
    if stopped:
        query = query.where(CollectHost.stopped_code.is_not(None))
    return [
        HostLine(row.name, row.left, row.addresses, row.next_at, row.stopped_code, row.stopped_why, row.stopped_at)
        for row in connection.execute(query)
    ]


def kept_visits(connection: Connection, batch: str | None = None) -> Iterator[str]:
    """Yield the names under which the answers of visits are kept, in the order of the visits."""
    query = select(CollectVisit.warc).where(CollectVisit.warc.is_not(None)).order_by(CollectVisit.fetched_at)
    if batch is not None:
        query = query.join(CollectAddress, CollectAddress.id == CollectVisit.address_id)
        query = query.join(Batch, Batch.id == CollectAddress.batch_id).where(Batch.name == batch)
    yield from (name for name in connection.scalars(query) if name is not None)


def known_urls(connection: Connection, urls: list[str]) -> set[str]:
    """Return those of ``urls`` that are collected."""
    keys = sorted({url_key(url) for url in urls})
    query = select(CollectAddress.url)
    return {url for part in chunks(keys) for url in connection.scalars(query.where(CollectAddress.url_key.in_(part)))}


def _from(query: Any, wanted: AddressFilter) -> Any:
    conditions: list[ColumnElement[bool]] = []
    if wanted.batch is not None:
        conditions.append(CollectAddress.batch_id == select(Batch.id).where(Batch.name == wanted.batch).scalar_subquery())
    if wanted.state is not None:
        conditions.append(CollectAddress.state == wanted.state)
    if wanted.code is not None:
        conditions.append(CollectAddress.code == wanted.code)
    if wanted.host is not None:
        conditions.append(
            CollectAddress.host_id == select(CollectHost.id).where(CollectHost.name == wanted.host).scalar_subquery()
        )
    return query.where(*conditions)


def _line(row: Any) -> AddressLine:
    identifier, url, kind, title, batch, state, outcome, *rest = row
    return AddressLine(
        identifier, url, AddressKind(kind), title, batch, AddressState(state), VisitOutcome(outcome) if outcome else None, *rest
    )
