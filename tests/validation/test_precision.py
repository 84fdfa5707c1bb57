"""Reports that are right are not accused, and sentences that contradict table two are."""

from __future__ import annotations

import pytest

from codebook.records import Hints
from tasks.flow import read_document
from tests.generator.documents import Wishes, make_document
from tests.validation.precision import LAYOUTS, accusations, between_reports, with_sentences


@pytest.mark.parametrize("seed", range(3_000_000, 3_000_016))
def test_a_report_that_is_right_is_not_accused(seed: int) -> None:
    assert accusations(seed, LAYOUTS[seed % len(LAYOUTS)])[1] == []


@pytest.mark.parametrize("seed", range(4))
def test_reports_that_agree_are_not_accused(seed: int) -> None:
    assert between_reports(seed) == []


@pytest.mark.slow
def test_of_a_thousand_reports_that_are_right_less_than_one_is_accused() -> None:
    found = [each for number in range(1000) for each in accusations(6_000_000 + number, LAYOUTS[number % len(LAYOUTS)])[1]]
    assert found == []


@pytest.mark.parametrize(
    "sentence",
    [
        "截至年底，现行有效的行政规范性文件共{number}件。",
        "本年制发行政规范性文件{issued}件，废止{gone}件，现行有效{number}件。",
        "目前现行有效行政规范性文件{number}件。",
        "现行有效的规范性文件为{number}件。",
        "全年制发规范性文件{issued}件，现行有效规范性文件{number}件。",
    ],
)
def test_a_sentence_on_table_two_is_compared_in_any_wording(sentence: str) -> None:
    document = make_document(11, "tabs", Wishes(clean=True, year=2023, encoding="utf-8"))
    values = document.truth()["indicators"]
    names = ("issued", "repealed", "in_force")
    issued, gone, force = (values[f"disclosure.normative_documents.{name}"] for name in names)
    for number, wrong in ((force, False), (force + 77, True)):
        said = sentence.format(number=number, issued=issued, gone=gone)
        verdict = read_document(with_sentences(document, said), document.media_type, Hints())
        found = [f.cells for f in verdict.findings if f.rule == "narrative.contradiction"]
        assert found == ([("disclosure.normative_documents.in_force",)] if wrong else []), said
