"""The value that a person types for a cell, read in one way by the command line and by the pages."""

from __future__ import annotations

from codebook.book import load_book
from codebook.records import Number
from codebook.text.numbers import in_unit, read_number
from database.reports.corrections import FACTS, CorrectionRefusedError

LARGEST = 10**15
"""A decided number is smaller: beyond it a float does not hold every whole number."""


def typed_value(cell: str, text: str) -> Number | str:
    """Return what ``text`` says: a number in the unit of the indicator ``cell``, or the text itself for a fact of the report.

    Raises RefusedError ``no_number`` or ``no_fact``.
    """
    if cell in FACTS:
        if not text:
            raise CorrectionRefusedError("no_fact", f"{cell}: expected a text")
        return text
    known = load_book().indicators.get(cell)
    value = in_unit(read_number(text), known.unit if known else None) if text else None
    if value is None or not abs(value) < LARGEST:
        raise CorrectionRefusedError("no_number", f"{text!r} is no number")
    return value
