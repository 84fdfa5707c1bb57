"""Families of editions and renditions in every order of arrival, with re-processing, joining, choosing and crashes between: the
same filings, the same edition in force, the same findings, one row for each agency and year.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from sqlalchemy import Connection, Engine, select, text

from codebook.errors import UsageError
from codebook.records import Reader, Verdict
from console import filing as filings
from database.filings import decisions
from database.filings.in_force import FILING
from database.filings.members import filing_of
from database.models import AgencyDecision
from database.session import run_transaction
from tasks.loading.task import load_verdict
from tests.database.test_results import VERSIONS, register, verdict

GOVERNMENT, KEPT, JOINED = "淮安市洪泽区人民政府", "洪泽区文化局", "洪泽区文旅局"
NAMES = {  # names that the register knows to be one agency
    GOVERNMENT: (GOVERNMENT, "洪泽区"),
    "洪泽区发展和改革委员会": ("洪泽区发改委", "江苏省淮安市洪泽区发展改革委"),
    KEPT: (KEPT,),
    JOINED: (JOINED,),
}
FORMATS = (Reader.HTML, Reader.PDF, Reader.DOCX, Reader.TXT)


class Rendition(NamedTuple):
    """A document of a family: what is loaded, and by which decisions of people it is touched."""

    loaded: Verdict
    chosen: bool = False


def family(random: Random, agency: str, year: int) -> list[Rendition]:
    """One to three editions of a report, each in one to three formats; the numbers of an edition differ from those before it."""
    made = []
    editions, base = random.randint(1, 3), random.randint(0, 9)
    chosen = random.randrange(editions) if random.random() < 0.3 else None
    for edition in range(editions):
        cells = {"new_received": base + edition, "carried_over": base, "carried_forward": random.choice((base, base + 1))}
        for reader in random.sample(FORMATS, random.randint(1, 3)):
            loaded = verdict(random.choice(NAMES[agency]), year, **cells)
            readings = tuple(msgspec.structs.replace(reading, read_by=reader) for reading in loaded.report.readings)
            day = f"{year + 1}-0{edition + 1}-20"
            report = msgspec.structs.replace(loaded.report, readings=readings, published_on=day)
            made.append(Rendition(msgspec.structs.replace(loaded, report=report), chosen == edition))
    return made


def world(seed: int) -> list[Rendition]:
    """The documents of four agencies on three years."""
    random = Random(seed)
    return [rendition for agency in NAMES for year in (2020, 2021, 2022) for rendition in family(random, agency, year)]


class CrashError(Exception):
    """The process dies before it commits."""


def crash(engine: Engine, act: Callable[[Connection], object]) -> None:
    """Do something and die before it is committed."""

    def dying(connection: Connection) -> None:
        act(connection)
        raise CrashError

    with pytest.raises(CrashError):
        run_transaction(engine, dying)


def live(engine: Engine, renditions: list[Rendition], seed: int) -> None:
    """Let the documents come in, in an order of the seed, and people decide between."""
    random = Random(seed)
    documents = register(engine, len(renditions))
    order = random.sample(range(len(renditions)), len(renditions))
    joining = random.randrange(len(order) // 2, len(order))
    agencies_known: dict[str, int] = {}
    for step, place in enumerate(order):

        def load(connection: Connection, place: int = place) -> None:
            load_verdict(connection, documents[place], renditions[place].loaded, VERSIONS)

        if random.random() < 0.15:
            crash(engine, load)
        run_transaction(engine, load)
        if random.random() < 0.15:
            again = random.choice(order[: step + 1])
            run_transaction(engine, lambda c, n=again: load_verdict(c, documents[n], renditions[n].loaded, VERSIONS))  # type: ignore[misc]
        if step == joining:
            agencies_known = join(engine, random)
    if not agencies_known:
        join(engine, random)
    for place in range(len(renditions)):  # of two choices for one filing the later one holds: people make them in one order
        if renditions[place].chosen:
            choose(engine, documents[place], random)


def join(engine: Engine, random: Random) -> dict[str, int]:
    """Join two agencies, if both are known yet; now and then after joining, undoing and a crash."""
    known = {name: number for number, name in rows(engine, "select id, name from gk_agency where merged_into is null")}
    if KEPT not in known or JOINED not in known:
        return {}

    def act(connection: Connection) -> None:
        filings.join(connection, known[KEPT], known[JOINED], who="li", reason="同一机关")

    if random.random() < 0.5:
        crash(engine, act)
    run_transaction(engine, act)
    if random.random() < 0.5:
        last = rows(engine, "select max(id) from gk_agency_decision where ended_at is null")[0][0]
        run_transaction(engine, lambda c: filings.undo(c, last, who="li", reason="再看看"))
        run_transaction(engine, act)
    return known


def choose(engine: Engine, document: int, random: Random) -> None:
    def act(connection: Connection) -> None:
        there = filing_of(connection, document)
        assert there is not None
        filings.choose(connection, there.filing_id, document, who="li", reason="以此为准")

    if random.random() < 0.3:
        crash(engine, act)
    run_transaction(engine, act)


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def outcome(engine: Engine) -> dict[str, Any]:
    """What the database says, without numbers that depend on the order in which rows were made."""
    filed = """select a.name, f.year, d.sha256, m.edition, m.rank, f.editions, f.chosen_document_id is null
        from gk_filing f join gk_agency a on a.id = f.agency_id join gk_filing_document m on m.filing_id = f.id
        join gk_document d on d.id = m.document_id order by 1, 2, 5"""
    found = """select x.rule, x.message, d.sha256, o.sha256 from gk_finding x join gk_report r on r.id = x.report_id
        join gk_document d on d.id = r.document_id left join gk_report q on q.id = x.other_report_id
        left join gk_document o on o.id = q.document_id where x."between" is not null order by 1, 2, 3, 4"""
    values = "select sha256, indicator, value, state from gk_current_value order by 1, 2"
    return {name: rows(engine, query) for name, query in (("filed", filed), ("found", found), ("values", values))}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_every_way_leads_to_the_same_filings(engine: Engine, seed: int) -> None:
    renditions = world(seed)
    outcomes = []
    for way in range(3):
        live(engine, renditions, 100 * seed + way)
        one = outcome(engine)
        for view in ("gk_current_filing", "gk_wide_requests"):
            agency = "agency_id" if view == "gk_current_filing" else "sha256"
            assert rows(engine, f"select {agency}, year from {view} group by 1, 2 having count(*) > 1") == []
        assert rows(engine, "select count(*) from gk_current_filing") == [(9,)]  # three agencies, three years
        assert rows(engine, "select count(*) from gk_wide_requests") == [(9,)]
        in_force = {sha256 for (sha256,) in rows(engine, "select sha256 from gk_current_filing")}
        assert {found[2] for found in one["found"]} <= in_force  # nobody is accused of an edition that was replaced
        outcomes.append(one)
        clear(engine)
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert any(found[0] == "filing.changed" for found in outcomes[0]["found"])
    assert any(found[0] == "years.carry_over" for found in outcomes[0]["found"])


def clear(engine: Engine) -> None:
    """Empty the tables, in an order that the references between them allow."""
    first = (
        "search",
        "review_lease",
        "finding_move",
        "finding_case",
        "finding",
        "report_values",
        "section",
        "block",
        "filing_document",
        "filing",
    )
    tables = (*first, *(f"agency_{name}" for name in ("case", "decision", "alias", "key")))
    with engine.begin() as connection:
        for table in tables:
            connection.execute(text(f"delete from gk_{table}"))
        connection.execute(text("update gk_document set report_id = null"))
        connection.execute(text("update gk_agency set merged_into = null, superior_id = null"))
        for table in ("report", "agency", "source", "document", "batch", "audit", "audit_head"):
            connection.execute(text(f"delete from gk_{table}"))


@pytest.mark.parametrize("pairs", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_planted_corrections(engine: Engine, pairs: int) -> None:
    """Each changed cell of each correction is listed, and no other."""
    random = Random(5)
    cells = ["new_received", "carried_over", "granted", "partially_granted", "carried_forward", "total_handled"]
    planted: dict[str, list[str]] = {}
    documents = register(engine, 2 * pairs)
    for number in range(pairs):
        year, agency = 2015 + number % 8, f"洪泽区第{number // 8}中学"
        values = {cell: random.randint(0, 99) for cell in cells}
        changed = sorted(random.sample(cells, random.randint(1, 6)))
        later = values | {cell: values[cell] + random.randint(1, 9) for cell in changed}
        pair = [verdict(agency, year, **values), verdict(agency, year, **later)]
        for place in random.sample((0, 1), 2):
            report = msgspec.structs.replace(pair[place].report, published_on=f"{year + 1}-0{place + 1}-20")
            loaded = msgspec.structs.replace(pair[place], report=report)
            run_transaction(engine, lambda c, n=2 * number + place, v=loaded: load_verdict(c, documents[n], v, VERSIONS))  # type: ignore[misc]
        planted[f"{agency}{year}"] = [f"requests.{cell}.total" for cell in changed]
    query = """select r.agency, r.year, x.cells from gk_current_finding x join gk_report r on r.id = x.report_id
        where x.rule = 'filing.changed'"""
    with engine.connect() as connection:
        found = {
            f"{agency}{year}": sorted(json.loads(listed) if isinstance(listed, str) else listed)
            for agency, year, listed in connection.execute(text(query))
        }
    assert found == planted


def test_undone_in_the_order_of_decisions_alone(engine: Engine) -> None:
    """Who undoes a decision on which a later one rests is told which to undo first."""
    documents = register(engine, 2)
    for document, name in zip(documents, (KEPT, JOINED), strict=True):
        run_transaction(engine, lambda c, d=document, n=name: load_verdict(c, d, verdict(n, 2021, granted=1), VERSIONS))  # type: ignore[misc]
    kept, joined = (number for (number,) in rows(engine, "select id from gk_agency order by id"))
    run_transaction(engine, lambda c: filings.join(c, kept, joined, who="li", reason="同一机关"))
    run_transaction(engine, lambda c: decisions.rename(c, kept, "洪泽区文化和旅游局", who="li", reason="全称"))
    first, second = (row[0] for row in rows(engine, "select id from gk_agency_decision order by id"))
    with pytest.raises(UsageError, match=f"decision {second}"):
        run_transaction(engine, lambda c: filings.undo(c, first, who="li", reason="误"))
    for number in (second, first):
        run_transaction(engine, lambda c, n=number: filings.undo(c, n, who="li", reason="误"))  # type: ignore[misc]
    assert [name for (name,) in rows(engine, "select agency_name from gk_current_filing order by 1")] == sorted((KEPT, JOINED))
    with engine.connect() as connection:
        assert connection.execute(select(AgencyDecision.ended_by).distinct()).scalars().all() == ["li"]
        assert len(connection.execute(select(FILING.c.id)).all()) == 2
