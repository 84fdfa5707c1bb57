"""The recogniser of labels reads the forms' labels, and never takes another text for one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from codebook.confidence import surety
from codebook.records import Table
from tasks.ocr.confidence import read_surely
from tasks.ocr.engines.labels import MODEL, LabelReader, as_label, label_reader
from tasks.ocr.engines.network import OTHER
from tasks.ocr.engines.numbers import MODEL as NUMBERS
from tasks.ocr.engines.pair import ReaderPair
from tasks.ocr.engines.printed import half_width, known_label, printed_texts
from tasks.ocr.engines.recognise import LineReading
from tasks.ocr.prepare_image import Grey
from tasks.ocr.read_page import read_picture
from tests.ocr.fixed_reader import Fixed
from tests.scans.fonts import chinese_fonts

SURE = surety().label
_COMMON = [bytes((high, low)).decode("gb2312", "ignore") for high in range(0xB0, 0xD7) for low in range(0xA1, 0xFF)]
_OWN_WORDS = (
    "行政裁决", "行政许可证件", "公共服务事项", "其他法人", "个体工商户", "村民委员会", "本年度新增", "累计", "予以公示",
    "不予受理", "部分公布", "上年结余", "自然人（含外籍）", "属于商业秘密", "行政奖励", "二、上年结转申请数量", "（八）其他类",
    "第二十条第（七）项", "结果撤销",
)  # fmt: skip


@pytest.fixture(scope="module")
def labels() -> LabelReader:
    return label_reader()


def line(text: str, font: Path, size: int = 30) -> Grey:
    """A line cut close to its ink."""
    face = ImageFont.truetype(str(font), size)
    image = Image.new("L", (int(face.getlength(text)) + 40, 3 * size), 255)
    ImageDraw.Draw(image).text((20, 2 * size), text, font=face, fill=20, anchor="ls")
    rows, columns = np.nonzero(np.asarray(image) < 140)
    return np.asarray(image)[rows.min() - 1 : rows.max() + 2, columns.min() - 2 : columns.max() + 3]


def mutated(rng: Random) -> str:
    """A label with a character replaced, left out, or put in, which is none then."""
    while True:
        text = list(rng.choice(sorted(printed_texts().values())))
        at, kind = rng.randrange(len(text)), rng.random()
        other = rng.choice(_COMMON) if rng.random() < 0.5 else rng.choice(rng.choice(sorted(printed_texts().values())))
        text[at : at + 1] = [other] if kind < 0.5 else [] if kind < 0.75 else [text[at], other]
        if text and known_label("".join(text)) is None and not "".join(text).isspace():
            return "".join(text)


@pytest.mark.usefixtures("fonts")
def test_labels_are_read_as_the_form_prints_them(labels: LabelReader) -> None:
    known = [text for text in sorted(printed_texts().values()) if 2 <= len(text) <= 20 and not text.isascii()]
    for n, font in enumerate(chinese_fonts()):
        texts = known[n % 3 :: 3]
        found = labels.labels([[line(text, font)] for text in texts])
        wrong = [(text, lines[0].text) for text, lines in zip(texts, found, strict=True) if lines and lines[0].text != text]
        assert wrong == []
        assert sum(lines is not None and lines[0].score >= SURE for lines in found) >= 0.8 * len(texts), font.name


@pytest.mark.usefixtures("fonts")
def test_other_words_are_never_taken_for_a_label(labels: LabelReader) -> None:
    rng = Random(3)
    for font in chinese_fonts():
        texts = [*_OWN_WORDS, *(mutated(rng) for _ in range(40))]
        found = labels.labels([[line(text, font)] for text in texts])
        taken = [(text, lines[0]) for text, lines in zip(texts, found, strict=True) if lines and lines[0].score >= SURE]
        assert taken == [], font.name


def test_the_lines_of_a_cell_are_one_label() -> None:
    assert as_label([LineReading("(二)部分", 0.99), LineReading("公布", 0.99)]) is None
    found = as_label([LineReading("(二)部分", 0.9), LineReading("公开", 0.8)])
    assert found is not None
    assert [reading.text for reading in found] == ["（二）部分", "公开"]
    assert found[0].score == found[1].score == pytest.approx(0.72)


@pytest.mark.parametrize("said", ["", OTHER, f"行政{OTHER}可", "行政许", "行政许可(新)"])
def test_what_is_no_label_is_none(said: str) -> None:
    assert as_label([LineReading(said, 1.0)]) is None


def test_both_own_models_are_small() -> None:
    assert MODEL.stat().st_size + NUMBERS.stat().st_size <= 3 * 2**20


class FixedLabels(Fixed):
    """One that reads labels too."""

    def labels(self, texts: Sequence[Sequence[Grey]]) -> list[tuple[LineReading, ...] | None]:
        return [as_label(self.read(lines)) for lines in texts]


LABELS = (
    "行政许可",
    "行政处罚",
    "行政强制",
    "规章",
    "总计",
    "自然人",
    "科研机构",
    "结果维持",
    "结果纠正",
    "其他结果",
    "尚未审结",
)


def read_both(general: dict[int, str], own: dict[int, str]) -> tuple[list[str], Fixed]:
    """The texts of crops that are labels, given what the general reader and our own say of them, and the general reader."""
    numbers = Fixed("numbers", {width: LineReading(OTHER, 0.9) for width in own})
    second = Fixed("general", {width: LineReading(text, 0.999, mean=0.999) for width, text in general.items()})
    first = FixedLabels("labels", {width: LineReading(text, 0.9999) for width, text in own.items()})
    crops = [np.full((20, width), 255, np.uint8) for width in own]
    pair = ReaderPair(numbers, second, first)
    return [settled.text for settled in read_surely(crops, {}, pair, texts=[[i] for i in range(len(crops))])], second


def test_a_sure_label_needs_no_second_reader_but_for_a_sample() -> None:
    says = dict(enumerate(LABELS, 30))
    texts, general = read_both(says, says)
    assert texts == list(LABELS)
    assert 0 < len(general.asked) <= 3


def test_one_difference_in_the_sample_has_all_labels_of_the_page_read_by_the_second() -> None:
    says = dict(enumerate(LABELS, 30))
    texts, general = read_both({**says, 30: "行政许可证", 35: "自燃人"}, says)
    assert texts == ["行政许可证", *LABELS[1:5], "自燃人", *LABELS[6:]]
    assert set(general.asked) == set(says)


def test_what_is_no_label_is_read_by_the_second() -> None:
    says = dict(enumerate((*LABELS, "行政奖励"), 30))
    texts, general = read_both(says, says)
    assert texts == [*LABELS, "行政奖励"]
    assert 30 + len(LABELS) in general.asked


@pytest.mark.usefixtures("fonts")
def test_a_row_of_the_offices_own_stays_what_it_is(reader: ReaderPair) -> None:
    font = ImageFont.truetype(str(chinese_fonts()[0]), 30)
    rows = ["行政许可", "行政奖励", "行政许可（证照）", "行政强制"]
    page = Image.new("RGB", (1654, 2339), "white")
    pen = ImageDraw.Draw(page)
    for n, row in enumerate(rows):
        y = 300 + 100 * n
        pen.rectangle((200, y, 900, y + 100), outline="black", width=2)
        pen.rectangle((900, y, 1400, y + 100), outline="black", width=2)
        pen.text((240, y + 65), row, font=font, fill="black", anchor="ls")
        pen.text((1100, y + 65), str(17 + n), font=font, fill="black", anchor="ls")
    [table] = [block for block in read_picture(np.asarray(page), 1, reader).blocks if isinstance(block, Table)]
    assert [half_width(cell.text) for cell in table.cells if cell.column == 0] == [half_width(row) for row in rows]
