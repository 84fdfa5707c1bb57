"""The pages of analysis: every figure is that of the panel, and opens into its reports and cells."""

from __future__ import annotations

import csv
import io
import re
from xml.etree import ElementTree

import openpyxl
import pytest
from docx import Document
from sqlalchemy import text

from codebook.analysis.figures import UnitFacts
from console.analysis.keeper import PANEL
from console.analysis.layout import tables_of
from console.web.pages.analysis import figures as page_figures
from console.web.pages.analysis.agency import carry_over, stock
from database.analysis.refresh import refresh
from database.session import run_transaction
from database.users import accounts
from tests.analysis.world import World, make_world
from tests.console.web.conftest import Desk
from tests.console.web.filed import file_text
from tests.inline import Inline
from tests.value_rows import change_values

SURE = ("read", "proven", "corrected")


@pytest.fixture
def world(desk: Desk) -> World:
    made = make_world(desk.engine, provinces=2, agencies=50, years=(2022, 2023))
    there(desk, "/analysis")
    return made


def there(desk: Desk, path: str) -> str:
    """A page, once the figures are there."""
    for _ in range(20):
        answer = desk.viewer.get(path)
        if answer.status_code != 503:
            break
    assert answer.status_code == 200
    return str(answer.text)


def there_again(desk: Desk) -> None:
    """Bring the figures up to date with what a test changed."""
    refresh(desk.engine, desk.settings.home / PANEL)
    desk.app.state.context.panels.close()
    del desk.app.state.context.panels


def filing_of(desk: Desk, agency: int, year: int) -> int:
    with desk.engine.begin() as connection:
        query = text("select id from gk_filing where agency_id = :a and year = :y")
        return int(connection.execute(query, {"a": agency, "y": year}).scalar_one())


def test_the_overview_answers_the_question_of_a_real_day(desk: Desk, world: World) -> None:
    page = desk.viewer.get("/analysis?year=2023&indicator=requests.new_received.total").text
    own = {unit.agency_id for unit in world.units if unit.year == 2023 and unit.kind not in ("government", "vertical_body")}
    received = ("requests.new_received.total", "statistics.requests.received")
    cells = [c for c in world.cells if c.year == 2023 and c.agency_id in own and c.cell in received]
    total = sum(c.value or 0 for c in cells if c.state in SURE)
    assert f"<dd>{int(total):,}" in page
    assert f"计入 {sum(c.state in SURE for c in cells)} 家" in page
    assert "<svg" in page
    assert "style=" not in page


def test_the_page_and_its_file_say_the_same(desk: Desk, world: World) -> None:
    answer = desk.viewer.get("/analysis/file?year=2023&indicator=grant_rate")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    page = desk.viewer.get("/analysis?year=2023&indicator=grant_rate").text
    for row in rows:
        if row["数值"]:
            assert f"{100 * float(row['数值']):.1f}%" in page
            assert f">{int(float(row['分母'])):,}<" in page


@pytest.mark.parametrize(
    "path",
    [
        "/analysis/file?year=2023&chart=bars",
        "/analysis/file?year=2023&chart=trend",
        "/analysis/indicator/file?year=2023&indicator=first_pass_rate&basis=all&chart=funnel",
        "/analysis/agencies/1/file?chart=lines",
    ],
)
def test_a_chart_is_a_picture_of_its_own(desk: Desk, world: World, path: str) -> None:
    answer = desk.viewer.get(path)
    assert answer.headers["content-type"].startswith("image/svg+xml")
    root = ElementTree.fromstring(answer.text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.search(r"<script|style=|url\(|https?://(?!www\.w3\.org/2000/svg)", answer.text)
    told = ["".join(each.itertext()) for each in root if each.tag.endswith("text")]
    assert told[0]
    assert told[-1].startswith("数据截至")


def test_each_figure_opens_into_its_report_and_its_cell(desk: Desk, world: World) -> None:
    page = desk.viewer.get("/analysis/indicator?year=2023&indicator=grant_rate&basis=all").text
    cells = set(re.findall(r'href="(/documents/\d+/cells/requests\.granted\.total)"', page))
    filings = set(re.findall(r'href="(/filings/\d+)"', page))
    assert cells
    assert filings
    absent = [unit for unit in world.units if unit.year == 2023 and unit.form is None]
    assert page.count("缺报") >= len(absent)


def test_the_address_of_a_cell_is_that_of_its_page(desk: Desk) -> None:
    desk.app.state.context.notify = lambda queued: None
    document = file_text(Inline(desk.engine, desk.settings.home))
    page = there(desk, "/analysis/indicator?indicator=requests.new_received.total&basis=all")
    (cell,) = re.findall(r'href="(/documents/\d+/cells/[^"]+)">5<', page)
    assert cell == f"/documents/{document}/cells/requests.new_received.total"
    assert desk.viewer.get(cell).status_code == 200
    (filing,) = set(re.findall(r'href="(/filings/\d+)"', page))
    assert desk.viewer.get(filing).status_code == 200


def test_the_years_of_an_agency_stand_side_by_side(desk: Desk, world: World) -> None:
    agency = next(
        u.agency_id
        for u in world.units
        if u.form and sum(o.agency_id == u.agency_id and o.form == "2021" for o in world.units) == 2
    )
    page = desk.viewer.get(f"/analysis/agencies/{agency}").text
    one, other = filing_of(desk, agency, 2022), filing_of(desk, agency, 2023)
    assert f"/analysis/compare?one={one}&amp;other={other}" in page
    assert "结转是否衔接" in page
    compared = desk.viewer.get(f"/analysis/compare?one={one}&other={other}&all=1").text
    for cell in world.cells:
        if cell.agency_id == agency and cell.year == 2023 and cell.state in SURE and cell.value is not None:
            shown = f"{int(cell.value):,}" if float(cell.value).is_integer() else f"{cell.value:,.6g}"
            assert re.search(rf'/cells/{re.escape(cell.cell)}">{re.escape(shown)}<', compared), cell
    assert desk.viewer.get("/analysis/agencies/999999").status_code == 404


def test_carry_over_and_stock_are_compared_with_the_year_before_alone() -> None:
    def year(number: int, forward: int, over: int, in_force: int) -> UnitFacts:
        cells = {"carried_forward": forward, "carried_over": over}
        known = {f"requests.{name}.total": value for name, value in cells.items()}
        documents = {"in_force": in_force, "issued": 2, "repealed": 1}
        known |= {f"disclosure.normative_documents.{name}": value for name, value in documents.items()}
        return UnitFacts(1, "示例局", number, filing_id=number, known=known)  # type: ignore[arg-type]

    units = [year(2021, 5, 0, 10), year(2022, 3, 4, 11), year(2024, 1, 3, 12)]
    assert [(each.year, each.difference) for each in carry_over(units)] == [(2022, -1)]
    assert [(each.year, each.difference) for each in stock(units)] == [(2022, 0)]


def test_a_roll_up_is_downloaded_as_a_workbook_and_as_a_document(desk: Desk, world: World) -> None:
    seat = next(unit for unit in world.units if unit.year == 2023 and unit.kind == "government" and unit.form)
    page = desk.viewer.get(f"/analysis?year=2023&region={seat.region}").text
    links = re.findall(r'href="(/analysis/rollup[^"]+)"', page)
    assert len(links) == 2
    book, document = (desk.viewer.get(link.replace("&amp;", "&")) for link in links)
    assert {"汇总", "单位明细"} <= set(openpyxl.load_workbook(io.BytesIO(book.content)).sheetnames)
    assert len(Document(io.BytesIO(document.content)).tables) == len(tables_of("2021"))
    assert re.search(r'filename="rollup-2023-\d+\.docx"', document.headers["content-disposition"])
    assert desk.viewer.get("/analysis/rollup?year=2023").status_code == 404


def test_a_person_who_does_not_see_all_of_an_area_is_told_that_nothing_can_be_judged(desk: Desk, world: World) -> None:
    """A government states less than those under it add up to; one of them came in with another region and is out of bounds."""
    county = {unit.region for unit in world.units if not unit.region.endswith("00")}
    there = [unit for unit in world.units if unit.year == 2023 and unit.form and unit.region in county]
    seat = next(unit for unit in there if unit.kind == "government")
    hidden = next(unit for unit in there if unit.kind == "department" and unit.region == seat.region)
    own = "select m.document_id from gk_filing_document m join gk_filing f on f.id = m.filing_id where f.agency_id = :agency"
    with desk.engine.begin() as connection:
        change_values(connection, f"report_id in ({own})", {"value": 0, "state": "read"}, agency=seat.agency_id)
        elsewhere = text(f"update gk_report set region_code = '659001' where document_id in ({own})")
        connection.execute(elsewhere, {"agency": hidden.agency_id})
        connection.execute(text("update gk_filing set arranged_at = '2026-07-01T00:00:00.000000Z'"))
    there_again(desk)
    path = f"/analysis?year=2023&region={seat.region}"
    whole = desk.viewer.get(path).text
    assert "无法判断" not in whole
    run_transaction(desk.engine, lambda c: accounts.set_access(c, "viewer", [seat.region], None, who="test"))
    bound = desk.viewer.get(path).text
    assert "无法判断填报数对错" in bound
    assert not re.search(r'class="number failed"', bound)
    book = desk.viewer.get(f"/analysis/rollup?year=2023&region={seat.region}")
    main = openpyxl.load_workbook(io.BytesIO(book.content))["汇总"]
    assert {row[7] for row in main.iter_rows(min_row=4, values_only=True)} == {"无法判断"}


def test_who_is_bound_to_a_region_sees_no_other(desk: Desk, world: World) -> None:
    region = next(unit.region for unit in world.units if not unit.region.endswith("00"))
    run_transaction(desk.engine, lambda c: accounts.set_access(c, "viewer", [region], None, who="test"))
    page = desk.viewer.get("/analysis/indicator?year=2023&basis=all").text
    seen = {int(number) for number in re.findall(r'href="/analysis/agencies/(\d+)"', page)}
    inside = {unit.agency_id for unit in world.units if unit.region == region}
    assert seen
    assert seen <= inside
    outside = next(unit for unit in world.units if unit.region != region and unit.form)
    assert desk.viewer.get(f"/analysis/agencies/{outside.agency_id}").status_code == 404
    number = filing_of(desk, outside.agency_id, outside.year)
    assert desk.viewer.get(f"/analysis/compare?one={number}&other={number}").status_code == 404


@pytest.mark.parametrize("path", ["/analysis", "/analysis/indicator", "/analysis/compare"])
def test_the_pages_stand_on_an_empty_database(desk: Desk, path: str) -> None:
    assert desk.viewer.get(path).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "year=abc",
        "year=1",
        "region=nowhere",
        "indicator=x.y",
        "basis=z",
        "level=q",
        "indicator=table_repeat",
        "region=%00",
        "basis=areas",
        "basis=all",
    ],
)
def test_what_nobody_can_mean_is_passed_over(desk: Desk, world: World, query: str) -> None:
    for path in ("/analysis", "/analysis/indicator"):
        assert desk.viewer.get(f"{path}?{query}").status_code in (200, 400)


def test_what_changed_since_the_year_before_is_a_figure_of_regions_and_of_agencies(desk: Desk, world: World) -> None:
    page = desk.viewer.get("/analysis/indicator?year=2023&indicator=carry_over_agreement&basis=all").text
    answer = desk.viewer.get("/analysis/indicator/file?year=2023&indicator=carry_over_agreement&basis=all")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    sure = {(c.agency_id, c.year, c.cell): c.value for c in world.cells if c.state in SURE}
    expected = {}
    for unit in world.units:
        now = sure.get((unit.agency_id, 2023, "requests.carried_over.total"))
        then = sure.get((unit.agency_id, 2022, "requests.carried_forward.total"))
        if unit.year == 2023 and None not in (now, then):
            expected[str(unit.agency_id)] = str(int(now == then))
    found = {row["单位编号"]: row["分子"] for row in rows if row["分子"]}
    assert found == expected
    assert len(expected) > 10
    left = [row["未计入原因"] for row in rows if not row["分子"]]
    assert {"缺报", "无上年报告"} <= set(left)
    assert f"无上年报告 {left.count('无上年报告')}" in page
    overview = desk.viewer.get("/analysis?year=2023&indicator=carry_over_agreement").text
    assert "无上年报告" in overview
    assert overview.count("结转衔接率") > 2


def test_what_repeats_the_year_before_is_a_figure_of_pages_and_not_of_too_many_agencies(
    desk: Desk, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = desk.viewer.get("/analysis/indicator?year=2023&indicator=table_repeat").text
    asked = "/api/v1/figures?year=2023&indicator=table_repeat&by=all"
    (line,) = desk.viewer.get(asked).json()["items"]
    figure = line["figure"]
    assert f"{100 * figure['value']:.1f}%" in page
    assert f"<dd>{figure['units']}</dd>" in page
    assert "<svg" in desk.viewer.get("/analysis?year=2023&indicator=table_repeat").text
    monkeypatch.setattr(page_figures, "MOST_COMPARED", 3)
    for path in ("/analysis/indicator", "/analysis"):
        refused = desk.viewer.get(f"{path}?year=2023&indicator=table_repeat")
        assert refused.status_code == 200
        assert "请选择较小的地区" in refused.text
    assert desk.viewer.get("/analysis/indicator/file?year=2023&indicator=table_repeat").status_code == 400
