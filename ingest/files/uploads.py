"""Files that a browser sent: kept in a folder of their own until all of them are there, then registered as a batch.

An upload is a folder ``uploads/WHO/NAME`` in the data folder: ``files`` holds the files under the paths that the browser said.
What is not registered yet stays there, so that an upload that was broken off can be gone on with; after a week it is deleted.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from io import BufferedRandom
from pathlib import Path, PurePosixPath

from sqlalchemy import Engine

from codebook.errors import GongkaiError, UsageError
from codebook.records import Record
from database.ledger import Queued
from ingest.archives.limits import Limits
from ingest.files.keeping import ContentStore
from ingest.files.register_paths import IngestSummary, ingest_paths, plan

_WEEK = 7 * 86_400.0
_NAME = re.compile(r"[0-9a-f]{32}")
_LONGEST_PATH = 1000  # characters
_LONGEST_PART = 255  # bytes of a name, as file systems allow
_FILES = "files"
_PART = ".part"


class UploadSize(Record, frozen=True):
    """What lies in an upload: number of files and bytes."""

    files: int
    size: int


class Uploads:
    """The uploads of the people of one data folder. Each person has a folder: nobody reaches those of others."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder, self._limits = folder, limits

    def begin(self, who: int) -> str:
        """Begin an upload of the user with the id ``who``. Return its name. Raises GongkaiError disk.full."""
        name = secrets.token_hex(16)
        try:
            self._sweep()
            (self._of(who, name) / _FILES).mkdir(parents=True)
        except OSError as error:
            raise GongkaiError("disk.full", error.strerror or str(error), "a data folder that can be written to") from error
        return name

    def exists(self, who: int, name: str) -> bool:
        """Return whether there is such an upload of this user."""
        return bool(_NAME.fullmatch(name)) and (self._of(who, name) / _FILES).is_dir()

    def _files(self, who: int, name: str) -> Path:
        """The folder with the files of an upload. Raises KeyError when there is no such upload."""
        if not self.exists(who, name):
            raise KeyError(name)
        return self._of(who, name) / _FILES

    def receive(self, who: int, name: str, path: str, *, at: int, data: bytes, last: bool) -> int:
        """Take a piece of a file that begins at byte ``at``. Return how many bytes of the file are there now.

        ``path`` is what the browser says, with the folders that were chosen. A piece that came before is written again in its
        place: a browser that got no answer sends it again. The first one begins the file, with ``last`` it is whole. Another file
        that came under the same path stays, and this one is called ``NAME (2)``.

        Raises KeyError when there is no such upload, ValueError when pieces between are missing, GongkaiError:
        file.unsafe_archive for a path that leads out of the upload, file.too_large, disk.full.
        """
        target = self._files(who, name) / _clean(path)
        part = _part_of(target)
        if at + len(data) > self._limits.archive_bytes:
            most = f"{self._limits.archive_bytes:,}"
            raise GongkaiError("file.too_large", f"more than {most} bytes", f"at most {most}")
        try:
            if at and not part.exists():
                raise ValueError(f"0 bytes are there, the piece begins at {at:,}")
            part.parent.mkdir(parents=True, exist_ok=True)
            with part.open("r+b" if part.exists() else "w+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                there = file.seek(0, 2)
                if at > there:
                    raise ValueError(f"{there:,} bytes are there, the piece begins at {at:,}")
                file.seek(at)
                file.write(data)
                if at == 0 or last:
                    file.truncate()
                file.flush()
                size = file.seek(0, 2)
                if last:
                    part.replace(_free(target, file))
        except OSError as error:
            raise GongkaiError("disk.full", error.strerror or str(error), "room in the data folder") from error
        return size

    def drop(self, who: int, name: str, path: str) -> None:
        """Forget the pieces of a file that cannot come in whole. Raises KeyError, GongkaiError as :meth:`receive`."""
        _part_of(self._files(who, name) / _clean(path)).unlink(missing_ok=True)

    def size(self, who: int, name: str) -> UploadSize:
        """What lies in an upload, as far as it came in whole. Raises KeyError when there is none."""
        sizes = [
            os.path.getsize(os.path.join(folder, file))
            for folder, _, files in os.walk(self._files(who, name))
            for file in files
            if not file.endswith(_PART)
        ]
        return UploadSize(len(sizes), sum(sizes))

    def register(
        self,
        who: int,
        name: str,
        *,
        engine: Engine,
        store: ContentStore,
        batch: str,
        region: tuple[str, ...] = (),
        notify: Callable[[Sequence[Queued]], None] = lambda _: None,
        progress: Callable[[IngestSummary], None] = lambda _: None,
    ) -> IngestSummary:
        """Register all files of an upload as ``batch``, under the paths that the browser said, and delete it.

        Raises KeyError, UsageError (also for a file that did not come in whole), and GongkaiError for faults of the machine: the
        upload stays, and calling it again goes on.
        """
        folder = self._files(who, name)
        if broken := sum(1 for _ in folder.rglob(f".*{_PART}")):
            raise UsageError(f"{broken} files did not come in whole; expected all of them sent to their end")
        summary = ingest_paths(
            plan([str(folder)], batch=batch),
            engine=engine,
            store=store,
            limits=self._limits,
            region=region,
            notify=notify,
            progress=progress,
            known_as=lambda path: os.path.relpath(path, folder),
        )
        self.delete(who, name)
        return summary

    def delete(self, who: int, name: str) -> None:
        """Delete an upload, if it is there."""
        if _NAME.fullmatch(name):
            shutil.rmtree(self._of(who, name), ignore_errors=True)

    def _of(self, who: int, name: str) -> Path:
        return self._folder / str(who) / name

    def _sweep(self) -> None:
        """Delete uploads that nobody went on with for a week."""
        for one in self._folder.glob("*/*"):
            if _NAME.fullmatch(one.name) and time.time() - one.stat().st_mtime > _WEEK:
                shutil.rmtree(one, ignore_errors=True)


def _part_of(target: Path) -> Path:
    """Where the pieces of a file are until it is whole."""
    return target.with_name(f".{hashlib.sha256(target.name.encode()).hexdigest()[:32]}{_PART}")


def _free(target: Path, file: BufferedRandom) -> Path:
    """The path for a file that came in as ``target``: another one if a file of another content is there."""
    file.seek(0)
    content = hashlib.file_digest(file, "sha256").digest()
    number, place = 1, target
    while place.exists():
        with place.open("rb") as other:
            if hashlib.file_digest(other, "sha256").digest() == content:
                return place
        number += 1
        place = target.with_name(f"{target.stem} ({number}){target.suffix}")
    return place


def _clean(path: str) -> PurePosixPath:
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    bad = not parts or ".." in parts or len(path) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_PART for part in parts)
    if bad or any(ord(c) < 32 for c in path):
        raise GongkaiError("file.unsafe_archive", f"a path that cannot be kept: {path[:80]!r}", "a path inside the chosen folder")
    return PurePosixPath(*parts)
