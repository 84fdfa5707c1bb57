"""What two readers of one line say together, without a model."""

from __future__ import annotations

import numpy as np
import pytest

from codebook.confidence import surety
from tasks.ocr.blank_marks import DASH
from tasks.ocr.confidence import SURE, read_surely
from tasks.ocr.engines.numbers import OTHER
from tasks.ocr.engines.pair import ReaderPair
from tasks.ocr.engines.recognise import LineReading
from tasks.ocr.two_readers import together
from tests.ocr.fixed_reader import Fixed

FIRST = surety().first


def read(first: LineReading, second: LineReading) -> tuple[str, float, tuple[str, ...]]:
    """(text, score, others) of one crop that is read by both when the first is not sure."""
    pair = ReaderPair(Fixed("first", {40: first}), Fixed("second", {40: second}))
    [settled] = read_surely([np.full((20, 40), 255, np.uint8)], {}, pair, is_poor=True)
    return settled.text, settled.score, tuple(text for text, _ in settled.others)


def test_what_both_say_is_surer_than_either() -> None:
    text, score, others = read(LineReading("17", 0.96), LineReading("17", 0.9))
    assert (text, others) == ("17", ())
    assert score == pytest.approx(0.996)


def test_who_has_read_a_number_too_is_kept() -> None:
    pair = ReaderPair(Fixed("first", {40: LineReading("17", 0.96)}), Fixed("second", {40: LineReading("17", 0.9)}))
    [settled] = read_surely([np.full((20, 40), 255, np.uint8)], {}, pair)
    assert (settled.seen, settled.seen_score) == ("17", 0.96)


def test_a_difference_is_a_doubt_with_both() -> None:
    text, score, others = read(LineReading("17", 0.9999), LineReading("11", 0.9999))
    assert score < SURE
    assert {text, *others} == {"17", "11"}


def test_a_sure_first_reader_needs_no_second_but_for_a_sample() -> None:
    says = {width: LineReading(str(width), FIRST) for width in range(30, 46)}
    first, second = Fixed("first", says), Fixed("second", says)
    settled = read_surely([np.full((20, width), 255, np.uint8) for width in says], {}, ReaderPair(first, second))
    assert [s.text for s in settled] == [str(width) for width in says]
    assert all(s.score >= SURE for s in settled)
    assert len(first.asked) == 16
    assert 0 < len(second.asked) <= 4


def test_one_difference_in_the_sample_has_all_numbers_of_the_page_read_twice() -> None:
    right = {width: LineReading(str(width), FIRST) for width in range(30, 46)}
    second = Fixed("second", {**right, 30: LineReading("36", 0.999)})
    settled = read_surely([np.full((20, width), 255, np.uint8) for width in right], {}, ReaderPair(Fixed("first", right), second))
    assert sorted(set(second.asked)) == sorted(right)
    assert [s.score >= SURE for s in settled] == [False] + [True] * 15


@pytest.mark.parametrize("mark", ["一", "—", "-", "－"])
def test_a_dash_is_a_dash_however_the_second_reader_takes_it(mark: str) -> None:
    assert read(LineReading("-", 0.97), LineReading(mark, 0.9))[:2] == (DASH, pytest.approx(0.997))


@pytest.mark.parametrize("said", ["72", "7"])
def test_a_mark_beside_a_number_that_is_no_digit_makes_a_doubt(said: str) -> None:
    text, score, others = read(LineReading(f"7{OTHER}", 0.98), LineReading(said, 0.999))
    assert score < SURE
    assert {"7", said} <= {text, *others}


def test_two_numbers_whose_rule_was_lost_are_a_doubt() -> None:
    assert read(LineReading(f"0{OTHER} 0", 0.26), LineReading("00", 1.0))[1] < SURE


def test_labels_are_the_second_readers() -> None:
    assert read(LineReading(OTHER, 0.999), LineReading("总计", 0.995))[:2] == ("总计", 0.995)


def test_a_note_mark_is_no_digit_of_the_number() -> None:
    assert together(LineReading("71", 0.9), "7①", 0.99).score < SURE


def test_that_both_agree_counts_nothing_where_the_first_is_unsure() -> None:
    """A smudge misleads both in the same way: of 24 wrong numbers that both had read alike, the first was below 0.9 in 23."""
    assert together(LineReading("9", 0.6), "9", 0.9999).score < SURE
    assert not together(LineReading("9", 0.6), "9", 0.9999).is_by_both
    assert together(LineReading("9", 0.95), "9", 0.99).score >= SURE


@pytest.mark.parametrize("first", ["60项", "917:53", OTHER, ""])
def test_a_number_that_the_first_reads_as_something_else_is_a_doubt(first: str) -> None:
    assert together(LineReading(first, 0.6), "601", 1.0).score < SURE
