"""The real reports, read perfectly: what is found in them is what an office would agree to."""

from __future__ import annotations

import time

import msgspec

from codebook.records import Report, Severity, State
from tasks.validation.validate import validate

BEGINNINGS = ("lintong2021", "wuhan2020")  # pages that end before their third table does


def test_nothing_false_is_found(real_reports: dict[str, Report]) -> None:
    found = {name: {f.rule for f in validate(report).findings} for name, report in real_reports.items()}
    assert found == {
        "000_0cb72870e0e1741c": set(),
        "001_6a5b6c68d3bc4375": {"section.missing"},  # it ends with chapter five
        "002_e9c077b201ae9dfc": set(),
        "003_a548a34bccc868de": {"statistics.replies_sum", "statistics.denied_sum"},
        "004_eea4a711c55947f4": set(),
        "hongze-2024": set(),
        "lintong2021": {"section.missing", "table.missing"},  # it ends in table three
        "pingtan2014": set(),
        "pingtan2014_page": set(),
        "pingtan2015": set(),
        "pingtan2019": {"narrative.sum"},  # the parts that a sentence names sum to 2533, its total is 2599
        "pingtan2022": set(),
        "shanghai2025": set(),
        "shanghai2025_src": {"section.missing"},  # the heading of chapter five is lost
        "suqian2023": set(),
        "wuhan2020": {"section.missing", "table.missing", "table.blank_cells"},  # it ends in table two
    }


def test_the_true_errors_of_a_source(real_reports: dict[str, Report]) -> None:
    found = {f.rule: f for f in validate(real_reports["003_a548a34bccc868de"]).findings}
    assert (found["statistics.replies_sum"].expected, found["statistics.replies_sum"].actual) == (290, 304)
    assert (found["statistics.denied_sum"].expected, found["statistics.denied_sum"].actual) == (16, 27)
    assert {f.severity for f in found.values()} == {Severity.WARNING}


def test_no_error_without_the_chapters_either(real_reports: dict[str, Report]) -> None:
    for name, report in real_reports.items():
        if name in BEGINNINGS:
            continue
        found = validate(msgspec.structs.replace(report, sections=())).findings
        assert not [f for f in found if f.severity is Severity.ERROR], name


def test_most_cells_are_proven(real_reports: dict[str, Report]) -> None:
    for name, report in real_reports.items():
        if name not in BEGINNINGS and report.form != "2014":
            readings = validate(report).report.readings
            tables = [r for r in readings if not r.indicator.startswith("disclosure.")]
            assert {r.state for r in tables} == {State.PROVEN}


def test_a_report_takes_a_few_milliseconds(real_reports: dict[str, Report]) -> None:
    for name, report in real_reports.items():
        validate(report)
        best = min(_seconds(report) for _ in range(5))
        assert best < 0.02, f"{name}: {best * 1000:.1f} ms"  # about 1 ms on a quiet machine; 5 is the aim


def _seconds(report: Report) -> float:
    begin = time.perf_counter()
    validate(report)
    return time.perf_counter() - begin
