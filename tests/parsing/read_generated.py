"""Read generated reports of one form in every layout, and some with an error planted, and print what came out as JSON.

``python -m tests.parsing.read_generated FORM YEAR COUNT`` (COUNT documents a layout).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

from codebook.book import load_book
from codebook.records import Hints
from tasks.flow import read_document
from tests.accuracy.compare import compare
from tests.accuracy.sweep import truth_of
from tests.generator.documents import RENDERERS, Document, Wishes, make_document
from tests.generator.figures import Figures, compose
from tests.generator.world import pick_agency


def outcome(document: Document) -> dict[str, Any]:
    """What was read, beside the truth."""
    verdict = read_document(document.data, document.media_type, Hints(path=document.name))
    score = compare(verdict, truth_of(document))
    return {
        "layout": document.layout,
        "decidable": document.is_decidable,
        "cells": score.cells,
        "exact": score.exact,
        "doubtful": score.doubtful,
        "silent": score.silent,
        "wrong": score.wrong,
        "errors": score.false_errors,
        "forms": {block.block: block.form for block in verdict.report.blocks},
        "found": sorted({finding.rule for finding in verdict.findings}),
    }


def planted(year: int, cell: str) -> Figures:
    """The figures of a report in which ``cell`` is one more than its sums allow."""
    rng = Random(cell)
    figures = compose(rng, pick_agency(rng), year)
    figures.values[cell] += 1
    return figures


def main() -> None:
    """The command line."""
    form, year, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sound = [
        outcome(make_document(seed, layout, Wishes(clean=True, year=year)))
        for layout in RENDERERS
        for seed in range(1000, 1000 + count)
    ]
    cells = [i.id for i in load_book().of_form(form) if i.column == "total"]
    broken = {}
    for cell in sorted({cell.split(".")[0]: cell for cell in cells}.values()):
        figures = planted(year, cell)
        broken[cell] = outcome(make_document(7, "pipes", Wishes(clean=True, year=year, figures=figures)))["found"]
    samples = [
        read_document(path.read_bytes(), "text/plain", Hints(path=path.name))
        for path in sorted(Path("samples/reports").glob("*.txt"))
    ]
    old = [{"form": v.report.form, "values": {r.indicator: r.value for r in v.report.readings}} for v in samples]
    print(json.dumps({"sound": sound, "broken": broken, "samples": old}, ensure_ascii=False))  # noqa: T201 - the result


if __name__ == "__main__":
    main()
