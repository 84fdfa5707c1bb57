"""Pictures of pages for people."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from codebook.errors import GongkaiError
from tasks.ocr.preview import Size, crop_png, page_png
from tests.ocr.papers import image_pdf, saved
from tests.ocr.test_render import marked


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


@pytest.mark.parametrize("kind", ["pdf", "png", "tall"])
def test_a_page_is_at_most_as_wide_as_asked_and_grey_where_it_has_no_colour(kind: str) -> None:
    paper = marked(600, 6000 if kind == "tall" else 800)
    data, media_type = (image_pdf([paper]), "application/pdf") if kind == "pdf" else (saved(paper, "PNG"), "image/png")
    page = opened(page_png(data, media_type, 1, widest=300))
    assert page.format == "PNG"
    assert len(page.convert("L").getcolors()) <= 16
    assert all(red == green == blue for _, (red, green, blue) in page.convert("RGB").getcolors())
    assert page.width <= 300
    assert page.height <= 1200
    ratio = page.height / page.width
    assert ratio == pytest.approx(paper.height / paper.width, rel=0.02)


def test_colour_stays() -> None:
    page = opened(page_png(saved(marked(ink="red"), "PNG"), "image/png", 1)).convert("RGB")
    red, green, _ = page.getpixel((6, 5))
    assert red > 200
    assert green < 60


def test_a_cell_is_cut_with_its_surroundings_and_framed() -> None:
    paper = np.full((800, 600), 255, np.uint8)
    paper[400:420, 300:340] = 0
    png = page_png(saved(Image.fromarray(paper), "PNG"), "image/png", 1)
    cut = opened(crop_png(png, Size(1200, 1600), (600, 800, 680, 840)))  # boxes are in another measure than pixels
    pixels = np.asarray(cut.convert("RGB")).astype(int)
    red = (pixels[..., 0] > 150) & (pixels[..., 1] < 90)
    rows, columns = np.where(red)
    frame = (columns.min(), rows.min(), columns.max(), rows.max())
    assert frame[0] > 20
    assert frame[1] > 5
    inside = pixels[frame[1] + 4 : frame[3] - 4, frame[0] + 4 : frame[2] - 4]
    assert inside.mean() < 40
    assert cut.width <= 1000


@pytest.mark.parametrize("box", [(0, 0, 5, 5), (595, 790, 600, 800), (-50, 10, 900, 30), (10, 0, 30, 800)])
def test_a_cell_at_the_edge_or_of_a_strange_shape_is_cut_all_the_same(box: tuple[float, float, float, float]) -> None:
    png = page_png(saved(marked(600, 800), "PNG"), "image/png", 1)
    cut = opened(crop_png(png, Size(600, 800), box, ahead=box[0] == 0))
    assert 4 <= cut.width <= 1000
    assert 4 <= cut.height <= 320


def test_a_box_outside_of_the_page_is_refused() -> None:
    png = page_png(saved(marked(600, 800), "PNG"), "image/png", 1)
    with pytest.raises(GongkaiError) as error:
        crop_png(png, Size(600, 800), (2000, 2000, 2100, 2100))
    assert error.value.code == "page.unreadable"


def test_there_is_no_such_page() -> None:
    with pytest.raises(LookupError):
        page_png(saved(marked(), "PNG"), "image/png", 2)
