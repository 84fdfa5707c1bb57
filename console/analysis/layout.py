"""The tables of a form as rows of labels and cells, to be filled with sums."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from codebook.book import Block, load_book


class LaidOutRow(NamedTuple):
    """A row: its labels from the group down, and the cells of its columns (None where the form has no cell)."""

    labels: tuple[str, ...]
    cells: tuple[str | None, ...]


class LaidOutTable(NamedTuple):
    """A table of a form, or an item of one: its title, what stands over its columns, and its rows."""

    block: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[LaidOutRow, ...]


def form_of_year(year: int) -> str | None:
    """Return the national form for reports on a year; None before there was one.

    >>> form_of_year(2023), form_of_year(2010)
    ('2021', None)
    """
    return next((name for name, form in load_book().forms.items() if form.covers(year)), None)


def tables_of(form: str) -> list[LaidOutTable]:
    """Return the tables of a form in printing order; a table that is printed item by item is one for each item."""
    book = load_book()
    return [table for name in book.forms[form].blocks for table in _tables(name, book.blocks[name], form)]


def _tables(name: str, block: Block, form: str) -> Iterator[LaidOutTable]:
    wanted = {indicator.id for indicator in load_book().of_form(form, name)}
    if not block.groups:
        columns = tuple(block.columns)
        # A row that a form divides is printed in its parts.
        rows = [slug for slug, label in block.rows.items() if not (set(label.parts) & set(_rows_of(wanted, name)))]
        yield _table(name, block, block.title, tuple(rows), columns, wanted)
        return
    for group in block.groups:
        if columns := group.columns.get(form, ()):
            yield _table(name, block, f"{block.title}　{group.clause}", group.rows, columns, wanted)


def _rows_of(cells: set[str], block: str) -> set[str]:
    return {load_book().indicators[cell].row for cell in cells if load_book().indicators[cell].block == block}


def _table(  # noqa: PLR0917 (as a table of the form is)
    name: str, block: Block, title: str, rows: tuple[str, ...], columns: tuple[str, ...], wanted: set[str]
) -> LaidOutTable:
    found = []
    for row in rows:
        ids = [f"{name}.{row}.{column}" for column in columns] or [f"{name}.{row}"]
        cells = tuple(cell if cell in wanted else None for cell in ids)
        if any(cells):
            label = block.rows[row]
            found.append(LaidOutRow((*label.under, label.label), cells))
    heads = tuple(block.columns[column].label for column in columns)
    return LaidOutTable(name, title, heads, tuple(found))


def cells_of(form: str) -> tuple[str, ...]:
    """Return the cells of a form as its tables print them."""
    return tuple(cell for table in tables_of(form) for row in table.rows for cell in row.cells if cell is not None)
