"""Every cell of every real report whose truth was made by hand."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from codebook.records import Hints, Origin, Severity, State, Verdict
from tasks.flow import read_document
from tests.accuracy.compare import Score, Truth, compare

_DEFAULT = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
FOLDER = Path(os.environ.get("GONGKAI_CORPUS", _DEFAULT))
NAMES = sorted(path.stem for path in (FOLDER / "truth").glob("*.json"))
MEDIA_TYPES = {
    ".txt": "text/plain",
    ".pdf": "application/pdf",
    ".html": "text/html",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
BEGINNINGS = ("lintong2021", "wuhan2020")  # pages that end in the middle: what is missing is missing in the file
EXPECTED_FINDINGS = {
    "003_a548a34bccc868de": {"statistics.replies_sum", "statistics.denied_sum"},
    "pingtan2019": {"narrative.sum"},  # the parts that a sentence names sum to 2533, its total is 2599
    "shanghai2025_src": {"section.missing"},  # the heading of chapter five is lost
}

CELLS, FACTS, PLACES, ACCUSED, LOCAL = "cells", "facts", "places", "accused", "local"
OPEN: dict[str, dict[str, str]] = {
    "shanghai2025_src": {CELLS: "markdown rows of a wrong number of columns, and labels torn from their values, are doubtful"},
}

pytestmark = pytest.mark.skipif(not NAMES, reason=f"the corpus of real reports is not at {FOLDER}; set GONGKAI_CORPUS")


@dataclass(frozen=True)
class Told:
    """What the truth file of a document says."""

    truth: Truth
    agencies: tuple[str, ...]  # names that are right; empty where the document names none
    local_table: dict[str, list[float]]
    is_squashed: bool  # the cells of its tables ran together: a number may be doubtful


def documents(check: str) -> list[Any]:
    """The documents as parameters; what is open for this check must fail, and says why."""
    marks = {name: pytest.mark.xfail(strict=True, reason=why[check]) for name, why in OPEN.items() if check in why}
    return [pytest.param(name, marks=marks[name]) if name in marks else name for name in NAMES] or ["corpus"]


@cache
def told(name: str) -> Told:
    """Return the truth of a document."""
    file = json.loads((FOLDER / "truth" / f"{name}.json").read_text(encoding="utf-8"))
    printed = {cell: value for cell, value in file["indicators"].items() if value is not None}
    truth = Truth(
        forms=(file["form"],),
        agency=file["agency"],
        region=tuple(file["region"]) if file["region"] else None,
        year=file["year"],
        published_on=file["published_on"],
        indicators=printed,
        blanks=file["indicators"].keys() - printed.keys(),
        has_date=bool(file["published_on"]),
    )
    agencies = file.get("agency_ok") or [file["agency"]] if file["agency"] else []
    return Told(truth, tuple(agencies), file.get("local_table", {}), file.get("layout") == "squashed")


@cache
def read(name: str) -> Verdict:
    """Read a document once."""
    path = FOLDER / "documents" / json.loads((FOLDER / "truth" / f"{name}.json").read_text(encoding="utf-8"))["file"]
    return read_document(path.read_bytes(), MEDIA_TYPES[path.suffix], Hints(path=path.name))


def score(name: str) -> Score:
    return compare(read(name), told(name).truth)


@pytest.mark.parametrize("name", documents(CELLS))
def test_every_cell_is_exact_or_doubtful_where_cells_ran_together(name):
    found, truth = score(name), told(name)
    # the truth of a province's table names its cells; what sentences say of others is not among them
    said = {r.indicator for r in read(name).report.readings if r.origin is Origin.PROSE} if truth.local_table else set()
    assert [line for line in found.silent if line.partition(":")[0] not in said - truth.truth.indicators.keys()] == []
    if not truth.is_squashed:
        assert found.doubtful == 0
        assert found.exact == found.cells
        states = {r.indicator: r.state for r in read(name).report.readings}
        assert {cell: states.get(cell) for cell in truth.truth.blanks} == dict.fromkeys(truth.truth.blanks, State.MISSING)


@pytest.mark.parametrize("name", documents(FACTS))
def test_form_year_agency_region_and_date(name):
    report, truth = read(name).report, told(name)
    assert {fact: why for fact, why in score(name).wrong.items() if fact != "agency"} == {}
    assert report.agency in truth.agencies if truth.agencies else report.agency is None
    if truth.truth.region:
        assert report.region[: len(truth.truth.region)] == truth.truth.region


@pytest.mark.parametrize("name", documents(ACCUSED))
def test_no_office_is_accused_of_what_is_not_its_error(name):
    expected = EXPECTED_FINDINGS.get(name.removesuffix("_page"), set())
    found = {f.rule for f in read(name).findings if f.severity is not Severity.INFO}
    if name in BEGINNINGS or name.startswith("001"):
        found -= {"section.missing", "table.missing", "table.rows_missing"}
    if told(name).local_table:
        found -= {"table.unknown"}
    assert found <= expected


@pytest.mark.parametrize("name", sorted(EXPECTED_FINDINGS.keys() & set(NAMES)) or ["corpus"])
def test_errors_of_the_source_are_found(name):
    assert EXPECTED_FINDINGS[name] <= {f.rule for f in read(name).findings}


@pytest.mark.parametrize("name", documents(PLACES))
def test_every_value_shows_where_it_came_from(name):
    indicators = told(name).truth.indicators
    for reading in read(name).report.readings:
        if reading.indicator in indicators and reading.value is not None:
            assert reading.raw.strip()
            assert reading.place.line is not None or reading.place.box is not None


@pytest.mark.parametrize(
    "name", [p for p in documents(LOCAL) if told(getattr(p, "values", (p,))[0]).local_table] if NAMES else ["corpus"]
)
def test_a_table_of_the_place_is_a_finding_with_its_numbers(name):
    found = [f for f in read(name).findings if f.rule == "table.unknown"]
    assert len(found) == 1
    for label, (year, total) in told(name).local_table.items():
        assert all(part in found[0].message for part in (label[-4:], str(year), str(total)))
