"""A worker of the real stages with one thing wrong with it, named by ``ODDITY``. Run like workers.run.

``unfenced``: the fence is taken out of its SQL. ``newer``: it is of a later version. ``slow``: its processes take six seconds
to start, and serve one message each. ``dying``: for each document one place of one stage kills the process, once (a file in
``ODD_FOLDER`` remembers). ``stepwise``: loading is a step of its own, as it is where validation could not be completed
together with it. ``late``: loading takes ``LATE_SECONDS`` before it writes.
"""

from __future__ import annotations

import importlib.metadata
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from celery import signals
from sqlalchemy import Select, Update
from sqlalchemy.ext.compiler import compiles

from database.ledger import Claim
from runtime import failpoints
from workers import run
from workers.stage_runner import REGISTRY

POINTS = ("after_claim", "after_work", "before_commit", "after_commit", "before_notify")
STAGES = ("extract", "parse", "validate", "load")
PLACES = [(point, stage) for stage in STAGES for point in POINTS]
LATE_SECONDS = float(os.environ.get("LATE_SECONDS", "1"))


def unfence() -> None:
    """A statement that asks for the fence is content with a stale one."""

    def edited(text: str) -> str:
        return text.replace("gk_stage.fence = ", "gk_stage.fence >= ")

    @compiles(Update)
    def update(element: Any, compiler: Any, **options: Any) -> str:
        return edited(compiler.visit_update(element, **options))

    @compiles(Select)
    def select(element: Any, compiler: Any, **options: Any) -> str:
        return edited(compiler.visit_select(element, **options))


def be_newer() -> None:
    """Every result says that it was made by version 99."""
    true = importlib.metadata.version
    importlib.metadata.version = lambda name: "99.0" if name == "gongkai" else true(name)


def start_slowly() -> None:
    """As if a model were loaded."""
    signals.worker_process_init.connect(lambda **_: time.sleep(6), weak=False)


def die() -> None:
    """Each document dies at the place that its number names: the points of the protocol, in each stage."""

    folder = Path(os.environ["ODD_FOLDER"])

    def listener(point: str, claim: object) -> None:
        if not isinstance(claim, Claim):
            return
        number = claim.document_id % len(PLACES)
        if PLACES[number] != (point, str(claim.stage)):
            return
        mark = folder / f"{number}"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    failpoints.listen(listener)


def stepwise() -> None:
    """No two stages are completed in one transaction."""

    def forget(**_: Any) -> None:
        REGISTRY.joining.clear()

    signals.worker_init.connect(forget, weak=False)  # by then the stages are registered


def be_late() -> None:
    """Loading takes its time before it writes."""

    stepwise()

    def listener(point: str, claim: object) -> None:
        if point == "after_work" and isinstance(claim, Claim) and claim.stage == "load":
            time.sleep(LATE_SECONDS)

    failpoints.listen(listener)


_ODDITIES = {"unfenced": unfence, "newer": be_newer, "slow": start_slowly, "dying": die, "stepwise": stepwise, "late": be_late}

if __name__ == "__main__":
    for name in os.environ["ODDITY"].split(","):
        _ODDITIES[name]()
    run.main(sys.argv[1:])
