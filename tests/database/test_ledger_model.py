"""The ledger beside a model of a page: whatever is done in whatever order, both say the same, and nothing contradicts itself."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, text

from codebook.records import Line, Place, Status
from codebook.stages import QUEUES, StageName
from database import ledger, migrations
from database.intake import register
from database.ledger import Arrival, Claim, Fault, Fenced, Next, Policy, Selection
from database.models import StageState
from database.session import make_engine, reading, run_transaction

T = TypeVar("T")

POLICY = Policy(base_seconds=1e-6, cap_seconds=1e-6, system_seconds=1e-6, transient_limit=3, crash_limit=2, loss_limit=3)
ORDER = [StageName.EXTRACT, StageName.PARSE, StageName.VALIDATE, StageName.LOAD]
NAMES = [f"{number:064x}" for number in range(6)]
# code -> the counter that it raises (None: none, and the try does not count)
PASSING = {"file.changed": "transients", "worker.out_of_memory": "crashes", "stage.timeout": "crashes", "disk.full": None}
LASTING = {"internal": Status.FAILED, "report.not_a_report": Status.REJECTED, "file.encrypted": Status.REJECTED}
LIMITS = {"transients": POLICY.transient_limit, "crashes": POLICY.crash_limit, "losses": POLICY.loss_limit}


@dataclass
class Piece:
    """The present stage of a document, as the model knows it."""

    stage: StageName
    state: StageState = StageState.QUEUED
    fence: int = 0
    attempts: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LIMITS, 0))
    claim: Claim | None = None


@dataclass
class Known:
    """A document, as the model knows it."""

    status: Status
    piece: Piece
    run: int = 1
    loads: int = 0


class LedgerMachine(RuleBasedStateMachine):
    """Rules are what workers, the rescuer and people do; each is done to the ledger and to the model."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="gk-model-"))
        shutil.copy(self.template, self.folder / "model.db")
        self.engine: Engine = make_engine(f"sqlite:///{self.folder / 'model.db'}", lazy_commit=True)
        self.known: dict[int, Known] = {}
        self.ids: dict[str, int] = {}
        self.sources = 0
        self.paths: set[tuple[str, str]] = set()
        self.stale: list[Claim] = []
        self.living = False

    def teardown(self) -> None:
        self.engine.dispose()
        shutil.rmtree(self.folder)

    def do(self, function: Callable[..., T], *values: Any, **more: Any) -> T:
        return run_transaction(self.engine, lambda c: function(c, *values, **more), durable=False)

    def pick(self, data: st.DataObject, *states: StageState) -> int | None:
        """A document of the model whose stage is in one of these states."""
        ids = [number for number, one in self.known.items() if one.piece.state in states and one.status is Status.PROCESSING]
        return data.draw(st.sampled_from(ids)) if ids else None

    def stage_id(self, document: int) -> int:
        one = self.known[document]
        query = "select id from gk_stage where document_id = :d and run = :r and stage = :s"
        with reading(self.engine) as connection:
            return connection.execute(text(query), {"d": document, "r": one.run, "s": one.piece.stage}).scalar_one()

    def drop_claim(self, document: int) -> None:
        """The claim of a document is no longer in force; it is kept, to be tried."""
        piece = self.known[document].piece
        if piece.claim is not None:
            self.stale.append(piece.claim)
            piece.claim = None

    def settle(self, document: int, counter: str | None, final: Status) -> StageState:
        """What a failed try with this counter comes to."""
        one = self.known[document]
        piece = one.piece
        self.drop_claim(document)
        if counter is None:
            piece.attempts -= 1
        else:
            piece.counts[counter] += 1
        if counter is not None and piece.counts[counter] >= LIMITS[counter]:
            piece.state, one.status = StageState.FAILED, final
        else:
            piece.state = StageState.WAITING
        return piece.state

    # ---- what is done ----

    @rule(name=st.sampled_from(NAMES), path=st.sampled_from(["/a", "/b"]), refused=st.booleans())
    def register(self, name: str, path: str, refused: bool) -> None:
        rejection = ("file.empty", "0 bytes") if refused else None
        (made,) = self.do(register, "b", [Arrival(name, "text/plain", 1, path, rejection=rejection)])
        assert made.duplicate == (name in self.ids)
        assert made.new_source == ((name, path) not in self.paths)
        self.paths.add((name, path))
        if not made.duplicate:
            self.ids[name] = made.document_id
            state = StageState.REJECTED if refused else StageState.QUEUED
            self.known[made.document_id] = Known(
                Status.REJECTED if refused else Status.PROCESSING, Piece(StageName.EXTRACT, state)
            )

    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        document = self.pick(data, StageState.QUEUED, StageState.WAITING)
        if document is None:
            return
        piece = self.known[document].piece
        held = self.do(ledger.claim, self.stage_id(document), "w#1", 60)
        assert held is not None
        piece.fence, piece.attempts, piece.state, piece.claim = piece.fence + 1, piece.attempts + 1, StageState.RUNNING, held
        assert (held.fence, held.attempts, held.stage, held.run) == (
            piece.fence, piece.attempts, piece.stage, self.known[document].run,
        )  # fmt: skip

    @rule(data=st.data())
    def claim_again(self, data: st.DataObject) -> None:
        document = self.pick(data, StageState.RUNNING)
        if document is not None:
            assert self.do(ledger.claim, self.stage_id(document), "w#2", 60) is None

    @rule(data=st.data())
    def heartbeat(self, data: st.DataObject) -> None:
        document = self.pick(data, StageState.RUNNING)
        if document is not None:
            assert self.do(ledger.renew, self.known[document].piece.claim, 60)

    @rule(data=st.data(), in_place=st.booleans(), twice=st.booleans())
    def complete(self, data: st.DataObject, in_place: bool, twice: bool) -> None:
        document = self.pick(data, StageState.RUNNING)
        if document is None:
            return
        one = self.known[document]
        held = one.piece.claim
        assert held is not None
        if held.stage is StageName.LOAD:
            self.do(ledger.complete, held, extra=lambda c: ledger.finish(c, held, Status.DUPLICATE, None))
            one.status, one.piece.state, one.loads = Status.DUPLICATE, StageState.DONE, one.loads + 1
            self.drop_claim(document)
            return
        following = ORDER[ORDER.index(held.stage) + 1]
        done = self.do(ledger.complete, held, Line("x", Place()), {}, [Next(following)], claim_next=in_place)
        if twice and in_place:  # the answer was lost
            assert self.do(ledger.complete, held, Line("x", Place()), {}, [Next(following)], claim_next=in_place) == done
        self.stale.append(held)
        one.piece = Piece(following)
        if in_place:
            assert done.claim is not None
            one.piece = Piece(following, StageState.RUNNING, 1, 1, claim=done.claim)

    @rule(data=st.data(), code=st.sampled_from([*PASSING, *LASTING]))
    def fail(self, data: st.DataObject, code: str) -> None:
        document = self.pick(data, StageState.RUNNING)
        if document is None:
            return
        one = self.known[document]
        state = self.do(ledger.fail, one.piece.claim, Fault(code, "x"), POLICY)
        if code in LASTING:
            self.drop_claim(document)
            one.status = LASTING[code]
            one.piece.state = StageState.REJECTED if one.status is Status.REJECTED else StageState.FAILED
            assert state is one.piece.state
        else:
            assert state is self.settle(document, PASSING[code], Status.FAILED)

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        document = self.pick(data, StageState.RUNNING)
        if document is None:
            return
        piece = self.known[document].piece
        assert self.do(ledger.release, piece.claim)
        self.drop_claim(document)
        piece.state, piece.attempts = StageState.QUEUED, piece.attempts - 1

    @rule(data=st.data(), alive=st.booleans())
    def expire_leases(self, data: st.DataObject, alive: bool) -> None:
        """The leases of some end."""
        document = self.pick(data, StageState.RUNNING)
        if document is None:
            return
        with self.engine.begin() as connection:
            shift = "update gk_stage set lease_until = '2001-01-01T00:00:00.000000Z' where id = :id"
            connection.execute(text(shift), {"id": self.known[document].piece.claim.stage_id})  # type: ignore[union-attr]
            seen = "'2000-01-01T00:00:00.000000Z'" if alive else "'2999-01-01T00:00:00.000000Z'"
            connection.execute(text("delete from gk_worker"))
            now = "strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'"
            connection.execute(text(f"insert into gk_worker values ('w', {seen}, {now}, {seen})"))
        (expired,) = self.do(ledger.expire_leases, 30, POLICY)
        assert (expired.document_id, expired.code) == (document, "worker.crashed" if alive else "worker.lost")
        assert expired.state is self.settle(document, "crashes" if alive else "losses", Status.FAILED)

    @rule(data=st.data())
    def die_in_sight(self, data: st.DataObject) -> None:
        """A worker saw its process die with all that it held."""
        held = {number for number, one in self.known.items() if one.piece.state is StageState.RUNNING}
        ended = self.do(ledger.fail_claims_of, "w#1", Fault("worker.crashed", "x"), POLICY)
        assert {one.document_id for one in ended} == held
        for one in ended:
            assert one.state is self.settle(one.document_id, "crashes", Status.FAILED)

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def come_too_late(self, data: st.DataObject) -> None:
        """Whoever lost its claim changes nothing."""
        held = data.draw(st.sampled_from(self.stale))
        before = self.dump()
        assert not self.do(ledger.renew, held, 60)
        assert not self.do(ledger.release, held)
        with pytest.raises(Fenced):
            self.do(ledger.fail, held, Fault("internal", "late"), POLICY)
        if self.outcome(held) != "done":
            with pytest.raises(Fenced):
                self.do(ledger.complete, held, Line("late", Place()), {}, [Next(StageName.PARSE)])
        assert self.dump() == before

    @rule(data=st.data(), stage=st.sampled_from([None, *ORDER]))
    def reprocess(self, data: st.DataObject, stage: StageName | None) -> None:
        if not self.known:
            return
        document = data.draw(st.sampled_from(sorted(self.known)))
        one = self.known[document]
        started = self.do(ledger.reprocess, Selection(documents=(document,)), stage, who="me", reason="r")
        assert started == (one.status is not Status.PROCESSING)
        if started:
            with reading(self.engine) as connection:
                query = "select stage from gk_stage where document_id = :d and run = :r"
                (first,) = connection.execute(text(query), {"d": document, "r": one.run + 1}).scalars()
            assert stage is None or ORDER.index(StageName(first)) <= ORDER.index(stage)
            one.run, one.status, one.piece = one.run + 1, Status.PROCESSING, Piece(StageName(first))

    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        if not self.known:
            return
        document = data.draw(st.sampled_from(sorted(self.known)))
        one = self.known[document]
        gone = self.do(ledger.discard, Selection(documents=(document,)), who="me", reason="r")
        assert gone == (one.status is not Status.DISCARDED)
        self.drop_claim(document)
        if one.status is Status.PROCESSING:
            one.piece.state = StageState.DISCARDED
        one.status = Status.DISCARDED

    @rule()
    def dispatch(self) -> None:
        """What is due is taken, by priority and age, once."""
        open_states = (StageState.QUEUED, StageState.WAITING)
        due = sum(one.piece.state in open_states for one in self.known.values() if one.status is Status.PROCESSING)
        taken = [item for queue in QUEUES for item in self.do(ledger.take_due, queue, 100, 1000)]
        assert len(taken) <= due
        assert [item for queue in QUEUES for item in self.do(ledger.take_due, queue, 100, 1000)] == []
        self.do(ledger.forget_notifications, [item.stage_id for item in taken])

    # ---- what must hold ----

    def outcome(self, held: Claim) -> str | None:
        with reading(self.engine) as connection:
            query = "select outcome from gk_attempt where stage_id = :s and fence = :f"
            return connection.execute(text(query), {"s": held.stage_id, "f": held.fence}).scalar_one()

    def dump(self) -> list[Any]:
        with reading(self.engine) as connection:
            tables = ("gk_stage", "gk_attempt", "gk_document", "gk_failure", "gk_output")
            return [tuple(row) for name in tables for row in connection.execute(text(f"select * from {name}"))]

    @invariant()
    def nothing_contradicts_itself(self) -> None:
        assert self.do(ledger.invariants) == []

    @invariant()
    def the_model_agrees(self) -> None:
        with reading(self.engine) as connection:
            found = {row.id: row for row in connection.execute(text("select id, status, run from gk_document"))}
            query = (
                "select s.* from gk_stage s join gk_document d on d.id = s.document_id and d.run = s.run "
                "where s.id in (select max(id) from gk_stage group by document_id)"
            )
            stages = {row.document_id: row for row in connection.execute(text(query))}
        assert {n: (row.status, row.run) for n, row in found.items()} == {n: (o.status, o.run) for n, o in self.known.items()}
        for number, row in stages.items():
            piece = self.known[number].piece
            model = (piece.stage, piece.state, piece.fence, piece.attempts, *piece.counts.values())
            assert (row.stage, row.state, row.fence, row.attempts, row.transients, row.crashes, row.losses) == model

    @invariant()
    def the_books_balance(self) -> None:
        books = self.do(ledger.balance)
        assert books.holds
        assert books.registered == len(self.paths)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "template.db"
    engine = make_engine(f"sqlite:///{path}", pooled=False)
    migrations.upgrade(engine)
    return path


def test_the_ledger_does_what_the_model_does(template: Path) -> None:
    LedgerMachine.template = template
    bounded = settings(
        max_examples=15, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(LedgerMachine, settings=bounded)
