"""The ink in the cells of a drawn page: the glyphs of a number, nothing, or something that is no number by its shape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import NamedTuple

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray

from tasks.extraction.pdf.read_pdf import opened
from tasks.ocr.render import resolution

Pixels = NDArray[np.uint8]
Ink = NDArray[np.bool_]  # of a part of a page, true where it is not ground
Row = NDArray[np.bool_]  # its rows or columns with ink
Runs = list[tuple[int, int]]
Box = tuple[float, float, float, float]

_INK = 45  # of 255, by which ink differs from the ground of its cell
_INSET = 0.8  # points, inside of the rules of a cell
_RULE = 4  # pixels at a side that may be left of a rule
_RULED = 0.6  # share of a side that is ink, of a rule
_LOWEST, _HIGHEST = 3.0, 24.0  # points: heights of a digit
_WIDE = 0.72  # times the height of its line, of what may be two glyphs
_DOT, _ON_LINE = 0.24, 0.04  # of the height of its line: size and bottom of a decimal point
_NEAR = 0.4  # of the height of its line, of ink to the side of its cell
_MOST_GLYPHS = 22
_THIN_LINE = 0.14  # of the height of the glyphs above: an underline is no thicker
_ITALIC = 0.35  # of an underline: how far the glyphs above it may hang over at a side
_RAISED = 0.25  # of the line's height: the bottom of a mark of a note is at least so much above that of the digits
_SMALL = 0.8  # of the line's height, of such a mark


class InkKind(Enum):
    """What a cell shows, by its ink alone."""

    BLANK = "blank"
    MARK = "mark"  # a dash or a dot: lower than any digit
    NUMBER = "number"  # one line of glyphs as high as digits
    OTHER = "other"  # several lines, ink that touches the rules, or large shapes


class Glyph(NamedTuple):
    """A glyph as grey picture (ink dark), with where its line puts it: height, width and bottom as shares of the line's height.

    ``start`` and ``end`` are its columns in the picture of its line.
    """

    pixels: Pixels
    shape: tuple[float, float, float]
    start: int
    end: int
    raised: bool = False

    @property
    def is_dot(self) -> bool:
        """Whether it is a point on the line, by its shape."""
        tall, wide, low = self.shape
        return max(tall, wide) <= _DOT and low <= _ON_LINE


class CellInk(NamedTuple):
    """What a cell shows. ``line`` is the picture of its one line, cut close to the ink; of other kinds None, and no glyphs.
    ``is_at_edge``: it comes so near to a side of the cell that a part of the number may lie beyond.
    """

    kind: InkKind
    line: Pixels | None = None
    glyphs: tuple[Glyph, ...] = ()
    is_at_edge: bool = False


_BLANK_CELL = CellInk(InkKind.BLANK)
_MARK_CELL = CellInk(InkKind.MARK)
_OTHER_CELL = CellInk(InkKind.OTHER)


class DrawnPage(NamedTuple):
    """A page as a viewer shows it, with annotations and form fields: grey (height, width), and pixels a point."""

    pixels: Pixels
    scale: float

    def cell(self, box: Box, turn: int = 0) -> CellInk:
        """What the cell in ``box`` (points from the upper left corner, along its rules) shows, when the quarter turns clockwise
        are undone by which its text stands on its side.
        """
        inset = _INSET * self.scale
        x0, y0 = round(box[0] * self.scale + inset), round(box[1] * self.scale + inset)
        x1, y1 = round(box[2] * self.scale - inset), round(box[3] * self.scale - inset)
        inside = self.pixels[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
        return _look(np.rot90(inside, turn), self.scale) if min(inside.shape) > 2 else _OTHER_CELL


class PdfDrawing(NamedTuple):
    """A PDF of which pages are drawn."""

    document: pypdfium2.PdfDocument

    def draw(self, number: int) -> DrawnPage:
        """Page ``number`` (from 1)."""
        page = self.document[number - 1]
        try:
            width, height = page.get_size()
            scale = resolution(width, height, None) / 72
            pixels = page.render(scale=scale, grayscale=True, may_draw_forms=True).to_numpy()
            return DrawnPage(np.array(pixels.reshape(pixels.shape[:2]), np.uint8), scale)
        finally:
            page.close()


@contextmanager
def drawn_pages(data: bytes) -> Iterator[PdfDrawing]:
    """The pages of a PDF, to be drawn one by one. Raises as :func:`tasks.extraction.pdf.read_pdf.opened`."""
    with opened(data) as document:
        yield PdfDrawing(document)


def _look(inside: Pixels, scale: float) -> CellInk:
    if int(inside.max()) - int(inside.min()) < _INK:
        return _BLANK_CELL
    ground = int(np.median(inside))
    if ground < 128:  # light numbers on a dark ground
        inside, ground = np.subtract(255, inside, dtype=np.uint8), 255 - ground
    ink: Ink = np.asarray(inside < max(1, ground - _INK))
    top, bottom, left, right = _without_rules(ink)
    inside, ink = inside[top:bottom, left:right], ink[top:bottom, left:right]
    rows, columns = np.asarray(ink.any(axis=1)), np.asarray(ink.any(axis=0))
    if not ink.any():
        return _BLANK_CELL
    if rows[0] or rows[-1] or columns[0] or columns[-1]:
        return _OTHER_CELL
    lines = _runs(rows)
    if len(lines) > 1 and (underlined := _above_underline(ink, lines)) is not None:
        inside, ink = inside[:underlined], ink[:underlined]
        lines, columns = lines[:-1], np.asarray(ink.any(axis=0))
    return _line(_stretched(inside, ground), ink, lines, _runs(columns), scale)


def _line(inside: Pixels, ink: Ink, rows: Runs, columns: Runs, scale: float) -> CellInk:
    """What ink that lies free in its cell shows. ``rows`` and ``columns`` are where it is."""
    tallest = max(end - start for start, end in rows)
    if tallest > _HIGHEST * scale or not _one_line(rows, tallest) or len(columns) > _MOST_GLYPHS:
        return _OTHER_CELL
    y0, y1 = rows[0][0], rows[-1][1]
    if y1 - y0 < _LOWEST * scale:
        return _MARK_CELL
    x0, x1 = columns[0][0], columns[-1][1]
    crop, marks = inside[y0:y1, x0:x1].copy(), ink[y0:y1, x0:x1]  # a part of the page would keep all of it in memory
    near = min(x0, ink.shape[1] - x1) < _NEAR * (y1 - y0)
    return CellInk(InkKind.NUMBER, crop, tuple(_glyphs(crop, marks, [(start - x0, end - x0) for start, end in columns])), near)


def _glyphs(crop: Pixels, ink: Ink, columns: Runs) -> Iterator[Glyph]:
    """The glyphs of a line. Between most there is a blank column; slanting ones, that overhang each other, are separated by
    their ink.
    """
    height = ink.shape[0]
    for start, end in columns:
        if end - start <= _WIDE * height:
            yield _glyph(crop[:, start:end], ink[:, start:end], start, height)
            continue
        count, labels, stats, _ = cv2.connectedComponentsWithStats(ink[:, start:end].astype(np.uint8), connectivity=8)
        parts = sorted(range(1, count), key=lambda part: stats[part, cv2.CC_STAT_LEFT])
        for part in parts:
            left, wide = int(stats[part, cv2.CC_STAT_LEFT]), int(stats[part, cv2.CC_STAT_WIDTH])
            own: Ink = np.asarray(labels[:, left : left + wide] == part)
            apart = np.where(own | ~ink[:, start + left : start + left + wide], crop[:, start + left : start + left + wide], 255)
            yield _glyph(np.asarray(apart, np.uint8), own, start + left, height)


def _glyph(crop: Pixels, ink: Ink, start: int, height: int) -> Glyph:
    rows = np.flatnonzero(ink.any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    tall, wide, low = (bottom - top) / height, ink.shape[1] / height, (height - bottom) / height
    raised = low >= _RAISED and _RAISED < tall <= _SMALL
    return Glyph(crop[top:bottom], (tall, wide, low), start, start + ink.shape[1], raised)


def _stretched(crop: Pixels, ground: int) -> Pixels:
    """The picture with its ground made white."""
    if ground >= 250:
        return crop
    return np.minimum(crop.astype(np.uint16) * 255 // ground, 255).astype(np.uint8)


def _without_rules(ink: Ink) -> tuple[int, int, int, int]:
    """The part of a cell inside of what is left of its rules: top, bottom, left, right."""
    top, bottom, left, right = 0, ink.shape[0], 0, ink.shape[1]
    for _ in range(_RULE):
        if bottom - top < 3 or right - left < 3:
            break
        part = ink[top:bottom, left:right]
        moved = top, bottom, left, right
        top += bool(part[0].mean() > _RULED)
        bottom -= bool(part[-1].mean() > _RULED)
        left += bool(part[:, 0].mean() > _RULED)
        right -= bool(part[:, -1].mean() > _RULED)
        if moved == (top, bottom, left, right):
            break
    return top, bottom, left, right


def _above_underline(ink: Ink, lines: Runs) -> int | None:
    """Where the ink ends above a line that underlines all of it, None where the last rows of ink are no such line."""
    (start, end), above = lines[-1], lines[-2]
    across, over = np.flatnonzero(ink[start:end].any(axis=0)), np.flatnonzero(ink[: above[1]].any(axis=0))
    wide = int(across[-1]) - int(across[0]) + 1
    is_thin = end - start <= max(2, _THIN_LINE * (lines[-2][1] - lines[0][0]))
    is_whole = len(across) == wide and across[0] <= over[0] + _ITALIC * wide and across[-1] >= over[-1] - _ITALIC * wide
    return above[1] if is_thin and is_whole and wide > 2 * (end - start) else None


def _runs(filled: Row) -> Runs:
    """Where ``filled`` is true, as (start, end)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], filled, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _one_line(lines: Runs, tallest: int) -> bool:
    """Return whether rows of ink belong to one line: parts of it (the strokes of =, a broken glyph) lie close together."""
    return lines[-1][1] - lines[0][0] <= 1.4 * tallest
