"""Documents that another program printed: page breaks cut rows, groups and labels anywhere, and no number is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.accuracy.printed import missing, scores


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "count", "exact_share"),
    [
        (["libreoffice"], 25, 0.99),
        (["chromium"], 12, 0.99),
        (["wkhtmltopdf"], 8, 0.95),
        pytest.param(  # it maps a third of its characters to no text
            *(["firefox"], 4, 0.5),
            marks=pytest.mark.xfail(strict=True, reason="23 numbers of the statistics of 2014, laid out by tables, are lost"),
        ),
        (["libreoffice", "ghostscript"], 4, 0.99),
        (["chromium", "ghostscript"], 2, 0.0),  # its letters lie: read from the pixels, with doubts
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_no_number_of_a_printed_document_is_lost(names: list[str], count: int, exact_share: float, tmp_path: Path) -> None:
    if absent := missing(names):
        pytest.skip(f"not installed: {', '.join(absent)}")
    silent: list[str] = []
    cells = exact = 0
    for _, path, score in scores(names, count, 7, tmp_path):
        silent += [f"{path.name}: {line}" for line in (*score.silent, *score.false_errors, *filter(None, [score.failure]))]
        cells, exact = cells + score.cells, exact + score.exact
    assert silent == []
    assert exact >= exact_share * cells
