"""Running a command while its whole tree of processes is watched for memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
_INTERVAL = 0.5


@dataclass(frozen=True)
class Run:
    """What a command took. ``peak`` is the greatest sum of resident memory over its processes (and those named beside it), in
    bytes; pages that processes share are counted in each. ``processor`` are the processor seconds of it and of the processes
    that it waited for: other work on the machine changes them less than ``seconds``.
    """

    seconds: float
    peak: int
    code: int
    output: str
    errors: str
    processor: float = 0.0


def _tree(pid: int) -> Iterator[psutil.Process]:
    try:
        root = psutil.Process(pid)
        yield root
        yield from root.children(recursive=True)
    except psutil.NoSuchProcess:
        return


def _resident(pids: Iterable[int]) -> int:
    total = 0
    for pid in pids:
        for process in _tree(pid):
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    return total


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command: ours without the project's settings, and ``extra``."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GONGKAI_")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1", **(extra or {})}


def run(arguments: Sequence[str], extra: Mapping[str, str] | None = None, beside: Iterable[int] = ()) -> Run:
    """Run ``python -m ARGUMENTS`` to its end. ``beside`` are processes whose memory counts too (workers started before)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began, spent = time.perf_counter(), _processor_seconds()
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], env=environment(extra), cwd=REPOSITORY, stdout=out, stderr=err
        )
        pids, peak, done = [process.pid, *beside], 0, threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(_INTERVAL):
                peak = max(peak, _resident(pids))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        code = process.wait()
        seconds = time.perf_counter() - began
        done.set()
        watcher.join()
        out.seek(0)
        err.seek(0)
        texts = (out.read().decode(errors="replace"), err.read().decode(errors="replace"))
        return Run(seconds, peak, code, *texts, _processor_seconds() - spent)


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def started(arguments: Sequence[str], extra: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """``python -m ARGUMENTS`` running beside the block; asked to stop at its end, and killed after ten seconds."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env=environment(extra),
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
