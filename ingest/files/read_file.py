"""From a file that was found to what is registered of it: one arrival, or one for each document in an archive.

Nothing is ever just printed: a file that cannot be taken is an arrival too, with the code that says why.
"""

from __future__ import annotations

import errno
import hashlib
import io
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

import msgspec

from codebook import image_package
from codebook.errors import GongkaiError
from codebook.records import Hints
from database.ledger import Arrival
from ingest.archives.archive import BROKEN_MEMBER, Budget, unpack
from ingest.archives.limits import Limits
from ingest.files.fingerprint import HEAD, Content, content_from, content_of, stand_in
from ingest.files.identify import Identity, Role, identify, looks_packed
from ingest.files.page_images import Reports, decided_by, flat_folders
from ingest.files.walk import Found, Note, shown
from ingest.lists.manifest import Manifest

UNKNOWN = "application/octet-stream"
_WRITERS = 8
_SMALL = 1024 * 1024  # larger contents are waited for, so that few of them are in memory


class Store(Protocol):
    """Where originals are kept by their hash (see runtime.store)."""

    def put(self, data: bytes) -> str:
        """Keep ``data``; gives its sha256."""

    def delete(self, sha256: str) -> bool:
        """Delete a content. Return whether it was there."""


class Keeper:
    """Puts contents into the store. Small ones beside the reading, a few at a time: most of it is waiting for the disk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(_WRITERS, thread_name_prefix="keeper")
        self._pending: deque[Future[str]] = deque()

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def keep(self, content: Content, file: BinaryIO) -> None:
        """Keep a content, by :meth:`settle` at the latest.

        Raises GongkaiError file.changed when the file is not what was hashed, and StoreFaultError for a fault of the store,
        be it with an earlier content.
        """
        file.seek(0)
        data = file.read()
        if hashlib.sha256(data).hexdigest() != content.sha256:
            raise GongkaiError("file.changed", "another content when it was read again", "a file that is complete")
        while len(self._pending) >= 2 * _WRITERS:
            self._wait()
        self._pending.append(self._pool.submit(self._store.put, data))
        if len(data) > _SMALL:
            self.settle()

    def delete(self, sha256: str) -> None:
        """Delete a content that must not be kept. Raises StoreFaultError."""
        self.settle()
        try:
            self._store.delete(sha256)
        except GongkaiError as error:
            raise StoreFaultError(error) from error

    def settle(self) -> None:
        """Wait until everything is kept. Raises StoreFaultError."""
        while self._pending:
            self._wait()

    def _wait(self) -> None:
        try:
            self._pending.popleft().result()
        except GongkaiError as error:
            raise StoreFaultError(error) from error


class Taken(msgspec.Struct, frozen=True):
    """An arrival, and the batch that a manifest names for it."""

    arrival: Arrival
    batch: str | None = None


class Intake:
    """Takes files in. ``archives`` counts those that were looked into. Work of a higher ``priority`` is served first."""

    def __init__(
        self,
        keeper: Keeper,
        limits: Limits,
        manifest: Manifest | None = None,
        region: tuple[str, ...] = (),
        *,
        priority: int = 0,
    ) -> None:
        self._keeper = keeper
        self._limits = limits
        self._manifest = manifest
        self._region = region
        self._priority = priority
        self._one_report = decided_by(manifest)
        self.archives = 0

    def take(self, found: Found, *, follow: bool = False) -> Iterator[Taken]:
        """All that is to be registered of a file that was found. Contents are in the store when the keeper has settled.

        Raises GongkaiError for faults of the machine (store.unavailable, disk.full) only.
        """
        if found.note is Note.UNREADABLE:
            yield self.absent(found.shown, GongkaiError("file.unreadable", found.detail, "permission to read it"))
            return
        try:
            if found.pages:
                yield self._folder_of_pages(found)
                return
            with content_of(found.path, follow=follow) as content:
                yield from self._content(content, found.shown, budget=Budget(self._limits), depth=1)
        except GongkaiError as error:
            yield self.absent(found.shown, error)
        except OSError as error:
            yield self.absent(found.shown, _of_system(error))

    def _content(self, content: Content, path: str, *, budget: Budget, depth: int) -> Iterator[Taken]:
        identity = identify(content.file or io.BytesIO(content.head))
        if content.file is None or (identity.role is not Role.ARCHIVE and content.size > self._limits.file_bytes):
            found = f"{content.size:,} bytes"
            yield self._refused(
                content, identity, path, GongkaiError("file.too_large", found, f"at most {self._limits.file_bytes:,}")
            )
        elif identity.role is Role.ARCHIVE:
            yield from self._archive(content, content.file, identity, path, budget=budget, depth=depth)
        else:
            if content.size:
                self._keeper.keep(content, content.file)
            if identity.code:
                yield self._refused(content, identity, path, GongkaiError(identity.code, identity.found, identity.expected))
            else:
                yield self._taken(content, identity, path)

    def _folder_of_pages(self, found: Found) -> Taken:
        """Raises GongkaiError and OSError of the first page that cannot be read: a report with a page less is another report."""
        images, size = [], 0
        for path in found.pages:
            with content_of(path, follow=False) as content:
                size += content.size
                if content.file is not None and size <= self._limits.file_bytes:
                    images.append((path, content.file.read()))
        return self._pages(found.shown, images, size)

    def _pages(self, path: str, images: Sequence[tuple[str, bytes]], size: int) -> Taken:
        """The arrival of page images that are one report; of more than a document may have, without their content."""
        identity = Identity(image_package.MEDIA_TYPE)
        if size > self._limits.file_bytes:
            error = GongkaiError("file.too_large", f"{size:,} bytes", f"at most {self._limits.file_bytes:,}")
            return self._taken(Content(stand_in(error.code, path), size, b"", None), identity, path, error)
        packed = image_package.pack(images)
        content = Content(hashlib.sha256(packed).hexdigest(), len(packed), packed[:HEAD], io.BytesIO(packed))
        self._keeper.keep(content, io.BytesIO(packed))
        return self._taken(content, identity, path)

    def _archive(
        self, content: Content, file: BinaryIO, identity: Identity, path: str, *, budget: Budget, depth: int
    ) -> Iterator[Taken]:
        self.archives += 1
        members = 0
        try:
            if depth > self._limits.archive_depth:
                raise GongkaiError("file.bomb", f"archives {depth} deep in each other", f"at most {self._limits.archive_depth}")
            reports = Reports(self._groups(file, identity, path, budget), self._limits.file_bytes)
            for name, reader in unpack(file, identity.media_type, path, budget):
                members += 1
                if reports.path_of(name) is None:
                    yield from self._member(reader, f"{path}!{shown(name)}", budget=budget, depth=depth)
                else:
                    yield from self._page(reports, name, reader)
            if not members:
                raise GongkaiError("file.empty", "an archive without files", "an archive with documents")
        except GongkaiError as error:
            yield self._refused(content, identity, path, error)

    def _groups(self, file: BinaryIO, identity: Identity, path: str, budget: Budget) -> dict[str, list[str]]:
        """The paths in the archive, as they are shown, whose members are the pages of one report, with these members in order."""
        names = [name for name, _ in unpack(file, identity.media_type, path, copy(budget))]
        found = {}
        for folder, files in flat_folders(names).items():
            place = path if len(files) == len(names) else f"{path}!{shown(folder)}"
            if self._one_report(place, [PurePosixPath(file).name for file in files]):
                found[place] = files
        return found

    def _page(self, reports: Reports, name: str, reader: BinaryIO) -> Iterator[Taken]:
        """The report of which ``name`` is the last page that was missing. A page that is broken is a report that is broken."""
        path = reports.path_of(name) or ""
        try:
            report = reports.add(name, reader)
        except BROKEN_MEMBER as error:
            reports.drop(path)
            yield self.absent(path, _of_member(error))
            return
        if report is not None:
            yield self._pages(report.path, report.images, report.size)

    def _member(self, reader: BinaryIO, path: str, *, budget: Budget, depth: int) -> Iterator[Taken]:
        def limit(head: bytes) -> int:
            return self._limits.archive_bytes if looks_packed(head) else self._limits.file_bytes

        try:
            with content_from(reader, limit) as content:
                yield from self._content(content, path, budget=budget, depth=depth + 1)
        except BROKEN_MEMBER as error:
            yield self.absent(path, _of_member(error))

    def _taken(self, content: Content, identity: Identity, path: str, error: GongkaiError | None = None) -> Taken:
        row = self._manifest.row(path) if self._manifest else None
        hints = msgspec.structs.replace(row.hints, path=path) if row else Hints(path=path)
        if not hints.region:
            hints = msgspec.structs.replace(hints, region=self._region)
        rejection = (error.code, str(error).removeprefix(f"{error.code}: ")) if error else None
        arrival = Arrival(content.sha256, identity.media_type, content.size, path, hints, self._priority, rejection)
        return Taken(arrival, row.batch if row else None)

    def _refused(self, content: Content, identity: Identity, path: str, error: GongkaiError) -> Taken:
        return self._taken(content, identity, path, error)

    def absent(self, path: str, error: GongkaiError) -> Taken:
        """Something whose content could not be told."""
        return self._taken(Content(stand_in(error.code, path), 0, b"", None), Identity(UNKNOWN), path, error)


_FULL = (errno.ENOSPC, errno.EDQUOT)


def _of_member(error: Exception) -> GongkaiError:
    """What an error in reading a member of an archive means. Raises as _of_system."""
    if isinstance(error, OSError) and error.errno:
        return _of_system(error)
    return GongkaiError("file.corrupt", f"a member that cannot be unpacked ({error})", "a whole archive")


def _of_system(error: OSError) -> GongkaiError:
    """What an error of the system means for a file. Raises StoreFaultError when the disk that is written to is full."""
    if error.errno in _FULL:  # of the temporary file: what is read cannot be full
        raise StoreFaultError(GongkaiError("disk.full", error.strerror or str(error), "room for temporary files")) from error
    code = "file.changed" if isinstance(error, FileNotFoundError) else "file.unreadable"
    return GongkaiError(code, error.strerror or str(error), "a file that can be read")


class StoreFaultError(Exception):
    """Carries a fault of the machine past the handling of bad files."""

    def __init__(self, error: GongkaiError) -> None:
        super().__init__(str(error))
        self.error = error
