"""From a file that was found to its arrivals: what the child process that reads it says, and what is known of it beforehand.

What ends the process is an arrival too, with a code and its path. In an archive that is the member that was looked at; the rest
of the archive is read by the next process.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import msgspec

from codebook.errors import GongkaiError, UsageError
from codebook.records import Hints
from database.plain_records import Arrival
from ingest.archives.limits import Limits
from ingest.files.bounded_reader import BoundedReader, Ended
from ingest.files.fingerprint import stand_in
from ingest.files.keeping import Keeper, StoreFaultError
from ingest.files.messages import (
    Answer,
    Bug,
    End,
    FoundDocument,
    Kept,
    Looking,
    ManifestEnd,
    ManifestRow,
    NoRoom,
    ReadFile,
    ReadManifest,
    path_with,
)
from ingest.files.walk import Found, Note
from ingest.lists.manifest import Manifest, Row
from ingest.names import shown
from runtime.log import get_logger

log = get_logger(__name__)

UNKNOWN = "application/octet-stream"
_MOST_ENDS = 3  # processes that one file may end before the rest of it is given up


class Taken(msgspec.Struct, frozen=True):
    """An arrival, and the batch that a manifest names for it."""

    arrival: Arrival
    batch: str | None = None


class Intake:
    """Takes files in. ``archives`` counts those that were looked into, ``unpacked`` are the contents of those whose members all
    came in, ``notices`` what people should know of them. Work of a higher ``priority`` is served first.
    """

    def __init__(
        self,
        reader: BoundedReader,
        keeper: Keeper,
        limits: Limits,
        manifest: Manifest | None = None,
        region: tuple[str, ...] = (),
        *,
        priority: int = 0,
    ) -> None:
        self._reader = reader
        self._keeper = keeper
        self._limits = limits
        self._manifest = manifest
        self._region = region
        self._priority = priority
        self.archives = 0
        self.unpacked: list[str] = []
        self.notices: list[str] = []

    def take(self, found: Found, *, follow: bool = False) -> Iterator[Taken]:
        """All that is to be registered of a file that was found. Contents are in the store when the keeper has settled.

        Raises StoreFaultError for faults of the machine (store.unavailable, disk.full) only.
        """
        if found.note is not None:
            yield self.refused(found.shown, _cannot_be_read(found))
            return
        self._reader.use_paths(self._manifest.paths() if self._manifest is not None else None)
        request = ReadFile(
            os.fsencode(os.path.abspath(found.path)),
            found.shown,
            self._limits,
            follow,
            tuple(os.fsencode(os.path.abspath(page)) for page in found.pages),
            volumes=tuple(os.fsencode(os.path.abspath(volume)) for volume in found.volumes),
            beside=os.fsencode(found.beside) if found.beside is not None else None,
            missing=tuple(map(shown, found.missing)),
            parts=tuple((address, os.fsencode(os.path.abspath(path))) for address, path in found.parts),
        )
        for number in range(1, _MOST_ENDS + 1):
            past, ended = yield from self._answers(request)
            if ended is None:
                return
            looked, why = ended
            log.warning("a file ended the process that read it", path=looked.path, code=why.code, found=why.found)
            whole = looked.path == found.shown or number == _MOST_ENDS
            if whole and looked.path != found.shown:
                looked = Looking(found.shown, "", 0)
            yield self._ended(looked, why)
            if whole:
                return
            request = msgspec.structs.replace(request, past=past, refused=(*request.refused, looked.path))

    def _answers(self, request: ReadFile) -> Generator[Taken, None, tuple[int, tuple[Looking, Ended] | None]]:
        """Yield what the reader finds. Returns how many documents that were, and what was looked at when the process ended."""
        past, looked = request.past, Looking(request.shown, "", 0)
        kept: str | None = None
        changed: set[str] = set()
        complete = False
        try:
            for answer in self._reader.ask(request, self._limits.seconds):
                if isinstance(answer, Kept):
                    kept = answer.sha256
                elif isinstance(answer, bytes) and kept is not None:
                    self._keep(kept, answer, changed)
                elif isinstance(answer, Looking):
                    looked = answer
                elif isinstance(answer, FoundDocument):
                    past += 1
                    yield self._taken(answer, changed)
                elif isinstance(answer, Ended):
                    complete = True
                    return past, (looked, answer)
                elif not isinstance(answer, bytes):
                    complete = self._rest(answer)
        finally:
            if not complete:
                self._reader.close()  # the rest of the answers is not wanted
        return past, None

    def _rest(self, answer: Answer) -> bool:
        """Return whether an answer is the last one. Raises StoreFaultError for a fault of the machine."""
        if isinstance(answer, NoRoom):
            raise StoreFaultError(GongkaiError("disk.full", answer.found, "room for temporary files"))
        if isinstance(answer, Bug):
            log.error("a bug in reading a file", path=answer.path, traceback=answer.traceback)
        if isinstance(answer, End):
            self.archives += answer.archives
            self.unpacked += answer.unpacked
            self.notices += answer.notices
            for notice in answer.notices:
                log.warning("a summary states another sum", notice=notice)
        return isinstance(answer, End)

    def _keep(self, sha256: str, content: bytes, changed: set[str]) -> None:
        try:
            self._keeper.keep(sha256, content)
        except GongkaiError:
            changed.add(sha256)

    def _taken(self, document: FoundDocument, changed: set[str]) -> Taken:
        if document.sha256 in changed:
            error = GongkaiError("file.changed", "another content when it was read again", "a file that is complete")
            return self.refused(document.path, error)
        row = self._manifest.row(document.path) if self._manifest else None
        path = path_with(document.about, document.path)
        hints = msgspec.structs.replace(row.hints, path=path) if row else Hints(path=path)
        if not hints.region:
            hints = msgspec.structs.replace(hints, region=self._region)
        arrival = Arrival(
            document.sha256,
            document.media_type,
            document.size,
            document.path,
            hints,
            self._priority,
            document.rejection,
            document.dated_at,
        )
        return Taken(arrival, row.batch if row else None)

    def refused(self, path: str, error: GongkaiError) -> Taken:
        """The arrival of something whose content is not known."""
        rejection = (error.code, str(error).removeprefix(f"{error.code}: "))
        return self._taken(FoundDocument(stand_in(error.code, path), UNKNOWN, 0, path, rejection), set())

    def _ended(self, looked: Looking, why: Ended) -> Taken:
        """The arrival of what ended the process, under its content where that is known."""
        error = GongkaiError(why.code, why.found, "a file that can be read within the limits")
        if not looked.sha256:
            return self.refused(looked.path, error)
        rejection = (error.code, str(error).removeprefix(f"{error.code}: "))
        return self._taken(FoundDocument(looked.sha256, UNKNOWN, looked.size, looked.path, rejection), set())


def _cannot_be_read(found: Found) -> GongkaiError:
    """Return why something that was met in a folder, or was given, is no file to be read."""
    if found.note is Note.UNREADABLE:
        return GongkaiError("file.unreadable", found.detail, "permission to read it")
    called = {
        Note.LINK: f"a symbolic link to {found.detail}",
        Note.SPECIAL: "a pipe, a socket or a device",
        Note.EMPTY_FOLDER: "a folder without anything in it, named like a file",
    }
    return GongkaiError("file.not_regular", called[found.note] if found.note in called else str(found.note), "the file itself")


def load_manifest(path: Path, reader: BoundedReader, limits: Limits) -> Manifest:
    """Read a manifest in the child process.

    Raises UsageError when it cannot be used: it cannot be read, has no column with paths, or takes too much time or memory.
    """
    rows: list[Row] = []
    for answer in reader.ask(ReadManifest(os.fsencode(os.path.abspath(path)), limits), limits.seconds):
        if isinstance(answer, ManifestRow):
            rows.append(Row(answer.line, answer.path, answer.hints, answer.batch))
        elif isinstance(answer, ManifestEnd):
            if answer.wrong is not None:
                raise UsageError(answer.wrong)
            return Manifest(rows, answer.problems)
        elif isinstance(answer, Ended):
            raise UsageError(f"manifest {path}: {answer.found}; expected a CSV file")
    raise AssertionError("unreachable: the last answer is the manifest's end, or that of the process")
