"""The runner of stages: claim, work, complete or fail, go on in place. The only place that turns what goes wrong into a fault.

A stage is a function from :class:`Work` to :class:`Outcome`, registered by :func:`stage`; it opens no transaction of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from billiard.exceptions import SoftTimeLimitExceeded
from sqlalchemy import Connection

from codebook.errors import GongkaiError
from codebook.records import Record
from database import ledger
from database.ledger import SYSTEM_CODES, Claim, Completed, Fault, Fenced, Next, Spent
from database.models import StageName
from database.session import reading, run_transaction
from runtime.failpoints import fail_here
from runtime.log import get_logger
from runtime.settings import load_settings
from workers.app import app, task_name
from workers.crash_report import StageTask
from workers.faults import fault_of
from workers.worker_context import Process, here, versions

R = TypeVar("R", bound=Record)

log = get_logger(__name__)

# A message's time limit holds for all stages that are done on it in place: with this share of it gone, the next gets its own.
_GO_ON_UNTIL = 0.3


@dataclass(frozen=True)
class Outcome:
    """What a stage made: the record to keep, the stages that follow, and rows of other rooms to write behind the fence.

    ``made_from`` is a digest of all that went into the output, by which it is found again (:meth:`Work.same_work`);
    ``versions`` are those that made it besides the code's and the codebook's; ``engine`` is what read a picture.
    """

    output: Record | None = None
    following: Sequence[Next] = ()
    extra: Callable[[Connection], None] | None = None
    made_from: str | None = None
    versions: Mapping[str, Any] = field(default_factory=dict)
    engine: str | None = None


class _Clock:
    """What has been spent since it was made, by the clock and of processors (programs that were called and ended included)."""

    def __init__(self) -> None:
        self._begun, self._cpu = time.monotonic(), self._used()

    @staticmethod
    def _used() -> float:
        return sum(os.times()[:4])

    def spent(self, engine: str | None = None) -> Spent:
        return Spent(time.monotonic() - self._begun, self._used() - self._cpu, engine)


@dataclass(frozen=True)
class Work:
    """A stage's view of its claim. ``before`` is the output of the stage done just before in this process, if any."""

    claim: Claim
    process: Process
    before: tuple[StageName, Record] | None = None

    @property
    def versions(self) -> dict[str, Any]:
        """The versions that make the result."""
        return versions()

    def original(self) -> bytes:
        """The document's bytes. Raises GongkaiError ``store.unavailable``."""
        return self.process.store.get(self.claim.sha256)

    def output_of(self, stage: StageName, kind: type[R]) -> R:
        """What ``stage`` made of this document. Raises LookupError when nothing is kept."""
        if self.before is not None and self.before[0] is stage and isinstance(self.before[1], kind):
            return self.before[1]
        with reading(self.process.engine) as connection:
            return ledger.output(connection, self.claim.document_id, stage, kind)

    def pages_of(self, stage: StageName, kind: type[R]) -> dict[int, R]:
        """What ``stage`` made of the pages of this document, by page."""
        with reading(self.process.engine) as connection:
            return ledger.outputs(connection, self.claim.document_id, stage, kind)

    def same_work(self, made_from: str, kind: type[R]) -> R | None:
        """What was made from the same before, of whatever document; None when nothing was."""
        with reading(self.process.engine) as connection:
            return ledger.same_work(connection, made_from, kind)

    def versions_of(self, stage: StageName) -> list[dict[str, Any]]:
        """The versions that made what ``stage`` made of this document, each set once."""
        with reading(self.process.engine) as connection:
            return ledger.output_versions(connection, self.claim.document_id, stage)


StageFunction = Callable[[Work], Outcome]

FUNCTIONS: dict[StageName, StageFunction] = {}
_JOINING: set[StageName] = set()


def stage(name: StageName, *, joins: bool = False) -> Callable[[StageFunction], StageFunction]:
    """Register a function as the stage ``name``, and as the Celery task ``gongkai.name`` with the stage's number as its
    argument.

    ``joins`` is for a stage that only writes what the stage before it made: where the worker goes on in place, both are
    completed in one transaction.
    """

    def register(function: StageFunction) -> StageFunction:
        FUNCTIONS[name] = function
        (_JOINING.add if joins else _JOINING.discard)(name)
        limit = load_settings().time_limit(name)
        options = {"name": task_name(name), "base": StageTask, "time_limit": limit, "soft_time_limit": 0.9 * limit}

        @app.task(**options)  # type: ignore[untyped-decorator]
        def task(stage_id: int) -> str:
            return run_stage(stage_id, name)

        return function

    return register


def run_stage(stage_id: int, name: StageName) -> str:
    """Claim the stage ``stage_id`` and do it, and in place what follows it; what a task does with its message.

    Gives a few words for people who watch messages. Raises nothing but SystemExit and KeyboardInterrupt, after giving the
    work back: a MemoryError that leaves a task would end the whole worker.
    """
    try:
        return _run(here(), stage_id, name)
    except (MemoryError, SoftTimeLimitExceeded) as error:  # outside of the work itself: recovery finds the message's stage again
        fault = fault_of(error, name)
        log.error("a message was given up", stage_id=stage_id, code=fault.code)
        return fault.code


def _run(process: Process, stage_id: int, name: StageName) -> str:
    started = time.monotonic()
    try:
        held = _claim(process, stage_id, name)
    except GongkaiError as error:  # the message is spent; recovery rings again when the database is back
        log.warning("nothing could be claimed", stage_id=stage_id, error=str(error))
        return error.code
    if held is None:
        return "taken already"
    before: tuple[StageName, Record] | None = None
    told = ""
    while held is not None:
        fail_here("after_claim")
        told = f"document {held.document_id}{f', page {held.page}' if held.page else ''}: {held.stage}"
        in_place = time.monotonic() - started < _GO_ON_UNTIL * process.settings.time_limit(name)
        clock = _Clock()
        result = _work(process, held, before, in_place)
        if isinstance(result, Fault):
            return f"{told}: {_fail(process, held, result, clock.spent())}"
        if result is None:
            return f"{told}: passed on"
        completed, output = result
        fail_here("before_ring")
        process.bell.ring(completed.queued)
        before = (held.stage, output) if output is not None else None
        held = completed.claim
    return f"{told}: done"


def _claim(process: Process, stage_id: int, name: StageName) -> Claim | None:
    lease, asked = process.settings.lease(name), False

    def claim(connection: Connection) -> Claim | None:
        nonlocal asked
        before, asked = asked, True
        held = ledger.claim(connection, stage_id, process.owner, lease)
        # The first time may have claimed it, and only the answer was lost.
        return ledger.claimed_before(connection, stage_id, process.owner, lease) if held is None and before else held

    return run_transaction(process.engine, claim, durable=False)


def _work(
    process: Process, held: Claim, before: tuple[StageName, Record] | None, in_place: bool
) -> tuple[Completed, Record | None] | Fault | None:
    """Do the stage and complete it. Gives what followed, the fault when it failed, or None when the claim had passed on."""
    clock = _Clock()
    with process.heart.beating(held):
        try:
            outcome = FUNCTIONS[held.stage](Work(held, process, before))
            fail_here("after_work")
            spent = clock.spent(outcome.engine)
            following = _in_place(held, outcome) if in_place else None
            if following in _JOINING:
                joined = _complete_both(process, held, outcome, spent)
                if joined is not None:
                    return joined, None
            return _complete(process, held, outcome, following is not None, spent), outcome.output
        except Fenced as error:
            log.warning("the work came too late and was dropped", stage=held.stage, why=str(error))
            return None
        except (SystemExit, KeyboardInterrupt):
            _give_back(process, held)
            raise
        # Nothing may leave a task; what is not known becomes `internal`, with its traceback.
        except Exception as error:  # noqa: BLE001
            return fault_of(error, held.stage)


def _in_place(held: Claim, outcome: Outcome) -> StageName | None:
    """The stage that this process can go on with, if there is one."""
    first = outcome.following[0] if len(outcome.following) == 1 else None
    return first.stage if first is not None and first.queue == held.queue and first.stage in FUNCTIONS else None


def _complete(process: Process, held: Claim, outcome: Outcome, go_on: bool, spent: Spent) -> Completed:
    # A result is worth waiting for as long as the lease holds. Only the last one must be on the disk: recovery does the
    # others again.
    durable, lease = held.stage is StageName.LOAD, process.settings.lease(held.stage)

    def complete(connection: Connection) -> Completed:
        completed = _write(connection, process, held, outcome, go_on=go_on, spent=spent)
        fail_here("before_commit")
        return completed

    completed = run_transaction(process.engine, complete, durable=durable, attempts=1000, patience=lease)
    fail_here("after_commit")
    return completed


def _complete_both(process: Process, held: Claim, outcome: Outcome, spent: Spent) -> Completed | None:
    """Complete a stage and, in the same transaction, the joining one that follows. None when the second could not be done:
    nothing is written then, and step by step it shows what is wrong under its own name.
    """
    before = None if outcome.output is None else (held.stage, outcome.output)

    def complete(connection: Connection) -> Completed:
        completed = _write(connection, process, held, outcome, go_on=True, spent=spent)
        following = completed.claim
        if following is not None:  # else an earlier commit, whose answer was lost, has done both
            clock = _Clock()
            second = FUNCTIONS[following.stage](Work(following, process, before))
            completed = _write(connection, process, following, second, go_on=False, spent=clock.spent())
        fail_here("before_commit")
        return completed

    try:
        completed = run_transaction(process.engine, complete, attempts=1000, patience=process.settings.lease(held.stage))
    except (Fenced, MemoryError, SoftTimeLimitExceeded):
        raise
    except Exception as error:  # whatever it is, it comes again step by step
        if fault_of(error, held.stage).code in SYSTEM_CODES:
            raise
        log.debug("two stages could not be completed together", stage=held.stage, error=str(error))
        return None
    fail_here("after_commit")
    return completed


def _write(connection: Connection, process: Process, held: Claim, outcome: Outcome, *, go_on: bool, spent: Spent) -> Completed:
    return ledger.complete(
        connection,
        held,
        outcome.output,
        {**versions(), **outcome.versions},
        outcome.following,
        claim_next=go_on,
        lease_seconds=process.settings.lease(held.stage),
        spent=spent,
        extra=outcome.extra,
        made_from=outcome.made_from,
    )


def _fail(process: Process, held: Claim, fault: Fault, spent: Spent) -> str:
    told = {"document_id": held.document_id, "stage": held.stage, "page": held.page, "code": fault.code}
    policy = process.settings.policy
    try:
        state = run_transaction(process.engine, lambda c: ledger.fail(c, held, fault, policy, versions=versions(), spent=spent))
    except Fenced:
        log.warning("the failure came too late and was dropped", **told)
        return "passed on"
    except GongkaiError as error:  # the database is away, or its disk is full: that is not the document's fault
        process.heart.owe(held)
        log.warning("the failure could not be noted", error=str(error), **told)
        return error.code
    log.info("a try failed", state=state, attempts=held.attempts, message=fault.message, **told)
    return f"{state} {fault.code}"


def _give_back(process: Process, held: Claim) -> None:
    try:
        run_transaction(process.engine, lambda c: ledger.release(c, held), attempts=2)
    except GongkaiError as error:
        log.warning("the work could not be given back; its lease will lapse", stage_id=held.stage_id, error=str(error))
