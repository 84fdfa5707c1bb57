"""Which reports are compared with which, and what comes of it. Pure: reports come as snapshots with their row numbers."""

from __future__ import annotations

from collections.abc import Sequence

import tasks.validation.validate  # noqa: F401  all rules register themselves there, and are checked against their table as a whole
from codebook.records import Finding, Snapshot
from tasks.validation.rules.between_reports import Expected, compare_region, compare_texts, compare_years, is_government

# (report that the finding stands on, the other report of a pair, the finding)
Related = tuple[int, int | None, Finding]
# (row number, report)
Known = tuple[int, Snapshot]

# The rules of a region that need all of its reports at once; the other one compares pairs.
AREA_RULES = ("region.sum", "region.absent")

# GB/T 2260: the first two digits of the four municipalities. Their districts (01) and counties (02) have no city above
# them.
_MUNICIPALITIES = ("11", "12", "31", "50")
_RUN_BY_PROVINCE = "90"  # third and fourth digit of counties that the province runs itself


def parent_code(code: str) -> str | None:
    """The code of the region above, by GB/T 2260 (6 digits) and its extension to towns and villages (9 and 12). None
    above a province.

    >>> [parent_code(c) for c in ("320813", "320800", "320000", "110101", "429004", "320813100")]
    ['320800', '320000', None, '110000', '420000', '320813']
    """
    if len(code) > 6:
        return code[:6] if len(code) <= 9 or code[9:] == "000" else code[:9]
    province, city, county = code[:2], code[2:4], code[4:6]
    if county not in ("00", ""):
        direct = city == _RUN_BY_PROVINCE or province in _MUNICIPALITIES
        return f"{province}0000" if direct else f"{province}{city}00"
    return f"{province}0000" if city not in ("00", "") else None


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


def relate_area(parent: Known, children: Sequence[Snapshot], expected: Sequence[Expected]) -> list[Related]:
    """Findings on a government's report about all that stand under it, given those that must report: sums and absences."""
    found = compare_region(parent[1], children, expected)
    return [(parent[0], None, finding) for finding in found if finding.rule in AREA_RULES]


def relate_texts(one: Known, other: Known) -> list[Related]:
    """Findings on the first of two agencies' reports on one year about chapters that repeat those of the second."""
    return [(one[0], other[0], finding) for finding in compare_texts(one[1], other[1])]
