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
        ("景德镇市人民政府", "government"),
        ("宁海县", "government"),
        ("江苏省", "government"),
        ("浦东新区", "government"),
        ("示例县", "government"),
        ("恩施州政府", "government"),
        ("锡林郭勒盟", "government"),
        ("大兴安岭地区行署", "government"),
        ("淮安市洪泽区人民政府办公室", "government_office"),
        ("洪泽区政府办", "government_office"),
        ("江苏省人民政府办公厅", "government_office"),
        ("宿迁市人民政府（本级）", "government_office"),
        ("河西街道办事处", "town"),
        ("安宁市温泉镇人民政府", "town"),
        ("示例镇", "town"),
        ("示例镇政府", "town"),
        ("示例街道", "town"),
        ("太阳宫地区办事处", "town"),
        ("宿迁市人民政府驻北京办事处", None),
        ("常熟市城市管理局", "department"),
        ("宿迁市发改委", "department"),
        ("宿迁市国资委", "department"),
        ("北京市城市管理委员会", "department"),
        ("上海市住房和城乡建设管理委员会", "department"),
        ("国家税务总局", "department"),
        ("海关总署", "department"),
        ("苏州工业园区管理委员会", "zone"),
        ("苏州工业园区", "zone"),
        ("黄山风景区管委会", "zone"),
        ("东城区城市管理指挥中心", "public_institution"),
        ("江苏大学", "public_institution"),
        ("怀远第二中学", "public_institution"),
        ("宿迁市第一人民医院", "public_institution"),
        ("宿迁市公积金中心", "public_institution"),
        ("宿迁市残联", "association"),
        ("共青团宿迁市委", "association"),
        ("团委", "association"),
        ("国网江苏省电力有限公司", "company"),
        ("国家税务总局淮安市洪泽区税务局", "vertical_body"),
        ("南京海关", "vertical_body"),
        ("宿迁市消防救援支队", "vertical_body"),
        ("洪泽区气象局", "vertical_body"),
        ("国家统计局宿迁调查队", "vertical_body"),
        ("某某", None),
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


@pytest.mark.parametrize(
    ("agency", "deadline"),
    [
        ("宁海县", "03-31"),
        ("宁海县人民政府", "03-31"),
        ("宁海县政府办", "03-31"),
        ("宁海县教育局", "01-31"),
        ("宁海县税务局", "01-31"),
        ("示例镇", None),
        ("苏州工业园区", None),
        ("江苏大学", None),
    ],
)
def test_deadlines_are_those_of_article_49(agency: str, deadline: str | None) -> None:
    kind = kind_of(agency)
    assert kind is not None
    assert kind.deadline == deadline


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
