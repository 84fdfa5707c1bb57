"""Reports whose PDF is odd: no number of them is silently wrong or lost, and hardly one is in doubt."""

from __future__ import annotations

from random import Random

import pytest

from codebook.records import Hints
from tasks.flow import read_document
from tests.accuracy.compare import Score, compare
from tests.adversarial.base import make_report
from tests.adversarial.pdfs import DECOYS, PENS, PdfTricks, pick_tricks, print_with_tricks
from tests.generator.layouts.print import pick_press


def read(tricks: PdfTricks, seed: int) -> Score:
    dice = Random(seed)
    sample = make_report(dice)
    data = print_with_tricks(sample.paper, pick_press(dice), tricks, dice)
    return compare(read_document(data, "application/pdf", Hints(path="report.pdf")), sample.truth)


@pytest.mark.parametrize(
    "tricks",
    [
        *[PdfTricks(sides=sides) for sides in ("no sides", "no top", "no bottom", "only level", "left open", "right open")],
        *[PdfTricks(pen=pen) for pen in PENS],
        *[PdfTricks(decoys=decoys) for decoys in DECOYS],
        PdfTricks(mark="样稿", grey=0.7, size=40),
        PdfTricks(mark="内部资料", grey=0.8, size=14, over=True),
        PdfTricks(mark="仅供公开使用", grey=0.88, size=72),
        *[PdfTricks(turn=turn) for turn in (1, 2, 3)],
        PdfTricks(fields=True),
        PdfTricks(sides="no inner"),
        PdfTricks(decoys="clipped", mark="样稿", grey=0.88, size=72, over=True),
        PdfTricks(decoys="invisible", mark="样稿", grey=0.88, size=26),
        PdfTricks(decoys="transparent", mark="内部资料", size=14, turn=1),
    ],
    ids=lambda tricks: tricks.name,
)
def test_one_trick(tricks: PdfTricks) -> None:
    score = read(tricks, 1)
    least = 0.98 if tricks.sides == "no inner" else 1.0  # rows without lines leave a few doubts
    assert score.silent == []
    assert score.exact >= least * score.cells


@pytest.mark.slow
def test_several_tricks_at_once() -> None:
    silent, exact, cells = [], 0, 0
    for seed in range(100):
        tricks = pick_tricks(Random(seed))
        score = read(tricks, seed)
        silent += [f"{seed} ({tricks.name}): {line}" for line in score.silent]
        exact, cells = exact + score.exact, cells + score.cells
    assert silent == []
    assert exact >= 0.99 * cells
