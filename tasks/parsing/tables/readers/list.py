"""Blocks that are lists (the statistics table of 2014-2018, 政府信息公开情况统计表): a label, a unit and a value on each row."""

from __future__ import annotations

from codebook.records import Number
from codebook.text.numbers import ValueKind
from tasks.parsing.tables.align import MARGIN, AlignedPair, Item, align
from tasks.parsing.tables.cells import BlockRead, CellRead, Doubt, different_numbers, number_of
from tasks.parsing.tables.labels import LabelPart
from tasks.parsing.tables.table_text import TableText, labels_to_items
from tasks.parsing.tables.tokens import AtomKind

_UNIT = 4  # characters of a unit: 条, 万元, 人次, with brackets


def read_list(table: TableText) -> BlockRead:
    """Read ``table`` as a list."""
    text = table.text
    where = text.place(table.span.first)
    table = _without_groups(table)
    items = labels_to_items(table, {}, 1)
    cells: list[CellRead] = []
    pairs = align(items, table.runs)
    for pair in pairs:
        item = items[pair.item]
        if item.part is not LabelPart.ROW:
            continue
        place, reader = text.place(item.first), text.lines[text.atoms[item.first].line].reader
        chosen = [table.runs[index] for index in (pair.run, pair.second) if index is not None]
        values = [text.slot(i) for run in chosen for i in run.values]
        numbers = different_numbers(values)
        if pair.margin < MARGIN:
            cells.append(CellRead(item.slug, None, None, place, reader, Doubt.ALIGNMENT, numbers))
        elif pair.run is None and (inside := _inside(table, item)):
            cells.append(CellRead(item.slug, None, None, place, reader, Doubt.LABEL, inside))
        elif pair.run is None:
            doubt = Doubt.TEXT if table.has_unread_numbers(item.last) else table.doubt_without_cell(item.first, item.last)
            cells.append(CellRead(item.slug, None, None, place, reader, doubt))
        elif _apart(table, item, pair.run):
            cells.append(CellRead(item.slug, None, None, place, reader, Doubt.ALIGNMENT, numbers))
        else:
            run = table.runs[pair.run]
            doubt = None if len(run.values) == 1 else Doubt.COUNT
            cells.append(CellRead(item.slug, None, text.slot(run.values[0]), place, reader, doubt, numbers if doubt else ()))
    cells += _lost(table, items, pairs)
    forms = table.block.forms_of_rows(cell.row for cell in cells)
    return BlockRead(table.span.block, forms, where, tuple(cells))


def _inside(table: TableText, item: Item) -> tuple[Number, ...]:
    """Return the numbers that stand inside a label: a page break cut it in two, and its number is next to the first half."""
    runs = [run for run in table.runs if item.first < run.first < item.last]
    return different_numbers([table.text.slot(i) for run in runs for i in run.values])


def _apart(table: TableText, item: Item, run: int) -> bool:
    """Return whether other words than a unit stand between a label and the values behind it: they may be another thing's."""
    between = table.text.atoms[item.last + 1 : table.runs[run].first]
    return any(atom.kind in (AtomKind.TEXT, AtomKind.PROSE) and len(atom.text or atom.raw) > _UNIT for atom in between)


def _without_groups(table: TableText) -> TableText:
    """Without the headings of the form's chapters (一、主动公开情况 | —— | ——), which hold strokes where rows hold values."""
    labels = sorted(table.labels, key=lambda label: label.first)
    headings: set[int] = set()
    runs = []
    for run in table.runs:
        before = [label for label in labels if label.last < run.first]
        unowned = not before or before[-1].entry.part is LabelPart.UNKNOWN
        if run.values and unowned and all(table.text.slot(i).token.kind is ValueKind.MARK for i in run.values):
            headings |= {before[-1].first} if before else set()
        else:
            runs.append(run)
    return table._replace(runs=runs, labels=[label for label in table.labels if label.first not in headings])


def _lost(table: TableText, items: list[Item], pairs: list[AlignedPair]) -> list[CellRead]:
    """Values that no known label owns may be those of rows that are not printed between the rows around them: doubts."""
    owned: set[int | None] = set()
    once: set[str] = set()
    for pair in pairs:  # a label that stands twice may be a misprint of another row's
        item = items[pair.item]
        if item.part is LabelPart.ROW and item.slug not in once:
            owned.add(pair.run)
            once.add(item.slug)
    order = table.lex.order
    known = sorted((item.first, order[item.slug]) for item in items if item.part is LabelPart.ROW)
    printed = {item.slug for item in items if item.part is LabelPart.ROW}
    found: dict[str, CellRead] = {}
    for number, run in enumerate(table.runs):
        if number in owned or not run.values or not known or not known[0][0] < run.first:
            continue
        low = next((rank for first, rank in reversed(known) if first < run.first), -1)
        high = next((rank for first, rank in known if first > run.first), None)
        slot = table.text.slot(run.values[0])
        value = number_of(slot, None)
        for slug in table.lex.rows:
            if slug not in printed and high is not None and low < order[slug] < high:
                candidates = () if value is None else (value,)
                found[slug] = CellRead(slug, None, None, slot.place, slot.reader, Doubt.LABEL, candidates)
    return list(found.values())
