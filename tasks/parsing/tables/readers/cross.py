"""Blocks of few rows by few columns (table four, 行政复议、行政诉讼): all values in one printed row, as a rule."""

from __future__ import annotations

from tasks.parsing.tables.align import ValueRun
from tasks.parsing.tables.cells import BlockRead, CellRead, Doubt, different_numbers, number_of
from tasks.parsing.tables.labels import LabelPart
from tasks.parsing.tables.readers.dashes import dashes_of_totals, prints_dashes
from tasks.parsing.tables.table_text import TableText
from tasks.parsing.tables.tokens import AtomKind, PrintedValue


def read_cross(table: TableText) -> BlockRead:
    """Read ``table`` as a cross: one row of all values (fifteen in table four), a row for each row, or one for each column."""
    rows, columns = table.block.rows, table.block.columns
    where = table.text.place(table.span.first)
    slots = _in_one_row(table, len(rows) * len(columns)) or _in_rows(table)
    if slots is None:  # labels stand behind the values, where a side of the grid is open: the totals say what they are
        return (read_unlabelled_cross(table) if table.grid else None) or _unplaced(table)
    reader = table.reader
    if prints_dashes(list(slots.values())):
        settled = {row: dashes_of_totals([slots[row, column] for column in columns]) for row in rows}
        slots = {(row, column): slot for row, its in settled.items() for column, slot in zip(columns, its, strict=True)}
    cells = [CellRead(row, column, slots[row, column], where, reader) for row in rows for column in columns]
    return BlockRead(table.span.block, table.block.forms_of_rows(rows), where, tuple(cells))


def read_unlabelled_cross(table: TableText) -> BlockRead | None:
    """Read ``table``, whose labels are lost, by its one row that has a value for each cell; None when there is no such row.

    The cells are doubtful where the last value of a row is not the sum of the others: then nothing shows what the values are.
    """
    rows, columns = table.block.rows, table.block.columns
    size = len(columns)
    full = [run for run in table.runs if len(run.values) == len(rows) * size]
    if len(full) != 1:
        return None
    values = [table.text.slot(i) for i in full[0].values]
    numbers = [number_of(value, None) for value in values]
    parts = [numbers[at : at + size] for at in range(0, len(numbers), size)]
    proven = all(None not in part and sum(n or 0 for n in part[:-1]) == part[-1] for part in parts)
    where = table.text.place(full[0].first)
    cells = []
    for (row, column), value, number in zip(((r, c) for r in rows for c in columns), values, numbers, strict=True):
        candidates = () if proven or number is None else (number,)
        cells.append(CellRead(row, column, value, where, table.reader, None if proven else Doubt.COLUMN, candidates))
    return BlockRead(table.span.block, table.block.forms_of_rows(rows), where, tuple(cells))


_Grid = dict[tuple[str, str], PrintedValue | None]


def _in_one_row(table: TableText, size: int) -> _Grid | None:
    """All values behind all labels, in the order of the form."""
    rows, columns = table.block.rows, table.block.columns
    atoms = table.text.atoms
    labels = [m for m in table.labels if m.entry.part in (LabelPart.ROW, LabelPart.COLUMN)]
    last = max((m.last for m in labels), default=-1)
    if sum(len(run.values) for run in table.runs if run.first < last) > 2:
        return None
    slots: list[int] = []
    runs: list[ValueRun] = []
    for run in table.runs:
        if run.first < last or not (slots or run.values):
            continue
        if slots and any(slots[-1] < m.first < run.first for m in table.labels):
            break
        slots += run.slots
        runs.append(run)
    values = [i for i in slots if atoms[i].kind is AtomKind.VALUE]
    if len(values) > size:
        values = next((list(run.values) for run in runs if len(run.values) == size), [])
    slots = values if len(values) == size else _with_blanks(table, slots, values, size)
    if len(slots) != size:
        return None
    pairs = [(row, column) for row in rows for column in columns]
    return {pair: table.text.slot(i) if atoms[i].kind is AtomKind.VALUE else None for pair, i in zip(pairs, slots, strict=True)}


def _with_blanks(table: TableText, slots: list[int], values: list[int], size: int) -> list[int]:
    """The slots of a data row that shows its blanks; empty when it does not, or may have lost some and got others at its end."""
    if not values or not (table.grid or values[-1] == slots[-1]):
        return []
    own = slots if len(slots) <= size else slots[-size:]  # what stands before is the header's own blanks
    within = [i for i in slots if values[0] < i < values[-1]]
    kept = len(within) > len(values) - 2
    return own if len(own) == size and own[0] <= values[0] and (kept or table.grid) else []


def _in_rows(table: TableText) -> _Grid | None:
    """Values that follow the label of each row, one for each column, or the label of each column, one for each row."""
    rows, columns = table.block.rows, table.block.columns
    for part, names, others in ((LabelPart.ROW, tuple(rows), tuple(columns)), (LabelPart.COLUMN, tuple(columns), tuple(rows))):
        found: dict[str, tuple[int, ...]] = {}
        for number, label in enumerate(table.labels):
            if label.entry.part is not part:
                continue
            limit = table.labels[number + 1].first if number + 1 < len(table.labels) else table.span.end
            runs = [run for run in table.runs if label.last < run.first < limit and run.values]
            if len(runs) == 1 and len(runs[0].values) == len(others):
                if label.entry.slug in found:
                    return None
                found[label.entry.slug] = runs[0].values
        used = sum(len(values) for values in found.values())
        if len(found) == len(names) and used == sum(len(run.values) for run in table.runs):
            pairs = {(name, other): i for name in names for other, i in zip(others, found[name], strict=True)}
            if part is LabelPart.COLUMN:
                pairs = {(row, column): i for (column, row), i in pairs.items()}
            return {pair: table.text.slot(i) for pair, i in pairs.items()}
    return None


def _unplaced(table: TableText) -> BlockRead:
    """Values whose cells are not certain are doubts; without any value, and without text in its place, all cells are blank."""
    rows, columns = table.block.rows, table.block.columns
    where = table.text.place(table.span.first)
    reader = table.reader
    values = [table.text.slot(i) for run in table.runs for i in run.values]
    numbers = different_numbers(values)
    last = max((m.last for m in table.labels if m.entry.part in (LabelPart.ROW, LabelPart.COLUMN)), default=table.span.first)
    unread = Doubt.TEXT if table.has_unread_row(last) else None
    doubt = unread if not values else Doubt.BLANK if len(values) < len(rows) * len(columns) else Doubt.COUNT
    cells = [CellRead(row, column, None, where, reader, doubt, numbers) for row in rows for column in columns]
    return BlockRead(table.span.block, table.block.forms_of_rows(rows), where, tuple(cells))
