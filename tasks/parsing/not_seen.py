"""The cells that the form demands and of which nothing was found: rows, columns, halves or whole tables that are not there.

A cell is read, printed blank, or not seen. The third kind gets a reading too, so that nothing that the form demands is unseen in
silence (docs/adr/0026-what-was-not-seen.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import msgspec

from codebook.book import load_book
from codebook.records import BlockSeen, Page, Place, Reader, Reading, Section, State, Statement, Table
from codebook.text.fold import fold_label
from tasks.parsing.tables.cells import Doubt
from tasks.parsing.tables.tokens import value_token


def with_cells_not_seen(
    readings: Sequence[Reading], blocks: Sequence[BlockSeen], sections: Sequence[Section], pages: Sequence[Page], form: str
) -> tuple[Reading, ...]:
    """Return ``readings``, and one of the state NOT_SEEN for each cell that is demanded and has none, in printing order.

    Demanded are the cells of each block of ``form``, and of each other block that was found. Of the form whose numbers may stand
    in sentences alone a block is demanded only where its table was found.
    """
    book = load_book()
    found = {reading.indicator: reading for reading in readings}
    printed = _printed_rows(readings)
    usual = Counter(reading.read_by for reading in readings).most_common(1)
    reader = usual[0][0] if usual else pages[0].read_by if pages else Reader.TXT
    last = Place(page=pages[-1].number) if pages else Place()
    for block, its_form in _demanded_blocks(blocks, form).items():
        place = _block_place(block, blocks, sections) or last
        for cell in book.demanded(block, its_form, printed):
            if cell in found:
                place = found[cell].place
            else:
                found[cell] = Reading(cell, None, State.NOT_SEEN, "", place, reader)
    return tuple(sorted(found.values(), key=lambda reading: book.order[reading.indicator]))


def doubt_cut_end(readings: Sequence[Reading], sections: Sequence[Section], pages: Sequence[Page]) -> tuple[Reading, ...]:
    """Return ``readings`` (all that are demanded, in printing order) with what stands where a document was cut off.

    Where nothing is printed behind a number, and the form goes on, the empty cells of the last row were not seen, no more than
    the rows behind it; and the number itself, if the text ends with it, may have had more digits.
    """
    book = load_book()
    last = max((at for at, reading in enumerate(readings) if reading.raw.strip()), default=None)
    if last is None or not any(reading.state is State.NOT_SEEN for reading in readings[last + 1 :]):
        return tuple(readings)
    own = book.blocks[book.indicators[readings[last].indicator].block].section or 0
    if any((section.number or 0) > own for section in sections):
        return tuple(readings)
    behind = (
        msgspec.structs.replace(reading, state=State.NOT_SEEN, witnesses=())
        if reading.state is State.MISSING and not _goes_on_behind(pages, reading, readings[last].place)
        else reading
        for reading in readings[last + 1 :]
    )
    end = readings[last]
    if end.state is State.READ and end.value is not None and _ends_with(pages, end):
        end = msgspec.structs.replace(end, state=State.DOUBTFUL, doubt=Doubt.CUT, candidates=(end.value,), witnesses=())
    return (*readings[:last], end, *behind)


def _goes_on_behind(pages: Sequence[Page], reading: Reading, last: Place) -> bool:
    """Return whether more is printed behind a cell's row, and the ``last`` number, than the rest of the row's label, which a line
    break may have parted.
    """
    if reading.place.line is None or last.line is None:
        return False
    line = max(reading.place.line, last.line)
    behind = [
        text
        for page in pages
        for block in page.blocks
        for place, text in ([(c.place, c.text) for c in block.cells] if isinstance(block, Table) else [(block.place, block.text)])
        if (place.line or 0) > line and value_token(text.strip()) is None  # a value may be the row's own
    ]
    indicator = load_book().indicators[reading.indicator]
    label = load_book().blocks[indicator.block].rows[indicator.row]
    rest = fold_label("".join(behind))
    return bool(rest) and not any(rest in fold_label(text) for text in label.texts)


def _ends_with(pages: Sequence[Page], reading: Reading) -> bool:
    """Return whether a document ends with a number, so that more of it may be cut off."""
    filled = (block for page in reversed(pages) for block in reversed(page.blocks) if not isinstance(block, Table) or block.cells)
    block = next(filled, None)
    if isinstance(block, Table):
        final = max(block.cells, key=lambda cell: (cell.row, cell.column))
        return final.place == reading.place and final.text.endswith(reading.raw)
    return block is not None and block.place.line == reading.place.line and block.text.endswith(reading.raw)


def doubt_empty_tables(readings: Sequence[Reading], statements: Sequence[Statement]) -> tuple[Reading, ...]:
    """Return ``readings`` with the cells of empty tables in doubt, where numbers are to be expected: their numbers may be there
    and not be text (form fields, pictures, a font without a mapping).

    A table is empty when it has neither a number nor a mark (/, —) in any cell. Numbers are to be expected where another table
    of the report has some, or a sentence states one of this table; not where the other tables leave blank what is 0. A report
    that is empty as a whole is a form that nobody filled in: its cells are blank.
    """
    book = load_book()
    cells: dict[str, list[Reading]] = {}
    for reading in readings:
        cells.setdefault(book.indicators[reading.indicator].block, []).append(reading)
    empty = {block for block, own in cells.items() if not any(each.raw.strip() for each in own) and _is_printed(own)}
    filled = any(reading.value is not None for reading in readings) and not _leaves_zeros_blank(readings, empty)
    stated = {book.indicators[cell].block for said in statements if said.value != 0 for cell in said.indicators}
    doubted = {block for block in empty if filled or block in stated}
    return tuple(
        msgspec.structs.replace(reading, state=State.DOUBTFUL, doubt=Doubt.EMPTY, witnesses=())
        if reading.state is State.MISSING and book.indicators[reading.indicator].block in doubted
        else reading
        for reading in readings
    )


def _leaves_zeros_blank(readings: Iterable[Reading], empty: Collection[str]) -> bool:
    """Return whether tables with numbers have blank cells and no 0."""
    book = load_book()
    others = [reading for reading in readings if book.indicators[reading.indicator].block not in empty]
    blank = any(reading.state is State.MISSING and not reading.raw.strip() for reading in others)
    return blank and not any(reading.value == 0 for reading in others)


def _is_printed(readings: Iterable[Reading]) -> bool:
    return any(reading.state is not State.NOT_SEEN for reading in readings)


def _demanded_blocks(blocks: Iterable[BlockSeen], form: str) -> dict[str, str]:
    """Return the blocks that the report must have, each with its form."""
    book = load_book()
    own = {} if form == book.narrative else dict.fromkeys(book.forms[form].blocks, form)
    return own | {seen.block: seen.form for seen in blocks}


def _printed_rows(readings: Iterable[Reading]) -> Collection[str]:
    """Return the rows of which the report prints a number; of a row and its parts none of which has one, those printed blank.

    A row that is only thought to be there, without its label, is not printed.
    """
    book = load_book()
    blank: set[str] = set()
    filled: set[str] = set()
    for reading in readings:
        if reading.doubt == Doubt.LABEL and not reading.raw:
            continue
        row = book.indicators[reading.indicator].row
        if reading.state is State.MISSING:
            blank.add(row)
        elif reading.value is not None or reading.candidates or reading.raw:
            filled.add(row)
    return filled | {row for row in blank if not any(_related(row, other) for other in filled)}


def _related(row: str, other: str) -> bool:
    return row.startswith(f"{other}.") or other.startswith(f"{row}.")


def _block_place(block: str, blocks: Iterable[BlockSeen], sections: Iterable[Section]) -> Place | None:
    """Return where a block stands, or the chapter that it belongs to; None where neither is there."""
    seen = next((seen.place for seen in blocks if seen.block == block), None)
    number = load_book().blocks[block].section
    return seen or next((section.place for section in sections if number is not None and section.number == number), None)
