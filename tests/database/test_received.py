"""Whose report a document may be that is in no filing: by its manifest, its names, and what was read of it."""

from __future__ import annotations

import pytest

from codebook.agency_kinds import stored_key
from database.reports.received import ExpectedAgencies, ExpectedAgency, FoundAt, Received, names_in, region_of_folders

LIST = [
    ("淮安市教育局", "320800"),
    ("淮安市洪泽区教育局", "320813"),
    ("淮安市洪泽区人民政府", "320813"),
    ("洪泽区仁和镇人民政府", "320813"),
    ("洪泽经济开发区管委会", "320813"),
    ("盐城市教育局", "320900"),
    ("盐城市气象局", "320900"),
    ("南京市鼓楼区教育局", "320106"),
    ("示例市民政局", None),
]
AGENCIES = ExpectedAgencies(
    [ExpectedAgency(at, name, code, stored_key(name, code), 100 + at) for at, (name, code) in enumerate(LIST)]
)


def meant(*origins: FoundAt, **read: object) -> list[str]:
    received = Received(1, 2025, origins, **read)  # type: ignore[arg-type]
    return [LIST[line][0] for line in sorted(AGENCIES.meant_by(received, 2024))]


@pytest.mark.parametrize(
    ("path", "agency"),
    [
        ("淮安市教育局2024年政府信息公开工作年度报告.pdf", "淮安市教育局"),
        ("in/03-淮安市教育局-2024年度报告（终稿）(1).docx", "淮安市教育局"),
        ("2024/江苏省/淮安市/教育局.pdf", "淮安市教育局"),
        ("2024/江苏省/淮安市/市教育局年报 张三.pdf", "淮安市教育局"),
        ("江苏省/淮安市/洪泽区/教育局2024.pdf", "淮安市洪泽区教育局"),
        ("洪泽区/教育局/2024年报.pdf", "淮安市洪泽区教育局"),
        ("洪泽区教育局/2024.pdf", "淮安市洪泽区教育局"),
        ("关于公布洪泽区教育局2024年政府信息公开年报的通知.html", "淮安市洪泽区教育局"),
        ("洪泽区2024年政府信息公开工作年度报告.pdf", "淮安市洪泽区人民政府"),
        ("洪泽区政府2024年度报告.doc", "淮安市洪泽区人民政府"),
        ("洪泽区/仁和镇2024年年报.pdf", "洪泽区仁和镇人民政府"),
        ("洪泽区/洪泽经济开发区管理委员会.pdf", "洪泽经济开发区管委会"),
        ("一.zip!盐城市教育局/a.pdf", "盐城市教育局"),
        ("气象局年报.pdf", "盐城市气象局"),  # the only one of the list
        ("南京市/鼓楼区教育局.pdf", "南京市鼓楼区教育局"),
        ("示例市民政局2024.pdf", "示例市民政局"),
        ("淮安市2024年年报汇总/洪泽区/扫描件001洪泽区教育局盖章.pdf", "淮安市洪泽区教育局"),
    ],
)
def test_a_path_that_names_an_agency(path: str, agency: str) -> None:
    assert meant(FoundAt(path)) == [agency]


@pytest.mark.parametrize(
    "path",
    [
        "scan0001.pdf",
        "教育局.pdf",  # three of the list, and nothing says which
        "江苏省/淮安市/洪泽区/2024年报.pdf",  # a folder of a region holds the reports of all its agencies
        "江苏省/扬州市/教育局.pdf",
        "泰州市教育局2024年报.pdf",
        "年报.pdf",
        "",
    ],
)
def test_a_path_that_names_none(path: str) -> None:
    assert meant(FoundAt(path)) == []


def test_a_manifest_goes_before_names_and_what_was_read_before_both() -> None:
    path = FoundAt("盐城市/教育局.pdf", agency="教育局", region=("江苏省", "淮安市"))
    assert meant(path) == ["淮安市教育局"]
    assert meant(FoundAt("盐城市教育局.pdf", agency="洪泽区管委会")) == ["盐城市教育局"]
    assert meant(path, agency_key=stored_key("盐城市气象局", "320900")) == ["盐城市气象局"]
    assert meant(path, agency_id=104) == ["洪泽经济开发区管委会"]
    assert meant(path, agency_key="330100:教育局") == ["淮安市教育局"]  # filed under an agency that is not on the list
    assert meant(FoundAt("盐城市教育局/民政局.pdf"), agency_key="330100:民政局") == []
    assert meant(FoundAt("a.pdf"), title="淮安市教育局2024年政府信息公开工作年度报告") == ["淮安市教育局"]
    assert meant(FoundAt("a.pdf"), title="教育局年报", region_code="320900") == ["盐城市教育局"]
    assert meant(FoundAt("a.pdf", batch="2024年报 盐城市教育局")) == ["盐城市教育局"]
    assert meant(FoundAt("教育局.pdf", batch="盐城市")) == ["盐城市教育局"]


@pytest.mark.parametrize(
    ("received", "years"),
    [
        (Received(1, 2025, (FoundAt("2023/a.pdf"),), year=2022), [2022]),
        (Received(1, 2025, (FoundAt("2023/a2024.pdf", year=2021),)), [2021]),
        (Received(1, 2025, (FoundAt("2023/a2024.pdf"),)), [2024]),
        (Received(1, 2025, (FoundAt("2023/2025年1月公布2024年度.pdf"),)), [2024]),
        (Received(1, 2025, (FoundAt("2023/a20241231.pdf", batch="2022"),)), [2023]),
        (Received(1, 2025, (FoundAt("a.pdf", batch="2022年报"),)), [2022]),
        (Received(1, 2025, (FoundAt("a.pdf"),), title="2024年报"), [2024]),
        (Received(1, 2025, (FoundAt("2023.pdf"), FoundAt("2024.pdf"))), [2023, 2024]),
        (Received(1, 2025, (FoundAt("a.pdf"),)), [2021, 2022, 2023, 2024]),
    ],
)
def test_the_years_that_it_may_be_on(received: Received, years: list[int]) -> None:
    assert [year for year in range(2021, 2027) if received.may_be_on(year)] == years


def test_a_file_with_several_reports_came_from_each_of_their_agencies() -> None:
    said = "3份年度报告：盐城市教育局2024年度（第1页起）；盐城市气象局2023年度（第5页起）；仁和镇人民政府2024年度（第9页起）"
    volume = FoundAt("江苏省/淮安市/洪泽区/2024年汇编.pdf")
    assert meant(volume, several=said) == ["洪泽区仁和镇人民政府", "盐城市教育局"]
    received = Received(1, 2025, (volume,), several=said)
    assert [LIST[line][0] for line in AGENCIES.meant_by(received, 2023)] == ["盐城市气象局"]
    assert AGENCIES.meant_by(received, 2022) == frozenset()


def test_folders_lead_to_a_region() -> None:
    for folders, code in (
        (("in", "江苏省", "淮安市", "洪泽区"), "320813"),
        (("江苏省淮安市", "材料", "洪泽区"), "320813"),
        (("南京市", "鼓楼区"), "320106"),
        (("鼓楼区",), None),
        (("in",), None),
    ):
        found = region_of_folders(folders)
        assert (found.code if found else None) == code, folders


def test_names_of_files() -> None:
    assert names_in("淮安市教育局 张三 2024.pdf")[-2:] == ("淮安市教育局", "张三")
    assert names_in("2024年度报告.pdf") == ()
