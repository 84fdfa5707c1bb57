"""A long random campaign: ``python -m tests.chaos.campaign --seed 1 --minutes 10 --documents 1000``.

Documents come in while processes of ours are killed and frozen, Redis is emptied and restarted, PostgreSQL crashes, and messages
come five times. At the end the balance is printed. Exit code 1: something was lost, stuck, or loaded twice.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from database import ledger, migrations
from database.ledger import Balance
from database.session import make_engine, reading
from tests.chaos.nemesis import EVERYTHING, Nemesis
from tests.chaos.trial import Trial, reports
from tests.chaos.wellbeing import undisturbed
from tests.servers import PostgresServer, RedisServer, short_folder

_SHORT = {"lease_seconds": 4, "ocr_lease_seconds": 4, "heartbeat_seconds": 0.7, "beat_seconds": 0.4, "stale_seconds": 2.5}
_SETTLE = 600.0


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[tuple[str, PostgresServer | None]]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'campaign.db'}", None
        return
    server = PostgresServer(folder)
    try:
        yield server.url(server.create()), server
    finally:
        server.close()


def run(seed: int, minutes: float, documents: int, kind: str) -> tuple[Balance, Counter[str], int, str | None]:
    """One campaign; gives the balance, what was done, how many processes were killed, and the breach if there is one."""
    with short_folder("gk-chaos-") as folder, tempfile.TemporaryDirectory() as home, _database(kind, folder) as (url, postgres):
        migrations.upgrade(make_engine(url, pooled=False))
        redis = RedisServer(folder)
        files = reports(documents, seed)
        expected = undisturbed(files, Path(home))
        trial = Trial(Path(home), url, redis, **_SHORT)
        nemesis = Nemesis(trial, seed, workers=2, postgres=postgres, weights=EVERYTHING if postgres else _without_postgres())
        breach = None
        try:
            _attack(trial, nemesis, files, minutes * 60, random.Random(seed))
            nemesis.well(expected, _SETTLE)
        except AssertionError as error:
            breach = str(error) or "the assertion failed"
        finally:
            try:
                with reading(trial.engine) as connection:
                    balance = ledger.balance(connection)
            finally:
                trial.close()
                redis.close()
        return balance, nemesis.done, nemesis.kills, breach


def _without_postgres() -> dict[str, int]:
    return {name: weight for name, weight in EVERYTHING.items() if name != "postgres_restart"}


def _attack(trial: Trial, nemesis: Nemesis, files: list, seconds: float, chance: random.Random) -> None:  # type: ignore[type-arg]
    """Let documents come in over the whole time, and strike every few seconds."""
    nemesis.keep()
    began, given = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        due = min(len(files), int(len(files) * passed / (0.9 * seconds)) + 1)
        if due > given:
            trial.register(files[given:due])
            given = due
        time.sleep(chance.uniform(0.3, 3))
        nemesis.strike()
    if given < len(files):
        trial.register(files[given:])
    nemesis.keep()


def _table(balance: Balance, done: Counter[str], kills: int, seed: int, kind: str) -> Table:
    table = Table(title=f"campaign with seed {seed} on {kind}")
    table.add_column("what")
    table.add_column("count", justify="right")
    for name, count in done.most_common():
        table.add_row(name.replace("_", " "), str(count), style="dim")
    table.add_row("processes killed", str(kills), end_section=True, style="dim")
    for name in balance.__struct_fields__:
        table.add_row(name.replace("_", " "), str(getattr(balance, name)), style="bold" if name == "registered" else None)
    return table


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--database", choices=("postgres", "sqlite"), default="postgres")
    given = parser.parse_args()
    balance, done, kills, breach = run(given.seed, given.minutes, given.documents, given.database)
    console = Console()
    console.print(_table(balance, done, kills, given.seed, given.database))
    if breach is not None:
        console.print(f"[bold red]breach[/]: {breach}", soft_wrap=True)
        sys.exit(1)
    console.print("[green]nothing was lost, stuck, or loaded twice; every row is that of an undisturbed run[/]")


if __name__ == "__main__":
    main()
