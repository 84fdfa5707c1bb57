"""Extraction as a task: bytes from the store become pages, and pages that are pictures go to OCR one by one."""

from __future__ import annotations

from functools import partial

from codebook.stages import StageName
from database.ledger import Next, set_pages
from tasks.extraction.extract import extract
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.ocr_pages import needs_ocr
from workers.stage_runner import StageResult, Work, stage


@stage(StageName.EXTRACT)
def run(work: Work) -> StageResult:
    """Extract; then OCR of each page that is a picture or has one that may be a table, or parsing when there is none."""
    limits = ExtractionLimits(max_pages=work.context.settings.max_pages)
    extraction = extract(work.original(), work.claim.media_type, limits)
    pictures = [page.number for page in extraction.pages if needs_ocr(page)]
    following = [Next(StageName.OCR, number) for number in pictures] or [Next(StageName.PARSE)]
    return StageResult(extraction, following, partial(set_pages, held=work.claim, pages=len(extraction.pages)))
