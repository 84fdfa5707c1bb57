"""The whole flow of a document on one screen, without Celery, queues or database.

The workers carry a document through the same functions in the same order, with a checkpoint after each (see ``task.py`` in each
room); this is what they do, and what tests and benchmarks call when they want the result alone.
"""

from __future__ import annotations

from codebook.records import Hints, Verdict
from tasks.extraction.extract import extract
from tasks.parsing.parse import parse
from tasks.validation.validate import validate


def read_document(data: bytes, media_type: str, hints: Hints | None = None) -> Verdict:
    """From the bytes of a document to its checked report.

    Raises GongkaiError with a code of the closed list when the document cannot be read.
    """
    extraction = extract(data, media_type)  # bytes -> pages of lines and tables
    report = parse(extraction, hints or Hints())  # pages -> agency, region, year, numbers with evidence
    return validate(report)  # report -> findings, states settled
