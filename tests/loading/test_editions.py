"""Sorting documents into editions and renditions, in whatever order they come."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from codebook.filings import Arrangement, EditionEvidence, FiledCell, FiledReport
from codebook.records import State
from tasks.loading.editions import arrange, difference
from tasks.loading.relate import relate_filing
from tasks.loading.witnesses import disagreements, vouch
from tests.validation.makers import filed

YEAR = 2022
N, G = "requests.new_received.total", "requests.granted.total"


def shape(arranged: Arrangement) -> list[list[str]]:
    """The paths of the documents by edition."""
    return [[document.path for document in edition.documents] for edition in arranged.editions]


def scan(values: dict[str, float], name: str = "扫描.ocr", **doubtful: tuple[float, ...]) -> FiledReport:
    """A scanned document, of which some rows of table three (column 总计) are doubtful with candidates."""
    cells = {f"requests.{row}.total": options for row, options in doubtful.items()}
    doubts = {cell: FiledCell(values[cell], State.DOUBTFUL, options) for cell, options in cells.items()}
    return filed(values, name, cells=filed(values, name).cells | doubts)


def test_a_page_a_pdf_and_a_word_file_of_one_content_are_one_edition() -> None:
    documents = [filed({N: 3}, name) for name in ("甲/页.html", "乙/附件.pdf", "丙/原文.docx")]
    arranged = arrange(documents, YEAR)
    assert shape(arranged) == [["甲/页.html", "丙/原文.docx", "乙/附件.pdf"]]
    assert arranged.reason.by is EditionEvidence.ONLY


@pytest.mark.parametrize(
    ("first", "second", "by"),
    [
        ({"published_on": "2023-01-20"}, {"published_on": "2023-03-01"}, EditionEvidence.PRINTED),
        ({"dated_on": "2023-01-20"}, {"dated_on": "2023-03-01"}, EditionEvidence.FILE),
        ({"published_on": "2023-01-20"}, {"dated_on": "2023-03-01"}, EditionEvidence.FILE),
        ({"seen_at": "2023-01-20T01:00:00+00:00"}, {"seen_at": "2023-03-01T01:00:00+00:00"}, EditionEvidence.SEEN),
        (
            {"published_on": "2023-01-20"},
            {"published_on": "2023-01-20", "title": "2022年度报告（更正）"},
            EditionEvidence.CORRECTED,
        ),
        (
            {"seen_at": "2023-03-01T01:00:00+00:00"},
            {"published_on": "2023-02-20", "title": "2022年度报告（更正）"},
            EditionEvidence.CORRECTED,
        ),
        ({"published_on": "2023-03-01"}, {"seen_at": "2023-02-20", "title": "2022年度报告（更正）"}, EditionEvidence.CORRECTED),
    ],
)
def test_the_newest_edition_by_evidence_is_in_force(first: dict[str, Any], second: dict[str, Any], by: EditionEvidence) -> None:
    old, new = filed({N: 3}, "旧/报告.html", **first), filed({N: 4}, "新/报告.html", **second)
    for documents in ([old, new], [new, old]):
        arranged = arrange(documents, YEAR)
        assert shape(arranged) == [["旧/报告.html"], ["新/报告.html"]]
        assert (arranged.in_force, arranged.reason.by) == (1, by)


def test_a_person_chooses_and_the_order_of_time_stays() -> None:
    old, new = filed({N: 3}, "旧/报告.html", published_on="2023-01-20"), filed({N: 4}, "新/报告.html", published_on="2023-03-01")
    arranged = arrange([old, new], YEAR, chosen=old.document_id)
    assert (shape(arranged), arranged.in_force) == ([["旧/报告.html"], ["新/报告.html"]], 0)
    assert [document.path for _, document in arranged.ranked] == ["旧/报告.html", "新/报告.html"]


def test_a_date_before_the_end_of_the_year_dates_nothing() -> None:
    documents = [filed({N: 3}, "甲/一.html", published_on="2022-03-01"), filed({N: 4}, "乙/二.html", published_on="2023-02-01")]
    assert {e.dated.by for e in arrange(documents, YEAR).editions} == {EditionEvidence.SEEN, EditionEvidence.PRINTED}
    assert all(edition.dated.value > "2022-12-31" for edition in arrange(documents, YEAR).editions)


def test_a_misread_scan_is_a_rendition_and_an_edited_page_an_edition() -> None:
    page, read = filed({N: 3, G: 2}, "甲/页.html"), scan({N: 8, G: 2}, "乙/扫描.ocr")
    assert shape(arrange([page, read], YEAR)) == [["甲/页.html", "乙/扫描.ocr"]]
    proven = scan({N: 8, G: 2}, "乙/扫描.ocr")
    proven = filed({}, "乙/扫描.ocr", cells=proven.cells | {N: FiledCell(8, State.PROVEN)})
    assert len(arrange([page, proven], YEAR).editions) == 2  # something else than the picture says so
    many = scan(
        {f"requests.{row}.total": 9 for row in ("new_received", "granted", "carried_over", "carried_forward")}, "乙/扫描.ocr"
    )
    page = filed(
        {f"requests.{row}.total": 1 for row in ("new_received", "granted", "carried_over", "carried_forward")}, "甲/页.html"
    )
    assert len(arrange([page, many], YEAR).editions) == 2


def test_a_scan_joins_the_edition_that_it_shows() -> None:
    old, new = filed({N: 3}, "甲/旧.html", published_on="2023-01-20"), filed({N: 4}, "乙/新.html", published_on="2023-03-01")
    for value, place in ((3, 0), (4, 1)):
        arranged = arrange([scan({N: value}), new, old], YEAR)
        assert [len(edition.documents) for edition in arranged.editions] == [2 - place, 1 + place]


def test_a_chapter_rewritten_on_the_page_is_an_edition_and_the_frame_of_another_format_is_none() -> None:
    text = "本年度主动公开各类信息若干，认真办理依申请公开，工作有序推进，全年举办培训三次，接受监督，公开目录完整。"
    sections = {"sections": ((1, "总体情况", text),)}
    framed = {"sections": ((1, "总体情况", f"{text}第1页"),)}
    edited = {"sections": ((1, "总体情况", text.replace("三次", "五次")),)}
    page = filed({N: 3}, "甲/页.html", **sections)
    assert len(arrange([page, filed({N: 3}, "乙/页.pdf", **framed)], YEAR).editions) == 1
    later = filed({N: 3}, "乙/页.html", published_on="2023-05-01", **edited)
    assert difference(page, later).chapters == ((1, "总体情况"),)
    assert len(arrange([page, later], YEAR).editions) == 2


@pytest.mark.parametrize(
    "days", [("2023年1月20日", "2023年3月6日"), ("2023-01-20", "2023-03-06"), ("二〇二三年一月二十日", "二〇二三年三月六日")]
)
def test_the_date_of_a_signature_is_no_change(days: tuple[str, str]) -> None:
    texts = [f"无。\n安宁市城市管理局\n{day}" for day in days]
    documents = [filed({N: 3}, f"{n}/页.html", sections=((6, "其他", text),)) for n, text in enumerate(texts)]
    assert difference(*documents).chapters == ()
    told = [filed({N: 3}, f"{n}/页.html", sections=((1, "总体情况", f"{day}召开会议。"),)) for n, day in enumerate(days)]
    assert difference(*told).chapters == ((1, "总体情况"),)


def test_every_order_gives_the_same() -> None:
    documents = [
        filed({N: 3, G: 1}, "甲/页.html", published_on="2023-01-20"),
        filed({N: 3, G: 1}, "甲/附件.pdf"),
        filed({N: 4, G: 1}, "乙/更正.html", published_on="2023-02-20"),
        scan({N: 4, G: 7}, "丙/扫描.ocr", granted=(1, 7)),
        filed({N: 5, G: 1}, "丁/再.docx", dated_on="2023-06-01"),
    ]
    seen = {repr(arrange(order, YEAR)) for order in permutations(documents)}
    assert len(seen) == 1
    arranged = arrange(documents, YEAR)
    assert shape(arranged) == [["甲/页.html", "甲/附件.pdf"], ["乙/更正.html", "丙/扫描.ocr"], ["丁/再.docx"]]


def test_two_readings_prove_a_value_and_settle_a_doubt() -> None:
    page = filed({N: 3, G: 2}, "甲/页.html")
    read = scan({N: 3, G: 7}, "乙/扫描.ocr", granted=(2, 7))
    both = [page, read]
    assert [(t.indicator, t.state, t.value) for t in vouch(read, both)] == [(N, State.PROVEN, 3), (G, State.PROVEN, 2)]
    assert [(t.indicator, t.documents) for t in vouch(page, both)] == [(N, (read.document_id,))]
    excluded = scan({N: 3, G: 7}, "乙/扫描.ocr", granted=(1, 7))
    assert [t.indicator for t in vouch(excluded, [page, excluded])] == [N]
    assert disagreements(page, excluded) == (G,)
    assert disagreements(page, read) == ()


def test_two_copies_of_one_format_prove_nothing() -> None:
    one, other = filed({N: 3}, "甲/页.html"), filed({N: 3}, "乙/页.html")
    assert vouch(one, [one, other]) == []


def test_what_changed_is_said_of_the_edition_in_force() -> None:
    first = filed({N: 3, G: 1}, "甲/页.html", published_on="2023-01-20")
    second = filed({N: 4, G: 1}, "乙/页.html", published_on="2023-02-20")
    third = filed({N: 4, G: 2}, "丙/页.html", published_on="2023-03-20")
    found = relate_filing("安宁市城市管理局", YEAR, arrange([third, first, second], YEAR))
    assert [(number, other, f.cells, f.expected, f.actual) for number, other, f in found] == [
        (third.report_id, first.report_id, (N,), 3, 4),
        (third.report_id, second.report_id, (G,), 1, 2),
    ]
