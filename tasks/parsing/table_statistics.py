"""The statistics table of 2014-2018 (政府信息公开情况统计表) read from flattened text: a label, a unit and a value each."""

from __future__ import annotations

from tasks.parsing.labels import Part
from tasks.parsing.table_align import MARGIN, align
from tasks.parsing.table_cells import BlockRead, CellRead, Doubt, number_of
from tasks.parsing.table_text import Prepared, items_of

FORM = "2014"


def read_statistics(prepared: Prepared) -> BlockRead:
    """Read the region as the statistics table."""
    text = prepared.text
    where = text.place(prepared.region.first)
    items = items_of(prepared, {}, 1)
    cells: list[CellRead] = []
    for pair in align(items, prepared.runs):
        item = items[pair.item]
        if item.part is not Part.ROW:
            continue
        place, reader = text.place(item.first), text.lines[text.atoms[item.first].line].reader
        chosen = [prepared.runs[index] for index in (pair.run, pair.second) if index is not None]
        values = [text.slot(i) for run in chosen for i in run.values]
        numbers = tuple(dict.fromkeys(n for slot in values if (n := number_of(slot, None)) is not None))
        if pair.margin < MARGIN:
            cells.append(CellRead(item.slug, None, None, place, reader, Doubt.ALIGNMENT, numbers))
        elif pair.run is None:
            cells.append(CellRead(item.slug, None, None, place, reader))
        else:
            run = prepared.runs[pair.run]
            doubt = None if len(run.values) == 1 else Doubt.COUNT
            cells.append(CellRead(item.slug, None, text.slot(run.values[0]), place, reader, doubt, numbers if doubt else ()))
    return BlockRead("statistics", FORM, where, tuple(cells))
