"""Parsing: from the pages of a document to a report."""

from __future__ import annotations

from codebook.records import Extraction, Hints, Report
from tasks.parsing.assemble import assemble
from tasks.parsing.tables import read_tables


def parse(extraction: Extraction, hints: Hints) -> Report:
    """Read agency, region, year, chapters, numbers and statements from the pages of a document, each with its evidence.

    Pure: the same pages and hints give the same report. A missing year or agency is None, for validation to question. Raises
    GongkaiError ``report.not_a_report`` or ``report.no_tables``.
    """
    return assemble(extraction, hints, read_tables(extraction.pages))
