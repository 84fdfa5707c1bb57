"""Conditions on stage rows that several modules of the ledger ask for.

States are written out in the SQL, as in the conditions of the indexes (database.models): SQLite does not use a partial index
for a bound value.
"""

from __future__ import annotations

from sqlalchemy import and_, literal_column, or_

from database.clock import now
from database.models import Stage, StageState

UNFINISHED = (StageState.QUEUED, StageState.WAITING, StageState.RUNNING)
"""The states from which a stage goes on. All others are final."""

OPEN = Stage.state.in_([literal_column(f"'{state}'") for state in (StageState.QUEUED, StageState.WAITING)])
"""Nobody works on it."""
RUNNING = Stage.state == literal_column(f"'{StageState.RUNNING}'")
"""A process holds it."""
DUE = and_(OPEN, or_(Stage.next_attempt_at.is_(None), Stage.next_attempt_at <= now()))
"""It can be claimed now."""
EXPIRED = and_(RUNNING, Stage.lease_until < now())
"""A process held it and did not renew its lease in time."""
