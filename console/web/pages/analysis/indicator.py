"""One indicator across agencies: a funnel of shares, and the table of agencies, each of which opens into its report."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.analysis.figures import Figure, sum_of
from codebook.analysis.indicators import DerivedIndicator, FigureKind, derived_indicators
from console.analysis import charts
from console.analysis.repeats import MOST_COMPARED
from console.analysis.rows import shown_value, unit_header, unit_rows
from console.web.pages.analysis.asked import Asked, as_csv, as_picture, asked_of, asked_on_page, of_panel, render, seen, told_by
from console.web.pages.analysis.figures import UnitsOfFigure, too_many, units_of_figure
from console.web.request import PageRequest
from console.web.routing import get
from console.web.views.regions import region_name
from database.analysis.panel import Panel
from database.analysis.queries import Basis, UnitLine, UnitSelection, years_of
from database.models import Role

_ROWS = 200  # agencies that a page shows; the file has all
_POINTS = 1_000  # of a funnel; more of them are a cloud


def _selection(request: PageRequest, asked: Asked) -> UnitSelection:
    return seen(request, UnitSelection((asked.year,), asked.region or None, asked.level or None, asked.basis))


def evidence(indicator: DerivedIndicator, line: UnitLine) -> str | None:
    """The address of the cell that a figure rests on first; None where there is none."""
    if line.document_id is None:
        return None
    first = next(iter(indicator.definitions))
    cell = next((each for each in indicator.cells if each in {**first.numerator, **first.balance}), None)
    return f"/documents/{line.document_id}/cells/{cell}" if cell is not None else f"/documents/{line.document_id}"


def _funnel(request: PageRequest, asked: Asked, lines: Sequence[UnitLine], figure: Figure) -> Markup | None:
    """The units with the greatest denominators of ``lines``, around the figure of all."""
    indicator = asked.indicator
    if indicator.kind is not FigureKind.PROPORTION:
        return None
    drawn = [
        charts.ChartPoint(
            line.agency,
            float(line.figure.denominator),
            line.figure.value,
            f"{shown_value(indicator, line.figure.value)} ({line.figure.numerator} / {line.figure.denominator})",
            f"/filings/{line.filing_id}",
        )
        for line in lines
        if line.figure.denominator and line.figure.denominator > 0 and line.figure.value is not None and line.figure.value <= 1
    ]
    if figure.value is None or not drawn or not 0 <= figure.value <= 1:
        return None
    title = f"{indicator.name.of(request.language)} {asked.year}"
    points = sorted(drawn, key=lambda point: -point.denominator)[:_POINTS]
    return charts.funnel(title, points, figure.value, lambda value: shown_value(indicator, value), request.t("analysis.axis"))


@of_panel
def shown(request: PageRequest, panel: Panel) -> Response:
    """The agencies of a region with one indicator."""
    asked = asked_on_page(request, panel)
    selection = _selection(request, asked)
    most = _POINTS if asked.indicator.kind is FigureKind.PROPORTION else _ROWS
    if too_many(panel, asked.indicator, selection):
        request.notify("analysis.too_much", good=False, most=f"{MOST_COMPARED:,}")
        found = UnitsOfFigure([], sum_of(asked.indicator, []), [])
    else:
        found = units_of_figure(request, panel, asked.indicator, selection, limit=most, most_left_out=_ROWS)
    lines, figure, lacking = found
    drawn = sum(line.figure.value is not None for line in lines)
    return render(
        request,
        "analysis_indicator.html",
        panel=panel.manifest,
        years=years_of(panel),
        asked=asked,
        given=asked.given,
        indicators=list(derived_indicators().values()),
        bases=list(Basis),
        place=region_name(asked.region),
        figure=figure,
        summed=asked.basis in (Basis.UNITS, Basis.VERTICAL),
        chart=_funnel(request, asked, lines, figure),
        points=drawn,
        lines=[(line, evidence(asked.indicator, line)) for line in lines[:_ROWS] if line.figure.why is None],
        more=max(0, figure.units - _ROWS),
        lacking=[(line, evidence(asked.indicator, line)) for line in lacking],
        more_lacking=sum(figure.left_out.values()) - len(lacking),
        too_many=drawn == _POINTS and figure.units > drawn,
    )


@of_panel
def file(request: PageRequest, panel: Panel) -> Response:
    """The agencies as CSV, or the funnel as SVG."""
    asked = asked_of(request, panel)
    selection, name = _selection(request, asked), f"agencies-{asked.file_name}"
    if too_many(panel, asked.indicator, selection):
        raise HTTPException(400, request.t("analysis.too_much", most=f"{MOST_COMPARED:,}"))
    if request.query.text("chart", 10) == "funnel":
        found = units_of_figure(request, panel, asked.indicator, selection, limit=_POINTS)
        chart = _funnel(request, asked, found.lines, found.figure)
        if chart is not None:
            return as_picture(request, panel, name, chart, *told_by(request, asked))
    lines = units_of_figure(request, panel, asked.indicator, selection).lines
    return as_csv(request, name, unit_header(request.language), unit_rows(asked.indicator, lines, request.language))


ROUTES = (get("/analysis/indicator", shown, Role.VIEW), get("/analysis/indicator/file", file, Role.VIEW))
