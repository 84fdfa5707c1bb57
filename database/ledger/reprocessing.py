"""Re-process or discard many documents at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Text, cast, exists, insert, select, update

from codebook.records import Record, Status
from codebook.stages import FIRST, PAGE_STAGE, STAGES, StageName
from database.clock import now
from database.ledger.conditions import UNFINISHED
from database.ledger.fair_queue import virtual_time
from database.ledger.retention import is_kept
from database.models import (
    Attempt,
    Batch,
    Document,
    Failure,
    FailureState,
    Output,
    ReportRow,
    Source,
    Stage,
    StageState,
    Tombstone,
)
from database.sql import chunks
from database.users.audit import note

_UNDECIDED = (FailureState.OPEN, FailureState.REQUEUED)


class Selection(Record, frozen=True):
    """Which documents: those that meet all conditions that are given. Without any: all documents.

    ``code`` and ``stage`` are those of an open failure; ``status`` is the document's; ``batch`` a batch in which it was found;
    ``older_than`` a version of the code (``"1.2.0"``): the report in force, or the open failure, was made by an earlier one.
    """

    code: str | None = None
    stage: str | None = None
    batch: str | None = None
    status: Status | None = None
    older_than: str | None = None
    documents: tuple[int, ...] = ()


def select_documents(connection: Connection, chosen: Selection) -> list[int]:
    """Return the ids of the documents that ``chosen`` selects, in order."""
    query = select(Document.id).order_by(Document.id)
    if chosen.status is not None:
        query = query.where(Document.status == chosen.status)
    if chosen.documents:
        query = query.where(Document.id.in_(chosen.documents))
    if chosen.batch is not None:
        found = select(Source.id).join(Batch, Batch.id == Source.batch_id)
        query = query.where(exists(found.where(Batch.name == chosen.batch, Source.document_id == Document.id)))
    if chosen.code is not None or chosen.stage is not None:
        wanted = [Failure.code == chosen.code] if chosen.code is not None else []
        wanted += [Failure.stage == chosen.stage] if chosen.stage is not None else []
        query = query.where(_has_failure(*wanted))
    if chosen.older_than is not None:
        query = _older(connection, query, chosen.older_than)
    return list(connection.scalars(query))


def _has_failure(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(Failure.id).where(Failure.document_id == Document.id, Failure.state == FailureState.OPEN, *conditions))


def _older(connection: Connection, query: Select[int], version: str) -> Select[int]:
    """Versions are compared here and not in SQL (1.10 is later than 1.9); there are few different ones."""
    report_versions, failure_versions = cast(ReportRow.versions, Text), cast(Failure.versions, Text)
    texts = set(connection.scalars(select(report_versions).distinct())) | set(
        connection.scalars(select(failure_versions).where(Failure.state == FailureState.OPEN).distinct())
    )
    old = [text for text in texts if _key(msgspec.json.decode(text).get("code", "0")) < _key(version)]
    in_force = exists(select(ReportRow.id).where(ReportRow.id == Document.report_id, report_versions.in_(old)))
    return query.where(in_force | _has_failure(failure_versions.in_(old)))


def _key(version: str) -> tuple[int, ...]:
    parts = version.split("+", maxsplit=1)[0].split(".")
    return tuple(int(part) if part.isdigit() else 0 for part in parts)


def reprocess(
    connection: Connection,
    chosen: Selection,
    stage: StageName | None = None,
    *,
    who: str,
    reason: str,
    dry_run: bool = False,
) -> int:
    """Start a new run of the chosen documents from ``stage`` on. Return how many (``dry_run``: how many it would be).

    Without ``stage`` each begins where it stopped (pages that were done stay done), or with extraction. What a stage needs
    from an earlier one is taken from the kept outputs; where it is not kept, the document begins earlier. Documents that are
    being processed are passed over, so that two who ask at once start each document once. The report in force stays in force
    until the new run is complete. Open failures become requeued; who asked and why is kept.
    """
    ids = [i for part in chunks(select_documents(connection, chosen)) for i in _not_processing(connection, part)]
    if dry_run:
        return len(ids)
    started: list[int] = []
    line = virtual_time(connection, 0)
    for part in chunks(ids):
        runs = start_again(connection, part, stage, line + len(started))
        _decide_failures(connection, list(runs), FailureState.REQUEUED, who, reason)
        started += runs
    asked = {"selection": msgspec.to_builtins(chosen), "from": stage}
    note(connection, "reprocess", who, reason=reason, documents=started, **asked)
    return len(started)


def start_again(connection: Connection, ids: Sequence[int], stage: StageName | None, before: int | None = None) -> dict[int, int]:
    """Start a new run of these documents as :func:`reprocess` does, without an audit entry. Return document -> run of those
    that were not being processed. They take the turns after ``before`` (default: they are served next).
    """
    again = (
        update(Document)
        .where(Document.id.in_(ids), Document.status != Status.PROCESSING, ~_is_purged())
        .values(run=Document.run + 1, status=Status.PROCESSING, finished_at=None)
        .returning(Document.id, Document.run)
    )
    runs = dict(connection.execute(again).all())
    line = virtual_time(connection, 0) if before is None else before
    _insert_first_stages(connection, runs, stage, line)
    _drop_unfinished(connection, list(runs), StageState.DISCARDED, "a new run was started", runs)
    return runs


def discard(connection: Connection, chosen: Selection, *, who: str, reason: str, dry_run: bool = False) -> int:
    """Discard the chosen documents. Return how many. What runs is fenced out; rows and originals stay."""
    ids = select_documents(connection, chosen)
    if dry_run:
        return len(ids)
    gone: list[int] = []
    for part in chunks(ids):
        _drop_unfinished(connection, part, StageState.DISCARDED, "the document was discarded")
        out = (
            update(Document)
            .where(Document.id.in_(part), Document.status != Status.DISCARDED)
            .values(status=Status.DISCARDED, finished_at=now())
            .returning(Document.id)
        )
        gone += connection.scalars(out)
        _decide_failures(connection, part, FailureState.DISCARDED, who, reason)
    note(connection, "discard", who, reason=reason, documents=gone, selection=msgspec.to_builtins(chosen))
    return len(gone)


def _not_processing(connection: Connection, ids: Iterable[int]) -> list[int]:
    idle = (
        select(Document.id).where(Document.id.in_(ids), Document.status != Status.PROCESSING, ~_is_purged()).order_by(Document.id)
    )
    return list(connection.scalars(idle))


def _is_purged() -> ColumnElement[bool]:
    """Return whether the content of the document is gone for good: then there is nothing to process."""
    return exists(select(Tombstone.document_id).where(Tombstone.document_id == Document.id))


def _insert_first_stages(connection: Connection, runs: Mapping[int, int], wanted: StageName | None, line: int) -> None:
    kept: dict[int, set[str]] = defaultdict(set)
    for document, name in connection.execute(
        select(Output.document_id, Output.stage).where(Output.document_id.in_(runs), is_kept()).distinct()
    ):
        kept[document].add(name)
    before: dict[int, list[tuple[str, int, str]]] = defaultdict(list)
    tried = select(Stage.document_id, Stage.run, Stage.stage, Stage.page, Stage.state).where(Stage.document_id.in_(runs))
    pages: dict[int, tuple[int, dict[int, str]]] = defaultdict(lambda: (0, {}))
    for document, run, name, page, state in connection.execute(tried):
        if run == runs[document] - 1:
            before[document].append((name, page, state))
        # The pages that are pictures are those of the latest run that extracted, or that went on from what was extracted then.
        if name in (PAGE_STAGE.needs, PAGE_STAGE.name) and run >= pages[document][0]:
            known = pages[document][1] if run == pages[document][0] else {}
            pages[document] = (run, known | ({page: state} if name == PAGE_STAGE.name else {}))
    rows = [
        {"document_id": document, "run": run, "priority": 0, "turn": turn, **row}
        for turn, (document, run) in enumerate(runs.items(), line + 1)
        for row in _first_stages(wanted, before[document], pages[document][1], kept[document])
    ]
    for part in chunks(rows):
        connection.execute(insert(Stage).values(created_at=now(), updated_at=now()), list(part))


def _first_stages(
    wanted: StageName | None, before: list[tuple[str, int, str]], pages: Mapping[int, str], kept: set[str]
) -> list[dict[str, Any]]:
    """The stage rows that a new run begins with, from those of the run before, the pages that are pictures with the state in
    which their OCR ended, and the stages whose outputs are kept.
    """
    stopped = next((StageName(name) for name, _, state in before if state != StageState.DONE), FIRST)
    first, by_page = wanted or stopped, PAGE_STAGE
    if first is by_page.name and not (pages and by_page.needs in kept):
        first = by_page.next or FIRST
    while first is not by_page.name and (needs := STAGES[first].needs) is not None and needs not in kept:
        first = needs
    done = {page for page, state in pages.items() if state == StageState.DONE} if wanted is not by_page.name else set()
    if first is by_page.next and len(done) < len(pages):
        first = by_page.name  # a page that nobody read must not pass for an empty one
    if first is not by_page.name:
        return [{"stage": first, "page": 0, "state": StageState.QUEUED, "queue": STAGES[first].queue}]
    return [
        {"stage": first, "page": page, "state": StageState.DONE if page in done else StageState.QUEUED, "queue": by_page.queue}
        for page in sorted(pages)
    ]


def _drop_unfinished(
    connection: Connection, ids: Iterable[int], state: StageState, why: str, runs: Mapping[int, int] | None = None
) -> None:
    """End what is not finished (of runs before those of ``runs``, if given); running tries are fenced and their attempts
    ended.
    """
    unfinished = select(Stage.id, Stage.document_id, Stage.run, Stage.fence, Stage.state).where(
        Stage.document_id.in_(ids), Stage.state.in_(UNFINISHED)
    )
    rows = [row for row in connection.execute(unfinished.with_for_update()) if runs is None or row.run < runs[row.document_id]]
    for part in chunks(rows):
        ended = update(Stage).where(Stage.id.in_([row.id for row in part]))
        connection.execute(ended.values(state=state, owner=None, lease_until=None, updated_at=now()))
    for row in rows:
        if row.state == StageState.RUNNING:
            attempt = update(Attempt).where(Attempt.stage_id == row.id, Attempt.fence == row.fence)
            connection.execute(attempt.values(ended_at=now(), outcome="discarded", message=why))


def _decide_failures(connection: Connection, ids: Iterable[int], state: FailureState, who: str, reason: str) -> None:
    undecided = update(Failure).where(Failure.document_id.in_(ids), Failure.state.in_(_UNDECIDED))
    connection.execute(undecided.values(state=state, decided_at=now(), decided_by=who, reason=reason))
