"""The records of the ledger, and the rule of what follows a failed try."""

from __future__ import annotations

import random

from codebook.errors import CODES, ErrorClass
from codebook.records import Hints, Record, Status
from codebook.stages import STAGES, StageName
from database.models import StageState
from database.plain_records import Policy

# Faults of the machine: whatever document met them is not to blame, so its tries are not counted.
SYSTEM_CODES = frozenset({"database.unavailable", "store.unavailable", "disk.full", "broker.unavailable"})


class Fenced(Exception):  # noqa: N818 (not an error of anybody: the claim passed on)
    """The claim is no longer in force: its lease expired and another took over, or the document was discarded or started again.

    Whatever the stale worker was about to write is rolled back.
    """


class Registered(Record, frozen=True):
    """What became of an arrival, in the order of arrivals.

    ``duplicate``: the content was known before (or came twice in one call). ``new_source``: this content was not yet known
    at this path. ``stage_id`` is the first stage when there is work to do, else None.
    """

    document_id: int
    stage_id: int | None
    duplicate: bool
    new_source: bool


class Next(Record, frozen=True):
    """A stage that follows: of the whole document (page 0) or of one page."""

    stage: StageName
    page: int = 0

    @property
    def queue(self) -> str:
        """The queue of its first try."""
        return STAGES[self.stage].queue


class Queued(Record, frozen=True):
    """A stage row that is to be notified. Document and page are for people who watch messages (0: not known, or the whole)."""

    stage_id: int
    stage: StageName
    queue: str
    document_id: int = 0
    page: int = 0


class Claim(Record, frozen=True):
    """A piece of work that this process holds until its lease ends. ``attempts`` includes this one; ``fence`` proves the
    claim; ``block`` is the number of what was claimed together (None: this alone).
    """

    stage_id: int
    document_id: int
    run: int
    stage: StageName
    page: int
    fence: int
    attempts: int
    queue: str
    priority: int
    turn: int
    owner: str
    sha256: str
    media_type: str
    hints: Hints
    block: int | None = None


class Completed(Record, frozen=True):
    """What follows a completed stage: the next claim when the worker goes on in place, and stages to notify."""

    claim: Claim | None
    queued: tuple[Queued, ...] = ()


class Fault(Record, frozen=True):
    """Why a try failed: a code of the closed list, what was found, and a traceback (``detail``) when it is a bug."""

    code: str
    message: str
    detail: str | None = None


class Spent(Record, frozen=True):
    """What a try took: seconds by the clock and of processors, and the engine that read a picture, if one did."""

    seconds: float
    cpu_seconds: float | None = None
    engine: str | None = None


class Tries(Record, frozen=True):
    """How often a stage was tried, and how tries ended."""

    attempts: int
    crashes: int
    losses: int
    transients: int


class Decision(Record, frozen=True):
    """What follows a failed try: the stage's new state and counters, the outcome of the try, the pause before the next in
    seconds. ``alone``: the next try is in no block.
    """

    state: StageState
    tries: Tries
    outcome: str
    pause: float = 0.0
    status: Status | None = None
    alone: bool = False


def decide(code: str, tries: Tries, policy: Policy, *, in_block: bool = False) -> Decision:
    """Return what follows a try that failed with ``code``; ``tries`` already counts it in ``attempts``.

    Whatever ends a process in the middle of a block (``in_block``) may be the work of another document: such a try does not
    count, and the next one is alone. Only what happens to a document alone counts as its crash.

    Pauses have full jitter (uniform between 0 and the bound), so that a fault that hit many does not bring all back at once.
    """
    rule = CODES[code]
    uncounted = Tries(tries.attempts - 1, tries.crashes, tries.losses, tries.transients)
    if in_block and rule.kind is ErrorClass.CRASH:
        return Decision(StageState.WAITING, uncounted, "released", alone=True)
    if code in SYSTEM_CODES:
        return Decision(StageState.WAITING, uncounted, "retry", random.uniform(0.5, 1.0) * policy.system_seconds)
    crashes, losses, transients = tries.crashes, tries.losses, tries.transients
    final = StageState.REJECTED if rule.status is Status.REJECTED else StageState.FAILED
    if rule.kind is ErrorClass.PERMANENT:
        return Decision(final, tries, "failed", status=rule.status)
    if code == "worker.lost":
        losses += 1
        count, limit, outcome = losses, policy.loss_limit, "lost"
    elif rule.kind is ErrorClass.CRASH:
        crashes += 1
        count, limit, outcome = crashes, policy.crash_limit, "crashed"
    else:
        transients += 1
        count, limit, outcome = transients, policy.transient_limit, "retry"
    counted = Tries(tries.attempts, crashes, losses, transients)
    if count >= limit:
        return Decision(final, counted, "failed" if outcome == "retry" else outcome, status=rule.status)
    pause = random.uniform(0, min(policy.cap_seconds, policy.base_seconds * 2 ** (count - 1)))
    return Decision(StageState.WAITING, counted, outcome, pause)
