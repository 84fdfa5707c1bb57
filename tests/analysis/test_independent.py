"""Every figure and every roll-up is what a script says that was written from the definitions alone."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from tests.analysis.independent import Independent, differences
from tests.analysis.world import make_world


def test_figures_and_sums_are_those_of_the_script(engine: Engine, tmp_path: Path) -> None:
    world = make_world(engine, provinces=3, agencies=70, years=(2018, 2019, 2021, 2022), odd=True)
    compared, wrong = differences(world, tmp_path / "panel", engine)
    assert wrong == []
    assert compared > 5_000


def test_the_script_meets_every_reason(engine: Engine) -> None:
    """What is planted is there: without it the comparison would show little."""
    world = make_world(engine, provinces=3, agencies=70, years=(2018, 2019, 2021, 2022), odd=True)
    assert {unit.kind for unit in world.units} > {None}
    gaps = {key[5] for key in Independent(world).figures()}
    assert gaps >= {
        None,
        "blank",
        "doubt",
        "not_seen",
        "no_filing",
        "not_in_form",
        "not_comparable",
        "not_listed",
        "undated",
        "no_date",
        "no_year_before",
    }
