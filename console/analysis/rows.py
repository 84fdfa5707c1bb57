"""Figures as rows of tables, for CSV files, the terminal and pages."""

from __future__ import annotations

from collections.abc import Sequence

from codebook.analysis.figures import REASONS, Figure, ranks
from codebook.analysis.indicators import DerivedIndicator, FigureKind
from codebook.divisions import names_of
from codebook.records import Number
from codebook.text.numbers import whole
from console.analysis.words import word
from console.export.writers import inert
from database.analysis.queries import GroupBy, GroupLine, UnitLine

_GROUP = (
    "indicator",
    "region_code",
    "group",
    "year",
    "value",
    "numerator",
    "denominator",
    "low",
    "high",
    "rank",
    "units",
    "left_out",
)
_UNIT = (
    "indicator", "agency_id", "agency", "kind", "level", "region_code", "year", "value", "numerator", "denominator", "why",
    "filing_id", "document_id",
)  # fmt: skip
_SHARES = (FigureKind.PROPORTION, FigureKind.RATIO)

Cell = str | int | float | None


def group_name(key: str | None, by: GroupBy, language: str) -> str:
    """Return what a group is called: the names of a region, a kind of body, or all."""
    if by is GroupBy.ALL:
        return word("groups", "all", language)
    if by is GroupBy.KIND:
        return word("kinds", key, language)
    return " ".join(names_of((key or "")[:6])) or key or ""


def shown_value(indicator: DerivedIndicator, value: float | None) -> str:
    """Return a figure as people read it: a share in per cent with one digit, a count whole; "" where there is none.

    >>> from codebook.analysis.indicators import derived_indicators
    >>> shown_value(derived_indicators()["grant_rate"], 0.4567), shown_value(derived_indicators()["received"], 1234.0)
    ('45.7%', '1,234')
    """
    if value is None:
        return ""
    if indicator.kind in _SHARES:
        return f"{100 * value:.1f}%"
    if indicator.kind is FigureKind.MEAN:
        return f"{value:.1f}"
    return f"{shown_number(value)}"


def shown_number(number: Number | None) -> str:
    """Return a number with separators, with as many digits as it has; "" for none."""
    if number is None:
        return ""
    found = whole(number) if isinstance(number, float) else number
    return f"{found:,}"


def places(indicator: DerivedIndicator, lines: Sequence[GroupLine]) -> dict[tuple[str | None, int], int]:
    """Return the rank of each group among those of its year; those below the least denominator have none. Where less is better,
    the least comes first.
    """
    found: dict[tuple[str | None, int], int] = {}
    for year in {line.year for line in lines}:
        figures = {line.key or "": line.figure for line in lines if line.year == year and line.key is not None}
        places_of_year = ranks(figures, greatest_first=indicator.measures != "down")
        found |= {(key, year): place for key, place in places_of_year.items()}
    return found


def group_rows(indicator: DerivedIndicator, lines: Sequence[GroupLine], by: GroupBy, language: str) -> list[list[Cell]]:
    """Return the figures of groups as rows, one line each, without the header."""
    ranked = places(indicator, lines)
    rows: list[list[Cell]] = []
    for line in lines:
        figure = line.figure
        code = line.key if by in (GroupBy.PROVINCE, GroupBy.CITY, GroupBy.COUNTY) else None
        row: list[Cell] = [indicator.id, code, group_name(line.key, by, language), line.year, figure.value]
        row += [figure.numerator, figure.denominator, figure.low, figure.high, ranked.get((line.key, line.year)), figure.units]
        rows.append([*row, sum(figure.left_out.values()), *(figure.left_out.get(reason, 0) for reason in REASONS)])
    return rows


def group_header(language: str) -> list[str]:
    """Return the header of :func:`group_rows`: a column for each reason by which units are left out at the end."""
    return [*(word("columns", name, language) for name in _GROUP), *(word("omissions", reason, language) for reason in REASONS)]


def unit_rows(indicator: DerivedIndicator, lines: Sequence[UnitLine], language: str) -> list[list[Cell]]:
    """Return the figures of units as rows, without the header."""
    rows: list[list[Cell]] = []
    for line in lines:
        figure = line.figure
        who: list[Cell] = [indicator.id, line.agency_id, inert(line.agency), word("kinds", line.kind, language)]
        who += [word("levels", line.level, language), line.region_code, line.year]
        row = [figure.value, figure.numerator, figure.denominator, word("omissions", figure.why, language)]
        rows.append([*who, *row, line.filing_id, line.document_id])
    return rows


def unit_header(language: str) -> list[str]:
    """Return the header of :func:`unit_rows`."""
    return [word("columns", name, language) for name in _UNIT]


def left_out_words(figure: Figure, language: str) -> str:
    """Return who is not in a figure, by reason: 缺报 3, 存疑 1."""
    counts = (f"{word('omissions', reason, language)} {count:,}" for reason, count in figure.left_out.items())
    return word("sheets", "separator", language).join(counts)
