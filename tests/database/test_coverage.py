"""Agencies that must report: who has, who is late, who is absent, who was not expected."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine

from database.reports import coverage
from database.reports.coverage import Listed, Standing, standing_of
from database.session import reading, run_transaction
from database.users import audit
from ingest.lists.expected import Usual, read_list
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


def listed(text: str = LIST) -> tuple[Listed, ...]:
    found = read_list(text.encode(), Usual(2024))
    assert found.refused == ()
    return found.items


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


def test_how_agencies_stand(inline: Inline) -> None:
    items = listed()
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


def test_a_list_is_brought_up_to_date_or_replaced(inline: Inline) -> None:
    items = listed()
    run_transaction(inline.engine, lambda c: coverage.expect(c, items, who="li"))
    later = listed("name,region,due\n示例市教育局,江苏省/淮安市,2025-01-10\n")
    assert run_transaction(inline.engine, lambda c: coverage.expect(c, later, who="li")) == 0
    with reading(inline.engine) as connection:
        lines = coverage.coverage(connection, 2024, "2026-01-01")
    assert len(lines) == 6
    assert next(line for line in lines if line.agency == "示例市教育局").standing is Standing.LATE
    assert run_transaction(inline.engine, lambda c: coverage.expect(c, later, who="li", replace=True)) == 6
    with reading(inline.engine) as connection:
        assert len(coverage.coverage(connection, 2024, "2026-01-01")) == 1
        assert len(coverage.unlisted(connection, 2024)) == 3


def test_an_agency_without_a_date_is_never_late() -> None:
    assert standing_of(True, "2025-12-31", None, "2026-01-01") is Standing.IN_TIME
    assert standing_of(False, None, None, "2025-01-01") is Standing.ABSENT


def test_a_line_is_removed_with_its_reason_and_put_back_by_a_list(inline: Inline) -> None:
    run_transaction(inline.engine, lambda c: coverage.expect(c, listed(), who="li"))
    with reading(inline.engine) as connection:
        (line,) = coverage.lines_named(connection, "示例市 水利局", 2024)
        assert coverage.lines_named(connection, "示例市水利局", 2024, region="33") == []
    gone = run_transaction(inline.engine, lambda c: coverage.remove_line(c, line.id, who="li", reason="机构改革后撤销"))
    assert gone == line.listed
    assert run_transaction(inline.engine, lambda c: coverage.remove_line(c, line.id, who="li", reason="x")) is None
    with reading(inline.engine) as connection:
        assert coverage.expected_line(connection, line.id) is None
        assert "示例市水利局" not in {each.agency for each in coverage.coverage(connection, 2024, "2026-01-01")}
        entry = next(each for each in audit.trail(connection) if each.action == "expect.remove")
    assert (entry.subject, entry.reason, entry.detail["year"], entry.detail["due_on"]) == (
        "示例市水利局",
        "机构改革后撤销",
        2024,
        "2025-01-31",
    )
    run_transaction(inline.engine, lambda c: coverage.expect(c, [gone], who="li"))
    with reading(inline.engine) as connection:
        assert "示例市水利局" in {each.agency for each in coverage.coverage(connection, 2024, "2026-01-01")}


def test_a_list_replaces_lines_of_its_own_regions_alone(engine: Engine) -> None:
    rows = [Listed(2024, name, name, code, None) for name, code in (("甲局", "320813"), ("乙局", "330100"), ("丙局", None))]
    run_transaction(engine, lambda c: coverage.expect(c, rows, who="li"))
    new = [Listed(2024, "丁局", "丁局", "320813", None)]
    assert run_transaction(engine, lambda c: coverage.expect(c, new, who="li", replace=True, within=["3208"])) == 1
    with reading(engine) as connection:
        assert {each.agency for each in coverage.expected(connection)} == {"乙局", "丙局", "丁局"}
    assert run_transaction(engine, lambda c: coverage.expect(c, new, who="li", replace=True, within=[])) == 0
