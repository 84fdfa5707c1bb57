"""A worker whose stages do what each document asks for: ``{"extract": ["kill", "ok"], "pages": 2}``, one action per
try (``parse@2`` is for the second run).

Everything around the stages is the real machine. Loading also writes to ``effects``, a table without a key, so that a document
that is loaded twice is seen. Run as ``python -m tests.workers.standin QUEUES CONCURRENCY``.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
import time
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from codebook.errors import GongkaiError
from codebook.records import Line, Place, Status
from codebook.stages import StageName
from database.ledger import Next, finish
from tests.report_row import insert_report
from workers import run
from workers.app import app
from workers.stage_runner import REGISTRY, StageResult, Work, stage


def act(work: Work) -> dict[str, Any]:
    """Do what the document asks for at this stage and try; gives the document's plan."""
    plan: dict[str, Any] = msgspec.json.decode(work.original())
    actions = plan.get(f"{work.claim.stage}@{work.claim.run}") or plan.get(str(work.claim.stage), ["ok"])
    action = actions[min(work.claim.fence, len(actions)) - 1]
    name, _, argument = action.partition(":")
    ACTIONS[name](argument)
    return plan


def _memory(_: str) -> None:
    raise MemoryError("asked for")


def _hang(_: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # as native code that never returns to Python
    time.sleep(600)


def _search(_: str) -> None:
    re.match(r"(?:a|aa)+$", "a" * 200 + "b")  # as a pattern of ours that backtracks for ever; it heeds signals


def _native(_: str) -> None:
    sum(range(10**15))  # native code that neither gives up the interpreter lock nor heeds signals


def _raise(code: str) -> None:
    raise GongkaiError(code, "asked for")


def _bug(_: str) -> None:
    raise ValueError("asked for")


ACTIONS = {
    "ok": lambda _: None,
    "kill": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "segv": lambda _: ctypes.string_at(0),
    "exit": lambda _: os._exit(3),
    "memory": _memory,
    "eat": lambda _: bytearray(64 << 30),
    "hang": _hang,
    "search": _search,
    "native": _native,
    "freeze": lambda _: os.kill(os.getpid(), signal.SIGSTOP),
    "slow": lambda seconds: time.sleep(float(seconds)),
    "raise": _raise,
    "bug": _bug,
}


@stage(StageName.EXTRACT)
def extract(work: Work) -> StageResult:
    plan = act(work)
    pages = [Next(StageName.OCR, number + 1) for number in range(plan.get("pages", 0))]
    return StageResult(Line("extracted", Place()), pages or [Next(StageName.PARSE)])


@stage(StageName.OCR)
def ocr(work: Work) -> StageResult:
    act(work)
    return StageResult(Line(f"page {work.claim.page}", Place()), [Next(StageName.PARSE)])


@stage(StageName.PARSE)
def parse(work: Work) -> StageResult:
    plan = act(work)
    assert work.output_of(StageName.EXTRACT, Line).text == "extracted"
    assert len(work.pages_of(StageName.OCR, Line)) == plan.get("pages", 0)
    return StageResult(Line("parsed", Place()), [Next(StageName.VALIDATE)])


@stage(StageName.VALIDATE)
def validate(work: Work) -> StageResult:
    act(work)
    assert work.output_of(StageName.PARSE, Line).text == "parsed"
    return StageResult(Line("valid", Place()), [Next(StageName.LOAD)])


@stage(StageName.LOAD)
def load(work: Work) -> StageResult:
    act(work)
    assert work.output_of(StageName.VALIDATE, Line).text == "valid"
    held = work.claim

    def write(connection: Connection) -> None:
        report = insert_report(connection, held.document_id, held.run)
        effect = {"document": held.document_id, "run": held.run, "fence": held.fence}
        connection.execute(text("insert into effects (document_id, run, fence) values (:document, :run, :fence)"), effect)
        finish(connection, held, Status.ACCEPTED, report)

    return StageResult(extra=write)


REGISTRY.joining.clear()  # each stage is claimed and completed by itself, so that each can be made to fail by itself


if __name__ == "__main__":
    app.conf.include = ()
    run.main(sys.argv[1:])
