"""Coverage as tables: the agencies that must report on a year, with the report of each, and how many of a region stand how."""

from __future__ import annotations

from collections.abc import Sequence

from codebook.divisions import names_of
from console.export.writers import inert
from database.reports.coverage import CoverageLine, RegionCounts, Standing

_LINE = (
    "agency",
    "region_code",
    "region",
    "due_on",
    "standing",
    "published_on",
    "first_seen_on",
    "document",
    "status",
)


def coverage_rows(lines: Sequence[CoverageLine]) -> list[tuple[str, ...]]:
    """The lines of a coverage as rows of a CSV file, with a header; a text that a spreadsheet would compute is marked as text."""
    return [_LINE, *map(_row, lines)]


def _row(line: CoverageLine) -> tuple[str, ...]:
    dates = (line.published_on or "", line.first_seen_on or "")
    document = (str(line.document_id or ""), line.status or "")
    region = (line.region_code or "", _names(line.region_code))
    return (inert(line.agency), *region, line.due_on or "", line.standing.value, *dates, *document)


def region_rows(counts: Sequence[RegionCounts]) -> list[tuple[str, ...]]:
    """The counts of regions as rows of a CSV file, with a header: a column for each standing."""
    header = ("region_code", "region", "agencies", *(standing.value for standing in Standing))
    rows = [
        (
            each.region_code or "",
            _names(each.region_code),
            str(each.total),
            *(str(each.counts.get(standing.value, 0)) for standing in Standing),
        )
        for each in counts
    ]
    return [header, *rows]


def _names(code: str | None) -> str:
    return "/".join(names_of((code or "")[:6]))
