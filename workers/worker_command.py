"""The command that starts a worker, for those who do not load Celery themselves."""

from __future__ import annotations

from collections.abc import Sequence

from codebook.stages import QUEUES
from runtime.child_command import module_command
from runtime.process_limits import SILENT
from runtime.settings import Settings

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
