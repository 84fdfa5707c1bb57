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

from tests.benchmarks.measure import Run, run, started
from tests.generator.documents import TEXT_LAYOUTS, make_documents
from tests.servers import PostgresServer, RedisServer, short_folder

_STAGES = ("extract", "parse", "validate", "load")
_SHARES = sqlalchemy.text(
    "SELECT s.stage AS stage, sum(a.seconds) AS seconds FROM gk_attempt a JOIN gk_stage s ON s.id = a.stage_id GROUP BY s.stage"
)
_STATUSES = sqlalchemy.text("SELECT status, count(*) AS number FROM gk_document GROUP BY status")


@dataclass
class Outcome:
    """One measured way at one size. ``start`` is what the same command takes for a single document, in seconds."""

    way: str
    size: int
    seconds: float
    start: float
    peak: int
    shares: dict[str, float] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Documents per second, without the start."""
        return (self.size - 1) / max(self.seconds - self.start, 1e-9) if self.start else self.size / self.seconds


def write_documents(folder: Path, count: int, seed: int) -> None:
    """``count`` different text documents; twenty to a folder would be life, one folder is enough here."""
    folder.mkdir(parents=True)
    layouts = [name for name in TEXT_LAYOUTS if name != "vanished"]
    for document in make_documents(count, seed, layouts):
        (folder / document.name).write_bytes(document.data)


def _facts(url: str) -> tuple[dict[str, float], dict[str, int]]:
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            seconds = {row.stage: float(row.seconds or 0) for row in connection.execute(_SHARES)}
            statuses = {row.status: int(row.number) for row in connection.execute(_STATUSES)}
    finally:
        engine.dispose()
    whole = sum(seconds.values()) or 1.0
    return {stage: seconds.get(stage, 0.0) / whole for stage in seconds}, statuses


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
    made = _checked(run(["tests.benchmarks.bare", str(folder)]), "the bare loop")
    told = json.loads(made.output)
    return Outcome("bare loop, two processes", size, told["seconds"], 0.0, made.peak, statuses={"read": told["read"]})


def embedded(folder: Path, size: int, one: Path, work: Path) -> Outcome:
    """``gongkai ingest`` with no settings but its home."""
    seconds = []
    for name, source in (("start", one), ("main", folder)):
        home = work / f"home-{name}-{size}"
        made = _checked(
            run(["console.cli", "ingest", str(source), "--batch", "benchmark"], {"GONGKAI_HOME": str(home)}), "ingest"
        )
        seconds.append(made.seconds)
    shares, statuses = _facts(_database_of(home))
    shutil.rmtree(work / f"home-start-{size}", ignore_errors=True)
    return Outcome("embedded (SQLite)", size, seconds[1], seconds[0], made.peak, shares, statuses)


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


def served(folder: Path, size: int, one: Path, work: Path) -> Outcome:
    """``gongkai ingest`` against PostgreSQL and a Redis server, with a worker of two processes and recovery beside it."""
    home = work / f"served-{size}"
    with _servers() as (database, broker):
        settings = {"GONGKAI_HOME": str(home), "GONGKAI_DATABASE_URL": database, "GONGKAI_BROKER_URL": broker}
        _checked(run(["console.cli", "db", "upgrade"], settings), "db upgrade")
        with (
            started(["console.cli", "worker", "--concurrency", "2"], settings) as worker,
            started(["console.cli", "recover"], settings) as other,
        ):
            beside = (worker.pid, other.pid)
            start = _checked(run(["console.cli", "ingest", str(one), "--batch", "start"], settings, beside), "ingest")
            made = _checked(run(["console.cli", "ingest", str(folder), "--batch", "benchmark"], settings, beside), "ingest")
        shares, statuses = _facts(database)
    return Outcome("PostgreSQL and Redis", size, made.seconds, start.seconds, made.peak, shares, statuses)


def _table(outcomes: list[Outcome]) -> Table:
    table = Table(title="text documents through the pipeline")
    for head in ("documents", "way", "seconds", "start, s", "docs/s", "of bare", "ms/doc", *_STAGES, "peak MB", "outcome"):
        table.add_column(head, justify="left" if head in ("way", "outcome") else "right")
    for outcome in outcomes:
        base = next(o for o in outcomes if o.size == outcome.size and o.way.startswith("bare"))
        shares = [f"{outcome.shares[s]:.0%}" if s in outcome.shares else "-" for s in _STAGES]
        statuses = ", ".join(f"{number} {name}" for name, number in sorted(outcome.statuses.items()))
        times = (f"{outcome.seconds:.1f}", f"{outcome.start:.1f}", f"{outcome.rate:.1f}", f"{outcome.rate / base.rate:.2f}")
        table.add_row(
            str(outcome.size), outcome.way, *times, f"{1000 / outcome.rate:.1f}", *shares, f"{outcome.peak / 1e6:.0f}", statuses
        )
    return table


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pipeline", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--ways", nargs="+", choices=("embedded", "served"), default=["embedded", "served"])
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    console, outcomes = Console(width=200), list[Outcome]()
    with tempfile.TemporaryDirectory(prefix="gongkai-benchmark-") as name:
        work = Path(name)
        one = work / "one"
        write_documents(one, 1, given.seed + 1000)
        for size in given.sizes:
            folder = work / f"documents-{size}"
            write_documents(folder, size, given.seed + size)
            outcomes.append(bare(folder, size))
            if "embedded" in given.ways:
                outcomes.append(embedded(folder, size, one, work))
            if "served" in given.ways:
                outcomes.append(served(folder, size, one, work))
            console.print(_table(outcomes))


if __name__ == "__main__":
    main()
