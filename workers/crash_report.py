"""Report the death of a process to the ledger at once, from the main process of its worker."""

from __future__ import annotations

from typing import Any

import psutil
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import Task
from celery.worker.request import Request

from codebook.stages import StageName
from database.ledger import Fault
from workers import process_monitor
from workers.faults import time_limit_reached


class StageRequest(Request):  # type: ignore[misc]
    """A message that a worker has taken. Its hooks run in the worker's main process."""

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """The time limit was reached; after a hard one the process is killed."""
        if not soft:
            # A death may have gone unnoticed until now; then it was not the time that ended the work.
            if _is_dead(self.worker_pid):
                fault = Fault("worker.crashed", "the process died")
            else:
                fault = time_limit_reached(StageName(self.task_name.rpartition(".")[2]), timeout)
            process_monitor.report_death(self.worker_pid, fault)
        super().on_timeout(soft, timeout)

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:
        """The task raised something, or its process died."""
        error = exc_info.exception
        lost = isinstance(error, WorkerLostError) or (
            isinstance(error, BaseException) and isinstance(getattr(error, "exc", None), WorkerLostError)
        )
        if lost and not isinstance(error, TimeLimitExceeded):
            process_monitor.report_death(self.worker_pid, Fault("worker.crashed", f"the process died: {_last_line(error)}"))
        return super().on_failure(exc_info, send_failed_event, return_ok)


def _is_dead(pid: int | None) -> bool:
    try:
        return pid is None or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _last_line(error: BaseException) -> str:
    # What came from another process carries that process' traceback in its text.
    lines = [line for line in str(error).splitlines() if line.strip(' "')]
    return lines[-1].strip() if lines else type(error).__name__


class StageTask(Task):  # type: ignore[misc]
    """The base of all stage tasks."""

    Request = StageRequest
    abstract = True
