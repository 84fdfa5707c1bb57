"""A budget of processor time for a document in a stage: what takes far more than its pages can need ends as ``stage.timeout``.

The limit of a message (``GONGKAI_LIGHT_SECONDS``) is for the slowest machine and the largest document; a page that was made to be
slow would use all of it, three times.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from codebook.errors import GongkaiError

FOR_DOCUMENT = 20.0
"""Seconds for a document, whatever it is; an ordinary one takes less than one."""
FOR_PAGE = 1.0
"""Seconds for each of its pages; an ordinary one takes a tenth."""


@contextmanager
def bounded(pages: int) -> Iterator[None]:
    """Raise GongkaiError ``stage.timeout`` in the block when it takes more processor time than ``pages`` pages can need.

    It is a timer of the process, so it holds in its main thread only, where workers do their stages; elsewhere it does nothing.
    Regular expressions let it through, native readers after they return.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seconds = FOR_DOCUMENT + FOR_PAGE * pages

    def over(_signal: int, _frame: FrameType | None) -> None:
        raise GongkaiError("stage.timeout", f"more than {seconds:.0f} seconds of processor time", f"less for {pages} pages")

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
