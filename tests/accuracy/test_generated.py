"""Documents that nobody has seen before: all layouts, scripts and encodings, with planted errors and blanks."""

from __future__ import annotations

import pytest

from tests.accuracy.compare import Score
from tests.accuracy.sweep import Tally, sweep
from tests.generator.documents import RENDERERS, Document

PER_LAYOUT = 6
SEED = 41


@pytest.fixture(scope="module")
def outcomes() -> list[tuple[Document, Score]]:
    return list(sweep(PER_LAYOUT * len(RENDERERS), SEED))


def test_no_cell_is_wrong_without_a_doubt(outcomes):
    silent = [f"{d.layout} {d.name}: {line}" for d, score in outcomes for line in score.silent]
    assert silent == []


def test_nearly_every_cell_is_exact(outcomes):
    tally = Tally()
    for document, score in outcomes:
        if document.is_decidable:
            tally.add(document, score)
    # 99.9 % over some thousand documents (see the report); one badly broken one weighs much among so few
    assert tally.exact / tally.cells >= 0.998


@pytest.mark.parametrize("fact", ["form", "year", "agency"])
def test_facts_are_right(outcomes, fact):
    wrong = [f"{d.layout} {d.name}: {s.wrong.get(fact) or s.failure}" for d, s in outcomes if fact in s.wrong or s.failure]
    assert len(wrong) <= max(1, len(outcomes) * 0.01), wrong


def test_planted_errors_are_found(outcomes):
    assert [f"{d.layout} {d.name}: {s.missed_rules}" for d, s in outcomes if s.missed_rules] == []


def test_sound_reports_have_no_error_finding(outcomes):
    assert [f"{d.layout} {d.name}: {s.false_errors}" for d, s in outcomes if s.false_errors] == []
