"""PDF: forms that draw forms, and attached files."""

from __future__ import annotations

from io import BytesIO

import pypdfium2
import pytest
from reportlab.pdfgen.canvas import Canvas

from codebook.errors import GongkaiError
from codebook.records import Hints, LeftOutKind, Table
from tasks.extraction.extract import extract
from tasks.extraction.pdf.nesting import refuse_deep_forms
from tasks.flow import read_document
from tests.extraction.raw_pdf import raw_pdf, stream, table, text

PDF = "application/pdf"
ROWS = [["new", "12", "3"], ["old", "45", "678"]]


def nested(depth: int, times: int, last: bytes = b"1 1 5 5 re f ", name: bytes = b"/Next", subtype: bytes = b"/Form") -> bytes:
    """A page whose form draws a form, and so on: each draws the next one several times."""
    forms = []
    for number in range(depth):
        content = (name + b" Do ") * times if number < depth - 1 else last
        entries = b"/Type /XObject /Subtype %s /BBox [0 0 600 900] " % subtype
        forms.append(
            stream(content, entries + b"/Resources << /Font << /F 4 0 R >> /XObject << /Next %d 0 R >> >>" % (7 + number))
        )
    return raw_pdf(table(ROWS) + b"/First Do", resources=b"/XObject << /First 6 0 R >>", more=tuple(forms))


@pytest.mark.parametrize("form", [(30, 2), (39, 3), (4, 5_000), (3, 3_000_000)])
def test_forms_that_draw_one_another_without_end_are_refused(form: tuple[int, int]) -> None:
    with pytest.raises(GongkaiError, match="forms in forms") as error:
        extract(nested(*form), PDF)
    assert (error.value.code, error.value.page) == ("page.too_large", 1)


@pytest.mark.parametrize(
    "data", [nested(30, 2, name=b"/N#65xt"), nested(30, 2, subtype=b"/#46orm"), nested(30, 2, subtype=b"/F#6frm")]
)
def test_names_written_in_another_way_are_the_same_names(data: bytes) -> None:
    with pytest.raises(GongkaiError, match="forms in forms"):
        extract(data, PDF)


def test_what_ordinary_forms_draw_is_read() -> None:
    (found,) = [block for block in extract(nested(5, 2, text(270, 686, "9")), PDF).pages[0].blocks if isinstance(block, Table)]
    assert [cell.text for cell in found.cells] == ["new", "12", "39", "old", "45", "678"]


def test_a_form_that_draws_itself_and_a_broken_file_are_let_through() -> None:
    data = nested(3, 2).replace(b"/Next 8 0 R", b"/Next 6 0 R")
    refuse_deep_forms(data)
    refuse_deep_forms(data[: len(data) // 2])
    refuse_deep_forms(data.replace(b"/Root 1 0 R", b"/Root 99 0 R"))


def test_a_page_too_large_to_be_drawn_is_refused() -> None:
    target = BytesIO()
    canvas = Canvas(target, pagesize=(14_400, 14_400))
    canvas.drawString(100, 100, "1234")
    canvas.save()
    with pytest.raises(GongkaiError, match="a page of 14400 x 14400 points"):
        extract(target.getvalue(), PDF)


def with_attachment(cover: str, name: str) -> bytes:
    target = BytesIO()
    canvas = Canvas(target)
    canvas.drawString(100, 700, cover)
    canvas.save()
    document = pypdfium2.PdfDocument(target.getvalue())
    document.new_attachment(name).set_data(b"the report")
    saved = BytesIO()
    document.save(saved)
    return saved.getvalue()


def test_the_report_attached_to_a_cover_is_named() -> None:
    data = with_attachment("Please open this file in another program.", "年度报告.docx")
    (left_out,) = extract(data, PDF).left_out
    assert (left_out.kind, left_out.name) == (LeftOutKind.FILE, "年度报告.docx")
    with pytest.raises(GongkaiError, match="年度报告") as error:
        read_document(data, PDF, Hints(path="portfolio.pdf"))
    assert error.value.code == "report.in_another_file"
