"""What stands on a PDF page, as pdfium sees it: characters, visible rulings, pictures.

All boxes are in points from the upper left corner of the page as it is shown.

pdfium reads a page in a few milliseconds and maps characters where other readers give up (fonts without a map to Unicode,
encrypted strings). White rectangles that word processors paint behind paragraphs and cells are not visible, so they are no
rulings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from ctypes import byref, c_double, c_float, c_int, c_uint, c_void_p, cast
from typing import Any, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from codebook.errors import GongkaiError
from tasks.extraction.grid import Box
from tasks.extraction.pdf.layout import Char

_WHITE = 252  # of 255: lighter fills and strokes look like the paper
_THIN = 3.0  # points: a filled rectangle this thin is a line
_STRAIGHT = 1.0  # points by which a horizontal or vertical line may slant
_QUARTER = math.pi / 2
_SLANT = 0.1  # radians
_SUSPECT = 2.0  # a body this much higher than the ink (a comma, or an error) is checked against the size of the font
_TALL = 2.0  # no body is higher than this many times the size
_COVERS = 0.8  # share of the page from which on a picture hides what lies under it
_STAMPED = 0.2  # of the texts that are not seen: this share may be seen
_HYPHEN = 2  # what pdfium gives for a hyphen at the end of a line


class Contents(NamedTuple):
    """What is drawn on a page: the share that pictures cover (0 to 1), the number of shapes, whether the text cannot be seen
    (it is written invisibly, or a picture lies over it; a stamp or a page number may be seen), the boxes of the pictures, and the
    number of all objects.
    """

    pictures: float
    paths: int
    hidden: bool
    boxes: tuple[Box, ...] = ()
    objects: int = 0


class Letters(NamedTuple):
    """The characters of a page, and how many were left out because they slant, as watermarks do."""

    chars: list[Char]
    slanted: int


class _Frame:
    """Turns coordinates of the page (origin below, before rotation) into those of the page as it is shown."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self.left, self.bottom, right, top = page.get_bbox()
        self.width, self.height = right - self.left, top - self.bottom
        self.rotation = page.get_rotation()

    def point(self, x: float, y: float) -> tuple[float, float]:
        x, y = x - self.left, y - self.bottom
        if self.rotation == 90:
            return y, x
        if self.rotation == 180:
            return self.width - x, y
        if self.rotation == 270:
            return self.height - y, self.width - x
        return x, self.height - y

    def box(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        (ax, ay), (bx, by) = self.point(x0, y0), self.point(x1, y1)
        return min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)


def letters(page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage) -> Letters:
    """The characters of a page with their boxes (the whole body of the font, not only the ink); made-up spaces are left out."""
    frame = _Frame(page)
    chars: list[Char] = []
    slanted = 0
    high = 0  # the first half of a character beyond the basic plane
    for index in range(textpage.count_chars()):
        code = pdfium.FPDFText_GetUnicode(textpage, index)
        if code == 0 or pdfium.FPDFText_IsGenerated(textpage, index) == 1:
            continue
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00) if high else 0xFFFD
        high = 0
        angle = pdfium.FPDFText_GetCharAngle(textpage, index) % _QUARTER
        if _SLANT < angle < _QUARTER - _SLANT:
            slanted += 1
            continue
        if (box := _char_box(textpage, index)) is None:
            continue
        chars.append(Char("-" if code == _HYPHEN else chr(code), *frame.box(*box), _run(textpage, index)))
    return Letters(chars, slanted)


def _run(textpage: pypdfium2.PdfTextPage, index: int) -> int:
    """The address of the text object that prints a character, 0 when it is not known."""
    return cast(pdfium.FPDFText_GetTextObject(textpage, index), c_void_p).value or 0


def _char_box(textpage: pypdfium2.PdfTextPage, index: int) -> Box | None:
    """(x0, y0, x1, y1) of the font's body around a character; of its ink where pdfium gives no usable body."""
    x0, x1, y0, y1 = c_double(), c_double(), c_double(), c_double()
    if not pdfium.FPDFText_GetCharBox(textpage, index, byref(x0), byref(x1), byref(y0), byref(y1)):
        return None
    body = pdfium.FS_RECTF()
    if pdfium.FPDFText_GetLooseCharBox(textpage, index, byref(body)):
        height = body.top - body.bottom
        ink = max(x1.value - x0.value, y1.value - y0.value)
        if height <= _SUSPECT * ink or height <= _TALL * _size(textpage, index):
            return body.left, body.bottom, body.right, body.top
    return x0.value, y0.value, x1.value, y1.value


def _size(textpage: pypdfium2.PdfTextPage, index: int) -> float:
    """The size of a character in points. For vertical writing pdfium forgets the text matrix in the body's box, not here."""
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFText_GetMatrix(textpage, index, byref(matrix)):
        return 0.0
    area: float = abs(matrix.a * matrix.d - matrix.b * matrix.c)
    size: float = pdfium.FPDFText_GetFontSize(textpage, index)
    return size * math.sqrt(area)


def contents(page: pypdfium2.PdfPage, limit: int, number: int) -> Contents:
    """Return what is drawn on page ``number``. Raises ``page.too_large`` beyond ``limit`` objects."""
    frame = _Frame(page)
    width, height = page.get_size()
    whole = width * height
    area = 0.0
    paths = shown = unseen = objects = 0
    boxes = []
    for item, matrix in _objects(page, limit, number):
        objects += 1
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            box = _placed(item, matrix, frame)
            boxes.append(box)
            share = (box[2] - box[0]) * (box[3] - box[1]) / whole if whole else 0.0
            area += share
            if share >= _COVERS and shown and _opaque(item):
                unseen, shown = unseen + shown, 0  # drawn over what was written before
        elif item.type == pdfium.FPDF_PAGEOBJ_PATH:
            paths += 1
        elif item.type == pdfium.FPDF_PAGEOBJ_TEXT:
            invisible = pdfium.FPDFTextObj_GetTextRenderMode(item) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE
            unseen += invisible
            shown += not invisible
    return Contents(min(1.0, area), paths, unseen > 0 and shown <= unseen * _STAMPED, tuple(boxes), objects)


def _opaque(item: Any) -> bool:
    """Return whether a picture hides what lies under it; a watermark or a stamp on clear ground does not."""
    if pdfium.FPDFPageObj_HasTransparency(item):
        return False
    try:
        bitmap = item.get_bitmap(render=True)
    except pypdfium2.PdfiumError:
        return False
    try:
        pixels = bitmap.to_numpy()
        return pixels.ndim < 3 or pixels.shape[2] < 4 or bool(pixels[..., 3].mean() >= _WHITE)
    finally:
        bitmap.close()


def placed_pictures(page: pypdfium2.PdfPage, limit: int, number: int) -> list[tuple[Any, Box]]:
    """The picture objects of page ``number`` with their boxes on it. Raises ``page.too_large`` beyond ``limit`` objects."""
    frame = _Frame(page)
    return [
        (item, _placed(item, matrix, frame))
        for item, matrix in _objects(page, limit, number)
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE
    ]


def _placed(item: Any, matrix: pypdfium2.PdfMatrix, frame: _Frame) -> Box:
    """The box of a picture as far as it lies on the page; for a turned one the box around it."""
    left, bottom, right, top = _bounds(item)
    corners = [frame.point(*matrix.on_point(x, y)) for x in (left, right) for y in (bottom, top)]
    wide, high = (frame.height, frame.width) if frame.rotation in (90, 270) else (frame.width, frame.height)
    xs, ys = [min(max(x, 0.0), wide) for x, _ in corners], [min(max(y, 0.0), high) for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def rulings(page: pypdfium2.PdfPage, limit: int, number: int) -> list[Box]:
    """The visible horizontal and vertical lines, and the sides of visible rectangles, as boxes without width or height."""
    frame = _Frame(page)
    found: list[Box] = []
    for item, matrix in _objects(page, limit, number):
        if item.type != pdfium.FPDF_PAGEOBJ_PATH:
            continue
        filled, stroked = _paint(item)
        if not (filled or stroked):
            continue
        whole = item.get_matrix().multiply(matrix)
        for points in _subpaths(item):
            shown = [frame.point(*whole.on_point(x, y)) for x, y in points]
            found += _lines(shown, stroked)
    return found


def _objects(page: pypdfium2.PdfPage, limit: int, number: int) -> Iterator[tuple[Any, pypdfium2.PdfMatrix]]:
    """The objects of a page, those inside of forms too, each with the matrix of the forms around it."""
    around = [pypdfium2.PdfMatrix()]
    for total, item in enumerate(page.get_objects()):
        if total >= limit:
            raise GongkaiError("page.too_large", f"more than {limit} objects", f"at most {limit}", page=number)
        del around[item.level + 1 :]
        if item.type == pdfium.FPDF_PAGEOBJ_FORM:
            around.append(item.get_matrix().multiply(around[-1]))
        else:
            yield item, around[item.level]


def _bounds(item: Any) -> tuple[float, float, float, float]:
    sides = tuple(c_float() for _ in range(4))
    if not pdfium.FPDFPageObj_GetBounds(item, *map(byref, sides)):
        return 0.0, 0.0, 0.0, 0.0
    return sides[0].value, sides[1].value, sides[2].value, sides[3].value


def _paint(item: Any) -> tuple[bool, bool]:
    """Return whether the fill and the stroke of a path can be seen on white paper."""
    mode, stroke = c_int(), c_int()
    if not pdfium.FPDFPath_GetDrawMode(item, byref(mode), byref(stroke)):
        return True, True
    filled = mode.value != pdfium.FPDF_FILLMODE_NONE and _is_ink(pdfium.FPDFPageObj_GetFillColor, item)
    return filled, bool(stroke.value) and _is_ink(pdfium.FPDFPageObj_GetStrokeColor, item)


def _is_ink(color_of: Any, item: Any) -> bool:
    red, green, blue, alpha = (c_uint() for _ in range(4))
    if not color_of(item, byref(red), byref(green), byref(blue), byref(alpha)):
        return True  # a pattern
    return alpha.value > 0 and min(red.value, green.value, blue.value) < _WHITE


def _subpaths(item: Any) -> Iterator[list[tuple[float, float]]]:
    """The points of each subpath, closed ones ending where they began; curves are left out."""
    points: list[tuple[float, float]] = []
    x, y = c_float(), c_float()
    for index in range(pdfium.FPDFPath_CountSegments(item)):
        segment = pdfium.FPDFPath_GetPathSegment(item, index)
        pdfium.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind != pdfium.FPDF_SEGMENT_LINETO:
            if len(points) > 1:
                yield points
            points = []
        points.append((x.value, y.value))
        if pdfium.FPDFPathSegment_GetClose(segment) and len(points) > 1:
            points.append(points[0])
    if len(points) > 1:
        yield points


def _lines(points: list[tuple[float, float]], stroked: bool) -> Iterator[Box]:
    """The straight sides of a subpath; a filled shape as thin as a line is one line, in its middle."""
    x0, x1 = min(x for x, _ in points), max(x for x, _ in points)
    top, bottom = min(y for _, y in points), max(y for _, y in points)
    if not stroked and min(x1 - x0, bottom - top) <= _THIN:
        if x1 - x0 > bottom - top:
            middle = (top + bottom) / 2
            yield x0, middle, x1, middle
        else:
            middle = (x0 + x1) / 2
            yield middle, top, middle, bottom
        return
    sides = zip(points, [*points[1:], points[0]] if not stroked else points[1:], strict=False)
    for (ax, ay), (bx, by) in sides:
        if abs(ay - by) <= _STRAIGHT and abs(ax - bx) > _STRAIGHT:
            yield min(ax, bx), (ay + by) / 2, max(ax, bx), (ay + by) / 2
        elif abs(ax - bx) <= _STRAIGHT and abs(ay - by) > _STRAIGHT:
            yield (ax + bx) / 2, min(ay, by), (ax + bx) / 2, max(ay, by)
