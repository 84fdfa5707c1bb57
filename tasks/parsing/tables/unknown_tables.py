"""Tables of numbers that no form has, such as a province's own statistics: kept as printed, so that none is lost in silence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from codebook.records import UnknownTable
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
    for kind, group in groupby(lines, key=lambda line: (line.page, *_kind(line))):
        part = list(group)
        rows = [_cells(line) for line in part if (line.page, line.block) not in taken] if kind[1] else []
        if sum(_is_row(row) for row in rows) >= _FEWEST_ROWS:
            found.append(UnknownTable(part[0].place, tuple(rows)))
    return tuple(found)


def _kind(line: TextLine) -> tuple[str, int]:
    """Return what a line belongs to: a grid, which is one block, lines of cells, whatever their block, or neither."""
    if line.cells is not None:
        return "grid", line.block
    return ("cells", 0) if _SEPARATOR.search(line.text) else ("", 0)


def _cells(line: TextLine) -> tuple[str, ...]:
    cells = [cell.text for _, cell in sorted(line.cells.items())] if line.cells is not None else _SEPARATOR.split(line.text)
    return tuple(text for cell in cells if (text := " ".join(cell.split())))


def _is_row(row: tuple[str, ...]) -> bool:
    """Return whether a row begins with a label and holds a number."""
    if not row or not _LABEL.search(row[0]) or value_token(row[0]):
        return False
    return any((token := value_token(cell)) is not None and token.kind is ValueKind.NUMBER for cell in row[1:])
