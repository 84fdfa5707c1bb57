"""Contradictions of all areas at once are those of each area alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from codebook.analysis.rollup import CellRollup
from database.analysis.contradictions import contradictions
from database.analysis.panel import Panel
from database.analysis.queries import Basis, UnitSelection, area_rollup, unit_facts
from database.analysis.refresh import refresh
from tests.analysis.world import make_world
from tests.value_rows import remove_values

CELLS = (
    "requests.new_received.total",
    "requests.granted.total",
    "requests.carried_forward.total",
    "review.litigation_direct.total",
)


@pytest.fixture
def panel(sqlite_engine: Engine, tmp_path: Path) -> Panel:
    """Areas of all kinds: small numbers of governments, lists that cover an area, two governments with one code."""
    make_world(sqlite_engine, provinces=2, agencies=60, years=(2023,))
    with sqlite_engine.begin() as connection:
        remove_values(connection, "state in ('doubtful', 'missing', 'not_seen') and report_id % 3 > 0")
        whole = connection.execute(
            text("select region_code, min(id) from gk_agency where kind = 'department' group by region_code")
        )
        for number, (code, agency) in enumerate(whole.all()):
            if number % 2:
                at = {"code": code, "agency": agency}
                connection.execute(text("delete from gk_expected where region_code = :code and region_code like '%01'"), at)
        seats = connection.scalars(text("select id from gk_agency where kind = 'government' order by id")).all()
        twin = {"one": seats[2], "other": seats[3]}
        connection.execute(
            text("update gk_agency set region_code = (select region_code from gk_agency where id = :one) where id = :other"), twin
        )
    return Panel(tmp_path, refresh(sqlite_engine, tmp_path))


def alone(panel: Panel, visible: UnitSelection | None = None) -> dict[tuple[str, str], CellRollup]:
    """The contradicting cells of each area, one area after the other."""
    areas = {(unit.region_code or "")[:6] for unit in unit_facts(panel, UnitSelection((2023,), basis=Basis.ALL), ())}
    found = {}
    for area in sorted(areas):
        rolled = area_rollup(panel, area, 2023, CELLS, visible)
        found |= {(area, cell.cell): cell for cell in rolled.cells if cell.contradicts}
    return found


def test_all_areas_at_once_say_what_each_says_alone(panel: Panel) -> None:
    expected = alone(panel)
    found = contradictions(panel, 2023, CELLS, UnitSelection((2023,)))
    assert {(each.area, each.cell): (each.stated, each.computed) for each in found} == {
        key: (cell.stated, cell.computed.value) for key, cell in expected.items()
    }
    assert any(cell.covered and cell.difference and cell.difference > 0 for cell in expected.values()) or len(expected) > 5
    assert [abs(each.difference) for each in found] == sorted((abs(each.difference) for each in found), reverse=True)
    province = found[0].area[:2]
    inside = contradictions(panel, 2023, CELLS, UnitSelection((2023,), region=province))
    assert inside == [each for each in found if each.area.startswith(province)]


def test_an_area_of_which_some_is_hidden_is_left_out(panel: Panel) -> None:
    units = [unit for unit in unit_facts(panel, UnitSelection((2023,), basis=Basis.ALL), ()) if unit.document_id is not None]
    documents = tuple(unit.document_id for number, unit in enumerate(units) if number % 25 and unit.document_id is not None)
    bound = UnitSelection((2023,), documents=documents, listed=("1", "2", "3", "4", "5", "6"))
    found = contradictions(panel, 2023, CELLS, bound)
    assert found
    assert {(each.area, each.cell) for each in found} == set(alone(panel, bound))
    hidden = {(unit.region_code or "")[:6] for unit in units if unit.document_id not in documents}
    assert {each.area for each in found}.isdisjoint(hidden)
