"""Table two (主动公开政府信息情况) read from flattened text: items with a header each, in the columns of either form."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import NamedTuple

from codebook.book import load_book
from tasks.parsing.tables.align import MARGIN, Item, Pair, Run, align, doubt_beside_lost
from tasks.parsing.tables.cells import BlockRead, CellRead, Doubt, number_of
from tasks.parsing.tables.found_labels import Mark
from tasks.parsing.tables.header import Header, group_of, read_header
from tasks.parsing.tables.labels import Part
from tasks.parsing.tables.place import Habit, habit_of, place
from tasks.parsing.tables.table_text import Prepared, items_of
from tasks.parsing.tables.tokens import AtomKind


class Row(NamedTuple):
    """A row of table two with the header above it; ``sure`` is False where only its count of values speaks for the columns.

    ``cells`` are the cells of the header's labels, in the order of its columns, where a grid shows them. ``guess``: nothing in
    the table speaks for the columns.
    """

    mark: Mark
    header: Header | None
    sure: bool = True
    cells: tuple[int, ...] | None = None
    guess: bool = False


def read_disclosure(prepared: Prepared) -> BlockRead:
    """Read the region as table two."""
    text = prepared.text
    where = text.place(prepared.region.first)
    rows = with_form(_headed(prepared))
    sizes = {row.mark.first: len(row.header.columns) for row in rows if row.header}
    items = _items(prepared, sizes)
    runs = [run for run in prepared.runs if run.values]
    pairs = doubt_beside_lost(items, runs, align(items, runs), _next_to_lost(rows))
    pairs = [pair for pair in pairs if items[pair.item].part is Part.ROW]
    habits = {size: habit_of(text.atoms, runs, size, prepared.grid, prepared.padded) for size in {1, 2, 3, *sizes.values()}}
    cells: list[CellRead] = []
    for row, pair in zip(rows, pairs, strict=True):
        cells += _cells(prepared, row, pair, runs, habits)
    owned = {pair.run for pair in pairs}
    surplus = {row.mark.entry.slug for row, pair in zip(rows, pairs, strict=True) if _has_surplus(row, pair, runs)}
    unsure = surplus | {cell.row for cell in cells if cell.doubt in (Doubt.ALIGNMENT, Doubt.COUNT)}
    cells += _lost(prepared, rows, unsure, [run for n, run in enumerate(runs) if n not in owned])
    forms = [row.header.form for row in rows if row.header and row.header.form]
    notes = tuple(f"disclosure: the header of row {row.mark.entry.slug} is lost" for row in rows if not row.sure)
    return BlockRead("disclosure", forms[0] if forms else None, where, tuple(cells), notes=notes)


def _items(prepared: Prepared, sizes: dict[int, int]) -> list[Item]:
    """The rows, and the headers between them."""
    rows = [m for m in prepared.marks if m.entry.part is Part.ROW]
    items = items_of(prepared._replace(marks=rows), sizes, 3)
    for mark in prepared.marks:
        if mark.entry.part in (Part.COLUMN, Part.CLAUSE):
            items.append(Item(Part.GROUP, mark.entry.slug, mark.first, mark.last, prepared.text.atoms[mark.last].line, 0))
    return sorted(items, key=lambda item: item.first)


def _next_to_lost(rows: list[Row]) -> list[tuple[str, str]]:
    """Neighbours in the form of which one is not printed; rows that only one form has are not missed."""
    printed = {row.mark.entry.slug for row in rows}
    block = load_book().blocks["disclosure"]
    common = [slug for slug in block.rows if slug in printed or not block.rows[slug].forms]
    return [(one, other) for one, other in pairwise(common) if (one in printed) != (other in printed)]


def _has_surplus(row: Row, pair: Pair, runs: list[Run]) -> bool:
    return row.header is not None and pair.run is not None and len(runs[pair.run].values) > len(row.header.columns)


def _lost(prepared: Prepared, rows: list[Row], unsure: set[str], free: list[Run]) -> list[CellRead]:
    """Rows of the form that are not printed, where values have no label or their neighbours' values are not sure: doubts."""
    form = _main_form(rows)
    if form is None:
        return []
    order = prepared.lex.order
    printed = sorted((order[row.mark.entry.slug], row.mark.first, row.mark.entry.slug) for row in rows)
    block = load_book().blocks["disclosure"]
    found: list[CellRead] = []
    for slug, label in block.rows.items():
        columns = group_of(slug).columns.get(form, ())
        if not columns or any(name == slug for _, _, name in printed) or (label.forms and form not in label.forms):
            continue
        before = [(first, name) for rank, first, name in printed if rank < order[slug]][-1:]
        after = [(first, name) for rank, first, name in printed if rank > order[slug]][:1]
        low = before[0][0] if before else -1
        high = after[0][0] if after else prepared.region.end
        runs = [run for run in free if low < run.first < high]
        if not runs and not any(name in unsure for _, name in (*before, *after)):
            continue
        fitting = [run for run in runs if len(run.values) == len(columns)]
        place_ = prepared.text.place(runs[0].first if runs else max(low, prepared.region.first))
        reader = prepared.text.lines[prepared.text.atoms[prepared.region.first].line].reader
        for at, column in enumerate(columns):
            slots = [prepared.text.slot(run.values[at]) for run in fitting]
            numbers = tuple(dict.fromkeys(n for slot in slots if (n := number_of(slot, None)) is not None))
            found.append(CellRead(slug, column, slots[0] if len(slots) == 1 else None, place_, reader, Doubt.LABEL, numbers))
    return found


def _main_form(rows: list[Row]) -> str | None:
    """The form of most items of the table; None when no header tells."""
    forms = Counter(row.header.form for row in rows if row.header and row.header.form)
    return forms.most_common(1)[0][0] if forms else None


def _headed(prepared: Prepared) -> list[Row]:
    """Each row with the header that stands between it and the row before."""
    rows: list[Row] = []
    found: list[Mark] = []
    text = ""
    covered: set[int] = set()
    last: Row | None = None
    for mark in sorted(prepared.marks, key=lambda m: m.first):
        if mark.entry.part is Part.CLAUSE:
            found, text = [], ""
        if mark.entry.part is Part.COLUMN:
            found.append(mark)
        if mark.entry.part in (Part.COLUMN, Part.UNKNOWN) and mark.first not in covered:
            text += _piece_text(prepared, mark)
            covered.update(range(mark.first, mark.last + 1))
        if mark.entry.part is not Part.ROW:
            continue
        slugs = [m.entry.slug for m in found]
        header = read_header(mark.entry.slug, slugs, text) if slugs or text else None
        row = Row(mark, header, cells=_header_cells(prepared, header, found))
        if header is None and not slugs and last and group_of(last.mark.entry.slug) is group_of(mark.entry.slug):
            row = last._replace(mark=mark)
        rows.append(row)
        found, text, last = [], "", row
    return rows


def _header_cells(prepared: Prepared, header: Header | None, found: list[Mark]) -> tuple[int, ...] | None:
    """The cells of a header in a grid, if each of its columns is printed in one cell."""
    if not prepared.grid or header is None or tuple(m.entry.slug for m in found) != header.columns:
        return None
    cells = tuple(prepared.text.atoms[m.first].cell for m in found)
    return cells if all(m.first == m.last for m in found) and len(set(cells)) == len(cells) else None


def _piece_text(prepared: Prepared, mark: Mark) -> str:
    atoms = prepared.text.atoms[mark.first : mark.last + 1]
    return "".join(atom.text for atom in atoms if atom.kind is AtomKind.TEXT)


def with_form(rows: list[Row]) -> list[Row]:
    """A row whose own header is lost takes the columns of the other items' form, or of the only form that has it."""
    form = _main_form(rows)
    result: list[Row] = []
    for row in rows:
        if row.header:
            result.append(row)
            continue
        forms = {name: columns for name, columns in group_of(row.mark.entry.slug).columns.items() if columns}
        own = load_book().blocks["disclosure"].rows[row.mark.entry.slug].forms
        name = form if form in forms else own[0] if own else next(iter(forms))
        result.append(Row(row.mark, Header(forms[name], None), False, guess=form is None))
    return result


def _cells(prepared: Prepared, row: Row, pair: Pair, runs: list[Run], habits: dict[int, Habit]) -> list[CellRead]:
    text, slug = prepared.text, row.mark.entry.slug
    where, reader = text.place(row.mark.first), text.lines[text.atoms[row.mark.first].line].reader
    if row.header is None:
        return []
    columns, unit = row.header.columns, row.header.unit
    chosen = [runs[index] for index in (pair.run, pair.second) if index is not None]
    if pair.run is None and pair.margin >= MARGIN:
        return [CellRead(slug, column, None, where, reader) for column in columns]
    doubt: str | None = Doubt.ALIGNMENT if pair.run is None or pair.margin < MARGIN else None
    if not chosen:  # its values may stand beside another label, yet no run of values can be named
        return [CellRead(slug, column, None, where, reader, doubt, (), unit) for column in columns]
    habit = habits[len(columns)]
    if row.cells and all(text.atoms[i].cell in row.cells for i in chosen[0].values):
        habit = habit._replace(columns=row.cells)
    placed = place(text.atoms, chosen[0], len(columns), habit)
    if not row.sure and (placed.doubt or len(chosen[0].values) != len(columns)):
        doubt = doubt or Doubt.COLUMN
    if row.guess:
        doubt = Doubt.COLUMN
    doubt = doubt or placed.doubt
    cells: list[CellRead] = []
    for at, column in enumerate(columns):
        index = placed.atoms[at]
        slot = None if index is None or pair.run is None else text.slot(index)
        values = [text.slot(i) for run in chosen for i in run.values] if doubt else []
        numbers = tuple(dict.fromkeys(n for value in values if (n := number_of(value, None)) is not None))
        cells.append(CellRead(slug, column, slot, where, reader, doubt, numbers, unit))
    return cells
