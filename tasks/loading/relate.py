"""Which reports are compared with which, and what comes of it. Pure: reports come as snapshots with their row numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import tasks.validation.validate  # noqa: F401  all rules register themselves there, and are checked against their table as a whole
from codebook.divisions import parent_code
from codebook.filings import Arrangement
from codebook.records import Finding, Snapshot
from tasks.loading.editions import difference
from tasks.loading.witnesses import disagreements
from tasks.validation.rules.between_reports import Expected, compare_region, compare_texts, compare_years, is_government
from tasks.validation.rules.filings import FilingPair, compare_filing

# (report that the finding stands on, the other report of a pair, the finding)
Related = tuple[int, int | None, Finding]
# (row number, report)
Known = tuple[int, Snapshot]

# The rules of a region that need all of its reports at once; the other one compares pairs.
AREA_RULES = ("region.sum", "region.absent")


def standing(agency: str | None, region_code: str | None) -> tuple[str | None, str | None]:
    """Return the codes of the region that an agency governs and of the region whose government stands above it; None
    where unknown or none.

    A government's report covers its whole region. All other agencies of a region stand under its government, towns too.

    >>> standing("淮安市洪泽区人民政府", "320813"), standing("洪泽区民政局", "320813")
    (('320813', '320800'), (None, '320813'))
    """
    if not region_code or not agency:
        return None, None
    return (region_code, parent_code(region_code)) if is_government(agency) else (None, region_code)


def relate_years(earlier: Known, later: Known) -> list[Related]:
    """Findings between an agency's reports on two consecutive years. They stand on the later one."""
    return [(later[0], earlier[0], finding) for finding in compare_years(earlier[1], later[1])]


def relate_region(parent: Known, child: Known) -> list[Related]:
    """Findings between a government's report and one of those under it, of one year. They stand on the report of the parent."""
    return [(parent[0], child[0], finding) for finding in compare_region(parent[1], (child[1],))]


def relate_filing(agency: str, year: int, arranged: Arrangement) -> list[Related]:
    """Findings within a filing. They stand on the document in force: what each edition changed of the one before it, and where
    the renditions of the edition in force differ from their leader.
    """
    found: list[Related] = []
    speaker = arranged.editions[arranged.in_force].leader.report_id
    for before, after in pairwise(arranged.editions):
        between = difference(before.leader, after.leader)
        since = after.dated.value[:10]
        pair = FilingPair(agency, year, before.leader, after.leader, between.cells, between.chapters, since)
        found += [(speaker, before.leader.report_id, each) for each in compare_filing(pair)]
    leader, *others = arranged.editions[arranged.in_force].documents
    for other in others:
        pair = FilingPair(agency, year, other, leader, disagreements(leader, other), (), None)
        found += [(speaker, other.report_id, each) for each in compare_filing(pair)]
    return found


def relate_area(parent: Known, children: Sequence[Snapshot], expected: Sequence[Expected]) -> list[Related]:
    """Findings on a government's report about all that stand under it, given those that must report: sums and absences."""
    found = compare_region(parent[1], children, expected)
    return [(parent[0], None, finding) for finding in found if finding.rule in AREA_RULES]


def relate_texts(one: Known, other: Known) -> list[Related]:
    """Findings on the first of two agencies' reports on one year about chapters that repeat those of the second."""
    return [(one[0], other[0], finding) for finding in compare_texts(one[1], other[1])]
