"""What the tables of the forms print is a closed set, and a text is of it as a whole or not at all."""

from __future__ import annotations

import pytest

from codebook.book import load_book
from tasks.ocr.engines.printed import half_width, known_label, printed_texts


def test_labels_of_all_blocks_are_known_as_they_are_printed() -> None:
    labels = [text for block in load_book().blocks.values() for label in block.rows.values() for text in label.texts]
    assert [label for label in labels if known_label(label) != label] == []


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("(一)予以公开", "（一）予以公开"),
        ("行政许可", "行政许可"),
        ("(一)收到申请数", "(一)收到申请数"),  # its number is not in the codebook
        ("其中:主动公开规范性文件数", "其中：主动公开规范性文件数"),
        ("3.政务微博公开政府信息数", "3.政务微博公开政府信息数"),
    ],
)
def test_a_label_is_given_as_the_form_prints_it(said: str, label: str) -> None:
    assert known_label(said) == label
    assert half_width(label) == said


@pytest.mark.parametrize(
    "said",
    ["", "(一)予以公布", "行政许可证", "行政", "行政许", "(一)", "予公开", "12", "本年新收", "上年新收政府信息公开申请数量"],
)
def test_no_other_text_is_taken_for_a_label(said: str) -> None:
    assert known_label(said) is None


def test_no_label_is_another_one_in_half_width() -> None:
    assert len({half_width(text) for text in printed_texts().values()}) == len(printed_texts())
