"""Page images: the right page, the right way up, at the right resolution, and never too large."""

from __future__ import annotations

import io

import numpy as np
import pypdfium2
import pytest
from PIL import Image, ImageDraw
from pillow_heif import register_heif_opener

from codebook import image_package
from codebook.errors import GongkaiError
from tasks.extraction.limits import ExtractionLimits
from tasks.ocr.render import page_image, render, resolution
from tests.ocr.papers import image_pdf, saved

register_heif_opener()


def marked(width: int = 60, height: int = 40, mode: str = "RGB", paper: object = "white", ink: object = "black") -> Image.Image:
    """A picture with a mark in its upper left corner."""
    image = Image.new(mode, (width, height), paper)
    ImageDraw.Draw(image).rectangle((2, 2, 12, 8), fill=ink)
    return image


def corner(image: Image.Image | np.ndarray) -> int:
    return int(np.asarray(image)[5, 6].mean())


@pytest.mark.parametrize(
    ("kind", "mode", "media_type"),
    [
        ("PNG", "RGB", "image/png"),
        ("PNG", "L", "image/png"),
        ("PNG", "1", "image/png"),
        ("JPEG", "RGB", "image/jpeg"),
        ("JPEG", "CMYK", "image/jpeg"),
        ("WEBP", "RGB", "image/webp"),
        ("BMP", "RGB", "image/bmp"),
        ("GIF", "L", "image/gif"),
        ("TIFF", "1", "image/tiff"),
        ("HEIF", "RGB", "image/heic"),
        ("AVIF", "RGB", "image/avif"),
        ("JPEG2000", "RGB", "image/jp2"),
    ],
)
def test_every_format_is_rgb_on_paper(kind: str, mode: str, media_type: str) -> None:
    paper, ink = ((0, 0, 0, 0), (0, 0, 0, 255)) if mode == "CMYK" else ("white", "black")
    page = render(saved(marked(mode=mode, paper=paper, ink=ink), kind), media_type, 1)
    assert page.pixels.shape == (40, 60, 3)
    assert page.pixels.dtype == np.uint8
    assert page.scale == 1.0
    assert corner(page.pixels) < 60
    assert page.pixels[30, 50].min() > 200


def test_what_is_transparent_is_paper_and_deep_grey_is_grey() -> None:
    seen = render(saved(marked(mode="RGBA", paper=(0, 0, 0, 0), ink=(0, 0, 0, 255)), "PNG"), "image/png", 1).pixels
    assert (corner(seen), int(seen[30, 50].min())) == (0, 255)
    deep = Image.fromarray(np.where(np.asarray(marked(mode="L")) > 100, 65535, 900).astype(np.uint16))
    seen = render(saved(deep, "PNG"), "image/png", 1).pixels
    assert (corner(seen), int(seen[30, 50].min())) == (3, 255)


def test_exif_turns_the_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter clockwise
    turned = marked().rotate(90, expand=True)
    page = render(saved(turned, "JPEG", exif=exif, quality=95), "image/jpeg", 1)
    assert page.pixels.shape == (40, 60, 3)
    assert corner(page.pixels) < 60


def test_one_page_of_many() -> None:
    frames = [marked(60 + 10 * number) for number in range(3)]
    tiff = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert [render(tiff, "image/tiff", number).pixels.shape[1] for number in (1, 2, 3)] == [60, 70, 80]
    package = image_package.pack([("a.png", saved(frames[0], "PNG")), ("b.tif", tiff), ("c.jpg", saved(frames[1], "JPEG"))])
    widths = [render(package, image_package.MEDIA_TYPE, number).pixels.shape[1] for number in range(1, 6)]
    assert widths == [60, 60, 70, 80, 70]
    for number in (0, 4):
        with pytest.raises((LookupError, ValueError, GongkaiError)):
            render(tiff, "image/tiff", number)


def test_pictures_that_do_not_fit_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(GongkaiError, match=r"page\.too_large.*page 1"):
        render(saved(marked(300, 300), "PNG"), "image/png", 1, ExtractionLimits(max_pixels=80_000))
    bomb = saved(Image.new("1", (20_000, 20_000)), "PNG")  # 50 kB that would be 1.2 GB
    assert len(bomb) < 100_000
    with pytest.raises(GongkaiError, match=r"page\.too_large"):
        render(bomb, "image/png", 1)


def test_a_huge_scan_is_reduced_and_its_boxes_stay_its_own() -> None:
    page = render(saved(Image.new("L", (7200, 7400), "white"), "PNG"), "image/png", 1)
    assert page.pixels.shape[:2] == (3700, 3600)
    assert page.scale == pytest.approx(2.0)


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\nno", saved(marked(400, 400), "JPEG")[:900]])
def test_broken_pictures(data: bytes) -> None:
    with pytest.raises(GongkaiError, match=r"file\.corrupt"):
        render(data, "image/jpeg", 1)


@pytest.mark.parametrize(
    ("size", "native", "expected"),
    [
        ((595, 842), None, 200),
        ((595, 842), 200, 200),
        ((595, 842), 96, 150),
        ((595, 842), 600, 300),
        ((1654, 2339), 72, 76.4),  # a page of 200 dpi whose points are pixels: 2482 pixels long
        ((14_400, 14_400), None, 16.5),
    ],
)
def test_the_resolution_is_chosen_from_the_page(size: tuple[float, float], native: float | None, expected: float) -> None:
    assert resolution(*size, native) == pytest.approx(expected, rel=0.01)


def test_pdf_pages_have_the_resolution_of_their_scan() -> None:
    scans = [marked(620, 877), marked(1240, 1754), marked(3000, 4243)]  # A4 at 75, 150 and 363 dpi
    for scan, dpi, expected in zip(scans, (75, 150, 363), ((1754, 1240), (1754, 1240), (3508, 2480)), strict=True):
        page = render(image_pdf([scan], dpi), "application/pdf", 1)
        assert page.pixels.shape[:2] == pytest.approx(expected, rel=0.01)
        assert page.pixels.shape[1] * page.scale == pytest.approx(595, abs=2)
    with pytest.raises(LookupError):
        render(image_pdf(scans[:1]), "application/pdf", 2)


def test_a_scan_is_drawn_pixel_by_pixel() -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (500, 400, 3), np.uint8).repeat(4, 0).repeat(4, 1))
    page = render(image_pdf([noise], 200), "application/pdf", 1)
    assert page.pixels.shape[:2] == pytest.approx((2000, 1600), abs=1)


def test_a_page_whose_picture_is_damaged_is_no_blank_page() -> None:
    document = pypdfium2.PdfDocument.new()
    page = document.new_page(595, 842)
    image = pypdfium2.PdfImage.new(document)
    whole = saved(marked(800, 800), "JPEG")
    image.load_jpeg(io.BytesIO(whole), inline=True)
    image.set_matrix(pypdfium2.PdfMatrix().scale(595, 842))
    page.insert_obj(image)
    page.gen_content()
    target = io.BytesIO()
    document.save(target)
    data = target.getvalue()
    assert render(data, "application/pdf", 1).pixels.min() < 60
    at = data.find(b"\xff\xd8\xff")
    broken = data[: at + 2] + bytes(len(whole) - 2) + data[at + len(whole) :]
    with pytest.raises(GongkaiError, match=r"page\.unreadable|file\.corrupt"):
        render(broken, "application/pdf", 1)


def test_a_page_image_with_boxes() -> None:
    data = saved(marked(), "PNG")
    plain, boxed = (Image.open(io.BytesIO(page_image(data, "image/png", 1, boxes))) for boxes in ((), ((20, 20, 40, 30),)))
    assert (plain.format, plain.size) == ("PNG", (60, 40))
    assert plain.getpixel((20, 25)) == (255, 255, 255)
    assert boxed.getpixel((20, 25)) == (200, 0, 0)
