"""How long the API takes for the values of an indicator, over many filings.

``python -m tests.benchmarks.api [--filings 100000] [--calls 40]``: fills an SQLite database with invented filings, asks
``/api/v1/values`` for an indicator, a region and a year in random parts of the list, and prints the times in milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from random import Random

from starlette.testclient import TestClient

from console.web.app import create_app
from database import migrations
from database.models import Role
from database.session import make_engine, run_transaction
from database.users import accounts, tokens
from runtime.settings import Settings
from tests.benchmarks.filling import fill

INDICATOR = "requests.new_received.total"
CASES: dict[str, dict[str, str]] = {
    "one city, one year": {"region": "9903", "year": "2023"},
    "one county, all years": {"region": "990304"},
    "all, one year": {"year": "2022"},
    "all": {},
    "no such region": {"region": "44", "year": "2023"},
}


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filings", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--database", type=Path, help="a database that is filled already")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.database or Path(folder) / "gongkai.db"
        engine = make_engine(f"sqlite:///{path}")
        if given.database is None:
            migrations.upgrade(engine)
            fill(engine, round(given.filings / 0.94))
        name = f"program{time.time():.0f}"
        run_transaction(engine, lambda c: accounts.add_user(c, name, "", Role.VIEW, who="test"))
        made = run_transaction(engine, lambda c: tokens.add_token(c, name, "test", Role.VIEW, 1, who="test"))
        client = TestClient(create_app(Settings(home=Path(folder), console_api_per_minute=0), engine))
        client.headers["authorization"] = f"Bearer {made.secret}"
        rng = Random(1)
        for case, asked in CASES.items():
            times = []
            for _ in range(given.calls):
                after = str(rng.randrange(given.filings))
                began = time.perf_counter()
                answer = client.get("/api/v1/values", params={"indicator": INDICATOR, "after": after, **asked})
                times.append((time.perf_counter() - began) * 1000)
                assert answer.status_code in (200, 404), answer.text
            times.sort()
            print(f"{case:24} median {statistics.median(times):6.1f} ms  p95 {times[int(len(times) * 0.95) - 1]:6.1f} ms")  # noqa: T201
        engine.dispose()


if __name__ == "__main__":
    main()
