"""A draft beside the reports that the database holds: the rules between reports, for one that is in no filing. Only reads."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from codebook.records import Finding, Snapshot
from codebook.rules import RuleScope
from console.drafts.comparison import Beside, DraftComparison
from console.drafts.not_run import BecauseOf, NotRun, rules_of
from database.filings import register
from database.reports import neighbours
from database.reports.neighbours import ReportKey
from database.reports.snapshots import snapshots
from tasks.loading.copies import RULE as TEXT_RULE
from tasks.loading.copies import TextIndex
from tasks.loading.relate import standing
from tasks.validation.rules.between_reports import compare_region, compare_texts, compare_years, region_exceeds

MOST_REPORTS = 500
"""Reports of one region that a draft is compared with; `gongkai check` compares all with all."""


def compare(connection: Connection, draft: Snapshot) -> DraftComparison:
    """Compare a draft with the reports in force of its agency on the years before and after, with those of the government above
    and of the agencies under it, and its text with those of the agencies of the region.
    """
    agency_id = _agency(connection, draft)
    governs, reports_to = standing(draft.agency, draft.region_code)
    near = neighbours.neighbours_of(connection, ReportKey(0, agency_id, draft.year, governs, reports_to))
    own = {year: current.report_id for year, current in near.years.items()}
    found, not_run = _years(connection, draft, own, is_known=agency_id is not None)
    skip = {own[draft.year]} if draft.year in own else set()
    region = _region(connection, draft, governs, reports_to, skip)
    return DraftComparison((*found, *region.found), (*not_run, *region.not_run))


def _agency(connection: Connection, draft: Snapshot) -> int | None:
    """The agency of the register; None where the name is new, or is that of many agencies."""
    key = register.key_of(draft.agency, draft.region_code, 0)
    return register.agencies_of(connection, [key]).get(key)


def _years(connection: Connection, draft: Snapshot, own: dict[int, int], *, is_known: bool) -> DraftComparison:
    before, after = own.get(draft.year - 1), own.get(draft.year + 1)
    known = snapshots(connection, [number for number in (before, after) if number is not None])
    found: list[Beside] = []
    if before in known:
        found += _beside(compare_years(known[before], draft), known[before])
    if after in known:
        found += _beside(compare_years(draft, known[after]), known[after])
    because = BecauseOf.NO_LAST_YEAR if is_known else BecauseOf.NEW_AGENCY
    return DraftComparison(tuple(found), () if before in known else (NotRun(rules_of(RuleScope.YEARS), because),))


def _region(
    connection: Connection, draft: Snapshot, governs: str | None, reports_to: str | None, skip: set[int]
) -> DraftComparison:
    found: list[Beside] = []
    parent = neighbours.parent_of(connection, reports_to, draft.year) if reports_to else None
    above = snapshots(connection, [parent.report_id], sections=False) if parent else {}
    for government in above.values():
        found += _beside(compare_region(government, (draft,)), government)
    under = neighbours.children_of(connection, governs, draft.year)[:MOST_REPORTS] if governs else []
    for child in snapshots(connection, set(under) - skip, sections=False).values():
        found += _beside(compare_region(draft, (child,)), child)
    because = BecauseOf.NO_GOVERNMENT if reports_to else BecauseOf.NO_REGION
    not_run = [] if above or under else [NotRun((region_exceeds.id,), because)]
    if reports_to:
        found += _texts(connection, draft, reports_to, skip)
        not_run.append(NotRun((TEXT_RULE,), BecauseOf.REGION_ONLY))
    else:
        not_run.append(NotRun((TEXT_RULE,), BecauseOf.NO_REGION))
    return DraftComparison(tuple(found), tuple(not_run))


def _texts(connection: Connection, draft: Snapshot, reports_to: str, skip: set[int]) -> list[Beside]:
    """Chapters that repeat those of another agency under the same government; one source is enough."""
    others = [n for n in neighbours.children_of(connection, reports_to, draft.year) if n not in skip][:MOST_REPORTS]
    known = snapshots(connection, others, values=False)
    index = TextIndex()
    for number, other in known.items():
        index.add(number, other.sections)
    for number in index.candidates(draft.sections):
        if found := compare_texts(draft, known[number]):
            return _beside(found, known[number])
    return []


def _beside(found: Iterable[Finding], other: Snapshot) -> list[Beside]:
    return [Beside(finding, other.agency, other.year) for finding in found]
