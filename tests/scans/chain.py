"""Scans through the whole chain: ``python -m tests.scans.chain --reports 5 --levels 1 2 3``.

Generated reports are drawn, worn and read; the pages are joined, parsed and checked, and the indicators compared with the truth:
exact, doubtful, silent (wrong or lost without a doubt), and the form, year and agency.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from random import Random

import cv2
from rich.console import Console
from rich.table import Table

from codebook.records import Extraction, Hints
from tasks.extraction.joining import join_pages
from tasks.ocr.read import read_picture
from tasks.ocr.recognise import LineReader, rapid_reader
from tasks.parsing.parse import parse
from tasks.validation.validate import validate
from tests.accuracy.compare import Score, Truth, compare
from tests.generator.composer import Shape, compose_paper
from tests.generator.figures import compose
from tests.generator.world import pick_agency, pick_year
from tests.scans.degrade import LEVELS, Wear, worn
from tests.scans.drawing import draw_paper, pick_style

_FACTS = ("form", "year", "agency")


def read_report(seed: int, wear: Wear, reader: LineReader, *, dpi: int = 200, rules: str | None = None) -> Score:
    """A generated report as a scan, read and compared with its truth."""
    rng = Random(f"chain/{seed}")
    agency, year = pick_agency(rng), pick_year(rng)
    figures = compose(rng, agency, year, hybrid=False)
    paper = compose_paper(rng, agency, figures, Shape()).paper
    drawn = draw_paper(paper, pick_style(rng, rules), dpi)
    images = [worn(page.image, wear, seed * 100 + number, dpi)[0] for number, page in enumerate(drawn)]
    pages = [read_picture(image, i, reader, points_per_pixel=72 / dpi / wear.scale) for i, image in enumerate(images, 1)]
    verdict = validate(parse(Extraction("application/pdf", join_pages(pages)), Hints(path=f"{seed}.pdf")))
    forms = {figures.form, figures.disclosure_form}
    return compare(verdict, Truth(forms, agency.name, agency.region, year, None, figures.known(), figures.blanks, has_date=False))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.scans.chain", description=__doc__)
    parser.add_argument("--reports", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dpi", type=int, default=200)
    parser.add_argument("--rules", help="one look of rules instead of all")
    parser.add_argument("--levels", nargs="*", choices=list(LEVELS), metavar="LEVEL", default=list(LEVELS))
    given = parser.parse_args()
    cv2.setNumThreads(1)
    console = Console(width=200)
    scores: dict[str, list[Score]] = defaultdict(list)
    for seed in range(given.seed, given.seed + given.reports):
        for name in given.levels:
            score = read_report(seed, LEVELS[name], rapid_reader(), dpi=given.dpi, rules=given.rules)
            scores[name].append(score)
            for line in (*score.silent[:5], *(f"{fact}: {what}" for fact, what in score.wrong.items() if fact in _FACTS)):
                console.print(f"  {name} report {seed}: {line}", markup=False, highlight=False)
    table = Table(title="indicators of scans, after the identities (shares in per cent)")
    for head in ("level", "reports", "indicators", "exact", "silent", "doubtful", "false errors", *_FACTS):
        table.add_column(head, justify="left" if head == "level" else "right")
    for name, found in scores.items():
        cells = sum(s.cells for s in found)
        facts = [f"{100 * sum(fact not in s.wrong for s in found) / len(found):.0f}" for fact in _FACTS]
        table.add_row(
            name,
            str(len(found)),
            str(cells),
            f"{100 * sum(s.exact for s in found) / cells:.2f}",
            str(sum(len(s.silent) for s in found)),
            f"{100 * sum(s.doubtful for s in found) / cells:.2f}",
            str(sum(bool(s.false_errors) for s in found)),
            *facts,
        )
    console.print(table)


if __name__ == "__main__":
    main()
