"""The panel follows the database, and asking it says what the pure functions say."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from codebook.analysis.figures import Omission, sum_of, unit_figure
from codebook.analysis.indicators import derived_indicators
from codebook.analysis.repeats import with_year_before
from codebook.divisions import parent_code
from database.analysis.manifest import manifest_of
from database.analysis.panel import Panel, question_key
from database.analysis.queries import (
    Basis,
    GroupBy,
    UnitOrder,
    UnitSelection,
    area_rollup,
    area_sums,
    figure_of_units,
    group_lines,
    group_lines_of,
    reported_facts,
    unit_facts,
    unit_lines,
    years_of,
)
from database.analysis.refresh import refresh
from tests.analysis.independent import CELLS
from tests.analysis.world import World, make_world
from tests.value_rows import change_values

YEARS = (2018, 2019, 2021, 2022)


@pytest.fixture
def world(sqlite_engine: Engine) -> World:
    return make_world(sqlite_engine, provinces=2, agencies=50, years=YEARS)


@pytest.fixture
def panel(sqlite_engine: Engine, world: World, tmp_path: Path) -> Panel:
    return Panel(tmp_path, refresh(sqlite_engine, tmp_path))


def test_each_unit_is_what_the_pure_function_says(panel: Panel) -> None:
    everybody = UnitSelection(YEARS, basis=Basis.ALL)
    units = unit_facts(panel, everybody)
    by_year = {(unit.agency_id, unit.year): unit for unit in units}
    units = [with_year_before(unit, by_year.get((unit.agency_id, unit.year - 1)), {}, {}) for unit in units]
    for indicator in derived_indicators().values():
        if not indicator.of_reading:
            lines = unit_lines(panel, indicator, everybody)
            assert [line.figure for line in lines] == [unit_figure(indicator, unit) for unit in units], indicator.id
            assert [line.agency_id for line in lines] == [unit.agency_id for unit in units]


def test_a_group_is_the_sum_of_its_units(panel: Panel) -> None:
    rate = derived_indicators()["grant_rate"]
    (year,) = (2021,)
    whole = group_lines(panel, rate, UnitSelection((year,)), GroupBy.ALL)
    units = unit_lines(panel, rate, UnitSelection((year,)))
    assert [line.figure for line in whole] == [sum_of(rate, [each.figure for each in units])]
    assert whole[0].figure.all_units == len(units)


def test_several_indicators_at_once_are_each_alone(panel: Panel) -> None:
    some = [each for each in derived_indicators().values() if not each.of_reading]
    found = group_lines_of(panel, some, UnitSelection(YEARS), GroupBy.CITY)
    assert found == [group_lines(panel, each, UnitSelection(YEARS), GroupBy.CITY) for each in some]


def test_the_row_store_says_the_same_of_a_few_units(sqlite_engine: Engine, panel: Panel) -> None:
    some = UnitSelection(YEARS, basis=Basis.ALL, agencies=tuple(range(1, 20)))
    with sqlite_engine.begin() as connection:
        found = reported_facts(panel, connection, some)
    assert found == unit_facts(panel, some)
    assert any(unit.open for unit in found)


def test_units_come_in_the_order_that_is_asked_for(panel: Panel) -> None:
    everybody, rate = UnitSelection((2021,), basis=Basis.ALL), derived_indicators()["grant_rate"]
    whole = unit_lines(panel, rate, everybody)
    by_size = unit_lines(panel, rate, everybody, UnitOrder.SIZE)
    assert by_size == sorted(whole, key=lambda line: (line.figure.why is not None, -(line.figure.denominator or 0)))
    days = derived_indicators()["late_days"]
    latest = unit_lines(panel, days, everybody, UnitOrder.FIGURE, limit=5)
    known = [line.figure.numerator or 0 for line in unit_lines(panel, days, everybody) if line.figure.why is None]
    assert [line.figure.numerator for line in latest] == sorted(known, reverse=True)[:5]
    assert figure_of_units(panel, rate, everybody) == sum_of(rate, [line.figure for line in whole])


def test_nothing_is_counted_twice(panel: Panel) -> None:
    rate = derived_indicators()["received"]
    with pytest.raises(ValueError, match="hold those of their departments"):
        group_lines(panel, rate, UnitSelection(YEARS, basis=Basis.ALL), GroupBy.CITY)
    with pytest.raises(ValueError, match="choose a level"):
        group_lines(panel, rate, UnitSelection(YEARS, basis=Basis.AREAS), GroupBy.ALL)
    kinds = {line.kind for line in unit_lines(panel, rate, UnitSelection(YEARS))}
    assert kinds == {"government_office", "department", "town"}


def test_the_roll_up_of_one_area_is_that_of_all(panel: Panel) -> None:
    sums = {(each.area, each.year, each.part): each for each in area_sums(panel, [2021], CELLS)}
    seen = 0
    for area in {key[0] for key in sums}:
        rolled = area_rollup(panel, area, 2021, CELLS)
        for place, cell in enumerate(rolled.cells):
            for part, total in cell.parts.items():
                there = sums.get((area, 2021, part.value))
                assert (total.value, total.units) == ((there.sums[place], there.counts[place]) if there else (None, 0))
                seen += 1
    assert seen > 500


def test_an_area_without_bounds_has_all_and_one_with_bounds_what_is_seen(panel: Panel) -> None:
    units = unit_facts(panel, UnitSelection((2021,), basis=Basis.ALL))
    some = tuple(unit.document_id for unit in units if unit.document_id is not None)[:7]
    code = next(unit.region_code for unit in units if unit.filing_id is None and unit.region_code) or ""
    bound = unit_facts(panel, UnitSelection((2021,), basis=Basis.ALL, documents=some, listed=(code[:4],)))
    assert {unit.document_id for unit in bound} - {None} == set(some)
    assert all((unit.region_code or "").startswith(code[:4]) for unit in bound if unit.filing_id is None)


def test_a_change_comes_in_and_the_rest_is_kept(sqlite_engine: Engine, panel: Panel, tmp_path: Path) -> None:
    unit = next(unit for unit in unit_facts(panel, UnitSelection((2021,))) if "requests.granted.total" in unit.known)
    one = UnitSelection((2021,), agencies=(unit.agency_id,))
    before = manifest_of(tmp_path)
    assert before is not None
    with sqlite_engine.begin() as connection:
        one_cell = "report_id = :document and indicator = 'requests.granted.total'"
        change_values(connection, one_cell, {"state": "doubtful"}, document=unit.document_id)
        connection.execute(
            text("update gk_filing set arranged_at = '2026-07-01T00:00:00.000000Z' where id = :f"), {"f": unit.filing_id}
        )
    after = refresh(sqlite_engine, tmp_path)
    assert {year for year in YEARS if after.years[year] != before.years[year]} == {2021, 2022}  # 2022 has cells of 2021
    changed = unit_facts(Panel(tmp_path, after), one)[0]
    assert changed.open["requests.granted.total"] is Omission.DOUBT
    others = UnitSelection((2021,), basis=Basis.ALL)
    kept = [each for each in unit_facts(Panel(tmp_path, after), others) if each.agency_id != unit.agency_id]
    assert kept == [each for each in unit_facts(panel, others) if each.agency_id != unit.agency_id]


def test_a_document_that_fails_hands_over_to_the_next(sqlite_engine: Engine, panel: Panel, tmp_path: Path) -> None:
    unit = next(unit for unit in unit_facts(panel, UnitSelection((2022,))) if unit.filing_id is not None)
    with sqlite_engine.begin() as connection:
        connection.execute(
            text(
                "update gk_document set status = 'failed'"
                " where id in (select document_id from gk_filing_document where filing_id = :f)"
            ),
            {"f": unit.filing_id},
        )
    renewed = unit_facts(Panel(tmp_path, refresh(sqlite_engine, tmp_path)), UnitSelection((2022,), agencies=(unit.agency_id,)))
    assert [each.filing_id for each in renewed] in ([None], [])  # on the list, and without a report; or not on the list
    assert all(each.of_term("requests.granted.total") is Omission.NO_FILING for each in renewed)


def test_a_panel_of_nothing_answers(sqlite_engine: Engine, tmp_path: Path) -> None:
    panel = Panel(tmp_path, refresh(sqlite_engine, tmp_path))
    assert years_of(panel) == []
    assert group_lines(panel, derived_indicators()["grant_rate"], UnitSelection((2022,)), GroupBy.CITY) == []


def test_what_reads_whole_reports_is_not_in_the_panel(panel: Panel) -> None:
    with pytest.raises(ValueError, match="reads two reports"):
        unit_lines(panel, derived_indicators()["table_repeat"], UnitSelection(YEARS))


def test_two_governments_of_one_code_count_once_in_one_area_and_in_all(
    sqlite_engine: Engine, panel: Panel, tmp_path: Path
) -> None:
    seats = unit_facts(panel, UnitSelection((2021,), level="county", basis=Basis.AREAS))
    one, other = next(
        (one, other)
        for one in seats
        for other in seats
        if one.agency_id < other.agency_id and one.filing_id is not None and other.filing_id is not None
    )
    with sqlite_engine.begin() as connection:
        at = {"code": one.region_code, "agency": other.agency_id, "name": other.agency}
        connection.execute(text("update gk_agency set region_code = :code where id = :agency"), at)
        connection.execute(text("update gk_expected set region_code = :code where agency = :name"), at)
    changed = Panel(tmp_path, refresh(sqlite_engine, tmp_path))
    above = parent_code(one.region_code or "") or ""
    assert [unit.agency_id for unit in area_rollup(changed, above, 2021, CELLS).doubles] == [other.agency_id]
    sums = {(each.area, each.part): each for each in area_sums(changed, [2021], CELLS)}
    for area in (above, one.region_code or ""):
        rolled = area_rollup(changed, area, 2021, CELLS)
        for place, cell in enumerate(rolled.cells):
            for part, total in cell.parts.items():
                there = sums.get((area, part.value))
                assert (total.value, total.units) == ((there.sums[place], there.counts[place]) if there else (None, 0))
            if (stated := sums.get((area, "stated"))) is not None:
                assert (stated.units, stated.sums[place]) == (1, None if isinstance(cell.stated, Omission) else cell.stated)
    assert sums[one.region_code or "", "stated"].units == 1


def test_working_days_beyond_the_holidays_that_are_known_have_a_reason_of_their_own(
    sqlite_engine: Engine, panel: Panel, tmp_path: Path
) -> None:
    unit = next(unit for unit in unit_facts(panel, UnitSelection((2022,))) if unit.known.get("unit.late_days"))
    with sqlite_engine.begin() as connection:
        at = {"agency": unit.agency_id, "due": "2090-01-31", "day": "2090-02-02"}
        own = "select m.document_id from gk_filing_document m join gk_filing f on f.id = m.filing_id"
        own += " where f.year = 2022 and f.agency_id = :agency"
        connection.execute(text(f"update gk_report set published_on = :day where document_id in ({own})"), at)
        connection.execute(text(f"update gk_source set seen_at = '2090-03-01 00:00:00' where document_id in ({own})"), at)
        keys = "select key from gk_agency_key where agency_id = :agency"
        connection.execute(text(f"update gk_expected set due_on = :due where year = 2022 and agency_key in ({keys})"), at)
    again = UnitSelection((2022,), agencies=(unit.agency_id,))
    (changed,) = unit_facts(Panel(tmp_path, refresh(sqlite_engine, tmp_path)), again)
    assert changed.known["unit.late_days"] > 0
    assert changed.open["unit.late_workdays"] is Omission.NO_CALENDAR


def test_answers_are_kept_by_their_cells(panel: Panel) -> None:
    wide = "select " + ", ".join(["i"] * 100) + " from range($rows) t(i)"
    for rows in range(2_001, 2_009):
        assert len(panel.ask(wide, {"rows": rows})) == rows
    assert 0 < panel.cells_kept <= 1_000_000
    assert panel.ask(wide, {"rows": 2_008}) is panel.ask(wide, {"rows": 2_008})
    assert panel.ask(wide, {"rows": 5_000}) is not panel.ask(wide, {"rows": 5_000})


def test_a_long_question_is_not_kept_with_its_answer(panel: Panel) -> None:
    query = "select list_sum($numbers::bigint[])"
    one, other = {"numbers": list(range(50_000))}, {"numbers": list(range(1, 50_001))}
    assert panel.ask(query, other)[0][0] - panel.ask(query, one)[0][0] == 50_000
    assert len(question_key(query, one)) == len(question_key(query, other)) == 32


def test_a_refresh_takes_away_what_one_that_was_ended_left(sqlite_engine: Engine, panel: Panel, tmp_path: Path) -> None:
    left = [tmp_path / name for name in (".year-2021-0123456789abcdef.parquet", "tmpa1b2c3d4")]
    for path in left:
        path.write_bytes(b"half")
    manifest = refresh(sqlite_engine, tmp_path)
    assert [path.name for path in left if path.exists()] == []
    assert {path.name for path in tmp_path.glob("*.parquet")} == manifest.files


def test_sums_of_regions_are_those_of_their_units(panel: Panel) -> None:
    """What was added up when the panel was made, beside what is added up when it is asked for: for a user with bounds who may see
    everything.
    """
    some = [derived_indicators()[name] for name in ("grant_rate", "received", "late_days", "filed_rate", "normative_net")]
    units = unit_facts(panel, UnitSelection(YEARS, basis=Basis.ALL), ())
    every = tuple(unit.document_id for unit in units if unit.document_id is not None)
    codes = sorted({unit.region_code[:6] for unit in units if unit.region_code})
    whole = (codes[0], codes[len(codes) // 2], codes[-1])
    for region in (None, codes[0][:2], codes[-1][:2], *(code[:4] for code in whole), *whole):
        for basis, by, level in (
            (Basis.UNITS, GroupBy.ALL, None), (Basis.UNITS, GroupBy.PROVINCE, None), (Basis.UNITS, GroupBy.CITY, "town"),
            (Basis.UNITS, GroupBy.KIND, None), (Basis.AREAS, GroupBy.CITY, None), (Basis.AREAS, GroupBy.ALL, "county"),
            (Basis.VERTICAL, GroupBy.COUNTY, None),
        ):  # fmt: skip
            asked = UnitSelection(YEARS, region, level, basis)
            seen = UnitSelection(YEARS, region, level, basis, documents=every, listed=tuple("123456789"))
            assert group_lines_of(panel, some, asked, by) == group_lines_of(panel, some, seen, by), (region, basis, by)
