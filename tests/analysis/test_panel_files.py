"""The files of a panel that others hold while it is brought up to date."""

from __future__ import annotations

import os
import time
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import Engine, text

from console.analysis.keeper import PanelKeeper
from database.analysis.manifest import PanelManifest, refreshing
from database.analysis.panel import Panel
from database.analysis.queries import Basis, UnitSelection, unit_facts
from database.analysis.refresh import refresh
from tests.analysis.world import make_world
from tests.value_rows import change_values

CELL = "requests.granted.total"
EVERYBODY = UnitSelection((2023,), basis=Basis.ALL)


@pytest.fixture
def first(sqlite_engine: Engine, tmp_path: Path) -> PanelManifest:
    make_world(sqlite_engine, provinces=1, agencies=16, years=(2023,))
    return refresh(sqlite_engine, tmp_path)


def changed(engine: Engine, folder: Path, value: int) -> PanelManifest:
    """The panel after every report has ``value`` in a cell."""
    with engine.begin() as connection:
        change_values(connection, "indicator = :cell", {"value": value, "state": "read"}, cell=CELL)
        connection.execute(text("update gk_filing set arranged_at = :at"), {"at": f"2026-07-01T00:00:00.{value:06}Z"})
    return refresh(engine, folder)


def stated(panel: Panel, cells: tuple[str, ...] = (CELL,)) -> set[object]:
    return {unit.known[CELL] for unit in unit_facts(panel, EVERYBODY, cells) if CELL in unit.known}


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("year-*.parquet")}


def older(folder: Path) -> None:
    """Let an hour pass for all files."""
    for path in folder.glob("year-*.parquet"):
        os.utime(path, (time.time() - 3_700,) * 2)


def test_a_panel_that_is_held_answers_while_another_process_refreshes(
    sqlite_engine: Engine, tmp_path: Path, first: PanelManifest
) -> None:
    held = Panel(tmp_path, first)
    before = stated(held)
    older(tmp_path)  # a file counts as old from when no manifest names it
    for value in (101, 102, 103):
        changed(sqlite_engine, tmp_path, value)
    assert stated(held, (CELL, "requests.carried_over.total")) == before
    assert len(files(tmp_path)) == 4


def test_files_that_no_manifest_names_go_after_an_hour_and_who_holds_them_opens_the_new_ones(
    sqlite_engine: Engine, tmp_path: Path, first: PanelManifest
) -> None:
    held = Panel(tmp_path, first)
    stated(held)
    changed(sqlite_engine, tmp_path, 101)
    older(tmp_path)
    last = changed(sqlite_engine, tmp_path, 102)
    assert {year.file for year in first.years.values()} & files(tmp_path) == set()
    assert stated(held, (CELL, "requests.carried_over.total")) == {102}
    assert stated(held) == {102}  # answers of before are forgotten
    assert held.manifest == last


def test_a_panel_whose_files_are_lost_says_so(tmp_path: Path, first: PanelManifest) -> None:
    held = Panel(tmp_path, first)
    for path in tmp_path.glob("year-*.parquet"):
        path.unlink()
    with pytest.raises(duckdb.IOException):
        stated(held)
    (tmp_path / "panel.json").unlink()
    with pytest.raises(duckdb.IOException):
        stated(held)


def test_nobody_waits_for_a_large_panel_to_be_brought_up_to_date(
    sqlite_engine: Engine, tmp_path: Path, first: PanelManifest
) -> None:
    """Another process holds the folder, so that the refresh of this one does not end: who waited for it would wait an hour."""
    keeper = PanelKeeper(sqlite_engine, tmp_path, wait_seconds=3_600, soon=first.units - 1)
    with refreshing(tmp_path):
        panel = keeper.panel()
        assert panel is not None
        assert panel.manifest.version == first.version
    keeper.close()
    soon = PanelKeeper(sqlite_engine, tmp_path, wait_seconds=3_600, soon=first.units)
    with sqlite_engine.begin() as connection:
        connection.execute(text("update gk_filing set arranged_at = '2026-07-01T00:00:00.000001Z'"))
    fresh = soon.panel()
    assert fresh is not None
    assert fresh.manifest.version != first.version
    soon.close()
