"""The process that makes the problem sheets of a job: ``python -m console.notices.job_process FOLDER``; see ``jobs``.

SIGTERM ends it as an exception does, so that its processes and files end with it; while cases are marked it is ignored.
"""

from __future__ import annotations

import fcntl
import shutil
import signal
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from codebook.errors import GongkaiError, UsageError
from console.notices.gather import Selected, cases_of
from console.notices.issue import IssueOptions, issue
from console.notices.jobs import FILE, LOCK, STATE, WANTED, SheetsState, SheetsWanted, write
from console.notices.preview import bounded
from console.notices.records import Issued
from database.intake.purging import tombstones
from database.session import make_engine, reading
from runtime.log import configure, get_logger
from runtime.private import keep_private
from runtime.settings import Settings, load_settings

log = get_logger(__name__)

_OUT = "out"


class _JobProgress:
    """The state of a job, which is in its folder as it is here."""

    def __init__(self, folder: Path) -> None:
        self.state = SheetsState()
        self._path = folder / STATE

    def change(self, **changes: Any) -> None:
        """Change fields of the state."""
        self.state = msgspec.structs.replace(self.state, **changes)
        write(self._path, self.state)


def make(folder: Path) -> SheetsState:
    """Make the sheets that are wanted in ``folder``; return how it ended, which is also written there.

    The folder is deleted when a document that the sheets quote was purged meanwhile.
    """
    wanted = msgspec.json.decode((folder / WANTED).read_bytes(), type=SheetsWanted)
    settings, written = load_settings(), _JobProgress(folder)
    engine = make_engine(settings.database)
    with (folder / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            end = _end(engine, settings, folder, wanted, written)
            with suppress(FileNotFoundError):  # a purge has deleted the folder
                written.change(**end)
            # After the end is written: a purge from now on finds the documents there.
            if _is_purged(engine, written.state.documents):
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            shutil.rmtree(folder / _OUT, ignore_errors=True)
            engine.dispose()
    return written.state


def _end(engine: Engine, settings: Settings, folder: Path, wanted: SheetsWanted, written: _JobProgress) -> dict[str, Any]:
    """Make the sheets. Return what is to be changed in the state at the end."""
    try:
        issued = _issue(engine, settings, folder, wanted, written)
    except (GongkaiError, UsageError, OSError, SQLAlchemyError) as error:
        log.warning("problem sheets could not be made", who=wanted.who, error=str(error))
        # A connection that breaks while the cases are marked does not say whether they are, so the sheets stay, and the page asks
        # the database; a refusal says that they are not.
        packed = written.state.packed and not isinstance(error, UsageError)
        if not packed:
            (folder / FILE).unlink(missing_ok=True)
        return {"problem": str(error).splitlines()[0], "packed": packed}
    return {"written": issued.notices, "issued": issued}


def _issue(engine: Engine, settings: Settings, folder: Path, wanted: SheetsWanted, written: _JobProgress) -> Issued:
    selected, out = Selected(wanted.region, wanted.year), folder / _OUT
    shown = time.monotonic()

    def progress(count: int) -> None:
        nonlocal shown
        if time.monotonic() - shown > 0.5:
            written.change(written=count)
            shown = time.monotonic()

    def made() -> None:
        _pack(out, folder / FILE)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        written.change(packed=True)

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
        key=folder.name,
    )
    with reading(bounded(engine, wanted.access)) as connection:
        lines = [case.line for case in cases_of(connection, selected)]
    quoted = {number for line in lines for number in (line.document_id, line.other_document_id) if number is not None}
    written.change(documents=tuple(sorted(quoted)))
    return issue(engine, settings, selected, options, progress, access=wanted.access, made=made)


def _is_purged(engine: Engine, documents: Sequence[int]) -> bool:
    with reading(engine) as connection:
        return bool(tombstones(connection, documents))


def _pack(out: Path, target: Path) -> None:
    """Put all files of ``out`` into one ZIP; they are compressed already."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        for path in _files(out):
            packed.write(path, path.relative_to(out).as_posix())


def _files(out: Path) -> Iterator[Path]:
    return (path for path in sorted(out.rglob("*")) if path.is_file())


def _exit(_signal: int, _frame: object) -> None:
    raise SystemExit(143)  # 128 + SIGTERM


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _exit)
    found = load_settings()
    keep_private(found)
    configure(found)
    sys.exit(0 if make(Path(sys.argv[1])).issued is not None else 1)
