"""Who reports, where, for which year and when it was published, over openings in the manner of real pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.parsing.identity.openings import Rates, rates

HERE = Path(__file__).parent
FACTS = ("agency", "region", "year", "published_on")


@cache
def read_file(name: str) -> dict[str, Rates]:
    return rates(HERE / name)


@pytest.mark.parametrize("fact", FACTS)
def test_openings_that_the_words_are_tuned_to(fact: str) -> None:
    assert read_file("tuned.yaml")[fact].failures == ()


@pytest.mark.parametrize("fact", FACTS)
def test_openings_that_they_are_not_tuned_to(fact: str) -> None:
    found = read_file("held_out.yaml")[fact]
    total = found.right + found.unread + found.wrong
    assert total > 600
    assert found.right >= 0.95 * total, found.failures
    assert found.wrong <= 0.01 * total, found.failures
