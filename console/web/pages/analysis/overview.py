"""The overview of a region on a year: totals, rates, the regions below it, the years before, and who is late."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.analysis.figures import Figure
from codebook.analysis.indicators import DerivedIndicator, FigureKind, derived_indicators
from codebook.analysis.rollup import AreaRollup
from codebook.divisions import names_of
from console.analysis import charts
from console.analysis.document import write_document
from console.analysis.layout import cells_of, form_of_year
from console.analysis.repeats import MOST_COMPARED
from console.analysis.rows import group_header, group_name, group_rows, left_out_words, places, shown_number, shown_value
from console.analysis.workbook import write_workbook
from console.web.addresses import address
from console.web.pages.analysis.asked import (
    Asked,
    as_csv,
    as_download,
    as_picture,
    asked_of,
    asked_on_page,
    below,
    of_panel,
    render,
    seen,
    told_by,
)
from console.web.pages.analysis.figures import figures_of_groups, too_many
from console.web.request import PageRequest
from console.web.routing import get
from console.web.views.regions import region_name
from database.access import region_prefix
from database.analysis.contradictions import STATED, Contradiction, contradictions
from database.analysis.panel import Panel
from database.analysis.queries import (
    Basis,
    GroupBy,
    GroupLine,
    UnitLine,
    UnitOrder,
    UnitSelection,
    area_rollup,
    group_lines_of,
    unit_lines,
    years_of,
)
from database.models import Role

_TILES = (
    "received", "handled", "obligations", "grant_rate", "disclosure_rate", "denial_rate", "not_held_rate", "not_processed_rate",
    "carry_forward_rate", "reconsideration_rate", "litigation_rate", "reconsideration_corrected_rate", "filed_rate",
    "first_pass_rate", "error_rate", "late_days", "received_change", "carry_over_agreement", "stock_agreement", "stock_growth",
)  # fmt: skip
_TREND = ("grant_rate", "disclosure_rate", "denial_rate", "carry_forward_rate")
_OFFICE = "application/vnd.openxmlformats-officedocument"
_MEDIA_TYPES = {"xlsx": f"{_OFFICE}.spreadsheetml.sheet", "docx": f"{_OFFICE}.wordprocessingml.document"}
_WORST = 15  # contradictions that are shown
_LATE = 20  # agencies of the list of those that are late


class Tile(NamedTuple):
    """An indicator of the region."""

    indicator: DerivedIndicator
    figure: Figure | None


class ContradictionRow(NamedTuple):
    """A government's number that cannot be right, with the name of its area and the address of its overview."""

    place: str
    href: str
    found: Contradiction


class RegionRow(NamedTuple):
    """A region below, with its figure."""

    name: str
    line: GroupLine
    rank: int | None
    href: str | None
    left_out: str


def _ordered(indicator: DerivedIndicator, lines: Sequence[GroupLine]) -> list[GroupLine]:
    """Those with the best figure first; those without one last."""
    sign = 1 if indicator.measures == "down" else -1
    return sorted(lines, key=lambda line: (line.figure.value is None, sign * (line.figure.value or 0), line.key or ""))


def region_rows(request: PageRequest, panel: Panel, asked: Asked) -> list[RegionRow]:
    """The regions below, ordered."""
    by = below(asked.region)
    if by is GroupBy.UNIT:
        return []
    selection = _selection(request, asked)
    if too_many(panel, asked.indicator, selection):
        request.notify("analysis.too_much", good=False, most=f"{MOST_COMPARED:,}")
        return []
    lines = figures_of_groups(request, panel, asked.indicator, selection, by)
    ranked = places(asked.indicator, lines)
    found = []
    for line in _ordered(asked.indicator, lines):
        prefix = region_prefix(line.key) if line.key else ""
        deeper = prefix and prefix != asked.region
        href = address("/analysis", **{**asked.given, "region": prefix}) if deeper else None
        name = group_name(line.key, by, request.language).rpartition(" ")[2] or request.t("analysis.no_region")
        found.append(
            RegionRow(name, line, ranked.get((line.key, line.year)), href, left_out_words(line.figure, request.language))
        )
    return found


def _selection(request: PageRequest, asked: Asked, years: tuple[int, ...] | None = None) -> UnitSelection:
    basis = asked.basis if asked.basis is not Basis.ALL else Basis.UNITS
    return seen(request, UnitSelection(years or (asked.year,), asked.region or None, asked.level or None, basis))


def bar_chart(request: PageRequest, asked: Asked, rows: Sequence[RegionRow]) -> Markup:
    """The regions below as ordered bars."""
    indicator = asked.indicator
    drawn = [
        charts.ChartBar(
            row.name,
            row.line.figure.value,
            shown_value(indicator, row.line.figure.value) or "—",
            row.line.figure.low,
            row.line.figure.high,
            row.href,
            faint=not row.line.figure.ranked,
        )
        for row in rows
    ]
    title = f"{indicator.name.of(request.language)} {asked.year}"
    return charts.bars(title, drawn, lambda value: shown_value(indicator, value))


def trend_chart(
    request: PageRequest, panel: Panel, asked: Asked
) -> tuple[Markup, list[tuple[DerivedIndicator, list[GroupLine]]]]:
    """The rates of the region over all years as lines, and their figures."""
    years = tuple(sorted(years_of(panel)))
    rates = [derived_indicators()[name] for name in _TREND]
    if asked.indicator.kind is FigureKind.PROPORTION and not asked.indicator.of_reading and asked.indicator not in rates:
        rates = [asked.indicator, *rates]
    found = list(zip(rates, _lines_of_all(panel, rates, _selection(request, asked, years)), strict=True))
    series = [
        charts.ChartLine(
            each.name.of(request.language),
            tuple((line.year, line.figure.value, shown_value(each, line.figure.value)) for line in some),
        )
        for each, some in found
    ]
    return charts.lines(request.t("analysis.trend"), series, lambda value: f"{100 * value:.0f}%"), found


def _late(request: PageRequest, panel: Panel, asked: Asked) -> list[tuple[UnitLine, str]]:
    """The agencies that published latest, with the days."""
    days = derived_indicators()["late_days"]
    selection = seen(request, UnitSelection((asked.year,), asked.region or None, asked.level or None, Basis.ALL))
    latest = unit_lines(panel, days, selection, UnitOrder.FIGURE, limit=_LATE)
    return [(line, shown_number(line.figure.numerator)) for line in latest if line.figure.numerator]


def _contradictions(request: PageRequest, panel: Panel, asked: Asked) -> list[ContradictionRow]:
    """The greatest contradictions between governments of the region and those under them."""
    selection = seen(request, UnitSelection((asked.year,), asked.region or None))
    worst = contradictions(panel, asked.year, STATED, selection, _WORST)
    return [
        ContradictionRow(
            "".join(names_of(each.area)) or each.area,
            address("/analysis", **{**asked.given, "region": region_prefix(each.area)}),
            each,
        )
        for each in worst
    ]


def _rollup(request: PageRequest, panel: Panel, asked: Asked) -> AreaRollup | None:
    if not asked.region:
        return None
    bounds = seen(request, UnitSelection((asked.year,)))
    found = area_rollup(panel, asked.region.ljust(6, "0"), asked.year, STATED, bounds)
    return found if found.own is not None or found.members else None


@of_panel
def shown(request: PageRequest, panel: Panel) -> Response:
    """The overview of a region on a year."""
    asked = asked_on_page(request, panel)
    selection = _selection(request, asked)
    rows = region_rows(request, panel, asked)
    trend, years = trend_chart(request, panel, asked)
    rollup = _rollup(request, panel, asked)
    names = {each.unit.agency_id: each.unit.agency for each in rollup.members} if rollup is not None else {}
    return render(
        request,
        "analysis.html",
        panel=panel.manifest,
        years=years_of(panel),
        asked=asked,
        given=asked.given,
        indicators=list(derived_indicators().values()),
        bases=[Basis.UNITS, Basis.AREAS, Basis.VERTICAL]
        if below(asked.region) is not GroupBy.UNIT
        else [Basis.UNITS, Basis.VERTICAL],
        place=region_name(asked.region),
        above=_above(asked),
        tiles=_tiles(panel, selection),
        rows=rows,
        chart=bar_chart(request, asked, rows) if rows else None,
        trend=trend,
        trend_years=[(indicator, {line.year: line for line in lines}) for indicator, lines in years],
        trend_span=sorted(years_of(panel)),
        contradictions=_contradictions(request, panel, asked),
        late=_late(request, panel, asked),
        rollup=rollup,
        names=names,
    )


def _tiles(panel: Panel, selection: UnitSelection) -> list[Tile]:
    rates = [derived_indicators()[name] for name in _TILES]
    found = _lines_of_all(panel, rates, selection)
    return [Tile(each, lines[0].figure if lines else None) for each, lines in zip(rates, found, strict=True)]


def _lines_of_all(panel: Panel, rates: Sequence[DerivedIndicator], selection: UnitSelection) -> list[list[GroupLine]]:
    """The figures of all units together; none of governments of all levels, which hold each other."""
    if selection.basis is Basis.AREAS and selection.level is None:
        return [[] for _ in rates]
    return group_lines_of(panel, rates, selection, GroupBy.ALL)


def _above(asked: Asked) -> list[tuple[str, str]]:
    """The regions around the one that is shown, from all down, with their addresses."""
    prefixes = [asked.region[:length] for length in (2, 4) if length < len(asked.region)]
    whole = [("", address("/analysis", **{**asked.given, "region": ""}))] if asked.region else []
    named = [(region_name(prefix), address("/analysis", **{**asked.given, "region": prefix})) for prefix in prefixes]
    return [*whole, *((name.rpartition(" ")[2], path) for name, path in named if not name.isdecimal())]


@of_panel
def file(request: PageRequest, panel: Panel) -> Response:
    """The regions below as CSV, or a chart (``chart=bars`` or ``trend``) as SVG."""
    asked = asked_of(request, panel)
    name = f"analysis-{asked.file_name}"
    chart = request.query.text("chart", 10)
    if chart == "trend":
        _, place, basis = told_by(request, asked)
        drawn = trend_chart(request, panel, asked)[0]
        return as_picture(request, panel, f"{name}-trend", drawn, request.t("analysis.trend"), place, basis)
    rows = region_rows(request, panel, asked)
    if chart == "bars":
        return as_picture(request, panel, f"{name}-bars", bar_chart(request, asked, rows), *told_by(request, asked))
    lines = [row.line for row in rows]
    table = group_rows(asked.indicator, lines, below(asked.region), request.language)
    return as_csv(request, name, group_header(request.language), table)


@of_panel
def rollup_file(request: PageRequest, panel: Panel) -> Response:
    """The tables of the form filled with the sums of the region, as a workbook or (``file=docx``) a Word document."""
    asked = asked_of(request, panel)
    form = form_of_year(asked.year)
    if not asked.region or form is None:
        raise HTTPException(404)
    bounds = seen(request, UnitSelection((asked.year,)))
    rollup = area_rollup(panel, asked.region.ljust(6, "0"), asked.year, cells_of(form), bounds)
    if rollup.own is None and not rollup.members:
        raise HTTPException(404)
    kind = "docx" if request.query.text("file", 4) == "docx" else "xlsx"
    write = write_document if kind == "docx" else write_workbook
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"rollup.{kind}"
        write(rollup, form, path, request.language)
        content = path.read_bytes()
    return as_download(request, f"rollup-{asked.year}-{asked.region}.{kind}", content, _MEDIA_TYPES[kind])


ROUTES = (
    get("/analysis", shown, Role.VIEW),
    get("/analysis/file", file, Role.VIEW),
    get("/analysis/rollup", rollup_file, Role.VIEW),
)
