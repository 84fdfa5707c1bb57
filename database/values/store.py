"""Writing and reading the packed values of reports.

Everything works on the caller's connection, inside the caller's transaction. Who changes cells holds the report's row from before
it is read until the end of the transaction, so that of two who change different cells of a report neither loses what the other
wrote.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from operator import itemgetter
from sys import intern
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Text, bindparam, cast, insert, select, update

from codebook.filings import StoredCell
from database.models import ReportValues, ValueLayout
from database.sql import CHUNK, Prepared, PreparedInsert, chunks, is_listed
from database.values.packing import (
    NAMES,
    Layout,
    Packed,
    layout_id,
    layout_of,
    layout_text,
    pack,
    unpack,
    unpack_numbers,
    unpack_one,
)

_VALUES = ReportValues.__table__
_LAYOUT = ValueLayout.__table__
_COLUMNS = tuple(_VALUES.c[name] for name in Packed._fields)
_IDS = is_listed(_VALUES.c.report_id, bindparam("ids", type_=Text))
# Takes its number from the layout that is there: of one that is not yet, nothing is written.
_INSERT = Prepared(
    insert(ReportValues).from_select(
        ["report_id", "layout_id", *Packed._fields],
        select(
            cast(bindparam("b_report"), BigInteger),
            _LAYOUT.c.id,
            *(cast(bindparam(f"b_{name}", type_=Text), Text) for name in Packed._fields),
        ).where(_LAYOUT.c.id == bindparam("b_layout", type_=BigInteger)),
    )
)
_INSERT_LAYOUT = PreparedInsert(
    ValueLayout,
    lambda new: new.values(id=bindparam("b_id"), indicators=bindparam("b_indicators")).on_conflict_do_nothing(),
)
_UPDATE = Prepared(
    update(ReportValues)
    .where(ReportValues.report_id == bindparam("report"))
    .values(**{name: bindparam(f"b_{name}") for name in Packed._fields})
)
_ONE = select(_VALUES.c.layout_id, *_COLUMNS).where(_VALUES.c.report_id == bindparam("report", type_=BigInteger))
_READ_ONE = Prepared(_ONE)
_HOLD_ONE = Prepared(_ONE.with_for_update())
_READ = Prepared(select(_VALUES.c.report_id, _VALUES.c.layout_id, *_COLUMNS).where(_IDS))
_READ_SETTLED = Prepared(_ONE.where(_VALUES.c.witness.is_not(None)))
_READ_NUMBERS = Prepared(select(_VALUES.c.report_id, _VALUES.c.layout_id, _VALUES.c.numbers, _VALUES.c.states).where(_IDS))
_READ_LAYOUT = Prepared(select(_LAYOUT.c.indicators).where(_LAYOUT.c.id == bindparam("layout", type_=BigInteger)))
_layouts: dict[int, Layout] = {}  # by their number, which has one meaning everywhere
_MANY = 1000  # lists that a process keeps at hand


class Numbers(NamedTuple):
    """The values and states of a report, in the order of its indicators. Whole numbers are int, ``states`` are letters."""

    report_id: int
    indicators: Layout
    values: list[float | None]
    letters: str

    @property
    def states(self) -> list[str]:
        """The states by name. Raises KeyError for one that the program does not know."""
        return [NAMES[letter] for letter in self.letters]

    def cells(self) -> Iterator[tuple[str, float | None, str]]:
        """Yield indicator, value and state of each cell. Raises KeyError as :attr:`states`."""
        return zip(self.indicators, self.values, self.states, strict=True)


# ---- writing ----------------------------------------------------------------------------------------------------------------


def write_cells(connection: Connection, report_id: int, cells: Collection[StoredCell]) -> None:
    """Keep the cells of a new report. Raises ValueError as :func:`database.values.packing.pack` does."""
    if not cells:
        return
    layout, packed = pack(cells)
    number = layout_id(layout)
    values: dict[str, Any] = {f"b_{name}": text for name, text in zip(Packed._fields, packed, strict=True)}
    values |= {"b_report": report_id, "b_layout": number}
    if not _INSERT.run(connection, **values).count:
        _INSERT_LAYOUT.run(connection, b_id=number, b_indicators=layout_text(layout))
        _INSERT.run(connection, **values)
    if _layout(connection, number) != layout:
        raise ValueError(f"two lists of indicators have the number {number}")


def change_cells(connection: Connection, report_id: int, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Set fields of cells of a report: ``changes`` are the new fields by indicator. Others stay as they are at the moment.

    Raises KeyError when the report has no such cell.
    """
    row = _HOLD_ONE.run(connection, report=report_id).one
    cells = {} if row is None else {cell.indicator: cell for cell in _unpacked(connection, row)}
    for indicator, fields in changes.items():
        cells[indicator] = cells[indicator]._replace(**fields)
    if cells:
        _, packed = pack(cells.values())
        values = {f"b_{name}": text for name, text in zip(Packed._fields, packed, strict=True)}
        _UPDATE.run(connection, report=report_id, **values)


# ---- reading ----------------------------------------------------------------------------------------------------------------


def cells_of_report(connection: Connection, report_id: int | None) -> list[StoredCell]:
    """Return the cells of a report, by indicator. Raises ValueError when they cannot be read."""
    row = None if report_id is None else _READ_ONE.run(connection, report=report_id).one
    return [] if row is None else _unpacked(connection, row)


def cells_of(connection: Connection, report_ids: Iterable[int]) -> Iterator[tuple[int, list[StoredCell]]]:
    """Yield the cells of these reports, by report and indicator; those that have none are left out."""
    for row in _rows(connection, _READ, report_ids):
        yield row[0], _unpacked(connection, row[1:])


def settled_cells(connection: Connection, report_id: int) -> list[StoredCell]:
    """Return the cells of a report that other renditions prove or settle."""
    row = _READ_SETTLED.run(connection, report=report_id).one
    return [] if row is None else [cell for cell in _unpacked(connection, row) if cell.witness is not None]


def cells_by_indicator(connection: Connection, wanted: Mapping[int, Iterable[str]]) -> Iterator[tuple[int, StoredCell]]:
    """Yield single cells: of each report those of the indicators ``wanted`` that it has."""
    for row in _rows(connection, _READ, wanted):
        layout, packed = _layout(connection, row[1]), Packed(*row[2:])
        for indicator in wanted[row[0]]:
            cell = unpack_one(layout, packed, indicator)
            if cell is not None:
                yield row[0], cell


def numbers_of(connection: Connection, report_ids: Iterable[int]) -> Iterator[Numbers]:
    """Yield the values and states of these reports, by report, without their evidence."""
    for report_id, layout, numbers, letters in _rows(connection, _READ_NUMBERS, report_ids):
        yield Numbers(report_id, _layout(connection, layout), unpack_numbers(numbers), letters)


def _rows(connection: Connection, statement: Prepared, report_ids: Iterable[int]) -> Iterator[tuple[Any, ...]]:
    for part in chunks(sorted(set(report_ids)), CHUNK):
        # Not in SQL, where an order would invite PostgreSQL to go through the whole key.
        yield from sorted(statement.run(connection, ids=json.dumps(part)).rows, key=itemgetter(0))


def _unpacked(connection: Connection, row: tuple[Any, ...]) -> list[StoredCell]:
    return unpack(_layout(connection, row[0]), Packed(*row[1:]))


def _layout(connection: Connection, number: int) -> Layout:
    layout = _layouts.get(number)
    if layout is None:
        row = _READ_LAYOUT.run(connection, layout=number).one
        if row is None:
            raise LookupError(f"the list of indicators {number} is not there")
        layout = tuple(map(intern, layout_of(row[0])))
        if len(_layouts) >= _MANY:
            _layouts.clear()
        _layouts[number] = layout
    return layout
