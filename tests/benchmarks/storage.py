"""What a report takes in the database, by table and index: ``python -m tests.benchmarks.storage --count 2000``.

Generated text reports go through the real stages in this process, into SQLite and into PostgreSQL. Sizes are those of pages
in use, as filling left them (nothing was packed afterwards), less what the empty database had, divided by the number of reports.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text

from codebook.stages import StageName
from database import migrations
from database.intake import register
from database.session import make_engine, reading, run_transaction
from runtime.settings import Settings
from runtime.store import Store
from tests.chaos.wellbeing import File
from tests.generator.documents import TEXT_LAYOUTS, make_documents
from tests.servers import PostgresServer, short_folder
from workers.app import app
from workers.lease_heartbeat import LeaseHeartbeat
from workers.notifier import SilentNotifier
from workers.stage_runner import StageRunner
from workers.worker_context import WorkerContext

BLOCK = 32
LAYOUTS = tuple(name for name in TEXT_LAYOUTS if name != "vanished")
_POSTGRESQL = """
select c.relname, pg_table_size(c.oid) from pg_class c where c.relkind = 'r' and c.relname like 'gk\\_%'
union all
select t.relname || ' / ' || i.relname, pg_relation_size(i.oid) from pg_index x join pg_class i on i.oid = x.indexrelid
    join pg_class t on t.oid = x.indrelid where t.relname like 'gk\\_%'"""
_SQLITE = """
select case when m.type = 'index' then m.tbl_name || ' / ' || m.name else m.name end, sum(s.pgsize)
from dbstat s join sqlite_master m on m.name = s.name group by 1"""


def text_files(count: int, seed: int, layouts: Sequence[str] = LAYOUTS) -> list[File]:
    """Generated text reports, as files that come in."""
    return [File(made.data, made.media_type, made.name) for made in make_documents(count, seed, layouts)]


def sizes(engine: Engine) -> dict[str, int]:
    """Return the bytes of each table (with what it keeps out of line) and of each index (``TABLE / INDEX``)."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze"))  # what waits to be sorted into the index of the search is, too
    with reading(engine) as connection:
        rows = connection.execute(text(_POSTGRESQL if engine.dialect.name == "postgresql" else _SQLITE)).all()
    return {name: int(size) for name, size in rows}


def runner_of(engine: Engine, home: Path) -> StageRunner:
    """What does the stages as a worker does, in this process."""
    app.loader.import_default_modules()
    settings = Settings(home=home, light_seconds=36_000)  # however slow the machine is, no block is given back for want of time
    heartbeat = LeaseHeartbeat(engine, settings)
    return StageRunner(WorkerContext(settings, engine, Store(settings.store), SilentNotifier(), heartbeat, "benchmark#1"))


def load(engine: Engine, home: Path, files: list[File]) -> int:
    """Register ``files`` in an empty database and do their stages in blocks. Return how many reports there are."""
    runner, store = runner_of(engine, home), Store(Settings(home=home).store)
    for file in files:
        store.put(file.data)
    run_transaction(engine, lambda c: register(c, "benchmark", [file.arrival() for file in files]))
    numbers = range(1, len(files) + 1)
    for start in range(0, len(files), BLOCK):
        runner.run(numbers[start : start + BLOCK], StageName.EXTRACT)
    with reading(engine) as connection:
        return int(connection.scalar(text("select count(*) from gk_report")) or 0)


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """The URLs of an empty database of each kind."""
    with short_folder("gk-size-") as folder, tempfile.TemporaryDirectory() as other:
        server = PostgresServer(folder)
        try:
            yield {"SQLite": f"sqlite:///{other}/gongkai.db", "PostgreSQL": server.url(server.create())}
        finally:
            server.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.storage", description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=62)
    parser.add_argument("--layouts", nargs="+", default=LAYOUTS)
    given = parser.parse_args()
    files = text_files(given.count, given.seed, given.layouts)
    console = Console(width=110)
    with databases() as urls:
        for name, url in urls.items():
            migrations.upgrade(make_engine(url, pooled=False))
            engine = make_engine(url, lazy_commit=True)
            empty = sizes(engine)
            with tempfile.TemporaryDirectory() as home:
                reports = load(engine, Path(home), files)
            taken = {part: (size - empty.get(part, 0)) / reports for part, size in sizes(engine).items()}
            with reading(engine) as connection:
                query = text("select stage, sum(length(body)) from gk_output group by stage order by stage")
                kept = connection.execute(query).all()
            engine.dispose()
            table = Table(title=f"{name}: {reports} reports of {len(files)} files, bytes a report")
            for head in ("table / index", "bytes", "share"):
                table.add_column(head, justify="left" if head.startswith("table") else "right")
            whole = sum(taken.values())
            for part, size in sorted(taken.items(), key=lambda pair: -pair[1]):
                if size >= 1:
                    table.add_row(part, f"{size:,.0f}", f"{size / whole:.1%}")
            table.add_row("all", f"{whole:,.0f}", "100%", end_section=True)
            for stage, size in kept:
                table.add_row(f"of gk_output: {stage}", f"{int(size) / reports:,.0f}", f"{int(size) / reports / whole:.1%}")
            console.print(table)


if __name__ == "__main__":
    main()
