"""The rules that join the names of one agency: their own examples, what they must keep apart, and mistakes in the file."""

from __future__ import annotations

import doctest
from collections import defaultdict

import msgspec
import pytest

from codebook import agency_names, data
from codebook.agency_kinds import agency_key, is_one_agency, stored_key
from codebook.agency_names import NameExample, load_matching, matched_name, read_matching
from codebook.divisions import Region, parent_code
from codebook.regions import load_regions

RULES = load_matching().rules


@pytest.mark.parametrize("row", RULES.examples, ids=lambda row: row.names[0])
def test_names_of_one_agency_have_one_key(row: NameExample) -> None:
    keys = {name: agency_key(name, row.region_code) for name in row.names}
    assert len(row.names) > 1
    assert len(set(keys.values())) == 1, keys


@pytest.mark.parametrize("row", RULES.kept_apart, ids=lambda row: row.names[0])
def test_names_of_several_agencies_have_a_key_each(row: NameExample) -> None:
    keys = {name: agency_key(name, row.region_code) for name in row.names}
    assert len(row.names) > 1
    assert len(set(keys.values())) == len(row.names), keys


def test_an_agency_of_one_example_is_in_no_other() -> None:
    keys = [(agency_key(row.names[0], row.region_code), row.region_code) for row in RULES.examples]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("short", [short for shorts in RULES.subjects.values() for short in shorts])
def test_every_short_form_is_understood(short: str) -> None:
    full = next(full for full, shorts in RULES.subjects.items() if short in shorts)
    assert agency_key(f"常熟市{short}局", "320581") == agency_key(f"江苏省常熟市{full}局", "320581") == f"320581:{full}局"


@pytest.mark.parametrize(
    ("name", "code", "place", "body"),
    [
        ("江苏常熟市城市管理局", "320581", "", "城市管理局"),
        ("江苏大学", "320000", "", "江苏大学"),
        ("苏州市城市管理局", "320581", "江苏省苏州市", "城市管理局"),
        ("淮安市洪泽区", "320800", "江苏省淮安市洪泽区", "人民政府"),
        ("朝阳区教育局", None, "朝阳区", "教育局"),
        ("市北区教育局", "370200", "山东省青岛市市北区", "教育局"),
        ("景德镇", "360200", "", "景德镇"),
        ("景德镇市", "360200", "", "人民政府"),
        ("县底镇", "430525", "", "县底镇人民政府"),
        ("和平区教育局", "120101", "", "教育局"),
        ("太和县永和镇", None, "安徽省阜阳市太和县", "永和镇人民政府"),
        ("呼和浩特市教育局", "150100", "", "教育局"),
        ("苏州工业园区管委会教育局", "320500", "", "工业园区教育局"),
        ("苏州工业园区管委会办公室", "320500", "", "苏州工业园区管理委员会办公室"),
        ("淮安市洪泽县人民政府", "320813", "江苏省淮安市洪泽县", "人民政府"),
        ("国家税务总局", None, "", "国家税务总局"),
        ("松原市乾安县教育局", "220723", "", "教育局"),
        ("乾县", None, "陕西省咸阳市乾县", "人民政府"),
        ("", "320500", "", ""),
    ],
)
def test_a_name_is_parted_into_place_and_body(name: str, code: str | None, place: str, body: str) -> None:
    assert matched_name(name, code)[:2] == (place, body)


@pytest.mark.parametrize("unit", ["本级", "苏州工业园区", "人民政府", "发改", "委员会", "中共", "文", "镇", "江苏省", "局机关"])
@pytest.mark.parametrize("end", ["", "局", "x"])
def test_a_long_name_is_read_too(unit: str, end: str) -> None:
    """A list may hold anything; patterns that are not linear are a load error."""
    name = "某" + unit * 2_000 + end
    assert matched_name(name, "320500").body.startswith("某")
    assert len(stored_key(name, "320500")) in (64, len(agency_key(name, "320500")))


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("subjects:", "subject:", msgspec.ValidationError, "unknown field `subject`"),
        ("  经济: []", "  经济: [发改]", ValueError, "subjects: 发改 means 发展改革 and 经济; expected one of them"),
    ],
)
def test_a_mistake_in_the_rules_is_a_load_error(old: str, new: str, error: type[Exception], message: str) -> None:
    file = data.read("agencies/matching.yaml").decode()
    assert file.count(old) == 1
    with pytest.raises(error, match=message):
        read_matching(file.replace(old, new).encode())


@pytest.mark.parametrize(
    ("name", "code", "one"),
    [
        ("教育局", "320581", True),
        ("教育局", None, False),
        ("示例镇人民政府", None, False),
        ("朝阳区教育局", None, False),
        ("江苏省教育厅", None, True),
        ("涟水县示例镇", None, True),
        ("海关总署", None, True),
        ("国家发展和改革委员会", None, True),
        ("科技部", None, True),
        ("宣传部", None, False),
    ],
)
def test_a_name_without_a_region_may_be_of_many(name: str, code: str | None, one: bool) -> None:
    assert is_one_agency(name, code) is one


@pytest.mark.slow
def test_no_division_has_the_key_of_a_neighbour() -> None:
    """Under the code of one division in six: the names of all divisions above, beside and in it, and its own in each spelling."""
    regions = load_regions()
    by_code = {region.code: region for region in regions.all}
    inside: dict[str | None, list[Region]] = defaultdict(list)
    for region in regions.all:
        inside[parent_code(region.code)].append(region)
    joined, parted, compared = [], [], 0
    for region in regions.all[::6]:
        own = {body: f"{region.code}:{body}" for body in ("人民政府", "教育局")}
        above = parent_code(region.code)
        near = [*inside[above], *inside[region.code], *inside[parent_code(above) if above else None]]
        near += [by_code[code] for code in (above, parent_code(above) if above else None) if code]
        for other in (each for each in near if each != region):
            for place in {other.chain[-1], "".join(other.chain), "".join(other.chain[-2:])}:
                compared += 1
                joined += [place for body in own if agency_key(place + body, region.code) == own[body]]
                joined += [place] if agency_key(place, region.code) == own["人民政府"] else []
        for place in regions.spellings(region.chain[-1])[0]:
            parted += [
                place for body in own if agency_key(place + body, region.code) not in (own[body], f"{region.code}:行政公署")
            ]
    assert (joined, parted) == ([], [])
    assert compared > 20_000


def test_examples_of_the_module() -> None:
    assert doctest.testmod(agency_names).failed == 0
