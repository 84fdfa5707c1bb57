"""Scans at length, in pieces that add up: ``python -m tests.scans.at_length --book FOLDER --minutes 60``.

Pages of numbers, cell by cell as read, and whole reports after the sums, at levels 1 to 3 of wear. Each page or report is a line
in the book. A run goes on where the last one stopped, and prints the sums of all that one commit read: how many cells are right,
doubtful, wrong within a finding and silent, and how many of a million may be silent at most, at 95 % confidence, rounded up.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
from rich.console import Console
from rich.table import Table

from tasks.ocr.engines.choose import RAPIDOCR, reader
from tests.scans.batches import clean_report, kinds, scanned
from tests.scans.chain import Tally, read_scan
from tests.scans.degrade import LEVELS
from tests.scans.fonts import chinese_fonts
from tests.scans.measure import number_page, read_worn

_LEVELS = ("1", "2", "3")
_FIRST = 20_000_000  # seeds that no other set uses
_PAGES = 5  # of numbers for each report
_CONFIDENCE = 0.95
COUNTS = ("cells", "exact", "doubtful", "found", "silent")


def most_silent(cells: int, silent: int) -> float:
    """Return the share of silent cells that is not exceeded at 95 % confidence when ``silent`` of ``cells`` were (Poisson)."""
    low, high = 0.0, 10.0 * (silent + 3)
    for _ in range(100):
        mean = (low + high) / 2
        term = chance = math.exp(-mean)
        for n in range(1, silent + 1):
            term *= mean / n
            chance += term
        low, high = (mean, high) if chance > 1 - _CONFIDENCE else (low, mean)
    return min(1.0, high / cells) if cells else 1.0


def _numbers(seed: int, level: str) -> dict[str, Any]:
    outcome, _ = read_worn(number_page(seed), LEVELS[level], seed, reader(RAPIDOCR))
    values = outcome.values
    doubts, silent = [read for read in values if read.is_doubt], [read for read in values if read.is_silent]
    counts = (len(values), sum(read.is_right and not read.is_doubt for read in values), len(doubts), 0, len(silent))
    notes = [f"SILENT {read.expected!r} read {read.text!r} {read.score} at {read.at}" for read in silent]
    return dict(zip(COUNTS, counts, strict=True)) | {"notes": notes}


def _report(seed: int, level: str) -> dict[str, Any]:
    kind = kinds()[seed % len(kinds())]
    clean = clean_report(kind, seed, 200)
    tally = Tally()
    tally.add(*read_scan(scanned(clean, LEVELS[level], seed, 200), clean.truth))
    counts = (tally.cells, tally.exact, tally.doubtful, tally.found, tally.silent)
    notes = [note for note in tally.notes if not note.startswith("doubt")]
    return dict(zip(COUNTS, counts, strict=True)) | {"kind": kind, "refused": tally.refused, "notes": notes}


def _work() -> Iterator[tuple[str, int, str]]:
    seed = _FIRST
    while True:
        yield from (("reports", seed, level) for level in _LEVELS)
        yield from (("numbers", seed * _PAGES + page, level) for page in range(_PAGES) for level in _LEVELS)
        seed += 1


def table_of(rows: list[dict[str, Any]], title: str) -> Table:
    """The sums of the book by what was read and by level; shares in per cent."""
    table = Table(title=title)
    for head in ("what", "level", "read", "cells", "exact", "doubtful", "in a finding", "silent", "silent of a million, at most"):
        table.add_column(head, justify="left" if head == "what" else "right")
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["what"], row["level"]].append(row)
    for (what, level), group in sorted(groups.items()):
        sums = Counter({count: sum(row[count] for row in group) for count in COUNTS})
        cells = max(1, sums["cells"])
        shares = (f"{100 * sums['exact'] / cells:.3f}", f"{100 * sums['doubtful'] / cells:.3f}")
        bound = math.ceil(1e6 * most_silent(sums["cells"], sums["silent"]))
        table.add_row(what, level, *map(str, (len(group), sums["cells"], *shares, sums["found"], sums["silent"], bound)))
    return table


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.scans.at_length", description=__doc__)
    parser.add_argument("--book", type=Path, required=True, help="the folder that keeps what was read")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--commit", help="what is read with; by default what the working tree stands on")
    given = parser.parse_args()
    console = Console(width=160)
    if not chinese_fonts():
        console.print("scans are not measured: no Chinese font to draw them with (tests/scans/fonts.py says where it looks)")
        return
    cv2.setNumThreads(1)
    commit = (
        given.commit
        or subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True).stdout.strip()
    )
    given.book.mkdir(parents=True, exist_ok=True)
    book = given.book / f"{commit}.jsonl"
    rows = [json.loads(line) for line in book.read_text("utf-8").splitlines()] if book.exists() else []
    done = {(row["what"], row["seed"], row["level"]) for row in rows}
    end = time.monotonic() + 60 * given.minutes
    for what, seed, level in _work():
        if time.monotonic() > end:
            break
        if (what, seed, level) in done:
            continue
        row = {"what": what, "seed": seed, "level": level} | (_numbers if what == "numbers" else _report)(seed, level)
        rows.append(row)
        with book.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        for note in row["notes"]:
            console.print(f"  {what} {seed} level {level}: {note}", markup=False, highlight=False)
    console.print(table_of(rows, f"scans read with {commit} (shares in per cent)"))


if __name__ == "__main__":
    main()
