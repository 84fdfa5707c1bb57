"""How fast the pages of analysis and the API answer: ``python -m tests.benchmarks.analysis_pages [FILINGS] [--rounds 20]``.

Databases of invented filings are made in SQLite and in PostgreSQL (``--only sqlite``), with the panel of them, whose cells are
filled with invented numbers. Each address is asked for with other regions, years and indicators in each round, so that no answer
is one that was kept, and once more with the same ones. The table shows milliseconds to the whole answer, over a test client.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import duckdb
from sqlalchemy import Engine
from starlette.testclient import TestClient

from codebook.analysis.indicators import derived_indicators
from codebook.book import load_book
from console import passwords
from console.analysis.keeper import PANEL
from console.web.app import create_app
from database import migrations
from database.analysis.columns import cell_ids
from database.analysis.manifest import PanelManifest
from database.analysis.refresh import refresh, write_figures
from database.models import Role
from database.session import make_engine, run_transaction
from database.users import accounts, tokens
from runtime.settings import Settings
from tests.benchmarks.filled import YEARS, fill_filings, regions
from tests.benchmarks.pages import percentile
from tests.benchmarks.release import FEW
from tests.servers import PostgresServer, short_folder

_PASSWORD = "only for this benchmark"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def fill_cells(folder: Path, manifest: PanelManifest) -> None:
    """Give every report of a panel all cells of its form, most of them known: the files stay those of the manifest."""
    db = duckdb.connect()
    for year, each in manifest.years.items():
        form = next(form for form, found in load_book().forms.items() if found.covers(year))
        there = {indicator.id for indicator in load_book().of_form(form)}
        codes, numbers = [], []
        for cell in cell_ids():
            known = "case when random() < 0.97 then 0 when random() < 0.5 then 11 when random() < 0.7 then 10 else 9 end"
            inside = "report_id is not null" if cell in there else "false"
            codes.append(f'(case when {inside} then {known} end)::utinyint as "{cell}?"')
            zeros = 0.3 if cell.endswith(".total") else 0.93
            drawn = f"case when random() < {zeros} then 0 else floor(-20 * ln(1 - random())) end"
            numbers.append(f'(case when "{cell}?" = 0 then {drawn} end)::double as "{cell}"')
        made = folder / f".{each.file}"
        db.execute(f"select setseed({(year % 7) / 10})")
        db.execute(
            f"copy (with coded as (select * replace ({', '.join(codes)}) from read_parquet('{folder / each.file}'))"
            f" select * replace ({', '.join(numbers)}) from coded)"
            f" to '{made}' (format parquet, compression zstd, row_group_size 50000)"
        )
        made.replace(folder / each.file)
        write_figures(folder, each, year)


class Questions:
    """Addresses with other parameters each time."""

    def __init__(self, filings: int) -> None:
        self.rng, self.filings = Random(7), filings
        codes = [region.code for region in regions()]
        self.provinces = [code[:2] for code in codes if code.endswith("0000")]
        self.cities = [code[:4] for code in codes if code.endswith("00") and not code.endswith("0000")]
        self.counties = [code for code in codes if not code.endswith("00")]
        self.rates = [name for name, each in derived_indicators().items() if not each.of_years]

    def _asked(self, region: str) -> str:
        year, indicator = self.rng.choice(YEARS), self.rng.choice(self.rates)
        return f"year={year}&indicator={indicator}" + (f"&region={region}" if region else "")

    def pages(self) -> dict[str, Callable[[], str]]:
        """What each row of the table asks for."""
        choice = self.rng.choice
        number = lambda: self.rng.randrange(1, self.filings // len(YEARS))  # noqa: E731
        return {
            "overview of all": lambda: f"/analysis?{self._asked('')}",
            "overview of a province": lambda: f"/analysis?{self._asked(choice(self.provinces))}",
            "overview of a city": lambda: f"/analysis?{self._asked(choice(self.cities))}",
            "overview of a county": lambda: f"/analysis?{self._asked(choice(self.counties))}",
            "an indicator, all agencies": lambda: f"/analysis/indicator?{self._asked('')}&basis=all",
            "an indicator, a province": lambda: f"/analysis/indicator?{self._asked(choice(self.provinces))}",
            "an indicator, a city": lambda: f"/analysis/indicator?{self._asked(choice(self.cities))}",
            "the years of an agency": lambda: f"/analysis/agencies/{number()}",
            "two reports": lambda: f"/analysis/compare?one={number() * 4}&other={number() * 4}",
            "CSV of the regions below": lambda: f"/analysis/file?{self._asked(choice(self.provinces))}",
        }

    def calls(self) -> dict[str, Callable[[], str]]:
        """The same of the API."""
        choice, cell = self.rng.choice, "requests.new_received.total"
        after = lambda: self.rng.randrange(self.filings)  # noqa: E731
        return {
            "values, a city, a year": lambda: f"values?indicator={cell}&region={choice(self.cities)}&year={choice(YEARS)}",
            "values, a province, a year": lambda: f"values?indicator={cell}&region={choice(self.provinces)}&year={choice(YEARS)}",
            "values, all, a year": lambda: f"values?indicator={cell}&year={choice(YEARS)}&after={after()}",
            "values, all": lambda: f"values?indicator={cell}&after={after()}",
            "values, no such in the region": lambda: f"values?indicator=statistics.replies.total&region={choice(self.counties)}",
            "filings of a city": lambda: f"filings?region={choice(self.cities)}&year={choice(YEARS)}",
            "figures by city": lambda: f"figures?{self._asked('')}&by=city",
            "figures of agencies": lambda: f"figures/units?{self._asked(choice(self.provinces))}",
            "roll-up of 6 cells": lambda: f"rollup?area={choice(self.cities)}&year={choice(YEARS)}&cells={','.join(FEW)}",
        }


def measure(engine: Engine, home: Path, filings: int, rounds: int) -> None:
    """Fill, ask, print."""
    migrations.upgrade(engine)
    began = time.perf_counter()
    made = fill_filings(engine, filings, FEW)
    say(f"\n{engine.dialect.name}: {made:,} filings filled in {time.perf_counter() - began:.0f} s")
    began = time.perf_counter()
    manifest = refresh(engine, home / PANEL)
    say(f"panel made in {time.perf_counter() - began:.0f} s, {manifest.units:,} units")
    fill_cells(home / PANEL, manifest)
    run_transaction(
        engine, lambda c: accounts.add_user(c, "benchmark", passwords.hashed(_PASSWORD), Role.ADMINISTER, who="benchmark")
    )
    secret = run_transaction(engine, lambda c: tokens.add_token(c, "benchmark", "t", Role.VIEW, 1, who="benchmark")).secret
    settings = Settings(home=home, console_api_per_minute=0)
    with TestClient(create_app(settings, engine), follow_redirects=False) as client:
        token = re.search(r'name="csrf" value="(\w+)"', client.get("/login").text)
        client.post("/login", data={"csrf": token and token[1], "name": "benchmark", "password": _PASSWORD})
        panels = client.app.state.context.panels  # type: ignore[attr-defined]
        panels.panel()
        panels.look_ended()
        questions = Questions(made)
        say(f"{'page':<34} {'median':>7} {'p95':>7} {'most':>7} {'again':>7}")
        for name, ask in questions.pages().items():
            _row(client, name, ask, rounds, {})
        for name, ask in questions.calls().items():
            _row(client, f"API: {name}", lambda ask=ask: f"/api/v1/{ask()}", rounds, {"authorization": f"Bearer {secret}"})  # type: ignore[misc]


def _row(client: TestClient, name: str, ask: Callable[[], str], rounds: int, headers: dict[str, str]) -> None:
    spent, again = [], []
    for turn in range(rounds + 2):
        path = ask()
        for times in (spent, again):
            began = time.perf_counter()
            answer = client.get(path, headers=headers)
            took = 1000 * (time.perf_counter() - began)
            if answer.status_code not in (200, 404):
                raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:300]}")
            if turn > 1:  # the first ones warm up
                times.append(took)
    say(
        f"{name:<34} {statistics.median(spent):>7.0f} {percentile(spent, 0.95):>7.0f} {max(spent):>7.0f}"
        f" {percentile(again, 0.95):>7.0f}"
    )


def main() -> None:
    """Measure on both databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("filings", type=int, nargs="?", default=100_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    given = parser.parse_args()
    with short_folder("gk-an-") as folder:
        if given.only != "postgresql":
            home = folder / "a"
            home.mkdir(mode=0o700)
            engine = make_engine(f"sqlite:///{home / 'gongkai.db'}")
            measure(engine, home, given.filings, given.rounds)
            engine.dispose()
        if given.only != "sqlite":
            home = folder / "b"
            home.mkdir(mode=0o700)
            server = PostgresServer(folder)
            try:
                engine = make_engine(server.url(server.create()), statement_seconds=300)
                measure(engine, home, given.filings, given.rounds)
                engine.dispose()
            finally:
                server.close()


if __name__ == "__main__":
    main()
