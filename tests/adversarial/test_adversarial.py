"""Documents that deceive: every kind by a few seeds at once, and by more in the slow test. No cell is silently wrong or lost."""

from __future__ import annotations

import pytest

from tests.accuracy.compare import Score, read_and_compare
from tests.adversarial.kinds import KINDS, SLOW, make_deception
from tests.adversarial.report import bound, downwards, upwards


def kinds(*, slow: bool) -> list[str]:
    """The kinds as parameters."""
    return [kind for kind in KINDS if slow or kind not in SLOW]


def read(kind: str, seed: int) -> Score:
    """The score of one document; printed so that it can be made again."""
    made = make_deception(kind, seed)
    score = read_and_compare(made.data, made.media_type, made.name, made.truth)
    assert (score.failure or "").partition(":")[0] != "crash", (kind, seed, score.failure)
    return score


@pytest.mark.parametrize("kind", kinds(slow=False))
def test_nothing_is_silently_wrong_or_lost(kind: str) -> None:
    assert read(kind, 3).silent == []


def test_numbers_broken_over_lines_in_wide_cells_are_no_rows() -> None:
    assert [read("pdf broken numbers", seed).silent for seed in (19, 24, 109)] == [[], [], []]


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds(slow=True))
def test_nothing_is_silently_wrong_or_lost_in_more(kind: str) -> None:
    """Kinds that are read by OCR take seconds a page: three of them, ten of the others."""
    assert [line for seed in range(100, 103 if kind in SLOW else 110) for line in read(kind, seed).silent] == []


def test_the_same_seed_makes_the_same_file() -> None:
    for kind in ("pdf layer that is off", "docx deleted", "html hidden", "text repeated labels"):
        assert make_deception(kind, 5).data == make_deception(kind, 5).data


def test_the_bound_is_never_rounded_down() -> None:
    assert bound(0, 100_000) == pytest.approx(3e-5, rel=0.01)
    assert bound(3, 1_000) > 3 / 1_000
    assert [upwards(share) for share in (0.0000299573, 0.5, 0.00301)] == ["0.000030", "0.50", "0.0031"]
    assert (downwards(99_999, 100_000), downwards(0, 0)) == ("99.99", "-")
