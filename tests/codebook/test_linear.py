"""The check of patterns agrees with the clock: what it refuses is slow, what it lets pass is linear."""

from __future__ import annotations

import re

import pytest

from codebook import data
from codebook.agencies import agency_files, read_agencies
from codebook.agency_names import read_matching
from codebook.phrases import phrase_files, read_phrases
from codebook.text.linear import weakness_of
from tests.pumping import Target, pump_all

SLOW = {
    r"(?:按[^,]{0,16}|了)*答复": "exponential",
    r"(?:以[^,]{0,10}为被申请人的|的)*行政": "exponential",
    r"(?:a|aa)*b": "exponential",
    r"(?:a+)+b": "exponential",
    r"(?:a|ab?|b)*c": "exponential",
    r"(?:x[ab]*[bc]*)*y": "exponential",
    r"(?:a|a){0,40}b": "exponential",
    r"(?:x(?:a?)?)*y": "exponential",
    r"<!--.*-->": "quadratic",
    r"a*a*b": "quadratic",
    r"^a*a*+b": "quadratic",
    r"\d++年": "quadratic",
    r"诉讼[^,。]*$": "quadratic",
    r"复议.*各": "quadratic",
    r"受理(?:的|并受理)*申请": "quadratic",
    r"x(?=.*y)": "quadratic",
    r"^(?:.*>|a)*+": "quadratic",
    r"^(?:.*>)?.*x": "quadratic",
    r"(?<![a\d])\d{1,3}(?:,\d{3})*年": "quadratic",
}
LINEAR = [
    r"(?:收到|受理)(?:各类|的)*申请",
    r"(?:收到|受理)(?:各类|的|并受理){0,12}申请",
    r"[^。;]{0,40}?(?:复议|诉讼)",
    r"(?<!\d)\d++年",
    r"(?<![,\d])\d{1,3}(?:,\d{3})*年",
    r"\d+",
    r"\d+(?:\.\d+)?",
    r"^(?:a|b)*c",
    r"(?:a|aa)*+",
    r"(?:a?|b)",
    r"x[^x]*x",
    r"公开",
    r"(?:a|b){0,40}c",
    r"^(?:.*>)?+.*x",
    r"^(?>.*>).*x",
    r"^(?:(?<!\d)\d++_|\d\d++|a)*+",
    r"^(?:a*b)*c",
]


@pytest.mark.parametrize(("pattern", "kind"), SLOW.items())
def test_a_slow_pattern_is_refused_with_the_word_that_is_repeated(pattern: str, kind: str) -> None:
    weakness = weakness_of(pattern)
    assert weakness is not None
    assert weakness.kind == kind
    assert repr(weakness.unit) in str(weakness)


@pytest.mark.parametrize("pattern", LINEAR)
def test_a_linear_pattern_passes(pattern: str) -> None:
    assert weakness_of(pattern) is None


def test_the_method_counts() -> None:
    assert weakness_of(r"\d++年", "match") is None
    assert weakness_of(r"(?:a|aa)*") is None
    assert weakness_of(r"(?:a|aa)*", "fullmatch") is not None


@pytest.mark.slow
def test_the_clock_agrees() -> None:
    targets = [Target(pattern, re.compile(pattern)) for pattern in (*SLOW, *LINEAR)]
    assert {growth.name for growth in pump_all(targets)} == set(SLOW)


def test_a_backreference_is_refused() -> None:
    with pytest.raises(ValueError, match="groupref"):
        weakness_of(r"(a)\1*")


def test_the_patterns_of_the_codebook_are_linear() -> None:
    """They are not looked at when a process loads them: that took half of the time in which a short text is read."""
    assert read_phrases(phrase_files()).statistics
    assert read_agencies(agency_files()).titles
    assert read_matching(data.read("agencies/matching.yaml"))
