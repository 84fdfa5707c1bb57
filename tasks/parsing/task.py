"""Parsing as a task: pages, with those that were OCRed in their places, become a report."""

from __future__ import annotations

from codebook.records import Extraction, Page
from codebook.stages import StageName
from database.ledger import Next
from tasks.ocr.merge import merged, wanted
from tasks.parsing.parse import parse
from workers.stage_runner import StageResult, Work, stage


@stage(StageName.PARSE)
def run(work: Work) -> StageResult:
    """Parse; then validation."""
    extraction = work.output_of(StageName.EXTRACT, Extraction)
    if any(map(wanted, extraction.pages)):
        extraction = merged(extraction, work.pages_of(StageName.OCR, Page))
    return StageResult(parse(extraction, work.claim.hints), [Next(StageName.VALIDATE)])
