"""Reports as PDF whose tables are drawn as other programs draw them, and which hold more than they show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader

from tests.generator.layouts.print import Press, Printer, print_paper
from tests.generator.paper import Grid, Paper

SIDES = (
    "full",
    "no sides",
    "no top",
    "no bottom",
    "no top and bottom",
    "inner only",
    "only level",
    "left open",
    "right open",
    "no inner",
)
PENS = ("line", "bar", "dots", "dashes", "gaps", "picture", "double", "hair")
DECOYS = ("white", "invisible", "clipped", "covered", "outside", "transparent", "tiny")
MARKS = ("样稿", "内部资料", "仅供公开使用", "DRAFT", "某某区人民政府")


@dataclass(frozen=True)
class PdfTricks:
    """What is odd about a printing: which lines of the tables are drawn and with which pen, how numbers are written that nobody
    sees ("" for none), what stands behind the tables as a watermark, and by how many quarters pages lie on their side.
    """

    sides: str = "full"
    pen: str = "line"
    decoys: str = ""
    mark: str = ""
    grey: float = 0.8
    size: float = 40.0
    over: bool = False
    turn: int = 0
    fields: bool = False

    @property
    def name(self) -> str:
        """The tricks in a few words."""
        mark = f"watermark {self.mark} {self.grey} {self.size:.0f} {'over' if self.over else 'under'}" if self.mark else ""
        turn = f"turned {self.turn}" if self.turn else ""
        return ", ".join(filter(None, (self.sides, self.pen, self.decoys, mark, turn, "fields" if self.fields else "")))


def pick_tricks(dice: Random) -> PdfTricks:
    """A random printing with one or two tricks."""
    sides = dice.choice(SIDES) if dice.random() < 0.5 else "full"
    return PdfTricks(
        sides=sides,
        pen=dice.choice(PENS) if dice.random() < 0.6 else "line",
        decoys=dice.choice(DECOYS) if dice.random() < 0.4 else "",
        mark=dice.choice(MARKS) if dice.random() < 0.3 else "",
        grey=dice.choice((0.7, 0.8, 0.88)),
        size=dice.choice((14.0, 26.0, 40.0, 72.0)),
        over=dice.random() < 0.5,
        turn=dice.choice((1, 2, 3)) if dice.random() < 0.2 else 0,
        fields=dice.random() < 0.15,
    )


class TrickPrinter(Printer):
    """Prints a report with tricks."""

    def __init__(self, press: Press, tricks: PdfTricks, dice: Random) -> None:
        whole = tricks.sides in ("full", "no sides", "left open", "right open")
        super().__init__(press if whole else replace(press, repeat=False))  # a header would run into the row below it
        self.tricks, self.dice = tricks, dice
        self.extent = (0.0, 0.0, 0.0, 0.0)  # left, lower, right, upper of the table on this page
        self.values = False  # whether what is printed is a table's number
        self.fields = 0
        self.dot = ImageReader(Image.new("L", (1, 1), 0))
        self.begin()

    def begin(self) -> None:
        """What a page begins with."""
        if self.tricks.turn:
            wide, high = A4
            size, shift = (A4, (wide, high)) if self.tricks.turn == 2 else ((high, wide), None)
            self.canvas.setPageSize(size)
            self.canvas.translate(*(shift or ((0, wide) if self.tricks.turn == 1 else (high, 0))))
            self.canvas.rotate(-90 * self.tricks.turn)
        if self.tricks.mark and not self.tricks.over:
            self.watermark()

    def turn(self) -> None:
        """End the page and begin another."""
        if self.tricks.mark and self.tricks.over:
            self.watermark()
        super().turn()
        self.begin()

    def watermark(self) -> None:
        """Print the watermark all over the page."""
        self.canvas.setFillGray(self.tricks.grey)
        step = self.tricks.size * 3
        wide = self.width(self.tricks.mark, self.tricks.size) * 1.5
        y = 60.0
        while y < A4[1] - 40:
            x = 40.0
            while x < A4[0] - 40:
                super().text(x, y, self.tricks.mark, self.tricks.size)
                x += wide
            y += step
        self.canvas.setFillGray(0)

    def segment(
        self, grid: Grid, xs: list[float], heights: list[float], lines: dict[int, list[str]], *, start: int, end: int
    ) -> None:
        """Draw rows of a table; the lines know where it begins and ends."""
        self.extent = xs[0], self.y - sum(heights[start:end]), xs[-1], self.y
        super().segment(grid, xs, heights, lines, start=start, end=end)
        self.extent = (0.0, 0.0, 0.0, 0.0)

    def text(self, x: float, y: float, text: str, size: float) -> None:
        """Print a text; a number of a table with its decoy."""
        if self.extent == (0.0, 0.0, 0.0, 0.0) or not text.replace(".", "").isdigit():
            super().text(x, y, text, size)
            return
        if self.tricks.decoys and self.dice.random() < 0.6:
            self.decoy(x, y, str(self.dice.randrange(1, 999)), size)
        if self.tricks.fields:
            self.field(x, y, text, size)
        else:
            super().text(x, y, text, size)

    def field(self, x: float, y: float, text: str, size: float) -> None:
        """A number as the value of a form field."""
        self.fields += 1
        # the field stands upright whatever the page does, but in its cell, and is as wide as its text
        ends = (x - 3, y - 2), (x - 3 + max(self.width(text, size) + 6, 14), y + size + 1)
        (ax, ay), (bx, by) = (self.canvas.absolutePosition(*end) for end in ends)
        letters = 7 if abs(ax - bx) > abs(ay - by) else 4
        wide = max(abs(ax - bx), self.width(text, letters) + 6)
        self.canvas.acroForm.textfield(
            value=text,
            name=f"f{self.fields}",
            x=(ax + bx - wide) / 2,
            y=min(ay, by),
            width=wide,
            height=abs(ay - by),
            fontSize=letters,
            borderWidth=0,
            relative=False,
        )

    def decoy(self, x: float, y: float, text: str, size: float) -> None:
        """A number that nobody sees."""
        canvas, kind = self.canvas, self.tricks.decoys
        x += self.dice.uniform(-4, 4)
        canvas.saveState()
        if kind == "white":
            canvas.setFillGray(1)
            super().text(x, y, text, size)
        elif kind == "invisible":
            words = canvas.beginText(x, y)
            words.setFont("Helvetica", size)
            words.setTextRenderMode(3)
            words.textOut(text)
            canvas.drawText(words)
        elif kind == "clipped":
            path = canvas.beginPath()
            path.rect(5, 5, 3, 3)
            canvas.clipPath(path, stroke=0, fill=0)
            super().text(x, y, text, size)
        elif kind == "covered":
            super().text(x, y, text, size)
            canvas.setFillGray(1)
            canvas.rect(x - 1, y - 2, self.width(text, size) + 2, size + 1, stroke=0, fill=1)
        elif kind == "outside":
            super().text(x + 2000, y, text, size)
        elif kind == "transparent":
            canvas.setFillAlpha(0)
            super().text(x, y, text, size)
        else:
            super().text(x, y, text, 0.7)
        canvas.restoreState()

    def box(self, left: float, lower: float, right: float, upper: float) -> None:
        """Draw those lines around a cell that the table has."""
        x0, y0, x1, y1 = self.extent
        sides = self.tricks.sides
        hidden = {
            "no sides": (x0, x1),
            "left open": (x0,),
            "right open": (x1,),
            "no top": (y1,),
            "no bottom": (y0,),
            "no top and bottom": (y0, y1),
            "inner only": (x0, x1, y0, y1),
        }.get(sides, ())
        for y in (lower, upper):
            if sides == "no inner" and y0 + 1 < y < y1 - 60:
                continue
            if not any(abs(y - edge) < 0.1 for edge in hidden if edge in (y0, y1)):
                self.rule(left, y, right, y)
        for x in (left, right):
            if sides != "only level" and not any(abs(x - edge) < 0.1 for edge in hidden if edge in (x0, x1)):
                self.rule(x, lower, x, upper)

    def rule(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Draw a line with the pen."""
        canvas, pen = self.canvas, self.tricks.pen
        level, length = y0 == y1, max(x1 - x0, y1 - y0)
        if pen == "bar":
            canvas.rect(x0 - 0.24, y0 - 0.24, x1 - x0 + 0.48, y1 - y0 + 0.48, stroke=0, fill=1)
        elif pen == "picture":
            canvas.drawImage(self.dot, x0, y0, x1 - x0 or 0.7, y1 - y0 or 0.7)
        elif pen in ("dots", "gaps"):
            step, piece = (3.0, 1.6) if pen == "dots" else (40.0, 35.0)
            at = 0.0
            while at < length:
                end = min(at + piece, length)
                canvas.line(*((x0 + at, y0, x0 + end, y0) if level else (x0, y0 + at, x0, y0 + end)))
                at += step
        else:
            canvas.setLineWidth(0.1 if pen == "hair" else 0.6)
            canvas.setDash(*((2, 2) if pen == "dashes" else ()))
            canvas.line(x0, y0, x1, y1)
            if pen == "double":
                canvas.line(*((x0, y0 + 1.2, x1, y1 + 1.2) if level else (x0 + 1.2, y0, x1 + 1.2, y1)))
            canvas.setDash()


def print_with_tricks(paper: Paper, press: Press, tricks: PdfTricks, dice: Random) -> bytes:
    """The report as PDF with tricks."""
    return print_paper(paper, TrickPrinter(press, tricks, dice))
