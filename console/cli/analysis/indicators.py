"""Figures of derived indicators, by region, kind of body or agency."""

from __future__ import annotations

import csv
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from codebook.agency_kinds import kind_names
from codebook.analysis.indicators import DerivedIndicator, derived_indicators, indicator_of
from codebook.errors import UsageError
from console.analysis.keeper import PANEL
from console.analysis.repeats import compared_group_lines, compared_unit_lines
from console.analysis.rows import (
    group_header,
    group_name,
    group_rows,
    left_out_words,
    places,
    shown_number,
    shown_value,
    unit_header,
    unit_rows,
)
from console.analysis.words import word
from console.cli import environment
from console.cli.terminal.output import Exit, counted, plain, say, show, show_json, table, wrong
from database.access import region_prefix
from database.analysis.panel import Panel
from database.analysis.queries import Basis, GroupBy, GroupLine, UnitLine, UnitSelection, group_lines, unit_lines
from database.analysis.refresh import refresh
from database.session import reading
from ingest.lists.expected import region_named
from runtime.language import CHINESE, language


class LevelOfAgency(StrEnum):
    """Levels of agencies."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWN = "town"


def spoken() -> str:
    """Return the language of figures in tables: zh or en."""
    return "zh" if language() == CHINESE else "en"


def show_indicators(  # noqa: PLR0917 (options of a command)
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID...", help="Derived indicators, or ids of cells. Default: list what there is."),
    ] = None,
    year: Annotated[list[int] | None, typer.Option(help="The year that is reported on; more than one may be named.")] = None,
    region: Annotated[str, typer.Option(help="Only this region with all in it, by name or code.")] = "",
    level: Annotated[LevelOfAgency | None, typer.Option(help="Only agencies of this level.")] = None,
    by: Annotated[GroupBy, typer.Option(help="Of what a figure is shown.")] = GroupBy.CITY,
    basis: Annotated[
        Basis,
        typer.Option(
            help="Which reports: own reports of agencies (units), reports of governments on their areas (areas), vertical bodies."
        ),
    ] = Basis.UNITS,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write all lines to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False,
) -> None:
    """Compute rates, shares and sums over reports, with the agencies that are not in them and why."""
    if not names:
        _list(as_json=as_json)
        return
    settings = environment.settings()
    with environment.database(settings) as engine:
        indicators = [_indicator(name) for name in names]
        if not year:
            raise UsageError("expected --year, one or more")
        prefix = region_prefix(region_named(region).code) if region else None
        selection = UnitSelection(tuple(sorted(set(year))), prefix, level.value if level is not None else None, basis)
        folder = settings.home / PANEL
        panel = Panel(folder, refresh(engine, folder))
        try:
            with reading(engine) as connection:
                lines = [_lines(panel, connection, indicator, selection, by) for indicator in indicators]
        except ValueError as error:
            raise UsageError(str(error)) from error
    if out is not None:
        _write(out, indicators, lines, by)
    if as_json:
        found = {each.id: _as_json(each, some, by) for each, some in zip(indicators, lines, strict=True)}
        show_json({"made_at": panel.manifest.made_at, "figures": found})
    elif out is None:
        for indicator, some in zip(indicators, lines, strict=True):
            _show(indicator, some, by)
    else:
        say(plain(out))
    raise typer.Exit(Exit.GOOD if any(lines) else Exit.ATTENTION)


_Lines = list[GroupLine] | list[UnitLine]


def _indicator(name: str) -> DerivedIndicator:
    try:
        return indicator_of(name)
    except KeyError:
        raise UsageError(f"there is no indicator {name!r}; `gongkai indicators` lists them") from None


def _lines(panel: Panel, connection: Connection, indicator: DerivedIndicator, selection: UnitSelection, by: GroupBy) -> _Lines:
    if indicator.of_reading:
        if by is GroupBy.UNIT:
            return compared_unit_lines(panel, connection, indicator, selection)
        return compared_group_lines(panel, connection, indicator, selection, by)
    if by is GroupBy.UNIT:
        return unit_lines(panel, indicator, selection)
    return group_lines(panel, indicator, selection, by)


def _list(*, as_json: bool) -> None:
    if as_json:
        show_json({"indicators": list(derived_indicators().values()), "kinds": kind_names()})
        return
    made = table("indicator", "name", "unit", "forms", "least", "what it means", right=("least",))
    for each in derived_indicators().values():
        means = each.means.of(spoken()) if each.family is None else ""
        least = str(each.least) if each.least else ""
        made.add_row(
            plain(each.id), plain(each.name.of(spoken())), plain(each.unit), plain(" ".join(each.forms)), least, plain(means)
        )
    show(made)


def _show(indicator: DerivedIndicator, lines: _Lines, by: GroupBy) -> None:
    title = f"{indicator.id}  {indicator.name.of(spoken())}"
    say(plain(title))
    if by is GroupBy.UNIT:
        made = table("agency", "year", "figure", "of", "left out", right=("figure", "of"))
        left_out = 0
        for unit in lines:
            assert isinstance(unit, UnitLine)
            left_out += unit.figure.why is not None
            of = _quotient(unit.figure.numerator, unit.figure.denominator)
            why = plain(word("omissions", unit.figure.why, spoken()))
            made.add_row(plain(unit.agency), str(unit.year), shown_value(indicator, unit.figure.value), of, why)
        show(made)
        say(f"{counted(len(lines), 'agency', 'agencies')}, {left_out:,} of them left out")
        return
    groups = [line for line in lines if isinstance(line, GroupLine)]
    made = table(
        "region",
        "year",
        "figure",
        "of",
        "95 %",
        "rank",
        "agencies",
        "left out",
        right=("figure", "of", "95 %", "rank", "agencies"),
    )
    ranked = places(indicator, groups)
    for line in groups:
        figure = line.figure
        ends = (shown_value(indicator, end) for end in (figure.low, figure.high))
        interval = " – ".join(ends) if figure.low is not None else ""
        made.add_row(
            plain(group_name(line.key, by, spoken())),
            str(line.year),
            shown_value(indicator, figure.value),
            _quotient(figure.numerator, figure.denominator),
            interval,
            str(ranked.get((line.key, line.year), "")),
            f"{figure.units:,}",
            plain(left_out_words(figure, spoken())),
        )
    show(made)


def _quotient(numerator: float | None, denominator: float | None) -> str:
    return f"{shown_number(numerator)} / {shown_number(denominator)}" if denominator is not None else ""


def _as_json(indicator: DerivedIndicator, lines: _Lines, by: GroupBy) -> list[dict[str, object]]:
    if by is GroupBy.UNIT:
        return [dict(zip(unit_header("en"), row, strict=True)) for row in unit_rows(indicator, lines, "en")]  # type: ignore[arg-type]
    return [dict(zip(group_header("en"), row, strict=True)) for row in group_rows(indicator, lines, by, "en")]  # type: ignore[arg-type]


def _write(out: Path, indicators: list[DerivedIndicator], lines: list[_Lines], by: GroupBy) -> None:
    header = unit_header(spoken()) if by is GroupBy.UNIT else group_header(spoken())
    try:
        with out.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            for indicator, some in zip(indicators, lines, strict=True):
                if by is GroupBy.UNIT:
                    writer.writerows(unit_rows(indicator, [each for each in some if isinstance(each, UnitLine)], spoken()))
                else:
                    groups = [each for each in some if isinstance(each, GroupLine)]
                    writer.writerows(group_rows(indicator, groups, by, spoken()))
    except OSError as error:
        wrong(f"{out}: {error.strerror or error}; expected a place that can be written to")
