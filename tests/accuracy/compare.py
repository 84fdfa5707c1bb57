"""A verdict beside the truth: which cells are exact, which are doubtful, and which are wrong without saying so."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codebook.errors import GongkaiError
from codebook.records import Hints, Number, Reading, Severity, Verdict
from tasks.flow import read_document


@dataclass(frozen=True)
class Truth:
    """What a document says. ``region`` and ``published_on`` are None where it is not known, and then not compared."""

    forms: Collection[str]
    agency: str
    region: tuple[str, ...] | None
    year: int
    published_on: str | None
    indicators: Mapping[str, Number]
    blanks: Collection[str] = ()
    rules: Collection[str] = ()
    has_date: bool = True


@dataclass
class Score:
    """The outcome for one document. ``silent`` lists cells that are wrong, lost or invented without a doubt beside them."""

    cells: int = 0
    exact: int = 0
    doubtful: int = 0
    doubtful_right: int = 0
    silent: list[str] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)  # form, year, agency, region, published_on -> found and expected
    false_errors: list[str] = field(default_factory=list)
    missed_rules: list[str] = field(default_factory=list)
    failure: str | None = None

    @property
    def is_perfect(self) -> bool:
        """Every cell exact and every fact right."""
        return self.exact == self.cells and not (
            self.silent or self.wrong or self.failure or self.false_errors or self.missed_rules
        )


def equal(found: Number | None, expected: Number) -> bool:
    """Whether two values are the same number (amounts within a millionth)."""
    return found is not None and abs(found - expected) < 1e-6


def _bare(name: str, region: Sequence[str]) -> str:
    changed = True
    while changed:
        changed = False
        for part in region:
            if name.startswith(part) and len(name) > len(part):
                name, changed = name[len(part) :], True
    return name


def same_agency(found: str | None, expected: str, region: Sequence[str]) -> bool:
    """Whether two names mean the same body: equal, or equal after the names of the region before them."""
    if not found:
        return False
    return found == expected or _bare(found, region) == _bare(expected, region)


def _same_region(found: Sequence[str], expected: Sequence[str]) -> bool:
    """Whether the region found is the expected one, or its lower or upper part: a text may not say more."""
    return tuple(found) == tuple(expected) or not found or list(expected[: len(found)]) == list(found)


def _cells(score: Score, readings: Mapping[str, Reading], truth: Truth) -> None:
    for key, expected in truth.indicators.items():
        score.cells += 1
        reading = readings.get(key)
        if reading is None:
            score.silent.append(f"{key}: expected {expected}, no reading")
        elif reading.state.unsettled:
            score.doubtful += 1
            score.doubtful_right += equal(reading.value, expected)
        elif equal(reading.value, expected):
            score.exact += 1
        else:
            score.silent.append(
                f"{key}: expected {expected}, found {reading.value} ({reading.state}) from {reading.raw!r} {_at(reading)}"
            )
    for key, reading in readings.items():
        if key not in truth.indicators and reading.value is not None and not reading.state.unsettled:
            kind = "blank" if key in truth.blanks else "not in the report"
            score.silent.append(f"{key}: {kind}, found {reading.value} from {reading.raw!r} {_at(reading)}")


def _at(reading: Reading) -> str:
    place = reading.place
    return f"page {place.page} line {place.line} column {place.column}" if place.line else f"page {place.page} box {place.box}"


def compare(verdict: Verdict, truth: Truth) -> Score:
    """The score of a verdict."""
    score = Score()
    report = verdict.report
    _cells(score, {r.indicator: r for r in report.readings}, truth)
    region = truth.region or report.region
    facts = {
        "form": (report.form, truth.forms, report.form in truth.forms),
        "year": (report.year, truth.year, report.year == truth.year),
        "agency": (report.agency, truth.agency, same_agency(report.agency, truth.agency, region)),
        "region": (report.region, truth.region, truth.region is None or _same_region(report.region, truth.region)),
        "published_on": (
            report.published_on,
            truth.published_on,
            not truth.has_date or report.published_on == truth.published_on,
        ),
    }
    score.wrong = {name: f"found {found}, expected {expected}" for name, (found, expected, right) in facts.items() if not right}
    found_rules = {finding.rule for finding in verdict.findings}
    score.missed_rules = [rule for rule in truth.rules if rule not in found_rules]
    if not truth.rules:
        score.false_errors = [f"{f.rule}: {f.message}" for f in verdict.findings if f.severity is Severity.ERROR]
    return score


def read_and_compare(data: bytes, media_type: str, name: str, truth: Truth) -> Score:
    """Read a document and score it; a document that is refused, or on which the reader breaks, has a failure and no cell."""
    try:
        verdict = read_document(data, media_type, Hints(path=name))
    except GongkaiError as error:
        return Score(cells=len(truth.indicators), failure=str(error))
    except Exception as error:  # noqa: BLE001 - a bug in one document must not hide what the others show
        at = traceback.extract_tb(error.__traceback__)[-1]
        return Score(cells=len(truth.indicators), failure=f"crash: {error!r} in {Path(at.filename).name}:{at.lineno}")
    return compare(verdict, truth)
