"""Loading: a verdict becomes rows, the document's pointer moves, and the report is compared with its neighbours.

:func:`load_verdict` is what happens inside one transaction. The Celery adapter of the stage is at the end
of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from codebook.agency_pairs import AgencyEntry, alike, candidates
from codebook.records import Reader, Status, Verdict
from codebook.stages import StageName
from database.filings import members, register
from database.filings.register import AgencyName
from database.findings import following as cases
from database.findings import joining
from database.ledger import finish, forget_output
from database.models import AliasSource, Between
from database.monitoring.text_search import write_search
from database.reports import corrections, neighbours, results
from database.reports.neighbours import CurrentReport, Neighbours, ReportKey
from database.reports.results import Before, Pointer, Written
from database.reports.snapshots import snapshots
from tasks.loading.editions import arrange
from tasks.loading.relate import Related, relate_filing, relate_region, relate_years, standing
from tasks.loading.rows import finding_row, report_row, report_rows
from tasks.loading.witnesses import vouch
from tasks.validation.validate import FOR_REVIEW
from workers.stage_runner import StageResult, Work, stage

Pairs = set[tuple[int, int]]
Known = Mapping[ReportKey, Neighbours]  # without the numbers of their reports


def load_verdict(
    connection: Connection, document_id: int, verdict: Verdict, versions: Mapping[str, Any], point: Pointer = results.point
) -> tuple[int, Status]:
    """Store ``verdict`` as the report of ``document_id``, put it into the filing of its agency and year, and settle the findings
    within the filing and between it and its neighbours.

    Returns the row number of the report and the document's status. The caller holds the document's fence and commits.

    Whichever report arrives last makes the comparison, and when two arrive at once the locks let one see the other: the
    findings do not depend on the order. An agency's report on a year is compared with those on the years before and after,
    with that of the government above, and, if it is a government's, with those under it: always the document in force of each
    filing. When a re-processing finds another agency or year, the reports at the old place are compared again as well.
    """
    row = report_row(verdict)
    row["agency_key"] = _key(row, document_id)

    def write(kept: Before) -> Written:
        rows = {"gk_report": [row]} if kept.digest == row["digest"] else report_rows(verdict, row)
        written = results.write_report(connection, document_id, rows, versions, kept, point=point)
        if written.new or not kept.searched or kept.versions != versions:
            chapters = [part for section in verdict.report.sections for part in (section.title, section.text)]
            write_search(connection, document_id, (row["title"], row["agency"], "".join(row["region"]), *chapters))
        return written

    settled = _settle(connection, document_id, lambda _: row, write)
    assert settled is not None
    return settled.report_id, verdict.status if settled.alone else results.status_of(connection, document_id)


def file_again(connection: Connection, document_id: int) -> None:
    """Put a document that shows a report into the filing in which the register of agencies has it now, and settle what follows.

    For documents that were loaded before there were filings, and after a person joined or parted agencies or chose an edition.
    A document that shows no report changes nothing but the filing that it is in.
    """

    def row(kept: Before) -> dict[str, Any] | None:
        return _renewed(connection, document_id, kept.place.report_id) if kept.shown else None

    if _settle(connection, document_id, row, lambda kept: Written(kept.place.report_id, new=False)) is None:
        _move_hidden(connection, document_id)


def _move_hidden(connection: Connection, document_id: int) -> None:
    """Let a document that shows no report go where the agency of its last one went: it may show it again."""
    kept = results.kept_before(connection, document_id)
    if kept.filing_id is None or kept.report_id is None:
        return
    key = results.identity_of(connection, kept.report_id)["agency_key"]
    place = kept.place._replace(agency_id=key and register.agency_of(connection, key))
    if place.agency_id is not None and place != kept.place:
        neighbours.lock_places(connection, *_locks([kept.place, place]))
        if results.kept_before(connection, document_id) == kept:
            filed = _file(connection, document_id, kept, place)
            _follow(connection, document_id, [filed.filing_id, kept.filing_id], set())
        else:  # it was loaded while this waited
            file_again(connection, document_id)


def _key(row: Mapping[str, Any], document_id: int) -> str | None:
    return None if row["agency"] is None else register.key_of(row["agency"], row["region_code"], document_id)


def _renewed(connection: Connection, document_id: int, report_id: int) -> dict[str, Any]:
    """Return what decides where a report is filed, renewed by today's rules."""
    row = results.identity_of(connection, report_id)
    governs, reports_to = standing(row["agency"], row["region_code"])
    renewed = {**row, "agency_key": _key(row, document_id), "governs": governs, "reports_to": reports_to}
    if renewed != row:
        results.set_identity(connection, report_id, {name: renewed[name] for name in ("agency_key", "governs", "reports_to")})
    return renewed


class _Settled(NamedTuple):
    """The report that was written, and whether its document is the first of its filing."""

    report_id: int
    alone: bool


def _settle(
    connection: Connection,
    document_id: int,
    row: Callable[[Before], Mapping[str, Any] | None],
    write: Callable[[Before], Written],
) -> _Settled | None:
    """Write a report between two looks at its neighbours, file it, and compare what changed.

    ``row`` says by what the report is filed; None: not at all, and nothing is done.
    """
    locked = _lock(connection, document_id, row)
    if locked is None:
        return None
    old, new, places = locked.kept.key, locked.new, locked.places
    near = {place: neighbours.neighbours_of(connection, place) for place in places}
    before = _current_reports(near)
    report_id, is_new = write(locked.kept)
    filed = _file(connection, document_id, locked.kept, new)
    if old is None and filed.is_new:  # nothing of this document was in force: only the new report can have changed what is
        near = {new: _joined(near[new], new, CurrentReport(report_id, document_id))}
    else:
        near = {place: neighbours.neighbours_of(connection, place) for place in places}
    after = _current_reports(near)
    changed = {report_id} | ({old.report_id} if old else set())
    for at in before.keys() | after.keys():
        if before.get(at) != after.get(at):
            changed |= {current.report_id for current in (before.get(at), after.get(at)) if current}
    kinds = [Between.YEARS, Between.REGION, *([Between.CHECK] if is_new else [])]
    stale = changed if old or len(changed) > 1 else ()  # the first report of a new document has no findings to be replaced
    keys = [new._replace(report_id=report_id), *neighbours.report_keys(connection, changed - {report_id})]
    known = {place._replace(report_id=0): those for place, those in near.items()}
    results.replace_findings(connection, stale, kinds, _compare(connection, keys, known))
    _follow(connection, document_id, [filed.filing_id, locked.kept.filing_id or filed.filing_id], changed - {report_id})
    if locked.asks and new.agency_id is not None:
        ask_about(connection, register.get(connection, new.agency_id))
    return _Settled(report_id, filed.is_new)


def _follow(connection: Connection, document_id: int, filings: Sequence[int | None], changed: set[int]) -> None:
    """Bring the cases in step: those of these filings, and of the filings whose reports in force changed. None among ``filings``:
    the document is in none, and its own cases are meant.
    """
    wanted = {number for number in filings if number is not None} | members.filings_of_reports(connection, changed)
    cases.follow(connection, wanted, [document_id] if None in filings else [])


class _Locked(NamedTuple):
    """The places of a document, locked: what is kept of it, its new place, and all places whose reports may change.

    ``asks``: the agency is new, and may be one that is known.
    """

    kept: Before
    new: ReportKey
    places: list[ReportKey]
    asks: bool


def _lock(connection: Connection, document_id: int, row: Callable[[Before], Mapping[str, Any] | None]) -> _Locked | None:
    """Find the agency that the report names, and lock its place and the one in which the document was.

    Whoever joins agencies meanwhile may move the document before the lock is free; then its place is looked for again.
    """
    kept, asks = results.kept_before(connection, document_id), False
    while (wanted := row(kept)) is not None:
        agency_id, year = None, None
        if wanted["agency"] is not None and wanted["year"] is not None:  # without either it is in no filing
            name = AgencyName(wanted["agency"], wanted["region_code"], AliasSource.REPORT, document_id)
            agency_id, is_new = register.resolve(connection, name)
            asks, year = asks or is_new, wanted["year"]
        new = ReportKey(0, agency_id, year, wanted["governs"], wanted["reports_to"])
        waited = neighbours.lock_places(connection, *_locks([kept.place, new]))
        # A document that never had a report is moved by nobody.
        now = results.kept_before(connection, document_id) if waited and kept.report_id is not None else kept
        if now == kept:
            return _Locked(kept, new, [kept.place, new] if kept.shown else [new], asks)
        kept = now
    return None


class _FiledIn(NamedTuple):
    """The filing in which a document is now (None: in none), and whether it is the first document of it."""

    filing_id: int | None
    is_new: bool


def _file(connection: Connection, document_id: int, kept: Before, place: ReportKey) -> _FiledIn:
    """Put a document into the filing of its place, and arrange this filing and the one in which it was."""
    was = kept.filing_id
    left = was if (kept.place.agency_id, kept.place.year) != (place.agency_id, place.year) else None
    if place.agency_id is None or place.year is None:
        members.leave(connection, document_id)
        members.replace_filing_findings(connection, [document_id], [])
        if left is not None:
            joining.carry(connection, document_id, left, None)
            arrange_filing(connection, left)
        return _FiledIn(None, is_new=False)
    entered = members.enter(connection, document_id, place.agency_id, place.year)
    if kept.report_id is not None:
        joining.carry(connection, document_id, was, entered.filing_id)
    if left is not None:
        members.carry_choice(connection, document_id, entered.filing_id)
        arrange_filing(connection, left)
    arrange_filing(connection, entered.filing_id, whole=was is not None or not entered.is_new)
    return _FiledIn(entered.filing_id, entered.is_new)


def arrange_filing(connection: Connection, filing_id: int, *, whole: bool = True) -> None:
    """Sort the documents of a filing into editions and renditions again, and renew what follows from it: values that renditions
    prove or settle, and the findings within the filing. The caller holds the lock of the agency.

    ``whole`` False is for a filing that was made for its only document: there is nothing to compare and nothing to replace.
    """
    there = members.read_members(connection, filing_id, settled=whole)
    year = there.year or 0
    arranged = arrange(there.shown, year, there.chosen) if there.shown else None
    members.write_arrangement(connection, filing_id, there, arranged)
    if not whole and len(there.shown) == 1:
        return
    found: list[dict[str, Any]] = []
    for edition in arranged.editions if arranged else ():
        for document in edition.documents:
            said = vouch(document, edition.documents)
            settled = {t.indicator: members.Witnessed(t.state.value, t.value, t.documents) for t in said}
            members.write_witnessed(connection, document, there.witnessed.get(document.report_id, {}), settled)
    if arranged:
        speaker = arranged.editions[arranged.in_force].leader
        found = related_rows(Between.FILING, relate_filing(speaker.agency or "", year, arranged))
    documents = [document.document_id for document in there.shown]
    members.replace_filing_findings(connection, [*documents, *there.hidden], found)
    members.review_again(connection, documents, FOR_REVIEW)


def lock_agency(connection: Connection, agency_id: int) -> None:
    """Wait until nobody else changes the filings of an agency, and let nobody do so until the transaction ends."""
    neighbours.lock_places(connection, {f"agency:{agency_id}"})


def ask_about(connection: Connection, agency: register.Agency) -> None:
    """Open a question for each agency that a new one may be, by the rules of the codebook.

    Of two new ones that come in at once the second sees the first: until this transaction ends nobody else of the province asks,
    so that it is the last that a load does. The years on which both report are looked at when the questions are listed: they
    change with each report that comes in.
    """
    province = (agency.region_code or "")[:2]
    neighbours.lock_places(connection, {f"names:{province}"}, {"names:"} if province else ())
    wanted = candidates(agency.name, agency.region_code)
    for other in register.comparable(connection, wanted.region_code, wanted.keys):
        if other.id == agency.id:
            continue
        likeness = alike(
            AgencyEntry(agency.name, agency.region_code, agency.kind), AgencyEntry(other.name, other.region_code, other.kind)
        )
        if likeness is not None:
            evidence = {"year": likeness.year, "predecessor": likeness.predecessor}
            register.ask(connection, agency.id, other.id, likeness.reason, evidence)


def _joined(near: Neighbours, place: ReportKey, current: CurrentReport) -> Neighbours:
    """``near`` after the first report of a new filing came in at ``place``."""
    if place.year is None:
        return near
    return Neighbours(near.years | {place.year: current}, (near.own or current) if place.governs else None, near.parent)


def compare_again(connection: Connection, keys: Sequence[ReportKey]) -> int:
    """Replace all findings between these reports and their neighbours (years, region). Return how many. Locks as
    loading does.
    """
    neighbours.lock_places(connection, *_locks(keys))
    ids = [key.report_id for key in keys]
    found = compare_beside(connection, ids)
    results.replace_findings(connection, ids, [Between.YEARS, Between.REGION], found)
    return len(found)


def compare_beside(connection: Connection, report_ids: Iterable[int]) -> list[dict[str, Any]]:
    """Return the rows of all findings between these reports and their neighbours: years and region. Reports not in force are
    skipped.
    """
    return _compare(connection, neighbours.report_keys(connection, report_ids), {})


def _compare(connection: Connection, keys: Iterable[ReportKey], known: Known) -> list[dict[str, Any]]:
    years, regions = _pairs(connection, keys, known)
    found: list[dict[str, Any]] = []
    for some in _batches(sorted(years)):
        read = snapshots(connection, {number for pair in some for number in pair})
        found += related_rows(Between.YEARS, (r for a, b in some for r in relate_years((a, read[a]), (b, read[b]))))
    for some in _batches(sorted(regions)):
        read = snapshots(connection, {number for pair in some for number in pair}, sections=False)
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
        if place.agency_id is not None and place.year is not None:
            alone.add(f"agency:{place.agency_id}")
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
        if place.agency_id is not None and place.year in those.years:
            found["agency", str(place.agency_id), place.year] = those.years[place.year]
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
        if agency is None or year is None:
            continue
        those = known.get(key._replace(report_id=0)) or neighbours.neighbours_of(connection, key)
        near = {at: current.report_id for at, current in those.years.items()}
        if near.get(year) == number:
            years |= {(near[year - 1], number)} if year - 1 in near else set()
            years |= {(number, near[year + 1])} if year + 1 in near else set()
            regions |= {(those.parent.report_id, number)} if those.parent and those.parent.report_id != number else set()
        if governs and those.own and those.own.report_id == number:
            regions |= {(number, child) for child in neighbours.children_of(connection, governs, year, above=number)}
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
        forget_output(connection, work.claim.document_id, StageName.VALIDATE)  # the row of the report holds the same
        if work.claim.run > 1:  # what was decided while this run went on is taken up in another
            corrections.catch_up(connection, work.claim.document_id, {c.number for c in verdict.corrections})

    return StageResult(extra=write)
