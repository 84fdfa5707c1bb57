"""What people decide about cases: one, or many at once; and taking the last of it back.

Every act is a row of gk_finding_act with a move for each case, and is noted in the audit trail, in the transaction of the caller.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update

from codebook.errors import UsageError
from codebook.records import Record
from database.clock import now
from database.findings.following import CASE, MOVE
from database.findings.transitions import BY_PERSON, NEEDS_REASON
from database.models import Base, FindingAct, FindingState, SettledBy
from database.sql import chunks
from database.users.audit import note

ACT: Table = Base.metadata.tables[FindingAct.__tablename__]
_NAMED = 1000  # cases that an audit entry names


class ActResult(Record, frozen=True):
    """What an act did: its number (None: it changed nothing), how many cases it moved, and how many it did not by their state,
    since these cannot be set so.
    """

    act: int | None
    cases: int
    others: dict[str, int]


class ActItem(Record, frozen=True):
    """An act that can be undone."""

    id: int
    to_state: str
    cases: int
    reason: str
    decided_by: str
    decided_at: datetime


def decide(
    connection: Connection,
    numbers: Sequence[int],
    to: FindingState,
    *,
    who: str,
    reason: str = "",
    wanted: Mapping[str, Any] | None = None,
    mark: str | None = None,
) -> ActResult:
    """Set the state of the cases ``numbers``. ``wanted`` is the filter that found them, to be kept with the act.

    With ``mark``, the :func:`mark_of` of the cases that the person saw, nothing is set when any of them moved since.
    Cases whose state does not allow it stay as they are. Raises UsageError without a reason where one is needed, and for a state
    that nobody can set.
    """
    if to not in BY_PERSON:
        raise UsageError(f"nobody sets a case to {to.value}; the states are {', '.join(BY_PERSON)}")
    if to in NEEDS_REASON and not reason.strip():
        raise UsageError(f"say why the case is {to.value}: a reason is needed")
    if mark is not None and mark != mark_of(connection, numbers, lock=True):
        return ActResult(None, 0, {})
    values = {"to_state": to.value, "cases": 0, "wanted": dict(wanted or {}), "reason": reason, "decided_by": who}
    act, moved, others = None, [], Counter[str]()
    for part in chunks(sorted(set(numbers))):
        columns = (CASE.c.id, CASE.c.state, CASE.c.settled_by)
        rows = connection.execute(select(*columns).where(CASE.c.id.in_(part)).order_by(CASE.c.id).with_for_update()).all()
        allowed = [row for row in rows if row.state in BY_PERSON[to]]
        others.update(row.state for row in rows if row.state not in BY_PERSON[to])
        if allowed:
            if act is None:
                act = connection.execute(insert(ACT).values(**values, decided_at=now()).returning(ACT.c.id)).scalar_one()
            _set(connection, allowed, to, who=who, reason=reason, act=act)
            moved += [row.id for row in allowed]
    if act is not None:
        connection.execute(update(ACT).where(ACT.c.id == act).values(cases=len(moved)))
        detail: dict[str, Any] = {"count": len(moved), "act": act, "cases": moved[:_NAMED]}
        detail |= {"filter": dict(wanted)} if wanted else {}
        note(connection, f"finding_{to.value}", who, reason=reason, **detail)
    return ActResult(act, len(moved), dict(others))


def mark_of(connection: Connection, numbers: Sequence[int], *, lock: bool = False) -> str:
    """Return a digest of the numbers, states and last moves of cases, which is another one when any of them moved.

    With ``lock``, nobody else moves them until the transaction ends.
    """
    found = hashlib.sha256()
    for part in chunks(sorted(set(numbers))):
        cases = select(CASE.c.id, CASE.c.state).where(CASE.c.id.in_(part)).order_by(CASE.c.id)
        rows = connection.execute(cases.with_for_update() if lock else cases).all()
        moves = select(MOVE.c.case_id, func.max(MOVE.c.id)).where(MOVE.c.case_id.in_(part)).group_by(MOVE.c.case_id)
        last = dict(connection.execute(moves).tuples().all())
        for row in rows:
            found.update(f"{row.id} {row.state} {last.get(row.id, 0)}\n".encode())
    return found.hexdigest()


def _set(connection: Connection, rows: Sequence[Any], to: FindingState, *, who: str, reason: str, act: int) -> None:
    values = {"state": to.value, "held": None, "changed_at": now(), "changed_by": who, "reason": reason or None}
    values["settled_by"] = SettledBy.PERSON.value if to is FindingState.SETTLED else None
    connection.execute(update(CASE).where(CASE.c.id.in_([row.id for row in rows])).values(**values))
    moves = [
        {"case_id": row.id, "from_state": row.state, "detail": {"settled_by": row.settled_by} if row.settled_by else None}
        for row in rows
    ]
    same = {"to_state": to.value, "at": now(), "who": who, "reason": reason or None, "act_id": act}
    connection.execute(insert(MOVE).values(**same), moves)


def last_act(connection: Connection, who: str) -> ActItem | None:
    """Return the last act of a person that was not undone."""
    columns = [ACT.c[name] for name in ActItem.__struct_fields__]
    query = select(*columns).where(ACT.c.decided_by == who, ACT.c.ended_at.is_(None)).order_by(ACT.c.id.desc()).limit(1)
    row = connection.execute(query).first()
    return ActItem(*row) if row else None


def undo(connection: Connection, act: int, *, who: str) -> ActResult:
    """Take back an act: every case that did not move since has its state of before. Return how many, and how many did move on.

    Raises UsageError when there is no such act, or it was undone.
    """
    row = connection.execute(select(ACT).where(ACT.c.id == act).with_for_update()).first()
    if row is None or row.ended_at is not None:
        raise UsageError(f"there is no act {act} to be undone")
    moves = connection.execute(select(MOVE).where(MOVE.c.act_id == act).order_by(MOVE.c.case_id)).all()
    restored, others = [], Counter[str]()
    for part in chunks(moves):
        ids = [move.case_id for move in part]
        cases = select(CASE.c.id, CASE.c.state).where(CASE.c.id.in_(ids)).order_by(CASE.c.id)
        states = {case.id: case.state for case in connection.execute(cases.with_for_update())}
        is_step = MOVE.c.from_state != MOVE.c.to_state
        last = select(func.max(MOVE.c.id)).where(MOVE.c.case_id.in_(ids), is_step).group_by(MOVE.c.case_id)
        latest = set(connection.scalars(last))
        restored += [move for move in part if move.id in latest]
        others.update(states[move.case_id] for move in part if move.id not in latest and move.case_id in states)
    for part in chunks(restored):
        by_before: dict[tuple[str, str | None], list[int]] = {}
        for move in part:
            before = (move.from_state, (move.detail or {}).get("settled_by"))
            by_before.setdefault(before, []).append(move.case_id)
        for (state, settled_by), ids in by_before.items():
            values = {"state": state, "settled_by": settled_by, "changed_at": now(), "changed_by": who, "reason": None}
            connection.execute(update(CASE).where(CASE.c.id.in_(ids)).values(**values))
        back = [{"case_id": move.case_id, "from_state": move.to_state, "to_state": move.from_state} for move in part]
        connection.execute(insert(MOVE).values(at=now(), who=who, reason=None, detail={"undone": act}, act_id=None), back)
    connection.execute(update(ACT).where(ACT.c.id == act).values(ended_by=who, ended_at=now()))
    note(connection, "finding_undo", who, count=len(restored), act=act)
    return ActResult(act, len(restored), dict(others))
