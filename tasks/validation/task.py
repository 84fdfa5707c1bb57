"""Validation as a task: a report becomes a verdict."""

from __future__ import annotations

from codebook.records import Report
from database.ledger import Next
from database.models import StageName
from tasks.validation.validate import validate
from workers.stage import Outcome, Work, stage


@stage(StageName.VALIDATE)
def run(work: Work) -> Outcome:
    """Validate; then loading."""
    return Outcome(validate(work.output_of(StageName.PARSE, Report)), [Next(StageName.LOAD)])
