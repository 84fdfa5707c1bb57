"""The rules between reports, again over all reports: what ``gongkai check`` does.

Loading keeps up what concerns a report and those beside it. A check does the same again (after a change of rules), and
what needs all reports at once: the sums of a region and the agencies absent from it, where the list of agencies is
given, and text that two agencies share. It works in batches, each in a transaction of its own, while workers go on
loading.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

from sqlalchemy import Connection, Engine

from codebook.records import Record
from database.models import Between
from database.reports import results
from database.reports.results import ReportKey
from database.session import reading, run_transaction
from tasks.loading.copies import RULE, TextIndex
from tasks.loading.relate import AREA_RULES, Related, relate_area, relate_texts
from tasks.loading.task import compare_again, related_rows

BATCH = 100  # reports

# Names of the agencies that must report, by (code of the region, year); year None: every year.
Expected = dict[tuple[str, int | None], list[str]]


class CheckCounts(Record, frozen=True):
    """What a check went through, and what stands in the database after it.

    ``findings`` counts the findings between reports by rule. ``stale`` are those that were deleted because a report of
    theirs is no longer in force. ``without_government`` are the (region, year) of the list for which no government has
    reported: no finding could stand there.
    """

    reports: int
    findings: dict[str, int]
    stale: int
    without_government: tuple[tuple[str, int], ...] = ()


def read_expected(path: Path) -> Expected:
    """The agencies that must report: a CSV file (UTF-8) with the columns ``region_code``, ``agency`` and, where it
    matters, ``year``.

    ``region_code`` is that of the region (GB/T 2260) whose government the agency stands under. Raises ValueError when a
    column is missing or a year is no number.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if missing := {"region_code", "agency"} - set(rows.fieldnames or ()):
            raise ValueError(f"{path} lacks the columns {sorted(missing)}")
        found: Expected = {}
        for row in rows:
            year = (row.get("year") or "").strip()
            if year and not year.isdecimal():
                raise ValueError(f"{path}, line {rows.line_num}: year {year!r} is no number")
            found.setdefault((row["region_code"].strip(), int(year) if year else None), []).append(row["agency"].strip())
    return found


def run_check(engine: Engine, expected: Path | None = None) -> CheckCounts:
    """Apply all rules between reports again. Raises ValueError when the list of agencies cannot be used, before
    anything is changed.
    """
    wanted = read_expected(expected) if expected else {}
    stale = run_transaction(engine, results.forget_stale_findings)
    reports = 0
    for batch in _batches(engine):
        reports += len(batch)
        run_transaction(engine, partial(compare_again, keys=batch))
    without = _check_areas(engine, wanted)
    _check_texts(engine)
    with reading(engine) as connection:
        findings = results.count_between(connection)
    return CheckCounts(reports, findings, stale, tuple(without))


def _batches(engine: Engine) -> Iterator[list[ReportKey]]:
    """All reports in force that have a year, by year and document."""
    last = (0, 0)
    while True:
        with reading(engine) as connection:
            rows = results.report_keys_after(connection, last, BATCH)
        if not rows:
            return
        document, key = rows[-1]
        last = (key.year or 0, document)
        yield [key for _, key in rows]


def _check_areas(engine: Engine, expected: Expected) -> list[tuple[str, int]]:
    """Sums and absences for each region of the list and each year that has reports; those without a government's report
    come back.
    """
    years = sorted({key.year for batch in _batches(engine) for key in batch if key.year is not None})
    without = []
    for code in sorted({code for code, _ in expected}):
        for year in years:
            names = expected.get((code, None), []) + expected.get((code, year), [])
            if names and not run_transaction(engine, partial(_check_area, code=code, year=year, names=names)):
                without.append((code, year))
    return without


def _check_area(connection: Connection, code: str, year: int, names: list[str]) -> bool:
    """Whether the region's government has reported, so that something could be found."""
    parent = results.parent_of(connection, code, year)
    if parent is None:
        return False
    ids = [number for number in results.children_of(connection, code, year) if number != parent.report_id]
    known = results.snapshots(connection, [parent.report_id, *ids], sections=False)
    above = known.pop(parent.report_id)
    rows = related_rows(Between.CHECK, relate_area((parent.report_id, above), tuple(known.values()), names))
    results.replace_checked(connection, [parent.report_id], AREA_RULES, rows)
    return True


def _check_texts(engine: Engine) -> None:
    """Text that agencies share in reports on one year: each report is compared with the earlier ones that resemble it most."""
    year, index, agencies = None, TextIndex(), set[str]()
    for batch in _batches(engine):
        related: list[Related] = []
        for this_year, some in groupby(batch, key=lambda key: key.year):
            if this_year != year:
                year, index, agencies = this_year, TextIndex(), set()
            speaking = {s.agency_key: s.report_id for s in reversed(list(some)) if s.agency_key and s.agency_key not in agencies}
            agencies |= speaking.keys()
            related += _shared_texts(engine, index, sorted(speaking.values()))
        ids, rows = [key.report_id for key in batch], related_rows(Between.CHECK, related)
        run_transaction(engine, partial(results.replace_checked, report_ids=ids, rules=[RULE], rows=rows))


def _shared_texts(engine: Engine, index: TextIndex, ids: list[int]) -> list[Related]:
    """Findings between these reports and those before them, which the index remembers; then it remembers these too."""
    with reading(engine) as connection:
        known = results.snapshots(connection, ids, values=False)
        proposed: dict[int, list[int]] = {}
        for number, snapshot in known.items():
            proposed[number] = index.candidates(snapshot.sections)
            index.add(number, snapshot.sections)
        earlier = {other for others in proposed.values() for other in others} - known.keys()
        known |= results.snapshots(connection, earlier, values=False)
    related: list[Related] = []
    for number, others in proposed.items():
        pairs = (relate_texts((number, known[number]), (other, known[other])) for other in others if other in known)
        related += next((pair for pair in pairs if pair), [])  # one source is enough
    return related
