"""What it costs to validate reports again after a rule was changed: ``python -m tests.benchmarks.revalidate --count 1000``.

Generated text reports are loaded by the real stages; then all of them are started again from validation and done in blocks, as
workers do it; a dry run (``gongkai rules try``) goes through them, and a look for those that would come out otherwise (``gongkai
rules apply``). Each agency has reports on two years. Processor milliseconds a report: of this process, and of PostgreSQL.
``--profile FILE`` keeps a profile of the first.
"""

from __future__ import annotations

import argparse
import cProfile
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text

from codebook.rule_packs.packs import installed
from codebook.rule_packs.reading import parse_pack
from codebook.stages import StageName
from console.rules.outdated import look_through
from console.rules.trial import try_packs, with_pack
from database import ledger, migrations
from database.ledger import Selection
from database.reports.scoring import FiledScope, filed_years
from database.session import make_engine, reading, run_transaction
from tests.benchmarks.scale import spent
from tests.benchmarks.storage import BLOCK, LAYOUTS, databases, load, runner_of
from tests.chaos.wellbeing import File
from tests.generator.documents import Wishes, make_document
from tests.generator.world import pick_agency

_PACK = b"""
id: example
version: "1"
title: example
region: "*"
years: [null, null]
rules:
  requests.balance: {severity: warning}
"""


_YEARS = (2023, 2024)


def _files(count: int, seed: int) -> list[File]:
    """Generated text reports of ``count`` / 2 agencies, each on two years."""
    rng = Random(seed)
    agencies = [pick_agency(rng) for _ in range(count // len(_YEARS))]
    wanted = [Wishes(agency=agency, year=year) for agency in agencies for year in _YEARS]
    made = [make_document(seed * 100_000 + at, LAYOUTS[at % len(LAYOUTS)], wishes) for at, wishes in enumerate(wanted)]
    return [File(each.data, each.media_type, each.name) for each in made]


def _again(engine: Engine, home: Path, count: int) -> None:
    """Start all documents from validation, and do what is due."""
    asked = Selection()
    started = run_transaction(engine, lambda c: ledger.reprocess(c, asked, StageName.VALIDATE, who="me", reason="another rule"))
    assert started == count, f"{started} of {count} were started"
    with reading(engine) as connection:
        due = list(connection.scalars(text("select id from gk_stage where state = 'queued' order by id")))
    runner = runner_of(engine, home)
    for start in range(0, len(due), BLOCK):
        runner.run(due[start : start + BLOCK], StageName.VALIDATE)


def _dry(engine: Engine) -> int:
    """Try a changed rule on all years. Return the number of reports that it is for."""
    with reading(engine) as connection:
        years = filed_years(connection)
    after = with_pack(installed(), parse_pack(_PACK, "example.yaml"))
    return sum(try_packs(engine, installed(), after, each.year).concerned for each in years)


def _look(engine: Engine) -> None:
    """Look for reports that would come out otherwise, in one process."""
    with reading(engine) as connection:
        years = filed_years(connection)
    for each in years:
        looked = look_through(engine, installed(), FiledScope(each.year))
        assert not looked.documents, looked.documents


def _timed(engine: Engine, work: Callable[[], object], profile: cProfile.Profile | None = None) -> tuple[float, float]:
    """The processor seconds of this process, and of PostgreSQL."""
    server = None
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            folder = str(connection.scalar(text("show data_directory")))
        server = int((Path(folder) / "postmaster.pid").read_text().split()[0])
    began, before = time.process_time(), spent([server]) if server else 0.0
    with profile or nullcontext():
        work()
    return time.process_time() - began, (spent([server]) if server else 0.0) - before


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.revalidate", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=62)
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args()
    files = _files(given.count, given.seed)
    table = Table(title=f"{len(files)} reports, processor ms a report (this process + PostgreSQL)")
    for head in ("database", "validated again", "dry run", "look for what changes", "reports of the dry run"):
        table.add_column(head, justify="left" if head == "database" else "right")
    with databases() as urls:
        for name, url in urls.items():
            migrations.upgrade(make_engine(url, pooled=False))
            engine = make_engine(url, lazy_commit=True)
            profile = cProfile.Profile() if given.profile else None
            with tempfile.TemporaryDirectory() as home:
                load(engine, Path(home), files)
                again = _timed(engine, lambda e=engine, h=Path(home): _again(e, h, len(files)), profile)
            concerned: list[int] = []
            dry = _timed(engine, lambda e=engine, c=concerned: c.append(_dry(e)))
            look = _timed(engine, lambda e=engine: _look(e))
            engine.dispose()
            if profile is not None:
                profile.dump_stats(f"{given.profile}.{engine.dialect.name}")
            cells = (f"{1000 * own / len(files):.1f} + {1000 * server / len(files):.1f}" for own, server in (again, dry, look))
            table.add_row(name, *cells, str(concerned[0]))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
