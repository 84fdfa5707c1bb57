"""The pictures of OFD pages (GB/T 33190-2016, 7.9 and 10): where they lie, their bytes, and a page of them drawn for OCR."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

from lxml import etree
from PIL import Image, ImageOps

from codebook.errors import GongkaiError
from tasks.extraction.docx.markup import local_name
from tasks.extraction.grid import Box
from tasks.extraction.images import check_pixels, guarded, pictures
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.ofd.shapes import Frame, millimetres, numbers_of

_SLANT = 0.01  # of its side, by which a picture may be turned and still be drawn upright
_DRAWN = frozenset({"BMP", "PNG", "JPEG", "TIFF", "GIF", "WEBP", "JPEG2000"})


class OfdPicture(NamedTuple):
    """A picture on a page: the number of its resource, its box in points, and how it is turned to be seen (a transposition of
    Pillow; None: as it is). ``is_drawn`` is False where it lies in a slant.
    """

    resource: str
    box: Box
    turn: Image.Transpose | None
    is_drawn: bool = True


# The signs of the sides along which a picture's rows and columns run, and what turns it so.
_UPRIGHT = {
    (1, 1): None,
    (-1, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (-1, -1): Image.Transpose.ROTATE_180,
}
_ON_SIDE = {
    (1, 1): Image.Transpose.TRANSPOSE,
    (1, -1): Image.Transpose.ROTATE_90,
    (-1, 1): Image.Transpose.ROTATE_270,
    (-1, -1): Image.Transpose.TRANSVERSE,
}


def picture_of(element: etree._Element, outer: Frame) -> OfdPicture | None:
    """An image object; None where it says no size. Its transformation brings the unit square to where the picture lies; without
    one it fills its boundary.
    """
    boundary = numbers_of(element.get("Boundary"))
    if len(numbers_of(element.get("CTM"))) == len(Frame._fields):
        frame = outer.inside(element)
    elif len(boundary) == 4:
        origin, right, down = (outer.at(boundary[0] + x * boundary[2], boundary[1] + y * boundary[3]) for x, y in _CORNERS)
        frame = Frame(right[0] - origin[0], right[1] - origin[1], down[0] - origin[0], down[1] - origin[1], *origin)
    else:
        return None
    corners = [frame.at(x, y) for x, y in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))]
    xs, ys = sorted(x for x, _ in corners), sorted(y for _, y in corners)
    box = (millimetres(xs[0]), millimetres(ys[0]), millimetres(xs[-1]), millimetres(ys[-1]))
    if box[2] - box[0] <= 0 or box[3] - box[1] <= 0:
        return None
    name, side = element.get("ResourceID", ""), max(abs(value) for value in frame[:4])
    if max(abs(frame.b), abs(frame.c)) <= _SLANT * side:
        return OfdPicture(name, box, _UPRIGHT[_sign(frame.a), _sign(frame.d)])
    if max(abs(frame.a), abs(frame.d)) <= _SLANT * side:
        return OfdPicture(name, box, _ON_SIDE[_sign(frame.c), _sign(frame.b)])
    return OfdPicture(name, box, None, is_drawn=False)


_CORNERS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))


def _sign(value: float) -> int:
    return -1 if value < 0 else 1


def media_of(root: etree._Element, name: str) -> Iterator[tuple[str, str]]:
    """The pictures that a part with resources (called ``name``) names: the number of each, and its part."""
    base = root.get("BaseLoc", "")
    for element in root.iter():
        if local_name(element) == "MultiMedia" and element.get("Type", "Image") == "Image":
            file = next(((each.text or "").strip() for each in element if local_name(each) == "MediaFile"), "")
            if file and element.get("ID"):
                yield element.get("ID", ""), beside(name, file if file.startswith("/") else posixpath.join(base, file))


def beside(name: str, target: str) -> str:
    """The name of a part to which the part ``name`` refers; a leading stroke begins at the package."""
    folder = "/" if target.startswith("/") else posixpath.dirname(f"/{name}")
    return posixpath.normpath(posixpath.join(folder, target)).lstrip("/")


def hides(data: bytes, limits: ExtractionLimits) -> bool | None:
    """Return whether a picture lets nothing below it be seen; None where its format is none that is read."""
    try:
        with guarded(limits), Image.open(BytesIO(data)) as image:
            return not image.has_transparency_data if image.format in _DRAWN else None
    except GongkaiError:
        return None


def drawn(
    size: tuple[float, float], placed: list[tuple[OfdPicture, bytes]], scale: float, number: int, limits: ExtractionLimits
) -> Image.Image:
    """A page of ``size`` points as white paper with its pictures, ``scale`` pixels a point, in the order in which they lie.

    Raises ``page.too_large``, ``file.corrupt``.
    """
    page = Image.new("RGB", (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))), "white")
    for picture, data in placed:
        with guarded(limits, number):
            for image in pictures(data, "image/*", limits):
                check_pixels(*image.size, limits.max_pixels, number)
                shown = ImageOps.exif_transpose(image)
                shown = shown if picture.turn is None else shown.transpose(picture.turn)
                left, top, right, bottom = (round(value * scale) for value in picture.box)
                shown = shown.convert("RGBA" if shown.has_transparency_data else "RGB")
                shown = shown.resize((max(1, right - left), max(1, bottom - top)), Image.Resampling.BOX, reducing_gap=2.0)
                page.paste(shown, (left, top), shown if shown.mode == "RGBA" else None)
                break
    return page


def native_resolution(picture: OfdPicture, data: bytes, limits: ExtractionLimits) -> float:
    """The dots per inch that a picture has where it lies."""
    with guarded(limits), Image.open(BytesIO(data)) as image:
        x0, y0, x1, y1 = picture.box
        return 72.0 * float((image.width * image.height / ((x1 - x0) * (y1 - y0))) ** 0.5)
