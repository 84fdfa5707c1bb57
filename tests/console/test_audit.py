"""`gongkai audit verify`: what it says and how it ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from typer.testing import CliRunner

from console.cli import app
from database.models import Audit
from database.session import run_transaction
from database.users import audit
from runtime.settings import load_settings


@pytest.fixture(autouse=True)
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("GONGKAI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GONGKAI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GONGKAI_DATABASE_URL", database_url)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["audit", "verify", *arguments])


def test_a_whole_chain_and_one_that_was_changed(engine: Engine) -> None:
    for reason in ("first", "second", "third"):
        run_transaction(engine, lambda c, why=reason: audit.note(c, "discard", "张敏", reason=why, documents=[1]))
    result = run()
    assert result.exit_code == 0
    assert "3 entries, the chain is whole" in result.stdout
    head = json.loads(run("--json").stdout)["head"]
    assert head in result.stdout
    assert run("--contains", head).exit_code == 0
    assert run("--contains", "ab" * 32).exit_code == 3
    with engine.begin() as connection:
        second = connection.scalars(select(Audit.id).order_by(Audit.id)).all()[1]
        connection.execute(update(Audit).where(Audit.id == second).values(detail={"reason": "another"}))
    result = run()
    assert result.exit_code == 3
    assert f"row {second} was changed" in result.stderr
    assert json.loads(run("--json").stdout)["fault"] == "changed"
