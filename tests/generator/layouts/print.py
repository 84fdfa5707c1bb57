"""The report as PDF with text: ruled tables broken over pages, page numbers, or columns without any line."""

from __future__ import annotations

import io
from dataclasses import dataclass
from random import Random

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from tests.generator.layouts.text import NOT_FIRST, PIECES
from tests.generator.paper import Grid, GridCell, Heading, Paper, Part, Text

FONT = "STSong-Light"  # simplified script only: the font for the traditional one is not read back by every library
pdfmetrics.registerFont(UnicodeCIDFont(FONT))

_MARGIN, _BOTTOM, _LEADING = 60.0, 70.0, 12.0
_WIDTH = A4[0] - 2 * _MARGIN
_WIDTHS: dict[str, tuple[float, ...]] = {
    "disclosure": (150, 110, 110, 105),
    "statistics": (345, 50, 80),
    "requests": (24, 62, 125, 37, 37, 37, 37, 37, 38, 37),
    "review": (32,) * 14 + (32,),
}
_HEADER_ROWS = {"requests": 3, "statistics": 1}


@dataclass(frozen=True)
class Press:
    """Choices of one printing: ``ruled`` draws lines ("rect", "line" or "bar": thin filled bars, as word processors do; "open":
    no outer sides; "" none), ``repeat`` prints a table's header again after a page break, ``split`` divides the label of a cell
    that a page break cuts, ``shaded`` puts a coloured rectangle behind paragraphs, ``padding`` is what a row is higher than its
    text, in points."""

    ruled: str
    repeat: bool
    split: bool
    shaded: bool
    padding: float
    numbering: str


class Printer:
    """Draws the parts of a report from top to bottom."""

    def __init__(self, press: Press) -> None:
        self.press = press
        self.target = io.BytesIO()
        self.canvas = Canvas(self.target, pagesize=A4, invariant=1)
        self.y = A4[1] - _MARGIN
        self.page = 1

    def width(self, text: str, size: float) -> float:
        return float(pdfmetrics.stringWidth(text, FONT, size))

    def wrap(self, text: str, size: float, room: float, indent: float = 0.0) -> list[str]:
        lines, line, left = [], "", room - indent
        for piece in PIECES.findall(text):
            step = self.width(piece, size)
            if step > left and line and piece not in NOT_FIRST:
                lines.append(line)
                line, left = "", room
            line, left = line + piece, left - step
        return [*lines, line]

    def turn(self) -> None:
        """End the page with its number and begin another."""
        if self.press.numbering:
            self.canvas.setFont(FONT, 10)
            self.canvas.drawCentredString(A4[0] / 2, 40, self.press.numbering.format(self.page))
        self.canvas.showPage()
        self.page += 1
        self.y = A4[1] - _MARGIN

    def text(self, x: float, y: float, text: str, size: float) -> None:
        self.canvas.setFont(FONT, size)
        self.canvas.drawString(x, y, text)

    def paragraph(self, text: str, size: float = 14, indent: float = 28, align: str = "left") -> None:
        leading = size * 1.6
        lines = self.wrap(text, size, _WIDTH, indent)
        if self.press.shaded and self.y - leading * len(lines) > _BOTTOM:
            self.canvas.setFillGray(0.95)
            self.canvas.rect(_MARGIN - 4, self.y - leading * len(lines) - 4, _WIDTH + 8, leading * len(lines), stroke=0, fill=1)
            self.canvas.setFillGray(0)
        for index, line in enumerate(lines):
            if self.y - leading < _BOTTOM:
                self.turn()
            self.y -= leading
            x = _MARGIN + (indent if index == 0 else 0)
            if align != "left":
                free = _WIDTH - self.width(line, size)
                x = _MARGIN + (free / 2 if align == "center" else free)
            self.text(x, self.y, line, size)

    def _lines(self, cell: GridCell, xs: list[float]) -> list[str]:
        if cell.row_span > 10:
            return list(cell.text)
        return self.wrap(cell.text, 9, xs[cell.column + cell.column_span] - xs[cell.column] - 6)

    def table(self, grid: Grid) -> None:
        widths = list(_WIDTHS.get(grid.name, (32.0,) * grid.columns))
        if len(widths) != grid.columns:  # the extra column of table three
            widths = [24.0, 58.0, 113.0, *[35.0] * (grid.columns - 3)]
        scale = _WIDTH / sum(widths)
        xs = [_MARGIN + sum(widths[:i]) * scale for i in range(grid.columns + 1)]
        lines = {id(cell): self._lines(cell, xs) for cell in grid.cells}
        heights = [
            max((len(lines[id(c)]) for c in grid.row(r) if c.row_span == 1), default=1) * _LEADING + self.press.padding
            for r in range(grid.rows)
        ]
        head = _HEADER_ROWS.get(grid.name, 0)
        self.y -= 8
        start = 0
        while start < grid.rows:
            repeated = head if self.press.repeat and start else 0
            room = self.y - _BOTTOM - sum(heights[:repeated])
            end = start
            while end < grid.rows and heights[end] <= room:
                room -= heights[end]
                end += 1
            if end <= max(start, head if start == 0 else 0) and end < grid.rows:
                self.turn()
                continue
            if repeated:
                self.segment(grid, xs, heights, lines, start=0, end=repeated)
            self.segment(grid, xs, heights, lines, start=start, end=end)
            start = end
            if start < grid.rows:
                self.turn()
        self.y -= 10

    def segment(
        self, grid: Grid, xs: list[float], heights: list[float], lines: dict[int, list[str]], *, start: int, end: int
    ) -> None:
        """Draw rows start..end (excluded) of the table on this page. A cell that the break cuts is drawn in two parts."""
        top = self.y
        for cell in grid.cells:
            first, last = max(cell.row, start), min(cell.row + cell.row_span, end)
            if first >= last:
                continue
            upper, lower = top - sum(heights[start:first]), top - sum(heights[start:last])
            self.box(xs[cell.column], lower, xs[cell.column + cell.column_span], upper)
            texts = self._share(cell, lines[id(cell)], start, end, upper - lower)
            y = (upper + lower) / 2 + len(texts) * _LEADING / 2 - 9.5
            for line in texts:
                free = xs[cell.column + cell.column_span] - xs[cell.column] - self.width(line, 9)
                self.cell_text(cell, xs[cell.column] + free / 2, y, line)
                y -= _LEADING
        self.y = top - sum(heights[start:end])

    def cell_text(self, cell: GridCell, x: float, y: float, line: str) -> None:
        """Draw a line of a cell's text."""
        self.text(x, y, line, 9)

    def _share(self, cell: GridCell, texts: list[str], start: int, end: int, height: float) -> list[str]:
        """The lines of a cell that stand in the part of it on this page."""
        begins, finishes = cell.row >= start, cell.row + cell.row_span <= end
        if begins and finishes:
            return texts
        if not self.press.split or cell.row_span < 3:
            return texts if begins else []
        before = end - cell.row if begins else start - cell.row
        cut = min(len(texts) - 1, max(1, round(len(texts) * before / cell.row_span)))
        if begins:
            return texts[:cut]
        return texts[cut:] if finishes or cell.row < start else texts

    def box(self, left: float, lower: float, right: float, upper: float) -> None:
        """Draw the lines around a cell."""
        kind = self.press.ruled
        if kind == "rect":
            self.canvas.rect(left, lower, right - left, upper - lower)
        elif kind:
            sides = (
                (left, lower, right, lower),
                (left, upper, right, upper),
                (left, lower, left, upper),
                (right, lower, right, upper),
            )
            for x0, y0, x1, y1 in sides:
                if kind == "open" and x0 == x1 and not _MARGIN + 1 < x0 < _MARGIN + _WIDTH - 1:
                    continue
                if kind in ("line", "open"):
                    self.canvas.line(x0, y0, x1, y1)
                else:
                    self.canvas.rect(x0 - 0.24, y0 - 0.24, x1 - x0 + 0.48, y1 - y0 + 0.48, stroke=0, fill=1)

    def finish(self) -> bytes:
        self.turn()
        self.canvas.save()
        return self.target.getvalue()


def _print(printer: Printer, part: Part) -> None:
    if isinstance(part, Grid):
        printer.table(part)
    elif isinstance(part, Heading):
        printer.paragraph(part.text, 15)
    elif isinstance(part, Text) and part.role in ("title", "caption"):
        printer.paragraph(part.text, 20 if part.role == "title" else 14, 0, "center")
    else:
        printer.paragraph(part.text, align="right" if part.role == "signature" else "left")


def pick_press(rng: Random, ruled: bool = True) -> Press:
    """A random printing."""
    return Press(
        rng.choice(("rect", "line", "bar")) if ruled else "",
        rng.random() < 0.35,
        rng.random() < 0.5,
        rng.random() < 0.2,
        rng.choice((6, 6, 10, 16)),
        rng.choice(("- {} -", "— {} —", "{}", "第 {} 页", "")),
    )


def render_pdf(paper: Paper, press: Press) -> bytes:
    """The report as PDF; the same bytes for the same paper and press."""
    return print_paper(paper, Printer(press))


def print_paper(paper: Paper, printer: Printer) -> bytes:
    """The report as ``printer`` draws it."""
    for part in paper.parts:
        _print(printer, part)
    return printer.finish()
