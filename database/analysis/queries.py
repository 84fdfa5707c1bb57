"""What is asked of the panel: figures of units and of regions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection

from codebook.analysis.figures import REASONS, Figure, Omission, UnitFacts, UnitFigure, figure_of
from codebook.analysis.indicators import DerivedIndicator, FigureKind
from codebook.analysis.rollup import AreaPart, AreaRollup, roll_up
from codebook.records import Number, Record
from codebook.text.numbers import exact
from database.analysis.cells import cells_of_reports
from database.analysis.columns import CODES, DIGITS, FACTS, KNOWN, cell_ids, quoted
from database.analysis.expressions import stored_columns, stored_indicators, unit_sql
from database.analysis.panel import Panel
from database.analysis.sums import grain_of, inside

GOVERNMENT = "government"
"""The kind of agencies whose report covers their whole area."""
VERTICAL = "vertical_body"
"""The kind of agencies that a ministry runs in the regions: no part of an area's sum."""


class Basis(StrEnum):
    """Which reports are added up, so that nothing counts twice: that of a government holds those of its departments and towns."""

    UNITS = "units"
    """Every agency's own report: offices, departments, towns and others, without governments and vertical bodies."""
    AREAS = "areas"
    """The reports of governments: of those of the level by which figures are grouped, or of all."""
    VERTICAL = "vertical"
    """Those of vertical bodies."""
    ALL = "all"
    """All, for lists of units; never added up."""


class GroupBy(StrEnum):
    """What a figure is of."""

    UNIT = "unit"
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    KIND = "kind"
    ALL = "all"


class UnitOrder(StrEnum):
    """In which order units come; those of equal size by place."""

    PLACE = "place"
    """By region and agency."""
    SIZE = "size"
    """Those with the greatest denominators (of counts, figures) first, those without a figure last."""
    FIGURE = "figure"
    """Those with the greatest numerators first, those without a figure last."""
    LEFT_OUT = "left_out"
    """Those without a figure alone, by the reason and by place."""


_LEVELS = (GroupBy.PROVINCE, GroupBy.CITY, GroupBy.COUNTY)


class UnitSelection(Record, frozen=True):
    """Which units: those that meet all conditions. None: all.

    ``region`` is the beginning of a region's code, ``level`` province, city, county or town. ``documents`` and ``listed`` bound
    what a user sees: filings by their document in force, and agencies without a report by the beginnings of their region's code.
    """

    years: tuple[int, ...]
    region: str | None = None
    level: str | None = None
    basis: Basis = Basis.UNITS
    agencies: tuple[int, ...] | None = None
    documents: tuple[int, ...] | None = None
    listed: tuple[str, ...] | None = None


class UnitLine(Record, frozen=True):
    """A unit with its figure."""

    agency_id: int
    agency: str
    year: int
    kind: str | None
    level: str | None
    region_code: str | None
    filing_id: int | None
    document_id: int | None
    figure: UnitFigure


class GroupLine(Record, frozen=True):
    """A figure of the units of a group on a year. ``key`` is the code of a region or a kind; None for units without one."""

    key: str | None
    year: int
    figure: Figure


def bounds_of(selection: UnitSelection) -> tuple[str, dict[str, Any]]:
    """Return the condition of what a user may see, with its parameters."""
    if selection.documents is None:
        return "true", {}
    prefixes = " or ".join(f"starts_with(region_code, '{int(code)}')" for code in selection.listed or ()) or "false"
    condition = f"(document_id in (select unnest($documents::bigint[])) or (filing_id is null and ({prefixes})))"
    return condition, {"documents": list(selection.documents)}


def _conditions(selection: UnitSelection, by: GroupBy) -> tuple[str, dict[str, Any]]:
    found, values = [f"year in ({', '.join(str(int(year)) for year in selection.years) or 'null'})"], dict[str, Any]()
    if selection.region:
        found.append("starts_with(region_code, $region)")
        values["region"] = selection.region
    if selection.level:
        found.append("level = $level")
        values["level"] = selection.level
    if selection.basis is Basis.UNITS:
        found.append(f"kind is distinct from '{GOVERNMENT}' and kind is distinct from '{VERTICAL}'")
    elif selection.basis is Basis.AREAS:
        found.append(f"kind = '{GOVERNMENT}'")
        if by in _LEVELS:
            found.append(f"level = '{by.value}'")
    elif selection.basis is Basis.VERTICAL:
        found.append(f"kind = '{VERTICAL}'")
    if selection.agencies is not None:
        found.append("list_contains($agencies, agency_id)")
        values["agencies"] = list(selection.agencies)
    bounds, bound = bounds_of(selection)
    return " and ".join([*found, bounds]), {**values, **bound}


_KEYS: Mapping[GroupBy, str] = {
    GroupBy.PROVINCE: "province_code",
    GroupBy.CITY: "city_code",
    GroupBy.COUNTY: "county_code",
    GroupBy.KIND: "kind",
    GroupBy.ALL: "null",
}
_Parts = dict[int | None, Sequence[Any]]  # units, numerator and denominator by the reason for which units are left out
_WHO = "agency_id, agency, year, kind, level, region_code, filing_id, document_id"


def _source(
    panel: Panel, indicators: Sequence[DerivedIndicator], years: tuple[int, ...]
) -> tuple[str, list[tuple[str, str, str]]]:
    """The view that has some indicators, with the expressions of numerator, denominator and reason of each: columns where they
    were computed when the panel was made, else computed from cells.
    """
    if all(indicator.id in stored_indicators() for indicator in indicators):
        columns = [stored_columns(indicator.id) for indicator in indicators]
        return panel.view("figures", years), [(quoted(n), quoted(d), quoted(w)) for n, d, w in columns]
    return panel.view("panel", years), [unit_sql(indicator, years) for indicator in indicators]


def unit_lines(  # noqa: PLR0917 (what a list of units is asked by)
    panel: Panel,
    indicator: DerivedIndicator,
    selection: UnitSelection,
    order: UnitOrder = UnitOrder.PLACE,
    after: int = 0,
    limit: int | None = None,
) -> list[UnitLine]:
    """Return the units of a selection with their figures."""
    source, [(numerator, denominator, reason)] = _source(panel, [indicator], selection.years)
    where, values = _conditions(selection, GroupBy.UNIT)
    size = {UnitOrder.SIZE: "coalesce(d, n)", UnitOrder.FIGURE: "n"}.get(order)
    first = f"w is not null, case when w is null then {size} end desc nulls last, " if size else ""
    only = ""
    if order is UnitOrder.LEFT_OUT:
        first, only = "w, ", " where w is not null"
    part = f" limit {int(limit)} offset {int(after)}" if limit else ""
    query = (
        f"with units as (select {_WHO}, {numerator} as n, {denominator} as d, {reason} as w from {source} where {where})"
        f" select * from units{only} order by {first}region_code nulls last, agency_id, year{part}"
    )
    return [UnitLine(*(*row[:8], _unit_figure(*row[8:]))) for row in panel.ask(query, values)]


def _unit_figure(numerator: float | None, denominator: float | None, code: int | None) -> UnitFigure:
    if code is not None:
        return UnitFigure(why=REASONS[code - 1])
    return UnitFigure(_exact(numerator), _exact(denominator))


def _exact(number: float | None) -> Number | None:
    return None if number is None else exact(round(number, DIGITS))


def group_lines(panel: Panel, indicator: DerivedIndicator, selection: UnitSelection, by: GroupBy) -> list[GroupLine]:
    """Return the figures of the groups of a selection, a line for each group and year.

    Raises ValueError where reports would count twice: governments together with those under them.
    """
    return group_lines_of(panel, [indicator], selection, by)[0]


def group_lines_of(
    panel: Panel, indicators: Sequence[DerivedIndicator], selection: UnitSelection, by: GroupBy
) -> list[list[GroupLine]]:
    """Return :func:`group_lines` of several indicators, in one pass over the units."""
    refuse_twice(selection, by)
    return _sums(panel, indicators, selection, by)


def refuse_twice(selection: UnitSelection, by: GroupBy) -> None:
    """Raise ValueError where reports would count twice: governments together with those under them."""
    if selection.basis is Basis.ALL:
        raise ValueError("the reports of governments hold those of their departments; choose units, areas or vertical bodies")
    if selection.basis is Basis.AREAS and by not in _LEVELS and selection.level is None:
        raise ValueError("the reports of governments hold those of the governments under them; choose a level")


def figure_of_units(panel: Panel, indicator: DerivedIndicator, selection: UnitSelection) -> Figure:
    """Return the figure of all units of a selection of one year: how many are in it and why others are not. Of units that hold
    each other (:attr:`Basis.ALL`, governments of several levels) its sums count them several times, and must not be shown.
    """
    lines = _sums(panel, [indicator], selection, GroupBy.ALL)[0]
    if len(lines) > 1:
        raise ValueError(f"{len(lines)} years; expected one")
    return lines[0].figure if lines else figure_of(indicator, 0, 0, None, {})


def _sums(panel: Panel, indicators: Sequence[DerivedIndicator], selection: UnitSelection, by: GroupBy) -> list[list[GroupLine]]:
    every = selection.documents is None and selection.agencies is None and selection.basis is not Basis.ALL
    grain = grain_of(selection.region, by.value) if every else None
    if grain is not None and all(indicator.id in stored_indicators() for indicator in indicators):
        return _stored_sums(panel, indicators, selection, by, grain)
    where, values = _conditions(selection, by)
    source, expressions = _source(panel, indicators, selection.years)
    columns, totals = [f"{_KEYS[by]} as key", "year"], ["key", "year"]
    for place, (numerator, denominator, reason) in enumerate(expressions):
        columns += [f"{numerator} as n{place}", f"{denominator} as d{place}", f"{reason} as w{place}"]
        inside = f"filter (where w{place} is null)"
        totals += [f"count(*) {inside}", f"sum(n{place}) {inside}", f"sum(d{place}) {inside}", f"histogram(w{place})"]
    query = (
        f"with units as (select {', '.join(columns)} from {source} where {where})"
        f" select {', '.join(totals)} from units group by key, year"
    )
    rows = sorted(panel.ask(query, values), key=lambda row: (row[0] is None, row[0] or "", row[1]))
    return [[_group_line(indicator, row, 2 + 4 * place) for row in rows] for place, indicator in enumerate(indicators)]


def _stored_sums(
    panel: Panel, indicators: Sequence[DerivedIndicator], selection: UnitSelection, by: GroupBy, grain: str
) -> list[list[GroupLine]]:
    """What :func:`_sums` returns, from the sums of regions that were made with the panel."""
    where, values = _conditions(msgspec.structs.replace(selection, region=None), by)
    place, of_region = inside(selection.region)
    names = [indicator.id for indicator in indicators]
    query = (
        f"select indicator, {_KEYS[by]} as key, year, reason, sum(units), sum(numerator), sum(denominator)"
        f" from {panel.view('sums', selection.years)} where grain = $grain and list_contains($indicators, indicator)"
        f" and {place} and {where} group by all"
    )
    parts: dict[str, dict[tuple[str | None, int], _Parts]] = {name: defaultdict(dict) for name in names}
    for name, key, year, reason, *sums in panel.ask(query, {"grain": grain, "indicators": names, **values, **of_region}):
        parts[name][key, year][reason] = sums
    found = []
    for indicator in indicators:
        groups = sorted(parts[indicator.id].items(), key=lambda each: (each[0][0] is None, each[0][0] or "", each[0][1]))
        lines = []
        for (key, year), some in groups:
            units, numerator, denominator = some.pop(None, (0, None, None))
            reasons = {code: count for code, (count, _, _) in some.items()}
            lines.append(_group_line(indicator, (key, year, units, numerator, denominator, reasons), 2))
        found.append(lines)
    return found


def _group_line(indicator: DerivedIndicator, row: tuple[Any, ...], at: int) -> GroupLine:
    units, numerator, denominator, reasons = row[at : at + 4]
    counts = reasons or {}
    left_out = {reason: int(counts[code]) for reason, code in CODES.items() if code in counts}
    whole = None if indicator.kind is FigureKind.COUNT else _exact(denominator) or 0
    return GroupLine(row[0], row[1], figure_of(indicator, units, _exact(numerator) or 0, whole, left_out))


def unit_facts(panel: Panel, selection: UnitSelection, cells: Sequence[str] | None = None) -> list[UnitFacts]:
    """Return the units of a selection with those ``cells`` (None: all) and with the facts of each, by region and agency."""
    where, values = _conditions(selection, GroupBy.UNIT)
    wanted = cell_ids() if cells is None else cells
    return [unit for unit, _ in _facts(panel, selection.years, where, values, wanted)]


def reported_facts(panel: Panel, connection: Connection, selection: UnitSelection) -> list[UnitFacts]:
    """Return what :func:`unit_facts` returns, with all cells, for a few units: their cells are read from the row store, which has
    those of a report together. ``connection`` need not see them: the selection bounds what a user sees.
    """
    where, values = _conditions(selection, GroupBy.UNIT)
    found = _facts(panel, selection.years, where, values, ())
    cells = cells_of_reports(connection, [report for _, report in found if report is not None])
    return [
        msgspec.structs.replace(unit, known={**cells[report][0], **unit.known}, open={**cells[report][1], **unit.open})
        if report is not None
        else unit
        for unit, report in found
    ]


def _facts(
    panel: Panel, years: tuple[int, ...], where: str, values: Mapping[str, Any], cells: Sequence[str]
) -> list[tuple[UnitFacts, int | None]]:
    """Units with some cells, each with the number of its report."""
    names = (*cells, *FACTS)
    columns = ", ".join(f"{quoted(name)}, {quoted(f'{name}?')}" for name in names)
    source = panel.view("panel" if cells else "figures", years)
    query = (
        f"select {_WHO}, form, rules, report_id, {columns} from {source} where {where}"
        f" order by region_code nulls last, agency_id, year"
    )
    found = []
    for row in panel.ask(query, values):
        agency_id, agency, year, kind, level, region_code, filing_id, document_id, form, rules, report_id = row[:11]
        known: dict[str, Number] = {}
        open_: dict[str, Omission] = {}
        for name, value, code in zip(names, row[11::2], row[12::2], strict=True):
            if code == KNOWN:
                known[name] = _exact(value) or 0
            elif code is not None:
                open_[name] = REASONS[code - 1]
        who = (agency_id, agency, year, kind, level, region_code, filing_id, document_id, form)
        found.append((UnitFacts(*who, known, open_, frozenset(rules or ())), report_id))
    return found


def area_rollup(panel: Panel, area: str, year: int, cells: Sequence[str], visible: UnitSelection | None = None) -> AreaRollup:
    """Return the roll-up of the area of a government (a code of six digits) on a year. ``visible`` bounds what a user sees: where
    it hides an agency of the area, the roll-up says so.
    """
    every = UnitSelection((year,), basis=Basis.ALL)
    inside = f"(substr(region_code, 1, 6) = $area or (kind = '{GOVERNMENT}' and parent_code = $area))"
    bounded = visible is not None and visible.documents is not None
    selection = msgspec.structs.replace(every, documents=visible.documents, listed=visible.listed) if visible else every
    where, values = _conditions(selection, GroupBy.UNIT)
    found = _facts(panel, (year,), f"{where} and {inside}", {**values, "area": area}, cells)
    hidden = bounded and _count(panel, every, inside, {"area": area}) > len(found)
    return roll_up(area, year, [unit for unit, _ in found], cells, hidden=hidden)


def _count(panel: Panel, selection: UnitSelection, condition: str, values: Mapping[str, Any]) -> int:
    where, more = _conditions(selection, GroupBy.UNIT)
    source = panel.view("figures", selection.years)
    return int(panel.ask(f"select count(*) from {source} where {where} and {condition}", {**more, **values})[0][0])


class AreaSums(Record, frozen=True):
    """The sums of cells over one part of an area on a year, with the units that each has, and the units of the part."""

    area: str
    year: int
    part: str
    units: int
    sums: tuple[Number | None, ...]
    counts: tuple[int, ...]


def area_sums(panel: Panel, years: Sequence[int], cells: Sequence[str]) -> list[AreaSums]:
    """Return the roll-up of all areas at once: for each area, year and part (``stated`` is the government's own report) the sums
    of ``cells``. It says the same as :func:`area_rollup` of each: of several governments with one code, one counts.
    """
    wanted = f"year in ({', '.join(str(int(year)) for year in years)}) and region_code is not null"
    columns = ", ".join(quoted(cell) for cell in cells)
    part = (
        f"case kind when 'government_office' then '{AreaPart.OFFICE.value}' when 'town' then '{AreaPart.TOWN.value}'"
        f" when '{VERTICAL}' then '{AreaPart.VERTICAL.value}' else '{AreaPart.DEPARTMENT.value}' end"
    )
    sums = ", ".join(f"round(sum({quoted(cell)}), {DIGITS})" for cell in cells)
    counts = ", ".join(f"count({quoted(cell)})" for cell in cells)
    source = panel.view("panel", tuple(years))
    # Governments are few: only among them one of several with a code is chosen.
    query = (
        f"with seats as (select substr(region_code, 1, 6) as area, parent_code, year, {columns} from {source}"
        f" where {wanted} and kind = '{GOVERNMENT}' qualify row_number()"
        f" over (partition by substr(region_code, 1, 6), year order by filing_id is null, agency_id) = 1),"
        f" found as (select substr(region_code, 1, 6) as area, year, {part} as part, count(*), {sums}, {counts} from {source}"
        f" where {wanted} and kind is distinct from '{GOVERNMENT}' group by all"
        f" union all select area, year, 'stated', count(*), {sums}, {counts} from seats group by all"
        f" union all select parent_code, year, '{AreaPart.LOWER.value}', count(*), {sums}, {counts} from seats"
        f" where parent_code is not null group by all) select * from found order by area, year, part"
    )
    end = 4 + len(cells)
    return [AreaSums(*(*row[:4], row[4:end], row[end:])) for row in panel.ask(query)]


def years_of(panel: Panel) -> list[int]:
    """Return the years of which there are units, the latest first."""
    return sorted(panel.manifest.years, reverse=True)
