"""The description of the API against the running server: schemathesis asks what the description allows, and what it does not."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from database import migrations
from database.models import Role
from database.session import make_engine, run_transaction
from database.users import accounts, tokens
from tests.benchmarks.filling import fill
from tests.console.web.serving import served


@pytest.mark.slow
def test_the_running_server_keeps_its_description(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    url = f"sqlite:///{home / 'gongkai.db'}"
    engine = make_engine(url)
    migrations.upgrade(engine)
    fill(engine, 60, seed=3)
    run_transaction(engine, lambda c: accounts.add_user(c, "program", "", Role.OPERATE, who="test"))
    made = run_transaction(engine, lambda c: tokens.add_token(c, "program", "test", Role.OPERATE, 30, who="test"))
    engine.dispose()
    with served(url, home, GONGKAI_CONSOLE_API_PER_MINUTE="0") as address:
        asked = urllib.request.Request(f"{address}/api/v1/openapi.json", headers={"authorization": f"Bearer {made.secret}"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            description: dict[str, Any] = json.load(answer)
        assert description["openapi"] == "3.1.0"
        assert len(description["paths"]) >= 13
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/v1/openapi.json"),
            *(
                "--header",
                f"Authorization: Bearer {made.secret}",
                "--max-examples",
                "12",
                "--phases",
                "examples,coverage,fuzzing",
            ),
            *("--seed", "1", "--request-timeout", "60", "--generation-deterministic", "--no-color"),
            *("--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"),
        ]
        run = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False)
        assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
