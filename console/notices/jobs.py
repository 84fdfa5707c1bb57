"""Problem sheets that are made behind the pages: by a process of its own, which the pages start and look at.

``python -m console.notices.job_process FOLDER`` reads what is wanted from its folder, and writes there how far it is and, at the
end, one ZIP file. The folder is all that the two share. The process holds the lock of its folder as long as it lives: where
nobody does, and no end is written, it was ended from outside. The pages end it with SIGTERM when they end. From the moment that
the ZIP file is complete it ignores the signal until its end is written; a process that was killed in that time may have set cases
to sent.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import msgspec

from codebook.records import Record
from console.notices.records import Issued
from console.notices.words import notice_words
from database.access import Access

FOLDER = "notices"
"""The folder of jobs in the home of the program."""
FILE = "sheets.zip"
WANTED, STATE, LOCK = "wanted.json", "state.json", "lock"
_KEPT_SECONDS = 30 * 86_400  # of sheets: those that were sent cannot be made again
_STARTING_SECONDS = 60  # in which a process begins at the latest
_ENDED = "the making was ended from outside; nothing was marked as sent"
_ENDED_PACKED = "the making was ended from outside after the sheets were complete"


class SheetsWanted(Record, frozen=True):
    """What is to be made, for whom and within which bounds; ``due_on`` is an ISO date, ``seen`` the mark of the cases."""

    who: str
    access: Access
    region: str
    year: int
    issuer: str
    contact: str
    due_on: str
    pdf: bool
    mark_sent: bool
    reason: str
    seen: str
    units: int
    points: int
    started_at: datetime


class SheetsState(Record, frozen=True):
    """How far a job is. ``problem`` says what stopped it, "" when nothing did; ``documents`` are those that the sheets quote.

    ``packed``: the ZIP file is complete, and the marking has begun, if it is wanted. With a problem: cases may have been marked.
    """

    written: int = 0
    issued: Issued | None = None
    problem: str = ""
    documents: tuple[int, ...] = ()
    packed: bool = False

    @property
    def runs(self) -> bool:
        """Whether it goes on."""
        return self.issued is None and not self.problem

    @property
    def has_file(self) -> bool:
        """Whether it has ended and left a complete ZIP file."""
        return not self.runs and (self.issued is not None or self.packed)


class SheetsJob(Record, frozen=True):
    """A job with its name, which is also that of its folder."""

    name: str
    wanted: SheetsWanted
    state: SheetsState


def begin(home: Path, wanted: SheetsWanted) -> Path:
    """Make the folder of a job, and return it; what is older than 30 days is deleted."""
    _sweep(home)
    folder = home / FOLDER / token_hex(12)
    folder.mkdir(mode=0o700, parents=True)
    write(folder / WANTED, wanted)
    return folder


def jobs_of(home: Path, who: str, access: Access) -> list[SheetsJob]:
    """Return the jobs of a person that were made within these bounds, the newest first."""
    found = [job for folder in (home / FOLDER).glob("*") if (job := _job(folder)) is not None and _is_of(job, who, access)]
    return sorted(found, key=lambda job: job.wanted.started_at, reverse=True)


def job_of(home: Path, who: str, access: Access, name: str) -> SheetsJob | None:
    """Return a job of a person that was made within these bounds; None when there is no such."""
    if not (len(name) == 24 and name.isascii() and name.isalnum()):
        return None
    job = _job(home / FOLDER / name)
    return job if job is not None and _is_of(job, who, access) else None


def _is_of(job: SheetsJob, who: str, access: Access) -> bool:
    # The bounds may have been changed since: the sheets hold what was within them then.
    return job.wanted.who == who and job.wanted.access == access


def remove(home: Path, job: SheetsJob) -> None:
    """Delete the sheets of a job that has ended."""
    shutil.rmtree(home / FOLDER / job.name, ignore_errors=True)


def forget(home: Path, document: int) -> int:
    """Delete the sheets that quote a document, which is purged. Return how many jobs there were."""
    quoting = [folder for folder in (home / FOLDER).glob("*") if _quotes(folder, document)]
    for folder in quoting:
        shutil.rmtree(folder, ignore_errors=True)
    return len(quoting)


def _quotes(folder: Path, document: int) -> bool:
    job = _job(folder)
    return job is not None and document in job.state.documents


def _job(folder: Path) -> SheetsJob | None:
    """What a folder says; None where it is no job, or is deleted while it is read."""
    try:
        wanted = msgspec.json.decode((folder / WANTED).read_bytes(), type=SheetsWanted)
        state = SheetsState()
        if (folder / STATE).exists():
            state = msgspec.json.decode((folder / STATE).read_bytes(), type=SheetsState)
    except (OSError, msgspec.MsgspecError):
        return None
    if state.runs and not _is_alive(folder, wanted):
        if (folder / STATE).exists():  # it may have gone on between the two looks
            state = msgspec.json.decode((folder / STATE).read_bytes(), type=SheetsState)
        if state.runs:
            state = msgspec.structs.replace(state, problem=_ENDED_PACKED if state.packed else _ENDED)
    return SheetsJob(folder.name, wanted, state)


def _is_alive(folder: Path, wanted: SheetsWanted) -> bool:
    """Whether a process holds the lock of a folder, or has not had the time to take it."""
    try:
        with (folder / LOCK).open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        age = datetime.now(UTC) - wanted.started_at
        return age.total_seconds() < _STARTING_SECONDS
    return False


def _sweep(home: Path) -> None:
    for folder in (home / FOLDER).glob("*"):
        if time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def write(path: Path, record: Record) -> None:
    """Write a record so that nobody reads half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(record))
    fresh.replace(path)


def file_name(wanted: SheetsWanted, region: str) -> str:
    """Return the name under which the sheets of a region are downloaded."""
    texts = notice_words().texts
    return f"{texts.ledger.format(region=region or texts.all_regions, year=wanted.year)}.zip"
