"""PDFs whose fonts map some characters to no text: the numbers are those of the text, the labels are read from the pixels."""

from __future__ import annotations

import pytest

from codebook.records import Cell, Line, Page, PageKind, Place, Reader, Table
from tasks.extraction.ocr_pages import needs_ocr
from tasks.extraction.pdf.beside_pixels.unmapped import filled_text, keeps_numbers, with_labels

LOST = "\ufffd"


@pytest.mark.parametrize(
    ("text", "shown", "filled"),
    [
        (f"3.{LOST}求\n提供{LOST}\n开{LOST}{LOST}\n物", "3.要求提供公开出版物", "3.要求\n提供公\n开出版\n物"),
        (f"规{LOST}", "规章", "规章"),
        (LOST, "类", "类"),
        (f"上年{LOST}转", "上年结", "上年结转"),  # the last character was not read
        (f"人{LOST}机关", "别的文字", None),  # something else is seen there
        (f"规{LOST}", "", None),
    ],
)
def test_what_is_seen_stands_for_characters_that_are_not_mapped(text: str, shown: str, filled: str | None) -> None:
    assert filled_text(text, shown) == filled


def _table(*texts: str) -> Table:
    cells = tuple(
        Cell(n // 2, n % 2, text, Place(1, (100 * (n % 2), 20 * (n // 2), 100 * (n % 2) + 100, 20 * (n // 2) + 20)))
        for n, text in enumerate(texts)
    )
    return Table(cells, len(texts) // 2, 2, Place(1, (0, 0, 200, 10 * len(texts))))


def test_numbers_stay_those_of_the_text() -> None:
    page = Page(1, PageKind.MIXED, "", Reader.PDF, (_table(f"规{LOST}", "17", "行政许可", "0"),), 595, 842, unmapped=1)
    read = Page(
        1,
        PageKind.PICTURE,
        "",
        Reader.OCR,
        (Line("二、主动公开", Place(1, (0, -30, 90, -10))), _table("规章", "11", "许可", "0")),
    )
    assert needs_ocr(page)
    title, table = with_labels(page, read).blocks
    assert isinstance(title, Line)
    assert (title.text, title.read_by) == ("二、主动公开", Reader.OCR)
    assert isinstance(table, Table)
    assert [cell.text for cell in table.cells] == ["规章", "17", "行政许可", "0"]


@pytest.mark.parametrize(
    ("texts", "keeps"),
    [
        ((f"规{LOST}", "17", LOST, "0"), True),
        ((f"规{LOST}", f"1{LOST}", "行政许可", "0"), False),  # a digit is not mapped
        ((f"规{LOST}", LOST, f"{LOST}可", LOST), False),  # no number is
    ],
)
def test_a_page_whose_numbers_are_not_mapped_is_a_picture(texts: tuple[str, ...], keeps: bool) -> None:
    assert keeps_numbers([_table(*texts)]) is keeps
