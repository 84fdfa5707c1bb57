"""Tables of numbers that no form has, such as a province's own statistics: kept as printed, so that none is lost in silence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from codebook.records import Cell, UnknownTable
from codebook.text.numbers import ValueKind
from tasks.parsing.tables.cells import Used
from tasks.parsing.tables.tokens import TextLine, value_token

_FEWEST_ROWS = 4  # with a label and a number each, of a table that is worth a word
_LABEL = re.compile(r"[\u3400-\u9fff].*[\u3400-\u9fff]", re.DOTALL)
FLAT = 80  # characters of a line that may hold a table
_NAME, _UNIT = 40, 3  # characters of a row's label and of a unit, in such a line
_WORD = re.compile(r"\S+")
_SENTENCE = re.compile("[,;。，；]")
_SEPARATOR = re.compile(r"[|｜\t]")


def find_unknown_tables(lines: Sequence[TextLine], used: Sequence[Used]) -> tuple[UnknownTable, ...]:
    """Return the tables of ``lines``, grids or lines of cells, that no reader has taken up."""
    taken = {(one.page, one.block) for one in used}
    found: list[UnknownTable] = []
    for part in tables_of(lines):
        rows = [_cells(line) for line in part if (line.page, line.block) not in taken]
        if sum(_is_row(row) for row in rows) >= _FEWEST_ROWS:
            found.append(UnknownTable(part[0].place, tuple(rows)))
    for line in lines:
        if line.cells is None and len(line.text) >= FLAT:
            spans = [(one.start, one.end) for one in used if (one.page, one.block) == (line.page, line.block)]
            found += _flat_tables(line, spans)
    return tuple(found)


def _flat_tables(line: TextLine, taken: Sequence[tuple[int | None, int | None]]) -> Iterator[UnknownTable]:
    """Series of rows in one line of text, outside of what is taken: a label, perhaps a unit, and numbers, between spaces."""
    rows: list[tuple[str, ...]] = []
    first = 0
    for start, row, follows in flat_rows(line.text):
        free = not any((begin or 0) <= start + line.offset < (end or len(line.text) + line.offset) for begin, end in taken)
        if not (row and free and follows):
            if len(rows) >= _FEWEST_ROWS:
                yield _flat_table(line, first, rows)
            rows = []
        if row and free:
            first = first if rows else start
            rows.append(row)
    if len(rows) >= _FEWEST_ROWS:
        yield _flat_table(line, first, rows)


def _flat_table(line: TextLine, at: int, rows: list[tuple[str, ...]]) -> UnknownTable:
    place = line.place
    if place.line is not None:
        place = msgspec.structs.replace(place, column=(place.column or 1) + line.offset + at)
    return UnknownTable(place, tuple(rows))


def flat_rows(text: str) -> Iterator[tuple[int, tuple[str, ...], bool]]:
    """The rows with their places, and whether each follows the one before it; a row is empty where words are no label."""
    names: list[re.Match[str]] = []
    numbers: list[str] = []
    for match in (*_WORD.finditer(text), None):
        if match is not None and is_number(match.group()):
            numbers.append(match.group())
            continue
        if numbers:
            label = names[-2:] if len(names) > 1 and len(names[-1].group()) <= _UNIT else names[-1:]
            words = [name.group() for name in label]
            yield label[0].start() if label else 0, _flat_row(words, numbers), len(names) == len(label)
            names, numbers = [], []
        names += [match] if match is not None else []


def _flat_row(words: list[str], numbers: list[str]) -> tuple[str, ...]:
    """A label, perhaps a unit, and numbers; empty where the label is none."""
    is_row = words and len(words[0]) <= _NAME and _LABEL.search(words[0]) and not _SENTENCE.search("".join(words))
    return (*words, *numbers) if is_row else ()


def is_number(word: str) -> bool:
    """Return whether a word is a number."""
    token = value_token(word)
    return token is not None and token.kind is ValueKind.NUMBER


def tables_of(lines: Sequence[TextLine]) -> Iterator[list[TextLine]]:
    """Neighbouring rows of one grid, and neighbouring lines of cells, whatever their blocks, on one page."""
    part: list[TextLine] = []
    for line in lines:
        is_row = line.cells is not None or _SEPARATOR.search(line.text) is not None
        if part and not (is_row and _goes_on(part[-1], line)):
            yield part
            part = []
        part += [line] if is_row else []
    if part:
        yield part


def _goes_on(above: TextLine, line: TextLine) -> bool:
    """Return whether ``line`` is of the table of the line ``above``: a grid's rows count from 0."""
    if above.page != line.page or (above.cells is None) != (line.cells is None):
        return False
    if above.cells is None or line.cells is None or above.block == line.block:
        return True
    return _row(above.cells) < _row(line.cells)


def _row(cells: Mapping[int, Cell]) -> int:
    return next(iter(cells.values())).row


def texts_of(line: TextLine) -> list[tuple[int, str]]:
    """The texts of the cells of a line, blank ones too, with their columns."""
    if line.cells is not None:
        return [(column, cell.text) for column, cell in sorted(line.cells.items())]
    return list(enumerate(_SEPARATOR.split(line.text)))


def _cells(line: TextLine) -> tuple[str, ...]:
    return tuple(text for _, cell in texts_of(line) if (text := " ".join(cell.split())))


def _is_row(row: tuple[str, ...]) -> bool:
    """Return whether a row begins with a label and holds a number."""
    if not row or not _LABEL.search(row[0]) or value_token(row[0]):
        return False
    return any((token := value_token(cell)) is not None and token.kind is ValueKind.NUMBER for cell in row[1:])
