"""How readings are put together, without a model."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from tasks.ocr.blank_marks import mark_in, separator_in
from tasks.ocr.confidence import SURE, Settled, cell_score, read_surely, settle, with_separator
from tasks.ocr.engines.recognise import LineReading
from tasks.ocr.near_duplicates import PROBES, twin_groups
from tasks.ocr.prepare_image import Grey


class Fake:
    """A reader that says what it is told; ``looks`` are its further looks. A crop's width tells which answer is meant."""

    name = "fake"

    def __init__(self, answers: dict[int, LineReading], looks: dict[int, tuple[LineReading, ...]] | None = None) -> None:
        self.answers, self.looks, self.asked = answers, looks or {}, 0

    def read(self, crops: Sequence[Grey]) -> list[LineReading]:
        self.asked += len(crops)
        return [self.answers[crop.shape[1]] for crop in crops]

    def read_again(self, crops: Sequence[Grey]) -> list[tuple[LineReading, ...]]:
        return [self.looks[crop.shape[1]] for crop in crops]


def _crop(width: int) -> Grey:
    return np.full((20, width), 255, np.uint8)


def _settled(first: LineReading, *looks: LineReading) -> Settled:
    return settle([_crop(30)], [first], Fake({}, {30: looks}))[0]


def test_what_all_looks_say_is_as_sure_as_the_surest() -> None:
    assert _settled(LineReading("0", 0.85), LineReading("0", 0.999), LineReading("0", 0.8))[:2] == ("0", 0.999)


def test_two_looks_that_are_nearly_sure_are_sure_when_all_agree() -> None:
    assert _settled(LineReading("50", 0.973), LineReading("50", 0.935), LineReading("50", 0.929)).score >= SURE
    assert _settled(LineReading("50", 0.973), LineReading("50", 0.88), LineReading("50", 0.85)).score < SURE
    assert _settled(LineReading("50", 0.973), LineReading("50", 0.935), LineReading("60", 0.6)).score < SURE


def test_a_letter_with_the_shape_of_a_digit_does_not_contradict_it() -> None:
    settled = _settled(LineReading("1", 0.958), LineReading("l", 0.589), LineReading("1", 0.993))
    assert (settled.text, settled.score >= SURE) == ("1", True)
    assert _settled(LineReading("l", 0.7), LineReading("1", 0.993), LineReading("1", 0.993)).score < SURE


def _long(first: LineReading, *looks: LineReading) -> Settled:
    return settle([np.zeros((30, 600), np.uint8)], [first], Fake({}, {600: looks}))[0]


def test_a_line_of_text_is_as_sure_as_its_digits() -> None:
    sure = LineReading("受理申请9件", 0.95, mean=0.995, numbers=0.999, words=0.95)
    assert _long(sure).line == 0.995


def test_of_an_unsure_line_the_clearest_look_counts_and_the_digits_must_agree() -> None:
    blurred = LineReading("专内机构0个", 0.5, mean=0.96, numbers=0.97, words=0.5)
    clear = LineReading("专门机构0个", 0.9, mean=0.995, numbers=0.995, words=0.99)
    assert _long(blurred, clear) == Settled("专门机构0个", 0.9, line=0.995)
    assert _long(blurred, LineReading("专门机构8个", 0.9, mean=0.995, numbers=0.995, words=0.99)).line <= 0.9


def test_looks_that_disagree_are_a_doubt_with_the_others_as_candidates() -> None:
    settled = _settled(LineReading("61", 0.95), LineReading("19", 0.6), LineReading("61", 0.97))
    assert settled.text == "61"
    assert settled.score < SURE
    assert settled.others == (("19", 0.6),)


def test_a_sure_reading_is_not_looked_at_again() -> None:
    assert settle([_crop(30)], [LineReading("7", 0.995)], Fake({}))[0] == Settled("7", 0.995)


def test_on_a_poor_page_every_number_is_looked_at_again() -> None:
    fake = Fake({30: LineReading("7", 0.999)}, {30: (LineReading("1", 0.99), LineReading("1", 0.99))})
    settled = read_surely([_crop(30)], {}, fake, is_poor=True)[0]
    assert settled.score < SURE
    assert "7" in dict(settled.others) | {settled.text: 0}


@pytest.mark.parametrize(
    ("text", "seen", "is_sure"),
    [
        ("4,746", ",", True),
        ("4,746", ".", False),
        ("4,746", None, False),
        ("4.746", ",", False),
        ("57.8", ".", True),
        ("57.8", None, False),
        ("578", None, True),
        ("2024.1.5", ".", True),
    ],
)
def test_the_mark_between_digits_must_have_its_shape(text: str, seen: str | None, is_sure: bool) -> None:
    assert (with_separator(Settled(text, 0.999), seen).score >= SURE) is is_sure


def test_a_point_before_three_digits_is_read_surely_by_the_first_reader() -> None:
    """A worn comma has the shape of a point."""
    assert with_separator(Settled("2.185", 0.9999, seen="2.185", seen_score=0.984), ".").score < SURE
    assert with_separator(Settled("2.185", 0.9999, seen="2.185", seen_score=0.9997), ".").score >= SURE
    assert with_separator(Settled("2.18", 0.9999, seen="2.18", seen_score=0.984), ".").score >= SURE


def test_marks_beside_a_number_are_taken_off_and_doubted() -> None:
    assert with_separator(Settled("0.", 0.999), ".") == Settled("0", 0.9, (("0.", 0.999),))
    assert with_separator(Settled("|4", 0.999), None).text == "4"


def test_a_point_that_may_be_a_comma_has_the_other_reading_as_candidate() -> None:
    assert with_separator(Settled("4.746", 0.999), ",").others == (("4,746", 0.999),)


@pytest.mark.parametrize(
    ("texts", "is_torn", "is_sure"),
    [
        (["12"], False, True),
        (["12", "3"], False, False),
        (["12 3"], True, False),
        (["不予", "公开"], True, True),
        (["总计", "5"], False, False),
    ],
)
def test_several_numbers_in_one_cell_are_a_doubt(texts: list[str], is_torn: bool, is_sure: bool) -> None:
    assert (cell_score([Settled(text, 0.999) for text in texts], is_torn) >= SURE) is is_sure


def _digit(text: str, noise: int = 0) -> Grey:
    image = np.full((40, 32), 255, np.uint8)
    cv2.putText(image, text, (4, 33), cv2.FONT_HERSHEY_SIMPLEX, 1.1, 0, 3)
    rng = np.random.default_rng(noise)
    return np.clip(image.astype(float) + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8)


def test_only_crops_that_look_the_same_are_twins() -> None:
    crops = [_digit(text, seed) for seed in range(8) for text in "038"]
    groups = twin_groups(crops)
    assert sorted(len(group) for group in groups) == [8, 8, 8]
    assert all(len({index % 3 for index in group}) == 1 for group in groups)


def test_of_many_twins_a_few_are_read() -> None:
    fake = Fake({32: LineReading("0", 0.999)})
    crops = [_digit("0", seed) for seed in range(20)]
    assert [settled[:2] for settled in read_surely(crops, {}, fake)] == [("0", 0.999)] * 20
    assert fake.asked == PROBES


def _marks(size: int = 60) -> Grey:
    return np.zeros((size, size), np.uint8)


def test_dashes_and_slashes_are_told_by_their_shape() -> None:
    box = (0, 0, 60, 60)
    dash, slash, one, seven = _marks(), _marks(), _marks(), _marks()
    cv2.line(dash, (12, 30), (46, 30), 255, 3)
    cv2.line(slash, (38, 14), (22, 46), 255, 3)
    cv2.line(one, (30, 14), (30, 46), 255, 4)
    cv2.polylines(seven, [np.array([(18, 14), (38, 14), (26, 46)])], False, 255, 3)
    assert [mark_in(m, box, 32) for m in (dash, slash, one, seven, _marks())] == ["—", "/", None, None, None]


def test_commas_reach_below_the_digits() -> None:
    point, comma = _marks(), _marks()
    for marks in (point, comma):
        cv2.rectangle(marks, (4, 10), (16, 40), 255, -1)
        cv2.rectangle(marks, (30, 10), (42, 40), 255, -1)
    cv2.rectangle(point, (21, 36), (25, 40), 255, -1)
    cv2.line(comma, (24, 36), (21, 46), 255, 3)
    assert [separator_in(marks, (0, 0, 60, 60)) for marks in (point, comma, _marks())] == [".", ",", None]
