"""Reports printed as PDF, with one thing that deceives a program: text that is not seen, or numbers that are no text."""

from __future__ import annotations

import ctypes
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium
import reportlab
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from tests.generator.layouts.print import FONT, Press, Printer, pick_press, print_paper
from tests.generator.paper import Grid, GridCell, Paper

SIZE = 9  # points of a table's text
_VERA = "Digits"
pdfmetrics.registerFont(TTFont(_VERA, str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf")))
_WATERMARKS = ("样稿", "仅供政务公开使用", "示例内部资料", "政府信息公开 2023")


@dataclass
class Page:
    """What is written into a page after it was drawn: widgets and notes, as (kind, box, text)."""

    annotations: list[tuple[str, tuple[float, float, float, float], str]] = field(default_factory=list)


class DeceivingPrinter(Printer):
    """Prints each number that ``chosen`` names in the way of ``draw``, all else plainly."""

    def __init__(self, press: Press, dice: Random, draw: Draw | None, share: float) -> None:
        super().__init__(press)
        self.dice, self.draw, self.share = dice, draw, share
        self.pages = [Page()]

    def turn(self) -> None:
        super().turn()
        self.pages.append(Page())

    def cell_text(self, cell: GridCell, x: float, y: float, line: str) -> None:
        if self.draw and cell.is_value and line and self.dice.random() < self.share:
            self.draw(self, x, y, line)
        else:
            super().cell_text(cell, x, y, line)

    def raw(self, code: str) -> None:
        """Write operators into the page."""
        self.canvas._code.append(code)  # noqa: SLF001 - the library has no other way


Draw = Callable[[DeceivingPrinter, float, float, str], None]


def other_number(dice: Random, text: str) -> str:
    """A number that is not ``text``, with about as many digits."""
    while (number := str(dice.randrange(10 ** max(1, min(len(text) + dice.choice((-1, 0, 0, 1)), 6))))) == text:
        pass
    return number


# ---- text that is not seen -------------------------------------------------------------------------------------------------


def _layer(on: bool) -> Draw:
    def draw(printer: DeceivingPrinter, x: float, y: float, line: str) -> None:
        shown, hidden = line, other_number(printer.dice, line)
        if on:
            printer.raw("/OC /Seen BDC")
            printer.text(x, y, shown, SIZE)
            printer.raw("EMC")
            return
        first = printer.dice.random() < 0.5
        if first:
            printer.text(x, y, shown, SIZE)
        printer.raw("/OC /Unseen BDC")
        printer.text(x + printer.dice.uniform(-4, 8), y + printer.dice.uniform(-2, 2), hidden, SIZE)
        printer.raw("EMC")
        if not first:
            printer.text(x, y, shown, SIZE)

    return draw


def white(printer: DeceivingPrinter, x: float, y: float, line: str) -> None:
    """Print the number, and another in white."""
    printer.canvas.setFillGray(printer.dice.choice((1, 1, 0.995)))
    printer.text(x + printer.dice.uniform(-6, 6), y, other_number(printer.dice, line), SIZE)
    printer.canvas.setFillGray(0)
    printer.text(x, y, line, SIZE)


def covered(printer: DeceivingPrinter, x: float, y: float, line: str) -> None:
    """Print another number, a white box over it, and the number on it."""
    wrong = other_number(printer.dice, line)
    printer.text(x, y, wrong, SIZE)
    printer.canvas.setFillGray(1)
    width = max(printer.width(wrong, SIZE), printer.width(line, SIZE))
    printer.canvas.rect(x - 1, y - 2, width + 2, SIZE + 2, stroke=0, fill=1)
    printer.canvas.setFillGray(0)
    printer.text(x, y, line, SIZE)


def clipped(printer: DeceivingPrinter, x: float, y: float, line: str) -> None:
    """Print the number, and another outside of the clip."""
    printer.text(x, y, line, SIZE)
    printer.canvas.saveState()
    path = printer.canvas.beginPath()
    path.rect(1, 1, 20, 20)
    printer.canvas.clipPath(path, stroke=0, fill=0)
    printer.text(x + printer.dice.uniform(-6, 6), y, other_number(printer.dice, line), SIZE)
    printer.canvas.restoreState()


def invisible(printer: DeceivingPrinter, x: float, y: float, line: str) -> None:
    """Print the number, and another in render mode 3."""
    printer.text(x, y, line, SIZE)
    text = printer.canvas.beginText(x + printer.dice.uniform(-6, 6), y)
    text.setFont(FONT, SIZE)
    text.setTextRenderMode(3)
    text.textOut(other_number(printer.dice, line))
    text.setTextRenderMode(0)
    printer.canvas.drawText(text)


# ---- numbers whose text lies, or is none -------------------------------------------------------------------------------------


def embedded(printer: DeceivingPrinter, x: float, y: float, line: str) -> None:
    """Print the number in a font of its own, whose map is changed afterwards."""
    printer.canvas.setFont(_VERA, SIZE - 1)
    printer.canvas.drawString(x, y, line)


def little_picture(printer: DeceivingPrinter, x: float, y: float, line: str) -> None:
    """Draw the number as a picture."""
    face = ImageFont.truetype(str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"), 40)
    left, top, right, bottom = face.getbbox(line)
    image = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8), 255)
    ImageDraw.Draw(image).text((4 - left, 4 - top), line, font=face, fill=0)
    scale = 7 / 32
    printer.canvas.drawImage(ImageReader(image), x - 1, y - 1, image.width * scale, image.height * scale)


def outlines(printer: DeceivingPrinter, x: float, y: float, line: str) -> None:
    """Draw the number as filled outlines of its digits."""
    for char in line:
        path = printer.canvas.beginPath()
        for kind, px, py in _outline(char):
            at = (x + px * SIZE, y + py * SIZE)
            {"move": path.moveTo, "line": path.lineTo}.get(kind, path.lineTo)(*at)
        printer.canvas.drawPath(path, stroke=0, fill=1, fillMode=1)
        x += printer.width(char, SIZE)


def _outline(char: str) -> list[tuple[str, float, float]]:
    """The outline of a digit, curves as short lines, for a size of 1."""
    document = pypdfium2.PdfDocument.new()
    font = pdfium.FPDFText_LoadStandardFont(document.raw, b"Helvetica")
    path = pdfium.FPDFFont_GetGlyphPath(font, ord(char), 1.0)
    found: list[tuple[str, float, float]] = []
    curve: list[tuple[float, float]] = []
    for at in range(pdfium.FPDFGlyphPath_CountGlyphSegments(path)):
        segment = pdfium.FPDFGlyphPath_GetGlyphPathSegment(path, at)
        px, py = ctypes.c_float(), ctypes.c_float()
        pdfium.FPDFPathSegment_GetPoint(segment, px, py)
        point = (px.value, py.value)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_BEZIERTO:
            curve.append(point)
            if len(curve) == 3:
                found += _bent((found[-1][1], found[-1][2]), *curve)
                curve = []
        else:
            found.append(("move" if kind == pdfium.FPDF_SEGMENT_MOVETO else "line", *point))
    document.close()
    return found


def _bent(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]
) -> list[tuple[str, float, float]]:
    points = []
    for step in range(1, 7):
        t = step / 6
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        x, y = (sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
        points.append(("line", x, y))
    return points


def _annotated(kind: str) -> Draw:
    def draw(printer: DeceivingPrinter, x: float, y: float, line: str) -> None:
        box = (x - 2, y - 3, x + printer.width(line, SIZE) + 4, y + SIZE + 1)
        printer.pages[-1].annotations.append((kind, box, line))

    return draw


def noted(printer: DeceivingPrinter, x: float, y: float, line: str) -> None:
    """Print the number with a note mark behind it: raised, or a circled digit."""
    printer.text(x, y, line, SIZE)
    mark = printer.dice.choice(("1", "2", "12", "①", "③", "*", "[1]", "注", "(2)"))
    x += printer.width(line, SIZE)
    if mark in "①③注":
        printer.text(x, y, mark, SIZE)
    else:
        printer.text(x, y + printer.dice.uniform(3, 4.5), mark, SIZE * printer.dice.uniform(0.5, 0.65))


def broken(printer: DeceivingPrinter, x: float, y: float, line: str) -> None:
    """Print the number on two lines."""
    if len(line) < 2:
        printer.text(x, y, line, SIZE)
        return
    at = printer.dice.randrange(1, len(line))
    printer.text(x, y + 5, line[:at], SIZE)
    printer.text(x, y - 5, line[at:], SIZE)


# ---- pages ------------------------------------------------------------------------------------------------------------------


def _open_press(press: Press) -> Press:
    return Press("open", press.repeat, press.split, press.shaded, press.padding, press.numbering)


def _stamped(document: pikepdf.Pdf, dice: Random) -> None:
    """A text watermark on every page, over or under what it shows."""
    words, angle, grey = dice.choice(_WATERMARKS), dice.choice((0, 0, 0, 30, 45, -30)), dice.uniform(0.6, 0.85)
    size, under = dice.randrange(20, 60), dice.random() < 0.5
    rows = dice.choice((1, 3, 6))
    printer = Printer(Press("", False, False, False, 6, ""))
    printer.canvas.setFillGray(grey)
    for row in range(rows):
        printer.canvas.saveState()
        printer.canvas.translate(dice.uniform(80, 250), 120 + row * 600 / rows)
        printer.canvas.rotate(angle)
        printer.text(0, 0, words, size)
        printer.canvas.restoreState()
    with pikepdf.open(io.BytesIO(printer.finish())) as mark:
        for page in document.pages:
            target = pikepdf.Page(page)
            (target.add_underlay if under else target.add_overlay)(mark.pages[0])


def _turned(document: pikepdf.Pdf, dice: Random) -> None:
    """Every page, or each that has a table, drawn turned, without /Rotate."""
    width, height = A4
    moved, size = dice.choice(
        (
            (f"0 -1 1 0 0 {width}", (height, width)),
            (f"0 1 -1 0 {height} 0", (height, width)),
            (f"-1 0 0 -1 {width} {height}", (width, height)),
        )
    )
    for page in document.pages:
        page.contents_add(document.make_stream(f"q {moved} cm\n".encode()), prepend=True)
        page.contents_add(document.make_stream(b"\nQ"))
        page.MediaBox = pikepdf.Array([0, 0, *size])


def _without_page(document: pikepdf.Pdf, dice: Random) -> None:
    """One page less, any but the first."""
    if len(document.pages) > 1:
        del document.pages[dice.randrange(1, len(document.pages))]


def _empty_stream(document: pikepdf.Pdf, dice: Random) -> None:
    """An empty stream that says it is compressed, beside the contents of a page."""
    page = dice.choice(list(document.pages))
    stream = document.make_stream(b"")
    stream.Filter = pikepdf.Name.FlateDecode
    page.contents_add(stream)


def _lying_map(document: pikepdf.Pdf, dice: Random) -> None:
    """ToUnicode of the embedded font with its digits exchanged."""
    digits = list("0123456789")
    by = dice.randrange(1, 10)
    shuffled = [*digits[by:], *digits[:by]]
    if dice.random() < 0.5:  # only two of them
        one, other = dice.sample(range(10), 2)
        shuffled = list(digits)
        shuffled[one], shuffled[other] = digits[other], digits[one]
    change = {f"{ord(one):04X}": f"{ord(other):04X}" for one, other in zip(digits, shuffled, strict=True)}
    for font in _embedded_fonts(document):
        code = font.ToUnicode.read_bytes().decode("latin-1")
        body = re.sub(r"(?<=<)(00[0-9A-F]{2})(?=>\s*\n)", lambda m: change.get(m[1].upper(), m[1]), code)
        font.ToUnicode = document.make_stream(body.encode("latin-1"))


def _no_map(document: pikepdf.Pdf, dice: Random) -> None:
    """The embedded font without ToUnicode."""
    for font in _embedded_fonts(document):
        del font["/ToUnicode"]


def _embedded_fonts(document: pikepdf.Pdf) -> list[pikepdf.Object]:
    found = []
    for item in document.objects:
        if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == pikepdf.Name.Font and "/ToUnicode" in item:
            found.append(item)
    return found


def _layers(document: pikepdf.Pdf, dice: Random) -> None:
    """The layers that the pages name, one on and one off."""
    seen, unseen = (document.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=name)) for name in ("seen", "draft"))
    off = pikepdf.Dictionary(OFF=pikepdf.Array([unseen]))
    if dice.random() < 0.3:
        off = pikepdf.Dictionary(BaseState=pikepdf.Name.OFF, ON=pikepdf.Array([seen]))
    document.Root.OCProperties = pikepdf.Dictionary(OCGs=pikepdf.Array([seen, unseen]), D=off)
    for page in document.pages:
        page.Resources.Properties = pikepdf.Dictionary(Seen=seen, Unseen=unseen)


def _with_annotations(document: pikepdf.Pdf, dice: Random, pages: list[Page]) -> None:
    """The numbers as widgets or typed notes, with or without their appearance."""
    drawn = dice.random() < 0.6
    fields = []
    for page, made in zip(document.pages, pages, strict=False):
        notes = []
        for kind, box, text in made.annotations:
            note = pikepdf.Dictionary(
                Type=pikepdf.Name.Annot, Rect=pikepdf.Array([round(v, 2) for v in box]), F=4,
                DA=pikepdf.String("/Helv 9 Tf 0 g"), P=page.obj,
            )  # fmt: skip
            if kind == "widget":
                note.Subtype, note.FT = pikepdf.Name.Widget, pikepdf.Name.Tx
                note.T, note.V = pikepdf.String(f"n{len(fields)}"), pikepdf.String(text)
            else:
                note.Subtype, note.Contents = pikepdf.Name.FreeText, pikepdf.String(text)
            if drawn or kind != "widget":
                note.AP = pikepdf.Dictionary(N=_look(document, box, text))
            note = document.make_indirect(note)
            fields += [note] if kind == "widget" else []
            notes.append(note)
        if notes:
            page.Annots = pikepdf.Array(notes)
    if fields:
        document.Root.AcroForm = pikepdf.Dictionary(
            Fields=pikepdf.Array(fields), NeedAppearances=not drawn, DA=pikepdf.String("/Helv 9 Tf 0 g"),
            DR=pikepdf.Dictionary(Font=pikepdf.Dictionary(Helv=_helvetica(document))),
        )  # fmt: skip


def _helvetica(document: pikepdf.Pdf) -> pikepdf.Object:
    return document.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type1,
            BaseFont=pikepdf.Name.Helvetica,
            Encoding=pikepdf.Name.WinAnsiEncoding,
        )
    )


def _look(document: pikepdf.Pdf, box: tuple[float, float, float, float], text: str) -> pikepdf.Object:
    look = document.make_stream(f"/Tx BMC q BT /Helv 9 Tf 0 g 2 3 Td ({text}) Tj ET Q EMC".encode())
    look.Type, look.Subtype = pikepdf.Name.XObject, pikepdf.Name.Form
    look.BBox = pikepdf.Array([0, 0, round(box[2] - box[0], 2), round(box[3] - box[1], 2)])
    look.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(Helv=_helvetica(document)))
    return look


Change = Callable[[pikepdf.Pdf, Random], None]


@dataclass(frozen=True)
class PdfKind:
    """How a kind draws its numbers, and what it does to the file afterwards."""

    draw: Draw | None = None
    change: Change | None = None
    press: Callable[[Press], Press] | None = None
    padding: float = 0


PDF_KINDS: dict[str, PdfKind] = {
    "pdf plain": PdfKind(),
    "pdf layer that is off": PdfKind(_layer(on=False), _layers),
    "pdf layer that is on": PdfKind(_layer(on=True), _layers),
    "pdf white": PdfKind(white),
    "pdf covered": PdfKind(covered),
    "pdf clipped": PdfKind(clipped),
    "pdf invisible": PdfKind(invisible),
    "pdf lying map": PdfKind(embedded, _lying_map),
    "pdf without map": PdfKind(embedded, _no_map),
    "pdf little pictures": PdfKind(little_picture),
    "pdf outlines": PdfKind(outlines),
    "pdf widgets": PdfKind(_annotated("widget")),
    "pdf typed notes": PdfKind(_annotated("typed")),
    "pdf note marks": PdfKind(noted),
    "pdf broken numbers": PdfKind(broken, padding=14),
    "pdf watermark": PdfKind(change=_stamped),
    "pdf turned": PdfKind(change=_turned),
    "pdf open sides": PdfKind(press=_open_press),
    "pdf page missing": PdfKind(change=_without_page),
    "pdf empty stream": PdfKind(change=_empty_stream),
}


def print_deceiving(paper: Paper, dice: Random, kind: PdfKind) -> bytes:
    """The report as a PDF of a kind, with a random share of its numbers touched."""
    press = pick_press(dice)
    press = kind.press(press) if kind.press else press
    if kind.padding:
        press = Press(press.ruled, press.repeat, press.split, press.shaded, kind.padding, press.numbering)
    printer = DeceivingPrinter(press, dice, kind.draw, dice.choice((0.05, 0.3, 1.0)))
    data = print_paper(paper, printer)
    changed = kind.change or any(page.annotations for page in printer.pages)
    if not changed:
        return data
    with pikepdf.open(io.BytesIO(data)) as document:
        if kind.change:
            kind.change(document, dice)
        _with_annotations(document, dice, printer.pages)
        result = io.BytesIO()
        document.save(result, static_id=True)
    return result.getvalue()


def without_rows(dice: Random, grid: Grid) -> Grid:
    """A table without one row, some rows, or its last rows, never the header's."""
    values = sorted({cell.row for cell in grid.cells if cell.is_value})
    if not values:
        return grid
    count = dice.choice((1, 1, 2, 3, len(values) // 3 or 1))
    start = dice.choice((len(values) - count, dice.randrange(len(values))))
    lost = set(values[start : start + count])
    kept = [row for row in range(grid.rows) if row not in lost]
    where = {row: at for at, row in enumerate(kept)}
    cells = []
    for cell in grid.cells:
        rows = [where[row] for row in range(cell.row, cell.row + cell.row_span) if row in where]
        if rows:
            cells.append(GridCell(rows[0], cell.column, cell.text, len(rows), cell.column_span, cell.is_value))
    return Grid(grid.name, len(kept), grid.columns, tuple(cells))
