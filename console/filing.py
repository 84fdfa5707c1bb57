"""Acts on agencies and filings: a decision and the documents that it moves, in one transaction; and filing what is not filed.

Documents that were loaded by a version without filings, whose agency has another key by today's rules, or whose filing has to be
arranged again, are filed by :func:`file_pending`: after an upgrade, and in every check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, exists, or_, select

from database import migrations
from database.filings import decisions, members, register
from database.filings.in_force import DOCUMENT, FILING, MEMBER, is_shown
from database.filings.register import key_of
from database.findings import decisions as on_findings
from database.findings import following
from database.findings.decisions import ActResult
from database.findings.following import Followed
from database.intake import purging
from database.intake.purging import Purged
from database.models import AgencyKeyRow, ReportRow
from database.reports import coverage, neighbours
from database.reports.coverage import Listed, OnNew
from database.session import reading, run_transaction
from tasks.loading.task import arrange_filing, ask_about, file_again, lock_agency

T = TypeVar("T")

_CHUNK = 1000  # documents that are looked at together
_FILINGS = 200  # filings whose cases are brought in step together


def upgrade_database(engine: Engine) -> int:
    """Bring the database to the version of this program, and file the documents of earlier ones. Return how many were filed."""
    migrations.upgrade(engine)
    filed = file_pending(engine)
    with reading(engine) as connection:
        cases_are_due = not following.has_cases(connection)
    if cases_are_due:
        follow_all(engine)
    return filed


def follow_all(engine: Engine) -> Followed:
    """Bring the cases of all findings in step with what is in force: after an upgrade from a version without cases, and in every
    check. Some filings at a time, each part in a transaction of its own, while workers go on loading. Return what changed.
    """
    counts = Counter[str]()
    last = 0
    while True:
        with reading(engine) as connection:
            part = following.filings_after(connection, last, _FILINGS)
        if not part:
            break
        last = max(part)
        counts.update(msgspec.structs.asdict(run_transaction(engine, partial(_follow, part=part))))
    last = 0
    while True:
        with reading(engine) as connection:
            documents = following.unfiled_after(connection, last, _FILINGS)
        if not documents:
            return Followed(**counts)
        last = documents[-1]
        done = run_transaction(engine, partial(following.follow, filings=(), documents=documents))
        counts.update(msgspec.structs.asdict(done))


def _follow(connection: Connection, part: Mapping[int, int], documents: Sequence[int] = ()) -> Followed:
    neighbours.lock_places(connection, {f"agency:{agency}" for agency in part.values()})
    return following.follow(connection, part, documents)


def undo_on_findings(engine: Engine, act: int, *, who: str) -> ActResult:
    """Take back an act on findings, and settle those of its cases whose finding went away meanwhile. Return what was taken back.

    Raises UsageError as :func:`database.findings.decisions.undo` does.
    """
    done = run_transaction(engine, lambda c: on_findings.undo(c, act, who=who))
    with reading(engine) as connection:  # in a transaction of its own: agencies are locked before cases
        filings, documents = on_findings.waiting(connection, act)
    if done.cases and (filings or documents):
        run_transaction(engine, partial(_follow, part=filings, documents=documents))
    return done


def file_pending(engine: Engine) -> int:
    """File the documents that show a report and are in no filing, or in that of another agency than the name means, whose agency
    has another key by today's rules, or whose filing was not arranged since one of its documents came or went.

    Each in a transaction of its own, while workers go on loading; what a crash leaves is found the next time. Return how many.
    """
    run_transaction(engine, _renew_keys)
    filed = 0
    for document_id in _pending(engine):
        run_transaction(engine, partial(file_again, document_id=document_id))
        filed += 1
    return filed


def _pending(engine: Engine) -> Iterator[int]:
    last = 0
    while True:
        elsewhere = or_(AgencyKeyRow.agency_id != FILING.c.agency_id, ReportRow.year != FILING.c.year)
        arranged = (FILING.c.arranged_at, MEMBER.c.edition, _lost_one().label("lost_one"), elsewhere.label("elsewhere"))
        query = (
            select(DOCUMENT.c.id, ReportRow.agency, ReportRow.region_code, ReportRow.agency_key, *arranged)
            .select_from(DOCUMENT.join(ReportRow, ReportRow.id == DOCUMENT.c.report_id))
            .outerjoin(MEMBER, MEMBER.c.document_id == DOCUMENT.c.id)
            .outerjoin(FILING, FILING.c.id == MEMBER.c.filing_id)
            .outerjoin(AgencyKeyRow, AgencyKeyRow.key == ReportRow.agency_key)
            .where(DOCUMENT.c.id > last, is_shown(DOCUMENT), ReportRow.agency.is_not(None), ReportRow.year.is_not(None))
            .order_by(DOCUMENT.c.id)
            .limit(_CHUNK)
        )
        with reading(engine) as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        last = rows[-1].id
        for row in rows:
            if (
                row.arranged_at is None
                or not row.edition
                or row.lost_one
                or row.elsewhere
                or row.agency_key != key_of(row.agency, row.region_code, row.id)
            ):
                yield row.id


def _lost_one() -> ColumnElement[bool]:
    """Whether a document that was arranged with this one shows its report no more."""
    lost, its = MEMBER.alias("lost"), DOCUMENT.alias("its")
    return exists(
        select(lost.c.document_id)
        .join(its, its.c.id == lost.c.document_id)
        .where(lost.c.filing_id == MEMBER.c.filing_id, lost.c.edition > 0, ~is_shown(its))
    )


def purge(connection: Connection, document_id: int, *, who: str, reason: str) -> Purged:
    """Purge a document (:func:`database.intake.purging.purge`), and arrange its filing without it.

    Raises LookupError when there is no such document.
    """
    there = members.filing_of(connection, document_id)
    if there is not None:
        lock_agency(connection, there.agency_id)
    gone = purging.purge(connection, document_id, who=who, reason=reason)
    if there is not None:
        left = connection.scalar(select(MEMBER.c.document_id).where(MEMBER.c.filing_id == there.filing_id).limit(1))
        if left is None:
            arrange_filing(connection, there.filing_id)
        else:
            file_again(connection, left)
    return gone


def _file_again(connection: Connection, documents: Sequence[int]) -> int:
    for document_id in documents:
        file_again(connection, document_id)
    return len(documents)


def _asking(connection: Connection, act: Callable[[OnNew], T]) -> T:
    """Do something that may make agencies, then ask about each that is new."""
    made: list[int] = []
    done = act(lambda _, agency_id: made.append(agency_id))
    for agency_id in made:
        ask_about(connection, register.get(connection, agency_id))
    return done


def _renew_keys(connection: Connection) -> None:
    _asking(connection, lambda on_new: coverage.renew_keys(connection, on_new=on_new))


def expect(connection: Connection, listed: Sequence[Listed], **options: Any) -> int:
    """Keep a list of the agencies that must report (:func:`database.reports.coverage.expect`), and ask a person about each new
    agency that may be one that is known. Return how many lines of the same years went.
    """
    return _asking(connection, lambda on_new: coverage.expect(connection, listed, on_new=on_new, **options))


def join(connection: Connection, agency_id: int, other_id: int, *, who: str, reason: str) -> int:
    """Make two agencies one, under the number ``agency_id``. Return how many documents were filed again.

    Raises UsageError as :func:`database.filings.decisions.join` does.
    """
    return _file_again(connection, decisions.join(connection, agency_id, other_id, who=who, reason=reason))


def part(connection: Connection, agency_id: int, keys: Sequence[str], *, who: str, reason: str) -> tuple[int, int]:
    """Make an agency of its own of some keys of an agency. Return its number, and how many documents were filed again.

    Raises UsageError as :func:`database.filings.decisions.part` does.
    """
    made, documents = decisions.part(connection, agency_id, keys, who=who, reason=reason)
    return made, _file_again(connection, documents)


def undo(connection: Connection, decision_id: int, *, who: str, reason: str) -> int:
    """Take back a decision about agencies. Return how many documents were filed again.

    Raises UsageError as :func:`database.filings.decisions.undo` does.
    """
    return _file_again(connection, decisions.undo(connection, decision_id, who=who, reason=reason))


def choose(connection: Connection, filing_id: int, document_id: int | None, *, who: str, reason: str) -> None:
    """Put the edition of a document in force, or (None) leave it to the evidence again.

    Raises UsageError as :func:`database.filings.decisions.choose` does.
    """
    agency_id = connection.scalar(select(FILING.c.agency_id).where(FILING.c.id == filing_id))
    if agency_id is not None:
        lock_agency(connection, agency_id)
    _file_again(connection, [decisions.choose(connection, document_id, filing_id, who=who, reason=reason)])
