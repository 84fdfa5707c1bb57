"""From the picture of a page to the page: ruled tables read cell by cell, and the lines of text around them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from codebook.records import Block, Cell, Line, Page, PageKind, Place, Reader, Table
from codebook.text.fold import is_han
from tasks.ocr.blank_marks import DASH, SLASH, mark_in, separator_in
from tasks.ocr.cleaning.grey_ink import without_grey_ink
from tasks.ocr.confidence import SURE, Settled, cell_score, numbers_among, read_surely, with_separator
from tasks.ocr.digit_shapes import Number, odd_numbers
from tasks.ocr.engines.network import OTHER
from tasks.ocr.engines.pair import ReaderPair
from tasks.ocr.engines.recognise import LineReader, LineReading
from tasks.ocr.grids.lost_rules import CellLine, with_lost_rules
from tasks.ocr.grids.open_tables import find_open_tables
from tasks.ocr.grids.ruling import Rules, anchored, find_rules, straightening
from tasks.ocr.grids.table_grid import Grid, RuledCell, find_grids
from tasks.ocr.layout import Box, character_height, has_gap, has_stroke_through, ink_lines, ink_outside, page_lines, single_pieces
from tasks.ocr.prepare_image import Grey, Picture, extent, ink, is_bilevel, prepared, quarter_turned, sharpness

__all__ = ["SURE", "Layout", "cell_crops", "read_picture"]

_LEAST = 12  # pixels; a picture that is lower or narrower holds no characters
_READABLE = 0.85  # the median mean score of lines below which a page is tried in other orientations
_SAMPLE = 10  # lines that decide the orientation
_FEW = 3  # long lines; a page that is not nearly empty has more
_SMALL = 16  # pixels; a page whose characters are lower is read with a second look at every number
_MARK_SCORE = 0.995  # of a dash or slash told by its shape
_DIRTY_MARK_SCORE = 0.9  # the same on a dirty page, where it may be dirt
_AS_SHARP = 0.8  # of how sharp a page is before it is made straight; what is lost beyond that shows that it was straight
_TITLE = 20  # times its height; wider lines are prose
_IN_CELLS = 24  # lines in cells that are tried where the sample does not tell
_FEW_LABELS = 3  # lines of a sample that the reader of labels reads surely: they show a page to be upright
_PLAIN = 0.9  # the score of such a line at least
_SEPARATORS = ".,·•。|．，"
_BESIDE_DIRT = 0.75  # of the height of a character: digits of one number are nearer to each other
_AROUND, _SPECK, _FEW_SPECKS = 0.3, 0.2, 3  # the same: more specks of dirt than this about a number may have changed it
_DARK = 140  # a grey level of print: specks as dark may change a digit
_ODD = 0.5  # the most that a number is worth whose ink has another shape than that of the others
_COVERED = 0.5  # the most that a blank cell is worth from which something as high as a digit was taken away
_DIGIT = 0.5  # of the height of a character: digits are higher
_LARGE = 1.5  # of the height of a character: digits are lower
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
    image: NDArray[np.uint8],
    number: int,
    reader: LineReader,
    *,
    points_per_pixel: float = 1.0,
    reason: str = "a picture",
    is_upright: bool = False,
) -> Page:
    """Read one page image (height, width, 3) RGB uint8, or (height, width) grey, as page ``number``.

    Other orientations are tried where the page cannot be read as it is, unless it is known to be ``is_upright``.
    Boxes are in the image's own pixels times ``points_per_pixel`` (72 / dpi for a rendered PDF page: PDF points). Each cell has
    the score of its least sure character, each line that of its digits. A page without any ink, or without room for it, is a
    page without blocks.
    """
    height, width = image.shape[:2]
    is_legible = min(height, width) >= _LEAST
    blocks = _blocks(image, number, reader, points_per_pixel, is_upright=is_upright) if is_legible else []
    return Page(
        number=number,
        kind=PageKind.PICTURE,
        reason=reason,
        read_by=Reader.OCR,
        blocks=tuple(block for _, block in sorted(blocks, key=lambda pair: pair[0])),
        width=width * points_per_pixel,
        height=height * points_per_pixel,
    )


def cell_crops(image: NDArray[np.uint8]) -> list[tuple[tuple[float, ...], list[Grey]]]:
    """(box in pixels of the image, crops of its lines of ink) of each table cell that has any, as they are given to readers.

    The page is taken as it stands; nothing is recognised.
    """
    layout = _layout(prepared(image).picture)
    to_page = _Scale(layout.picture, 1, 1.0)
    return [
        (to_page.place(cell.box).box or (), [_crop(layout.picture.grey, line) for line in lines])
        for grid, of_cells in zip(layout.grids, layout.cell_lines, strict=True)
        for cell, lines in zip(grid.cells, of_cells, strict=True)
        if lines
    ]


def _blocks(
    image: NDArray[np.uint8], number: int, reader: LineReader, points_per_pixel: float, *, is_upright: bool
) -> list[tuple[float, Block]]:
    """The tables and lines of a page image, each with how far down it begins."""
    picture, coloured = prepared(image)
    clean = without_grey_ink(picture.grey, coloured)
    level = picture._replace(grey=clean.grey)
    layout, known = (_layout(level), {}) if is_upright else _upright(level, reader)
    is_poor = layout.size < _SMALL or is_bilevel(image) or clean.is_dirty
    page = _ReadPage(
        layout,
        _Scale(layout.picture, number, points_per_pixel),
        None if clean.grey is picture.grey else picture,
        *(None if of is None else picture._replace(grey=cv2.bitwise_not(of).astype(np.uint8)) for of in (coloured, clean.grains)),
    )
    readings = iter(_readings(layout, known, reader, is_poor=is_poor, is_dirty=clean.is_dirty))
    blocks: list[tuple[float, Block]] = []
    for grid, cells in zip(layout.grids, layout.cell_lines, strict=True):
        said = [[next(readings) for _ in lines] for lines in cells]
        whole, parts = with_lost_rules(grid, [list(map(_said, *pair)) for pair in zip(cells, said, strict=True)], layout.size)
        boxes = [[cells[part.of][i] for i in part.lines] for part in parts]
        blocks.append((grid.box[1], _table(page, whole, boxes, [[said[part.of][i] for i in part.lines] for part in parts])))
    for line in layout.lines:
        pieces = [next(readings) for _ in line]
        if any(piece.text for piece in pieces):
            found = _line(line, pieces, page.to_page)
            is_covered = any(page.is_dirt_near(box) for box in line)
            blocks.append((line[0][1], replace(found, score=min(found.score, _COVERED)) if is_covered else found))
    return blocks


def _readings(
    layout: Layout, known: dict[Box, LineReading], reader: LineReader, *, is_poor: bool, is_dirty: bool
) -> list[Settled]:
    """Return what each of the layout's boxes says; ``known`` were read before."""
    grey = layout.picture.grey
    score = _DIRTY_MARK_SCORE if is_dirty else _MARK_SCORE
    found = {box: Settled(mark, score) for box, mark in _blank_marks(layout, reader).items()}
    left = [box for box in layout.boxes if box not in found]
    read_before = {i: known[box] for i, box in enumerate(left) if box in known}
    at = {box: i for i, box in enumerate(left)}
    texts = [[at[box] for box in text] for text in _texts(layout) if all(box in at for box in text)]
    settled = read_surely([_crop(grey, box) for box in left], read_before, reader, texts=texts, is_poor=is_poor)
    for box, line in zip(left, settled, strict=True):
        found[box] = with_separator(line, separator_in(layout.clean, box)) if any(c in _SEPARATORS for c in line.text) else line
    for cells in layout.cell_lines:
        numbers = [_as_number(box, found[box]) for lines in cells for box in lines]
        for box in odd_numbers(layout.clean, numbers, layout.size, is_dirty=is_dirty):
            found[box] = found[box]._replace(score=min(found[box].score, _ODD))
    return [found[box] for box in layout.boxes]


def _blank_marks(layout: Layout, reader: LineReader) -> dict[Box, str]:
    """Return which lines of cells are a dash or a slash."""
    grey = layout.picture.grey
    found: dict[Box, str] = {}
    for grid, cells in zip(layout.grids, layout.cell_lines, strict=True):
        for cell, lines in zip(grid.cells, cells, strict=True):
            mark = mark_in(layout.clean, lines[0], layout.size) if len(lines) == 1 else None
            if mark is not None and (mark != DASH or _stands_alone(grey, lines[0], _inside(cell, grid.thickness), layout.size)):
                found[lines[0]] = mark
    slashes = [box for box, mark in found.items() if mark == SLASH]
    if not slashes or not isinstance(reader, ReaderPair):
        return found
    # what is left of a 2 on a worn copy leans as a slash does, but is read as a 2 all the same
    read = reader.numbers.read([_crop(grey, box) for box in slashes])
    others = {box for box, reading in zip(slashes, read, strict=True) if reading.text != SLASH}
    return {box: mark for box, mark in found.items() if box not in others}


def _said(box: Box, line: Settled) -> CellLine:
    return CellLine(box, line.text)


def _as_number(box: Box, line: Settled) -> Number:
    return Number(box, line.text, line.score >= SURE, line.score if line.seen is None else line.seen_score)


def _texts(layout: Layout) -> list[list[Box]]:
    """The lines of each cell, and each line of the page that is short enough for a title: what may be a label of the forms."""
    lines = [[box] for line in layout.lines if len(line) == 1 for box in line]
    short = [line for line in lines if line[0][2] - line[0][0] <= _TITLE * (line[0][3] - line[0][1])]
    return [cell for grid in layout.cell_lines for cell in grid if cell] + short


def _stands_alone(grey: Grey, dash: Box, inside: Box, size: int) -> bool:
    """Return whether nothing faint stands above or below a dash, as the rest of a digit would of which only a bar was printed."""
    x0, y0, x1, y1 = dash
    top, bottom = max(inside[1], y0 - size // 2), min(inside[3], y1 + size // 2)
    around = (grey[top : max(top, y0 - 1), x0:x1], grey[y1 + 1 : bottom, x0:x1])
    return sum(int((part < _FAINT).sum()) for part in around) < max(4, size // 4)


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
        straight = picture.warped(matrix, (picture.grey.shape[1], picture.grey.shape[0]))
        # strokes of characters that passed for rules lean any way, and would turn a page that lies straight
        if sharpness(straight.grey) < _AS_SHARP * sharpness(picture.grey):
            break
        picture = straight
        rules = find_rules(picture.grey)
    grey = picture.grey
    marks = ink(grey)
    rules = anchored(rules)
    grids = find_grids(rules)
    clean = _without_rules(marks, rules, grids)
    size = character_height(clean)
    cell_lines = [[ink_lines(clean, _inside(cell, grid.thickness), size) for cell in grid.cells] for grid in grids]
    drawn = [grid.box for grid in grids]
    free = ink_outside(clean, drawn, size)
    tables = find_open_tables(single_pieces(free, size), size)
    grids += [table.grid for table in tables]
    cell_lines += [table.cell_lines for table in tables]
    if tables:
        free = ink_outside(clean, drawn + [table.grid.box for table in tables], size)
    lines = page_lines(free, size)
    return Layout(picture, grids, cell_lines, lines, clean, size)


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
    """What a few lines of a page say in one orientation: how surely they are read, how many hold Chinese, and their readings.

    ``is_sideways`` when hardly a line is longer than high, as on a page that lies on its side.
    """

    score: float
    chinese: float
    is_sideways: bool
    readings: dict[Box, LineReading]

    @property
    def rank(self) -> float:
        """By what orientations are compared: single characters of a page on its side may be read surely."""
        return self.score / 2 if self.is_sideways else self.score


def _upright(picture: Picture, reader: LineReader) -> tuple[Layout, dict[Box, LineReading]]:
    """The layout in the orientation in which the page can be read, and the lines that were read to tell.

    Most pages stand upright and are looked at once. Digits read well upside down too (61 and 19), so that a page is turned only
    when it reads clearly better so, and turned round only when it is Chinese that does.
    """
    first = _layout(picture)
    look = _look(first, reader)
    is_readable = look.score >= _READABLE
    if (is_readable and not look.is_sideways) or not first.boxes:
        return first, look.readings
    best = first, look
    is_tall = sum((b[3] - b[1]) > 1.5 * (b[2] - b[0]) for b in first.boxes) > len(first.boxes) / 2
    for turns in (2, 1, 3):
        other = _layout(quarter_turned(picture, turns))
        seen = _look(other, reader)
        is_proof = seen.chinese >= 0.5 or (turns != 2 and seen.score >= _READABLE and is_tall)
        # a page of short lines that can be read as it is must be read as well when turned, and have long lines then
        least = max(_READABLE, best[1].rank) if is_readable else best[1].rank + (0.1 if best[0] is first else 0.0)
        if is_proof and seen.rank > least:
            best = other, seen
            if seen.rank >= _READABLE and seen.chinese >= 0.5:
                break
    return best[0], best[1].readings


def _look(layout: Layout, reader: LineReader) -> _Look:
    lines = [b for b in layout.boxes if b[3] - b[1] > 0.6 * layout.size]  # no dashes
    longest = sorted((b for b in lines if b[2] - b[0] > 3 * (b[3] - b[1])), key=lambda b: b[0] - b[2])
    # lines of middling length: whole lines of prose cost most and tell no more
    sample = (longest[len(longest) // 3 :] or lines or layout.boxes)[:_SAMPLE]
    if not sample:
        return _Look(0.0, 0.0, False, {})
    crops = [_crop(layout.picture.grey, box) for box in sample]
    # hardly a line that is longer than high: the page lies on its side, whatever its single characters seem to say
    is_sideways = len(layout.boxes) > 2 * _FEW and len(longest) < _FEW
    narrow = [box for box in sample if box[2] - box[0] <= _TITLE * (box[3] - box[1])]
    own = reader.labels if isinstance(reader, ReaderPair) else None
    # on a dirty page the longest lines are dirt: labels stand in cells
    for labels in (narrow, _in_cells(layout)):
        if own and sum(map(_is_plain, own.read([_crop(layout.picture.grey, box) for box in labels]))) >= _FEW_LABELS:
            return _Look(1.0, 1.0, is_sideways, {})
    found = reader.read(crops)
    chinese = float(np.mean([any(map(is_han, reading.text)) for reading in found]))
    score = float(np.median([reading.mean for reading in found]))
    return _Look(score, chinese, is_sideways, dict(zip(sample, found, strict=True)))


def _in_cells(layout: Layout) -> list[Box]:
    """Return some of the lines in cells that are as high as text and longer than high, from all over the page."""
    size = layout.size
    lines = [
        box
        for grid in layout.cell_lines
        for cell in grid
        for box in cell
        if 0.7 * size <= box[3] - box[1] <= 1.5 * size and 2.5 * size <= box[2] - box[0] <= _TITLE * size
    ]
    return lines[:: max(1, len(lines) // _IN_CELLS)]


def _is_plain(reading: LineReading) -> bool:
    """Return whether the reader of labels reads a line of a few Chinese characters surely, which it does of none on its head."""
    return sum(map(is_han, reading.text)) >= _FEW and OTHER not in reading.text and reading.score >= _PLAIN


class _ReadPage(NamedTuple):
    """A page whose lines were read. ``covered`` is it before ink was taken away that is no print; None where there was none.
    ``coloured`` is all of its coloured ink, in black, and ``dirt`` what was taken away although it is as dark as print; None
    without.
    """

    layout: Layout
    to_page: _Scale
    covered: Picture | None
    coloured: Picture | None
    dirt: Picture | None

    def is_dirt_near(self, box: Box) -> bool:
        """Return whether dirt may have covered digits that belong to those in ``box`` of the layout, or changed them."""
        if self.dirt is None or self.covered is None:
            return False
        size = self.layout.size
        beside, around = (
            self.layout.picture.source_box((box[0] - near, box[1] - near, box[2] + near, box[3] + near))
            for near in (round(_BESIDE_DIRT * size), round(_AROUND * size))
        )
        if (_window(self.dirt, beside, 0) == 0).any():
            return True
        dark = np.ascontiguousarray(_window(self.covered, around, 0) < _DARK, np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
        return bool((extent(np.asarray(stats[1:], np.int32)) <= _SPECK * size).sum() > _FEW_SPECKS)


def _table(page: _ReadPage, grid: Grid, boxes: list[list[Box]], readings: list[list[Settled]]) -> Table:
    """The table of a grid."""
    layout, to_page, covered, coloured, dirt = page
    cells = []
    for cell, places, lines in zip(grid.cells, boxes, readings, strict=True):
        text = "\n".join(line.text for line in lines)
        if lines:
            inside = _inside(cell, grid.thickness)
            # ink up to the side of the cell: that side may be a stroke of a digit, and the rest of it beyond
            is_cut = any(place[0] <= inside[0] or place[2] >= inside[2] for place in places)
            is_torn = is_cut or any(
                has_gap(layout.clean, place, layout.size) or has_stroke_through(layout.clean, inside, place, layout.size)
                for place in places
            )
            score = cell_score(lines, is_torn)
            # where dirt is as dark as print, what is unsure may be dirt all of it: no sum may settle that
            is_dirt = page.dirt is not None and (score < SURE or any(map(page.is_dirt_near, places)))
            score = 0.0 if is_dirt else score
        else:
            is_cut, is_dirt, inside = False, False, _inside(cell, grid.thickness)
            score = _blank_score(layout.picture.grey, inside)
            at = layout.picture.source_box(inside)
            was_covered = any(was is not None and _was_there(was, at, layout.size) for was in (covered, dirt))
            if was_covered or (coloured is not None and _was_there(coloured, at, layout.size, is_free=True)):
                score = min(score, _COVERED)
        # of parts of digits, sums must not choose one that fits
        others = () if is_cut or is_dirt else lines[0].others if len(lines) == 1 else numbers_among(lines)
        seen, seen_score = (lines[0].seen, lines[0].seen_score) if len(lines) == 1 else (None, 0.0)
        cells.append(
            Cell(
                cell.row,
                cell.column,
                text,
                to_page.place(cell.box),
                cell.row_span,
                cell.column_span,
                round(score, 4),
                others,
                seen=seen,
                seen_score=round(seen_score, 4),
            )
        )
    return Table(tuple(cells), grid.rows, grid.columns, to_page.place(grid.box))


def _blank_score(grey: Grey, box: Box) -> float:
    """Return how sure it is that a cell without lines is blank: not, when something grey stands in its middle."""
    x0, y0, x1, y1 = box
    inset_x, inset_y = max(2, (x1 - x0) // 8), max(2, (y1 - y0) // 8)
    middle = grey[y0 + inset_y : y1 - inset_y, x0 + inset_x : x1 - inset_x]
    return 1.0 if middle.size == 0 or (middle < _FAINT).sum() < 6 else 0.5


def _was_there(page: Picture, box: tuple[float, ...], size: int, *, is_free: bool = False) -> bool:
    """Return whether something as large as a digit stands in a cell of the page as it came: it may have been one.

    With ``is_free`` only what is no larger than a digit and reaches no side of the cell: the strokes of a seal do.
    """
    dark = np.ascontiguousarray(_window(page, box, max(2, size // 6)) < _FAINT, np.uint8)
    if not dark.any():
        return False
    _, _, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    x, y, wide, high = (stats[1:, of] for of in (cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT))
    found = high >= _DIGIT * size
    if is_free:
        found &= (high <= _LARGE * size) & (x > 0) & (y > 0) & (x + wide < dark.shape[1]) & (y + high < dark.shape[0])
    return bool(found.any())


def _window(page: Picture, box: tuple[float, ...], inset: int) -> Grey:
    """Return what a page shows in ``box`` of its image, without ``inset`` pixels at each side."""
    corners = np.array([[[box[0], box[1]]], [[box[2], box[3]]]], np.float64)
    (x0, y0), (x1, y1) = cv2.perspectiveTransform(corners, np.linalg.inv(page.to_source))[:, 0].round().astype(int)
    return page.grey[max(0, y0 + inset) : max(0, y1 - inset), max(0, x0 + inset) : max(0, x1 - inset)]


def _line(boxes: list[Box], parts: list[Settled], to_page: _Scale) -> Line:
    xs, ys = [b[0] for b in boxes] + [b[2] for b in boxes], [b[1] for b in boxes] + [b[3] for b in boxes]
    text = "   ".join(part.text for part in parts if part.text)
    score = min(part.line for part in parts if part.text)
    return Line(text, to_page.place((min(xs), min(ys), max(xs), max(ys))), round(score, 4))
