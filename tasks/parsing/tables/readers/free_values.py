"""Numbers of a matrix that are no row's, beside a row that seems blank: they may be its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from codebook.records import Reader
from codebook.text.fold import fold_label
from tasks.parsing.tables.align import AlignedPair, Item, ValueRun
from tasks.parsing.tables.cells import Doubt, number_of
from tasks.parsing.tables.labels import LabelPart
from tasks.parsing.tables.rows import RowCells, unread_row
from tasks.parsing.tables.table_text import TableText
from tasks.parsing.tables.tokens import PrintedValue


def slots_of(table: TableText, run: ValueRun) -> list[PrintedValue]:
    """The values of a run, with their evidence."""
    return [table.text.slot(i) for i in run.values]


def beside_free_values(table: TableText, items: list[Item], pairs: list[AlignedPair], rows: list[RowCells]) -> list[RowCells]:
    """A blank row right behind or before values that are no other row's: they may be its own, where a page break cut its label in
    two.

    Numbers of a group are its subtotal, as long as the rows of the group make them.
    """
    owners = {pair.run: items[pair.item] for pair in pairs if pair.run is not None}
    labelled = [item for item in items if item.part is LabelPart.ROW]
    result = list(rows)
    for at, row in enumerate(rows):
        item = next((one for one in labelled if one.slug == row.row and table.text.place(one.first) == row.place), None)
        if item is None or not row.sure or any(slot is not None for slot in row.cells):
            continue
        near = [n for n in _beside(table, item, labelled) if len(table.runs[n].values) >= len(row.cells) - 1]
        free = [slots_of(table, table.runs[n]) for n in near if _is_free(table, owners.get(n), item, rows)]
        if free or _are_numbers_left(table, item, labelled, owners):
            result[at] = unread_row(row.row, row.place, row.reader, len(row.cells), Doubt.LABEL, rivals=free)
    return result


def _are_numbers_left(table: TableText, item: Item, labelled: Sequence[Item], owners: Mapping[int, Item]) -> bool:
    """Return whether nearly as many numbers as a row has stand one by one before or behind the label of a blank row of a picture,
    and are nobody's: on a page that was read on its side each stands in a row of its own.
    """
    if table.text.lines[table.text.atoms[item.last].line].reader is not Reader.OCR:
        return False
    low = max((one.last for one in labelled if one.first < item.first), default=-1)
    high = min((one.first for one in labelled if one.first > item.first), default=table.span.end)
    counts = (
        len(run.values)
        for n, run in enumerate(table.runs)
        if low < run.first < high and (n not in owners or owners[n].part is LabelPart.UNKNOWN)
    )
    return sum(count for count in counts if count < item.size - 1) >= item.size - 1


def _beside(table: TableText, item: Item, labelled: Sequence[Item]) -> Iterator[int]:
    """Yield which values stand right before a label, and which right behind it, with no label of another row between."""
    before = sum(run.first < item.first for run in table.runs) - 1
    if before >= 0 and not any(table.runs[before].last < one.first < item.first for one in labelled):
        yield before
    behind = next((n for n, run in enumerate(table.runs) if run.first > item.last and run.values), None)
    if behind is not None and not any(item.last < one.first < table.runs[behind].first for one in labelled):
        yield behind


def _is_free(table: TableText, owner: Item | None, blank: Item, rows: Sequence[RowCells]) -> bool:
    """Return whether values next to the label of a ``blank`` row are no other row's: they have no label, that of a group whose
    rows do not make them, or the end of that label.
    """
    if owner is None or (owner.part is LabelPart.SUBTOTAL and not _makes_subtotal(rows, owner.slug)):
        return True
    return owner.first > blank.last and _ends_label(table, owner, blank.slug)


def _ends_label(table: TableText, item: Item, row: str) -> bool:
    """Return whether a label that the form has not is the end of one of a row."""
    text = fold_label("".join(atom.text for atom in table.text.atoms[item.first : item.last + 1]))
    return (
        item.part is LabelPart.UNKNOWN
        and text != ""
        and any(fold_label(label).endswith(text) for label in table.block.rows[row].texts)
    )


def _makes_subtotal(rows: Sequence[RowCells], group: str) -> bool:
    """Return whether the rows of a group make the numbers that are printed behind its label, which are not all 0."""
    printed = next((row for row in rows if row.row == f"={group}"), None)
    parts = [row for row in rows if row.row.startswith(f"{group}.")]
    if printed is None or not all(row.sure for row in (printed, *parts)):
        return False
    sums = [sum(number_of(slot, None) or 0 for slot in column) for column in zip(*(row.cells for row in parts), strict=True)]
    return any(sums) and sums == [number_of(slot, None) or 0 for slot in printed.cells]
