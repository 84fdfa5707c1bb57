"""PDF: what a page shows is what is read, whatever else is written in the file."""

from __future__ import annotations

from io import BytesIO

import pikepdf
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from codebook.records import Extraction, Line, PageKind, Table
from tasks.extraction.extract import extract
from tasks.extraction.pdf.layout import Char
from tasks.extraction.pdf.turned import by_turn
from tests.extraction.raw_pdf import raw_pdf, stream, table, text

FONT = "STSong-Light"
pdfmetrics.registerFont(UnicodeCIDFont(FONT))
ROWS = [["new", "12", "3"], ["old", "45", "678"], ["all", "57", "681"]]
OFF = b"/OCProperties << /OCGs [6 0 R] /D << %s >> >>"
LAYER = b"<< /Type /OCG /Name (layer) >>"
PROPERTIES = b"/Properties << /L 6 0 R >>"


def read(data: bytes) -> Extraction:
    return extract(data, "application/pdf")


def cells(data: bytes) -> list[list[str]]:
    """The cells of the only table, row by row."""
    (found,) = [block for page in read(data).pages for block in page.blocks if isinstance(block, Table)]
    rows: list[list[str]] = [[] for _ in range(found.rows)]
    for cell in found.cells:
        rows[cell.row].append(cell.text)
    return rows


HIDDEN = {
    "invisible": b"BT 3 Tr /F 10 Tf 185 666 Td (999) Tj ET BT 0 Tr ET",
    "clip only": b"q BT 7 Tr /F 10 Tf 185 666 Td (999) Tj ET Q",
    "white": b"1 g " + text(210, 666, "999") + b"0 g",
    "nearly white": b"0.985 g " + text(210, 666, "999") + b"0 g",
    "white in cmyk": b"0 0 0 0 k " + text(210, 666, "999") + b"0 g",
    "colour of the cell": b"0.8 0.9 1 rg 181 661 78 18 re f " + text(210, 666, "999") + b"0 g " + text(185, 666, "45"),
    "transparent": b"q /Clear gs " + text(210, 666, "999") + b"Q",
    "clipped away": b"q 0 0 50 50 re W n " + text(210, 666, "999") + b"Q",
    "outside": text(610, 666, "999") + text(210, -20, "999"),
    "tiny": text(210, 666, "999", size=0.8),
    "a layer that is off": b"/OC /L BDC " + text(210, 666, "999") + b"EMC",
    "a layer over the number": b"/OC /L BDC " + text(186, 647, "999") + b"EMC",
    "a form in a layer": b"q 1 0 0 1 210 666 cm /Form Do Q",
    "white in a form": b"q 1 0 0 1 210 666 cm /White Do Q",
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_text_that_nobody_sees_is_not_read_and_is_said(kind: str) -> None:
    more = (
        LAYER,
        stream(
            text(0, 0, "999"),
            b"/Type /XObject /Subtype /Form /BBox [-9 -9 90 90] /OC 6 0 R /Resources << /Font << /F 4 0 R >> >>",
        ),
        stream(
            b"1 g " + text(0, 0, "999"),
            b"/Type /XObject /Subtype /Form /BBox [-9 -9 90 90] /Resources << /Font << /F 4 0 R >> >>",
        ),
    )
    resources = PROPERTIES + b" /ExtGState << /Clear << /ca 0 /CA 0 >> >> /XObject << /Form 7 0 R /White 8 0 R >>"
    catalog = OFF % b"/OFF [6 0 R]"
    data = raw_pdf(table(ROWS) + HIDDEN[kind], resources=resources, catalog=catalog, more=more)
    assert cells(data) == ROWS
    (note,) = read(data).notes
    assert note.startswith("page 1: ")
    assert note.endswith("characters that the page does not show were not read")


@pytest.mark.parametrize("kind", ["clipped away", "transparent", "invisible"])
def test_text_that_nobody_sees_is_not_read_beside_a_watermark(kind: str) -> None:
    resources = PROPERTIES + b" /ExtGState << /Clear << /ca 0 /CA 0 >> >>"
    marks = b"".join(b"0.88 g " + text(110 + 90 * n, 650, "DRAFT", 40) for n in range(3)) + b"0 g "
    hidden = HIDDEN[kind].replace(b"210 666", b"188 668")  # it touches the number
    for content in (marks + table(ROWS) + hidden, table(ROWS) + hidden + marks):
        assert cells(raw_pdf(content, resources=resources)) == ROWS


@pytest.mark.parametrize(
    ("config", "seen"),
    [
        (b"/OFF [6 0 R]", False),
        (b"/BaseState /OFF", False),
        (b"/BaseState /OFF /ON [6 0 R]", True),
        (b"/ON [6 0 R]", True),
        (b"", True),
    ],
)
def test_a_layer_is_read_where_it_is_on(config: bytes, seen: bool) -> None:
    content = table([["new", "12", "3"], ["old", "", "678"]]) + b"/OC /L BDC " + text(185, 666, "45") + b"EMC"
    found = cells(raw_pdf(content, resources=PROPERTIES, catalog=OFF % config, more=(LAYER,)))
    assert found == [["new", "12", "3"], ["old", "45" if seen else "", "678"]]


@pytest.mark.parametrize(("before", "after"), [("45", "77"), ("45", "45"), ("45", "46"), ("145", "15"), ("9", "99"), ("77", "7")])
@pytest.mark.parametrize("cover", ["rectangle", "picture", "field"])
def test_a_number_on_a_white_cover_stands_for_the_one_below(before: str, after: str, cover: str) -> None:
    covers = {
        "rectangle": b"1 g 181 661 78 18 re f 0 g ",
        "picture": b"q 78 0 0 18 181 661 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \xff EI Q ",
        "field": b"1 1 1 rg 181 661 m 259 661 l 259 679 l 181 679 l h f 0 g ",
    }
    content = table([["new", "12", "3"], ["old", before, "678"]]) + covers[cover] + text(185, 666, after)
    assert cells(raw_pdf(content)) == [["new", "12", "3"], ["old", after, "678"]]


def test_faint_small_and_coloured_text_that_is_seen_is_read() -> None:
    content = table([["new", "", "3"], ["", "", ""]]) + b"0.82 g " + text(185, 686, "1.25")
    content += b"1 0.9 0 rg " + text(105, 666, "1,024") + b"0 g " + text(185, 666, "0.5", size=4)
    content += b"0.2 0.2 0.6 rg 261 661 78 18 re f 1 g " + text(270, 666, "-8.5")
    data = raw_pdf(content)
    assert cells(data) == [["new", "1.25", "3"], ["1,024", "0.5", "-8.5"]]
    assert read(data).notes == ()


def test_text_printed_twice_or_in_outline_is_read_once() -> None:
    bold = b"".join(text(185 + shift, 666, "45") for shift in (0, 0, 0.3))
    outline = text(265, 666, "678", before="1 Tr") + text(265, 666, "678", before="0 Tr")
    assert cells(raw_pdf(table([["new", "12", "3"], ["old", "", ""]]) + bold + outline)) == [*ROWS[:1], ["old", "45", "678"]]


# ---- fields and annotations -------------------------------------------------------------------------------------------------


def test_a_digit_printed_on_another_one_is_a_doubt() -> None:
    found = read(raw_pdf(table([["new", "12", "3"], ["old", "", "678"]]) + text(186, 666, "12") + text(186, 666, "92")))
    (grid,) = [block for block in found.pages[0].blocks if isinstance(block, Table)]
    doubted = [cell.text for cell in grid.cells if cell.score < 1]
    assert len(doubted) == 1
    assert "9" in doubted[0]


def annotated(*annotations: bytes, fields: bytes = b"", more: tuple[bytes, ...] = ()) -> bytes:
    """A table with an empty cell, and annotations over it, from object 6."""
    numbers = b" ".join(b"%d 0 R" % (6 + index) for index in range(len(annotations)))
    catalog = b"/AcroForm << /Fields [%s] /DR << /Font << /F 4 0 R >> >> /DA (/F 10 Tf 0 g) %s >>" % (numbers, fields)
    content = table([["new", "12", "3"], ["old", "", "678"]])
    return raw_pdf(content, catalog=catalog, page=b"/Annots [%s]" % numbers, more=(*annotations, *more))


FIELD = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (a) /V (45) /Rect [182 662 258 678] /P 5 0 R /DA (/F 10 Tf 0 g) %s >>"
LOOK = stream(
    b"/Tx BMC " + text(3, 4, "45") + b"EMC",
    b"/Type /XObject /Subtype /Form /BBox [0 0 76 16] /Resources << /Font << /F 4 0 R >> >>",
)
TYPED = b"<< /Type /Annot /Subtype /%s /Contents (45) /Rect [182 662 258 678] /DA (/F 10 Tf 0 g) /AP << /N 7 0 R >> %s >>"


@pytest.mark.parametrize(
    ("annotation", "fields", "seen"),
    [
        pytest.param(FIELD % b"/F 4 /AP << /N 7 0 R >>", b"", True, id="a field"),
        pytest.param(FIELD % b"/F 4", b"/NeedAppearances true", True, id="a field without appearance"),
        pytest.param(FIELD % b"/F 4", b"", True, id="a field that nobody asks to draw"),
        pytest.param(FIELD % b"/F 2 /AP << /N 7 0 R >>", b"", False, id="a hidden field"),
        pytest.param(FIELD % b"/F 32 /AP << /N 7 0 R >>", b"", False, id="a field not to be viewed"),
        pytest.param(TYPED % (b"FreeText", b"/F 4"), b"", True, id="typed on the page"),
        pytest.param(TYPED % (b"Stamp", b"/F 4"), b"", True, id="a stamp"),
        pytest.param(TYPED % (b"FreeText", b"/F 2"), b"", False, id="typed and hidden"),
        pytest.param(TYPED % (b"Text", b"/F 4"), b"", False, id="a sticky note"),
    ],
)
def test_fields_and_typed_notes_are_read_where_they_are_shown(annotation: bytes, fields: bytes, seen: bool) -> None:
    data = annotated(annotation, fields=fields, more=(LOOK,))
    assert cells(data) == [["new", "12", "3"], ["old", "45" if seen else "", "678"]]


def test_a_highlight_hides_nothing() -> None:
    mark = stream(b"1 1 0 rg 0 0 76 16 re f", b"/Type /XObject /Subtype /Form /BBox [0 0 76 16]")
    highlight = b"<< /Type /Annot /Subtype /Highlight /Rect [102 682 178 698] /QuadPoints [102 698 178 698 102 682 178 682] /F 4 "
    data = annotated(highlight + b"/AP << /N 7 0 R >> >>", more=(mark,))
    assert cells(data) == [["new", "12", "3"], ["old", "", "678"]]


# ---- turned text ------------------------------------------------------------------------------------------------------------


class Sheet:
    """A PDF of one page, 595 x 842 points, with a top-down y axis that can be turned."""

    def __init__(self) -> None:
        self.target = BytesIO()
        self.canvas = Canvas(self.target, pagesize=(595, 842))

    def turn(self, quarters: int) -> Sheet:
        """What follows is drawn on a sheet that lies turned clockwise by this number of quarters."""
        if quarters:
            self.canvas.translate(*{1: (0, 842), 2: (595, 842), 3: (595, 0)}[quarters])
            self.canvas.rotate(-90 * quarters)
        self.high = 842 if quarters % 2 == 0 else 595
        return self

    def text(self, x: float, y: float, words: str, size: float = 10) -> Sheet:
        self.canvas.setFont(FONT, size)
        self.canvas.drawString(x, self.high - y - size, words)
        return self

    def table(self, rows: list[list[str]], x: float = 60, y: float = 100, width: float = 90) -> Sheet:
        for r, row in enumerate(rows):
            for c, words in enumerate(row):
                self.canvas.rect(x + c * width, self.high - y - (r + 1) * 20, width, 20)
                self.text(x + c * width + 3, y + r * 20 + 4, words)
        return self

    def saved(self) -> bytes:
        self.canvas.save()
        return self.target.getvalue()


CHINESE = [["信息内容", "本年制发", "本年废止"], ["规章", "0", "12"], ["行政规范性文件", "3", "456"]]


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_page_on_its_side_is_read(quarters: int) -> None:
    data = Sheet().turn(quarters).text(60, 60, "二、主动公开政府信息情况").table(CHINESE).saved()
    (page,) = read(data).pages
    line, found = page.blocks
    assert isinstance(line, Line)
    assert line.text == "二、主动公开政府信息情况"
    assert cells(data) == CHINESE
    assert (page.width, page.height) == (595, 842)
    last = found.cells[-1].place.box
    expected = {0: (240, 140, 330, 160), 1: (435, 240, 455, 330), 2: (265, 682, 355, 702), 3: (140, 512, 160, 602)}
    assert last == pytest.approx(expected[quarters], abs=1)


@pytest.mark.parametrize("quarters", [1, 3])
def test_a_table_on_its_side_on_an_upright_page_is_read(quarters: int) -> None:
    sheet = Sheet().turn(0).text(60, 40, "二〇二四年，本机关主动公开政府信息情况良好，未收到政府信息公开申请，也没有行政复议。")
    sheet.text(60, 60, "没有行政诉讼，平台建设、监督保障等各项工作均按要求开展，没有其他需要报告的事项。")
    sheet.canvas.saveState()
    sheet.turn(quarters).text(200, 200, "二、主动公开政府信息情况").table(CHINESE, x=200, y=230)
    sheet.canvas.restoreState()
    data = sheet.saved()
    assert cells(data) == CHINESE
    (page,) = read(data).pages
    lines = [block.text for block in page.blocks if isinstance(block, Line)]
    assert lines[-1] == "二、主动公开政府信息情况"


@pytest.mark.parametrize("quarters", [1, 3])
def test_a_label_on_its_side_in_an_upright_table_is_read(quarters: int) -> None:
    sheet = Sheet().turn(0).table([["", "予以公开", "1"], ["", "部分公开", "2"], ["", "不予公开", "3"], ["", "无法提供", "4"]])
    sheet.canvas.saveState()
    sheet.canvas.setFillGray(1)
    sheet.canvas.rect(60.5, 842 - 179.5, 89, 79, stroke=0, fill=1)
    sheet.canvas.setFillGray(0)
    sheet.canvas.restoreState()
    sheet.canvas.saveState()
    sheet.canvas.translate(100, 842 - 140)
    sheet.canvas.rotate(-90 * quarters)
    sheet.canvas.setFont(FONT, 10)
    sheet.canvas.drawString(-18, 0, "处理")
    sheet.canvas.restoreState()
    (found,) = [block for block in read(sheet.saved()).pages[0].blocks if isinstance(block, Table)]
    assert "处理" in {cell.text for cell in found.cells} or "处" not in "".join(cell.text for cell in found.cells)


# ---- watermarks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize(
    ("words", "size", "grey", "step"),
    [("样稿", 40, 0.8, 60), ("内部资料", 14, 0.85, 45), ("DRAFT", 60, 0.75, 200), ("仅供公开使用", 26, 0.9, 70)],
)
def test_a_level_watermark_is_no_text_of_the_table(words: str, size: float, grey: float, step: int, over: bool) -> None:
    def mark(sheet: Sheet) -> None:
        sheet.canvas.setFillGray(grey)
        for y in range(60, 300, step):
            for x in range(40, 500, step + 100):
                sheet.text(x, y, words, size)
        sheet.canvas.setFillGray(0)

    sheet = Sheet().turn(0)
    if not over:
        mark(sheet)
    sheet.table(CHINESE)
    if over:
        mark(sheet)
    data = sheet.saved()
    assert cells(data) == CHINESE
    assert "of a watermark left out" in read(data).notes[-1]


def test_grey_numbers_in_cells_are_no_watermark() -> None:
    sheet = Sheet().turn(0).table([[row[0], "", ""] for row in CHINESE])
    sheet.canvas.setFillGray(0.6)
    for r, row in enumerate(CHINESE):
        for c, words in enumerate(row[1:], 1):
            sheet.text(63 + c * 90, 104 + r * 20, words)
    assert cells(sheet.saved()) == CHINESE


# ---- numbers that are no text -----------------------------------------------------------------------------------------------


def test_numbers_drawn_as_shapes_or_pictures_make_the_page_a_picture() -> None:
    labels = [["信息内容", "本年制发", "本年废止"], ["规章", "", "0"], ["行政规范性文件", "", ""]]
    shapes = Sheet().turn(0).table(labels)
    path = shapes.canvas.beginPath()
    path.moveTo(160, 842 - 136)
    path.curveTo(160, 842 - 124, 166, 842 - 124, 166, 842 - 130)
    path.curveTo(166, 842 - 138, 160, 842 - 138, 160, 842 - 132)
    path.close()
    shapes.canvas.drawPath(path, stroke=0, fill=1)
    pictures = Sheet().turn(0).table(labels)
    pictures.canvas.drawImage(ImageReader(Image.new("L", (8, 12), 40)), 160, 842 - 138, 6, 9)
    for sheet in (shapes, pictures):
        (page,) = read(sheet.saved()).pages
        assert (page.kind, page.blocks) == (PageKind.PICTURE, ())
        assert page.reason == "1 blank cells hold shapes or pictures: numbers that are no text"


def test_strokes_in_blank_cells_are_no_numbers() -> None:
    sheet = Sheet().turn(0).table([["信息内容", "本年制发", "本年废止"], ["规章", "", "0"]])
    sheet.canvas.line(190, 842 - 130, 200, 842 - 130)
    sheet.canvas.line(60, 842 - 100, 150, 842 - 120)
    (page,) = read(sheet.saved()).pages
    assert page.kind is PageKind.TEXT


@pytest.mark.parametrize("code", ["\ue013", "\uf030", "\x0e"])
def test_numbers_that_no_font_maps_make_the_page_a_picture(code: str) -> None:
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 7 0 R >>"
    codes = b"".join(b"<%02X> <%04X>\n" % (0x30 + digit, ord(code) + digit) for digit in range(10))
    to_unicode = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def\n"
        b"1 begincodespacerange <00> <FF> endcodespacerange\n10 beginbfchar\n" + codes + b"endbfchar\nendcmap end end"
    )
    numbers = text(185, 666, "45").replace(b"/F ", b"/G ")
    content = table([["new requests", "12", "3"], ["old requests", "", "678"]]) + numbers
    data = raw_pdf(content, resources=b"", more=(font, stream(to_unicode)), page=b"")
    data = data.replace(b"/Font << /F 4 0 R >>", b"/Font<</F 4 0 R/G 6 0 R>>".ljust(20))
    (page,) = read(data).pages
    assert page.kind is PageKind.PICTURE
    assert page.reason == "1 numbers are of characters that are not mapped to text"


def test_a_table_as_a_small_picture_is_read_and_a_seal_is_not() -> None:
    for wide, high, read_too in ((420, 60, True), (300, 200, True), (120, 120, False), (200, 60, False), (420, 20, False)):
        sheet = Sheet().turn(0)
        for line in range(4):
            sheet.text(70, 60 + line * 20, "政府信息公开工作坚持以公开为常态不公开为例外的原则全面推进决策执")
        sheet.canvas.drawImage(ImageReader(Image.new("RGB", (40, 40), "gray")), 70, 300, wide, high)
        (page,) = read(sheet.saved()).pages
        assert bool(page.pictures) is read_too, (wide, high)
        assert (page.kind is PageKind.MIXED) is read_too


@pytest.mark.parametrize(("label", "turns"), [("", [(2, 23)]), ("文", [(2, 20), (0, 4)])])
def test_values_that_stand_on_their_head_are_read_in_the_direction_of_their_page(
    label: str, turns: list[tuple[int, int]]
) -> None:
    prose = [Char("文", 10 * n, 10, 10 * n + 9, 20, 1, 2) for n in range(20)]
    table = [Char(text, 100 + 40 * n, 100, 106 + 40 * n, 110, 2 + n, 0) for n, text in enumerate("123" + label)]
    groups = by_turn([*prose, *table], lambda _: [(90, 90, 290, 120)])
    assert [(turn, len(found)) for turn, found, _ in groups] == turns


STRUCK = {
    "a stroke": b"0.6 w 185 669 m 196 669 l S",
    "a thin box": b"185 668.7 11 0.6 re f",
    "two strokes": b"0.4 w 185 668 m 196 668 l S 185 670 m 196 670 l S",
    "longer by a little": b"0.6 w 183 669.5 m 198 669.5 l S",
}


@pytest.mark.parametrize("kind", STRUCK)
def test_what_is_struck_through_is_not_read_and_its_cell_is_a_doubt(kind: str) -> None:
    rows = [["new", "12", "3"], ["old", "45", "678"], ["all", "57", "681"]]
    data = raw_pdf(table(rows) + STRUCK[kind] + b" " + text(210, 666, "99"))
    assert cells(data) == [["new", "12", "3"], ["old", "99", "678"], ["all", "57", "681"]]
    (found,) = [block for block in read(data).pages[0].blocks if isinstance(block, Table)]
    assert [cell.text for cell in found.cells if cell.score < 0.9] == ["99"]
    assert read(data).notes == ("page 1: 2 characters that are struck through were not read",)


@pytest.mark.parametrize(
    "line",
    [b"0.6 w 185 664.5 m 196 664.5 l S", b"0.6 w 180 669 m 280 669 l S", b"0.6 w 185 677 m 196 677 l S"],
    ids=["underlined", "a rule through the row", "a line above"],
)
def test_other_lines_at_a_number_strike_nothing(line: bytes) -> None:
    data = raw_pdf(table(ROWS) + line)
    assert [text for row in cells(data) for text in row if text] == [text for row in ROWS for text in row]


def test_italics_that_a_program_slants_are_read_and_a_watermark_is_not() -> None:
    slanted = b"BT /F 10 Tf 1 0 0.33 1 210 666 Tm (9) Tj ET"
    assert cells(raw_pdf(table(ROWS) + slanted))[1] == ["old", "45  9", "678"]
    turned = b"BT /F 10 Tf 0.94 0.34 -0.34 0.94 210 666 Tm (9) Tj ET"
    assert cells(raw_pdf(table(ROWS) + turned)) == ROWS


def test_cells_beyond_the_edge_of_the_page_are_doubts() -> None:
    data = raw_pdf(table(ROWS, x=440))
    (found,) = [block for block in read(data).pages[0].blocks if isinstance(block, Table)]
    assert [(cell.row, cell.column, cell.text) for cell in found.cells if cell.score < 0.9] == [(r, 2, "") for r in range(3)]
    assert "page 1: 3 cells of tables lie beyond the edge of the page" in read(data).notes


@pytest.mark.parametrize(
    "cover",
    [b"1 g 191 663 14 12 re f 0 g", b"q 0 0 189.5 842 re W n " + text(185, 666, "4567") + b"Q"],
    ids=["under a white box", "clipped"],
)
def test_a_number_of_which_a_part_is_not_seen_is_a_doubt(cover: bytes) -> None:
    rows = [["new", "12", "3"], ["old", "" if cover.startswith(b"q") else "4567", "678"], ["all", "57", "681"]]
    (found,) = [block for block in read(raw_pdf(table(rows) + cover)).pages[0].blocks if isinstance(block, Table)]
    assert [cell.text for cell in found.cells if cell.score < 0.9] == ["4"]


def test_what_an_annotation_strikes_through_is_not_read() -> None:
    data = raw_pdf(table(ROWS) + text(210, 666, "99"))
    with pikepdf.open(BytesIO(data)) as document:
        look = document.make_stream(b"1 0 0 RG 0.6 w 185 669 m 196 669 l S", Subtype=pikepdf.Name.Form, BBox=[184, 663, 197, 676])
        note = pikepdf.Dictionary(Subtype=pikepdf.Name.StrikeOut, Rect=[184, 663, 197, 676], F=4, AP=pikepdf.Dictionary(N=look))
        document.pages[0].Annots = pikepdf.Array([document.make_indirect(note)])
        target = BytesIO()
        document.save(target)
    assert cells(target.getvalue()) == [["new", "12", "3"], ["old", "99", "678"], ["all", "57", "681"]]


@pytest.mark.parametrize(
    ("lies", "kind"), [({"公": "|", "务": "ó"}, PageKind.PICTURE), ({"公": "共", "务": "物"}, PageKind.TEXT)]
)
def test_letters_as_wide_as_the_characters_beside_them_are_not_what_is_seen(lies: dict[str, str], kind: PageKind) -> None:
    """Programs that print PDFs again give some characters the letters of their codes."""
    canvas = Canvas(BytesIO())
    canvas.setFont(FONT, 12)
    canvas.drawString(70, 700, "政务公开，政府信息公开ABC")
    pairs = "".join(f"<{one.encode('utf-16-be').hex()}> <{other.encode('utf-16-be').hex()}>\n" for one, other in lies.items())
    said = "1 begincodespacerange <0000> <FFFF> endcodespacerange\n" + f"{len(lies)} beginbfchar\n{pairs}endbfchar\n"
    with pikepdf.open(BytesIO(canvas.getpdfdata())) as document:
        cmap = document.make_stream(f"/CIDInit /ProcSet findresource begin begincmap\n{said}endcmap end".encode())
        for font in document.pages[0].Resources.Font.values():
            if font.Subtype == "/Type0":
                font.ToUnicode = cmap
        changed = BytesIO()
        document.save(changed)
    (page,) = read(changed.getvalue()).pages
    assert page.kind is kind, page.reason
