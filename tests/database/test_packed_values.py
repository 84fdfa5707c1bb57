"""All values of a report in one row: nothing is lost or changed by packing, and the view shows what was packed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from codebook.filings import StoredCell
from codebook.records import UNSETTLED_STATES, Origin, Reader, State, WitnessKind
from database.clock import now
from database.models import Base, UnsettledValue, ValueRow
from database.session import make_engine
from database.values import (
    cells_by_indicator,
    cells_of,
    cells_of_report,
    change_cells,
    numbers_of,
    settled_cells,
    write_cells,
)
from database.values.packing import NAMES, Packed, layout_id, layout_of, layout_text, pack, unpack, unpack_one
from tests.report_row import insert_report

NUMBERS = some.one_of(some.integers(-(2**60), 2**60).map(float), some.floats(allow_nan=False, allow_infinity=False))
TEXTS = some.text(some.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
NASTY = some.sampled_from(["", "0", "null", "12", "12.0", "-1", "1e3", "\\u0000", '"],[', "\\N\t\n", "'; drop --", "①", "𠀀"])
PAGES = some.integers(1, 60)
BOXES = some.lists(some.floats(-1e6, 1e6), min_size=4, max_size=4)
LINES = some.integers(-1, 2**31 - 1)
WITNESSES = some.lists(some.sampled_from([kind.value for kind in WitnessKind]), max_size=3)
SETTLED = some.fixed_dictionaries({"state": some.sampled_from(["doubtful", "read"]), "documents": some.lists(PAGES)})
ONE = some.builds(
    StoredCell,
    some.text("abc._", min_size=1, max_size=8),
    some.none() | NUMBERS,
    some.sampled_from([state.value for state in State]) | some.just("unheard"),
    TEXTS | NASTY,
    some.sampled_from([origin.value for origin in Origin]),
    some.sampled_from([reader.value for reader in Reader]),
    some.just(1.0) | some.floats(0, 1),
    PAGES,
    some.none() | BOXES | some.just([1.0, 2.0]),
    some.none() | LINES,
    some.none() | LINES,
    some.none() | TEXTS | NASTY,
    some.none() | TEXTS,
    some.none() | some.lists(NUMBERS, max_size=3),
    some.none() | some.integers(1, 2**62),
    some.none() | SETTLED,
    some.none() | TEXTS | NASTY,
    some.none() | WITNESSES,
)
CELLS = some.lists(ONE, min_size=1, max_size=70, unique_by=lambda cell: cell.indicator)


def usual(indicator: str, value: float | None = 3.0, state: str = "read", **more: Any) -> StoredCell:
    raw = "" if value is None else f"{value:.0f}"
    return StoredCell(indicator, value, state, raw, "table", "txt", 1.0, **{"page": 1, "witnesses": ["text"], **more})


ODD = [
    usual("a.usual"),
    usual("b.missing", None, "missing"),
    usual("c.not_seen", None, "not_seen", page=2, box=[1.0, 2.5, 3.0, 4.25], line=4, column=5),
    usual("d.doubtful", None, "doubtful", doubt="7 or 1", candidates=[7.0, 1.0], correction_id=2**40)._replace(raw="?"),
    usual("e.fraction", 14319.91, note="①", sentence='说"零"\\u0000\n', line=2**31 - 1)._replace(raw="14,319.91"),
    usual("f.settled", 5.0, "proven", witness={"state": "doubtful", "value": None, "documents": [3, 4]}, witnesses=None),
    usual("g.large", 1e22, box=[0.1, 0.2, 0.3, 1e-7])._replace(raw="1e22", score=0.123456789),
    usual("h.small", -1.5, witnesses=[])._replace(raw="null", origin="prose", read_by="ocr", score=0.0),
    usual("i.zero", 0.0, line=7, column=None)._replace(raw="00"),
]


def documents(connection: Connection, count: int) -> list[int]:
    """The numbers of reports that stand for themselves."""
    tables = Base.metadata.tables
    batch = connection.execute(insert(tables["gk_batch"]).values(name="b", priority=0, created_at=now())).inserted_primary_key[0]
    made = []
    for number in range(count):
        row = {"sha256": f"{number}", "media_type": "text/plain", "size": 1, "batch_id": batch, "status": "accepted", "run": 1}
        document = connection.execute(insert(tables["gk_document"]).values(**row, registered_at=now())).inserted_primary_key[0]
        made.append(insert_report(connection, document, 1))
    return made


@given(CELLS)
def test_what_was_packed_is_unpacked(cells: list[StoredCell]) -> None:
    layout, packed = pack(cells)
    expected = sorted(cells, key=lambda cell: cell.indicator)
    assert unpack(layout, packed) == expected
    assert [unpack_one(layout, packed, cell.indicator) for cell in expected] == expected
    assert unpack_one(layout, packed, "none such") is None
    assert layout_of(layout_text(layout)) == layout
    assert pack(reversed(unpack(layout, packed))) == (layout, packed)


def test_what_is_usual_takes_no_room() -> None:
    layout, packed = pack([usual(f"{number:03}", float(number)) for number in range(200)])
    assert len(packed.numbers) < 800
    assert packed._replace(numbers="") == Packed("", "r" * 200, "0" * 200, '[[1,"table","txt",["text"]]]', *[None] * 5)
    assert layout_id(layout) == layout_id(layout_of(layout_text(layout))) != layout_id(layout[1:])


def test_every_state_has_a_letter_of_its_own() -> None:
    assert sorted(NAMES.values()) == sorted(state.value for state in State)


@pytest.mark.parametrize(
    "cells",
    [
        [usual("a"), usual("a", 4.0)],
        [usual("a", float("nan"))],
        [usual("a", float("inf"))],
        [usual("a")._replace(raw="\0")],
        [usual("a", sentence="1\0")],
        [usual("a", witness={"state": "read", "value": None, "documents": ["\0"]})],
    ],
)
def test_what_no_report_says_is_refused(cells: list[StoredCell]) -> None:
    with pytest.raises(ValueError, match="report"):
        pack(cells)


@pytest.mark.parametrize("name", [name for name in Packed._fields if name != "unsettled"])  # which is made from the others
def test_columns_that_are_damaged_are_refused_and_never_read_as_something_else(name: str) -> None:
    layout, packed = pack(ODD)
    column = getattr(packed, name)
    for damaged in (column[:-1], f"{column}0", "{}" if name in ("numbers", "kinds", "places", "raws", "odd") else "["):
        with pytest.raises(ValueError, match="cannot be read"):
            unpack(layout, packed._replace(**{name: damaged}))
    with pytest.raises(ValueError, match="cannot be read"):
        unpack(layout[1:], packed)


def rows_of(connection: Connection, report: int) -> list[StoredCell]:
    columns = [getattr(ValueRow, name) for name in StoredCell._fields]
    query = select(*columns).where(ValueRow.report_id == report).order_by(ValueRow.indicator)
    return [StoredCell(*row) for row in connection.execute(query)]


def test_the_view_and_the_program_read_the_same(engine: Engine) -> None:
    many = [usual(f"{page:02}", page=page, line=page) for page in range(1, 60)]  # more kinds than there are marks
    with engine.begin() as connection:
        one, other, empty = documents(connection, 3)
        write_cells(connection, one, ODD)
        write_cells(connection, other, many)
        write_cells(connection, empty, [])
    with engine.connect() as connection:
        for report, cells in ((one, ODD), (other, many), (empty, [])):
            assert cells_of_report(connection, report) == cells
            assert rows_of(connection, report) == cells
        assert dict(cells_of(connection, (other, one, empty))) == {one: ODD, other: many}
        assert settled_cells(connection, one) == [ODD[5]]
        assert settled_cells(connection, other) == settled_cells(connection, empty) == []
        wanted = {one: ["e.fraction", "none such"], other: ["59"]}
        assert list(cells_by_indicator(connection, wanted)) == [(one, ODD[4]), (other, many[58])]
        (numbers,) = numbers_of(connection, (one,))
        assert list(zip(numbers.indicators, numbers.values, numbers.states, strict=True)) == [c[:3] for c in ODD]
        unsettled = select(UnsettledValue.report_id, UnsettledValue.indicator, UnsettledValue.correction_id)
        expected = [(one, c.indicator, c.correction_id) for c in ODD if c.state in {state.value for state in UNSETTLED_STATES}]
        assert [tuple(row) for row in connection.execute(unsettled.order_by(UnsettledValue.indicator))] == expected
        kinds = text("select score, page, line, value, correction_id from gk_value where indicator = 'd.doubtful'")
        assert list(map(type, connection.execute(kinds).one())) == [float, int, type(None), type(None), int]


def test_a_list_of_indicators_is_kept_once_also_after_a_rollback(engine: Engine) -> None:
    with engine.begin() as connection:
        one, other, third = documents(connection, 3)
    with engine.connect() as connection:
        write_cells(connection, one, ODD)
        connection.rollback()
    with engine.begin() as connection:
        write_cells(connection, other, ODD)
        write_cells(connection, third, [cell._replace(value=None) for cell in ODD])
        assert connection.scalar(text("select count(*) from gk_value_layout")) == 1
        assert rows_of(connection, other) == ODD
        assert len(rows_of(connection, third)) == len(ODD)


def test_a_change_leaves_the_other_cells_and_keeps_what_waits_in_step(engine: Engine) -> None:
    with engine.begin() as connection:
        (report,) = documents(connection, 1)
        write_cells(connection, report, ODD)
        witness = {"state": "doubtful", "value": None, "documents": [9]}
        change_cells(connection, report, {"d.doubtful": {"value": 7, "state": "proven", "witness": witness}})
        change_cells(connection, report, {"f.settled": {"value": None, "state": "doubtful", "witness": None}})
        with pytest.raises(KeyError):
            change_cells(connection, report, {"none such": {"value": 1.0}})
    expected = list(ODD)
    expected[3] = ODD[3]._replace(value=7.0, state="proven", witness=witness)
    expected[5] = ODD[5]._replace(value=None, state="doubtful", witness=None)
    with engine.connect() as connection:
        assert rows_of(connection, report) == cells_of_report(connection, report) == expected
        waiting = connection.scalars(select(UnsettledValue.indicator).order_by(UnsettledValue.indicator)).all()
        assert waiting == ["c.not_seen", "f.settled"]


def test_two_who_change_cells_of_a_report_at_once_both_keep_their_change(engine: Engine) -> None:
    cells = [usual(f"{number:02}") for number in range(16)]
    with engine.begin() as connection:
        (report,) = documents(connection, 1)
        write_cells(connection, report, cells)
    start = threading.Barrier(len(cells))

    def change(cell: StoredCell) -> None:
        own = make_engine(engine.url.render_as_string(hide_password=False), pooled=False, lock_seconds=30)
        start.wait()
        with own.begin() as connection:
            change_cells(connection, report, {cell.indicator: {"value": 8.0}})

    threads = [threading.Thread(target=change, args=(cell,)) for cell in cells]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert {cell.value for cell in cells_of_report(connection, report)} == {8.0}


def test_one_report_is_found_by_its_key_and_the_unsettled_by_their_index(engine: Engine) -> None:
    with engine.begin() as connection:
        for report in documents(connection, 300):
            write_cells(connection, report, ODD if report % 100 == 0 else ODD[:2])
    with engine.connect() as connection:
        explain = "explain" if connection.dialect.name == "postgresql" else "explain query plan"
        if connection.dialect.name == "postgresql":
            connection.execute(text("set enable_seqscan = off"))  # which is cheaper while there are few
        one = "report_id = 7 and indicator = 'a.usual'"
        by_join = "select v.value from gk_document d join gk_value v on v.report_id = d.report_id where d.id = 7"
        for query in (f"select value from gk_value where {one}", "select * from gk_value where report_id in (3, 4)", by_join):
            plan = "\n".join(str(row) for row in connection.execute(text(f"{explain} {query}")))
            assert not any(scan in plan for scan in ("Seq Scan on gk_report_values", "SCAN p")), plan
        plan = "\n".join(str(row) for row in connection.execute(text(f"{explain} select count(*) from gk_unsettled_value")))
        assert "ix_gk_report_values_unsettled" in plan, plan


def test_the_view_cannot_be_written(engine: Engine) -> None:
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(text("delete from gk_value"))
