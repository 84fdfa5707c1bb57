"""What safety costs: CPU of a worker's process for each document, ``python -m tests.benchmarks.safety --count 200``.

Four ways in one process, over the same documents, each into a database of its own: the pure functions alone; the same and the
rows of each report written in one transaction, as the plainest program would; and the stages as workers run them, with claims,
fences, tries and kept outputs, each document alone with its checkpoints, and in blocks. CPU time, so that what else the machine
does matters little; the database server's is not in it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, Engine, event

from codebook.errors import GongkaiError
from codebook.records import Hints, Verdict
from codebook.stages import StageName
from database import migrations
from database.intake import register
from database.session import make_engine, run_transaction
from runtime.settings import Settings
from tasks.extraction.extract import extract
from tasks.loading.task import load_verdict
from tasks.parsing.parse import parse
from tasks.validation.validate import validate
from tests.chaos.trial import reports
from tests.chaos.wellbeing import File
from tests.servers import PostgresServer, short_folder
from workers.app import app
from workers.lease_heartbeat import LeaseHeartbeat
from workers.notifier import SilentNotifier
from workers.stage_runner import StageRunner
from workers.worker_context import WorkerContext

_BLOCK = 32


class _Kept:
    def __init__(self, files: list[File]) -> None:
        self._data = {file.sha256: file.data for file in files}

    def get(self, sha256: str) -> bytes:
        return self._data[sha256]


def _read(file: File) -> Verdict | None:
    try:
        return validate(parse(extract(file.data, file.media_type), Hints(path=f"/in/{file.name}")))
    except GongkaiError:
        return None


def _timed(files: list[File], each: Callable[[int, File], object]) -> float:
    """CPU of one document, in ms."""
    spent = []
    for number, file in enumerate(files, 1):
        begun = time.process_time()
        each(number, file)
        spent.append(1000 * (time.process_time() - begun))
    return mean(spent)


def _registered(url: str, files: list[File]) -> Engine:
    migrations.upgrade(make_engine(url, pooled=False))
    engine = make_engine(url, lazy_commit=True)
    run_transaction(engine, lambda c: register(c, "b", [file.arrival() for file in files]))
    return engine


def plainly(url: str, files: list[File]) -> float:
    """The functions, and the rows in one transaction."""
    engine = _registered(url, files)

    def each(number: int, file: File) -> None:
        verdict = _read(file)
        if verdict is not None:
            run_transaction(engine, lambda c: load_verdict(c, number, verdict, {}))

    return _timed(files, each)


def safely(url: str, files: list[File], block: int) -> tuple[float, float]:
    """The stages as workers run them, in blocks of this size; CPU, and transactions for each document."""
    app.loader.import_default_modules()
    engine = _registered(url, files)
    commits: list[Connection] = []
    event.listen(engine, "commit", commits.append)
    # However slow the machine is, no block gives anything back for want of time.
    settings = Settings(home=Path(tempfile.gettempdir()), database_url=url, light_seconds=36_000)
    store: Any = _Kept(files)
    context = WorkerContext(settings, engine, store, SilentNotifier(), LeaseHeartbeat(engine, settings), "benchmark#1")
    runner = StageRunner(context)
    numbers = range(1, len(files) + 1)
    if block == 1:
        spent = _timed(files, lambda number, _: runner.run(number, StageName.EXTRACT))
    else:
        begun = time.process_time()
        for start in range(0, len(files), block):
            runner.run(numbers[start : start + block], StageName.EXTRACT)
        spent = 1000 * (time.process_time() - begun) / len(files)
    return spent, len(commits) / len(files)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.safety", description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    files = [file for file in reports(parser.parse_args().count) if "letter" not in file.name]
    table = Table(title="CPU of a worker's process, ms for each document (mean)")
    columns = ("functions alone", "and rows written", "as workers run them", "transactions", "in blocks", "transactions")
    for column in ("database", *columns):
        table.add_column(column, justify="left" if column == "database" else "right")
    for file in files[:5]:
        _read(file)
    alone = _timed(files, lambda _, file: _read(file))
    with short_folder("gk-safe-") as folder, tempfile.TemporaryDirectory() as other:
        server = PostgresServer(folder)
        try:
            urls = {"SQLite": [f"sqlite:///{other}/{n}.db" for n in range(3)]}
            urls["PostgreSQL"] = [server.url(server.create()) for _ in range(3)]
            for name, (first, second, third) in urls.items():
                plain = plainly(first, files)
                safe, transactions = safely(second, files, 1)
                together, fewer = safely(third, files, _BLOCK)
                cells = (f"{alone:.1f}", f"{plain:.1f}", f"{safe:.1f}", f"{transactions:.1f}", f"{together:.1f}", f"{fewer:.1f}")
                table.add_row(name, *cells)
        finally:
            server.close()
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
