"""A database of the version before filings is brought to this one, taken back and brought forward again: nothing is lost, and the
documents are in the same filings each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from codebook.records import Reader, Status, Verdict
from console.cli import app, environment
from console.filing import file_pending, upgrade_database
from database import migrations
from database.clock import now
from database.models import ExpectedRow
from database.reports.neighbours import REPORT
from database.reports.results import FINDING
from database.session import make_engine
from runtime.settings import Settings, load_settings
from tests.database.test_filing_families import outcome, rows
from tests.database.test_filings import dated, doubtful
from tests.database.test_results import load, register, verdict

BEFORE = "0011"
LISTED = ("洪泽区民政局", "洪泽区发展和改革委员会", "洪泽区水利局")
KEYS = ("320813:民政局", "320813:发改", "320813:水利局")  # as the version before wrote them


def reports() -> list[Verdict]:
    """Two editions, a scan whose doubt its page settles, two years that contradict each other, and one without an agency."""
    nameless = verdict(granted=1)
    return [
        dated(verdict(new_received=3), "2023-01-20"),
        dated(verdict(new_received=4), "2023-03-01"),
        doubtful(dated(verdict("洪泽区水利局", 2021, new_received=3), None, Reader.OCR), "granted", 7, 2),
        dated(verdict("洪泽区水利局", 2021, new_received=3, granted=2), "2022-01-20", Reader.HTML),
        dated(verdict("洪泽区发改委", 2021, carried_forward=5), "2022-01-20"),
        dated(verdict("洪泽区发展和改革委员会", 2022, carried_over=4), "2023-01-20"),
        dated(verdict("淮安市洪泽区人民政府", 2022, new_received=2), "2023-01-20"),
        Verdict(msgspec.structs.replace(nameless.report, agency=None), (), Status.NEEDS_REVIEW),
    ]


def write_old_keys(engine: Engine) -> None:
    """Give the reports, and the list of those that must report, the keys of the version before."""
    with engine.begin() as connection:
        connection.execute(update(REPORT).where(REPORT.c.agency.is_not(None)).values(agency_key="320813:" + REPORT.c.agency))
        connection.execute(text("delete from gk_expected"))
        for agency, key in zip(LISTED, KEYS, strict=True):
            row = {"year": 2022, "agency": agency, "agency_key": key, "region_code": "320813"}
            connection.execute(insert(ExpectedRow).values(**row, listed_at=now()))


def kept(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """What no upgrade may change: documents, reports, cells as their documents alone were read, and what reports show alone."""
    queries = {
        "documents": "select id, sha256, report_id from gk_document order by id",
        "reports": "select id, document_id, version, status, agency, year, digest from gk_report order by id",
        "cells": "select report_id, indicator, raw, score, candidates from gk_value order by 1, 2",
        "findings": 'select report_id, rule, message from gk_finding where "between" is null order by id',
    }
    return {name: [tuple(map(str, row)) for row in rows(engine, query)] for name, query in queries.items()}


def as_read(engine: Engine) -> list[tuple[Any, ...]]:
    """Status of each document, and value and state of each cell."""
    cells = "select d.id, d.status, v.indicator, v.value, v.state from gk_document d join gk_value v on v.report_id = d.report_id"
    return rows(engine, f"{cells} order by 1, 3")


def old_database(engine: Engine) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """Make a database of the version before with all reports. Return what this version makes of the same documents, and what
    each document alone says.
    """
    migrations.upgrade(engine)
    documents, loaded = register(engine, len(reports())), reports()
    alone = []
    for document, each in zip(documents, loaded, strict=True):
        load(engine, document, each)
        for reading in each.report.readings:
            alone.append((document, each.status.value, reading.indicator, reading.value, reading.state.value))
    made = outcome(engine)
    migrations.downgrade(engine, BEFORE)
    write_old_keys(engine)
    return made, sorted(alone)


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """A database without tables."""
    if request.param == "sqlite":
        return make_engine(f"sqlite:///{tmp_path / 'empty.db'}", pooled=False)
    server = request.getfixturevalue("postgres_server")
    return make_engine(server.url(server.create()), pooled=False)


def test_a_database_of_the_version_before_is_upgraded_taken_back_and_upgraded(empty: Engine) -> None:
    made, alone = old_database(empty)
    assert any(status == "needs_review" for _, status, *_ in alone)
    before = kept(empty)
    for _ in range(2):
        # Of the version before: what each document alone says, and no finding that it does not know.
        assert as_read(empty) == alone
        assert rows(empty, "select count(*) from gk_finding where \"between\" = 'filing'") == [(0,)]
        assert rows(empty, "select count(distinct sha256) from gk_current_value") == [(8,)]
        assert rows(empty, "select count(*) from gk_wide_requests") == [(8,)]
        assert rows(empty, "select count(*) from gk_current_finding where rule = 'years.carry_over'") == [(1,)]
        assert upgrade_database(empty) == 7
        assert outcome(empty) == made
        assert kept(empty) == before
        assert rows(empty, "select count(*) from gk_current_filing") == [(5,)]
        listed = rows(empty, "select e.agency from gk_expected e join gk_agency_key k on k.key = e.agency_key order by e.id")
        assert [agency for (agency,) in listed] == list(LISTED)
        assert file_pending(empty) == 0
        migrations.downgrade(empty, BEFORE)
        assert migrations.current(empty) == BEFORE


def refuse(engine: Engine, document: int) -> Callable[[], None]:
    """Let the database refuse a document's place in a filing; return what takes this back."""
    when = f"before insert on gk_filing_document for each row when (new.document_id = {document})"
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"create trigger refuse {when} begin select raise(abort, 'refused'); end")
        else:
            body = "begin raise exception 'refused'; end"
            connection.exec_driver_sql(
                f"create function refused() returns trigger language plpgsql as '{body.replace(chr(39), 2 * chr(39))}'"
            )
            connection.exec_driver_sql(f"create trigger refuse {when} execute function refused()")

    def again() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "drop trigger refuse" + ("" if connection.dialect.name == "sqlite" else " on gk_filing_document")
            )

    return again


def test_what_ends_in_the_middle_goes_on_the_next_time(empty: Engine) -> None:
    made, _ = old_database(empty)
    migrations.upgrade(empty)
    again = refuse(empty, 4)
    with pytest.raises(DBAPIError, match="refused"):
        upgrade_database(empty)
    assert rows(empty, "select count(*) from gk_filing_document") == [(3,)]
    again()
    assert upgrade_database(empty) == 4
    assert outcome(empty) == made


def test_two_lines_of_a_list_take_new_keys_of_which_one_is_the_old_key_of_the_other(engine: Engine) -> None:
    with engine.begin() as connection:
        for agency, key in (("洪泽区民政局", "一"), ("洪泽区水利局", "320813:民政局")):
            row = {"year": 2022, "agency": agency, "agency_key": key, "region_code": "320813"}
            connection.execute(insert(ExpectedRow).values(**row, listed_at=now()))
    assert file_pending(engine) == 0
    assert rows(engine, "select agency, agency_key from gk_expected order by id") == [
        ("洪泽区民政局", "320813:民政局"),
        ("洪泽区水利局", "320813:水利局"),
    ]


def test_documents_in_the_filing_of_another_agency_than_their_name_means_are_filed(engine: Engine) -> None:
    one, other = register(engine, 2)
    load(engine, one, verdict("洪泽区民政局", 2021, granted=1))
    load(engine, other, verdict("洪泽区水利局", 2021, granted=1))
    made = outcome(engine)
    with engine.begin() as connection:
        connection.execute(text("update gk_filing_document set filing_id = (select min(id) from gk_filing), rank = 1"))
        connection.execute(text("delete from gk_filing where id > (select min(id) from gk_filing)"))
    assert file_pending(engine) == 1
    assert outcome(engine) == made


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home folder of a program without settings."""
    for name in ("GONGKAI_DATABASE_URL", "GONGKAI_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GONGKAI_HOME", str(tmp_path))
    load_settings.cache_clear()
    yield tmp_path
    load_settings.cache_clear()


def test_the_command_upgrades_the_database_of_the_version_before(home: Path) -> None:
    engine = make_engine(f"sqlite:///{home / 'gongkai.db'}", pooled=False)
    made, _ = old_database(engine)
    answer = CliRunner().invoke(app, ["db", "upgrade"])
    assert (answer.exit_code, answer.stderr) == (0, f"from version {BEFORE} to {migrations.head()}; 7 documents filed\n"), (
        answer.output
    )
    assert outcome(engine) == made
    answer = CliRunner().invoke(app, ["db", "upgrade"])
    assert (answer.exit_code, answer.stderr) == (0, f"from version {migrations.head()} to {migrations.head()}\n"), answer.output


def test_a_command_that_takes_files_in_upgrades_and_goes_on_where_another_ended(home: Path) -> None:
    engine = make_engine(f"sqlite:///{home / 'gongkai.db'}", pooled=False)
    made, _ = old_database(engine)
    folder = home / "in"
    folder.mkdir()
    (folder / "报告.txt").write_text("洪泽区民政局2020年政府信息公开工作年度报告", encoding="utf-8")
    migrations.upgrade(engine)
    again = refuse(engine, 4)
    with pytest.raises(DBAPIError), environment.database(Settings(home=home), make=True):
        pass
    again()
    answer = CliRunner().invoke(app, ["ingest", str(folder), "--no-wait"])
    assert answer.exit_code in (0, 3), answer.output
    assert outcome(engine) == made
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(text("gk_document"))) == len(reports()) + 1
        assert connection.scalar(select(func.count()).where(FINDING.c.rule == "filing.changed")) == 1
