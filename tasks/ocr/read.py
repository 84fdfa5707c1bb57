"""From the picture of a page to the page: ruled tables read cell by cell, and the lines of text around them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from codebook.records import Block, Cell, Line, Page, PageKind, Place, Reader, Table
from tasks.ocr.layout import Box, character_height, ink_lines, page_lines
from tasks.ocr.marks import mark_in, separator_in
from tasks.ocr.picture import Grey, Picture, ink, is_bilevel, prepared, quarter_turned
from tasks.ocr.recognise import LineReader, LineReading
from tasks.ocr.ruling import Grid, RuledCell, Rules, anchored, find_grids, find_rules, straightening
from tasks.ocr.surety import SURE, Settled, read_surely, with_separator

__all__ = ["SURE", "Layout", "read_picture"]

_LEAST = 12  # pixels; a picture that is lower or narrower holds no characters
_READABLE = 0.85  # the median mean score of lines below which a page is tried in other orientations
_SAMPLE = 10  # lines that decide the orientation
_SMALL = 16  # pixels; a page whose characters are lower is read with a second look at every number
_MARK_SCORE = 0.995  # of a dash or slash told by its shape
_FAINT = 170  # a grey level that is neither paper nor ink: a blank cell that has it may hold a faint number


class Layout(NamedTuple):
    """What is where on a level page: its tables, the boxes of the lines in each cell, and the lines around the tables.

    ``clean`` is the ink without rules, ``size`` the height of a character in pixels.
    """

    picture: Picture
    grids: list[Grid]
    cell_lines: list[list[list[Box]]]
    lines: list[list[Box]]
    clean: Grey
    size: int

    @property
    def boxes(self) -> list[Box]:
        """The boxes of all lines, those of tables first, in the order of their cells."""
        return [box for grid in self.cell_lines for cell in grid for box in cell] + [box for line in self.lines for box in line]


def read_picture(
    image: NDArray[np.uint8], number: int, reader: LineReader, *, points_per_pixel: float = 1.0, reason: str = "a picture"
) -> Page:
    """Read one page image (height, width, 3) RGB uint8, or (height, width) grey, as page ``number``.

    Boxes are in the image's own pixels times ``points_per_pixel`` (72 / dpi for a rendered PDF page: PDF points). Each cell and
    line has the score of its least sure character. A page without any ink, or without room for it, is a page without blocks.
    """
    height, width = image.shape[:2]
    blocks = _blocks(image, number, reader, points_per_pixel) if min(height, width) >= _LEAST else []
    return Page(
        number=number,
        kind=PageKind.PICTURE,
        reason=reason,
        read_by=Reader.OCR,
        blocks=tuple(block for _, block in sorted(blocks, key=lambda pair: pair[0])),
        width=width * points_per_pixel,
        height=height * points_per_pixel,
    )


def _blocks(image: NDArray[np.uint8], number: int, reader: LineReader, points_per_pixel: float) -> list[tuple[float, Block]]:
    """The tables and lines of a page image, each with how far down it begins."""
    layout, known = _upright(prepared(image), reader)
    is_poor = layout.size < _SMALL or is_bilevel(image)
    readings = iter(_readings(layout, known, reader, is_poor))
    to_page = _Scale(layout.picture, number, points_per_pixel)
    blocks: list[tuple[float, Block]] = []
    for grid, cells in zip(layout.grids, layout.cell_lines, strict=True):
        blocks.append(
            (grid.box[1], _table(layout.picture.grey, grid, [[next(readings) for _ in lines] for lines in cells], to_page))
        )
    for line in layout.lines:
        parts = [next(readings) for _ in line]
        if any(part.text for part in parts):
            blocks.append((line[0][1], _line(line, parts, to_page)))
    return blocks


def _readings(layout: Layout, known: dict[Box, LineReading], reader: LineReader, is_poor: bool) -> list[Settled]:
    """What each of the layout's boxes says; ``known`` are lines that were read before."""
    grey = layout.picture.grey
    found: dict[Box, Settled] = {}
    for lines in (lines for grid in layout.cell_lines for lines in grid if len(lines) == 1):
        if (mark := mark_in(layout.clean, lines[0], layout.size)) is not None:
            found[lines[0]] = Settled(mark, _MARK_SCORE)
    left = [box for box in layout.boxes if box not in found]
    read_before = {i: known[box] for i, box in enumerate(left) if box in known}
    settled = read_surely([_crop(grey, box) for box in left], read_before, reader, is_poor=is_poor)
    for box, line in zip(left, settled, strict=True):
        found[box] = with_separator(line, separator_in(layout.clean, box) if "," in line.text or "." in line.text else None)
    return [found[box] for box in layout.boxes]


class _Scale(NamedTuple):
    picture: Picture
    page: int
    points: float

    def place(self, box: Box) -> Place:
        x0, y0, x1, y1 = self.picture.source_box(box)
        return Place(page=self.page, box=tuple(round(v * self.points, 1) for v in (x0, y0, x1, y1)))  # type: ignore[arg-type]


def _layout(picture: Picture) -> Layout:
    rules = find_rules(picture.grey)
    for _ in range(2):
        if (matrix := straightening(rules)) is None:
            break
        picture = picture.warped(matrix, (picture.grey.shape[1], picture.grey.shape[0]))
        rules = find_rules(picture.grey)
    grey = picture.grey
    marks = ink(grey)
    rules = anchored(rules)
    grids = find_grids(rules)
    clean = _without_rules(marks, rules, grids)
    size = character_height(clean)
    cell_lines = [[ink_lines(clean, _inside(cell, grid.thickness), size) for cell in grid.cells] for grid in grids]
    return Layout(picture, grids, cell_lines, page_lines(clean, [grid.box for grid in grids], size), clean, size)


def _without_rules(marks: Grey, rules: Rules, grids: list[Grid]) -> Grey:
    """The ink of the page without the rules of its tables; where a character touches a rule, it keeps its strokes."""
    lines = np.zeros_like(marks)
    reach = rules.thickness // 2 + 1
    for grid in grids:
        for cell in grid.cells:
            x0, y0, x1, y1 = cell.box
            cv2.rectangle(lines, (x0 - reach, y0 - reach), (x1 + reach, y0 + reach), 255, -1)
            cv2.rectangle(lines, (x0 - reach, y1 - reach), (x1 + reach, y1 + reach), 255, -1)
            cv2.rectangle(lines, (x0 - reach, y0 - reach), (x0 + reach, y1 + reach), 255, -1)
            cv2.rectangle(lines, (x1 - reach, y0 - reach), (x1 + reach, y1 + reach), 255, -1)
    return cv2.bitwise_and(marks, cv2.bitwise_not(lines)).astype(np.uint8)


def _inside(cell: RuledCell, thickness: int) -> Box:
    x0, y0, x1, y1 = cell.box
    inset = thickness // 2 + 1
    return x0 + inset, y0 + inset, max(x0 + inset + 1, x1 - inset), max(y0 + inset + 1, y1 - inset)


def _crop(grey: Grey, box: Box) -> Grey:
    x0, y0, x1, y1 = box
    return grey[max(0, y0 - 1) : y1 + 1, max(0, x0 - 1) : x1 + 1]


class _Look(NamedTuple):
    """What a few lines of a page say in one orientation: how surely they are read, how many hold Chinese, and their readings."""

    score: float
    chinese: float
    readings: dict[Box, LineReading]


def _upright(picture: Picture, reader: LineReader) -> tuple[Layout, dict[Box, LineReading]]:
    """The layout in the orientation in which the page can be read, and the lines that were read to tell.

    Most pages stand upright and are looked at once. Digits read well upside down too (61 and 19), so that a page is turned only
    when it reads clearly better so, and turned round only when it is Chinese that does.
    """
    first = _layout(picture)
    look = _look(first, reader)
    if look.score >= _READABLE or not first.boxes:
        return first, look.readings
    best = first, look
    is_tall = sum((b[3] - b[1]) > 1.5 * (b[2] - b[0]) for b in first.boxes) > len(first.boxes) / 2
    for turns in (2, 1, 3):
        other = _layout(quarter_turned(picture, turns))
        seen = _look(other, reader)
        is_proof = seen.chinese >= 0.5 or (turns != 2 and seen.score >= _READABLE and is_tall)
        if is_proof and seen.score > best[1].score + (0.1 if best[0] is first else 0.0):
            best = other, seen
            if seen.score >= _READABLE and seen.chinese >= 0.5:
                break
    return best[0], best[1].readings


def _look(layout: Layout, reader: LineReader) -> _Look:
    lines = [b for b in layout.boxes if b[3] - b[1] > 0.6 * layout.size]  # no dashes
    longest = sorted((b for b in lines if b[2] - b[0] > 3 * (b[3] - b[1])), key=lambda b: b[0] - b[2])
    # lines of middling length: whole lines of prose cost most and tell no more
    sample = (longest[len(longest) // 3 :] or lines or layout.boxes)[:_SAMPLE]
    if not sample:
        return _Look(0.0, 0.0, {})
    found = reader.read([_crop(layout.picture.grey, box) for box in sample])
    chinese = float(np.mean([any("\u4e00" <= character <= "\u9fff" for character in reading.text) for reading in found]))
    score = float(np.median([reading.mean for reading in found]))
    tall = sum(b[3] - b[1] > 3 * (b[2] - b[0]) for b in layout.boxes)
    # more lines that stand than lie: the page lies on its side, whatever one of them seems to say
    return _Look(score / 2 if tall > len(longest) else score, chinese, dict(zip(sample, found, strict=True)))


def _table(grey: Grey, grid: Grid, readings: list[list[Settled]], to_page: _Scale) -> Table:
    cells = []
    for cell, lines in zip(grid.cells, readings, strict=True):
        text = "\n".join(line.text for line in lines)
        score = min((line.score for line in lines), default=_blank_score(grey, _inside(cell, grid.thickness)))
        others = lines[0].others if len(lines) == 1 else ()
        cells.append(
            Cell(cell.row, cell.column, text, to_page.place(cell.box), cell.row_span, cell.column_span, round(score, 4), others)
        )
    return Table(tuple(cells), grid.rows, grid.columns, to_page.place(grid.box))


def _blank_score(grey: Grey, box: Box) -> float:
    """How sure it is that a cell without lines is blank: not, when something grey stands in its middle."""
    x0, y0, x1, y1 = box
    inset_x, inset_y = max(2, (x1 - x0) // 8), max(2, (y1 - y0) // 8)
    middle = grey[y0 + inset_y : y1 - inset_y, x0 + inset_x : x1 - inset_x]
    return 1.0 if middle.size == 0 or (middle < _FAINT).sum() < 6 else 0.5


def _line(boxes: list[Box], parts: list[Settled], to_page: _Scale) -> Line:
    xs, ys = [b[0] for b in boxes] + [b[2] for b in boxes], [b[1] for b in boxes] + [b[3] for b in boxes]
    text = "   ".join(part.text for part in parts if part.text)
    score = min(part.score for part in parts if part.text)
    return Line(text, to_page.place((min(xs), min(ys), max(xs), max(ys))), round(score, 4))
