"""What stands on a PDF page, as pdfium sees it: characters, visible rulings, pictures.

All boxes are in points from the upper left corner of the page as it is shown.

pdfium reads a page in a few milliseconds and maps characters where other readers give up (fonts without a map to Unicode,
encrypted strings). White rectangles that word processors paint behind paragraphs and cells are not visible, so they are no
rulings.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from ctypes import byref, c_double, c_float, c_int, c_uint, c_void_p, cast
from typing import Any, NamedTuple

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

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
_SPACE = 0x20  # made-up characters are spaces and line ends
_UNKNOWN = 0xFFFD  # a character that is not mapped to text
_LETTER = 20.0  # points: shapes that are no higher may be letters and digits drawn as outlines
_SLOPE = 0.05  # of its length: a side that rises more is not level
_STROKES = 6  # sides from which on a small shape is no rectangle
_MARK = (3.0, 40.0)  # points: the height of a number that is drawn as a shape or a picture
_HAIR, _LONG = 1.2, 8.0  # points: a picture so thin and so long is a line, and no digit 1
_WIDE_MARK = 200.0  # points

_COLOR = c_uint(), c_uint(), c_uint(), c_uint()
_INTO_COLOR = tuple(map(byref, _COLOR))


class TextInk(NamedTuple):
    """How a text is printed: its colour and opacity (0 to 255)."""

    red: int
    green: int
    blue: int
    alpha: int


class Contents(NamedTuple):
    """What is drawn on a page: the share that pictures cover (0 to 1), the number of shapes, whether the text cannot be seen
    (it is written invisibly, or a picture lies over it; a stamp or a page number may be seen), the boxes of the pictures, and the
    number of all objects.

    ``rulings``: the visible horizontal and vertical lines, and the sides of visible rectangles, as boxes without width or height.
    ``marks``: the boxes of shapes and pictures as small as a number, which are no lines. ``styles``: how each text is printed, by
    the address of the text object (:attr:`Char.run`).
    """

    pictures: float
    paths: int
    hidden: bool
    boxes: tuple[Box, ...]
    objects: int
    rulings: list[Box]
    marks: list[Box]
    styles: dict[int, TextInk]


class Letters(NamedTuple):
    """The characters of a page with the boxes of their ink (x0, top, x1, bottom), and their text objects by address.

    ``slanted`` is the number of characters that were left out because they slant, as watermarks do; ``slanted_runs`` are their
    text objects.
    """

    chars: list[Char]
    inks: NDArray[np.float64]
    runs: dict[int, Any]
    slanted: int
    slanted_runs: list[Any]


class _Frame:
    """Turns coordinates of the page (origin below, before rotation) into those of the page as it is shown."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self.left, self.bottom, right, top = page.get_bbox()
        self.width, self.height = right - self.left, top - self.bottom
        self.rotation = page.get_rotation()

    def point(self, x: Any, y: Any) -> tuple[Any, Any]:
        x, y = x - self.left, y - self.bottom
        if self.rotation == 90:
            return y, x
        if self.rotation == 180:
            return self.width - x, y
        if self.rotation == 270:
            return self.height - y, self.width - x
        return x, self.height - y

    def boxes(self, corners: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes of (x0, y0, x1, y1) as (x0, top, x1, bottom)."""
        ax, ay = self.point(corners[:, 0], corners[:, 1])
        bx, by = self.point(corners[:, 2], corners[:, 3])
        return np.column_stack((np.minimum(ax, bx), np.minimum(ay, by), np.maximum(ax, bx), np.maximum(ay, by)))


def letters(page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage) -> Letters:
    """The characters of a page with their boxes (the whole body of the font, not only the ink); made-up spaces are left out.

    A character that its font does not map to text is U+FFFD.
    """
    frame = _Frame(page)
    texts: list[tuple[str, int, int]] = []
    corners = array("d")  # of each character's body, then of its ink
    boxes = _CharBoxes(textpage)
    runs: dict[int, Any] = {}
    slanted: dict[int, Any] = {}
    angles: dict[int, float] = {}
    oblique = 0
    high = 0  # the first half of a character beyond the basic plane
    upright = -frame.rotation // 90 % 4
    for index in range(textpage.count_chars()):
        code = pdfium.FPDFText_GetUnicode(textpage, index)
        if code <= _SPACE and pdfium.FPDFText_IsGenerated(textpage, index) == 1:
            continue
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00) if high else _UNKNOWN
        high = 0
        item = pdfium.FPDFText_GetTextObject(textpage, index)
        run = cast(item, c_void_p).value or 0
        if run == 0 or run not in angles:  # all characters of a text object stand alike
            angles[run] = _angle(textpage, index)
        angle = angles[run]
        if _is_slanting(angle):
            oblique += 1
            slanted[run] = item
            continue
        if not boxes.add(index, corners):
            continue
        runs[run] = item
        text = "-" if code == _HYPHEN else chr(code or _UNKNOWN)
        texts.append((text, run, (round(angle / _QUARTER) - upright) % 4))
    runs.pop(0, None)
    slanted.pop(0, None)
    both = np.frombuffer(corners, np.float64).reshape(-1, 8)
    bodies = frame.boxes(both[:, :4]).tolist()
    chars = [Char(text, x0, y0, x1, y1, run, turn) for (text, run, turn), (x0, y0, x1, y1) in zip(texts, bodies, strict=True)]
    return Letters(chars, frame.boxes(both[:, 4:]), runs, oblique, list(slanted.values()))


class _CharBoxes:
    """Asks pdfium for the boxes of characters."""

    def __init__(self, textpage: pypdfium2.PdfTextPage) -> None:
        self.textpage = textpage
        self.sides = x0, x1, y0, y1 = c_double(), c_double(), c_double(), c_double()
        self.body = pdfium.FS_RECTF()
        self.into = byref(x0), byref(x1), byref(y0), byref(y1)

    def add(self, index: int, corners: array[float]) -> bool:
        """Append (x0, y0, x1, y1) of the font's body around a character, or of its ink where pdfium has no usable body, and the
        same of its ink, or of its body where it has none. Return whether the character has a place.
        """
        if not pdfium.FPDFText_GetCharBox(self.textpage, index, *self.into):
            return False
        x0, x1, y0, y1 = (side.value for side in self.sides)
        ink = body = x0, y0, x1, y1
        rect = self.body
        if pdfium.FPDFText_GetLooseCharBox(self.textpage, index, byref(rect)):
            height = rect.top - rect.bottom
            if height <= _SUSPECT * max(x1 - x0, y1 - y0) or height <= _TALL * _size(self.textpage, index):
                body = rect.left, rect.bottom, rect.right, rect.top
        corners.extend(body)
        corners.extend(ink if x1 > x0 and y1 > y0 else body)
        return True


def _is_slanting(angle: float) -> bool:
    return angle > _SLANT and _SLANT < angle % _QUARTER < _QUARTER - _SLANT


def _angle(textpage: pypdfium2.PdfTextPage, index: int) -> float:
    """The angle clockwise, in radians, of the line on which a character stands.

    pdfium measures its upright strokes, which slant in italics that a program makes of an upright font.
    """
    angle: float = pdfium.FPDFText_GetCharAngle(textpage, index)
    matrix = pdfium.FS_MATRIX()
    if _is_slanting(angle) and pdfium.FPDFText_GetMatrix(textpage, index, byref(matrix)):
        return -math.atan2(matrix.b, matrix.a) % (4 * _QUARTER)
    return angle


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
    boxes, marks, lines = [], [], []
    styles: dict[int, TextInk] = {}
    for item, matrix in _objects(page, limit, number):
        objects += 1
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            box = _placed(item, matrix, frame)
            boxes.append(box)
            share = (box[2] - box[0]) * (box[3] - box[1]) / whole if whole else 0.0
            area += share
            if line := _thin(box):
                lines.append(line)
            elif _is_mark(box):
                marks.append(box)
            if share >= _COVERS and shown and _opaque(item):
                unseen, shown = unseen + shown, 0  # drawn over what was written before
        elif item.type == pdfium.FPDF_PAGEOBJ_PATH:
            paths += 1
            found, mark = _ruled(item, matrix, frame)
            lines += found
            if mark is not None:
                marks.append(mark)
        elif item.type == pdfium.FPDF_PAGEOBJ_TEXT:
            invisible = pdfium.FPDFTextObj_GetTextRenderMode(item) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE
            unseen += invisible
            shown += not invisible
            styles[cast(item.raw, c_void_p).value or 0] = TextInk(*_color(pdfium.FPDFPageObj_GetFillColor, item))
    hidden = unseen > 0 and shown <= unseen * _STAMPED
    return Contents(min(1.0, area), paths, hidden, tuple(boxes), objects, lines, marks, styles)


def _ruled(item: Any, matrix: pypdfium2.PdfMatrix, frame: _Frame) -> tuple[list[Box], Box | None]:
    """The lines of a path on the page, or its box when it is a small shape that may be a letter or a digit."""
    filled, stroked = _paint(item)
    if not (filled or stroked):
        return [], None
    whole = item.get_matrix().multiply(matrix)
    if pdfium.FPDFPath_CountSegments(item) >= _STROKES:
        left, bottom, right, top = _bounds(item)
        (ax, ay), (bx, by) = frame.point(*matrix.on_point(left, bottom)), frame.point(*matrix.on_point(right, top))
        box = min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)
        small = max(box[2] - box[0], box[3] - box[1]) <= _LETTER
        if min(box[2] - box[0], box[3] - box[1]) <= _LETTER and _is_outline(item, small):
            return [], box if _is_mark(box) else None
    lines: list[Box] = []
    for points in _subpaths(item):
        lines += _lines([frame.point(*whole.on_point(x, y)) for x, y in points], stroked)
    return lines, None


def _is_mark(box: Box) -> bool:
    return _MARK[0] <= box[3] - box[1] <= _MARK[1] and 0 < box[2] - box[0] <= _WIDE_MARK


def _thin(box: Box) -> Box | None:
    """The line that a picture is which is as thin as a line."""
    low, high = sorted((box[2] - box[0], box[3] - box[1]))
    if low > _HAIR or high < _LONG:
        return None
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return (box[0], y, box[2], y) if box[2] - box[0] > box[3] - box[1] else (x, box[1], x, box[3])


def _is_outline(item: Any, small: bool) -> bool:
    """Return whether a path is drawn like letters: with curves, or, when it is small, with sides that are not level."""
    x, y = c_float(), c_float()
    last: tuple[float, float] | None = None
    for index in range(pdfium.FPDFPath_CountSegments(item)):
        segment = pdfium.FPDFPath_GetPathSegment(item, index)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_BEZIERTO:
            return True
        pdfium.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
        if small and kind == pdfium.FPDF_SEGMENT_LINETO and last is not None:
            low, high = sorted((abs(x.value - last[0]), abs(y.value - last[1])))
            if low > _SLOPE * high:
                return True
        last = x.value, y.value
    return False


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
    red, green, blue, alpha = _color(color_of, item)
    return alpha > 0 and min(red, green, blue) < _WHITE


def _color(color_of: Any, item: Any) -> tuple[int, int, int, int]:
    """(red, green, blue, alpha); black for a pattern."""
    red, green, blue, alpha = _COLOR
    if not color_of(item, *_INTO_COLOR):
        return 0, 0, 0, 255
    return red.value, green.value, blue.value, alpha.value


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
