"""Figures of derived indicators: of one unit, and of many, with the units that are not in it and why.

A unit is an agency on a year. What is blank, doubtful or missing is never 0: a unit of which one term is not known is left out,
and counted by the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from math import sqrt

import msgspec

from codebook.analysis.indicators import Definition, DerivedIndicator, FigureKind
from codebook.records import Number, Record
from codebook.text.numbers import exact

_Z95 = 1.959963984540054
_FINDING = "finding."


class Omission(StrEnum):
    """Why a unit is not in a figure. Of several reasons the first counts."""

    NO_FILING = "no_filing"
    """The list names the agency, and it has no report in force."""
    NOT_IN_FORM = "not_in_form"
    """Its report has not the cells: another form, or a table that the report lacks."""
    NOT_COMPARABLE = "not_comparable"
    """Its form counts something else than the national form of the year."""
    NOT_LISTED = "not_listed"
    """No list names the agency."""
    NO_YEAR_BEFORE = "no_year_before"
    """There is no report on the year before to compare it with."""
    NO_DATE = "no_date"
    """Neither the list nor the law names a date for the agency."""
    UNDATED = "undated"
    """The report prints no date, and came in after its date."""
    NO_CALENDAR = "no_calendar"
    """It is late, and the holidays of the year in which it was published are not known."""
    NOT_SEEN = "not_seen"
    """The form demands a cell of which nothing was found."""
    DOUBT = "doubt"
    """A cell could not be determined."""
    BLANK = "blank"
    """The report leaves a cell blank."""


REASONS = tuple(Omission)
"""All reasons, in the order in which they count."""


class UnitFacts(Record, frozen=True):
    """An agency on a year: who it is, and what is known of it by term (cells and facts of indicators.yaml).

    ``known`` are numbers that are sure, ``open`` terms that are there and not known. A term in neither is not in its report.
    ``kind`` is a kind of agencies/kinds.yaml, ``level`` province, city, county or town. ``filing_id`` is None for an agency of
    the list that has no report in force; ``document_id`` is the document in force. ``rules`` are the rules of which it has
    findings that stand, with ``any`` where one is an error.
    """

    agency_id: int
    agency: str
    year: int
    kind: str | None = None
    level: str | None = None
    region_code: str | None = None
    filing_id: int | None = None
    document_id: int | None = None
    form: str | None = None
    known: dict[str, Number] = msgspec.field(default_factory=dict)
    open: dict[str, Omission] = msgspec.field(default_factory=dict)
    rules: frozenset[str] = frozenset()

    def has(self, term: str) -> bool:
        """Return whether its report has a term, known or not."""
        return term in self.known or term in self.open

    def of_term(self, term: str) -> Number | Omission:
        """Return the number of a term, or why it is not known."""
        if term in self.known:
            return self.known[term]
        if term in self.open:
            return self.open[term]
        if self.filing_id is None:
            return Omission.NO_FILING
        if term == "unit.reported":
            return 1
        if term.startswith(_FINDING):
            return int(term.removeprefix(_FINDING) in self.rules)
        return Omission.NOT_IN_FORM


class UnitFigure(Record, frozen=True):
    """An indicator of one unit: numerator and denominator (None for counts), or why the unit is left out."""

    numerator: Number | None = None
    denominator: Number | None = None
    why: Omission | None = None

    @property
    def value(self) -> float | None:
        """The figure; None where the unit is left out, or its denominator is 0."""
        return _value(self.numerator, self.denominator)


class Figure(Record, frozen=True):
    """An indicator of several units: the sums, their quotient, and how many units are in it and not.

    ``numerator`` and ``denominator`` are None when no unit is in it (the denominator of counts always). ``low`` and ``high`` are
    the ends of the Wilson interval (95 %) of a proportion. ``ranked``: the denominator is great enough to compare it with
    others.
    """

    indicator: str
    units: int
    left_out: dict[Omission, int]
    numerator: Number | None = None
    denominator: Number | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    ranked: bool = False

    @property
    def all_units(self) -> int:
        """The units in it and those that are not."""
        return self.units + sum(self.left_out.values())


def _value(numerator: Number | None, denominator: Number | None) -> float | None:
    if numerator is None:
        return None
    if denominator is None:
        return numerator
    return numerator / denominator if denominator > 0 else None


def unit_figure(indicator: DerivedIndicator, unit: UnitFacts) -> UnitFigure:
    """Return an indicator of one unit: by the first definition all of whose cells its report has."""
    fitting = _fitting(indicator, unit)
    # The report on the year before has another form: none of the definitions that the report itself allows compares the two.
    definition = next((each for each in fitting if all(unit.has(term) for term in each.before)), None)
    if definition is None and fitting:
        return UnitFigure(why=Omission.NOT_COMPARABLE)
    if definition is None:
        return UnitFigure(why=Omission.NO_FILING if unit.filing_id is None else Omission.NOT_IN_FORM)
    terms = {term: unit.of_term(term) for term in definition.terms}
    reasons = {found for found in terms.values() if isinstance(found, Omission)}
    if not reasons and indicator.series_of(unit.year) not in (None, definition.series):
        reasons = {Omission.NOT_COMPARABLE}
    if reasons:
        return UnitFigure(why=min(reasons, key=REASONS.index))
    numbers = {term: found for term, found in terms.items() if not isinstance(found, Omission)}
    counted = int(_weighted(definition.balance, numbers) == 0) if definition.balance else _weighted(definition.numerator, numbers)
    return UnitFigure(counted, _weighted(definition.denominator, numbers) if definition.denominator else None)


def _fitting(indicator: DerivedIndicator, unit: UnitFacts) -> list[Definition]:
    """The definitions all of whose cells its report has."""
    found = []
    for definition in indicator.definitions:
        cells = definition.cells
        if all(unit.has(cell) for cell in cells) if cells else unit.form in (*definition.forms, None):
            found.append(definition)
    return found


def _weighted(weights: Mapping[str, Number], numbers: Mapping[str, Number]) -> Number:
    return exact(sum(weight * numbers[term] for term, weight in weights.items()))


def sum_of(indicator: DerivedIndicator, figures: Iterable[UnitFigure]) -> Figure:
    """Return the figure of several units.

    >>> from codebook.analysis.indicators import derived_indicators
    >>> rate = derived_indicators()["grant_rate"]
    >>> figure = sum_of(rate, [UnitFigure(3, 4), UnitFigure(1, 6), UnitFigure(why=Omission.BLANK)])
    >>> figure.value, figure.units, figure.left_out
    (0.4, 2, {<Omission.BLANK: 'blank'>: 1})
    """
    left_out: Counter[Omission] = Counter()
    numerators: list[Number] = []
    denominators: list[Number] = []
    for each in figures:
        if each.why is not None or each.numerator is None:
            left_out[each.why or Omission.NOT_IN_FORM] += 1
            continue
        numerators.append(each.numerator)
        if each.denominator is not None:
            denominators.append(each.denominator)
    has_denominator = indicator.kind is not FigureKind.COUNT
    return figure_of(
        indicator,
        len(numerators),
        exact(sum(numerators)),
        exact(sum(denominators)) if has_denominator else None,
        {reason: left_out[reason] for reason in REASONS if left_out[reason]},
    )


def figure_of(
    indicator: DerivedIndicator, units: int, numerator: Number, denominator: Number | None, left_out: dict[Omission, int]
) -> Figure:
    """Return the figure of sums over ``units`` units."""
    if not units:
        return Figure(indicator.id, 0, left_out)
    low = high = None
    if indicator.kind is FigureKind.PROPORTION and denominator is not None:
        interval = wilson(numerator, denominator)
        low, high = interval if interval is not None else (None, None)
    return Figure(
        indicator.id,
        units,
        left_out,
        numerator,
        denominator,
        _value(numerator, denominator),
        low,
        high,
        ranked=denominator is None or denominator >= max(indicator.least, 1),
    )


def wilson(successes: Number, trials: Number, z: float = _Z95) -> tuple[float, float] | None:
    """Return the Wilson interval of a proportion; None where there is none: no trials, or more successes than trials.

    >>> [round(end, 4) for end in wilson(8, 10)], wilson(3, 0), wilson(3, 2)
    ([0.4902, 0.9433], None, None)
    """
    if trials <= 0 or not 0 <= successes <= trials:
        return None
    share, square = successes / trials, z * z
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    half = z * sqrt(share * (1 - share) / trials + square / (4 * trials * trials)) / (1 + square / trials)
    return max(0.0, centre - half), min(1.0, centre + half)


def ranks(figures: Mapping[str, Figure], *, greatest_first: bool = True) -> dict[str, int]:
    """Return the places of those figures whose denominator is great enough; equal figures share a place.

    >>> one = Figure("received", 1, {}, 5, None, 5.0, ranked=True)
    >>> ranks({"a": one, "b": one, "c": msgspec.structs.replace(one, value=7.0), "d": msgspec.structs.replace(one, ranked=False)})
    {'c': 1, 'a': 2, 'b': 2}
    """
    values = [(key, each.value) for key, each in figures.items() if each.ranked and each.value is not None]
    ordered = sorted(values, key=lambda item: item[1], reverse=greatest_first)
    places: dict[str, int] = {}
    last: float | None = None
    for number, (key, value) in enumerate(ordered, start=1):
        places[key] = number if value != last else places[ordered[number - 2][0]]
        last = value
    return places


class FunnelLimits(Record, frozen=True):
    """Between which shares a unit with a denominator lies by chance: 95 % and 99.8 % of those that do as all do."""

    denominator: float
    low95: float
    high95: float
    low998: float
    high998: float


_Z998 = 3.090232306167813


def funnel_limits(share: float, denominator: float) -> FunnelLimits:
    """Return the limits around the share of all units.

    >>> limits = funnel_limits(0.5, 100)
    >>> [round(limit, 3) for limit in (limits.low95, limits.high95, limits.low998, limits.high998)]
    [0.402, 0.598, 0.345, 0.655]
    """
    deviation = sqrt(share * (1 - share) / denominator)
    ends = [min(1.0, max(0.0, share + z * deviation)) for z in (-_Z95, _Z95, -_Z998, _Z998)]
    return FunnelLimits(denominator, *ends)
