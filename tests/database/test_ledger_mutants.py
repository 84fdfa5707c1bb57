"""Each condition and each value of the statements that claim and complete is needed: without it a check here is red.

A mutant is a statement in which one condition always holds, one alternative never does, or one column keeps its value. A battery
of checks, which passes on the true statements, must fail on each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from codebook.records import Hints, Line, Place, Status
from codebook.stages import StageName
from database import ledger
from database.intake import register
from database.ledger import Arrival, Fault, Fenced, Next, Policy, Selection, Spent, statements
from database.models import Attempt, Document, Stage
from database.session import make_engine, run_transaction
from database.sql import Prepared
from tests.database.test_ledger import Books, T
from tests.report_row import insert_report

pytestmark = pytest.mark.slow

CLAIMING = ("CLAIM", "CLAIM_IN_ONE", "CLAIM_BLOCK", "CLAIMED", "BEGIN_ATTEMPT", "BEGIN_ATTEMPTS", "DOCUMENT", "DOCUMENTS_OF")
COMPLETING = ("DONE", "DONE_IN_ONE", "END_ATTEMPT", "INSERT_CLAIMED", "INSERT_CLAIMED_IN_ONE", "FINISH")
ENDING = ("RENEW", "RELEASE", "TRIES", "SETTLE", "STOP_DOCUMENT")
NAMES = CLAIMING + COMPLETING + ENDING

_ONE_OPEN = "of the tries of a stage one is open at most, that of its fence: either condition finds it"
EQUIVALENT = {
    ("END_ATTEMPT", "gk_attempt.ended_at IS NULL"): _ONE_OPEN,
    ("END_ATTEMPT", "gk_attempt.fence ="): _ONE_OPEN,
    ("DONE_IN_ONE", "gk_attempt.fence ="): _ONE_OPEN,
    ("DONE_IN_ONE", "code="): "a try that is done has none before either",
    ("DONE_IN_ONE", "message="): "as above",
    ("SETTLE", "gk_stage.fence ="): "TRIES has asked the same and locked the row, in the same transaction",
    ("SETTLE", "gk_stage.state ="): "as above",
    ("DOCUMENTS_OF", "gk_document.id "): "documents that were not asked for would only be read for nothing",
}
"""Mutants that cannot be told from the true statement, by statement and beginning of what was changed, and why."""

LATER = Policy(base_seconds=1e6, cap_seconds=1e6, system_seconds=1e6)
SOON = Policy(base_seconds=1e-6, cap_seconds=1e-6, system_seconds=1e-6)
OLD = datetime(2001, 1, 1, tzinfo=UTC)
OUTPUT = Line("made", Place())
AWAY = Fault("store.unavailable", "x")


# ---- mutants ------------------------------------------------------------------------------------------------------------


def _parts(sql: str, start: int, separator: str, ends: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Where the parts of a list lie that begins at ``start``: between ``separator``, up to one of ``ends``, not in brackets."""
    depth, begun, place = 0, start, start
    while place < len(sql):
        if depth == 0 and sql.startswith(separator, place):
            yield begun, place
            begun = place = place + len(separator)
            continue
        if depth == 0 and any(sql.startswith(end, place) for end in ends):
            break
        depth += {"(": 1, ")": -1}.get(sql[place], 0)
        if depth < 0:
            break
        place += 1
    yield begun, place


_ENDS = (
    " RETURNING",
    " ORDER BY",
    " FOR UPDATE",
    "\nRETURNING",
    " \n LIMIT",
    "\n LIMIT",
    " WHERE",
    "\nWHERE",
    "\nFROM",
    " FROM",
    " JOIN",
    " LEFT OUTER JOIN",
)


def mutants(sql: str) -> Iterator[tuple[str, str]]:
    """Each mutant of a statement: what was changed, and the text. Parameters stay where they are."""
    for word in ("WHERE ", " ON "):
        at = sql.find(word)
        while at >= 0:
            for begun, end in _parts(sql, at + len(word), " AND ", _ENDS):
                condition = sql[begun:end].strip()
                yield condition, f"{sql[:begun]}({condition} OR 1 = 1){sql[end:]}"
                if condition.startswith("(") and " OR " in condition:
                    inside = begun + sql[begun:end].index("(") + 1
                    for first, last in _parts(sql, inside, " OR ", ()):
                        yield sql[first:last], f"{sql[:first]}({sql[first:last]} AND 1 = 0){sql[last:]}"
            at = sql.find(word, at + 1)
    at = sql.find(" SET ")
    while at >= 0:
        for begun, end in _parts(sql, at + 5, ", ", _ENDS):
            name, _, value = sql[begun:end].partition("=")
            yield sql[begun:end], f"{sql[:begun]}{name}=CASE WHEN 1 = 1 THEN {name.strip()} ELSE {value} END{sql[end:]}"
        at = sql.find(" SET ", at + 1)


# ---- the battery --------------------------------------------------------------------------------------------------------


class Bench(Books):
    """The ledger, and what its rows say. Nothing waits for the disk."""

    def __call__(self, function: Callable[..., T], *values: Any, **more: Any) -> T:
        return run_transaction(self.engine, lambda connection: function(connection, *values, **more), durable=False)

    def stage(self, stage_id: int) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(Stage.__table__.select().where(Stage.id == stage_id)).one()

    def tries(self, stage_id: int) -> list[tuple[Any, ...]]:
        columns = (Attempt.stage_id, Attempt.fence, Attempt.worker, Attempt.outcome, Attempt.ended_at)
        return [(row.fence, row.worker, row.outcome, row.ended_at is None) for row in self.rows(*columns) if row[0] == stage_id]

    def noted(self, stage_id: int, fence: int) -> tuple[Any, ...]:
        """What was noted of how a try went."""
        columns = (Attempt.code, Attempt.message, Attempt.seconds, Attempt.cpu_seconds, Attempt.engine)
        with self.engine.connect() as connection:
            query = select(*columns).where(Attempt.stage_id == stage_id, Attempt.fence == fence)
            return tuple(connection.execute(query).one())

    def age(self) -> None:
        """Let everything look as if it had been changed long ago."""
        with self.engine.begin() as connection:
            connection.execute(Stage.__table__.update().values(updated_at=OLD))

    def put(self, stage_id: int, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(Stage.__table__.update().where(Stage.id == stage_id).values(**values))

    def everything(self) -> list[Any]:
        with self.engine.connect() as connection:
            names = ("gk_stage", "gk_attempt", "gk_document", "gk_failure", "gk_output")
            return [[tuple(row) for row in connection.execute(text(f"select * from {name} order by 1, 2"))] for name in names]


def check_taken(bench: Bench, stage_id: int, block: int | None) -> None:
    row, present = bench.stage(stage_id), datetime.now(UTC)
    assert (row.state, row.attempts, row.fence, row.owner) == ("running", 1, 1, "w#1")
    assert row.lease_until > present + timedelta(seconds=30)
    assert (row.next_attempt_at, row.block) == (None, block)
    assert row.updated_at > OLD
    assert bench.tries(stage_id) == [(1, "w#1", None, True)]


def duplicate(bench: Bench) -> None:
    """The first and the third document come again twice, and are found before their origins and after them."""
    for path in ("/other", "/another"):
        bench(register, "b", [Arrival(name.rjust(64, "0"), "text/plain", 3, path, Hints(path=path)) for name in "13"])
        with bench.engine.begin() as connection:
            connection.execute(text("update gk_source set id = id + 1000 where not duplicate and id < 1000"))


def claims(bench: Bench) -> None:
    """One stage is claimed, only if it is free and due, and by one only."""
    one, other, waits = (made.stage_id or 0 for made in bench.add("1", "2", "3"))
    duplicate(bench)
    bench(ledger.fail, bench.claim(waits, "w#0"), AWAY, LATER)
    bench.age()
    bench.put(one, block=77)
    claim = bench.claim(one)
    assert (claim.document_id, claim.stage, claim.fence, claim.block) == (1, StageName.EXTRACT, 1, None)
    assert (claim.sha256[-1], claim.hints.path) == ("1", "/in/1.txt")
    check_taken(bench, one, None)
    before = bench.everything()
    assert bench(ledger.claim, one, "w#2", 60) is None
    assert bench(ledger.claim, waits, "w#2", 60) is None
    assert bench(ledger.claimed_before, one, "w#2", 60) is None
    assert bench(ledger.claimed_before, other, "w#1", 60) is None
    assert bench(ledger.claimed_before, waits, "w#0", 60) is None
    assert bench.everything() == before
    assert (bench.stage(other).state, bench.stage(other).fence) == ("queued", 0)
    bench.put(one, lease_until=OLD)
    again = bench(ledger.claimed_before, one, "w#1", 60)
    assert again is not None
    assert (again.stage_id, again.fence, again.sha256[-1]) == (one, 1, "1")
    assert bench.stage(one).lease_until > OLD
    bench.put(waits, next_attempt_at=OLD)
    claim = bench.claim(waits)
    assert (claim.fence, claim.sha256[-1], claim.hints.path) == (2, "3", "/in/3.txt")
    assert bench.stage(waits).next_attempt_at is None
    again = bench(ledger.claimed_before, waits, "w#1", 60)
    assert again is not None
    assert (again.fence, again.sha256[-1], again.hints.path) == (2, "3", "/in/3.txt")


def claims_what_was_held(bench: Bench) -> None:
    """What another process of the same owner's name held, and what is over, is not found as a claim."""
    one, other = (made.stage_id or 0 for made in bench.add("1", "2"))
    first = bench.claim(one)
    bench.claim(other)
    bench(ledger.complete, first, OUTPUT, {}, [Next(StageName.PARSE)])
    bench.put(one, owner="w#1")  # as nobody leaves it
    assert bench(ledger.claimed_before, one, "w#1", 60) is None
    bench.put(other, lease_until=OLD)
    assert bench(ledger.claimed_before, one, "w#1", 60) is None
    assert bench.stage(other).lease_until == OLD


def claims_blocks(bench: Bench) -> None:
    """All that is free, due, listed, and in the queue of documents; each with a try of its own."""
    stages = [made.stage_id or 0 for made in bench.add("1", "2", "3", "4", "5", "6", "7")]
    one, two, waits, again, other, held, due = stages
    bench.add("1", "2")  # duplicates
    bench(ledger.fail, bench.claim(waits, "w#0"), AWAY, LATER)
    bench(ledger.fail, bench.claim(due, "w#0"), AWAY, LATER)
    bench(ledger.fail, bench.claim(again, "w#0"), Fault("file.changed", "x"), SOON)
    bench.claim(held, "w#0")
    bench.put(due, next_attempt_at=OLD, fence=0, attempts=0)
    with bench.engine.begin() as connection:
        connection.execute(Attempt.__table__.delete().where(Attempt.stage_id == due))
    bench.age()
    duplicate(bench)
    taken = bench(ledger.claim_block, [two, one, waits, again, held, due], "w#1", 60)
    assert [claim.stage_id for claim in taken] == [two, one, due]
    assert [(claim.sha256[-1], claim.hints.path) for claim in taken] == [
        ("2", "/in/2.txt"),
        ("1", "/in/1.txt"),
        ("7", "/in/7.txt"),
    ]
    for stage_id in (one, two, due):
        check_taken(bench, stage_id, two)
    assert (bench.stage(other).state, bench.tries(other)) == ("queued", [])
    assert [bench.stage(stage_id).state for stage_id in (waits, again, held)] == ["waiting", "waiting", "running"]
    assert [bench.tries(stage_id)[0][1] for stage_id in (waits, again, held)] == ["w#0"] * 3
    assert bench(ledger.claim_block, stages[:2], "w#2", 60) == []


def completes(bench: Bench) -> None:
    """A stage is done, its try ended, the next one begun: of this document, and of no other."""
    one, other = (made.stage_id or 0 for made in bench.add("1", "2"))
    bench(ledger.fail, bench.claim(one, "w#0"), Fault("file.changed", "x"), SOON)
    bench.put(one, next_attempt_at=OLD)
    bystander = bench.claim(other)
    bench.put(other, fence=2)
    with bench.engine.begin() as connection:
        connection.execute(Attempt.__table__.update().where(Attempt.stage_id == other).values(fence=2))
    claim = bench.claim(one)
    bench.age()
    spent = Spent(1.5, 0.5, "engine")
    done = bench(ledger.complete, claim, OUTPUT, {}, [Next(StageName.PARSE)], claim_next=True, spent=spent)
    assert bench.noted(one, 2) == (None, None, 1.5, 0.5, "engine")
    row = bench.stage(one)
    assert (row.state, row.owner, row.lease_until, row.code) == ("done", None, None, None)
    assert row.updated_at > OLD
    assert bench.tries(one) == [(1, "w#0", "retry", False), (2, "w#1", "done", False)]
    assert bench.stage(other).state == "running"
    assert bench.tries(other) == [(2, "w#1", None, True)]
    assert bystander.stage_id == other
    assert done.claim is not None
    row = bench.stage(done.claim.stage_id)
    assert (row.document_id, row.stage, row.state, row.owner, row.fence, row.attempts) == (1, "parse", "running", "w#1", 1, 1)
    assert row.lease_until > datetime.now(UTC) + timedelta(seconds=30)
    assert bench.tries(done.claim.stage_id) == [(1, "w#1", None, True)]


def completes_nothing_stale(bench: Bench) -> None:
    """Whoever lost a claim writes nothing: taken by another, lost to the rescuer, given back, discarded."""
    one, lost, back, gone = (made.stage_id or 0 for made in bench.add("1", "2", "3", "4"))
    stale = [bench.claim(stage_id) for stage_id in (one, lost, back, gone)]
    bench(ledger.release, stale[2])
    bench.put(one, lease_until=OLD)
    bench.put(lost, lease_until=OLD)
    bench(ledger.expire_leases, 60, SOON)
    bench.put(one, next_attempt_at=OLD)
    bench(ledger.discard, Selection(documents=(4,)), who="me", reason="r")
    bench.claim(one, "w#2")
    before = bench.everything()
    for claim in stale:
        with pytest.raises(Fenced):
            bench(ledger.complete, claim, OUTPUT, {}, [Next(StageName.PARSE)], claim_next=True)
        with pytest.raises(Fenced):
            bench(ledger.fail, claim, Fault("internal", "late"), SOON)
        assert not bench(ledger.renew, claim, 3600)
        assert not bench(ledger.release, claim)
    assert bench.everything() == before


def completes_once(bench: Bench) -> None:
    """A commit whose answer was lost is found, and its try ended once."""
    (one,) = (made.stage_id or 0 for made in bench.add("1"))
    claim = bench.claim(one)
    done = bench(ledger.complete, claim, OUTPUT, {}, [Next(StageName.PARSE)], claim_next=True)
    before = bench.everything()
    assert bench(ledger.complete, claim, OUTPUT, {}, [Next(StageName.PARSE)], claim_next=True) == done
    assert bench.everything() == before


def finishes(bench: Bench) -> None:
    """The last stage gives its document, in its run, its status."""
    bench.add("1", "2")
    claim = bench.claim(1)
    report = bench(insert_report, 1, 1)
    bench(ledger.finish, claim, Status.DUPLICATE, report)
    assert [row.report_id for row in bench.rows(Document.id, Document.report_id)] == [report, None]
    assert [(row.status, row.finished_at is None) for row in bench.rows(Document.id, Document.status, Document.finished_at)] == [
        ("duplicate", False),
        ("processing", True),
    ]
    with bench.engine.begin() as connection:
        connection.execute(Document.__table__.update().values(run=2))
    with pytest.raises(Fenced):
        bench(ledger.finish, claim, Status.FAILED, None)


def fails_and_gives_back(bench: Bench) -> None:
    """One try is ended, waits or is over, and takes nobody along."""
    kept, one, other, third = (made.stage_id or 0 for made in bench.add("1", "2", "3", "4"))
    for stage_id in (other, kept):
        bench.claim(stage_id)
    bench.put(kept, transients=5)
    claim = bench.claim(one)
    bench.age()
    bench.put(one, notified_at=OLD)
    assert bench(ledger.fail, claim, Fault("file.changed", "why"), LATER, spent=Spent(1.5, 0.5, "engine")) == "waiting"
    assert bench.noted(one, 1) == ("file.changed", "why", 1.5, 0.5, "engine")
    assert [bench.tries(stage_id) for stage_id in (kept, other)] == [[(1, "w#1", None, True)]] * 2
    row = bench.stage(one)
    assert (row.state, row.queue, row.attempts, row.crashes, row.losses, row.transients) == ("waiting", "retry", 1, 0, 0, 1)
    assert (row.owner, row.lease_until, row.notified_at, row.code) == (None, None, None, "file.changed")
    assert row.updated_at > OLD
    assert bench(ledger.claim, one, "w#1", 60) is None
    bench.put(one, next_attempt_at=OLD, losses=1, crashes=1)
    assert bench(ledger.fail, bench.claim(one), Fault("worker.crashed", "x"), LATER) == "waiting"
    assert (bench.stage(one).crashes, bench.stage(one).losses) == (2, 1)
    bench.put(one, next_attempt_at=OLD)
    assert bench(ledger.fail, bench.claim(one), Fault("worker.lost", "x"), LATER) == "waiting"
    assert (bench.stage(one).crashes, bench.stage(one).losses) == (2, 2)
    bench.put(one, next_attempt_at=OLD)
    uncounted = bench.claim(one)
    bench(ledger.fail, uncounted, AWAY, LATER)
    assert bench.stage(one).attempts == uncounted.attempts - 1
    assert [outcome for _, _, outcome, _ in bench.tries(one)] == ["retry", "crashed", "lost", "retry"]
    bench.put(one, next_attempt_at=OLD)
    assert bench(ledger.fail, bench.claim(one), Fault("internal", "x"), LATER) == "failed"
    statuses = [row.status for row in bench.rows(Document.id, Document.status)]
    assert statuses == ["processing", "failed", "processing", "processing"]
    ended = bench.rows(Document.id, Document.finished_at)
    assert [row.finished_at is None for row in ended] == [True, False, True, True]
    claim = bench.claim(third)
    bench.put(third, notified_at=OLD)
    bench.age()
    assert bench(ledger.release, claim)
    row = bench.stage(third)
    assert (row.state, row.attempts, row.fence, row.owner, row.lease_until, row.notified_at) == ("queued", 0, 1, None, None, None)
    assert row.updated_at > OLD
    assert bench.tries(third) == [(1, "w#1", "released", False)]
    assert [bench.stage(stage_id).state for stage_id in (other, kept)] == ["running", "running"]


def counts_its_own_tries(bench: Bench) -> None:
    """Whichever of two lies first in the table."""
    pairs = [[made.stage_id or 0 for made in bench.add(*names)] for names in ("12", "34")]
    for few, many in pairs:
        held = {stage_id: bench.claim(stage_id) for stage_id in (few, many)}
        for stage_id, count in ((few, 1), (many, 5)):
            bench.put(stage_id, transients=count)
        failing, count = (few, 1) if few == pairs[0][0] else (many, 5)
        bench(ledger.fail, held[failing], Fault("file.changed", "x"), LATER)
        assert bench.stage(failing).transients == count + 1
        bench(ledger.release, held[few + many - failing])


def renews(bench: Bench) -> None:
    """One lease, for as long as it is asked."""
    one, other = (made.stage_id or 0 for made in bench.add("1", "2"))
    claim = bench.claim(one)
    bench.claim(other)
    for stage_id in (one, other):
        bench.put(stage_id, lease_until=OLD)
    assert bench(ledger.renew, claim, 3600)
    assert bench.stage(one).lease_until > datetime.now(UTC) + timedelta(seconds=1800)
    assert bench.stage(other).lease_until == OLD


def stops_what_is_in_work(bench: Bench) -> None:
    """A page that fails after its document was stopped by another page does not change how it ended."""
    bench.add("1")
    first, second = (made for made in pages(bench))
    assert bench(ledger.fail, first, Fault("report.not_a_report", "x"), SOON) == "rejected"
    assert bench(ledger.fail, second, Fault("internal", "x"), SOON) == "failed"
    assert [row.status for row in bench.rows(Document.id, Document.status)] == ["rejected"]


def pages(bench: Bench) -> list[ledger.Claim]:
    done = bench(ledger.complete, bench.claim(1), OUTPUT, {}, [Next(StageName.OCR, 1), Next(StageName.OCR, 2)])
    return [bench.claim(item.stage_id) for item in done.queued]


BATTERY: tuple[Callable[[Bench], None], ...] = (
    claims,
    claims_what_was_held,
    claims_blocks,
    completes,
    completes_nothing_stale,
    completes_once,
    finishes,
    fails_and_gives_back,
    counts_its_own_tries,
    renews,
    stops_what_is_in_work,
)


def run_battery(engine: Engine) -> str | None:
    """Run the checks on an empty database each; gives the name of the first that is red."""
    for check in BATTERY:
        with engine.begin() as connection:
            empty(connection)
        try:
            check(Bench(engine))
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 (whatever a broken statement leads to is seen)
            return check.__name__
    return None


_TABLES = (
    "gk_failure",
    "gk_report",
    "gk_output",
    "gk_attempt",
    "gk_stage",
    "gk_source",
    "gk_document",
    "gk_batch",
    "gk_audit",
    "gk_worker",
)


def empty(connection: Any) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"truncate {', '.join(_TABLES)} restart identity cascade"))
        return
    connection.execute(text("update gk_document set report_id = null"))
    for name in _TABLES:
        connection.execute(text(f"delete from {name}"))


def test_every_condition_of_claiming_and_completing_is_needed(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine(database_url, lazy_commit=True).execution_options(gongkai_durable=False)
    assert run_battery(engine) is None, "the true statements must pass"
    dialect = engine.dialect.name
    survivors, killed, excused = [], 0, set()
    for name in NAMES:
        prepared = getattr(statements, name)
        assert isinstance(prepared, Prepared)
        if dialect == "sqlite" and name.endswith("_IN_ONE"):
            continue
        if dialect == "postgresql" and f"{name}_IN_ONE" in NAMES:
            continue
        compiled = prepared.compiled(engine.dialect)
        true = compiled.text
        for changed, mutant in mutants(true):
            reason = next((key for key in EQUIVALENT if key[0] == name and changed.startswith(key[1])), None)
            if reason is not None:
                excused.add(reason)
                continue
            monkeypatch.setattr(compiled, "text", mutant)
            found = run_battery(engine)
            monkeypatch.setattr(compiled, "text", true)
            if found is None:
                survivors.append(f"{name}: {changed}")
            else:
                killed += 1
    assert not survivors, "\n".join(survivors)
    assert killed >= 40
    print(f"{killed} mutants on {dialect}, each killed; {len(excused)} are equivalent")  # noqa: T201 (the count is the result)
