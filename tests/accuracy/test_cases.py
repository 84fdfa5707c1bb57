"""What real reports did to the program, kind by kind, read where the collection of cases lies."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from codebook.records import Hints, Severity, State, Verdict
from tasks.flow import read_document

_DEFAULT = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
FOLDER = Path(os.environ.get("GONGKAI_CORPUS", _DEFAULT)) / "cases"
MEDIA_TYPES = {".txt": "text/plain", ".html": "text/html"}
KINDS = (
    "agency_in_sentence",
    "agency_two_names",
    "cell_with_note",
    "crash_annotated_labels",
    "local_statistics_table",
    "narrative_joint_statement",
    "narrative_parts_by_office",
    "narrative_parts_of_all_in",
    "narrative_table2_missed",
    "published_on_behind_source",
    "squashed_tables",
)
FILES = sorted(path for kind in KINDS for path in (FOLDER / kind).glob("*.json"))
OPEN: dict[str, str] = {}

pytestmark = pytest.mark.skipif(not FILES, reason=f"the cases are not at {FOLDER}; set GONGKAI_CORPUS")


@dataclass(frozen=True)
class Case:
    """A file and the values that are right for it."""

    name: str
    verdict: Verdict
    expected: dict[str, Any]

    @property
    def findings(self) -> list[str]:
        """The rules that accuse the office."""
        return [f.rule for f in self.verdict.findings if f.severity is not Severity.INFO]


@cache
def case(path: Path) -> Case:
    """Read a case once."""
    expected = json.loads(path.read_text(encoding="utf-8"))
    file = next(path.with_suffix(ending) for ending in MEDIA_TYPES if path.with_suffix(ending).exists())
    return Case(path.stem, read_document(file.read_bytes(), MEDIA_TYPES[file.suffix], Hints(path=file.name)), expected)


def cases(*fields: str) -> list[Any]:
    """The cases that state one of these fields; one that is open must fail, and says why."""
    chosen = [path for path in FILES if json.loads(path.read_text(encoding="utf-8")).keys() & set(fields)]
    return [_param(path, fields[0]) for path in chosen] or [pytest.param(None, id="none")]


def _param(path: Path, field: str) -> Any:
    why = OPEN.get(f"{path.stem}: {field}")
    return pytest.param(path, id=path.stem, marks=[pytest.mark.xfail(strict=True, reason=why)] if why else [])


@pytest.mark.parametrize("path", cases("agency"))
def test_the_agency(path: Path) -> None:
    found = case(path)
    assert found.verdict.report.agency == found.expected["agency"].removesuffix(" (same body)")
    if "region" in found.expected:
        assert list(found.verdict.report.region) == found.expected["region"]


@pytest.mark.parametrize("path", cases("published_on"))
def test_the_day(path: Path) -> None:
    found = case(path)
    assert found.verdict.report.published_on == found.expected["published_on"]


@pytest.mark.parametrize("path", cases("indicators"))
def test_the_cells(path: Path) -> None:
    """Exact, but for cells that ran together, which may be doubtful."""
    found = case(path)
    readings = {r.indicator: r for r in found.verdict.report.readings}
    doubtful = {cell for cell, reading in readings.items() if reading.state is State.DOUBTFUL}
    expected = {cell: value for cell, value in found.expected["indicators"].items() if cell not in doubtful}
    assert {cell: readings[cell].value if cell in readings else "unseen" for cell in expected} == expected
    assert {cell for cell, r in readings.items() if r.value is not None} - doubtful <= expected.keys()
    if path.parent.name != "squashed_tables":
        assert doubtful == set()


@pytest.mark.parametrize("path", cases("form"))
def test_the_form_and_what_is_said_of_it(path: Path) -> None:
    found = case(path)
    assert found.verdict.report.form == found.expected["form"]
    assert not {"table.missing", "section.missing"} & set(found.findings)


@pytest.mark.parametrize("path", cases("expected_findings"))
def test_the_sentences(path: Path) -> None:
    found = case(path)
    accused = [rule for rule in found.findings if rule.startswith("narrative.")]
    assert bool(accused) == any("narrative." in rule for rule in found.expected["expected_findings"])


@pytest.mark.parametrize("path", cases("national"))
def test_a_table_of_the_place(path: Path) -> None:
    """Its numbers are kept where a person sees them, and those that are of the form are read."""
    found = case(path)
    readings = {r.indicator: r.value for r in found.verdict.report.readings if not r.state.unsettled}
    assert {cell: readings.get(cell) for cell in found.expected["national"]} == found.expected["national"]
    local = [f for f in found.verdict.findings if f.rule == "table.unknown"]
    assert len(local) == 1
    assert all(str(value) in local[0].message for value in found.expected["year_column"].values())


@pytest.mark.skipif(not (FOLDER / "text_copied_intro").exists(), reason=f"the cases are not at {FOLDER}; set GONGKAI_CORPUS")
def test_every_kind_has_its_cases() -> None:
    numbered = [folder.name for folder in FOLDER.iterdir() if not folder.name[0].isdigit()]
    assert set(numbered) == {*KINDS, "text_copied_intro"}  # what repeats between reports: tests/console/test_check.py
