"""Invented reports (示例) with their right values, before an adversary touches them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.accuracy.compare import Truth
from tests.generator import marks
from tests.generator.composer import Shape, compose_paper
from tests.generator.figures import Figures, compose
from tests.generator.paper import Paper
from tests.generator.world import pick_agency

_YEARS = {"2014": (2014, 2015, 2016, 2017, 2018), "2019": (2019, 2020), "2021": (2021, 2022, 2023, 2024)}


@dataclass(frozen=True)
class Sample:
    """A report as a paper, with its figures and the truth that a reader must find."""

    paper: Paper
    figures: Figures
    truth: Truth


def unchanged(dice: Random, figures: Figures) -> None:
    """Leave the figures as they are."""


def make_report(dice: Random, form: str | None = None, change: Callable[[Random, Figures], None] = unchanged) -> Sample:
    """A report whose sums are right, unless ``change`` makes them wrong."""
    year = dice.choice(_YEARS[form or dice.choice(("2014", "2019", "2021", "2021", "2021"))])
    agency = pick_agency(dice)
    figures = compose(dice, agency, year)
    change(dice, figures)
    shape = Shape(statistics=dice.choice(("table", "both")) if figures.form == "2014" else "both", web=dice.random() < 0.2)
    composed = compose_paper(dice, agency, figures, shape)
    truth = Truth(
        {figures.form},
        agency.name,
        agency.region,
        year,
        composed.published_on,
        figures.known(),
        tuple(figures.blanks),
        {plant.rule for plant in figures.plants},
    )
    return Sample(composed.paper, figures, truth)


def leave_blank(dice: Random, figures: Figures) -> None:
    """Print cells without a number: empty, or as a mark."""
    marks.leave_blank(dice, figures, dice.choice(("totals", "marks", "empty")))


def mark_all_blank(dice: Random, figures: Figures) -> None:
    """Print every cell as one mark."""
    mark = dice.choice(("—", "/", "－", "——", "-"))
    for key in list(figures.values):
        figures.blanks[key] = mark
