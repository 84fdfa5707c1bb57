"""The rules between reports, again over all reports: what ``gongkai check`` does.

Loading keeps up what concerns a report and those beside it. A check does the same again (after a change of rules), and
what needs all reports at once: the sums of a region and the agencies absent from it, where ``gongkai expect`` has taken
in a list of agencies, and text that two agencies share. It works in batches, each in a transaction of its own, while
workers go on loading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import groupby

from sqlalchemy import Connection, Engine

from codebook.records import Record
from console.filing import file_pending, follow_all
from database.models import Between
from database.reports import coverage, neighbours, results
from database.reports.coverage import FILED, CoverageLine, Standing
from database.reports.neighbours import ReportKey
from database.reports.snapshots import snapshots
from database.session import reading, run_transaction
from tasks.loading.copies import RULE, TextIndex
from tasks.loading.relate import AREA_RULES, Related, relate_area, relate_texts, standing
from tasks.loading.task import compare_again, related_rows
from tasks.validation.rules.between_reports import Expected

BATCH = 100  # reports

# (code of a region, year) -> the agencies that must report and stand under the region's government
ExpectedByRegion = Mapping[tuple[str, int], list[Expected]]


class CheckCounts(Record, frozen=True):
    """What a check went through, and what stands in the database after it.

    ``findings`` counts the findings between reports by rule. ``stale`` are those that were deleted because a report of
    theirs is no longer in force. ``without_government`` are the (region, year) of the lists for which no government has
    reported: no finding could stand there. ``without_region`` counts the agencies of the lists whose region is not known.
    """

    reports: int
    findings: dict[str, int]
    stale: int
    without_government: tuple[tuple[str, int], ...] = ()
    without_region: int = 0


def run_check(engine: Engine, today: str | None = None) -> CheckCounts:
    """Apply all rules between reports again. An agency is absent when its date lies before ``today`` (ISO date; default: now) and
    nothing of it came in.
    """
    file_pending(engine)
    with reading(engine) as connection:
        years = [item.year for item in coverage.expected_years(connection)]
        lines = {year: coverage.coverage(connection, year, today or date.today().isoformat()) for year in years}
    expected = _by_region(lines)
    stale = run_transaction(engine, results.forget_stale_findings)
    reports = 0
    for batch in _batches(engine):
        reports += len(batch)
        run_transaction(engine, partial(compare_again, keys=batch))
    checked = _check_areas(engine, expected)
    _check_texts(engine)
    follow_all(engine)
    with reading(engine) as connection:
        findings = results.count_between(connection)
    without = tuple(sorted(expected.keys() - checked))
    return CheckCounts(
        reports, findings, stale, without, sum(line.region_code is None for some in lines.values() for line in some)
    )


def _by_region(lines: Mapping[int, Sequence[CoverageLine]]) -> ExpectedByRegion:
    """The agencies of the lists (by year) under the government to which they report. A province's government has none above."""
    found: dict[tuple[str, int], list[Expected]] = {}
    for year, line in ((year, line) for year, some in lines.items() for line in some):
        code = line.region_code and line.region_code[:6]  # towns have codes of nine digits; their reports stand under the county
        _, reports_to = standing(line.agency, code)
        if reports_to is not None:
            each = Expected(line.agency, code, line.standing is Standing.ABSENT, line.standing in FILED)
            found.setdefault((reports_to, year), []).append(each)
    return found


def _batches(engine: Engine) -> Iterator[list[ReportKey]]:
    """All reports in force, by year and filing."""
    last = (0, 0)
    while True:
        with reading(engine) as connection:
            page = neighbours.report_keys_after(connection, last, BATCH)
        if page is None:
            return
        last = page.last
        yield page.keys


def _check_areas(engine: Engine, expected: ExpectedByRegion) -> set[tuple[str, int]]:
    """Sums and absences for each region and year of the lists; those come back for which a government has reported.

    What an earlier check found by a list that has changed since goes.
    """
    checked: set[tuple[str, int]] = set()
    for batch in _batches(engine):
        others = []
        for report in batch:
            place = (report.governs or "", report.year or 0)
            if place in expected and run_transaction(engine, partial(_check_area, report=report, expected=expected[place])):
                checked.add(place)
            else:
                others.append(report.report_id)
        run_transaction(engine, partial(results.replace_checked, report_ids=others, rules=AREA_RULES, rows=()))
    return checked


def _check_area(connection: Connection, report: ReportKey, expected: list[Expected]) -> bool:
    """Check a government's report against all under it; False when another report speaks for the region on that year."""
    if report.governs is None or report.year is None:
        return False
    current = neighbours.parent_of(connection, report.governs, report.year)
    if current is None or current.report_id != report.report_id:
        return False
    ids = [number for number in neighbours.children_of(connection, report.governs, report.year) if number != report.report_id]
    known = snapshots(connection, [report.report_id, *ids], sections=False)
    above = known.pop(report.report_id)
    rows = related_rows(Between.CHECK, relate_area((report.report_id, above), tuple(known.values()), expected))
    results.replace_checked(connection, [report.report_id], AREA_RULES, rows)
    return True


def _check_texts(engine: Engine) -> None:
    """Text that agencies share in reports on one year: each report is compared with the earlier ones that resemble it most."""
    year, index = None, TextIndex()
    for batch in _batches(engine):
        related: list[Related] = []
        for this_year, some in groupby(batch, key=lambda each: each.year):
            if this_year != year:
                year, index = this_year, TextIndex()
            related += _shared_texts(engine, index, sorted(each.report_id for each in some))
        ids, rows = [each.report_id for each in batch], related_rows(Between.CHECK, related)
        run_transaction(engine, partial(results.replace_checked, report_ids=ids, rules=[RULE], rows=rows))


def _shared_texts(engine: Engine, index: TextIndex, ids: list[int]) -> list[Related]:
    """Findings between these reports and those before them, which the index remembers; then it remembers these too."""
    with reading(engine) as connection:
        known = snapshots(connection, ids, values=False)
        proposed: dict[int, list[int]] = {}
        for number, snapshot in known.items():
            proposed[number] = index.candidates(snapshot.sections)
            index.add(number, snapshot.sections)
        earlier = {other for others in proposed.values() for other in others} - known.keys()
        known |= snapshots(connection, earlier, values=False)
    related: list[Related] = []
    for number, others in proposed.items():
        pairs = (relate_texts((number, known[number]), (other, known[other])) for other in others if other in known)
        related += next((pair for pair in pairs if pair), [])  # one source is enough
    return related
