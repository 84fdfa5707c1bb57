"""Parsing as a task: pages, with those that were OCRed in their places, become a report."""

from __future__ import annotations

from codebook.records import Extraction, Page
from codebook.stages import StageName
from database.ledger import Next
from tasks.extraction.ocr_pages import needs_ocr, with_ocr_pages
from tasks.parsing.parse import parse
from tasks.processor_time import bounded
from workers.stage_runner import StageResult, Work, stage


@stage(StageName.PARSE)
def run(work: Work) -> StageResult:
    """Parse; then validation."""
    extraction = work.output_of(StageName.EXTRACT, Extraction)
    if any(map(needs_ocr, extraction.pages)):
        extraction = with_ocr_pages(extraction, work.pages_of(StageName.OCR, Page))
    with bounded(len(extraction.pages)):
        report = parse(extraction, work.claim.hints)
    return StageResult(report, [Next(StageName.VALIDATE)])
