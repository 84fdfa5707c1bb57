"""XML documents of Word 2003: what a reader of the printed page sees of them."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from codebook.errors import GongkaiError
from codebook.records import Line, PageKind
from ingest.files.identify import WORD_2003, identify
from tasks.extraction.extract import extract, inner_picture
from tests.extraction.word2003_files import word_2003


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def lines(body: str, before: str = "") -> list[str]:
    data = word_2003(body, before=before)
    assert identify(io.BytesIO(data)).media_type == WORD_2003
    found = extract(data, WORD_2003)
    return [block.text for page in found.pages for block in page.blocks if isinstance(block, Line)]


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ('<aml:annotation w:type="Word.Insertion"><aml:content>{}</aml:content></aml:annotation>', "本年新收12件"),
        ('<aml:annotation w:type="Word.Deletion"><aml:content>{}</aml:content></aml:annotation>', "本年新收件"),
        ('<aml:annotation w:type="Word.Comment"><aml:content><w:p>{}</w:p></aml:content></aml:annotation>', "本年新收件"),
        ('<aml:annotation w:type="Word.Bookmark.Start" w:name="a"/>{}', "本年新收12件"),
        ("<w:r><w:footnote><w:p>{}</w:p></w:footnote></w:r>", "本年新收件"),
        ("<own:count><own:inner>{}</own:inner></own:count>", "本年新收12件"),
        ('<w:hlink w:dest="http://example.org">{}</w:hlink>', "本年新收12件"),
        ("<w:r><w:rPr><w:vanish/></w:rPr><w:t>12</w:t></w:r>", "本年新收件"),
        ("<w:r><w:rPr><w:strike/></w:rPr><w:t>12</w:t></w:r>", "本年新收件"),
        ("<w:r><w:t>12</w:t></w:r><w:r><w:rPr><w:vertAlign w:val='superscript'/></w:rPr><w:t>①</w:t></w:r>", "本年新收12①件"),
    ],
)
def test_what_is_printed_is_read_and_nothing_else(inside: str, text: str) -> None:
    found = lines(f"<w:p>{run('本年新收')}{inside.format(run('12'))}{run('件')}</w:p>")
    assert [line.replace(" ", "") for line in found] == [text]


def test_paragraphs_in_elements_of_another_schema_are_read() -> None:
    body = f"<own:report><own:part><w:p>{run('一')}</w:p></own:part><w:p>{run('二')}</w:p></own:report>"
    assert lines(body) == ["一", "二"]


def test_numbers_of_lists_are_printed() -> None:
    """Kinds of numbers are numbers themselves: 37 is that of Chinese counting."""
    level = '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:nfc w:val="37"/><w:lvlText w:val="%1、"/></w:lvl>'
    before = f'<w:lists><w:listDef w:listDefId="3">{level}</w:listDef><w:list w:ilfo="1"><w:ilst w:val="3"/></w:list></w:lists>'
    mark = '<w:pPr><w:listPr><w:ilvl w:val="0"/><w:ilfo w:val="1"/></w:listPr></w:pPr>'
    body = "".join(f"<w:p>{mark}{run(text)}</w:p>" for text in ("总体情况", "主动公开"))
    assert lines(body, before) == ["一、总体情况", "二、主动公开"]


def test_a_picture_that_may_be_a_table_waits_for_ocr() -> None:
    target = io.BytesIO()
    Image.effect_noise((900, 700), 90).save(target, "PNG")
    coded = base64.b64encode(target.getvalue()).decode()
    shape = '<v:shape style="width:500pt;height:400pt"><v:imagedata src="wordml://1.png"/></v:shape>'
    held = f"<w:binData w:name='wordml://1.png'>{coded}</w:binData>"
    data = word_2003(f"<w:p>{run('报告')}</w:p><w:p><w:r><w:pict>{held}{shape}</w:pict></w:r></w:p>")
    pages = extract(data, WORD_2003).pages
    (number,) = [page.number for page in pages if page.kind is PageKind.PICTURE]
    assert inner_picture(data, WORD_2003, number) == target.getvalue()


ENTITY = b'<!DOCTYPE a [<!ENTITY b "c">]>' + word_2003("<w:p>&b;</w:p>").partition(b"?>\n")[2]
NO_PICTURE = word_2003("<w:p><w:r><w:pict><w:binData w:name='wordml://1'>a</w:binData></w:pict></w:r></w:p>")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b'<w:wordDocument xmlns:w="x">', "file.corrupt", id="cut off"),
        pytest.param(ENTITY, "file.corrupt", id="entity"),
        pytest.param(NO_PICTURE, "file.corrupt", id="a picture that is none"),
        pytest.param(word_2003("<w:p/>"), "file.empty", id="nothing"),
        pytest.param(word_2003("<w:p>" * 300 + "</w:p>" * 300), "file.corrupt", id="deep"),
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(GongkaiError) as caught:
        extract(data, WORD_2003)
    assert caught.value.code == code
