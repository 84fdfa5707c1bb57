"""Blocks of items (table two, 主动公开政府信息情况): rows under a header of their own, item by item, in the columns of a form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import pairwise
from typing import NamedTuple

from codebook.book import Block, load_book
from codebook.records import Number
from tasks.parsing.tables.align import MARGIN, AlignedPair, Item, ValueRun, align, doubt_beside_lost
from tasks.parsing.tables.cells import BlockRead, CellRead, Doubt, different_numbers
from tasks.parsing.tables.found_labels import FoundLabel
from tasks.parsing.tables.header import Header, columns_by_form, group_of, read_header
from tasks.parsing.tables.labels import LabelPart
from tasks.parsing.tables.place import BlankStyle, blank_style, place_values
from tasks.parsing.tables.table_text import TableText, labels_to_items
from tasks.parsing.tables.tokens import AtomKind, PrintedValue


class HeadedRow(NamedTuple):
    """A row with the header above it; ``sure`` is False where only its count of values speaks for the columns.

    ``cells`` are the cells of the header's labels, in the order of its columns, where a grid shows them. ``guess``: nothing in
    the table speaks for the columns.
    """

    label: FoundLabel
    header: Header | None
    sure: bool = True
    cells: tuple[int, ...] | None = None
    guess: bool = False


def read_items(table: TableText) -> BlockRead:
    """Read ``table`` as a block of items."""
    text = table.text
    where = text.place(table.span.first)
    rows = with_form(table.span.block, _headed(table))
    sizes = {row.label.first: len(row.header.columns) for row in rows if row.header}
    most = max(len(columns) for group in table.block.groups for columns in group.columns.values())
    items = _items(table, sizes, most)
    strange = _of_strange_rows(table)
    runs = [run for run in table.runs if run.values and run not in strange]
    pairs = doubt_beside_lost(items, runs, align(items, runs), _next_to_lost(table.block, rows))
    pairs = [pair for pair in pairs if items[pair.item].part is LabelPart.ROW]
    styles = {
        size: blank_style(text.atoms, runs, size, table.grid, table.padded) for size in {*range(1, most + 1), *sizes.values()}
    }
    cells: list[CellRead] = []
    owned = {pair.run for pair in pairs}
    for row, pair in zip(rows, pairs, strict=True):
        own = _cells(table, row, pair, runs, styles)
        strays = [] if pair.run is None else _below(table, runs, owned, pair.run)
        cells += _with_doubted_blanks(own, different_numbers(strays)) if strays else own
    surplus = {row.label.entry.slug for row, pair in zip(rows, pairs, strict=True) if _has_surplus(row, pair, runs)}
    unsure = surplus | {cell.row for cell in cells if cell.doubt in (Doubt.ALIGNMENT, Doubt.COUNT)}
    cells += _lost(table, rows, unsure, [*strange, *(run for n, run in enumerate(runs) if n not in owned)])
    forms = next((row.header.forms for row in rows if row.header and row.header.forms), ())
    notes = tuple(f"{table.span.block}: the header of row {row.label.entry.slug} is lost" for row in rows if not row.sure)
    return BlockRead(table.span.block, _narrowed(rows, forms), where, tuple(cells), notes=notes)


def _below(table: TableText, runs: list[ValueRun], owned: Collection[int | None], at: int) -> list[PrintedValue]:
    """Return the values that stand right below those of run ``at`` and that no label owns: a page break may have cut the row."""
    if at + 1 == len(runs) or at + 1 in owned:
        return []
    between = (label for label in table.labels if runs[at].first < label.first < runs[at + 1].first)
    return [] if any(between) else [table.text.slot(i) for i in runs[at + 1].values]


def _with_doubted_blanks(cells: list[CellRead], candidates: tuple[Number, ...]) -> list[CellRead]:
    """The cells of a row, whose blanks may hold one of ``candidates``."""
    return [
        cell.but(doubt=Doubt.BLANK, candidates=candidates) if cell.slot is None and not cell.doubt else cell for cell in cells
    ]


def _of_strange_rows(table: TableText) -> list[ValueRun]:
    """Return the values of rows that the form does not have: behind an unknown label in the first cell of their own line.

    Unless the label before it has nothing behind it, of which the unknown one may then be the rest.
    """
    atoms = table.text.atoms
    unknown = {label.last: label for label in table.labels if label.entry.part is LabelPart.UNKNOWN}
    rows = [label for label in table.labels if label.entry.part is LabelPart.ROW]
    result: list[ValueRun] = []
    for run in table.runs:
        label = unknown.get(run.first - 1)
        if not run.values or label is None or atoms[label.first].cell != 0 or atoms[label.first].line != run.line:
            continue
        before = max((row.last for row in rows if row.last < label.first), default=None)
        if before is None or any(atom.kind in (AtomKind.VALUE, AtomKind.BLANK) for atom in atoms[before + 1 : label.first]):
            result.append(run)
    return result


def _narrowed(rows: list[HeadedRow], forms: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of ``forms``, which the first header shows, that all other headers of the same forms show too."""
    for row in rows:
        shown = row.header.forms if row.header else ()
        if common := tuple(form for form in forms if form in shown):
            forms = common
    return forms


def _items(table: TableText, sizes: dict[int, int], most: int) -> list[Item]:
    """The rows, and the headers between them; a row without a header may have as many as ``most`` values."""
    rows = [m for m in table.labels if m.entry.part is LabelPart.ROW]
    items = labels_to_items(table._replace(labels=rows), sizes, most)
    for label in table.labels:
        if label.entry.part in (LabelPart.COLUMN, LabelPart.CLAUSE):
            items.append(Item(LabelPart.GROUP, label.entry.slug, label.first, label.last, table.text.atoms[label.last].line, 0))
    return sorted(items, key=lambda item: item.first)


def _next_to_lost(block: Block, rows: list[HeadedRow]) -> list[tuple[str, str]]:
    """Neighbours in the form of which one is not printed; rows that only one form has are not missed."""
    printed = {row.label.entry.slug for row in rows}
    common = [slug for slug in block.rows if slug in printed or not block.rows[slug].forms]
    return [(one, other) for one, other in pairwise(common) if (one in printed) != (other in printed)]


def _has_surplus(row: HeadedRow, pair: AlignedPair, runs: list[ValueRun]) -> bool:
    return row.header is not None and pair.run is not None and len(runs[pair.run].values) > len(row.header.columns)


def _lost(table: TableText, rows: list[HeadedRow], unsure: set[str], free: list[ValueRun]) -> list[CellRead]:
    """Rows of the form that are not printed, where values have no label or their neighbours' values are not sure: doubts."""
    form = _main_form(rows)
    if form is None:
        return []
    order = table.lex.order
    printed = sorted((order[row.label.entry.slug], row.label.first, row.label.entry.slug) for row in rows)
    found: list[CellRead] = []
    for slug, label in table.block.rows.items():
        columns = columns_by_form(table.span.block, slug).get(form, ())
        if not columns or any(name == slug for _, _, name in printed) or (label.forms and form not in label.forms):
            continue
        before = [(first, name) for rank, first, name in printed if rank < order[slug]][-1:]
        after = [(first, name) for rank, first, name in printed if rank > order[slug]][:1]
        low = before[0][0] if before else -1
        high = after[0][0] if after else table.span.end
        runs = [run for run in free if low < run.first < high]
        if not runs and not any(name in unsure for _, name in (*before, *after)):
            continue
        fitting = [run for run in runs if len(run.values) == len(columns)]
        place_ = table.text.place(runs[0].first if runs else max(low, table.span.first))
        reader = table.reader
        for at, column in enumerate(columns):
            slots = [table.text.slot(run.values[at]) for run in fitting]
            numbers = different_numbers(slots)
            found.append(CellRead(slug, column, slots[0] if len(slots) == 1 else None, place_, reader, Doubt.LABEL, numbers))
    return found


def _main_form(rows: list[HeadedRow]) -> str | None:
    """The form of most items of the table; None when no header shows one."""
    forms = Counter(form for row in rows if row.header for form in row.header.forms)
    return forms.most_common(1)[0][0] if forms else None


def _headed(table: TableText) -> list[HeadedRow]:
    """Each row with the header that stands between it and the row before."""
    block = table.span.block
    rows: list[HeadedRow] = []
    found: list[FoundLabel] = []
    text = ""
    covered: set[int] = set()
    last: HeadedRow | None = None
    for label in sorted(table.labels, key=lambda m: m.first):
        if label.entry.part is LabelPart.CLAUSE:
            found, text = [], ""
        if label.entry.part is LabelPart.COLUMN:
            found.append(label)
        if label.entry.part in (LabelPart.COLUMN, LabelPart.UNKNOWN) and label.first not in covered:
            text += _piece_text(table, label)
            covered.update(range(label.first, label.last + 1))
        if label.entry.part is not LabelPart.ROW:
            continue
        slugs = [m.entry.slug for m in found]
        header = read_header(block, label.entry.slug, slugs, text) if slugs or text else None
        row = HeadedRow(label, header, cells=_header_cells(table, header, found))
        if header is None and not slugs and last and group_of(block, last.label.entry.slug) is group_of(block, label.entry.slug):
            row = last._replace(label=label)
        rows.append(row)
        found, text, last = [], "", row
    return rows


def _header_cells(table: TableText, header: Header | None, found: list[FoundLabel]) -> tuple[int, ...] | None:
    """The cells of a header in a grid, if each of its columns is printed in one cell."""
    if not table.grid or header is None or tuple(m.entry.slug for m in found) != header.columns:
        return None
    cells = tuple(table.text.atoms[m.first].cell for m in found)
    return cells if all(m.first == m.last for m in found) and len(set(cells)) == len(cells) else None


def _piece_text(table: TableText, label: FoundLabel) -> str:
    atoms = table.text.atoms[label.first : label.last + 1]
    return "".join(atom.text for atom in atoms if atom.kind is AtomKind.TEXT)


def with_form(block: str, rows: list[HeadedRow]) -> list[HeadedRow]:
    """A row whose own header is lost takes the columns of the other items' form, or of the only form that has it."""
    form = _main_form(rows)
    result: list[HeadedRow] = []
    for row in rows:
        if row.header:
            result.append(row)
            continue
        forms = columns_by_form(block, row.label.entry.slug)
        own = load_book().blocks[block].rows[row.label.entry.slug].forms
        name = form if form in forms else own[0] if own else next(iter(forms))
        result.append(HeadedRow(row.label, Header(forms[name], ()), False, guess=form is None))
    return result


def _cells(
    table: TableText, row: HeadedRow, pair: AlignedPair, runs: list[ValueRun], styles: dict[int, BlankStyle]
) -> list[CellRead]:
    text, slug = table.text, row.label.entry.slug
    where, reader = text.place(row.label.first), text.lines[text.atoms[row.label.first].line].reader
    if row.header is None:
        return []
    columns, unit = row.header.columns, row.header.unit
    chosen = [runs[index] for index in (pair.run, pair.second) if index is not None]
    if pair.run is None and pair.margin >= MARGIN:
        unread = (
            Doubt.TEXT if table.has_unread_numbers(row.label.last) else table.doubt_without_cell(row.label.first, row.label.last)
        )
        return [CellRead(slug, column, None, where, reader, unread) for column in columns]
    doubt: str | None = Doubt.ALIGNMENT if pair.run is None or pair.margin < MARGIN else None
    if not chosen:  # its values may stand beside another label, yet no run of values can be named
        return [CellRead(slug, column, None, where, reader, doubt, (), unit) for column in columns]
    style = styles[len(columns)]
    if row.cells and all(text.atoms[i].cell in row.cells for i in chosen[0].values):
        style = style._replace(columns=row.cells)
    placed = place_values(text.atoms, chosen[0], len(columns), style)
    if row.guess or (doubt is None and not row.sure and (placed.doubt or len(chosen[0].values) != len(columns))):
        doubt = Doubt.COLUMN
    doubt = doubt or placed.doubt
    candidates = different_numbers(text.slot(i) for run in chosen for i in run.values) if doubt else ()
    slots = [None if index is None or pair.run is None else text.slot(index) for index in placed.atoms]
    return [
        CellRead(slug, column, slot, where, reader, doubt, candidates, unit) for column, slot in zip(columns, slots, strict=True)
    ]
