"""Pages that were recognised in their places: page breaks undone over both kinds, pictures beside text, other documents."""

from __future__ import annotations

from math import radians, tan

import msgspec
import pytest

from codebook.records import Cell, Extraction, LeftOutKind, Line, Page, PageKind, Place, Reader, Table
from tasks.extraction.ocr_pages import needs_ocr, renumbered, with_ocr_pages

A4 = (595.0, 842.0)
Box = tuple[float, float, float, float]


def line(text: str, box: Box, page: int = 1, score: float = 1.0) -> Line:
    return Line(text, Place(page, box), score)


def table(page: int, top: float, *rows: tuple[str, ...], left: float = 80, scale: float = 1.0) -> Table:
    """A table of equal columns, 400 points wide, rows of 20 points."""
    wide = 400 / len(rows[0])

    def box(row: int, column: int) -> Box:
        edges = (left + column * wide, top + row * 20, left + (column + 1) * wide, top + row * 20 + 20)
        return tuple(edge * scale for edge in edges)  # type: ignore[return-value]

    cells = [Cell(r, c, text, Place(page, box(r, c)), score=0.999) for r, row in enumerate(rows) for c, text in enumerate(row)]
    whole = (left * scale, top * scale, (left + 400) * scale, (top + 20 * len(rows)) * scale)
    return Table(tuple(cells), len(rows), len(rows[0]), Place(page, whole))


def text_page(number: int, *blocks: Line | Table) -> Page:
    return Page(number, PageKind.TEXT, "text", Reader.PDF, blocks, *A4)


def picture(number: int) -> Page:
    return Page(number, PageKind.PICTURE, "a scan", Reader.OCR, (), *A4)


def read(number: int, *blocks: Line | Table, scale: float = 1.0) -> Page:
    return Page(number, PageKind.PICTURE, "a picture", Reader.OCR, blocks, A4[0] * scale, A4[1] * scale)


def test_a_table_that_goes_on_from_text_to_picture_and_back_is_one() -> None:
    rows = [("一、新收", "1", "2"), ("二、结转", "3", "4"), ("三、结果", "5", "6")]
    first, last = text_page(1, table(1, 700, rows[0])), text_page(3, table(3, 60, rows[2]))
    found = with_ocr_pages(Extraction("application/pdf", (first, picture(2), last)), {2: read(2, table(2, 60, rows[1], left=82))})
    (whole,) = found.pages[0].blocks
    assert isinstance(whole, Table)
    assert [cell.text for cell in whole.cells] == [text for row in rows for text in row]
    assert [cell.place.page for cell in whole.cells] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert [page.blocks for page in found.pages[1:]] == [(), ()]
    assert [page.reason for page in found.pages] == ["text", "a scan", "text"]


@pytest.mark.parametrize("scale", [1.0, 4.1667])
def test_pictures_are_joined_whatever_their_pixels_and_keep_them(scale: float) -> None:
    rows = [("一、新收", "1", "2"), ("二、结转", "3", "4")]
    pages = {
        number: read(number, table(number, top, row, left=left, scale=scale), scale=scale)
        for number, (top, left, row) in enumerate([(700, 80, rows[0]), (60, 83, rows[1])], 1)
    }
    found = with_ocr_pages(Extraction("image/tiff", (picture(1), picture(2))), pages)
    (whole,) = found.pages[0].blocks
    assert isinstance(whole, Table)
    assert whole.rows == 2
    boxes = [cell.place.box for cell in whole.cells]
    assert boxes[0] == pytest.approx((80 * scale, 700 * scale, (80 + 400 / 3) * scale, 720 * scale), abs=0.1)
    assert boxes[3] == pytest.approx((83 * scale, 60 * scale, (83 + 400 / 3) * scale, 80 * scale), abs=0.1)


@pytest.mark.parametrize("degrees", [-3, -1, 2])
def test_pages_that_lie_askew_on_the_glass_are_joined(degrees: float) -> None:
    rows = [(f"第{n}行", *map(str, range(n, n + 4))) for n in range(30)]
    slope = tan(radians(degrees))

    def askew(part: Table) -> Table:
        def place(at: Place) -> Place:
            x0, top, x1, bottom = at.box or (0, 0, 0, 0)
            return Place(at.page, (x0 - slope * top + 20, top + slope * x0, x1 - slope * top + 20, bottom + slope * x0))

        cells = tuple(msgspec.structs.replace(cell, place=place(cell.place)) for cell in part.cells)
        return msgspec.structs.replace(part, cells=cells, place=place(part.place))

    pages = {1: read(1, table(1, 400, *rows[:20])), 2: read(2, askew(table(2, 60, *rows[20:])))}
    found = with_ocr_pages(Extraction("application/pdf", (picture(1), picture(2))), pages)
    (whole,) = found.pages[0].blocks
    assert isinstance(whole, Table)
    assert (whole.rows, whole.columns) == (30, 5)


def test_page_numbers_go() -> None:
    pages = {
        n: read(n, line(f"正文第{n}段。", (80, 100, 500, 114), n), line(f"— {n} —", (280, 800, 310, 812), n)) for n in (1, 2)
    }
    found = with_ocr_pages(Extraction("application/pdf", (picture(1), picture(2))), pages)
    assert [[block.text for block in page.blocks if isinstance(block, Line)] for page in found.pages] == [
        ["正文第1段。"],
        ["正文第2段。"],
    ]


def test_a_page_that_nobody_read_is_not_an_empty_one() -> None:
    with pytest.raises(LookupError):
        with_ocr_pages(Extraction("application/pdf", (text_page(1), picture(2))), {})


def test_a_document_without_pictures_is_left_alone() -> None:
    extraction = Extraction("application/pdf", (text_page(1, line("正文", (80, 100, 500, 114))),))
    assert with_ocr_pages(extraction, {1: read(1)}) is extraction  # what is left of an earlier run says nothing


def test_a_picture_beside_text_gives_what_no_text_covers() -> None:
    own = line("一、总体情况", (80, 60, 300, 75))
    page = msgspec.structs.replace(text_page(1, own), kind=PageKind.MIXED, pictures=((70.0, 200.0, 500.0, 600.0),))
    assert needs_ocr(page)
    assert not needs_ocr(text_page(1))
    found = table(1, 220, ("一、新收", "1"))
    seen = read(1, line("一、总体倩况", (80, 60, 300, 75), score=0.9), found, line("页脚", (80, 800, 120, 812)))
    pages = with_ocr_pages(Extraction("application/pdf", (page,)), {1: seen}).pages
    assert pages[0].blocks == (own, msgspec.structs.replace(found, read_by=Reader.OCR))


def test_a_picture_beside_text_without_a_table_is_left_out() -> None:
    page = msgspec.structs.replace(text_page(1, line("四、行政复议", (80, 60, 300, 75))), pictures=((80.0, 100.0, 480.0, 300.0),))
    empty = with_ocr_pages(Extraction("application/pdf", (page,)), {1: read(1, line("某大厅", (90, 120, 200, 140)))})
    assert [(one.kind, one.name) for one in empty.left_out] == [(LeftOutKind.PICTURE, "page 1")]
    filled = with_ocr_pages(Extraction("application/pdf", (page,)), {1: read(1, table(1, 120, ("维持", "0")))})
    assert filled.left_out == ()


def test_a_photograph_is_no_text() -> None:
    page = msgspec.structs.replace(text_page(1), kind=PageKind.MIXED, pictures=((70.0, 200.0, 500.0, 600.0),))
    signs = [line("某某大厦", (100, 300 + 30 * n, 200, 320 + 30 * n), score=0.6) for n in range(4)]
    assert with_ocr_pages(Extraction("application/pdf", (page,)), {1: read(1, *signs)}).pages[0].blocks == ()
    sure = [msgspec.structs.replace(sign, score=0.97) for sign in signs]
    assert len(with_ocr_pages(Extraction("application/pdf", (page,)), {1: read(1, *sure)}).pages[0].blocks) == 4


def test_the_same_page_in_another_place() -> None:
    page = read(3, line("正文", (80, 100, 500, 114), 3), table(3, 200, ("一", "1")))
    moved = renumbered(page, 7)
    assert moved.number == 7
    places = [block.place.page for block in moved.blocks] + [
        c.place.page for b in moved.blocks if isinstance(b, Table) for c in b.cells
    ]
    assert set(places) == {7}
    assert renumbered(moved, 3) == page
