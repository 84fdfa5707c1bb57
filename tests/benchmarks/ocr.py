"""CPU seconds a page beside RapidOCR's own pipeline: ``python -m tests.benchmarks.ocr --pages 3``.

Both read the same worn pages in one process with one thread; pages of tables and of prose apart. Then the shares of preparation,
grid and recognition, and pages per second of one process with two threads beside two processes with one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR
from rich.console import Console
from rich.table import Table

from codebook.records import Line
from tasks.ocr import read_page
from tasks.ocr.engines.choose import RAPIDOCR, reader
from tasks.ocr.engines.pair import ReaderPair
from tasks.ocr.prepare_image import prepared
from tests.scans.degrade import LEVELS, worn
from tests.scans.drawing import Drawn
from tests.scans.measure import report_pages, same_text


@dataclass
class Cost:
    """Seconds of CPU and pages; ``exact`` of ``values`` were found as texts of their own on the page."""

    seconds: float = 0.0
    pages: int = 0
    exact: int = 0
    values: int = 0
    shares: dict[str, float] = field(default_factory=dict)

    @property
    def each(self) -> float:
        """Seconds a page."""
        return self.seconds / max(1, self.pages)


@cache
def _default() -> Any:
    """RapidOCR as it comes, but for the number of threads."""
    return RapidOCR(
        params={"EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1}
    )


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    return work(), time.process_time() - start


def _found(drawn: Drawn, texts: list[str]) -> int:
    """How many of the page's values are among ``texts``, each counted once."""
    left = list(texts)
    count = 0
    for cell in drawn.cells:
        if cell.is_value:
            match = next((text for text in left if same_text(cell.text, text)), None)
            if match is not None:
                left.remove(match)
                count += 1
    return count


def _ours(image: NDArray[np.uint8], reader: ReaderPair) -> list[str]:
    page = read_page.read_picture(image, 1, reader)
    return [text for b in page.blocks for text in ([b.text] if isinstance(b, Line) else [c.text for c in b.cells])]


def _theirs(image: NDArray[np.uint8]) -> list[str]:
    return list(_default()(image[:, :, ::-1]).txts or ())


def _shares(image: NDArray[np.uint8], reader: ReaderPair) -> dict[str, float]:
    picture, preparation = _timed(lambda: prepared(image).picture)
    _, grid = _timed(lambda: read_page._layout(picture))
    _, whole = _timed(lambda: read_page.read_picture(image, 1, reader))
    return {"preparation": preparation, "grid": grid, "recognition": whole - preparation - grid}


def compare(pages: list[Drawn], level: str, reader: ReaderPair) -> tuple[Cost, Cost]:
    """(ours, RapidOCR's own) over the same worn copies of ``pages``."""
    ours, theirs = Cost(), Cost()
    for number, drawn in enumerate(pages):
        image, _ = worn(drawn.image, LEVELS[level], number)
        values = sum(cell.is_value for cell in drawn.cells)
        for cost, work in ((ours, lambda: _ours(image, reader)), (theirs, lambda: _theirs(image))):  # noqa: B023 - called at once
            texts, seconds = _timed(work)
            cost.seconds += seconds
            cost.pages += 1
            cost.exact += _found(drawn, texts)
            cost.values += values
        for name, seconds in _shares(image, reader).items():
            ours.shares[name] = ours.shares.get(name, 0.0) + seconds
    return ours, theirs


def _work(job: tuple[NDArray[np.uint8], int]) -> int:
    image, threads = job
    cv2.setNumThreads(threads)
    read_page.read_picture(image, 1, _reader(threads))
    return 1


@cache
def _reader(threads: int) -> ReaderPair:
    return reader(RAPIDOCR, threads)


def throughput(images: list[NDArray[np.uint8]], processes: int, threads: int) -> float:
    """Pages per second of ``processes`` with ``threads`` each, models loaded before."""
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(_work, [(images[0], threads)] * processes))
        start = time.perf_counter()
        done = sum(pool.map(_work, [(image, threads) for image in images]))
        return done / (time.perf_counter() - start)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ocr", description=__doc__)
    parser.add_argument("--pages", type=int, default=3, help="pages of each kind")
    parser.add_argument("--level", choices=list(LEVELS), default="1")
    parser.add_argument("--no-throughput", action="store_true")
    given = parser.parse_args()
    console = Console(width=160)
    cv2.setNumThreads(1)
    readers = reader(RAPIDOCR)
    kinds: dict[str, list[Drawn]] = {"tables": [], "prose": []}
    for seed in range(given.pages):
        pages = report_pages(900 + seed)
        kinds["tables"].append(max(pages, key=lambda page: len(page.cells)))
        kinds["prose"].append(min(pages, key=lambda page: len(page.cells) * 1000 - len(page.texts)))
    _theirs(kinds["prose"][0].image[:200])
    table = Table(title=f"CPU seconds a page, level {given.level}")
    for head in ("pages", "ours", "RapidOCR", "ratio", "values ours", "values RapidOCR", "preparation", "grid", "recognition"):
        table.add_column(head, justify="right")
    for kind, pages in kinds.items():
        ours, theirs = compare(pages, given.level, readers)
        whole = sum(ours.shares.values())
        shares = [f"{100 * ours.shares[name] / whole:.0f} %" for name in ("preparation", "grid", "recognition")]
        found = [f"{cost.exact}/{cost.values}" for cost in (ours, theirs)]
        table.add_row(kind, f"{ours.each:.2f}", f"{theirs.each:.2f}", f"{ours.seconds / theirs.seconds:.3f}", *found, *shares)
    console.print(table)
    if not given.no_throughput:
        images = [worn(drawn.image, LEVELS[given.level], i)[0] for i, drawn in enumerate(kinds["tables"])] * 2
        one, two = throughput(images, 1, 2), throughput(images, 2, 1)
        console.print(f"one process with two threads {one:.2f} pages/s, two with one {two:.2f} pages/s: {two / one:.2f} times")


if __name__ == "__main__":
    main()
