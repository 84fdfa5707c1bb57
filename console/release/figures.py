"""Derived indicators in a release: their definitions, and the figure of each filing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

import msgspec

from codebook.analysis.figures import Omission, UnitFacts, unit_figure
from codebook.analysis.indicators import DerivedIndicator, derived_indicators

_FACTS = ("unit.", "finding.")


@cache
def released_indicators() -> tuple[DerivedIndicator, ...]:
    """The derived indicators that follow from the cells of one filing. Those of lists and of findings do not, and
    those that compare two years have a table of their own.
    """
    return tuple(
        indicator
        for indicator in derived_indicators().values()
        if not indicator.of_years
        and not any(term.startswith(_FACTS) for definition in indicator.definitions for term in definition.terms)
    )


def derived_rows() -> Iterator[tuple[object, ...]]:
    """Yield the definitions of the derived indicators: those of one filing, and those that compare it with the year before."""
    of_years = [each for each in derived_indicators().values() if each.of_years]
    for each in (*released_indicators(), *of_years):
        series = {form: definition.series for form in each.forms if (definition := each.definition_of(form)) is not None}
        formulas = [
            {"forms": definition.forms, "numerator": definition.numerator, "denominator": definition.denominator}
            | ({"balance": definition.balance} if definition.balance else {})
            for definition in each.definitions
        ]
        texts = (each.name.zh, each.name.en, each.means.zh, each.means.en, each.law.zh, each.law.en)
        shown = (msgspec.json.encode(formulas).decode(), " ".join(f"{form}:{name}" for form, name in series.items()))
        yield (each.id, *texts, each.kind.value, each.unit or None, each.measures, each.least, *shown)


_REASONS: Mapping[str, Omission] = {
    "blank": Omission.BLANK,
    "mark": Omission.BLANK,
    "doubt": Omission.DOUBT,
    "not_seen": Omission.NOT_SEEN,
}


def figure_rows(unit: UnitFacts, sure: Mapping[str, float], codes: Mapping[str, str]) -> Iterator[tuple[object, ...]]:
    """Yield the figures of a filing: numerator, denominator, value, and why it is left out. Those whose cells its form does not
    have are not listed.

    ``unit`` says whose it is, ``sure`` are its numbers, ``codes`` say of each cell what stands in it.
    """
    unknown = {cell: _REASONS[code] for cell, code in codes.items() if code in _REASONS}
    facts = msgspec.structs.replace(unit, known=dict(sure), open=unknown)
    for indicator in released_indicators():
        figure = unit_figure(indicator, facts)
        if figure.why is not Omission.NOT_IN_FORM:
            why = None if figure.why is None else figure.why.value
            row = (figure.numerator, figure.denominator, figure.value, why)
            yield (unit.filing_id, indicator.id, str(unit.agency_id), unit.year, *row)
