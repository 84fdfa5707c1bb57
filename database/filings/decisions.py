"""What people decide about agencies and filings: join, part, rename, keep apart, succession, superior, the edition in force.

Every act is a row of gk_agency_decision (the edition in force: columns of gk_filing), is noted in the audit log, and can be
undone. Joining and parting move keys, not documents: the functions return the documents whose filing is another now, and the
caller files them again (:func:`tasks.loading.task.file_again`) in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, insert, or_, select, update

from codebook.agency_kinds import kind_of
from codebook.errors import UsageError
from database.clock import now
from database.filings import register
from database.filings.register import AgencyName
from database.models import (
    AgencyCase,
    AgencyDecision,
    AgencyKeyRow,
    AgencyRow,
    AgencySuccession,
    AliasSource,
    CaseState,
    Document,
    FilingDocument,
    FilingRow,
    ReportRow,
)
from database.sql import insert_into
from database.users.audit import note


class _By(NamedTuple):
    """Who decides, and why."""

    who: str
    reason: str


def _documents(connection: Connection, keys: Sequence[str]) -> list[int]:
    """The documents whose report in force has one of these keys."""
    query = (
        select(Document.id)
        .join(ReportRow, ReportRow.id == Document.report_id)
        .where(ReportRow.agency_key.in_(keys))
        .order_by(Document.id)
    )
    return list(connection.scalars(query))


def _keys(connection: Connection, agency_id: int) -> list[str]:
    query = select(AgencyKeyRow.key).where(AgencyKeyRow.agency_id == agency_id).order_by(AgencyKeyRow.key)
    return list(connection.scalars(query))


def _move(connection: Connection, keys: Sequence[str], agency_id: int) -> None:
    connection.execute(update(AgencyKeyRow).where(AgencyKeyRow.key.in_(keys)).values(agency_id=agency_id))


def _decide(connection: Connection, action: str, agencies: tuple[int, int | None], by: _By, **detail: Any) -> None:
    one, other = agencies
    row = {"action": action, "agency_id": one, "other_id": other, "detail": detail, "reason": by.reason, "decided_by": by.who}
    statement = insert(AgencyDecision).values(**row, decided_at=now()).returning(AgencyDecision.id)
    made: int = connection.execute(statement).scalar_one()
    note(connection, f"agency_{action}", by.who, reason=by.reason, decision=made, agency=one, other=other)


def _set_case(connection: Connection, one: int, other: int, state: CaseState, by: _By | None) -> None:
    """Set the state of the question about two agencies, if there is one. ``by`` is None when it is open again."""
    first, second = sorted((one, other))
    decided: dict[str, Any] = {"decided_by": None, "decided_at": None, "decided_why": None}
    if by is not None:
        decided = {"decided_by": by.who, "decided_at": now(), "decided_why": by.reason}
    pair = and_(AgencyCase.one_id == first, AgencyCase.other_id == second)
    connection.execute(update(AgencyCase).where(pair).values(state=state.value, **decided))


def _standing(connection: Connection, agency_id: int) -> register.Agency:
    """An agency that was not joined with another. Raises UsageError otherwise."""
    try:
        agency = register.get(connection, agency_id)
    except LookupError as error:
        raise UsageError(f"{error}; `gongkai agencies` lists them") from error
    into = connection.scalar(select(AgencyRow.merged_into).where(AgencyRow.id == agency_id))
    if into is not None:
        raise UsageError(f"agency {agency_id} ({agency.name}) was joined with agency {into}; name that one")
    return agency


def join(connection: Connection, agency_id: int, other_id: int, *, who: str, reason: str) -> list[int]:
    """Make two agencies one: the names of ``other_id`` mean ``agency_id`` from now on. Return the documents to file again.

    Raises UsageError when they are the same, or one is not there or was joined already.
    """
    if agency_id == other_id:
        raise UsageError(f"agency {agency_id} cannot be joined with itself; name two agencies")
    for each in (agency_id, other_id):
        _standing(connection, each)
    keys = _keys(connection, other_id)
    _move(connection, keys, agency_id)
    connection.execute(update(AgencyRow).where(AgencyRow.id == other_id).values(merged_into=agency_id))
    register.name_again(connection, agency_id)
    _set_case(connection, agency_id, other_id, CaseState.JOINED, _By(who, reason))
    _decide(connection, "join", (agency_id, other_id), _By(who, reason), keys=keys)
    return _documents(connection, keys)


def part(connection: Connection, agency_id: int, keys: Sequence[str], *, who: str, reason: str) -> tuple[int, list[int]]:
    """Make an agency of its own of some keys of an agency. Return its number and the documents to file again.

    Raises UsageError when a key is not the agency's, or none would be left to it.
    """
    agency, own = _standing(connection, agency_id), _keys(connection, agency_id)
    strange = sorted(set(keys) - set(own))
    if strange or not keys:
        raise UsageError(f"agency {agency_id} ({agency.name}) has no key {', '.join(strange)}; it has {', '.join(own)}")
    if set(keys) == set(own):
        raise UsageError(f"agency {agency_id} ({agency.name}) would be left without a name; name some of its keys")
    row = {"name": agency.name, "kind": agency.kind, "region_code": agency.region_code}
    made: int = connection.execute(insert(AgencyRow).values(**row, created_at=now()).returning(AgencyRow.id)).scalar_one()
    _move(connection, keys, made)
    for each in (agency_id, made):
        register.name_again(connection, each)
    register.ask(connection, agency_id, made, "parted", {})
    _set_case(connection, agency_id, made, CaseState.APART, _By(who, reason))
    _decide(connection, "part", (agency_id, made), _By(who, reason), keys=sorted(keys))
    return made, _documents(connection, keys)


def rename(connection: Connection, agency_id: int, name: str, *, who: str, reason: str) -> None:
    """Give an agency the canonical name ``name``, which means this agency from now on.

    Raises UsageError when the name already means another agency.
    """
    agency = _standing(connection, agency_id)
    named = AgencyName(name, agency.region_code, AliasSource.PERSON)
    meant = register.agency_of(connection, named.key)
    if meant is None:
        connection.execute(insert(AgencyKeyRow).values(key=named.key, agency_id=agency_id))
    elif meant != agency_id:
        raise UsageError(f"the name {name} means agency {meant}; join the two agencies, or choose another name")
    register.resolve(connection, named)
    was = connection.execute(select(AgencyRow.name, AgencyRow.named).where(AgencyRow.id == agency_id)).one()
    kind = kind_of(name)
    values = {"name": name, "named": True, "kind": kind.kind if kind else agency.kind}
    connection.execute(update(AgencyRow).where(AgencyRow.id == agency_id).values(values))
    _decide(connection, "rename", (agency_id, None), _By(who, reason), name=was.name, named=was.named, to=name)


def keep_apart(connection: Connection, agency_id: int, other_id: int, *, who: str, reason: str) -> None:
    """Decide that two agencies are two: they are not asked about again."""
    for each in (agency_id, other_id):
        _standing(connection, each)
    register.ask(connection, agency_id, other_id, "person", {})
    _set_case(connection, agency_id, other_id, CaseState.APART, _By(who, reason))
    _decide(connection, "apart", (agency_id, other_id), _By(who, reason))


def succeed(connection: Connection, predecessor_id: int, successor_id: int, *, year: int | None, who: str, reason: str) -> None:
    """Note that one agency took over from another in ``year``; they stay two agencies."""
    for each in (predecessor_id, successor_id):
        _standing(connection, each)
    row = {"predecessor_id": predecessor_id, "successor_id": successor_id, "year": year}
    statement = insert_into(connection, AgencySuccession).values(**row)
    keys = ["predecessor_id", "successor_id"]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_={"year": year}))
    register.ask(connection, predecessor_id, successor_id, "person", {})
    _set_case(connection, predecessor_id, successor_id, CaseState.APART, _By(who, reason))
    _decide(connection, "succession", (predecessor_id, successor_id), _By(who, reason), year=year)


def put_under(connection: Connection, agency_id: int, superior_id: int, *, who: str, reason: str) -> None:
    """Decide which agency is above an agency, where that does not follow from its region.

    Raises UsageError when it would stand above itself.
    """
    for each in (agency_id, superior_id):
        _standing(connection, each)
    above: int | None = superior_id
    while above is not None:
        if above == agency_id:
            raise UsageError(f"agency {agency_id} would be above itself; undo the decision about agency {superior_id} first")
        above = connection.scalar(select(AgencyRow.superior_id).where(AgencyRow.id == above))
    was = connection.scalar(select(AgencyRow.superior_id).where(AgencyRow.id == agency_id))
    connection.execute(update(AgencyRow).where(AgencyRow.id == agency_id).values(superior_id=superior_id))
    # Not the other agency of the decision: what is decided about that one does not rest on this.
    _decide(connection, "superior", (agency_id, None), _By(who, reason), superior=superior_id, was=was)


def undo(connection: Connection, decision_id: int, *, who: str, reason: str) -> list[int]:
    """Take back a decision. Return the documents to file again.

    Raises UsageError when there is no such decision, it was undone already, or a later one stands on it.
    """
    decision = connection.execute(select(AgencyDecision).where(AgencyDecision.id == decision_id)).one_or_none()
    if decision is None or decision.ended_at is not None:
        raise UsageError(f"there is no decision {decision_id} that stands; `gongkai agencies decisions` lists them")
    _refuse_if_built_on(connection, decision)
    detail, one, other = decision.detail, decision.agency_id, decision.other_id
    documents: list[int] = []
    if decision.action == "join":
        _move(connection, detail["keys"], other)
        connection.execute(update(AgencyRow).where(AgencyRow.id == other).values(merged_into=None))
        documents = _documents(connection, detail["keys"])
    elif decision.action == "part":
        keys = _keys(connection, other)
        _move(connection, keys, one)
        connection.execute(update(AgencyRow).where(AgencyRow.id == other).values(merged_into=one))
        documents = _documents(connection, keys)
    elif decision.action == "rename":
        connection.execute(update(AgencyRow).where(AgencyRow.id == one).values(name=detail["name"], named=detail["named"]))
    elif decision.action == "superior":
        connection.execute(update(AgencyRow).where(AgencyRow.id == one).values(superior_id=detail["was"]))
    elif decision.action == "succession":
        pair = and_(AgencySuccession.predecessor_id == one, AgencySuccession.successor_id == other)
        connection.execute(AgencySuccession.__table__.delete().where(pair))  # type: ignore[attr-defined]
    for each in (one, other):
        if each is not None:
            register.name_again(connection, each)
    ended = {"ended_by": who, "ended_at": now(), "ended_reason": reason}
    connection.execute(update(AgencyDecision).where(AgencyDecision.id == decision_id).values(**ended))
    if decision.action in ("join", "apart", "succession"):
        _ask_again(connection, one, other)
    note(connection, "agency_undo", who, reason=reason, decision=decision_id, undone=decision.action, agency=one, other=other)
    return documents


def _ask_again(connection: Connection, one: int, other: int) -> None:
    """Open the question about two agencies again, unless another decision that they are two is in force."""
    of_both = AgencyDecision.agency_id.in_((one, other)) & AgencyDecision.other_id.in_((one, other))
    query = select(AgencyDecision).where(of_both, AgencyDecision.ended_at.is_(None))
    kept = connection.execute(query.where(AgencyDecision.action.in_(("apart", "succession"))).limit(1)).first()
    if kept is None:
        _set_case(connection, one, other, CaseState.OPEN, None)
    else:
        _set_case(connection, one, other, CaseState.APART, _By(kept.decided_by, kept.reason))


def _refuse_if_built_on(connection: Connection, decision: Any) -> None:
    """Decisions on the same agencies are undone in the reverse order, so that what is undone is what was decided."""
    both = [number for number in (decision.agency_id, decision.other_id) if number is not None]
    later = connection.scalar(
        select(AgencyDecision.id)
        .where(AgencyDecision.id > decision.id, AgencyDecision.ended_at.is_(None))
        .where(or_(AgencyDecision.agency_id.in_(both), AgencyDecision.other_id.in_(both)))
        .order_by(AgencyDecision.id.desc())
        .limit(1)
    )
    if later is not None:
        raise UsageError(f"decision {later} on the same agency is later; undo it first")


def choose(connection: Connection, document_id: int | None, filing_id: int, *, who: str, reason: str) -> int:
    """Put the edition of a document in force, or (None) leave it to the evidence again. Return a document to file again.

    Raises UsageError when the document is not one of the filing.
    """
    there = list(connection.scalars(select(FilingDocument.document_id).where(FilingDocument.filing_id == filing_id)))
    if not there:
        raise UsageError(f"there is no filing {filing_id}; `gongkai filings` lists them")
    if document_id is not None and document_id not in there:
        known = ", ".join(str(number) for number in sorted(there))
        raise UsageError(f"document {document_id} is not one of filing {filing_id}, which has {known}")
    chosen = {"chosen_by": who, "chosen_at": now(), "chosen_why": reason}
    nobody = {"chosen_by": None, "chosen_at": None, "chosen_why": None}
    values = {"chosen_document_id": document_id, **(nobody if document_id is None else chosen)}
    connection.execute(update(FilingRow).where(FilingRow.id == filing_id).values(**values))
    note(connection, "filing_choose", who, reason=reason, filing=filing_id, document=document_id)
    return there[0]
