"""How much of a report repeats the agency's report on the year before: its text by 5-grams, its tables by cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from codebook.analysis.figures import Omission, UnitFacts
from codebook.analysis.indicators import BEFORE, cells_before
from codebook.book import load_book
from codebook.records import Number

GRAM = 5
"""Characters of a gram."""
CHAPTERS = (1, 5, 6)
"""The chapters that are written and hold no table."""


class Repeated(NamedTuple):
    """How many of ``compared`` grams or cells are the same."""

    same: int
    compared: int


def repeated_text(text: str, before: str) -> Repeated:
    """Return how many 5-grams of a text (each counted once) another one has too.

    >>> repeated_text("一二三四五六", "零一二三四五"), repeated_text("短", "一二三四五六")
    (Repeated(same=1, compared=2), Repeated(same=0, compared=0))
    """
    ours, theirs = _grams(text), _grams(before)
    return Repeated(len(ours & theirs), len(ours))


def _grams(text: str) -> set[str]:
    return {text[at : at + GRAM] for at in range(len(text) - GRAM + 1)}


def repeated_cells(unit: UnitFacts, before: UnitFacts) -> Repeated:
    """Return how many cells are equal in both years, of those that are known in both and not 0 in both."""
    cells = load_book().indicators
    both = [(value, before.known[cell]) for cell, value in unit.known.items() if cell in cells and cell in before.known]
    compared = [(now, then) for now, then in both if now or then]
    return Repeated(sum(now == then for now, then in compared), len(compared))


def with_year_before(
    unit: UnitFacts, before: UnitFacts | None, texts: Mapping[int, str], texts_before: Mapping[int, str]
) -> UnitFacts:
    """Return a unit with what it repeats of the year before, and the cells of that year with which indicators compare it.
    ``texts`` are its chapters by number, without what all reports say.

    A chapter that one of the two reports lacks is not in its terms. An agency without a report repeats nothing.
    """
    if unit.filing_id is None:
        return unit
    terms = [f"{BEFORE}{cell}" for cell in cells_before()]
    terms += ("table.same", "table.compared", *(f"text.{number}.{part}" for number in CHAPTERS for part in ("same", "grams")))
    if before is None or before.filing_id is None:
        return msgspec.structs.replace(unit, open={**unit.open, **dict.fromkeys(terms, Omission.NO_YEAR_BEFORE)})
    cells = repeated_cells(unit, before)
    known: dict[str, Number] = {"table.same": cells.same, "table.compared": cells.compared}
    for number in CHAPTERS:
        if number in texts and number in texts_before:
            found = repeated_text(texts[number], texts_before[number])
            known |= {f"text.{number}.same": found.same, f"text.{number}.grams": found.compared}
    known |= {f"{BEFORE}{cell}": before.known[cell] for cell in cells_before() if cell in before.known}
    unsure = {f"{BEFORE}{cell}": before.open[cell] for cell in cells_before() if cell in before.open}
    return msgspec.structs.replace(unit, known={**unit.known, **known}, open={**unit.open, **unsure})
