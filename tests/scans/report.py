"""How well scans are read: ``python -m tests.scans.report --pages 4 --levels 1 2 3``.

For each level of wear: cells right, silent errors (wrong and not said to be unsure), doubts, cells that were not found, tables
with the right numbers of rows and columns, seconds of CPU a page; then errors by band of score.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
from rich.console import Console
from rich.table import Table

from tasks.ocr.engines.choose import RAPIDOCR, reader
from tests.scans.degrade import LEVELS
from tests.scans.drawing import Drawn
from tests.scans.measure import Outcome, Read, corpus_pages, number_page, read_worn, report_pages

_BANDS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.01)


def corpus_pdf() -> Path:
    """The real report whose pages are rendered."""
    root = Path(os.environ.get("GONGKAI_CORPUS", Path(__file__).resolve().parents[3] / "shared" / "corpus"))
    return root / "documents" / "hongze-2024.pdf"


def sources(kind: str, pages: int, seed: int, dpi: int, rules: str | None) -> Iterator[tuple[str, Drawn]]:
    """(name, page): ``pages`` pages with tables of each kind of document."""
    if kind in ("corpus", "all") and corpus_pdf().is_file():
        found = [page for page in corpus_pages(corpus_pdf(), dpi) if page.cells]
        yield from ((f"corpus {i}", page) for i, page in enumerate(found[: max(3, pages)]))
    if kind in ("reports", "all"):
        for count in range(pages):
            drawn = [page for page in report_pages(seed + count, dpi, rules) if page.cells]
            yield f"report {seed + count}", max(drawn, key=lambda page: len(page.cells))
    if kind in ("numbers", "all"):
        yield from ((f"numbers {seed + i}", number_page(seed + i, dpi, rules)) for i in range(pages))


def _share(part: int, whole: int, digits: int = 2) -> str:
    return f"{100 * part / whole:.{digits}f}" if whole else "-"


def _level_table(outcomes: dict[str, Outcome]) -> Table:
    table = Table(title="cells of scans (shares in per cent)")
    heads = (
        "level",
        "pages",
        "values",
        "right",
        "silent",
        "doubts",
        "missing",
        "labels",
        "right",
        "silent",
        "grids",
        "right",
        "CPU s/page",
    )
    for head in heads:
        table.add_column(head, justify="left" if head == "level" else "right")
    for name, outcome in outcomes.items():
        values = outcome.values
        labels = [read for read in outcome.reads if not read.is_value]
        table.add_row(
            name,
            str(outcome.pages),
            str(len(values)),
            _share(sum(r.is_right for r in values), len(values)),
            str(sum(r.is_silent for r in values)),
            _share(sum(r.is_doubt for r in values), len(values)),
            str(sum(r.text is None for r in values)),
            str(len(labels)),
            _share(sum(r.is_right for r in labels), len(labels)),
            str(sum(r.is_silent for r in labels)),
            str(outcome.grids),
            _share(outcome.grids_right, outcome.grids),
            f"{outcome.seconds / max(1, outcome.pages):.2f}",
        )
    return table


def _band_table(outcomes: dict[str, Outcome]) -> Table:
    table = Table(title="values wrong of read, by score")
    table.add_column("score")
    for name in outcomes:
        table.add_column(name, justify="right")
    for low, high in pairwise(_BANDS):
        row = []
        for outcome in outcomes.values():
            inside = [r for r in outcome.values if r.text is not None and low <= r.score < high]
            row.append(f"{sum(not r.is_right for r in inside)}/{len(inside)}")
        table.add_row(f"{low:g} - {min(high, 1):g}", *row)
    return table


def _tell(console: Console, name: str, page: str, read: Read) -> None:
    place = f"({read.at[0]:.0f}, {read.at[1]:.0f})"
    console.print(
        f"  {name} {page} {place}: {read.expected!r} read as {read.text!r} {read.score:.3f} {read.alternatives}", markup=False
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.scans.report", description=__doc__)
    parser.add_argument("--pages", type=int, default=3, help="pages of each kind of document")
    parser.add_argument("--kind", choices=("all", "corpus", "reports", "numbers"), default="all")
    parser.add_argument("--levels", nargs="*", choices=list(LEVELS), metavar="LEVEL", default=list(LEVELS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dpi", type=int, default=200)
    parser.add_argument("--rules", help="one look of rules instead of all")
    parser.add_argument("--errors", type=int, default=10, help="how many wrong values of each level to show")
    parser.add_argument("--keep", type=Path, help="append every cell to this file, as JSON lines")
    parser.add_argument("--images", type=Path, help="write the worn pages to this folder")
    given = parser.parse_args()
    console = Console(width=200)
    cv2.setNumThreads(1)
    readers = reader(RAPIDOCR)
    outcomes: dict[str, Outcome] = defaultdict(Outcome)
    for number, (page, drawn) in enumerate(sources(given.kind, given.pages, given.seed, given.dpi, given.rules)):
        for name in given.levels:
            keep = given.images / f"{name}-{page.replace(' ', '-')}.png" if given.images else None
            outcome, _ = read_worn(drawn, LEVELS[name], given.seed * 1000 + number, readers, dpi=given.dpi, keep=keep)
            outcomes[name].add(outcome)
            for read in [r for r in outcome.values if not r.is_right][: given.errors]:
                _tell(console, name, page, read)
            if outcome.grids_right < outcome.grids:
                console.print(
                    f"  {name} {page}: {outcome.grids - outcome.grids_right} of {outcome.grids} tables in another shape"
                )
            if given.keep:
                with given.keep.open("a") as file:
                    for r in outcome.reads:
                        file.write(
                            json.dumps([name, page, r.expected, r.text, r.score, r.is_value, r.alternatives], ensure_ascii=False)
                            + "\n"
                        )
    console.print(_level_table(outcomes))
    console.print(_band_table(outcomes))


if __name__ == "__main__":
    main()
