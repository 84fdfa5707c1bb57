"""Numbers in sentences: the statistics of 2014 to 2018 and of narrative reports."""

# ruff: noqa: E501 - a text stands on one line beside what is expected of it
from __future__ import annotations

import json

import pytest

from codebook.book import load_book
from codebook.phrases import Phrase, load_phrases
from codebook.records import Extraction, Line, Origin, Page, PageKind, Place, Reader, Reading, State
from codebook.text.chinese_numbers import read_numeral
from tasks.parsing.outline import known_headings, read_outline
from tasks.parsing.prose.__main__ import explain
from tasks.parsing.prose.lines import prose_lines
from tasks.parsing.prose.statistics import read_statistics, search_of


def pages(text: str, reader: Reader = Reader.TXT) -> Extraction:
    blocks = tuple(Line(raw, Place(1, None, number, 1)) for number, raw in enumerate(text.split("\n"), 1))
    return Extraction("text/plain", (Page(1, PageKind.TEXT, "", reader, blocks),))


def statistics(text: str, year: int | None = 2016, agency: str = "示例县财政局") -> dict[str, Reading]:
    """The readings of a text by the last part of their ids."""
    outline = read_outline(prose_lines(pages(text), {}, known_headings))
    found, _ = read_statistics(search_of(outline, year, agency), outline)
    return {reading.indicator.removeprefix("statistics."): reading for reading in found}


def values(text: str, year: int | None = 2016, agency: str = "示例县财政局") -> dict[str, object]:
    """The values that are facts; a doubt stands as its candidates."""
    found = statistics(text, year, agency)
    return {key: r.value if r.state is State.READ else ("?", *r.candidates) for key, r in found.items()}


def read_by(phrase: Phrase, text: str) -> list[object]:
    """The values that one phrase reads in a text."""
    outline = read_outline(prose_lines(pages(text), {}, known_headings))
    return [m.value for m in search_of(outline, None, None).mentions((phrase,))]


@pytest.mark.parametrize("phrase", load_phrases().statistics, ids=lambda p: p.row.id)
def test_each_phrase_reads_its_examples_and_not_its_counter_examples(phrase: Phrase) -> None:
    assert {text: read_by(phrase, text) for text in phrase.row.examples} == {text: [n] for text, n in phrase.row.examples.items()}
    assert {text: read_by(phrase, text) for text in phrase.row.counter_examples} == {
        key: [] for key in phrase.row.counter_examples
    }


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("一", 1),
        ("两", 2),
        ("十", 10),
        ("十二", 12),
        ("二十", 20),
        ("一百零五", 105),
        ("二〇", 20),
        ("零", 0),
        ("三千两百", 3200),
        ("百般", None),
    ],
)
def test_numbers_in_words(text: str, number: int | None) -> None:
    assert read_numeral(text) == number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2016年，全县共主动公开政府信息12,345条。", {"disclosed": 12345}),
        ("2016年，全县共主动公开政府信息1.2万条。", {"disclosed": 12000}),
        ("２０１６年主动公开政府信息数１２条。", {"disclosed": 12}),
        ("2016年，全县共主动公开政府信息1500余条。", {"disclosed": ("?", 1500)}),
        ("2016年，全县共主动公开政府信息约300条。", {"disclosed": ("?", 300)}),
        ("上年主动公开政府信息数88条。", {}),
        ("2015年主动公开政府信息数88条，2016年主动公开政府信息数99条。", {"disclosed": 99}),
        ("2017年计划主动公开政府信息100条。", {}),
        ("自2008年以来，共主动公开政府信息4000条。", {}),
        ("主动公开政府信息数比上年增长12%。", {}),
        ("全年共收到政府信息公开申请5件，其中当面申请1件，网络申请3件，信函申请1件。",
         {"requests.received": 5, "requests.in_person": 1, "requests.online": 3, "requests.letter": 1}),
        ("全年共收到政府信息公开申请五件，按时办结五件。", {"requests.received": 5, "requests.on_time": 5}),
        ("我局受理政府信息公开申请3宗，答复3宗。", {"requests.received": 3, "replies.total": 3}),
        ("共收到两起政府信息公开申请。", {"requests.received": 2}),
        ("2016年，我局未收到政府信息公开申请。", {"requests.received": 0}),
        ("2016年度，没有收到公民、法人和其他组织提出的政府信息公开申请。", {"requests.received": 0}),
        ("全年无依申请公开事项。", {"requests.received": 0}),
        ("收到信访举报投诉12件，办结12件。", {}),
        ("全年受理行政许可申请120件，办结118件。", {}),
        ("未收到申请人的异议。", {}),
        ("未发生因政府信息公开引起的行政复议、行政诉讼。", {"reconsideration.total": 0, "litigation.total": 0}),
        ("本单位没有因政府信息公开被申请行政复议、提起行政诉讼的情况。", {"reconsideration.total": 0, "litigation.total": 0}),
        ("无行政复议、行政诉讼和政府信息公开举报投诉案件。", {"reconsideration.total": 0, "litigation.total": 0, "complaints": 0}),
        ("因政府信息公开被申请行政复议3件，其中维持具体行政行为2件，被依法纠错1件；提起行政诉讼2件，其中驳回原告诉讼请求1件，其他情形1件。",
         {"reconsideration.total": 3, "reconsideration.upheld": 2, "reconsideration.corrected": 1,
          "litigation.total": 2, "litigation.upheld": 1, "litigation.other": 1}),
        ("全年发生行政复议、行政诉讼各1件。", {"reconsideration.total": 1, "litigation.total": 1}),
        ("成功避免了复议纠错和败诉案件的发生。", {}),
        ("未发生行政复议被纠错和行政诉讼败诉的情况。", {}),
        ("依申请公开政府信息未收取任何费用。", {"fees_collected": 0}),
        ("依申请公开政府信息共收取检索、复制费用1,250元。", {"fees_collected": 0.125}),
        ("政府信息公开专项经费30万元。", {"organization.budget": 30}),
        ("政府信息公开专项经费5000元。", {"organization.budget": 0.5}),
        ("政府信息公开专项经费30。", {"organization.budget": ("?", 30, 0.003)}),
        ("从事政府信息公开工作人员12人，其中专职人员2人，兼职人员10人。",
         {"organization.staff": 12, "organization.staff_full_time": 2, "organization.staff_part_time": 10}),
        ("举办各类培训班3次，接受培训人员120人次。", {"training.courses": 3, "training.trainees": 120}),
        ("同意公开答复数6件，同意部分公开答复数2件，不同意公开答复数1件。",
         {"replies.granted": 6, "replies.partially_granted": 2, "replies.denied": 1}),
        ("申请答复数9件，其中：同意公开答复数6件，同意部分公开答复数2件，不同意公开答复数1件，其中涉及商业秘密1件。",
         {"replies.total": 9, "replies.granted": 6, "replies.partially_granted": 2, "replies.denied": 1, "replies.denied_trade_secret": 1}),
        ("制发规范性文件总数8件，主动公开规范性文件数8条。", {"normative_issued": 8, "normative_disclosed": 8}),
        ("通过政务微博公开政府信息120条，通过微信公众号发布信息80条。", {"channel.microblog": 120, "channel.wechat": 80}),
        ("参加或举办新闻发布会总次数2次，其中主要负责同志参加新闻发布会次数1次。",
         {"response.press_conferences": 2, "response.press_by_principal": 1}),
        ("制定了三项制度，完善了两个机制。", {}),
        ("截至2016年12月31日，我县共主动公开政府信息9856条。2016年新增主动公开政府信息3210条。", {"disclosed": 3210}),
        ("截至2016年12月31日，我县共主动公开政府信息9856条。", {"disclosed": ("?", 9856)}),
        ("收到行政复议申请5件，办结4件。", {}),
        ("通过社区公开栏公开政府信息138条。", {}),
        ("截至12月31日，今年共主动公开政府信息856条。", {"disclosed": 856}),
        ("本区共受理行政复议案件12件，其中涉及政府信息公开的2件。", {"reconsideration.total": 2}),
        ("政府信息公开工作人员共有120人，其中专职20人。", {"organization.staff": 120, "organization.staff_full_time": 20}),
    ],
)  # fmt: skip
def test_sentences(text: str, expected: dict[str, object]) -> None:
    assert values(text) == expected


def test_two_values_for_one_indicator_are_a_doubt() -> None:
    found = statistics("2016年收到政府信息公开申请12件。\n今年共收到政府信息公开申请15件。")["requests.received"]
    assert (found.value, found.state, found.candidates) == (None, State.DOUBTFUL, (12, 15))
    assert found.doubt


def test_the_chapter_of_data_is_believed_before_others() -> None:
    text = (
        "一、概述\n全年收到政府信息公开申请12件。\n二、信息公开数据\n全年收到政府信息公开申请15件。\n三、存在的不足\n人手不足。"
    )
    assert values(text) == {"requests.received": 15}


def test_a_region_is_believed_before_its_office() -> None:
    text = "全县共收到政府信息公开申请95件。县政府办公室收到政府信息公开申请17件。"
    assert values(text, agency="示例县人民政府") == {"requests.received": 95}
    alone = statistics("县政府办公室收到政府信息公开申请17件。", agency="示例县人民政府")["requests.received"]
    assert (alone.state, alone.candidates) == (State.DOUBTFUL, (17,))


@pytest.mark.parametrize("mark", ["①", "²", "¹²", "₁", "❸"])
def test_the_mark_of_a_note_is_no_digit_of_a_number(mark: str) -> None:
    found = statistics(f"2016年，主动公开政府信息30{mark}条，收到申请{mark}。")
    assert {key: r.value for key, r in found.items()} == {"disclosed": 30}


def test_evidence_is_raw() -> None:
    found = statistics("一、概況\n我縣共收到政府信息公開申請 1,234 件,其中當面申請２件。")
    reading = found["requests.received"]
    assert (reading.value, reading.raw, reading.origin) == (1234, "1,234 件", Origin.PROSE)
    assert reading.sentence == "我縣共收到政府信息公開申請 1,234 件,其中當面申請２件。"
    assert (reading.place.line, reading.place.column) == (2, 15)
    assert found["requests.in_person"].raw == "２件"


def test_a_sentence_broken_by_the_margin_is_whole() -> None:
    text = "2016年，我局认真做好依申请公开工作，全年共收到政府信息公开\n申请23件，均在法定期限内答复。"
    assert values(text) == {"requests.received": 23}


def test_a_page_number_between_the_lines_is_no_value() -> None:
    text = "在已答复的5件申请中：“属于已主动公开范围”2件；“同意公开”\n1\n3件；“同意部分公开”0件。"
    assert values(text) == {
        "replies.total": 5,
        "replies.already_disclosed": 2,
        "replies.granted": 3,
        "replies.partially_granted": 0,
    }


def test_the_report_whose_table_was_lost(corpus) -> None:
    (path,) = (corpus / "documents").glob("003_*.txt")
    truth = json.loads((corpus / "truth" / f"{path.stem}.json").read_text(encoding="utf-8"))["indicators"]
    found = statistics(path.read_text(encoding="utf-8"), 2017, "北京市密云区人民政府")
    assert {f"statistics.{key}": reading.value for key, reading in found.items()} == truth
    assert all(reading.state is State.READ for reading in found.values())


@pytest.mark.parametrize(
    "shape",
    [
        "{label}{number}{unit}",
        "{label}为{number}{unit}",
        "{label}：{number}{unit}",
        "{label}（{unit}）{number}{unit}",
        "{label}{number}",
    ],
)
@pytest.mark.parametrize("joint", ["\n", "；", "，"])
def test_the_rows_of_the_table_as_sentences(shape: str, joint: str) -> None:
    rows = load_book().blocks["statistics"].rows
    numbers = {slug: 1000 + position for position, slug in enumerate(rows)}
    text = joint.join(
        shape.format(label=row.label, number=numbers[slug], unit=row.unit)
        for slug, row in rows.items()
        if "{unit}" in shape or row.unit != "万元"
    )
    expected = {slug: number for slug, number in numbers.items() if "{unit}" in shape or rows[slug].unit != "万元"}
    assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("主动公开规范性文件8条", ["statistics.normative_disclosed  normative_disclosed.table  主动公开规范性文件8条  = 8"]),
        (
            "上年制发规范性文件8件",
            ["statistics.normative_issued  normative_issued.table  制发规范性文件8件  refused: other_time"],
        ),
        ("天气很好", []),
    ],
)
def test_what_is_read_is_explained(text: str, lines: list[str]) -> None:
    assert list(explain(text)) == lines


@pytest.mark.parametrize("phrase", [*load_phrases().statistics, *load_phrases().statements], ids=lambda p: p.row.id)
def test_only_conditions_of_the_phrase_refuse_its_counter_examples(phrase: Phrase) -> None:
    general = {"sentence", "other_time", "whole_only", "unless_by_channel", "about"}
    named = {name for name, words in phrase.row.conditions.items() if words}
    named |= {"unless_earlier"} if "unless_just_before" in named else set()
    for text in phrase.row.counter_examples:
        for line in explain(text):
            _, name, *_, found = line.split("  ")
            if name == phrase.row.id:
                assert found.removeprefix("refused: ") in named | general | {"no number of its unit"}


def test_a_sentence_without_an_end_is_read_whole() -> None:
    """The cost of a hit does not grow with its sentence, no hit is lost, and none is read twice."""
    text = "收到政府信息公开申请3件,办结政府信息公开申请3件," * 1500
    outline = read_outline(prose_lines(pages(text), {}, known_headings))
    search = search_of(outline, None, None)
    spans = [search.passage.sentence_span(at) for at in range(0, len(search.text), 997)]
    assert max(last - first for first, last in spans) <= 4000
    read = [m.start for m in search.mentions(load_phrases().statistics) if m.phrase.row.id == "received.sentence"]
    assert read == [at for at in range(len(search.text)) if search.text.startswith("收到政府", at)]
