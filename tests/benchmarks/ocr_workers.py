"""Pages per second through Celery workers beside a bare process pool, and the memory of the workers over many pages.

``python -m tests.benchmarks.ocr_workers --pages 40`` reads the same scanned reports in a pool of two processes, and through the
embedded machine with a worker of two. ``--pages 500`` shows whether the memory of the processes stays bounded: they are not
replaced meanwhile.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
import psutil
import sqlalchemy
from PIL import Image
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from database import migrations
from database.models import Attempt, Stage
from database.session import make_engine
from ingest.archives.limits import Limits
from ingest.files.register_paths import ingest_paths, plan
from runtime.settings import Settings
from runtime.store import Store
from tasks.ocr.engines.choose import RAPIDOCR, reader
from tasks.ocr.read_page import read_picture
from tasks.ocr.render import render
from tests.ocr.papers import image_pdf
from tests.scans.degrade import LEVELS, worn
from tests.scans.measure import report_pages
from workers.local import Supervisor, local_supervisor

_PROCESSES = 2
_PDF = "application/pdf"
_POLL = 0.5
_REPORTS = 12


@dataclass
class Memory:
    """Resident memory of the largest process of the worker in bytes, by how many pages were done."""

    seen: list[tuple[int, int]] = field(default_factory=list)

    def at(self, pages: int) -> int:
        """The largest up to so many pages."""
        return max((size for done, size in self.seen if done <= pages), default=0)


def write_scans(folder: Path, pages: int, level: str) -> list[tuple[Path, int]]:
    """Image-only PDF files of generated reports with ``pages`` pages in all; gives each with its number of pages.

    After the first reports the same come again, each time moved by two more pixels, so that no page is known already.
    """
    folder.mkdir(parents=True)
    reports = [
        [worn(drawn.image, LEVELS[level], 100 * seed + i)[0] for i, drawn in enumerate(report_pages(5000 + seed))]
        for seed in range(min(_REPORTS, pages))
    ]
    made: list[tuple[Path, int]] = []
    for number in count():
        if (left := pages - sum(some for _, some in made)) <= 0:
            return made
        images = [np.roll(image, 2 * (number // len(reports)), axis=0) for image in reports[number % len(reports)][:left]]
        path = folder / f"{number:04}.pdf"
        path.write_bytes(image_pdf([Image.fromarray(np.ascontiguousarray(image)) for image in images]))
        made.append((path, len(images)))
    raise AssertionError("unreachable: counting has no end")


def _read_one(job: tuple[str, int]) -> int:
    path, number = job
    image = render(Path(path).read_bytes(), _PDF, number)
    read_picture(image.pixels, number, reader(RAPIDOCR, 1), points_per_pixel=image.scale)
    return 1


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, and of CPU in all processes: the second says something on a busy machine too."""

    wall: float
    cpu: float


def _cpu(pid: int) -> float:
    """Seconds of CPU of a process, those that it has forked, and those of them that have ended."""
    total = 0.0
    for process in (psutil.Process(pid), *_workers(pid)):
        times = process.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total


def bare(scans: list[tuple[Path, int]]) -> Cost:
    """What a pool of two processes takes, the loading of models included."""
    jobs = [(str(path), number) for path, count in scans for number in range(1, count + 1)]
    # Drawing has started OpenCV's threads here, which a fork would find locked.
    with ProcessPoolExecutor(_PROCESSES, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(abs, range(_PROCESSES)))  # the processes are there
        start, before = time.perf_counter(), sum(_cpu(pid) for pid in pool._processes)
        done = sum(pool.map(_read_one, jobs))
        assert done == len(jobs)
        return Cost(time.perf_counter() - start, sum(_cpu(pid) for pid in pool._processes) - before)


def _workers(pid: int) -> Iterator[psutil.Process]:
    try:
        yield from psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return


def _parts(machine: Supervisor) -> list[int]:
    """The processes of the machine but Redis; the worker for pictures comes with the first picture."""
    return [pid for name, pid in machine.pids().items() if name != "redis"]


def _largest(pid: int) -> int:
    sizes = []
    for child in _workers(pid):
        try:
            sizes.append(child.memory_info().rss)
        except psutil.NoSuchProcess:
            continue
    return max(sizes, default=0)


def through_workers(scans: list[tuple[Path, int]], home: Path) -> tuple[Cost, Memory]:
    """From the first claim of a page to the end of the last, the loading of models included; the CPU of the worker and of
    the rescuer since they were ready, with all stages of the documents; and memory.
    """
    home.mkdir()
    settings = Settings(home=home, concurrency=_PROCESSES, tasks_per_child=1_000_000, log_level="WARNING")
    migrations.upgrade(make_engine(settings.database, pooled=False))
    engine = make_engine(settings.database)
    memory, total = Memory(), sum(count for _, count in scans)
    ingest_paths(plan([str(path) for path, _ in scans]), engine=engine, store=Store(settings.store), limits=Limits())
    ended = select(func.count()).select_from(Attempt).join(Stage, Stage.id == Attempt.stage_id)
    ended = ended.where(Stage.stage == "ocr", Attempt.outcome == "done")
    with local_supervisor(settings) as machine:
        while not machine.healthy():
            time.sleep(0.1)
        before = sum(map(_cpu, _parts(machine)))
        while True:
            with engine.connect() as connection:
                done = connection.scalar(ended) or 0
            memory.seen.append((done, max(map(_largest, _parts(machine)))))
            if done == total:
                break
            time.sleep(_POLL)
        cpu = sum(map(_cpu, _parts(machine))) - before
    wall = _span(engine)
    engine.dispose()
    return Cost(wall, cpu), memory


def _span(engine: sqlalchemy.Engine) -> float:
    spans = select(func.min(Attempt.started_at), func.max(Attempt.ended_at)).join(Stage, Stage.id == Attempt.stage_id)
    with engine.connect() as connection:
        first, last = connection.execute(spans.where(Stage.stage == "ocr")).one()
    return float((last - first).total_seconds())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ocr_workers", description=__doc__)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--level", choices=list(LEVELS), default="1")
    parser.add_argument("--no-bare", action="store_true", help="the workers alone")
    given = parser.parse_args()
    console = Console(width=120)
    with tempfile.TemporaryDirectory(prefix="gongkai-benchmark-") as name:
        scans = write_scans(Path(name) / "scans", given.pages, given.level)
        costs = {}
        if not given.no_bare:
            costs["bare pool of two processes"] = bare(scans)
        costs["worker of two processes"], memory = through_workers(scans, Path(name) / "home")
    title = f"{given.pages} scanned pages, level {given.level}"
    table = Table("way", "pages/s", "of bare", "CPU s/page", "bare of it", title=title)
    first = next(iter(costs.values()))
    for way, cost in costs.items():
        speed, work = f"{first.wall / cost.wall:.2f}", f"{first.cpu / cost.cpu:.2f}"
        table.add_row(way, f"{given.pages / cost.wall:.3f}", speed, f"{cost.cpu / given.pages:.2f}", work)
    console.print(table)
    table = Table("pages done", "largest process, MB", title="memory of the worker's processes, never replaced")
    for share in (0.1, 0.25, 0.5, 0.75, 1):
        table.add_row(str(round(share * given.pages)), f"{memory.at(round(share * given.pages)) / 1e6:.0f}")
    console.print(table)


if __name__ == "__main__":
    main()
