"""Figures as pages ask for them: from the panel, or, where whole reports have to be read for an indicator, from the reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from codebook.analysis.figures import REASONS, Figure, sum_of
from codebook.analysis.indicators import DerivedIndicator
from console.analysis.repeats import MOST_COMPARED, compared_group_lines, compared_unit_lines
from console.web.request import PageRequest
from database.analysis.panel import Panel
from database.analysis.queries import (
    GroupBy,
    GroupLine,
    UnitLine,
    UnitOrder,
    UnitSelection,
    figure_of_units,
    group_lines,
    unit_facts,
    unit_lines,
)


class UnitsOfFigure(NamedTuple):
    """Units of a selection, those with the greatest denominators first, the figure of all of them, and units that are not in it,
    by the reason and by place.
    """

    lines: Sequence[UnitLine]
    figure: Figure
    left_out: Sequence[UnitLine]


def too_many(panel: Panel, indicator: DerivedIndicator, selection: UnitSelection) -> int:
    """Return how many agencies an indicator asks to be read, where these are more than a page waits for; else 0."""
    units = len(unit_facts(panel, selection, ())) if indicator.of_reading else 0
    return units if units > MOST_COMPARED else 0


def units_of_figure(
    request: PageRequest,
    panel: Panel,
    indicator: DerivedIndicator,
    selection: UnitSelection,
    *,
    limit: int | None = None,
    most_left_out: int = 0,
) -> UnitsOfFigure:
    """Return the units of a selection (``limit`` of them) with their figure, and at most ``most_left_out`` that are not in it."""
    if not indicator.of_reading:
        figure = figure_of_units(panel, indicator, selection)
        lines = unit_lines(panel, indicator, selection, UnitOrder.SIZE, limit=limit)
        asked = most_left_out and figure.left_out
        lacking = unit_lines(panel, indicator, selection, UnitOrder.LEFT_OUT, limit=most_left_out) if asked else []
        return UnitsOfFigure(lines, figure, lacking)
    with request.reading() as connection:
        read = compared_unit_lines(panel, connection, indicator, selection)
    figure = sum_of(indicator, [line.figure for line in read])
    lacking = sorted(
        (line for line in read if line.figure.why is not None), key=lambda line: REASONS.index(line.figure.why or REASONS[0])
    )
    read.sort(key=lambda line: (line.figure.why is not None, -(line.figure.denominator or 0)))
    return UnitsOfFigure(read[:limit], figure, lacking[:most_left_out])


def figures_of_groups(
    request: PageRequest, panel: Panel, indicator: DerivedIndicator, selection: UnitSelection, by: GroupBy
) -> list[GroupLine]:
    """Return the figures of the groups of a selection. Raises ValueError where reports would count twice."""
    if not indicator.of_reading:
        return group_lines(panel, indicator, selection, by)
    with request.reading() as connection:
        return compared_group_lines(panel, connection, indicator, selection, by)
