"""The statements that a worker runs for every stage of every document, made and compiled once.

Parameters are called ``b_...``: stage, fence, owner, lease (seconds), and so on.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, String, bindparam, insert, literal, null, or_, select, update

from codebook.records import Status
from codebook.stages import DOCUMENTS
from database.clock import now
from database.ledger.retention import is_kept
from database.models import Attempt, Document, Key, Output, Source, Stage, StageState
from database.sql import Prepared, is_listed

_lease = now(bindparam("b_lease"))
_held = (Stage.id == bindparam("b_stage"), Stage.fence == bindparam("b_fence"), Stage.state == StageState.RUNNING)

_can_be_claimed = (
    or_(Stage.state == StageState.QUEUED, Stage.state == StageState.WAITING),
    or_(Stage.next_attempt_at.is_(None), Stage.next_attempt_at <= now()),
)
_TAKEN = (
    *(Stage.document_id, Stage.run, Stage.stage, Stage.page, Stage.fence, Stage.attempts),
    *(Stage.queue, Stage.priority, Stage.turn, Stage.block),
)
_taking = update(Stage).values(
    state=StageState.RUNNING,
    attempts=Stage.attempts + 1,
    fence=Stage.fence + 1,
    owner=bindparam("b_owner"),
    lease_until=_lease,
    next_attempt_at=None,
    updated_at=now(),
)
_claim = _taking.where(Stage.id == bindparam("b_stage"), *_can_be_claimed).values(block=null()).returning(*_TAKEN)
# What a process holds, for when the answer to the commit of its claim was lost.
CLAIMED = Prepared(
    update(Stage)
    .where(Stage.id == bindparam("b_stage"), Stage.state == StageState.RUNNING, Stage.owner == bindparam("b_owner"))
    .values(lease_until=_lease)
    .returning(*_TAKEN)
)
_first_source = (Source.document_id == Document.id) & Source.duplicate.is_(False)
DOCUMENT = Prepared(
    select(Document.sha256, Document.media_type, Source.hints)
    .outerjoin(Source, _first_source)
    .where(Document.id == bindparam("b_document"))
    .limit(1)
)
BEGIN_ATTEMPT = Prepared(
    insert(Attempt).values(
        stage_id=bindparam("b_stage"), fence=bindparam("b_fence"), worker=bindparam("b_owner"), started_at=now()
    )
)
_end_attempt = (
    update(Attempt)
    .where(Attempt.stage_id == bindparam("b_stage"), Attempt.fence == bindparam("b_fence"), Attempt.ended_at.is_(None))
    .values(
        ended_at=now(),
        outcome=bindparam("b_outcome"),
        code=bindparam("b_code"),
        message=bindparam("b_message"),
        seconds=bindparam("b_seconds"),
        cpu_seconds=bindparam("b_cpu"),
        engine=bindparam("b_engine"),
    )
)
_done = update(Stage).where(*_held).values(state=StageState.DONE, owner=None, lease_until=None, code=None, updated_at=now())
RENEW = Prepared(update(Stage).where(*_held).values(lease_until=_lease))
RELEASE = Prepared(
    update(Stage)
    .where(*_held)
    .values(
        state=StageState.QUEUED, attempts=Stage.attempts - 1, owner=None, lease_until=None, notified_at=None, updated_at=now()
    )
)
INSERT_NEXT = insert(Stage).values(created_at=now(), updated_at=now()).returning(Stage.id, Stage.stage, Stage.queue, Stage.page)
_insert_claimed_row = (
    insert(Stage)
    .values(
        **{
            name: bindparam(f"b_{name}")
            for name in ("document_id", "run", "stage", "page", "queue", "priority", "turn", "owner", "block")
        },
        **dict.fromkeys(("crashes", "losses", "transients"), 0),
        created_at=now(),
        updated_at=now(),
        lease_until=_lease,
        state=StageState.RUNNING,
        attempts=1,
        fence=1,
    )
    .returning(Stage.id)
)
CLAIM, DONE, END_ATTEMPT, INSERT_CLAIMED = map(Prepared, (_claim, _done, _end_attempt, _insert_claimed_row))

# A block: many stages claimed at once. What is not in the queue of documents (pages, what is tried again) is done alone.
_stages = bindparam("b_stages", type_=String)
_wanted = (
    select(Stage.id)
    .where(is_listed(Stage.id, _stages), Stage.queue == DOCUMENTS, *_can_be_claimed)
    .order_by(Stage.id)  # two who take the same rows wait for each other in the same order
    .with_for_update()
    .cte("wanted")
)
CLAIM_BLOCK = Prepared(
    _taking.where(Stage.id.in_(select(_wanted.c.id)))
    .values(block=bindparam("b_block", type_=BigInteger))
    .returning(Stage.id, *_TAKEN)
)
BEGIN_ATTEMPTS = Prepared(
    insert(Attempt).from_select(
        ["stage_id", "fence", "worker", "started_at"],
        select(Stage.id, Stage.fence, bindparam("b_owner", type_=String), now()).where(is_listed(Stage.id, _stages)),
    )
)
DOCUMENTS_OF = Prepared(
    select(Document.id, Document.sha256, Document.media_type, Source.hints)
    .outerjoin(Source, _first_source)
    .where(is_listed(Document.id, bindparam("b_documents", type_=String)))
)

# PostgreSQL takes several changes in one statement, which saves as many round trips.
_taken = _claim.cte("taken")
CLAIM_IN_ONE = Prepared(
    select(_taken, Document.sha256, Document.media_type, Source.hints)
    .join(Document, Document.id == _taken.c.document_id)
    .outerjoin(Source, _first_source)
    .limit(1)
    .add_cte(
        insert(Attempt)
        .from_select(
            ["stage_id", "fence", "worker", "started_at"],
            select(bindparam("b_stage", type_=Key), _taken.c.fence, bindparam("b_owner", type_=String), now()),
        )
        .cte("begun")
    )
)
DONE_IN_ONE = Prepared(_done.add_cte(_end_attempt.cte("ended")))
_made = _insert_claimed_row.cte("made")
INSERT_CLAIMED_IN_ONE = Prepared(
    insert(Attempt)
    .from_select(
        ["stage_id", "fence", "worker", "started_at"],
        select(_made.c.id, literal(1), bindparam("b_owner", type_=String), now()),
    )
    .returning(Attempt.stage_id)
)
TRIES = Prepared(select(Stage.attempts, Stage.crashes, Stage.losses, Stage.transients).where(*_held).with_for_update())
SETTLE = Prepared(
    update(Stage)
    .where(*_held)
    .values(
        state=bindparam("b_state"),
        queue=bindparam("b_queue"),
        attempts=bindparam("b_attempts"),
        crashes=bindparam("b_crashes"),
        losses=bindparam("b_losses"),
        transients=bindparam("b_transients"),
        code=bindparam("b_code"),
        next_attempt_at=now(bindparam("b_pause")),
        owner=None,
        lease_until=None,
        notified_at=None,
        updated_at=now(),
    )
)
STOP_DOCUMENT = Prepared(
    update(Document)
    .where(Document.id == bindparam("b_document"), Document.status == Status.PROCESSING)
    .values(status=bindparam("b_status"), finished_at=now())
)
SET_PAGES = Prepared(update(Document).where(Document.id == bindparam("b_document")).values(pages=bindparam("b_pages")))
FINISH = Prepared(
    update(Document)
    .where(Document.id == bindparam("b_document"), Document.run == bindparam("b_run"))
    .values(status=bindparam("b_status"), report_id=bindparam("b_report"), finished_at=now())
)
OUTPUT = Prepared(
    select(Output.page, Output.body).where(
        Output.document_id == bindparam("b_document"), Output.stage == bindparam("b_stage"), is_kept()
    )
)
