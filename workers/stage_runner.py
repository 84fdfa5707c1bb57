"""The runner of stages: claim, work, complete or fail, go on in place. The only place that turns what goes wrong into a fault.

A stage is a function from :class:`Work` to :class:`StageResult`, registered by :func:`stage`; it opens no transaction of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import msgspec
from billiard.exceptions import SoftTimeLimitExceeded
from sqlalchemy import Connection

from codebook.errors import CODES, ErrorClass, GongkaiError
from codebook.records import Record
from codebook.stages import LAST, STAGES, StageName
from database import ledger
from database.ledger import SYSTEM_CODES, Claim, Completed, Fault, Fenced, Next, Queued, Spent
from database.session import reading, run_transaction
from runtime.failpoints import fail_here
from runtime.log import get_logger
from runtime.settings import load_settings
from workers.app import app, task_name
from workers.crash_report import StageTask
from workers.faults import fault_of, time_limit_reached
from workers.worker_context import WorkerContext, current_context, versions

R = TypeVar("R", bound=Record)

log = get_logger(__name__)

# A message's time limit covers all stages that are done on it in place. Beyond this share of it the next stage gets a message of
# its own.
_IN_PLACE_SHARE = 0.3
# The same for the next document of a block, which is given back: so each has nearly the whole time limit for itself.
_BLOCK_SHARE = 0.1
# Beyond this share of it the work is interrupted (the soft limit); at the whole of it the process is killed.
_SOFT_SHARE = 0.9
# The first document of a block that is completed this long after the last wait for the disk waits for it, and so does the last.
_DURABLE_SECONDS = 1.0


@dataclass(frozen=True)
class StageResult:
    """What a stage made: the record to keep, the stages that follow, and rows of other rooms to write behind the fence.

    ``passing``: only the stage that follows needs the output, which is not kept where both are completed together.
    ``made_from`` is a digest of all that went into the output, by which it is found again (:meth:`Work.same_work`);
    ``versions`` are those that made it besides the code's and the codebook's; ``engine`` is what read a picture.
    """

    output: Record | None = None
    following: Sequence[Next] = ()
    extra: Callable[[Connection], None] | None = None
    passing: bool = False
    made_from: str | None = None
    versions: Mapping[str, Any] = field(default_factory=dict)
    engine: str | None = None


class _Stopwatch:
    """Time since it was made: by the clock, and of processors (programs that were called and have ended included)."""

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
    context: WorkerContext
    before: tuple[StageName, Record] | None = None

    @property
    def versions(self) -> dict[str, Any]:
        """The versions that make the result."""
        return versions()

    def original(self) -> bytes:
        """Return the document's bytes. Raises GongkaiError ``store.unavailable``."""
        return self.context.store.get(self.claim.sha256)

    def output_of(self, stage: StageName, kind: type[R]) -> R:
        """Return what ``stage`` made of this document. Raises LookupError when nothing is kept."""
        if self.before is not None and self.before[0] is stage and isinstance(self.before[1], kind):
            return self.before[1]
        with reading(self.context.engine) as connection:
            return ledger.output(connection, self.claim.document_id, stage, kind)

    def pages_of(self, stage: StageName, kind: type[R]) -> dict[int, R]:
        """Return what ``stage`` made of the pages of this document, by page."""
        with reading(self.context.engine) as connection:
            return ledger.outputs(connection, self.claim.document_id, stage, kind)

    def same_work(self, made_from: str, kind: type[R]) -> R | None:
        """Return what was made from the same before, of whatever document; None when nothing was."""
        with reading(self.context.engine) as connection:
            return ledger.same_work(connection, made_from, kind)

    def versions_of(self, stage: StageName) -> list[dict[str, Any]]:
        """Return the versions that made what ``stage`` made of this document, each set once."""
        with reading(self.context.engine) as connection:
            return ledger.output_versions(connection, self.claim.document_id, stage)


StageFunction = Callable[[Work], StageResult]


@dataclass
class StageRegistry:
    """The functions of the stages. A stage in ``joining`` only writes what the stage before it made: where the worker goes on in
    place, both are completed in one transaction.
    """

    functions: dict[StageName, StageFunction] = field(default_factory=dict)
    joining: set[StageName] = field(default_factory=lambda: {name for name, spec in STAGES.items() if spec.joins})


REGISTRY = StageRegistry()
"""The stages of this process, filled by the task modules when they are imported."""


def stage(name: StageName) -> Callable[[StageFunction], StageFunction]:
    """Register a function as the stage ``name``, and as the Celery task ``gongkai.name`` whose argument is the number of a stage
    row, or a list of them.
    """

    def register(function: StageFunction) -> StageFunction:
        REGISTRY.functions[name] = function
        limit = load_settings().time_limit(name)
        options = {"name": task_name(name), "base": StageTask, "time_limit": limit, "soft_time_limit": _SOFT_SHARE * limit}

        @app.task(**options)  # type: ignore[untyped-decorator]
        def task(stages: int | list[int]) -> str:
            return StageRunner(current_context()).run(stages, name)

        return function

    return register


@dataclass(frozen=True)
class _Finished:
    """A stage that was done and is not yet completed."""

    claim: Claim
    result: StageResult
    spent: Spent

    @property
    def made(self) -> tuple[StageName, Record] | None:
        return None if self.result.output is None else (self.claim.stage, self.result.output)


@dataclass(frozen=True)
class _Outcome:
    """What was done of a document of a block: its steps, then the fault that ended it, or the joining stage that is left."""

    steps: Sequence[_Finished]
    fault: Fault | None = None
    spent: Spent | None = None
    joining: bool = False

    def goes_on(self, number: int) -> bool:
        """Return whether anything follows in place after this number of steps."""
        return number < len(self.steps) or self.joining or self.fault is not None


class StageRunner:
    """Runs stages in this process: claims a stage, does it, completes it, and goes on with what follows in place.

    A stage alone is completed before the next one is begun, so that its document goes on from there if the process dies. The
    documents of a block are claimed together, and all that is done of one is completed in one transaction.
    """

    def __init__(self, context: WorkerContext, registry: StageRegistry = REGISTRY) -> None:
        self._context = context
        self._registry = registry

    def run(self, stages: int | Sequence[int], name: StageName) -> str:
        """Claim the stage ``stages``, or a block of them, and do it, and in place what follows it; what a task does with its
        message.

        Return a few words for people who watch messages. Raises nothing but SystemExit and KeyboardInterrupt, after giving the
        work back: a MemoryError that leaves a task would end the whole worker.
        """
        try:
            if isinstance(stages, int):
                return self._run(stages, name)
            return self._run_block(stages, name)
        except (MemoryError, SoftTimeLimitExceeded) as error:  # outside of the work itself: the rescuer finds the stage again
            fault = fault_of(error, name)
            log.error("a message was given up", stages=stages, code=fault.code)
            return fault.code

    def _run(self, stage_id: int, name: StageName) -> str:
        started = time.monotonic()
        try:
            claim = self._claim(stage_id, name)
        except GongkaiError as error:  # the message is spent; the rescuer sends another when the database is back
            log.warning("nothing could be claimed", stage_id=stage_id, error=str(error))
            return error.code
        if claim is None:
            return "taken already"
        return self._go_on(claim, None, started)

    def _go_on(self, claim: Claim | None, before: tuple[StageName, Record] | None, started: float) -> str:
        described = ""
        while claim is not None:
            fail_here("after_claim", claim)
            described = f"document {claim.document_id}{f', page {claim.page}' if claim.page else ''}: {claim.stage}"
            stopwatch = _Stopwatch()
            result = self._work(claim, before, stopwatch, started)
            if isinstance(result, Fault):
                return f"{described}: {self._fail(claim, result, stopwatch.spent())}"
            if result is None:
                return f"{described}: passed on"
            completed, output = result
            fail_here("before_notify", claim)
            self._context.notifier.notify(completed.queued)
            before = (claim.stage, output) if output is not None else None
            claim = completed.claim
        return f"{described}: done"

    def _claim(self, stage_id: int, name: StageName) -> Claim | None:
        lease, owner, tried = self._context.settings.lease(name), self._context.owner, False

        def claim(connection: Connection) -> Claim | None:
            nonlocal tried
            again, tried = tried, True
            claimed = ledger.claim(connection, stage_id, owner, lease)
            # The first try may have claimed it, and only the answer was lost.
            return ledger.claimed_before(connection, stage_id, owner, lease) if claimed is None and again else claimed

        return run_transaction(self._context.engine, claim, durable=False)

    def _work(
        self, claim: Claim, before: tuple[StageName, Record] | None, stopwatch: _Stopwatch, started: float
    ) -> tuple[Completed, Record | None] | Fault | None:
        """Do the stage and complete it. Return what followed, the fault if it failed, or None if the claim had passed on."""
        in_place = self._used_share(claim, started) < _IN_PLACE_SHARE
        with self._context.heartbeat.renewing([claim]):
            try:
                result = self._registry.functions[claim.stage](Work(claim, self._context, before))
                fail_here("after_work", claim)
                spent = stopwatch.spent(result.engine)
                following = self._in_place(claim, result) if in_place else None
                if following in self._registry.joining:
                    joined = self._complete_both(claim, result, spent)
                    if joined is not None:
                        return joined, None
                return self._complete(claim, result, following is not None, spent), result.output
            except Fenced as error:
                log.warning("the work came too late and was dropped", stage=claim.stage, why=str(error))
                return None
            except (SystemExit, KeyboardInterrupt):
                self._release(self._fail_late([claim], started, stopwatch.spent()))
                raise
            # Nothing may leave a task; an unknown error becomes `internal`, with its traceback.
            except Exception as error:  # noqa: BLE001
                return fault_of(error, claim.stage)

    def _in_place(self, claim: Claim, result: StageResult) -> StageName | None:
        """Return the stage that this process can go on with, if there is one."""
        first = result.following[0] if len(result.following) == 1 else None
        if first is None or first.queue != STAGES[claim.stage].queue or first.stage not in self._registry.functions:
            return None
        return first.stage

    def _complete(self, claim: Claim, result: StageResult, go_on: bool, spent: Spent) -> Completed:
        # A result is worth waiting for as long as the lease holds. Only the last one must be on the disk: the rescuer repeats the
        # others.
        durable, lease = claim.stage is LAST, self._context.settings.lease(claim.stage)

        def complete(connection: Connection) -> Completed:
            completed = self._write(connection, claim, result, go_on=go_on, spent=spent)
            fail_here("before_commit", claim)
            return completed

        completed = run_transaction(self._context.engine, complete, durable=durable, attempts=1000, patience=lease)
        fail_here("after_commit", claim)
        return completed

    def _complete_both(self, claim: Claim, result: StageResult, spent: Spent) -> Completed | None:
        """Complete a stage and, in the same transaction, the joining one that follows. Return None if the second could not be
        done: nothing is written then, and step by step its fault appears under its own name.
        """
        before = None if result.output is None else (claim.stage, result.output)

        def complete(connection: Connection) -> Completed:
            completed = self._write(connection, claim, _joined(result), go_on=True, spent=spent)
            following = completed.claim
            if following is not None:  # else an earlier commit, whose answer was lost, has done both
                stopwatch = _Stopwatch()
                second = self._registry.functions[following.stage](Work(following, self._context, before))
                completed = self._write(connection, following, second, go_on=False, spent=stopwatch.spent())
            fail_here("before_commit", claim)
            return completed

        lease = self._context.settings.lease(claim.stage)
        try:
            completed = run_transaction(self._context.engine, complete, attempts=1000, patience=lease)
        except (Fenced, MemoryError, SoftTimeLimitExceeded):
            raise
        except Exception as error:  # it comes again step by step
            if fault_of(error, claim.stage).code in SYSTEM_CODES:
                raise
            log.debug("two stages could not be completed together", stage=claim.stage, error=str(error))
            return None
        fail_here("after_commit", claim)
        return completed

    def _write(self, connection: Connection, claim: Claim, result: StageResult, *, go_on: bool, spent: Spent) -> Completed:
        return ledger.complete(
            connection,
            claim,
            result.output,
            {**versions(), **result.versions},
            result.following,
            claim_next=go_on,
            lease_seconds=self._context.settings.lease(claim.stage),
            spent=spent,
            extra=result.extra,
            made_from=result.made_from,
        )

    def _fail(self, claim: Claim, fault: Fault, spent: Spent | None) -> str:
        facts = {"document_id": claim.document_id, "stage": claim.stage, "page": claim.page, "code": fault.code}
        policy, engine = self._context.settings.policy, self._context.engine
        try:
            state = run_transaction(engine, lambda c: ledger.fail(c, claim, fault, policy, versions=versions(), spent=spent))
        except Fenced:
            log.warning("the failure came too late and was dropped", **facts)
            return "passed on"
        except GongkaiError as error:  # the database is away, or its disk is full: that is not the document's fault
            self._context.heartbeat.release_later(claim)
            log.warning("the failure could not be noted", error=str(error), **facts)
            return error.code
        log.info("a try failed", state=state, attempts=claim.attempts, message=fault.message, **facts)
        return f"{state} {fault.code}"

    def _used_share(self, claim: Claim, started: float) -> float:
        """Return the share of its time limit that the message used that began at ``started``."""
        return (time.monotonic() - started) / self._context.settings.time_limit(claim.stage)

    def _fail_late(self, held: Sequence[Claim], started: float, spent: Spent | None = None) -> list[Claim]:
        """Count the try of the first of ``held``, which was being done when the process was asked to end, if it outlived the
        soft limit. Return the others, which can be given back.

        Celery's pool asks a process to end at the time limit too, and kills it a moment later: were such a try given back, it
        would not count, and work that hangs would be tried for ever.
        """
        late = list(held[:1]) if held and self._used_share(held[0], started) >= _SOFT_SHARE else []
        for claim in late:
            self._fail(claim, time_limit_reached(claim.stage, self._context.settings.time_limit(claim.stage)), spent)
        return list(held[len(late) :])

    def _release(self, claims: Sequence[Claim]) -> None:
        if not claims:
            return

        def release(connection: Connection) -> None:
            # In the order of their numbers, as the heartbeat locks them.
            for claim in sorted(claims, key=lambda claim: claim.stage_id):
                ledger.release(connection, claim)

        try:
            run_transaction(self._context.engine, release, attempts=2)
        except GongkaiError as error:
            held = [claim.stage_id for claim in claims]
            log.warning("the work could not be given back", stages=held, error=str(error))
            for claim in claims:
                self._context.heartbeat.release_later(claim)

    # ---- blocks ----

    def _run_block(self, stages: Sequence[int], name: StageName) -> str:
        started = synced = time.monotonic()
        try:
            left = self._claim_block(stages, name)
        except GongkaiError as error:  # as for a stage alone
            log.warning("nothing could be claimed", stages=stages, error=str(error))
            return error.code
        if not left:
            return "taken already"
        taken, limit = len(left), _BLOCK_SHARE * self._context.settings.time_limit(name)
        with self._context.heartbeat.renewing(left):
            try:
                while left and time.monotonic() - started < limit:
                    done = self._perform(left[0], started)
                    durable = len(left) == 1 or time.monotonic() - synced >= _DURABLE_SECONDS
                    synced = time.monotonic() if durable else synced
                    goes_on = self._end_member(left[0], done, started, durable)
                    self._context.heartbeat.drop(left.pop(0))
                    if not goes_on:
                        break
            except (SystemExit, KeyboardInterrupt):
                left = self._fail_late(left, started)
                raise
            finally:
                self._release(left)  # nobody has begun them, or the worker is to end
        return f"{taken - len(left)} of {len(stages)} documents"

    def _claim_block(self, stages: Sequence[int], name: StageName) -> list[Claim]:
        lease, owner, tried = self._context.settings.lease(name), self._context.owner, False

        def claim(connection: Connection) -> list[Claim]:
            nonlocal tried
            again, tried = tried, True
            claims = {claim.stage_id: claim for claim in ledger.claim_block(connection, stages, owner, lease)}
            if again:  # the first try may have claimed them, and only the answer was lost
                known = (ledger.claimed_before(connection, one, owner, lease) for one in sorted(stages) if one not in claims)
                claims |= {claim.stage_id: claim for claim in known if claim is not None}
            return [claims[one] for one in dict.fromkeys(stages) if one in claims]

        return run_transaction(self._context.engine, claim, durable=False)

    def _end_member(self, claim: Claim, done: _Outcome, started: float, durable: bool) -> bool:
        """Complete a document of a block. Return whether the process is fit for the next one."""
        try:
            queued = self._complete_member(claim, done, durable)
        except Fenced as error:
            log.warning("the work came too late and was dropped", stage=claim.stage, why=str(error))
            return True
        except Exception as error:  # noqa: BLE001 (as for a stage alone)
            fault = fault_of(error, claim.stage)
            if _is_fit(fault):
                self._step_by_step(claim, done, started)
                return True
            self._fail(claim, fault, done.spent)
            return False
        for step in done.steps:
            fail_here("before_notify", step.claim)
        self._context.notifier.notify(queued)
        return done.fault is None or _is_fit(done.fault)

    def _perform(self, claim: Claim, started: float) -> _Outcome:
        """Do a stage and what follows it in place, and write nothing. Faults are part of what is returned."""
        steps: list[_Finished] = []
        while True:
            fail_here("after_claim", claim)
            stopwatch = _Stopwatch()
            try:
                result = self._registry.functions[claim.stage](Work(claim, self._context, steps[-1].made if steps else None))
                fail_here("after_work", claim)
            except Exception as error:  # noqa: BLE001 (as for a stage alone)
                return _Outcome(steps, fault_of(error, claim.stage), stopwatch.spent())
            steps.append(_Finished(claim, result, stopwatch.spent(result.engine)))
            in_place = self._used_share(claim, started) < _IN_PLACE_SHARE
            following = self._in_place(claim, result) if in_place else None
            if following is None or following in self._registry.joining:
                return _Outcome(steps, joining=following is not None)
            # As it will be claimed when the steps before it are completed.
            changed = {"stage": following, "page": 0, "queue": STAGES[following].queue}
            claim = msgspec.structs.replace(claim, stage_id=0, fence=1, attempts=1, **changed)

    def _complete_member(self, held: Claim, done: _Outcome, durable: bool) -> list[Queued]:
        """Complete all that was done of a document in one transaction. Return what is to be notified."""
        policy = self._context.settings.policy

        def complete(connection: Connection) -> list[Queued]:
            claim: Claim | None = held
            queued: list[Queued] = []
            for number, step in enumerate(done.steps, 1):
                if claim is None:  # an earlier commit, whose answer was lost, has done all of this
                    return queued
                result = _joined(step.result) if done.joining and number == len(done.steps) else step.result
                completed = self._write(connection, claim, result, go_on=done.goes_on(number), spent=step.spent)
                queued += completed.queued
                fail_here("before_commit", step.claim)
                claim = completed.claim
            if claim is not None and done.joining:
                stopwatch = _Stopwatch()
                second = self._registry.functions[claim.stage](Work(claim, self._context, done.steps[-1].made))
                self._write(connection, claim, second, go_on=False, spent=stopwatch.spent())
            elif claim is not None and done.fault is not None:
                ledger.fail(connection, claim, done.fault, policy, versions=versions(), spent=done.spent)
            return queued

        lease = self._context.settings.lease(held.stage)
        queued = run_transaction(self._context.engine, complete, durable=durable, attempts=1000, patience=lease)
        for step in done.steps:
            fail_here("after_commit", step.claim)
        return queued

    def _step_by_step(self, held: Claim, done: _Outcome, started: float) -> None:
        """Complete each step in a transaction of its own, so that the fault of one that cannot be written has its own name."""
        claim: Claim | None = held
        for number, step in enumerate(done.steps, 1):
            if claim is None:
                return
            try:
                completed = self._complete(claim, step.result, done.goes_on(number), step.spent)
            except Fenced as error:
                log.warning("the work came too late and was dropped", stage=claim.stage, why=str(error))
                return
            except Exception as error:  # noqa: BLE001 (as for a stage alone)
                self._fail(claim, fault_of(error, claim.stage), step.spent)
                return
            self._context.notifier.notify(completed.queued)
            claim = completed.claim
        if claim is not None and done.fault is not None:
            self._fail(claim, done.fault, done.spent or Spent(0.0))
        elif claim is not None:
            self._go_on(claim, done.steps[-1].made if done.steps else None, started)


def _joined(result: StageResult) -> StageResult:
    """Return what is written of a result where the joining stage that follows is completed with it."""
    return replace(result, output=None) if result.passing else result


def _is_fit(fault: Fault) -> bool:
    """Return whether a process that met ``fault`` can go on with other documents: neither the machine, nor memory, nor time."""
    return fault.code not in SYSTEM_CODES and CODES[fault.code].kind is not ErrorClass.CRASH
