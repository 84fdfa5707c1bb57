"""What a batch took, and how long the rest will take: sums of the tries that the ledger keeps.

Every function takes a connection and runs a constant number of statements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select, union_all

from codebook.records import Record, Status
from codebook.stages import FIRST, PAGE_STAGE, STAGES, StageName, followers
from database.clock import now
from database.ledger import sums
from database.ledger.conditions import OPEN, RUNNING, UNFINISHED
from database.ledger.sums import TriedSum
from database.models import Attempt, Batch, Document, Failure, Stage, StageState

# A forecast rests on the tries that ended within the first of these times in which any did.
WINDOWS = (120.0, 1800.0)
_TRIES = 3_000
"""A forecast rests on the tries of the documents that are meant, among this number of the last of all."""


class StageSpent(Record, frozen=True):
    """What the tries at a stage took, with one engine (empty: none is used, or what it had read before was found again).

    ``seconds`` of work and ``cpu_seconds`` of processors are sums over all processes; ``wall_seconds`` run from the first start
    to the last end. ``done`` and ``failed`` count tries; those that go on, or were given back, are in ``tries`` alone.
    """

    stage: str
    engine: str
    tries: int
    done: int
    failed: int
    seconds: float
    cpu_seconds: float
    wall_seconds: float


class Throughput(Record, frozen=True):
    """What the documents of a batch took. ``began`` and ``ended`` are the first beginning and the last end of a try."""

    batch: str
    documents: int
    open: int
    pages: int
    size: int
    began: datetime | None
    ended: datetime | None
    stages: tuple[StageSpent, ...]
    failures: dict[str, int]

    @property
    def wall_seconds(self) -> float:
        """From the first beginning to the last end."""
        return (self.ended - self.began).total_seconds() if self.began and self.ended else 0.0

    @property
    def cpu_seconds(self) -> float:
        """Of all stages."""
        return sum(stage.cpu_seconds for stage in self.stages)

    @property
    def per_second(self) -> float:
        """Documents that came to their end, per second of ``wall_seconds``."""
        return (self.documents - self.open) / self.wall_seconds if self.wall_seconds else 0.0


def of_batch(connection: Connection, name: str) -> Throughput | None:
    """Return what the documents that were first found in the batch ``name`` took; None if there is no such batch.

    While some are open it is what they took until now. Tries of all runs count: what was done again was work too.
    """
    batch = connection.scalar(select(Batch.id).where(Batch.name == name))
    if batch is None:
        return None
    mine = Document.batch_id == batch
    counts = select(func.count(), func.count().filter(Document.status == Status.PROCESSING), *_sums()).where(mine)
    documents, still, pages, size = connection.execute(counts).one()
    failed = select(Failure.code, func.count()).join(Document, Document.id == Failure.document_id).where(mine)
    codes = connection.execute(failed.group_by(Failure.code).order_by(Failure.code))
    tried = sums.of_batch(connection, batch)
    spent = _by_stage_and_engine(tried)
    return Throughput(
        name,
        documents,
        still,
        int(pages),
        int(size),
        min((one.began for one in tried if one.began), default=None),
        max((one.ended for one in tried if one.ended), default=None),
        spent,
        dict(codes.all()),
    )


def _by_stage_and_engine(tried: Sequence[TriedSum]) -> tuple[StageSpent, ...]:
    found = sums.together(tried, "stage", "engine")
    found.sort(key=lambda one: (list(STAGES).index(StageName(one.stage)), one.engine))
    return tuple(
        StageSpent(
            one.stage, one.engine, one.tries, one.done, one.failed, one.seconds, one.cpu_seconds, _between(one.began, one.ended)
        )
        for one in found
    )


def _sums() -> tuple[ColumnElement[int], ColumnElement[int]]:
    return func.coalesce(func.sum(Document.pages), 0), func.coalesce(func.sum(Document.size), 0)


def _between(first: datetime | None, last: datetime | None) -> float:
    return (last - first).total_seconds() if first and last else 0.0


# ---- what is left -----------------------------------------------------------------------------------------------------------


class StageBacklog(Record, frozen=True):
    """How many pieces of work of a stage, of documents of a media type, are in a state."""

    media_type: str
    stage: str
    state: str
    count: int


class StagePace(Record, frozen=True):
    """How work goes: seconds of work that are done in a second (busy processes), on pictures and on all else, and the mean
    seconds of a try by stage.
    """

    on_pictures: float
    on_others: float
    means: dict[str, float]


def seconds_left(
    connection: Connection, counts: Sequence[StageBacklog], conditions: Sequence[ColumnElement[bool]]
) -> float | None:
    """Return the seconds that the open stages of ``counts`` take at the present pace; None: unknown.

    ``conditions`` on gk_document say whose tries show how it goes.
    """
    if not any(count.state in UNFINISHED for count in counts):
        return 0.0
    for window in WINDOWS:
        pace = _pace(connection, window, conditions)
        if pace is not None and (left := forecast(counts, pace)) is not None:
            return left
    return None


def left_of_batch(connection: Connection, name: str) -> float | None:
    """Return the seconds that the open stages of the documents that were first found in the batch ``name`` take at the present
    pace, as :func:`seconds_left` does, from the sums of its tries and the indexes of what is open; None: unknown.
    """
    batch = connection.scalar(select(Batch.id).where(Batch.name == name))
    if batch is None:
        return None
    due = select(Stage.stage, Stage.state, Stage.document_id).where(OPEN)
    work = union_all(due, select(Stage.stage, Stage.state, Stage.document_id).where(RUNNING)).subquery()
    columns = (Document.media_type, work.c.stage, work.c.state)
    still = select(*columns, func.count()).join(Document, Document.id == work.c.document_id)
    rows = connection.execute(still.where(Document.batch_id == batch).group_by(*columns))
    counts = [StageBacklog(*row) for row in rows]
    tried = sums.of_batch(connection, batch)
    counts += [StageBacklog(one.media_type, one.stage, StageState.DONE, one.done) for one in tried if one.done]
    return seconds_left(connection, counts, [Document.batch_id == batch])


def _pace(connection: Connection, window: float, conditions: Sequence[ColumnElement[bool]]) -> StagePace | None:
    ended = (Attempt.ended_at > now(-window), Attempt.outcome == "done", Attempt.seconds.is_not(None))
    columns = (Attempt.stage_id, Attempt.seconds, Attempt.started_at)
    last = select(*columns).where(*ended).order_by(Attempt.ended_at.desc()).limit(_TRIES).subquery()
    query = (
        select(Stage.stage, func.count(), func.sum(last.c.seconds), func.min(last.c.started_at), now())
        .join(Stage, Stage.id == last.c.stage_id)
        .join(Document, Document.id == Stage.document_id)
        .where(*conditions)
        .group_by(Stage.stage)
    )
    rows = connection.execute(query).all()
    spent = {stage: (tries, float(work or 0), (at - first).total_seconds()) for stage, tries, work, first, at in rows}
    if not spent:
        return None
    others = [each for stage, each in spent.items() if stage != PAGE_STAGE.name]
    pictures = [spent[PAGE_STAGE.name]] if PAGE_STAGE.name in spent else []
    return StagePace(
        _hands(pictures, window), _hands(others, window), {stage: work / tries for stage, (tries, work, _) in spent.items()}
    )


def _hands(spent: Sequence[tuple[int, float, float]], window: float) -> float:
    """Busy processes: seconds of work by seconds since the first of it began."""
    since = min(window, max((since for *_, since in spent), default=0.0))
    return sum(work for _, work, _ in spent) / max(since, 1.0)


def forecast(counts: Sequence[StageBacklog], pace: StagePace) -> float | None:
    """Return the seconds that are left; None if the pace of a stage that is left is not known yet.

    A document that is not opened yet is taken to have as many pictures as those of its type had before it. Pictures and
    all else are taken to be done in parallel, each by the processes that did it lately, or by all where none did.

    >>> counts = [Count("pdf", "extract", "done", 10), Count("pdf", "extract", "queued", 20), Count("pdf", "ocr", "queued", 5)]
    >>> forecast(counts, Pace(2.0, 1.0, {"extract": 0.1, "parse": 0.1, "ocr": 4.0}))
    30.0
    """
    waiting: dict[str, float] = {}
    for count in counts:
        if count.state in UNFINISHED:
            waiting[count.stage] = waiting.get(count.stage, 0) + count.count
    waiting[PAGE_STAGE.name] = waiting.get(PAGE_STAGE.name, 0) + _pictures_to_come(counts)
    if any(number and stage not in pace.means for stage, number in waiting.items()):
        return None
    pictures = waiting.pop(PAGE_STAGE.name) * pace.means.get(PAGE_STAGE.name, 0.0)
    others = sum(number * _cost(stage, pace.means) for stage, number in waiting.items())
    everybody = pace.on_pictures + pace.on_others
    if not everybody:
        return None
    return max(pictures / (pace.on_pictures or everybody), others / (pace.on_others or everybody))


def _pictures_to_come(counts: Sequence[StageBacklog]) -> float:
    opened: dict[str, int] = {}
    pictures: dict[str, int] = {}
    for count in counts:
        if count.stage == PAGE_STAGE.name:
            pictures[count.media_type] = pictures.get(count.media_type, 0) + count.count
        elif count.stage == FIRST and count.state == StageState.DONE:
            opened[count.media_type] = opened.get(count.media_type, 0) + count.count
    unopened = [count for count in counts if count.stage == FIRST and count.state in UNFINISHED]
    return sum(
        each.count * pictures[each.media_type] / opened[each.media_type]
        for each in unopened
        if each.media_type in pictures and each.media_type in opened
    )


def _cost(stage: str, means: Mapping[str, float]) -> float:
    """Seconds of work of a stage, and of those that a worker does in place after it."""
    return means[stage] + sum(means.get(each, 0.0) for each in followers(StageName(stage)))
