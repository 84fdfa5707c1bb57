"""Rows under the header of a matrix, from any source: columns, blanks, and what the sums of the form settle.

What the labels leave open, the order of the form and its sums may settle; what they leave open too is doubtful.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from codebook.book import RowBalance, load_book
from codebook.confidence import surety
from codebook.records import LightRecord, Number, Place, Reader
from codebook.text.numbers import ValueKind
from tasks.parsing.tables.cells import CellRead, Doubt, different_numbers, number_of
from tasks.parsing.tables.place import by_sums
from tasks.parsing.tables.tokens import PrintedValue


class MatrixShape(NamedTuple):
    """What the codebook says of the columns and rows of a matrix. The last column is the total of the others.

    ``extra`` is a column that some reports add (法人小计): the subtotal of the columns ``places[0]`` to ``places[1]`` (excluded),
    printed before the first or behind the last of them.
    """

    columns: tuple[str, ...]
    balance: RowBalance
    extra: str | None
    places: tuple[int, int]

    def with_extra(self, at: int) -> tuple[str, ...]:
        """Return the columns with the extra one at position ``at``."""
        return (*self.columns[:at], *([self.extra] if self.extra else []), *self.columns[at:])


@cache
def shape_of(name: str) -> MatrixShape:
    """Return the shape of block ``name``. Raises ValueError when it is no matrix."""
    block = load_book().blocks[name]
    if block.balance is None:
        raise ValueError(f"{name} is no matrix")
    extra = next(iter(block.extra_columns), None)
    under = block.extra_columns[extra].under if extra else ()
    parts = [at for at, label in enumerate(block.columns.values()) if extra and label.under == under]
    return MatrixShape(tuple(block.columns), block.balance, extra, (parts[0], parts[-1] + 1) if parts else (0, 0))


class RowCells(LightRecord, frozen=True):
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
    """A row whose cells are not certain: of ``values`` only the order is known, or ``rivals`` are values that may be its own."""
    loose = tuple(values) if doubt == Doubt.BLANK else ()
    candidates = [different_numbers(values)] * size
    if rivals:
        candidates = [different_numbers([run[column] for run in rivals if len(run) == size]) for column in range(size)]
    return RowCells(row, place, reader, (None,) * size, (doubt,) * size, tuple(candidates), loose)


def extra_position(shape: MatrixShape, rows: Sequence[Sequence[PrintedValue | None]], hint: int | None) -> tuple[int, bool]:
    """Return where in rows with a value more than columns the extra one stands: before or behind the columns that it sums up.

    Returns the position and whether it is sure: the sums hold there in every row (rows of zeros fit both), and the header
    (``hint``) does not say otherwise.
    """
    fits = [at for at in shape.places if all(_subtotal_holds(shape, row, at) for row in rows)]
    if hint is not None and (hint in fits or not fits):
        return hint, hint in fits
    if len(fits) == 1:
        return fits[0], hint is None
    return (shape.places[1] if hint is None else hint), False


def unsure_columns(shape: MatrixShape, rows: Sequence[RowCells], columns: tuple[str, ...]) -> list[RowCells]:
    """Rows of which it is not sure where the extra column stands: doubtful is what would be another value if it stood elsewhere.

    All is doubtful where the sums show that the additional column is no such subtotal.
    """
    places = [shape.with_extra(at) for at in shape.places] if shape.extra else []
    known = columns in places and all(
        any(_subtotal_holds(shape, row.cells, at) for at in shape.places) for row in rows if any(row.cells)
    )
    result = []
    for row in rows:
        doubts = list(row.doubts)
        for at, column in enumerate(columns):
            held = {number_of(row.cells[place.index(column)], None) for place in places} if known else set()
            doubts[at] = doubts[at] if len(held) == 1 and None not in held else Doubt.COLUMN
        result.append(row.but(doubts=tuple(doubts)))
    return result


def _subtotal_holds(shape: MatrixShape, row: Sequence[PrintedValue | None], at: int) -> bool:
    """Return whether the number at ``at`` is the subtotal of its columns, and makes the total with those that it leaves out."""
    numbers = [number_of(slot, None) or 0 for slot in row]
    first, last = shape.places
    subtotal = numbers.pop(at)
    return sum(numbers[first:last]) == subtotal and sum(numbers[:first]) + subtotal + sum(numbers[last:-1]) == numbers[-1]


def adds_up(slots: Sequence[PrintedValue], extra_at: int | None) -> bool:
    """Return whether the last value of a full row is the sum of the others (法人小计 left out)."""
    numbers = [number_of(slot, None) for slot in slots]
    parts = [number or 0 for at, number in enumerate(numbers[:-1]) if at != extra_at]
    return numbers[-1] is not None and sum(parts) == numbers[-1]


def total_leads(rows: Sequence[Sequence[PrintedValue]]) -> bool:
    """Return whether 总计 seems to stand first: in all rows that are not zero the first value is the sum of the others, not the
    last.
    """
    filled = [row for row in rows if any(number_of(slot, None) for slot in row)]
    return len(filled) >= 2 and all(adds_up(row[::-1], None) and not adds_up(row, None) for row in filled)


# ---- rows named by their order --------------------------------------------------------------------------------------------

_MOST_OPEN = 3  # columns whose sums cannot be computed, of a table that is known to be whole


class SumState(StrEnum):
    """What the sum of a row or a column says."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "open"  # one of its cells was not surely read


def doubt_by_order(
    shape: MatrixShape, rows: list[RowCells], columns: tuple[str, ...], by_order: Collection[str]
) -> list[RowCells]:
    """The rows ``by_order`` with a doubt on each cell for which the sums do not speak.

    The table must be whole: the columns balance with these rows, but for a few that cannot be computed. A cell is then sure where
    its row adds up and its column does not fail. The candidate of a doubt is what was read.
    """
    if not by_order:
        return rows
    inner = [row for row in rows if not row.row.startswith("=")]
    down = [column_sum(shape, inner, at) for at in range(len(columns))]
    whole = down.count(SumState.HOLDS) >= len(columns) - _MOST_OPEN
    extra_at = columns.index(shape.extra) if shape.extra in columns else None
    result = []
    for row in rows:
        if row.row not in by_order:
            result.append(row)
            continue
        across = row_sum(row, extra_at)
        doubts, candidates = list(row.doubts), list(row.candidates)
        for at, slot in enumerate(row.cells):
            if doubts[at] or (whole and across is SumState.HOLDS and down[at] is not SumState.FAILS):
                continue
            doubts[at], candidates[at] = Doubt.LABEL, different_numbers([slot])
        result.append(row.but(doubts=tuple(doubts), candidates=tuple(candidates)))
    return result


def doubted_row(row: RowCells) -> RowCells:
    """The row, all of whose cells may be those of another; what was read is the first candidate."""
    doubts = tuple(doubt or Doubt.ALIGNMENT for doubt in row.doubts)
    read = [different_numbers([slot]) for slot in row.cells]
    return row.but(doubts=doubts, candidates=tuple(one or other for one, other in zip(row.candidates, read, strict=True)))


def doubted_blanks(row: RowCells, strays: Sequence[PrintedValue]) -> RowCells:
    """The row, whose blanks may hold numbers that stand below it without a label."""
    blank = [slot is None and not doubt for slot, doubt in zip(row.cells, row.doubts, strict=True)]
    doubts = tuple(Doubt.BLANK if empty else doubt for empty, doubt in zip(blank, row.doubts, strict=True))
    numbers = different_numbers(strays)
    return row.but(
        doubts=doubts, candidates=tuple(numbers if empty else own for empty, own in zip(blank, row.candidates, strict=True))
    )


def _surely(row: RowCells, at: int) -> Number | None:
    """Return the number of a cell, 0 where it is blank or has a mark; None where it was not surely read."""
    slot = row.cells[at]
    if row.doubts[at] or (slot is not None and (slot.score < surety().cell or slot.token.kind is ValueKind.OTHER)):
        return None
    return number_of(slot, None) or 0


def row_sum(row: RowCells, extra_at: int | None) -> SumState:
    """Return whether the last cell of a row is the sum of the others but the one at ``extra_at``."""
    numbers = [_surely(row, at) for at in range(len(row.cells)) if at != extra_at]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        return SumState.OPEN
    return SumState.HOLDS if sum(known[:-1]) == known[-1] else SumState.FAILS


def column_sum(shape: MatrixShape, rows: Sequence[RowCells], at: int) -> SumState:
    """Return whether a column balances: see :class:`codebook.book.RowBalance`."""
    balance = shape.balance
    numbers = {row.row: _surely(row, at) for row in rows}
    known = {name: number for name, number in numbers.items() if number is not None}
    if len(known) < len(rows) or not set(balance.rows) <= set(known):
        return SumState.OPEN
    parts = sum(number for name, number in known.items() if name not in balance.rows)
    received = sum(known[name] for name in balance.received)
    handled = known[balance.handled]
    return SumState.HOLDS if parts == handled and received == handled + known[balance.carried] else SumState.FAILS


# ---- blanks ---------------------------------------------------------------------------------------------------------------


def settle_blanks(shape: MatrixShape, rows: list[RowCells]) -> list[RowCells]:
    """Place the values of loose rows where the form's sums leave one way, or where the table leaves 总计 blank throughout."""
    if not any(row.loose for row in rows):
        return rows
    rows = _blank_totals(shape, rows)
    result = list(rows)
    for index, row in enumerate(result):
        if row.loose and len(row.cells) == len(shape.columns):
            result[index] = _settle(shape, row, [other for other in result if other is not row])
    return result


def _blank_totals(shape: MatrixShape, rows: list[RowCells]) -> list[RowCells]:
    """总计 is filled only on some rows: every row between the balance rows shows exactly the six kinds of applicant."""
    size = len(shape.columns)
    inner = [
        row for row in rows if row.row not in shape.balance.rows and not row.row.startswith("=") and (row.loose or any(row.cells))
    ]
    if len(inner) < 3 or any(len(row.loose) != size - 1 for row in inner):
        return rows
    filled = [_fill(row) if len(row.loose) == size - 1 else row for row in rows]
    total = next((row for row in filled if row.row == shape.balance.handled), None)
    if total is None or any(row.loose for row in filled):
        return rows
    for column in range(size - 1):
        parts = sum(_at(row, column) or 0 for row in filled if row.row not in shape.balance.rows and not row.row.startswith("="))
        if _at(total, column) != parts:
            return rows
    return filled


def _fill(row: RowCells) -> RowCells:
    return row_cells(row.row, row.place, row.reader, (*row.loose, None))


def _at(row: RowCells, column: int) -> Number | None:
    return number_of(row.cells[column], None)


def _expected(balance: RowBalance, row: str, others: list[RowCells], column: int) -> Number | None:
    """Return what the balance of a column leaves for ``row``, blank cells counting 0; None when other cells of it are not
    sure.
    """
    values: dict[str, Number] = {}
    for other in others:
        if other.row.startswith("="):
            continue
        if other.doubts[column] or other.row in values:
            return None
        values[other.row] = _at(other, column) or 0
    if any(name not in values and name != row for name in balance.rows):
        return None
    parts = sum(value for name, value in values.items() if name not in balance.rows)
    handled, carried = values.get(balance.handled, 0), values.get(balance.carried, 0)
    flow = handled + carried - sum(values.get(name, 0) for name in balance.received)
    left = {balance.carried: -flow, balance.handled: parts}.get(row, flow if row in balance.received else handled - parts)
    return left if left >= 0 else None


def _settle(shape: MatrixShape, row: RowCells, others: list[RowCells]) -> RowCells:
    size = len(row.cells)
    numbers = [number_of(slot, None) for slot in row.loose]
    expected = [_expected(shape.balance, row.row, others, column) for column in range(size)]
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
