"""How processor time grows with the input, and work that is ended when it takes too much of it.

Nothing here compares with seconds of a clock: :func:`assert_linear` compares two processor times of one process, and
:func:`in_child` has a ceiling that only endless work reaches.
"""

from __future__ import annotations

import multiprocessing
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

CEILING = 20  # processor seconds that no healthy work of these tests comes near
MARGIN = 3.0  # how many times more than linear the longer input may take: allocation, caches, other processes
FLOOR = 0.05  # processor seconds below which growth is not judged


def _bounded(act: Callable[..., Any], arguments: tuple[Any, ...], ceiling: int, pipe: Any) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (ceiling, ceiling))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        pipe.send((True, act(*arguments)))
    except BaseException as error:  # noqa: BLE001 (it is raised again by the parent)
        pipe.send((False, error))


def in_child(act: Callable[..., Any], *arguments: Any, ceiling: int = CEILING) -> Any:
    """Return what ``act`` returns in a process of its own, or raise what it raises. Raise TimeoutError when the process was
    ended, after ``ceiling`` processor seconds or otherwise.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_bounded, args=(act, arguments, ceiling, sender))
    child.start()
    sender.close()
    try:
        fine, result = receiver.recv()
    except EOFError:
        child.join()
        raise TimeoutError(f"ended with {child.exitcode}") from None
    child.join()
    if not fine:
        raise result
    return result


class Peak:
    """The most memory that any of the watched processes held, in bytes."""

    bytes = 0


@contextmanager
def peak_memory(module: str) -> Iterator[Peak]:
    """Watch the children of this process that run ``module``, and keep the highest of their peaks.

    The kernel's own high-water mark of each process is read: ``ru_maxrss`` of a child also counts what its parent held before it
    called the program.
    """
    peak, stop = Peak(), threading.Event()

    def look() -> None:
        while not stop.wait(0.01):
            for child in psutil.Process().children():
                try:
                    if module in child.cmdline():
                        status = Path(f"/proc/{child.pid}/status").read_text()
                        lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
                        peak.bytes = max([peak.bytes, *(int(line[1]) * 1024 for line in lines)])
                except (psutil.Error, OSError):
                    continue  # it has ended meanwhile

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield peak
    finally:
        stop.set()
        watching.join()


def _seconds(act: Callable[[Any], object], given: Any, times: int) -> float:
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        act(given)
        best = min(best, time.process_time() - start)
    return best


def _measure(act: Callable[[Any], object], make: Callable[[int], Any], size: int, factor: int) -> tuple[float, float]:
    act(make(max(1, size // 8)))  # what is loaded once is loaded now
    return _seconds(act, make(size), 3), _seconds(act, make(size * factor), 2)


def assert_linear(act: Callable[[Any], object], make: Callable[[int], Any], size: int, factor: int = 4) -> None:
    """Assert that ``act(make(factor * size))`` takes about ``factor`` times as long as ``act(make(size))``."""
    short, long = in_child(_measure, act, make, size, factor)
    assert long <= max(FLOOR, MARGIN * factor * max(short, FLOOR / (MARGIN * factor))), (
        f"{size}: {short:.3f} s, {size * factor}: {long:.3f} s"
    )
