"""Labels of grids as a scan under a seal, in a worn font or with a lost rule shows them: replaced, cut, lost, run together."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from codebook.records import Cell, Line, Page, PageKind, Place, Reader, Table
from tests.parsing import table_grids
from tests.parsing.table_render import AFTER, BEFORE, TITLES, Printed, Row

_HAN = "政府信息公开申请数量机关人员提供国家法律行业不予其他处理结果无正当理由属于要求年度办日月木口本东西示例件已末未"
_MARKS = "0Oo.,·-一丨|（）"


def replaced(rng: random.Random, text: str, share: float) -> str:
    """Return ``text`` with a share of its characters replaced by others, dropped or doubled."""
    result = ""
    for char in text:
        if rng.random() >= share:
            result += char
            continue
        result += rng.choice([rng.choice(_HAN), rng.choice(_HAN), "", rng.choice(_MARKS), char + rng.choice(_HAN)])
    return result


def garbled(rng: random.Random, text: str) -> str:
    """Return a label as a bad picture reads: a little or all of it is wrong, an end is cut off, or it is lost."""
    kind = rng.random()
    if kind < 0.25:
        return ""
    if kind < 0.4:
        cut = rng.randrange(len(text))
        return text[cut:] if rng.random() < 0.5 else text[:cut]
    return replaced(rng, text, rng.choice([0.15, 0.3, 0.5, 0.7, 1.0]))


def garble_labels(rng: random.Random, rows: list[Row], count: int, *, together: bool = False) -> None:
    """Garble the labels of ``count`` rows, those of neighbours where they are ``together`` under a seal."""
    data = [row for row in rows if row.slug and row.labels]
    at = rng.randrange(max(1, len(data) - count + 1))
    for row in data[at : at + count] if together else rng.sample(data, min(count, len(data))):
        row.labels[-1] = garbled(rng, row.labels[-1])


def join_labels(rng: random.Random, table: Table, count: int) -> Table:
    """A table in which the rule between the labels of two rows was not seen: one cell holds both labels, and spans both rows."""
    cells = {(cell.row, cell.column): cell for cell in table.cells}
    left = [cell for cell in table.cells if cell.row > 3 and cell.column < 3 and cell.column + cell.column_span == 3]
    for upper in rng.sample(left, min(count, len(left))):
        lower = cells.get((upper.row + 1, upper.column))
        here = cells.get((upper.row, upper.column))
        if here is None or lower is None or here.row_span + lower.row_span > 2 or here.column_span != lower.column_span:
            continue
        cells[upper.row, upper.column] = msgspec.structs.replace(here, text=f"{here.text}\n{lower.text}".strip(), row_span=2)
        del cells[lower.row, lower.column]
    return msgspec.structs.replace(table, cells=tuple(cells.values()))


def pages(printed: Printed, requests: Callable[[Table], Table] = lambda table: table) -> tuple[Page, ...]:
    """A report of one scanned page whose table of requests was changed by ``requests``."""
    tables = [
        table_grids.disclosure(printed.disclosure),
        requests(table_grids.requests(printed.requests)),
        table_grids.review(printed.review),
    ]
    blocks: list[Line | Table] = [Line(text, Place(1)) for text in BEFORE]
    for title, table in zip(TITLES, tables, strict=True):
        blocks += [Line(title, Place(1)), _scanned(table)]
    blocks += [Line(text, Place(1)) for text in AFTER]
    return (Page(1, PageKind.PICTURE, "", Reader.OCR, tuple(blocks)),)


def _scanned(table: Table) -> Table:
    return msgspec.structs.replace(table, cells=tuple(_read(cell) for cell in table.cells))


def _read(cell: Cell) -> Cell:
    return msgspec.structs.replace(cell, score=0.999)
