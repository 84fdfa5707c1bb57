"""Which column each value of a row belongs to, when the row shows as many values as columns, and when it does not.

A full row is read in the order of the columns. A row with fewer values is read where the text itself shows the blanks; else the
sums of the form decide (the row's total, the columns' balance), and what they leave open is doubtful.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from codebook.records import LightRecord, Number
from tasks.parsing.tables.align import ValueRun
from tasks.parsing.tables.tokens import Atom, AtomKind


class Placed(LightRecord, frozen=True):
    """The values of a row by column: index of the atom, None for a blank. ``doubt`` and ``candidates`` by column.

    ``exact`` says that the text itself decides; otherwise the sums of the form may still be asked.
    """

    atoms: tuple[int | None, ...]
    doubt: str | None = None
    candidates: tuple[tuple[Number, ...], ...] = ()
    exact: bool = True


class BlankStyle(NamedTuple):
    """How a table shows its blanks, learnt from its full rows.

    ``columns`` are the cells of the values, where the text keeps every cell in its column (a grid, or rows with blanks for merged
    label cells). ``kept``: some row shows a blank before a value, so that blanks are not lost. ``full`` counts full rows,
    ``lead``: some of them have blanks before their first value. ``bare``: full rows have no blanks at all, and none are added to
    short ones.
    """

    columns: tuple[int, ...] | None = None
    kept: bool = False
    full: int = 0
    lead: bool = False
    bare: bool = False


def blank_style(atoms: list[Atom], runs: Sequence[ValueRun], size: int, grid: bool, padded: bool) -> BlankStyle:
    """Learn from the full rows of a table of ``size`` value columns; ``grid`` says that the source draws its columns.

    ``padded``: the text may have dropped blanks and added as many at the row's end (rows between pipes do).
    """
    whole = [run for run in runs if len(run.values) == size]
    cells = {tuple(atoms[i].cell for i in run.values) for run in whole}
    lead = any(run.slots[0] != run.values[0] for run in whole)
    columns = next(iter(cells)) if len(cells) == 1 and len(whole) >= 2 and (lead or grid) else None
    if columns is not None and (min(columns) < 0 or len(set(columns)) < size):
        columns = None
    kept = any(_blank_within(atoms, run) and _span(run) <= size for run in runs)
    bare = not padded and len(whole) >= 2 and all(run.slots == run.values for run in whole)
    return BlankStyle(columns, kept, len(whole), lead, bare)


def _blank_within(atoms: list[Atom], run: ValueRun) -> bool:
    """Return whether a blank stands between two values of the run."""
    if not run.values:
        return False
    return any(atoms[i].kind is AtomKind.BLANK for i in run.slots if run.values[0] < i < run.values[-1])


def _span(run: ValueRun) -> int:
    """Return how many cells the run takes from its first to its last value."""
    return run.slots.index(run.values[-1]) - run.slots.index(run.values[0]) + 1


def place_values(atoms: list[Atom], run: ValueRun, size: int, style: BlankStyle) -> Placed:
    """Place the values of ``run`` in ``size`` columns by what the text shows."""
    values = run.values
    if not values:
        return Placed((None,) * size)
    if len(values) == size:
        whole = _span(run) == size or (style.columns is not None and not _off(atoms, values, style.columns))
        return Placed(values) if whole else Placed(values, "count")
    if len(values) > size:
        return _too_many(atoms, run, size)
    shown = _in_their_cells(atoms, run, style) or _one_after_the_other(atoms, run, size, style)
    return shown or Placed((None,) * size, "blank", exact=False)


def _in_their_cells(atoms: list[Atom], run: ValueRun, style: BlankStyle) -> Placed | None:
    """A row with blanks in a text that keeps every cell in its column."""
    columns = style.columns
    if columns is None or not _has_blank(atoms, run) or _off(atoms, run.values, columns) or _label_among(atoms, run, columns[0]):
        return None
    by_cell = {atoms[i].cell: i for i in run.values}
    return Placed(tuple(by_cell.get(cell) for cell in columns))


def _one_after_the_other(atoms: list[Atom], run: ValueRun, size: int, style: BlankStyle) -> Placed | None:
    """A row whose cells follow its label, blanks among them, in a text that does not lose blanks."""
    slots = [i if atoms[i].kind is AtomKind.VALUE else None for i in run.slots]
    if style.bare and len(slots) == size:
        return Placed(tuple(slots))
    while slots[-1] is None:
        slots.pop()
    leading = slots[0] is None and style.full >= 2
    shown = _blank_within(atoms, run) or leading or (style.kept and _has_blank(atoms, run))
    merged = style.columns is not None or style.lead or (slots[0] is None and not leading)
    if merged or not shown or len(slots) > size:
        return None
    return Placed(tuple(slots) + (None,) * (size - len(slots)))


def _label_among(atoms: list[Atom], run: ValueRun, first_column: int) -> bool:
    """Return whether the row's label stands in the columns of values: then its cells have moved."""
    at = run.first - 1
    while at >= 0 and atoms[at].line == atoms[run.first].line:
        if atoms[at].kind is AtomKind.TEXT and atoms[at].cell >= first_column:
            return True
        at -= 1
    return False


def _off(atoms: list[Atom], values: tuple[int, ...], columns: tuple[int, ...]) -> bool:
    return any(atoms[i].cell not in columns for i in values)


def _has_blank(atoms: list[Atom], run: ValueRun) -> bool:
    return any(atoms[i].kind is AtomKind.BLANK for i in run.slots)


def _too_many(atoms: list[Atom], run: ValueRun, size: int) -> Placed:
    """More values than columns. One stray value (a heading replaced by 0) does no harm if it makes no difference which it is."""
    values = run.values
    if len(values) == size + 1:
        numbers = {atoms[i].token for i in values}
        if len(numbers) == 1:
            return Placed(values[:size])
        behind = [atoms[i].kind for i in run.slots if i > values[-1]]
        before = [atoms[i].kind for i in run.slots if i < values[-1]]
        if len(behind) >= size and AtomKind.BLANK not in before:  # the stray value opens a row of its own: a merged cell's blanks
            return Placed(values[:size])
    return Placed(values[:size], "count")


def by_sums(
    numbers: Sequence[Number | None], size: int, expected: Sequence[Number | None], total_last: bool
) -> list[tuple[int | None, ...]]:
    """All ways to put ``numbers`` in order into ``size`` columns that break no sum.

    ``expected`` is what the other rows leave for each column (None: unknown); with ``total_last`` the last column is the sum of
    the others, or blank. Each way has, for each column, the index of its number or None.
    """
    ways: list[tuple[int | None, ...]] = []
    for columns in combinations(range(size), len(numbers)):
        way: list[int | None] = [None] * size
        for index, column in enumerate(columns):
            way[column] = index
        if _fits(way, numbers, expected, total_last):
            ways.append(tuple(way))
    return ways


def _fits(way: list[int | None], numbers: Sequence[Number | None], expected: Sequence[Number | None], total_last: bool) -> bool:
    held = [None if index is None else numbers[index] for index in way]
    if any(index is not None and numbers[index] is None for index in way):
        return False
    for column, want in enumerate(expected):
        have = held[column]
        is_blank_total = total_last and column == len(way) - 1 and have is None
        if want is not None and not is_blank_total and (have or 0) != want:
            return False
    if total_last and held[-1] is not None:
        return sum(value or 0 for value in held[:-1]) == held[-1]
    return True
