"""Dashes of scans that were read unsurely: blanks where the sums agree, doubts where a number may stand there."""

from __future__ import annotations

import random

import msgspec
import pytest

from codebook.records import Cell, Page, Reading, State, Table
from tasks.parsing.tables.read_tables import read_tables
from tests.parsing import table_garble
from tests.parsing import table_render as render
from tests.parsing.table_render import Printed

SEEN = ("一", "-", "–", "—", "~", "_", "一.")


def _scanned(printed: Printed, rng: random.Random, seen: tuple[str, ...] = ("日", "-")) -> tuple[Page, ...]:
    """A report whose dashes a recogniser read as strokes of many kinds, with low scores."""

    def read(cell: Cell) -> Cell:
        if cell.text != "-":
            return cell
        others = tuple((text, 0.2) for text in seen)
        return msgspec.structs.replace(cell, text=rng.choice(SEEN), score=0.3, alternatives=others)

    (page,) = table_garble.pages(printed)
    blocks = tuple(
        msgspec.structs.replace(block, cells=tuple(map(read, block.cells))) if isinstance(block, Table) else block
        for block in page.blocks
    )
    return (msgspec.structs.replace(page, blocks=blocks),)


def _with_dashes(seed: int) -> Printed:
    """A report that prints a dash for each zero of tables three and four."""
    printed = render.make(random.Random(seed), "2021")
    for row in (*printed.requests, *printed.review):
        if row.slug:
            row.values = ["-" if value == "0" else value for value in row.values]
    return printed


def _cells(pages: tuple[Page, ...]) -> dict[str, Reading]:
    return {r.indicator: r for r in read_tables(pages).readings if not r.indicator.startswith("disclosure.")}


@pytest.mark.parametrize("seen", [("日", "-"), ("1", "一")])
def test_dashes_with_which_the_sums_agree_are_blanks(seen: tuple[str, ...]) -> None:
    printed = _with_dashes(1)
    for key, reading in _cells(_scanned(printed, random.Random(2), seen)).items():
        assert reading.state is not State.DOUBTFUL, key
        assert reading.value == (printed.truth[key] or None), key
        assert reading.state is State.READ or reading.raw in SEEN


def test_a_stroke_that_may_be_a_one_is_a_doubt() -> None:
    printed = _with_dashes(1)
    row = next(row for row in printed.requests if row.slug == "denied.state_secret")
    row.values[6] = "77"  # the row does not add up: something in it was misread
    readings = _cells(_scanned(printed, random.Random(3), ("1",)))
    dashes = [at for at, value in enumerate(row.values) if value == "-"]
    assert dashes
    for at in dashes:
        assert readings[f"requests.denied.state_secret.{render.COLUMNS[at]}"].state is State.DOUBTFUL


def test_a_table_without_dashes_keeps_its_doubts() -> None:
    printed = render.make(random.Random(4), "2021")
    printed.review[-1].values[0] = "-"
    assert _cells(_scanned(printed, random.Random(5)))["review.reconsideration.upheld"].state is State.DOUBTFUL


def test_letters_in_a_row_without_a_label_hold_the_place_of_numbers() -> None:
    printed = render.make(random.Random(6), "2021")
    (page,) = table_garble.pages(printed)
    tables = [block for block in page.blocks if isinstance(block, Table)]
    zeros = {cell for cell in tables[2].cells if cell.text == "0"}

    def letter(cell: Cell) -> Cell:
        return msgspec.structs.replace(cell, text="O", score=0.5, alternatives=(("0", 0.4),)) if cell in zeros else cell

    changed = msgspec.structs.replace(tables[2], cells=tuple(map(letter, tables[2].cells)))
    blocks = tuple(changed if block is tables[2] else block for block in page.blocks)
    for key, reading in _cells((msgspec.structs.replace(page, blocks=blocks),)).items():
        if key.startswith("review."):
            assert reading.value == printed.truth[key] or (reading.state is State.DOUBTFUL and reading.candidates == (0,))
