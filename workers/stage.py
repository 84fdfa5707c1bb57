"""The runner of stages: claim, work, complete or fail, go on in place. The only place that turns what goes wrong into a fault.

A stage is a function from :class:`Work` to :class:`Outcome`, registered by :func:`stage`; it opens no transaction of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from billiard.exceptions import SoftTimeLimitExceeded
from sqlalchemy import Connection

from codebook.errors import GongkaiError
from codebook.records import Record
from database import ledger
from database.ledger import Claim, Completed, Fault, Fenced, Next
from database.models import StageName
from database.session import reading, run_transaction
from workers.app import app, task_name
from workers.failpoints import fail_here
from workers.faults import fault_of
from workers.log import get_logger
from workers.process import Process, here, versions
from workers.request import StageTask
from workers.settings import load_settings

R = TypeVar("R", bound=Record)

log = get_logger(__name__)

# A message's time limit holds for all stages that are done on it in place: with this share of it gone, the next gets its own.
_GO_ON_UNTIL = 0.3


@dataclass(frozen=True)
class Outcome:
    """What a stage made: the record to keep, the stages that follow, and rows of other rooms to write behind the fence."""

    output: Record | None = None
    following: Sequence[Next] = ()
    extra: Callable[[Connection], None] | None = None


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


StageFunction = Callable[[Work], Outcome]

FUNCTIONS: dict[StageName, StageFunction] = {}


def stage(name: StageName) -> Callable[[StageFunction], StageFunction]:
    """Register a function as the stage ``name``, and as the Celery task ``gongkai.name`` with the stage's number as its
    argument.
    """

    def register(function: StageFunction) -> StageFunction:
        FUNCTIONS[name] = function
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
        fault = fault_of(error)
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
        told = str(held.stage)
        in_place = time.monotonic() - started < _GO_ON_UNTIL * process.settings.time_limit(name)
        result = _work(process, held, before, in_place)
        if isinstance(result, Fault):
            return f"{told}: {_fail(process, held, result)}"
        if result is None:
            return f"{told}: passed on"
        completed, output = result
        fail_here("before_ring")
        process.bell.ring(completed.queued)
        before = (held.stage, output) if output is not None else None
        held = completed.claim
    return f"{told}: done"


def _claim(process: Process, stage_id: int, name: StageName) -> Claim | None:
    lease = process.settings.lease(name)
    return run_transaction(process.engine, lambda c: ledger.claim(c, stage_id, process.owner, lease), durable=False)


def _work(
    process: Process, held: Claim, before: tuple[StageName, Record] | None, in_place: bool
) -> tuple[Completed, Record | None] | Fault | None:
    """Do the stage and complete it. Gives what followed, the fault when it failed, or None when the claim had passed on."""
    begun = time.monotonic()
    with process.heart.beating(held):
        try:
            outcome = FUNCTIONS[held.stage](Work(held, process, before))
            fail_here("after_work")
            return _complete(process, held, outcome, in_place, time.monotonic() - begun), outcome.output
        except Fenced as error:
            log.warning("the work came too late and was dropped", stage=held.stage, why=str(error))
            return None
        except (SystemExit, KeyboardInterrupt):
            _give_back(process, held)
            raise
        # Nothing may leave a task; what is not known becomes `internal`, with its traceback.
        except Exception as error:  # noqa: BLE001
            return fault_of(error)


def _complete(process: Process, held: Claim, outcome: Outcome, in_place: bool, seconds: float) -> Completed:
    first = outcome.following[0] if len(outcome.following) == 1 else None
    go_on = in_place and first is not None and first.queue == held.queue and first.stage in FUNCTIONS
    lease = process.settings.lease(held.stage)

    def complete(connection: Connection) -> Completed:
        completed = ledger.complete(
            connection,
            held,
            outcome.output,
            versions(),
            outcome.following,
            claim_next=go_on,
            lease_seconds=lease,
            seconds=seconds,
            extra=outcome.extra,
        )
        fail_here("before_commit")
        return completed

    # A result is worth waiting for as long as the lease holds. Only the last one must be on the disk: recovery does the
    # others again.
    completed = run_transaction(process.engine, complete, durable=held.stage is StageName.LOAD, attempts=1000, patience=lease)
    fail_here("after_commit")
    return completed


def _fail(process: Process, held: Claim, fault: Fault) -> str:
    told = {"document_id": held.document_id, "stage": held.stage, "page": held.page, "code": fault.code}
    policy = process.settings.policy
    try:
        state = run_transaction(process.engine, lambda c: ledger.fail(c, held, fault, policy, versions=versions()))
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
