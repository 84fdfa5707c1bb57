"""Derived indicators in the API: definitions, figures of regions and units, and the roll-up of an area, from the panel."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from codebook.analysis.indicators import DerivedIndicator, derived_indicators, indicator_of
from codebook.analysis.rollup import AreaRollup
from codebook.book import load_book
from codebook.records import Record
from console.analysis.repeats import MOST_COMPARED, compared_unit_lines
from console.web.pages.analysis.asked import seen
from console.web.pages.analysis.figures import figures_of_groups, too_many
from console.web.pages.api.endpoint import ApiError, ApiList, ApiResource, NoParameters, route
from console.web.request import PageRequest
from console.web.views.regions import region_code
from database.access import region_prefix
from database.analysis.panel import Panel
from database.analysis.queries import (
    Basis,
    GroupBy,
    GroupLine,
    UnitLine,
    UnitSelection,
    area_rollup,
    unit_lines,
)

Year = Annotated[int, msgspec.Meta(ge=1, le=9999, description="The year that is reported on")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="Id of a derived indicator, or of a cell")]
Region = Annotated[
    str, msgspec.Meta(min_length=1, max_length=100, description="A region with all in it: code (GB/T 2260) or name")
]
AgencyLevel = Literal["province", "city", "county", "town"]
_MOST_CELLS = 200


class FigureParameters(Record, frozen=True):
    """Which figure, of which reports, and of what a line is."""

    indicator: Name
    year: Year
    region: Region | None = None
    level: AgencyLevel | None = None
    basis: Literal["units", "areas", "vertical"] = "units"
    by: Literal["province", "city", "county", "kind", "all"] = "city"


class UnitFigureParameters(Record, frozen=True):
    """Which figure, of which agencies."""

    indicator: Name
    year: Year
    region: Region | None = None
    level: AgencyLevel | None = None
    basis: Literal["units", "areas", "vertical", "all"] = "units"
    after: Annotated[int, msgspec.Meta(ge=0, le=10_000_000, description="`next` of the part before")] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000, description="Items of a part")] = 100


class RollupParameters(Record, frozen=True):
    """Which area, year and cells."""

    area: Region
    year: Year
    cells: Annotated[str, msgspec.Meta(min_length=1, max_length=8000, description="Ids of cells, with commas")]


def _panel(request: PageRequest) -> Panel:
    panel = request.app.panels.panel()
    if panel is None:
        raise ApiError(503, "the figures are being prepared")
    return panel


def _indicator(name: str) -> DerivedIndicator:
    try:
        found = indicator_of(name)
    except KeyError:
        raise ApiError(404, f"no indicator {name!r}") from None
    return found


def _code(text: str) -> str:
    code = region_code(text)
    if code is None:
        raise ApiError(404, f"no region {text!r}, or several of this name")
    return code


def _selection(request: PageRequest, asked: FigureParameters | UnitFigureParameters) -> UnitSelection:
    region = region_prefix(_code(asked.region)) if asked.region else None
    return seen(request, UnitSelection((asked.year,), region, asked.level, Basis(asked.basis)))


def definitions(_: PageRequest, __: NoParameters) -> ApiList[DerivedIndicator]:
    """The derived indicators: numerator, denominator, forms, comparability, least denominator for a rank, and law."""
    return ApiList(tuple(derived_indicators().values()), None)


def figures(request: PageRequest, asked: FigureParameters) -> ApiList[GroupLine]:
    """Figures by region or kind, each with the units that are in it, those that are not and why, and its interval.

    ``basis`` says whose reports are added: own reports of agencies (units), reports of governments of a level (areas), or
    vertical bodies. What would count twice is refused.
    """
    indicator, panel = _indicator(asked.indicator), _panel(request)
    selection, by = _selection(request, asked), GroupBy(asked.by)
    if units := too_many(panel, indicator, selection):
        raise ApiError(
            400,
            f"{indicator.id} compares the texts of two years; {units:,} agencies, {MOST_COMPARED:,} at most: choose a region",
        )
    try:
        lines = figures_of_groups(request, panel, indicator, selection, by)
    except ValueError as error:
        raise ApiError(400, str(error)) from error
    return ApiList(tuple(lines), None)


def unit_figures(request: PageRequest, asked: UnitFigureParameters) -> ApiList[UnitLine]:
    """The figure of each agency, with why it is left out where it is."""
    panel = _panel(request)
    selection = _selection(request, asked)
    indicator = _indicator(asked.indicator)
    if indicator.of_reading:
        with request.reading() as connection:
            part = slice(asked.after, asked.after + asked.limit)
            lines = compared_unit_lines(panel, connection, indicator, selection, part)
    else:
        lines = unit_lines(panel, indicator, selection, after=asked.after, limit=asked.limit)
    return ApiList(tuple(lines), asked.after + asked.limit if len(lines) == asked.limit else None)


def rollup(request: PageRequest, asked: RollupParameters) -> AreaRollup:
    """The roll-up of an area: what its government states, what its units add up to, who is missing and who exceeds."""
    cells = tuple(dict.fromkeys(asked.cells.split(",")))
    unknown = [cell for cell in cells if cell not in load_book().indicators]
    if unknown or len(cells) > _MOST_CELLS:
        raise ApiError(404, f"no cell {unknown[0]!r}" if unknown else f"{len(cells)} cells; {_MOST_CELLS} at most")
    area = _code(asked.area).ljust(6, "0")[:6]
    visible = seen(request, UnitSelection((asked.year,), basis=Basis.ALL))
    return area_rollup(_panel(request), area, asked.year, cells, visible)


RESOURCES = (
    ApiResource("/derived", "derived", "Derived indicators", definitions, NoParameters, ApiList[DerivedIndicator]),
    ApiResource("/figures", "figures", "Figures of regions", figures, FigureParameters, ApiList[GroupLine]),
    ApiResource("/figures/units", "unit_figures", "Figures of agencies", unit_figures, UnitFigureParameters, ApiList[UnitLine]),
    ApiResource("/rollup", "rollup", "Roll-up of an area", rollup, RollupParameters, AreaRollup),
)
ROUTES = tuple(route(resource) for resource in RESOURCES)
