"""Numbers of a page that was read from its pixels, beside those that its text said."""

from __future__ import annotations

import pytest

from codebook.records import Cell, Place, Table
from tasks.extraction.pdf.beside_pixels.said_numbers import Box, beside_said

SAID = ["10", "27", "305", "0", "47", "12", "68", "0", "19"]


def box(index: int) -> Box:
    return (100.0 + 40 * index, 100.0, 140.0 + 40 * index, 120.0)


def beside(read: list[str], said: list[str] = SAID) -> list[Cell]:
    """The cells of a row of these numbers beside those that the text said there."""
    cells = tuple(Cell(0, index, text, Place(1, box(index)), score=0.99) for index, text in enumerate(read))
    table = Table(cells, 1, len(read), Place(1, (100, 100, 500, 120)))
    numbers = [((x0 + 2, y0 + 2, x1 - 2, y1 - 2), text) for text, (x0, y0, x1, y1) in zip(said, map(box, range(9)), strict=True)]
    (found,) = beside_said([table], numbers)
    assert isinstance(found, Table)
    return list(found.cells)


def test_a_font_that_exchanges_digits_is_one_lie() -> None:
    read = [text.translate(str.maketrans("0123456789", "1234567890")) for text in SAID]
    assert [(cell.text, cell.score) for cell in beside(read)] == [(text, 0.99) for text in read]


@pytest.mark.parametrize("shown", ["/", "", "17", "4"])
def test_what_no_exchange_explains_is_a_doubt_with_what_the_text_said(shown: str) -> None:
    read = ["10", "27", "305", "0", shown, "12", "68", "0", "19"]
    cells = beside(read)
    assert [cell.score < 0.9 for cell in cells] == [index == 4 for index in range(9)]
    assert (cells[4].text, cells[4].alternatives[-1][0]) == (shown, "47")
