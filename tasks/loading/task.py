"""Loading as a task: a verdict becomes rows, and the document gets its status, in one transaction behind the fence."""

from __future__ import annotations

from sqlalchemy import Connection

from codebook.records import Verdict
from database.ledger import finish
from database.models import StageName
from tasks.loading.load import load_verdict
from workers.stage import Outcome, Work, stage


@stage(StageName.LOAD)
def run(work: Work) -> Outcome:
    """Load; then nothing."""
    verdict = work.output_of(StageName.VALIDATE, Verdict)

    def write(connection: Connection) -> None:
        report_id, status = load_verdict(connection, work.claim.document_id, verdict, work.versions)
        finish(connection, work.claim, status, report_id)

    return Outcome(extra=write)
