"""Taking in addresses: those of a list, and those that pages lead to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, update

from codebook.records import Hints, Record
from codebook.text.portals import AddressKind
from database.clock import now
from database.intake.registering import batch_id_of
from database.models import AddressState, CollectAddress, CollectHost
from database.sql import chunks, insert_into, storable

FINAL = (AddressState.DONE, AddressState.FAILED)
FORGOTTEN: dict[str, None] = dict.fromkeys(("etag", "modified", "sha256", "outcome"))
"""What an address loses whose kind was changed: nothing of its last visit says what the next one brings."""
_ROUNDS = 0x676B_0001  # the lock under which rounds are numbered


class NewAddress(Record, frozen=True):
    """An address to be fetched, and what is known of what it holds. ``host`` is the one that is asked."""

    url: str
    host: str
    kind: AddressKind = AddressKind.AUTO
    hints: Hints = Hints()
    title: str | None = None


class Parent(Record, frozen=True):
    """The address from which others come, and which page of a list, and redirect in a row, they are."""

    id: int
    root_id: int
    batch_id: int
    round: int
    hops: int = 0
    moves: int = 0
    page_number: int = 0


class Added(Record, frozen=True):
    """What became of addresses: ``fresh`` were not known before, ``again`` are fetched again in this round."""

    fresh: int
    again: int
    round: int


def url_key(url: str) -> str:
    """Return the key of an address."""
    return hashlib.sha256(url.encode()).hexdigest()


def add_list(connection: Connection, batch: str, addresses: Sequence[NewAddress]) -> Added:
    """Take in the addresses of a list, as a round: those that are known are fetched again, with all that they led to."""
    if connection.dialect.name == "postgresql":  # one list at a time: two with one number would ask for an address only once
        connection.execute(select(func.pg_advisory_xact_lock(_ROUNDS)))
    number = (connection.scalar(select(func.max(CollectAddress.round))) or 0) + 1
    own = batch_id_of(connection, batch)
    added = _add(connection, addresses, own, number, None)
    keys = [url_key(one.url) for one in addresses]
    for part in chunks(keys):
        roots = update(CollectAddress).where(CollectAddress.url_key.in_(part), CollectAddress.root_id.is_(None))
        connection.execute(roots.values(root_id=CollectAddress.id))
    return added


def add_found(connection: Connection, addresses: Sequence[NewAddress], parent: Parent) -> Added:
    """Take in what a page leads to. What was asked for in this round already stays as it is, so circles come to an end."""
    return _add(connection, addresses, parent.batch_id, parent.round, parent)


def _add(connection: Connection, addresses: Sequence[NewAddress], batch: int, number: int, parent: Parent | None) -> Added:
    unique = {url_key(one.url): one for one in addresses}
    hosts = _hosts(connection, {one.host for one in unique.values()})
    common = {
        "batch_id": batch,
        "found_on": parent.id if parent else None,
        "root_id": parent.root_id if parent else None,
        "hops": parent.hops if parent else 0,
        "moves": parent.moves if parent else 0,
        "page_number": parent.page_number if parent else 0,
        "round": number,
        "visit": 0,
        **_again(),
    }
    fresh = again = 0
    for keys in chunks(list(unique)):  # in their order, in which they are fetched
        rows = [_row(key, unique[key], hosts[unique[key].host], common) for key in keys]
        statement = insert_into(connection, CollectAddress).on_conflict_do_nothing(index_elements=["url_key"])
        made = connection.execute(statement.values(created_at=now()).returning(CollectAddress.url_key), rows).scalars().all()
        fresh += len(made)
        old = sorted(set(keys) - set(made))
        for key in old:  # a list, and the page of a file, say what holds from now on
            one = unique[key]
            values: dict[str, Any] = {"hints": msgspec.to_builtins(one.hints)}
            if parent is None:
                values |= {"kind": one.kind, "batch_id": batch}
            elif one.kind is not AddressKind.FILE:
                continue
            known = (CollectAddress.url_key == key, CollectAddress.round < number)
            if parent is None:
                other = update(CollectAddress).where(*known, CollectAddress.kind != one.kind)
                connection.execute(other.values(FORGOTTEN))
            connection.execute(update(CollectAddress).where(*known).values(values))
        again += _ask_again(connection, CollectAddress.url_key.in_(old), number) if old else 0
    return Added(fresh, again, number)


def ask_again_below(connection: Connection, address_id: int, number: int) -> int:
    """Have all that an address led to fetched again in round ``number``. Return how many."""
    return _ask_again(connection, CollectAddress.found_on == address_id, number)


def resume(connection: Connection, host: str | None = None) -> int:
    """Go on with a host that was stopped (None: with all), and with the addresses at which it stopped. Return how many hosts."""
    stopped = CollectHost.stopped_code.is_not(None) if host is None else CollectHost.name == host
    rows = list(connection.execute(select(CollectHost.id, CollectHost.stopped_code).where(stopped)))
    rows = [row for row in rows if row.stopped_code is not None]
    for row in rows:
        refused = (CollectAddress.host_id == row.id, CollectAddress.code == row.stopped_code)
        connection.execute(update(CollectAddress).where(*refused, CollectAddress.state == AddressState.FAILED).values(_again()))
        values = {"stopped_code": None, "stopped_why": None, "stopped_at": None, "pauses": 0, "robots_at": None}
        connection.execute(update(CollectHost).where(CollectHost.id == row.id).values(values))
    return len(rows)


def fetch_again(connection: Connection, urls: Iterable[str]) -> list[str]:
    """Have addresses fetched again, wherever they are. Return those that are known."""
    known: list[str] = []
    for part in chunks(sorted({url_key(url) for url in urls})):
        chosen = CollectAddress.url_key.in_(part)
        known += connection.scalars(select(CollectAddress.url).where(chosen))
        connection.execute(update(CollectAddress).where(chosen, CollectAddress.state.in_(FINAL)).values(_again()))
    return known


def ask_as_changed(connection: Connection, address_id: int, kind: AddressKind) -> None:
    """Have an address fetched again whose kind was changed while it was fetched as one of ``kind``."""
    changed = (CollectAddress.id == address_id, CollectAddress.kind != kind)
    connection.execute(update(CollectAddress).where(*changed).values({**_again(), **FORGOTTEN}))


def _ask_again(connection: Connection, chosen: Any, number: int) -> int:
    earlier = (chosen, CollectAddress.round < number)
    again = {**_again(), "round": number}
    count = connection.execute(update(CollectAddress).where(*earlier, CollectAddress.state.in_(FINAL)).values(again)).rowcount
    connection.execute(update(CollectAddress).where(*earlier).values(round=number))  # it is to be fetched anyway
    return count


def _again() -> dict[str, Any]:
    return {"state": AddressState.QUEUED, "tries": 0, "crashes": 0, "transients": 0, "next_attempt_at": None}


def _hosts(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    wanted = sorted(set(names))
    found: dict[str, int] = {}
    for part in chunks(wanted):
        rows = [{"name": name, "fence": 0, "pauses": 0} for name in part]
        connection.execute(insert_into(connection, CollectHost).on_conflict_do_nothing(index_elements=["name"]), rows)
        query = select(CollectHost.name, CollectHost.id).where(CollectHost.name.in_(part))
        found |= {row.name: row.id for row in connection.execute(query)}
    return found


def _row(key: str, one: NewAddress, host_id: int, common: dict[str, Any]) -> dict[str, Any]:
    return {
        "url": one.url,
        "url_key": key,
        "host_id": host_id,
        "kind": one.kind,
        "title": storable(one.title) if one.title else None,
        "hints": msgspec.to_builtins(one.hints),
        **common,
    }
