"""Cases move with their document from a filing to another. Where that has the same case already, one of the two goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from database.clock import now
from database.filings.in_force import MEMBER
from database.findings import matching
from database.findings.following import CASE, MOVE
from database.models import FindingState, SettledBy


def carry(connection: Connection, document_id: int, was: int | None, to: int | None) -> None:
    """Let the cases of a document move with it from a filing to another (None: none). The caller follows both.

    Where the other filing has the same case already, one of the two goes on: that about which a person decided, else the older
    one. The other is withdrawn, and stays with its document. When the documents part again, each case goes with the document
    with which it came.
    """
    if was == to:
        return
    moving = _leaving(connection, document_id, was)
    if moving:
        there = [] if to is None else connection.execute(select(CASE).where(CASE.c.filing_id == to).order_by(CASE.c.id)).all()
        twins = {matching.identity_of(dict(row._mapping)): row for row in reversed(there)}
        going = []
        for row in moving:
            twin = twins.pop(matching.identity_of(dict(row._mapping)), None)
            if twin is None or to is None:
                going.append(row)
            elif _goes_on(row, twin):
                _end(connection, twin, row, document_id, to)
                going.append(row)
            else:
                _end(connection, row, twin, document_id, to)
        _put(connection, going, to, document_id)
    as_other = (CASE.c.other_document_id == document_id, CASE.c.other_filing_id.is_not_distinct_from(was))
    connection.execute(update(CASE).where(*as_other).values(other_filing_id=to))


_IS_JOINED = CASE.c.filing_id.is_(None) & CASE.c.settled_by.is_not_distinct_from(SettledBy.JOINED.value)


def _leaving(connection: Connection, document_id: int, was: int | None) -> list[Row[Any]]:
    """The cases that leave a filing with a document: those that were found last in it, but of two that were joined the one with
    which it came. Put the other one, if it was ended, into the filing again.
    """
    here = CASE.c.filing_id == was if was is not None else CASE.c.filing_id.is_(None) & ~_IS_JOINED
    rows = connection.execute(select(CASE).where(CASE.c.document_id == document_id, here)).all()
    leaving = {row.id: row for row in rows}
    if was is None:
        return sorted(leaving.values(), key=lambda row: row.id)
    ended, details = _joined_in(connection, document_id, was)
    goes_on = {number: details[number]["into"] for number in ended}
    back = []
    for number, row in ended.items():
        other = goes_on[number]
        if row.document_id == document_id:
            while other in goes_on:
                other = goes_on[other]
            leaving.pop(other, None)
            leaving[number] = row
        elif details[number]["document"] == document_id:
            survivor = connection.execute(select(CASE).where(CASE.c.id == other, CASE.c.filing_id == was)).first()
            if survivor is not None:
                leaving[other] = survivor
                back.append(row)
    _put(connection, back, was, None)
    return sorted(leaving.values(), key=lambda row: row.id)


def _joined_in(connection: Connection, document_id: int, filing_id: int) -> tuple[dict[int, Row[Any]], dict[int, Any]]:
    """The cases of this document, and of those of the filing, that were ended for another one of the filing; and how."""
    members = connection.scalars(select(MEMBER.c.document_id).where(MEMBER.c.filing_id == filing_id))
    of_these = CASE.c.document_id.in_({document_id, *members})
    rows = {row.id: row for row in connection.execute(select(CASE).where(_IS_JOINED, of_these).order_by(CASE.c.id))}
    if not rows:
        return {}, {}
    settled = MOVE.c.case_id.in_(list(rows)) & (MOVE.c.to_state == FindingState.SETTLED.value)
    moves = connection.execute(select(MOVE.c.case_id, MOVE.c.detail).where(settled).order_by(MOVE.c.id))
    details = {move.case_id: move.detail or {} for move in moves}
    known = {number for number, detail in details.items() if detail.get("filing") == filing_id and "into" in detail}
    return {number: row for number, row in rows.items() if number in known}, details


def _before(case: Row[Any]) -> str:
    """The state that counts of a case: that of before, where it was joined."""
    return str(case.held if case.settled_by == SettledBy.JOINED and case.held else case.state)


def _goes_on(case: Row[Any], twin: Row[Any]) -> bool:
    """Whether of two that are the same ``case`` goes on."""
    one, other = (_before(each) != FindingState.NEW for each in (case, twin))
    return one if one != other else bool(case.id < twin.id)


def _end(connection: Connection, case: Row[Any], into: Row[Any], document_id: int, filing_id: int) -> None:
    """Withdraw a case since another is the same, now that the document has come into the filing. Its key is free for others."""
    detail = {"by": SettledBy.JOINED.value, "filing": filing_id, "into": into.id, "document": document_id}
    move = {"case_id": case.id, "from_state": case.state, "to_state": FindingState.SETTLED.value, "at": now()}
    connection.execute(insert(MOVE).values(**move, detail=detail))
    ended: dict[str, Any] = {"filing_id": None, "key": matching.ended_key(case.key, case.id), "state": FindingState.SETTLED.value}
    ended |= {"settled_by": SettledBy.JOINED.value, "held": _before(case), "present": False, "changed_at": now()}
    connection.execute(update(CASE).where(CASE.c.id == case.id).values(**ended))


def _put(connection: Connection, cases: Sequence[Row[Any]], filing_id: int | None, document_id: int | None) -> None:
    """Put cases into a filing (None: into none), as cases of the document (None: each of its own), each under a free key."""
    if not cases:
        return
    unfiled = CASE.c.filing_id.is_(None) & (CASE.c.document_id == document_id)
    there = select(CASE.c.key).where(CASE.c.filing_id == filing_id if filing_id is not None else unfiled)
    taken = set(connection.scalars(there.where(CASE.c.id.not_in([case.id for case in cases]))))
    for case in cases:
        joined = case.settled_by == SettledBy.JOINED
        key = matching.free_key(matching.identity_of(dict(case._mapping)), taken) if joined or case.key in taken else case.key
        taken.add(key)
        values = {"filing_id": filing_id, "key": key, "document_id": document_id or case.document_id}
        connection.execute(update(CASE).where(CASE.c.id == case.id).values(**values))
