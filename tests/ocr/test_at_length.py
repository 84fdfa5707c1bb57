"""The bound on the share of silent errors that follows from the cells that were read."""

from __future__ import annotations

import math

import pytest

from tests.scans.at_length import most_silent


@pytest.mark.parametrize("cells", [300, 100_000])
def test_none_of_many_cells(cells: int) -> None:
    """With none of n, at most three of n (-ln 0.05 exactly) may be expected at 95 % confidence."""
    assert most_silent(cells, 0) == pytest.approx(-math.log(0.05) / cells)


def test_some_of_many_cells() -> None:
    assert most_silent(1000, 1) == pytest.approx(4.744 / 1000, rel=1e-3)
    assert most_silent(1000, 5) == pytest.approx(10.513 / 1000, rel=1e-3)
    assert most_silent(0, 0) == 1.0
