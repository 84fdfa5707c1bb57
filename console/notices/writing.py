"""Writing many notices: in processes of their own, as many as draw, since each notice is a file that needs no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from pathlib import Path

from codebook.errors import UsageError
from console.notices.document import NoticeTemplate
from console.notices.records import AgencyNotice
from runtime.process_pool import process_pool

_FEW = 20  # notices that are written before two processes are ready


class NoticeWriter:
    """Writes notices with one template. ``count`` of them are expected: a few are written in this process."""

    def __init__(self, template: NoticeTemplate, count: int) -> None:
        self._template = template
        self._pool = process_pool() if count > _FEW else None

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


def _write(content: bytes, name: str, notice: AgencyNotice, path: Path) -> None:
    _opened(content, name).render(notice, path)


@lru_cache(maxsize=1)
def _opened(content: bytes, name: str) -> NoticeTemplate:
    return NoticeTemplate(content, name)
