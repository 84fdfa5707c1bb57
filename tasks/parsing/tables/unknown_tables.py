"""Tables of numbers that no form has, such as a province's own statistics: kept as printed, so that none is lost in silence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from codebook.records import Cell, UnknownTable
from codebook.text.numbers import ValueKind
from tasks.parsing.tables.cells import Used
from tasks.parsing.tables.tokens import TextLine, value_token

_FEWEST_ROWS = 4  # with a label and a number each, of a table that is worth a word
_LABEL = re.compile(r"[\u3400-\u9fff].*[\u3400-\u9fff]", re.DOTALL)
_SEPARATOR = re.compile(r"[|｜\t]")


def find_unknown_tables(lines: Sequence[TextLine], used: Sequence[Used]) -> tuple[UnknownTable, ...]:
    """Return the tables of ``lines``, grids or lines of cells, that no reader has taken up."""
    taken = {(one.page, one.block) for one in used}
    found: list[UnknownTable] = []
    for part in _tables(lines):
        rows = [_cells(line) for line in part if (line.page, line.block) not in taken]
        if sum(_is_row(row) for row in rows) >= _FEWEST_ROWS:
            found.append(UnknownTable(part[0].place, tuple(rows)))
    return tuple(found)


def _tables(lines: Sequence[TextLine]) -> Iterator[list[TextLine]]:
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


def _cells(line: TextLine) -> tuple[str, ...]:
    cells = [cell.text for _, cell in sorted(line.cells.items())] if line.cells is not None else _SEPARATOR.split(line.text)
    return tuple(text for cell in cells if (text := " ".join(cell.split())))


def _is_row(row: tuple[str, ...]) -> bool:
    """Return whether a row begins with a label and holds a number."""
    if not row or not _LABEL.search(row[0]) or value_token(row[0]):
        return False
    return any((token := value_token(cell)) is not None and token.kind is ValueKind.NUMBER for cell in row[1:])
