"""Rows under the header of the table of requests, from any source: columns, blanks, and what the sums of the form settle.

What the labels leave open, the order of the form and its sums may settle; what they leave open too is doubtful.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from codebook.book import load_book
from codebook.records import Number, Place, Reader
from tasks.parsing.tables.cells import CellRead, Doubt, number_of
from tasks.parsing.tables.place import by_sums
from tasks.parsing.tables.tokens import PrintedValue

_FIRST, _SECOND, _TOTAL, _NEXT = "new_received", "carried_over", "total_handled", "carried_forward"
_BALANCE = (_FIRST, _SECOND, _TOTAL, _NEXT)
_ORGANIZATIONS = slice(1, 6)


class RowCells(NamedTuple):
    """A row's values by column position (None: blank); ``doubts`` and ``candidates`` by position too.

    ``loose`` are the values of a row that shows fewer values than columns and not which are blank.
    """

    row: str
    place: Place
    reader: Reader
    cells: tuple[PrintedValue | None, ...]
    doubts: tuple[str | None, ...]
    candidates: tuple[tuple[Number, ...], ...]
    loose: tuple[PrintedValue, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether no cell of the row is doubtful."""
        return not any(self.doubts)


def row_cells(row: str, place: Place, reader: Reader, cells: Sequence[PrintedValue | None], doubt: str | None = None) -> RowCells:
    """A row with the same doubt (or none) on all its cells."""
    size = len(cells)
    return RowCells(row, place, reader, tuple(cells), (doubt,) * size, ((),) * size)


def unread_row(
    row: str,
    place: Place,
    reader: Reader,
    size: int,
    doubt: str,
    *,
    values: Sequence[PrintedValue] = (),
    rivals: Sequence[Sequence[PrintedValue]] = (),
) -> RowCells:
    """A row whose cells cannot be told: of ``values`` only the order is known, or ``rivals`` are values that may be its own."""
    loose = tuple(values) if doubt == Doubt.BLANK else ()
    possible = [_numbers([slot]) for slot in values]
    anywhere = tuple(dict.fromkeys(n for numbers in possible for n in numbers))
    candidates = [anywhere] * size
    if rivals:
        candidates = [tuple(dict.fromkeys(_numbers([run[c] for run in rivals if len(run) == size]))) for c in range(size)]
    return RowCells(row, place, reader, (None,) * size, (doubt,) * size, tuple(candidates), loose)


def _numbers(slots: Sequence[PrintedValue]) -> list[Number]:
    return [value for slot in slots if (value := number_of(slot, None)) is not None]


@cache
def columns_of(extra_at: int | None) -> tuple[str, ...]:
    """The column slugs of the table of requests; ``extra_at`` is the position of the column 法人小计, where there is one."""
    block = load_book().blocks["requests"]
    columns = list(block.columns)
    if extra_at is not None:
        columns.insert(extra_at, next(iter(block.extra_columns)))
    return tuple(columns)


def extra_position(rows: Sequence[Sequence[PrintedValue | None]], hint: int | None) -> tuple[int | None, bool]:
    """Where in rows of eight values the column 法人小计 stands: before or behind the five kinds of organization.

    Returns the position and whether it is sure: the sums hold there in every row (rows of zeros fit both), and the header
    (``hint``) does not say otherwise.
    """
    fits = [at for at in (1, 6) if all(_subtotal_holds(row, at) for row in rows)]
    if hint is not None and (hint in fits or not fits):
        return hint, hint in fits
    if len(fits) == 1:
        return fits[0], hint is None
    return (hint or 6), False


def unsure_columns(rows: Sequence[RowCells], columns: tuple[str, ...]) -> list[RowCells]:
    """Rows of which it is not sure where 法人小计 stands: doubtful is what would be another value if it stood elsewhere.

    All is doubtful where the sums show that the additional column is no such subtotal.
    """
    places = [columns_of(at) for at in (1, 6)]
    known = columns in places and all(any(_subtotal_holds(row.cells, at) for at in (1, 6)) for row in rows if any(row.cells))
    result = []
    for row in rows:
        doubts = list(row.doubts)
        for at, column in enumerate(columns):
            held = {number_of(row.cells[place.index(column)], None) for place in places} if known else set()
            doubts[at] = doubts[at] if len(held) == 1 and None not in held else Doubt.COLUMN
        result.append(row._replace(doubts=tuple(doubts)))
    return result


def _subtotal_holds(row: Sequence[PrintedValue | None], at: int) -> bool:
    numbers = [number_of(slot, None) or 0 for slot in row]
    parts = numbers[2:7] if at == 1 else numbers[1:6]
    return sum(parts) == numbers[at] and numbers[0] + numbers[at] == numbers[7]


def adds_up(slots: Sequence[PrintedValue], extra_at: int | None) -> bool:
    """Whether the last value of a full row is the sum of the others (法人小计 left out)."""
    numbers = [number_of(slot, None) for slot in slots]
    parts = [number or 0 for at, number in enumerate(numbers[:-1]) if at != extra_at]
    return numbers[-1] is not None and sum(parts) == numbers[-1]


def total_leads(rows: Sequence[Sequence[PrintedValue]]) -> bool:
    """Whether 总计 seems to stand first: in all rows that are not zero the first value is the sum of the others, not the last."""
    filled = [row for row in rows if any(number_of(slot, None) for slot in row)]
    return len(filled) >= 2 and all(adds_up(row[::-1], None) and not adds_up(row, None) for row in filled)


# ---- blanks ---------------------------------------------------------------------------------------------------------------


def settle_blanks(rows: list[RowCells]) -> list[RowCells]:
    """Place the values of loose rows where the form's sums leave one way, or where the table leaves 总计 blank throughout."""
    if not any(row.loose for row in rows):
        return rows
    rows = _blank_totals(rows)
    result = list(rows)
    for index, row in enumerate(result):
        if row.loose and len(row.cells) == len(columns_of(None)):
            result[index] = _settle(row, [other for other in result if other is not row])
    return result


def _blank_totals(rows: list[RowCells]) -> list[RowCells]:
    """总计 is filled only on some rows: every row between the balance rows shows exactly the six kinds of applicant."""
    size = len(columns_of(None))
    inner = [row for row in rows if row.row not in _BALANCE and not row.row.startswith("=") and (row.loose or any(row.cells))]
    if len(inner) < 3 or any(len(row.loose) != size - 1 for row in inner):
        return rows
    filled = [_fill(row) if len(row.loose) == size - 1 else row for row in rows]
    total = next((row for row in filled if row.row == _TOTAL), None)
    if total is None or any(row.loose for row in filled):
        return rows
    for column in range(size - 1):
        parts = sum(_at(row, column) or 0 for row in filled if row.row not in _BALANCE and not row.row.startswith("="))
        if _at(total, column) != parts:
            return rows
    return filled


def _fill(row: RowCells) -> RowCells:
    return row_cells(row.row, row.place, row.reader, (*row.loose, None))


def _at(row: RowCells, column: int) -> Number | None:
    return number_of(row.cells[column], None)


def _expected(row: str, others: list[RowCells], column: int) -> Number | None:
    """What the balance of a column leaves for ``row``, blank cells counting 0; None when other cells of it are not sure."""
    values: dict[str, Number] = {}
    for other in others:
        if other.row.startswith("="):
            continue
        if other.doubts[column] or other.row in values:
            return None
        values[other.row] = _at(other, column) or 0
    if any(name not in values and name != row for name in _BALANCE):
        return None
    parts = sum(value for name, value in values.items() if name not in _BALANCE)
    flow = values.get(_TOTAL, 0) + values.get(_NEXT, 0) - values.get(_FIRST, 0) - values.get(_SECOND, 0)
    left = {
        _FIRST: flow,
        _SECOND: flow,
        _NEXT: -flow,
        _TOTAL: parts,
    }.get(row, values.get(_TOTAL, 0) - parts)
    return left if left >= 0 else None


def _settle(row: RowCells, others: list[RowCells]) -> RowCells:
    size = len(row.cells)
    numbers = [number_of(slot, None) for slot in row.loose]
    expected = [_expected(row.row, others, column) for column in range(size)]
    ways = by_sums(numbers, size, expected, total_last=True)
    known = all(value is not None for value in expected[:-1])  # else a lost number may hide behind any way that fits
    cells: list[PrintedValue | None] = []
    doubts: list[str | None] = []
    candidates: list[tuple[Number, ...]] = []
    for column in range(size):
        choices = {way[column] for way in ways}
        if known and len(choices) == 1:
            index = next(iter(choices))
            cells.append(None if index is None else row.loose[index])
            doubts.append(None)
            candidates.append(())
        else:
            cells.append(None)
            doubts.append(Doubt.BLANK)
            found = [numbers[i] for i in sorted(c for c in choices if c is not None)] or numbers
            candidates.append(tuple(dict.fromkeys(n for n in found if n is not None)))
    return RowCells(row.row, row.place, row.reader, tuple(cells), tuple(doubts), tuple(candidates))


def rows_to_cells(rows: list[RowCells], columns: tuple[str, ...]) -> list[CellRead]:
    """The cells of rows, by their columns."""
    return [
        CellRead(row.row, column, row.cells[at], row.place, row.reader, row.doubts[at], row.candidates[at])
        for row in rows
        for at, column in enumerate(columns)
    ]
