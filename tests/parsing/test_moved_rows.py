"""Rows that stand a column too far to the left, since a cell of a web page reaches over a row too few: each number stays with its
row and column, and none is lost."""

from __future__ import annotations

from random import Random

import pytest
from lxml import html
from lxml.html import HtmlElement

from tests.accuracy.compare import Score, read_and_compare
from tests.adversarial.base import Sample, make_report
from tests.generator.layouts.web import page_body

HIDDEN = ("style='visibility:collapse'", "style='visibility:hidden'", "style='display:none'", "hidden")


def page(sample: Sample) -> HtmlElement:
    """The report's body."""
    return html.fragment_fromstring(page_body(sample.paper, Random(1), "plain"), create_parent="div")


def read(sample: Sample, body: HtmlElement) -> Score:
    """The score of a page with this body."""
    data = f"<html><head><meta charset='utf-8'></head><body>{html.tostring(body, encoding='unicode')}</body></html>".encode()
    return read_and_compare(data, "text/html", "a.html", sample.truth)


def row_of(body: HtmlElement, label: str) -> HtmlElement:
    """The row that holds a label."""
    return next(row for row in body.iter("tr") if any(label in cell.text_content() for cell in row))


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_hidden_row_moves_no_total(hidden: str) -> None:
    sample = make_report(Random(2), form="2021")
    body = page(sample)
    cells = "".join(f"<td>{text}</td>" for text in ("2.重复申请", *"4444444"))
    row_of(body, "2.重复申请").addnext(html.fragment_fromstring(f"<table><tr {hidden}>{cells}</tr></table>").find(".//tr"))
    score = read(sample, body)
    assert (score.silent, score.false_errors, score.exact) == ([], [], score.cells)


def test_a_group_that_ends_a_row_too_early_moves_no_number() -> None:
    sample = make_report(Random(3), form="2021")
    body = page(sample)
    group = next(cell for cell in body.iter("td") if cell.text_content().startswith("三、") and cell.get("rowspan"))
    group.set("rowspan", str(int(group.get("rowspan")) - 1))
    score = read(sample, body)
    assert (score.silent, score.false_errors, score.exact) == ([], [], score.cells)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_row_of_the_form_that_is_hidden_is_not_blank(hidden: str) -> None:
    sample = make_report(Random(2), form="2021")
    body = page(sample)
    row = row_of(body, "8.属于行政查询事项")
    name, _, value = hidden.partition("=")
    row.set(name, value.strip("'"))
    score = read(sample, body)
    assert (score.silent, score.doubtful) == ([], 7)


def test_a_header_that_ends_a_column_too_early_moves_no_column() -> None:
    sample = make_report(Random(10), form="2021")
    body = page(sample)
    head = next(cell for cell in body.iter("td") if cell.text_content() == "法人或其他组织" and cell.get("colspan"))
    head.set("colspan", str(int(head.get("colspan")) - 1))
    score = read(sample, body)
    assert (score.silent, score.false_errors) == ([], [])


def test_cells_that_reach_over_no_row_move_no_number() -> None:
    """As LibreOffice writes XML of Word 2003: what continues a merged cell is left out, and the merge too."""
    sample = make_report(Random(3), form="2021")
    body = page(sample)
    for cell in body.iter("td", "th"):
        cell.attrib.pop("rowspan", None)
    score = read(sample, body)
    assert (score.silent, score.false_errors, score.exact) == ([], [], score.cells)
