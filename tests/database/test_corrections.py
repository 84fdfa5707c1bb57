"""Corrections in the database: kept beside what was read, applied by each run, undone, and told to who comes second."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, select, update

from codebook.records import Correction, Decided, Origin, Place, Reader, Reading, Report, State
from codebook.stages import StageName
from database import ledger
from database.models import CorrectionRow, Document, FindingRow, Stage, StageState
from database.monitoring import queries
from database.reports import corrections
from database.reports.corrections import CorrectionRefusedError, Done, OvertakenError, Seen, mark_of
from database.session import reading, run_transaction
from database.users import audit
from tasks.validation.validate import validate
from tests.inline import Inline

CELL = "requests.new_received.natural_person"
TOTAL = "requests.new_received.total"
OTHERS = ("business", "research", "public_welfare", "legal_service", "other_org")


def read(cell: str, value: int | None, **more: Any) -> Reading:
    fields = {"state": State.READ, "raw": str(value), "place": Place(page=1, box=(1, 2, 3, 4)), "read_by": Reader.OCR} | more
    return Reading(cell, value, **fields)


def a_report(first: Reading, total: int = 5) -> Report:
    others = tuple(read(f"requests.new_received.{column}", 0) for column in OTHERS)
    known = (*others, read(TOTAL, total))
    fixed = ("示例县教育局", ("江苏省",), "320000", 2024, "2021", None, None, "simplified", (), ())
    return Report(*fixed, readings=(first, *known))


DOUBTFUL = read(CELL, 3, state=State.DOUBTFUL, raw="S", doubt="图像文字识别不够确定", candidates=(3, 8))


@pytest.fixture
def inline(engine: Engine, tmp_path: Path) -> Inline:
    return Inline(engine, tmp_path)


@pytest.fixture
def document(inline: Inline) -> int:
    """A document with one doubtful cell, which no sum settles."""
    number = inline.add(b"a scan", "application/pdf", "in/a.pdf")
    inline.have_read(number, a_report(DOUBTFUL))
    return number


def cell(engine: Engine, document: int, indicator: str = CELL) -> tuple[Any, ...]:
    with reading(engine) as connection:
        item = queries.document(connection, document)
    value = next(value for value in item.values if value.indicator == indicator)
    return (item.status, value.value, value.state, value.raw)


def decide(engine: Engine, document: int, value: Any = 5, decided: Decided = Decided.VALUE, **more: Any) -> Done:
    fields = {"who": "li", "reason": "看过原件"} | more
    return run_transaction(
        engine, lambda c: corrections.correct(c, document, fields.pop("indicator", CELL), decided, value, **fields)
    )


def standing(engine: Engine, document: int) -> tuple[Correction, ...]:
    with reading(engine) as connection:
        return corrections.in_force(connection, document)


def test_a_correction_is_validated_and_loaded_and_reads_nothing_again(inline: Inline, document: int) -> None:
    assert cell(inline.engine, document) == ("needs_review", 3, "doubtful", "S")
    done = decide(inline.engine, document)
    assert done.queued is not None
    assert cell(inline.engine, document)[0] == "processing"
    assert inline.work() == ["document 1: validate: done"]
    assert cell(inline.engine, document) == ("accepted", 5, "corrected", "S")
    with reading(inline.engine) as connection:
        item = queries.document(connection, document)
        trail = audit.trail(connection, action="correct")
        assert ledger.invariants(connection) == []
    assert [(s.run, s.stage) for s in item.stages if s.run == 2] == [(2, "validate"), (2, "load")]
    assert [(r.version, r.in_force) for r in item.reports] == [(2, True), (1, False)]
    assert [(entry.who, entry.reason, entry.subject) for entry in trail] == [("li", "看过原件", CELL)]
    (kept,) = standing(inline.engine, document)
    assert (kept.by, kept.reason, kept.value, kept.read) == ("li", "看过原件", 5, DOUBTFUL)


def test_a_corrected_number_still_gets_findings(inline: Inline, document: int) -> None:
    decide(inline.engine, document, 9)
    inline.work()
    with reading(inline.engine) as connection:
        rules = set(connection.scalars(select(FindingRow.rule).join(Document, Document.report_id == FindingRow.report_id)))
    assert "requests.row_sum" in rules
    assert cell(inline.engine, document)[1:3] == (9, "corrected")


def test_it_survives_processing_from_the_beginning_and_another_reading_reopens_it(inline: Inline, document: int) -> None:
    decide(inline.engine, document)
    inline.work()
    inline.read_anew(document, a_report(msgspec.structs.replace(DOUBTFUL, candidates=(5, 6), raw="5?")))
    assert cell(inline.engine, document) == ("accepted", 5, "corrected", "5?")
    inline.read_anew(document, a_report(read(CELL, 6)))
    assert cell(inline.engine, document) == ("needs_review", 5, "doubtful", "6")
    decide(inline.engine, document, decided=Decided.AS_READ)  # as it is shown: with the new reading before one's eyes
    inline.work()
    assert cell(inline.engine, document) == ("accepted", 5, "corrected", "6")
    inline.read_anew(document, a_report(read(CELL, 6)))
    assert cell(inline.engine, document) == ("accepted", 5, "corrected", "6")


def test_undone_it_is_what_was_read_and_history_stays(inline: Inline, document: int) -> None:
    first = decide(inline.engine, document)
    inline.work()
    second = decide(inline.engine, document, 4, who="wang")
    inline.work()
    assert cell(inline.engine, document)[1] == 4
    with pytest.raises(OvertakenError):
        run_transaction(inline.engine, lambda c: corrections.undo(c, first.number, who="li"))
    run_transaction(inline.engine, lambda c: corrections.undo(c, second.number, who="li", reason="看错"))
    inline.work()
    assert cell(inline.engine, document) == ("needs_review", 3, "doubtful", "S")
    with reading(inline.engine) as connection:
        told = corrections.history(connection, document_id=document)
        assert corrections.history(connection, standing=True) == []
    assert [(c.decided_by, c.value, c.ended_by, c.ended_reason, c.replaced_by) for c in told] == [
        ("wang", 4, "li", "看错", None),
        ("li", 5, "wang", "", second.number),
    ]


def test_blank_and_as_read(inline: Inline, document: int) -> None:
    decide(inline.engine, document, None, Decided.BLANK)
    inline.work()
    assert cell(inline.engine, document) == ("accepted", None, "corrected", "S")
    decide(inline.engine, document, None, Decided.AS_READ, indicator=TOTAL)
    inline.work()
    assert cell(inline.engine, document, TOTAL)[1:3] == (5, "corrected")


def test_the_second_of_two_is_told(inline: Inline, document: int) -> None:
    seen = Seen(None, mark_of("S"))
    decide(inline.engine, document, seen=seen)
    with pytest.raises(OvertakenError) as told:
        decide(inline.engine, document, 8, who="wang", seen=seen)
    assert told.value.by is not None
    assert (told.value.by.decided_by, told.value.by.told) == ("li", "5")
    decide(inline.engine, document, 8, who="wang", seen=Seen(told.value.by.number, mark_of("S")))  # having seen it
    assert [c.value for c in standing(inline.engine, document)] == [8]


def test_who_saw_an_older_reading_is_told(inline: Inline, document: int) -> None:
    inline.read_anew(document, a_report(read(CELL, 6)))
    with pytest.raises(OvertakenError) as told:
        decide(inline.engine, document, seen=Seen(None, mark_of("S")))
    assert told.value.by is None


def test_two_decide_at_the_same_moment(inline: Inline, document: int) -> None:
    start, outcomes = threading.Barrier(2), []

    def one(who: str, value: int) -> None:
        start.wait()
        try:
            decide(inline.engine, document, value, who=who, seen=Seen(None, mark_of("S")))
            outcomes.append("decided")
        except OvertakenError as error:
            outcomes.append(f"told of {error.by.decided_by if error.by else None}")

    threads = [threading.Thread(target=one, args=(who, value)) for who, value in (("li", 5), ("wang", 8))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (kept,) = standing(inline.engine, document)
    assert sorted(outcomes) == ["decided", f"told of {kept.by}"]


def test_what_is_decided_during_a_run_is_taken_up_at_its_end(inline: Inline, document: int) -> None:
    decide(inline.engine, document)
    claimed = inline.claim(document, StageName.VALIDATE)  # it has begun: what it reads now is all that it will know
    known = standing(inline.engine, document)
    second = decide(inline.engine, document, 4)
    assert second.queued is None
    with reading(inline.engine) as connection:
        report = ledger.output(connection, document, StageName.PARSE, Report)

    following = [ledger.Next(StageName.LOAD)]
    run_transaction(inline.engine, lambda c: ledger.complete(c, claimed, validate(report, known), {}, following))
    inline.work()
    assert cell(inline.engine, document) == ("accepted", 4, "corrected", "S")


def test_decisions_that_come_soon_after_each_other_share_a_run(inline: Inline, document: int) -> None:
    assert decide(inline.engine, document, pause=60).queued is None
    assert decide(inline.engine, document, 6, pause=60, indicator=TOTAL).queued is None
    assert inline.work() == []  # it waits for more
    queued = run_transaction(inline.engine, lambda c: corrections.validate_now(c, document))
    assert queued is not None
    inline.work()
    with reading(inline.engine) as connection:
        item = queries.document(connection, document)
    assert (item.run, item.status, len(item.reports)) == (2, "accepted", 2)
    assert run_transaction(inline.engine, lambda c: corrections.validate_now(c, document)) is None


def test_facts_of_the_report(inline: Inline) -> None:
    number = inline.add(b"another", "application/pdf", "in/b.pdf")
    unknown = msgspec.structs.replace(a_report(read(CELL, 5)), year=None)
    inline.have_read(number, unknown)
    assert cell(inline.engine, number)[0] == "needs_review"
    decide(inline.engine, number, "2024", indicator="report.year")
    inline.work()
    assert cell(inline.engine, number)[0] == "accepted"
    with reading(inline.engine) as connection:
        assert queries.document(connection, number).reports[0].year == 2024


@pytest.mark.parametrize(
    ("indicator", "decided", "value", "why"),
    [
        ("requests.nothing.total", Decided.VALUE, 1, "unknown_cell"),
        (CELL, Decided.VALUE, None, "no_number"),
        (CELL, Decided.VALUE, "5", "no_number"),
        (CELL, Decided.VALUE, float("nan"), "no_number"),
        (CELL, Decided.VALUE, 5.5, "not_whole"),
        (CELL, Decided.VALUE, -5, "negative"),
        ("requests.granted.total", Decided.AS_READ, None, "not_read"),
        ("report.agency", Decided.VALUE, " ", "no_fact"),
        ("report.agency", Decided.BLANK, None, "no_fact"),
        ("report.year", Decided.VALUE, "1999", "no_year"),
    ],
)
def test_what_cannot_be_decided(inline: Inline, document: int, indicator: str, decided: Decided, value: Any, why: str) -> None:
    with pytest.raises(CorrectionRefusedError) as refused:
        decide(inline.engine, document, value, decided, indicator=indicator)
    assert refused.value.why == why
    assert why in corrections.WHYS
    assert standing(inline.engine, document) == ()


def test_a_document_without_a_report_takes_none(inline: Inline, document: int) -> None:
    other = inline.add(b"new", "application/pdf", "in/c.pdf")
    run_transaction(inline.engine, lambda c: c.execute(update(Document).where(Document.id == document).values(status="failed")))
    for number in (other, document, 999):
        with pytest.raises(CorrectionRefusedError, match="no report"):
            decide(inline.engine, number)


def test_nothing_is_left_of_a_stage_that_waits(inline: Inline, document: int) -> None:
    """A decision that waits for others is one stage row, due at its time, which the rescuer sends messages for."""
    decide(inline.engine, document, pause=60)
    with reading(inline.engine) as connection:
        assert ledger.invariants(connection) == []
        row = connection.execute(select(Stage.state, Stage.attempts).order_by(Stage.id.desc())).first()
        rows = connection.scalars(select(CorrectionRow.read)).all()
    assert tuple(row) == (StageState.WAITING, 0)
    assert [msgspec.convert(each, Reading).origin for each in rows] == [Origin.TABLE]
