"""`gongkai user` and `gongkai console`: what they do and what they refuse."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from console import passwords
from console.cli import app, services
from database.session import make_engine, reading
from database.users import audit
from runtime.settings import load_settings

PASSWORD = "correct horse battery\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "home"
    for name in [name for name in os.environ if name.startswith("GONGKAI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GONGKAI_HOME", str(folder))
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    load_settings.cache_clear()
    yield folder
    load_settings.cache_clear()


def run(*arguments: str, given: str | None = None) -> Any:
    return CliRunner().invoke(app, list(arguments), input=given)


def listed() -> dict[str, Any]:
    return {each["name"]: each for each in json.loads(run("user", "list", "--json").stdout)}


def test_a_user_from_its_making_to_its_end(home: Path) -> None:
    assert run("user", "add", "张敏", "--role", "administer", "--reason", "初始", given=PASSWORD).exit_code == 0
    assert run("user", "add", "li.qiang", given=PASSWORD).exit_code == 0
    assert run("user", "role", "li.qiang", "operate").exit_code == 0
    assert {name: each["role"] for name, each in listed().items()} == {"li.qiang": "operate", "张敏": "administer"}
    assert run("user", "password", "li.qiang", given="another good one\n").exit_code == 0
    assert run("user", "disable", "li.qiang").exit_code == 0
    assert listed()["li.qiang"]["disabled"] is True
    assert run("user", "disable", "li.qiang", "--undo").exit_code == 0
    assert listed()["li.qiang"]["disabled"] is False
    assert "张敏" in run("user", "list").stdout
    with reading(make_engine(f"sqlite:///{home / 'gongkai.db'}")) as connection:
        trail = audit.trail(connection)
    acts = ["user.enable", "user.disable", "user.password", "user.role", "user.add", "user.add"]
    assert [entry.action for entry in trail] == acts
    assert all("@" in entry.who for entry in trail)
    assert trail[-1].reason == "初始"


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (("add", "a@b"), PASSWORD, "cannot be a name"),
        (("add", "known"), PASSWORD, "already"),
        (("add", "new", "--role", "king"), PASSWORD, "not one of view, operate, administer"),
        (("add", "new"), "short\n", "fewer than 10 characters"),
        (("add", "new"), "", "fewer than 10 characters"),
        (("role", "nobody", "view"), None, "there is no user"),
        (("role", "known", "view"), None, "last administrator"),
        (("disable", "known"), None, "last administrator"),
        (("password", "nobody"), PASSWORD, "there is no user"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], given: str | None, said: str) -> None:
    assert run("user", "add", "known", "--role", "administer", given=PASSWORD).exit_code == 0
    result = run("user", *arguments, given=given)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_console_says_where_it_is_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(services, "become", lambda command, environment: became.append(command))
    result = run("console", "--host", "0.0.0.0", "--port", "18791")
    assert result.exit_code == 0
    assert "gongkai user add NAME --role administer" in result.stderr
    assert "https" in result.stderr
    assert became[0][-3:] == ["console.web", "0.0.0.0", "18791"]
    run("user", "add", "known", "--role", "administer", given=PASSWORD)
    assert run("console").stderr.strip() == "http://127.0.0.1:8790"
    monkeypatch.setenv("GONGKAI_CONSOLE_PORT", "0")
    load_settings.cache_clear()
    assert run("console").exit_code == 2
