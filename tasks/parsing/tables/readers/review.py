"""The table of reviews and lawsuits (行政复议、行政诉讼) read from flattened text: fifteen values in one row, as a rule."""

from __future__ import annotations

from codebook.book import load_book
from codebook.records import Number
from tasks.parsing.tables.align import Run
from tasks.parsing.tables.cells import BlockRead, CellRead, Doubt, number_of
from tasks.parsing.tables.labels import Part
from tasks.parsing.tables.table_text import Prepared
from tasks.parsing.tables.tokens import AtomKind, Slot


def _shape() -> tuple[tuple[str, ...], tuple[str, ...]]:
    block = load_book().blocks["review"]
    return tuple(block.rows), tuple(block.columns)


def read_review(prepared: Prepared) -> BlockRead:
    """Read the region as the table of reviews: one row of fifteen, three rows of five, or five rows of three."""
    rows, columns = _shape()
    where = prepared.text.place(prepared.region.first)
    slots = _in_one_row(prepared, len(rows) * len(columns)) or _in_rows(prepared)
    if slots is None:
        return _unplaced(prepared)
    reader = prepared.text.lines[prepared.text.atoms[prepared.region.first].line].reader
    cells = [CellRead(row, column, slots[row, column], where, reader) for row in rows for column in columns]
    return BlockRead("review", None, where, tuple(cells))


_Grid = dict[tuple[str, str], Slot | None]


def _in_one_row(prepared: Prepared, size: int) -> _Grid | None:
    """All values behind all labels, in the order of the form."""
    rows, columns = _shape()
    atoms = prepared.text.atoms
    labels = [m for m in prepared.marks if m.entry.part in (Part.ROW, Part.COLUMN)]
    last = max((m.last for m in labels), default=-1)
    if sum(len(run.values) for run in prepared.runs if run.first < last) > 2:
        return None
    slots: list[int] = []
    runs: list[Run] = []
    for run in prepared.runs:
        if run.first < last or not (slots or run.values):
            continue
        if slots and any(slots[-1] < m.first < run.first for m in prepared.marks):
            break
        slots += run.slots
        runs.append(run)
    values = [i for i in slots if atoms[i].kind is AtomKind.VALUE]
    if len(values) > size:
        values = next((list(run.values) for run in runs if len(run.values) == size), [])
    slots = values if len(values) == size else _with_blanks(prepared, slots, values, size)
    if len(slots) != size:
        return None
    pairs = [(row, column) for row in rows for column in columns]
    return {
        pair: prepared.text.slot(i) if atoms[i].kind is AtomKind.VALUE else None for pair, i in zip(pairs, slots, strict=True)
    }


def _with_blanks(prepared: Prepared, slots: list[int], values: list[int], size: int) -> list[int]:
    """The slots of a data row that shows its blanks; empty when it does not, or may have lost some and got others at its end."""
    if not values or not (prepared.grid or values[-1] == slots[-1]):
        return []
    own = slots if len(slots) <= size else slots[-size:]  # what stands before is the header's own blanks
    within = [i for i in slots if values[0] < i < values[-1]]
    kept = len(within) > len(values) - 2
    return own if len(own) == size and own[0] <= values[0] and (kept or prepared.grid) else []


def _in_rows(prepared: Prepared) -> _Grid | None:
    """Values that follow the labels of the three rows (five each), or of the five columns (three each)."""
    rows, columns = _shape()
    for part, names, others in ((Part.ROW, rows, columns), (Part.COLUMN, columns, rows)):
        found: dict[str, tuple[int, ...]] = {}
        for number, mark in enumerate(prepared.marks):
            if mark.entry.part is not part:
                continue
            limit = prepared.marks[number + 1].first if number + 1 < len(prepared.marks) else prepared.region.end
            runs = [run for run in prepared.runs if mark.last < run.first < limit and run.values]
            if len(runs) == 1 and len(runs[0].values) == len(others):
                if mark.entry.slug in found:
                    return None
                found[mark.entry.slug] = runs[0].values
        used = sum(len(values) for values in found.values())
        if len(found) == len(names) and used == sum(len(run.values) for run in prepared.runs):
            pairs = {(name, other): i for name in names for other, i in zip(others, found[name], strict=True)}
            if part is Part.COLUMN:
                pairs = {(row, column): i for (column, row), i in pairs.items()}
            return {pair: prepared.text.slot(i) for pair, i in pairs.items()}
    return None


def _unplaced(prepared: Prepared) -> BlockRead:
    """Values that cannot be told apart are doubts; without any value, all cells are blank."""
    rows, columns = _shape()
    where = prepared.text.place(prepared.region.first)
    reader = prepared.text.lines[prepared.text.atoms[prepared.region.first].line].reader
    values = [prepared.text.slot(i) for run in prepared.runs for i in run.values]
    numbers: tuple[Number, ...] = tuple(dict.fromkeys(n for slot in values if (n := number_of(slot, None)) is not None))
    doubt = None if not values else Doubt.BLANK if len(values) < len(rows) * len(columns) else Doubt.COUNT
    cells = [CellRead(row, column, None, where, reader, doubt, numbers) for row in rows for column in columns]
    return BlockRead("review", None, where, tuple(cells))
