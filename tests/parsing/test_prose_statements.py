"""What sentences of reports on 2019 and later say about the tables. A false contradiction is worse than a missed one."""

from __future__ import annotations

import pytest

from codebook.phrases import Phrase, load_phrases
from codebook.records import Extraction, Line, Page, PageKind, Place, Reader, Statement, StatementKind
from tasks.parsing.outline import known_headings, read_outline
from tasks.parsing.prose.lines import prose_lines
from tasks.parsing.prose.statements import read_statements
from tasks.parsing.prose.statistics import search_of


def statements(text: str, year: int | None = 2021, agency: str = "示例县财政局") -> tuple[Statement, ...]:
    blocks = tuple(Line(raw, Place(1, None, number, 1)) for number, raw in enumerate(text.split("\n"), 1))
    extraction = Extraction("text/plain", (Page(1, PageKind.TEXT, "", Reader.TXT, blocks),))
    outline = read_outline(prose_lines(extraction, {}, known_headings))
    return read_statements(search_of(outline, year, agency))


def said(text: str, year: int | None = 2021, agency: str = "示例县财政局") -> dict[str, object]:
    """What each first indicator is said to be, without the part before the row."""
    return {s.indicators[0].removesuffix(".total").removeprefix("requests."): s.value for s in statements(text, year, agency)}


@pytest.mark.parametrize("phrase", load_phrases().statements, ids=lambda p: p.row.id)
def test_each_phrase_reads_its_examples_and_not_its_counter_examples(phrase: Phrase) -> None:
    def read(text: str) -> list[tuple[object, str]]:
        return [(s.value, s.kind) for s in statements(text, None) if s.pattern == phrase.row.id]

    row = phrase.row
    assert {text: read(text) for text in row.examples} == {text: [(n, row.kind)] for text, n in row.examples.items()}
    assert {text: read(text) for text in row.counter_examples} == {key: [] for key in row.counter_examples}


REVIEW = {"review.reconsideration": 0, "review.litigation_direct": 0, "review.litigation_after_review": 0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021年，我局共收到政府信息公开申请12件。", {"new_received": 12}),
        ("全年新收政府信息公开申请 1,203 件，上年结转15件。", {"new_received": 1203, "carried_over": 15}),
        ("今年我镇收到依申请公开3宗。", {"new_received": 3}),
        ("本年度收到公民、法人和其他组织提出的政府信息公开申请九份。", {"new_received": 9}),
        ("2021年受理政府信息公开申请7人次。", {"new_received": 7}),
        ("收到政府信息公开申请20余件。", {}),
        ("2020年收到政府信息公开申请12件，2021年收到政府信息公开申请15件。", {"new_received": 15}),
        ("与上年相比，收到政府信息公开申请增加3件。", {}),
        ("去年收到政府信息公开申请8件。", {}),
        ("收到行政许可申请120件，办结118件。", {}),
        ("收到网络留言25条，均已答复。", {}),
        ("全年收到政府信息公开申请10件，其中予以公开6件，部分公开2件，不予公开1件，无法提供1件。",
         {"new_received": 10, "granted": 6, "partially_granted": 2, "denied.state_secret": 1, "unable.not_held": 1}),
        ("通过网络收到政府信息公开申请5件，通过信函收到政府信息公开申请3件。", {}),
        ("全年收到政府信息公开申请10件，其中收到自然人申请9件。", {"new_received": 10, "new_received.natural_person": 9}),
        ("2021年未收到政府信息公开申请。", {"new_received": 0}),
        ("本年度我镇未收到依申请公开事项。", {"new_received": 0}),
        ("2021年无依申请公开事项。", {"new_received": 0}),
        ("未收到申请人提出的异议。", {}),
        ("未收到法人或其他组织的政府信息公开申请。", {}),
        ("未出现超期答复的政府信息公开申请。", {}),
        ("2021年我局未发生因政府信息公开引起的行政复议、行政诉讼。", REVIEW),
        ("全年无行政复议、行政诉讼案件。", REVIEW),
        ("没有因政府信息公开被申请行政复议的情况。", {"review.reconsideration": 0}),
        ("未发生行政复议被纠错、行政诉讼败诉的情况。", {}),
        ("有效减少行政复议、行政诉讼的发生。", {}),
        ("未经复议直接起诉的案件2件。", {}),
        ("收到政府信息公开申请5件，均已按期答复。", {"new_received": 5, "carried_forward": 0}),
        ("收到政府信息公开申请5件，全部办结。", {"new_received": 5, "carried_forward": 0}),
        ("收到政府信息公开申请5件，均按规定时限答复。", {"new_received": 5}),
        ("收到政府信息公开申请5件，均在规定时限内办结。", {"new_received": 5, "carried_forward": 0}),
        ("2021年，我局共收到政府信息公开申请12件，较上年增加3件，其中自然人11件。上年结转1件，结转下年1件。",
         {"new_received": 12, "new_received.natural_person": 11, "carried_over": 1}),
        ("收到行政复议申请5件，办结4件。", {}),
        ("2022年将做好政府信息公开申请的答复工作。", {}),
        ("2021年县政府门户网站收到网民留言35件，答复35件。", {}),
        ("申请人对答复不服，提出行政复议申请3件。", {}),
        ("收到政府信息公开申请5件，除1件结转外，其余均已答复。", {"new_received": 5}),
        ("办理12345热线工单1500件，均已办结。", {}),
        ("收到申请12件（含上年结转2件），结转下年度继续办理1件。", {"carried_over": 2, "carried_forward": 1}),
        ("因政府信息公开被申请行政复议2件，被提起行政诉讼1件。", {"review.reconsideration": 2, "review.litigation_direct": 1}),
        ("下一步，力争收到政府信息公开申请100%按期答复。", {}),
        ("如收到政府信息公开申请，应当在20个工作日内答复。", {}),
    ],
)  # fmt: skip
def test_sentences(text: str, expected: dict[str, object]) -> None:
    assert said(text) == expected


def test_kinds() -> None:
    found = {s.indicators[0]: s.kind for s in statements("我局收到政府信息公开申请5件，均已按期答复，未发生行政复议。")}
    assert found == {
        "requests.new_received.total": StatementKind.NUMBER,
        "requests.carried_forward.total": StatementKind.ALL,
        "review.reconsideration.total": StatementKind.NONE,
    }


def test_what_was_handled_may_mean_more_than_one_sum() -> None:
    (found,) = statements("全年共办理政府信息公开申请12件。")
    assert found.indicators == ("requests.new_received.total", "requests.carried_over.total")
    assert ("requests.new_received.total",) in found.alternatives
    assert ("requests.total_handled.total",) in found.alternatives


@pytest.mark.parametrize("office", ["区政府办代表区政府", "县政府办公室", "区政府办公室", "市本级"])
def test_an_offices_own_count_in_a_regions_report(office: str) -> None:
    text = f"2021年，{office}受理政府信息公开申请17件，均已在法定期限内予以答复。"
    assert {s.scope for s in statements(text, agency="示例县人民政府")} == {"own_office"}
    assert {s.scope for s in statements(text, agency="示例县财政局")} == {None}
    assert {s.scope for s in statements("全县共受理政府信息公开申请95件。", agency="示例县人民政府")} == {None}


def test_evidence_is_raw() -> None:
    (found,) = statements("一、總體情況\n今年我局收到政府信息公開申請 1 起。")
    assert (found.raw, found.sentence, found.pattern) == ("1 起", "今年我局收到政府信息公開申請 1 起。", "new_received.sentence")
    assert found.place.line == 2


@pytest.mark.parametrize(
    "sentence",
    [
        "市政务服务中心管理办公室收到政府信息公开申请22件，各镇街收到政府信息公开申请38件。",
        "局机关共收到政府信息公开申请22件，所属单位收到政府信息公开申请38件。",
        "全县各乡镇和部门收到依申请公开38件。",
    ],
)
def test_what_one_office_received_is_not_what_all_received(sentence: str) -> None:
    assert said(sentence) == {}


@pytest.mark.parametrize(
    ("sentence", "cells"),
    [
        ("办结申请40件，其中予以公开和部分公开30件。", {"requests.granted.total", "requests.partially_granted.total"}),
        ("已答复申请40件，予以公开（含部分公开）30件。", {"requests.granted.total", "requests.partially_granted.total"}),
        (
            "全县共收办政府信息公开申请64件，其中自然人申请61件。",
            {"requests.new_received.natural_person", "requests.carried_over.natural_person"},
        ),
    ],
)
def test_a_number_may_be_that_of_two_cells(sentence: str, cells: set[str]) -> None:
    assert any(cells == set(meaning) for statement in statements(sentence) for meaning in statement.alternatives)


def test_what_table_two_says_of_normative_documents() -> None:
    sentence = "全面清理后公布现行有效规范性文件52件，全年共制发行政规范性文件11件，公布政策解读8篇。"
    assert said(sentence) == {
        "disclosure.normative_documents.in_force": 52,
        "disclosure.normative_documents.issued": 11,
    }
