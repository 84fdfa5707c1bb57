"""The stages of a document: one row each, over which everything else iterates. docs/how-to.md says how to add one.

::

    extract --> parse --> validate --> load
       |          ^
       '--> ocr --'     only for pages that are pictures, one piece of work for each page
"""

from __future__ import annotations

from enum import StrEnum

from codebook.records import Record

# The Celery queues. Fresh documents never wait for pictures, nor behind work that is tried again.
DOCUMENTS = "documents"
OCR = "ocr"
RETRY = "retry"
QUEUES = (DOCUMENTS, OCR, RETRY)

REGISTER = "register"
"""The stage of a failure at registration, before the first stage."""


class StageName(StrEnum):
    """The stages of a document after it is registered, in order."""

    EXTRACT = "extract"
    OCR = "ocr"
    PARSE = "parse"
    VALIDATE = "validate"
    LOAD = "load"


class StageSpec(Record, frozen=True):
    """What the machine needs to know about a stage.

    ``module`` registers its function. It begins with the output of ``needs`` (None: with the original) and ``next`` follows it
    (None: it is the last). ``lease`` and ``time_limit`` name settings; ``timeout_code`` is the error code of a time limit that
    was reached. ``queue`` takes the first try, ``retry_queue`` later ones. ``per_page``: a piece of work is one page, and
    ``next`` waits for all pages. ``keeps_output``: what it makes is kept for later runs. ``joins``: it only writes what the
    stage before made, so that both are completed in one transaction where the worker goes on in place. Its label for people is
    in ``console/web/words/domain.yaml``.
    """

    name: StageName
    module: str
    needs: StageName | None = None
    next: StageName | None = None
    queue: str = DOCUMENTS
    retry_queue: str = RETRY
    lease: str = "lease_seconds"
    time_limit: str = "light_seconds"
    timeout_code: str = "stage.timeout"
    per_page: bool = False
    keeps_output: bool = True
    joins: bool = False


STAGES: dict[StageName, StageSpec] = {
    spec.name: spec
    for spec in (
        StageSpec(StageName.EXTRACT, "tasks.extraction.task", next=StageName.PARSE),
        StageSpec(
            StageName.OCR,
            "tasks.ocr.task",
            needs=StageName.EXTRACT,
            next=StageName.PARSE,
            queue=OCR,
            retry_queue=OCR,  # only hosts with an engine serve it
            lease="ocr_lease_seconds",
            time_limit="ocr_seconds",
            timeout_code="page.timeout",
            per_page=True,
        ),
        StageSpec(StageName.PARSE, "tasks.parsing.task", needs=StageName.EXTRACT, next=StageName.VALIDATE),
        StageSpec(StageName.VALIDATE, "tasks.validation.task", needs=StageName.PARSE, next=StageName.LOAD),
        StageSpec(StageName.LOAD, "tasks.loading.task", needs=StageName.VALIDATE, keeps_output=False, joins=True),
    )
}

FIRST = next(spec.name for spec in STAGES.values() if spec.needs is None)
LAST = next(spec.name for spec in STAGES.values() if spec.next is None)
PAGE_STAGE = next(spec for spec in STAGES.values() if spec.per_page)
"""The stage that works on single pages."""


def followers(name: StageName) -> list[StageName]:
    """Return the stages that a worker does in place after ``name``: those that follow in the same queue.

    >>> followers(StageName.PARSE)
    [<StageName.VALIDATE: 'validate'>, <StageName.LOAD: 'load'>]
    """
    found: list[StageName] = []
    following = STAGES[name].next
    while following is not None and STAGES[following].queue == STAGES[name].queue:
        found.append(following)
        following = STAGES[following].next
    return found
