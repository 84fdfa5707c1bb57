"""The process that makes the problem sheets of a job: ``python -m console.notices.job_process FOLDER``; see ``jobs``."""

from __future__ import annotations

import fcntl
import shutil
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from codebook.errors import GongkaiError, UsageError
from console.notices.gather import Selected, cases_of
from console.notices.issue import IssueOptions, issue
from console.notices.jobs import FILE, LOCK, STATE, WANTED, SheetsState, SheetsWanted, write
from console.notices.preview import bounded
from database.session import make_engine, reading
from runtime.log import configure, get_logger
from runtime.private import keep_private
from runtime.settings import load_settings

log = get_logger(__name__)

_OUT = "out"


def make(folder: Path) -> SheetsState:
    """Make the sheets that are wanted in ``folder``; return how it ended, which is also written there."""
    wanted = msgspec.json.decode((folder / WANTED).read_bytes(), type=SheetsWanted)
    with (folder / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            state = _made(folder, wanted)
        except (GongkaiError, UsageError, OSError, SQLAlchemyError) as error:
            log.warning("problem sheets could not be made", who=wanted.who, error=str(error))
            shutil.rmtree(folder / _OUT, ignore_errors=True)
            (folder / FILE).unlink(missing_ok=True)
            state = SheetsState(problem=str(error).splitlines()[0])
        write(folder / STATE, state)
    return state


def _made(folder: Path, wanted: SheetsWanted) -> SheetsState:
    settings, selected, out = load_settings(), Selected(wanted.region, wanted.year), folder / _OUT
    engine = make_engine(settings.database)
    shown = 0.0

    def progress(count: int) -> None:
        nonlocal shown
        if time.monotonic() - shown > 0.5:
            write(folder / STATE, SheetsState(count))
            shown = time.monotonic()

    options = IssueOptions(
        out,
        wanted.issuer,
        wanted.contact,
        wanted.due_on,
        pdf=wanted.pdf,
        mark_sent=wanted.mark_sent,
        who=wanted.who,
        reason=wanted.reason,
        seen=wanted.seen,
    )
    try:
        with reading(bounded(engine, wanted.access)) as connection:
            documents = sorted({case.line.document_id for case in cases_of(connection, selected)})
        issued = issue(
            engine,
            settings,
            selected,
            options,
            progress,
            access=wanted.access,
            made=lambda: _pack(out, folder / FILE),
        )
    finally:
        engine.dispose()
    shutil.rmtree(out, ignore_errors=True)
    return SheetsState(issued.notices, issued, documents=tuple(documents))


def _pack(out: Path, target: Path) -> None:
    """Put all files of ``out`` into one ZIP; they are compressed already."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        for path in _files(out):
            packed.write(path, path.relative_to(out).as_posix())


def _files(out: Path) -> Iterator[Path]:
    return (path for path in sorted(out.rglob("*")) if path.is_file())


if __name__ == "__main__":
    found = load_settings()
    keep_private(found)
    configure(found)
    sys.exit(0 if make(Path(sys.argv[1])).issued is not None else 1)
