"""Page images from the bytes of a document: one page at a time, at a resolution chosen from the page, and never too large.

PDF pages are drawn by pdfium, of OFD pages their pictures; pictures are decoded, turned as their EXIF data say, and made RGB on
white paper.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import islice
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from codebook.errors import GongkaiError
from tasks.extraction.extract import has_inner_pictures, inner_picture
from tasks.extraction.images import check_pixels, guarded, pictures
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.ofd.pictures import drawn, native_resolution
from tasks.extraction.ofd.read_ofd import page_pictures
from tasks.extraction.pdf.annotations import shown_page
from tasks.extraction.pdf.page import contents, letters, placed_pictures
from tasks.extraction.pdf.read_pdf import opened

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]

_DPI = 200.0  # of a page without pictures
_LEAST_DPI, _MOST_DPI = 150.0, 300.0
_LONGEST = 1191.0  # points; a longer page (A3) counts pixels, or is a poster: its resolution is counted as if it were A3
_SHORT_SIDE = 3600  # pixels: A3 at 300 dpi; a picture whose shorter side is longer is reduced
_MOST_PIXELS = 60_000_000  # of a page that is read
_MOST_DECODED = 150_000_000  # of a picture that is decoded before it is reduced
_TALLEST = 4  # times as high as wide, of a page on a screen; beyond that it is drawn narrower
_BLANK = 250  # of 255: paper
_PICTURES = 0.08  # of a page: pictures that cover more may be a scan
_FEW_CHARACTERS = 10  # a page number or a stamp does not show how the page stands
_UPRIGHT = 0.9  # of the characters
_PEN = (200, 0, 0)
_OFFICE_SECONDS = 60  # for a picture inside of a document that LibreOffice converted when it was extracted


class PageImage(NamedTuple):
    """A page image, (height, width, 3) RGB uint8, and how long a pixel is in the page's own measure.

    That measure is points for PDF and OFD, and pixels of the picture itself (as it is shown, after its EXIF turn) for pictures.
    ``is_upright``: it shows text that stands upright, of whatever characters, and no scan that may lie on its side.
    """

    pixels: Pixels
    scale: float
    is_upright: bool = False


def render(
    data: bytes, media_type: str, number: int, limits: ExtractionLimits | None = None, *, widest: int | None = None
) -> PageImage:
    """The image of page ``number`` (from 1) of a document: a PDF, a picture, a package of page images, or a web page or
    Word document, whose pictures are pages.

    ``widest``: for a screen, at most this number of pixels wide; else as OCR needs it.

    Raises GongkaiError: ``page.too_large``, ``page.unreadable`` (the page, or the picture on it, cannot be drawn), and what
    opening the document raises (``file.corrupt``, ``file.encrypted``). LookupError when there is no such page.
    """
    limits = limits or ExtractionLimits(office_seconds=_OFFICE_SECONDS)
    if media_type == "application/pdf":
        return _pdf_page(data, number, widest)
    if media_type == "application/ofd":
        return _ofd_page(data, number, limits, widest)
    at = number
    if has_inner_pictures(media_type):
        data, media_type, at = inner_picture(data, media_type, number, limits), "image/*", 1
    with guarded(limits, number):
        for image in islice(pictures(data, media_type, limits), at - 1, at):
            check_pixels(*image.size, min(limits.max_pixels, _MOST_DECODED), number)
            return _picture(image, number, widest)
    raise LookupError(f"there is no page {number}")


def page_image(data: bytes, media_type: str, number: int, boxes: Sequence[Box] = ()) -> bytes:
    """Page ``number`` as PNG, with ``boxes`` (in the page's own measure, as places have them) drawn in red. Raises as render."""
    page = render(data, media_type, number)
    image = Image.fromarray(page.pixels)
    pen = ImageDraw.Draw(image)
    for box in boxes:
        pen.rectangle([value / page.scale for value in box], outline=_PEN, width=max(2, image.width // 600))
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


# ---- PDF ------------------------------------------------------------------------------------------------------------------


def _pdf_page(data: bytes, number: int, widest: int | None) -> PageImage:
    with opened(data) as document:
        document.init_forms()  # what stands in form fields is drawn
        if not 1 <= number <= len(document):
            raise LookupError(f"there is no page {number}")
        try:
            with shown_page(document, number - 1) as page:
                return _drawn(page, number, widest)
        except pypdfium2.PdfiumError as error:
            raise GongkaiError(
                "page.unreadable", f"it cannot be drawn: {error}", "a page that can be shown", page=number
            ) from error


def _drawn(page: pypdfium2.PdfPage, number: int, widest: int | None) -> PageImage:
    width, height = page.get_size()
    images = [
        (item, box)
        for item, box in placed_pictures(page, ExtractionLimits().max_page_objects, number)
        if box[2] > box[0] and box[3] > box[1]
    ]
    largest = max(images, key=lambda pair: _area(pair[1]), default=None)
    scale = resolution(width, height, None if largest is None else _native(*largest)) / 72
    if widest is not None:
        scale = min(_MOST_DPI / 72, widest / max(width, 1.0), _TALLEST * widest / max(height, 1.0))
    check_pixels(round(width * scale), round(height * scale), _MOST_PIXELS, number)
    pixels = np.array(page.render(scale=scale, rev_byteorder=True, maybe_alpha=False).to_numpy()[..., :3], np.uint8)
    if largest is not None and pixels.min() >= _BLANK:
        _decode(largest[0], number)
    return PageImage(pixels, 1 / scale, is_upright=_stands_upright(page, number))


def _stands_upright(page: pypdfium2.PdfPage, number: int) -> bool:
    """Return whether nearly all of a page is text that stands upright."""
    drawn = contents(page, ExtractionLimits().max_page_objects, number)
    if drawn.hidden or drawn.pictures >= _PICTURES:
        return False
    chars = letters(page, page.get_textpage()).chars
    return len(chars) >= _FEW_CHARACTERS and sum(char.turn == 0 for char in chars) >= _UPRIGHT * len(chars)


def resolution(width: float, height: float, native: float | None) -> float:
    """The resolution in dpi at which a page of ``width`` x ``height`` points is drawn, given that of the picture on it.

    The picture's own, between 150 and 300 dpi, and 200 without one. Pages longer than A3 are as a rule pages whose points are
    pixels: their dpi are counted on A3.
    """
    if native is None:
        return _DPI * min(1.0, _LONGEST / max(width, height, 1.0))
    shrink = min(1.0, _LONGEST / max(width, height, 1.0))
    return float(min(max(native, _LEAST_DPI * shrink), _MOST_DPI * shrink))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _native(item: Any, box: Box) -> float | None:
    wide, high = item.get_px_size()
    return 72 * sqrt(wide * high / _area(box)) if wide and high else None


def _decode(item: Any, number: int) -> None:
    """A page that came out white may be blank, or its picture may be damaged: pdfium then draws nothing, and says nothing."""
    try:
        item.get_bitmap().close()
    except pypdfium2.PdfiumError as error:
        raise GongkaiError(
            "page.unreadable", "the picture on it is damaged", "a picture that can be shown", page=number
        ) from error


# ---- OFD ------------------------------------------------------------------------------------------------------------------


def _ofd_page(data: bytes, number: int, limits: ExtractionLimits, widest: int | None) -> PageImage:
    """The pictures of a page; text and lines, which are read as they are, are not drawn."""
    width, height, placed = page_pictures(data, number, limits)
    if not placed:
        raise GongkaiError("page.unreadable", "no picture that can be drawn is on it", "a page with a picture", page=number)
    scale = resolution(width, height, max(native_resolution(each, content, limits) for each, content in placed)) / 72
    if widest is not None:
        scale = min(_MOST_DPI / 72, widest / max(width, 1.0), _TALLEST * widest / max(height, 1.0))
    check_pixels(round(width * scale), round(height * scale), _MOST_PIXELS, number)
    image = drawn((width, height), placed, scale, number, limits)
    return PageImage(np.asarray(image, np.uint8), 1 / scale)


# ---- pictures -------------------------------------------------------------------------------------------------------------


def _picture(image: Image.Image, number: int, widest: int | None) -> PageImage:
    image.load()
    shown = _on_paper(ImageOps.exif_transpose(image))
    shrink = max(1.0, min(shown.size) / _SHORT_SIDE)
    if widest is not None:
        shrink = max(shrink, shown.width / widest, shown.height / (_TALLEST * widest))
    size = (max(1, round(shown.width / shrink)), max(1, round(shown.height / shrink)))
    check_pixels(*size, _MOST_PIXELS, number)
    scale = shown.width / size[0]
    if shrink > 1:
        shown = shown.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    return PageImage(np.asarray(shown, np.uint8), scale)


def _on_paper(image: Image.Image) -> Image.Image:
    """The picture as RGB; what is transparent shows white paper, 16 bits are brought to 8."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, np.float64)
        most = 65535.0 if values.max(initial=0) > 255 else 255.0
        return Image.fromarray((values * (255.0 / most)).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        paper = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(paper, seen).convert("RGB")
    return image.convert("RGB")
