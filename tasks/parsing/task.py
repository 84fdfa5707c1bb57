"""Parsing as a task: pages, with those that were OCRed in their places, become a report."""

from __future__ import annotations

import msgspec

from codebook.records import Extraction, Page, PageKind
from database.ledger import Next
from database.models import StageName
from tasks.parsing.parse import parse
from workers.stage import Outcome, Work, stage


@stage(StageName.PARSE)
def run(work: Work) -> Outcome:
    """Parse; then validation."""
    extraction = work.output_of(StageName.EXTRACT, Extraction)
    if any(page.kind is PageKind.PICTURE for page in extraction.pages):
        read = work.pages_of(StageName.OCR, Page)
        pages = tuple(read.get(page.number, page) for page in extraction.pages)
        extraction = msgspec.structs.replace(extraction, pages=pages)
    return Outcome(parse(extraction, work.claim.hints), [Next(StageName.VALIDATE)])
