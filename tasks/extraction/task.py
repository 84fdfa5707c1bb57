"""Extraction as a task: bytes from the store become pages, whose numbers are held against their pixels; pages that are pictures
go to OCR one by one."""

from __future__ import annotations

from functools import partial

from codebook.stages import StageName
from database.ledger import Next, set_pages
from tasks.extraction.extract import extract
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.ocr_pages import needs_ocr
from tasks.witness.confirm import confirm
from workers.stage_runner import StageResult, Work, stage


@stage(StageName.EXTRACT)
def run(work: Work) -> StageResult:
    """Extract and confirm; then OCR of each page that is a picture or has one that may be a table, or parsing."""
    settings = work.context.settings
    limits = ExtractionLimits(max_pages=settings.max_pages, office_seconds=settings.office_seconds)
    data = work.original()
    extraction = confirm(extract(data, work.claim.media_type, limits), data, work.claim.media_type)
    pictures = [page.number for page in extraction.pages if needs_ocr(page)]
    following = [Next(StageName.OCR, number) for number in pictures] or [Next(StageName.PARSE)]
    return StageResult(extraction, following, partial(set_pages, held=work.claim, pages=len(extraction.pages)))
