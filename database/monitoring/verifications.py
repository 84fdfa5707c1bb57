"""What verifications of the originals and the rows have found, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from codebook.records import Record
from database.clock import now
from database.models import VerificationRow

KEPT = 200  # problems of one verification


class VerificationItem(Record, frozen=True):
    """A verification: who ran it, when it began and ended (database time), how much was compared, and the first problems."""

    id: int
    began_at: datetime
    ended_at: datetime
    who: str
    quick: bool
    counts: Mapping[str, int]
    problems: Sequence[Mapping[str, str | int]]


def moment(connection: Connection) -> datetime:
    """Return the database's time."""
    return connection.execute(select(now())).scalar_one()


def record(
    connection: Connection,
    began_at: datetime,
    counts: Mapping[str, int],
    problems: Sequence[Mapping[str, str | int]],
    *,
    who: str,
    quick: bool,
) -> None:
    """Keep the result of a verification, with the first :data:`KEPT` problems."""
    summary = {"counts": dict(counts), "problems": [dict(problem) for problem in problems[:KEPT]]}
    made = insert(VerificationRow).values(began_at=began_at, ended_at=now(), who=who[:100], quick=quick, summary=summary)
    connection.execute(made)


def latest(connection: Connection, limit: int = 10) -> list[VerificationItem]:
    """Return the last verifications, the newest first."""
    row = VerificationRow
    query = select(row.id, row.began_at, row.ended_at, row.who, row.quick, row.summary).order_by(row.id.desc()).limit(limit)
    return [
        VerificationItem(number, began, ended, who, quick, summary["counts"], summary["problems"])
        for number, began, ended, who, quick, summary in connection.execute(query).all()
    ]
