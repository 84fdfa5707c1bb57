"""Kinds of agencies, their level, and the key that joins their years."""

from __future__ import annotations

import doctest

import pytest

from codebook import agency_kinds as agencies
from codebook.agency_kinds import agency_key, is_government, kind_of
from codebook.divisions import level_of


@pytest.mark.parametrize(
    ("agency", "kind"),
    [
        ("淮安市洪泽区人民政府", "government"),
        ("江苏省人民政府", "government"),
        ("河西街道办事处", "town"),
        ("安宁市温泉镇人民政府", "town"),
        ("景德镇市人民政府", "government"),
        ("淮安市洪泽区人民政府办公室", "government_office"),
        ("常熟市城市管理局", "department"),
        ("苏州工业园区管理委员会", "zone"),
        ("东城区城市管理指挥中心", None),
    ],
)
def test_kinds(agency: str, kind: str | None) -> None:
    found = kind_of(agency)
    assert (found.kind if found else None) == kind
    assert is_government(agency) is (kind == "government")


@pytest.mark.parametrize(
    ("region", "code", "level"),
    [
        (("江苏省",), "320000", 1),
        (("江苏省", "苏州市"), "320500", 2),
        (("江苏省", "苏州市", "常熟市"), "320581", 3),
        (("北京市", "东城区"), "110101", 3),
        (("北京市", "东城区"), None, 3),
        (("江苏省", "苏州市"), None, 2),
        (("湖北省", "仙桃市"), "429004", 3),
        ((), None, None),
    ],
)
def test_levels(region: tuple[str, ...], code: str | None, level: int | None) -> None:
    assert level_of(region, code) == level


def test_one_agency_has_one_key() -> None:
    names = (
        "常熟市城市管理局",
        "江苏省常熟市城市管理局",
        "江苏省苏州市常熟市城市管理局",
        "常熟市 城市管理局",
        "常熟市城市管理局".replace("务", "務"),
    )
    assert {agency_key(name, "320581") for name in names} == {"320581:城市管理局"}
    assert agency_key("北京市密雲區人民政府", "110118") == agency_key("密云区人民政府", "110118")


def test_two_agencies_have_two_keys() -> None:
    assert agency_key("常熟市城市管理局", "320581") != agency_key("苏州市城市管理局", "320500")
    assert agency_key("常熟市城市管理局", "320581") != agency_key(
        "苏州市城市管理局", "320581"
    )  # a city's bureau in the county's folder
    assert agency_key("城市管理局", None) != agency_key("常熟市城市管理局", None)
    assert agency_key("城市管理局", "320581") == "320581:城市管理局"
    assert agency_key("常熟市", "320581") == "320581:人民政府"


def test_examples() -> None:
    assert doctest.testmod(agencies).failed == 0
