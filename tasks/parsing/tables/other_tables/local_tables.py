"""Statistics tables of provinces (2008-2018): rows that count what a row of the form counts, read by the header of their columns.

Such a table has a column for the year and one for all years. What it prints beyond the form stays a table that no form has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import msgspec

from codebook import data
from codebook.book import load_book
from codebook.records import Place, Record
from codebook.text.fold import fold_label
from codebook.text.numbers import number_words
from tasks.parsing.tables.cells import BlockRead, CellRead, LocalTable, Used, cells_to_readings
from tasks.parsing.tables.other_tables.unknown_tables import FLAT, flat_rows, is_number, tables_of, texts_of
from tasks.parsing.tables.tokens import PrintedValue, TextLine, value_token

_WORD = re.compile(r"\S+")
_FEWEST_ROWS = 4  # of the form, in a table that is taken for one of these


class LocalWords(Record, frozen=True):
    """The rows of local_tables.yaml."""

    form: str
    block: str
    label: re.Pattern[str]
    unit: re.Pattern[str]
    year: re.Pattern[str]
    total: re.Pattern[str]
    numbering: re.Pattern[str]
    rows: dict[str, tuple[str, ...]]


class _Header(NamedTuple):
    """Which columns hold labels, units, the year and all years, and the year that is printed."""

    label: int
    value: int
    unit: int | None
    size: int
    year: int | None


@cache
def local_words() -> LocalWords:
    """Return what is known of such tables. Raises ValueError when a row is none of the form."""
    found = msgspec.yaml.decode(data.read("local_tables.yaml"), type=LocalWords, dec_hook=lambda _, text: re.compile(text))
    if unknown := found.rows.keys() - load_book().blocks[found.block].rows.keys():
        raise ValueError(f"local_tables.yaml: {found.block} has no rows {sorted(unknown)}")
    return found


@cache
def _slugs() -> dict[str, str]:
    return {fold_label(text): slug for slug, texts in local_words().rows.items() for text in texts}


def read_local_tables(lines: Sequence[TextLine], used: Sequence[Used]) -> tuple[LocalTable, ...]:
    """Return the tables of ``lines``, grids, lines of cells or in a line of text, of which no reader has taken up anything."""
    taken = {(one.page, one.block) for one in used}
    found: list[LocalTable] = []
    for part in tables_of(lines):
        if any((line.page, line.block) in taken for line in part):
            continue
        head = next(((n, header) for n, line in enumerate(part) if (header := _header(dict(texts_of(line))))), None)
        if head is not None:
            found += _local(part[0].place, head[1], [cell for line in part[head[0] + 1 :] for cell in _row_cells(line, head[1])])
    for line in lines:
        if line.cells is None and len(line.text) >= FLAT and (line.page, line.block) not in taken:
            found += _flat(line)
    return tuple(found)


def _local(place: Place, header: _Header, cells: Sequence[CellRead]) -> Iterator[LocalTable]:
    words = local_words()
    if len(cells) >= _FEWEST_ROWS:
        readings, _, _ = cells_to_readings([BlockRead(words.block, (words.form,), place, tuple(cells))])
        yield LocalTable(place, words.form, header.year, tuple(readings))


def _header(texts: dict[int, str]) -> _Header | None:
    """Return the columns of a header, None where one of its cells says something else, or it has no year."""
    words = local_words()
    places: dict[str, int] = {}
    year: int | None = None
    for column, text in texts.items():
        folded = fold_label(text)
        name = next((name for name in ("label", "unit", "year", "total") if getattr(words, name).fullmatch(folded)), None)
        if not folded:
            continue
        if name is None or name in places:
            return None
        places[name] = column
        if name == "year" and (match := words.year.fullmatch(folded)):
            year = int(match[1]) if match[1] else None
    if not {"label", "year"} <= places.keys():
        return None
    return _Header(places["label"], places["year"], places.get("unit"), len(texts), year)


def _slug(label: str) -> str | None:
    """Return the row of the form that a label names, None where it names none."""
    folded = fold_label(label)
    if folded in _slugs():
        return _slugs()[folded]
    match = local_words().numbering.match(folded)
    return _slugs().get(folded[match.end() :]) if match else None


def _row_cells(line: TextLine, header: _Header) -> Iterator[CellRead]:
    texts = dict(texts_of(line))
    slug = _slug(texts.get(header.label, ""))
    if slug is None or not _is_counted(texts.get(header.unit, "") if header.unit is not None else ""):
        return
    cell = line.cells.get(header.value) if line.cells is not None else None
    if line.cells is None and len(texts) != header.size:
        return
    raw = texts.get(header.value, "").strip()
    token = value_token(raw)
    if cell is not None:
        evidence = (cell.score, cell.alternatives, cell.seen, cell.looked_at)
        slot = PrintedValue(raw, token, cell.place, line.reader, *evidence) if token is not None else None
    else:
        slot = PrintedValue(raw, token, line.place, line.reader, line.score) if token is not None else None
    if slot is not None or not raw:
        yield CellRead(slug, None, slot, cell.place if cell is not None else line.place, line.reader)


def _is_counted(unit: str) -> bool:
    """Return whether a unit is one that counts, or none is printed."""
    words = number_words()
    return not unit.strip() or (unit.strip() in words.units and unit.strip() not in {*words.money_units, *words.count_units})


def _flat(line: TextLine) -> Iterator[LocalTable]:
    """The table in a line of text, between spaces: its header, and rows with a number for each column."""
    words = list(_WORD.finditer(line.text))
    for at in range(len(words)):
        if not local_words().label.fullmatch(fold_label(words[at].group())):
            continue
        for count in (4, 3, 2):
            texts = {n: word.group() for n, word in enumerate(words[at : at + count])}
            if len(texts) == count and (header := _header(texts)) is not None:
                start = words[at + count - 1].end()
                yield from _local(_moved(line, start), header, list(_flat_cells(line, start, header)))
                return


def _flat_cells(line: TextLine, start: int, header: _Header) -> Iterator[CellRead]:
    size = header.size - 1 - (header.unit is not None)
    first = header.value - (header.unit is not None and header.unit < header.value) - 1  # of the numbers, behind the label
    if first < 0:  # the label does not come first
        return
    for number, (at, row, follows) in enumerate(flat_rows(line.text[start:])):
        if not row or (number and not follows):
            return
        numbers = [word for word in row if is_number(word)]
        unit = row[1] if len(row) > len(numbers) + 1 else ""
        slug = _slug(row[0])
        if slug is None or len(numbers) != size or not _is_counted(unit) or (token := value_token(numbers[first])) is None:
            continue
        place = _moved(line, start + at)
        yield CellRead(slug, None, PrintedValue(numbers[first], token, place, line.reader, line.score), place, line.reader)


def _moved(line: TextLine, at: int) -> Place:
    place: Place = line.place
    if place.line is None:
        return place
    return msgspec.structs.replace(place, column=(place.column or 1) + line.offset + at)
