"""Comma-separated texts as sheets."""

from __future__ import annotations

import csv
import io
from itertools import islice

from codebook.sheets.cells import BookSheet, SheetCell

_DELIMITERS = ",\t;，|"
_HEAD = 30  # lines that show the delimiter
_FEWEST = 3  # columns


def read_delimited(text: str, max_cells: int) -> BookSheet | None:
    """The cells of a text whose lines are rows between delimiters; None where it is none, or has more than ``max_cells``."""
    head = "\n".join(islice(text.splitlines(), _HEAD))
    delimiter = max(_DELIMITERS, key=head.count)
    if head.count(delimiter) < _FEWEST - 1:
        return None
    cells: list[SheetCell] = []
    try:
        for row, line in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)):
            cells += [SheetCell(row, at, 1, 1, found) for at, each in enumerate(line) if (found := each.strip())]
            if len(cells) > max_cells:
                return None
    except csv.Error:
        return None
    return BookSheet(1, "", cells)
