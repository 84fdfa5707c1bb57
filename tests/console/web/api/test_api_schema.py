"""The description of the API against the running server: schemathesis asks what the description allows, and what it does not."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from console.web.pages.api import figures
from console.web.pages.api.openapi import description as described
from console.web.pages.api.resources import RESOURCES
from database import migrations
from database.models import Role
from database.session import make_engine, run_transaction
from database.users import accounts, tokens
from tests.benchmarks.filling import fill
from tests.console.web.api.generated_client import generated
from tests.console.web.serving import served

CELL = "requests.new_received.total"


def test_the_client_that_is_written_has_each_resource(tmp_path: Path) -> None:
    description = described((*RESOURCES, *figures.RESOURCES), "1")
    client = generated(json.loads(json.dumps(description)), tmp_path)
    for path, operation in description["paths"].items():
        if not path.endswith("openapi.json"):
            hints = get_type_hints(getattr(client.Api, operation["get"]["operationId"]), vars(client))
            assert set(hints) - {"return"} == {each["name"] for each in operation["get"]["parameters"]}
    assert get_type_hints(client.Api.values)["indicator"] is str
    assert get_type_hints(client.Api.values)["year"] == int | None
    value = get_type_hints(client.ValueWithEvidence)["value"]
    assert value == int | float | None


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
        _client_is_answered(generated(description, tmp_path), address, made.secret)
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


def _client_is_answered(client: Any, address: str, secret: str) -> None:
    """What the written client says of the running server: the same numbers on two ways, with the keys that its types name."""
    api = client.Api(address, secret)
    items = list(api.items("values", indicator=CELL, limit=7))
    assert len(items) > 7
    assert items[:7] == api.values(indicator=CELL, limit=7)["items"]
    assert set(items[0]) == set(get_type_hints(client.ValueWithEvidence))
    filing = api.filing(id=items[0]["filing_id"])
    assert set(filing) == set(get_type_hints(client.FilingItem))
    of_filing = api.filing_values(id=items[0]["filing_id"])["items"]
    assert items[0] in of_filing or items[0]["state"] is None
    assert api.batches()["items"]
    with pytest.raises(Exception, match="404: no indicator"):
        api.values(indicator="no.such")
