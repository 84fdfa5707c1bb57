"""Texts where numbers should be are no numbers, no labels and no blanks: what stands there is a doubt, whatever the layout."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tests.accuracy.compare import Score, read_and_compare
from tests.adversarial.base import make_report
from tests.generator.layouts.text import render_text
from tests.generator.paper import Grid, GridCell

LAYOUTS = ("pipes", "tabs", "markdown", "markdown_filled", "tabs_tight", "columns", "pdf_text", "cell_a_line")


def read(text: str, layout: str, share: float, seed: int = 1) -> Score:
    """The score of a report in which ``text`` stands in the place of some numbers."""
    dice = Random(seed)
    sample = make_report(dice)

    def written(cell: GridCell) -> str:
        return text.format(cell.text) if cell.is_value and cell.text and dice.random() < share else cell.text

    parts = [part.texts(written) if isinstance(part, Grid) else part for part in sample.paper.parts]
    data = render_text(replace(sample.paper, parts=parts), layout, dice).encode()
    return read_and_compare(data, "text/plain", "a.txt", sample.truth)


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("text", ["见附件", "另行公布", "1<br>0", "<del>9</del>{0}", "0x10", "1e2", "?", "{0}：9"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_text_in_the_place_of_a_number_is_a_doubt(layout: str, text: str, share: float) -> None:
    score = read(text, layout, share)
    assert (score.silent, score.failure, score.false_errors) == ([], None, [])


@pytest.mark.parametrize("text", ["<!-- 9 -->{0}", "{0}<!-- 9 -->", "{0} <!--\n9\n-->"])
@pytest.mark.parametrize("layout", ["tabs", "columns", "pdf_text"])
def test_a_number_in_a_comment_is_not_read(layout: str, text: str) -> None:
    assert read(text, layout, 0.1).silent == []


@pytest.mark.parametrize("mark", ["<!-- 件 -->", "<!---->"])
def test_a_comment_without_digits_costs_no_doubt(mark: str) -> None:
    score = read("{0}" + mark, "tabs", 0.3)
    assert score.exact == score.cells
