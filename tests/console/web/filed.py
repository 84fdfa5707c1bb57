"""Documents with doubts for tests of the pages: a page that is a picture, with a row of numbers in known places."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

import msgspec
from PIL import Image, ImageDraw

from codebook.records import (
    BlockSeen,
    Cell,
    Extraction,
    Line,
    Page,
    PageKind,
    Place,
    Reader,
    Reading,
    Report,
    Section,
    State,
    Statement,
    StatementKind,
    Table,
)
from codebook.stages import StageName
from tasks.extraction.extract import extract
from tests.inline import Inline
from tests.ocr.papers import image_pdf

ROW = "requests.new_received"
COLUMNS = ("natural_person", "business", "research", "public_welfare", "legal_service", "other_org", "total")
CELL, TOTAL = f"{ROW}.natural_person", f"{ROW}.total"
WIDE, HIGH = 595.0, 842.0
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def box(column: int) -> tuple[float, float, float, float]:
    """Where a column stands on the page."""
    return (200.0 + 50 * column, 400.0, 245.0 + 50 * column, 420.0)


def report(doubt: str = "ocr", agency: str = "示例县教育局", **changes: Any) -> Report:
    """New applications 5, the first number of which was read as 3 or 8."""
    readings = []
    for at, column in enumerate(COLUMNS):
        place, value = Place(page=1, box=box(at)), 5 if column == "total" else 0
        readings.append(Reading(f"{ROW}.{column}", value, State.READ, str(value), place, Reader.OCR, score=0.999))
    unsure = {"value": 3, "state": State.DOUBTFUL, "raw": "S", "doubt": doubt, "candidates": (3, 8), "score": 0.61}
    readings[0] = msgspec.structs.replace(readings[0], **unsure)
    said = Statement((TOTAL,), 5, StatementKind.NUMBER, "5件", f"全年收到申请5件{EVIL}。", Place(page=1), "x")
    fields: dict[str, Any] = {
        "agency": agency,
        "region": ("江苏省", "淮安市"),
        "region_code": "320800",
        "year": 2024,
        "form": "2021",
        "title": f"年度报告{EVIL}",
        "published_on": "2025-01-20",
        "script": "simplified",
        "sections": (Section(1, f"总体情况{EVIL}", f"正文{EVIL}", Place(page=1)),),
        "blocks": (BlockSeen("requests", "2021", Place(page=1)),),
        "readings": tuple(readings),
        "statements": (said,),
    }
    return Report(**(fields | changes))


def report_of_rows(rows: int = 3, agency: str = "示例县教育局") -> Report:
    """The row of new applications, read surely, and below it rows of which only the order of the form says which they are. In the
    last of them one number may be another.
    """
    made = report(agency=agency)
    readings = [
        msgspec.structs.replace(
            r, state=State.READ, candidates=(), doubt=None, raw="5", value=5 if r.indicator in (CELL, TOTAL) else 0
        )
        for r in made.readings
    ]
    for row, slug in enumerate(("granted", "partially_granted", "denied.state_secret")[:rows], 1):
        for at, column in enumerate(COLUMNS):
            x0, top, x1, bottom = box(at)
            place = Place(page=1, box=(x0, top + 30 * row, x1, bottom + 30 * row))
            candidates: tuple[int, ...] = (row, 7) if row == rows and at == 1 else (row,)
            readings.append(
                Reading(
                    f"requests.{slug}.{column}",
                    row,
                    State.DOUBTFUL,
                    str(row),
                    place,
                    Reader.OCR,
                    doubt="label",
                    candidates=candidates,
                )
            )
    return msgspec.structs.replace(made, readings=tuple(readings), statements=())


def paper(mark: int = 0) -> Image.Image:
    """A page with the row drawn on it."""
    image = Image.new("RGB", (int(WIDE * 2), int(HIGH * 2)), "white")
    pen = ImageDraw.Draw(image)
    for at, text in enumerate(("5", "0", "0", "0", "0", "0", "5")):
        x0, y0, x1, y1 = (2 * value for value in box(at))
        pen.rectangle((x0, y0, x1, y1), outline="black", width=2)
        pen.text(((x0 + x1) / 2, (y0 + y1) / 2), text, fill="black", anchor="mm", font_size=26)
    pen.text((120, 120), f"{mark}", fill="black", font_size=30)
    return image


def scan(mark: int = 0) -> bytes:
    """The page as a PDF of a picture."""
    return image_pdf([paper(mark)], dpi=144)


def file_scan(inline: Inline, name: str = "in/a.pdf", made: Report | None = None, mark: int = 0, batch: str = "test") -> int:
    """A scan with its report, validated and loaded; gives its number."""
    number = inline.add(scan(mark), "application/pdf", name, batch)
    page = Page(1, PageKind.PICTURE, "a picture", Reader.OCR, (), WIDE, HIGH)
    inline.have_read(number, made or report(), (StageName.EXTRACT, Extraction("application/pdf", (page,))))
    return number


def file_text(inline: Inline, name: str = "in/a.html", made: Report | None = None) -> int:
    """A web page with a table and a malicious line."""
    cells = tuple(
        Cell(0, at, text, Place(line=2, column=at + 1)) for at, text in enumerate(("新收", "S", "0", "0", "0", "0", "0", "5"))
    )
    blocks = (Line(f"标题{EVIL}", Place(line=1)), Table(cells, 1, 8, Place(line=2)), Line("落款", Place(line=3)))
    page = Page(1, PageKind.TEXT, "text", Reader.HTML, blocks)
    made = made or report()
    readings = tuple(
        msgspec.structs.replace(reading, place=Place(line=2, column=at + 2), read_by=Reader.HTML)
        for at, reading in enumerate(made.readings)
    )
    number = inline.add(f"<p>{name}".encode(), "text/html", name)
    made = msgspec.structs.replace(made, readings=readings)
    inline.have_read(number, made, (StageName.EXTRACT, Extraction("text/html", (page,))))
    return number


def file_pictured(inline: Inline) -> int:
    """A web page whose table is a picture inside of it; gives its number."""
    png = io.BytesIO()
    paper(7).save(png, "PNG")
    source = base64.b64encode(png.getvalue()).decode()
    page = f"<p>{html.escape(EVIL)}</p><img src='data:image/png;base64,{source}'><p>落款</p>".encode()
    made = report()
    readings = tuple(
        msgspec.structs.replace(reading, place=Place(page=2, box=box(at))) for at, reading in enumerate(made.readings)
    )
    number = inline.add(page, "text/html", "in/pictured.html")
    inline.have_read(number, msgspec.structs.replace(made, readings=readings), (StageName.EXTRACT, extract(page, "text/html")))
    return number


def file_sure(inline: Inline, name: str, mark: int, total: int = 5, words: str = "正文。", **changes: Any) -> int:
    """A report that was read surely, with ``total`` new applications and ``words`` in its only chapter; gives its number."""
    made = report(**changes)
    readings = tuple(
        msgspec.structs.replace(
            each, value=total if each.indicator in (TOTAL, CELL) else 0, state=State.READ, candidates=(), read_by=Reader.HTML
        )
        for each in made.readings
    )
    sections = (Section(1, "总体情况", words, Place(page=1)),)
    made = msgspec.structs.replace(made, readings=readings, sections=sections, statements=(), title="年度报告")
    return file_scan(inline, name, made, mark=mark)
