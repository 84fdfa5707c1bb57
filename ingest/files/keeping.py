"""Putting contents into the store, a few at a time."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from codebook.errors import GongkaiError

_WRITERS = 8
_SMALL = 1024 * 1024  # larger contents are waited for, so that few of them are in memory


class ContentStore(Protocol):
    """Where originals are kept by their hash (see runtime.store)."""

    def put(self, data: bytes) -> str:
        """Keep ``data``. Return its sha256."""

    def delete(self, sha256: str) -> bool:
        """Delete a content. Return whether it was there."""


class Keeper:
    """Puts contents into the store. Small ones beside the reading, a few at a time: most of it is waiting for the disk."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(_WRITERS, thread_name_prefix="keeper")
        self._pending: deque[Future[str]] = deque()

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def keep(self, sha256: str, data: bytes) -> None:
        """Keep a content, by :meth:`settle` at the latest.

        Raises GongkaiError file.changed when it is not what was hashed, and StoreFaultError for a fault of the store, be it
        with an earlier content.
        """
        if hashlib.sha256(data).hexdigest() != sha256:
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


class StoreFaultError(Exception):
    """Carries a fault of the machine past the handling of bad files."""

    def __init__(self, error: GongkaiError) -> None:
        super().__init__(str(error))
        self.error = error
