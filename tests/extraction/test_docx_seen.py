"""What a reader of a Word document sees is what is read: hidden and struck text, fields, controls, symbols, chunks, packages."""

from __future__ import annotations

import zipfile
from io import BytesIO

import docx
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from codebook.errors import GongkaiError
from codebook.records import LeftOutKind, Line, Table
from tasks.extraction.extract import extract
from tasks.extraction.limits import ExtractionLimits

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SURE = 0.99
W14 = "xmlns:w14='http://schemas.microsoft.com/office/word/2010/wordml'"
CHUNK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/aFChunk"


def saved(document) -> bytes:
    target = BytesIO()
    document.save(target)
    return target.getvalue()


def run(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr {W14}>{properties}</w:rPr><w:t xml:space='preserve'>{text}</w:t></w:r>"


def cell(content: str, properties: str = "", paragraph: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:pPr>{paragraph}</w:pPr>{content}</w:p></w:tc>"


def with_table(content: str, styles: str = "", *, defaults: str = "", table: str = "", properties: str = "", paragraph: str = ""):
    """A document whose table has a cell with this content beside a label, and a second row."""
    document = docx.Document()
    root = document.styles.element
    for style in parse_xml(f"<w:styles {nsdecls('w')}>{styles}</w:styles>"):
        root.append(style)
    if defaults:
        for entry in parse_xml(f"<w:rPr {nsdecls('w')}>{defaults}</w:rPr>"):
            root.find(f"{{{root.nsmap['w']}}}docDefaults")[0][0].append(entry)
    body = (
        f"<w:tbl {nsdecls('w')}><w:tblPr>{table}</w:tblPr><w:tr>{cell(run('许可'))}{cell(content, properties, paragraph)}</w:tr>"
        f"<w:tr>{cell(run('处罚'))}{cell(run('7'))}</w:tr></w:tbl>"
    )
    document.element.body.insert(0, parse_xml(body))
    return document


def shown(content: str, styles: str = "", **more: str) -> tuple[str, bool]:
    """What is read of such a cell, and whether it is sure."""
    [page] = extract(saved(with_table(content, styles, **more)), MEDIA_TYPE).pages
    [table] = [block for block in page.blocks if isinstance(block, Table)]
    assert [c.text for c in table.cells[2:]] == ["处罚", "7"]
    return table.cells[1].text, table.cells[1].score >= SURE


def style(name: str, properties: str, kind: str = "character", based: str = "", paragraph: str = "") -> str:
    base = f"<w:basedOn w:val='{based}'/>" if based else ""
    return (
        f"<w:style w:type='{kind}' w:styleId='{name}'><w:name w:val='{name}'/>{base}<w:pPr>{paragraph}</w:pPr>"
        f"<w:rPr {W14}>{properties}</w:rPr></w:style>"
    )


WHITE = "<w:color w:val='FFFFFF'/>"


@pytest.mark.parametrize(
    "properties",
    [
        "<w:vanish/>",
        "<w:vanish w:val='1'/>",
        "<w:vanish w:val='true'/>",
        "<w:strike/>",
        "<w:dstrike/>",
        WHITE,
        "<w:color w:val='FDFDFD'/>",
        "<w:color w:val='FF0000'/><w:highlight w:val='white'/><w:vanish/>",
        "<w:color w:val='000000'/><w:highlight w:val='black'/>",
        "<w:color w:val='FF0000'/><w:shd w:val='clear' w:fill='FF0000'/>",
        "<w:color w:val='00FF00'/><w:shd w:val='solid' w:color='00FF00' w:fill='auto'/>",
        "<w:sz w:val='0'/>",
        "<w:color w:val='auto' w:themeColor='background1'/>",
        "<w:color w:val='000000' w:themeColor='light1'/>",
        "<w:color w:val='FFFF00'/><w:highlight w:val='yellow'/>",
        "<w14:textFill><w14:noFill/></w14:textFill>",
        "<w14:textFill><w14:solidFill><w14:srgbClr w14:val='FFFFFF'/></w14:solidFill></w14:textFill>",
        "<w14:textFill><w14:solidFill><w14:schemeClr w14:val='bg1'/></w14:solidFill></w14:textFill>",
    ],
)
def test_text_that_is_hidden_struck_or_as_white_as_the_paper(properties: str) -> None:
    assert shown(run("21") + run("9", properties)) == ("21", True)
    assert shown(run("21") + run("9", "<w:rStyle w:val='A'/>"), style("A", properties)) == ("21", True)
    assert shown(run("21") + run("9", "<w:rStyle w:val='B'/>"), style("A", properties) + style("B", "", based="A")) == (
        "21",
        True,
    )


@pytest.mark.parametrize("seen_first", [True, False])
def test_fills_are_told_apart_by_what_stands_in_them(seen_first: bool) -> None:
    seen = run("21", "<w14:textFill><w14:solidFill><w14:srgbClr w14:val='000000'/></w14:solidFill></w14:textFill>")
    clear = run("9", "<w14:textFill><w14:noFill/></w14:textFill>")
    assert shown(seen + clear if seen_first else clear + seen) == ("21", True)


@pytest.mark.parametrize(
    "properties",
    [
        "<w:vanish w:val='0'/>",
        "<w:vanish w:val='false'/>",
        "<w:webHidden/>",
        "<w:strike w:val='off'/>",
        "<w:color w:val='auto'/>",
        "<w:color w:val='FFFFFF'/><w:shd w:val='clear' w:fill='1F4E79'/>",
        "<w:color w:val='FFFFFF'/><w:highlight w:val='darkBlue'/>",
        "<w:color w:val='C00000'/>",
        "<w:sz w:val='14'/>",
        "<w:color w:val='auto' w:themeColor='background1' w:themeShade='80'/>",
        "<w:w w:val='80'/><w:spacing w:val='-10'/>",
        "<w14:textFill><w14:solidFill><w14:schemeClr w14:val='tx1'/></w14:solidFill></w14:textFill>",
    ],
)
def test_text_that_is_seen(properties: str) -> None:
    assert shown(run("21") + run("9", properties)) == ("219", True)
    assert shown(run("21") + run("9", "<w:rStyle w:val='A'/>"), style("A", properties)) == ("219", True)


@pytest.mark.parametrize("properties", ["<w:sz w:val='10'/>", "<w:w w:val='5'/>", "<w:spacing w:val='-200'/>"])
def test_digits_that_are_squeezed_or_much_smaller_are_a_doubt(properties: str) -> None:
    assert shown(run("21") + run("9", properties)) == ("219", False)


def test_what_a_formula_a_field_or_a_drawing_shows_is_no_digit_or_a_doubt() -> None:
    math = "xmlns:m='http://schemas.openxmlformats.org/officeDocument/2006/math'"
    formula = (
        f"<m:oMath {math}><m:sSup><m:e><m:r><m:t>21</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath>"
    )
    assert shown(formula) == ("21²", True)
    parts = "<m:f><m:num><m:r><m:t>2</m:t></m:r></m:num><m:den><m:r><m:t>1</m:t></m:r></m:den></m:f>"
    assert shown(f"<m:oMath {math}>{parts}</m:oMath>") == ("21", False)
    assert shown(f"<w:bdo w:val='rtl'>{run('21')}</w:bdo>") == ("21", False)
    assert shown(FIELD.format("begin", "") + "<w:r><w:instrText> EQ \\o(2,1) </w:instrText></w:r>" + FIELD.format("end", "")) == (
        "",
        False,
    )
    assert shown("<w:fldSimple w:instr=' SEQ a '/>") == ("", False)
    assert shown(field("FORMTEXT", "", "<w:ffData/>")) == ("", True)
    assert shown(run("21") + run("2", "<w:position w:val='-6'/><w:sz w:val='12'/>")) == ("21₂", True)
    chart = "<w:r><w:drawing><c:chart xmlns:c='http://schemas.openxmlformats.org/drawingml/2006/chart'/></w:drawing></w:r>"
    assert shown(chart) == ("", False)


def test_a_number_of_a_list_without_text_is_a_doubt() -> None:
    numbered = style("N", "", "paragraph", paragraph="<w:numPr><w:ilvl w:val='0'/><w:numId w:val='5'/></w:numPr>")
    assert shown("", numbered, paragraph="<w:pStyle w:val='N'/>") == ("", False)
    assert shown("", "", paragraph="") == ("", True)


def test_styles_turn_each_other_off() -> None:
    hidden, plain = "<w:vanish/>", "<w:vanish w:val='0'/>"
    both = style("A", hidden) + style("P", hidden, "paragraph")
    marked = "<w:pStyle w:val='P'/>"
    assert shown(run("21", plain) + run("9"), both, paragraph=marked) == ("21", True)
    assert shown(run("21", "<w:rStyle w:val='A'/>") + run("9"), both, paragraph=marked) == ("21", True)
    assert shown(run("21") + run("9", "<w:rStyle w:val='B'/>"), style("A", hidden) + style("B", plain, based="A")) == (
        "219",
        True,
    )


def test_a_table_style_hides() -> None:
    hidden = style("T", "<w:vanish/>", "table")
    document = with_table(run("21", "<w:vanish w:val='0'/>") + run("9"), hidden, table="<w:tblStyle w:val='T'/>")
    [table] = [block for block in extract(saved(document), MEDIA_TYPE).pages[0].blocks if isinstance(block, Table)]
    assert [c.text for c in table.cells if c.text] == ["21"]


def test_the_styles_of_one_document_say_nothing_of_another() -> None:
    content = run("5", "<w:rStyle w:val='Mark'/>")
    hidden, seen = style("Mark", "<w:vanish/>"), style("Mark", "<w:b/>")
    assert [shown(content, styles)[0] for styles in (hidden, seen, hidden, "", seen)] == ["", "5", "", "5", "5"]


def test_the_defaults_of_a_document_hide() -> None:
    document = with_table(run("21", "<w:vanish w:val='0'/>") + run("9"), defaults="<w:vanish/>")
    [table] = [block for block in extract(saved(document), MEDIA_TYPE).pages[0].blocks if isinstance(block, Table)]
    assert [c.text for c in table.cells if c.text] == ["21"]


def test_white_on_the_shading_of_cell_paragraph_or_table() -> None:
    dark = "<w:shd w:val='clear' w:fill='1F4E79'/>"
    assert shown(run("21", WHITE), properties=dark) == ("21", True)
    assert shown(run("21", WHITE), paragraph=dark) == ("21", True)
    assert shown(run("21", WHITE), table=dark) == ("21", True)
    assert shown(run("21", "<w:color w:val='1F4E79'/>") + run("9", WHITE), properties=dark) == ("9", True)
    shaded = style("T", "", "table").replace(
        "</w:style>", f"<w:tblStylePr w:type='firstRow'><w:tcPr>{dark}</w:tcPr></w:tblStylePr></w:style>"
    )
    assert shown(run("21") + run("9", WHITE), shaded, table="<w:tblStyle w:val='T'/>") == ("219", False)


def test_tracked_changes_and_what_they_leave() -> None:
    deleted = "<w:del><w:r><w:delText>9</w:delText></w:r></w:del>"
    moved = f"<w:moveFrom>{run('8')}</w:moveFrom><w:moveTo>{run('5')}</w:moveTo>"
    assert shown(f"{run('21')}{deleted}<w:ins>{run('4')}</w:ins>{moved}") == ("2145", True)


def test_rows_and_cells_that_are_hidden_or_deleted() -> None:
    def row(properties: str, *cells: str) -> str:
        return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(cells)}</w:tr>"

    hidden = "<w:vanish/>"
    table = f"<w:tbl {nsdecls('w')}>" + "".join(
        (
            row("", cell(run("许可")), cell(run("21"))),
            row("<w:hidden/>", cell(run("许可", hidden)), cell(run("99", hidden))),
            row("<w:del/>", cell(run("许可")), cell(run("98"))),
            row("<w:hidden/>", cell(run("强制")), cell(run("5"))),
            row("", cell(run("处罚")), cell(run("7")), cell(run("8"), "<w:cellDel/>")),
        )
    )
    document = docx.Document()
    document.element.body.insert(0, parse_xml(table + "</w:tbl>"))
    [found] = extract(saved(document), MEDIA_TYPE).pages[0].blocks
    assert [(c.row, c.text, c.score >= SURE) for c in found.cells] == [
        (0, "许可", True),
        (0, "21", True),
        (1, "强制", False),
        (1, "5", False),
        (2, "处罚", True),
        (2, "7", True),
        (2, "", True),
    ]


FIELD = "<w:r><w:fldChar w:fldCharType='{}'>{}</w:fldChar></w:r>"


def field(code: str, result: str, data: str = "") -> str:
    return (
        FIELD.format("begin", data)
        + f"<w:r><w:instrText>{code}</w:instrText></w:r>"
        + FIELD.format("separate", "")
        + result
        + FIELD.format("end", "")
    )


def test_fields_show_their_results() -> None:
    assert shown(field("FORMTEXT", run("21"), "<w:ffData/>")) == ("21", True)
    assert shown(FIELD.format("begin", "") + run("9") + FIELD.format("separate", "") + run("21") + FIELD.format("end", "")) == (
        "21",
        True,
    )
    inner = field("MERGEFIELD x", run("8"))
    nested = FIELD.format("begin", "") + "<w:r><w:instrText>IF</w:instrText></w:r>" + inner + FIELD.format("separate", "")
    assert shown(nested + run("21") + FIELD.format("end", "")) == ("21", True)
    choice = "<w:ffData><w:ddList><w:result w:val='1'/><w:listEntry w:val='9'/><w:listEntry w:val='21'/></w:ddList></w:ffData>"
    assert shown(field("FORMDROPDOWN", "", choice)) == ("21", True)
    assert shown(field("FORMDROPDOWN", run("21"), choice)) == ("21", True)
    assert shown(f"<w:fldSimple w:instr='DOCPROPERTY x'>{run('21')}</w:fldSimple>") == ("21", True)
    assert shown(FIELD.format("begin", "") + run("21")) == ("21", True)  # damaged: nothing is lost


def test_controls_that_ask_to_be_filled_in_show_no_number() -> None:
    control = "<w:sdt><w:sdtPr>{}</w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>"
    assert shown(run("21") + control.format("<w:showingPlcHdr/>", run("0"))) == ("21", True)
    assert shown(run("2") + control.format("<w:dropDownList/>", run("1"))) == ("21", True)


def test_symbols_that_are_numbers() -> None:
    assert shown(run("2") + "<w:r><w:sym w:font='Symbol' w:char='F031'/></w:r>") == ("21", True)
    assert shown(run("21") + "<w:r><w:sym w:font='Wingdings' w:char='F081'/></w:r>") == ("21①", True)
    assert shown(run("21") + "<w:r><w:sym w:font='Wingdings' w:char='F0FC'/></w:r>") == ("21", True)


def test_a_choice_of_markup_is_read_once() -> None:
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    choices = f"<mc:Choice>{run('21')}</mc:Choice><mc:Choice>{run('9')}</mc:Choice><mc:Fallback>{run('8')}</mc:Fallback>"
    assert shown(f"<mc:AlternateContent {mc}>{choices}</mc:AlternateContent>") == ("21", True)


def test_numbers_by_style_do_not_count_into_a_row() -> None:
    numbered = style("N", "", "paragraph", paragraph="<w:numPr><w:ilvl w:val='0'/><w:numId w:val='5'/></w:numPr>")
    marked = "<w:pStyle w:val='N'/>"
    assert shown(run("其他"), numbered, paragraph=marked) == ("其他", True)
    assert shown(run("21"), numbered, paragraph=marked) == ("21", False)


# ---- documents inside ---------------------------------------------------------------------------------------------------


def with_chunks(*chunks: tuple[str, bytes], document=None):
    """A document that ends with these chunks: (name, content)."""
    document = document or docx.Document()
    for number, (name, content) in enumerate(chunks):
        part = Part(PackURI(f"/word/{name}"), "application/octet-stream", content, document.part.package)
        identity = document.part.relate_to(part, CHUNK)
        document.element.body.insert(number, parse_xml(f"<w:altChunk {nsdecls('w', 'r')} r:id='{identity}'/>"))
    return document


HTML_TABLE = "<html><body><p>甲</p><table><tr><td>许可<td>21<b style='display:none'>9</b><tr><td>处罚<td>7</table></body></html>"


def read(document):
    return extract(saved(document), MEDIA_TYPE)


def all_texts(extraction) -> list[str]:
    found = []
    for page in extraction.pages:
        for block in page.blocks:
            found += [block.text] if isinstance(block, Line) else [c.text for c in block.cells]
    return found


def test_chunks_are_read_in_their_places() -> None:
    inner = docx.Document()
    inner.add_paragraph("内层")
    mht = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x\r\n"
        b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    mht += "<p>网页</p>".encode() + b"\r\n--x--\r\n"
    chunks = (("a.docx", saved(inner)), ("b.html", HTML_TABLE.encode()), ("c.txt", "文本\n二".encode("gb18030")), ("d.mht", mht))
    found = read(with_chunks(*chunks))
    assert all_texts(found) == ["内层", "甲", "许可", "21", "处罚", "7", "文本", "二", "网页"]
    assert found.left_out == ()


def test_chunks_that_cannot_be_read_are_named() -> None:
    document = docx.Document()
    document.add_paragraph("正文")
    found = read(with_chunks(("a.rtf", b"{\\rtf1 \\v x}"), ("b.docx", b"PK\3\4 damaged"), document=document))
    assert [(one.kind, one.name) for one in found.left_out] == [
        (LeftOutKind.PART, "word/a.rtf"),
        (LeftOutKind.PART, "word/b.docx"),
    ]
    with pytest.raises(GongkaiError, match=r"report\.tables_are_objects: word/a\.rtf"):
        read(with_chunks(("a.rtf", b"{\\rtf1 \\v x}")))


def test_documents_nested_without_end_are_refused() -> None:
    data = saved(docx.Document())
    for _ in range(6):
        data = saved(with_chunks(("a.docx", data)))
    with pytest.raises(GongkaiError, match=r"file\.bomb"):
        extract(data, MEDIA_TYPE)


def test_chunks_without_number_or_end_are_refused() -> None:
    page = b"<p>" + b"x" * 100_000
    many = with_chunks(*[(f"{n}.html", page) for n in range(30)])
    with pytest.raises(GongkaiError, match=r"file\.bomb.*documents in a document"):
        extract(saved(many), MEDIA_TYPE, ExtractionLimits(max_docx_chunks=20))
    with pytest.raises(GongkaiError, match=r"file\.bomb.*unpacked"):
        extract(saved(with_chunks(("a.html", page))), MEDIA_TYPE, ExtractionLimits(max_docx_bytes=900_000))


# ---- packages --------------------------------------------------------------------------------------------------------------


def repacked(data: bytes, rename=lambda name: name, change=lambda _, content: content) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if (now := rename(name)) is not None:
                info = zipfile.ZipInfo("x")
                info.filename = now
                new.writestr(info, change(name, old.read(name)))
    return target.getvalue()


def other_main(name: str, content: bytes) -> bytes:
    return content.replace(b"word/document.xml", b"word/document7.xml")


def strict(_: str, content: bytes) -> bytes:
    names = (
        (b"schemas.openxmlformats.org/officeDocument/2006/relationships", b"purl.oclc.org/ooxml/officeDocument/relationships"),
        (b"schemas.openxmlformats.org/wordprocessingml/2006/main", b"purl.oclc.org/ooxml/wordprocessingml/main"),
    )
    for old, new in names:
        content = content.replace(old, new)
    return content


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda d: repacked(d, lambda n: n.replace("/", "\\")), id="backslashes"),
        pytest.param(lambda d: repacked(d, lambda n: None if n.startswith("[") else n), id="no content types"),
        pytest.param(lambda d: repacked(d, lambda n: None if n == "_rels/.rels" else n), id="no relations"),
        pytest.param(lambda d: repacked(d, change=lambda _, c: c.replace(b'Target="word/', b'Target="/word/')), id="absolute"),
        pytest.param(
            lambda d: repacked(d, change=lambda _, c: c.replace(b'Target="word/', b'Target="x/../word/')), id="relative"
        ),
        pytest.param(lambda d: repacked(d, lambda n: n.upper()), id="upper case"),
        pytest.param(lambda d: repacked(d, lambda n: n.replace("document.xml", "document7.xml"), other_main), id="another name"),
        pytest.param(lambda d: repacked(d, change=strict), id="strict"),
    ],
)
def test_packages_as_other_programs_write_them(change) -> None:
    data = change(saved(with_table(run("21") + run("9", "<w:rStyle w:val='A'/>"), style("A", "<w:vanish/>"))))
    assert all_texts(extract(data, MEDIA_TYPE)) == ["许可", "21", "处罚", "7"]


def test_relation_types_of_the_test_are_those_of_word() -> None:
    assert CHUNK.rpartition("/")[0] == RELATIONSHIP_TYPE.STYLES.rpartition("/")[0]


def test_a_choice_that_no_reader_knows_is_left_for_the_other() -> None:
    mc = "xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'"
    for name, text in (("urn:example:own", "8"), ("http://schemas.microsoft.com/office/word/2010/wordml", "9")):
        choice = f"<mc:Choice xmlns:own='{name}' Requires='own'><w:t>9</w:t><own:x/></mc:Choice>"
        content = f"<w:r><mc:AlternateContent {mc}>{choice}<mc:Fallback><w:t>8</w:t></mc:Fallback></mc:AlternateContent></w:r>"
        assert shown(content) == (text, True)
    alone = "<mc:Choice xmlns:own='urn:example:own' Requires='own'><w:t>9</w:t><own:x/></mc:Choice>"
    assert shown(f"<w:r><w:t>5</w:t><mc:AlternateContent {mc}>{alone}</mc:AlternateContent></w:r>") == ("5", True)


@pytest.mark.parametrize(
    "content",
    [
        run("21", "<w:rFonts w:ascii='Wingdings' w:hAnsi='Wingdings'/>"),
        run("2\uf031"),
        run("21", "<w:highlight w:val='black'/>"),
        run("21") + "<w:r><w:contentPart/></w:r>",
        run("21") + "<w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText>ADVANCE \\l30</w:instrText></w:r>"
        "<w:r><w:fldChar w:fldCharType='end'/></w:r>",
    ],
)
def test_digits_that_are_drawn_as_something_else_are_doubts(content: str) -> None:
    assert not shown(content)[1]


def test_characters_of_the_symbol_font_are_its_digits() -> None:
    assert shown(run("\uf032\uf031", "<w:rFonts w:ascii='Symbol' w:hAnsi='Symbol'/>")) == ("21", True)
