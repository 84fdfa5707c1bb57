"""Deciding on cells and taking in lists from the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import Result
from typer.testing import CliRunner

from console.cli import app, environment
from console.cli import corrections as corrections_commands
from database.session import make_engine
from runtime.settings import Settings
from tests.console.web.filed import report_of_rows
from tests.database.test_corrections import CELL, DOUBTFUL, a_report
from tests.inline import Inline

Run = Callable[..., Result]


@pytest.fixture
def inline(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inline:
    """A document with a doubtful cell in the database that the commands use; waiting for workers is doing their work."""
    made = Inline(make_engine(sqlite_url), tmp_path)
    made.have_read(made.add(b"a scan", "application/pdf", "in/a.pdf"), a_report(DOUBTFUL))
    settings = Settings(home=tmp_path, database_url=sqlite_url)
    monkeypatch.setattr(environment, "settings", lambda: settings)
    monkeypatch.setattr(corrections_commands, "see_through", lambda *_: made.work())
    return made


@pytest.fixture
def run(inline: Inline) -> Run:
    return lambda *words: CliRunner().invoke(app, list(words))


def told(answer: Result) -> Any:
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_a_cell_is_decided_listed_and_undone(run: Run) -> None:
    item = told(run("correct", "in/a.pdf", CELL, "５件", "--reason", "看过原件", "--json"))
    assert (item["value"], item["raw"], item["reason"]) == (5, "S", "看过原件")
    value = next(v for v in told(run("show", "1", "--json"))["values"] if v["indicator"] == CELL)
    assert (value["value"], value["state"]) == (5, "corrected")
    assert [each["number"] for each in told(run("corrections", "--json"))] == [item["number"]]
    assert "看过原件" in run("corrections", "--document", "1").stdout
    (ended,) = told(run("corrections", "--undo", str(item["number"]), "--reason", "看错", "--json"))
    assert (ended["ended_reason"], ended["raw"]) == ("看错", "S")
    assert told(run("corrections", "--json")) == []
    assert len(told(run("corrections", "--all", "--json"))) == 1
    assert run("corrections", "--undo", str(item["number"])).exit_code == 2


def test_blank_and_as_read_and_facts(run: Run) -> None:
    assert told(run("correct", "1", CELL, "blank", "--json"))["decided"] == "blank"
    assert told(run("correct", "1", CELL, "as-read", "--json"))["value"] is None
    assert told(run("correct", "1", "report.year", "2023", "--json"))["text"] == "2023"


def test_all_doubts_of_a_row_or_a_table_are_as_read(run: Run, inline: Inline) -> None:
    inline.have_read(inline.add(b"rows", "application/pdf", "in/rows.pdf"), report_of_rows())
    row = told(run("correct", "in/rows.pdf", "requests.granted", "as-read", "--reason", "看过原件", "--json"))
    assert [(one["value"], one["reason"]) for one in row] == [(1, "看过原件")] * 7
    table = told(run("correct", "in/rows.pdf", "requests", "as-read", "--json"))
    assert len(table) == 14
    assert told(run("show", "in/rows.pdf", "--json"))["status"] == "accepted"
    assert run("correct", "in/rows.pdf", "requests", "as-read").exit_code == 2  # nothing is in doubt any more
    assert run("correct", "in/rows.pdf", "requests.granted", "5").exit_code == 2


def test_a_row_of_which_a_cell_has_no_value_is_not_as_read(run: Run, inline: Inline) -> None:
    made = report_of_rows(agency="示例县财政局")
    readings = [msgspec.structs.replace(r, value=None) if r.indicator == "requests.granted.total" else r for r in made.readings]
    made = msgspec.structs.replace(made, readings=tuple(readings))
    inline.have_read(inline.add(b"rows", "application/pdf", "in/rows.pdf"), made)
    assert run("correct", "in/rows.pdf", "requests.granted", "as-read").exit_code == 2
    assert told(run("corrections", "--json")) == []  # all or none


@pytest.mark.parametrize(
    "words", [("9", CELL, "5"), ("1", "no.cell", "5"), ("1", CELL, "many"), ("1", CELL, "5.5"), ("1", "report.year", "1999")]
)
def test_what_cannot_be_decided_is_wrong_usage(run: Run, words: tuple[str, ...]) -> None:
    answer = run("correct", *words)
    assert answer.exit_code == 2
    assert "error" in answer.stderr


def test_an_export_tells_who_decided(run: Run, tmp_path: Path) -> None:
    told(run("correct", "1", CELL, "5", "--reason", "=看过原件", "--json"))
    assert run("export", "--format", "jsonl", "--out", str(tmp_path / "out.jsonl")).exit_code == 0
    evidence = json.loads((tmp_path / "out.jsonl").read_text())["evidence"][CELL]
    assert (evidence["state"], evidence["raw"], evidence["correction"]["reason"]) == ("corrected", "S", "=看过原件")
    assert run("export", "--format", "csv", "--out", str(tmp_path / "out.csv")).exit_code == 0
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["indicator"] == CELL)
    assert (row["state"], row["value"], row["raw"], row["decided_why"]) == ("corrected", "5", "S", "'=看过原件")
    assert row["decided_by"]


def test_a_list_and_who_is_absent(run: Run, tmp_path: Path) -> None:
    assert run("coverage", "--year", "2024").exit_code == 2
    listed = tmp_path / "list.csv"
    listed.write_text("单位,行政区划代码\n示例县教育局,320000\n=示例县民政局,320000\n", encoding="gb18030")
    assert told(run("expect", str(listed), "--year", "2024", "--json"))["years"] == {"2024": 2}
    answer = run("coverage", "--year", "2024", "--out", str(tmp_path / "out.csv"))
    assert answer.exit_code == 3
    assert "示例县民政局" in answer.stdout
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["agency"], row["standing"]) for row in rows] == [("'=示例县民政局", "absent"), ("示例县教育局", "undated")]
    assert run("expect", str(tmp_path / "nothing.csv")).exit_code == 2


def test_counts_by_city_and_county(run: Run, tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("单位,行政区划代码\n示例县教育局,320000\n水利局,320813\n民政局,320813\n林业局,320900\n", encoding="utf-8")
    told(run("expect", str(listed), "--year", "2024", "--json"))
    answer = run("coverage", "--year", "2024", "--by", "city")
    assert answer.exit_code == 3
    assert "江苏省/淮安市" in answer.stdout
    counts = json.loads(run("coverage", "--year", "2024", "--by", "city", "--json").stdout)["regions"]
    assert [(each["region_code"], each["total"]) for each in counts] == [("320000", 1), ("320800", 2), ("320900", 1)]
    run("coverage", "--year", "2024", "--by", "county", "--out", str(tmp_path / "out.csv"))
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["region"]: row for row in csv.DictReader(file)}
    assert rows["江苏省/淮安市/洪泽区"]["absent"] == rows["江苏省/淮安市/洪泽区"]["agencies"] == "2"
    assert (rows["江苏省"]["absent"], rows["江苏省"]["undated"]) == ("0", "1")


def test_a_list_with_refused_lines_is_taken_only_when_that_is_said(run: Run, tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("2024年应报单位名单\n序号,单位,地区\n1,示例县教育局,江苏省\n2,某局,火星\n注：略\n", encoding="gb18030")
    words = ("expect", str(listed), "--year", "2024", "--json")
    for more in ((), ("--dry-run",), ("--dry-run", "--skip-refused")):
        answer = run(*words, *more)
        assert answer.exit_code == 2
        assert json.loads(answer.stdout)["taken"] is False
    assert json.loads(answer.stdout)["columns"] == [
        {"header": "序号", "field": None},
        {"header": "单位", "field": "agency"},
        {"header": "地区", "field": "region"},
    ]
    assert [(note["line"], note["key"]) for note in json.loads(answer.stdout)["refused"]] == [(4, "region.unknown")]
    assert run("coverage", "--year", "2024").exit_code == 2
    assert told(run(*words, "--skip-refused"))["years"] == {"2024": 1}
    answer = run("expect", str(listed), "--year", "2024", "--skip-refused")
    assert "columns: 单位 = agency, 地区 = region; not used: 序号" in answer.stderr
    assert "line 4: region '火星' is not known" in answer.stderr
    assert "above the header: 2024年应报单位名单" in answer.stderr


def test_one_agency_is_removed_from_the_list_for_a_reason(run: Run, tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("单位,区划代码\n水利局,320800\n水利局,320900\n民政局,320800\n", encoding="utf-8")
    assert told(run("expect", str(listed), "--year", "2024", "--json"))["years"] == {"2024": 3}
    for words in (
        ("--year", "2024"),  # no reason
        ("--reason", "x"),  # no year
        ("--year", "2024", "--reason", "x"),  # two of this name
        ("--year", "2023", "--reason", "x"),
        ("--year", "2024", "--reason", "x", "--region", "火星"),
    ):
        answer = run("expect", "--remove", "水利局", *words)
        assert (answer.exit_code, "error" in answer.stderr) == (2, True), words
    assert run("expect").exit_code == 2
    gone = told(run("expect", "--remove", "水利局", "--year", "2024", "--region", "盐城市", "--reason", "机构改革", "--json"))
    assert gone["removed"]["region_code"] == "320900"
    answer = run("coverage", "--year", "2024", "--json")
    assert [line["agency"] for line in json.loads(answer.stdout)["agencies"]] == ["民政局", "水利局"]
