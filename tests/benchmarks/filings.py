"""What a load costs when documents are editions and renditions of filings: ``python -m tests.benchmarks.filings [FAMILIES]``.

Families of a page, its PDF and a corrected page are loaded into PostgreSQL, and between them documents that are alone in their
filing. The table shows milliseconds a document as the database grows; the last column compares with the first row. Both kinds are
loaded in turn, so that what else the machine does meets both alike.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator
from random import Random

import msgspec
from sqlalchemy import Engine, insert

from codebook.book import load_book
from codebook.records import BlockSeen, Place, Reader, Reading, Report, Section, State, Status, Verdict
from codebook.regions import load_regions
from database import migrations
from database.clock import now
from database.filings.in_force import DOCUMENT
from database.models import Base
from database.session import make_engine, run_transaction
from tasks.loading.task import load_verdict
from tests.servers import PostgresServer, short_folder

SOURCE, BATCH = Base.metadata.tables["gk_source"], Base.metadata.tables["gk_batch"]
BODIES = ("教育局", "民政局", "财政局", "水利局", "审计局", "统计局", "司法局", "商务局", "林业局", "气象局", "档案局", "信访局")
YEARS = range(2021, 2025)
WINDOW = 200  # families over which a row of the table is measured


def verdicts(number: int) -> Iterator[Verdict]:
    """The page, the PDF and the corrected page of a family, and a document that is alone."""
    counties = [region for region in load_regions().all if len(region.chain) == 3]
    region = counties[number // (len(BODIES) * len(YEARS)) % len(counties)]
    body, year = BODIES[number // len(YEARS) % len(BODIES)], YEARS[number % len(YEARS)]
    random = Random(number)
    cells = {indicator.id: random.randint(0, 99) for indicator in load_book().of_form("2021")}
    changed = cells | {"requests.granted.total": cells["requests.granted.total"] + 1}

    def made(name: str, values: dict[str, int], reader: Reader, day: str | None) -> Verdict:
        readings = tuple(Reading(cell, value, State.READ, str(value), Place(1), reader) for cell, value in values.items())
        sections = (Section(1, "总体情况", f"{year}年，{name}认真做好政府信息公开工作，编号{number}。" * 5, Place()),)
        blocks = tuple(BlockSeen(block, "2021", Place()) for block in ("disclosure", "requests", "review"))
        report = Report(name, region.chain, region.code, year, "2021", None, day, "simplified", sections, blocks, readings)
        return Verdict(report, (), Status.ACCEPTED)

    name = f"{region.chain[-1]}{body}"
    page = made(name, cells, Reader.HTML, f"{year + 1}-01-20")
    copies = tuple(msgspec.structs.replace(reading, read_by=Reader.PDF) for reading in page.report.readings)
    pdf = msgspec.structs.replace(page, report=msgspec.structs.replace(page.report, readings=copies))
    yield from (page, pdf, made(name, changed, Reader.HTML, f"{year + 1}-03-01"))
    yield made(f"{region.chain[-1]}第{number % 97}中学", cells, Reader.HTML, f"{year + 1}-01-20")


def register(engine: Engine, batch: int, path: str) -> int:
    """A document that is being processed."""
    key = hashlib.sha256(path.encode()).hexdigest()
    row = {"sha256": key, "media_type": "text/html", "size": 1, "batch_id": batch, "status": "processing", "run": 1}
    with engine.begin() as connection:
        made: int = connection.execute(insert(DOCUMENT).values(**row, registered_at=now()).returning(DOCUMENT.c.id)).scalar_one()
        source = {"document_id": made, "batch_id": batch, "path": path, "path_key": key, "duplicate": False, "hints": {}}
        connection.execute(insert(SOURCE).values(**source, seen_at=now()))
    return made


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def measure(engine: Engine, families: int) -> None:
    """Load the families, and print a row at 100, 1,000, 10,000 and at the end."""
    with engine.begin() as connection:
        batch: int = connection.execute(
            insert(BATCH).values(name="基准", priority=0, created_at=now()).returning(BATCH.c.id)
        ).scalar_one()
    spent: list[tuple[float, float]] = []
    first: tuple[float, float] | None = None
    say(f"{'families':>9} {'documents':>10} {'ms in a family':>15} {'ms alone':>9} {'ratio':>6} {'of the first row':>17}")
    for number in range(families):
        times: list[float] = []
        for place, verdict in enumerate(verdicts(number)):
            document = register(engine, batch, f"{number}/{place}.html")
            began = time.perf_counter()
            run_transaction(engine, lambda c, d=document, v=verdict: load_verdict(c, d, v, {"code": "1"}))  # type: ignore[misc]
            times.append(time.perf_counter() - began)
        spent.append((sum(times[:3]) / 3, times[3]))
        if (number + 1) in (100, 1_000, 10_000, families):
            some = spent[-WINDOW:]
            family, alone = (1000 * sum(row[at] for row in some) / len(some) for at in (0, 1))
            first = first or (family, alone)
            grown = f"{family / first[0]:.2f} {alone / first[1]:.2f}"
            row = f"{number + 1:>9,} {4 * (number + 1):>10,} {family:>15.1f} {alone:>9.1f} {family / alone:>6.2f}"
            say(f"{row} {grown:>17}")


if __name__ == "__main__":
    with short_folder("gk-pg-") as folder:
        server = PostgresServer(folder)
        try:
            made = make_engine(server.url(server.create()), lazy_commit=True)
            migrations.upgrade(made)
            measure(made, int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
            made.dispose()
        finally:
            server.close()
