"""An agency's years side by side: numbers, whether carry-over and stock agree, rates, and what repeats last year."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.analysis.figures import Omission, UnitFacts, UnitFigure, unit_figure
from codebook.analysis.indicators import DerivedIndicator, FigureKind, derived_indicators
from codebook.book import load_book
from codebook.records import Number
from codebook.text.numbers import exact
from console.analysis import charts
from console.analysis.repeats import with_years_before
from console.analysis.rows import shown_value
from console.web.i18n import cell_name
from console.web.pages.analysis.asked import as_csv, as_picture, of_panel, render, seen
from console.web.request import PageRequest
from console.web.routing import get
from database.analysis.panel import Panel
from database.analysis.queries import Basis, UnitSelection, reported_facts, years_of
from database.models import Role

_RATES = (
    "grant_rate", "disclosure_rate", "decided_rate", "denial_rate", "not_held_rate", "not_processed_rate", "carry_forward_rate",
    "natural_person_share", "legal_service_share", "reconsideration_rate", "litigation_rate", "reconsideration_corrected_rate",
    "litigation_corrected_rate", "normative_net", "normative_growth", "late_days", "late_workdays",
)  # fmt: skip
_LINES = ("grant_rate", "disclosure_rate", "denial_rate", "carry_forward_rate")


class YearCheck(NamedTuple):
    """What one year makes the next one say, and what it says; the difference is None where one of them is not known."""

    year: int
    expected: Number | None
    printed: Number | None

    @property
    def difference(self) -> Number | None:
        return None if self.expected is None or self.printed is None else exact(self.printed - self.expected)


class NumberRow(NamedTuple):
    """A cell over the years: what each report has, a number or why there is none."""

    cell: str
    name: str
    values: tuple[Number | Omission, ...]


class RateRow(NamedTuple):
    """An indicator over the years."""

    indicator: DerivedIndicator
    figures: tuple[UnitFigure, ...]


def _units(request: PageRequest, panel: Panel, number: int) -> list[UnitFacts]:
    """The years of the agency, the earliest first. Raises HTTPException 404 when the person sees none."""
    years = tuple(years_of(panel))
    selection = seen(request, UnitSelection(years, basis=Basis.ALL, agencies=(number,)))
    with request.reading() as connection:
        found = reported_facts(panel, connection, selection)
    if not found:
        raise HTTPException(404)
    return sorted(found, key=lambda unit: unit.year)


def carry_over(units: Sequence[UnitFacts]) -> list[YearCheck]:
    """Whether each year carries over what the one before carried forward."""
    checks = []
    for before, unit in pairwise(units):
        if unit.year == before.year + 1 and unit.has("requests.carried_over.total"):
            expected, printed = before.known.get("requests.carried_forward.total"), unit.known.get("requests.carried_over.total")
            checks.append(YearCheck(unit.year, expected, printed))
    return checks


def stock(units: Sequence[UnitFacts]) -> list[YearCheck]:
    """Whether normative documents in force are those of the year before, plus issued, less repealed."""
    cell = "disclosure.normative_documents"
    checks = []
    for before, unit in pairwise(units):
        if unit.year == before.year + 1 and unit.has(f"{cell}.in_force") and before.has(f"{cell}.in_force"):
            terms = (before.known.get(f"{cell}.in_force"), unit.known.get(f"{cell}.issued"), unit.known.get(f"{cell}.repealed"))
            known = [term for term in terms if term is not None]
            expected = exact(known[0] + known[1] - known[2]) if len(known) == len(terms) else None
            checks.append(YearCheck(unit.year, expected, unit.known.get(f"{cell}.in_force")))
    return checks


def _numbers(units: Sequence[UnitFacts], language: str) -> list[NumberRow]:
    """The cells that any of the reports has, in printing order: totals of table three, all of the other tables."""
    rows = []
    for cell, indicator in load_book().indicators.items():
        total = indicator.column in (None, "total") or indicator.block != "requests"
        if total and any(unit.has(cell) for unit in units):
            rows.append(NumberRow(cell, cell_name(language, cell), tuple(unit.of_term(cell) for unit in units)))
    return rows


def _rates(units: Sequence[UnitFacts]) -> list[RateRow]:
    rates = [derived_indicators()[name] for name in _RATES]
    found = [RateRow(each, tuple(unit_figure(each, unit) for unit in units)) for each in rates]
    return [row for row in found if any(figure.value is not None for figure in row.figures)]


def _repeats(request: PageRequest, units: Sequence[UnitFacts]) -> list[RateRow]:
    """What each report repeats of the one before, by chapters and in its tables."""
    by_year = {unit.year: unit for unit in units}
    with request.reading() as connection:
        with_before = with_years_before(connection, [(unit, by_year.get(unit.year - 1)) for unit in units])
    rates = [each for each in derived_indicators().values() if each.of_years]
    found = [RateRow(each, tuple(unit_figure(each, unit) for unit in with_before)) for each in rates]
    return [row for row in found if any(figure.value is not None for figure in row.figures)]


def _chart(request: PageRequest, units: Sequence[UnitFacts]) -> Markup:
    series = []
    for name in _LINES:
        indicator = derived_indicators()[name]
        points = tuple(
            (unit.year, figure.value, shown_value(indicator, figure.value))
            for unit in units
            for figure in (unit_figure(indicator, unit),)
        )
        series.append(charts.ChartLine(indicator.name.of(request.language), points))
    return charts.lines(request.t("analysis.years"), series, lambda value: f"{100 * value:.0f}%")


@of_panel
def shown(request: PageRequest, panel: Panel) -> Response:
    """The years of an agency."""
    units = _units(request, panel, request.number("id"))
    return render(
        request,
        "analysis_agency.html",
        panel=panel.manifest,
        given={},
        agency=units[-1],
        units=units,
        chart=_chart(request, units),
        numbers=_numbers(units, request.language),
        rates=_rates(units),
        repeats=_repeats(request, units),
        carry_over=carry_over(units),
        stock=stock(units),
        by_year={unit.year: unit for unit in units},
        share=FigureKind.PROPORTION,
    )


@of_panel
def file(request: PageRequest, panel: Panel) -> Response:
    """The numbers and rates of the years as CSV, or the lines as SVG."""
    number = request.number("id")
    units = _units(request, panel, number)
    if request.query.text("chart", 10) == "lines":
        return as_picture(f"agency-{number}", _chart(request, units))
    header = ["id", request.t("analysis.cell"), *(str(unit.year) for unit in units)]
    rows = [
        [row.cell, row.name, *(None if isinstance(value, Omission) else value for value in row.values)]
        for row in _numbers(units, request.language)
    ]
    rows += [
        [row.indicator.id, row.indicator.name.of(request.language), *(figure.value for figure in row.figures)]
        for row in _rates(units)
    ]
    return as_csv(request, f"agency-{number}", header, rows)


ROUTES = (
    get("/analysis/agencies/{id:int}", shown, Role.VIEW),
    get("/analysis/agencies/{id:int}/file", file, Role.VIEW),
)
