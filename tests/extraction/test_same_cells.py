"""A sample of ``python -m tests.extraction.same_cells``, which compares hundreds of files."""

from __future__ import annotations

import pytest

from tests.extraction.same_cells import FIRST_SEED, OWN, differences, made


@pytest.mark.slow
def test_a_report_in_every_format_has_the_cells_of_its_docx() -> None:
    found = list(made([FIRST_SEED + 500]))
    assert len(found) >= len(OWN)
    assert {one.format: wrong for one in found if (wrong := differences(one))} == {}
