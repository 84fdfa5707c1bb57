"""Commands about users: signed with the user of the operating system, whatever the environment says, and what they refuse."""

from __future__ import annotations

import json
import os
import pwd
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import insert
from typer.testing import CliRunner

from console import passwords
from console.cli import app
from database.clock import now
from database.models import Batch, Role
from database.session import make_engine, reading, run_transaction
from database.users import accounts, audit
from runtime.settings import load_settings

PASSWORD = "correct horse battery\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in [name for name in os.environ if name.startswith("GONGKAI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GONGKAI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    load_settings.cache_clear()
    yield tmp_path / "home"
    load_settings.cache_clear()


def run(*arguments: str, given: str | None = None) -> Any:
    return CliRunner().invoke(app, ["user", *arguments], input=given)


def trail(home: Path) -> list[audit.AuditItem]:
    with reading(make_engine(f"sqlite:///{home / 'gongkai.db'}")) as connection:
        return audit.trail(connection)


def user(name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(run("list", "--json").stdout)
    return next(each for each in found if each["name"] == name)


@pytest.mark.parametrize("name", ["LOGNAME", "USER", "LNAME", "USERNAME"])
def test_the_environment_does_not_sign(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "somebody.else")
    assert run("add", "new", given=PASSWORD).exit_code == 0
    (entry,) = trail(home)
    own = pwd.getpwuid(os.getuid()).pw_name
    assert entry.who.startswith(f"uid={os.getuid()}({own})")
    assert entry.who.endswith(f"@{socket.gethostname()}"[:100])
    assert "somebody.else" not in entry.who
    assert entry.by_command
    assert not accounts.is_name(entry.who)


def test_passwords_from_the_command_line_are_changed_at_the_first_login(home: Path) -> None:
    assert run("add", "first", given=PASSWORD).exit_code == 0
    assert run("add", "own", "--keep", given=PASSWORD).exit_code == 0
    assert run("add", "sso", "--single-sign-on").exit_code == 0
    assert [user(name)["must_change"] for name in ("first", "own", "sso")] == [True, False, False]
    assert run("password", "own", given="another good one\n").exit_code == 0
    assert user("own")["must_change"] is True


@pytest.mark.parametrize("password", ["1234567890", "Passw0rd123!", "qwertyuiop"])
def test_common_passwords_are_refused(password: str) -> None:
    result = run("add", "new", given=f"{password}\n")
    assert result.exit_code == 2
    assert "common or easy to guess" in result.stderr


def test_binding_a_user(home: Path) -> None:
    assert run("add", "li", "--keep", given=PASSWORD).exit_code == 0
    engine = make_engine(f"sqlite:///{home / 'gongkai.db'}")
    with engine.begin() as connection:
        connection.execute(insert(Batch).values(name="2024", created_at=now()))
    assert run("bind", "li", "--region", "320800", "--region", "330100", "--batch", "2024").exit_code == 0
    assert user("li")["regions"] == ["320800", "330100"]
    assert user("li")["batches"] == [1]
    assert run("bind", "li").exit_code == 0
    assert (user("li")["regions"], user("li")["batches"]) == (None, None)
    for words, said in (
        (("bind", "li", "--region", "999999"), "expected a code of GB/T 2260"),
        (("bind", "li", "--batch", "none"), "no batch is called"),
        (("bind", "nobody"), "there is no user"),
        (("add", "l1"), "looks the same"),
        (("factor-off", "nobody"), "there is no user"),
    ):
        result = run(*words, given=PASSWORD)
        assert result.exit_code == 2, words
        assert said in result.stderr, words
    run_transaction(engine, lambda c: accounts.set_role(c, "li", Role.ADMINISTER, who="test"))
    assert "cannot be bound" in run("bind", "li", "--region", "320800").stderr
    assert [entry.action for entry in trail(home)].count("user.access") == 2


def test_taking_off_a_second_factor(home: Path) -> None:
    run("add", "li", "--keep", given=PASSWORD)
    engine = make_engine(f"sqlite:///{home / 'gongkai.db'}")
    run_transaction(engine, lambda c: accounts.set_factor(c, "li", "A" * 32, 1, ["x"]))
    assert user("li")["second_factor"] is True
    assert run("factor-off", "li", "--reason", "lost").exit_code == 0
    assert user("li")["second_factor"] is False
    assert trail(home)[0].reason == "lost"
