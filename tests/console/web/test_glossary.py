"""The glossary of indicators: each with its definition, unit, comparability and law, in both languages."""

from __future__ import annotations

import re
from html import unescape

import pytest

from codebook.analysis.indicators import FigureKind, derived_indicators
from codebook.records import Number
from console.analysis.words import word_names
from console.web.pages.analysis.glossary import entries, term_name, written_sum
from tests.console.web.conftest import Desk


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_indicator_is_there_in_both_languages(desk: Desk, language: str) -> None:
    page = unescape(desk.viewer.get(f"/analysis/glossary?lang={language}").text)
    rows = dict(re.findall(r'<tr id="([^"]+)">(.*?)</tr>', page, re.DOTALL))
    assert list(rows) == list(derived_indicators())
    for name, row in rows.items():
        indicator = derived_indicators()[name]
        texts = [indicator.name] if indicator.family else [indicator.name, indicator.means, indicator.law]
        assert all(text.zh in row and text.en in row for text in texts), name


def test_definitions_are_sums_in_words() -> None:
    weights: dict[str, Number] = {"review.reconsideration.total": 1, "review.reconsideration.pending": -1}
    assert re.fullmatch(r".+总计 − .+尚未审结", written_sum(weights, "zh"))
    assert term_name("finding.requests.balance", "en") == "those with a finding of rule requests.balance"
    assert term_name("text.5.grams", "en") == "5-grams of chapter 5"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_term_and_kind_has_words(language: str) -> None:
    terms = {term for each in derived_indicators().values() for d in each.definitions for term in d.terms}
    assert not [term for term in terms if term_name(term, language) == term]
    assert set(word_names("figure_kinds")) == {kind.value for kind in FigureKind}


def test_comparability_is_that_of_the_series() -> None:
    found = {entry.indicator.id: entry for entry in entries("en")}
    assert found["grant_rate"].comparable == ["2019–2021"]
    assert found["grant_rate"].not_comparable == ["2014–2019", "2014–2021"]
