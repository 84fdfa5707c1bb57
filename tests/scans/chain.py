"""Scans through the whole chain: ``python -m tests.scans.chain --reports 5 --levels 1 2 3``.

Generated reports are drawn or printed, worn, put into PDF, TIFF or packages of pictures, read as any document is, and compared
with the truth, after the form's identities have settled what they can: cells exact, doubtful, wrong within a finding, and
silent (wrong or lost, and nothing says so); and the form, year and agency.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import cv2
from rich.console import Console
from rich.table import Table

from codebook.errors import GongkaiError
from codebook.records import Hints, State, Verdict
from tasks.flow import read_document
from tasks.ocr.engines.choose import RAPIDOCR, TESSERACT, reader
from tests.accuracy.compare import Score, Truth, compare
from tests.scans.batches import Scan, clean_report, kinds, scanned
from tests.scans.degrade import LEVELS
from tests.scans.fonts import chinese_fonts

FACTS = ("form", "year", "agency")


@dataclass
class Tally:
    """What became of the reports of one level."""

    reports: int = 0
    cells: int = 0
    exact: int = 0
    doubtful: int = 0
    found: int = 0  # wrong, and named by a finding
    silent: int = 0
    refused: int = 0
    seconds: float = 0.0
    pages: int = 0
    right: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FACTS, 0))
    notes: list[str] = field(default_factory=list)

    def add(self, score: Score, verdict: Verdict | None) -> None:
        """Count one report, and note what is not as it should be."""
        named = {cell for finding in verdict.findings for cell in finding.cells} if verdict else set()
        wrong = [(line, line.split(":", 1)[0] in named) for line in score.silent]
        self.reports += 1
        self.cells += score.cells
        self.exact += score.exact
        self.doubtful += score.doubtful
        self.found += sum(inside for _, inside in wrong)
        self.silent += sum(not inside for _, inside in wrong)
        self.refused += score.failure is not None
        for fact in FACTS:
            self.right[fact] += fact not in score.wrong and score.failure is None
        self.notes += [f"{'in a finding' if inside else 'SILENT'} {line}" for line, inside in wrong]
        self.notes += [f"{fact}: {what}" for fact, what in score.wrong.items() if fact in FACTS]
        if verdict:
            doubts = [r for r in verdict.report.readings if r.state is State.DOUBTFUL]
            self.notes += [
                f"doubt {r.indicator} {r.doubt}: {r.raw!r} {r.score:.3f} {r.candidates} {r.place}" for r in doubts[:12]
            ]
            if len(doubts) > 12:
                self.notes.append(f"and {len(doubts) - 12} doubts more")
        if score.failure:
            self.notes.append(f"refused: {score.failure}")


def read_scan(scan: Scan, truth: Truth, engine: str = RAPIDOCR) -> tuple[Score, Verdict | None]:
    """A scan read, and compared with its truth."""
    try:
        verdict = read_document(scan.data, scan.media_type, Hints(path=scan.name), reader(engine))
    except GongkaiError as error:
        return Score(cells=len(truth.indicators), failure=str(error)), None
    return compare(verdict, truth), verdict


def measure(reports: int, seed: int, levels: list[str], *, dpi: int = 200, kind: str | None = None, rules: str | None = None,
            engine: str = RAPIDOCR, tell: Console | None = None, keep: Path | None = None) -> dict[str, Tally]:  # fmt: skip
    """The tallies by level of ``reports`` reports, of all kinds in turn unless one is named."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    for number in range(seed, seed + reports):
        of_kind = kind or kinds()[number % len(kinds())]
        clean = clean_report(of_kind, number, dpi, rules)
        for level in levels:
            scan = scanned(clean, LEVELS[level], number, dpi)
            start = time.process_time()
            score, verdict = read_scan(scan, clean.truth, engine)
            tally = tallies[level]
            tally.seconds += time.process_time() - start
            tally.pages += len(scan.pages)
            before = len(tally.notes)
            tally.add(score, verdict)
            news = tally.notes[before:]
            if tell:
                for line in news:
                    tell.print(f"  {level} {of_kind} {number} as {scan.packing}: {line}", markup=False, highlight=False)
            if keep and news:
                keep.mkdir(parents=True, exist_ok=True)
                for page, image in enumerate(scan.pages, 1):
                    cv2.imwrite(str(keep / f"{level}-{of_kind}-{number}-{page}.png"), image[:, :, ::-1])
    return tallies


def table_of(tallies: dict[str, Tally], title: str) -> Table:
    """The tallies as a table; shares in per cent."""
    table = Table(title=title)
    for head in ("level", "reports", "cells", "exact", "doubtful", "in a finding", "silent", "refused", *FACTS, "CPU s/page"):
        table.add_column(head, justify="left" if head == "level" else "right")
    for name, tally in tallies.items():
        cells, reports = max(1, tally.cells), max(1, tally.reports)
        table.add_row(
            name,
            str(tally.reports),
            str(tally.cells),
            f"{100 * tally.exact / cells:.2f}",
            f"{100 * tally.doubtful / cells:.2f}",
            str(tally.found),
            str(tally.silent),
            str(tally.refused),
            *(f"{100 * tally.right[fact] / reports:.0f}" for fact in FACTS),
            f"{tally.seconds / max(1, tally.pages):.2f}",
        )
    return table


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.scans.chain", description=__doc__)
    parser.add_argument("--reports", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dpi", type=int, default=200)
    parser.add_argument("--kind", choices=kinds())
    parser.add_argument("--rules", help="one look of drawn rules instead of all")
    parser.add_argument("--levels", nargs="*", choices=list(LEVELS), metavar="LEVEL", default=["1", "2", "3"])
    parser.add_argument("--engines", nargs="*", choices=(RAPIDOCR, TESSERACT), default=[RAPIDOCR])
    parser.add_argument("--quiet", action="store_true", help="tables only")
    parser.add_argument("--keep", type=Path, help="write the pages of imperfect reports to this folder")
    given = parser.parse_args()
    console = Console(width=200)
    if not chinese_fonts():
        console.print("scans are not measured: no Chinese font to draw them with (tests/scans/fonts.py says where it looks)")
        return
    for engine in given.engines:
        try:
            reader(engine)
        except GongkaiError as error:
            console.print(f"{engine} is not measured: {error}", markup=False)
            continue
        tallies = measure(
            given.reports,
            given.seed,
            given.levels,
            dpi=given.dpi,
            kind=given.kind,
            rules=given.rules,
            engine=engine,
            tell=None if given.quiet else console,
            keep=given.keep,
        )
        console.print(table_of(tallies, f"{engine}: scanned reports, after the identities (shares in per cent)"))


if __name__ == "__main__":
    main()
