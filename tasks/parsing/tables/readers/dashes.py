"""Dashes that a recogniser of pictures read unsurely (一, -, ~): blanks, where a table prints dashes and the sums agree.

A dash is too little for a reader of lines, and 一 is also the numeral one. Taken as blanks they count as 0 in the sums of the
form: where these hold, the dash is one, since a number in its place would break them.
"""

from __future__ import annotations

from collections.abc import Sequence

from codebook.confidence import surety
from codebook.text.numbers import Token, ValueKind
from tasks.parsing.tables.rows import MatrixShape, RowCells, SumState, column_sum, row_sum
from tasks.parsing.tables.tokens import PrintedValue, value_token
from tasks.parsing.words import words

_HABIT = 4  # dashes that show that a table prints them


def settle_dashes(shape: MatrixShape, rows: list[RowCells], columns: tuple[str, ...]) -> list[RowCells]:
    """The rows of a matrix with those unsure dashes blank whose row and column both add up so.

    One of the two is enough where no look at the cell saw a number, and the other does not fail.
    """
    printed = [slot for row in rows for slot in row.cells if slot is not None]
    if not any(map(_is_unsure_dash, printed)) or not _prints_dashes(printed):
        return rows
    tried = [row.but(cells=tuple(map(_as_dash, row.cells))) for row in rows]
    inner = [row for row in tried if not row.row.startswith("=")]
    extra_at = columns.index(shape.extra) if shape.extra in columns else None
    down = [column_sum(shape, inner, at) for at in range(len(columns))]
    result = []
    for row, trial in zip(rows, tried, strict=True):
        across = row_sum(trial, extra_at)
        cells = [
            new if old is not new and _holds(old, (across, down[at])) else old
            for at, (old, new) in enumerate(zip(row.cells, trial.cells, strict=True))
        ]
        result.append(row.but(cells=tuple(cells)))
    return result


def dashes_of_totals(values: Sequence[PrintedValue | None]) -> list[PrintedValue | None]:
    """Values of which the last is the sum of the others, with unsure dashes blank where it comes out so."""
    printed = [slot for slot in values if slot is not None]
    if not any(map(_is_unsure_dash, printed)):
        return list(values)
    size = len(values)
    tried = [_as_dash(slot) for slot in values]
    row = RowCells("", printed[0].place, printed[0].reader, tuple(tried), (None,) * size, ((),) * size)
    across = row_sum(row, None)
    return [new if old is not new and _holds(old, (across,)) else old for old, new in zip(values, tried, strict=True)]


def prints_dashes(values: Sequence[PrintedValue | None]) -> bool:
    """Return whether a table prints dashes where it has no number."""
    return _prints_dashes([slot for slot in values if slot is not None])


def _prints_dashes(printed: Sequence[PrintedValue]) -> bool:
    return sum(slot.raw.strip() in words().table.dashes for slot in printed) >= _HABIT


def _is_unsure_dash(slot: PrintedValue) -> bool:
    return slot.score < surety().cell and slot.raw.strip() in words().table.dashes


def _as_dash(slot: PrintedValue | None) -> PrintedValue | None:
    """The value as a dash that is as sure as the sums that hold with it; any other value as it is."""
    if slot is None or not _is_unsure_dash(slot):
        return slot
    return slot.but(token=Token(ValueKind.MARK), score=1.0, alternatives=())


def _holds(slot: PrintedValue | None, sums: Sequence[SumState]) -> bool:
    """Return whether the sums make a cell a dash: all of them, or one where no look at it saw a number."""
    if SumState.FAILS in sums or SumState.HOLDS not in sums:
        return False
    seen = [value_token(text) for text, _ in slot.alternatives] if slot is not None else []
    return SumState.OPEN not in sums or not any(token is not None and token.value is not None for token in seen)
