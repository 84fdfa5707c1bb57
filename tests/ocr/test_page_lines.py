"""Lines of text outside of tables: each is a line of its own, however closely they follow each other."""

from __future__ import annotations

import numpy as np
import pytest

from codebook.records import Line
from tasks.ocr.engines.pair import ReaderPair
from tasks.ocr.read_page import SURE, read_picture
from tests.scans.degrade import Wear, worn
from tests.scans.drawing import Sheet, Style
from tests.scans.fonts import chinese_fonts
from tests.scans.measure import plain

pytestmark = pytest.mark.usefixtures("fonts")

_ROWS = (
    ("规章制发件数", "12"),
    ("行政规范性文件制发件数", "307"),
    ("行政许可处理决定数量", "95"),
    ("行政处罚处理决定数量", "44"),
    ("行政事业性收费金额", "1250"),
)


def _texts(leading: float, wear: Wear, reader: ReaderPair) -> list[tuple[str, float]]:
    """What is read of rows without a grid whose lines are ``leading`` times the size of their characters apart."""
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font), 200)
    sheet.write(60, 60, "二、主动公开政府信息情况", 14)
    for at, (label, number) in enumerate(_ROWS):
        sheet.write(60, 90 + at * 10 * leading, label, 10)
        sheet.write(330, 90 + at * 10 * leading, number, 10)
    for at in range(3):
        sheet.write(60, 220 + at * 12 * leading, "本机关按照规定编制本年度报告，报告内容由总体情况等六个部分组成。", 12)
    image, _ = worn(sheet.finish().image[:1000], wear, 3)
    page = read_picture(np.ascontiguousarray(image), 1, reader)
    return [(plain(block.text), block.score) for block in page.blocks if isinstance(block, Line)]


@pytest.mark.parametrize("leading", [1.2, 1.1, 1.05, 1.0])
@pytest.mark.parametrize("wear", [Wear(), Wear(skew=0.4, blur=0.6, noise=6, jpeg=70)])
def test_tight_lines_are_read_line_by_line(leading: float, wear: Wear, reader: ReaderPair) -> None:
    found = _texts(leading, wear, reader)
    assert [text for text, _ in found if any(character.isdigit() for character in text)] == [
        label + number for label, number in _ROWS
    ]
    assert len(found) == 1 + len(_ROWS) + 3


def test_a_frame_without_rules_in_it_is_no_part_of_the_lines(reader: ReaderPair) -> None:
    font = chinese_fonts()[0]
    sheet = Sheet(Style(font, font), 200)
    for at, (label, number) in enumerate(_ROWS):
        sheet.write(80, 90 + at * 20, label, 10)
        sheet.write(330, 90 + at * 20, number, 10)
    image = sheet.finish().image[:700].copy()
    image[220:600, 190:194] = image[220:600, 1300:1304] = image[596:600, 190:1304] = 20
    page = read_picture(image, 1, reader)
    lines = [block for block in page.blocks if isinstance(block, Line)]
    assert [plain(line.text) for line in lines] == [label + number for label, number in _ROWS]
    assert min(line.score for line in lines) >= SURE
    assert all(line.place.box and line.place.box[0] > 194 and line.place.box[2] < 1300 for line in lines)
