"""Rows of a summary that state sums (合计, 小计), beside the sums of the rows that they count: what differs is said, and no more.

A sum may count all rows of its table, those since the sum before it, those up to the next one, or the sums of groups. A row that
adds up rows next to it (a city above its counties) may count, or not. Where one of these agrees, the sum is right.
Blank cells and marks (/, 无) count for nothing. Of a column with a text that is no number, or with a number that rows share,
nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from codebook.sheets.columns import SummaryField, columns_of
from codebook.sheets.summary import ListedAgency, SummaryTable
from codebook.text.numbers import ValueKind, in_unit, number_words, read_number

_MOST_SUMS = 10_000  # sums of rows that are tried
_NONE = Decimal(0)


class DifferentTotal(NamedTuple):
    """A sum that no way of counting leads to: row and column in the sheet from 1, what it states, what all rows add up to."""

    row: int
    column: int
    stated: str
    added: str


class _CountedRow(NamedTuple):
    """A row with its numbers by column."""

    row: int
    numbers: Mapping[int, Decimal]


def different_totals(table: SummaryTable) -> Iterator[DifferentTotal]:
    """Yield the sums of a table that differ from their rows, in the order of rows and columns."""
    fields = zip(table.heads, columns_of(list(table.heads.values())), strict=True)
    columns = [at for at, each in fields if each.field in (SummaryField.CELLS, SummaryField.SUBTOTAL)]
    every = [value for row in (*table.rows, *table.totals) for value in row.values]
    unread = {value.column for value in every if value.is_shared or not _is_read(value.text)}
    counted = [column for column in columns if column not in unread]
    rows, totals = (_counted(each, counted) for each in (table.rows, table.totals))

    @cache
    def sums() -> frozenset[int]:
        return frozenset((*_sums_of_neighbours(rows), *_sums_of_neighbours(totals)))

    for at, total in enumerate(totals):
        before = totals[at - 1].row if at else 0
        behind = totals[at + 1].row if at + 1 < len(totals) else None
        spans: list[Sequence[_CountedRow]] = [
            rows,
            [row for row in rows if before < row.row < total.row],
            [row for row in rows if row.row > total.row and (behind is None or row.row < behind)],
            totals[:at],
            totals[at + 1 :],
        ]
        for column in counted:
            stated = total.numbers.get(column)
            added = _sum(rows, column)
            if stated is None or added is None or stated in [_sum(span, column) for span in spans]:
                continue
            if not any(_adds_up(span, column, stated, sums()) for span in spans):
                yield DifferentTotal(total.row, column + 1, _shown(stated), _shown(added))


def _counted(rows: Sequence[ListedAgency], columns: Sequence[int]) -> list[_CountedRow]:
    wanted = set(columns)
    return [
        _CountedRow(row.row, {v.column: n for v in row.values if v.column in wanted and (n := _number(v.text)) is not None})
        for row in rows
    ]


def _is_read(text: str) -> bool:
    """Return whether a text is a number, a mark or nothing. An amount of money is not: its head may name another unit."""
    token = read_number(text)
    return token.kind is not ValueKind.OTHER and token.unit not in number_words().money_units


def _number(text: str) -> Decimal | None:
    value = in_unit(read_number(text), None)
    return None if value is None else Decimal(str(value))


def _sum(rows: Sequence[_CountedRow], column: int) -> Decimal | None:
    """The sum of a column; None where no row has a number in it."""
    found = [row.numbers[column] for row in rows if column in row.numbers]
    return sum(found, _NONE) if found else None


def _sums_of_neighbours(rows: Sequence[_CountedRow]) -> Iterator[int]:
    """The rows that add up those directly below or above them, in half of their columns at least. Where those hold sums of their
    own, each number is in them twice.
    """
    met = [0] * len(rows)
    for column in {column for row in rows for column in row.numbers}:
        numbers = [row.numbers.get(column, _NONE) for row in rows]
        until = [_NONE]
        for number in numbers:
            until.append(until[-1] + number)
        first: dict[Decimal, int] = {}
        last: dict[Decimal, int] = {}
        for at, found in enumerate(until):
            first.setdefault(found, at)
            last[found] = at
        for at, number in enumerate(numbers):
            below = (last.get(until[at + 1] + times * number, 0) > at + times for times in (1, 2))
            above = (first.get(until[at] - times * number, at) <= at - times for times in (1, 2))
            met[at] += bool(number) and (any(below) or any(above))
    for row, count in zip(rows, met, strict=True):
        if count and 2 * count >= sum(map(bool, row.numbers.values())):
            yield row.row


def _adds_up(rows: Sequence[_CountedRow], column: int, stated: Decimal, sums: frozenset[int]) -> bool:
    """Return whether the rows come to what is stated when some of those that are ``sums`` do not count, or may come to it where
    too many ways are to be tried.
    """
    more = (_sum(rows, column) or _NONE) - stated
    reached = {_NONE}
    for row in rows:
        number = row.numbers.get(column, _NONE)
        if row.row in sums and 0 < number <= more:
            reached |= {left for one in reached if (left := one + number) <= more}
            if len(reached) > _MOST_SUMS:
                return True
    return more in reached


def _shown(number: Decimal) -> str:
    return f"{number.normalize():f}"
