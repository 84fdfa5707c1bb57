"""The pump finds what is slow, and leaves alone what is not."""

from __future__ import annotations

import re

import pytest

from tests.pumping import Target, pump, pump_all


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?:按[^,]{0,16}|了)*答复",  # exponential: a gap that swallows the next copy
        r"(?:a|aa)*b",
        r"(?:a+)+b",
        r"<!--.*-->x",  # each beginning reads to the end of the text
        r"a*a*b",
        r"\d++(?=年)",  # possessive, and each digit begins again
        r"诉讼[^,。]*$",
    ],
)
def test_a_slow_pattern_is_found(pattern: str) -> None:
    growth = pump(pattern)
    assert growth is not None
    assert growth.unit


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?:收到|受理)(?:各类|的)*+申请",
        r"[^。;]{0,40}?(?:复议|诉讼)",
        r"(?<!\d)\d++(?=年)",
        r"\d{1,3}(?:,\d{3})++",
        r"^[一二三]+、",
        r"公开",
        "第[一二三]{1,9}页",
    ],
)
def test_a_linear_pattern_passes(pattern: str) -> None:
    assert pump(pattern) is None


def test_patterns_over_bytes_are_pumped() -> None:
    growth = pump(re.compile(rb"(?:\r\n|\n|\r)*<!--.*-->", re.DOTALL))
    assert growth is not None


def test_an_endless_search_does_not_keep_the_next_from_being_looked_at() -> None:
    endless, linear, quadratic = re.compile(r"(?:a|a)*b"), re.compile("a*+"), re.compile(r"x.*y")
    found = pump_all([Target("endless", endless), Target("linear", linear), Target("quadratic", quadratic)])
    assert [growth.name for growth in found] == ["endless", "quadratic"]


def test_the_method_counts() -> None:
    anchored = Target("the beginning alone", re.compile(r"\d++年"), "match")
    assert pump_all([anchored, anchored._replace(name="each digit", method="search")])[0].name == "each digit"
