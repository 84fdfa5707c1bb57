"""Coverage as a table: the agencies that must report on a year, with the report of each."""

from __future__ import annotations

from collections.abc import Sequence

from console.export.writers import inert
from database.reports.coverage import CoverageLine


def coverage_rows(lines: Sequence[CoverageLine]) -> list[tuple[str, ...]]:
    """The lines of a coverage as rows of a CSV file, with a header; a text that a spreadsheet would compute is marked as text."""
    header = ("agency", "region_code", "due_on", "standing", "published_on", "document")
    return [
        header,
        *(
            (
                inert(line.agency),
                line.region_code or "",
                line.due_on or "",
                line.standing.value,
                line.published_on or "",
                str(line.document_id or ""),
            )
            for line in lines
        ),
    ]
