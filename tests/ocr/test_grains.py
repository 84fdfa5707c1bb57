"""Bands and clouds of grains as dark as the print: they are taken away, and what they may have covered is a doubt."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from codebook.records import Table
from tasks.ocr.cleaning.grains import grains, texture
from tasks.ocr.cleaning.grey_ink import without_grey_ink
from tasks.ocr.engines.pair import ReaderPair
from tasks.ocr.prepare_image import ink, prepared
from tasks.ocr.read_page import SURE, read_picture
from tests.generator.paper import Grid, GridCell
from tests.scans.drawing import Drawn, Sheet, Style
from tests.scans.fonts import chinese_fonts

pytestmark = pytest.mark.usefixtures("fonts")
Pixels = NDArray[np.uint8]

_NUMBERS = ("0", "12", "-31", "307", "4", "95", "1", "8")
_SIZE = 27  # pixels: the height of a character


def _page() -> Drawn:
    """A page with a table of a label and seven numbers in each of twelve rows."""
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font), 200)
    cells = tuple(
        GridCell(r, c, _NUMBERS[(r + c) % 8] if c else "行政处罚处理决定", is_value=c > 0) for r in range(12) for c in range(8)
    )
    sheet.table(Grid("numbers", 12, 8, cells), (60, 60), [110.0, *[50.0] * 7], 0, 12)
    return sheet.finish()


def _copied(image: Pixels, middle: int, seed: int) -> Pixels:
    """A bad copy: a band of black grains from top to bottom about the column ``middle``, and some grains everywhere."""
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    grainy = rng.random((height, width)) < 0.004
    grainy |= rng.random((height, width)) < 0.4 * np.exp(-(((np.arange(width) - middle) / (0.7 * _SIZE)) ** 2))
    page = np.where(grainy[..., None], 0, image).astype(np.uint8)
    return cv2.GaussianBlur(page, (0, 0), 0.6).astype(np.uint8)


def test_grains_are_taken_away_and_print_is_not() -> None:
    drawn = _page()
    cell = next(cell for cell in drawn.cells if cell.is_value and cell.text == "4")
    middle = round(cell.box[2] - _SIZE / 2)
    grey = prepared(_copied(drawn.image, middle, 1)).picture.grey
    cleaned = without_grey_ink(grey)
    assert cleaned.is_dirty
    assert cleaned.grains is not None
    width = grey.shape[1]
    band = (slice(None), slice(middle - _SIZE // 2, middle + _SIZE // 2))
    away = np.abs(np.arange(width) - middle) > 3 * _SIZE
    assert (ink(cleaned.grey)[band] > 0).mean() < 0.2 * (ink(grey)[band] > 0).mean()
    print_away = (drawn.image[..., 0] < 100) & away[None, :]
    assert (ink(cleaned.grey)[print_away] > 0).mean() > 0.98
    rows = np.unique([round(cell.box[1]) for cell in drawn.cells])
    assert all((cleaned.grey[y - 2 : y + 3, band[1]] < 128).any(axis=0).mean() > 0.9 for y in rows)  # rules go on below dirt


def test_a_page_without_grains_has_none() -> None:
    grey = prepared(_page().image).picture.grey
    assert without_grey_ink(grey).grey is grey
    assert not grains(ink(grey), texture(grey), _SIZE).clouds.any()


@pytest.mark.parametrize("share", [0.5, 0.75, 0.98])
def test_what_a_band_may_have_covered_is_a_doubt(reader: ReaderPair, share: float) -> None:
    """``share`` of the way through the cells of a column stands the band: over their numbers, beside them, on their rule."""
    drawn = _page()
    left, right = next((cell.box[0], cell.box[2]) for cell in drawn.cells if cell.is_value and cell.text == "4")
    page = read_picture(_copied(drawn.image, round(left + share * (right - left)), 2), 1, reader)
    (table,) = [block for block in page.blocks if isinstance(block, Table)]
    read = {(cell.row, cell.column): cell for cell in table.cells}
    values = {(r, c): _NUMBERS[(r + c) % 8] for r in range(12) for c in range(1, 8)}
    assert [(at, read[at].text) for at, text in values.items() if read[at].score >= SURE and read[at].text != text] == []
    far = [at for at in values if at[1] not in (4, 5)]
    assert sum(read[at].score >= SURE for at in far) >= 0.85 * len(far)
