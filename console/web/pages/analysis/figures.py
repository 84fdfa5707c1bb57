"""Figures as pages ask for them: from the panel, or, where whole reports have to be read for an indicator, from the reports."""

from __future__ import annotations

from collections.abc import Sequence

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


def is_too_much(panel: Panel, indicator: DerivedIndicator, selection: UnitSelection) -> bool:
    """Return whether an indicator asks for more reports to be read than a page waits for."""
    return indicator.of_reading and len(unit_facts(panel, selection, ())) > MOST_COMPARED


def units_with_figure(
    request: PageRequest, panel: Panel, indicator: DerivedIndicator, selection: UnitSelection, limit: int | None = None
) -> tuple[Sequence[UnitLine], Figure]:
    """Return the units of a selection (``limit`` of them), those with the greatest denominators first, and the figure of all."""
    if not indicator.of_reading:
        return unit_lines(panel, indicator, selection, UnitOrder.SIZE, limit=limit), figure_of_units(panel, indicator, selection)
    with request.reading() as connection:
        lines = compared_unit_lines(panel, connection, indicator, selection)
    lines.sort(key=lambda line: (line.figure.why is not None, -(line.figure.denominator or 0)))
    return lines[:limit], sum_of(indicator, [line.figure for line in lines])


def units_left_out(
    request: PageRequest, panel: Panel, indicator: DerivedIndicator, selection: UnitSelection, limit: int
) -> Sequence[UnitLine]:
    """Return the units of a selection that are not in the figure (``limit`` of them), by the reason and by place."""
    if not indicator.of_reading:
        return unit_lines(panel, indicator, selection, UnitOrder.LEFT_OUT, limit=limit)
    with request.reading() as connection:
        lines = compared_unit_lines(panel, connection, indicator, selection)
    lacking = [line for line in lines if line.figure.why is not None]
    return sorted(lacking, key=lambda line: REASONS.index(line.figure.why or REASONS[0]))[:limit]


def figures_of_groups(
    request: PageRequest, panel: Panel, indicator: DerivedIndicator, selection: UnitSelection, by: GroupBy
) -> list[GroupLine]:
    """Return the figures of the groups of a selection. Raises ValueError where reports would count twice."""
    if not indicator.of_reading:
        return group_lines(panel, indicator, selection, by)
    with request.reading() as connection:
        return compared_group_lines(panel, connection, indicator, selection, by)
