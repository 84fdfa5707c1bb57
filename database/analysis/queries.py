"""What is asked of the panel: figures of units and of regions. The SQL is made from the definitions of indicators.yaml; that it
says the same as :func:`codebook.analysis.figures.unit_figure` is tested.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from codebook.analysis.figures import REASONS, Figure, Omission, UnitFacts, UnitFigure, figure_of
from codebook.analysis.indicators import Definition, DerivedIndicator, FigureKind
from codebook.analysis.rollup import AreaPart, AreaRollup, roll_up
from codebook.records import Number, Record
from codebook.text.numbers import exact
from database.analysis.panel import CODES, KNOWN, Panel, cell_ids
from database.analysis.panel import FACTS as FACT_COLUMNS

GOVERNMENT = "government"
"""The kind of agencies whose report covers their whole area."""
VERTICAL = "vertical_body"
"""The kind of agencies that a ministry runs in the regions: no part of an area's sum."""
_DIGITS = 6  # of sums, after the point: amounts have at most that many


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


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _number(term: str) -> str:
    if term.startswith("finding."):
        rule = term.removeprefix("finding.").replace("'", "''")
        return f"cast(list_contains(rules, '{rule}') as double)"
    return _quoted(term)


def _code(term: str) -> str:
    """Whether a term is known: 0, or the code of the reason; null where the report has no such cell."""
    if term.startswith("finding."):
        return f"case when filing_id is null then {CODES[Omission.NO_FILING]} else {KNOWN} end"
    return _quoted(f"{term}?")


def _sum(weights: Mapping[str, Number]) -> str:
    return " + ".join(f"{weight} * {_number(term)}" for term, weight in weights.items())


def _applies(definition: Definition) -> str:
    if cells := definition.cells:
        return " and ".join(f"{_quoted(f'{cell}?')} is not null" for cell in cells)
    forms = ", ".join(f"'{form}'" for form in definition.forms)
    return f"(form is null or form in ({forms}))"


def _reason(indicator: DerivedIndicator, definition: Definition, years: Sequence[int]) -> str:
    """The code of why a unit is left out by a definition; null where it is in."""
    codes = ", ".join(f"nullif({_code(term)}, {KNOWN})" for term in definition.terms)
    known = f"least({codes}, null)"
    good = [str(year) for year in years if indicator.series_of(year) in (None, definition.series)]
    other = f"case when year in ({', '.join(good) or 'null'}) then null else {CODES[Omission.NOT_COMPARABLE]} end"
    return f"coalesce({known}, {other})"


def unit_sql(indicator: DerivedIndicator, years: tuple[int, ...]) -> tuple[str, str, str]:
    """Return the expressions of numerator, denominator and reason of an indicator over the columns of the panel.

    Raises ValueError for an indicator that compares two years, which the panel does not hold.
    """
    if indicator.of_years:
        raise ValueError(f"{indicator.id} compares two years of an agency; the panel does not have it")
    no_filing, not_in_form = CODES[Omission.NO_FILING], CODES[Omission.NOT_IN_FORM]
    lacking = f"case when filing_id is null then {no_filing} else {not_in_form} end"
    parts: dict[str, list[str]] = defaultdict(list)
    for definition in indicator.definitions:
        when = f"when {_applies(definition)} then"
        parts["numerator"].append(f"{when} {_sum(definition.numerator)}")
        parts["denominator"].append(f"{when} {_sum(definition.denominator) if definition.denominator else 'null'}")
        parts["reason"].append(f"{when} {_reason(indicator, definition, years)}")
    numerator = f"case {' '.join(parts['numerator'])} end"
    denominator = f"case {' '.join(parts['denominator'])} end"
    return numerator, denominator, f"case {' '.join(parts['reason'])} else {lacking} end"


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
    if selection.documents is not None:
        prefixes = " or ".join(f"starts_with(region_code, '{int(code)}')" for code in selection.listed or ()) or "false"
        found.append(f"(document_id in (select unnest($documents::bigint[])) or (filing_id is null and ({prefixes})))")
        values["documents"] = list(selection.documents)
    return " and ".join(found), values


_KEYS: Mapping[GroupBy, str] = {
    GroupBy.PROVINCE: "province_code",
    GroupBy.CITY: "city_code",
    GroupBy.COUNTY: "county_code",
    GroupBy.KIND: "kind",
    GroupBy.ALL: "null",
}
_WHO = "agency_id, agency, year, kind, level, region_code, filing_id, document_id"


def unit_lines(
    panel: Panel, indicator: DerivedIndicator, selection: UnitSelection, *, after: int = 0, limit: int | None = None
) -> list[UnitLine]:
    """Return the units of a selection with their figures, by region and agency."""
    numerator, denominator, reason = unit_sql(indicator, selection.years)
    where, values = _conditions(selection, GroupBy.UNIT)
    query = (
        f"select {_WHO}, {numerator}, {denominator}, {reason} from panel where {where}"
        f" order by region_code nulls last, agency_id, year{f' limit {int(limit)} offset {int(after)}' if limit else ''}"
    )
    return [UnitLine(*(*row[:8], _unit_figure(*row[8:]))) for row in panel.ask(query, values)]


def _unit_figure(numerator: float | None, denominator: float | None, code: int | None) -> UnitFigure:
    if code is not None:
        return UnitFigure(why=REASONS[code - 1])
    return UnitFigure(_exact(numerator), _exact(denominator))


def _exact(number: float | None) -> Number | None:
    return None if number is None else exact(round(number, _DIGITS))


def group_lines(panel: Panel, indicator: DerivedIndicator, selection: UnitSelection, by: GroupBy) -> list[GroupLine]:
    """Return the figures of the groups of a selection, a line for each group and year.

    Raises ValueError where reports would count twice: governments together with those under them.
    """
    return group_lines_of(panel, [indicator], selection, by)[0]


def group_lines_of(
    panel: Panel, indicators: Sequence[DerivedIndicator], selection: UnitSelection, by: GroupBy
) -> list[list[GroupLine]]:
    """Return :func:`group_lines` of several indicators, in one pass over the units."""
    if selection.basis is Basis.ALL:
        raise ValueError("the reports of governments hold those of their departments; choose units, areas or vertical bodies")
    if selection.basis is Basis.AREAS and by not in _LEVELS and selection.level is None:
        raise ValueError("the reports of governments hold those of the governments under them; choose a level")
    where, values = _conditions(selection, by)
    columns, totals = [f"{_KEYS[by]} as key", "year"], ["key", "year"]
    for place, indicator in enumerate(indicators):
        numerator, denominator, reason = unit_sql(indicator, selection.years)
        columns += [f"{numerator} as n{place}", f"{denominator} as d{place}", f"{reason} as w{place}"]
        inside = f"filter (where w{place} is null)"
        totals += [f"count(*) {inside}", f"sum(n{place}) {inside}", f"sum(d{place}) {inside}", f"histogram(w{place})"]
    query = (
        f"with units as (select {', '.join(columns)} from panel where {where})"
        f" select {', '.join(totals)} from units group by key, year"
    )
    rows = sorted(panel.ask(query, values), key=lambda row: (row[0] is None, row[0] or "", row[1]))
    return [[_group_line(indicator, row, 2 + 4 * place) for row in rows] for place, indicator in enumerate(indicators)]


def _group_line(indicator: DerivedIndicator, row: tuple[Any, ...], at: int) -> GroupLine:
    units, numerator, denominator, reasons = row[at : at + 4]
    counts = reasons or {}
    left_out = {reason: int(counts[code]) for reason, code in CODES.items() if code in counts}
    whole = None if indicator.kind is FigureKind.COUNT else _exact(denominator) or 0
    return GroupLine(row[0], row[1], figure_of(indicator, units, _exact(numerator) or 0, whole, left_out))


def unit_facts(panel: Panel, selection: UnitSelection, cells: Sequence[str] | None = None) -> list[UnitFacts]:
    """Return the units of a selection with those ``cells`` (None: all) and with the facts of each, by region and agency."""
    where, values = _conditions(selection, GroupBy.UNIT)
    return _facts(panel, where, values, cell_ids() if cells is None else cells)


def _facts(panel: Panel, where: str, values: Mapping[str, Any], cells: Sequence[str]) -> list[UnitFacts]:
    names = (*cells, *FACT_COLUMNS)
    columns = ", ".join(f"{_quoted(name)}, {_quoted(f'{name}?')}" for name in names)
    query = f"select {_WHO}, form, rules, {columns} from panel where {where} order by region_code nulls last, agency_id, year"
    found = []
    for row in panel.ask(query, values):
        agency_id, agency, year, kind, level, region_code, filing_id, document_id, form, rules = row[:10]
        known: dict[str, Number] = {}
        open_: dict[str, Omission] = {}
        for name, value, code in zip(names, row[10::2], row[11::2], strict=True):
            if code == KNOWN:
                known[name] = _exact(value) or 0
            elif code is not None:
                open_[name] = REASONS[code - 1]
        who = (agency_id, agency, year, kind, level, region_code, filing_id, document_id, form)
        found.append(UnitFacts(*who, known, open_, frozenset(rules or ())))
    return found


def area_rollup(panel: Panel, area: str, year: int, cells: Sequence[str], visible: UnitSelection | None = None) -> AreaRollup:
    """Return the roll-up of the area of a government (a code of six digits) on a year. ``visible`` bounds what a user sees."""
    selection = UnitSelection((year,), basis=Basis.ALL)
    if visible is not None:
        selection = msgspec.structs.replace(selection, documents=visible.documents, listed=visible.listed)
    where, values = _conditions(selection, GroupBy.UNIT)
    inside = f"{where} and (substr(region_code, 1, 6) = $area or (kind = '{GOVERNMENT}' and parent_code = $area))"
    return roll_up(area, year, _facts(panel, inside, {**values, "area": area}, cells), cells)


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
    columns = ", ".join(_quoted(cell) for cell in cells)
    part = (
        f"case kind when '{GOVERNMENT}' then 'stated' when 'government_office' then '{AreaPart.OFFICE.value}' when 'town' then"
        f" '{AreaPart.TOWN.value}' when '{VERTICAL}' then '{AreaPart.VERTICAL.value}' else '{AreaPart.DEPARTMENT.value}' end"
    )
    sums = ", ".join(f"round(sum({_quoted(cell)}), {_DIGITS})" for cell in cells)
    counts = ", ".join(f"count({_quoted(cell)})" for cell in cells)
    query = (
        f"with found as (select substr(region_code, 1, 6) as area, parent_code, year, kind, {columns}, row_number() over"
        f" (partition by substr(region_code, 1, 6), year, kind = '{GOVERNMENT}' order by filing_id is null, agency_id) as turn"
        f" from panel where {wanted}),"
        f" units as (select area, year, {part} as part, {columns} from found"
        f" where kind is distinct from '{GOVERNMENT}' or turn = 1"
        f" union all select parent_code, year, '{AreaPart.LOWER.value}', {columns} from found"
        f" where kind = '{GOVERNMENT}' and turn = 1 and parent_code is not null)"
        f" select area, year, part, count(*), {sums}, {counts} from units group by area, year, part order by area, year, part"
    )
    end = 4 + len(cells)
    return [AreaSums(*(*row[:4], row[4:end], row[end:])) for row in panel.ask(query)]


def years_of(panel: Panel) -> list[int]:
    """Return the years of which there are units, the latest first."""
    return sorted(panel.manifest.years, reverse=True)
