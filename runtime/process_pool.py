"""Processes beside that of a command, for work that takes a processor of its own."""

from __future__ import annotations

import ctypes
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

PROCESSES = 2


def process_pool() -> ProcessPoolExecutor:
    """Return a pool of PROCESSES processes, which end with the thread that makes it.

    They are not forked: a forked process would share the connections to the database.
    """
    return ProcessPoolExecutor(PROCESSES, get_context("spawn"), _end_with, (os.getpid(),))


def _end_with(parent: int) -> None:
    """Let the kernel kill this process when the thread that started it is gone, however it went: it waits for work otherwise."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG; systems without prctl do without
    except AttributeError:
        return
    if os.getppid() != parent:  # it has gone already
        os._exit(0)
