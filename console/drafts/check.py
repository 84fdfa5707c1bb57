"""Checking drafts: files are read by the bounded processes that read all that comes in, and forgotten."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import TYPE_CHECKING

from codebook.errors import GongkaiError, UsageError
from codebook.records import Finding, Number, Place, Record, Severity, Verdict
from codebook.rules import load_rules
from console.drafts.comparison import DraftComparison
from console.drafts.not_run import BecauseOf, NotRun, always_not_run, between_reports
from console.limited_reader import LimitedReader, Original, reading_seconds
from console.reading_messages import ReadAnswer
from database.plain_records import Arrival
from ingest.archives.limits import Limits
from ingest.files.bounded_reader import BoundedReader
from ingest.files.intake import Intake
from ingest.files.keeping import Keeper, StoreFaultError
from ingest.files.page_images import decided_by
from ingest.files.walk import Note, walk
from ingest.names import shown
from runtime.settings import Settings
from runtime.store import Store
from tasks.validation.rules.between_reports import snapshot_of
from tasks.validation.validate import doubts
from tasks.validation.wording import cell_label, table_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SCAN_PAGES = 40  # pages of a draft whose number is not known beforehand

Connect = Callable[[], "AbstractContextManager[Connection]"]


class DraftFinding(Record, frozen=True):
    """What is wrong with a draft. ``labels`` name its cells as the form prints them; ``other_agency`` and ``other_year`` are
    those of the report with which the draft was compared.
    """

    rule: str
    severity: Severity
    message: str
    cells: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    expected: Number | None = None
    actual: Number | None = None
    sentence: str | None = None
    place: Place | None = None
    other_agency: str | None = None
    other_year: int | None = None
    pack: str | None = None


class CheckedDraft(Record, frozen=True):
    """A draft as it was read. ``status`` is what it would become if it were taken in. With a ``code``, it could not be read."""

    path: str
    media_type: str
    status: str | None = None
    agency: str | None = None
    region: tuple[str, ...] = ()
    year: int | None = None
    form: str | None = None
    cells: int = 0
    doubts: tuple[str, ...] = ()
    findings: tuple[DraftFinding, ...] = ()
    not_run: tuple[NotRun, ...] = ()
    code: str | None = None
    found: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether nothing of it asks for a person: it was read, without doubts, errors and warnings."""
        return self.code is None and not self.doubts and all(f.severity is Severity.INFO for f in self.findings)


def check_drafts(
    paths: Iterable[str],
    settings: Settings,
    connect: Connect | None = None,
    *,
    region: tuple[str, ...] = (),
    seconds: float | None = None,
    reader: LimitedReader | None = None,
) -> Iterator[CheckedDraft]:
    """Check the files at ``paths`` (folders and archives with all that is in them), one after the other.

    ``connect`` opens a connection to the database whose reports they are compared with, ``region`` is theirs where they do not
    say it; ``seconds`` bounds the reading of one document. ``reader`` is a process that was
    started before. Raises UsageError when a path is not there, GongkaiError for faults of the machine.
    """
    given, limits = tuple(paths), Limits.of(settings)
    bound = seconds or reading_seconds(settings, _SCAN_PAGES)
    with tempfile.TemporaryDirectory(prefix="gongkai-drafts-") as folder, ExitStack() as stack:
        if reader is None:
            reader = stack.enter_context(LimitedReader())
        reader.start()
        with Keeper(Store(folder)) as keeper, BoundedReader() as bounded:
            intake = Intake(bounded, keeper, limits, region=region)
            try:
                for found in walk(given, decided_by(None)):
                    if found.note is not None and found.note is not Note.UNREADABLE:
                        continue
                    for taken in intake.take(found, follow=found.path in given):
                        keeper.settle()
                        yield _checked(taken.arrival, partial(reader.read, settings=settings, seconds=bound), folder, connect)
            except StoreFaultError as fault:
                raise fault.error from None
            except FileNotFoundError as error:
                raise UsageError(f"{shown(str(error.filename))}: no such file or folder; expected a path that exists") from error


def _checked(arrival: Arrival, read: Callable[[Original], ReadAnswer], store: str, connect: Connect | None) -> CheckedDraft:
    head = CheckedDraft(arrival.path, arrival.media_type)
    if arrival.rejection is not None:
        code, found = arrival.rejection
        return _refused(head, ReadAnswer(code=code, found=found))
    original = Original(store, arrival.sha256, arrival.media_type, arrival.hints)
    answer = read(original)
    if answer.verdict is None:
        if answer.code.startswith(("store.", "disk.")):
            raise GongkaiError(answer.code, answer.found, "room for temporary files")
        return _refused(head, answer)
    return _described(head, answer.verdict, _compared(answer.verdict, connect))


def _refused(head: CheckedDraft, answer: ReadAnswer) -> CheckedDraft:
    return CheckedDraft(head.path, head.media_type, code=answer.code, found=answer.found)


def _compared(verdict: Verdict, connect: Connect | None) -> DraftComparison:
    """What the draft contradicts of the reports in the database, as far as there is one."""
    snapshot = snapshot_of(verdict)
    if connect is None or snapshot is None:
        return DraftComparison((), (between_reports(BecauseOf.NO_DATABASE if connect is None else BecauseOf.NO_IDENTITY),))
    from console.drafts.neighbours import compare  # noqa: PLC0415 - SQLAlchemy takes longer to import than a draft to be read

    with connect() as connection:
        return compare(connection, snapshot)


def _described(head: CheckedDraft, verdict: Verdict, compared: DraftComparison) -> CheckedDraft:
    report = verdict.report
    order = {name: place for place, name in enumerate(load_rules())}
    found = [_finding(each) for each in verdict.findings]
    found += [_finding(beside.finding, beside.agency, beside.year) for beside in compared.found]
    found.sort(key=lambda each: order.get(each.rule, len(order)))  # a region's own rules come last
    return CheckedDraft(
        head.path,
        head.media_type,
        status=verdict.status.value,
        agency=report.agency,
        region=report.region,
        year=report.year,
        form=report.form,
        cells=len(report.readings),
        doubts=doubts(verdict),
        findings=tuple(found),
        not_run=(*compared.not_run, *always_not_run(dated=report.published_on is not None)),
    )


def _finding(finding: Finding, agency: str | None = None, year: int | None = None) -> DraftFinding:
    return DraftFinding(
        finding.rule,
        finding.severity,
        finding.message,
        finding.cells,
        tuple(f"{table_of(cell)} {cell_label(cell)}" for cell in finding.cells),
        finding.expected,
        finding.actual,
        finding.sentence,
        finding.place,
        agency,
        year,
        finding.pack,
    )
