"""Writing many notices: in processes of their own, as many as draw, since each notice is a file that needs no other."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from codebook.errors import UsageError
from console.notices.document import NoticeTemplate
from console.notices.records import AgencyNotice

_PROCESSES = 2
_FEW = 20  # notices that are written before two processes are ready


class NoticeWriter:
    """Writes notices with one template. ``count`` of them are expected: a few are written in this process."""

    def __init__(self, template: NoticeTemplate, count: int) -> None:
        self._template = template
        # A forked process would share our connections to the database.
        self._pool = _pool() if count > _FEW else None

    def write(self, files: Iterable[tuple[AgencyNotice, Path]]) -> Iterator[None]:
        """Write each notice to its path; yield after each one. Raises UsageError when the template fails with one of them."""
        if self._pool is None:
            for notice, path in files:
                self._template.render(notice, path)
                yield
            return
        content, name = self._template.content, self._template.name
        jobs = [self._pool.submit(_write, content, name, notice, path) for notice, path in files]
        try:
            for job in jobs:
                yield job.result()
        except BrokenProcessPool as error:
            raise UsageError("a process that writes notices was ended from outside; make them again") from error

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(_PROCESSES, get_context("spawn"), _end_with, (os.getpid(),))


def _end_with(parent: int) -> None:
    """Let the kernel kill this process when the thread that started it is gone, however it went: it waits for work otherwise."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG; systems without prctl do without
    except AttributeError:
        return
    if os.getppid() != parent:  # it has gone already
        os._exit(0)


def _write(content: bytes, name: str, notice: AgencyNotice, path: Path) -> None:
    _opened(content, name).render(notice, path)


@lru_cache(maxsize=1)
def _opened(content: bytes, name: str) -> NoticeTemplate:
    return NoticeTemplate(content, name)
