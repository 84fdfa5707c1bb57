"""Figures and roll-ups from the command line, and their files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import Result
from docx import Document
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from codebook.agency_kinds import kind_names
from codebook.analysis.figures import REASONS
from codebook.analysis.indicators import derived_indicators
from codebook.analysis.rollup import AreaPart
from codebook.book import load_book
from console.analysis.layout import cells_of, tables_of
from console.analysis.words import word_names
from console.cli import app, environment
from database.session import make_engine
from runtime.settings import Settings
from tests.analysis.world import World, make_world
from tests.value_rows import change_values

Run = Callable[..., Result]
SURE = ("read", "proven", "corrected")


@pytest.fixture
def engine(sqlite_url: str) -> Engine:
    return make_engine(sqlite_url)


@pytest.fixture
def world(engine: Engine) -> World:
    return make_world(engine, provinces=2, agencies=50, years=(2022, 2023))


@pytest.fixture
def run(world: World, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    settings = Settings(home=tmp_path, database_url=sqlite_url)
    monkeypatch.setattr(environment, "settings", lambda: settings)
    return lambda *words: CliRunner().invoke(app, list(words))


def told(answer: Result, code: int = 0) -> Any:
    assert answer.exit_code == code, answer.output
    return json.loads(answer.stdout)


def county(world: World) -> str:
    return next(unit.region for unit in world.units if not unit.region.endswith("00"))


def test_the_indicators_are_listed_with_their_definitions(run: Run) -> None:
    listed = told(run("indicators", "--json"))["indicators"]
    assert [each["id"] for each in listed] == list(derived_indicators())
    assert listed[3]["definitions"][0]["numerator"] == {"requests.granted.total": 1}


def test_the_question_of_a_real_day(run: Run, world: World, tmp_path: Path) -> None:
    """Applications received in 2023 by city, with grant rate, and who is not in it: the same in the command, JSON and CSV."""
    out = tmp_path / "cities.csv"
    asked = ("indicators", "requests.new_received.total", "grant_rate", "--year", "2023", "--by", "city")
    answer = told(run(*asked, "--out", str(out), "--json"))["figures"]
    own = {unit.agency_id for unit in world.units if unit.year == 2023 and unit.kind not in ("government", "vertical_body")}
    sure = [
        cell.value
        for cell in world.cells
        if cell.year == 2023 and cell.agency_id in own and cell.cell == "requests.new_received.total"
        if cell.state in SURE
    ]
    received = answer["requests.new_received.total"]
    assert sum(each["numerator"] or 0 for each in received) == sum(value or 0 for value in sure)
    assert sum(each["units"] for each in received) == len(sure)
    assert sum(each["units"] + each["left_out"] for each in received) == len(own)
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["value"] for row in rows] == [
        "" if e["value"] is None else str(e["value"]) for some in answer.values() for e in some
    ]
    shown = run(*asked)
    assert shown.exit_code == 0
    assert all(f"{each['units']:,}" in shown.stdout for each in received)


def test_each_agency_says_why_it_is_not_in_it(run: Run, world: World) -> None:
    answer = told(run("indicators", "grant_rate", "--year", "2023", "--by", "unit", "--basis", "all", "--json"))["figures"]
    lines = answer["grant_rate"]
    assert len(lines) == sum(unit.year == 2023 for unit in world.units)
    absent = {unit.agency_id for unit in world.units if unit.year == 2023 and unit.form is None}
    assert {each["agency_id"] for each in lines if each["why"] == "no report"} == absent
    assert all(each["value"] is None for each in lines if each["why"])


def test_what_repeats_last_year_is_computed_from_both_reports(run: Run, world: World, engine: Engine) -> None:
    """Cells by what is true of them, text by chapters of which one half is last year's."""
    sections = "insert into gk_section (report_id, position, number, title, text) values (:r, 1, 1, '总体情况', :t)"
    with engine.begin() as connection:
        filed = "select m.document_id, f.year from gk_filing_document m join gk_filing f on f.id = m.filing_id where m.rank = 0"
        for document, year in connection.execute(text(filed)).all():
            half = "本局按时答复了每一件申请并公开了办理结果" if year == 2022 else "今年新设了三个公开专区欢迎大家前来查阅吧"
            connection.execute(text(sections), {"r": document, "t": f"主动公开财政预算决算信息共计若干条次。{half}"})
    asked = ("table_repeat", "text_repeat.chapter_1", "--year", "2023", "--json", "--basis", "all", "--by", "unit")
    answer = told(run("indicators", *asked))["figures"]
    sure = {(c.agency_id, c.year, c.cell): c.value for c in world.cells if c.state in SURE and c.value is not None}
    filed_years = {(unit.agency_id, unit.year) for unit in world.units if unit.form}
    compared = 0
    for line in answer["table_repeat"]:
        agency = line["agency_id"]
        if {(agency, 2022), (agency, 2023)} <= filed_years:
            pairs = [(v, sure.get((agency, 2022, cell))) for (a, y, cell), v in sure.items() if (a, y) == (agency, 2023)]
            counted = [(now, then) for now, then in pairs if then is not None and (now or then)]
            assert (line["numerator"], line["denominator"]) == (sum(n == t for n, t in counted), len(counted))
            compared += 1
        else:
            assert line["why"] in ("no report", "no report on the year before")
    assert compared > 30
    shares = {line["value"] for line in answer["text_repeat.chapter_1"] if line["value"] is not None}
    assert shares
    assert all(0.3 < share < 0.5 for share in shares)
    groups = told(run("indicators", "table_repeat", "--year", "2023", "--json", "--by", "city"))["figures"]["table_repeat"]
    own = [line for line in answer["table_repeat"] if line["kind"] not in ("Government", "Vertical body")]
    assert sum(line["numerator"] for line in groups) == sum(line["numerator"] or 0 for line in own)
    assert sum(line["units"] + line["left_out"] for line in groups) == len(own)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("grant_rat", "--year", "2023"), "there is no indicator"),
        (("grant_rate",), "expected --year"),
        (("grant_rate", "--year", "2023", "--basis", "all"), "hold those of their departments"),
    ],
)
def test_what_cannot_be_computed_is_refused(run: Run, words: tuple[str, ...], said: str) -> None:
    answer = run("indicators", *words)
    assert answer.exit_code == 2
    assert said in answer.stderr


def test_a_region_is_added_up_beside_what_its_government_states(run: Run, world: World) -> None:
    area = county(world)
    answer = run("rollup", "--region", area, "--year", "2023", "--json")
    assert answer.exit_code in (0, 3)
    rolled = json.loads(answer.stdout)["rollup"]
    members = [unit for unit in world.units if unit.year == 2023 and unit.region == area and unit.kind != "government"]
    assert {each["unit"]["agency_id"] for each in rolled["members"]} == {unit.agency_id for unit in members}
    cell = next(each for each in rolled["cells"] if each["cell"] == "requests.new_received.total")
    counted = {unit.agency_id for unit in members if unit.kind != "vertical_body"}
    sure = [c for c in world.cells if c.year == 2023 and c.agency_id in counted and c.cell == cell["cell"] and c.state in SURE]
    assert cell["computed"]["value"] == sum(c.value or 0 for c in sure)
    assert cell["computed"]["units"] + len(cell["computed"].get("left_out", ())) == len(counted)


def test_without_a_list_a_smaller_sum_accuses_nobody(run: Run, world: World, engine: Engine, tmp_path: Path) -> None:
    """Who else there is, nobody knows: the command, its file and its exit code say so alike."""
    seat = next(u for u in world.units if u.year == 2023 and u.kind == "government" and u.form and not u.region.endswith("00"))
    with engine.begin() as connection:
        connection.execute(text("delete from gk_expected"))
        own = "select m.document_id from gk_filing_document m join gk_filing f on f.id = m.filing_id where f.agency_id = :agency"
        change_values(connection, f"report_id in ({own})", {"value": 1000000, "state": "read"}, agency=seat.agency_id)
    out = tmp_path / "area.xlsx"
    answer = run("rollup", "--region", seat.region, "--year", "2023", "--out", str(out))
    assert answer.exit_code == 0, answer.output
    differences = [row[7] for row in openpyxl.load_workbook(out)["Roll-up"].iter_rows(min_row=4)]
    assert sum(bool(place.value) for place in differences) > 10
    assert {place.fill.fgColor.rgb for place in differences} == {"00000000"}


def test_a_workbook_opens_each_sum_into_its_agencies(run: Run, world: World, tmp_path: Path) -> None:
    out = tmp_path / "area.xlsx"
    answer = run("rollup", "--region", county(world), "--year", "2023", "--out", str(out))
    assert answer.exit_code in (0, 3), answer.output
    book = openpyxl.load_workbook(out)
    main, units = book["Roll-up"], book["Units"]
    links = 0
    for row in main.iter_rows(min_row=4):
        computed = row[6]
        assert computed.hyperlink is not None
        first = int(computed.hyperlink.location.rpartition("A")[2])
        label = row[0].value
        rows = [line for line in units.iter_rows(min_row=first, values_only=True) if line[0] == label]
        assert units.cell(first, 1).value == label
        sums = [line[4] for line in rows if line[1] != "Vertical bodies" and line[4] is not None]
        assert (round(sum(sums), 6) if sums else "—") == computed.value
        links += 1
    assert links == len(cells_of("2021"))


def test_a_document_has_the_tables_of_the_form(run: Run, world: World, tmp_path: Path) -> None:
    out = tmp_path / "area.docx"
    answer = run("rollup", "--region", county(world), "--year", "2023", "--out", str(out))
    assert answer.exit_code in (0, 3), answer.output
    document = Document(str(out))
    assert len(document.tables) == len(tables_of("2021"))
    anchors = set(document.element.body.xpath("//w:hyperlink/@w:anchor"))
    assert anchors == set(document.element.body.xpath("//w:bookmarkStart/@w:name"))
    assert len(anchors) == len(cells_of("2021"))


def test_the_tables_of_a_form_have_each_of_its_cells_once() -> None:
    for form in load_book().forms:
        cells = cells_of(form)
        assert len(cells) == len(set(cells))
        lacking = {indicator.id for indicator in load_book().of_form(form)} - set(cells)
        assert {cell.rpartition(".")[0] for cell in lacking} <= {"requests.other"}  # printed in its parts since 2021


def test_all_reasons_and_parts_have_words() -> None:
    assert set(word_names("omissions")) == {reason.value for reason in REASONS}
    assert set(word_names("parts")) == {part.value for part in AreaPart}
    assert set(word_names("kinds")) == set(kind_names())
