"""OCR as a task: one page that is a picture."""

from __future__ import annotations

from codebook.errors import GongkaiError
from database.models import StageName
from workers.stage import Outcome, Work, stage


@stage(StageName.OCR)
def run(work: Work) -> Outcome:
    """Refuse the page: no engine is part of the program, and a page that nobody read must not pass for an empty one."""
    raise GongkaiError(
        "page.unreadable", "a page image, and no OCR engine is installed", "a page with text", page=work.claim.page
    )
