"""Rows of a picture whose values do not stand below those of the same columns: a rule was lost, or dirt passed for one.

A lost rule makes one cell of two and a false one two of one. Where both happen in a row it has as many values as the form has
columns, all of them a column beside their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from codebook.records import Reader
from tasks.parsing.tables.cells import Doubt
from tasks.parsing.tables.rows import RowCells

_NEIGHBOURS = 3  # rows before and behind that a row is compared with: pages lie askew, and further rows stand elsewhere

_Span = tuple[float, float]


def doubt_out_of_place(rows: Sequence[RowCells]) -> list[RowCells]:
    """The rows, in their order, with a doubt on all values of those of pictures that stand elsewhere than most of the rows near
    them on the same page have theirs: it is not known which columns they belong to.
    """
    result = list(rows)
    pages = {_page(row) for row in rows}
    for page in pages - {None}:
        at = [index for index, row in enumerate(rows) if _page(row) == page]
        spans = [_spans(rows[index]) for index in at]
        for here, index in enumerate(at):
            near = [spans[n] for n in range(max(0, here - _NEIGHBOURS), here + _NEIGHBOURS + 1) if n != here and n < len(at)]
            fits = [_stand_below(spans[here], other) for other in near]
            if 2 * sum(fits) < len(fits):
                result[index] = _doubted(rows[index])
    return result


def _page(row: RowCells) -> int | None:
    """The page on which a row of a picture has its values; None for other sources."""
    slot = next((slot for slot in row.cells if slot is not None and slot.place.box is not None), None)
    return slot.place.page if slot is not None and slot.reader is Reader.OCR else None


def _spans(row: RowCells) -> list[_Span | None]:
    """How far each value of a row reaches along it; on a page that lies on its side rows run from top to bottom."""
    boxes = [None if slot is None else slot.place.box for slot in row.cells]
    held = [box for box in boxes if box is not None]
    across, down = (max(ends) - min(ends) for ends in ([box[0] for box in held], [box[1] for box in held]))
    first = 0 if across >= down else 1
    return [None if box is None else (box[first], box[first + 2]) for box in boxes]


def _stand_below(row: Sequence[_Span | None], other: Sequence[_Span | None]) -> bool:
    """Return whether each value of a row stands below that of the same column of the other one."""
    return all(_meet(one, two) for one, two in zip(row, other, strict=True) if one is not None and two is not None)


def _meet(one: _Span, two: _Span) -> bool:
    """Return whether the middle of the shorter of two spans lies within the longer one."""
    short, long = sorted((one, two), key=_length)
    return long[0] <= (short[0] + short[1]) / 2 <= long[1]


def _length(span: _Span) -> float:
    return span[1] - span[0]


def _doubted(row: RowCells) -> RowCells:
    return row.but(doubts=tuple(doubt or Doubt.COLUMN for doubt in row.doubts))
