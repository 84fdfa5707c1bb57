"""The register of agencies: which agency a name means, and which questions it raises."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, String, bindparam, delete, exists, insert, select, union, update

from codebook.agency_kinds import is_one_agency, kind_of, stored_key
from codebook.records import Record
from database.clock import now
from database.models import AgencyAlias, AgencyCase, AgencyKeyRow, AgencyRow, AliasSource, CaseState
from database.sql import Prepared, PreparedInsert, chunks, insert_into, is_listed, storable

_NAME_LENGTH = 200  # characters of gk_agency_alias.name


class AgencyName(NamedTuple):
    """A name of an agency with the code of its region, and where it was met."""

    name: str
    region_code: str | None
    source: AliasSource
    document_id: int | None = None

    @property
    def key(self) -> str:
        """The key by which the register knows it."""
        return key_of(self.name, self.region_code, self.document_id)


def key_of(name: str, region_code: str | None, document_id: int | None = None) -> str:
    """Return the matching key of a name (codebook.agency_kinds.stored_key).

    A name that many agencies have (教育局, without a region) is that of an agency of its own for each document: a person may join
    them, and nothing else does.
    """
    key = stored_key(name, region_code)
    return key if document_id is None or is_one_agency(name, region_code) else f"{key[:200]}#{document_id}"


def shared_key(key: str) -> str:
    """Return the key that all agencies of one name have in common (see :func:`key_of`).

    >>> shared_key(":教育局#12"), shared_key("320813:教育局")
    (':教育局', '320813:教育局')
    """
    return key.rpartition("#")[0] if "#" in key else key[:200]


class Resolved(NamedTuple):
    """The agency that a name means. ``is_new``: nothing was known of it before."""

    agency_id: int
    is_new: bool


class Agency(Record, frozen=True):
    """An agency of the register, as pages and rules need it."""

    id: int
    name: str
    kind: str | None
    region_code: str | None


# Who joins or parts agencies changes their keys, and waits until those who have found one so have filed their documents.
_KNOWN = Prepared(
    select(
        AgencyKeyRow.agency_id,
        exists(
            select(AgencyAlias.key).where(
                AgencyAlias.key == AgencyKeyRow.key,
                AgencyAlias.name == bindparam("name"),
                AgencyAlias.source == bindparam("source"),
            )
        ).label("met"),
    )
    .where(AgencyKeyRow.key == bindparam("key"))
    .with_for_update(read=True, of=AgencyKeyRow)
)

_ALIAS = ("key", "name", "source", "region_code", "document_id")


def _named(name: str) -> Any:
    return bindparam(f"b_{name}")


_MEET = PreparedInsert(
    AgencyAlias,
    lambda new: new.values({name: _named(name) for name in _ALIAS} | {"seen_at": now()}).on_conflict_do_nothing(),
)
_NEW = Prepared(
    insert(AgencyRow)
    .values({name: _named(name) for name in ("name", "kind", "region_code")} | {"named": False, "created_at": now()})
    .returning(AgencyRow.id)
)
_TAKE_KEY = PreparedInsert(
    AgencyKeyRow,
    lambda new: new.values(key=_named("key"), agency_id=_named("agency_id")).on_conflict_do_nothing().returning(AgencyKeyRow.key),
)

_COLUMNS = [getattr(AgencyRow, name) for name in Agency.__struct_fields__]
_AGENCY = Prepared(select(*_COLUMNS).where(AgencyRow.id == bindparam("b_agency")))
_keys_wanted = is_listed(AgencyKeyRow.key, bindparam("b_keys", type_=String))
_WITH_KEYS = Prepared(
    select(*_COLUMNS).where(AgencyRow.merged_into.is_(None), AgencyRow.id.in_(select(AgencyKeyRow.agency_id).where(_keys_wanted)))
)
# One after the other by an index; "or" would go through all agencies.
_OF_REGION = Prepared(
    union(
        select(*_COLUMNS).where(AgencyRow.merged_into.is_(None), AgencyRow.region_code == bindparam("b_region")),
        select(*_COLUMNS).where(
            AgencyRow.merged_into.is_(None), AgencyRow.region_code.between(bindparam("b_first"), bindparam("b_last"))
        ),
    )
)


def resolve(connection: Connection, named: AgencyName) -> Resolved:
    """Return the agency that a name means; a name that is not known becomes a new agency.

    A name is remembered with where it comes from; the canonical name follows from all of them, so that it does not depend on the
    order in which they came. What the name means stays so until the transaction ends.
    """
    key, name = named.key, storable(named.name)[:_NAME_LENGTH]
    known = _KNOWN.run(connection, key=key, name=name, source=named.source.value).one
    if known and known[1]:
        return Resolved(known[0], False)
    agency_id, is_new = (known[0], False) if known else _add(connection, key, named)
    met = {"b_key": key, "b_name": name, "b_source": named.source.value}
    _MEET.run(connection, **met, b_region_code=named.region_code, b_document_id=named.document_id)
    if not is_new:
        name_again(connection, agency_id)
    return Resolved(agency_id, is_new)


def _add(connection: Connection, key: str, named: AgencyName) -> tuple[int, bool]:
    """A new agency with this key, unless another transaction was first."""
    kind = kind_of(named.name)
    row = {"b_name": storable(named.name), "b_kind": kind.kind if kind else None, "b_region_code": named.region_code}
    made: int = _NEW.run(connection, **row).rows[0][0]
    if _TAKE_KEY.run(connection, b_key=key, b_agency_id=made).one is not None:
        return made, True
    connection.execute(delete(AgencyRow).where(AgencyRow.id == made))
    theirs = select(AgencyKeyRow.agency_id).where(AgencyKeyRow.key == key).with_for_update(read=True)
    return connection.execute(theirs).scalar_one(), False


def agency_of(connection: Connection, key: str) -> int | None:
    """Return the agency that a key means, None where no such name was met."""
    return connection.scalar(select(AgencyKeyRow.agency_id).where(AgencyKeyRow.key == key))


def agencies_of(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    """Return the agencies that these keys mean, by key; keys that are not known are left out."""
    found: dict[str, int] = {}
    for part in chunks(keys):
        for row in connection.execute(select(AgencyKeyRow.key, AgencyKeyRow.agency_id).where(AgencyKeyRow.key.in_(part))):
            found[row.key] = row.agency_id
    return found


def name_again(connection: Connection, agency_id: int) -> None:
    """Give an agency its canonical name, unless a person named it: that of a list, else the longest, then by its letters."""
    rows = connection.execute(
        select(AgencyAlias.name, AgencyAlias.source, AgencyAlias.region_code)
        .join(AgencyKeyRow, AgencyKeyRow.key == AgencyAlias.key)
        .where(AgencyKeyRow.agency_id == agency_id)
    ).all()
    if not rows:
        return
    order = list(AliasSource)
    best = min(rows, key=lambda row: (order.index(AliasSource(row.source)), -len(row.name), row.name))
    kind = kind_of(best.name)
    values = {"name": best.name, "kind": kind.kind if kind else None, "region_code": best.region_code}
    connection.execute(update(AgencyRow).where(AgencyRow.id == agency_id, AgencyRow.named.is_(False)).values(values))


def get(connection: Connection, agency_id: int) -> Agency:
    """Return an agency. Raises LookupError when there is none of this number."""
    row = _AGENCY.run(connection, b_agency=agency_id).one
    if row is None:
        raise LookupError(f"there is no agency {agency_id}")
    return Agency(*row)


def comparable(connection: Connection, region_code: str | None, keys: Iterable[str]) -> list[Agency]:
    """Return the agencies of a region, and those that have one of ``keys``, without those that were joined with another."""
    listed = msgspec.json.encode(list(keys)).decode()
    rows = _WITH_KEYS.run(connection, b_keys=listed).rows
    if region_code is not None:
        within = {"b_first": f"{region_code}0", "b_last": f"{region_code}999999"}  # towns have codes of nine digits
        rows = [*rows, *_OF_REGION.run(connection, b_region=region_code, **within).rows]
    return sorted({Agency(*row) for row in rows}, key=lambda agency: agency.id)


def ask(connection: Connection, one: int, other: int, reason: str, evidence: dict[str, Any]) -> None:
    """Open the question whether two agencies are one, unless it was asked before."""
    first, second = sorted((one, other))
    row = {"one_id": first, "other_id": second, "reason": reason, "evidence": evidence, "state": CaseState.OPEN.value}
    connection.execute(insert_into(connection, AgencyCase).values(**row, created_at=now()).on_conflict_do_nothing())
