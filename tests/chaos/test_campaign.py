"""A short campaign of everything at random, the same for the same seed; `make chaos` runs a long one."""

from __future__ import annotations

import pytest

from tests.chaos.campaign import run
from tests.chaos.size import FULL

pytestmark = pytest.mark.slow

SEED = 11


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_campaign_of_everything_at_random(kind: str) -> None:
    ended = run(SEED, minutes=5 if FULL else 0.25, documents=600 if FULL else 60, kind=kind)
    assert ended.breach is None, f"seed {SEED}, {dict(ended.done)}: {ended.breach}"
    assert ended.balance.registered == (600 if FULL else 60)
    assert sum(ended.done.values()) >= 5
