"""Loaders and people at once on PostgreSQL: no document is lost, no filing is there twice, and the outcome is the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random

import pytest
from sqlalchemy import Connection, Engine

from console import filing as filings
from database.filings.members import filing_of
from database.session import make_engine, run_transaction
from tasks.loading.task import load_verdict
from tests.database.test_filing_families import JOINED, KEPT, clear, outcome, rows, world
from tests.database.test_filings import dated
from tests.database.test_results import VERSIONS, load, register, verdict

SHORT, LONG = "洪泽区商务局", "洪泽区商务和投资促进局"


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    made = make_engine(postgres_url)
    yield made
    made.dispose()


@contextmanager
def meanwhile(engine: Engine, act: Callable[[Connection], object]) -> Iterator[threading.Thread]:
    """Begin to do something in another transaction. It must be over soon after the ``with`` statement."""
    thread = threading.Thread(target=run_transaction, args=(engine, act))
    yield thread
    thread.join(20)
    assert not thread.is_alive()


def agency(engine: Engine, name: str) -> int:
    return int(rows(engine, f"select id from gk_agency where name = '{name}'")[0][0])


def whole(engine: Engine) -> None:
    """Each document is in the filing of the agency that its name means, and each filing has one document of each rank."""
    astray = """select r.document_id from gk_document d join gk_report r on r.id = d.report_id
        left join gk_agency_key k on k.key = r.agency_key left join gk_filing_document m on m.document_id = d.id
        left join gk_filing f on f.id = m.filing_id where f.agency_id is distinct from k.agency_id or f.year <> r.year"""
    assert rows(engine, astray) == []
    assert rows(engine, "select filing_id from gk_filing_document group by filing_id, rank having count(*) > 1") == []
    assert (
        rows(engine, "select id from gk_filing f where not exists (select 1 from gk_filing_document where filing_id = f.id)")
        == []
    )
    assert rows(engine, "select f.id from gk_filing f join gk_agency a on a.id = f.agency_id where merged_into is not null") == []


def test_who_joins_agencies_waits_for_a_document_of_theirs_that_is_being_loaded(engine: Engine) -> None:
    one, other, late = register(engine, 3)
    load(engine, one, verdict(KEPT, 2021, granted=1))
    load(engine, other, verdict(JOINED, 2021, granted=1))
    kept, joined = agency(engine, KEPT), agency(engine, JOINED)

    def join(connection: Connection) -> None:
        filings.join(connection, kept, joined, who="li", reason="同一机关")

    with meanwhile(engine, join) as second, engine.begin() as connection:
        load_verdict(connection, late, verdict(JOINED, 2022, granted=2), VERSIONS)
        second.start()
        second.join(0.3)
        assert second.is_alive()
    whole(engine)
    assert rows(engine, "select agency_name, year from gk_current_filing order by 2") == [(KEPT, 2021), (KEPT, 2022)]


def test_a_document_that_is_moved_while_its_new_result_waits_leaves_nothing_behind(engine: Engine) -> None:
    """Its old agency is joined with another while the load waits, and its new result is of another year."""
    one, other, late = register(engine, 3)
    load(engine, one, verdict(KEPT, 2018, granted=1))
    load(engine, other, dated(verdict(JOINED, 2018, carried_forward=5), "2019-03-01"))
    load(engine, late, verdict(KEPT, 2019, carried_over=4))
    kept, joined = agency(engine, KEPT), agency(engine, JOINED)
    again = threading.Thread(target=load, args=(engine, other, verdict(JOINED, 2022, granted=2)))
    with engine.begin() as connection:
        filings.join(connection, kept, joined, who="li", reason="同一机关")
        again.start()
        again.join(0.3)
        assert again.is_alive()
    again.join(20)
    whole(engine)
    assert rows(engine, "select sha256, year from gk_current_filing where year = 2022") == rows(
        engine, f"select sha256, 2022 from gk_document where id = {other}"
    )
    assert rows(engine, "select count(*) from gk_finding where rule = 'years.carry_over'") == [(0,)]


def test_of_two_new_agencies_that_may_be_one_the_second_asks(engine: Engine) -> None:
    one, other = register(engine, 2)

    def second(connection: Connection) -> None:
        load_verdict(connection, other, verdict(LONG, 2022), VERSIONS)

    with meanwhile(engine, second) as thread, engine.begin() as connection:
        load_verdict(connection, one, verdict(SHORT, 2021), VERSIONS)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    whole(engine)
    assert rows(engine, "select count(*) from gk_agency_case where state = 'open'") == [(1,)]


def test_two_new_documents_of_one_agency_and_year_make_one_agency_and_one_filing(engine: Engine) -> None:
    documents = register(engine, 12)
    for number in range(6):
        name = f"洪泽区第{number}中学"
        loads = [(document, verdict(name, 2022, granted=document)) for document in documents[2 * number :][:2]]
        at_once([lambda d=d, v=v: load(engine, d, v) for d, v in loads])  # type: ignore[misc]
    whole(engine)
    assert rows(engine, "select count(*), sum(editions) from gk_filing") == [(6, 12)]
    assert rows(engine, "select count(*) from gk_agency") == [(6,)]


def at_once(acts: Sequence[Callable[[], object]]) -> None:
    """Do all of this at once, each in a thread. Raises the first error of any."""
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        start.wait()
        act()

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(run, act) for act in acts]:
            done.result()


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))])
def test_two_loaders_while_agencies_are_joined_and_parted_lead_to_one_outcome(engine: Engine, seed: int) -> None:
    renditions = [each for each in world(seed) if each.loaded.report.agency in (KEPT, JOINED)]
    outcomes = []
    for way in range(2):
        documents = register(engine, len(renditions))
        random = Random(10 * seed + way)
        order = random.sample(range(len(renditions)), len(renditions))
        first = [next(n for n in order if renditions[n].loaded.report.agency == name) for name in (KEPT, JOINED)]
        for place in first:
            load(engine, documents[place], renditions[place].loaded)
        kept, joined = agency(engine, KEPT), agency(engine, JOINED)

        def loader(places: list[int], documents: list[int] = documents) -> None:
            for place in places:
                load(engine, documents[place], renditions[place].loaded)

        def people(kept: int = kept, joined: int = joined, documents: list[int] = documents, first: list[int] = first) -> None:
            for time in range(3):
                if time:
                    last = rows(engine, "select max(id) from gk_agency_decision where ended_at is null")[0][0]
                    run_transaction(engine, lambda c: filings.undo(c, last, who="li", reason="再看看"))  # noqa: B023
                run_transaction(engine, lambda c: filings.join(c, kept, joined, who="li", reason="同一机关"))
                run_transaction(engine, lambda c: choose(c, documents[first[0]]))

        # Each loads its own half, and both load again what the other one loads.
        at_once([lambda o=order: loader(o[::2] + o[::3]), lambda o=order: loader(o[1::2]), people])  # type: ignore[misc]
        whole(engine)
        assert rows(engine, "select count(*) from gk_filing_document") == [(len(renditions),)]
        run_transaction(engine, lambda c, d=documents[first[0]]: choose(c, None, of=d))  # type: ignore[misc]
        outcomes.append(outcome(engine))
        clear(engine)
    assert outcomes[0] == outcomes[1]


def choose(connection: Connection, document: int | None, of: int | None = None) -> None:
    """Put the edition of a document in force, or leave the filing of the document ``of`` to the evidence."""
    number = document if document is not None else of
    assert number is not None
    there = filing_of(connection, number)
    assert there is not None
    filings.choose(connection, there.filing_id, document, who="li", reason="以此为准")
