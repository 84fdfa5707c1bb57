"""Exports of filings: one report for each agency and year in every table, and no document lost."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import polars as pl
import pytest
from sqlalchemy import Engine, insert, select, text, update
from typer.testing import CliRunner

from codebook.records import Reader, State, Status, Verdict
from console import filing as filings
from console.cli import app
from console.export import WorkbookOptions, export
from console.export.cells import tables
from console.export.read import read_documents
from database.access import ACCESS, Access
from database.filings.in_force import FILING
from database.models import Between
from database.monitoring import queries
from database.monitoring.read_models import ReportCounts
from database.reports.results import DOCUMENT, FINDING
from database.session import reading as reading_transaction
from database.session import run_transaction
from runtime.settings import load_settings
from tests.console.test_export import BATCH, add, lines, load, reading, table, verdict

RECEIVED, GRANTED = "requests.new_received.total", "requests.granted.total"


def report(agency: str, day: str | None, received: float, read_by: Reader, **fields: Any) -> Verdict:
    """A report printed on ``day``, with one sure cell and its finding."""
    granted = fields.pop("granted", reading(GRANTED, 2, read_by=read_by))
    return verdict(agency, readings=(reading(RECEIVED, received, read_by=read_by), granted), published_on=day, **fields)


class Family:
    """Documents of two agencies: two editions and two renditions of one report, a single report, one without a year, and one
    that failed after it had been read.
    """

    def __init__(self, engine: Engine) -> None:
        self.old, self.page, self.scan, self.other, self.undated, self.failed = (
            add(engine, name) for name in ("old.html", "page.html", "scan.pdf", "other.txt", "undated.txt", "failed.docx")
        )
        load(engine, self.old, report("洪泽区民政局", "2025-01-20", 10, Reader.HTML))
        doubt = reading(GRANTED, 7, State.DOUBTFUL, read_by=Reader.OCR, doubt="不清", candidates=(7, 2))
        scanned = report("洪泽区民政局", None, 11, Reader.OCR, granted=doubt)
        load(engine, self.scan, msgspec.structs.replace(scanned, status=Status.NEEDS_REVIEW))
        load(engine, self.page, report("洪泽区民政局", "2025-03-01", 11, Reader.HTML))
        load(engine, self.other, report("洪泽区财政局", "2025-01-20", 30, Reader.TXT))
        load(engine, self.undated, report("洪泽区教育局", "2025-01-20", 500, Reader.TXT, year=None))
        load(engine, self.failed, report("洪泽区民政局", "2025-03-01", 11, Reader.DOCX))
        with engine.begin() as connection:
            connection.execute(update(DOCUMENT).where(DOCUMENT.c.id == self.failed).values(status="failed"))
            rows = connection.execute(select(DOCUMENT.c.id, DOCUMENT.c.sha256))
            self.sha256 = {row.id: row.sha256 for row in rows}


@pytest.fixture
def family(engine: Engine) -> Family:
    return Family(engine)


def read_tables(engine: Engine, form: str, folder: Path, **chosen: Any) -> dict[str, list[dict[str, Any]]]:
    """The tables of an export, as each form has them."""
    out = folder / ("out.xlsx" if form == "xlsx" else form)
    workbook = WorkbookOptions("en")
    export(engine, form, out, workbook=workbook, **chosen)  # type: ignore[arg-type]
    if form == "csv":
        return {name: table(out / f"{name}.csv") for name in tables()}
    if form == "parquet":
        return {name: pl.read_parquet(out / f"{name}.parquet").to_dicts() for name in tables()}
    found = {}
    for sheet in openpyxl.load_workbook(out).worksheets[1:]:
        header, *rows = sheet.iter_rows(values_only=True)
        found[sheet.title] = [dict(zip(map(str, header), row, strict=True)) for row in rows]
    return found


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet"])
def test_tables_have_one_report_for_each_agency_and_year(engine: Engine, family: Family, tmp_path: Path, form: str):
    found = read_tables(engine, form, tmp_path)
    speaking = {family.sha256[family.page], family.sha256[family.other]}
    for name, rows in found.items():
        if name not in ("documents", "labels"):
            reports = {(row["agency_id"], row["year"]): row["sha256"] for row in rows}
            assert len({(row["agency_id"], row["year"], row["sha256"]) for row in rows}) == len(reports), name
            assert set(reports.values()) <= speaking, name
    received = [row for row in found["values"] if row["indicator"] == RECEIVED]
    assert sorted(float(row["value"]) for row in received) == [11, 30]
    wide = found["wide_requests"]
    assert sorted(float(row["requests_new_received_total"]) for row in wide) == [11, 30]
    assert len({row["filing_id"] for row in wide}) == 2
    assert {row["agency_name"] for row in wide} == {"洪泽区民政局", "洪泽区财政局"}
    assert {str(row["in_force"]).lower() for row in (*received, *wide, *found["findings"])} == {"true"}
    assert {row["sha256"] for row in found["findings"]} == speaking

    documents = {row["sha256"]: row for row in found["documents"]}
    assert len(documents) == len(found["documents"]) == 6
    standing = {number: documents[family.sha256[number]] for number in family.sha256}
    assert standing[family.page]["filing_id"] == standing[family.old]["filing_id"] == standing[family.failed]["filing_id"]
    assert [str(standing[number]["edition"] or "") for number in (family.old, family.page, family.scan)] == ["1", "2", "2"]
    assert (standing[family.page]["rendition_of"] or None) is None
    assert standing[family.scan]["rendition_of"] == family.sha256[family.page]
    assert {number: str(row["in_force"]).lower() for number, row in standing.items() if row["filing_id"]} == {
        family.old: "false",
        family.page: "true",
        family.scan: "false",
        family.other: "true",
        family.failed: "false",
    }
    assert (standing[family.undated]["filing_id"] or None, standing[family.undated]["in_force"] or None) == (None, None)
    assert standing[family.undated]["status"] == "accepted"
    assert (standing[family.failed]["status"], standing[family.failed]["edition"] or None) == ("failed", None)


def test_the_tables_add_up_to_what_the_views_hold(engine: Engine, family: Family, tmp_path: Path):
    found = read_tables(engine, "parquet", tmp_path)
    with engine.connect() as connection:
        for name, view, value in (
            ("values", "gk_current_value", "value"),
            ("wide_requests", "gk_wide_requests", "requests_new_received_total"),
        ):
            query = f"select filing_id, agency_id, agency_name, sum({value}) as total from {view} group by 1, 2, 3"
            viewed = {
                (row.filing_id, str(row.agency_id), row.agency_name): row.total for row in connection.exec_driver_sql(query)
            }
            exported: Counter[tuple[Any, ...]] = Counter()
            for row in found[name]:
                exported[row["filing_id"], row["agency_id"], row["agency_name"]] += row[value] or 0
            assert exported == viewed, name
        findings = connection.exec_driver_sql("select filing_id, agency_id, rule, cells, case_id from gk_current_finding").all()
    assert len(findings) == len(found["findings"]) == 3  # one of each report in force, and filing.changed
    assert {row[2] for row in findings} == {row["rule"] for row in found["findings"]}
    assert {row.case_id for row in findings} == {row["finding_id"] for row in found["findings"]}  # what lasts


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet"])
def test_all_documents_are_marked(engine: Engine, family: Family, tmp_path: Path, form: str):
    found = read_tables(engine, form, tmp_path, in_force=False)
    received = {row["sha256"]: row for row in found["values"] if row["indicator"] == RECEIVED}
    shown = {family.sha256[number]: number for number in family.sha256 if number != family.failed}
    assert received.keys() == shown.keys()
    for rows in (received.values(), found["wide_requests"]):
        assert {shown[row["sha256"]]: str(row["in_force"] if row["filing_id"] else "").lower() for row in rows} == {
            family.old: "false",
            family.page: "true",
            family.scan: "false",
            family.other: "true",
            family.undated: "",
        }
    assert {(shown[row["sha256"]], str(row["in_force"] if row["filing_id"] else "").lower()) for row in found["findings"]} == {
        (family.old, "false"),
        (family.page, "true"),
        (family.scan, "false"),
        (family.other, "true"),
        (family.undated, ""),
    }


def test_lines_say_which_filing_and_which_witnesses(engine: Engine, family: Family, tmp_path: Path):
    found = {line["source"]["path"]: line for line in lines(engine, tmp_path)}
    assert len(found) == 6
    page, scan = found["page.html"], found["scan.pdf"]
    assert page["filing"] == {
        "id": page["filing"]["id"],
        "agency_id": page["filing"]["agency_id"],
        "agency": "洪泽区民政局",
        "year": 2024,
        "edition": 2,
        "rendition_of": None,
        "in_force": True,
        "agency_kind": "department",
        "agency_level": "county",
    }
    assert scan["filing"] == {**page["filing"], "rendition_of": family.sha256[family.page], "in_force": False}
    assert found["old.html"]["filing"] == {**page["filing"], "edition": 1, "in_force": False}
    assert found["failed.docx"]["filing"] == {**page["filing"], "edition": None, "in_force": False, "agency_level": None}
    assert found["undated.txt"]["filing"] is None
    assert [finding["in_force"] for finding in found["undated.txt"]["findings"]] == [None]
    assert [finding["in_force"] for finding in found["old.html"]["findings"]] == [False]
    assert sorted(finding["rule"] for finding in page["findings"]) == ["filing.changed", "requests.balance"]
    assert [finding["in_force"] for finding in page["findings"]] == [True, True]

    settled = scan["evidence"][GRANTED]
    assert (scan["indicators"][GRANTED], settled["state"], scan["doubts"]) == (2, "proven", [])
    assert settled["alone"] == {"state": "doubtful", "value": 7}
    agree = [family.sha256[family.page], family.sha256[family.failed]]  # it was read before it failed
    assert settled["witnesses"] == [{"by": "rendition", "document": sha256} for sha256 in agree]
    assert (settled["raw"], settled["doubt"], settled["candidates"]) == ("7", "不清", [7, 2])
    proven = page["evidence"][RECEIVED]
    assert proven["alone"] == {"state": "read", "value": 11}
    assert family.sha256[family.scan] in {witness["document"] for witness in proven["witnesses"]}
    assert "alone" not in found["other.txt"]["evidence"][RECEIVED]
    assert "witnesses" not in found["other.txt"]["evidence"][RECEIVED]

    values = {
        (row["path"], row["indicator"]): row
        for row in read_tables(engine, "csv", tmp_path, in_force=False)["values"]
        if row["alone_state"]
    }
    row = values["scan.pdf", GRANTED]
    assert (row["value"], row["state"], row["alone_state"], row["alone_value"]) == ("2", "proven", "doubtful", "7")
    assert row["witnesses"] == " ".join(agree)


def test_lines_of_reports_in_force(engine: Engine, family: Family, tmp_path: Path):
    out = tmp_path / "out.jsonl"
    summary = export(engine, "jsonl", out, in_force=True)
    found = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [line["source"]["path"] for line in found] == ["page.html", "other.txt"]
    assert (summary.documents, summary.reports, summary.others, summary.unfiled) == (6, 2, 2, 1)
    assert summary.findings == sum(len(line["findings"]) for line in found) == 3
    every = export(engine, "jsonl", out)
    assert (every.documents, every.reports, every.others, every.unfiled) == (6, 2, 2, 1)
    assert len(out.read_text("utf-8").splitlines()) == 6


def test_a_finding_against_an_earlier_edition_is_history(engine: Engine, family: Family, tmp_path: Path):
    with engine.begin() as connection:
        reports = {row.id: row.report_id for row in connection.execute(select(DOCUMENT.c.id, DOCUMENT.c.report_id))}
        stale = {
            "report_id": reports[family.other],
            "other_report_id": reports[family.old],
            "rule": "text.copied",
            "severity": "warning",
            "message": "相同",
            "cells": [],
            "between": Between.CHECK.value,
        }
        connection.execute(insert(FINDING).values(**stale))
    with engine.connect() as connection:
        rules = connection.exec_driver_sql("select rule from gk_current_finding").scalars().all()
    assert "text.copied" not in rules
    assert "text.copied" not in {row["rule"] for row in read_tables(engine, "parquet", tmp_path)["findings"]}
    (line,) = (line for line in lines(engine, tmp_path) if line["source"]["path"] == "other.txt")
    assert {finding["rule"]: finding["in_force"] for finding in line["findings"]} == {
        "requests.balance": True,
        "text.copied": False,
    }


def test_a_batch_and_a_year_have_their_own_documents_and_the_same_in_force(engine: Engine, family: Family, tmp_path: Path):
    late = add(engine, "late.html", batch="乙")
    load(engine, late, report("洪泽区民政局", "2025-06-01", 12, Reader.HTML))
    by_batch = {
        batch: [
            (line["source"]["path"], line["filing"]["edition"]) for line in lines(engine, tmp_path, batch=batch, in_force=True)
        ]
        for batch in ("甲", "乙")
    }
    assert by_batch == {"甲": [("other.txt", 1)], "乙": [("late.html", 3)]}
    of_year = export(engine, "csv", tmp_path / "year", year=2024)
    assert (of_year.documents, of_year.reports, of_year.others, of_year.unfiled) == (5, 2, 3, 0)


def test_an_edition_is_not_in_force_because_a_bound_user_does_not_see_the_next(engine: Engine, family: Family, tmp_path: Path):
    late = add(engine, "late.html", batch="乙")
    load(engine, late, report("洪泽区民政局", "2025-06-01", 12, Reader.HTML))
    with engine.connect() as connection:
        batch = connection.execute(select(BATCH.c.id).where(BATCH.c.name == "甲")).scalar_one()
    bound = engine.execution_options(**{ACCESS: Access(batches=(batch,))})
    for chosen in ({}, {"batch": "甲"}):
        found = {line["source"]["path"]: line["filing"] for line in lines(bound, tmp_path, **chosen)}
        assert len(found) == 6
        assert {path for path, filing in found.items() if filing and filing["in_force"]} == {"other.txt"}


@pytest.mark.parametrize("chosen", ["old", "page"])
def test_a_filing_has_one_report_although_its_edition_changes_while_it_is_exported(
    engine: Engine, family: Family, monkeypatch: pytest.MonkeyPatch, chosen: str
):
    """Whether the edition that comes into force has been passed already or is still to come."""
    with engine.connect() as connection:
        number = connection.execute(select(FILING.c.id).order_by(FILING.c.id).limit(1)).scalar_one()
    first, then = (family.page, family.old) if chosen == "old" else (family.old, family.page)
    run_transaction(engine, lambda c: filings.choose(c, number, first, who="li", reason="原件如此"))
    monkeypatch.setattr("console.export.read.CHUNK", 1)
    documents = read_documents(engine)
    read = next(documents)
    run_transaction(engine, lambda c: filings.choose(c, number, then, who="li", reason="还是另一份"))
    read += [exported for chunk in documents for exported in chunk]
    of_filing = [exported for exported in read if exported.document.filing_id == number]
    assert [exported.document.id for exported in of_filing if exported.in_force] == [first]


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("GONGKAI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GONGKAI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GONGKAI_DATABASE_URL", database_url)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.mark.usefixtures("settings", "family")
@pytest.mark.parametrize(
    ("options", "where"),
    [
        (["--format", "csv"], "in the table of documents alone; --all writes every document"),
        (["--format", "csv", "--all"], "written too"),
        (["--format", "jsonl"], "written too"),
        (["--format", "jsonl", "--in-force"], "left out; --all writes every document"),
    ],
)
def test_the_summary_counts_what_is_not_among_the_reports(tmp_path: Path, options: list[str], where: str):
    result = CliRunner().invoke(app, ["export", *options, "--out", str(tmp_path / "out")], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    counts, others, unfiled, *_ = result.stderr.splitlines()
    assert counts.startswith("6 documents, 2 reports, ")
    assert others == f"2 documents of other editions or renditions: {where}"
    assert unfiled == f"1 report without agency or year, to be reviewed: {where}"


@pytest.mark.usefixtures("settings", "family")
def test_status_counts_documents_and_reports():
    found = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    assert found["progress"]["statuses"] == {"accepted": 5, "failed": 1}
    assert found["reports"] == {"in_force": 2, "others": 2, "unfiled": 1}
    assert found["findings"] == {"error": 2, "info": 1}  # filing.changed
    shown = CliRunner().invoke(app, ["status"], env={"COLUMNS": "200"}).stdout
    for words, count in (
        ("reports: one for each agency and year", 2),
        ("documents of other editions or renditions", 2),
        ("reports without agency or year", 1),
    ):
        assert re.search(rf"{words}\W+{count}\b", shown), shown


def test_counts_of_a_batch_are_of_its_own_documents(engine: Engine, family: Family):
    late = add(engine, "late.html", batch="乙")
    load(engine, late, report("洪泽区民政局", "2025-06-01", 12, Reader.HTML))
    with reading_transaction(engine) as connection:
        counts = {
            batch: (queries.report_counts(connection, scope), queries.finding_counts(connection, scope))
            for batch in ("甲", "乙", "丙")
            for scope in [queries.DocumentScope(batch=batch)]
        }
        viewed = connection.exec_driver_sql("select severity, count(*) from gk_current_finding group by 1").all()
        assert {row[0]: row[1] for row in viewed} == queries.finding_counts(connection)
    assert counts == {
        "甲": (ReportCounts(1, 3, 1), {"error": 1}),
        "乙": (ReportCounts(1, 0, 0), {"error": 1, "info": 2}),
        "丙": (ReportCounts(0, 0, 0), {}),
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_invented_families_are_exported_once_for_each_agency_and_year(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
):
    """Families of editions and renditions in any order of arrival, some of which fail: the tables and lines in force have the
    rows of the views.
    """
    chance = random.Random(seed)
    documents = [
        (agency, year, edition, read_by)
        for agency in ("洪泽区民政局", "洪泽区财政局", "洪泽区教育局")
        for year in (2023, 2024)
        for edition in range(chance.randint(1, 3))
        for read_by in chance.sample((Reader.HTML, Reader.PDF, Reader.DOCX), chance.randint(1, 3))
    ]
    chance.shuffle(documents)
    for number, (agency, year, edition, read_by) in enumerate(documents):
        day = f"{year + 1}-0{edition + 1}-15"
        document = add(engine, f"{number}.{read_by}")
        load(engine, document, report(agency, day, 10 * edition + 5, read_by, year=year))
        if chance.random() < 0.15:
            with engine.begin() as connection:
                connection.execute(update(DOCUMENT).where(DOCUMENT.c.id == document).values(status="failed"))
    with engine.connect() as connection:
        query = """select r.agency_id, r.year, r.sha256, v.value from gk_current_filing r
            join gk_current_value v on v.document_id = r.document_id and v.indicator = :cell"""
        viewed = sorted((str(row[0]), *row[1:]) for row in connection.execute(text(query), {"cell": RECEIVED}))
    assert len({row[:2] for row in viewed}) == len(viewed)
    monkeypatch.setattr("console.export.read.CHUNK", 4)
    found = read_tables(engine, "parquet", tmp_path)
    values = [row for row in found["values"] if row["indicator"] == RECEIVED]
    assert sorted((row["agency_id"], row["year"], row["sha256"], row["value"]) for row in values) == viewed
    wide = found["wide_requests"]
    assert sorted((row["agency_id"], row["year"], row["sha256"], row["requests_new_received_total"]) for row in wide) == viewed
    assert len(found["documents"]) == len(documents)
    in_force = lines(engine, tmp_path, in_force=True)
    assert sorted((line["filing"]["agency_id"], line["filing"]["year"], line["source"]["sha256"]) for line in in_force) == [
        row[:3] for row in viewed
    ]
    marked = [line["filing"] for line in lines(engine, tmp_path) if line["filing"]["in_force"]]
    assert sorted((filing["agency_id"], filing["year"]) for filing in marked) == [row[:2] for row in viewed]
