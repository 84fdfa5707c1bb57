"""Among thousands of filings each statement of a load, and of a page, finds what it wants by an index."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, text

from database import migrations
from database.filings.listing import FilingFilter, filing_item, filing_lines, filing_of_document, filing_years
from database.filings.register import comparable
from database.models import Base
from database.reports import neighbours
from database.session import make_engine
from tasks.loading.task import file_again, load_verdict
from tests.database.test_results import VERSIONS, register, verdict
from tests.value_rows import packed_rows

AGENCIES, YEARS = 600, range(2019, 2024)
FEW = 500  # rows that a statement may go through: those of an agency, or of a page
NOW = datetime(2025, 1, 1, tzinfo=UTC)
TABLES = {name.removeprefix("gk_"): table for name, table in Base.metadata.tables.items()}


def fill(engine: Engine) -> None:
    """Put in 3,000 filings of 600 agencies of twelve districts over five years, each with a page and its PDF."""
    (first,) = register(engine, 1)
    rows: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in [
            "agency",
            "agency_key",
            "document",
            "source",
            "report",
            "block",
            "value",
            "finding",
            "filing",
            "filing_document",
        ]
    }
    number = first
    report = {"version": 1, "status": "accepted", "region": [], "form": "2021", "script": "simplified", "body": b"", "doubts": []}
    for agency in range(1, AGENCIES + 1):
        governs = None if agency % 50 else f"3208{agency // 50:02}"
        code, name = f"3208{(agency + 49) // 50:02}", f"第{agency}局"
        who = {"agency": name, "agency_key": f"{code}:{name}", "region_code": code}
        stands = {"governs": governs, "reports_to": "320800" if governs else code}
        rows["agency"].append({"id": agency, "name": name, "region_code": code, "created_at": NOW})
        rows["agency_key"].append({"key": f"{code}:{name}", "agency_id": agency})
        for year in YEARS:
            filing = (agency - 1) * len(YEARS) + year - YEARS[0] + 1
            rows["filing"].append({"id": filing, "agency_id": agency, "year": year, "editions": 1, "created_at": NOW})
            for rank in range(2):
                number += 1
                sha256 = hashlib.sha256(str(number).encode()).hexdigest()
                rows["document"].append(
                    {"id": number, "sha256": sha256, "media_type": "text/plain", "size": 1, "batch_id": 1, "status": "accepted"}
                    | {"run": 1, "report_id": number, "registered_at": NOW}
                )
                rows["source"].append(
                    {"id": number, "document_id": number, "batch_id": 1, "path": str(number), "path_key": sha256}
                    | {"duplicate": False, "hints": {}, "seen_at": NOW}
                )
                version = {
                    "id": number,
                    "document_id": number,
                    "year": year,
                    "digest": sha256,
                    "versions": {},
                    "created_at": NOW,
                }
                rows["report"].append(report | who | stands | version)
                rows["block"].append({"report_id": number, "block": "requests", "form": "2021", "readable": True})
                rows["value"].append(
                    {"report_id": number, "indicator": "requests.granted.total", "value": agency, "state": "read", "raw": "1"}
                    | {"origin": "table", "read_by": "txt", "score": 1, "page": 1}
                )
                rows["finding"].append(
                    {"report_id": number, "rule": "requests.balance", "severity": "error", "message": "1", "cells": []}
                )
                rows["filing_document"].append({"document_id": number, "filing_id": filing, "edition": 1, "rank": rank})
    # a table of which PostgreSQL reads all rather than some hundred rows by their index
    rows["agency_key"] += [{"key": f"320899:第{number}局", "agency_id": 1} for number in range(10_000)]
    rows["value_layout"], rows["report_values"] = packed_rows(rows.pop("value"))
    with engine.begin() as connection:
        for name, some in rows.items():
            if name == "document":
                connection.execute(insert(TABLES[name]), [{**row, "report_id": None} for row in some])
                continue
            connection.execute(insert(TABLES[name]), some)
        connection.execute(text("update gk_document set report_id = id where id > :first"), {"first": first})
        connection.execute(text("update gk_filing set year = 1999 where id = 7"))
        if connection.dialect.name == "postgresql":
            for name in ("agency", "filing", "document", "source", "report"):
                connection.execute(
                    text(f"select setval(pg_get_serial_sequence('gk_{name}', 'id'), (select max(id) from gk_{name}))")
                )
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze"))


def acts(document: int) -> dict[str, Callable[[Connection], object]]:
    """What loads and pages ask of filings."""
    fresh = verdict("洪泽区民政局", 2022, new_received=3)
    government = verdict("淮安市洪泽区人民政府", 2022, new_received=3)
    return {
        "load": lambda c: load_verdict(c, 1, fresh, VERSIONS),
        "load of a government": lambda c: load_verdict(c, 1, government, VERSIONS),
        "load of a known document": lambda c: load_verdict(c, document, fresh, VERSIONS),
        "filed again": lambda c: file_again(c, document),
        "report keys": lambda c: neighbours.report_keys_after(c, (2020, 0), 50),
        "children": lambda c: neighbours.children_of(c, "320802", 2020),
        "children that exceed": lambda c: neighbours.children_of(c, "320802", 2020, above=document),
        "government": lambda c: neighbours.parent_of(c, "320802", 2020),
        "page of filings": lambda c: filing_lines(c, FilingFilter()),
        "second page of filings": lambda c: filing_lines(c, FilingFilter(), before=900),
        "years of filings": filing_years,
        "filings of an agency": lambda c: filing_lines(c, FilingFilter(agency_id=7)),
        "filing": lambda c: filing_item(c, 900),
        "filing of a document": lambda c: filing_of_document(c, document),
        "view of an agency": lambda c: c.execute(text("select * from gk_wide_requests where agency_id = 7")).all(),
        "filings of a year": lambda c: c.execute(text("select * from gk_current_filing where year = 1999")).all(),
    }


NAMES = list(acts(0))


@pytest.fixture(scope="module")
def postgres(postgres_server: Any) -> Iterator[Engine]:
    made = make_engine(postgres_server.url(postgres_server.create()))
    migrations.upgrade(made)
    fill(made)
    yield made
    made.dispose()


def read(connection: Connection) -> Counter[str]:
    """How many rows each table has given to the statements of this session."""
    query = text("select relname, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables")
    return Counter({name: int(count) for name, count in connection.execute(query)})


@contextmanager
def rolled_back(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("name", NAMES)
def test_postgresql_goes_through_no_table(postgres: Engine, name: str) -> None:
    """What is the cheapest for small tables only is switched off: what is still read in whole has no index."""
    with rolled_back(postgres) as connection:
        for way in ("seqscan", "hashjoin", "mergejoin"):
            connection.execute(text(f"set local enable_{way} = off"))
        before = read(connection)
        acts(2000)[name](connection)
        through = read(connection) - before
        assert {table: rows for table, rows in through.items() if rows > FEW} == {}


def test_postgresql_looks_up_names_by_their_index(postgres: Engine) -> None:
    with rolled_back(postgres) as connection:
        before = read(connection)
        assert [agency.id for agency in comparable(connection, None, ["320801:第7局", "320899:第8局"])] == [1, 7]
        assert (read(connection) - before)["gk_agency_key"] <= FEW


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path_factory.mktemp('plans') / 'plans.db'}")
    migrations.upgrade(made)
    fill(made)
    yield made
    made.dispose()


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("page of")])
def test_sqlite_goes_through_no_table(sqlite: Engine, name: str) -> None:
    with rolled_back(sqlite) as connection:
        driver, run = connection.connection.driver_connection, []
        assert driver is not None
        driver.set_trace_callback(run.append)
        acts(2000)[name](connection)
        driver.set_trace_callback(None)
        asked = [statement for statement in run if statement.split()[0].lower() in ("select", "update", "delete")]
        assert asked
        for statement in asked:
            plan = [row[3] for row in driver.execute(f"explain query plan {statement}")]
            assert [step for step in plan if re.match(r"SCAN (gk_|d\b|m\b|r\b|fl\b|its\b|better\b)", step)] == [], statement
