"""The words for bodies load, are linear, and a mistake in one is a load error that names it."""

from __future__ import annotations

import re

import msgspec
import pytest

from codebook import data
from codebook.agencies import AgencyWords, NamingSentence, load_agencies, patterns, read_agencies
from codebook.text.fold import fold
from codebook.text.templates import TemplateError
from tasks.parsing.identity.names import clean_name, is_name, without_signature_marks
from tasks.parsing.identity.sources import named_in
from tests.pumping import Target, pump_all


def with_change(name: str, old: str, new: str) -> AgencyWords:
    """The words with the first ``old`` of the file ``name`` replaced."""
    files = {file.removeprefix("agencies/"): data.read(file).decode() for file in data.names("agencies")}
    assert old in files[name]
    files[name] = files[name].replace(old, new, 1)
    return read_agencies({file: text.encode() for file, text in files.items()})


@pytest.mark.parametrize(
    ("name", "old", "new", "error", "message"),
    [
        ("titles.yaml", "link:", "lnk:", msgspec.ValidationError, "unknown field `lnk`"),
        ("names.yaml", "completions:", "x:", msgspec.ValidationError, "unknown field `x`"),
        ("sentences.yaml", "<no_a><y>", "<no_a><yy>", TemplateError, "found <yy>, expected one of the macros"),
        ("titles.yaml", "现将|相关", "现将(相关", TemplateError, r"found the end, expected '\)'"),
        ("_common.yaml", "day:\n", "odd:\n  - 公开\nday:\n", ValueError, "found the macro odd, which no template uses"),
        ("titles.yaml", "  - <from>", "  - (<digit>)+<from>", ValueError, "period: quadratic time for texts that repeat"),
        ("names.yaml", "(中共", "(中|中)*(中共", ValueError, "central: exponential"),
    ],
)
def test_a_mistake_is_a_load_error(name: str, old: str, new: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        with_change(name, old, new)


def test_the_files_can_be_read_on_a_screen() -> None:
    lines = [(name, line) for name in data.names("agencies") for line in data.read(name).decode().splitlines()]
    assert [(name, line) for name, line in lines if len(line) > 120] == []


@pytest.mark.slow
def test_every_pattern_for_bodies_is_linear_by_the_clock() -> None:
    targets = [Target(name, pattern, method) for name, pattern, method in patterns(load_agencies())]
    assert len(targets) > 25
    assert pump_all(targets) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("首页>政务公开>附件1:示例市财政局关于", "示例市财政局"),
        ("打印本页】字号:大中小示例市财政局", "示例市财政局"),
        ("发布单位名称:关于印发示例市财政局的《", "示例市财政局"),
        ("20210105_示例市财政局", "示例市财政局"),
        ("2021年1月5日示例市财政局", "示例市财政局"),
        ("2021年示例市财政局", "2021年示例市财政局"),
        ("1、附:【示例市财政局】", "示例市财政局】"),
        ("关于的关于的", ""),
    ],
)
def test_what_stands_around_a_name_in_a_title(text: str, name: str) -> None:
    assert clean_name(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("无示例市财政局", "示例市财政局"),
        ("无锡市财政局。", "无锡市财政局"),
        ("(特此报告)。", ""),
        ("(示例市财政局):", "示例市财政局"),
    ],
)
def test_what_stands_around_a_name_in_a_signature(text: str, name: str) -> None:
    assert without_signature_marks(text) == name


@pytest.mark.parametrize(
    ("text", "strict", "expected"),
    [
        ("示例市财政局", True, True),
        ("示例镇", True, False),
        ("示例镇", False, True),
        ("本机关", False, False),
        ("县财政局", True, False),
        ("市中区财政局", True, True),
        ("示例市编制委员会办公室", True, True),
        ("编制财政局", True, False),
        ("中华人民共和国示例海关", True, True),
        ("中国人民银行示例", False, True),
    ],
)
def test_names(text: str, strict: bool, expected: bool) -> None:
    assert is_name(text, strict=strict) == expected


ROWS = [pytest.param(row, pattern, id=row.why) for row, pattern in load_agencies().sentences]


def names_in(sentence: str, row: NamingSentence, pattern: re.Pattern[str]) -> list[str]:
    return [named_in(match["a"], row) or "" for match in pattern.finditer(fold(sentence).text)]


@pytest.mark.parametrize(("row", "pattern"), ROWS)
def test_a_sentence_names_the_body_in_its_examples_alone(row: NamingSentence, pattern: re.Pattern[str]) -> None:
    assert row.examples
    assert {sentence: names_in(sentence, row, pattern) for sentence in row.examples} == {
        sentence: [name] for sentence, name in row.examples.items()
    }
    assert [
        (sentence, names_in(sentence, row, pattern)) for sentence in row.counter_examples if any(names_in(sentence, row, pattern))
    ] == []


def test_no_sentence_names_a_body_in_the_counter_example_of_another() -> None:
    sentences = [(sentence, row.why) for row, _ in load_agencies().sentences for sentence in row.counter_examples]
    found = [
        (sentence, row.why, names_in(sentence, row, pattern))
        for sentence, _ in sentences
        for row, pattern in load_agencies().sentences
        if any(names_in(sentence, row, pattern))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("我局认真做好", "局"),
        ("我委托示例公司", None),
        ("本市场监督", None),
        ("本办法所称", None),
        ("本关于", None),
        ("我县", "人民政府"),
    ],
)
def test_how_a_text_speaks_of_itself(text: str, says: str | None) -> None:
    found = [row.endings[0] for row, pattern in load_agencies().self_names if pattern.search(text)]
    assert found == ([says] if says else [])
