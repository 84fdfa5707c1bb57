"""Map an exception to a fault of the closed list."""

from __future__ import annotations

import traceback

from billiard.exceptions import SoftTimeLimitExceeded

from codebook.errors import GongkaiError
from codebook.stages import STAGES, StageName
from database.ledger import Fault
from database.session import fault_code

_DETAIL = 20_000


def time_limit_reached(stage: StageName, limit: float | None = None) -> Fault:
    """Return the fault of a process that was ended at the time limit of ``stage`` (``limit`` in seconds)."""
    found = f"the time limit of {limit:.0f} s was reached" if limit else "the time limit was reached"
    return Fault(STAGES[stage].timeout_code, found)


def fault_of(error: BaseException, stage: StageName) -> Fault:
    """Return the fault that ``error`` is in ``stage``: its own code, a fault of the machine, of memory or time, or else a bug
    with its traceback.
    """
    if isinstance(error, GongkaiError):
        return Fault(error.code, str(error).removeprefix(f"{error.code}: "), _trace(error) if error.code == "internal" else None)
    if isinstance(error, MemoryError):
        return Fault("worker.out_of_memory", f"{type(error).__name__}: {error}".strip(": "))
    if isinstance(error, SoftTimeLimitExceeded):
        return time_limit_reached(stage)
    code = fault_code(error)
    if code is not None:
        return Fault(code, f"{type(error).__name__}: {error}")
    return Fault("internal", f"{type(error).__name__}: {error}"[:2000], _trace(error))


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-_DETAIL:]
