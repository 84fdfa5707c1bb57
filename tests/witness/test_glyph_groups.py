"""Glyphs of a document by their looks, in a time that does not grow with the square of their number."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.witness import glyph_groups as groups
from tasks.witness.page_ink import Glyph


def _noise(rng: np.random.Generator) -> Glyph:
    return Glyph(rng.integers(0, 255, (22, 14)).astype(np.uint8), (1.0, 0.6, 0.0), 0, 14)


def test_glyphs_that_look_like_no_others_are_not_all_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    often = _noise(rng)
    glyphs = [often, *(_noise(rng) for _ in range(200)), often]
    assert len(set(groups.glyph_groups(glyphs).tolist())) == 201
    monkeypatch.setattr(groups, "_MOST_COMPARED", 2_000)
    found = groups.glyph_groups(glyphs)
    assert (found[0], found[-1]) == (0, 0)
    assert (found == groups.UNGROUPED).sum() > 150
