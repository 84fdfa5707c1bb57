"""Milliseconds of each stage by format: ``python -m tests.benchmarks.stages --count 20``. One process, no queue, no database."""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from statistics import mean, median

from rich.console import Console
from rich.table import Table

from codebook.records import Extraction, Hints, Report, decode, encode
from tasks.extraction.extract import extract
from tasks.parsing.parse import parse
from tasks.validation.validate import validate
from tests.generator.documents import RENDERERS, make_document

_STAGES = ("extract", "parse", "validate", "encode")


def measure(layout: str, count: int, seed: int) -> dict[str, list[float]]:
    """Seconds of each stage over ``count`` documents of a layout, after one that warms the caches. "encode" writes the records
    that stages pass on as JSON and reads them back."""
    times: dict[str, list[float]] = defaultdict(list)
    for index in range(count + 1):
        document = make_document(seed + index, layout)
        marks = [time.perf_counter()]
        extraction = extract(document.data, document.media_type)
        marks.append(time.perf_counter())
        report = parse(extraction, Hints(path=document.name))
        marks.append(time.perf_counter())
        validate(report)
        marks.append(time.perf_counter())
        decode(encode(extraction), Extraction)
        decode(encode(report), Report)
        marks.append(time.perf_counter())
        if index:
            for stage, start, end in zip(_STAGES, marks[:-1], marks[1:], strict=True):
                times[stage].append(end - start)
    return times


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.stages", description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--layouts", nargs="*", choices=sorted(RENDERERS), metavar="LAYOUT", default=list(RENDERERS))
    given = parser.parse_args()
    table = Table(title=f"milliseconds a document, mean (median) of {given.count}")
    for head in ("layout", *_STAGES, "all"):
        table.add_column(head, justify="left" if head == "layout" else "right")
    for layout in given.layouts:
        times = measure(layout, given.count, given.seed)
        cells = [f"{1000 * mean(times[stage]):.1f} ({1000 * median(times[stage]):.1f})" for stage in _STAGES]
        table.add_row(layout, *cells, f"{1000 * sum(mean(times[stage]) for stage in _STAGES):.1f}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
