"""What a draft contradicts of other reports: the records, which need no database."""

from __future__ import annotations

from typing import NamedTuple

from codebook.records import Finding
from console.drafts.not_run import NotRun


class Beside(NamedTuple):
    """A finding between a draft and another report, with the agency and the year of that report."""

    finding: Finding
    agency: str
    year: int


class DraftComparison(NamedTuple):
    """What was found between a draft and the reports of the database, and which rules could not be run."""

    found: tuple[Beside, ...]
    not_run: tuple[NotRun, ...]
