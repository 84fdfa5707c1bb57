"""Table two (主动公开政府信息情况) read from flattened text: items with a header each, in the columns of either form."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tasks.parsing.labels import Part
from tasks.parsing.table_align import MARGIN, Pair, Run, align
from tasks.parsing.table_cells import BlockRead, CellRead, number_of
from tasks.parsing.table_claims import Mark
from tasks.parsing.table_header import Header, group_of, read_header
from tasks.parsing.table_place import Habit, habit_of, place
from tasks.parsing.table_rows import Doubt
from tasks.parsing.table_text import Prepared, items_of
from tasks.parsing.table_tokens import AtomKind


class Row(NamedTuple):
    """A row of table two with the header above it; ``sure`` is False where only its count of values speaks for the columns."""

    mark: Mark
    header: Header | None
    sure: bool = True


def read_disclosure(prepared: Prepared) -> BlockRead:
    """Read the region as table two."""
    text = prepared.text
    where = text.place(prepared.region.first)
    rows = with_form(_headed(prepared))
    sizes = {row.mark.first: len(row.header.columns) for row in rows if row.header}
    firsts = {row.mark.first for row in rows}
    marks = [m for m in prepared.marks if m.entry.part is Part.ROW and m.first in firsts]
    items = items_of(prepared._replace(marks=marks), sizes, 3)
    start = min(firsts, default=0)
    runs = [run for run in prepared.runs if run.first > start or not run.values]
    pairs = align(items, [run for run in runs if run.values])
    filled = [run for run in runs if run.values]
    cells: list[CellRead] = []
    habits = {size: habit_of(text.atoms, filled, size, prepared.grid) for size in {1, 2, 3, *sizes.values()}}
    for row, pair in zip(rows, pairs, strict=True):
        cells += _cells(prepared, row, pair, filled, habits)
    forms = [row.header.form for row in rows if row.header and row.header.form]
    notes = tuple(f"disclosure: the header of row {row.mark.entry.slug} is lost" for row in rows if not row.header)
    return BlockRead("disclosure", forms[0] if forms else None, where, tuple(cells), notes=notes)


def _headed(prepared: Prepared) -> list[Row]:
    """Each row with the header that stands between it and the row before."""
    rows: list[Row] = []
    slugs: list[str] = []
    text = ""
    covered: set[int] = set()
    last: Header | None = None
    last_row: str | None = None
    for mark in sorted(prepared.marks, key=lambda m: m.first):
        if mark.entry.part is Part.COLUMN:
            slugs.append(mark.entry.slug)
        if mark.entry.part in (Part.COLUMN, Part.UNKNOWN):
            if mark.first not in covered:
                text += _piece_text(prepared, mark)
                covered.update(range(mark.first, mark.last + 1))
        if mark.entry.part is not Part.ROW:
            continue
        header = read_header(mark.entry.slug, slugs, text) if slugs or text else None
        if header is None and not slugs and last_row and group_of(last_row) is group_of(mark.entry.slug):
            header = last
        rows.append(Row(mark, header))
        slugs, text, last, last_row = [], "", header, mark.entry.slug
    return rows


def _piece_text(prepared: Prepared, mark: Mark) -> str:
    atoms = prepared.text.atoms[mark.first : mark.last + 1]
    return "".join(atom.text for atom in atoms if atom.kind is AtomKind.TEXT)


def with_form(rows: list[Row]) -> list[Row]:
    """A row whose own header is lost takes the columns that the form of the other items gives it."""
    forms = Counter(row.header.form for row in rows if row.header and row.header.form)
    if not forms:
        return rows
    form = forms.most_common(1)[0][0]
    result: list[Row] = []
    for row in rows:
        columns = group_of(row.mark.entry.slug).columns.get(form, ())
        result.append(row if row.header or not columns else Row(row.mark, Header(columns, None), False))
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
    if pair.run is None or pair.margin < MARGIN:
        doubt: str | None = Doubt.ALIGNMENT
    else:
        doubt = None
    placed = place(text.atoms, chosen[0], len(columns), habits[len(columns)])
    if not row.sure and (placed.doubt or len(chosen[0].values) != len(columns)):
        doubt = doubt or Doubt.COLUMN
    doubt = doubt or placed.doubt
    cells: list[CellRead] = []
    for at, column in enumerate(columns):
        index = placed.atoms[at]
        slot = None if index is None or pair.run is None else text.slot(index)
        values = [text.slot(i) for run in chosen for i in run.values] if doubt else []
        numbers = tuple(dict.fromkeys(n for value in values if (n := number_of(value, None)) is not None))
        cells.append(CellRead(slug, column, slot, where, reader, doubt, numbers, unit))
    return cells
