"""Documents that another program printed: page breaks cut rows, groups and labels anywhere, and no number is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.accuracy.printed import missing, scores


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "count"),
    [(["libreoffice"], 25), (["chromium"], 12), (["chromium", "ghostscript"], 4), (["cairo"], 4), (["ghostscript"], 4)],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_no_number_of_a_printed_document_is_lost(names: list[str], count: int, tmp_path: Path) -> None:
    if absent := missing(names):
        pytest.skip(f"not installed: {', '.join(absent)}")
    silent: list[str] = []
    cells = exact = 0
    for _, path, score in scores(names, count, 7, tmp_path):
        silent += [f"{path.name}: {line}" for line in (*score.silent, *score.false_errors, *filter(None, [score.failure]))]
        cells, exact = cells + score.cells, exact + score.exact
    assert silent == []
    assert exact >= 0.99 * cells
