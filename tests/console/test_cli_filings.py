"""Listing and showing filings and agencies, and deciding about them, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from codebook.records import Reader
from console.cli import app, environment
from database.models import Audit
from database.session import make_engine
from runtime.settings import Settings
from tests.database.test_filings import dated
from tests.database.test_results import load, register, verdict

Run = Callable[..., Result]
SHORT, LONG = "洪泽区商务局", "洪泽区商务和投资促进局"
CIVIL = "洪泽区民政局"


@pytest.fixture
def engine(sqlite_url: str) -> Engine:
    """The report of an agency in two editions and a rendition, documents 1 to 3; and those of two that may be one, 4 and 5."""
    made = make_engine(sqlite_url)
    first, second, pdf, short, long = register(made, 5)
    load(made, first, dated(verdict(new_received=3, granted=2), "2023-01-20"))
    load(made, second, dated(verdict(new_received=4, granted=2), "2023-03-01"))
    load(made, pdf, dated(verdict(new_received=4, granted=2), None, Reader.PDF))
    load(made, short, verdict(SHORT, 2021, carried_forward=5))
    load(made, long, verdict(LONG, 2022, carried_over=4))
    return made


@pytest.fixture
def run(engine: Engine, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    settings = Settings(home=tmp_path, database_url=sqlite_url)
    monkeypatch.setattr(environment, "settings", lambda: settings)
    return lambda *words: CliRunner().invoke(app, list(words))


def told(answer: Result) -> Any:
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def refused(answer: Result) -> str:
    assert answer.exit_code == 2, answer.output
    assert answer.stderr.startswith("error: ")
    return answer.stderr


def test_filings_are_listed(run: Run) -> None:
    lines = told(run("filings", "--json"))
    assert [(line["agency"], line["year"], line["document_id"]) for line in lines][-1] == (SHORT, 2021, 4)
    (line,) = told(run("filings", "list", "--editions", "--json"))
    assert (line["agency"], line["editions"], line["documents"], line["document_id"]) == (CIVIL, 2, 3, 2)
    assert line["reason"] == {"by": "printed", "value": "2023-03-01"}
    assert [line["agency"] for line in told(run("filings", "--region", "淮安市", "--year", "2021", "--json"))] == [SHORT]
    assert [line["agency"] for line in told(run("filings", "--region", "3208", "--agency", "民政", "--json"))] == [CIVIL]
    assert told(run("filings", "--region", "33", "--json")) == told(run("filings", "--chosen", "--json")) == []
    answer = run("filings", "--limit", "2")
    assert "3 filings, the first 2 of them shown" in answer.stderr
    assert "printed date 2023-03-01" in run("filings").stdout
    assert "火星" in refused(run("filings", "--region", "火星"))


@pytest.mark.parametrize("words", [("filings", "show", CIVIL), ("filings", "show", "民政", "2022"), ("show", CIVIL, "2022")])
def test_a_filing_is_shown_with_its_editions_side_by_side(run: Run, words: tuple[str, ...]) -> None:
    item = told(run(*words, "--json"))
    assert [[each["document_id"] for each in edition["documents"]] for edition in item["editions"]] == [[1], [2, 3]]
    assert [edition["in_force"] for edition in item["editions"]] == [False, True]
    assert item["editions"][1]["changes"][0]["rule"] == "filing.changed"
    assert [(cell["indicator"], [each["value"] for each in cell["stated"]]) for cell in item["cells"]] == [
        ("requests.new_received.total", [3, 4, 4])
    ]
    shown = run(*words).stdout
    for expected in (CIVIL, "edition 1", "edition 2", "requests.new_received.total", "in/2.txt", "printed date 2023-03-01"):
        assert expected in shown
    assert shown == run("filings", "show", str(item["line"]["id"])).stdout


def test_a_document_names_its_filing(run: Run) -> None:
    filing = told(run("show", "3", "--json"))["filing"]
    assert (filing["agency"], filing["year"], filing["edition"], filing["editions"]) == (CIVIL, 2022, 2, 2)
    assert (filing["in_force"], filing["document_in_force"], filing["rendition_of"]) == (False, 2, 2)
    assert (
        "edition 2 of 2, a rendition of document 2, not in force; document 2 is: printed date 2023-03-01"
        in run("show", "3").stdout
    )
    assert "edition 1 of 1, in force: the only edition" in run("show", "in/3.txt").stdout


def test_what_is_no_filing_is_wrong_usage(run: Run) -> None:
    assert "no filing 999" in refused(run("filings", "show", "999"))
    assert "no agency '无此局'" in refused(run("show", "无此局", "2022"))
    assert "on 2022; expected one of them" in refused(run("filings", "show", CIVIL, "2019"))
    several = refused(run("filings", "show", "商务", "2021"))
    assert SHORT in several
    assert LONG in several
    assert "320813" in several
    assert "--values" in refused(run("show", CIVIL, "2022", "--values"))
    assert "an agency and a year" in refused(run("show", CIVIL))


def test_an_edition_is_chosen_and_left_to_the_evidence_again(run: Run) -> None:
    number = str(told(run("show", CIVIL, "2022", "--json"))["line"]["id"])
    item = told(run("filings", "choose", number, "in/0.txt", "--reason", "原件如此", "--json"))
    assert (item["line"]["document_id"], item["chosen_document_id"], item["chosen_why"]) == (1, 1, "原件如此")
    assert item["line"]["reason"]["by"] == "chosen"
    assert [line["id"] for line in told(run("filings", "--chosen", "--json"))] == [int(number)]
    assert "原件如此" in run("filings", "show", number).stdout
    assert "--by-evidence" in refused(run("filings", "choose", number, "--reason", "x"))
    assert "--by-evidence" in refused(run("filings", "choose", number, "1", "--by-evidence", "--reason", "x"))
    assert "needs a reason" in refused(run("filings", "choose", number, "2"))
    assert "not one of filing" in refused(run("filings", "choose", number, "4", "--reason", "x"))
    assert "no filing 999" in refused(run("filings", "choose", "999", "4", "--reason", "x"))
    item = told(run("filings", "choose", number, "--by-evidence", "--reason", "还是新版", "--json"))
    assert (item["line"]["document_id"], item["chosen_document_id"]) == (2, None)


def test_agencies_are_listed_and_shown(run: Run) -> None:
    lines = told(run("agencies", "--json"))
    assert [(line["name"], line["filings"], line["kind"]) for line in lines] == [
        (name, 1, "department") for name in (CIVIL, SHORT, LONG)
    ]
    assert [line["name"] for line in told(run("agencies", "商务", "--json"))] == [SHORT, LONG]
    assert told(run("agencies", "--kind", "town", "--json")) == told(run("agencies", "商务", "--region", "33", "--json")) == []
    answer = run("agencies", "list", "商务")
    assert LONG in answer.stdout
    assert "2 agencies; 1 question open: see `gongkai agencies cases`" in answer.stderr
    assert "not one of" in refused(run("agencies", "--kind", "planet"))
    item = told(run("agencies", "show", "民政", "--json"))
    assert (item["agency"]["name"], item["keys"], [each["source"] for each in item["names"]]) == (
        CIVIL,
        ["320813:民政局"],
        ["report"],
    )
    assert [filing["year"] for filing in item["filings"]] == [2022]
    shown = run("agencies", "show", str(item["agency"]["id"])).stdout
    assert "320813:民政局" in shown
    assert "several agencies" in refused(run("agencies", "show", "商务"))
    assert "no agency" in refused(run("agencies", "show", "999"))


def test_a_question_is_answered_by_joining_and_the_joining_is_undone(run: Run, engine: Engine) -> None:
    (asked,) = told(run("agencies", "cases", "--json"))
    assert (asked["reason"], asked["one"]["agency"]["name"], asked["one"]["documents"]) == ("shorter", SHORT, {"2021": [4]})
    answer = run("agencies", "cases", "--region", "洪泽区")
    assert "the name of one may be short" in answer.stdout
    assert "1 question" in answer.stderr
    assert "needs a reason" in refused(run("agencies", "join", LONG, SHORT))
    decided = told(run("agencies", "join", LONG, SHORT, "--reason", "同一机关", "--json"))
    assert (decided["decision"]["action"], decided["filed_again"]) == ("join", 1)
    assert [line["name"] for line in told(run("agencies", "商务", "--json"))] == [LONG]
    assert [line["year"] for line in told(run("filings", "--agency", SHORT, "--json"))] == [2022, 2021]
    assert told(run("agencies", "cases", "--json")) == []
    gone = str(asked["one"]["agency"]["id"])
    assert "joined with" in run("agencies", "show", gone).stdout
    assert "was joined with agency" in refused(run("agencies", "join", CIVIL, gone, "--reason", "x"))
    number = str(decided["decision"]["id"])
    assert "同一机关" in run("agencies", "decisions").stdout
    assert "needs a reason" in refused(run("agencies", "undo", number))
    undone = told(run("agencies", "undo", number, "--reason", "误并", "--json"))
    assert (undone["decision"]["ended_reason"], undone["filed_again"]) == ("误并", 1)
    assert len(told(run("agencies", "商务", "--json"))) == 2
    assert "no decisions" in run("agencies", "decisions").stderr
    assert [each["id"] for each in told(run("agencies", "decisions", "--all", "--json"))] == [int(number)]
    assert "误并" in run("agencies", "decisions", "--all").stdout
    assert "no decision" in refused(run("agencies", "undo", number, "--reason", "再撤"))
    with engine.connect() as connection:
        assert list(connection.scalars(select(Audit.action).order_by(Audit.id))) == ["agency_join", "agency_undo"]


def test_names_are_parted_by_name_or_key(run: Run) -> None:
    told(run("agencies", "join", LONG, SHORT, "--reason", "同一机关", "--json"))
    assert "no name or key" in refused(run("agencies", "part", LONG, "--name", CIVIL, "--reason", "x"))
    assert "without a name" in refused(run("agencies", "part", LONG, "--name", SHORT, "--name", LONG, "--reason", "x"))
    decided = told(run("agencies", "part", LONG, "--name", SHORT, "--reason", "两个机关", "--json"))
    assert (decided["decision"]["action"], decided["decision"]["other"]["name"], decided["filed_again"]) == ("part", SHORT, 1)
    assert len(told(run("agencies", "商务", "--json"))) == 2
    told(run("agencies", "undo", str(decided["decision"]["id"]), "--reason", "误分", "--json"))
    decided = told(run("agencies", "part", LONG, "--name", "320813:商务局", "--reason", "两个机关", "--json"))
    assert decided["decision"]["detail"]["keys"] == ["320813:商务局"]


def test_an_agency_is_renamed(run: Run) -> None:
    decided = told(run("agencies", "rename", CIVIL, "淮安市洪泽区民政事务局", "--reason", "全称", "--json"))
    assert decided["decision"]["detail"]["to"] == "淮安市洪泽区民政事务局"
    assert [line["agency"] for line in told(run("filings", "--agency", CIVIL, "--json"))] == ["淮安市洪泽区民政事务局"]
    assert "join the two" in refused(run("agencies", "rename", SHORT, LONG, "--reason", "x"))
    assert "no agency" in refused(
        run("agencies", "rename", "民政", "x", "--reason", "x")
    )  # a part of a name is too little for an act
    assert "expected a NAME" in refused(run("agencies", "rename", SHORT, " ", "--reason", "x"))


@pytest.mark.parametrize("words", [("apart", SHORT, LONG), ("succession", SHORT, LONG, "--year", "2021")])
def test_two_agencies_stay_two(run: Run, words: tuple[str, ...]) -> None:
    decided = told(run("agencies", *words, "--reason", "查过三定方案", "--json"))
    assert decided["decision"]["action"] == words[0]
    assert told(run("agencies", "cases", "--json")) == []
    item = told(run("agencies", "show", LONG, "--json"))
    assert [each["year"] for each in item["predecessors"]] == ([2021] if words[0] == "succession" else [])
    assert ("before it" in run("agencies", "show", LONG).stdout) == (words[0] == "succession")
    assert "itself" in refused(run("agencies", words[0], SHORT, SHORT, "--reason", "x"))
    later = told(run("agencies", "apart", SHORT, LONG, "--reason", "再定", "--json"))
    told(run("agencies", "undo", str(later["decision"]["id"]), "--reason", "多余", "--json"))
    assert told(run("agencies", "cases", "--json")) == []  # the decision before is in force
    told(run("agencies", "undo", str(decided["decision"]["id"]), "--reason", "再看", "--json"))
    assert len(told(run("agencies", "cases", "--json"))) == 1


def test_a_superior_is_set(run: Run) -> None:
    decided = told(run("agencies", "superior", SHORT, CIVIL, "--reason", "归口", "--json"))
    assert decided["decision"]["action"] == "superior"
    item = told(run("agencies", "show", SHORT, "--json"))
    assert (item["superior"]["name"], item["superior_set"]) == (CIVIL, True)
    assert f"{CIVIL}, set by a person" in run("agencies", "show", SHORT).stdout
    assert "under agency" in run("agencies", "decisions").stdout
    assert "above itself" in refused(run("agencies", "superior", CIVIL, SHORT, "--reason", "x"))
