"""The notation in which sentences are written, and what a mistake in it says."""

from __future__ import annotations

import re

import pytest

from codebook.text.templates import TemplateError, Wording, cues, expand, regex_with, template_regex, wording_regex

MACROS = {"is": "为|是", "n": r"\d+"}


@pytest.mark.parametrize(
    ("template", "texts", "others"),
    [
        ("公开信息", ["公开信息"], ["公开 信息", "公开"]),
        ("[主动]公开", ["主动公开", "公开"], ["主公开"]),
        ("[主动|直接]公开", ["主动公开", "直接公开", "公开"], ["主动直接公开"]),
        ("(公开|发布)信息", ["公开信息", "发布信息"], ["信息"]),
        ("([总]数[量]|件)", ["总数量", "数", "数量", "件"], ["总件", "量"]),
        ("收到(的|各类)*申请", ["收到申请", "收到的各类的申请"], ["收到申请的"]),
        ("以(方式|提交)+", ["以方式", "以方式提交"], ["以"]),
        ("收到(的|各类)*2申请", ["收到申请", "收到的各类申请"], ["收到的各类的申请"]),
        ("申请<is>{n}件", ["申请为3件", "申请是12件"], ["申请3件"]),
        ("收到…3申请", ["收到申请", "收到公民的申请"], ["收到公民法人申请", "收到,申请", "收到3申请"]),
        ("收到……3申请", ["收到申请", "收到,的申请"], ["收到3申请", "收到。申请"]),
        ("在…#3内", ["在15日内"], ["在1,5内"]),
        (r"\(二\)\[3\]\<a\>", ["(二)[3]<a>"], ["二"]),
        ("公开\n  [政府] 信息", ["公开政府信息", "公开信息"], ["公开 信息"]),
        ("a.b", ["a.b"], ["axb"]),
    ],
)
def test_notation(template: str, texts: list[str], others: list[str]) -> None:
    pattern = re.compile(template_regex(template, MACROS))
    assert [text for text in (*texts, *others) if pattern.fullmatch(text)] == texts


@pytest.mark.parametrize(
    ("template", "character", "found", "expected"),
    [
        ("公开[信息", 6, "the end", r"'\]'"),
        ("(公开|发布]", 7, r"'\]'", r"'\)'"),
        ("公开)", 3, r"'\)'", "no closing bracket"),
        ("公开<was>", 3, "<was>", "one of the macros is, n"),
        ("公开<", 3, "'<'", "a macro such as <is>"),
        ("公开{m}", 3, "'{'", "{n}"),
        ("公开*", 3, r"'\*'", "a macro"),
        ("公开…信息", 3, "'…'", "a gap such as …14"),
    ],
)
def test_a_mistake_says_where_it_is_what_was_found_and_what_was_expected(
    template: str, character: int, found: str, expected: str
) -> None:
    with pytest.raises(TemplateError, match=rf"character {character}: found {found}, expected .*{expected}"):
        template_regex(template, MACROS)


@pytest.mark.parametrize(
    ("wording", "texts", "others"),
    [
        (Wording(says=("公开", "发布")), ["公开", "发布"], ["公"]),
        (Wording(says=("公开",), not_after=("不", "予以")), ["同意公开"], ["不公开", "予以公开"]),
        (Wording(says=("公开",), after=(",", "其中", "已")), ["其中公开", ",公开"], ["中公开", "公开"]),
        (Wording(says=("申请",), not_before=("人", "表")), ["申请书"], ["申请人", "申请表"]),
        (Wording(says=("申请",), before=("[总]数",)), ["申请数", "申请总数"], ["申请总", "申请"]),
        (Wording(says=("专职{n}[人|次|人次]",), ends_in=("人次", "人")), ["专职3人", "专职3人次"], ["专职3次"]),
        (Wording(says=("培训{n}[人次|次]",), not_ends_in=("人次",)), ["培训3次"], []),
        (Wording(regex="公开 {is} \\d"), ["公开为3"], ["公开3"]),
    ],
)
def test_wordings(wording: Wording, texts: list[str], others: list[str]) -> None:
    pattern = re.compile(wording_regex(wording, MACROS))
    assert [text for text in (*texts, *others) if pattern.search(text)] == texts


def test_a_wording_says_something() -> None:
    for wording in (Wording(), Wording(says=("公开",), regex="公开")):
        with pytest.raises(TemplateError, match="expected one of them"):
            wording_regex(wording, MACROS)


def test_a_macro_uses_those_above_it() -> None:
    assert re.fullmatch(expand({"a": ("一",), "b": ("<a>", "二")})["b"], "一")
    with pytest.raises(TemplateError, match="found <b>, expected"):
        expand({"a": ("<b>",), "b": ("二",)})


def test_a_regular_expression_with_an_unknown_macro() -> None:
    assert regex_with(r"\d{0,3}{is}", MACROS) == r"\d{0,3}(?:为|是)"
    with pytest.raises(TemplateError, match=r"found \{was\}, expected one of the macros is, n"):
        regex_with("{was}", MACROS)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("重点领域[主动]公开<is>{n}", ("重点领域", "公开")),
        ("(公开|发布)[政府]信息{n}", ("信息",)),
        ("公开…14信息", ("公开", "信息")),
        ("公开|发布", ()),
        ("20<is>年[度]结转", ("年", "结转")),
    ],
)
def test_the_words_that_every_text_of_a_template_holds(template: str, words: tuple[str, ...]) -> None:
    assert cues(template) == words
