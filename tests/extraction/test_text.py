"""Encodings, binary data, line numbers and page breaks of plain text."""

from __future__ import annotations

import random

import pytest

from codebook.errors import GongkaiError
from codebook.text.decoding import plausibility
from tasks.extraction.extract import extract
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.text import decode

SIMPLIFIED = (
    "某某市水利局2022年政府信息公开工作年度报告\n\n一、总体情况\n2022年，我局主动公开政府信息70条，收到政府信息公开申请12件。\n"
)
TRADITIONAL = (
    "某某市水利局2022年政府資訊公開工作年度報告\n\n一、總體情況\n2022年，我局主動公開政府資訊70條，收到政府資訊公開申請12件。\n"
)


@pytest.mark.parametrize("text", [SIMPLIFIED, TRADITIONAL], ids=["simplified", "traditional"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "gbk", "big5", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_encoding_of_every_script_is_read(text: str, codec: str) -> None:
    if codec == "big5" and text is SIMPLIFIED:
        pytest.skip("Big5 has no simplified characters")
    found = extract(text.encode(codec), "text/plain")
    assert [line.text for line in found.pages[0].blocks] == [line for line in text.split("\n") if line]
    assert [line.place.line for line in found.pages[0].blocks] == [1, 3, 4]


@pytest.mark.parametrize("codec", ["gb18030", "gbk", "big5", "utf-16-le", "utf-16-be"])
def test_a_title_alone_is_enough_to_tell(codec: str) -> None:
    assert decode("政府資訊公開".encode(codec), ExtractionLimits()).text == "政府資訊公開"


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "big5", "utf-16-le"])
def test_real_reports_in_other_encodings(corpus, codec: str) -> None:
    for path in sorted((corpus / "documents").glob("*.txt")):
        text = path.read_text(encoding="utf-8").encode(codec, errors="ignore").decode(codec)
        assert decode(text.encode(codec), ExtractionLimits()).text == text


def test_a_four_byte_character_of_gb18030() -> None:
    text = SIMPLIFIED + "㐀𠀀"
    assert decode(text.encode("gb18030"), ExtractionLimits()).text == text


def test_a_wrong_decoding_is_implausible() -> None:
    assert plausibility(TRADITIONAL.encode("big5").decode("gb18030", errors="replace")) < 0.3
    assert plausibility(SIMPLIFIED) > 0.7


def test_the_declared_charset_is_only_a_hint() -> None:
    assert decode(SIMPLIFIED.encode("gb18030"), ExtractionLimits(), declared="utf-8").encoding == "gb18030"
    assert decode(SIMPLIFIED.encode(), ExtractionLimits(), declared="gb2312").encoding == "utf-8"


def test_a_few_broken_bytes_are_noted_not_fatal() -> None:
    found = decode(SIMPLIFIED.encode() * 20 + b"\xe6\x94", ExtractionLimits())
    assert found.text.startswith(SIMPLIFIED)
    assert found.notes == ("text.undecodable=1",)
    assert decode((SIMPLIFIED * 20).encode("gb18030") + b"\xd5", ExtractionLimits()).encoding == "gb18030"


def test_a_few_nul_bytes_are_stripped() -> None:
    for codec in ("utf-8", "gb18030"):
        found = extract((SIMPLIFIED * 20).encode(codec).replace(b"70", b"7\x000", 5), "text/plain")
        assert "主动公开政府信息70条" in found.pages[0].blocks[2].text
        assert found.notes == ("text.nul_bytes=5",)


def code_of(data: bytes, media_type: str = "text/plain", limits: ExtractionLimits | None = None) -> str:
    with pytest.raises(GongkaiError) as caught:
        extract(data, media_type, limits or ExtractionLimits())
    return caught.value.code


def test_what_is_no_text_is_refused() -> None:
    assert code_of(random.Random(1).randbytes(50_000)) in ("file.corrupt", "text.encoding")
    assert code_of(b"\x89PNG\r\n\x1a\n" + bytes(2000)) == "file.corrupt"
    assert code_of(b"") == "file.empty"
    assert code_of(" \n\u3000\r\n\ufeff".encode()) == "file.empty"
    assert code_of("锟斤拷".encode() + "\ufffd\ufffd一\ufffd".encode() * 50) == "text.encoding"
    assert code_of("Größe, façade, naïve".encode("latin-1") * 30) == "text.encoding"


def test_limits_hold() -> None:
    limits = ExtractionLimits(max_text_bytes=1000, max_lines=10)
    assert code_of(b"1" * 1001, limits=limits) == "file.too_large"
    assert code_of(b"1\n" * 11, limits=limits) == "file.too_large"
    assert code_of(b"1" * (50 * 1024 * 1024 + 1)) == "file.too_large"


def test_a_report_on_one_line_is_one_line() -> None:
    text = SIMPLIFIED.replace("\n", "") * 30
    assert [line.text for line in extract(text.encode("gbk"), "text/plain").pages[0].blocks] == [text]


def test_line_breaks_of_all_systems_count_alike() -> None:
    found = extract("一\r\n\r\n二\r三\n四".encode(), "text/plain").pages[0].blocks
    assert [(line.text, line.place.line) for line in found] == [("一", 1), ("二", 3), ("三", 4), ("四", 5)]


def test_form_feeds_end_pages_and_page_numbers_go() -> None:
    text = "（四）无\n- 1 -\n\f法提供 0 0 0\n第 2 页 共 3 页\n\f1 0 0\n12\n\f"
    found = extract(text.encode(), "text/plain")
    assert [[line.text for line in page.blocks] for page in found.pages] == [["（四）无"], ["法提供 0 0 0"], ["1 0 0", "12"]]
    assert found.pages[1].blocks[0].place.line == 3


def test_bare_page_numbers_go_only_when_they_count_up() -> None:
    counting = extract("甲\n1\n\f乙\n2\n\f丙\n3\n".encode(), "text/plain")
    assert [[line.text for line in page.blocks] for page in counting.pages] == [["甲"], ["乙"], ["丙"]]
    values = extract("甲\n0\n\f乙\n0\n\f丙\n7\n".encode(), "text/plain")
    assert [[line.text for line in page.blocks] for page in values.pages] == [["甲", "0"], ["乙", "0"], ["丙", "7"]]


def test_other_media_types_are_unsupported() -> None:
    assert code_of(b"x", "application/vnd.ms-powerpoint") == "file.unsupported"
    assert code_of(b"x", "image/svg+xml") == "file.unsupported"
