"""Word documents: body order, merged cells, automatic numbers, tracked changes, text boxes, hostile packages."""

from __future__ import annotations

import random
import zipfile
from io import BytesIO

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from codebook.errors import GongkaiError
from codebook.records import Line, PageKind, Table
from codebook.text.chinese_numbers import write_numeral
from tasks.extraction.extract import extract
from tasks.extraction.limits import ExtractionLimits

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
W = nsdecls("w")


def saved(document) -> bytes:
    target = BytesIO()
    document.save(target)
    return target.getvalue()


def blocks(document):
    return extract(saved(document), MEDIA_TYPE).pages[0].blocks


def texts(document) -> list[str]:
    return [block.text for block in blocks(document) if isinstance(block, Line)]


def with_body(*parts: str):
    """A document whose body holds these pieces of WordprocessingML."""
    document = docx.Document()
    for part in parts:
        tag, _, rest = part.partition(">")
        tag, slash = (tag[:-1], "/") if tag.endswith("/") else (tag, "")
        document.element.body.insert(len(document.element.body) - 1, parse_xml(f"{tag} {W}{slash}>{rest}"))
    return document


def run(text: str) -> str:
    return f"<w:r><w:t xml:space='preserve'>{text}</w:t></w:r>"


def test_paragraphs_and_tables_in_body_order_with_merged_cells() -> None:
    document = docx.Document()
    document.core_properties.title = "年度报告"
    document.add_heading("三、收到和处理政府信息公开申请情况", 1)
    table = document.add_table(5, 4)
    table.cell(0, 0).merge(table.cell(1, 1)).text = "（本列数据的勾稽关系）"
    table.cell(0, 2).merge(table.cell(0, 3)).text = "申请人情况"
    table.cell(1, 2).text, table.cell(1, 3).text = "自然人", "总计"
    table.cell(2, 0).merge(table.cell(2, 1)).text = "一、本年新收"
    table.cell(3, 0).merge(table.cell(4, 0)).text = "三、结果"
    for row, (label, first, second) in enumerate([("", "2", "2"), ("（一）", "0", "1"), ("（二）", "1", "")], 2):
        if label:
            table.cell(row, 1).text = label
        table.cell(row, 2).text, table.cell(row, 3).text = first, second
    document.add_paragraph("四、以后")
    found = extract(saved(document), MEDIA_TYPE)
    heading, grid, after = found.pages[0].blocks
    assert found.title == "年度报告"
    assert (heading.text, after.text, after.place.line) == ("三、收到和处理政府信息公开申请情况", "四、以后", 7)
    assert [(cell.place.line, cell.place.column) for cell in grid.cells if cell.text == "2"] == [(4, 3), (4, 4)]
    assert (grid.rows, grid.columns) == (5, 4)
    assert [(c.row, c.column, c.row_span, c.column_span, c.text) for c in grid.cells] == [
        (0, 0, 2, 2, "（本列数据的勾稽关系）"),
        (0, 2, 1, 2, "申请人情况"),
        (1, 2, 1, 1, "自然人"),
        (1, 3, 1, 1, "总计"),
        (2, 0, 1, 2, "一、本年新收"),
        (2, 2, 1, 1, "2"),
        (2, 3, 1, 1, "2"),
        (3, 0, 2, 1, "三、结果"),
        (3, 1, 1, 1, "（一）"),
        (3, 2, 1, 1, "0"),
        (3, 3, 1, 1, "1"),
        (4, 1, 1, 1, "（二）"),
        (4, 2, 1, 1, "1"),
        (4, 3, 1, 1, ""),
    ]


def test_rows_that_begin_or_end_late() -> None:
    table = (
        "<w:tbl><w:tr><w:tc><w:p/></w:tc><w:tc><w:p>" + run("1") + "</w:p></w:tc></w:tr>"
        "<w:tr><w:trPr><w:gridBefore w:val='1'/></w:trPr><w:tc><w:p>" + run("2") + "</w:p></w:tc></w:tr>"
        "<w:tr><w:trPr><w:del/></w:trPr><w:tc><w:p>" + run("deleted") + "</w:p></w:tc></w:tr></w:tbl>"
    )
    [grid] = blocks(with_body(table))
    assert [(c.row, c.column, c.text) for c in grid.cells] == [(0, 0, ""), (0, 1, "1"), (1, 1, "2")]


def test_a_vertical_merge_ends_where_a_cell_restarts() -> None:
    def cell(text: str, merge: str) -> str:
        return f"<w:tc><w:tcPr>{merge}</w:tcPr><w:p>{run(text)}</w:p></w:tc>"

    restart, goes_on = "<w:vMerge w:val='restart'/>", "<w:vMerge/>"
    merges = [("a", restart), ("", goes_on), ("b", restart), ("", goes_on), ("c", ""), ("d", goes_on)]
    rows = "".join(f"<w:tr>{cell(text, merge)}{cell(str(n), '')}</w:tr>" for n, (text, merge) in enumerate(merges))
    [grid] = blocks(with_body(f"<w:tbl>{rows}</w:tbl>"))
    assert [(c.row, c.row_span, c.text) for c in grid.cells if c.column == 0] == [
        (0, 2, "a"),
        (2, 2, "b"),
        (4, 1, "c"),
        (5, 1, "d"),
    ]


def test_tracked_changes_controls_breaks_and_hidden_text() -> None:
    document = with_body(
        f"<w:p>{run('主动公开')}<w:del><w:r><w:delText>7</w:delText></w:r></w:del><w:ins>{run('70')}</w:ins>"
        f"<w:r><w:rPr><w:vanish/></w:rPr><w:t>隐</w:t></w:r>{run('条')}<w:r><w:br/><w:t>第二行</w:t></w:r></w:p>",
        f"<w:sdt><w:sdtContent><w:p>{run('控件')}</w:p></w:sdtContent></w:sdt>",
        f"<w:p><w:r><w:fldChar w:fldCharType='begin'/><w:instrText>PAGE</w:instrText></w:r>{run('据')}"
        f"<w:r><w:ruby><w:rt>{run('ju')}</w:rt><w:rubyBase>{run('依')}</w:rubyBase></w:ruby></w:r></w:p>",
        "<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val='Table of Contents'/></w:docPartObj></w:sdtPr>"
        f"<w:sdtContent><w:p>{run('一、总体情况 1')}</w:p></w:sdtContent></w:sdt>",
    )
    assert texts(document) == ["主动公开70条", "第二行", "控件", "据依"]


def test_text_boxes_are_read_once() -> None:
    box = f"<w:txbxContent><w:p>{run('框内')}</w:p></w:txbxContent>"
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    document = with_body(
        f"<w:p>{run('框外')}<w:r><mc:AlternateContent {mc}><mc:Choice Requires='wps'>{box}</mc:Choice>"
        f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    assert texts(document) == ["框外", "框内"]


def numbered(text: str, level: int, list_id: int = 77) -> str:
    return f"<w:p><w:pPr><w:numPr><w:ilvl w:val='{level}'/><w:numId w:val='{list_id}'/></w:numPr></w:pPr>{run(text)}</w:p>"


def test_automatic_numbers_are_written_out() -> None:
    outline = [("总体情况", 0), ("组织", 1), ("制度", 1), ("主动公开", 0), ("平台", 1), ("条目", 2)]
    document = with_body(*(numbered(text, level) for text, level in outline), numbered("无号", 0, 0))
    numbering = document.part.numbering_part.element
    levels = (("chineseCounting", "%1、"), ("chineseCounting", "（%2）"), ("decimal", "%3."))
    written = "".join(
        f"<w:lvl w:ilvl='{n}'><w:start w:val='1'/><w:numFmt w:val='{f}'/>"
        f"<w:suff w:val='nothing'/><w:lvlText w:val='{t}'/></w:lvl>"
        for n, (f, t) in enumerate(levels)
    )
    numbering.insert(0, parse_xml(f"<w:abstractNum {W} w:abstractNumId='77'>{written}</w:abstractNum>"))
    numbering.append(parse_xml(f"<w:num {W} w:numId='77'><w:abstractNumId w:val='77'/></w:num>"))
    assert texts(document) == ["一、总体情况", "（一）组织", "（二）制度", "二、主动公开", "（一）平台", "1.条目", "无号"]


def test_chinese_numbers() -> None:
    assert [write_numeral(n) for n in (1, 9, 10, 11, 20, 21, 100, 101, 110, 1010)] == [
        "一", "九", "十", "十一", "二十", "二十一", "一百", "一百〇一", "一百一十", "一千〇一十",
    ]  # fmt: skip


def test_headers_and_footers_are_not_read() -> None:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "页眉"
    document.add_paragraph("正文")
    assert texts(document) == ["正文"]


def packed(**parts: bytes) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(
                {"types": "[Content_Types].xml", "rels": "_rels/.rels", "main": "word/document.xml"}.get(name, name), data
            )
    return target.getvalue()


RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
RELS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="r" Target="word/document.xml" Type="{RELATION}"/></Relationships>'
).encode()
ENTITIES = (
    b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>'
    b"<w:t>1&b;&x;2</w:t></w:r></w:p></w:body></w:document>"
)


def test_entities_are_refused() -> None:
    with pytest.raises(GongkaiError) as caught:
        extract(packed(rels=RELS, main=ENTITIES), MEDIA_TYPE)
    assert caught.value.code == "file.corrupt"


def truncated() -> bytes:
    document = docx.Document()
    document.add_paragraph("正文" * 500)
    return saved(document)[:-2000]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"PK\x03\x04 nothing", "file.corrupt"),
        (random.Random(1).randbytes(5000), "file.corrupt"),
        (truncated(), "file.corrupt"),
        (packed(rels=RELS), "file.corrupt"),
        (packed(rels=RELS, main=b"<w:document"), "file.corrupt"),
        (packed(rels=RELS, main=b"0" * 3_000_000), "file.bomb"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "file.encrypted"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "file.unsupported"),
        (b"", "file.empty"),
        (saved(docx.Document()), "file.empty"),
    ],
    ids=["no zip", "random", "truncated", "no main part", "no xml", "bomb", "encrypted", "old doc", "no bytes", "no text"],
)
def test_what_cannot_be_read(data: bytes, code: str) -> None:
    with pytest.raises(GongkaiError) as caught:
        extract(data, MEDIA_TYPE)
    assert caught.value.code == code


def test_a_flipped_byte_is_noticed() -> None:
    data = bytearray(saved(docx.Document()))
    data[data.find(b"word/document.xml") + 60] ^= 0xFF
    with pytest.raises(GongkaiError) as caught:
        extract(bytes(data), MEDIA_TYPE)
    assert caught.value.code == "file.corrupt"


def test_limits() -> None:
    document = docx.Document()
    document.add_table(20, 20).cell(0, 0).text = "1"
    for limits in (ExtractionLimits(max_cells=100), ExtractionLimits(max_columns=10), ExtractionLimits(max_docx_part_bytes=100)):
        with pytest.raises(GongkaiError) as caught:
            extract(saved(document), MEDIA_TYPE, limits)
        assert caught.value.code == "file.too_large"
    with pytest.raises(GongkaiError) as caught:
        extract(saved(document), MEDIA_TYPE, ExtractionLimits(max_docx_entries=3))
    assert caught.value.code == "file.bomb"


def test_nested_tables() -> None:
    document = docx.Document()
    outer = document.add_table(1, 1).cell(0, 0)
    outer.text = "表前"
    inner = outer.add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "规章", "0"
    found = blocks(document)
    assert [type(block) for block in found] == [Line, Table]
    assert extract(saved(document), MEDIA_TYPE).pages[0].kind is PageKind.TEXT


def styled(text: str, properties: str) -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        (run("7") + styled("1", "<w:vertAlign w:val='superscript'/>") + run("件"), "7¹件"),
        (run("7") + styled("注1", "<w:vertAlign w:val='superscript'/>"), "7注¹"),
        (run("7") + styled("1", "<w:vertAlign w:val='subscript'/>"), "7₁"),
        (run("7") + styled("1", "<w:vertAlign w:val='baseline'/>"), "71"),
        (run("7") + styled("2", "<w:rStyle w:val='Mark'/>"), "7²"),
        (run("7") + styled("2", "<w:rStyle w:val='MarkBelow'/>"), "7²"),
        (run("7") + styled("2", "<w:rStyle w:val='MarkBelow'/><w:vertAlign w:val='baseline'/>"), "72"),
        (run("7") + styled("1", "<w:position w:val='8'/><w:sz w:val='12'/>"), "7¹"),
        (styled("7", "<w:position w:val='8'/>") + styled("1", "<w:position w:val='8'/>"), "71"),
        (run("7") + styled("1", "<w:position w:val='-6'/>"), "71"),
    ],
)
def test_raised_digits_are_no_digits_of_the_number_before(runs: str, text: str) -> None:
    document = with_body(f"<w:p>{runs}</w:p>")
    raising = "<w:rPr><w:vertAlign w:val='superscript'/></w:rPr>"
    for name, entries in (("Mark", raising), ("MarkBelow", "<w:basedOn w:val='Mark'/>")):
        document.styles.element.append(parse_xml(f"<w:style {W} w:type='character' w:styleId='{name}'>{entries}</w:style>"))
    assert texts(document) == [text]
