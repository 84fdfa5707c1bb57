"""Scanned reports through the whole chain: what is printed comes out, also where the source's own sums are wrong."""

from __future__ import annotations

import pytest

from codebook.records import State
from tests.scans.batches import PACKINGS, clean_report, scanned
from tests.scans.chain import FACTS, read_scan
from tests.scans.degrade import LEVELS
from tests.scans.fonts import chinese_fonts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not chinese_fonts(), reason="no Chinese font to draw pages with (tests/scans/fonts.py)"),
]


@pytest.mark.parametrize(("seed", "level", "packing"), [(31, "1", "pdf"), (32, "2", "tiff"), (33, "2", "jpeg"), (34, "1", "png")])
def test_a_scanned_report_is_read_as_printed(seed: int, level: str, packing: str) -> None:
    assert packing in PACKINGS
    clean = clean_report("drawn", seed, 200, "plain")
    score, _ = read_scan(scanned(clean, LEVELS[level], seed, 200, packing), clean.truth)
    assert score.silent == []
    assert score.failure is None
    assert {fact: what for fact, what in score.wrong.items() if fact in FACTS} == {}
    assert score.exact >= score.cells * 0.99


@pytest.mark.parametrize(("seed", "level"), [(41, "2"), (42, "3")])
def test_wrong_sums_of_the_source_stay_as_printed(seed: int, level: str) -> None:
    clean = clean_report("drawn", seed, 200, "plain", planted=True)
    score, verdict = read_scan(scanned(clean, LEVELS[level], seed, 200), clean.truth)
    assert verdict is not None
    assert clean.truth.rules
    assert score.missed_rules == []
    assert score.silent == []
    printed = clean.truth.indicators
    settled = [r for r in verdict.report.readings if r.state is State.PROVEN and r.indicator in printed]
    assert [(r.indicator, r.value) for r in settled if r.value != printed[r.indicator]] == []
    assert score.exact >= score.cells * 0.98
