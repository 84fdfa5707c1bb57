"""What people decide about cases: one, or many at once; and taking the last of it back.

Every act is a row of gk_finding_act with a move for each case, and is noted in the audit trail, in the transaction of the caller.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, exists, func, insert, select, update

from codebook.errors import UsageError
from codebook.records import Record
from database.clock import now
from database.filings.in_force import FILING
from database.findings.following import CASE, MOVE
from database.findings.transitions import AT_END, BY_PERSON, NEEDS_REASON
from database.models import Base, FindingAct, FindingState, SettledBy
from database.sql import chunks
from database.users.audit import note

ACT: Table = Base.metadata.tables[FindingAct.__tablename__]
_NAMED = 1000  # cases that an audit entry names
_KEY = "key"  # of ``wanted``, beside the fields of the filter


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
    key: str | None = None,
) -> ActResult:
    """Set the state of the cases ``numbers``. ``wanted`` is the filter that found them, to be kept with the act.

    With ``mark``, the :func:`mark_of` of the cases that the person saw, nothing is set when any of them moved since. ``key`` is a
    name for the act that nobody used before: a call that is repeated since the answer to its commit was lost returns what the
    first one did.
    Cases whose state does not allow it stay as they are. Raises UsageError without a reason where one is needed, and for a state
    that nobody can set.
    """
    if to not in BY_PERSON:
        raise UsageError(f"nobody sets a case to {to.value}; the states are {', '.join(BY_PERSON)}")
    if to in NEEDS_REASON and not reason.strip():
        raise UsageError(f"say why the case is {to.value}: a reason is needed")
    if key is not None and (done := act_by_key(connection, who, key)) is not None:
        return done
    if mark is not None and mark != mark_of(connection, numbers, lock=True):
        return ActResult(None, 0, {})
    kept = dict(wanted or {}) | ({_KEY: key} if key is not None else {})
    values = {"to_state": to.value, "cases": 0, "wanted": kept, "reason": reason, "decided_by": who}
    act, moved, others = None, [], Counter[str]()
    for part in chunks(sorted(set(numbers))):
        columns = (CASE.c.id, CASE.c.state, CASE.c.settled_by, CASE.c.held)
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


def act_by_key(connection: Connection, who: str, key: str) -> ActResult | None:
    """Return what the act of a person with this key did; None when there is no such act."""
    query = select(ACT.c.id, ACT.c.cases).where(ACT.c.decided_by == who, ACT.c.wanted[_KEY].as_string() == key)
    row = connection.execute(query.order_by(ACT.c.id.desc()).limit(1)).first()
    return ActResult(row.id, row.cases, {}) if row is not None else None


def mark_of(connection: Connection, numbers: Sequence[int], *, lock: bool = False) -> str:
    """Return a digest of the numbers, states and last moves of cases, which is another one when any of them moved.

    With ``lock``, nobody else moves them until the transaction ends.
    """
    found = hashlib.sha256()
    for part in chunks(sorted(set(numbers))):
        cases = select(CASE.c.id, CASE.c.state).where(CASE.c.id.in_(part)).order_by(CASE.c.id)
        rows = connection.execute(cases.with_for_update() if lock else cases).all()
        moves = select(MOVE.c.case_id, func.max(MOVE.c.id).label("last")).where(MOVE.c.case_id.in_(part))
        last = {row.case_id: row.last for row in connection.execute(moves.group_by(MOVE.c.case_id))}
        for row in rows:
            found.update(f"{row.id} {row.state} {last.get(row.id, 0)}\n".encode())
    return found.hexdigest()


def _set(connection: Connection, rows: Sequence[Any], to: FindingState, *, who: str, reason: str, act: int) -> None:
    values = {"state": to.value, "held": None, "changed_at": now(), "changed_by": who, "reason": reason or None}
    values["settled_by"] = SettledBy.PERSON.value if to is FindingState.SETTLED else None
    connection.execute(update(CASE).where(CASE.c.id.in_([row.id for row in rows])).values(**values))
    moves = []
    for row in rows:  # what an undo restores besides the state
        before = {"settled_by": row.settled_by, "held": row.held} if row.held else {"settled_by": row.settled_by}
        moves.append({"case_id": row.id, "from_state": row.state, "detail": before if row.settled_by else None})
    same = {"to_state": to.value, "at": now(), "who": who, "reason": reason or None, "act_id": act}
    connection.execute(insert(MOVE).values(**same), moves)


def last_act(connection: Connection, who: str) -> ActItem | None:
    """Return the last act of a person that can be taken back: one of its cases at least has the state that it set."""
    later = MOVE.alias()
    by_program = (later.c.case_id == MOVE.c.case_id, later.c.id > MOVE.c.id, later.c.from_state != later.c.to_state)
    moved_on = exists(select(later.c.id).where(*by_program, later.c.who.is_(None)))
    holds = select(MOVE.c.id).join(CASE, CASE.c.id == MOVE.c.case_id)
    holds = holds.where(MOVE.c.act_id == ACT.c.id, CASE.c.state == ACT.c.to_state, ~moved_on)
    columns = [ACT.c[name] for name in ActItem.__struct_fields__]
    query = select(*columns).where(ACT.c.decided_by == who, ACT.c.ended_at.is_(None), exists(holds))
    row = connection.execute(query.order_by(ACT.c.id.desc()).limit(1)).first()
    return ActItem(*row) if row else None


def undo(connection: Connection, act: int, *, who: str) -> ActResult:
    """Take back an act: every case that did not move since has its state of before. Return how many, and how many did move on.

    An act of which nothing can be taken back stays. Raises UsageError when there is no such act, or it was undone.
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
        latest = _latest_steps(connection, ids, min(move.id for move in part))
        restored += [move for move in part if move.id in latest]
        others.update(states[move.case_id] for move in part if move.id not in latest and move.case_id in states)
    if not restored:
        return ActResult(act, 0, dict(others))
    for part in chunks(restored):
        by_before: dict[tuple[str, str | None, str | None], list[int]] = {}
        for move in part:
            before = move.detail or {}
            by_before.setdefault((move.from_state, before.get("settled_by"), before.get("held")), []).append(move.case_id)
        for (state, settled_by, held), ids in by_before.items():
            values = {"state": state, "settled_by": settled_by, "held": held, "changed_by": who, "reason": None}
            connection.execute(update(CASE).where(CASE.c.id.in_(ids)).values(**values, changed_at=now()))
        back = [{"case_id": move.case_id, "from_state": move.to_state, "to_state": move.from_state} for move in part]
        connection.execute(insert(MOVE).values(at=now(), who=who, reason=None, detail={"undone": act}, act_id=None), back)
    connection.execute(update(ACT).where(ACT.c.id == act).values(ended_by=who, ended_at=now()))
    note(connection, "finding_undo", who, count=len(restored), act=act)
    return ActResult(act, len(restored), dict(others))


def _latest_steps(connection: Connection, cases: Sequence[int], since: int) -> set[int]:
    """Return the last move to another state of each case, from the move ``since`` on: those that were taken back do not count."""
    columns = (MOVE.c.id, MOVE.c.case_id, MOVE.c.act_id, MOVE.c.detail)
    query = select(*columns).where(MOVE.c.case_id.in_(cases), MOVE.c.id >= since, MOVE.c.from_state != MOVE.c.to_state)
    steps: dict[int, list[Any]] = defaultdict(list)
    for move in connection.execute(query.order_by(MOVE.c.id)):
        undone = (move.detail or {}).get("undone")
        if undone is None:
            steps[move.case_id].append(move)
        else:
            steps[move.case_id] = [step for step in steps[move.case_id] if step.act_id != undone]
    return {each[-1].id for each in steps.values() if each}


def waiting(connection: Connection, act: int) -> tuple[dict[int, int], list[int]]:
    """Return where the cases of an act are open though their finding is not there: filings with their agencies, and documents
    that are in none.
    """
    query = select(CASE.c.filing_id, FILING.c.agency_id, CASE.c.document_id).distinct()
    query = query.join(MOVE, MOVE.c.case_id == CASE.c.id).outerjoin(FILING, FILING.c.id == CASE.c.filing_id)
    open_ones = CASE.c.state.not_in([state.value for state in AT_END])
    rows = connection.execute(query.where(MOVE.c.act_id == act, ~CASE.c.present, open_ones)).all()
    filings = {row.filing_id: row.agency_id for row in rows if row.filing_id is not None}
    return filings, [row.document_id for row in rows if row.filing_id is None]
