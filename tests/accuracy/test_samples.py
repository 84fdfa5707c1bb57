"""The shipped samples are read whole, and the errors planted in them are found."""

from __future__ import annotations

import pytest

from codebook.records import Hints, Status
from tasks.flow import read_document
from tasks.validation.rules.between_reports import compare_years, snapshot_of
from tests.accuracy.compare import Truth, compare
from tests.generator.documents import DOCX
from tests.generator.samples import make_samples

MEDIA_TYPES = {"txt": "text/plain", "html": "text/html", "pdf": "application/pdf", "docx": DOCX}


@pytest.fixture(scope="module")
def verdicts():
    made = make_samples()
    return {
        name: (read_document(data, MEDIA_TYPES[name.rpartition(".")[2]], Hints(path=name)), figures)
        for name, (data, figures) in made.items()
    }


def test_every_cell_of_every_sample_is_exact(verdicts):
    for name, (verdict, figures) in verdicts.items():
        rules = [plant.rule for plant in figures.plants if not plant.rule.startswith("years.")]
        truth = Truth(
            (figures.form,), name.partition("20")[0], None, figures.year, None, figures.known(), rules=rules, has_date=False
        )
        score = compare(verdict, truth)
        assert score.is_perfect, (name, score)
        assert verdict.status is Status.ACCEPTED


def test_the_contradiction_between_two_years_is_found(verdicts):
    found = {}
    by_agency: dict[str, list] = {}
    for verdict, figures in verdicts.values():
        snapshot = snapshot_of(verdict)
        assert snapshot is not None
        by_agency.setdefault(snapshot.agency, []).append((snapshot, figures))
    for agency, ((first, _), (second, figures)) in by_agency.items():
        planted = {plant.rule for plant in figures.plants if plant.rule.startswith("years.")}
        found[agency] = {finding.rule for finding in compare_years(first, second)}
        assert planted <= found[agency]
        assert ("years.carry_over" in found[agency]) == ("years.carry_over" in planted)
    assert len(found) == 3
