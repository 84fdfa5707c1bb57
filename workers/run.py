"""A worker as a process: ``python -m workers.run QUEUES CONCURRENCY`` (see :mod:`workers.worker_command`)."""

from __future__ import annotations

import faulthandler
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from celery import signals

from runtime import log
from runtime.private import keep_private
from runtime.process_limits import limit_memory
from runtime.settings import Settings, load_settings
from workers import broker, process_monitor
from workers.app import app
from workers.worker_context import versions, worker_name


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
