"""Blocks that are a matrix (table three, 收到和处理政府信息公开申请情况): many rows under one header, in columns that balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import pairwise
from typing import NamedTuple

from codebook.book import Block
from codebook.text.fold import fold_label
from tasks.parsing.tables.align import MARGIN, AlignedPair, Item, ValueRun, align, doubt_beside_lost
from tasks.parsing.tables.cells import BlockRead, Doubt
from tasks.parsing.tables.found_labels import FoundLabel
from tasks.parsing.tables.labels import LabelPart
from tasks.parsing.tables.out_of_place import doubt_out_of_place
from tasks.parsing.tables.place import BlankStyle, blank_style, place_values
from tasks.parsing.tables.readers.dashes import settle_dashes
from tasks.parsing.tables.readers.free_values import beside_free_values, slots_of
from tasks.parsing.tables.rows import (
    RowCells,
    adds_up,
    doubt_by_order,
    doubted_blanks,
    doubted_row,
    extra_position,
    row_cells,
    rows_to_cells,
    settle_blanks,
    shape_of,
    total_leads,
    unread_row,
    unsure_columns,
)
from tasks.parsing.tables.table_text import TableText, labels_to_items, split_runs
from tasks.parsing.tables.tokens import AtomKind, PrintedValue, value_token

_MOST_ROWS = 0.8  # share of the rows
_OF_GROUPS = {LabelPart.GROUP, LabelPart.SUBTOTAL}  # labels that stand beside several rows


class FormRows(NamedTuple):
    """The rows that the form of a table asks for, and how many values each has."""

    rows: tuple[str, ...]
    size: int


def _without_moved_labels(table: TableText) -> TableText:
    """The table without the labels that stand on a line of their own outside of the grid (one of its sides is open), where the
    order of the form names these rows.
    """
    lines, atoms = table.text.lines, table.text.atoms
    rows = [m for m in table.labels if m.entry.part is LabelPart.ROW]
    named = {m.entry.slug for m in rows if lines[atoms[m.first].line].by_order}
    valued = {run.line for run in table.runs if run.values}
    moved = [m for m in rows if m.entry.slug in named and lines[atoms[m.first].line].cells is None]
    alone = [m for m in moved if valued.isdisjoint({atoms[m.first].line, atoms[m.last].line})]
    return table._replace(labels=[m for m in table.labels if m not in alone])


class Division(NamedTuple):
    """Rows that some forms divide: those whose label is here that of a subtotal of their parts, and those that may be either."""

    divided: frozenset[str]
    unsure: frozenset[str]

    def parts(self, block: Block) -> frozenset[str]:
        """Return the rows that may be printed in their place."""
        return frozenset(part for slug in self.divided | self.unsure for part in block.rows[slug].parts)


def as_printed(table: TableText) -> tuple[TableText, Division]:
    """Return where the parts of a row are printed (（六）其他处理), its own label is that of their subtotal."""
    rows = table.block.rows
    printed = {m.entry.slug for m in table.labels if m.entry.part is LabelPart.ROW}
    divided = {slug for slug, label in rows.items() if not printed.isdisjoint(label.parts)}
    unsure: set[str] = set()
    for label in table.labels if table.grid else ():
        slug = label.entry.slug
        if slug in printed - divided and rows[slug].parts and (more := _rows_below(table, label)) > 0:
            (divided if more == len(rows[slug].parts) else unsure).add(slug)
    unsure |= {slug for slug in _without_label(table, printed) if slug not in divided}
    labels = [
        m.but(entry=m.entry._replace(part=LabelPart.SUBTOTAL)) if m.entry.part is LabelPart.ROW and m.entry.slug in divided else m
        for m in table.labels
    ]
    return table._replace(labels=labels), Division(frozenset(divided), frozenset(unsure))


def _without_label(table: TableText, printed: set[str]) -> set[str]:
    """Return the rows of which neither the label nor that of a part was read, where a grid has more rows than the form."""
    order, block = table.lex.order, table.block
    known = [m for m in table.labels if m.entry.part is LabelPart.ROW]
    found = set()
    for slug, label in block.rows.items():
        if not table.grid or not label.parts or slug in printed or not printed.isdisjoint(label.parts):
            continue
        before = [m for m in known if order[m.entry.slug] < order[slug]][-1:]
        then = [m for m in known if order[m.entry.slug] > order[slug]][:1]
        first, last = before[0].last if before else table.span.start, then[0].first if then else table.span.end
        low, high = order[before[0].entry.slug] if before else -1, order[then[0].entry.slug] if then else len(order)
        runs = [run for run in table.runs if first < run.first < last and len(run.values) > 1]
        wanted = [row for row in block.rows if row not in block.part_rows and low < order[row] < high]
        if len(runs) - len(before) > len(wanted):
            found.add(slug)
    return found


def _rows_below(table: TableText, label: FoundLabel) -> int:
    """Return how many rows stand in a grid below the label of a row that the form has not there: its parts, whose labels were not
    read. Where the label reaches over several rows, and a cell stands between it and the values of its line, that is one of them.
    """
    atoms, block, order = table.text.atoms, table.block, table.lex.order
    below = [m for m in table.labels if m.first > label.last and m.entry.part in (LabelPart.ROW, LabelPart.SUBTOTAL)]
    then = below[0].first if below else table.span.end
    runs = [run for run in table.runs if label.last < run.first < then and len(run.values) > 1]
    if not runs:
        return 0
    high = order[below[0].entry.slug] if below and below[0].entry.part is LabelPart.ROW else len(order)
    without = [slug for slug in block.rows if slug not in block.part_rows and order[label.entry.slug] < order[slug] < high]
    line = table.text.lines[atoms[label.last].line]
    cell = (line.cells or {}).get(atoms[label.last].cell)
    own = 1
    if cell is not None and cell.row_span > 1 and atoms[runs[0].first].line == atoms[label.last].line:
        places = Counter(tuple(atoms[i].cell for i in run.values) for run in table.runs).most_common(1)[0][0]
        kept = {atoms[i].cell for i in runs[0].values} <= set(places)
        own = int(not kept or not any(cell.column + cell.column_span <= column < places[0] for column in line.cells or {}))
    return len(runs) - own - len(without)


def read_matrix(table: TableText) -> BlockRead:
    """Read ``table`` as a matrix."""
    block, shape = table.block, shape_of(table.span.block)
    table, division = as_printed(_without_moved_labels(table))
    parts = division.parts(block)
    where = table.text.place(table.span.first)
    drawn = _drawn_columns(table)
    left = _columns_left(table)
    if drawn:
        columns, sure_columns = drawn[0], True
    elif left:
        columns, sure_columns = left, True
    else:
        columns, sure_columns = _columns(table)
    size = len(columns)
    extra_at = next((at for at, column in enumerate(columns) if column == shape.extra), None)
    table = split_runs(table, size, lambda slots: adds_up(slots, extra_at))
    items = labels_to_items(table, {}, size)
    labelled = {item.slug for item in items if item.part is LabelPart.ROW}
    asked = {*block.rows_wanted(labelled | parts), *division.unsure}
    wanted = FormRows(tuple(slug for slug in block.rows if slug in asked), size)
    pairs = align(items, table.runs, labelled >= set(wanted.rows), table.from_print)
    lost = [(one, other) for one, other in pairwise(wanted.rows) if (one in labelled) != (other in labelled)]
    pairs = doubt_beside_lost(items, table.runs, pairs, lost)
    style = blank_style(table.text.atoms, table.runs, size, table.grid, table.padded)
    if drawn:
        style = style._replace(columns=drawn[1])
    rows: list[RowCells] = []
    for pair in pairs:
        item = items[pair.item]
        if item.part is not LabelPart.UNKNOWN:
            row = _row(table, item, pair, size, style)
            if table.shares_cell(item.last) or table.has_number_in_label(item.first, item.last):
                row = doubted_row(row)
            if item.part is LabelPart.ROW or any(row.cells):
                rows.append(row)
    rows = doubt_out_of_place(rows)
    rows = _unlabelled(table, items, pairs, rows, wanted)
    rows = _beside_surplus(rows, items, pairs, table.runs, size)
    rows = _above_stray_digits(table, items, pairs, rows)
    rows = beside_free_values(table, items, pairs, rows)
    rows = _unprinted(table, items, pairs, rows, wanted)
    rows = settle_dashes(shape, rows, columns)
    rows = _by_order(table, items, rows, columns, division.unsure)
    if not sure_columns:
        rows = unsure_columns(shape, rows, columns)
    elif columns == shape.columns:
        rows = settle_blanks(shape, rows)
    printed = [row.row for row in rows if not row.row.startswith("=")]
    notes = tuple(
        f"{table.span.block}: row {row} is not printed" for row in block.rows_wanted({*printed, *parts}) if row not in printed
    )
    return BlockRead(
        table.span.block, block.forms_of_rows({*printed, *parts}), where, tuple(rows_to_cells(rows, columns)), notes=notes
    )


def _columns(table: TableText) -> tuple[tuple[str, ...], bool]:
    """The columns of flattened text, with 法人小计 where rows have a value more, and whether they are sure.

    A header that names 法人小计 counts for more than the number of rows: where totals are left blank, most rows are short.
    """
    shape = shape_of(table.span.block)
    plain = shape.columns
    sevens = [[table.text.slot(i) for i in run.values] for run in table.runs if len(run.values) == len(plain)]
    eights = [run for run in table.runs if len(run.values) == len(plain) + 1]
    header = {m.entry.slug: m.first for m in table.labels if m.entry.part in (LabelPart.COLUMN, LabelPart.EXTRA)}
    extra = next((m.first for m in table.labels if m.entry.part is LabelPart.EXTRA), None)
    if not eights or shape.extra is None or (extra is None and len(eights) <= len(sevens)):
        return plain, extra is None and not total_leads(sevens)
    before, behind = shape.places
    hint = None if extra is None else before if extra < header.get(plain[before], -1) else behind
    at, sure = extra_position(shape, [[table.text.slot(i) for i in run.values] for run in eights], hint)
    return shape.with_extra(at), sure


def _columns_left(table: TableText) -> tuple[str, ...]:
    """Return the columns of a table whose header lacks some of those of the form; empty where it lacks none.

    Its rows must have as many values as the header has columns: a label that was only misread has values under it. Nor may other
    text stand between the labels of the header, or a piece of a column that seems to lack: its label may be broken over lines.
    """
    plain = shape_of(table.span.block).columns
    header = {m.entry.slug for m in table.labels if m.entry.part in (LabelPart.COLUMN, LabelPart.EXTRA)}
    left = tuple(column for column in plain if column in header)
    lengths = Counter(len(run.values) for run in table.runs if len(run.values) > 1)
    if not 1 < len(left) < len(plain) or header > set(left) or not lengths or _has_other_labels(table, set(plain) - header):
        return ()
    return left if lengths[len(left)] >= _MOST_ROWS * lengths.total() else ()


def _has_other_labels(table: TableText, lacking: set[str]) -> bool:
    """Return whether text between the labels of a header, or a piece of a label of ``lacking`` before them, is none of theirs."""
    atoms, columns = table.text.atoms, table.block.columns
    row = min((m.first for m in table.labels if m.entry.part is LabelPart.ROW), default=table.span.end)
    known = [m for m in table.labels if m.entry.part is not LabelPart.UNKNOWN and m.first < row]
    first = min((m.first for m in known if m.entry.part in (LabelPart.COLUMN, LabelPart.EXTRA)), default=row)
    if any(m.entry.part is LabelPart.UNKNOWN and first < m.first < row for m in table.labels):
        return True
    covered = {i for m in known for i in range(m.first, m.last + 1)}
    texts = [atoms[i].text for i in range(table.span.start, row) if i not in covered and atoms[i].kind is AtomKind.TEXT]
    labels = [fold_label(text) for slug in lacking for text in columns[slug].texts]
    return any(one + other in text for label in labels for one, other in pairwise(label) for text in texts)


def _drawn_columns(table: TableText) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
    """The columns of a grid with the cells under which its values stand, from its header; None unless each stands in one place.

    The values must keep to these cells: headers whose merged cells were lost do not stand above what they name.
    """
    if not table.grid:
        return None
    atoms = table.text.atoms
    header = [m for m in table.labels if m.entry.part in (LabelPart.COLUMN, LabelPart.EXTRA) and m.first == m.last]
    cells = {m.entry.slug: atoms[m.first].cell for m in header}
    if (
        len(header) != len(cells)
        or not set(shape_of(table.span.block).columns) <= set(cells)
        or len(set(cells.values())) < len(cells)
    ):
        return None
    by_cell = sorted(cells, key=lambda slug: cells[slug])
    places = tuple(cells[slug] for slug in by_cell)
    values = {atoms[i].cell for run in table.runs if len(run.values) > 1 for i in run.values}
    if not values <= set(places) or _has_moved_header(table, tuple(by_cell)):
        return None
    return tuple(by_cell), places


def _has_moved_header(table: TableText, columns: tuple[str, ...]) -> bool:
    """Return whether the header stands over ``columns`` in another order than that of the form, and only the latter makes each
    row's last value the sum of the others: a label of the header reaches over a column too few.
    """
    plain = shape_of(table.span.block).columns
    if columns == plain or set(columns) != set(plain):
        return False
    rows = [[table.text.slot(i) for i in run.values] for run in table.runs if len(run.values) == len(plain)]
    drawn = [[row[columns.index(column)] for column in plain] for row in rows]
    return all(adds_up(row, None) for row in rows) and not all(adds_up(row, None) for row in drawn)


def _row(table: TableText, item: Item, pair: AlignedPair, size: int, style: BlankStyle) -> RowCells:
    text = table.text
    name = f"={item.slug}" if item.part is LabelPart.SUBTOTAL else item.slug
    where, reader = text.place(item.first), text.lines[text.atoms[item.first].line].reader
    chosen = [table.runs[index] for index in (pair.run, pair.second) if index is not None]
    doubtful = pair.margin < MARGIN
    if pair.run is None:
        if not doubtful:
            unread = Doubt.TEXT if table.has_unread_numbers(item.last) else table.doubt_without_cell(item.first, item.last)
            return row_cells(name, where, reader, (None,) * size, unread)
        return unread_row(name, where, reader, size, Doubt.ALIGNMENT, rivals=[slots_of(table, run) for run in chosen])
    run = chosen[0]
    placed = place_values(text.atoms, run, size, style)
    if not placed.exact:
        return unread_row(name, where, reader, size, Doubt.ALIGNMENT if doubtful else Doubt.BLANK, values=slots_of(table, run))
    cells = [None if i is None else text.slot(i) for i in placed.atoms]
    if not doubtful:
        return row_cells(name, where, reader, cells, placed.doubt)
    row = unread_row(name, where, reader, size, Doubt.ALIGNMENT, rivals=[slots_of(table, one) for one in chosen])
    return row.but(cells=tuple(cells))


def _by_order(
    table: TableText, items: list[Item], rows: list[RowCells], columns: tuple[str, ...], unsure: Collection[str]
) -> list[RowCells]:
    """Rows that only the order of the form names: the sums must agree. Those that are ``unsure`` are doubtful."""
    lines, atoms = table.text.lines, table.text.atoms
    named = {item.slug for item in items if item.part is LabelPart.ROW and lines[atoms[item.first].line].by_order}
    rows = doubt_by_order(shape_of(table.span.block), rows, columns, named)
    return [doubted_row(row) if row.row in unsure else row for row in rows]


def _beside_surplus(
    rows: list[RowCells], items: list[Item], pairs: list[AlignedPair], runs: list[ValueRun], size: int
) -> list[RowCells]:
    """A row without values next to one with too many is not blank for sure: some of those may be its own."""
    owners = [pair for pair in pairs if items[pair.item].part is LabelPart.ROW]
    surplus = {n for n, pair in enumerate(owners) if pair.run is not None and len(runs[pair.run].values) > size}
    near = {items[pair.item].slug for n, pair in enumerate(owners) if pair.run is None and ({n - 1, n + 1} & surplus)}
    return [unread_row(row.row, row.place, row.reader, size, Doubt.ALIGNMENT) if row.row in near else row for row in rows]


def _above_stray_digits(table: TableText, items: list[Item], pairs: list[AlignedPair], rows: list[RowCells]) -> list[RowCells]:
    """A row right above values that no label owns: they may be the last digits of its numbers, broken over two lines, or numbers
    of its own that a page break cut off.
    """
    owners = {pair.run: items[pair.item] for pair in pairs if pair.run is not None and items[pair.item].part is LabelPart.ROW}
    owned = {pair.run for pair in pairs}
    result = list(rows)  # a row that is printed twice is here twice
    places = {(row.row, row.place): at for at, row in enumerate(rows)}
    for index, run in enumerate(table.runs):
        above = table.runs[index - 1] if index else None
        if index in owned or above is None or not run.values or run.cut:
            continue
        owner = owners.get(index - 1)
        at = None if owner is None else places.get((owner.slug, table.text.place(owner.first)))
        between = {label.entry.part for label in table.labels if above.last < label.first < run.first}
        if at is None or not result[at].sure or between - _OF_GROUPS:
            continue
        under = _drawn_under(table, run, above)
        if len(run.values) < len(result[at].cells) and (under is None or -1 in under.values()):
            result[at] = doubted_blanks(result[at], slots_of(table, run))
        if between:
            continue
        if 0 < len(run.values) < len(above.values) and (under is None or -1 not in under.values()):
            result[at] = _perhaps_broken(result[at], slots_of(table, run), under)
    return result if table.grid else _without_repeated_labels(result)


def _without_repeated_labels(rows: list[RowCells]) -> list[RowCells]:
    """The rows of a text without those that are a label and nothing else, where its row has values elsewhere: a label that goes
    over several columns is repeated in text that was made of a grid.
    """
    held = [row for row in rows if not row.sure or row.loose or any(slot is not None for slot in row.cells)]
    named = {row.row for row in held}
    return [row for row in rows if row in held or row.row not in named]


def _drawn_under(table: TableText, run: ValueRun, above: ValueRun) -> dict[int, int] | None:
    """Return which values of ``run`` stand under which of ``above``, by their positions (-1: under none); None where no grid
    shows it.
    """
    if not table.grid:
        return None
    atoms = table.text.atoms
    cells = {atoms[i].cell: at for at, i in enumerate(above.values)}
    return {at: cells.get(atoms[i].cell, -1) for at, i in enumerate(run.values)}


def _perhaps_broken(row: RowCells, strays: list[PrintedValue], under: dict[int, int] | None) -> RowCells:
    """The row with a doubt on each number that the stray digits may end, and what it then is."""
    filled = [at for at, slot in enumerate(row.cells) if slot is not None]
    doubts, candidates = list(row.doubts), list(row.candidates)
    for at in filled:
        # above may stand more values than the row has columns
        ends = strays if under is None else [strays[n] for n, place in under.items() if filled[place : place + 1] == [at]]
        slot = row.cells[at]
        if slot is None or not ends or not slot.raw.strip().isdecimal() or slot.token.value == 0:
            continue
        joined = [value_token(slot.raw.strip() + end.raw.strip()) for end in ends if end.raw.strip().isdecimal()]
        values = [token.value for token in joined if token is not None and token.value is not None]
        doubts[at] = Doubt.BROKEN
        candidates[at] = tuple(dict.fromkeys(values if under is not None else [slot.token.value or 0, *values]))
    return row.but(doubts=tuple(doubts), candidates=tuple(candidates))


def _unprinted(
    table: TableText, items: list[Item], pairs: list[AlignedPair], rows: list[RowCells], wanted: FormRows
) -> list[RowCells]:
    """A row that is not printed may be there without its label, if values have no owner or rows are not sure of theirs.

    In a grid none of these values is its own: they stand between rows of other labels.
    """
    owned = {pair.run for pair in pairs if pair.run is not None and items[pair.item].part is LabelPart.ROW}
    free = [slots_of(table, run) for n, run in enumerate(table.runs) if n not in owned and len(run.values) > 1]
    if not free and all(row.sure for row in rows):
        return rows
    printed = {row.row for row in rows if not row.row.startswith("=")}
    where, reader = table.text.place(table.span.first), rows[0].reader if rows else free[0][0].reader
    lost = [slug for slug in wanted.rows if slug not in printed]
    rivals = [] if table.grid and _in_order(table, items) else free
    return [*rows, *(unread_row(slug, where, reader, wanted.size, Doubt.LABEL, rivals=rivals) for slug in lost)]


def _in_order(table: TableText, items: list[Item]) -> bool:
    """Return whether the rows that were found stand in the order of the form, each once."""
    ranks = [table.lex.order[item.slug] for item in items if item.part is LabelPart.ROW]
    return all(one < other for one, other in pairwise(ranks))


def _unlabelled(
    table: TableText, items: list[Item], pairs: list[AlignedPair], rows: list[RowCells], wanted: FormRows
) -> list[RowCells]:
    """Runs that no row's label owns: where the form expects rows that are not there, the values are theirs, doubtfully.

    A run behind a group's label is its subtotal, unless a row is missing right there. In a grid the order of the form leaves
    a row only some of them.
    """
    parts = {pair.run: items[pair.item].part for pair in pairs if pair.run is not None}
    order = table.lex.order
    known = sorted((item.first, order[item.slug]) for item in items if item.part is LabelPart.ROW)
    present = [item.slug for item in items if item.part is LabelPart.ROW]
    in_order = _in_order(table, items)
    gaps: dict[tuple[int, int], list[int]] = {}
    for index, run in enumerate(table.runs):
        if parts.get(index) is not LabelPart.ROW and len(run.values) >= wanted.size - 1:
            low = next((rank for first, rank in reversed(known) if first < run.first), -1)
            high = next((rank for first, rank in known if first > run.first), len(order))
            gaps.setdefault((low, high), []).append(index)
    result = list(rows)
    for (low, high), indices in gaps.items():
        lost = [slug for slug in wanted.rows if slug not in present and low < order[slug] < high]
        free = [index for index in indices if parts.get(index) is not LabelPart.SUBTOTAL]
        runs = [table.runs[index] for index in (free if len(free) >= len(lost) else indices)]
        values = [slots_of(table, run) for run in runs]
        fewer = len(lost) - len(runs)
        for number, slug in enumerate(lost if runs else []):
            where = table.text.place(runs[min(number, len(runs) - 1)].first)
            rivals = values
            if table.grid and in_order and fewer >= 0:
                rivals = values[max(0, number - fewer) : number + 1] if fewer else [values[number], *values]
            row = unread_row(slug, where, values[0][0].reader, wanted.size, Doubt.LABEL, rivals=rivals)
            if len(lost) == len(runs) and len(values[number]) == wanted.size:
                row = row.but(cells=tuple(values[number]))
            result.append(row)
    return result
