"""Rows of a summary that state sums (合计, 小计), beside the sums of the rows that they count: what differs is said, and no more.

A sum may count all rows of its table, those since the sum before it, those up to the next one, or the sums of groups. Where one
of these agrees, the sum is right. Cells that hold no number count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from codebook.sheets.columns import SummaryField, columns_of
from codebook.sheets.summary import ListedAgency, SummaryTable


class DifferentTotal(NamedTuple):
    """A sum that no way of counting leads to: row and column in the sheet from 1, what it states, what all rows add up to."""

    row: int
    column: int
    stated: str
    added: str


def different_totals(table: SummaryTable) -> Iterator[DifferentTotal]:
    """Yield the sums of a table that differ from their rows, in the order of rows and columns."""
    fields = zip(table.heads, columns_of(list(table.heads.values())), strict=True)
    counted = [at for at, each in fields if each.field in (SummaryField.CELLS, SummaryField.SUBTOTAL)]
    for at, total in enumerate(table.totals):
        others = [one for one in table.totals if one.row != total.row]
        before = max((one.row for one in others if one.row < total.row), default=0)
        behind = min((one.row for one in others if one.row > total.row), default=None)
        spans: list[Sequence[ListedAgency]] = [
            table.rows,
            [row for row in table.rows if before < row.row < total.row],
            [row for row in table.rows if row.row > total.row and (behind is None or row.row < behind)],
            table.totals[:at],
            table.totals[at + 1 :],
        ]
        for column in counted:
            stated = _number(total, column)
            if stated is None:
                continue
            sums = [_sum(span, column) for span in spans]
            if stated not in sums and sums[0] is not None:
                yield DifferentTotal(total.row, column + 1, f"{stated:f}", f"{sums[0]:f}")


def _sum(rows: Sequence[ListedAgency], column: int) -> Decimal | None:
    """The sum of a column; None where no row has a number in it."""
    found = [value for row in rows if (value := _number(row, column)) is not None]
    return sum(found, Decimal(0)) if found else None


def _number(row: ListedAgency, column: int) -> Decimal | None:
    text = next((value.text for value in row.values if value.column == column), "")
    try:
        found = Decimal(text.replace(",", "").replace("，", "").strip())
    except InvalidOperation:
        return None
    return found.normalize() if found.is_finite() else None
