"""The cases that have a number: inputs built after reports of the field, each with what a reader of it expects."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from codebook.errors import GongkaiError
from codebook.records import Hints, Severity, State, Status, Verdict
from ingest.files.identify import FileRole, identify
from tasks.flow import read_document
from tests.accuracy.compare import Score, Truth, compare

_DEFAULT = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
FOLDER = Path(os.environ.get("GONGKAI_CORPUS", _DEFAULT)) / "cases"
SLOW = ("200x100.tif",)
UNREAD = ("archive", "zip", "7z")  # packages of files are no documents: tests/ingest
# What is not yet as its reader expects it, and why. A case that is taken out of here must pass.
OPEN: dict[str, str] = {}


@dataclass(frozen=True)
class Outcome:
    """What became of a file: a verdict with its score beside the right values, or the code of its error."""

    verdict: Verdict | None
    score: Score | None
    code: str | None
    truth: Truth | None

    @property
    def found(self) -> Verdict:
        """The verdict; fails where the file was refused."""
        assert self.verdict is not None, f"refused: {self.code}"
        return self.verdict

    @property
    def silent(self) -> list[str]:
        """The cells that are wrong or lost without a word."""
        return self.score.silent if self.score else []

    @property
    def rules(self) -> set[str]:
        """The rules with a finding."""
        return {finding.rule for finding in self.found.findings}

    @property
    def has_unseen(self) -> bool:
        """Whether cells are marked as not seen."""
        return any(reading.state is State.NOT_SEEN for reading in self.found.report.readings)


def _accepted(outcome: Outcome) -> None:
    """Accepted, every cell exact, and no office accused."""
    assert outcome.found.status is Status.ACCEPTED
    assert (outcome.silent, outcome.score and outcome.score.doubtful) == ([], 0)
    assert [f.rule for f in outcome.found.findings if f.severity is Severity.ERROR] == []


def _not_silent(outcome: Outcome) -> None:
    """Right, in doubt, or not seen; nothing wrong or lost in silence, and nothing accepted with a cell unseen."""
    assert outcome.silent == []
    assert outcome.found.status is not Status.ACCEPTED or not outcome.has_unseen


def _not_silent_or_refused(outcome: Outcome) -> None:
    """Refused with a code of the list, or read with nothing silent."""
    if outcome.code is None:
        _not_silent(outcome)


def _read_or_said(outcome: Outcome) -> None:
    """The file is read, or an error or a finding about a table says why not."""
    if outcome.code is not None:
        return
    _not_silent(outcome)
    if outcome.score and outcome.score.exact < outcome.score.cells:
        assert outcome.found.status is Status.NEEDS_REVIEW


def _missing(outcome: Outcome) -> None:
    """Needs review, says which rows or tables are missing, and accuses nobody of sums that they break."""
    assert outcome.found.status is Status.NEEDS_REVIEW
    assert outcome.silent == []
    assert outcome.rules & {"table.rows_missing", "table.missing", "table.unreadable"}
    assert not {rule for rule in outcome.rules if rule.endswith(("_sum", ".balance"))}


def _refused_as_several(outcome: Outcome) -> None:
    assert outcome.code == "report.several"


EXPECTED: dict[str, Callable[[Outcome], None]] = {
    "accepted": _accepted,
    "both, or a clear statement that there are two": _refused_as_several,
    "clear error": _not_silent_or_refused,
    "clear: table 3 is missing": _missing,
    "clear: tables are objects": _read_or_said,
    "clear: tables are pictures": _read_or_said,
    "not silently wrong": _not_silent,
    "read by OCR, or clear": _read_or_said,
    "read by OCR, or clear: tables are pictures": _read_or_said,
    "read, or clear": _read_or_said,
    "read, or clear error": _not_silent_or_refused,
    "read, or doubted; never blank without a word": _not_silent,
    "read, or said that parts were left out": _read_or_said,
    "right, or clear error": _not_silent_or_refused,
    "right, or doubted": _not_silent,
    "said that rows are missing": _missing,
}


@cache
def cases() -> dict[str, dict[str, Any]]:
    """The cases by folder and file name."""
    found = {}
    for path in sorted(FOLDER.glob("[0-9][0-9]-*/expected.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        found |= {f"{path.parent.name}/{name}": case for name, case in told.items() if isinstance(case, dict)}
    return found


def outcome(name: str) -> Outcome:
    """Read a file as its bytes say that it is to be read."""
    path, told = FOLDER / name, cases()[name].get("truth")
    truth = _truth(told) if told else None
    data = path.read_bytes()
    identity = identify(io.BytesIO(data))
    if identity.role is not FileRole.DOCUMENT:
        return Outcome(None, None, identity.code or "archive", truth)
    try:
        verdict = read_document(data, identity.media_type, Hints(path=path.name))
    except GongkaiError as error:
        return Outcome(None, None, error.code, truth)
    return Outcome(verdict, compare(verdict, truth) if truth else None, None, truth)


def _truth(told: dict[str, Any]) -> Truth:
    printed = {cell: value for cell, value in told["indicators"].items() if value is not None}
    blanks = told["indicators"].keys() - printed.keys()
    return Truth((told["form"],), told["agency"], None, told["year"], None, printed, blanks, has_date=False)


def _params() -> list[Any]:
    params = []
    for name in cases():
        if any(f".{ending}" in name or f".{ending[:1]}0" in name for ending in UNREAD):
            continue
        marks = [pytest.mark.slow] if name.endswith(SLOW) else []
        if why := OPEN.get(name):
            marks.append(pytest.mark.xfail(strict=True, reason=why))
        params.append(pytest.param(name, id=name, marks=marks))
    return params or [pytest.param(None, id="none")]


pytestmark = pytest.mark.skipif(not cases(), reason=f"the cases are not at {FOLDER}; set GONGKAI_CORPUS")


@pytest.mark.parametrize("name", _params())
def test_a_case_is_as_its_reader_expects(name: str) -> None:
    EXPECTED[cases()[name]["expect"]](outcome(name))


def test_every_expectation_is_known() -> None:
    assert {case["expect"] for case in cases().values()} <= EXPECTED.keys()
    assert OPEN.keys() <= cases().keys()
