"""Chapters of a report: by number and title, at the beginning of lines and in the middle of a text saved as one line."""

# ruff: noqa: E501 - a text stands on one line beside what is expected of it
from __future__ import annotations

import pytest

from codebook.records import Extraction, Line, Page, PageKind, Place, Reader, Section
from tasks.parsing.outline import known_headings, known_title, read_outline
from tasks.parsing.prose.lines import prose_lines


def sections(text: str, tables: tuple[int, ...] = ()) -> tuple[Section, ...]:
    """The chapters of a text; ``tables`` are the indices of lines that belong to tables."""
    lines = text.split("\n")
    blocks = tuple(Line(raw, Place(1, None, number, 1)) for number, raw in enumerate(lines, 1))
    extraction = Extraction("text/plain", (Page(1, PageKind.TEXT, "", Reader.TXT, blocks),))
    return read_outline(prose_lines(extraction, {(1, index): None for index in tables}, known_headings)).sections


def heads(text: str, tables: tuple[int, ...] = ()) -> list[tuple[int | None, str]]:
    return [(s.number, s.title) for s in sections(text, tables)]


TITLES = ["总体情况", "主动公开政府信息情况", "收到和处理政府信息公开申请情况",
          "政府信息公开行政复议、行政诉讼情况", "存在的主要问题及改进情况", "其他需要报告的事项"]  # fmt: skip
SIX = list(enumerate(TITLES, 1))


@pytest.mark.parametrize(
    "marker",
    ["{cn}、", "{cn}、 ", "({cn})", "（{cn}）", "{n}.", "{n}、", "第{cn}部分 ", "## {cn}、", "**{cn}、", "", "{cn} ", "{cn}，"],
)
@pytest.mark.parametrize("ending", ["", "。", "："])
def test_all_ways_of_numbering(marker: str, ending: str) -> None:
    text = "\n".join(
        marker.format(cn="一二三四五六"[n - 1], n=n) + title + ending + f"\n本镇认真落实第{n}项工作，取得了一定的成效。"
        for n, title in SIX
    )
    assert heads(text) == SIX
    assert sections(text)[2].text == "本镇认真落实第3项工作，取得了一定的成效。"


def test_traditional_script_keeps_its_raw_title() -> None:
    found = sections("一、總體情況\n做好工作。\n二、主動公開政府資訊情況\n無。\n五、存在的主要問題及改進情況\n無。")
    assert [(s.number, s.title) for s in found] == [(1, "總體情況"), (2, "主動公開政府資訊情況"), (5, "存在的主要問題及改進情況")]


def test_misprinted_titles_and_text_behind_a_title() -> None:
    found = sections(
        "一、总体情况：2021年，我镇公开信息12条。\n二、主动公开政府信息情况\n五、存在主要问题及改进情况\n人手不足。\n六、其他需报告的事项：无。"
    )
    assert [s.number for s in found] == [1, 2, 5, 6]
    assert found[0].text == "2021年，我镇公开信息12条。"
    assert found[3].text == "无。"


def test_text_before_the_first_heading_has_no_number() -> None:
    found = sections("示例镇2021年政府信息公开工作年度报告\n一、总体情况\n好。\n二、主动公开政府信息情况\n好。")
    assert (found[0].number, found[0].title, found[0].text) == (None, "", "示例镇2021年政府信息公开工作年度报告")


def test_rows_of_the_requests_table_are_no_headings() -> None:
    text = "一、总体情况\n好。\n三、收到和处理政府信息公开申请情况\n一、本年新收政府信息公开申请数量\n二、上年结转政府信息公开申请数量\n三、本年度办理结果\n四、结转下年度继续办理\n四、政府信息公开行政复议、行政诉讼情况\n无。"
    assert heads(text) == [(1, "总体情况"), (3, TITLES[2]), (4, TITLES[3])]


def test_a_heading_that_a_table_took_with_it_stays_a_heading() -> None:
    text = "一、总体情况\n好。\n二、主动公开政府信息情况\n规章 0 0 0\n三、收到和处理政府信息公开申请情况\n0 0 0"
    found = sections(text, tables=(2, 3, 4, 5))
    assert [(s.number, s.text) for s in found] == [(1, "好。"), (2, ""), (3, "")]


def test_pipes_of_a_table_before_a_heading() -> None:
    text = (
        "一、总体情况\n好。\n| 三、收到和处理政府信息公开申请情况 0 | 申请人情况 |\n四、政府信息公开行政复议、行政诉讼情况\n无。"
    )
    assert heads(text) == [(1, "总体情况"), (3, TITLES[2]), (4, TITLES[3])]


def test_a_page_saved_as_one_line() -> None:
    text = " ".join(
        [
            "示例局2021年政府信息公开工作年度报告",
            *(f"{'一二三四五六'[n - 1]}、{title} 我局开展了工作，详见“二、主动公开政府信息情况”部分。" for n, title in SIX),
        ]
    )
    assert heads(text) == [(None, ""), *SIX]
    assert sections(text)[6].place.column is not None


def test_one_line_with_an_outline_of_before_2019() -> None:
    text = (
        "示例县2015年政府信息公开工作年度报告 "
        + "本报告由示例县政府办公室编制。" * 12
        + "一、概述 2015年，做了工作。二、主动公开情况 公开信息5条。三、存在的问题 人手不足。"
    )
    assert heads(text) == [(None, ""), (1, "概述"), (2, "主动公开情况"), (3, "存在的问题")]


def test_headings_inside_sentences_are_none() -> None:
    text = "一、总体情况\n数据见本报告二、主动公开政府信息情况部分，另见其他需要报告的事项。\n二、主动公开政府信息情况\n无。"
    assert heads(text) == [(1, "总体情况"), (2, "主动公开政府信息情况")]


def test_outlines_of_before_2019_as_printed() -> None:
    text = "一、年度重点工作\n（一）加强领导\n一是开会。\n（二）加强培训\n二、信息公开数据\n1.申请情况\n2.答复情况\n三、存在的不足\n四、下一步工作"
    assert heads(text) == [(1, "年度重点工作"), (2, "信息公开数据"), (3, "存在的不足"), (4, "下一步工作")]


def test_numbers_below_the_chapters_do_not_open_new_ones() -> None:
    text = "一、总体情况\n好。\n五、存在的主要问题及改进情况\n一、存在问题\n人手不足。\n二、改进措施\n加强。\n六、其他需要报告的事项\n无"
    assert heads(text) == [(1, "总体情况"), (5, TITLES[4]), (6, TITLES[5])]


def test_a_table_of_contents_is_no_outline() -> None:
    contents = "\n".join(f"{'一二三四五六'[n - 1]}、{title}" for n, title in SIX)
    text = contents + "\n" + "\n".join(f"{'一二三四五六'[n - 1]}、{title}\n正文{n}。" for n, title in SIX)
    assert heads(text)[1:] == SIX
    assert sections(text)[1].text == "正文1。"


def test_a_chapter_of_its_own_behind_the_six() -> None:
    text = "\n".join(f"{'一二三四五六'[n - 1]}、{title}\n正文{n}。" for n, title in SIX) + "\n七、附件\n无"
    assert heads(text) == [*SIX, (7, "附件")]


def test_no_headings_at_all() -> None:
    assert [(s.number, s.title) for s in sections("2021年，我局公开信息3条。")] == [(None, "")]


@pytest.mark.parametrize(
    ("text", "number"),
    [("存在主要问题和改进情况", 5), ("政府信息公开行政复议,行政诉讼情况", 4), ("主动公开情况", None), ("其他", None)],
)
def test_known_titles(text: str, number: int | None) -> None:
    assert known_title(text) == number


def test_chapters_of_the_corpus(corpus) -> None:
    for name, numbers in {
        "000": [None, 1, 2, 3, 4, 5, 6],
        "001": [1, 2, 3, 4, 5],
        "002": [None, 1, 2, 3, 4, 5, 6],
        "003": [None, 1, 2, 3, 4],
    }.items():
        (path,) = (corpus / "documents").glob(f"{name}_*.txt")
        text = path.read_text(encoding="utf-8")
        tables = tuple(i for i, line in enumerate(text.split("\n")) if line.rstrip().endswith("|"))
        assert [s.number for s in sections(text, tables)] == numbers


def test_a_title_behind_a_colon_is_one_but_for_the_first_of_a_list() -> None:
    text = "一、总体情况 本年度采取以下措施加以改进：六、其他需要报告的事项无其他需要报告的事项"
    assert heads(text)[-1] == (6, "其他需要报告的事项")
    listed = "本报告包括：一、总体情况；二、主动公开政府信息情况。" + "本年度工作有序推进。" * 12
    assert heads(listed) == [] or heads(listed)[0] != (1, "总体情况")


def test_a_sentence_right_behind_a_title_is_the_chapter() -> None:
    text = "五、存在的主要问题及改进情况解读材料偏少。下一步将加强图解。\n六、其他需要报告的事项无。"
    five, six = sections(text)
    assert (five.number, five.title, five.text) == (5, TITLES[4], "解读材料偏少。下一步将加强图解。")
    assert (six.number, six.title, six.text) == (6, TITLES[5], "无。")
