"""Rows between which a copy lost the rule, parted by what their cells say: no reader is asked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tasks.ocr.grids.lost_rules import CellLine, with_lost_rules
from tasks.ocr.grids.table_grid import Grid, RuledCell

SIZE = 20
LINE = 24  # pixels from one line to the next
Lines = Sequence[tuple[float, str]]  # at which line of the cell, and what it says


def _grid(rows: Sequence[Sequence[Lines]], high: Sequence[int]) -> tuple[Grid, list[list[CellLine]]]:
    """A table of ``rows`` of cells without spans; ``high`` are their heights in lines."""
    cells, said, top = [], [], 0
    for row, (columns, lines) in enumerate(zip(rows, high, strict=True)):
        bottom = top + lines * LINE + 8
        for column, texts in enumerate(columns):
            cells.append(RuledCell(row, column, 1, 1, (100 * column, top, 100 * column + 100, bottom)))
            left = 100 * column + 10
            tops = [round(top + 4 + line * LINE) for line, _ in texts]
            boxes = [(left, y, left + 15 * len(text), y + SIZE) for y, (_, text) in zip(tops, texts, strict=True)]
            said.append([CellLine(box, text) for box, (_, text) in zip(boxes, texts, strict=True)])
        top = bottom
    return Grid(tuple(cells), len(rows), len(rows[0]), (0, 0, 100 * len(rows[0]), top), 5), said


def _read(rows: Sequence[Sequence[Lines]], high: Sequence[int]) -> list[list[str]]:
    """The texts of the table, row by row."""
    grid, said = _grid(rows, high)
    whole, parts = with_lost_rules(grid, said, SIZE)
    assert [part.cell for part in parts] == list(whole.cells)
    found = [[""] * whole.columns for _ in range(whole.rows)]
    for part in parts:
        y0, y1 = part.cell.box[1::2]
        assert all(y0 < (said[part.of][i].box[1] + said[part.of][i].box[3]) / 2 < y1 for i in part.lines)
        found[part.cell.row][part.cell.column] = "".join(said[part.of][i].text for i in part.lines)
    return found


SECRETS: Lines = [(0, "1.属于"), (1, "国家秘"), (2, "密")]
TWO: Lines = [(0, "6.属于"), (1, "四类过"), (2, "程性信"), (3, "息"), (4, "7.属于"), (5, "行政执"), (6, "法案卷")]


def test_two_rows_with_their_labels() -> None:
    rows = [[SECRETS, [(0, "3")], [(0, "0")]], [TWO, [(0, "0"), (4, "1")], [(4, "12")]]]
    assert _read(rows, [3, 7]) == [
        ["1.属于国家秘密", "3", "0"],
        ["6.属于四类过程性信息", "0", ""],
        ["7.属于行政执法案卷", "1", "12"],
    ]


def test_numbers_in_the_middle_of_their_rows_and_units() -> None:
    label: Lines = [(0, "1.当面"), (1, "申请数"), (2, "2.传真"), (3, "申请数"), (4, "3.网络"), (5, "申请数")]
    units, numbers = ([(at, text) for at, text in zip((0.5, 2.5, 4.5), texts, strict=True)] for texts in ("件件件", "704"))
    found = _read([[label, units, numbers]], [6])
    assert found == [["1.当面申请数", "件", "7"], ["2.传真申请数", "件", "0"], ["3.网络申请数", "件", "4"]]


def test_a_row_of_numbers_below_its_heads() -> None:
    heads, numbers = ["结果维持", "结果纠正", "其他结果", "尚未审结"], ["3", "0", "1", "2"]
    row = [[(0, head[:2]), (1, head[2:]), (2, number)] for head, number in zip(heads, numbers, strict=True)]
    assert _read([row], [3]) == [heads, numbers]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param([SECRETS, [(0, "25"), (1, "63")]], id="a number that is broken over lines"),
        pytest.param([[(0, "甲乙"), (1, "丙"), (2, "丁戊")], [(0, "1"), (2, "0")]], id="words that are no labels"),
        pytest.param([TWO, [(0, "0"), (2, "1")]], id="a number that is level with no label's first line"),
        pytest.param([[*TWO, (7, "8.属于"), (8, "行政查"), (9, "询事项")], [(0, "0"), (4, "1")]], id="more labels than numbers"),
        pytest.param([TWO, [(0, "0")]], id="one number"),
        pytest.param([[(0, "结果"), (1, "维持"), (2, "1")], [(0, "甲"), (1, "乙"), (2, "0")]], id="heads that are none"),
    ],
)
def test_what_does_not_fit_is_left_as_it_is(row: Sequence[Lines]) -> None:
    grid, said = _grid([row], [10])
    assert with_lost_rules(grid, said, SIZE)[0] is grid


def test_a_group_of_rows_reaches_over_the_parted_ones() -> None:
    grid, said = _grid([[[(0, "（三）"), (1, "不予公")], SECRETS, [(0, "3")]], [[], TWO, [(0, "0"), (4, "1")]]], [3, 7])
    group = grid.cells[0]._replace(row_span=2, box=(0, 0, 100, grid.box[3]))
    cells = [group, *grid.cells[1:3], *grid.cells[4:]]
    whole, parts = with_lost_rules(grid._replace(cells=tuple(cells)), [*said[:3], *said[4:]], SIZE)
    assert (whole.rows, whole.cells[0].row_span, whole.cells[0].box) == (3, 3, group.box)
    assert [(cell.row, cell.column, cell.row_span) for cell in whole.cells[1:]] == [(r, c, 1) for r in range(3) for c in (1, 2)]
    assert all(part.lines == tuple(range(2)) for part in parts if part.of == 0)
