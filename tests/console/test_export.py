"""Exports: the contract's lines, the tables, and that nothing in them is a command."""

from __future__ import annotations

import csv
import hashlib
import json
import tracemalloc
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
import python_calamine
from sqlalchemy import Engine, insert, select, update

from codebook.agency_kinds import kind_names
from codebook.book import load_book
from codebook.records import (
    BlockSeen,
    Finding,
    Place,
    Reader,
    Reading,
    Report,
    Section,
    Severity,
    State,
    Status,
    Verdict,
)
from console.export import WorkbookOptions, export
from console.export.headings import layouts
from console.export.workbook import WorkbookContents, XlsxWriter
from console.export.writers import ParquetWriter, inert
from database.clock import now
from database.models import Base
from database.reports.results import DOCUMENT, FAILURE
from database.session import make_engine, run_transaction
from database.views import create_views
from tasks.loading.task import load_verdict

SOURCE, BATCH = Base.metadata.tables["gk_source"], Base.metadata.tables["gk_batch"]
NASTY = '=HYPERLINK("http://x","y")\r\n\t@SUM(1)'


def add(engine: Engine, path: str, status: str = "processing", batch: str = "甲") -> int:
    """A document with one source."""
    with engine.begin() as connection:
        known = connection.scalar(select(BATCH.c.id).where(BATCH.c.name == batch))
        number = known or connection.scalar(insert(BATCH).values(name=batch, priority=0, created_at=now()).returning(BATCH.c.id))
        key = hashlib.sha256(path.encode()).hexdigest()
        row = {"sha256": key, "media_type": "text/plain", "size": 1, "pages": 2, "batch_id": number, "status": status}
        statement = insert(DOCUMENT).values(**row, run=1, registered_at=now()).returning(DOCUMENT.c.id)
        document: int = connection.execute(statement).scalar_one()
        add_source(connection, document, number, path)
        return document


def add_source(connection: Any, document: int, batch: int | None, path: str, duplicate: bool = False) -> None:
    key = hashlib.sha256(path.encode()).hexdigest()
    row = {"document_id": document, "batch_id": batch, "path": path, "path_key": key, "duplicate": duplicate, "hints": {}}
    connection.execute(insert(SOURCE).values(**row, seen_at=now()))


def fail(engine: Engine, document: int, code: str, message: str) -> None:
    with engine.begin() as connection:
        row = {"document_id": document, "stage": "extract", "page": 0, "code": code, "message": message, "attempts": 1}
        connection.execute(insert(FAILURE).values(**row, versions={}, state="open", created_at=now()))


def reading(indicator: str, value: float | None, state: State = State.READ, **fields: Any) -> Reading:
    place = fields.pop("place", Place(3, line=12, column=4))
    raw = fields.pop("raw", "" if value is None else str(value))
    return Reading(indicator, value, state, raw, place, fields.pop("read_by", Reader.TXT), **fields)


def verdict(agency: str = "洪泽区民政局", year: int = 2024, readings: tuple[Reading, ...] = (), **fields: Any) -> Verdict:
    known: dict[str, Any] = {
        "agency": agency,
        "region": ("江苏省", "淮安市", "洪泽区"),
        "region_code": "320813",
        "year": year,
        "form": "2021",
        "title": f"{year}年度报告",
        "published_on": "2025-01-20",
        "script": "simplified",
        "sections": (Section(1, "总体情况", "正文", Place()),),
        "blocks": (BlockSeen("requests", "2021", Place()), BlockSeen("review", "2021", Place(), readable=False)),
        "readings": readings,
    }
    finding = Finding("requests.balance", Severity.ERROR, "不符", ("requests.granted.total",), 4, 3, place=Place(3, line=9))
    return Verdict(Report(**(known | fields)), (finding,), Status.ACCEPTED)


def load(engine: Engine, document: int, loaded: Verdict) -> None:
    run_transaction(engine, lambda connection: load_verdict(connection, document, loaded, {}))


def lines(engine: Engine, folder: Path, **chosen: Any) -> list[dict[str, Any]]:
    out = folder / "deep" / "out.jsonl"
    export(engine, "jsonl", out, **chosen)
    assert [entry.name for entry in out.parent.iterdir()] == ["out.jsonl"]
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def test_a_line_holds_what_the_contract_says(engine: Engine, tmp_path: Path):
    document = add(engine, "in/甲.txt")
    box = Place(3, box=(1.5, 2.0, 3.0, 4.0))
    readings = (
        reading("requests.new_received.total", 95, State.PROVEN, place=box, read_by=Reader.PDF),
        reading("requests.granted.total", 2, State.DOUBTFUL, doubt="两处不一致", candidates=(2, 3)),
        reading("requests.granted.research", None, State.MISSING, raw="—"),
        reading("disclosure.fees.amount", 14319.91, sentence="收费14319.91万元。"),
    )
    load(engine, document, verdict(readings=readings))
    (line,) = lines(engine, tmp_path)
    assert list(line) == [
        "source",
        "status",
        "report",
        "filing",
        "sections",
        "indicators",
        "evidence",
        "doubts",
        "findings",
        "error",
        "sources",
    ]
    sha = hashlib.sha256("in/甲.txt".encode()).hexdigest()
    assert line["source"] == {"path": "in/甲.txt", "sha256": sha, "media_type": "text/plain", "pages": 2, "batch": "甲"}
    assert line["status"] == "accepted"
    assert line["report"] == {
        "agency": "洪泽区民政局",
        "region": ["江苏省", "淮安市", "洪泽区"],
        "region_code": "320813",
        "year": 2024,
        "form": "2021",
        "title": "2024年度报告",
        "published_on": "2025-01-20",
        "script": "simplified",
    }
    filing = {"agency": "洪泽区民政局", "year": 2024, "edition": 1, "rendition_of": None, "in_force": True}
    assert {key: line["filing"][key] for key in filing} == filing
    assert (type(line["filing"]["id"]), type(line["filing"]["agency_id"])) == (int, str)
    assert line["sections"] == [{"number": 1, "title": "总体情况", "text": "正文"}]
    received = line["indicators"]["requests.new_received.total"]
    assert (received, type(received)) == (95, int)
    assert line["indicators"]["disclosure.fees.amount"] == 14319.91
    assert line["indicators"]["requests.granted.research"] is None
    assert line["evidence"] == {
        "requests.new_received.total": {
            "page": 3,
            "box": [1.5, 2.0, 3.0, 4.0],
            "raw": "95",
            "read_by": "pdf",
            "score": 1.0,
            "state": "proven",
        },
        "requests.granted.total": {
            "page": 3,
            "line": 12,
            "column": 4,
            "raw": "2",
            "read_by": "txt",
            "score": 1.0,
            "state": "doubtful",
            "doubt": "两处不一致",
            "candidates": [2, 3],
        },
        "requests.granted.research": {
            "page": 3,
            "line": 12,
            "column": 4,
            "raw": "—",
            "read_by": "txt",
            "score": 1.0,
            "state": "missing",
        },
        "disclosure.fees.amount": {
            "page": 3,
            "line": 12,
            "column": 4,
            "raw": "14319.91",
            "read_by": "txt",
            "score": 1.0,
            "state": "read",
            "sentence": "收费14319.91万元。",
        },
    }
    assert line["doubts"] == ["requests.granted.total"]
    assert line["findings"] == [
        {
            "id": 1,
            "state": "new",
            "rule": "requests.balance",
            "severity": "error",
            "cells": ["requests.granted.total"],
            "message": "不符",
            "expected": 4,
            "actual": 3,
            "in_force": True,
            "settled_by": None,
            "pack": None,
        }
    ]
    assert line["error"] is None


@pytest.mark.parametrize(
    ("form", "printed", "rows"),
    [
        ("2021", (), {"not_corrected_in_time", "fee_not_paid", "miscellaneous"}),
        ("2021", ("requests.other.miscellaneous.total",), {"not_corrected_in_time", "fee_not_paid", "miscellaneous"}),
        ("2021", ("requests.other.total",), {""}),
        ("2019", (), {""}),
    ],
)
def test_cells_left_out_are_null_in_the_printed_variant(
    engine: Engine, tmp_path: Path, form: str, printed: tuple[str, ...], rows: set[str]
):
    document = add(engine, "a.txt")
    blocks = (BlockSeen("requests", form, Place()), BlockSeen("review", form, Place(), readable=False))
    load(engine, document, verdict(readings=tuple(reading(i, 1) for i in printed), blocks=blocks, form=form))
    (line,) = lines(engine, tmp_path)
    book = load_book()
    others = {book.indicators[i].row for i in line["indicators"] if book.indicators[i].row.startswith("other")}
    assert {row.removeprefix("other").removeprefix(".") for row in others} == rows
    # table three in this variant, whole; nothing of a table that could not be read
    assert len(line["indicators"]) == (175 if form == "2021" and rows != {""} else 161)
    assert {i for i, value in line["indicators"].items() if value is not None} == set(printed)


def test_a_cell_that_was_not_seen_is_listed_with_the_doubts_and_is_no_number(engine: Engine, tmp_path: Path):
    total, granted = "requests.new_received.total", "requests.granted.total"
    readings = (reading(total, 3), reading(granted, None, State.NOT_SEEN, place=Place(3)))
    load(engine, add(engine, "in/甲.txt"), verdict(readings=readings))
    (line,) = lines(engine, tmp_path)
    assert (line["indicators"][total], line["indicators"][granted]) == (3, None)
    assert (line["evidence"][granted]["state"], line["evidence"][granted]["page"]) == ("not_seen", 3)
    assert line["doubts"] == [granted]
    folder = tmp_path / "tables"
    export(engine, "csv", folder)
    cells = {row["indicator"]: row for row in table(folder / "values.csv")}
    assert (cells[granted]["value"], cells[granted]["state"]) == ("", "not_seen")
    (wide,) = table(folder / "wide_requests.csv")
    assert (wide["doubtful_count"], wide["requests_granted_total"]) == ("1", "")
    with engine.connect() as connection:
        query = "select doubtful_count, requests_granted_total, requests_new_received_total from gk_wide_requests"
        assert tuple(connection.exec_driver_sql(query).one()) == (1, None, 3)


def test_no_document_is_left_out(engine: Engine, tmp_path: Path):
    loaded, failed, rejected, *_ = (
        add(engine, f"{n}.txt", status) for n, status in enumerate(("processing", "failed", "rejected", "processing", "failed"))
    )
    load(engine, loaded, verdict())
    fail(engine, failed, "file.corrupt", "first")
    fail(engine, failed, "text.encoding", "last")
    fail(engine, rejected, "file.empty", "nothing in it")
    found = {line["source"]["path"]: line for line in lines(engine, tmp_path)}
    assert [found[f"{n}.txt"]["status"] for n in range(5)] == ["accepted", "failed", "rejected", "processing", "failed"]
    assert [found[f"{n}.txt"]["report"] is None for n in range(5)] == [False, True, True, True, True]
    assert found["1.txt"]["error"] == {"code": "text.encoding", "message": "last"}
    assert found["2.txt"]["error"] == {"code": "file.empty", "message": "nothing in it"}
    assert found["3.txt"]["error"] is None
    assert found["4.txt"]["error"]["code"] == "internal"
    assert {line["source"]["path"] for line in lines(engine, tmp_path, year=2024)} == {"0.txt"}


def test_while_a_document_is_processed_again_its_report_stays_and_a_failure_hides_it(engine: Engine, tmp_path: Path):
    document = add(engine, "a.txt")
    load(engine, document, verdict())
    for status, hidden in (("processing", False), ("failed", True)):
        with engine.begin() as connection:
            connection.execute(update(DOCUMENT).where(DOCUMENT.c.id == document).values(status=status))
        (line,) = lines(engine, tmp_path)
        assert (line["status"], line["report"] is None) == (status, hidden)


def test_a_batch_has_the_documents_it_brought_under_its_own_paths(engine: Engine, tmp_path: Path):
    first, second = add(engine, "a.txt", batch="甲"), add(engine, "b.txt", batch="乙")
    load(engine, first, verdict())
    load(engine, second, verdict(year=2023))
    with engine.begin() as connection:
        batch = connection.scalar(select(BATCH.c.id).where(BATCH.c.name == "乙"))
        add_source(connection, first, batch, "again/a.txt", duplicate=True)
    sources = [(line["source"]["path"], line["source"]["batch"]) for line in lines(engine, tmp_path, batch="乙")]
    assert sources == [("again/a.txt", "乙"), ("b.txt", "乙")]
    assert [line["source"]["path"] for line in lines(engine, tmp_path)] == ["a.txt", "b.txt"]
    (one, _) = lines(engine, tmp_path, batch="乙")
    assert [(found["path"], found["batch"]) for found in one["sources"]] == [("a.txt", "甲"), ("again/a.txt", "乙")]
    with pytest.raises(ValueError, match="no batch"):
        export(engine, "jsonl", tmp_path / "x.jsonl", batch="丙")
    assert not (tmp_path / "x.jsonl").exists()


@pytest.fixture
def loaded(engine: Engine) -> Engine:
    """Three reports (two forms), a doubtful cell, a text that looks like a formula, and a failed document."""
    cells = (
        reading("requests.new_received.total", 10),
        reading("requests.granted.total", 7, State.DOUBTFUL, doubt="x"),
        reading("requests.denied.state_secret.total", None, State.MISSING, raw="-"),
    )
    load(engine, add(engine, "=a.txt"), verdict(agency=NASTY, readings=cells))
    load(engine, add(engine, "b.txt"), verdict("洪泽区财政局", readings=(reading("requests.new_received.total", 32),)))
    old = (reading("disclosure.rules.made", 1), reading("disclosure.procurement.amount", 2.5))
    blocks = (BlockSeen("disclosure", "2019", Place()),)
    load(engine, add(engine, "c.txt"), verdict("洪泽区教育局", 2019, old, blocks=blocks, form="2019"))
    fail(engine, add(engine, "d.txt", "failed"), "file.empty", NASTY)
    return engine


def test_csv_is_a_folder_or_a_file_with_others_beside_it(loaded: Engine, tmp_path: Path):
    summary = export(loaded, "csv", tmp_path / "out")
    assert (summary.documents, summary.reports) == (4, 3)
    assert {file.name for file in summary.files} == {entry.name for entry in (tmp_path / "out").iterdir()}
    assert (tmp_path / "out" / "values.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    wide = table(tmp_path / "out" / "wide_requests.csv")
    assert [(row["requests_new_received_total"], row["requests_granted_total"], row["doubtful_count"]) for row in wide] == [
        ("10", "", "1"),
        ("32", "", "0"),
    ]
    assert [row["disclosure_procurement_amount"] for row in table(tmp_path / "out" / "wide_disclosure_2019.csv")] == ["2.5"]
    assert [row["error_code"] for row in table(tmp_path / "out" / "documents.csv")] == ["", "", "", "file.empty"]
    labels = {row["indicator"]: row for row in table(tmp_path / "out" / "labels.csv")}
    assert labels["review.reconsideration.upheld"]["row_label"] == "行政复议"

    single = export(loaded, "csv", tmp_path / "one.csv", year=2019)
    assert {file.name for file in single.files} >= {"one.csv", "one_findings.csv", "one_documents.csv"}
    assert len(table(tmp_path / "one_documents.csv")) == 1


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_nothing_in_a_spreadsheet_is_a_formula(loaded: Engine, tmp_path: Path):
    export(loaded, "xlsx", tmp_path / "out.xlsx", workbook=WorkbookOptions("en"))
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    assert book.sheetnames[:2] == ["about", "values"]
    texts = [cell for sheet in book for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert not [cell.value for cell in texts if cell.data_type == "f" or cell.value.startswith(tuple("=+-@\t\r"))]
    assert any(cell.value.startswith("'=HYPERLINK") for cell in texts)
    rows = list(book["wide_requests"].iter_rows(values_only=True))
    place = rows[0].index("requests_new_received_total")
    assert [row[place] for row in rows[1:]] == [10, 32]
    export(loaded, "csv", tmp_path / "out")
    for file in (tmp_path / "out").iterdir():
        with file.open(encoding="utf-8-sig", newline="") as text:
            fields = [field for row in csv.reader(text) for field in row]
        assert not [field for field in fields if field.startswith(tuple("=+-@\t\r"))]


def test_parquet_is_typed_and_raw(loaded: Engine, tmp_path: Path):
    export(loaded, "parquet", tmp_path / "out")
    values = pl.read_parquet(tmp_path / "out" / "values.parquet")
    assert (values.schema["value"], values.schema["year"], values.schema["raw"]) == (pl.Float64, pl.Int32, pl.String)
    sure = values.filter(pl.col("state").is_in(["read", "proven", "corrected"]))
    assert sure.filter(pl.col("indicator") == "requests.new_received.total")["value"].sum() == 10 + 32
    assert NASTY in set(values["agency"])
    assert values.filter(pl.col("raw") == "-")["value"].to_list() == [None]


def test_who_agrees_with_a_number_is_with_it_in_every_form(engine: Engine, tmp_path: Path):
    received, granted = "requests.new_received.total", "requests.granted.total"
    document = add(engine, "in/甲.pdf")
    load(engine, document, verdict(readings=(reading(received, 7, witnesses=("text", "pixels")), reading(granted, 2))))
    (line,) = lines(engine, tmp_path)
    assert line["evidence"][received]["witnesses"] == [{"by": "text"}, {"by": "pixels"}]
    assert "witnesses" not in line["evidence"][granted]
    export(engine, "csv", tmp_path / "out")
    values = pl.read_csv(tmp_path / "out" / "values.csv").filter(pl.col("indicator") == received)
    assert values["agreed_by"].to_list() == ["text pixels"]
    with engine.begin() as connection:
        create_views(connection)
        agreed = connection.exec_driver_sql("select value, agreed_by from gk_current_value where agreed_by is not null").all()
    assert [(value, "pixels" in str(who)) for value, who in agreed] == [(7, True)]


def test_the_note_beside_a_number_is_with_it_in_every_form(engine: Engine, tmp_path: Path):
    received, granted = "requests.new_received.total", "requests.granted.total"
    document = add(engine, "in/甲.txt")
    load(engine, document, verdict(readings=(reading(received, 7, raw="7①", note="①"), reading(granted, 2))))
    (line,) = lines(engine, tmp_path)
    assert line["indicators"] == {received: 7, granted: 2} | {i: v for i, v in line["indicators"].items() if v is None}
    assert (line["evidence"][received]["raw"], line["evidence"][received]["note"]) == ("7①", "①")
    assert "note" not in line["evidence"][granted]
    export(engine, "parquet", tmp_path / "out")
    values = pl.read_parquet(tmp_path / "out" / "values.parquet").sort("indicator")
    values = values.filter(pl.col("value").is_not_null())
    assert values.select("indicator", "value", "note").rows() == [(granted, 2, None), (received, 7, "①")]
    with engine.begin() as connection:
        create_views(connection)
        noted = connection.exec_driver_sql("select value, note from gk_current_value where note is not null").all()
    assert [tuple(row) for row in noted] == [(7, "①")]


def test_views_hold_what_is_in_force(loaded: Engine):
    with loaded.begin() as connection:
        create_views(connection)
        create_views(connection)
        wide = connection.exec_driver_sql("select * from gk_wide_requests order by document_id").mappings().all()
        total = connection.exec_driver_sql(
            "select sum(value) from gk_current_value where indicator = 'requests.new_received.total'"
        ).scalar_one()
        queue = connection.exec_driver_sql("select path, code from gk_error_queue").all()
        findings = connection.exec_driver_sql("select rule from gk_current_finding").all()
        old = connection.exec_driver_sql("select * from gk_wide_disclosure_2019").mappings().all()
        assert connection.exec_driver_sql("select * from gk_wide_disclosure_2021").all() == []
        assert connection.exec_driver_sql("select * from gk_wide_statistics").all() == []
    assert [(row["requests_new_received_total"], row["requests_granted_total"], row["doubtful_count"]) for row in wide] == [
        (10, None, 1),
        (32, None, 0),
    ]
    assert (wide[0]["agency"], wide[0]["county"], wide[0]["path"], wide[0]["form"]) == (NASTY, "洪泽区", "=a.txt", "2021")
    assert total == 10 + 32
    assert [tuple(row) for row in queue] == [("d.txt", "file.empty")]
    assert [row[0] for row in findings].count("requests.balance") == 3
    assert (old[0]["disclosure_rules_made"], old[0]["disclosure_procurement_amount"]) == (1, 2.5)


def test_an_export_that_breaks_leaves_the_old_one(loaded: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "out.jsonl"
    export(loaded, "jsonl", out)
    before = out.read_bytes()
    monkeypatch.setattr("console.export.cells.json_line", lambda exported, in_force: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(loaded, "jsonl", out)
    assert out.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".out")] == []


@pytest.mark.slow
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_two_thousand_documents_go_through_bounded_memory(sqlite_url: str, tmp_path: Path, form: Any):
    """All documents as lines; the reports in force, of which there is one a filing, as tables."""
    engine = make_engine(sqlite_url)
    ids = [i.id for i in load_book().of_form("2021") if i.row != "other"]
    load(engine, add(engine, "0.txt"), verdict(readings=tuple(reading(i, n % 7) for n, i in enumerate(ids))))
    multiply(engine, 2000)
    tracemalloc.start()
    summary = export(engine, form, tmp_path / "out")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (summary.documents, summary.reports, summary.cells) == (2000, 2000, 2000 * len(ids))
    assert peak < 100e6  # a chunk of 200 takes some 60 MB, all 2,000 would take 600
    engine.dispose()


def multiply(engine: Engine, count: int) -> None:
    """Make ``count`` documents of the first one, with all rows of its report, each in a filing of its own."""
    numbers = f"with recursive n(i) as (select 2 union all select i + 1 from n where i < {count})"
    changed = {
        "gk_document": {"id": "i", "sha256": "'sha' || i", "report_id": "null"},
        "gk_source": {"id": "i", "document_id": "i"},
        "gk_report": {"id": "i", "document_id": "i", "agency_key": "'key' || i"},
        "gk_agency": {"id": "i"},
        "gk_filing": {"id": "i", "agency_id": "i"},
        "gk_filing_document": {"document_id": "i", "filing_id": "i"},
        "gk_block": {"report_id": "i"},
        "gk_section": {"report_id": "i"},
        "gk_report_values": {"report_id": "i"},
    }
    with engine.begin() as connection:
        for name, values in changed.items():
            columns = [f'"{column.name}"' for column in Base.metadata.tables[name].c]
            taken = ", ".join(values.get(column.strip('"'), column) for column in columns)
            connection.exec_driver_sql(f"insert into {name} ({', '.join(columns)}) {numbers} select {taken} from {name}, n")
        connection.exec_driver_sql("update gk_document set report_id = id")


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"])
def test_what_looks_like_a_formula_gets_an_apostrophe(begins: str):
    assert inert(f"{begins}1+1") == f"'{begins}1+1"


def test_a_workbook_is_for_people_in_chinese(loaded: Engine, tmp_path: Path):
    export(loaded, "xlsx", tmp_path / "out.xlsx", batch="甲", year=2024)
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    assert book.sheetnames[:3] == ["说明", "逐项数据", "主动公开政府信息情况（2019年式样）"]
    values = book["逐项数据"]
    header, *rows = values.iter_rows(values_only=True)
    found = [dict(zip(header, row, strict=True)) for row in rows]
    total = "收到和处理政府信息公开申请情况：一、本年新收政府信息公开申请数量 / 总计"
    assert [(row["数值"], row["数据状态"], row["是否现行版本"]) for row in found if row["指标"] == total] == [
        (10, "已识别", "是"),
        (32, "已识别", "是"),
    ]
    assert {(row["单位类别"], row["层级"]) for row in found if row["单位（名录）"] == "洪泽区财政局"} == {("部门", "县级")}
    for sheet in book.worksheets[1:]:
        assert sheet.freeze_panes, sheet.title
        assert sheet.auto_filter.ref == f"A1:{sheet.dimensions.split(':')[1]}" or sheet.max_row == 1, sheet.title
        assert all(sheet.column_dimensions[cell.column_letter].width for cell in sheet[1]), sheet.title
    wide = book["收到和处理政府信息公开申请情况"]
    assert "一、本年新收政府信息公开申请数量 / 总计" in [cell.value for cell in wide[1]]
    about = [[cell for cell in row if cell is not None] for row in book["说明"].iter_rows(values_only=True)]
    assert ["批次", "甲"] in about
    assert ["年度", 2024] in about
    assert ["校验问题", 2] in about
    assert any("不要把人民政府与其下属单位相加" in str(row[0]) for row in about if row)
    explained = {(row[0], row[1]): row[2] for row in about if len(row) > 3}
    for sheet in book.worksheets[1:]:
        assert all((sheet.title, cell.value) in explained for cell in sheet[1]), sheet.title
    assert explained["逐项数据", "单位类别"] == "agency_kind"


def test_a_table_that_is_longer_than_a_sheet_goes_on_in_numbered_ones(tmp_path: Path):
    contents = WorkbookContents(datetime(2026, 1, 2, 3, 4), in_force=True, left_out=("values",))
    writer = XlsxWriter(tmp_path / "out.xlsx", "zh", contents, sheet_rows=3)
    for number in range(5):
        writer.write("labels", (f"id{number}", "x" * 40_000, "b", "r", None, None, "2021"))
    writer.close()
    book = python_calamine.CalamineWorkbook.from_path(str(tmp_path / "out.xlsx"))
    sheets = [name for name in book.sheet_names if name.startswith("指标对照")]
    assert sheets == ["指标对照", "指标对照_2", "指标对照_3"]
    rows = [book.get_sheet_by_name(name).to_python() for name in sheets]
    assert [[row[0] for row in each] for each in rows] == [
        ["指标编码", "id0", "id1"],
        ["指标编码", "id2", "id3"],
        ["指标编码", "id4"],
    ]
    about = [[cell for cell in row if cell != ""] for row in book.get_sheet_by_name("说明").to_python()]
    assert ["指标对照", 5, "一张工作表最多 1,048,576 行，超出的部分续在“指标对照_2”等工作表"] in about
    assert ["逐项数据", "未导出（按要求略去逐项数据）"] in about
    assert ["超过 32,767 个字符的文字已截断"] in about
    assert "逐项数据" not in book.sheet_names


def test_every_name_of_the_domain_has_a_word_in_the_workbook():
    for layout in layouts("zh").values():
        words = {column.key: column.words for column in layout.columns}
        for key, names in (
            ("agency_kind", kind_names()),
            ("agency_level", ("province", "city", "county", "town")),
            ("state", State),
            ("status", Status),
            ("severity", Severity),
        ):
            if key in words:
                assert set(words[key]) == set(names), (layout.name, key)


def test_the_views_and_the_tables_agree_on_kind_and_level(engine: Engine, tmp_path: Path):
    cells = (reading("requests.new_received.total", 10),)
    place: dict[str, Any] = {"region": ("江苏省", "淮安市"), "region_code": "320800"}
    load(engine, add(engine, "a.txt"), verdict("淮安市人民政府", readings=cells, **place))
    load(engine, add(engine, "b.txt"), verdict("洪泽区民政局", readings=cells))
    load(engine, add(engine, "c.txt"), verdict("黄集街道办事处", readings=cells))
    load(engine, add(engine, "d.txt"), verdict("某机构", readings=cells, region=(), region_code=None, year=None))
    export(engine, "parquet", tmp_path / "out")
    expected = {
        "淮安市人民政府": ("government", "city"),
        "洪泽区民政局": ("department", "county"),
        "黄集街道办事处": ("town", "town"),
    }
    for name in ("values", "wide_requests", "findings", "documents"):
        rows = pl.read_parquet(tmp_path / "out" / f"{name}.parquet").to_dicts()
        found = {row["agency"]: (row["agency_kind"], row["agency_level"]) for row in rows}
        assert found == expected | ({"某机构": (None, None)} if name == "documents" else {}), name
    with engine.begin() as connection:
        create_views(connection)
        for view in ("current_value", "wide_requests", "current_finding", "current_filing"):
            query = f"select distinct agency, agency_kind, agency_level from gk_{view}"
            assert {row[0]: (row[1], row[2]) for row in connection.exec_driver_sql(query)} == expected, view


def test_tables_of_parquet_hold_few_cells_together(tmp_path: Path) -> None:
    """However many tables there are, and however wide."""
    tables: dict[str, dict[str, type]] = {"narrow": {"a": int}, "wide": {f"c{n}": int for n in range(30)}, "empty": {"a": str}}
    paths = {name: tmp_path / f"{name}.parquet" for name in tables}
    writer = ParquetWriter(paths, tables, cells=100)
    most = 0
    for number in range(400):
        writer.write("narrow", (number,))
        if number % 3 == 0:
            writer.write("wide", (number,) * 30)
        most = max(most, writer.cells_held)
    writer.close()
    assert 60 < most <= 100
    assert pl.read_parquet(paths["narrow"])["a"].to_list() == list(range(400))
    assert pl.read_parquet(paths["wide"])["c29"].to_list() == list(range(0, 400, 3))
    assert pl.read_parquet(paths["empty"]).is_empty()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.parquet", "narrow.parquet", "wide.parquet"]
