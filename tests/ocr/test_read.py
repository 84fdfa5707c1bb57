"""Small drawn pages, clean and worn, read as a whole."""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random

import cv2
import numpy as np
import psutil
import pytest
from PIL import Image, ImageDraw

from codebook.records import Line, Page, Table
from tasks.ocr.engines.pair import ReaderPair
from tasks.ocr.read_page import read_picture
from tests.generator.paper import Grid, GridCell
from tests.scans.degrade import LEVELS, Wear, worn
from tests.scans.drawing import Drawn, Sheet, Style, draw_beside, pick_style
from tests.scans.fonts import chinese_fonts
from tests.scans.measure import compare_page, number_page, read_worn, report_pages, same_text

pytestmark = pytest.mark.usefixtures("fonts")


def _style(rules: str = "plain") -> Style:
    return Style(chinese_fonts()[0], chinese_fonts()[0], rules=rules)


def _small(rules: str = "plain", rows: int = 4) -> Drawn:
    """A page of the form with a labelled table of few rows."""
    sheet = Sheet(_style(rules), 150)
    labels = ("信息内容", "本年制发件数", "本年废止件数", "现行有效件数")
    numbers = (
        ("规章", "0", "12", "307"),
        ("行政规范性文件", "1", "/", "8"),
        ("行政许可", "—", "6", "95"),
        ("行政处罚", "44", "2", "10"),
    )
    cells = [GridCell(0, c, text) for c, text in enumerate(labels)]
    cells += [GridCell(r + 1, c, t, is_value=c > 0) for r, row in enumerate(numbers[: rows - 1]) for c, t in enumerate(row)]
    sheet.write(60, 50, "二、主动公开政府信息情况", 14)
    sheet.table(Grid("small", rows, 4, tuple(cells)), (60, 70), [150, 110, 110, 100], 0, rows)
    drawn = sheet.finish()
    return replace(drawn, image=np.ascontiguousarray(drawn.image[: drawn.image.shape[0] // 2]))


def _read(drawn: Drawn, reader: ReaderPair, wear: Wear | None = None) -> tuple[list[tuple[str, str | None, float]], Page]:
    outcome, page = read_worn(drawn, wear or Wear(), 5, reader, dpi=150)
    return [(read.expected, read.text, read.score) for read in outcome.reads if not read.is_right], page


def test_every_cell_of_a_clean_page_with_its_place_and_score(reader: ReaderPair) -> None:
    drawn = _small()
    wrong, page = _read(drawn, reader)
    assert wrong == []
    heading, table = page.blocks
    assert isinstance(heading, Line)
    assert same_text(heading.text, "二、主动公开政府信息情况")
    assert isinstance(table, Table)
    assert (table.rows, table.columns) == (4, 4)
    assert all(0.99 <= cell.score <= 1 for cell in table.cells)
    assert all(cell.place.box is not None for cell in table.cells)


@pytest.mark.parametrize("rules", ["thin", "thick", "double", "dashed", "open", "tight"])
def test_rules_of_all_looks(reader: ReaderPair, rules: str) -> None:
    wrong, page = _read(_small(rules), reader)
    assert wrong == []
    assert [(b.rows, b.columns) for b in page.blocks if isinstance(b, Table)] == [(4, 4)]


@pytest.mark.parametrize("level", ["1", "2", "seal", "border"])
def test_worn_pages_have_no_silent_error(reader: ReaderPair, level: str) -> None:
    outcome, _ = read_worn(_small(), LEVELS[level], 3, reader, dpi=150)
    assert [read for read in outcome.reads if read.is_silent] == []
    wrong = [read for read in outcome.values if not read.is_right]
    assert len(wrong) <= (4 if level == "border" else 1)  # with stains beside numbers, of which each is a doubt


def test_a_2_that_leans_like_a_slash_is_a_2(reader: ReaderPair) -> None:
    drawn = _small(rows=5)
    image = drawn.image.copy()
    x0, y0, x1, y1 = (round(v) for v in next(cell.box for cell in drawn.cells if cell.text == "2"))
    image[y0 + 3 : y1 - 3, x0 + 3 : x1 - 3] = 255
    x, y = (x0 + x1) // 2, (y0 + y1) // 2
    # what a worn copy leaves of it: the stroke, with little of the bow above and of the foot below
    strokes = ((x + 3, y - 8), (x + 3, y - 4), 4), ((x + 3, y - 3), (x - 4, y + 7), 3), ((x - 5, y + 7), (x + 4, y + 7), 2)
    for start, end, thickness in strokes:
        cv2.line(image, start, end, (40, 40, 40), thickness, cv2.LINE_AA)
    wrong, _ = _read(replace(drawn, image=image), reader)
    assert wrong == []


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_pages_are_turned_back(reader: ReaderPair, turns: int) -> None:
    wrong, _ = _read(_small(), reader, Wear(turns=turns))
    assert wrong == []


def test_digits_alone_do_not_turn_a_page_round(reader: ReaderPair) -> None:
    sheet = Sheet(_style(), 150)
    cells = tuple(GridCell(r, c, ("61", "1089", "—", "906")[(r + c) % 4], is_value=True) for r in range(4) for c in range(4))
    sheet.table(Grid("numbers", 4, 4, cells), (60, 60), [110] * 4, 0, 4)
    wrong, _ = _read(sheet.finish(), reader)
    assert wrong == []


def test_two_tables_side_by_side_are_two_tables(reader: ReaderPair) -> None:
    drawn = draw_beside(Random(4), replace(_style(), size=10.5), 120)
    page = read_picture(drawn.image, 1, reader)
    outcome = compare_page(page, drawn, np.eye(3))
    assert outcome.grids_right == outcome.grids == 2
    assert [read for read in outcome.reads if read.is_silent] == []


def test_a_table_without_rules_is_read_by_its_columns(reader: ReaderPair) -> None:
    wrong, _ = _read(_small("none"), reader)
    assert wrong == []


def test_an_empty_page_has_no_blocks(reader: ReaderPair) -> None:
    page = read_picture(np.full((800, 600, 3), 255, np.uint8), 7, reader)
    assert page.number == 7
    assert page.blocks == ()
    assert (page.width, page.height) == (600, 800)


def test_boxes_are_in_points_of_the_image_as_it_came(reader: ReaderPair) -> None:
    drawn = _small()
    image, matrix = worn(drawn.image, Wear(skew=2.0), 1)
    page = read_picture(image, 1, reader, points_per_pixel=0.5)
    table = next(block for block in page.blocks if isinstance(block, Table))
    known = next(cell for cell in drawn.cells if cell.text == "307")
    x, y, w = matrix @ np.array([(known.box[0] + known.box[2]) / 2, (known.box[1] + known.box[3]) / 2, 1.0])
    cell = next(cell for cell in table.cells if cell.text == "307")
    assert cell.place.box is not None
    x0, y0, x1, y1 = cell.place.box
    assert x0 < x / w * 0.5 < x1
    assert y0 < y / w * 0.5 < y1
    assert x1 - x0 < 140


def test_a_missed_rule_between_numbers_is_a_doubt(reader: ReaderPair) -> None:
    paper = Image.fromarray(_small().image)
    pen = ImageDraw.Draw(paper)
    scale = 150 / 72
    pen.rectangle([322 * scale - 6, 98 * scale, 322 * scale - 2 + 8, 118 * scale], fill=(255, 255, 255))
    page = read_picture(np.asarray(paper), 1, reader)
    table = next(block for block in page.blocks if isinstance(block, Table))
    joined = [cell for cell in table.cells if cell.column_span == 2 and any(c.isdigit() for c in cell.text)]
    assert all(cell.score < 0.99 for cell in joined)


def test_a_number_at_the_side_of_its_cell_is_a_doubt(reader: ReaderPair) -> None:
    """What was taken for a rule may be a stroke of a digit, and the rest of the number beyond it."""
    drawn = _small()
    known = next(cell for cell in drawn.cells if cell.text == "12")
    x0, y0, x1, y1 = (round(v) for v in known.box)
    dark = np.flatnonzero((drawn.image[y0 + 3 : y1 - 3, x0 + 4 : x1 - 4, 0] < 100).any(axis=0))
    image = drawn.image.copy()
    image[y0:y1, x0 + 8 + dark[-1] : x0 + 10 + dark[-1]] = 20
    page = read_picture(image, 1, reader)
    table = next(block for block in page.blocks if isinstance(block, Table))
    (cut,) = [cell for cell in table.cells if cell.text == "12"]
    assert cut.score < 0.99
    assert cut.alternatives == ()  # of parts of digits, sums must not choose one that fits


FULL = os.environ.get("GONGKAI_SCANS") == "full"
WORN = ["fine", "1", "2", "3", "150dpi", "seal", "faint", "bilevel", "photo"]
# Each level at one resolution by default, at both in full size (`make scans`).
PAGES = [(level, dpi) for at, level in enumerate(WORN) for dpi in (200, 300) if FULL or dpi == (200, 300)[at % 2]]


@pytest.mark.slow
@pytest.mark.parametrize(("level", "dpi"), PAGES)
def test_pages_of_reports(reader: ReaderPair, level: str, dpi: int) -> None:
    """Whole pages: no silent error at any level, and few doubts at the better ones."""
    pages = [max(report_pages(40, dpi, "plain"), key=lambda page: len(page.cells)), number_page(41, dpi, "plain")]
    for number, drawn in enumerate(pages):
        outcome, _ = read_worn(drawn, LEVELS[level], number, reader, dpi=dpi)
        values = outcome.values
        assert [read for read in values if read.is_silent] == []
        if level in ("fine", "1", "2"):
            assert sum(read.is_right for read in values) >= 0.999 * len(values)
            assert sum(read.is_doubt for read in values) <= 0.01 * len(values)


@pytest.mark.slow
def test_memory_stays_flat(reader: ReaderPair) -> None:
    """Many pages in one process: after the first ones, what is held no longer grows."""
    process = psutil.Process()
    drawn = _small()
    held = []
    for seed in range(60):
        style = pick_style(Random(seed), "plain")
        image, _ = worn(drawn.image, Wear(skew=1.0, noise=4, scale=0.9 + (seed % 5) * 0.05), seed)
        read_picture(image, 1, reader)
        held.append(process.memory_info().rss)
        assert style.rules == "plain"
    assert max(held[30:]) - max(held[10:30]) < 60 * 2**20
