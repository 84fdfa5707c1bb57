"""PDF pages with one ruled table of numbers, whose text and whose look can be made to differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import reportlab
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

LABELS = "STSong-Light"
VERA = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
pdfmetrics.registerFont(UnicodeCIDFont(LABELS))
pdfmetrics.registerFont(TTFont("Vera", VERA))
HEIGHT = 842.0
LEFT, TOP, WIDE, TALL = 200.0, 100.0, 45.0, 22.0

Draw = Callable[["Sheet", float, float, str], None]


class Sheet:
    """A page with rows of a label and numbers. ``font`` prints the numbers, ``draw`` does it for chosen cells."""

    def __init__(self, font: str = "Helvetica", size: float = 9, invariant: int = 1) -> None:
        self.target = BytesIO()
        self.canvas = Canvas(self.target, pagesize=(595, HEIGHT), pageCompression=0, invariant=invariant)
        self.font, self.size = font, size

    def table(self, rows: list[list[str]], draw: dict[tuple[int, int], Draw] | None = None, *, ruled: bool = True) -> Sheet:
        box = self.canvas.rect if ruled else lambda *_: None
        for r, row in enumerate(rows):
            y = HEIGHT - TOP - TALL * (r + 1)
            box(LEFT - 120, y, 120, TALL)
            self.canvas.setFont(LABELS, 9)
            self.canvas.drawString(LEFT - 116, y + 7, f"第{'一二三四五六七八九十'[r]}行")
            for c, text in enumerate(row):
                x = LEFT + WIDE * c
                box(x, y, WIDE, TALL)
                (draw or {}).get((r, c), write)(self, x, y, text)
        return self

    def text(self, x: float, y: float, text: str, font: str | None = None) -> None:
        font = font or (self.font if text.isascii() else LABELS)
        self.canvas.setFont(font, self.size)
        self.canvas.drawString(x, y, text)

    def saved(self) -> bytes:
        self.canvas.save()
        return self.target.getvalue()


def write(sheet: Sheet, x: float, y: float, text: str) -> None:
    """The number as text."""
    sheet.text(x + 5, y + 7, text)


def picture(sheet: Sheet, x: float, y: float, text: str) -> None:
    """The number as a little picture."""
    image = Image.new("L", (120, 60), 255)
    ImageDraw.Draw(image).text((10, 8), text, fill=0, font=ImageFont.truetype(str(VERA), 40))
    sheet.canvas.drawImage(ImageReader(image), x + 5, y + 4, 28, 14)


def field(sheet: Sheet, x: float, y: float, text: str) -> None:
    """The number as the value of a form field."""
    sheet.canvas.acroForm.textfield(
        value=text, name=f"f{x:.0f}{y:.0f}", x=x + 3, y=y + 3, width=38, height=16, fontSize=9, borderWidth=0, fillColor=None
    )


def covered_by(other: str) -> Draw:
    """The number under a white box, on which ``other`` is printed."""

    def draw(sheet: Sheet, x: float, y: float, text: str) -> None:
        write(sheet, x, y, text)
        sheet.canvas.setFillGray(1)
        sheet.canvas.rect(x + 2, y + 2, WIDE - 4, TALL - 4, stroke=0, fill=1)
        sheet.canvas.setFillGray(0)
        picture(sheet, x, y, other)

    return draw


def stroke(sheet: Sheet, x: float, y: float, text: str) -> None:
    """A stroke from corner to corner."""
    sheet.canvas.line(x, y, x + WIDE, y + TALL)


def dash(sheet: Sheet, x: float, y: float, text: str) -> None:
    """A drawn dash."""
    sheet.canvas.line(x + 18, y + 11, x + 28, y + 11)


def swapped(data: bytes, swaps: dict[str, str]) -> bytes:
    """The PDF with a map to Unicode that takes digits for others; its fonts are embedded, and nothing is compressed."""
    pairs = {f"<{ord(a):04X}>": f"<{ord(b):04X}>" for a, b in swaps.items()}

    def lie(match: re.Match[bytes]) -> bytes:
        return re.sub(rb"<00[0-9A-F]{2}>(?=\n)", lambda m: pairs.get(m[0].decode(), m[0].decode()).encode(), match[0])

    made, count = re.subn(rb"beginbfchar.*?endbfchar", lie, data, flags=re.DOTALL)
    assert count
    return made
