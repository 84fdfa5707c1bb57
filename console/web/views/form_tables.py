"""A report as the forms that it fills: blocks with their rows and columns as printed, and in each field what was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from codebook.book import Block, Label, load_book
from codebook.records import UNSETTLED_STATES, BlockSeen, State
from console.export.cells import form_cells
from database.monitoring.read_models import ValueItem
from tasks.validation.wording import words


class FormField(NamedTuple):
    """A place of the form: the id of its cell, and what was read there (None: the report does not print it)."""

    cell: str
    value: ValueItem | None


class FormLine(NamedTuple):
    """A row of the form. ``depth`` is how many groups it stands in; a heading has no fields. A field is None where the form
    has no cell.
    """

    label: str
    depth: int
    fields: tuple[FormField | None, ...]
    unit: str | None = None


class ColumnHead(NamedTuple):
    """A word over columns."""

    label: str
    span: int
    tall: bool = False


class FormPart(NamedTuple):
    """Rows under the same columns. ``heads`` are the rows of words above them, ``title`` what stands over the rows' labels."""

    title: str
    heads: tuple[tuple[ColumnHead, ...], ...]
    lines: tuple[FormLine, ...]


class FormSheet(NamedTuple):
    """A block of the report. ``name`` is what messages call it."""

    block: str
    name: str
    title: str
    form: str
    readable: bool
    parts: tuple[FormPart, ...]
    doubts: int


def sheets(blocks: Sequence[BlockSeen], values: Sequence[ValueItem]) -> list[FormSheet]:
    """The blocks of a report with all their fields, in the order of the codebook; also those that have values alone (prose)."""
    book, read = load_book(), {value.indicator: value for value in values}
    seen: dict[str, BlockSeen] = {}
    for each in blocks:
        if each.block in book.blocks and (each.block not in seen or (each.readable and not seen[each.block].readable)):
            seen[each.block] = each
    found = []
    for name, block in book.blocks.items():
        own = [value for cell, value in read.items() if cell in book.indicators and book.indicators[cell].block == name]
        if name not in seen and not own:
            continue
        form = seen[name].form if name in seen else block.forms[0]
        readable = name not in seen or seen[name].readable
        doubts = sum(value.state in UNSETTLED_STATES for value in own)
        shown = _shown(name, form, own)
        parts = tuple(_parts(name, block, shown, read))
        found.append(FormSheet(name, words().tables[name], block.title, form, readable, parts, doubts))
    return found


def _shown(name: str, form: str, own: Sequence[ValueItem]) -> frozenset[str]:
    """The cells to show: those that were read, and those that the form has besides."""
    book = load_book()
    printed = frozenset(book.indicators[v.indicator].row for v in own if v.state not in (State.MISSING, State.NOT_SEEN))
    known = form in book.forms
    return frozenset(v.indicator for v in own) | (form_cells(name, form, printed) if known else frozenset())


def _parts(name: str, block: Block, shown: frozenset[str], read: Mapping[str, ValueItem]) -> Iterator[FormPart]:
    if not block.columns:
        lines = tuple(_lines(block, {row: (_cell(name, row, None),) for row in block.rows}, shown, read))
        yield FormPart("", (), lines)
        return
    if not block.groups:
        rows = {row: tuple(_cell(name, row, column) for column in block.columns) for row in block.rows}
        yield FormPart("", _heads(list(block.columns.values())), tuple(_lines(block, rows, shown, read)))
        return
    for group in block.groups:
        columns = [c for c in block.columns if any(_cell(name, row, c) in shown for row in group.rows)]
        rows = {row: tuple(_cell(name, row, column) for column in columns) for row in group.rows}
        lines = tuple(_lines(block, rows, shown, read))
        if lines:
            yield FormPart(group.clause, _heads([block.columns[c] for c in columns]), lines)


def _cell(block: str, row: str, column: str | None) -> str:
    return f"{block}.{row}.{column}" if column else f"{block}.{row}"


def _lines(
    block: Block, rows: Mapping[str, tuple[str, ...]], shown: frozenset[str], read: Mapping[str, ValueItem]
) -> Iterator[FormLine]:
    above: tuple[str, ...] = ()
    for row, cells in rows.items():
        if not any(cell in shown for cell in cells):
            continue
        label = block.rows[row]
        for depth, group in enumerate(label.under):
            if label.under[: depth + 1] != above[: depth + 1]:
                yield FormLine(group, depth, ())
        above = label.under
        fields = tuple(FormField(cell, read.get(cell)) if cell in shown else None for cell in cells)
        yield FormLine(label.label, len(label.under), fields, label.unit)


def _heads(columns: Sequence[Label]) -> tuple[tuple[ColumnHead, ...], ...]:
    """One row of words, or two where columns stand in groups."""
    if not any(column.under for column in columns):
        return (tuple(ColumnHead(column.label, 1) for column in columns),)
    upper: list[ColumnHead] = []
    before: str | None = None
    for column in columns:
        group = column.under[-1] if column.under else None
        if group is not None and group == before:
            upper[-1] = upper[-1]._replace(span=upper[-1].span + 1)
        else:
            upper.append(ColumnHead(group, 1) if group is not None else ColumnHead(column.label, 1, tall=True))
        before = group
    return tuple(upper), tuple(ColumnHead(column.label, 1) for column in columns if column.under)
