"""What both table readers hand on: cells with their row and column; and how cells become readings and extras."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from codebook.book import Block, Indicator, load_book
from codebook.confidence import surety
from codebook.records import (
    PIXELS_DIFFER,
    BlockSeen,
    Extra,
    LightRecord,
    Number,
    Origin,
    Place,
    Reader,
    Reading,
    Record,
    State,
    UnknownTable,
    WitnessKind,
    witness_of,
)
from codebook.text.numbers import ValueKind, in_unit, split_remark
from tasks.parsing.tables.tokens import PrintedValue, value_token

_LEADING = re.compile(r"\s*(\d[\d,]*+(?:\.\d+)?)\s*+[^\s\d,.*/]")
_APART = re.compile(r"(?<=\d)\s+(?=\d)")
_BROKEN = re.compile(r"\s*[\d,.]+(?:[^\S\r\n]*[\r\n]\s*[\d,.]+)+\s*")


class Doubt(StrEnum):
    """Why it is not certain what a cell holds."""

    LABEL = "label"  # the row's label is lost or misprinted beyond recognition; only the order of the form speaks for it
    ALIGNMENT = "alignment"  # another row's label may own these values as well
    BLANK = "blank"  # the row shows fewer values than columns, and not which are blank
    COUNT = "count"  # the row shows more values than columns
    COLUMN = "column"  # the header does not say which column this is
    UNIT = "unit"  # the header prints another unit than the form does
    TEXT = "text"  # text where a number should be
    TWICE = "twice"  # two places of the document disagree
    JOINED = "joined"  # the row's cells ran together, and the sums do not tell where each number ends
    CUT = "cut"  # the document ends with the number: digits may have been cut off
    EMPTY = "empty"  # the table is empty as a whole, though the report states numbers
    BROKEN = "broken"  # digits stand below the number or apart: it may be broken over two lines, or two numbers
    OCR = "ocr"  # the picture was not read surely
    SHOWN = "shown"  # the source may show the text otherwise than it is written; sums of such numbers may hold
    DIRT = "dirt"  # a picture so dirty that what was read may be dirt, or digits covered by it; sums of such numbers may hold
    SEEN = PIXELS_DIFFER  # the pixels of the page show another number than its text
    UNSEEN = "unseen"  # the text has a number where the page shows nothing


class CellRead(LightRecord, frozen=True):
    """One cell of a block. ``row`` is a slug (``"=slug"`` for a subtotal), ``column`` None in blocks without columns.

    ``slot`` is None when the cell is blank; ``place`` is then where its row stands. ``doubt`` says why it is not certain what the
    cell holds, ``candidates`` what it may hold.
    """

    row: str
    column: str | None
    slot: PrintedValue | None
    place: Place
    reader: Reader
    doubt: str | None = None
    candidates: tuple[Number, ...] = ()
    unit: str | None = None


class BlockRead(NamedTuple):
    """A block that was found: the forms that it may be by its own print (none: all), its cells, and what is odd about it."""

    block: str
    forms: tuple[str, ...]
    place: Place
    cells: tuple[CellRead, ...]
    readable: bool = True
    note: str | None = None
    notes: tuple[str, ...] = ()


class Used(Record, frozen=True):
    """What of a page belongs to tables: its block of index ``block``, from character ``start`` to ``end`` of the block's text.

    None stands for its beginning or end, so that a block with neither is used as a whole.
    """

    page: int
    block: int
    start: int | None = None
    end: int | None = None


class LocalTable(Record, frozen=True):
    """The rows of a province's own table that are rows of ``form``; ``year`` is what its header prints, None for 本年."""

    place: Place
    form: str
    year: int | None
    readings: tuple[Reading, ...]


class TablesRead(Record, frozen=True):
    """All that the tables of a document say. ``readings`` hold each indicator at most once."""

    readings: tuple[Reading, ...]
    extras: tuple[Extra, ...]
    blocks: tuple[BlockSeen, ...]
    used: tuple[Used, ...]
    notes: tuple[str, ...] = ()
    unknown: tuple[UnknownTable, ...] = ()
    local: tuple[LocalTable, ...] = ()


def consumed(used: Iterable[Used]) -> dict[tuple[int, int], tuple[tuple[int, int], ...] | None]:
    """Return what belongs to tables, by page and block: None for a whole block, else raw character ranges."""
    found: dict[tuple[int, int], tuple[tuple[int, int], ...] | None] = {}
    for item in used:
        key = (item.page, item.block)
        if item.start is None and item.end is None:
            found[key] = None
        elif (ranges := found.get(key, ())) is not None:
            found[key] = (*ranges, (item.start or 0, sys.maxsize if item.end is None else item.end))
    return found


def number_of(slot: PrintedValue | None, unit: str | None) -> Number | None:
    """The value of ``slot`` in ``unit``, None when it holds no number."""
    return None if slot is None else in_unit(slot.token, unit)


def different_numbers(slots: Iterable[PrintedValue | None]) -> tuple[Number, ...]:
    """Return the numbers that ``slots`` hold, each once, in their order: the candidates of a cell that is not certain."""
    return tuple(dict.fromkeys(number for slot in slots if (number := number_of(slot, None)) is not None))


def _in_header_unit(cell: CellRead, unit: str | None) -> tuple[Number, ...]:
    """The values that a number may have when the header prints another unit than the form: 元 for 万元, by misprint or design."""
    slot = cell.slot
    if slot is None or not slot.token.value or slot.token.unit or cell.unit in (None, unit):
        return ()
    converted = in_unit(slot.token.but(unit=cell.unit), unit)
    return () if converted is None else (slot.token.value, converted)


def _likely(slot: PrintedValue, unit: str | None) -> tuple[Number, ...]:
    """The numbers that a cell of a picture may show, the likeliest first."""
    tokens = [slot.token, *(value_token(text) for text, _ in slot.alternatives)]
    return tuple(dict.fromkeys(value for token in tokens if token and (value := in_unit(token, unit)) is not None))


def _unbroken(raw: str) -> tuple[Number, ...]:
    """Return the number whose digits a cell shows on several lines; empty when they make none."""
    if not _BROKEN.fullmatch(raw):
        return ()
    token = value_token("".join(raw.split()))
    return () if token is None or token.value is None else (token.value,)


def _two_numbers(slot: PrintedValue, unit: str | None) -> tuple[Number, ...]:
    """Return what a cell may hold whose digits stand apart ("81 0"): all of them as one number, or one before and one after.

    Empty where no digits stand apart, where the pixels show one number, and where several numbers were read out of one text.
    """
    raw = slot.raw.strip()
    if raw.isdecimal():
        return ()
    parts = _APART.split(split_remark(raw)[0].strip())
    if len(parts) < 2 or slot.seen or value_token(raw) != slot.token:
        return ()
    tokens = (slot.token, *(value_token(part) for part in parts))
    numbers = tuple(dict.fromkeys(number for token in tokens if token and (number := in_unit(token, unit)) is not None))
    return numbers if len(numbers) > 1 else ()


def _number_before(raw: str) -> tuple[Number, ...]:
    """Return the number before other text in a cell; empty where the text does not begin with one."""
    found = _LEADING.match(raw)
    token = value_token(found[1]) if found else None
    return () if token is None or token.value is None else (token.value,)


def _against(slot: PrintedValue, unit: str | None) -> tuple[Doubt | None, tuple[Number, ...]]:
    """Return the doubt when the pixels of a cell show another number than its text, or none at all, and what it may hold."""
    printed = number_of(slot, unit)
    if slot.seen is None:
        return None, ()
    if not slot.seen:
        return (None, ()) if printed is None else (Doubt.UNSEEN, (printed,))
    shown = _shown(slot, unit)
    if shown is None or shown == printed:
        return None, ()
    return Doubt.SEEN, (shown,) if printed is None else (printed, shown)


def _shown(slot: PrintedValue, unit: str | None) -> Number | None:
    """The number that the pixels of a cell show, in ``unit``: the reader of pixels sees digits, the unit is the text's."""
    token = value_token(slot.seen or "")
    return None if token is None else in_unit(token.but(unit=slot.token.unit), unit)


def _witnesses(slot: PrintedValue | None, reader: Reader, unit: str | None) -> tuple[str, ...]:
    """Return who read a value that is not in doubt: its reader, and the pixels where they show the same."""
    own = witness_of(reader)
    agree = slot is not None and slot.seen is not None and _shown(slot, unit) == number_of(slot, unit)
    return (own, WitnessKind.PIXELS) if agree else (own,)


def _reading(cell: CellRead, indicator: Indicator) -> Reading:
    slot = cell.slot
    value = number_of(slot, indicator.unit)
    doubt, candidates = cell.doubt, cell.candidates
    if slot and slot.reader is Reader.OCR and not slot.score:
        doubt, candidates = Doubt.DIRT, _likely(slot, indicator.unit)
    if not doubt and slot:
        doubt, candidates = _against(slot, indicator.unit)
    if not doubt and slot and slot.score < surety().cell:
        doubt = Doubt.OCR if slot.reader is Reader.OCR else Doubt.SHOWN
        candidates = _likely(slot, indicator.unit)
    if not doubt and slot and slot.token.kind is ValueKind.OTHER:
        doubt, candidates = (Doubt.BROKEN, whole) if (whole := _unbroken(slot.raw)) else (Doubt.TEXT, _number_before(slot.raw))
    if not doubt and slot and slot.token.kind is ValueKind.NUMBER and (numbers := _two_numbers(slot, indicator.unit)):
        doubt, candidates = Doubt.BROKEN, numbers
    if not doubt and (either := _in_header_unit(cell, indicator.unit)):
        doubt, candidates = Doubt.UNIT, either
    read_by = slot.reader if slot else cell.reader
    return Reading(
        indicator=indicator.id,
        value=value,
        state=State.DOUBTFUL if doubt else State.READ if value is not None else State.MISSING,
        raw=slot.raw if slot else "",
        place=slot.place if slot else cell.place,
        read_by=read_by,
        origin=Origin.TABLE,
        score=slot.score if slot else 1.0,
        doubt=doubt,
        candidates=candidates if doubt else (),
        note=split_remark(slot.raw.strip())[1] or None if slot and slot.token.kind is ValueKind.NUMBER else None,
        witnesses=() if doubt else _witnesses(slot, read_by, indicator.unit),
        looked_at=slot is not None and slot.looked_at,
    )


def _merge(old: Reading, new: Reading, same_table: bool) -> Reading:
    """Two readings of one indicator: agreeing ones are one, disagreeing ones a doubt with both values.

    Between two tables a blank disagrees with nothing (an empty form beside the filled one); within one table it does.
    """
    doubted = [reading for reading in (old, new) if reading.state is State.DOUBTFUL]
    if old.value == new.value and (same_table or old.value is not None or not doubted):
        return new if old in doubted else old
    blank = [reading for reading in (old, new) if reading.value is None and not reading.candidates]
    if not same_table and len(blank) == 1:
        return new if old in blank else old
    if not same_table and len(doubted) == 1 and doubted[0].value is None:
        return new if old in doubted else old
    values = tuple(dict.fromkeys(v for v in (old.value, new.value, *old.candidates, *new.candidates) if v is not None))
    return Reading(
        indicator=old.indicator,
        value=old.value,
        state=State.DOUBTFUL,
        raw=old.raw,
        place=old.place,
        read_by=old.read_by,
        origin=old.origin,
        score=old.score,
        doubt=Doubt.TWICE,
        candidates=values,
        note=old.note,
    )


def cells_to_readings(reads: list[BlockRead]) -> tuple[list[Reading], list[Extra], list[str]]:
    """Readings (each indicator once, in the order of the codebook), extras and notes of all blocks."""
    book = load_book()
    readings: dict[str, Reading] = {}
    extras: list[Extra] = []
    notes: list[str] = []
    for read in reads:
        block = book.blocks[read.block]
        notes += read.notes
        own: dict[str, Reading] = {}
        for cell in read.cells:
            if cell.row.startswith("=") or cell.column in block.extra_columns:
                extras += _extra(cell, read.block)
                continue
            key = f"{read.block}.{cell.row}.{cell.column}" if cell.column else f"{read.block}.{cell.row}"
            indicator = book.indicators.get(key)
            if indicator is None:
                if cell.slot is not None:
                    notes.append(f"no indicator {key}: {cell.slot.raw!r} is not stored")
                continue
            reading = _reading(cell, indicator)
            own[key] = _merge(own[key], reading, True) if key in own else reading
        for key, reading in own.items():
            readings[key] = _merge(readings[key], reading, False) if key in readings else reading
    return [readings[key] for key in book.indicators if key in readings], extras, notes


def _extra(cell: CellRead, block: str) -> list[Extra]:
    if cell.slot is None:
        return []
    value = None if cell.doubt or cell.slot.score < surety().cell else number_of(cell.slot, None)
    return [Extra(block, cell.row.removeprefix("="), cell.column or "", value, cell.slot.raw, cell.slot.place)]


def seen(reads: list[BlockRead], default: str) -> tuple[BlockSeen, ...]:
    """The blocks that were found, one entry each; a block that may be of several forms takes ``default`` where it can."""
    result: dict[str, BlockSeen] = {}
    for read in reads:
        block: Block = load_book().blocks[read.block]
        possible = read.forms or (*block.forms[-1:], *block.forms)
        form = default if default in possible else possible[0]
        old = result.get(read.block)
        if old is None or (read.readable and not old.readable):
            result[read.block] = BlockSeen(read.block, form, read.place, read.readable, read.note)
    return tuple(result.values())
