"""Filings in the database: one for each agency and year, whatever documents came in which order, and whatever people decided."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest
from sqlalchemy import Engine, select, text, update

from codebook.errors import UsageError
from codebook.records import Place, Reader, Reading, State, Status, Verdict
from console import filing as filings
from database.filings.in_force import DOCUMENT, FILING, MEMBER
from database.models import AgencyDecision, AgencyKeyRow, AgencyRow, ValueRow
from database.reports.neighbours import REPORT
from database.reports.results import FINDING
from database.session import run_transaction
from tests.database.test_results import load, register, verdict

CARRIED = ["requests.carried_over.total", "requests.carried_forward.total"]


def dated(loaded: Verdict, day: str | None, reader: Reader = Reader.TXT, agency: str | None = None) -> Verdict:
    """The report printed on ``day``, read by ``reader``."""
    readings = tuple(msgspec.structs.replace(reading, read_by=reader) for reading in loaded.report.readings)
    report = msgspec.structs.replace(loaded.report, published_on=day, readings=readings, agency=agency or loaded.report.agency)
    return msgspec.structs.replace(loaded, report=report)


def filed(engine: Engine) -> list[tuple[int, int, int, int | None]]:
    """(document, edition, rank, rendition of) of all documents of filings, by filing and rank."""
    columns = (MEMBER.c.document_id, MEMBER.c.edition, MEMBER.c.rank, MEMBER.c.rendition_of)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(MEMBER.c.filing_id, MEMBER.c.rank))]


def in_force(engine: Engine) -> list[tuple[str, int, int]]:
    """(agency, year, document) as the view for analysts shows it."""
    with engine.connect() as connection:
        rows = connection.execute(text("select agency_name, year, document_id from gk_current_filing order by 1, 2"))
        return [tuple(row) for row in rows]


def findings(engine: Engine, rule: str) -> list[tuple[int, int, list[str]]]:
    """(document, other document, cells) of the findings of a rule."""
    one, other = REPORT.alias(), REPORT.alias()
    query = (
        select(one.c.document_id, other.c.document_id, FINDING.c.cells)
        .join(one, one.c.id == FINDING.c.report_id)
        .join(other, other.c.id == FINDING.c.other_report_id)
        .where(FINDING.c.rule == rule)
    )
    with engine.connect() as connection:
        return sorted((a, b, cells) for a, b, cells in connection.execute(query))


def states(engine: Engine, document: int) -> dict[str, tuple[str, float | None]]:
    query = select(ValueRow.indicator, ValueRow.state, ValueRow.value).join(DOCUMENT, DOCUMENT.c.report_id == ValueRow.report_id)
    with engine.connect() as connection:
        return {cell: (state, value) for cell, state, value in connection.execute(query.where(DOCUMENT.c.id == document))}


def status(engine: Engine, document: int) -> str:
    with engine.connect() as connection:
        return connection.execute(select(DOCUMENT.c.status).where(DOCUMENT.c.id == document)).scalar_one()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_two_editions_and_a_rendition_are_one_filing_with_one_row(engine: Engine, order: tuple[int, ...]):
    documents = register(engine, 3)
    reports = [
        dated(verdict(new_received=3), "2023-01-20"),
        dated(verdict(new_received=4), "2023-03-01"),
        dated(verdict(new_received=4), None, Reader.PDF),
    ]
    for place in order:
        load(engine, documents[place], reports[place])
    first, second, pdf = documents
    assert filed(engine) == [(second, 2, 0, None), (pdf, 2, 1, second), (first, 1, 2, None)]
    assert in_force(engine) == [("洪泽区民政局", 2022, second)]
    assert findings(engine, "filing.changed") == [(second, first, ["requests.new_received.total"])]
    with engine.connect() as connection:
        assert connection.execute(text("select requests_new_received_total from gk_wide_requests")).scalars().all() == [4]
        assert connection.execute(text("select value from gk_current_value")).scalars().all() == [4]
    assert states(engine, second) == {"requests.new_received.total": ("proven", 4)}


def test_years_are_compared_with_the_edition_in_force(engine: Engine):
    wrong, right, later = register(engine, 3)
    load(engine, wrong, dated(verdict(year=2021, carried_forward=5), "2022-01-20"))
    load(engine, later, verdict(year=2022, carried_over=4))
    assert findings(engine, "years.carry_over") == [
        (later, wrong, ["requests.carried_over.total", "requests.carried_forward.total"])
    ]
    load(engine, right, dated(verdict(year=2021, carried_forward=4), "2022-03-01"))
    assert findings(engine, "years.carry_over") == []
    with engine.connect() as connection:
        filing = connection.execute(select(FILING.c.id).where(FILING.c.year == 2021)).scalar_one()
    run_transaction(engine, lambda c: filings.choose(c, filing, wrong, who="li", reason="原件如此"))
    assert findings(engine, "years.carry_over") == [
        (later, wrong, ["requests.carried_over.total", "requests.carried_forward.total"])
    ]
    load(engine, right, dated(verdict(year=2021, carried_forward=4, granted=1), "2022-03-01"))  # a re-processing keeps the choice
    assert in_force(engine)[0][2] == wrong
    run_transaction(engine, lambda c: filings.choose(c, filing, None, who="li", reason="还是新版"))
    assert findings(engine, "years.carry_over") == []


def doubtful(loaded: Verdict, row: str, *candidates: float) -> Verdict:
    """The report with a doubt: one of its cells may be each of ``candidates``."""
    cell = Reading(
        f"requests.{row}.total", candidates[0], State.DOUBTFUL, "?", Place(1), Reader.OCR, candidates=candidates, doubt="不清"
    )
    report = msgspec.structs.replace(loaded.report, readings=(*loaded.report.readings, cell))
    return msgspec.structs.replace(loaded, report=report, status=Status.NEEDS_REVIEW)


def test_a_page_settles_the_doubt_of_a_scan_and_takes_it_back(engine: Engine):
    scan, page = register(engine, 2)
    load(engine, scan, doubtful(dated(verdict(new_received=3), None, Reader.OCR), "granted", 7, 2))
    assert status(engine, scan) == "needs_review"
    load(engine, page, dated(verdict(new_received=3, granted=2), "2023-01-20", Reader.HTML))
    assert status(engine, scan) == "accepted"
    assert states(engine, scan) == {"requests.new_received.total": ("proven", 3), "requests.granted.total": ("proven", 2)}
    assert findings(engine, "filing.renditions_differ") == []
    load(engine, page, dated(verdict(year=2020, new_received=3, granted=2), "2023-01-20", Reader.HTML))
    assert status(engine, scan) == "needs_review"
    assert states(engine, scan) == {"requests.new_received.total": ("read", 3), "requests.granted.total": ("doubtful", 7)}


def test_renditions_that_differ_are_a_finding(engine: Engine):
    scan, page = register(engine, 2)
    load(engine, scan, dated(verdict(new_received=8, granted=2), None, Reader.OCR))
    load(engine, page, dated(verdict(new_received=3, granted=2), "2023-01-20", Reader.HTML))
    assert filed(engine) == [(page, 1, 0, None), (scan, 1, 1, page)]
    assert findings(engine, "filing.renditions_differ") == [(page, scan, ["requests.new_received.total"])]
    assert findings(engine, "filing.changed") == []


def test_a_document_that_fails_hands_over_to_its_rendition(engine: Engine):
    page, pdf = register(engine, 2)
    load(engine, page, dated(verdict(new_received=3), None, Reader.HTML))
    load(engine, pdf, dated(verdict(new_received=3), None, Reader.PDF))
    assert in_force(engine) == [("洪泽区民政局", 2022, page)]
    with engine.begin() as connection:
        connection.execute(update(DOCUMENT).where(DOCUMENT.c.id == page).values(status="failed"))
    assert in_force(engine) == [("洪泽区民政局", 2022, pdf)]


def agencies(engine: Engine) -> dict[str, int]:
    """The agencies that were not joined with another, by name."""
    query = select(AgencyRow.name, AgencyRow.id).where(AgencyRow.merged_into.is_(None))
    with engine.connect() as connection:
        return {row.name: row.id for row in connection.execute(query)}


def test_agencies_are_joined_and_the_joining_is_undone(engine: Engine):
    one, other, later = register(engine, 3)
    load(engine, one, dated(verdict("洪泽区文化局", 2021, carried_forward=5), None))
    load(engine, other, dated(verdict("洪泽区文旅局", 2021, carried_forward=5), None))
    load(engine, later, verdict("洪泽区文旅局", 2022, carried_over=4))
    known = agencies(engine)
    assert len(in_force(engine)) == 3
    before = (filed(engine), findings(engine, "years.carry_over"))
    keep, gone = known["洪泽区文化局"], known["洪泽区文旅局"]
    moved = run_transaction(engine, lambda c: filings.join(c, keep, gone, who="li", reason="同一机关"))
    assert moved == 2
    assert [(year, agency) for agency, year, _ in in_force(engine)] == [(2021, "洪泽区文化局"), (2022, "洪泽区文化局")]
    assert findings(engine, "years.carry_over")[0][0] == later
    load(engine, later, verdict("洪泽区文旅局", 2022, carried_over=5))  # what is processed again stays joined
    assert findings(engine, "years.carry_over") == []
    load(engine, later, verdict("洪泽区文旅局", 2022, carried_over=4))
    with engine.connect() as connection:
        decision = connection.execute(select(AgencyDecision.id)).scalar_one()
    assert run_transaction(engine, lambda c: filings.undo(c, decision, who="li", reason="误并")) == 2
    assert (sorted(m[0] for m in filed(engine)), findings(engine, "years.carry_over")) == (
        sorted(m[0] for m in before[0]),
        before[1],
    )
    assert agencies(engine) == known
    with pytest.raises(UsageError):
        run_transaction(engine, lambda c: filings.undo(c, decision, who="li", reason="再撤"))


def test_a_document_that_failed_goes_with_its_agency(engine: Engine):
    """It shows no report, and is in no filing of an agency that was joined with another."""
    one, other = register(engine, 2)
    load(engine, one, verdict("洪泽区文化局", 2021, granted=1))
    load(engine, other, verdict("洪泽区文旅局", 2022, granted=1))
    known = agencies(engine)
    with engine.begin() as connection:
        connection.execute(update(DOCUMENT).where(DOCUMENT.c.id == other).values(status="failed"))
    filings_of = select(FILING.c.year, MEMBER.c.document_id).join(MEMBER, MEMBER.c.filing_id == FILING.c.id)

    def of(name: str) -> list[tuple[int, int]]:
        query = filings_of.where(FILING.c.agency_id == known[name]).order_by(FILING.c.year)
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]

    run_transaction(engine, lambda c: filings.join(c, known["洪泽区文化局"], known["洪泽区文旅局"], who="li", reason="同一机关"))
    assert (of("洪泽区文化局"), of("洪泽区文旅局")) == ([(2021, one), (2022, other)], [])
    assert in_force(engine) == [("洪泽区文化局", 2021, one)]
    with engine.connect() as connection:
        decision = connection.execute(select(AgencyDecision.id)).scalar_one()
    run_transaction(engine, lambda c: filings.undo(c, decision, who="li", reason="误并"))
    assert (of("洪泽区文化局"), of("洪泽区文旅局")) == ([(2021, one)], [(2022, other)])


def test_a_key_is_parted_from_its_agency_and_put_back(engine: Engine):
    one, other = register(engine, 2)
    load(engine, one, verdict("洪泽区文化局", 2021, granted=5))
    load(engine, other, verdict("洪泽区文旅局", 2021, granted=6))
    known = agencies(engine)
    keep, gone = known["洪泽区文化局"], known["洪泽区文旅局"]
    run_transaction(engine, lambda c: filings.join(c, keep, gone, who="li", reason="同一机关"))
    with engine.connect() as connection:
        keys = connection.execute(select(AgencyKeyRow.key).where(AgencyKeyRow.agency_id == keep)).scalars().all()
    assert len(keys) == 2
    key = next(key for key in keys if "文旅" in key or "旅" in key)
    made, moved = run_transaction(engine, lambda c: filings.part(c, keep, [key], who="li", reason="不是同一机关"))
    assert moved == 1
    assert {agency for agency, _, _ in in_force(engine)} == {"洪泽区文化局", "洪泽区文旅局"}
    with pytest.raises(UsageError):
        run_transaction(engine, lambda c: filings.part(c, made, [key], who="li", reason="没有剩下"))


def test_documents_of_a_version_without_filings_are_filed(engine: Engine):
    documents = register(engine, 3)
    reports = [verdict(year=2021, carried_forward=5), verdict(year=2022, carried_over=4), verdict(year=2022, carried_over=3)]
    for document, report in zip(documents, reports, strict=True):
        load(engine, document, report)
    before = (in_force(engine), findings(engine, "years.carry_over"), findings(engine, "filing.changed"))
    with engine.begin() as connection:
        filed = ("gk_filing_document", "gk_filing", "gk_agency_alias", "gk_agency_key", "gk_agency")
        for table in ("gk_finding_move", "gk_finding_case", *filed):
            connection.execute(text(f"delete from {table}"))
        connection.execute(update(REPORT).values(agency_key="320813:旧"))
    assert filings.file_pending(engine) == 3
    assert (in_force(engine), findings(engine, "years.carry_over"), findings(engine, "filing.changed")) == before
    assert filings.file_pending(engine) == 0


@pytest.mark.parametrize("seed", range(3))
def test_every_order_of_arrival_gives_the_same_filings(engine: Engine, seed: int):
    reports = [
        dated(verdict(new_received=3), "2023-01-20", Reader.HTML),
        dated(verdict(new_received=3), "2023-01-20", Reader.PDF),
        dated(verdict(new_received=4), "2023-02-20", Reader.HTML),
        dated(verdict(year=2023, new_received=4), "2024-01-20", Reader.HTML),
    ]
    order = list(permutations(range(4)))[seed * 11]
    documents = register(engine, 4)
    for place in order:
        load(engine, documents[place], reports[place])
    load(engine, documents[order[0]], reports[order[0]])  # and one again
    first, pdf, second, later = documents
    assert filed(engine) == sorted(filed(engine), key=lambda row: (row[0] == later, row[2])) or order[0] == 3
    assert in_force(engine) == [("洪泽区民政局", 2022, second), ("洪泽区民政局", 2023, later)]
    assert findings(engine, "filing.changed") == [(second, first, ["requests.new_received.total"])]
    assert {row[0]: row[1] for row in filed(engine)} == {first: 1, pdf: 1, second: 2, later: 1}


def test_a_purged_document_leaves_its_filing_and_what_it_vouched_for(engine: Engine):
    page, pdf = register(engine, 2)
    load(engine, page, dated(verdict(new_received=3), None, Reader.HTML))
    load(engine, pdf, dated(verdict(new_received=3), None, Reader.PDF))
    assert states(engine, pdf)["requests.new_received.total"][0] == "proven"
    run_transaction(engine, lambda c: filings.purge(c, page, who="li", reason="涉密"))
    assert (filed(engine), in_force(engine)) == ([(pdf, 1, 0, None)], [("洪泽区民政局", 2022, pdf)])
    assert states(engine, pdf)["requests.new_received.total"][0] == "read"
    run_transaction(engine, lambda c: filings.purge(c, pdf, who="li", reason="涉密"))
    assert (filed(engine), in_force(engine)) == ([], [])


def test_a_check_takes_back_what_a_failed_document_vouched_for(engine: Engine):
    page, pdf = register(engine, 2)
    load(engine, page, dated(verdict(new_received=3), None, Reader.HTML))
    load(engine, pdf, dated(verdict(new_received=3), None, Reader.PDF))
    with engine.begin() as connection:
        connection.execute(update(DOCUMENT).where(DOCUMENT.c.id == page).values(status="failed"))
    assert filings.file_pending(engine) == 1
    assert states(engine, pdf)["requests.new_received.total"][0] == "read"
    assert filings.file_pending(engine) == 0
    load(engine, page, dated(verdict(new_received=3), None, Reader.HTML))
    assert states(engine, pdf)["requests.new_received.total"][0] == "proven"


def test_a_name_that_many_agencies_have_joins_nobody(engine: Engine):
    """教育局 without a region: two documents are two agencies, until a person says otherwise."""
    documents = register(engine, 2)
    for document in documents:
        loaded = verdict("教育局", new_received=3)
        nowhere = msgspec.structs.replace(loaded.report, region=(), region_code=None)
        load(engine, document, msgspec.structs.replace(loaded, report=nowhere))
    assert [document for _, _, document in in_force(engine)] == documents
    assert filings.file_pending(engine) == 0
