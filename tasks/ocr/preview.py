"""Pictures of pages for people: a whole page at the resolution of a screen, and a cell with what stands around it.

Nothing of a document is passed on: what is given out are pixels that were drawn here, as PNG.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from codebook.errors import GongkaiError
from tasks.ocr.render import Box, Pixels, render

WIDE = 1500  # pixels of a page on a screen
_GREY = 12  # of 255: colours that lie no further apart are grey
_LEVELS, _COLOURS = 16, 96  # of grey, and of a page with colours
_AROUND = (6.0, 2.2)  # cell heights to the left and right, above and below, that a crop shows
_LEAST = 0.24  # of the page's width, to each side: the row's label and its neighbours
_CROP = (1000, 320)  # pixels of a crop at most; a small one is enlarged
_ENLARGED = 3.0
_SEAM = 3  # pixels between two strips
_PEN = (196, 48, 32)
_OWN_MOST = 60_000_000  # pixels of a picture of ours


class Size(NamedTuple):
    """Width and height."""

    width: float
    height: float


def page_png(data: bytes, media_type: str, number: int, widest: int = WIDE) -> bytes:
    """Page ``number`` (from 1) of a PDF, a picture or a package of page images, at most ``widest`` pixels wide. Raises as
    tasks.ocr.render.render does.
    """
    pixels = render(data, media_type, number, widest=widest).pixels
    image = Image.fromarray(pixels)
    if int((pixels.max(axis=2) - pixels.min(axis=2)).max(initial=0)) > _GREY:
        return _png(_few(image))
    # Few levels are enough to read by, and a noisy scan is a third as large.
    levels = (np.asarray(image.convert("L")).astype(np.uint16) * (_LEVELS - 1) + 127) // 255
    grey = Image.fromarray(levels.astype(np.uint8), "P")
    grey.putpalette([value * 255 // (_LEVELS - 1) for value in range(_LEVELS) for _ in range(3)])
    return _png(grey)


def crop_png(png: bytes, page: Size, box: Box, *, ahead: bool = False) -> bytes:
    """The cell ``box`` of a page picture of ours with its surroundings, the cell framed. ``page`` is the page's size in the
    measure of the boxes. ``ahead``: the box is a row's label, and what stands behind it is wanted.

    Raises GongkaiError ``page.unreadable`` when the box lies outside of the page.
    """
    with Image.open(io.BytesIO(png)) as image:
        if image.width * image.height > _OWN_MOST:
            raise GongkaiError("page.too_large", f"{image.width} x {image.height} pixels")
        image.load()
    scale = image.width / page.width
    x0, y0, x1, y1 = (value * scale for value in box)
    high = max(y1 - y0, 8.0)
    wide, tall = _AROUND
    # A tall cell (a label that runs down the table) shows less of its surroundings.
    reach_x = min(max(wide * high, _LEAST * image.width), image.width / 3)
    reach_y = min(tall * high, image.height / 8)
    before, behind = (0.05 * image.width, 0.55 * image.width) if ahead else (reach_x, reach_x)
    left, top = max(0, int(x0 - before)), max(0, int(y0 - reach_y))
    right, bottom = min(image.width, int(x1 + behind) + 1), min(image.height, int(y1 + reach_y) + 1)
    if right - left < 4 or bottom - top < 4:
        raise GongkaiError("page.unreadable", f"the box {box} lies outside of the page", "a place on the page")
    factor = min(_ENLARGED, _CROP[0] / (right - left), _CROP[1] / (bottom - top))
    size = (max(1, round((right - left) * factor)), max(1, round((bottom - top) * factor)))
    cut = image.crop((left, top, right, bottom)).convert("RGB").resize(size, Image.Resampling.LANCZOS)
    cut = ImageOps.autocontrast(cut, cutoff=0.5, preserve_tone=True)
    edges = ((x0 - left) * factor, (y0 - top) * factor, (x1 - left) * factor, (y1 - top) * factor)
    few = _few(cut)
    few.putpalette([*(few.getpalette() or [])[: 3 * _COLOURS], *_PEN])  # the frame keeps its colour
    ImageDraw.Draw(few).rectangle(edges, outline=_COLOURS, width=3)
    return _png(few)


def strips_png(png: bytes, page: Size, strips: Sequence[tuple[float, float]], box: Box | None = None) -> bytes:
    """Strips of a page picture of ours over its whole width, one below the other, with the cell ``box`` framed where they show
    it. ``page`` is the page's size in the measure of the strips, which are (top, bottom), and of the box.

    Raises GongkaiError ``page.unreadable`` when one of them lies outside of the page.
    """
    with Image.open(io.BytesIO(png)) as image:
        if image.width * image.height > _OWN_MOST:
            raise GongkaiError("page.too_large", f"{image.width} x {image.height} pixels")
        image.load()
    return _png(_few(_joined_strips(image, page, strips, () if box is None else (box,))))


def page_strips_png(pixels: Pixels, page: Size, strips: Sequence[tuple[float, float]], boxes: Sequence[Box]) -> bytes:
    """Strips of a drawn page over its whole width, one below the other, with all ``boxes`` framed; see :func:`strips_png`."""
    return _png(_few(_joined_strips(Image.fromarray(pixels), page, strips, boxes)))


def _joined_strips(image: Image.Image, page: Size, strips: Sequence[tuple[float, float]], boxes: Sequence[Box]) -> Image.Image:
    scale = image.height / page.height
    cuts = []
    for top, bottom in strips:
        upper, lower = max(0, int(top * scale)), min(image.height, int(bottom * scale) + 1)
        if lower - upper < 4:
            raise GongkaiError("page.unreadable", f"the strip {top} to {bottom} lies outside of the page", "a place on the page")
        cut = image.crop((0, upper, image.width, lower)).convert("RGB")
        for box in boxes:
            if top <= (box[1] + box[3]) / 2 <= bottom:
                x0, y0, x1, y1 = (value * scale for value in box)
                ImageDraw.Draw(cut).rectangle((x0, y0 - upper, x1, y1 - upper), outline=_PEN, width=3)
        cuts.append(cut)
    whole = Image.new("RGB", (image.width, sum(cut.height for cut in cuts) + _SEAM * (len(cuts) - 1)), _PEN)
    at = 0
    for cut in cuts:
        whole.paste(cut, (0, at))
        at += cut.height + _SEAM
    return whole


def _few(image: Image.Image) -> Image.Image:
    """The picture with few colours."""
    return image.quantize(_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


def _png(image: Image.Image) -> bytes:
    target = io.BytesIO()
    image.save(target, "PNG", compress_level=6)
    return target.getvalue()
