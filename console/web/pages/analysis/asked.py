"""What a page of analysis is asked, and how it answers: the panel with the bounds of the person, figures as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

from markupsafe import Markup
from starlette.responses import Response

from codebook.analysis.figures import Figure, Omission, UnitFacts
from codebook.analysis.indicators import DerivedIndicator, derived_indicators, indicator_of
from codebook.divisions import level_of
from console.analysis.charts import framed
from console.analysis.rows import Cell, left_out_words, shown_value
from console.analysis.words import word
from console.web.request import PageRequest
from console.web.views.regions import region_code, region_name
from database.access import region_prefix
from database.analysis.panel import Panel
from database.analysis.queries import Basis, GroupBy, UnitLine, UnitSelection, years_of
from database.analysis.texts import bounded, seen_documents
from database.users import audit

USUAL = "grant_rate"
LEVELS = ("province", "city", "county", "town")


class Asked(NamedTuple):
    """What is to be shown. ``region`` is the beginning of a region's code, "" for all."""

    year: int
    region: str
    indicator: DerivedIndicator
    basis: Basis
    level: str
    known: bool

    @property
    def given(self) -> dict[str, Any]:
        """The parameters of the address."""
        basis = "" if self.basis is Basis.UNITS else self.basis.value
        return {"year": self.year, "region": self.region, "indicator": self.indicator.id, "basis": basis, "level": self.level}

    @property
    def file_name(self) -> str:
        """What names of files say of it, after what they hold."""
        return f"{self.indicator.id}-{self.year}{f'-{self.region}' if self.region else ''}"


def asked_of(request: PageRequest, panel: Panel) -> Asked:
    """Return what the address asks; what it does not say is usual, and an unknown region is none."""
    query, years = request.query, years_of(panel)
    year = query.number("year")
    region = query.text("region", 40).strip()
    code = region_code(region) if region else None
    try:
        indicator = indicator_of(query.text("indicator", 80) or USUAL)
    except KeyError:
        indicator = derived_indicators()[USUAL]
    basis = query.text("basis", 10)
    level = query.text("level", 10)
    return Asked(
        year if year in years else (years[0] if years else 0),
        region_prefix(code) if code else "",
        indicator,
        Basis(basis) if basis in [each.value for each in Basis] else Basis.UNITS,
        level if level in LEVELS else "",
        not region or code is not None,
    )


def asked_on_page(request: PageRequest, panel: Panel) -> Asked:
    """Return what the address asks, with a notice on the page where its region is unknown."""
    asked = asked_of(request, panel)
    if not asked.known:
        request.notify("analysis.unknown_region", good=False, region=request.query.text("region", 40))
    return asked


def seen(request: PageRequest, selection: UnitSelection) -> UnitSelection:
    """Return a selection with the bounds of the person."""
    if request.user is None or not request.is_bound:
        return selection
    documents = request.kept("documents seen", lambda: _seen_documents(request))
    return bounded(selection, request.user.access, documents)


def _seen_documents(request: PageRequest) -> tuple[int, ...]:
    with request.reading() as connection:
        return seen_documents(connection)


def below(region: str) -> GroupBy:
    """Return by which regions the ones below a region are grouped; GroupBy.UNIT where there are none."""
    if not region:
        return GroupBy.PROVINCE
    level = level_of((), region.ljust(6, "0"))
    if level == 1:
        return GroupBy.COUNTY if region[:2] in ("11", "12", "31", "50") else GroupBy.CITY
    return GroupBy.COUNTY if level == 2 else GroupBy.UNIT


def of_panel(answer: Callable[[PageRequest, Panel], Response]) -> Callable[[PageRequest], Response]:
    """Return the handler that gives ``answer`` the panel, and says that figures are being prepared as long as there is none."""

    @wraps(answer)
    def handler(request: PageRequest) -> Response:
        panel = request.app.panels.panel()
        return answer(request, panel) if panel is not None else request.render("analysis_waiting.html", 503)

    return handler


def as_csv(request: PageRequest, name: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Response:
    """A table as a CSV file, as a spreadsheet opens it."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(header)
    writer.writerows(rows)
    return as_download(request, f"{name}.csv", target.getvalue().encode("utf-8-sig"), "text/csv; charset=utf-8")


def as_download(request: PageRequest, file: str, content: bytes, media_type: str) -> Response:
    """A file to be kept; the audit trail says who took it."""
    request.write(lambda c: audit.note(c, "download", request.user_name, subject=file))
    headers = {"content-disposition": f'attachment; filename="{file}"'}
    return Response(content, media_type=media_type, headers=headers)


def as_picture(request: PageRequest, panel: Panel, name: str, chart: Markup, *told: str) -> Response:
    """A chart as an SVG file that stands alone. ``told`` is its title, in parts; below it stands when the figures were made."""
    note = request.t("analysis.as_of", at=panel.manifest.made_at[:16].replace("T", " "))
    picture = framed(chart, " · ".join(part for part in told if part), f"{note} · Gongkai")
    headers = {"content-disposition": f'attachment; filename="{name}.svg"'}
    return Response(str(picture), media_type="image/svg+xml", headers=headers)


def told_by(request: PageRequest, asked: Asked) -> tuple[str, str, str]:
    """What a picture says of what was asked: the indicator and year, the place, and whose reports are in it."""
    place = region_name(asked.region) or request.t("analysis.whole")
    return f"{asked.indicator.name.of(request.language)} {asked.year}", place, word("bases", asked.basis, request.language)


def render(request: PageRequest, template: str, **context: Any) -> Response:
    """A page of analysis, with what its templates call figures, cells and reasons."""

    def figure_word(group: str, name: str | None) -> str:
        return word(group, name, request.language)

    def body_words(unit: UnitFacts | UnitLine) -> str:
        level = () if unit.level == unit.kind else (figure_word("levels", unit.level),)  # a town is a town
        return " ".join((*level, figure_word("kinds", unit.kind)))

    def left_out(figure: Figure) -> str:
        return left_out_words(figure, request.language)

    return request.render(
        template,
        figure_word=figure_word,
        body_words=body_words,
        left_out_words=left_out,
        cell_name=request.cell_name,
        omissions=tuple(Omission),
        value_of=shown_value,
        levels=LEVELS,
        **context,
    )
