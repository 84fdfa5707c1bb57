"""Making the problem sheets of a region: notices as DOCX (and PDF), one workbook; then the cases are marked as sent, if asked."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine

from codebook.errors import GongkaiError, UsageError
from console.notices import gather
from console.notices.document import NoticeTemplate, open_template
from console.notices.gather import CasePrinted, Selected, Sending
from console.notices.ledger import write_ledger
from console.notices.pictures import CaseDrawer
from console.notices.preview import bounded, due_day, has_office
from console.notices.records import AgencyNotice, Issued, RegionSheets
from console.notices.words import notice_words
from console.notices.writing import NoticeWriter
from database.access import Access
from database.findings.decisions import ActResult, decide, mark_of
from database.findings.evidence import CaseSource, page_sizes, sources_of
from database.models import FindingState
from database.reports.coverage import coverage
from database.session import reading, run_transaction
from runtime.settings import Settings

_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*\s]+')
_NAME = 60  # characters of an agency in the name of a file
_PDF_FILES = 50  # of one run of LibreOffice
_PDF_SECONDS = 600
_AT_ONCE = 40  # agencies whose places are drawn before their notices are written


class IssueOptions(NamedTuple):
    """What is made. ``template`` is a folder with ``notice.docx``, or the file; ``due_on`` an ISO date, None: days after today.

    ``mark_sent``: the cases become ``sent``, by ``who``. ``seen`` is the mark of the cases that the person saw (mark_of). ``key``
    names the act that marks them, so that it can be asked for (act_by_key); "": a new one.
    """

    out: Path
    issuer: str = ""
    contact: str = ""
    due_on: str | None = None
    template: Path | None = None
    pdf: bool = False
    mark_sent: bool = False
    who: str = ""
    reason: str = ""
    seen: str | None = None
    key: str = ""


def issue(
    engine: Engine,
    settings: Settings,
    selected: Selected,
    options: IssueOptions,
    progress: Callable[[int], object] | None = None,
    *,
    access: Access | None = None,
    made: Callable[[], object] | None = None,
) -> Issued:
    """Make the sheets of a region and a year in ``options.out``; a workbook of the same name is replaced.

    ``progress`` is called with the number of notices written, ``made`` when all files are there and no case is marked yet.
    ``access`` are the bounds of the person: nothing beyond them is in the sheets. Raises UsageError for a template that does not
    fit, for a folder that has notices already, where PDF is asked for and LibreOffice is not there, and when the cases are not
    those of ``options.seen`` or one of them moved meanwhile; OSError when the files cannot be written.
    Nothing is marked as sent before that.
    """
    template = open_template(options.template or settings.notice_templates)
    if options.pdf and not has_office():
        raise UsageError("PDF needs LibreOffice, and soffice is not on the path; leave out --pdf, or install it")
    words, today = notice_words(), date.today()
    folder = options.out / words.texts.folder
    # The folder is sent as it is: a notice of an earlier run would go out though its case was dismissed since.
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder} holds files already; remove it, or name another folder with --out")
    due_on = options.due_on or due_day(today)
    issuer = options.issuer or settings.notice_issuer
    sending = Sending(due_on, today.isoformat(), issuer, options.contact, settings.console_url)
    seen_by = bounded(engine, access)
    with reading(seen_by) as connection, reading(engine) as everything:
        cases = gather.cases_of(connection, selected)
        mark = mark_of(connection, [case.line.id for case in cases])
        if options.seen is not None and options.seen != mark:
            raise UsageError("the findings have changed since they were counted; nothing was made, look at them again")
        sources = sources_of(connection, [case.line.document_id for case in cases])
        lines = coverage(connection, selected.year, today.isoformat(), region=selected.region or None, everything=everything)
    folder.mkdir(parents=True, exist_ok=True)
    region = gather.region_text(selected.region.ljust(6, "0")) or words.texts.all_regions
    late, counts = gather.late_units(lines), gather.counted(lines)
    workbook = options.out / f"{words.texts.ledger.format(region=region, year=selected.year)}.xlsx"
    with tempfile.TemporaryDirectory(prefix="gongkai-notices-") as kept, closing(_PageSizes(seen_by)) as sizes:
        writing = _Writing(settings, template, sizes.of, sources, Path(kept))
        written = writing.write(cases, sending, folder, progress)
        shown = [gather.with_state(notice, FindingState.SENT) if options.mark_sent else notice for notice, _ in written]
        sheets = RegionSheets(region, selected.year, due_on, sending.made_on, issuer, tuple(shown), late, counts)
        files = {notice.number: f"{folder.name}/{path.name}" for notice, path in written}
        write_ledger(sheets, workbook, files)
    pdf = _to_pdf([path for _, path in written]) if options.pdf else 0
    if made is not None:
        made()
    marked = _mark(engine, [case.line.id for case in cases], selected, options, mark) if options.mark_sent and cases else 0
    points = [point for notice in shown for point in notice.points]
    without = sum(point.picture is None for point in points)
    return Issued(len(shown), len(points), without, len(late), str(folder), str(workbook), pdf, marked)


class _Writing:
    """Draws the places of points and writes the notices, some agencies at a time, so that progress is seen."""

    def __init__(
        self,
        settings: Settings,
        template: NoticeTemplate,
        sizes: Callable[[int], Mapping[int, tuple[float, float]]],
        sources: Mapping[int, CaseSource],
        kept: Path,
    ) -> None:
        self._settings, self._template, self._sizes, self._sources, self._kept = settings, template, sizes, sources, kept

    def write(
        self, cases: Sequence[CasePrinted], sending: Sending, folder: Path, progress: Callable[[int], object] | None
    ) -> list[tuple[AgencyNotice, Path]]:
        """Write a notice for each agency; return them with their files."""
        groups = gather.by_unit(cases)
        if not groups:
            return []
        written: list[tuple[AgencyNotice, Path]] = []
        with (
            closing(CaseDrawer(self._settings, self._sizes, self._kept)) as drawer,
            closing(NoticeWriter(self._template, len(groups))) as writer,
        ):
            for start in range(0, len(groups), _AT_ONCE):
                part = groups[start : start + _AT_ONCE]
                drawn = drawer.draw([case for group in part for case in group], self._sources)
                notices = [gather.notice_of(number, group, sending, drawn) for number, group in enumerate(part, start + 1)]
                files = [(notice, folder / f"{_file_name(notice)}.docx") for notice in notices]
                for count, _ in enumerate(writer.write(files), start + 1):
                    if progress is not None:
                        progress(count)
                written += files
        return written


class _PageSizes:
    """The sizes of pages by document, read over one connection."""

    def __init__(self, engine: Engine) -> None:
        self._connection: Connection = engine.connect()

    def of(self, document: int) -> dict[int, tuple[float, float]]:
        return dict(page_sizes(self._connection, document))

    def close(self) -> None:
        self._connection.close()


def _file_name(notice: AgencyNotice) -> str:
    unit = _UNSAFE.sub("_", notice.unit.name)[:_NAME].strip("._") or str(notice.unit.key[1])
    return notice_words().texts.file.format(number=notice.number, unit=unit, year=notice.year)


def _mark(engine: Engine, numbers: Sequence[int], selected: Selected, options: IssueOptions, mark: str) -> int:
    """Set the cases to sent. Raises UsageError when one of them moved since: the notices say what was confirmed before.

    Raises GongkaiError when the database does not answer: then nobody knows whether they were set.
    """
    wanted, who, reason, key = msgspec.to_builtins(selected.filter()), options.who, options.reason, options.key or token_hex(12)

    def mark_sent(connection: Connection) -> ActResult:
        return decide(connection, numbers, FindingState.SENT, who=who, reason=reason, wanted=wanted, mark=mark, key=key)

    try:
        done = run_transaction(engine, mark_sent)
    except GongkaiError as error:
        unknown = f"{error.found}; whether the cases were marked as sent is not known, look at their states"
        raise GongkaiError(error.code, unknown, error.expected) from error
    if done.act is None:
        raise UsageError("the findings have changed while the sheets were made; nothing was marked as sent, make them again")
    return done.cases


def _to_pdf(files: Sequence[Path]) -> int:
    """Write each document as PDF beside it, by LibreOffice. Return how many there are. Raises UsageError when it fails."""
    with tempfile.TemporaryDirectory(prefix="gongkai-office-") as profile:
        for start in range(0, len(files), _PDF_FILES):
            part = files[start : start + _PDF_FILES]
            command = ["soffice", f"-env:UserInstallation={Path(profile).as_uri()}", "--headless", "--convert-to", "pdf"]
            command += ["--outdir", str(part[0].parent), *map(str, part)]
            try:
                subprocess.run(command, check=True, capture_output=True, timeout=_PDF_SECONDS)
            except (subprocess.SubprocessError, OSError) as error:
                raise UsageError(f"LibreOffice could not write the PDF files: {error}") from error
    missing = [file.name for file in files if not file.with_suffix(".pdf").is_file()]
    if missing:
        raise UsageError(f"LibreOffice wrote no PDF of {len(missing)} documents, the first is {missing[0]}")
    return len(files)
