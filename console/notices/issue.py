"""Making the problem sheets of a region: notices as DOCX (and PDF), one workbook; then the cases are marked as sent, if asked."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine

from codebook.errors import UsageError
from codebook.records import Record
from console.notices import gather, pictures
from console.notices.document import open_template
from console.notices.gather import Selected, Sending
from console.notices.ledger import write_ledger
from console.notices.records import AgencyNotice, RegionSheets
from console.notices.words import notice_words
from database.findings.decisions import decide
from database.findings.evidence import page_sizes, sources_of
from database.models import FindingState
from database.reports.coverage import coverage
from database.session import reading, run_transaction
from runtime.settings import Settings

_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*\s]+')
_NAME = 60  # characters of an agency in the name of a file
_PDF_FILES = 50  # of one run of LibreOffice
_PDF_SECONDS = 600


class IssueOptions(NamedTuple):
    """What is made. ``template`` is a folder with ``notice.docx``, or the file; ``due_on`` an ISO date, None: days after today.

    ``mark_sent``: the cases become ``sent``, by ``who``.
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


class Issued(Record, frozen=True):
    """What was made.

    ``without_picture`` counts points whose source has no pages, or whose page could not be drawn; ``marked`` the cases that
    are sent now.
    """

    notices: int
    points: int
    without_picture: int
    late: int
    folder: str
    workbook: str
    pdf: int
    marked: int


def issue(
    engine: Engine,
    settings: Settings,
    selected: Selected,
    options: IssueOptions,
    progress: Callable[[int], object] | None = None,
) -> Issued:
    """Make the sheets of a region and a year in ``options.out``; a workbook of the same name is replaced.

    ``progress`` is called with the number of notices written. Raises UsageError for a template that does not fit, for a folder
    that has notices already, or where PDF is asked for and LibreOffice is not there; OSError when the files cannot be written.
    Nothing is marked as sent before that.
    """
    template = open_template(options.template or settings.notice_templates)
    if options.pdf and shutil.which("soffice") is None:
        raise UsageError("PDF needs LibreOffice, and soffice is not on the path; leave out --pdf, or install it")
    words, today = notice_words(), date.today()
    folder = options.out / words.texts.folder
    # The folder is sent as it is: a notice of an earlier run would go out though its case was dismissed since.
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder} holds files already; remove it, or name another folder with --out")
    due_on = options.due_on or (today + timedelta(days=words.days)).isoformat()
    issuer = options.issuer or settings.notice_issuer
    sending = Sending(due_on, today.isoformat(), issuer, options.contact, settings.console_url)
    with reading(engine) as connection:
        cases = gather.cases_of(connection, selected)
        sources = sources_of(connection, [case.line.document_id for case in cases])
        lines = coverage(connection, selected.year, today.isoformat(), region=selected.region or None)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gongkai-notices-") as made, closing(_PageSizes(engine)) as sizes:
        drawn = pictures.draw(settings, cases, sources, sizes.of, Path(made))
        written: list[AgencyNotice] = []
        files: dict[int, str] = {}
        for notice in gather.notices(cases, sending, lambda case: drawn.get(case.line.id)):
            path = folder / f"{_file_name(notice)}.docx"
            template.render(notice, path)
            written.append(gather.with_state(notice, FindingState.SENT) if options.mark_sent else notice)
            files[notice.number] = f"{folder.name}/{path.name}"
            if progress is not None:
                progress(len(written))
        region = gather.region_text(selected.region.ljust(6, "0")) or words.texts.all_regions
        late, counts = gather.late_units(lines), gather.counted(lines)
        sheets = RegionSheets(region, selected.year, due_on, sending.made_on, issuer, tuple(written), late, counts)
        workbook = options.out / f"{words.texts.ledger.format(region=region, year=selected.year)}.xlsx"
        write_ledger(sheets, workbook, files)
    pdf = _to_pdf([options.out / name for name in files.values()]) if options.pdf else 0
    marked = _mark(engine, [case.line.id for case in cases], selected, options) if options.mark_sent else 0
    points = sum(len(notice.points) for notice in written)
    return Issued(len(written), points, points - len(drawn), len(late), str(folder), str(workbook), pdf, marked)


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


def _mark(engine: Engine, numbers: Sequence[int], selected: Selected, options: IssueOptions) -> int:
    wanted = msgspec.to_builtins(selected.filter())
    done = run_transaction(
        engine,
        lambda connection: decide(connection, numbers, FindingState.SENT, who=options.who, reason=options.reason, wanted=wanted),
    )
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
