"""Agencies that must report: who has, who is late, who is absent, who was not expected."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine, select, update

from codebook.agency_kinds import stored_key
from codebook.records import Hints
from console import filing
from database.filings import register
from database.models import AgencyCase, Document, Source
from database.reports import coverage
from database.reports.coverage import Level, Listed, Standing, standing_of
from database.session import reading, run_transaction
from database.users import audit
from ingest.lists.csv_lists import decode
from ingest.lists.expected import Usual, read_list
from tests.conftest import REPOSITORY
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


# ---- what came in -----------------------------------------------------------------------------------------------------------


def expect_all(engine: Engine, *names: str, due_on: str | None = "2025-01-31", code: str | None = "320800") -> None:
    rows = [Listed(2024, name, stored_key(name, code), code, due_on) for name in names]
    run_transaction(engine, lambda c: filing.expect(c, rows, who="li"))


def lines(engine: Engine, today: str = "2026-01-01") -> dict[str, tuple[Standing, int | None]]:
    with reading(engine) as connection:
        return {line.agency: (line.standing, line.document_id) for line in coverage.coverage(connection, 2024, today)}


def loaded(made: Inline, agency: str | None, published_on: str | None = "2025-01-20", path: str = "", **facts: object) -> int:
    """A document with the report of an agency on 2024."""
    number = made.add(f"{agency}{published_on}{path}{facts}".encode(), "application/pdf", path or f"in/{agency}.pdf")
    known = {"agency": agency, "region": ("江苏省", "淮安市"), "region_code": "320800", "published_on": published_on} | facts
    made.have_read(number, msgspec.structs.replace(a_report(read(CELL, 5)), **known))
    return number


def failed(made: Inline, path: str, status: str = "failed", hints: Hints | None = None) -> int:
    """A document that could not be read."""
    number = made.add(path.encode(), "application/pdf", path, hints=hints)
    with made.engine.begin() as connection:
        connection.execute(update(Document).where(Document.id == number).values(status=status))
    return number


def seen_on(engine: Engine, document: int, day: str) -> None:
    moment = datetime.fromisoformat(f"{day}T12:00:00+08:00")
    with engine.begin() as connection:
        connection.execute(update(Source).where(Source.document_id == document).values(seen_at=moment))


@pytest.fixture
def empty(engine: Engine, tmp_path: Path) -> Inline:
    return Inline(engine, tmp_path)


def test_an_agency_has_reported_under_whatever_name(empty: Inline) -> None:
    expect_all(empty.engine, "宿迁市人民政府", due_on="2025-03-31", code="321300")
    expect_all(empty.engine, "示例市政务服务管理办公室", "示例市大数据管理局")
    place = {"region": ("江苏省", "宿迁市"), "region_code": "321300"}
    city = loaded(empty, "宿迁市", **place)
    assert lines(empty.engine)["宿迁市人民政府"] == (Standing.IN_TIME, city)
    bureau = loaded(empty, "示例市大数据管理局")
    with reading(empty.engine) as connection:
        keys = [stored_key(name, "320800") for name in ("示例市政务服务管理办公室", "示例市大数据管理局")]
        agencies = register.agencies_of(connection, keys)
        assert register.get(connection, agencies[keys[0]]).name == "示例市政务服务管理办公室"
    assert lines(empty.engine)["示例市政务服务管理办公室"][0] is Standing.ABSENT
    run_transaction(empty.engine, lambda c: filing.join(c, agencies[keys[0]], agencies[keys[1]], who="li", reason="合署办公"))
    assert lines(empty.engine)["示例市政务服务管理办公室"] == (Standing.IN_TIME, bureau)
    with reading(empty.engine) as connection:
        assert coverage.unlisted(connection, 2024) == []


def test_a_list_asks_about_agencies_that_may_be_known(empty: Inline) -> None:
    loaded(empty, "淮安市洪泽区人民法院", region_code="320813", region=("江苏省", "淮安市", "洪泽区"))
    loaded(empty, "洪泽区卫生健康局", region_code="320813", region=("江苏省", "淮安市", "洪泽区"))
    expect_all(empty.engine, "洪泽区卫生和计划生育局", "洪泽区卫计局", code="320813")
    with reading(empty.engine) as connection:
        cases = connection.execute(select(AgencyCase.reason, AgencyCase.state)).all()
    assert len(cases) == 1, cases


def test_the_first_edition_says_when_it_was_published(empty: Inline) -> None:
    expect_all(empty.engine, "示例市教育局", "示例市民政局")
    loaded(empty, "示例市教育局", "2025-01-30")
    corrected = loaded(empty, "示例市教育局", "2025-04-01", readings=a_report(read(CELL, 4), total=4).readings)
    loaded(empty, "示例市民政局", None)
    loaded(empty, "示例市民政局", "2025-04-01", readings=a_report(read(CELL, 4), total=4).readings)
    found = lines(empty.engine)
    assert found["示例市教育局"] == (Standing.IN_TIME, corrected)
    assert found["示例市民政局"][0] is Standing.LATE


def test_a_report_was_published_not_later_than_it_was_first_seen(empty: Inline) -> None:
    names = [f"示例市{name}局" for name in ("教育", "民政", "水利", "财政")]
    expect_all(empty.engine, *names)
    for name, published_on, day in zip(
        names, (None, None, "2025-03-01", "2025-03-01"), ("2025-01-31", "2025-02-01") * 2, strict=True
    ):
        seen_on(empty.engine, loaded(empty, name, published_on), day)
    assert [standing for standing, _ in map(lines(empty.engine).get, names)] == [
        Standing.IN_TIME,
        Standing.UNDATED,  # it may have been there before
        Standing.IN_TIME,
        Standing.LATE,
    ]
    with reading(empty.engine) as connection:
        line = next(line for line in coverage.coverage(connection, 2024, "2026-01-01") if line.agency == "示例市教育局")
    assert (line.published_on, line.first_seen_on) == (None, "2025-01-31")


def test_days_are_those_of_china(empty: Inline) -> None:
    expect_all(empty.engine, "示例市教育局")
    number = loaded(empty, "示例市教育局", None)
    for moment, standing in (("2025-01-31T15:59:00+00:00", Standing.IN_TIME), ("2025-01-31T16:01:00+00:00", Standing.UNDATED)):
        with empty.engine.begin() as connection:
            connection.execute(update(Source).values(seen_at=datetime.fromisoformat(moment)))
        assert lines(empty.engine)["示例市教育局"] == (standing, number)


def test_an_agency_is_absent_only_when_nothing_of_it_came_in(empty: Inline) -> None:
    names = [f"示例市{name}局" for name in ("教育", "民政", "水利", "财政", "统计", "审计", "信访", "司法", "气象", "林业")]
    expect_all(empty.engine, *names)
    numbers = [
        failed(empty, "in/示例市教育局2024年政府信息公开工作年度报告.pdf"),
        failed(empty, "in/2024/示例市民政局/扫描件.pdf", "rejected"),
        failed(empty, "in/a.pdf", hints=Hints(path="in/a.pdf", agency="示例市水利局", year=2024, region=("江苏省", "淮安市"))),
        loaded(empty, "示例市统计局", year=None),
        loaded(empty, None, title="示例市审计局2024年政府信息公开工作年度报告"),
    ]
    failed(empty, "in/示例市信访局2023年年报.pdf")  # of another year
    failed(empty, "in/示例市司法局2024年年报.pdf", "discarded")  # a person decided that it is none
    wrong = loaded(empty, "海关总署(本级机关)政府", path="示例市气象局2024年年报.pdf")  # filed under another name
    waiting = empty.add(b"x", "application/pdf", "江苏省/淮安市/示例市财政局2024年年报.pdf")  # for a worker
    assert lines(empty.engine) == {
        "示例市教育局": (Standing.IN_ERROR_QUEUE, numbers[0]),
        "示例市民政局": (Standing.IN_ERROR_QUEUE, numbers[1]),
        "示例市水利局": (Standing.IN_ERROR_QUEUE, numbers[2]),
        "示例市财政局": (Standing.IN_WORK, waiting),
        "示例市统计局": (Standing.IN_REVIEW, numbers[3]),
        "示例市审计局": (Standing.IN_REVIEW, numbers[4]),
        "示例市信访局": (Standing.ABSENT, None),
        "示例市司法局": (Standing.ABSENT, None),
        "示例市气象局": (Standing.IN_REVIEW, wrong),
        "示例市林业局": (Standing.ABSENT, None),
    }
    assert lines(empty.engine, "2025-01-31")["示例市教育局"][0] is Standing.IN_ERROR_QUEUE
    assert lines(empty.engine, "2025-01-31")["示例市林业局"][0] is Standing.NOT_DUE
    better = failed(empty, "in/示例市教育局2024年年报（重报）.pdf", "processing")
    assert lines(empty.engine)["示例市教育局"] == (Standing.IN_WORK, better)
    report = loaded(empty, "示例市教育局")
    assert lines(empty.engine)["示例市教育局"] == (Standing.IN_TIME, report)


def test_a_volume_in_the_error_queue_came_from_each_of_its_agencies(empty: Inline) -> None:
    expect_all(
        empty.engine, "示例市示例区人民政府", "示例市示例区教育局", "示例市示例镇人民政府", "示例市示例区民政局", code=None
    )
    paths = sorted((REPOSITORY / "samples" / "reports").glob("*2023*.txt"))
    texts = [decode(path.read_bytes()).replace("2023", "2024") for path in paths]
    number = empty.add("\n".join(texts).encode(), "text/plain", "in/汇编.txt")
    empty.work()
    assert lines(empty.engine) == {
        "示例市示例区人民政府": (Standing.ABSENT, None),
        "示例市示例区教育局": (Standing.IN_ERROR_QUEUE, number),
        "示例市示例镇人民政府": (Standing.IN_ERROR_QUEUE, number),
        "示例市示例区民政局": (Standing.ABSENT, None),
    }


def test_a_filing_whose_document_fails_when_it_is_read_again_is_in_the_error_queue(empty: Inline) -> None:
    expect_all(empty.engine, "示例市教育局")
    number = loaded(empty, "示例市教育局", path="in/1.pdf")
    for status, standing in (
        ("needs_review", Standing.IN_TIME),
        ("processing", Standing.IN_TIME),  # the report of the run before is shown
        ("failed", Standing.IN_ERROR_QUEUE),
        ("discarded", Standing.ABSENT),
    ):
        with empty.engine.begin() as connection:
            connection.execute(update(Document).values(status=status))
        assert lines(empty.engine)["示例市教育局"] == (standing, None if status == "discarded" else number)


def test_a_report_with_nothing_but_dashes_is_a_report(empty: Inline) -> None:
    """An agency that had nothing to count has reported."""
    expect_all(empty.engine, "示例市示例镇人民政府", due_on=None, code=None)
    (path,) = (REPOSITORY / "samples" / "reports").glob("*示例镇*2024*.txt")
    text = re.sub(r"(?m)(?<=\| )[\d.]+(?= \||$)|^\d+(?= \|)", "—", path.read_text("utf-8"))
    assert text.count("—") >= 200
    number = empty.add(text.encode(), "text/plain", "in/a.txt")
    empty.work()
    assert lines(empty.engine)["示例市示例镇人民政府"] == (Standing.IN_TIME, number)


def test_a_name_that_many_agencies_may_have(empty: Inline) -> None:
    """Without a region the one report by this name is that of the list; of two nobody knows which."""
    expect_all(empty.engine, "示例市教育局", code=None)
    nowhere = {"region": (), "region_code": None}
    first = loaded(empty, "示例市教育局", **nowhere)
    assert lines(empty.engine)["示例市教育局"] == (Standing.IN_TIME, first)
    with reading(empty.engine) as connection:
        assert coverage.unlisted(connection, 2024) == []
    second = loaded(empty, "示例市教育局", "2025-01-21", **nowhere)
    standing, document = lines(empty.engine)["示例市教育局"]
    assert (standing, document in (first, second)) == (Standing.IN_REVIEW, True)
    with reading(empty.engine) as connection:
        assert len(coverage.unlisted(connection, 2024)) == 2


def test_agencies_by_city_and_county(empty: Inline) -> None:
    for code, names in (("320813", "甲乙"), ("320812", "丙"), ("320800", "丁"), ("330106", "戊"), ("110101", "己"), (None, "庚")):
        expect_all(empty.engine, *(f"{name}局" for name in names), code=code)
    with reading(empty.engine) as connection:
        found = coverage.coverage(connection, 2024, "2026-01-01")
    cities = [(each.region_code, each.total) for each in coverage.by_region(found, Level.CITY)]
    assert cities == [(None, 1), ("110000", 1), ("320800", 4), ("330100", 1)]
    counties = coverage.by_region(found, Level.COUNTY)
    assert [(each.region_code, each.total) for each in counties] == [
        (None, 1),
        ("110101", 1),
        ("320800", 1),
        ("320812", 1),
        ("320813", 2),
        ("330106", 1),
    ]
    assert counties[-2].counts == {"absent": 2}
