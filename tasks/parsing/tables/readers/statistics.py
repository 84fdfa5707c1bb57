"""The statistics table of 2014-2018 (政府信息公开情况统计表) read from flattened text: a label, a unit and a value each."""

from __future__ import annotations

from codebook.text.numbers import Kind
from tasks.parsing.tables.align import MARGIN, Item, Pair, align
from tasks.parsing.tables.cells import BlockRead, CellRead, Doubt, number_of
from tasks.parsing.tables.labels import Part
from tasks.parsing.tables.table_text import Prepared, items_of
from tasks.parsing.tables.tokens import AtomKind

FORM = "2014"
_UNIT = 4  # characters of a unit: 条, 万元, 人次, with brackets


def read_statistics(prepared: Prepared) -> BlockRead:
    """Read the region as the statistics table."""
    text = prepared.text
    where = text.place(prepared.region.first)
    prepared = _without_groups(prepared)
    items = items_of(prepared, {}, 1)
    cells: list[CellRead] = []
    pairs = align(items, prepared.runs)
    for pair in pairs:
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
        elif _apart(prepared, item, pair.run):
            cells.append(CellRead(item.slug, None, None, place, reader, Doubt.ALIGNMENT, numbers))
        else:
            run = prepared.runs[pair.run]
            doubt = None if len(run.values) == 1 else Doubt.COUNT
            cells.append(CellRead(item.slug, None, text.slot(run.values[0]), place, reader, doubt, numbers if doubt else ()))
    cells += _lost(prepared, items, pairs)
    return BlockRead("statistics", FORM, where, tuple(cells))


def _apart(prepared: Prepared, item: Item, run: int) -> bool:
    """Whether other words than a unit stand between a label and the values behind it: they may be another thing's."""
    between = prepared.text.atoms[item.last + 1 : prepared.runs[run].first]
    return any(atom.kind in (AtomKind.TEXT, AtomKind.PROSE) and len(atom.text or atom.raw) > _UNIT for atom in between)


def _without_groups(prepared: Prepared) -> Prepared:
    """Without the headings of the form's chapters (一、主动公开情况 | —— | ——), which hold strokes where rows hold values."""
    marks = sorted(prepared.marks, key=lambda mark: mark.first)
    headings: set[int] = set()
    runs = []
    for run in prepared.runs:
        before = [mark for mark in marks if mark.last < run.first]
        unowned = not before or before[-1].entry.part is Part.UNKNOWN
        if run.values and unowned and all(prepared.text.slot(i).token.kind is Kind.MARK for i in run.values):
            headings |= {before[-1].first} if before else set()
        else:
            runs.append(run)
    return prepared._replace(runs=runs, marks=[mark for mark in prepared.marks if mark.first not in headings])


def _lost(prepared: Prepared, items: list[Item], pairs: list[Pair]) -> list[CellRead]:
    """Values that no known label owns may be those of rows that are not printed between the rows around them: doubts."""
    owned: set[int | None] = set()
    once: set[str] = set()
    for pair in pairs:  # a label that stands twice may be a misprint of another row's
        item = items[pair.item]
        if item.part is Part.ROW and item.slug not in once:
            owned.add(pair.run)
            once.add(item.slug)
    order = prepared.lex.order
    known = sorted((item.first, order[item.slug]) for item in items if item.part is Part.ROW)
    printed = {item.slug for item in items if item.part is Part.ROW}
    found: dict[str, CellRead] = {}
    for number, run in enumerate(prepared.runs):
        if number in owned or not run.values or not known or not known[0][0] < run.first:
            continue
        low = next((rank for first, rank in reversed(known) if first < run.first), -1)
        high = next((rank for first, rank in known if first > run.first), None)
        slot = prepared.text.slot(run.values[0])
        value = number_of(slot, None)
        for slug in prepared.lex.rows:
            if slug not in printed and high is not None and low < order[slug] < high:
                candidates = () if value is None else (value,)
                found[slug] = CellRead(slug, None, None, slot.place, slot.reader, Doubt.LABEL, candidates)
    return list(found.values())
