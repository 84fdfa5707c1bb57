"""Pictures in OFD documents: a scan is read by OCR as one in a PDF is, and nothing that is shown is lost without a word."""

from __future__ import annotations

import io

import numpy as np
import pypdfium2
import pytest
from PIL import Image, ImageDraw

from codebook.errors import GongkaiError
from codebook.records import Hints, PageKind, Reader
from ingest.files.identify import identify
from tasks.extraction.extract import extract
from tasks.extraction.ocr_pages import needs_ocr
from tasks.flow import read_document
from tasks.ocr.render import render
from tests.extraction.ofd_files import ofd_of_pictures
from tests.generator.documents import Wishes, make_document

OFD = "application/ofd"
LONG = (
    '<ofd:TextObject ID="5" Boundary="20 20 100 10" Font="1" Size="5"><ofd:TextCode X="0" Y="4">'
    "示例县教育局二〇二三年政府信息公开工作年度报告全文如下</ofd:TextCode></ofd:TextObject>"
)


def marked(kind: str = "PNG", mode: str = "RGB") -> bytes:
    """A sheet of 400 x 600 pixels with a black mark in its upper left corner, and a short one to its right."""
    made = Image.new(mode, (400, 600), (255, 255, 255, 0) if mode == "RGBA" else "white")
    pen = ImageDraw.Draw(made)
    pen.rectangle((0, 0, 99, 99), fill="black")
    pen.rectangle((300, 0, 399, 29), fill="black")
    target = io.BytesIO()
    made.save(target, kind)
    return target.getvalue()


def dark(pixels: np.ndarray) -> tuple[bool, bool, bool, bool]:
    """Which corners are dark: upper left, upper right, lower left, lower right."""
    height, width = pixels.shape[:2]
    spots = [pixels[y, x].max() < 100 for y in (10, height - 11) for x in (10, width - 11)]
    return (bool(spots[0]), bool(spots[1]), bool(spots[2]), bool(spots[3]))


def test_a_page_that_is_a_picture_waits_for_ocr() -> None:
    data = ofd_of_pictures([marked(), marked("JPEG")])
    assert identify(io.BytesIO(data)).media_type == OFD
    extraction = extract(data, OFD)
    assert [(page.kind, page.read_by, needs_ocr(page)) for page in extraction.pages] == [(PageKind.PICTURE, Reader.OCR, True)] * 2
    assert [round(page.width or 0) for page in extraction.pages] == [595, 595]
    image = render(data, OFD, 1)
    height, width = image.pixels.shape[:2]
    assert (round(width * image.scale), round(height * image.scale)) == (595, 842)
    assert dark(image.pixels) == (True, True, False, False)


@pytest.mark.parametrize(
    ("matrix", "corners"),
    [
        ("210 0 0 297 0 0", (True, True, False, False)),
        ("-210 0 0 -297 210 297", (False, False, True, True)),  # upside down
        ("0 297 -210 0 210 0", (False, True, False, True)),  # a quarter clockwise
        ("0 -297 210 0 0 297", (True, False, True, False)),  # a quarter the other way
        ("-210 0 0 297 210 0", (True, True, False, False)),  # mirrored
    ],
)
def test_a_picture_is_turned_as_it_is_shown(matrix: str, corners: tuple[bool, ...]) -> None:
    data = ofd_of_pictures([marked()], placed=f'Boundary="0 0 210 297" CTM="{matrix}"')
    assert dark(render(data, OFD, 1).pixels) == corners


def test_a_picture_without_a_matrix_fills_its_boundary() -> None:
    data = ofd_of_pictures([marked()], placed='Boundary="0 0 210 297"')
    assert dark(render(data, OFD, 1).pixels) == (True, True, False, False)


def test_text_below_an_opaque_picture_is_not_read() -> None:
    (page,) = extract(ofd_of_pictures([marked()], more=LONG), OFD).pages
    assert (page.kind, page.blocks) == (PageKind.PICTURE, ())


def test_text_below_a_transparent_picture_is_read() -> None:
    (page,) = extract(ofd_of_pictures([marked(mode="RGBA")], more=LONG), OFD).pages
    assert page.kind is PageKind.MIXED
    assert page.blocks


def test_a_picture_beside_text_may_be_a_table() -> None:
    placed = 'Boundary="20 60 150 80" CTM="150 0 0 80 0 0"'
    (page,) = extract(ofd_of_pictures([marked()], placed=placed, more=LONG), OFD).pages
    assert (page.kind, len(page.blocks), needs_ocr(page)) == (PageKind.MIXED, 1, True)
    (box,) = page.pictures
    assert [round(value * 25.4 / 72) for value in box] == [20, 60, 170, 140]


@pytest.mark.parametrize(
    ("picture", "placed"),
    [
        (b"\x97JB2\r\n\x1a\n" + bytes(50), 'Boundary="0 0 210 297" CTM="210 0 0 297 0 0"'),
        (marked(), 'Boundary="0 0 210 297" CTM="200 60 -60 280 60 0"'),  # in a slant
    ],
)
def test_a_picture_that_cannot_be_drawn_is_named(picture: bytes, placed: str) -> None:
    with pytest.raises(GongkaiError) as caught:
        extract(ofd_of_pictures([picture], placed=placed), OFD)
    assert (caught.value.code, "picture 80 on page 1" in caught.value.found) == ("report.tables_are_pictures", True)
    extraction = extract(ofd_of_pictures([picture], placed=placed, more=LONG), OFD)
    assert [one.name for one in extraction.left_out] == ["picture 80 on page 1"]


def test_a_picture_of_more_pixels_than_are_decoded_is_refused() -> None:
    header = bytearray(marked())
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(GongkaiError) as caught:
        render(ofd_of_pictures([bytes(header)]), OFD, 1)
    assert caught.value.code in ("page.too_large", "file.corrupt", "page.unreadable")


@pytest.mark.slow
def test_a_scan_in_ofd_is_read_as_in_a_pdf() -> None:
    document = make_document(303, "pdf", Wishes(clean=True))
    pages = []
    for page in pypdfium2.PdfDocument(document.data):
        target = io.BytesIO()
        page.render(scale=200 / 72).to_pil().convert("RGB").save(target, "JPEG", quality=92)
        pages.append(target.getvalue())
    data = ofd_of_pictures(pages)
    report = read_document(data, OFD, Hints(path=document.name)).report
    found = {reading.indicator: reading for reading in report.readings if not reading.state.unsettled}
    wrong = [cell for cell, reading in found.items() if reading.value != document.indicators.get(cell)]
    assert wrong == []
    assert len(found) >= 0.98 * len(document.indicators)
    assert all(reading.place.box is not None for reading in found.values())
