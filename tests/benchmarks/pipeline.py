"""Documents per second through the whole pipeline, beside the same functions in a bare two-process loop.

``python -m tests.benchmarks.pipeline --sizes 100 1000 10000``. Each size is measured in the same run: the bare loop, the embedded
default (SQLite and a private Redis), and PostgreSQL with a Redis server. Nothing is asserted: numbers belong to a machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from database.models import Attempt, Document, Stage
from tests.benchmarks.measure import Run, run, started
from tests.generator.documents import TEXT_LAYOUTS, make_documents
from tests.servers import PostgresServer, RedisServer, short_folder

_PARTS = ("extract", "parse", "validate", "load", "rest")
_PROCESSES = 2


@dataclass
class Outcome:
    """One measured way at one size. ``seconds`` is the whole command; ``working`` the time from the first claim to the
    end of the last document, by the database's clock; ``shares`` the part of the workers' time that each stage took, and "rest"
    what is left: queueing, books, writing the rows (which happens in the transaction that ends a stage)."""

    way: str
    size: int
    seconds: float
    working: float
    peak: int
    shares: dict[str, float] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Documents per second while the workers work."""
        return self.size / self.working


def write_documents(folder: Path, count: int, seed: int) -> None:
    """``count`` different text documents; twenty to a folder would be life, one folder is enough here."""
    folder.mkdir(parents=True)
    layouts = [name for name in TEXT_LAYOUTS if name != "vanished"]
    for document in make_documents(count, seed, layouts):
        (folder / document.name).write_bytes(document.data)


def _facts(url: str) -> tuple[float, dict[str, float], dict[str, int]]:
    """Working time in seconds, shares of the stages, and how many documents ended in which status."""
    engine = sqlalchemy.create_engine(url)
    spent = select(Stage.stage, func.sum(Attempt.seconds)).join(Attempt, Attempt.stage_id == Stage.id).group_by(Stage.stage)
    try:
        with engine.connect() as connection:
            first = connection.scalar(select(func.min(Attempt.started_at)))
            last = connection.scalar(select(func.max(Document.finished_at)))
            seconds = {stage: float(total or 0) for stage, total in connection.execute(spent)}
            counted = select(Document.status, func.count()).group_by(Document.status)
            statuses = {status: int(number) for status, number in connection.execute(counted)}
    finally:
        engine.dispose()
    if first is None or last is None:
        raise SystemExit("no document was finished")
    working = (last - first).total_seconds()
    whole = working * _PROCESSES
    shares = {stage: total / whole for stage, total in seconds.items()}
    return working, shares | {"rest": 1 - sum(shares.values())}, statuses


def _database_of(home: Path) -> str:
    files = [p for p in home.rglob("*") if p.is_file() and p.open("rb").read(15) == b"SQLite format 3"]
    if not files:
        raise FileNotFoundError(f"no SQLite database under {home}")
    return f"sqlite:///{max(files, key=lambda p: p.stat().st_size)}"


def _checked(made: Run, what: str) -> Run:
    if made.code not in (0, 3):  # 3: some need review, which generated noise may
        raise SystemExit(f"{what} ended with {made.code}:\n{made.errors[-2000:]}")
    return made


def bare(folder: Path, size: int) -> Outcome:
    """The pure functions in a pool of two processes."""
    made = _checked(run(["tests.benchmarks.bare", str(folder), "--processes", str(_PROCESSES)]), "the bare loop")
    told = json.loads(made.output)
    return Outcome("bare loop, two processes", size, made.seconds, told["seconds"], made.peak, statuses={"read": told["read"]})


def embedded(folder: Path, size: int, work: Path, block: int) -> Outcome:
    """``gongkai ingest`` with no settings but its home and the number of processes."""
    home = work / f"home-{size}"
    settings = {"GONGKAI_HOME": str(home), "GONGKAI_CONCURRENCY": str(_PROCESSES), "GONGKAI_BLOCK": str(block)}
    made = _checked(run(["console.cli", "ingest", str(folder), "--batch", "benchmark"], settings), "ingest")
    working, shares, statuses = _facts(_database_of(home))
    shutil.rmtree(home, ignore_errors=True)
    return Outcome(f"embedded (SQLite), blocks of {block}", size, made.seconds, working, made.peak, shares, statuses)


@contextmanager
def _servers() -> Iterator[tuple[str, str]]:
    """A PostgreSQL and a Redis of our own, on sockets: (database URL, broker URL)."""
    with short_folder("gkb") as folder:
        postgres, redis = PostgresServer(folder), RedisServer(folder)
        try:
            yield postgres.url(), redis.url
        finally:
            redis.close()
            postgres.close()


def served(folder: Path, size: int, work: Path, block: int) -> Outcome:
    """``gongkai ingest`` against PostgreSQL and a Redis server, with a worker of two processes and the rescuer beside it."""
    home = work / f"served-{size}"
    with _servers() as (database, broker):
        settings = {"GONGKAI_HOME": str(home), "GONGKAI_DATABASE_URL": database, "GONGKAI_BROKER_URL": broker}
        settings["GONGKAI_BLOCK"] = str(block)
        _checked(run(["console.cli", "db", "upgrade"], settings), "db upgrade")
        worker = started(["console.cli", "worker", "--concurrency", str(_PROCESSES)], settings)
        with worker as one, started(["console.cli", "recover"], settings) as other:
            made = _checked(
                run(["console.cli", "ingest", str(folder), "--batch", "benchmark"], settings, (one.pid, other.pid)), "ingest"
            )
        working, shares, statuses = _facts(database)
    return Outcome(f"PostgreSQL and Redis, blocks of {block}", size, made.seconds, working, made.peak, shares, statuses)


def _table(outcomes: list[Outcome]) -> Table:
    table = Table(title="text documents through the pipeline")
    for head in ("documents", "way", "command, s", "working, s", "docs/s", "of bare", "ms/doc", *_PARTS, "peak MB", "outcome"):
        table.add_column(head, justify="left" if head in ("way", "outcome") else "right")
    for outcome in outcomes:
        base = next(o for o in outcomes if o.size == outcome.size and o.way.startswith("bare"))
        shares = [f"{outcome.shares[part]:.0%}" if part in outcome.shares else "-" for part in _PARTS]
        statuses = ", ".join(f"{number} {name}" for name, number in sorted(outcome.statuses.items()))
        times = (f"{outcome.seconds:.1f}", f"{outcome.working:.1f}", f"{outcome.rate:.1f}", f"{outcome.rate / base.rate:.2f}")
        cost = f"{1000 / outcome.rate:.1f}"
        table.add_row(str(outcome.size), outcome.way, *times, cost, *shares, f"{outcome.peak / 1e6:.0f}", statuses)
    return table


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pipeline", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--ways", nargs="+", choices=("embedded", "served"), default=["embedded", "served"])
    parser.add_argument("--blocks", type=int, nargs="+", default=[1, 32], help="documents of a message at most")
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    console, outcomes = Console(width=200), list[Outcome]()
    with tempfile.TemporaryDirectory(prefix="gongkai-benchmark-") as name:
        work = Path(name)
        for size in given.sizes:
            folder = work / f"documents-{size}"
            write_documents(folder, size, given.seed + size)
            outcomes.append(bare(folder, size))
            for block in given.blocks:
                if "embedded" in given.ways:
                    outcomes.append(embedded(folder, size, work, block))
                if "served" in given.ways:
                    outcomes.append(served(folder, size, work, block))
            console.print(_table(outcomes))


if __name__ == "__main__":
    main()
