"""A worker as a process: ``python -m workers.run QUEUES CONCURRENCY``, and the command by which others start one."""

from __future__ import annotations

import faulthandler
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from celery import signals

from codebook.stages import QUEUES
from runtime import log
from runtime.child_command import module_command
from runtime.private import keep_private
from runtime.process_limits import SILENT, limit_memory
from runtime.settings import Settings, load_settings
from workers import broker, process_monitor
from workers.app import app
from workers.worker_context import versions, worker_name

MODULE = "workers.run"


def worker_command(
    settings: Settings, queues: Sequence[str] = QUEUES, concurrency: int | None = None, module: str = MODULE
) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment additions that start a worker for ``queues`` with ``concurrency`` processes.

    Celery reads REMAP_SIGTERM when it is imported: a worker that is asked to end then lets running tasks go on for a bounded
    time and releases the rest.
    """
    argv = module_command(module, ",".join(queues), str(concurrency or settings.concurrency))
    return argv, {**settings.environment(), **_threads(settings.ocr_threads), **SILENT, "REMAP_SIGTERM": "SIGQUIT"}


def _threads(count: int) -> dict[str, str]:
    """Bounds for libraries that would start a thread for each core in each process; they read them when they are loaded."""
    return dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS"), str(count))


def main(argv: Sequence[str]) -> None:
    """Run a worker until it is stopped. Arguments: queues with commas, number of processes."""
    queues, concurrency = argv
    settings = load_settings()
    keep_private(settings)
    log.configure(settings)
    _connect(settings, _joined(queues))
    # Celery would import these with the current folder first on the path, whatever Python was told.
    for module in app.conf.include:
        import_module(module)
    arguments = [
        "--quiet",
        "worker",
        "--pool=prefork",
        f"--queues={queues}",
        f"--concurrency={concurrency}",
        f"--hostname={node_name(queues)}",
    ]
    # Talk among workers (mingle, gossip) is for revoked tasks and clocks, which nothing here uses.
    arguments += ["--without-mingle", "--without-gossip", f"--loglevel={settings.log_level}"]
    try:
        app.worker_main(arguments)
    finally:
        process_monitor.stop()


def _joined(queues: str) -> str:
    return queues.replace(",", "+")


def node_name(queues: str) -> str:
    """Return the name by which Celery and Flower know this worker: its queues, its process number, and its host."""
    return f"{_joined(queues)}.{os.getpid()}@{socket.gethostname()}"


def _connect(settings: Settings, queues: str) -> None:
    """Tie our own parts to the worker's life."""

    def keep_logging(**_: Any) -> None:
        log.configure(settings)

    def begin(**_: Any) -> None:
        process_monitor.start(settings, worker_name(), queues)

    def begin_process(**_: Any) -> None:
        faulthandler.enable()
        limit_memory(settings.memory_bytes)

    broker.beat_without_waiting()
    versions()
    worker_name()  # both before the first fork, so that all processes share them
    for signal, receiver in _receivers(keep_logging, begin, begin_process).items():
        signal.connect(receiver, weak=False)


def _receivers(keep_logging: Any, begin: Any, begin_process: Any) -> Mapping[Any, Any]:
    return {
        signals.setup_logging: keep_logging,
        signals.worker_init: begin,
        signals.worker_process_init: begin_process,
    }


if __name__ == "__main__":
    main(sys.argv[1:])
