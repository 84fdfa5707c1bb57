"""Indicators as expressions of SQL over the columns of the panel, made from the definitions of indicators.yaml. That they say the
same as :func:`codebook.analysis.figures.unit_figure` is tested.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

from codebook.analysis.figures import Omission
from codebook.analysis.indicators import Definition, DerivedIndicator, derived_indicators
from codebook.records import Number
from database.analysis.columns import CODES, DIGITS, KNOWN, quoted


def _number(term: str) -> str:
    if term.startswith("finding."):
        rule = term.removeprefix("finding.").replace("'", "''")
        return f"cast(list_contains(rules, '{rule}') as double)"
    return quoted(term)


def _code(term: str) -> str:
    """Whether a term is known: 0, or the code of the reason; null where the report has no such cell."""
    if term.startswith("finding."):
        return f"case when filing_id is null then {CODES[Omission.NO_FILING]} else {KNOWN} end"
    return quoted(f"{term}?")


def _sum(weights: Mapping[str, Number]) -> str:
    return " + ".join(f"{weight} * {_number(term)}" for term, weight in weights.items())


def _there(terms: Sequence[str]) -> str:
    return " and ".join(f"{quoted(f'{term}?')} is not null" for term in terms) or "true"


def _applies(definition: Definition) -> str:
    if cells := definition.cells:
        return _there(cells)
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

    Raises ValueError for an indicator for which whole reports have to be read, which the panel does not hold.
    """
    if indicator.of_reading:
        raise ValueError(f"{indicator.id} reads two reports of an agency; the panel does not have it")
    no_filing, not_in_form = CODES[Omission.NO_FILING], CODES[Omission.NOT_IN_FORM]
    lacking = f"case when filing_id is null then {no_filing} else {not_in_form} end"
    parts: dict[str, list[str]] = defaultdict(list)
    for definition in indicator.definitions:
        when = f"when {_applies(definition)} and {_there(definition.before)} then"
        balanced = f"cast(round({_sum(definition.balance)}, {DIGITS}) = 0 as double)" if definition.balance else None
        parts["numerator"].append(f"{when} {balanced or _sum(definition.numerator)}")
        parts["denominator"].append(f"{when} {_sum(definition.denominator) if definition.denominator else 'null'}")
        parts["reason"].append(f"{when} {_reason(indicator, definition, years)}")
    if indicator.of_years:  # the report on the year before has another form
        own = " or ".join(f"({_applies(definition)})" for definition in indicator.definitions)
        parts["reason"].append(f"when {own} then {CODES[Omission.NOT_COMPARABLE]}")
    numerator = f"case {' '.join(parts['numerator'])} end"
    denominator = f"case {' '.join(parts['denominator'])} end"
    return numerator, denominator, f"case {' '.join(parts['reason'])} else {lacking} end"


@cache
def stored_indicators() -> dict[str, DerivedIndicator]:
    """The indicators that a panel has in its files of figures: all but those for which whole reports have to be read."""
    return {name: each for name, each in derived_indicators().items() if not each.of_reading}


def stored_columns(indicator: str) -> tuple[str, str, str]:
    """Return the columns of numerator, denominator and reason of an indicator in the files of figures."""
    return f"{indicator}#n", f"{indicator}#d", f"{indicator}#w"


def figure_columns(year: int) -> dict[str, str]:
    """Return the columns of figures of a year, each with its expression over the cells."""
    found = {}
    for name, indicator in stored_indicators().items():
        kinds = ("double", "double", "utinyint")
        for column, sql, kind in zip(stored_columns(name), unit_sql(indicator, (year,)), kinds, strict=True):
            found[column] = f"({sql})::{kind}"
    return found
