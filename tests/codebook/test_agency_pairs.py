"""Which agencies may be one: the examples of the file, both orders, regions that differ, and with whom a new one is compared."""

from __future__ import annotations

import doctest
from itertools import permutations

import pytest

from codebook import agency_pairs
from codebook.agency_kinds import stored_key
from codebook.agency_pairs import AgencyEntry, Likeness, PairExample, alike, candidates, load_pairs
from codebook.text.fold import fold_label

FILE = load_pairs()


@pytest.mark.parametrize("row", FILE.examples, ids=lambda row: "-".join(row.names))
def test_the_reason_is_that_of_the_example(row: PairExample) -> None:
    for one, other in permutations(AgencyEntry(name, row.region_code) for name in row.names):
        found = alike(one, other)
        assert (found.reason if found else None) == row.reason
        assert stored_key(one.name, one.region_code) != stored_key(other.name, other.region_code)


def test_every_reason_has_an_example_or_is_of_two_regions() -> None:
    assert {row.reason for row in FILE.examples} - {None} == set(FILE.reasons) - {"region_unknown", "region_differs"}


@pytest.mark.parametrize("row", [row for row in FILE.examples if row.reason], ids=lambda row: "-".join(row.names))
def test_two_that_report_on_one_year_are_two(row: PairExample) -> None:
    one, other = (
        AgencyEntry(name, row.region_code, years=years) for name, years in zip(row.names, ((2021, 2022), (2022,)), strict=True)
    )
    assert row.reason is not None
    assert (alike(one, other) is None) is FILE.reasons[row.reason].apart_if_both


def test_a_succession_names_the_year_and_who_came_first() -> None:
    old, new = AgencyEntry("涟水县环保局", "320826"), AgencyEntry("涟水县生态环境局", "320826")
    assert alike(old, new) == alike(new, old) == Likeness("succession", 2018, "涟水县环保局")


@pytest.mark.parametrize(
    ("name", "code", "other_name", "other_code", "reason"),
    [
        ("常熟市教育局", None, "教育局", "320581", "region_unknown"),
        ("朝阳区教育局", None, "朝阳区教育局", "110105", "region_unknown"),
        ("朝阳区教育局", None, "长春市朝阳区教育局", "220104", "region_unknown"),
        ("江苏发改委", None, "江苏省发展和改革委员会", "320000", "region_unknown"),
        ("宿迁市", None, "宿迁市人民政府", "321300", "region_unknown"),
        ("苏州市城市管理局", "320581", "苏州市城市管理局", "320500", "region_differs"),
        ("苏州市城市管理局", "320581", "城市管理局", "320500", "region_differs"),
        ("苏州工业园区管委会", "320500", "苏州工业园区", "320506", "region_differs"),
        ("苏州工业园区管委会", "320000", "苏州工业园区", "320506", "region_differs"),
        ("江苏省水利厅", "320800", "水利厅", "320000", "region_differs"),
        ("城市管理局", "320581", "城市管理局", "320500", None),
        ("常熟市城市管理局", "320581", "苏州市城市管理局", "320500", None),
        ("示例镇", "320581", "示例镇", "320582", None),
        ("朝阳区教育局", "110105", "朝阳区教育局", "220104", None),
        ("教育局", None, "常熟市教育局", "320581", None),
        ("教育局", None, "财政局", None, None),
    ],
)
def test_one_name_under_two_regions(
    name: str, code: str | None, other_name: str, other_code: str | None, reason: str | None
) -> None:
    one, other = AgencyEntry(name, code), AgencyEntry(other_name, other_code)
    for a, b in ((one, other), (other, one)):
        found = alike(a, b)
        assert (found.reason if found else None) == reason
        # the one that comes later finds the other, whichever it is
        assert (stored_key(b.name, b.region_code) in candidates(a.name, a.region_code).keys) is (reason is not None)


def test_a_new_agency_is_compared_with_those_of_its_region_and_with_the_same_name_elsewhere() -> None:
    found = candidates("常熟市城管局", "320581")
    assert found.region_code == "320581"
    full = "江苏省苏州市常熟市城市管理局"
    assert found.keys == {stored_key(full, None), stored_key(full, "320500"), stored_key(full, "320000"), ":常熟城市管理局"}
    assert candidates("教育局", None) == (None, frozenset())
    assert len(candidates("江苏省教育厅", "320000").keys) < 200


def test_reasons_have_words_in_both_languages() -> None:
    for reason in FILE.reasons.values():
        assert fold_label(reason.zh)
        assert reason.en.isascii()


def test_examples_of_the_module() -> None:
    assert doctest.testmod(agency_pairs).failed == 0
