"""Pages that are left out are noticed by the printed page numbers; covers, annexes and volumes are not taken for gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from codebook.records import Hints, Status
from codebook.text.page_gaps import PrintedNumber, page_gaps
from tasks.extraction.extract import extract
from tasks.flow import read_document

Shape = Callable[[int], str]
SHAPES: dict[str, Shape] = {
    "dashes": lambda n: f"- {n} -",
    "wide": lambda n: f"—{n}—",
    "bare": str,
    "english": lambda n: f"Page {n}",
    "of": lambda n: f"Page {n} of 9",
    "slash": lambda n: f"{n}/9",
}


def pdf(numbers: Sequence[int | None], shape: Shape) -> bytes:
    """A page of text for each number (None: it prints none)."""
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4)
    for at, number in enumerate(numbers):
        for line in range(12):
            canvas.drawString(72, 750 - 20 * line, f"Paragraph {line} of page {'abcdefghij'[at]}, long enough to be text.")
        if number is not None:
            canvas.drawCentredString(A4[0] / 2, 40, shape(number))
        canvas.showPage()
    canvas.save()
    return out.getvalue()


@pytest.mark.parametrize("shape", [name for name in SHAPES if name not in ("of", "slash")])
@pytest.mark.parametrize(
    ("numbers", "gaps"),
    [
        ((1, 3), (2,)),
        ((1, 2, 4, 5), (3,)),
        ((1, 2, 5, 6), (3, 4)),
        ((1, 2, 3), ()),
        ((12, 13, 14), ()),
        ((None, 2, 3), ()),
        ((None, 1, 2), ()),
    ],
)
def test_numbers_of_a_pdf(shape: str, numbers: tuple[int | None, ...], gaps: tuple[int, ...]) -> None:
    extraction = extract(pdf(numbers, SHAPES[shape]), "application/pdf")
    assert extraction.page_gaps == gaps
    left = [block.text for page in extraction.pages for block in page.blocks if hasattr(block, "text")]
    assert not [text for text in left if text in {SHAPES[shape](number) for number in numbers if number}]


@pytest.mark.parametrize("shape", ["of", "slash"])
def test_a_printed_total_shows_pages_that_are_gone_at_the_end(shape: str) -> None:
    assert extract(pdf((1, 2, 3), SHAPES[shape]), "application/pdf").page_gaps == (4, 5, 6, 7, 8, 9)
    assert extract(pdf(range(1, 10), SHAPES[shape]), "application/pdf").page_gaps == ()


def test_numbering_that_begins_again_is_an_annex() -> None:
    assert extract(pdf((1, 2, 3, 1, 2), SHAPES["dashes"]), "application/pdf").page_gaps == ()


@pytest.mark.parametrize(
    ("numbers", "gaps"), [("1 2 3", ()), ("1 3", (2,)), ("1 2 4", (3,)), ("1 3 5", ()), ("7 8", ()), ("3 1 9", ())]
)
def test_numbers_within_a_copied_text(numbers: str, gaps: tuple[int, ...]) -> None:
    text = "".join(f"示例文字。\n— {number} —\n" for number in numbers.split())
    assert extract(text.encode(), "text/plain").page_gaps == gaps


def test_values_among_strokes_are_no_page_numbers() -> None:
    printed = [PrintedNumber(page, number) for page, number in ((1, 0), (1, 17), (1, 2040))]
    assert page_gaps(printed, None) == ()


def test_a_report_without_a_page_needs_review() -> None:
    text = "示例市审计局2016年政府信息公开工作年度报告\n一、概述\n2016年主动公开政府信息数120条。{}收到政府信息公开申请3件。\n{}"
    whole = read_document(text.format("\n- 1 -\n", "- 2 -").encode(), "text/plain", Hints())
    cut = read_document(text.format("\n- 1 -\n", "- 3 -").encode(), "text/plain", Hints())
    assert (whole.status, cut.status) == (Status.ACCEPTED, Status.NEEDS_REVIEW)
    assert [f.message for f in cut.findings if f.rule == "page.missing"] == [
        "页码不连续：没有第 2 页。文件可能缺页，请核对原件，以完整文件重新提交。"
    ]
