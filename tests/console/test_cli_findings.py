"""Findings from the command line: listed, shown, decided by number or, counted first, by what chooses them; and taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import Engine
from typer.testing import CliRunner

from console.cli import app, environment
from database.session import make_engine
from runtime.settings import Settings
from tests.database.test_finding_cases import balance, cases, wrong
from tests.database.test_results import load, register, verdict

Run = Callable[..., Result]


@pytest.fixture
def engine(sqlite_url: str) -> Engine:
    """Three filings with a finding each."""
    made = make_engine(sqlite_url)
    for year, document in zip((2020, 2022, 2024), register(made, 3), strict=True):
        load(made, document, wrong(verdict(year=year, new_received=3), balance(3)))
    return made


@pytest.fixture
def run(engine: Engine, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    settings = Settings(home=tmp_path, database_url=sqlite_url)
    monkeypatch.setattr(environment, "settings", lambda: settings)
    return lambda *words: CliRunner().invoke(app, list(words))


def told(answer: Result) -> Any:
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_findings_are_listed_and_shown(run: Run) -> None:
    lines = told(run("findings", "--region", "淮安市", "--batch", "一批", "--json"))
    assert [(line["id"], line["state"], line["year"]) for line in lines] == [(3, "new", 2024), (2, "new", 2022), (1, "new", 2020)]
    plain = run("findings", "--year", "2022")
    assert "洪泽区民政局" in plain.stdout
    assert "1 finding" in plain.output
    assert told(run("findings", "--state", "withdrawn", "--json")) == []
    assert told(run("findings", "show", "2", "--json"))["finding"]["rule"] == "requests.balance"
    assert "requests.balance" in run("findings", "show", "2").stdout
    for wrong_words in (("--state", "gone"), ("--batch", "none"), ("show", "9"), ("confirm",), ("confirm", "9")):
        assert run("findings", *wrong_words).exit_code == 2, wrong_words


def test_many_are_counted_before_they_are_decided(run: Run, engine: Engine) -> None:
    counted = run("findings", "confirm", "--rule", "requests.balance", "--severity", "error")
    assert counted.exit_code == 2
    assert "3 findings would be set to confirmed" in counted.output
    assert {state for _, state, *_ in cases(engine)} == {"new"}
    assert told(run("findings", "confirm", "--rule", "requests.balance", "--yes", "--json"))["findings"] == 3
    assert told(run("findings", "undo", "--json")) == {"act": 1, "findings": 3, "others": 0}
    assert {state for _, state, *_ in cases(engine)} == {"new"}
    assert run("findings", "undo").exit_code == 2


def test_a_finding_goes_its_way(run: Run, engine: Engine) -> None:
    assert run("findings", "dismiss", "1").exit_code == 2  # no reason
    for words in (
        ("confirm", "1", "2"),
        ("dismiss", "2", "--reason", "原文如此"),
        ("sent", "1"),
        ("answered", "1"),
        ("settle", "1", "--reason", "说明成立"),
        ("reopen", "1", "--reason", "说明有误"),
    ):
        assert run("findings", *words).exit_code == 0, words
    assert [state for _, state, *_ in cases(engine)] == ["reopened", "dismissed", "new"]
    others = told(run("findings", "sent", "1", "2", "--json"))
    assert others == {"act": None, "findings": 0, "others": 2}
