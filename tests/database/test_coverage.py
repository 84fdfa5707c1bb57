"""Agencies that must report: who has, who is late, who is absent, who was not expected."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine

from codebook.agency_kinds import stored_key
from codebook.errors import UsageError
from database.reports import coverage
from database.reports.coverage import Listed, Standing, standing_of
from database.session import reading, run_transaction
from ingest.lists.expected import read_expected
from tests.database.test_corrections import CELL, a_report, read
from tests.inline import Inline

LIST = """单位名称,行政区划,截止日期
示例市教育局,江苏省/淮安市,
示例市民政局,江苏省/淮安市,2025-02-28
示例市水利局,江苏省/淮安市,
示例市财政局,江苏省/淮安市,
示例市统计局,江苏省/淮安市,2099年1月31日
示例镇人民政府,江苏省/淮安市,
"""


def listed(tmp_path: Path, text: str = LIST, encoding: str = "utf-8") -> tuple[list[Listed], list[str]]:
    path = tmp_path / "应报单位.csv"
    path.write_bytes(text.encode(encoding))
    return read_expected(path, 2024)


@pytest.fixture
def inline(engine: Engine, tmp_path: Path) -> Inline:
    """Reports of four agencies on 2024."""
    made = Inline(engine, tmp_path)
    for agency, published_on in (
        ("示例市教育局", "2025-01-31"),
        ("示例市民政局", "2025-03-01"),
        ("示例市水利局", None),
        ("示例市审计局", "2025-01-20"),
    ):
        report = a_report(read(CELL, 5))
        facts = {"agency": agency, "region": ("江苏省", "淮安市"), "region_code": "320800", "published_on": published_on}
        number = made.add(agency.encode(), "application/pdf", f"in/{agency}.pdf")
        made.have_read(number, msgspec.structs.replace(report, **facts))
    return made


def test_how_agencies_stand(inline: Inline, tmp_path: Path) -> None:
    items, problems = listed(tmp_path)
    assert problems == []
    run_transaction(inline.engine, lambda c: coverage.expect(c, items, who="li"))
    with reading(inline.engine) as connection:
        lines = coverage.coverage(connection, 2024, "2026-01-01")
        others = coverage.unlisted(connection, 2024)
        assert coverage.coverage(connection, 2024, "2026-01-01", region="3301") == []
        (year,) = coverage.expected_years(connection)
    assert {line.agency: (line.standing, line.due_on) for line in lines} == {
        "示例市教育局": (Standing.IN_TIME, "2025-01-31"),
        "示例市民政局": (Standing.LATE, "2025-02-28"),
        "示例市水利局": (Standing.UNDATED, "2025-01-31"),
        "示例市财政局": (Standing.ABSENT, "2025-01-31"),
        "示例市统计局": (Standing.NOT_DUE, "2099-01-31"),
        "示例镇人民政府": (Standing.ABSENT, None),
    }
    assert [(other.agency, other.region_code) for other in others] == [("示例市审计局", "320800")]
    assert (year.year, year.agencies) == (2024, 6)


def test_a_list_is_brought_up_to_date_or_replaced(inline: Inline, tmp_path: Path) -> None:
    items, _ = listed(tmp_path)
    run_transaction(inline.engine, lambda c: coverage.expect(c, items, who="li"))
    later, _ = listed(tmp_path, "name,region,due\n示例市教育局,江苏省/淮安市,2025-01-10\n")
    assert run_transaction(inline.engine, lambda c: coverage.expect(c, later, who="li")) == 0
    with reading(inline.engine) as connection:
        lines = coverage.coverage(connection, 2024, "2026-01-01")
    assert len(lines) == 6
    assert next(line for line in lines if line.agency == "示例市教育局").standing is Standing.LATE
    assert run_transaction(inline.engine, lambda c: coverage.expect(c, later, who="li", replace=True)) == 6
    with reading(inline.engine) as connection:
        assert len(coverage.coverage(connection, 2024, "2026-01-01")) == 1
        assert len(coverage.unlisted(connection, 2024)) == 3


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_lists_in_the_encodings_of_offices(tmp_path: Path, encoding: str) -> None:
    assert len(listed(tmp_path, encoding=encoding)[0]) == 6


def test_what_of_a_list_cannot_be_used(tmp_path: Path) -> None:
    text = (
        "机关,年度,地区,备注\n淮安市洪泽区教育局,2023,,x\n,2023,,\n某局,1999,,\n淮安市洪泽区教育局,2023,江苏省/淮安市/洪泽区,\n"
    )
    items, problems = listed(tmp_path, text)
    assert [(item.year, item.agency, item.region_code) for item in items] == [
        (2023, "淮安市洪泽区教育局", "320813"),
        (2024, "某局", None),
    ]
    assert items[0].agency_key == stored_key("江苏省淮安市洪泽区教育局", "320813")
    assert [problem.split(":")[0] for problem in problems] == [
        "column '备注' is not known and is not used",
        "line 3",
        "line 4",
        "line 5",
    ]
    with pytest.raises(UsageError, match="no column names the agencies"):
        listed(tmp_path, "a,b\n1,2\n")
    with pytest.raises(UsageError, match="can be read"):
        read_expected(tmp_path / "nothing.csv")


def test_an_agency_without_a_date_is_never_late() -> None:
    assert standing_of(True, "2025-12-31", None, "2026-01-01") is Standing.IN_TIME
    assert standing_of(False, None, None, "2025-01-01") is Standing.ABSENT
