"""The common assertion after every fault: all that came in stands somewhere, each report once, as if nothing had been."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, text

from codebook.errors import GongkaiError
from codebook.records import Hints, Record
from codebook.stages import QUEUES, StageName
from database import ledger, migrations
from database.intake import register
from database.ledger import Arrival, Claim, Fault, Next, Policy
from database.session import make_engine, reading, run_transaction
from tasks.extraction.extract import extract
from tasks.loading.task import load_verdict
from tasks.parsing.parse import parse
from tasks.validation.validate import validate
from workers.notifier import RedisNotifier


class File(NamedTuple):
    """A document for a test: its bytes, and what they are."""

    data: bytes
    media_type: str = "text/plain"
    name: str = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def arrival(self, priority: int = 0) -> Arrival:
        """The file as it is registered."""
        path = f"/in/{self.name or self.sha256}"
        return Arrival(self.sha256, self.media_type, len(self.data), path, Hints(path=path), priority)


class Row(NamedTuple):
    """What the database says of a document: its status, and a digest over its report, values, sections and findings."""

    status: str
    digest: str


Rows = Mapping[str, Row]

_VALUES = (
    "select d.sha256, v.indicator, v.value, v.state, v.raw, v.origin, v.read_by, v.score, v.page, v.box, v.line, v.{column}, "
    "v.sentence, v.doubt, v.candidates from gk_value v join gk_document d on d.report_id = v.report_id"
)
_PARTS = {
    "report": "select d.sha256, r.status, r.agency, r.year, r.form, r.title, r.digest from gk_report r "
    "join gk_document d on d.report_id = r.id",
    "section": "select d.sha256, s.position, s.title, s.text from gk_section s join gk_document d on d.report_id = s.report_id",
    "finding": "select d.sha256, f.rule, f.severity, f.message, f.cells, f.expected, f.actual, o.sha256 as other "
    "from gk_finding f join gk_document d on d.report_id = f.report_id "
    "left join gk_document o on o.report_id = f.other_report_id",
    "failure": "select d.sha256, f.code from gk_failure f join gk_document d on d.id = f.document_id where f.state = 'open'",
}


# Counts in the database itself how often a document was loaded: a table without a key, so that a double is seen.
_EFFECTS = {
    "sqlite": (
        "create trigger if not exists effect after update of state on gk_stage when new.stage = 'load' and new.state = 'done' "
        "begin insert into effects values (new.document_id, new.run, new.fence); end",
    ),
    "postgresql": (
        "create or replace function effect() returns trigger language plpgsql as "
        "$$ begin insert into effects values (new.document_id, new.run, new.fence); return null; end $$",
        "create or replace trigger effect after update of state on gk_stage for each row "
        "when (new.stage = 'load' and new.state = 'done') execute function effect()",
    ),
}


def count_effects(connection: Connection) -> None:
    """From now on every load is noted in the table ``effects``, which must be there."""
    for statement in _EFFECTS[connection.dialect.name]:
        connection.execute(text(statement))


def rows_of(engine: Engine) -> Rows:
    """What the database says of each document, by sha256, without numbers of rows and moments, which differ from run to run."""
    column = engine.dialect.identifier_preparer.quote("column")
    found: dict[str, list[str]] = {}
    with reading(engine) as connection:
        statuses = dict(connection.execute(text("select sha256, status from gk_document")).all())
        for part, query in {**_PARTS, "value": _VALUES.format(column=column)}.items():
            for sha256, *facts in connection.execute(text(query)):
                found.setdefault(sha256, []).append(f"{part} {[_plain(fact) for fact in facts]}")
    digests = {sha: hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest() for sha, lines in found.items()}
    return {sha: Row(status, digests.get(sha, "")) for sha, status in statuses.items()}


def _plain(fact: object) -> object:
    """A fact in the same words from either database: JSON comes as text from SQLite, and decoded from PostgreSQL."""
    if isinstance(fact, str) and fact[:1] == "[":
        try:
            fact = msgspec.json.decode(fact)
        except msgspec.DecodeError:
            return fact
    if isinstance(fact, list):
        return [float(one) if isinstance(one, int | float) else one for one in fact]
    return float(fact) if isinstance(fact, int | float) else fact


def undisturbed(files: Sequence[File], folder: Path) -> Rows:
    """What these files come to without a machine: the pure functions one after the other, in one process, into a database
    of their own.
    """
    engine = make_engine(f"sqlite:///{folder / 'undisturbed.db'}", pooled=False)
    migrations.upgrade(engine)
    made = run_transaction(engine, lambda c: register(c, "test", [file.arrival() for file in files]))

    def read(connection: Connection) -> None:
        connection.execute(text("create table effects (document_id integer, run integer, fence integer)"))
        count_effects(connection)
        for file, one in zip(files, made, strict=True):
            held = ledger.claim(connection, one.stage_id or 0, "none#0", 3600)
            assert held is not None
            _read(connection, file, held)

    run_transaction(engine, read)
    rows = rows_of(engine)
    engine.dispose()
    return rows


def _read(connection: Connection, file: File, held: Claim) -> None:
    def then(output: Record, following: StageName) -> None:
        nonlocal held
        completed = ledger.complete(connection, held, output, {}, [Next(following)], claim_next=True)
        assert completed.claim is not None
        held = completed.claim

    try:
        extraction = extract(file.data, file.media_type)
        then(extraction, StageName.PARSE)
        report = parse(extraction, held.hints)
        then(report, StageName.VALIDATE)
        verdict = validate(report)
        then(verdict, StageName.LOAD)
    except GongkaiError as error:
        ledger.fail(connection, held, Fault(error.code, ""), Policy())
        return

    def write(connection: Connection) -> None:
        number, status = load_verdict(connection, held.document_id, verdict, {})
        ledger.finish(connection, held, status, number)

    ledger.complete(connection, held, extra=write)


def assert_all_is_well(engine: Engine, expected: Rows, notifier: RedisNotifier | None = None) -> None:
    """All that was registered is accounted for and at an end, each report was loaded once, the rows are those of an
    undisturbed run (``expected``; the digest ``*`` is not compared), no lease is overdue, nothing is due, the queues are empty.

    Raises AssertionError. Effects are counted by the table ``effects``, which has no key (see tests.chaos.trial).
    """
    with reading(engine) as connection:
        assert ledger.invariants(connection, expired_seconds=0) == []
        books = ledger.balance(connection)
        (unfinished,) = _column(connection, "select count(*) from gk_stage where state in ('queued', 'waiting', 'running')")
        claims, tries = _column(connection, "select sum(fence) from gk_stage union all select count(*) from gk_attempt")
        effects = dict(connection.execute(text("select document_id, count(*) from effects group by document_id")).all())
        loads = dict(connection.execute(text(_LOADS)).all())
        reported = set(_column(connection, "select id from gk_document where status in ('accepted', 'needs_review')"))
        versions = dict(connection.execute(text("select document_id, count(*) from gk_report group by document_id")).all())
    ended = books.accepted + books.needs_review + books.failed + books.rejected + books.duplicate + books.discarded
    assert (books.registered, books.processing) == (ended, 0)
    assert unfinished == 0
    assert claims == tries
    assert effects == dict.fromkeys(reported, 1)
    assert loads == dict.fromkeys(reported, 1)
    assert versions == dict.fromkeys(reported, 1)
    found = rows_of(engine)
    assert found.keys() == expected.keys()
    wrong = {sha: (row, expected[sha]) for sha, row in found.items() if not _same(row, expected[sha])}
    assert wrong == {}, f"rows that are not those of an undisturbed run: {wrong}, failures: {_failures(engine)}"
    if notifier is not None:
        _assert_queues_empty(notifier)


def _failures(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        query = "select document_id, stage, code, message from gk_failure where code not like 'report.%'"
        return [str(tuple(row)) for row in connection.execute(text(query))]


_LOADS = (
    "select s.document_id, count(*) from gk_attempt a join gk_stage s on s.id = a.stage_id "
    "where s.stage = 'load' and a.outcome = 'done' group by s.document_id"
)


def _column(connection: Connection, query: str) -> list[int]:
    return [row[0] for row in connection.execute(text(query))]


def _same(row: Row, expected: Row) -> bool:
    return row.status == expected.status and expected.digest in ("*", row.digest)


def _assert_queues_empty(notifier: RedisNotifier, seconds: float = 20) -> None:
    """Doubled messages may lie there until a worker has found that there is nothing to claim."""
    end = time.monotonic() + seconds
    depths: dict[str, int] | None = {}
    while time.monotonic() < end:
        depths = notifier.depths()
        if depths is not None and not any(depths[queue] for queue in QUEUES):
            return
        time.sleep(0.1)
    raise AssertionError(f"messages are left in the queues: {depths}")
