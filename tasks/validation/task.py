"""Validation as a task: a report becomes a verdict."""

from __future__ import annotations

from codebook.records import Correction, Report
from codebook.stages import StageName
from database.ledger import Next
from database.reports import corrections
from database.session import reading
from tasks.processor_time import bounded
from tasks.validation.validate import validate
from workers.stage_runner import StageResult, Work, stage


@stage(StageName.VALIDATE)
def run(work: Work) -> StageResult:
    """Validate, with what people have decided about the document's cells; then loading."""
    report = work.output_of(StageName.PARSE, Report)
    decided: tuple[Correction, ...] = ()
    if work.claim.run > 1:  # somebody has seen it
        with reading(work.context.engine) as connection:
            decided = corrections.in_force(connection, work.claim.document_id)
    with bounded(0):
        verdict = validate(report, decided)
    return StageResult(verdict, [Next(StageName.LOAD)], passing=True)  # the row of the report holds it
