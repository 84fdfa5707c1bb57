"""Findings as cases: a lasting number, whatever runs, editions, corrections and neighbours come and go."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, delete, select, text, update

from codebook.errors import UsageError
from codebook.records import Finding, Place, Section, Severity, Status, Verdict
from console import filing as filings
from database.filings.in_force import FILING
from database.findings import decisions, listing
from database.findings.following import CASE, MOVE, Followed
from database.findings.listing import CaseFilter, CaseOrder
from database.models import AgencyRow, FindingState
from database.reports.results import DOCUMENT, FINDING
from database.session import reading, run_transaction
from tests.database.test_filings import dated
from tests.database.test_results import load, register, verdict

BALANCE = "requests.balance"
WHO = {"who": "li", "reason": "经核对原件"}


def wrong(loaded: Verdict, *findings: Finding) -> Verdict:
    return msgspec.structs.replace(loaded, findings=findings)


def balance(actual: float, *rows: str, sentence: str | None = None, rule: str = BALANCE) -> Finding:
    cells = tuple(f"requests.{row}.total" for row in rows or ("new_received",))
    return Finding(rule, Severity.ERROR, f"差{actual}", cells, 4, actual, sentence)


def saying(loaded: Verdict, words: str) -> Verdict:
    report = msgspec.structs.replace(loaded.report, sections=(Section(1, "总体情况", words, Place()),))
    return msgspec.structs.replace(loaded, report=report)


def cases(engine: Engine) -> list[tuple[int, str, str | None, bool]]:
    columns = (CASE.c.id, CASE.c.state, CASE.c.settled_by, CASE.c.present)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(CASE.c.id))]


def history(engine: Engine, number: int) -> list[tuple[str, str, dict[str, Any]]]:
    with reading(engine) as connection:
        return [(move.from_state, move.to_state, move.detail) for move in listing.moves(connection, number)]


def decide(engine: Engine, to: FindingState, *numbers: int) -> decisions.ActResult:
    return run_transaction(engine, lambda c: decisions.decide(c, numbers, to, **WHO))


def links(engine: Engine) -> list[tuple[int, int | None]]:
    """(document, case) of the findings of the versions in force."""
    query = select(DOCUMENT.c.id, FINDING.c.case_id).join(FINDING, FINDING.c.report_id == DOCUMENT.c.report_id)
    with engine.connect() as connection:
        return sorted((a, b) for a, b in connection.execute(query))


def test_reprocessing_keeps_the_number_and_the_state(engine: Engine):
    (document,) = register(engine, 1)
    load(engine, document, wrong(verdict(new_received=3), balance(3)))
    [(number, *rest)] = cases(engine)
    assert rest == ["new", None, True]
    decide(engine, FindingState.CONFIRMED, number)
    # another version of the program says it otherwise, and names another chapter
    said = msgspec.structs.replace(balance(3), message="相差3件")
    load(engine, document, saying(wrong(verdict(new_received=3), said), "别的话。"))
    assert cases(engine) == [(number, "confirmed", None, True)]
    assert links(engine) == [(document, number)]
    with reading(engine) as connection:
        line = listing.case_line(connection, number)
    assert line is not None
    assert (line.message, line.changed_by, line.agency) == ("相差3件", "li", "洪泽区民政局")


def test_a_later_edition_settles_exactly_what_was_mended(engine: Engine):
    first, second = register(engine, 2)
    found = (balance(3), balance(9, "carried_over"), balance(8, "carried_forward"))
    load(engine, first, dated(wrong(verdict(new_received=3, carried_over=9, carried_forward=8), *found), "2023-01-20"))
    mended, kept, other = (number for number, *_ in cases(engine))
    decide(engine, FindingState.CONFIRMED, mended, kept)
    decide(engine, FindingState.SENT, mended, kept)
    decide(engine, FindingState.DISMISSED, other)
    now = (balance(9, "carried_over"), balance(7, "carried_forward"))
    load(engine, second, dated(wrong(verdict(new_received=4, carried_over=9, carried_forward=7), *now), "2023-03-01"))
    there = {number: rest for number, *rest in cases(engine) if number in (mended, kept, other)}
    assert there == {
        mended: ["settled", "edition", False],
        kept: ["sent", None, True],
        other: ["reopened", None, True],  # what was dismissed was another number
    }
    *_, (was, became, detail) = history(engine, mended)
    assert (was, became) == ("sent", "settled")
    assert (detail["edition"], detail["document"], detail["dated"]["value"]) == (2, second, "2023-03-01")
    assert history(engine, other)[-1][2]["was"]["actual"] == 8


@pytest.mark.parametrize(
    ("steps", "becomes"),
    [
        ([FindingState.CONFIRMED], "reopened"),  # nobody confirmed this number, and no notice may state it
        ([FindingState.CONFIRMED, FindingState.SENT], "sent"),
        ([FindingState.CONFIRMED, FindingState.SENT, FindingState.ANSWERED], "answered"),
    ],
    ids=["confirmed", "sent", "answered"],
)
def test_other_numbers_reopen_what_was_confirmed_and_are_noted_of_what_was_sent(
    engine: Engine, steps: list[FindingState], becomes: str
):
    first, second = register(engine, 2)
    load(engine, first, dated(wrong(verdict(new_received=3), balance(3)), "2023-01-20"))
    number = cases(engine)[0][0]
    for step in steps:
        decide(engine, step, number)
    load(engine, second, dated(wrong(verdict(new_received=2), balance(2)), "2023-03-01"))
    assert [row for row in cases(engine) if row[0] == number] == [(number, becomes, None, True)]
    *_, (was, to, detail) = history(engine, number)
    assert (was, to, detail["was"]["actual"]) == (steps[-1], becomes, 3)


def test_what_our_own_reading_made_disappear_is_withdrawn_and_comes_back_as_it_was(engine: Engine):
    (document,) = register(engine, 1)
    load(engine, document, wrong(verdict(new_received=3), balance(3)))
    [(number, *_)] = cases(engine)
    decide(engine, FindingState.CONFIRMED, number)
    load(engine, document, verdict(new_received=4))
    assert cases(engine) == [(number, "settled", "reading", False)]
    load(engine, document, wrong(verdict(new_received=3), balance(3)))
    assert cases(engine) == [(number, "confirmed", None, True)]


def test_a_rendition_mends_nothing_and_a_person_can_put_the_first_edition_in_force_again(engine: Engine):
    first, pdf, second = register(engine, 3)
    said = dated(wrong(verdict(new_received=3), balance(3)), "2023-01-20")
    load(engine, first, said)
    [(number, *_)] = cases(engine)
    load(engine, pdf, said)
    assert cases(engine) == [(number, "new", None, True)]
    assert links(engine) == [(first, number), (pdf, number)]
    load(engine, second, dated(verdict(new_received=4), "2023-03-01"))
    state = {row[0]: row[1:] for row in cases(engine)}
    assert state[number] == ("settled", "edition", False)
    with engine.connect() as connection:
        filing = connection.execute(text("select id from gk_filing")).scalar_one()
    run_transaction(engine, lambda c: filings.choose(c, filing, first, who="li", reason="原件如此"))
    state = {row[0]: row[1:] for row in cases(engine)}
    assert state[number] == ("reopened", None, True)


def test_a_new_edition_that_cannot_be_read_settles_nothing(engine: Engine):
    first, second = register(engine, 2)
    load(engine, first, dated(wrong(verdict(new_received=3, carried_over=1), balance(3)), "2023-01-20"))
    [(number, *_)] = cases(engine)
    load(engine, second, dated(verdict(new_received_doubtful=4, carried_over=2, status=Status.NEEDS_REVIEW), "2023-03-01"))
    assert [row for row in cases(engine) if row[0] == number] == [(number, "new", None, False)]
    load(engine, second, dated(verdict(new_received=4, carried_over=2), "2023-03-01"))
    assert [row for row in cases(engine) if row[0] == number] == [(number, "settled", "edition", False)]


def test_a_sentence_is_the_same_when_it_is_written_again_and_mended_when_it_is_gone(engine: Engine):
    first, second, third = register(engine, 3)
    rule, words = "narrative.sum", "全年共主动公开政府信息90条，其中概况信息30条、政务动态50条。"
    again = "2022年全年共主动公开政府信息91条，其中概况信息30条、政务动态50条。"
    one = Finding(rule, Severity.ERROR, "不等", (), 80, 90, words)
    load(engine, first, dated(saying(wrong(verdict(new_received=3), one), words), "2023-01-20"))
    [(number, *_)] = cases(engine)
    decide(engine, FindingState.CONFIRMED, number)
    decide(engine, FindingState.SENT, number)
    two = Finding(rule, Severity.ERROR, "不等", (), 80, 91, again)
    load(engine, second, dated(saying(wrong(verdict(new_received=3), two), again), "2023-02-20"))
    assert [row for row in cases(engine) if row[0] == number] == [(number, "sent", None, True)]
    load(engine, third, dated(saying(verdict(new_received=3), "全年共主动公开政府信息80条。"), "2023-03-20"))
    assert [row for row in cases(engine) if row[0] == number] == [(number, "settled", "edition", False)]


def test_the_same_words_and_numbers_are_withdrawn_not_mended(engine: Engine):
    """A later edition changed something else, and today's rules do not accuse the sentence."""
    first, second = register(engine, 2)
    words = "全年收到90件。"
    one = Finding("narrative.contradiction", Severity.ERROR, "不等", ("requests.new_received.total",), 3, 90, words)
    load(engine, first, dated(saying(wrong(verdict(new_received=3), one), words), "2023-01-20"))
    [(number, *_)] = cases(engine)
    load(engine, second, dated(saying(verdict(new_received=3, carried_over=1), words + "完。"), "2023-03-01"))
    assert [row for row in cases(engine) if row[0] == number] == [(number, "settled", "reading", False)]


def test_between_years_the_other_edition_settles_it(engine: Engine):
    before, later, mended = register(engine, 3)
    load(engine, before, dated(verdict(year=2021, carried_forward=5), "2022-01-20"))
    load(engine, later, verdict(year=2022, carried_over=4))
    with engine.connect() as connection:
        rule = select(CASE.c.id, CASE.c.document_id, CASE.c.other_document_id).where(CASE.c.rule == "years.carry_over")
        [(number, own, other)] = connection.execute(rule).all()
    assert (own, other) == (later, before)
    load(engine, mended, dated(verdict(year=2021, carried_forward=4), "2022-03-01"))
    assert [row for row in cases(engine) if row[0] == number] == [(number, "settled", "other", False)]
    assert history(engine, number)[-1][2]["document"] == mended


def test_a_case_follows_its_document_into_another_filing_and_out_of_it(engine: Engine):
    (document,) = register(engine, 1)
    nameless = wrong(verdict(new_received=3), balance(3))
    nameless = msgspec.structs.replace(nameless, report=msgspec.structs.replace(nameless.report, year=None))
    load(engine, document, nameless)
    [(number, *_)] = cases(engine)
    decide(engine, FindingState.CONFIRMED, number)
    for year in (2022, 2021, None):
        report = msgspec.structs.replace(nameless.report, year=year)
        load(engine, document, msgspec.structs.replace(nameless, report=report))
        assert cases(engine) == [(number, "confirmed", None, True)], year
        with engine.connect() as connection:
            filing, filed_in = connection.execute(text("select filing_id, year from gk_finding_case")).one()
        assert (filing is None, filed_in) == (year is None, year)


def test_two_cases_that_become_one_keep_what_a_person_decided(engine: Engine):
    one, other = register(engine, 2)
    load(engine, one, dated(wrong(verdict(new_received=3), balance(3)), "2023-01-20"))
    load(engine, other, dated(wrong(verdict("洪泽区民政", new_received=3), balance(3)), "2023-01-20"))
    (first, *_), (second, *_) = cases(engine)
    decide(engine, FindingState.CONFIRMED, second)
    with engine.connect() as connection:
        agencies = connection.execute(text("select id from gk_agency order by id")).scalars().all()
    run_transaction(engine, lambda c: filings.join(c, agencies[0], agencies[1], who="li", reason="同一单位"))
    both = [row for row in cases(engine) if row[0] in (first, second)]
    assert both == [(first, "settled", "joined", False), (second, "confirmed", None, True)]


def placed(engine: Engine) -> dict[int, tuple[str | None, int, str, bool]]:
    """(agency of the filing, document, state, present) of the cases by number."""
    columns = (CASE.c.id, AgencyRow.name, CASE.c.document_id, CASE.c.state, CASE.c.present)
    query = select(*columns).outerjoin(FILING, FILING.c.id == CASE.c.filing_id)
    query = query.outerjoin(AgencyRow, AgencyRow.id == FILING.c.agency_id).where(CASE.c.rule == BALANCE)
    with engine.connect() as connection:
        return {number: tuple(rest) for number, *rest in connection.execute(query.order_by(CASE.c.id))}


def join(engine: Engine) -> int:
    """Make one agency of the first two. Return the decision."""
    with engine.connect() as connection:
        keep, gone = connection.execute(text("select id from gk_agency order by id limit 2")).scalars().all()
    run_transaction(engine, lambda c: filings.join(c, keep, gone, who="li", reason="同一单位"))
    with engine.connect() as connection:
        return connection.execute(text("select max(id) from gk_agency_decision")).scalar_one()


@pytest.mark.parametrize("day", ["2023-01-10", "2023-01-20", "2023-03-01"])
@pytest.mark.parametrize("decided", [0, 1])
def test_agencies_that_part_again_have_their_own_cases(engine: Engine, day: str, decided: int):
    """Whichever report was in force meanwhile, and whichever case went on."""
    one, other = register(engine, 2)
    load(engine, one, dated(wrong(verdict(new_received=3), balance(3)), "2023-01-20"))
    load(engine, other, dated(wrong(verdict("洪泽区民政", new_received=3), balance(3)), day))
    numbers = list(placed(engine))
    decide(engine, FindingState.DISMISSED, numbers[decided])
    before = placed(engine)
    for _ in range(2):
        decision = join(engine)
        assert [row[2:] for row in placed(engine).values() if row[0]] == [("dismissed", True)]
        run_transaction(engine, lambda c, undone=decision: filings.undo(c, undone, who="li", reason="误并"))
        assert placed(engine) == before


def test_a_document_that_comes_and_goes_leaves_the_cases_of_others(engine: Engine):
    one, other = register(engine, 2)
    load(engine, one, dated(wrong(verdict(new_received=3), balance(3)), "2023-01-20"))
    own = dated(wrong(verdict("洪泽区水利局", new_received=3), balance(3)), "2023-03-01")
    load(engine, other, own)
    first, second = placed(engine)
    decide(engine, FindingState.CONFIRMED, first)
    before = placed(engine)
    nameless = msgspec.structs.replace(own, report=msgspec.structs.replace(own.report, agency=None))
    for _ in range(2):
        load(engine, other, dated(own, "2023-03-01", agency="洪泽区民政局"))
        assert placed(engine)[second] == (None, other, "settled", False)
        load(engine, other, nameless)
        assert placed(engine) == {**before, second: (None, other, "new", True)}
        load(engine, other, dated(own, "2023-03-01", agency="洪泽区民政局"))
        load(engine, other, own)
        assert placed(engine) == before


def test_a_purge_leaves_no_case_that_quotes_the_document(engine: Engine):
    (document,) = register(engine, 1)
    load(engine, document, wrong(verdict(new_received=3), balance(3)))
    decide(engine, FindingState.CONFIRMED, cases(engine)[0][0])
    run_transaction(engine, lambda c: filings.purge(c, document, who="li", reason="误传"))
    assert cases(engine) == []
    with engine.connect() as connection:
        assert connection.execute(select(MOVE)).all() == []


@pytest.mark.parametrize("is_known", [True, False])
def test_a_purge_leaves_no_words_of_the_document_in_the_history(engine: Engine, is_known: bool):
    """Not even in that of a case which another document shows now; the moves stay. Moves of before do not say what they quote."""
    first, second, third = register(engine, 3)
    rule = "narrative.sum"
    for document, actual, day in ((first, 90, "01"), (second, 91, "02"), (third, 92, "03")):
        words = f"全年共主动公开政府信息{actual}条，其中概况信息30条、政务动态50条。"
        found = Finding(rule, Severity.ERROR, f"不等{actual}", (), 80, actual, words)
        load(engine, document, dated(saying(wrong(verdict(new_received=3), found), words), f"2023-{day}-20"))
    number = next(number for number, *_ in cases(engine) if len(history(engine, number)) == 2)
    if not is_known:
        with engine.begin() as connection:
            for move in connection.execute(select(MOVE.c.id, MOVE.c.detail).where(MOVE.c.case_id == number)).all():
                was = {name: value for name, value in move.detail["was"].items() if not name.endswith("document_id")}
                connection.execute(update(MOVE).where(MOVE.c.id == move.id).values(detail={**move.detail, "was": was}))
    run_transaction(engine, lambda c: filings.purge(c, first, who="li", reason="误传"))
    with engine.connect() as connection:
        left = [detail.get("was") for detail in connection.scalars(select(MOVE.c.detail).where(MOVE.c.case_id == number))]
    assert "90" not in str(left)
    assert [was and was["actual"] for was in left] == ([None, 91] if is_known else [None, None])


def test_findings_of_before_become_new_cases_and_what_is_not_shown_is_withdrawn(engine: Engine):
    one, other, nameless = register(engine, 3)
    load(engine, one, wrong(verdict(new_received=3), balance(3)))
    load(engine, other, wrong(verdict(year=2020, new_received=3), balance(3)))
    bare = wrong(verdict(new_received=3), balance(3))
    load(engine, nameless, msgspec.structs.replace(bare, report=msgspec.structs.replace(bare.report, agency=None)))
    with engine.begin() as connection:
        connection.execute(update(FINDING).values(case_id=None))
        connection.execute(delete(CASE))
    filings.upgrade_database(engine)
    assert [(state, there) for _, state, _, there in cases(engine)] == [("new", True)] * 3
    with engine.begin() as connection:
        connection.execute(update(DOCUMENT).where(DOCUMENT.c.id == other).values(status="discarded"))
    assert filings.follow_all(engine).settled == 1
    assert [rest for number, *rest in cases(engine) if rest[1] == "gone"] == [["settled", "gone", False]]
    assert filings.follow_all(engine) == Followed()


# ---- people ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(engine: Engine) -> list[int]:
    documents = register(engine, 3)
    for year, document in zip((2020, 2022, 2024), documents, strict=True):
        load(engine, document, wrong(verdict(year=year, new_received=3), balance(3)))
    return [number for number, *_ in cases(engine)]


def test_many_are_decided_at_once_and_the_act_can_be_taken_back(engine: Engine, three: list[int]):
    decide(engine, FindingState.DISMISSED, three[0])
    done = decide(engine, FindingState.CONFIRMED, *three)
    assert (done.cases, done.others) == (3, {})
    decide(engine, FindingState.SENT, three[1])
    with reading(engine) as connection:
        last = decisions.last_act(connection, "li")
    assert last is not None
    assert last.to_state == "sent"
    assert done.act is not None
    act = done.act
    undone = run_transaction(engine, lambda c: decisions.undo(c, act, who="li"))
    assert (undone.cases, undone.others) == (2, {"sent": 1})
    assert [state for _, state, *_ in cases(engine)] == ["dismissed", "sent", "new"]
    with pytest.raises(UsageError):
        run_transaction(engine, lambda c: decisions.undo(c, act, who="li"))
    with engine.connect() as connection:
        acts = connection.execute(text("select action, who from gk_audit order by id")).all()
    assert [tuple(row) for row in acts][-2:] == [("finding_sent", "li"), ("finding_undo", "li")]


def undo_last(engine: Engine, who: str = "li") -> decisions.ActResult:
    with reading(engine) as connection:
        last = decisions.last_act(connection, who)
    assert last is not None
    return filings.undo_on_findings(engine, last.id, who=who)


def test_several_acts_are_taken_back_one_after_another(engine: Engine, three: list[int]):
    for to in (FindingState.CONFIRMED, FindingState.SENT, FindingState.ANSWERED):
        decide(engine, to, *three[:2])
    for state in ("sent", "confirmed", "new"):
        assert undo_last(engine).cases == 2
        assert [found for _, found, *_ in cases(engine)] == [state, state, "new"]
    with reading(engine) as connection:
        assert decisions.last_act(connection, "li") is None


def test_an_act_that_others_went_on_from_can_be_taken_back_after_theirs(engine: Engine, three: list[int]):
    earlier = decide(engine, FindingState.DISMISSED, three[1])
    act = decide(engine, FindingState.CONFIRMED, three[0]).act
    assert act is not None
    sent = run_transaction(engine, lambda c: decisions.decide(c, three[:1], FindingState.SENT, who="wang"))
    with reading(engine) as connection:
        last = decisions.last_act(connection, "li")
    assert last is not None
    assert last.id == earlier.act  # the one after it cannot be taken back now
    assert run_transaction(engine, lambda c: decisions.undo(c, act, who="li")).others == {"sent": 1}
    assert sent.act is not None
    assert undo_last(engine, "wang").cases == 1
    assert undo_last(engine).act == act
    assert [state for _, state, *_ in cases(engine)] == ["new", "dismissed", "new"]


def test_an_undo_restores_the_state_that_a_withdrawn_case_returns_to(engine: Engine):
    (document,) = register(engine, 1)
    load(engine, document, wrong(verdict(new_received=3), balance(3)))
    [(number, *_)] = cases(engine)
    decide(engine, FindingState.CONFIRMED, number)
    load(engine, document, verdict(new_received=4))
    decide(engine, FindingState.REOPENED, number)
    assert undo_last(engine).cases == 1
    assert cases(engine) == [(number, "settled", "reading", False)]
    load(engine, document, wrong(verdict(new_received=3), balance(3)))
    assert cases(engine) == [(number, "confirmed", None, True)]


def test_an_undo_settles_what_went_away_meanwhile(engine: Engine):
    (document,) = register(engine, 1)
    load(engine, document, wrong(verdict(new_received=3), balance(3)))
    [(number, *_)] = cases(engine)
    decide(engine, FindingState.DISMISSED, number)
    load(engine, document, verdict(new_received=4))
    assert cases(engine) == [(number, "dismissed", None, False)]
    assert undo_last(engine).cases == 1
    assert cases(engine) == [(number, "settled", "reading", False)]


def test_only_what_is_allowed_moves(engine: Engine, three: list[int]):
    done = decide(engine, FindingState.SENT, *three)
    assert (done.act, done.cases, done.others) == (None, 0, {"new": 3})
    with pytest.raises(UsageError):
        run_transaction(engine, lambda c: decisions.decide(c, three, FindingState.DISMISSED, who="li", reason=" "))
    with pytest.raises(UsageError):
        run_transaction(engine, lambda c: decisions.decide(c, three, FindingState.NEW, who="li", reason="x"))


def test_a_region_is_a_range_in_whatever_collation():
    """Most collations sort marks before digits; the one of the tests does not."""
    compiled = [condition.compile() for condition in CaseFilter(region="3208").conditions()]
    bounds = [value for each in compiled for value in each.params.values()]
    assert bounds[0] == "3208"
    assert all(bound.isalnum() for bound in bounds)


def test_lists_and_counts(engine: Engine, three: list[int]):
    decide(engine, FindingState.CONFIRMED, three[2])
    with reading(engine) as connection:
        assert listing.case_numbers(connection, CaseFilter()) == three[::-1]
        for order in CaseOrder:
            whole = listing.case_numbers(connection, CaseFilter(), order=order)
            assert sorted(whole) == three
            assert whole[1:] == listing.case_numbers(connection, CaseFilter(), order=order, after=whole[0])
        assert listing.case_numbers(connection, CaseFilter(region="3208", text="民政 洪泽", kind="department")) == three[::-1]
        assert listing.case_numbers(connection, CaseFilter(region="3209")) == []
        assert listing.case_numbers(connection, CaseFilter(text=str(three[1]))) == [three[1]]
        assert listing.case_years(connection) == [2024, 2022, 2020]
        counts = listing.case_counts(connection, CaseFilter(state="confirmed"))
        assert counts.states == {"new": 2, "open": 3, "confirmed": 1}
        assert (counts.total, counts.rules, counts.severities) == (1, {BALANCE: 1}, {"error": 1})
        assert [line.id for line in listing.iterate(connection, CaseFilter(state="open"))] == three
