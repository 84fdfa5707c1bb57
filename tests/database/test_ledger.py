"""The ledger on a real PostgreSQL and on SQLite: registering, claims, fences, failures, the rescuer, the books."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, Engine, select, text

from codebook.records import Hints, Line, Place, Status
from codebook.stages import StageName
from database import ledger
from database.intake import register, to_notify
from database.ledger import Arrival, Claim, Fault, Fenced, LeaseTerms, Next, Policy, Selection, Tries, statements
from database.models import Attempt, Document, Failure, Output, Source, Stage, StageState
from database.session import make_engine, run_transaction
from database.sql import Prepared

T = TypeVar("T")

LEASE = 60.0
POLICY = Policy(base_seconds=0.0001, cap_seconds=0.0001, system_seconds=0.0001)
OUTPUT = Line("made", Place())


class Books:
    """The ledger in short words: each call is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __call__(self, function: Callable[..., T], *values: Any, **more: Any) -> T:
        return run_transaction(self.engine, lambda connection: function(connection, *values, **more))

    def add(self, *names: str, batch: str = "b", **more: Any) -> list[ledger.Registered]:
        return self(register, batch, [arrival(name, **more) for name in names])

    def claim(self, stage_id: int | None, worker: str = "w#1", lease: float = LEASE) -> Claim:
        held = self(ledger.claim, stage_id, worker, lease)
        assert held is not None
        return held

    def rows(self, *columns: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(*columns).order_by(columns[0])))

    def lapse(self) -> None:
        """Let all leases end."""
        with self.engine.begin() as connection:
            connection.execute(text("update gk_stage set lease_until = '2001-01-01T00:00:00.000000Z' where state = 'running'"))

    def sound(self) -> None:
        """Nothing in the ledger contradicts itself."""
        assert self(ledger.invariants) == []


@pytest.fixture
def books(engine: Engine) -> Books:
    return Books(engine)


def arrival(name: str, **more: Any) -> Arrival:
    return Arrival(sha256=name.rjust(64, "0"), media_type="text/plain", size=3, path=f"/in/{name}.txt", **more)


def load(books: Books, held: Claim, status: Status = Status.REJECTED) -> None:
    """Finish a document without a report."""
    books(ledger.complete, held, extra=lambda connection: ledger.finish(connection, held, status, None))


# ---- registering ----


def test_a_content_is_one_document_and_each_path_one_source(books: Books) -> None:
    first, second = books.add("a", "b")
    assert (first.duplicate, first.new_source, first.stage_id is not None) == (False, True, True)
    other = Arrival(arrival("a").sha256, "text/plain", 3, "/elsewhere/a.txt")
    again, moved, new = books(register, "later", [arrival("a"), other, arrival("c")])
    assert (again.duplicate, again.new_source, again.stage_id) == (True, False, None)
    assert (moved.duplicate, moved.new_source, moved.document_id) == (True, True, first.document_id)
    assert not new.duplicate
    assert [row.duplicate for row in books.rows(Source.id, Source.duplicate)].count(True) == 1
    assert len(books.rows(Stage.id)) == 3
    assert books(ledger.balance).registered == 4
    assert books(ledger.balance, "later").duplicate == 1
    assert to_notify([again, new]) == [ledger.Queued(new.stage_id or 0, StageName.EXTRACT, "documents", new.document_id)]
    assert second.document_id != first.document_id
    books.sound()


def test_the_same_content_twice_in_one_call(books: Books) -> None:
    other = Arrival(arrival("a").sha256, "text/plain", 3, "/copy.txt")
    one, two, three = books(register, "b", [arrival("a"), other, arrival("a")])
    assert [x.duplicate for x in (one, two, three)] == [False, True, True]
    assert [x.new_source for x in (one, two, three)] == [True, True, False]
    books.sound()


def test_what_is_refused_at_the_door_is_registered_as_a_failure(books: Books) -> None:
    (one,) = books.add("a", rejection=("file.empty", "0 bytes"))
    assert one.stage_id is None
    assert [row.status for row in books.rows(Document.id, Document.status)] == [Status.REJECTED]
    ((_, code, state),) = books.rows(Failure.id, Failure.code, Failure.state)
    assert (code, state) == ("file.empty", "open")
    books.sound()


def test_paths_that_no_database_takes_are_kept_readable(books: Books) -> None:
    books(register, "b", [Arrival("0" * 64, "text/plain", 1, "/in/\udcb0\udca1\0.txt", Hints(year=2023))])
    ((_, path, hints),) = books.rows(Source.id, Source.path, Source.hints)
    assert path == r"/in/\xb0\xa1\x00.txt"
    assert hints == {"path": path, "year": 2023}


def test_two_who_register_the_same_contents_at_once(books: Books, database_url: str) -> None:
    names = [f"{number:x}" for number in range(300)]
    start = threading.Barrier(2)

    def run(order: list[str]) -> list[ledger.Registered]:
        engine = make_engine(database_url)
        start.wait()
        made = Books(engine).add(*order)
        engine.dispose()
        return made

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, [names, names[::-1]]))
    new = [one for made in results for one in made if not one.duplicate]
    assert len(new) == len({one.document_id for one in new}) == 300
    assert len(books.rows(Stage.id)) == 300
    books.sound()


# ---- claims and fences ----


def test_of_many_claims_at_once_one_wins(books: Books, database_url: str) -> None:
    ids = [one.stage_id for one in books.add(*[f"{number:x}" for number in range(25)])]

    def run(worker: int) -> list[int]:
        engine = make_engine(database_url)
        own = Books(engine)
        won = [stage for stage in ids if own(ledger.claim, stage, f"w#{worker}", LEASE) is not None]
        engine.dispose()
        return [stage for stage in won if stage is not None]

    with ThreadPoolExecutor(4) as pool:
        won = [stage for stages in pool.map(run, range(4)) for stage in stages]
    assert sorted(won) == sorted(stage for stage in ids if stage is not None)
    assert {(row.attempts, row.fence) for row in books.rows(Stage.id, Stage.attempts, Stage.fence)} == {(1, 1)}
    assert len(books.rows(Attempt.stage_id)) == 25


def test_a_claim_tells_what_is_to_be_done(books: Books) -> None:
    (one,) = books.add("a", hints=Hints(region=("江苏省",)), priority=3)
    held = books.claim(one.stage_id)
    assert held.document_id == one.document_id
    assert (held.stage, held.page, held.attempts, held.fence, held.priority) == (StageName.EXTRACT, 0, 1, 1, 3)
    assert held.hints == Hints(path="/in/a.txt", region=("江苏省",))
    assert books(ledger.claim, one.stage_id, "w#2", LEASE) is None
    assert books(ledger.renew, held, LEASE)


def test_completing_keeps_the_output_and_goes_on_in_place(books: Books) -> None:
    (one,) = books.add("a")
    held = books.claim(one.stage_id)
    completed = books(ledger.complete, held, OUTPUT, {"code": "1"}, [Next(StageName.PARSE)], claim_next=True)
    assert completed.claim is not None
    assert (completed.claim.stage, completed.claim.fence, completed.queued) == (StageName.PARSE, 1, ())
    assert books(ledger.output, one.document_id, StageName.EXTRACT, Line) == OUTPUT
    with pytest.raises(LookupError):
        books(ledger.output, one.document_id, StageName.PARSE, Line)
    hopped = books(ledger.complete, completed.claim, OUTPUT, {"code": "1"}, [Next(StageName.VALIDATE)])
    assert hopped.claim is None
    assert [item.stage for item in hopped.queued] == [StageName.VALIDATE]
    assert [row.outcome for row in books.rows(Attempt.stage_id, Attempt.outcome)] == ["done", "done"]
    books.sound()


def test_a_stale_worker_writes_nothing(books: Books) -> None:
    (one,) = books.add("a")
    stale = books.claim(one.stage_id)
    books.lapse()
    books(ledger.expire_leases, 1, POLICY)
    fresh = books.claim(one.stage_id, "w#2")
    assert fresh.fence == stale.fence + 1
    touched: list[str] = []
    with pytest.raises(Fenced):
        books(ledger.complete, stale, OUTPUT, {}, [Next(StageName.PARSE)], extra=lambda _: touched.append("extra"))
    with pytest.raises(Fenced):
        books(ledger.fail, stale, Fault("report.no_year", "late"), POLICY)
    assert not books(ledger.renew, stale, LEASE)
    assert not books(ledger.release, stale)
    assert touched == []
    assert books.rows(Output.document_id) == []
    assert books(ledger.complete, fresh, OUTPUT, {}, [Next(StageName.PARSE)]).queued
    books.sound()


def test_without_the_fence_a_stale_worker_would_write(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker of the checker: with the fence taken out of the statement, the test above would be red."""
    unfenced = Prepared(text("update gk_stage set state = 'done' where id = :b_stage and :b_fence > 0 and state = 'running'"))
    monkeypatch.setattr(statements, "DONE", unfenced)
    monkeypatch.setattr(statements, "DONE_IN_ONE", unfenced)
    (one,) = books.add("a")
    stale = books.claim(one.stage_id)
    books.lapse()
    books(ledger.expire_leases, 1, POLICY)
    books.claim(one.stage_id, "w#2")
    assert books(ledger.complete, stale, OUTPUT, {}, [Next(StageName.PARSE)]).queued
    assert books.rows(Output.document_id) != []


def test_extra_rows_are_rolled_back_with_the_stage(books: Books) -> None:
    (one,) = books.add("a")
    held = books.claim(one.stage_id)

    def extra(connection: Connection) -> None:
        ledger.set_pages(connection, held, 7)
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        books(ledger.complete, held, OUTPUT, {}, extra=extra)
    assert [row.pages for row in books.rows(Document.id, Document.pages)] == [None]
    assert [row.state for row in books.rows(Stage.id, Stage.state)] == ["running"]


def test_completing_again_after_a_lost_answer_finds_its_own_commit(books: Books) -> None:
    (one,) = books.add("a")
    held = books.claim(one.stage_id)
    first = books(ledger.complete, held, OUTPUT, {}, [Next(StageName.PARSE)], claim_next=True)
    second = books(ledger.complete, held, OUTPUT, {}, [Next(StageName.PARSE)], claim_next=True)
    assert second == first
    assert len(books.rows(Stage.id)) == 2


def test_parsing_waits_for_all_pages(books: Books, database_url: str) -> None:
    (one,) = books.add("a")
    pages = [Next(StageName.OCR, page) for page in (1, 2, 3, 4)]
    queued = books(ledger.complete, books.claim(one.stage_id), OUTPUT, {}, pages).queued
    assert [item.queue for item in queued] == ["ocr"] * 4
    held = [books.claim(item.stage_id, f"w#{item.stage_id}") for item in queued]
    start = threading.Barrier(4)

    def run(claim: Claim) -> ledger.Completed:
        engine = make_engine(database_url)
        start.wait()
        done = Books(engine)(ledger.complete, claim, Line(f"{claim.page}", Place()), {}, [Next(StageName.PARSE)])
        engine.dispose()
        return done

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(run, held))
    assert sum(len(one.queued) for one in done) == 1
    read = books(ledger.outputs, one.document_id, StageName.OCR, Line)
    assert {page: line.text for page, line in read.items()} == {page: f"{page}" for page in (1, 2, 3, 4)}
    books.sound()


def test_released_work_is_free_at_once_and_not_counted(books: Books) -> None:
    (one,) = books.add("a")
    assert books(ledger.release, books.claim(one.stage_id))
    again = books.claim(one.stage_id)
    assert (again.attempts, again.fence) == (1, 2)
    books.sound()


# ---- failures ----


def test_a_passing_fault_is_tried_again_eight_times_in_the_retry_queue(books: Books) -> None:
    (one,) = books.add("a")
    states = []
    for _ in range(8):
        states.append(books(ledger.fail, books.claim(one.stage_id), Fault("file.changed", "moving"), POLICY))
    assert states == [StageState.WAITING] * 7 + [StageState.FAILED]
    ((_, queue, attempts, transients),) = books.rows(Stage.id, Stage.queue, Stage.attempts, Stage.transients)
    assert (queue, attempts, transients) == ("retry", 8, 8)
    ((_, code, tried, state),) = books.rows(Failure.id, Failure.code, Failure.attempts, Failure.state)
    assert (code, tried, state) == ("file.changed", 8, "open")
    assert [row.outcome for row in books.rows(Attempt.fence, Attempt.outcome)] == ["retry"] * 7 + ["failed"]
    books.sound()


def test_what_waits_cannot_be_claimed_before_its_time(books: Books) -> None:
    (one,) = books.add("a")
    slow = Policy(system_seconds=100)
    assert books(ledger.fail, books.claim(one.stage_id), Fault("disk.full", "no room"), slow) is StageState.WAITING
    assert books(ledger.claim, one.stage_id, "w#1", LEASE) is None
    assert books(ledger.take_due, "documents", 10, 60) == []


def test_pauses_grow_and_have_jitter() -> None:
    policy = Policy(base_seconds=2, cap_seconds=60)
    pauses = [[ledger.decide("file.changed", Tries(1, 0, 0, n), policy).pause for _ in range(200)] for n in range(7)]
    for tries, seen in enumerate(pauses):
        bound = min(60, 2 * 2**tries)
        assert 0 <= min(seen) < 0.2 * bound
        assert 0.8 * bound < max(seen) <= bound


@pytest.mark.parametrize(("code", "status"), [("report.not_a_report", Status.REJECTED), ("internal", Status.FAILED)])
def test_a_lasting_fault_ends_the_document_at_once(books: Books, code: str, status: Status) -> None:
    (one,) = books.add("a")
    books(ledger.fail, books.claim(one.stage_id), Fault(code, "no \0", "trace"), POLICY, versions={"code": "1"})
    ((_, found, finished),) = books.rows(Document.id, Document.status, Document.finished_at)
    assert found == status
    assert finished is not None
    ((_, message, detail, versions),) = books.rows(Failure.id, Failure.message, Failure.detail, Failure.versions)
    assert (message, detail, versions) == (r"no \x00", "trace", {"code": "1"})
    books.sound()


def test_a_fault_of_the_machine_is_not_counted(books: Books) -> None:
    (one,) = books.add("a")
    for _ in range(12):
        assert books(ledger.fail, books.claim(one.stage_id), Fault("store.unavailable", "away"), POLICY) is StageState.WAITING
    ((_, attempts, transients, queue),) = books.rows(Stage.id, Stage.attempts, Stage.transients, Stage.queue)
    assert (attempts, transients, queue) == (0, 0, "documents")
    books.sound()


# ---- the rescuer ----


def crashed_at(books: Books, worker_lives: bool = True) -> Claim:
    """A process is gone, and the rescuer found its expired lease first: it can only guess why."""
    (one,) = books.add("a")
    if worker_lives:
        books(ledger.beat, "w", 60)
    held = books.claim(one.stage_id)
    books.lapse()
    (guess,) = books(ledger.expire_leases, 60, POLICY)
    assert guess.code == ("worker.crashed" if worker_lives else "worker.lost")
    return held


TIMEOUT = Fault("stage.timeout", "the time limit of 120 s was reached")


@pytest.mark.parametrize("worker_lives", [True, False])
def test_the_true_reason_of_a_death_replaces_the_guess_of_the_rescuer(books: Books, worker_lives: bool) -> None:
    crashed_at(books, worker_lives)
    (ended,) = books(ledger.fail_claims_of, "w#1", TIMEOUT, POLICY)
    assert (ended.code, ended.state) == ("stage.timeout", "waiting")
    assert books.rows(Stage.code, Stage.crashes, Stage.losses, Stage.attempts) == [("stage.timeout", 1, 0, 1)]
    assert books.rows(Attempt.outcome, Attempt.code, Attempt.message) == [("crashed", "stage.timeout", TIMEOUT.message)]
    assert books(ledger.fail_claims_of, "w#1", TIMEOUT, POLICY) == []  # told once
    books.sound()


def test_the_true_reason_stands_in_the_error_queue_as_well(books: Books) -> None:
    (one,) = books.add("a")
    books(ledger.beat, "w", 60)
    books.claim(one.stage_id)
    books.lapse()
    last = Policy(base_seconds=1e-6, cap_seconds=1e-6, crash_limit=1)
    books(ledger.expire_leases, 60, last)
    assert books.rows(Failure.code) == [("worker.crashed",)]
    books(ledger.fail_claims_of, "w#1", TIMEOUT, last)
    assert books.rows(Failure.code, Failure.message, Failure.attempts) == [("stage.timeout", TIMEOUT.message, 1)]
    assert books.rows(Stage.state, Stage.code) == [("failed", "stage.timeout")]
    assert books.rows(Document.status) == [("failed",)]
    books.sound()


def test_a_true_reason_that_comes_after_the_next_claim_corrects_only_the_try(books: Books) -> None:
    held = crashed_at(books)
    books.claim(held.stage_id, "w#2")
    assert books(ledger.fail_claims_of, "w#1", TIMEOUT, POLICY) == []
    assert books.rows(Attempt.fence, Attempt.code) == [(1, "stage.timeout"), (2, None)]
    assert books.rows(Stage.state, Stage.owner, Stage.crashes) == [("running", "w#2", 1)]
    books.sound()


def test_a_crash_that_nobody_explains_stays_a_crash(books: Books) -> None:
    crashed_at(books)
    assert books(ledger.fail_claims_of, "w#1", Fault("worker.crashed", "signal 9"), POLICY) == []
    assert books.rows(Stage.code, Stage.crashes) == [("worker.crashed", 1)]
    books.sound()


def test_a_worker_renews_the_leases_of_its_living_processes_and_no_others(books: Books) -> None:
    first, second = books.add("a", "b")
    mine, other = books.claim(first.stage_id, "w#1", 10), books.claim(second.stage_id, "w#2", 10)
    terms = {StageName.EXTRACT: LeaseTerms(60, 120), StageName.OCR: LeaseTerms(90, 300)}
    assert books(ledger.renew_leases_of, ["w#1"], terms, 0.0) == 1
    assert books(ledger.renew_leases_of, ["w#1"], terms, 30.0) == 0  # it was renewed just now
    assert books(ledger.renew_leases_of, [], terms, 0.0) == 0
    (one, two) = books.rows(Stage.id, Stage.lease_until)
    assert (one.lease_until - two.lease_until).total_seconds() > 30
    assert (one.id, two.id) == (mine.stage_id, other.stage_id)


def test_a_claim_that_is_older_than_its_time_limit_is_not_renewed(books: Books) -> None:
    """Its process lives, since nobody killed it, and works at something else."""
    (one,) = books.add("a")
    books.claim(one.stage_id, "w#1", 10)
    assert books(ledger.renew_leases_of, ["w#1"], {StageName.EXTRACT: LeaseTerms(60, 0)}, 0.0) == 0


@pytest.mark.parametrize(("beats", "code", "limit"), [(True, "worker.crashed", 3), (False, "worker.lost", 10)])
def test_a_lapsed_lease_counts_as_crash_or_loss(books: Books, beats: bool, code: str, limit: int) -> None:
    (one,) = books.add("a")
    if beats:
        books(ledger.beat, "w", 30)
    for tries in range(1, limit + 1):
        books.claim(one.stage_id, "w#77")
        books.lapse()
        (expired,) = books(ledger.expire_leases, 30, POLICY)
        assert expired.code == code
        assert expired.state is (StageState.FAILED if tries == limit else StageState.WAITING)
    assert [row.code for row in books.rows(Failure.id, Failure.code)] == [code]
    assert books(ledger.expire_leases, 30, POLICY) == []
    books.sound()


def test_a_worker_that_was_cut_off_does_not_make_its_documents_suspect(books: Books) -> None:
    (one,) = books.add("a")
    books(ledger.beat, "w", 30)
    books.claim(one.stage_id, "w#77")
    with books.engine.begin() as connection:
        connection.execute(text("update gk_worker set seen_at = '2001-01-01T00:00:00.000000Z'"))
    books(ledger.beat, "w", 30)
    books.lapse()
    (expired,) = books(ledger.expire_leases, 30, POLICY)
    assert expired.code == "worker.lost"


def test_a_death_that_was_seen_is_noted_at_once(books: Books) -> None:
    one, two = books.add("a", "b")
    books.claim(one.stage_id, "w#77")
    books.claim(two.stage_id, "w#78")
    (ended,) = books(ledger.fail_claims_of, "w#77", Fault("stage.timeout", "too long"), POLICY)
    assert (ended.document_id, ended.code, ended.state) == (one.document_id, "stage.timeout", StageState.WAITING)
    assert books(ledger.fail_claims_of, "w#77", Fault("stage.timeout", "too long"), POLICY) == []


def test_what_is_due_is_taken_once_by_priority(books: Books) -> None:
    books.add("1", "2")
    books.add("3", priority=5)
    order = [row.stage_id for row in books(ledger.take_due, "documents", 1, 60)]
    order += [row.stage_id for row in books(ledger.take_due, "documents", 10, 60)]
    assert len(order) == 3
    priorities = {row.id: row.priority for row in books.rows(Stage.id, Stage.priority)}
    assert [priorities[stage] for stage in order] == [5, 0, 0]
    assert books(ledger.take_due, "documents", 10, 60) == []
    books(ledger.forget_notifications, order[:1])
    assert [row.stage_id for row in books(ledger.take_due, "documents", 10, 60)] == order[:1]
    assert len(books(ledger.take_due, "documents", 10, -1)) == 3
    assert books(ledger.forget_lost_notifications, "documents", -1) == 3


def test_two_recoveries_at_once_take_each_stage_once(books: Books, database_url: str) -> None:
    books.add(*[f"{number:x}" for number in range(200)])
    start = threading.Barrier(2)

    def run(_: int) -> list[int]:
        engine = make_engine(database_url)
        start.wait()
        taken = [row.stage_id for _ in range(20) for row in Books(engine)(ledger.take_due, "documents", 10, 60)]
        engine.dispose()
        return taken

    with ThreadPoolExecutor(2) as pool:
        taken = [stage for part in pool.map(run, range(2)) for stage in part]
    assert len(taken) == len(set(taken)) == 200


# ---- people ----


def fail_at(books: Books, document: ledger.Registered, stage: StageName, code: str = "report.no_year") -> None:
    """Bring a document to ``stage`` and let it fail there."""
    held: Claim | None = books.claim(document.stage_id)
    for following in (StageName.PARSE, StageName.VALIDATE, StageName.LOAD):
        if held is None or held.stage is stage:
            break
        held = books(ledger.complete, held, OUTPUT, {"code": "1.9.0"}, [Next(following)], claim_next=True).claim
    assert held is not None
    books(ledger.fail, held, Fault(code, "no"), POLICY, versions={"code": "1.9.0"})


def test_reprocessing_begins_where_each_document_stopped(books: Books) -> None:
    one, two, three = books.add("a", "b", "c")
    fail_at(books, one, StageName.EXTRACT)
    fail_at(books, two, StageName.VALIDATE)
    chosen = Selection(code="report.no_year")
    assert books(ledger.reprocess, chosen, who="me", reason="fixed", dry_run=True) == 2
    assert books(ledger.reprocess, chosen, who="me", reason="fixed") == 2
    assert books(ledger.reprocess, chosen, who="me", reason="fixed") == 0
    begun = [
        (row.document_id, row.stage) for row in books.rows(Stage.id, Stage.document_id, Stage.stage, Stage.run) if row.run == 2
    ]
    assert sorted(begun) == sorted([(one.document_id, "extract"), (two.document_id, "validate")])
    assert {row.state for row in books.rows(Failure.id, Failure.state)} == {"requeued"}
    with books.engine.connect() as connection:
        who, detail = connection.execute(text("select who, detail from gk_audit order by id limit 1")).one()
    assert who == "me"
    assert "fixed" in str(detail)
    assert three.document_id
    books.sound()
    (stage,) = [
        row.id
        for row in books.rows(Stage.id, Stage.document_id, Stage.run)
        if row.run == 2 and row.document_id == two.document_id
    ]
    held = books(ledger.complete, books.claim(stage), OUTPUT, {}, [Next(StageName.LOAD)], claim_next=True).claim
    assert held is not None
    load(books, held)
    states = {row.document_id: row.state for row in books.rows(Failure.id, Failure.document_id, Failure.state)}
    assert states[two.document_id] == "resolved"


def test_reprocessing_from_a_stage_needs_what_it_begins_with(books: Books) -> None:
    one, two = books.add("a", "b")
    fail_at(books, one, StageName.PARSE)
    fail_at(books, two, StageName.LOAD)
    assert books(ledger.reprocess, Selection(), StageName.VALIDATE, who="me", reason="r") == 2
    rows = books.rows(Stage.id, Stage.document_id, Stage.stage, Stage.run)
    begun = {row.document_id: row.stage for row in rows if row.run == 2}
    assert begun == {one.document_id: "parse", two.document_id: "validate"}


def test_reprocessing_repeats_only_the_pages_that_are_missing(books: Books) -> None:
    (one,) = books.add("a")
    pages = [Next(StageName.OCR, page) for page in (1, 2)]
    first, second = books(ledger.complete, books.claim(one.stage_id), OUTPUT, {}, pages).queued
    books(ledger.complete, books.claim(first.stage_id), OUTPUT, {}, [Next(StageName.PARSE)])
    books(ledger.fail, books.claim(second.stage_id), Fault("page.unreadable", "dark"), POLICY)
    assert books(ledger.reprocess, Selection(stage="ocr"), who="me", reason="r") == 1
    begun = [row for row in books.rows(Stage.id, Stage.run, Stage.stage, Stage.page, Stage.state) if row.run == 2]
    assert sorted((row.stage, row.page, row.state) for row in begun) == [("ocr", 1, "done"), ("ocr", 2, "queued")]
    again = next(row.id for row in begun if row.state == "queued")
    assert books(ledger.complete, books.claim(again), OUTPUT, {}, [Next(StageName.PARSE)]).queued
    books.sound()


def scanned(books: Books, name: str = "a", fault: str | None = None) -> ledger.Registered:
    """A document of two pages that are pictures, parsed to its end; with ``fault`` its second page failed with that code."""
    (one,) = books.add(name)
    pages = [Next(StageName.OCR, page) for page in (1, 2)]
    first, second = books(ledger.complete, books.claim(one.stage_id), OUTPUT, {}, pages).queued
    books(ledger.complete, books.claim(first.stage_id), OUTPUT, {}, [Next(StageName.PARSE)], made_from=f"{name}1")
    if fault:
        books(ledger.fail, books.claim(second.stage_id), Fault(fault, "dark"), POLICY)
        return one
    (parse,) = books(
        ledger.complete, books.claim(second.stage_id), OUTPUT, {}, [Next(StageName.PARSE)], made_from=f"{name}2"
    ).queued
    books(ledger.fail, books.claim(parse.stage_id), Fault("report.no_tables", "none"), POLICY)
    return one


def begun(books: Books, run: int) -> list[tuple[str, int, str]]:
    rows = books.rows(Stage.id, Stage.run, Stage.stage, Stage.page, Stage.state)
    return sorted((row.stage, row.page, row.state) for row in rows if row.run == run)


def test_parsing_again_repeats_no_ocr_and_ocr_again_repeats_all_of_it(books: Books) -> None:
    scanned(books)
    assert books(ledger.reprocess, Selection(), StageName.PARSE, who="me", reason="r") == 1
    assert begun(books, 2) == [("parse", 0, "queued")]
    (parse,) = [row.id for row in books.rows(Stage.id, Stage.run) if row.run == 2]
    books(ledger.fail, books.claim(parse), Fault("report.no_tables", "none"), POLICY)
    assert books(ledger.reprocess, Selection(), StageName.OCR, who="me", reason="r") == 1
    assert begun(books, 3) == [("ocr", 1, "queued"), ("ocr", 2, "queued")]
    books.sound()


def test_parsing_again_reads_a_page_that_is_missing_first(books: Books) -> None:
    scanned(books, fault="page.unreadable")
    assert books(ledger.reprocess, Selection(), StageName.PARSE, who="me", reason="r") == 1
    assert begun(books, 2) == [("ocr", 1, "done"), ("ocr", 2, "queued")]
    books.sound()


def test_the_same_work_is_found_in_whatever_document(books: Books) -> None:
    scanned(books, "a")
    assert books(ledger.same_work, "a2", Line) == OUTPUT
    assert books(ledger.same_work, "a3", Line) is None
    scanned(books, "b")
    assert books(ledger.same_work, "b1", Line) == OUTPUT


def test_two_who_reprocess_at_once_start_each_document_once(books: Books, database_url: str) -> None:
    for one in books.add(*[f"{number:x}" for number in range(30)]):
        fail_at(books, one, StageName.EXTRACT)
    start = threading.Barrier(2)

    def run(_: int) -> int:
        engine = make_engine(database_url)
        start.wait()
        count = Books(engine)(ledger.reprocess, Selection(status=Status.FAILED), who="me", reason="r")
        engine.dispose()
        return count

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(run, range(2))) == 30
    assert {row.run for row in books.rows(Document.id, Document.run)} == {2}
    assert len(books.rows(Stage.id)) == 60
    books.sound()


def test_documents_are_selected(books: Books) -> None:
    one, two = books.add("a", "b", batch="first")
    (three,) = books.add("c", batch="second")
    fail_at(books, one, StageName.EXTRACT, "report.no_year")
    fail_at(books, two, StageName.PARSE, "internal")
    ids = [one.document_id, two.document_id, three.document_id]

    def found(**conditions: Any) -> set[int]:
        return set(books(ledger.select_documents, Selection(**conditions)))

    assert found() == set(ids)
    assert found(code="internal") == {ids[1]}
    assert found(stage="extract") == {ids[0]}
    assert found(code="internal", stage="extract") == set()
    assert found(batch="second") == {ids[2]}
    assert found(status=Status.FAILED) == {ids[0], ids[1]}
    assert found(documents=(ids[2], 99)) == {ids[2]}
    assert found(older_than="1.10.0") == {ids[0], ids[1]}
    assert found(older_than="1.9.0") == set()


def test_discarding_fences_what_runs(books: Books) -> None:
    one, two = books.add("a", "b")
    held = books.claim(one.stage_id)
    fail_at(books, two, StageName.EXTRACT)
    assert books(ledger.discard, Selection(), who="me", reason="test data", dry_run=True) == 2
    assert books(ledger.discard, Selection(), who="me", reason="test data") == 2
    assert books(ledger.discard, Selection(), who="me", reason="test data") == 0
    with pytest.raises(Fenced):
        books(ledger.complete, held, OUTPUT, {}, [Next(StageName.PARSE)])
    assert {row.status for row in books.rows(Document.id, Document.status)} == {"discarded"}
    assert {row.state for row in books.rows(Failure.id, Failure.state)} == {"discarded"}
    assert books(ledger.balance).discarded == 2
    books.sound()


def test_a_new_run_fences_the_old_one(books: Books) -> None:
    (one,) = books.add("a")
    pages = [Next(StageName.OCR, page) for page in (1, 2)]
    first, second = books(ledger.complete, books.claim(one.stage_id), OUTPUT, {}, pages).queued
    running = books.claim(first.stage_id)
    books(ledger.fail, books.claim(second.stage_id), Fault("page.unreadable", "dark"), POLICY)
    assert books(ledger.reprocess, Selection(), StageName.EXTRACT, who="me", reason="r") == 1
    with pytest.raises(Fenced):
        books(ledger.complete, running, OUTPUT, {}, [Next(StageName.PARSE)])
    books.sound()


# ---- the books ----


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        ("delete from gk_source", "origin"),
        ("update gk_document set status = 'accepted'", "without a report"),
        ("update gk_stage set state = 'done'", "no stage is queued"),
        ("update gk_stage set state = 'running', lease_until = '2001-01-01T00:00:00.000000Z'", "expired"),
        ("update gk_document set status = 'failed'", "without an open failure"),
        ("update gk_stage set updated_at = '2001-01-01T00:00:00.000000Z'", "not tried"),
        ("insert into gk_attempt (stage_id, fence, worker, started_at) select id, 9, 'w', created_at from gk_stage", "not ended"),
    ],
)
def test_harm_done_by_hand_is_found(books: Books, harm: str, sentence: str) -> None:
    books.add("a")
    books.sound()
    with books.engine.begin() as connection:
        connection.execute(text(harm))
    assert any(sentence in breach for breach in books(ledger.invariants))


def test_a_document_that_vanished_does_not_stop_the_check_but_is_found(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    books = Books(engine)
    books.add("a", "b")
    with engine.connect() as connection:
        connection.exec_driver_sql("rollback")
        connection.exec_driver_sql("pragma foreign_keys = off")
        connection.exec_driver_sql("delete from gk_document where id = 1")
        connection.exec_driver_sql("begin")
    assert not books(ledger.balance).holds
    assert any("do not balance" in breach for breach in books(ledger.invariants))
    engine.dispose()
