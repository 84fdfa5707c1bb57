"""Loading: a verdict becomes rows, the document's pointer moves, and the report is compared with its neighbours.

:func:`load_verdict` is what happens inside one transaction. The Celery adapter of the stage is at the end
of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from codebook.records import Reader, Status, Verdict
from codebook.stages import StageName
from database.ledger import finish
from database.models import Between
from database.reports import corrections, results
from database.reports.results import CurrentReport, Neighbours, Pointer, ReportKey
from tasks.loading.relate import Related, relate_region, relate_years
from tasks.loading.rows import finding_row, report_rows
from workers.stage_runner import StageResult, Work, stage

Pairs = set[tuple[int, int]]
Known = Mapping[ReportKey, Neighbours]  # without the numbers of their reports


def load_verdict(
    connection: Connection, document_id: int, verdict: Verdict, versions: Mapping[str, Any], point: Pointer = results.point
) -> tuple[int, Status]:
    """Store ``verdict`` as the report in force of ``document_id`` and settle the findings between it and its
    neighbours.

    Returns the row number of the report and the document's status. The caller holds the document's fence and commits.

    Whichever report arrives last makes the comparison, and when two arrive at once the locks let one see the other: the
    findings do not depend on the order. An agency's report on a year is compared with those on the years before and after,
    with that of the government above, and, if it is a government's, with those under it. When a re-processing finds
    another agency or year, the reports at the old place are compared again as well.
    """
    rows = report_rows(verdict)
    row = rows["gk_report"][0]
    kept = results.kept_before(connection, document_id)
    old = kept.key
    new = ReportKey(0, row["agency_key"], row["year"], row["governs"], row["reports_to"])
    places = [new] if old is None else [old, new]
    results.lock_places(connection, *_locks(places))
    near = {place: results.neighbours(connection, place) for place in places}
    before = _current_reports(near)
    report_id, is_new = results.write_report(connection, document_id, rows, versions, kept, point=point)
    if old is None:  # nothing of this document was in force: only the new report can have changed which report is current
        near = {new: _joined(near[new], new, CurrentReport(report_id, document_id))}
    else:
        near = {place: results.neighbours(connection, place) for place in places}
    after = _current_reports(near)
    changed = {report_id} | ({old.report_id} if old else set())
    for at in before.keys() | after.keys():
        if before.get(at) != after.get(at):
            changed |= {current.report_id for current in (before.get(at), after.get(at)) if current}
    kinds = list(Between) if is_new else [Between.YEARS, Between.REGION]
    stale = changed if old or len(changed) > 1 else ()  # the first report of a new document has no findings to be replaced
    keys = [new._replace(report_id=report_id), *results.report_keys(connection, changed - {report_id})]
    known = {place._replace(report_id=0): those for place, those in near.items()}
    results.replace_findings(connection, stale, kinds, _compare(connection, keys, known))
    return report_id, verdict.status


def _joined(near: Neighbours, place: ReportKey, current: CurrentReport) -> Neighbours:
    """``near`` after the report of ``current`` came in at ``place``: of several documents the oldest counts."""

    def first(other: CurrentReport | None) -> CurrentReport:
        return current if other is None or current.document_id < other.document_id else other

    if not place.agency_key or place.year is None:
        return near
    years = near.years | {place.year: first(near.years.get(place.year))}
    return Neighbours(years, first(near.own) if place.governs else None, near.parent)


def compare_again(connection: Connection, keys: Sequence[ReportKey]) -> int:
    """Replace all findings between these reports and their neighbours (years, region). Return how many. Locks as
    loading does.
    """
    results.lock_places(connection, *_locks(keys))
    ids = [key.report_id for key in keys]
    found = compare_beside(connection, ids)
    results.replace_findings(connection, ids, [Between.YEARS, Between.REGION], found)
    return len(found)


def compare_beside(connection: Connection, report_ids: Iterable[int]) -> list[dict[str, Any]]:
    """Return the rows of all findings between these reports and their neighbours: years and region. Reports not in force are
    skipped.
    """
    return _compare(connection, results.report_keys(connection, report_ids), {})


def _compare(connection: Connection, keys: Iterable[ReportKey], known: Known) -> list[dict[str, Any]]:
    years, regions = _pairs(connection, keys, known)
    found: list[dict[str, Any]] = []
    for some in _batches(sorted(years)):
        read = results.snapshots(connection, {number for pair in some for number in pair})
        found += related_rows(Between.YEARS, (r for a, b in some for r in relate_years((a, read[a]), (b, read[b]))))
    for some in _batches(sorted(regions)):
        read = results.snapshots(connection, {number for pair in some for number in pair}, sections=False)
        found += related_rows(Between.REGION, (r for a, b in some for r in relate_region((a, read[a]), (b, read[b]))))
    return found


def _batches(pairs: Sequence[tuple[int, int]], size: int = 100) -> Iterator[Sequence[tuple[int, int]]]:
    return (pairs[start : start + size] for start in range(0, len(pairs), size))


def related_rows(kind: Between, related: Iterable[Related]) -> list[dict[str, Any]]:
    """The rows of findings between reports."""
    return [
        {"report_id": number, **finding_row(finding, between=kind.value, other_report_id=other)}
        for number, other, finding in related
    ]


def _locks(places: Iterable[ReportKey]) -> tuple[set[str], set[str]]:
    """The names to lock alone (the agency; the region that the report governs) and shared (the region it stands under),
    for these places.

    Reports under one government do not wait for each other, only for that government's own report.
    """
    alone, shared = set(), set()
    for place in places:
        if place.agency_key and place.year is not None:
            alone.add(f"agency:{place.agency_key}")
            if place.governs:
                alone.add(f"region:{place.governs}:{place.year}")
            if place.reports_to:
                shared.add(f"region:{place.reports_to}:{place.year}")
    return alone, shared


def _current_reports(near: Mapping[ReportKey, Neighbours]) -> dict[tuple[str, str, int], CurrentReport]:
    """The reports that speak for the agency and for the region's government at these places, by ("agency" | "region",
    key, year).
    """
    found: dict[tuple[str, str, int], CurrentReport] = {}
    for place, those in near.items():
        if place.year is None:
            continue
        if place.agency_key and place.year in those.years:
            found["agency", place.agency_key, place.year] = those.years[place.year]
        if place.governs and those.own:
            found["region", place.governs, place.year] = those.own
    return found


def _pairs(connection: Connection, keys: Iterable[ReportKey], known: Known) -> tuple[Pairs, Pairs]:
    """The pairs of reports to be compared because of these: (earlier year, later year) and (parent, child). ``known`` says
    the neighbours of some of their keys.
    """
    years: Pairs = set()
    regions: Pairs = set()
    for key in keys:
        number, agency, year, governs, _ = key
        if not agency or year is None:
            continue
        those = known.get(key._replace(report_id=0)) or results.neighbours(connection, key)
        near = {at: current.report_id for at, current in those.years.items()}
        if near.get(year) == number:
            years |= {(near[year - 1], number)} if year - 1 in near else set()
            years |= {(number, near[year + 1])} if year + 1 in near else set()
            regions |= {(those.parent.report_id, number)} if those.parent and those.parent.report_id != number else set()
        if governs and those.own and those.own.report_id == number:
            regions |= {(number, child) for child in results.children_of(connection, governs, year, above=number)}
    return years, regions


@stage(StageName.LOAD)
def run(work: Work) -> StageResult:
    """Load; then nothing."""
    verdict = work.output_of(StageName.VALIDATE, Verdict)
    versions = work.versions
    if any(reading.read_by is Reader.OCR for reading in verdict.report.readings):
        versions = versions | {"ocr": sorted({made["ocr"] for made in work.versions_of(StageName.OCR) if "ocr" in made})}

    def point(connection: Connection, _: int, status: Status, report_id: int) -> None:
        finish(connection, work.claim, status, report_id)

    def write(connection: Connection) -> None:
        load_verdict(connection, work.claim.document_id, verdict, versions, point)
        if work.claim.run > 1:  # what was decided while this run went on is taken up in another
            corrections.catch_up(connection, work.claim.document_id, {c.number for c in verdict.corrections})

    return StageResult(extra=write)
