"""The phrases of the codebook load, are linear, and a mistake in one is a load error that names it."""

from __future__ import annotations

import re

import msgspec
import pytest

from codebook import data
from codebook.phrases import Phrases, load_phrases, patterns, read_phrases
from codebook.text.templates import TemplateError
from tests.pumping import Target, pump_all

LONGEST_LINE = 120


def with_change(name: str, old: str, new: str) -> Phrases:
    """The phrases with the first ``old`` of the file ``name`` replaced."""

    files = {file.removeprefix("phrases/"): data.read(file).decode() for file in data.names("phrases")}
    assert old in files[name]
    files[name] = files[name].replace(old, new, 1)
    return read_phrases({file: text.encode() for file, text in files.items()})


@pytest.mark.parametrize(
    ("name", "old", "new", "error", "message"),
    [
        ("fees.yaml", "    rank: table", "    rang: table", msgspec.ValidationError, "unknown field `rang`"),
        ("fees.yaml", "rank: table", "rank: first", msgspec.ValidationError, "Invalid enum value 'first'"),
        ("fees.yaml", "    why: the row of the table\n", "", msgspec.ValidationError, "missing required field `why`"),
        ("fees.yaml", "counter_examples:\n", "counter_examples: []\n    x:\n", msgspec.ValidationError, "unknown field `x`"),
        (
            "fees.yaml",
            "means: [statistics.fees_collected]",
            "means: [statistics.nothing]",
            ValueError,
            "fees.table: no indicator",
        ),
        ("fees.yaml", "id: fees.sentence", "id: fees.table", ValueError, "fees.table twice"),
        ("fees.yaml", "<is>{n}", "<is>", ValueError, "fees.table: found .*; expected {n}"),
        ("fees.yaml", "<is>{n}", "<was>{n}", TemplateError, "found <was>, expected one of the macros"),
        ("fees.yaml", "<is>{n}", "[的<is>{n}", TemplateError, r"found the end, expected '\]'"),
        ("fees.yaml", "<is>{n}", "(的|…20了)*<is>{n}", ValueError, "fees.table, pattern: exponential .*; expected a bound"),
        (
            "fees.yaml",
            "<is>{n}",
            "…14<is>{n}(的)*(的)*件",
            ValueError,
            "fees.table, pattern: quadratic time for texts that repeat '的'",
        ),
        ("_common.yaml", "\nmacros:\n", "\nmacros:\n  odd: [公开]\n", ValueError, "found macros that no template uses: odd"),
        ("_common.yaml", "  - fees\n", "  - fines\n", ValueError, "found fees.yaml, fines.yaml in the folder or"),
        ("_common.yaml", "  - fees\n", "", ValueError, "found fees.yaml in the folder or in files of"),
    ],
)
def test_a_mistake_is_a_load_error(name: str, old: str, new: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        with_change(name, old, new)


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("examples", "    examples:\n      全年未收费: 0\n", "    examples: {}\n"),
        ("counter_examples", "    counter_examples:\n      - 上年未收费\n", "    counter_examples: []\n"),
    ],
)
def test_each_phrase_has_an_example_and_a_counter_example(field: str, old: str, new: str) -> None:
    phrase = (
        "  - id: new.phrase\n    means: [statistics.fees_collected]\n    kind: none\n    says: [未收费]\n    why: a test\n"
        "    examples:\n      全年未收费: 0\n    counter_examples:\n      - 上年未收费\n"
    )
    assert with_change("fees.yaml", "phrases:\n", f"phrases:\n{phrase}").statistics
    with pytest.raises(ValueError, match=f"new.phrase: expected at least one of {field}"):
        with_change("fees.yaml", "phrases:\n", f"phrases:\n{phrase.replace(old, new)}")


def test_the_files_can_be_read_on_a_screen() -> None:
    long = [
        (name, number)
        for name in data.names("phrases")
        for number, line in enumerate(data.read(name).decode().splitlines(), 1)
        if len(line) > LONGEST_LINE
    ]
    assert long == []


def test_a_sentence_that_took_31_seconds() -> None:
    """Doubled with each character before; the test ends at once or never."""
    pattern = next(p for p in load_phrases().statements if p.row.id == "concluded.all").pattern
    assert pattern.search("均已" + "按时" * 60 + "。") is None
    assert pattern.search("均已" + "按照规定在法定期限内依法予以" + "答复")


@pytest.mark.slow
def test_every_phrase_is_linear_by_the_clock() -> None:
    targets = [Target(name, pattern) for name, pattern in patterns(load_phrases()).items()]
    assert len(targets) > 200
    assert pump_all(targets) == []


@pytest.mark.parametrize(
    ("number", "read"),
    [("123456789012345", True), ("1,234,567", True), ("12.5", True), ("1" * 16, False), ("1" * 300, False), ("1,111" * 9, False)],
)
def test_a_count_has_at_most_fifteen_digits(number: str, read: bool) -> None:
    pattern = next(p for p in load_phrases().statements if p.row.id == "new_received.sentence").pattern
    match = pattern.search(f"收到政府信息公开申请{number}件")
    assert (match is not None and match["n"] == number) == read


def test_the_same_pattern_is_listed_once() -> None:
    found = [pattern.pattern for pattern in patterns(load_phrases()).values()]
    assert len(found) == len(set(found))
    assert all(isinstance(pattern, re.Pattern) for pattern in patterns(load_phrases()).values())
