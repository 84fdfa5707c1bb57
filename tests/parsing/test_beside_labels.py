"""Tables of pictures whose numbers stand elsewhere than behind their label: on a page that was read on its side, or in the label
itself. None of them is lost in silence, and none is that of another column.
"""

from __future__ import annotations

import random
from dataclasses import replace

import msgspec
import pytest

from codebook.records import Block, Cell, Extraction, Hints, Page, Place, State, Table
from tasks.parsing.parse import parse
from tasks.parsing.tables.cells import TablesRead
from tasks.validation.validate import validate
from tests.parsing import table_garble, table_grids
from tests.parsing import table_render as render
from tests.parsing.table_check import Score, score
from tests.parsing.table_render import Printed


def _read(printed: Printed, pages: tuple[Page, ...]) -> Score:
    report = validate(parse(Extraction("image/png", pages), Hints())).report
    told = [msgspec.structs.replace(one, state=State.DOUBTFUL) if one.state.unsettled else one for one in report.readings]
    return score(TablesRead(tuple(told), report.extras, report.blocks, ()), printed.truth)


def _on_its_side(text: str) -> str:
    """A label of four characters a line as it is read when it lies on its side."""
    lines = [text[at : at + 4] for at in range(0, len(text), 4)]
    return (
        "\n".join("".join(line[at] for line in lines if at < len(line)) for at in reversed(range(len(lines[0])))) if lines else ""
    )


def _turned(table: Table) -> Table:
    """The table on its side, as a page that was turned to the left shows it: its rows side by side, its last column first."""
    cells = [
        Cell(
            row=table.columns - cell.column - cell.column_span,
            column=cell.row,
            text=_on_its_side(cell.text) if len(cell.text) > 4 else cell.text,
            place=cell.place,
            row_span=cell.column_span,
            column_span=cell.row_span,
        )
        for cell in table.cells
    ]
    return Table(tuple(cells), table.columns, table.rows, Place(2))


@pytest.mark.parametrize("slug", ["other.not_corrected_in_time", "denied.prohibited_by_law", "not_processed.reconfirmation"])
@pytest.mark.parametrize("share", [0.4, 0.6])
def test_a_row_of_a_page_that_was_read_on_its_side_is_not_blank(slug: str, share: float) -> None:
    """A page break cuts the row: its numbers stand on the page on its side, beside the first half of the label."""
    wrong: list[str] = []
    for seed in range(6):
        printed = render.make(random.Random(seed), "2021")
        at = next(at for at, row in enumerate(printed.requests) if row.slug == slug)
        row = printed.requests[at]
        above = printed.requests[at - 1]
        above.values = [""] * len(above.values)
        printed.truth |= {key: None for key in printed.truth if key.startswith(f"requests.{above.slug}.")}
        label = row.labels[-1]
        half = round(share * len(label))
        rest = replace(row, labels=[label[half:]], values=[""] * len(row.values))
        printed.requests[at : at + 1] = [replace(row, labels=[*row.labels[:-1], label[:half]]), rest]
        [page] = table_garble.pages(printed)
        blocks: list[Block] = []
        for block in page.blocks:
            if isinstance(block, Table) and block.rows > at:
                first, below = table_grids.broken(block, at - 1)
                middle, last = table_grids.broken(below, 2)
                blocks += [first, _turned(middle), last]
            else:
                blocks.append(block)
        found = _read(printed, (msgspec.structs.replace(page, blocks=tuple(blocks)),))
        wrong += [f"{seed}: {each}" for each in found.wrong]
    assert wrong == []


@pytest.mark.parametrize("slug", ["denied.state_secret", "unable.not_held", "not_processed.excessive", "granted"])
def test_a_number_that_touches_its_label_moves_no_other(slug: str) -> None:
    for seed in range(6):
        printed = render.make(random.Random(seed), "2021")
        row = next(row for row in printed.requests if row.slug == slug)
        half = len(row.labels[-1]) // 2
        row.labels[-1] = f"{row.labels[-1][:half]}{row.values[0]}\n{row.labels[-1][half:]}"
        row.values = [*row.values[1:], ""]
        found = _read(printed, table_garble.pages(printed))
        assert found.wrong == [], seed
