"""A long random campaign: ``python -m tests.chaos.campaign --seed 1 --minutes 10 --documents 1000`` (``make chaos``).

Documents come in while processes of ours are killed and frozen, Redis is emptied and restarted, PostgreSQL crashes, ways to the
servers are cut, the disk under the database is full (where root runs it), and messages come five times. At the end the balance is
printed, with the seed. Exit code 1: something was lost, stuck, or loaded twice.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from sqlalchemy import func, make_url, select

from database import ledger, migrations
from database.ledger import Balance
from database.models import Attempt, Stage
from database.session import make_engine, reading
from tests.chaos.disk import SmallDisk
from tests.chaos.nemesis import Nemesis
from tests.chaos.proxy import Proxy
from tests.chaos.trial import Trial, reports
from tests.chaos.wellbeing import File, undisturbed
from tests.servers import PostgresServer, RedisServer, short_folder

_SHORT = {"lease_seconds": 4, "ocr_lease_seconds": 4, "heartbeat_seconds": 0.7, "beat_seconds": 0.4, "stale_seconds": 2.5}
_SETTLE = 600.0
_DISK_MIB = 700
# Documents that come in at once at least: alone, in small blocks, and in large ones (workers.notifier.blocks).
_BURSTS = (1, 20, 80, 200)
# Strikes, however slow the machine is: each of them waits until what it killed runs again.
_LEAST = 5


class Ended(NamedTuple):
    """What a campaign came to: the books, what was done how often, how many processes were killed, the tries by how they ended,
    how many stages were done in blocks, the breach if any.
    """

    balance: Balance
    done: Counter[str]
    kills: int
    tries: dict[str, int]
    in_blocks: int
    breach: str | None


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[tuple[str, PostgresServer | None]]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'campaign.db'}", None
        return
    server = PostgresServer(folder)
    server.execute("alter system set max_wal_size = '64MB'")
    server.execute("select pg_reload_conf()")
    try:
        yield server.url(server.create()), server
    finally:
        server.close()


@contextmanager
def _small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """A disk that can be filled; None where none can be mounted."""
    try:
        disk = SmallDisk(folder, _DISK_MIB)
    except PermissionError:
        yield None
        return
    try:
        yield disk
    finally:
        disk.close()


def _ways(stack: ExitStack, url: str, redis: RedisServer, postgres: bool) -> list[tuple[str, Proxy]]:
    """Ways to the servers that can be cut, by the setting that leads there."""
    bell = Proxy(redis.socket)
    bell.url = f"redis://127.0.0.1:{bell.port}/0"
    made = [("GONGKAI_BROKER_URL", bell)]
    if postgres:
        parsed = make_url(url)
        base = Proxy(Path(str(parsed.query["host"])) / ".s.PGSQL.5432")
        base.url = parsed.set(host="127.0.0.1", port=base.port, query={}).render_as_string(hide_password=False)
        made.append(("GONGKAI_DATABASE_URL", base))
    for _, way in made:
        stack.callback(way.close)
    return made


def run(seed: int, minutes: float, documents: int, kind: str, log: Path | None = None) -> Ended:
    """One campaign. The processes write their logs to ``log``, or where this one does."""
    with ExitStack() as stack:
        folder = stack.enter_context(short_folder("gk-chaos-"))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        below = folder / "disk"
        below.mkdir(mode=0o755)
        folder.chmod(0o755)
        disk = stack.enter_context(_small_disk(below))
        url, postgres = stack.enter_context(_database(kind, below))
        migrations.upgrade(make_engine(url, pooled=False))
        redis = RedisServer(folder)
        stack.callback(redis.close)
        files = reports(documents, seed)
        expected = undisturbed(files, home)
        trial = Trial(home, url, redis, **_SHORT)
        stack.callback(trial.close)
        if log is not None:
            trial.errors = stack.enter_context(log.open("wb"))
        ways = _ways(stack, url, redis, postgres is not None)
        nemesis = Nemesis(trial, seed, workers=2, postgres=postgres, disk=disk, ways=ways)
        breach = None
        try:
            _attack(trial, nemesis, files, minutes * 60, random.Random(seed))
            nemesis.well(expected, _SETTLE)
        except AssertionError as error:
            breach = str(error) or "the assertion failed"
        with reading(trial.engine) as connection:
            counted = select(func.coalesce(Attempt.outcome, "open"), func.count()).group_by(Attempt.outcome)
            tries = {row[0]: row[1] for row in connection.execute(counted)}
            in_blocks = connection.scalar(select(func.count()).where(Stage.block.is_not(None))) or 0
            return Ended(ledger.balance(connection), nemesis.done, nemesis.kills, tries, in_blocks, breach)


def _attack(trial: Trial, nemesis: Nemesis, files: Sequence[File], seconds: float, chance: random.Random) -> None:
    """Let documents come in over the whole time, now a few and now many, and strike every few seconds."""
    nemesis.keep()
    began, given, burst = time.monotonic(), 0, 1
    while (passed := time.monotonic() - began) < seconds or nemesis.done.total() < _LEAST:
        due = min(len(files), int(len(files) * passed / (0.9 * seconds)) + 1)
        if due - given >= burst:
            trial.register(files[given:due])
            given, burst = due, chance.choice(_BURSTS)
        time.sleep(chance.uniform(0.3, min(3.0, seconds / 20)))
        nemesis.strike()
    if given < len(files):
        trial.register(files[given:])
    nemesis.keep()


def _table(ended: Ended, seed: int, kind: str) -> Table:
    table = Table(title=f"campaign with seed {seed} on {kind}")
    table.add_column("what")
    table.add_column("count", justify="right")
    for name, count in ended.done.most_common():
        table.add_row(name.replace("_", " "), str(count), style="dim")
    table.add_row("processes killed", str(ended.kills), end_section=True, style="dim")
    for name, count in sorted(ended.tries.items()):
        table.add_row(f"tries {name}", str(count), style="dim")
    table.add_row("stages done in blocks", str(ended.in_blocks), end_section=True, style="dim")
    for name in ended.balance.__struct_fields__:
        table.add_row(name.replace("_", " "), str(getattr(ended.balance, name)), style="bold" if name == "registered" else None)
    return table


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--database", choices=("postgres", "sqlite"), nargs="+", default=["sqlite", "postgres"])
    given = parser.parse_args()
    console = Console()
    breaches = 0
    for kind in given.database:
        log = Path(tempfile.gettempdir()) / f"gongkai-campaign-{given.seed}-{kind}.log"
        console.print(f"seed {given.seed}, {given.minutes:g} minutes, {given.documents} documents on {kind}, logs in {log}")
        ended = run(given.seed, given.minutes, given.documents, kind, log)
        console.print(_table(ended, given.seed, kind))
        if ended.breach is None:
            console.print("[green]nothing was lost, stuck, or loaded twice; every row is that of an undisturbed run[/]")
        else:
            breaches += 1
            console.print(f"[bold red]breach[/]: {ended.breach}", soft_wrap=True)
    sys.exit(1 if breaches else 0)


if __name__ == "__main__":
    main()
