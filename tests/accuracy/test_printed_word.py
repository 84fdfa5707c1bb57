"""Word documents that another program printed: page breaks cut rows, groups and labels anywhere, and no number is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.accuracy.printed_word import PROGRAM, scores


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason="LibreOffice is not installed")
def test_no_number_of_a_printed_word_document_is_lost(tmp_path: Path) -> None:
    silent: list[str] = []
    cells = exact = 0
    for _, path, score in scores(25, 7, tmp_path):
        silent += [f"{path.name}: {line}" for line in (*score.silent, *score.false_errors)]
        cells, exact = cells + score.cells, exact + score.exact
    assert silent == []
    assert exact >= 0.99 * cells
