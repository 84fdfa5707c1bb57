"""Extraction as a task: bytes from the store become pages, and pages that are pictures go to OCR one by one."""

from __future__ import annotations

from functools import partial

from codebook.records import PageKind
from database.ledger import OCR, Next, set_pages
from database.models import StageName
from tasks.extraction.extract import extract
from tasks.extraction.limits import Limits
from workers.stage import Outcome, Work, stage


@stage(StageName.EXTRACT)
def run(work: Work) -> Outcome:
    """Extract; then OCR of each picture page, or parsing when there is none."""
    limits = Limits(max_pages=work.process.settings.max_pages)
    extraction = extract(work.original(), work.claim.media_type, limits)
    pictures = [page.number for page in extraction.pages if page.kind is PageKind.PICTURE]
    following = [Next(StageName.OCR, number, OCR) for number in pictures] or [Next(StageName.PARSE)]
    return Outcome(extraction, following, partial(set_pages, held=work.claim, pages=len(extraction.pages)))
