"""A worker of the real stages with one thing wrong with it, named by ``ODDITY``. Run like workers.run.

``unfenced``: the fence is taken out of its SQL. ``newer``: it is of a later version. ``slow``: its processes take six seconds
to start, and serve one message each. ``dying``: for each document one place of one stage kills the process, once (a file in
``ODD_FOLDER`` remembers). ``stepwise``: loading is a step of its own, as it is where validation could not be completed
together with it. ``late``: loading takes ``LATE_SECONDS`` before it writes.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from celery import signals

from database.ledger import prepared
from workers import run, stage_runner, worker_context

POINTS = ("after_claim", "after_work", "before_commit", "after_commit", "before_ring")
STAGES = ("extract", "parse", "validate", "load")
PLACES = [(point, stage_runner) for stage_runner in STAGES for point in POINTS]
LATE_SECONDS = float(os.environ.get("LATE_SECONDS", "1"))


class _Never(set[Any]):
    """A set that stays empty."""

    def add(self, _: Any) -> None:
        """Nothing is taken in."""


def unfence() -> None:
    """A statement that asks for the fence is content with a stale one."""

    made = prepared._Compiled.__init__

    def edited(self: Any, statement: Any, dialect: Any) -> None:
        made(self, statement, dialect)
        self._text = self._text.replace("gk_stage.fence = ", "gk_stage.fence >= ")

    prepared._Compiled.__init__ = edited  # type: ignore[method-assign]


def be_newer() -> None:
    """Every result says that it was made by version 99."""
    ours = worker_context.versions()
    worker_context.versions = lambda: {**ours, "code": "99.0"}  # type: ignore[assignment]


def start_slowly() -> None:
    """As if a model were loaded."""
    signals.worker_process_init.connect(lambda **_: time.sleep(6), weak=False)


def die() -> None:
    """Each document dies at the place that its number names: the points of the protocol, in each stage."""

    folder = Path(os.environ["ODD_FOLDER"])

    def fail_here(point: str) -> None:
        held = sys._getframe(1).f_locals["held"]  # the claim with which the stage runner came here
        number = held.document_id % len(PLACES)
        if PLACES[number] != (point, str(held.stage)):
            return
        mark = folder / f"{number}"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    stage_runner.fail_here = fail_here


def stepwise() -> None:
    """No two stages are completed in one transaction."""

    stage_runner._JOINING = _Never()


def be_late() -> None:
    """Loading takes its time before it writes."""

    stepwise()

    def fail_here(point: str) -> None:
        if point == "after_work" and sys._getframe(1).f_locals["held"].stage == "load":
            time.sleep(LATE_SECONDS)

    stage_runner.fail_here = fail_here


_ODDITIES = {"unfenced": unfence, "newer": be_newer, "slow": start_slowly, "dying": die, "stepwise": stepwise, "late": be_late}

if __name__ == "__main__":
    for name in os.environ["ODDITY"].split(","):
        _ODDITIES[name]()
    run.main(sys.argv[1:])
