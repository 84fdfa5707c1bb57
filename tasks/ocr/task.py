"""OCR as a task: one page that is a picture, or has pictures, becomes lines and tables."""

from __future__ import annotations

from codebook.records import Page
from codebook.stages import StageName
from database.ledger import Next
from runtime.failpoints import fail_here
from tasks.extraction.ocr_pages import renumbered
from tasks.ocr.engines.choose import memory_told, picture_key, reader, version
from tasks.ocr.read_page import read_picture
from tasks.ocr.render import render
from workers.stage_runner import StageResult, Work, stage


@stage(StageName.OCR)
def run(work: Work) -> StageResult:
    """Read the page, unless the same picture was read by the same version before; after the last page of a document, parsing."""
    settings, number = work.context.settings, work.claim.page
    engine = reader(settings.ocr_engine, settings.ocr_threads)
    made_by = version(engine)
    with memory_told():
        image = render(work.original(), work.claim.media_type, number)
        made_from = picture_key(image, made_by)
        page = work.same_work(made_from, Page)
        used = settings.ocr_engine if page is None else None
        if page is None:
            fail_here(f"ocr_page_{number}")
            page = read_picture(image.pixels, number, engine, points_per_pixel=image.scale, is_upright=image.is_upright)
    return StageResult(
        renumbered(page, number), [Next(StageName.PARSE)], made_from=made_from, versions={"ocr": made_by}, engine=used
    )
