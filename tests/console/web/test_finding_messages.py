"""Messages of findings on pages in English: every message of the codebook, found again in the Chinese that is kept."""

from __future__ import annotations

import re

import pytest

from codebook.rules import RuleScope, fields, load_rules
from console.web import i18n
from console.web.finding_messages import english, in_english, values_in
from tasks.validation.wording import words
from tests.validation.examples import CASES, changed
from tests.validation.makers import make
from tests.validation.test_rules import findings

HAN = re.compile(r"[\u4e00-\u9fff]")
MESSAGES = [(rule, name) for rule, row in load_rules().items() for name in row.messages]
# Values of their kind, all of them different: a value that went to another place would be seen.
VALUES = {
    "table": "表三",
    "row": "予以公开",
    "column": "自然人",
    "cell": "予以公开·自然人",
    "label": "予以公开·总计",
    "labels": "表三予以公开·总计 3≠4、表四行政复议·总计 5≠6等 9 处",
    "left_terms": "予以公开 11 + 部分公开 12",
    "right_terms": "总计 13",
    "terms": "予以公开·自然人 14",
    "year": "2024年",
    "last_year": "2023年",
    "chapter": "第一部分",
    "title": "主动公开政府信息情况",
    "rows": "“予以公开”行、各行的“自然人”列",
    "why": "缺第 15、16 页、文档在此中断，其后没有内容",
    "where": "统计期限",
    "changes": "表三予以公开·总计 空白→17、第二部分",
    "pages": "18、19",
    "other": "甲局",
    "agency": "乙局",
    "parent": "丙市人民政府",
    "child": "丁县人民政府",
    "missing": "戊局、己局",
    "said": "收到申请20件",
    "sentence": "全年收到申请21件。",
    "names": "附件.xlsx",
    "one": "一.pdf",
    "cited": "国办发〔2014〕32号",
    "instead": "国令第711号",
    "raw": "2025-01-02",
    "published": "2025-03-04",
    "deadline": "2025-05-06",
    "date": "2025-07-08",
    "years": "2014-2018",
    "value": "-22",
}


def values_of(template: str) -> dict[str, str]:
    """Values for the placeholders of a template; numbers are of 100 and more."""
    return {name: VALUES.get(name, str(100 + place)) for place, name in enumerate(sorted(fields(template)))}


@pytest.mark.parametrize(("rule", "name"), MESSAGES)
def test_every_message_has_its_values_in_english(rule: str, name: str) -> None:
    template = load_rules()[rule].messages[name]
    values = values_of(template)
    message = template.format(**values)
    assert values_in(template, message) == values
    said = in_english(rule, message) or ""
    kept = [value for key, value in values.items() if key in (*english().as_printed, *english().as_printed_in.get(rule, ()))]
    for value in kept:
        assert value in said
        said = said.replace(value, "", 1)
    assert HAN.search(said) is None, said
    for number in re.findall(r"\d+", " ".join(value for value in values.values() if value not in kept)):
        assert number in said


@pytest.mark.parametrize("rule", CASES)
def test_what_a_rule_finds_is_said_in_english(rule: str) -> None:
    found = [each for each in findings(load_rules()[rule].scope, CASES[rule].bad(make)) if each.rule == rule]
    for each in found:
        assert in_english(each.rule, each.message)


def test_labels_are_those_of_the_table() -> None:
    bad = changed()(requests__new_received__natural_person=95, requests__total_handled__natural_person=94)(make)
    (message,) = [each.message for each in findings(RuleScope.REPORT, bad) if each.rule == "requests.balance"]
    assert in_english("requests.balance", message) == (
        'Table three, column "natural persons": requests newly received in the year (N) 95 + carried over from the year before '
        "(P) 0, together 95; handled in total (T) 94 + carried forward to the next year (F) 0, together 94; they differ by 1. "
        "Check the column: items one and two together must equal items three and four together."
    )


def test_a_note_on_blank_cells_is_kept() -> None:
    template = load_rules()["review.sum"].messages["main"]
    message = template.format(**values_of(template)) + words().blank_note
    assert (in_english("review.sum", message) or "").endswith("Fill in the numbers.)")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("requests.balance", "两数不等，请核对。"),  # of a rule pack that words it otherwise
        ("city.own_rule", "自定规则"),
        ("narrative.contradiction", "正文称“甲”，而表三“乙”为 3”，而表三“予以公开·总计”为 4。请核对正文与表格，使两处一致。"),
        ("narrative.contradiction", "正文称“甲”，而表九“乙”为 3。请核对正文与表格，使两处一致。"),
    ],
)
def test_what_cannot_be_parted_surely_stays_chinese(rule: str, message: str) -> None:
    assert in_english(rule, message) is None
    assert f'<span lang="zh-CN">{message}</span>' in i18n.finding_text("en", rule, message)


def test_chinese_within_english_is_marked() -> None:
    message = load_rules()["region.absent"].messages["main"].format(parent="甲市人民政府", agency="乙<局", year="2024年"[:4])
    assert i18n.finding_text("en", "region.absent", message) == (
        '<span lang="zh-CN">乙&lt;局</span>, below <span lang="zh-CN">甲市人民政府</span>, has no report on 2024. '
        "Urge it to make and publish one."
    )
    assert i18n.finding_text("zh", "region.absent", message) == message.replace("<", "&lt;")
