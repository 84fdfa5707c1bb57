"""Cost per report as a database grows: ``python -m tests.benchmarks.scale --book FOLDER --reports 100000`` (``make scale``).

Generated text reports come in slice by slice and go through real workers, with a real PostgreSQL and Redis; in each slice
processes of the workers are killed. FOLDER keeps the database, the originals, and ``book.jsonl``, a line for each slice that
is complete: the same command goes on where it was stopped. At the end the book is printed, the cost of the last slice beside
that of the first, and the balance. Exit code 1: something was lost, stuck, or loaded twice.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from database import ledger, migrations
from database.ledger import Balance
from database.session import make_engine, reading
from tests.benchmarks.storage import text_files
from tests.chaos.trial import Trial
from tests.chaos.wellbeing import File
from tests.servers import PostgresServer, RedisServer, short_folder
from tests.workers.cluster import children

_PARTS = 200  # files that are registered in one transaction
# Shorter than in production, so that a slice does not wait long for what a killed process held.
_LEASES = {"lease_seconds": 20, "ocr_lease_seconds": 20, "heartbeat_seconds": 4, "beat_seconds": 2, "stale_seconds": 10}
_CALM = {"rescue_seconds": 2, "resend_seconds": 60, "light_seconds": 120, "shutdown_seconds": 30}
_SILENCE = 900.0  # seconds without a finished document after which a slice is stuck
_LOADED_OTHERWISE = """
select count(*) from gk_document d
    left join (select document_id, count(*) as times from effects group by document_id) e on e.document_id = d.id
    left join (select document_id, count(*) as times from gk_report group by document_id) r on r.document_id = d.id
where d.status in ('accepted', 'needs_review') and (coalesce(e.times, 0) <> 1 or coalesce(r.times, 0) <> 1)"""
_BYTES = "select sum(pg_total_relation_size(oid)) from pg_class where relkind = 'r' and relname like 'gk\\_%'"


class Slice(msgspec.Struct, frozen=True):
    """A line of the book: what one slice took. ``files`` were done (of a slice that goes on after a stop: the rest of it),
    ``reports`` are those that the database holds at its end; ``workers`` and ``server`` are processor seconds (of the workers
    with the rescuer, of PostgreSQL), ``size`` the bytes of all tables and indices at its end.
    """

    number: int
    files: int
    reports: int
    seconds: float
    workers: float
    server: float
    size: int
    kills: int


def kept(book: Path) -> list[Slice]:
    """Return the slices that are complete. A line that was not written to its end does not count."""
    path, found = book / "book.jsonl", list[Slice]()
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            found.append(msgspec.json.decode(line, type=Slice))
        except msgspec.DecodeError:
            break
    return found


def write(book: Path, slices: Sequence[Slice]) -> None:
    """Keep the book, whole or as it was before."""
    part = book / "book.part"
    part.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in slices))
    part.replace(book / "book.jsonl")


def spent(pids: Iterable[int]) -> float:
    """The processor seconds of processes, of their living children, and of the dead ones that they waited for."""
    total = 0.0
    for pid in pids:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            try:
                used = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += used.user + used.system + used.children_user + used.children_system
    return total


class Growth:
    """The machine that a book grows on."""

    def __init__(self, trial: Trial, postgres: int, worker: int, rescuer: int, chance: random.Random) -> None:
        self._trial, self._postgres, self._workers, self._chance = trial, postgres, (worker, rescuer), chance

    def grow(self, number: int, files: Sequence[File], kills: int) -> Slice:
        """Register a slice and wait until all of it is at an end, killing ``kills`` processes meanwhile. Raises AssertionError
        when nothing becomes ready any more.
        """
        began, workers, server = time.monotonic(), spent(self._workers), spent([self._postgres])
        known = self._ended(number)
        for start in range(0, len(files), _PARTS):
            self._trial.register(files[start : start + _PARTS], batch=f"slice {number}")
        todo = self._files(number) - known
        marks = sorted(known + int(todo * self._chance.uniform(0.1, 0.9)) for _ in range(kills if todo else 0))
        killed, last, moved = 0, known, time.monotonic()
        while (done := self._ended(number)) < known + todo:
            if done > last:
                last, moved = done, time.monotonic()
            if time.monotonic() - moved > _SILENCE:
                raise AssertionError(
                    f"slice {number}: no document became ready for {_SILENCE:.0f} s, {known + todo - done} are left"
                )
            if len(marks) > killed and done >= marks[killed]:
                killed += self._kill()
            time.sleep(0.5)
        seconds = time.monotonic() - began
        used = (spent(self._workers) - workers, spent([self._postgres]) - server)
        return Slice(number, todo, self._count("gk_report"), seconds, *used, self._size(), killed)

    def _files(self, number: int, condition: str = "") -> int:
        """The documents of a slice: of all slices it would take longer with each that comes in."""
        of_slice = "select count(*) from gk_document where batch_id = (select id from gk_batch where name = 'slice {}') {}"
        return int(self._trial.rows(of_slice.format(number, condition))[0][0])

    def _ended(self, number: int) -> int:
        return self._files(number, "and status <> 'processing'")

    def _kill(self) -> bool:
        forked = children(self._workers[0])
        if forked:
            os.kill(self._chance.choice(forked), signal.SIGKILL)
        return bool(forked)

    def _count(self, table: str) -> int:
        return int(self._trial.rows(f"select count(*) from {table}")[0][0])

    def _size(self) -> int:
        with self._trial.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("set statement_timeout = 0"))
            connection.execute(text("vacuum analyze"))
        return int(self._trial.rows(_BYTES)[0][0])


def breaches(trial: Trial) -> tuple[Balance, list[str]]:
    """Return the balance, and what does not hold."""
    with reading(trial.engine) as connection:
        connection.execute(text("set local statement_timeout = 0"))
        balance = ledger.balance(connection)
        found = list(map(str, ledger.invariants(connection, expired_seconds=5)))
        wrong = connection.scalar(text(_LOADED_OTHERWISE))
    ended = balance.accepted + balance.needs_review + balance.failed + balance.rejected + balance.duplicate + balance.discarded
    if not balance.holds or balance.processing or balance.registered != ended:
        found.append(f"the balance does not hold: {balance}")
    if wrong:
        found.append(f"{wrong} documents were not loaded exactly once")
    return balance, found


def tables(slices: Sequence[Slice], balance: Balance) -> list[Table]:
    """The book with the cost of each slice, and the balance."""
    costs = Table(title="cost of a report, by slice")
    for head in ("reports", "files", "s", "ms workers", "ms PostgreSQL", "ms together", "bytes", "killed"):
        costs.add_column(head, justify="right")
    before = Slice(-1, 0, 0, 0, 0, 0, 0, 0)
    for one in slices:
        grown = (one.size - before.size) / max(1, one.reports - before.reports)
        times = (1000 * used / max(1, one.files) for used in (one.workers, one.server, one.workers + one.server))
        cells = (f"{one.seconds:.0f}", *(f"{time:.1f}" for time in times), f"{grown:,.0f}", str(one.kills))
        costs.add_row(f"{one.reports:,}", str(one.files), *cells)
        before = one
    books = Table(title="balance")
    books.add_column("what")
    books.add_column("count", justify="right")
    for name in balance.__struct_fields__:
        books.add_row(name.replace("_", " "), str(getattr(balance, name)), style="bold" if name == "registered" else None)
    return [costs, books]


def ratios(slices: Sequence[Slice]) -> Mapping[str, float]:
    """The cost of a report in the last slice beside the first: processor time of workers and PostgreSQL, and bytes. A slice that
    was interrupted has no cost of its own.
    """
    most = max((one.files for one in slices), default=0)
    whole = [place for place, one in enumerate(slices) if one.files == most]
    if len(whole) < 2:
        return {}
    costs = []
    for place in (whole[0], whole[-1]):
        one, reports, size = slices[place], 0, 0
        if place:
            reports, size = slices[place - 1].reports, slices[place - 1].size
        costs.append(((one.workers + one.server) / one.files, (one.size - size) / max(1, one.reports - reports)))
    (time_before, size_before), (time_after, size_after) = costs
    return {"processor time": time_after / time_before, "bytes": size_after / size_before}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description=__doc__)
    parser.add_argument("--book", type=Path, required=True, help="folder that keeps the database and the book")
    parser.add_argument("--reports", type=int, default=100_000, help="files that have come in at the end")
    parser.add_argument("--slice", type=int, default=1000, help="files of a slice")
    parser.add_argument("--kills", type=int, default=2, help="processes that are killed in each slice")
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--seed", type=int, default=62)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended all the same
    book: Path = given.book.resolve()
    book.mkdir(parents=True, exist_ok=True, mode=0o755)
    console, slices = Console(width=120), kept(book)
    with short_folder("gk-scale-") as folder:
        server, redis = PostgresServer(book, keep=True), RedisServer(folder)
        url = server.url()
        migrations.upgrade(make_engine(url, pooled=False))
        trial = Trial(book / "home", url, redis, **_LEASES, **_CALM)
        try:
            with (book / "workers.log").open("ab") as log:
                trial.errors = log
                worker, rescuer = trial.worker(concurrency=given.concurrency), trial.rescuer()
                growth = Growth(trial, server.pid, worker.pid, rescuer.pid, random.Random(given.seed + len(slices)))
                for number in range(len(slices), -(-given.reports // given.slice)):
                    files = text_files(given.slice, given.seed + number)
                    slices.append(growth.grow(number, files, given.kills))
                    write(book, slices)
                    console.print(f"{slices[-1].reports:,} reports, {slices[-1].seconds:.0f} s", highlight=False)
                balance, found = breaches(trial)
        finally:
            trial.close()
            redis.close()
            server.close()
    for table in tables(slices, balance):
        console.print(table)
    for name, ratio in ratios(slices).items():
        console.print(f"{name} of a report, last slice / first: {ratio:.2f}", highlight=False)
    for breach in found:
        console.print(f"breach: {breach}", style="bold red", soft_wrap=True)
    if not found:
        console.print("nothing was lost, stuck, or loaded twice")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
