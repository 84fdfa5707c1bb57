"""The originals: one file per content, named by its sha256, in a folder or wherever fsspec reaches (s3://...)."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import fsspec
from billiard.exceptions import SoftTimeLimitExceeded
from fsspec.implementations.local import LocalFileSystem

from codebook.errors import GongkaiError

T = TypeVar("T")

_KEPT_BYTES = 64 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{3,199}")


class Store:
    """A content-addressed store. A file under its final name is always whole; writing the same content again changes nothing.

    Raises GongkaiError ``store.unavailable`` when the place does not answer or a content is not there, ``disk.full`` when there
    is no room: both faults of the machine, not of the document.
    """

    def __init__(self, url: str) -> None:
        self._files, root = fsspec.core.url_to_fs(url)
        self._root: str = root.rstrip("/")
        self._local = isinstance(self._files, LocalFileSystem)
        self._last: tuple[str, bytes] | None = None
        self._synced: set[Path] = set()  # folders whose entry in the one above is on the disk

    def path(self, sha256: str) -> str:
        """Return where a content lies: two folders of two characters each keep folders small."""
        return f"{self._root}/{sha256[:2]}/{sha256[2:4]}/{sha256}"

    def exists(self, sha256: str) -> bool:
        """Return whether the content is there."""
        return self._guard(lambda: bool(self._files.exists(self.path(sha256))))

    def put(self, data: bytes) -> str:
        """Keep ``data`` safely (on the disk, not only in its cache). Return its sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        if not self.exists(sha256):
            self._guard(lambda: self._write_local(Path(self.path(sha256)), data) if self._local else self._write(sha256, data))
        return sha256

    def get(self, sha256: str) -> bytes:
        """The content. What was damaged on its way is not given out: its sha256 is checked.

        The content asked for last is kept in memory when it is not large: the pages of a document are read one after the other.
        """
        if self._last is not None and self._last[0] == sha256:
            return self._last[1]
        data = self._guard(lambda: bytes(self._files.cat_file(self.path(sha256))))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise GongkaiError(
                "store.unavailable", f"the stored original {sha256} has another content", "the content of that name"
            )
        self._last = (sha256, data) if len(data) <= _KEPT_BYTES else None
        return data

    def delete(self, sha256: str, visits: Sequence[str] = ()) -> bool:
        """Delete a content, the pictures of its pages and the ``visits`` that hold it, for good. Return whether the content was
        there.
        """
        self._last = None
        for path in map(self._visit_path, visits):
            if self._guard(partial(self._files.exists, path)):
                self._guard(partial(self._files.rm_file, path))
        there = self.exists(sha256)
        if there:
            self._guard(lambda: self._files.rm_file(self.path(sha256)))
        pictures = f"{self._root}/derived/{sha256[:2]}/{sha256}-*"
        self._guard(lambda: [self._files.rm_file(path) for path in self._files.glob(pictures)])
        return there

    def contents(self) -> Iterator[str]:
        """Yield the sha256 of every content that is kept, in no particular order."""
        for top in self._guard(lambda: list(self._files.glob(f"{self._root}/[0-9a-f][0-9a-f]"))):
            for path in self._guard(partial(self._files.find, top)):
                name = path.rpartition("/")[2]
                if _SHA256.fullmatch(name):
                    yield name

    def derived(self, name: str) -> bytes | None:
        """Return what was made from an original and kept under ``name`` (see :meth:`keep_derived`); None when it is not there
        (any more).
        """
        path = self._derived_path(name)
        return self._guard(lambda: bytes(self._files.cat_file(path)) if self._files.exists(path) else None)

    def keep_derived(self, name: str, data: bytes) -> None:
        """Keep what can be made from an original again at any time, such as the picture of a page. To free room, delete
        the folder ``derived``. ``name`` has letters, digits, dots and hyphens.
        """
        path = self._derived_path(name)
        self._guard(lambda: self._write_local(Path(path), data) if self._local else self._files.pipe_file(path, data))

    def visit(self, name: str) -> bytes | None:
        """Return the answer of a host that was kept under ``name`` (see :meth:`keep_visit`); None when there is none."""
        path = self._visit_path(name)
        return self._guard(lambda: bytes(self._files.cat_file(path)) if self._files.exists(path) else None)

    def keep_visit(self, name: str, data: bytes) -> None:
        """Keep the answer of a host, as a file of WARC. It is whole, or not there."""
        path = self._visit_path(name)
        self._guard(lambda: self._write_local(Path(path), data) if self._local else self._files.pipe_file(path, data))

    def _visit_path(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"no name of a visit: {name!r}")
        return f"{self._root}/visits/{name[:2]}/{name}"

    def _derived_path(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"no name for what is derived: {name!r}")
        return f"{self._root}/derived/{name[:2]}/{name}"

    def check(self) -> None:
        """Write, read and delete a probe. Raises as described."""
        name = f"{self._root}/probe-{uuid.uuid4().hex}"

        def probe() -> None:
            self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(name, b"probe")
            self._files.rm_file(name)

        self._guard(probe)

    def _write(self, sha256: str, data: bytes) -> None:
        # Object stores show a file only when it is complete.
        self._files.pipe_file(self.path(sha256), data)

    def _write_local(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        # The entry of a folder in the one above it is on the disk when that was synced behind its making, once.
        for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
            _fsync_folder(folder)
            if folder in self._synced:
                break
        self._synced.update((path.parent, path.parent.parent))

    def _guard(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except OSError as error:
            code = "disk.full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "store.unavailable"
            raise GongkaiError(code, f"{type(error).__name__}: {error}") from error
        except (MemoryError, SoftTimeLimitExceeded):
            raise
        # Libraries of object stores raise what they like when the place does not answer.
        except Exception as error:
            if self._local:
                raise
            raise GongkaiError("store.unavailable", f"{type(error).__name__}: {error}") from error


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
