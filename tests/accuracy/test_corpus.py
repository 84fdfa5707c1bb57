"""Every cell of every real report whose truth was made by hand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from codebook.records import Hints, Severity, Verdict
from tasks.flow import read_document
from tests.accuracy.compare import Truth, compare

_DEFAULT = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
FOLDER = Path(os.environ.get("GONGKAI_CORPUS", _DEFAULT))
NAMES = sorted(path.stem for path in (FOLDER / "truth").glob("*.json"))
MEDIA_TYPES = {".txt": "text/plain", ".pdf": "application/pdf", ".html": "text/html"}
WITHOUT_ERRORS = ("000", "001", "002", "004", "hongze-2024")
EXPECTED_FINDINGS = {"003": {"statistics.replies_sum", "statistics.denied_sum"}}

pytestmark = pytest.mark.skipif(not NAMES, reason=f"the corpus of real reports is not at {FOLDER}; set GONGKAI_CORPUS")


@pytest.fixture(scope="module")
def read():
    """Read each document once."""
    cache: dict[str, tuple[Verdict, Truth]] = {}

    def _read(name: str) -> tuple[Verdict, Truth]:
        if name not in cache:
            told = json.loads((FOLDER / "truth" / f"{name}.json").read_text(encoding="utf-8"))
            path = FOLDER / "documents" / told["file"]
            region = tuple(told["region"]) if told["region"] else None
            date = told["published_on"]
            truth = Truth((told["form"],), told["agency"], region, told["year"], date, told["indicators"], has_date=bool(date))
            cache[name] = read_document(path.read_bytes(), MEDIA_TYPES[path.suffix], Hints(path=path.name)), truth
        return cache[name]

    return _read


@pytest.mark.parametrize("name", NAMES or ["corpus"])
def test_every_cell_is_exact(read, name):
    score = compare(*read(name))
    assert score.silent == []
    assert score.doubtful == 0
    assert score.exact == score.cells


@pytest.mark.parametrize("name", NAMES or ["corpus"])
def test_form_year_agency_region_and_date(read, name):
    verdict, truth = read(name)
    assert compare(verdict, truth).wrong == {}
    if truth.region:
        assert verdict.report.region[: len(truth.region)] == truth.region


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith(WITHOUT_ERRORS)] or ["corpus"])
def test_no_false_error(read, name):
    verdict, _ = read(name)
    assert [f for f in verdict.findings if f.severity is Severity.ERROR] == []


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith(tuple(EXPECTED_FINDINGS))] or ["corpus"])
def test_errors_of_the_source_are_found(read, name):
    verdict, _ = read(name)
    assert EXPECTED_FINDINGS[name.partition("_")[0]] <= {f.rule for f in verdict.findings}


@pytest.mark.parametrize("name", NAMES or ["corpus"])
def test_every_value_shows_where_it_came_from(read, name):
    verdict, truth = read(name)
    for reading in verdict.report.readings:
        if reading.indicator in truth.indicators:
            assert reading.raw.strip()
            assert reading.place.line is not None or reading.place.box is not None
