"""Indicators that compare two years of an agency (repeated text, repeated numbers): computed from the two reports when asked for.

The panel does not have them: it holds no text, and reading that of all reports takes minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection

from codebook.analysis.figures import UnitFacts, UnitFigure, sum_of, unit_figure
from codebook.analysis.indicators import DerivedIndicator
from codebook.analysis.repeats import with_year_before
from database.analysis.keys import city_of, county_of, province_of
from database.analysis.panel import Panel
from database.analysis.queries import (
    Basis,
    GroupBy,
    GroupLine,
    UnitLine,
    UnitSelection,
    refuse_twice,
    reported_facts,
    unit_facts,
)
from database.analysis.texts import chapters_of
from database.sql import chunks
from tasks.validation.rules.between_reports import own_words

MOST_COMPARED = 1_000
"""Agencies whose reports a page or a call compares; some seconds."""
_AT_ONCE = 200  # units whose texts are in memory
_ALL = slice(None)
_KEYS = {GroupBy.PROVINCE: province_of, GroupBy.CITY: city_of, GroupBy.COUNTY: county_of}


def with_years_before(connection: Connection, pairs: Sequence[tuple[UnitFacts, UnitFacts | None]]) -> list[UnitFacts]:
    """Return units with what they repeat of the year before; each comes with that year, or None where there is none.

    The units have all their cells. ``connection`` shows the texts of their documents.
    """
    documents = {unit.document_id for pair in pairs for unit in pair if unit is not None and unit.document_id is not None}
    texts = {
        document: {each.number: own_words(each.text) for each in some if each.number is not None}
        for document, some in chapters_of(connection, sorted(documents)).items()
    }

    def of(unit: UnitFacts | None) -> dict[int, str]:
        return texts.get(unit.document_id, {}) if unit is not None and unit.document_id is not None else {}

    return [with_year_before(unit, before, of(unit), of(before)) for unit, before in pairs]


def compared_unit_lines(
    panel: Panel, connection: Connection, indicator: DerivedIndicator, selection: UnitSelection, part: slice = _ALL
) -> list[UnitLine]:
    """Return the units of a selection (``part`` of them) by region and agency, with an indicator that compares two years."""
    lines = []
    for unit in _compared(panel, connection, selection, part):
        who = (unit.agency_id, unit.agency, unit.year, unit.kind, unit.level, unit.region_code, unit.filing_id, unit.document_id)
        lines.append(UnitLine(*who, unit_figure(indicator, unit)))
    return lines


def _compared(panel: Panel, connection: Connection, selection: UnitSelection, part: slice) -> Iterator[UnitFacts]:
    years = tuple(sorted({year - back for year in selection.years for back in (0, 1)}))
    for some in chunks(unit_facts(panel, selection, ())[part], _AT_ONCE):
        agencies = tuple(sorted({unit.agency_id for unit in some}))
        both = UnitSelection(years, basis=Basis.ALL, agencies=agencies, documents=selection.documents, listed=selection.listed)
        known = {(unit.agency_id, unit.year): unit for unit in reported_facts(panel, connection, both)}
        pairs = [(known[unit.agency_id, unit.year], known.get((unit.agency_id, unit.year - 1))) for unit in some]
        yield from with_years_before(connection, pairs)


def compared_group_lines(
    panel: Panel, connection: Connection, indicator: DerivedIndicator, selection: UnitSelection, by: GroupBy
) -> list[GroupLine]:
    """Return what :func:`database.analysis.queries.group_lines` returns, for an indicator that compares two years.

    Raises ValueError where reports would count twice.
    """
    refuse_twice(selection, by)
    if selection.basis is Basis.AREAS and by in _KEYS:
        selection = msgspec.structs.replace(selection, level=selection.level or by.value)
    groups: dict[tuple[str | None, int], list[UnitFigure]] = defaultdict(list)
    for unit in _compared(panel, connection, selection, _ALL):
        groups[_key(unit, by), unit.year].append(unit_figure(indicator, unit))
    ordered = sorted(groups.items(), key=lambda item: (item[0][0] is None, item[0][0] or "", item[0][1]))
    return [GroupLine(key, year, sum_of(indicator, figures)) for (key, year), figures in ordered]


def _key(unit: UnitFacts, by: GroupBy) -> str | None:
    if by is GroupBy.KIND:
        return unit.kind
    return _KEYS[by](unit.region_code) if by in _KEYS else None
