"""Rows of summaries: what the heads of the columns say that each cell is, and who the row is by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from codebook.book import load_book
from codebook.records import Cell, Extraction, Line, Page, Place, Table, UnknownTable
from codebook.sheets.columns import SummaryColumn, SummaryField, columns_of
from codebook.sheets.row_file import MEDIA_TYPE
from codebook.sheets.words import summary_words
from codebook.text.numbers import Token, ValueKind, number_words
from tasks.parsing.tables.cells import BlockRead, CellRead, Doubt, TablesRead, Used, cells_to_readings, number_of, seen
from tasks.parsing.tables.tokens import PrintedValue, value_token

_HEAD_JOINT = " "
_FACTS = (SummaryField.AGENCY, SummaryField.REGION, SummaryField.YEAR, SummaryField.PUBLISHED_ON)


class RowFact(NamedTuple):
    """What a row, or the lines above it, say of who it is by: agency, region, year or published_on."""

    field: SummaryField
    text: str
    place: Place
    is_in_row: bool = True


class _RowCell(NamedTuple):
    head: tuple[str, ...]
    column: SummaryColumn
    cell: Cell


def is_summary_row(extraction: Extraction) -> bool:
    """Return whether a document is a row of a summary."""
    return extraction.media_type == MEDIA_TYPE


def read_summary_row(pages: Sequence[Page]) -> TablesRead:
    """The numbers of a row. A column that may be several indicators is a doubt of each; what no head is known of is an unknown
    table.
    """
    table, index = _table(pages)
    cells = list(_cells(table))
    reads: dict[str, list[CellRead]] = {}
    for each in cells:
        for read_block, read in _reads(each, pages[0]):
            reads.setdefault(read_block, []).append(read)
    blocks = [_block(name, found, table.place) for name, found in reads.items()]
    readings, extras, notes = cells_to_readings(blocks)
    unknown = [each for each in cells if each.column.field is SummaryField.UNKNOWN and each.cell.text.strip()]
    numbers = [each for each in unknown if value_token(each.cell.text.strip()) is not None]
    texts = [each for each in unknown if each not in numbers]
    notes += [f"{summary_words().messages.unknown} {_HEAD_JOINT.join(each.head)}: {each.cell.text}" for each in texts]
    tables = (
        (UnknownTable(numbers[0].cell.place, tuple((_HEAD_JOINT.join(e.head), e.cell.text) for e in numbers)),) if numbers else ()
    )
    form = _form(blocks)
    return TablesRead(tuple(readings), tuple(extras), seen(blocks, form), (Used(pages[0].number, index),), tuple(notes), tables)


def row_facts(extraction: Extraction, folders: Sequence[str]) -> Iterator[RowFact]:
    """What a row says of its agency, region, year and date; the year of the lines above it, of its sheet, or of its workbook,
    where they name one year alone. ``folders`` are the names on the path of the row.
    """
    page = extraction.pages[0]
    table, _ = _table(extraction.pages)
    for each in _cells(table):
        if each.column.field in _FACTS and (text := each.cell.text.strip()):
            yield RowFact(each.column.field, text, each.cell.place)
    lines = [(block.text, block.place) for block in page.blocks if isinstance(block, Line)]
    for texts in (lines, [(extraction.title or "", table.place)], *([(name, table.place)] for name in reversed(folders))):
        years = {match: place for text, place in texts for match in summary_words().year.findall(text)}
        if len(years) == 1:
            year, place = next(iter(years.items()))
            yield RowFact(SummaryField.YEAR, year, place, is_in_row=False)
            return


def _table(pages: Sequence[Page]) -> tuple[Table, int]:
    return next((block, index) for index, block in enumerate(pages[0].blocks) if isinstance(block, Table))


def _cells(table: Table) -> Iterator[_RowCell]:
    by_column = [
        list(group) for _, group in groupby(sorted(table.cells, key=lambda c: (c.column, c.row)), key=lambda c: c.column)
    ]
    heads = [tuple(cell.text for cell in cells[:-1] if cell.text) for cells in by_column]
    for head, column, cells in zip(heads, columns_of(heads), by_column, strict=True):
        yield _RowCell(head, column, cells[-1])


def _reads(each: _RowCell, page: Page) -> Iterator[tuple[str, CellRead]]:
    """The cells of blocks that a cell is, each with its block."""
    if each.column.field is not SummaryField.CELLS:
        return
    raw = each.cell.text.strip()
    token = value_token(raw) or Token(ValueKind.OTHER)
    slot = PrintedValue(each.cell.text, token, each.cell.place, page.read_by, each.cell.score) if raw else None
    is_one = each.column.is_sure and len(each.column.indicators) == 1
    if slot is None and not is_one:
        return
    for name in each.column.indicators:
        indicator = load_book().indicators[name]
        value = number_of(slot, indicator.unit)
        read = CellRead(
            indicator.row,
            indicator.column,
            slot,
            each.cell.place,
            page.read_by,
            None if is_one else Doubt.COLUMN,
            () if is_one or value is None else (value,),
            each.column.unit if each.column.unit in (number_words().money, *number_words().money_units) else None,
        )
        yield indicator.block, read


def _block(name: str, cells: Sequence[CellRead], place: Place) -> BlockRead:
    """A block with the forms that all of its cells have; none where all forms of the block have them."""
    book = load_book()
    keys = [f"{name}.{cell.row}.{cell.column}" if cell.column else f"{name}.{cell.row}" for cell in cells if cell.doubt is None]
    of_block = book.blocks[name].forms
    forms = tuple(form for form in of_block if all(form in book.indicators[key].forms for key in keys))
    return BlockRead(name, () if forms == of_block and len(of_block) > 1 else forms, place, tuple(cells))


def _form(blocks: Sequence[BlockRead]) -> str:
    """The form of the blocks: the latest that all those that show one have, else the first that shows one."""
    book = load_book()
    shown = [read.forms for read in blocks if read.forms]
    common = [form for form in book.forms if shown and all(form in forms for forms in shown)]
    if common:
        return common[-1]
    return shown[0][-1] if shown else list(book.forms)[-1]
