"""Ink that is no print: seals and dirt are taken away, print is not, and nothing that may have been a number is blank."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from codebook.records import Table
from tasks.ocr.cleaning.grey_ink import without_grey_ink
from tasks.ocr.engines.pair import ReaderPair
from tasks.ocr.layout import ink_lines
from tasks.ocr.prepare_image import ink, parted_inks, prepared
from tasks.ocr.read_page import SURE, _layout, _look, read_picture
from tests.generator.paper import Grid, GridCell
from tests.scans.degrade import Wear, worn
from tests.scans.drawing import Drawn, Sheet, Style
from tests.scans.fonts import chinese_fonts

pytestmark = pytest.mark.usefixtures("fonts")
Pixels = NDArray[np.uint8]

_NUMBERS = ("0", "12", "2.64", "307", "—", "95", "1", "8")


def _page(size: float = 10.5) -> Drawn:
    """A page with a table of eight columns."""
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font, size=size), 200)
    cells = tuple(
        GridCell(r, c, _NUMBERS[(r + c) % 8] if c else "行政处罚处理决定", is_value=c > 0) for r in range(12) for c in range(8)
    )
    sheet.table(Grid("numbers", 12, 8, cells), (60, 60), [110.0, *[50.0] * 7], 0, 12)
    return sheet.finish()


def _dirty(image: Pixels, seed: int) -> Pixels:
    """A page full of grey specks, a few of which hang together."""
    rng = np.random.default_rng(seed)
    page = image.copy()
    for _ in range(9000):
        x, y, size, level = (int(v) for v in rng.integers((0, 0, 2, 110), (page.shape[1], page.shape[0], 4, 170)))
        part = page[y : y + size, x : x + size]
        part[...] = np.minimum(part, level)
    return page


def test_dirt_is_taken_away_and_print_is_not() -> None:
    clean = _page().image
    dirty, _ = worn(_dirty(clean, 3), Wear(blur=0.5, noise=3), 5)
    grey = prepared(dirty).picture.grey
    cleaned = without_grey_ink(grey)
    assert cleaned.is_dirty
    assert not without_grey_ink(prepared(clean).picture.grey).is_dirty
    printed = cv2.erode(clean[..., 0], np.ones((3, 3), np.uint8)) < 60  # with the soft edges of strokes
    before, after = ink(grey) > 0, ink(cleaned.grey) > 0
    assert (before & ~after & (clean[..., 0] < 60)).sum() == 0
    assert (after & ~printed).sum() < 0.2 * (before & ~printed).sum()


def test_a_dirty_page_has_no_silent_error(reader: ReaderPair) -> None:
    drawn = _page()
    image, _ = worn(_dirty(drawn.image, 4), Wear(blur=0.5, noise=3, jpeg=75), 6)
    page = read_picture(image, 1, reader)
    (table,) = [block for block in page.blocks if isinstance(block, Table)]
    read = {(cell.row, cell.column): cell for cell in table.cells}
    values = {(r, c): _NUMBERS[(r + c) % 8] for r in range(12) for c in range(1, 8)}
    assert [(read[at].text, text) for at, text in values.items() if read[at].score >= SURE and read[at].text != text] == []
    assert sum(read[at].score >= SURE for at in values) >= 0.45 * len(values)


def test_a_pale_number_under_a_seal_is_no_blank(reader: ReaderPair) -> None:
    """A number as pale as the seal goes with it: its cell is a doubt."""
    drawn = _page()
    image = drawn.image.copy()
    known = next(cell for cell in drawn.cells if cell.text == "307")
    x0, y0, x1, y1 = (round(v) for v in known.box)
    cell = image[y0 + 3 : y1 - 3, x0 + 3 : x1 - 3]
    image[y0 + 3 : y1 - 3, x0 + 3 : x1 - 3] = np.where(cell < 200, 150, cell)
    middle = (x0 + x1) // 2, (y0 + y1) // 2
    cv2.circle(image, middle, 200, (150, 150, 150), 14)
    cv2.circle(image, (middle[0] + 90, middle[1] + 90), 30, (150, 150, 150), -1)
    page = read_picture(image, 1, reader)
    (table,) = [block for block in page.blocks if isinstance(block, Table)]
    (found,) = [cell for cell in table.cells if cell.place.box and _holds(cell.place.box, middle)]
    assert found.text == "307" or found.score < SURE


def _holds(box: tuple[float, float, float, float], at: tuple[float, float]) -> bool:
    return box[0] <= at[0] <= box[2] and box[1] <= at[1] <= box[3]


@pytest.mark.parametrize("text", ["307", "—", "2.64"])
def test_a_speck_in_a_cell_belongs_to_no_number(text: str) -> None:
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font), 200)
    sheet.write(60, 60, text, 10.5)
    marks = ink(sheet.finish().image[:300, :500, 0].copy())
    size = 27
    (line,) = ink_lines(marks, (100, 100, 400, 200), size)
    dirty = marks.copy()
    cv2.circle(dirty, (line[2] + size, line[1] + 4), 3, 255, -1)
    cv2.circle(dirty, (line[0] - size, line[3] + 3), 2, 255, -1)
    assert ink_lines(dirty, (100, 100, 400, 200), size) == [line]


def _sealed(image: Pixels, at: tuple[int, int], colour: tuple[int, int, int]) -> Pixels:
    """A page with a ring and strokes of coloured ink over it, which darkens what is under it, saved as JPEG."""
    ink_of_seal = np.full_like(image, 255)
    cv2.circle(ink_of_seal, at, 210, colour, 15)
    for step in range(12):
        x, y = (round(at[i] + 150 * (np.cos, np.sin)[i](step * np.pi / 6)) for i in (0, 1))
        cv2.putText(ink_of_seal, "EKHR"[step % 4], (x - 20, y + 20), 0, 1.9, colour, 6)
    page = (image.astype(np.uint16) * cv2.GaussianBlur(ink_of_seal, (0, 0), 1.2) // 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", page[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 50])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1], np.uint8)


def test_what_is_left_of_a_coloured_seal_is_taken_away_and_print_is_not() -> None:
    drawn = _page()
    x0, y0, x1, y1 = (round(v) for v in next(cell for cell in drawn.cells if cell.text == "307").box)
    seal = ((x0 + x1) // 2, (y0 + y1) // 2)
    image = _sealed(drawn.image, seal, (225, 60, 70))
    picture, coloured = prepared(image)
    assert coloured is not None
    cleaned = without_grey_ink(picture.grey, coloured)
    near = np.zeros(cleaned.grey.shape, np.uint8)
    cv2.circle(near, seal, 230, 255, -1)
    printed = cv2.dilate((drawn.image[..., 0] < 200).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    rest = (near > 0) & ~printed
    assert (ink(cleaned.grey) > 0)[rest].sum() < 0.1 * max(100, (ink(picture.grey) > 0)[rest].sum())
    lost = (ink(picture.grey) > 0) & (ink(cleaned.grey) == 0)
    assert (lost & (drawn.image[..., 0] < 60)).sum() == 0


def test_a_coloured_number_is_no_blank(reader: ReaderPair) -> None:
    """The colour of seals is taken off the page, and a number that is typed in it goes too: its cell is a doubt."""
    drawn = _page()
    image = drawn.image.copy()
    numbers = [cell for cell in drawn.cells if cell.text in ("307", "1")]
    for known in numbers:
        x0, y0, x1, y1 = (round(v) for v in known.box)
        cell = image[y0 + 3 : y1 - 3, x0 + 3 : x1 - 3]
        cell[..., 0] = np.maximum(cell[..., 0], 220)
    page = read_picture(image, 1, reader)
    (table,) = [block for block in page.blocks if isinstance(block, Table)]
    for known in numbers:
        middle = (known.box[0] + known.box[2]) / 2, (known.box[1] + known.box[3]) / 2
        (found,) = [cell for cell in table.cells if cell.place.box and _holds(cell.place.box, middle)]
        assert found.text == known.text or found.score < SURE


def test_a_page_is_upright_by_its_labels_where_most_of_its_lines_are_dirt(reader: ReaderPair) -> None:
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font), 200)
    cells = tuple(GridCell(r, c, "0" if c else "2.重复申请处理决定文号", is_value=c > 0) for r in range(6) for c in range(8))
    sheet.table(Grid("numbers", 6, 8, cells), (60, 60), [50.0] * 8, 0, 6)
    image = sheet.finish().image
    rng = np.random.default_rng(3)
    for y in range(1150, 2300, 36):  # rows of specks, as of a worn drum
        for x, at in np.column_stack([rng.uniform(0, image.shape[1], 3000), rng.normal(y, 5, 3000)]).astype(int):
            image[at : at + 3, x : x + 3] = np.minimum(image[at : at + 3, x : x + 3], int(rng.integers(0, 60)))
    assert _look(_layout(prepared(image).picture), reader).score == 1.0


def test_red_ink_in_a_shadow_is_taken_off_and_black_below_it_stays() -> None:
    """Paper as dark as in the deep fold of a photograph: red ink on it is darker than black is elsewhere."""
    paper = np.tile(np.linspace(250, 120, 800), (600, 1)).astype(np.float32)
    black, red = np.zeros((600, 800), bool), np.zeros((600, 800), bool)
    black[300:306, 40:760] = True
    red[270:340, 30:770] = True
    page = np.dstack([paper] * 3)
    page[red] *= 1 - 0.8 * (1 - np.array([200, 40, 50], np.float32) / 255)
    page[black] *= 0.15
    inks = parted_inks(page.round().astype(np.uint8))
    share = inks.grey / paper
    assert (share[red & ~black] > 0.88).all()
    assert (share[red & black] < 0.4).all()
