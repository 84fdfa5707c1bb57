"""What is listed of filings and agencies, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, update

from codebook.errors import UsageError
from codebook.filings import Dated, EditionEvidence
from codebook.records import Reader
from console import filing as filings
from database.filings import agencies, decisions, listing
from database.filings.agencies import AgencyFilter
from database.filings.in_force import DOCUMENT
from database.filings.listing import FilingFilter
from database.session import run_transaction
from tests.database.test_filings import dated, doubtful
from tests.database.test_results import load, register, verdict

CELL = "requests.new_received.total"


def numbers(engine: Engine) -> dict[str, int]:
    """The agencies that were not joined with another, by name."""
    with engine.connect() as connection:
        return {line.name: line.id for line in agencies.agency_lines(connection, AgencyFilter())}


def lines(engine: Engine, **wanted: object) -> list[tuple[str, int, int | None]]:
    """(agency, year, document in force) of the filings that are wanted."""
    with engine.connect() as connection:
        found = listing.filing_lines(connection, FilingFilter(**wanted))  # type: ignore[arg-type]
        assert listing.count_filings(connection, FilingFilter(**wanted)) == len(found)  # type: ignore[arg-type]
        return [(line.agency, line.year, line.document_id) for line in found]


@pytest.fixture
def documents(engine: Engine) -> list[int]:
    """A filing of two editions and a rendition, one of the year before, and one of another agency."""
    made = register(engine, 5)
    first, second, pdf, before, other = made
    load(engine, first, dated(verdict(new_received=3, granted=2), "2023-01-20"))
    load(engine, second, dated(verdict(new_received=4, granted=2), "2023-03-01"))
    load(engine, pdf, dated(verdict(new_received=4, granted=2), None, Reader.PDF))
    load(engine, before, verdict(year=2021, granted=1))
    load(engine, other, verdict("洪泽区文旅局", 2022, granted=1))
    return made


def test_filings_are_listed_by_each_condition(engine: Engine, documents: list[int]) -> None:
    _, second, _, before, other = documents
    all_three = {("洪泽区民政局", 2022, second), ("洪泽区民政局", 2021, before), ("洪泽区文旅局", 2022, other)}
    assert set(lines(engine)) == all_three
    assert [year for _, year, _ in lines(engine)] == [2022, 2022, 2021]
    assert lines(engine, year=2021) == [("洪泽区民政局", 2021, before)]
    assert lines(engine, agency="文旅") == [("洪泽区文旅局", 2022, other)]
    assert lines(engine, agency="100%") == []
    assert lines(engine, editions=True) == [("洪泽区民政局", 2022, second)]
    assert set(lines(engine, region="320800")) == set(lines(engine, region="32")) == all_three
    assert lines(engine, region="320803", agency="民政") == []
    assert lines(engine, region="3208", agency="民政", year=2021) == [("洪泽区民政局", 2021, before)]
    assert lines(engine, chosen=True) == []
    with engine.connect() as connection:
        pages = [listing.filing_lines(connection, FilingFilter(), limit=2)]
        pages.append(listing.filing_lines(connection, FilingFilter(), before=pages[0][-1].id, limit=2))
        assert [len(page) for page in pages] == [2, 1]
        assert {line.document_id for page in pages for line in page} == {second, before, other}
        assert listing.filing_years(connection) == [2022, 2021]
        assert listing.count_filings(connection, FilingFilter(), most=1) == 2


def test_a_filing_is_shown_with_its_history(engine: Engine, documents: list[int]) -> None:
    first, second, pdf, *_ = documents
    with engine.connect() as connection:
        line = listing.filing_lines(connection, FilingFilter(editions=True))[0]
        found = listing.filing_item(connection, line.id)
        assert listing.filing_item(connection, 10**6) is None
    assert found is not None
    assert (line.editions, line.documents, line.reason) == (2, 3, Dated(EditionEvidence.PRINTED, "2023-03-01"))
    assert (line.status, line.published_on) == ("accepted", "2023-03-01")
    assert [(e.number, e.in_force, e.dated, [d.document_id for d in e.documents]) for e in found.editions] == [
        (1, False, Dated(EditionEvidence.PRINTED, "2023-01-20"), [first]),
        (2, True, Dated(EditionEvidence.PRINTED, "2023-03-01"), [second, pdf]),
    ]
    (change,) = found.editions[1].changes
    assert (change.rule, change.cells, change.document_id, change.other_id) == ("filing.changed", (CELL,), second, first)
    assert found.editions[0].changes == ()
    leader, rendition = found.editions[1].documents
    assert (leader.in_force, rendition.in_force, rendition.rendition_of) == (True, False, second)
    assert (rendition.path, rendition.shown) == ("in/2.txt", True)
    (cell,) = found.cells
    assert cell.indicator == CELL
    assert [(each.edition, each.leads, each.value) for each in cell.stated] == [(1, True, 3), (2, True, 4), (2, False, 4)]
    stated = cell.of_edition(2)
    assert stated is not None
    assert (stated.document_id, stated.state) == (second, "proven")


def test_a_choice_and_a_failure_are_seen(engine: Engine, documents: list[int]) -> None:
    first, second, pdf, *_ = documents
    with engine.connect() as connection:
        number = listing.filing_lines(connection, FilingFilter(editions=True))[0].id
    run_transaction(engine, lambda c: filings.choose(c, number, first, who="li", reason="原件如此"))
    assert lines(engine, chosen=True) == [("洪泽区民政局", 2022, first)]
    with engine.connect() as connection:
        found = listing.filing_item(connection, number)
        of_second = listing.filing_of_document(connection, second)
    assert found is not None
    assert (found.chosen_document_id, found.chosen_why, found.line.chosen_by) == (first, "原件如此", "li")
    assert found.line.reason == Dated(EditionEvidence.CHOSEN, "")
    assert [len(edition.changes) for edition in found.editions] == [0, 1]
    assert of_second is not None
    assert (of_second.edition, of_second.editions, of_second.in_force, of_second.document_in_force) == (2, 2, False, first)
    run_transaction(engine, lambda c: filings.choose(c, number, None, who="li", reason="还是新版"))
    with engine.begin() as connection:
        connection.execute(update(DOCUMENT).where(DOCUMENT.c.id == second).values(status="failed"))
        found = listing.filing_item(connection, number)
        of_pdf = listing.filing_of_document(connection, pdf)
    assert of_pdf is not None
    assert (of_pdf.in_force, of_pdf.rendition_of) == (True, second)
    assert found is not None
    assert found.line.document_id == pdf
    assert found.editions[1].leader.document_id == pdf
    assert [document.in_force for document in found.editions[1].documents] == [False, True]


def test_renditions_that_differ_are_side_by_side(engine: Engine) -> None:
    scan, page = register(engine, 2)
    load(engine, scan, doubtful(dated(verdict(new_received=8), None, Reader.OCR), "granted", 7))
    load(engine, page, dated(verdict(new_received=3, granted=7), "2023-01-20", Reader.HTML))
    with engine.connect() as connection:
        (line,) = listing.filing_lines(connection, FilingFilter())
        found = listing.filing_item(connection, line.id)
    assert found is not None
    (edition,) = found.editions
    (change,) = edition.changes
    assert (change.rule, change.other_id) == ("filing.renditions_differ", scan)
    assert [(cell.indicator, [each.value for each in cell.stated]) for cell in found.cells] == [(CELL, [3, 8])]


@pytest.mark.usefixtures("documents")
def test_agencies_are_found_and_shown(engine: Engine) -> None:
    known = numbers(engine)
    civil, culture = known["洪泽区民政局"], known["洪泽区文旅局"]
    with engine.connect() as connection:
        assert [a.id for a in agencies.find_agencies(connection, "民政")] == [civil]
        assert [a.id for a in agencies.find_agencies(connection, "洪泽区文旅局")] == [culture]
        assert [a.id for a in agencies.find_agencies(connection, str(culture))] == [culture]
        assert {a.id for a in agencies.find_agencies(connection, "洪泽")} == {civil, culture}
        assert agencies.find_agencies(connection, "999999") == agencies.find_agencies(connection, "无此") == []
        assert [a.id for a in agencies.agency_lines(connection, AgencyFilter(text="民政"))] == [civil]
        assert agencies.count_agencies(connection, AgencyFilter(region="3208", kind="department")) == 2
        assert agencies.agency_lines(connection, AgencyFilter(kind="town")) == []
        (line,) = agencies.agency_lines(connection, AgencyFilter(text="民政"))
        found = agencies.agency_item(connection, civil)
        assert agencies.agency_item(connection, 10**6) is None
    assert (line.names, line.filings, line.first_year, line.last_year) == (1, 2, 2021, 2022)
    assert found is not None
    assert [(name.name, name.source) for name in found.names] == [("洪泽区民政局", "report")]
    assert found.keys == ("320813:民政局",)
    assert [filing.year for filing in found.filings] == [2022, 2021]
    assert (found.superior, found.superior_set, found.merged_into, found.joined) == (None, False, None, ())


def test_the_superior_follows_from_the_region(engine: Engine) -> None:
    bureau, county = register(engine, 2)
    load(engine, bureau, verdict())
    load(engine, county, verdict("洪泽区人民政府"))
    known = numbers(engine)
    with engine.connect() as connection:
        found = agencies.agency_item(connection, known["洪泽区民政局"])
        own = agencies.agency_item(connection, known["洪泽区人民政府"])
    assert found is not None
    assert found.superior is not None
    assert (found.superior.name, found.superior_set) == ("洪泽区人民政府", False)
    assert own is not None
    assert own.superior is None  # the city's government is not in the register


def test_a_person_sets_the_superior_and_takes_it_back(engine: Engine) -> None:
    bureau, county, other = register(engine, 3)
    for document, name in ((bureau, "洪泽区民政局"), (county, "洪泽区人民政府"), (other, "洪泽区卫生健康委员会")):
        load(engine, document, verdict(name))
    known = numbers(engine)
    civil, government, health = (known[name] for name in ("洪泽区民政局", "洪泽区人民政府", "洪泽区卫生健康委员会"))

    def superior(agency: int) -> tuple[int, bool] | None:
        with engine.connect() as connection:
            found = agencies.agency_item(connection, agency)
        assert found is not None
        return None if found.superior is None else (found.superior.id, found.superior_set)

    run_transaction(engine, lambda c: decisions.put_under(c, civil, health, who="li", reason="归口"))
    assert superior(civil) == (health, True)
    with pytest.raises(UsageError):
        run_transaction(engine, lambda c: decisions.put_under(c, health, civil, who="li", reason="环"))
    with pytest.raises(UsageError):
        run_transaction(engine, lambda c: decisions.put_under(c, civil, civil, who="li", reason="环"))
    run_transaction(engine, lambda c: filings.join(c, government, health, who="li", reason="并入"))
    assert superior(civil) == (government, True)
    with engine.connect() as connection:
        joined, put = agencies.decisions(connection)
    run_transaction(engine, lambda c: filings.undo(c, joined.id, who="li", reason="误并"))
    run_transaction(engine, lambda c: filings.undo(c, put.id, who="li", reason="误设"))
    assert superior(civil) == (government, False)


def asked(engine: Engine, **wanted: object) -> list[tuple[str, set[str]]]:
    """(reason, names of the two) of the questions that are asked."""
    with engine.connect() as connection:
        found = agencies.open_cases(connection, **wanted)  # type: ignore[arg-type]
        assert wanted or agencies.count_cases(connection) == len(found)
        return [(item.reason, {item.one.agency.name, item.other.agency.name}) for item in found]


def test_a_question_shows_the_evidence_of_both_and_ends_when_both_report_on_a_year(engine: Engine) -> None:
    one, other, later = register(engine, 3)
    load(engine, one, verdict("洪泽区商务局", 2021, granted=5))
    load(engine, other, verdict("洪泽区商务和投资促进局", 2022, granted=5))
    names = {"洪泽区商务局", "洪泽区商务和投资促进局"}
    assert asked(engine) == asked(engine, region="320800") == [("shorter", names)]
    assert asked(engine, region="33") == []
    with engine.connect() as connection:
        (item,) = agencies.open_cases(connection)
        assert agencies.case(connection, item.id) == item
        assert agencies.open_cases(connection, after=item.id) == []
        assert agencies.open_cases(connection, agency_id=item.other.agency.id) == [item]
    assert (item.one.names, item.one.years, item.one.documents) == (("洪泽区商务局",), (2021,), {2021: (one,)})
    assert (item.other.years, item.other.documents) == ((2022,), {2022: (other,)})
    assert item.zh
    assert item.en.startswith("the name of one may be short")
    load(engine, later, verdict("洪泽区商务局", 2022, granted=4))
    assert asked(engine) == []


def test_a_question_goes_to_the_agency_that_one_was_joined_with(engine: Engine) -> None:
    one, other, third = register(engine, 3)
    load(engine, one, verdict("洪泽区商务局", 2021, granted=5))
    load(engine, other, verdict("洪泽区商务和投资促进局", 2022, granted=5))
    load(engine, third, verdict("洪泽区招商局", 2020, granted=5))
    known = numbers(engine)
    short, long, new = (known[name] for name in ("洪泽区商务局", "洪泽区商务和投资促进局", "洪泽区招商局"))
    run_transaction(engine, lambda c: filings.join(c, new, short, who="li", reason="改名"))
    with engine.connect() as connection:
        (item,) = agencies.open_cases(connection)
        assert {item.one.agency.id, item.other.agency.id} == {new, long}
        assert agencies.open_cases(connection, agency_id=new) == [item]
        assert [a.id for a in agencies.find_agencies(connection, str(short))] == [new]
        (decided,) = agencies.decisions(connection)
        found = agencies.agency_item(connection, new)
    assert (decided.action, decided.agency.id, decided.reason) == ("join", new, "改名")
    assert found is not None
    assert found.decisions == (decided,)
    assert [agency.id for agency in found.joined] == [short]
    run_transaction(engine, lambda c: decisions.keep_apart(c, new, long, who="li", reason="两个机关"))
    assert asked(engine) == []
    with engine.connect() as connection:
        apart = agencies.decisions(connection, limit=1)[0]
    run_transaction(engine, lambda c: filings.undo(c, apart.id, who="li", reason="再看"))
    assert asked(engine) == [("shorter", {item.one.agency.name, item.other.agency.name})]
    with engine.connect() as connection:
        assert [each.id for each in agencies.decisions(connection)] == [decided.id]
        assert [each.id for each in agencies.decisions(connection, standing=False)] == [apart.id, decided.id]
        undone = agencies.decision(connection, apart.id)
        assert agencies.decision(connection, 10**6) is None
    assert undone is not None
    assert (undone.ended_by, undone.ended_reason) == ("li", "再看")


def test_successions_are_shown_on_both_sides(engine: Engine) -> None:
    old, new = register(engine, 2)
    load(engine, old, verdict("洪泽区国土资源局", 2017, granted=5))
    load(engine, new, verdict("洪泽区自然资源和规划局", 2019, granted=5))
    with engine.connect() as connection:
        (item,) = agencies.open_cases(connection)
    assert (item.reason, item.year, item.predecessor) == ("succession", 2018, "洪泽区国土资源局")
    known = numbers(engine)
    before, after = known["洪泽区国土资源局"], known["洪泽区自然资源和规划局"]
    run_transaction(engine, lambda c: decisions.succeed(c, before, after, year=2018, who="li", reason="机构改革"))
    with engine.connect() as connection:
        assert agencies.open_cases(connection) == []
        one, other = agencies.agency_item(connection, before), agencies.agency_item(connection, after)
    assert one is not None
    assert other is not None
    assert [(each.agency.id, each.year) for each in one.successors] == [(after, 2018)]
    assert [(each.agency.id, each.year) for each in other.predecessors] == [(before, 2018)]
    assert (one.predecessors, other.successors) == ((), ())
