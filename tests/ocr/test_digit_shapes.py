"""Numbers whose ink has another shape than that of the other numbers of their table."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.ocr.digit_shapes import Number, odd_numbers
from tasks.ocr.layout import Box, character_height, ink_lines

TEXTS = ("0", "12", "307", "4", "58", "6011", "9", "27", "830", "0", "1", "46")


def _page(texts: tuple[str, ...] = TEXTS) -> NDArray[np.uint8]:
    """Numbers below each other, as a mask of ink."""
    marks = np.zeros((60 * len(texts), 240), np.uint8)
    for row, text in enumerate(texts):
        cv2.putText(marks, text, (40, 60 * row + 42), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 3)
    return marks


def _numbers(marks: NDArray[np.uint8], *, first: float = 0.9999) -> tuple[list[Number], int]:
    size = character_height(marks)
    boxes = [ink_lines(marks, (0, 60 * row, 240, 60 * row + 60), size)[0] for row in range(len(TEXTS))]
    return [Number(box, text, True, first) for box, text in zip(boxes, TEXTS, strict=True)], size


def _odd(marks: NDArray[np.uint8], *, first: float = 0.9999, is_dirty: bool = False) -> list[str]:
    numbers, size = _numbers(marks, first=first)
    odd: set[Box] = odd_numbers(marks, numbers, size, is_dirty=is_dirty)
    return [one.text for one in numbers if one.box in odd]


def test_numbers_as_they_were_printed_are_not_odd() -> None:
    assert _odd(_page()) == []
    assert _odd(cv2.erode(_page(), np.ones((2, 2), np.uint8))) == []
    assert _odd(_page(), first=0.95) == []  # sure by both readers together


@pytest.mark.parametrize(
    "smudge",
    [
        ((150, 342), 14),  # beside the last digit of a number of four, as the rest of a fifth
        ((70, 332), 9),  # on a digit
        ((60, 348), 9),  # below it
    ],
)
def test_a_smudge_on_a_number_or_beside_it_is_seen(smudge: tuple[tuple[int, int], int]) -> None:
    marks = _page()
    cv2.circle(marks, *smudge, 255, -1)
    assert _odd(marks) == ["6011"]


def test_on_a_dirty_page_the_first_reader_must_be_sure_alone() -> None:
    assert _odd(_page(), first=0.95, is_dirty=True) == list(TEXTS)
    assert _odd(_page(), is_dirty=True) == []


def test_where_thin_strokes_are_lost_a_1_may_be_the_rest_of_a_4() -> None:
    marks = _page()
    for row in (0, 2, 5):  # level strokes are gone, as the thin ones of a serif font
        marks[60 * row + 28 : 60 * row + 33] = 0
    assert _odd(marks) == ["12", "6011", "1"]
    assert _odd(marks, first=0.95) == list(TEXTS)


@pytest.mark.parametrize(("printed", "odd"), [("99.99", set()), ("99.995", {"99.99"})])
def test_a_mark_may_be_as_wide_as_a_digit_where_all_characters_are(printed: str, odd: set[str]) -> None:
    texts = (*TEXTS, printed)
    marks = np.zeros((60 * len(texts), 240), np.uint8)
    for row, text in enumerate(texts):
        for at, character in enumerate(text):
            cv2.putText(marks, character, (40 + 26 * at, 60 * row + 42), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 3)
    size = character_height(marks)
    boxes = [ink_lines(marks, (0, 60 * row, 240, 60 * row + 60), size)[0] for row in range(len(texts))]
    numbers = [Number(box, text, True, 0.9999) for box, text in zip(boxes, (*TEXTS, "99.99"), strict=True)]
    found = odd_numbers(marks, numbers, size)
    assert {one.text for one in numbers if one.box in found} == odd
