"""Pictures in web pages and Word documents are read where they stand; what did not come in, or cannot be read, is named."""

from __future__ import annotations

import base64
from io import BytesIO

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import Cm
from PIL import Image, ImageDraw

from codebook.errors import GongkaiError
from codebook.records import Cell, Hints, LeftOut, LeftOutKind, Line, Page, PageKind, Place, Reader, Status, Table
from tasks.extraction.extract import extract, inner_picture
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.ocr_pages import needs_ocr, with_ocr_pages
from tasks.ocr.render import render
from tasks.parsing.parse import parse
from tasks.validation.validate import validate
from tests.generator.documents import Wishes, make_document
from tests.hostile.files import png

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"
TITLE = "示例县教育局2023年政府信息公开工作年度报告"


def picture(width: int = 600, height: int = 200, kind: str = "PNG", text: str = "A") -> bytes:
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).text((10, 10), text, "black")
    target = BytesIO()
    image.save(target, kind)
    return target.getvalue()


def data_uri(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def page(*parts: str) -> bytes:
    return f"<html><head><title>{TITLE}</title></head><body><h1>{TITLE}</h1>{''.join(parts)}</body></html>".encode()


def word(*parts: str | bytes, width: float = 12) -> bytes:
    """A Word document of paragraphs (text) and pictures (bytes)."""
    document = docx.Document()
    document.add_paragraph(TITLE)
    for part in parts:
        if isinstance(part, str):
            document.add_paragraph(part)
        else:
            document.add_picture(BytesIO(part), width=Cm(width))
    target = BytesIO()
    document.save(target)
    return target.getvalue()


def outline(extraction) -> list[tuple[int, PageKind, list[str]]]:
    return [(page.number, page.kind, [b.text for b in page.blocks if isinstance(b, Line)]) for page in extraction.pages]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF"])
def test_a_picture_inside_is_a_page_where_it_stands(kind: str) -> None:
    first, second = picture(600, 200, kind, "A"), picture(700, 300, kind, "B")
    html = page("<p>甲</p>", f"<p>乙<img src='{data_uri(first)}'></p>", f"<img src='{data_uri(second)}'>", "<p>丙</p>")
    wanted = [
        (1, PageKind.TEXT, [TITLE, "甲", "乙"]),
        (2, PageKind.PICTURE, []),
        (3, PageKind.PICTURE, []),
        (4, PageKind.TEXT, ["丙"]),
    ]
    for data, media_type in ((html, HTML), (word("甲", "乙", first, second, "丙"), DOCX)):
        found = extract(data, media_type)
        assert outline(found) == wanted
        assert [page.number for page in found.pages if needs_ocr(page)] == [2, 3]
        assert found.pages[3].blocks[0].place == Place(page=4, line=4)
        image = render(data, media_type, 3)
        assert (image.pixels.shape, image.scale) == ((300, 700, 3), 1.0)
        with pytest.raises(LookupError):
            render(data, media_type, 4)


@pytest.mark.parametrize(
    "size", [(100, 40), (16, 16), (430, 430), (200, 190)], ids=["button", "icon", "code to be scanned", "seal"]
)
def test_logos_seals_and_codes_are_no_pages(size: tuple[int, int]) -> None:
    data = picture(*size)
    for found in (extract(page(f"<img src='{data_uri(data)}'><p>甲</p>"), HTML), extract(word(data, "甲"), DOCX)):
        assert [p.kind for p in found.pages] == [PageKind.TEXT]
        assert found.left_out == ()


def test_a_large_picture_that_is_shown_small_is_no_page() -> None:
    data = picture(800, 600)
    assert len(extract(page(f"<img width=40 height=30 src='{data_uri(data)}'><p>甲</p>"), HTML).pages) == 1
    assert len(extract(word(data, "甲", width=1), DOCX).pages) == 1


def test_pictures_that_did_not_come_in_or_are_damaged_are_named() -> None:
    sources = ("'./img/表3.png?x=1'", f"'{data_uri(picture(1, 1))}' data-src='表4.png'", "data:image/png;base64,AAAA")
    icon = "<img src=a.gif width=20 height=20>"
    found = extract(page("<p>甲</p>", *(f"<img src={source}>" for source in sources), icon), HTML)
    assert [(one.kind, one.name, one.place.line) for one in found.left_out] == [
        (LeftOutKind.PICTURE, "表3.png", 3),
        (LeftOutKind.PICTURE, "表4.png", 3),
        (LeftOutKind.PICTURE, "data:image/png;base64", 3),
    ]


def test_pictures_that_are_not_seen_do_not_count() -> None:
    source = data_uri(picture())
    html = page(f"<p>甲</p><div style='display:none'><img src='{source}'></div><img style='visibility:hidden' src='{source}'>")
    assert len(extract(html, HTML).pages) == 1


def test_a_small_picture_in_a_blank_cell_is_a_doubt() -> None:
    table = "<table><tr><td>许可<td><img src='{}'><tr><td>处罚<td>7<img src=a.gif width=9 height=9></table>"
    for source in (data_uri(picture(30, 12)), "3.gif"):
        [block] = [b for b in extract(page(table.format(source)), HTML).pages[0].blocks if isinstance(b, Table)]
        assert [(c.text, c.score > 0.9) for c in block.cells] == [("许可", True), ("", False), ("处罚", True), ("7", True)]


def cell(row: int, column: int, text: str) -> Cell:
    return Cell(row, column, text, Place(page=2, box=(10.0, 10.0 + row, 50.0, 20.0 + row)), score=0.999)


TABLE = Table(
    (cell(0, 0, "许可"), cell(0, 1, "21"), cell(1, 0, "处罚"), cell(1, 1, "7")), 2, 2, Place(page=2, box=(0, 0, 600, 200))
)


def read_page(*blocks: Line | Table) -> Page:
    return Page(2, PageKind.PICTURE, "", Reader.OCR, blocks, 600.0, 200.0)


def test_what_was_read_of_a_picture_stands_where_the_picture_stands() -> None:
    extraction = extract(page(f"<p>甲</p><img src='{data_uri(picture())}'><p>乙</p>"), HTML)
    found = with_ocr_pages(extraction, {2: read_page(TABLE)})
    assert [type(b).__name__ for p in found.pages for b in p.blocks] == ["Line", "Line", "Table", "Line"]
    assert found.left_out == ()
    assert found.pages[1].blocks[0].cells[1].place == Place(page=2, box=(10.0, 10.0, 50.0, 20.0))


def test_a_photograph_is_left_out_by_name() -> None:
    extraction = extract(page(f"<p>甲</p><img src='{data_uri(picture())}'><p>乙</p>"), HTML)
    found = with_ocr_pages(extraction, {2: read_page(Line("门牌", Place(page=2, box=(1, 1, 9, 9)), 0.6))})
    assert [b.text for p in found.pages for b in p.blocks] == [TITLE, "甲", "乙"]
    assert found.left_out == (LeftOut(LeftOutKind.PICTURE, "data:image/png;base64", Place(page=2)),)


# ---- what is said ------------------------------------------------------------------------------------------------------------


def code_of(data: bytes, media_type: str) -> str:
    with pytest.raises(GongkaiError) as raised:
        parse(extract(data, media_type), Hints())
    return f"{raised.value.code}: {raised.value.found}"


CHAPTERS = "<h2>一、总体情况</h2><p>{}</p><h2>二、主动公开政府信息情况</h2>".format("我局坚持以公开为常态、不公开为例外。" * 60)


def test_a_report_whose_tables_are_pictures_that_did_not_come_in() -> None:
    html = page(CHAPTERS, "<img src=W1.png><h2>三、收到和处理政府信息公开申请情况</h2><img src=W2.png>")
    assert code_of(html, HTML) == "report.tables_are_pictures: W1.png, W2.png"


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("<iframe src='/pdfjs/web/viewer.html?file=/P02.pdf'></iframe>", "P02.pdf"),
        ("<script>PDFObject.embed(\"a/P03.pdf\", '#box')</script><p>正在打开</p>", "P03.pdf"),
        ("<meta http-equiv=refresh content='0; url=./P04.doc'>", "P04.doc"),
        ("<embed src='a/年报.pdf'>", "年报.pdf"),
        ("<object data='年报.doc'></object>", "年报.doc"),
        ("<p>附件：<a href='P02.docx'>年度报告</a></p><img src=logo.png>", "P02.docx"),
    ],
)
def test_a_page_that_only_shows_a_file(shown: str, name: str) -> None:
    assert code_of(page(shown), HTML) == f"report.in_another_file: {name}"


def test_a_page_of_nothing_but_a_frame() -> None:
    with pytest.raises(GongkaiError, match=r"report\.in_another_file: a\.pdf"):
        extract(b"<html><body><iframe src='a.pdf'></iframe></body></html>", HTML)


def with_object(preview: str = "") -> bytes:
    """A report with an embedded workbook, which a picture shows or nothing."""
    document = docx.Document()
    document.add_paragraph(TITLE)
    office = "xmlns:v='urn:schemas-microsoft-com:vml' xmlns:o='urn:schemas-microsoft-com:office:office'"
    embedded = f"<w:object>{preview}<o:OLEObject Type='Embed' ProgID='Excel.Sheet.12' r:id='rId99'/></w:object>"
    markup = f"<w:p {nsdecls('w', 'r')} {office}><w:r>{embedded}</w:r></w:p>"
    document.element.body.insert(1, parse_xml(markup))
    target = BytesIO()
    document.save(target)
    return target.getvalue()


def test_a_report_whose_tables_are_objects() -> None:
    assert code_of(with_object(), DOCX) == "report.tables_are_objects: Excel.Sheet.12"


def test_a_report_with_tables_and_with_parts_that_were_not_read_needs_review() -> None:
    made = make_document(3, "html", Wishes(clean=True))
    whole = validate(parse(extract(made.data, HTML), Hints()))
    assert whole.status is Status.ACCEPTED
    more = made.data.replace(b"</body>", b"<img src=photo.jpg></body>")
    assert validate(parse(extract(more, HTML), Hints())).status is Status.ACCEPTED  # a picture beside whole tables is no doubt
    text = made.data.decode()
    start = text.index("<table")
    less = (text[:start] + "<p><img src=W1.png></p>" + text[text.index("</table>", start) + len("</table>") :]).encode()
    verdict = validate(parse(extract(less, HTML), Hints()))
    assert verdict.status is Status.NEEDS_REVIEW
    [finding] = [f for f in verdict.findings if f.rule == "part.left_out"]
    assert "W1.png" in finding.message


def test_pictures_without_end_are_refused() -> None:
    source = data_uri(picture())
    with pytest.raises(GongkaiError, match=r"file\.too_large.*pages"):
        extract(page(*[f"<img src='{source}'>"] * 12), HTML, ExtractionLimits(max_pages=10))


def test_a_picture_of_more_pixels_than_are_allowed_is_named_and_not_decoded() -> None:
    found = extract(page(f"<p>甲</p><img src='{data_uri(png(60_000, 60_000, 1))}'>"), HTML)
    assert [one.kind for one in found.left_out] == [LeftOutKind.PICTURE]


def test_the_same_picture_is_found_again() -> None:
    data = word("甲", picture(600, 200), "乙")
    assert inner_picture(data, DOCX, 2) == picture(600, 200)
