"""How independent the readers of numbers and of labels are: ``python -m tests.scans.witnesses --pages 4 --levels 1 2 3``.

Each value cell of worn pages with one line of ink is read by the recogniser of numbers alone, by the general reader alone, and by
both together; counted are right, wrong and not said to be unsure, doubtful, and how often both are wrong in the same way. So are
cells that say a label of the forms, of one line or several: there, doubtful of the reader of labels is what it leaves to the
other one.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from codebook.confidence import surety
from tasks.ocr.confidence import SURE, Settled, read_surely, settle
from tasks.ocr.engines.choose import RAPIDOCR, reader
from tasks.ocr.engines.pair import ReaderPair
from tasks.ocr.engines.printed import known_label
from tasks.ocr.engines.recognise import LineReading
from tasks.ocr.prepare_image import Grey
from tasks.ocr.read_page import cell_crops
from tests.scans.degrade import LEVELS, worn
from tests.scans.drawing import Drawn, Known
from tests.scans.fonts import chinese_fonts
from tests.scans.measure import same_text
from tests.scans.report import sources


@dataclass
class Counts:
    """What became of the cells that one reader, or both, have read."""

    cells: int = 0
    right: int = 0
    silent: int = 0
    doubtful: int = 0

    def add(self, is_right: bool, is_sure: bool) -> None:
        """Count one cell; a doubt is one whether it is right or not."""
        self.cells += 1
        self.right += is_right and is_sure
        self.silent += is_sure and not is_right
        self.doubtful += not is_sure


@dataclass
class Independence:
    """Counts of each reader and of both, and of cells where readers are wrong, whatever their scores."""

    own: Counts = field(default_factory=Counts)
    general: Counts = field(default_factory=Counts)
    both: Counts = field(default_factory=Counts)
    own_wrong: int = 0
    general_wrong: int = 0
    wrong_together: int = 0
    wrong_alike: int = 0
    silent: list[str] = field(default_factory=list)

    def add(self, truth: str, first: LineReading, second: Settled, agreed: Settled) -> None:
        """Count one cell."""
        self.own.add(same_text(truth, first.text), first.score >= surety().first)
        self.general.add(same_text(truth, second.text), second.score >= SURE)
        self.both.add(same_text(truth, agreed.text), agreed.score >= SURE)
        is_first_wrong, is_second_wrong = not same_text(truth, first.text), not same_text(truth, second.text)
        self.own_wrong += is_first_wrong
        self.general_wrong += is_second_wrong
        self.wrong_together += is_first_wrong and is_second_wrong
        self.wrong_alike += is_first_wrong and is_second_wrong and same_text(first.text, second.text)
        if agreed.score >= SURE and not same_text(truth, agreed.text):
            self.silent.append(
                f"{truth!r} read as {agreed.text!r}: {first.text!r} {first.score:.4f}, {second.text!r} {second.score:.4f}"
            )


def known_cells(image: NDArray[np.uint8], matrix: NDArray[np.float64], drawn: Drawn) -> Iterable[tuple[Known, list[Grey]]]:
    """(cell, crops of its lines) of the cells of ``drawn`` that are found on its worn copy with ink."""
    found = list(cell_crops(image))
    boxes = np.array([box for box, _ in found], np.float64).reshape(-1, 4)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for known in drawn.cells:
        if known.text:
            middle = matrix @ np.array([(known.box[0] + known.box[2]) / 2, (known.box[1] + known.box[3]) / 2, 1.0])
            x, y = middle[:2] / middle[2]
            hit = np.flatnonzero((boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3]))
            if hit.size:
                yield known, found[int(hit[areas[hit].argmin()])][1]


def compare_label_readers(pair: ReaderPair, texts: Sequence[str], cells: Sequence[list[Grey]], counts: Independence) -> None:
    """Count the cells of one page that say the labels ``texts``."""
    if pair.labels is None:
        return
    crops = [crop for lines in cells for crop in lines]
    ends = list(accumulate((len(lines) for lines in cells), initial=0))
    places = [list(range(start, end)) for start, end in pairwise(ends)]
    owns, read = pair.labels.labels(cells), pair.labels.read(crops)
    alone = settle(crops, pair.general.read(crops), pair.general)
    agreed = read_surely(crops, {}, pair, texts=places)
    for truth, own, place in zip(texts, owns, places, strict=True):
        is_sure = own is not None and own[0].score >= surety().label
        first = LineReading("".join(read[i].text for i in place), surety().first if is_sure else 0.0)
        counts.add(truth, first, _joined([alone[i] for i in place]), _joined([agreed[i] for i in place]))


def _joined(lines: Sequence[Settled]) -> Settled:
    return Settled("".join(line.text for line in lines), min(line.score for line in lines))


def compare_readers(pair: ReaderPair, texts: Sequence[str], crops: Sequence[Grey], counts: Independence) -> None:
    """Count the crops of one page, which say ``texts``."""
    firsts = pair.numbers.read(crops)
    seconds = settle(crops, pair.general.read(crops), pair.general)
    for truth, first, second, agreed in zip(texts, firsts, seconds, read_surely(crops, {}, pair), strict=True):
        counts.add(truth, first, second, agreed)


def table_of(by_level: dict[str, Independence], own: str, what: str) -> Table:
    """The counts as a table; shares in per cent. ``own`` is the name of our own reader, ``what`` says which cells these are."""
    table = Table(title=f"each reader alone and both together: {what} (shares in per cent)")
    for head in ("level", "reader", "cells", "right and sure", "silent", "doubtful", "wrong at all", "wrong both", "wrong alike"):
        table.add_column(head, justify="left" if head in ("level", "reader") else "right")
    for level, counts in by_level.items():
        wrongs = {"own": str(counts.own_wrong), "general": str(counts.general_wrong), "both": ""}
        for name, wrong in wrongs.items():
            of: Counts = getattr(counts, name)
            shares = (f"{100 * of.right / max(1, of.cells):.2f}", str(of.silent), f"{100 * of.doubtful / max(1, of.cells):.2f}")
            together = (str(counts.wrong_together), str(counts.wrong_alike)) if name == "both" else ("", "")
            table.add_row(level, own if name == "own" else name, str(of.cells), *shares, wrong, *together)
    return table


def measure(
    pages: int, seed: int, levels: Sequence[str], dpi: int = 200
) -> tuple[dict[str, Independence], dict[str, Independence]]:
    """The counts of numbers and of labels by level, of ``pages`` pages of reports and as many of numbers."""
    pair = reader(RAPIDOCR)
    numbers: dict[str, Independence] = defaultdict(Independence)
    labels: dict[str, Independence] = defaultdict(Independence)
    for number, (_, drawn) in enumerate(sources("all", pages, seed, dpi, None)):
        for level in levels:
            image, matrix = worn(drawn.image, LEVELS[level], seed * 1000 + number, dpi)
            found = list(known_cells(image, matrix, drawn))
            values = [(cell.text, lines[0]) for cell, lines in found if cell.is_value and len(lines) == 1]
            compare_readers(pair, [text for text, _ in values], [crop for _, crop in values], numbers[level])
            named = [(cell.text, lines) for cell, lines in found if not cell.is_value and known_label(cell.text)]
            compare_label_readers(pair, [text for text, _ in named], [lines for _, lines in named], labels[level])
    return numbers, labels


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.scans.witnesses", description=__doc__)
    parser.add_argument("--pages", type=int, default=2, help="pages of each kind of document")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dpi", type=int, default=200)
    parser.add_argument("--levels", nargs="*", choices=list(LEVELS), metavar="LEVEL", default=["1", "2", "3"])
    given = parser.parse_args()
    console = Console(width=160)
    if not chinese_fonts():
        console.print("readers are not compared: no Chinese font to draw with (tests/scans/fonts.py says where it looks)")
        return
    cv2.setNumThreads(1)
    numbers, labels = measure(given.pages, given.seed, given.levels, given.dpi)
    for by_level, own, what in (
        (numbers, "numbers", "value cells with one line of ink"),
        (labels, "labels", "cells that say a label of the forms"),
    ):
        for level, counts in by_level.items():
            for line in counts.silent:
                console.print(f"  {level}: {line}", markup=False)
        console.print(table_of(by_level, own, what))


if __name__ == "__main__":
    main()
