"""Reports drawn as clean page images, with every cell's text and place known.

A page is laid out in points and drawn at a resolution; tables may have the looks that scans of real reports have: thin, thick,
grey, double or dashed rules, open sides, tight rows, landscape, two tables side by side, no rules at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.generator.paper import Grid, GridCell, Heading, Paper, Part, Text
from tests.scans.fonts import chinese_fonts, latin_fonts

A4 = (595.0, 842.0)
RULES = ("plain", "plain", "plain", "thin", "thick", "grey", "double", "dashed", "open", "tight")
_WIDTHS: dict[str, tuple[float, ...]] = {
    "disclosure": (150, 110, 110, 105),
    "statistics": (345, 50, 80),
    "requests": (24, 62, 125, 37, 37, 37, 37, 37, 38, 37),
    "review": (32,) * 15,
}
_PIECES = re.compile(r"[0-9A-Za-z.,%-]+|.", re.DOTALL)
_NOT_FIRST = "，。；：、）》”！？"


@dataclass(frozen=True)
class Style:
    """How a document looks. Sizes and widths are in points."""

    font: Path
    digits: Path
    size: float = 10.5
    prose: float = 16.0
    rules: str = "plain"
    padding: float = 8.0
    margin: float = 62.0
    landscape: bool = False
    ink: int = 20


@dataclass(frozen=True)
class Known:
    """A cell on the page: its box (x0, y0, x1, y1) in pixels of the clean page, what it says, whether that is a number."""

    box: tuple[float, float, float, float]
    text: str
    is_value: bool


@dataclass
class Drawn:
    """A clean page (height, width, 3) RGB, its cells, and the (rows, columns) of its tables from top to bottom, left to right."""

    image: NDArray[np.uint8]
    cells: list[Known] = field(default_factory=list)
    grids: list[tuple[int, int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def pick_style(rng: Random, rules: str | None = None) -> Style:
    """A random look."""
    font = rng.choice(chinese_fonts())
    return Style(
        font,
        rng.choice((font, font, *latin_fonts())),
        size=rng.choice((9.0, 9.5, 10.5, 10.5, 12.0)),
        prose=rng.choice((12.0, 14.0, 16.0)),
        rules=rules or rng.choice(RULES),
        padding=rng.choice((4.0, 8.0, 12.0)),
        margin=rng.choice((50.0, 62.0, 72.0)),
        ink=rng.choice((0, 20, 40, 60)),
    )


@lru_cache(maxsize=64)
def _face(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)


class Sheet:
    """The page that is drawn on; positions in points from its upper left corner."""

    def __init__(self, style: Style, dpi: int) -> None:
        self.style, self.scale = style, dpi / 72
        self.width, self.height = (A4[1], A4[0]) if style.landscape else A4
        size = (round(self.width * self.scale), round(self.height * self.scale))
        self.paper = Image.new("L", size, 255)
        self.pen = ImageDraw.Draw(self.paper)
        self.page = Drawn(np.empty(0, np.uint8))

    def measure(self, text: str, size: float) -> float:
        """The width of ``text`` in points."""
        return sum(self._run(run, size).getlength(run) for run in self._runs(text)) / self.scale

    def _runs(self, text: str) -> list[str]:
        return re.findall(r"[\x20-\x7e]+|[^\x20-\x7e]+", text)

    def _run(self, run: str, size: float) -> ImageFont.FreeTypeFont:
        return _face(self.style.digits if run[0] < "\x7f" else self.style.font, round(size * self.scale))

    def write(self, x: float, base: float, text: str, size: float) -> None:
        """``text`` from ``x`` on the line ``base``."""
        at = x * self.scale
        for run in self._runs(text):
            face = self._run(run, size)
            self.pen.text((at, base * self.scale), run, fill=self.style.ink, font=face, anchor="ls")
            at += face.getlength(run)

    def wrap(self, text: str, size: float, room: float, indent: float = 0.0) -> list[str]:
        """``text`` in lines no wider than ``room``."""
        lines, line, left = [], "", room - indent
        for piece in _PIECES.findall(text):
            step = self.measure(piece, size)
            if step > left and line and piece not in _NOT_FIRST:
                lines.append(line)
                line, left = "", room
            line, left = line + piece, left - step
        return [*lines, line]

    def rule(self, x0: float, y0: float, x1: float, y1: float, outer: bool) -> None:
        """A rule in the document's look, upright or level."""
        look = self.style.rules
        if look == "none" or (look == "open" and outer and x0 == x1):
            return
        width = max(1, round({"thin": 0.3, "thick": 1.6, "grey": 0.6, "tight": 0.4}.get(look, 0.6) * self.scale))
        shade = {"grey": 150, "thin": 70}.get(look, self.style.ink)
        ends = [v * self.scale for v in (x0, y0, x1, y1)]
        if look == "dashed" and not outer:
            length = abs(ends[2] - ends[0]) + abs(ends[3] - ends[1])
            step = 2.2 * self.scale
            for k in range(int(length / step) + 1):
                a, b = k * step, min(length, (k + 0.62) * step)
                if x0 == x1:
                    self.pen.line((ends[0], ends[1] + a, ends[0], ends[1] + b), fill=shade, width=width)
                else:
                    self.pen.line((ends[0] + a, ends[1], ends[0] + b, ends[1]), fill=shade, width=width)
            return
        self.pen.line(ends, fill=shade, width=width)
        if look == "double" and outer:
            gap = 1.6 * self.scale
            dx, dy = (gap, 0) if x0 == x1 else (0, gap)
            self.pen.line((ends[0] + dx, ends[1] + dy, ends[2] + dx, ends[3] + dy), fill=shade, width=width)

    def table(self, grid: Grid, corner: tuple[float, float], widths: Sequence[float], start: int, end: int) -> float:
        """Rows ``start`` to ``end`` (excluded) of a table with its ``corner`` at (x, y); gives where it ends."""
        x, y = corner
        style = self.style
        xs = [x + sum(widths[:i]) for i in range(len(widths) + 1)]
        heights = row_heights(self, grid, widths)
        last_column = len(widths)
        used_rows, used_columns = set(), set()
        for cell in grid.cells:
            first, last = max(cell.row, start), min(cell.row + cell.row_span, end)
            if first >= last:
                continue
            top, bottom = y + sum(heights[start:first]), y + sum(heights[start:last])
            left, right = xs[cell.column], xs[cell.column + cell.column_span]
            used_rows |= {first, last}
            used_columns |= {cell.column, cell.column + cell.column_span}
            self.rule(left, top, right, top, first == start)
            self.rule(left, bottom, right, bottom, last == end)
            self.rule(left, top, left, bottom, cell.column == 0)
            self.rule(right, top, right, bottom, cell.column + cell.column_span == last_column)
            lines = cell_lines(self, cell, widths) if cell.row >= start else []
            leading = style.size * 1.25
            base = (top + bottom) / 2 - leading * len(lines) / 2 + leading * 0.5 + style.size * 0.36
            for line in lines:
                free = right - left - self.measure(line, style.size)
                self.write(left + free / 2, base, line, style.size)
                base += leading
            box = tuple(v * self.scale for v in (left, top, right, bottom))
            self.page.cells.append(Known(box, "".join(lines), cell.is_value))
        self.page.grids.append((len(used_rows) - 1, len(used_columns) - 1))
        return y + sum(heights[start:end])

    def finish(self) -> Drawn:
        """The page, drawn."""
        self.page.image = np.ascontiguousarray(np.dstack([np.asarray(self.paper)] * 3))
        return self.page


def cell_lines(sheet: Sheet, cell: GridCell, widths: Sequence[float]) -> list[str]:
    """The text of a cell in lines; in a tall narrow cell one character a line."""
    if cell.row_span > 10:
        return list(cell.text)
    return sheet.wrap(cell.text, sheet.style.size, sum(widths[cell.column : cell.column + cell.column_span]) - 3)


def row_heights(sheet: Sheet, grid: Grid, widths: Sequence[float]) -> list[float]:
    """The height of each row in points."""
    padding = 2.5 if sheet.style.rules == "tight" else sheet.style.padding
    lines = [
        max((len(cell_lines(sheet, c, widths)) for c in grid.row(r) if c.row_span == 1), default=1) for r in range(grid.rows)
    ]
    return [count * sheet.style.size * 1.25 + padding for count in lines]


class _Press:
    """Parts of a paper put onto pages, one after the other."""

    def __init__(self, style: Style, dpi: int) -> None:
        self.style, self.dpi = style, dpi
        self.pages: list[Drawn] = []
        self.sheet = Sheet(style, dpi)
        self.y = style.margin

    @property
    def room(self) -> float:
        return self.sheet.height - self.style.margin - self.y

    def turn(self) -> None:
        number = f"- {len(self.pages) + 1} -"
        self.sheet.write(self.sheet.width / 2 - 10, self.sheet.height - 36, number, 10)
        self.pages.append(self.sheet.finish())
        self.sheet = Sheet(self.style, self.dpi)
        self.y = self.style.margin

    def paragraph(self, text: str, size: float, indent: float, align: str) -> None:
        width = self.sheet.width - 2 * self.style.margin
        for index, line in enumerate(self.sheet.wrap(text, size, width, indent)):
            if self.room < size * 1.6:
                self.turn()
            self.y += size * 1.6
            x = self.style.margin + (indent if index == 0 else 0)
            if align != "left":
                free = width - self.sheet.measure(line, size)
                x = self.style.margin + (free / 2 if align == "center" else free)
            self.sheet.write(x, self.y, line, size)
            self.sheet.page.texts.append(line)

    def table(self, grid: Grid) -> None:
        widths = list(_WIDTHS.get(grid.name, ()))
        if len(widths) != grid.columns:
            widths = [24.0, 58.0, 113.0, *[35.0] * (grid.columns - 3)]
        scale = (self.sheet.width - 2 * self.style.margin) / sum(widths)
        widths = [w * scale for w in widths]
        heights = row_heights(self.sheet, grid, widths)
        self.y += 8
        start = 0
        while start < grid.rows:
            end, used = start, 0.0
            while end < grid.rows and used + heights[end] <= self.room:
                used += heights[end]
                end += 1
            if end - start < min(3, grid.rows - start) and self.y > self.style.margin + 10:
                self.turn()
                continue
            end = max(end, start + 1)
            self.y = self.sheet.table(grid, (self.style.margin, self.y), widths, start, end)
            start = end
            if start < grid.rows:
                self.turn()
        self.y += 10

    def put(self, part: Part) -> None:
        if isinstance(part, Grid):
            self.table(part)
        elif isinstance(part, Heading):
            self.paragraph(part.text, self.style.prose, self.style.prose * 2, "left")
        elif isinstance(part, Text):
            is_head = part.role in ("title", "caption")
            size = 20.0 if part.role == "title" else self.style.prose
            align = "center" if is_head else "right" if part.role == "signature" else "left"
            self.paragraph(part.text, size, 0 if is_head else size * 2, align)


def draw_paper(paper: Paper, style: Style, dpi: int = 200) -> list[Drawn]:
    """All pages of a report."""
    press = _Press(style, dpi)
    for part in paper.parts:
        press.put(part)
    press.turn()
    return press.pages


def draw_numbers(rng: Random, style: Style, dpi: int = 200) -> Drawn:
    """A page that is one table of numbers: many cells for little work, of the kinds and lengths that the forms have."""
    sheet = Sheet(style, dpi)
    width = sheet.width - 2 * style.margin
    columns = rng.randint(6, int(width / sheet.measure("000.00", style.size) / 1.1))
    rows = int((sheet.height - 2 * style.margin) / (style.size * 1.25 + (2.5 if style.rules == "tight" else style.padding)))

    def number() -> str:
        kind = rng.random()
        if kind < 0.4:
            return str(rng.randint(0, 9))
        if kind < 0.93:
            return str(rng.randint(0, 10 ** rng.choice((2, 2, 3, 3, 4)) - 1))
        return rng.choice(
            (f"{rng.randint(0, 999)}.{rng.randint(1, 99)}", f"{rng.randint(1, 9)},{rng.randint(0, 999):03}", "/", "—", "")
        )

    cells = tuple(GridCell(r, c, number(), is_value=True) for r in range(rows) for c in range(columns))
    sheet.table(Grid("numbers", rows, columns, cells), (style.margin, style.margin), [width / columns] * columns, 0, rows)
    return sheet.finish()


def draw_beside(rng: Random, style: Style, dpi: int = 200) -> Drawn:
    """A landscape page with two tables of numbers side by side."""
    sheet = Sheet(Style(**{**vars(style), "landscape": True}), dpi)
    room = (sheet.width - 3 * style.margin) / 2
    for place in range(2):
        columns, rows = rng.randint(4, 7), rng.randint(8, 12)
        cells = tuple(
            GridCell(r, c, str(rng.randint(0, 10 ** rng.choice((1, 2, 3)) - 1)), is_value=True)
            for r in range(rows)
            for c in range(columns)
        )
        x = style.margin + place * (room + style.margin)
        sheet.table(Grid("numbers", rows, columns, cells), (x, style.margin + 30), [room / columns] * columns, 0, rows)
    return sheet.finish()
